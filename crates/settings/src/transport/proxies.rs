//! Which proxies are used: those that are named for installers stand above those of the whole system. A name that is none
//! is refused with the one who gave it, and never passed over.

use pyfast_index::Proxies;
use pyfast_packaging::safe_url::shown;
use url::Url;

use crate::error::Error;
use crate::pip::PipConfig;
use crate::settings::Settings;

/// Schemes of proxies.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// A proxy as it is written, with a scheme or without.
struct Stated {
    /// Who names it.
    from: &'static str,
    proxy: String,
}

/// The proxies of all servers.
pub(crate) fn proxies(settings: &Settings, pip: &PipConfig) -> Result<Proxies, Error> {
    let variables = &settings.variables;
    let variable = |names: &[&'static str]| {
        names.iter().find_map(|&from| {
            variables.get(from).map(|text| Stated { from, proxy: text.to_owned() })
        })
    };
    let none_for = ["no_proxy", "NO_PROXY"].iter().find_map(|name| variables.get(name));
    let flag = settings.flags.index.proxy.clone();
    let flag = flag.map(|proxy| Stated { from: "--proxy or PYFAST_PROXY", proxy });
    let of_pip = || {
        let proxy = pip.proxy.clone()?;
        Some(Stated { from: "`proxy` of pip's configuration", proxy })
    };
    let given = flag.or_else(|| variable(&["PIP_PROXY"])).or_else(of_pip);
    let all = given.map(Stated::url).transpose()?;
    let of_system = |names: &[&'static str]| variable(names).map(Stated::url).transpose();
    let every = of_system(&["all_proxy", "ALL_PROXY"])?;
    let http = of_system(&["http_proxy", "HTTP_PROXY"])?;
    let https = of_system(&["https_proxy", "HTTPS_PROXY"])?;
    Ok(Proxies {
        http: all.clone().or(http).or_else(|| every.clone()),
        https: all.or(https).or(every),
        none_for: none_for.unwrap_or_default().to_owned(),
    })
}

impl Stated {
    fn url(self) -> Result<Url, Error> {
        let whole = if self.proxy.contains("://") {
            self.proxy.clone()
        } else {
            format!("http://{}", self.proxy)
        };
        let url = Url::parse(whole.trim()).map_err(|error| self.refused(error.to_string()))?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(self.refused(format!("`{}` is no scheme of proxies", url.scheme())));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(self.refused("it names no host".to_owned()));
        }
        Ok(url)
    }

    fn refused(&self, reason: String) -> Error {
        Error::Proxy { from: self.from, proxy: shown(&self.proxy), reason }
    }
}
