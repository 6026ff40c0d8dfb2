//! Proxies: by which one a server is reached, and how that is told. Which there are is said by whoever makes a client; this
//! process' own variables are not looked at.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy, Proxy};
use url::Url;

use pyfast_packaging::safe_url::shown;

/// By which proxies servers are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For plain requests; with user and password, where it has them.
    pub http: Option<Url>,
    /// For encrypted ones.
    pub https: Option<Url>,
    /// Hosts that are reached without, as `no_proxy` has them.
    pub none_for: String,
}

impl Proxies {
    /// A client that uses them, and no others.
    pub(crate) fn of(&self, builder: ClientBuilder) -> reqwest::Result<ClientBuilder> {
        let mut builder = builder.no_proxy();
        let none_for = || NoProxy::from_string(&self.none_for);
        if let Some(proxy) = &self.http {
            builder = builder.proxy(Proxy::http(proxy.clone())?.no_proxy(none_for()));
        }
        if let Some(proxy) = &self.https {
            builder = builder.proxy(Proxy::https(proxy.clone())?.no_proxy(none_for()));
        }
        Ok(builder)
    }

    /// The proxy that a server is reached by, without its password.
    pub(crate) fn used_for(&self, url: &Url) -> Option<String> {
        let text = |proxy: &Option<Url>| proxy.as_ref().map(Url::to_string).unwrap_or_default();
        let matcher = Matcher::builder().http(text(&self.http)).https(text(&self.https));
        let used = matcher.no(self.none_for.clone()).build();
        used.intercept(&url.as_str().parse().ok()?)?;
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http };
        Some(shown(proxy.as_ref()?.as_str()).trim_end_matches('/').to_owned())
    }

    /// The variables by which other programs are told of them.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let named = [("http_proxy", &self.http), ("https_proxy", &self.https)];
        let named =
            named.into_iter().filter_map(|(name, url)| Some((name, url.as_ref()?.to_string())));
        named.chain([("no_proxy", self.none_for.clone())]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_of_a_server_is_told_without_its_password() {
        let url = |text: &str| Url::parse(text).unwrap();
        let proxies = Proxies {
            http: Some(url("http://proxy.test:3128")),
            https: Some(url("http://me:s3cr3t@other.test:8080")),
            none_for: "localhost, 127.0.0.0/8, .inside.test".to_owned(),
        };
        let check = |asked: &str, expected: Option<&str>| {
            let used = proxies.used_for(&url(asked));
            assert_eq!(
                used.as_deref().map(|used| used.contains("s3cr3t")),
                expected.map(|_| false)
            );
            assert_eq!(
                used.is_some_and(|used| used.ends_with(expected.unwrap_or("-"))),
                expected.is_some()
            );
        };
        check("http://index.test/simple/a/", Some("proxy.test:3128"));
        check("https://index.test/simple/a/", Some("other.test:8080"));
        check("https://127.0.0.1:1/", None);
        check("https://index.inside.test/", None);
        assert_eq!(Proxies::default().used_for(&url("http://index.test/")), None);
    }
}
