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

/// The proxies of all servers.
pub(crate) fn proxies(settings: &Settings, pip: &PipConfig) -> Result<Proxies, Error> {
    let variables = &settings.variables;
    let variable = |names: &[&'static str]| {
        names.iter().find_map(|name| Some((*name, variables.get(name)?.to_owned())))
    };
    let none_for = variable(&["no_proxy", "NO_PROXY"]).map(|(_, hosts)| hosts).unwrap_or_default();
    let given = settings.flags.index.proxy.clone().map(|proxy| ("--proxy or PYFAST_PROXY", proxy));
    let given = given.or_else(|| variable(&["PIP_PROXY"]));
    let given = given.or_else(|| Some(("`proxy` of pip's configuration", pip.proxy.clone()?)));
    let all = given.map(read).transpose()?;
    let of_system = |names: &[&'static str]| variable(names).map(read).transpose();
    let every = of_system(&["all_proxy", "ALL_PROXY"])?;
    let http = of_system(&["http_proxy", "HTTP_PROXY"])?;
    let https = of_system(&["https_proxy", "HTTPS_PROXY"])?;
    Ok(Proxies {
        http: all.clone().or(http).or_else(|| every.clone()),
        https: all.or(https).or(every),
        none_for,
    })
}

/// A proxy as it is written, with a scheme or without.
fn read((from, text): (&'static str, String)) -> Result<Url, Error> {
    let refused = |reason: String| Error::Proxy { from, proxy: shown(&text), reason };
    let whole = if text.contains("://") { text.clone() } else { format!("http://{text}") };
    let url = Url::parse(whole.trim()).map_err(|error| refused(error.to_string()))?;
    if !SCHEMES.contains(&url.scheme()) {
        return Err(refused(format!("`{}` is no scheme of proxies", url.scheme())));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refused("it names no host".to_owned()));
    }
    Ok(url)
}
