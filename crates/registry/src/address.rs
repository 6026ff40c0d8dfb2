//! Where a registry's server is. Owns that nothing goes unencrypted to another machine.

use std::net::IpAddr;

use url::{Host, Url};

use crate::error::Error;

/// The registry whose server has another name than its images say.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// The addresses at which the server of a registry may be, those to be tried first before the others: one on this machine
/// rarely has a certificate.
pub(crate) fn addresses(registry: &str) -> Result<Vec<Url>, Error> {
    let host = if registry == HUB.0 { HUB.1 } else { registry };
    let read = |scheme: &str| Url::parse(&format!("{scheme}://{host}/v2/"));
    let unusable = |error: url::ParseError| Error::Unreachable {
        registry: registry.to_owned(),
        reason: error.to_string(),
    };
    let safe = read("https").map_err(unusable)?;
    if is_here(&safe) {
        return Ok(vec![read("http").map_err(unusable)?, safe]);
    }
    Ok(vec![safe])
}

/// Whether a URL leads to this machine alone.
pub(crate) fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Whether passwords and images may be sent to where the server at `api` says: encrypted, or to this machine where that is
/// the server's own. No other one says what is asked of services of this machine.
pub(crate) fn may_follow(url: &Url, api: &Url) -> bool {
    match url.scheme() {
        "https" => is_here(api) || !is_here(url),
        "http" => is_here(api) && is_here(url),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_reached_without_encryption() {
        let check = |registry: &str, expected: &[&str]| {
            let found: Vec<String> =
                addresses(registry).unwrap().iter().map(Url::to_string).collect();
            assert_eq!(found, expected);
        };
        check("docker.io", &["https://registry-1.docker.io/v2/"]);
        check("a.example:5000", &["https://a.example:5000/v2/"]);
        check("localhost", &["http://localhost/v2/", "https://localhost/v2/"]);
        check("127.0.0.1:5000", &["http://127.0.0.1:5000/v2/", "https://127.0.0.1:5000/v2/"]);
        check("localhost.example", &["https://localhost.example/v2/"]);
    }

    #[test]
    fn no_registry_sends_anybody_elsewhere_without_encryption_or_to_this_machine() {
        let may = |api: &str, urls: &[&str]| {
            let api = Url::parse(api).unwrap();
            urls.iter().map(|url| may_follow(&Url::parse(url).unwrap(), &api)).collect::<Vec<_>>()
        };
        let urls =
            ["https://b.example/", "http://localhost:1/", "http://[::1]/", "https://127.0.0.1/"];
        assert_eq!(may("http://localhost/", &urls), [true; 4]);
        assert_eq!(may("https://a.example/", &urls), [true, false, false, false]);
        let never = ["http://a.example/", "ftp://localhost/", "file:///etc/passwd"];
        assert_eq!(may("http://localhost/", &never), [false; 3]);
    }
}
