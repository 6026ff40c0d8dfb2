//! How servers are reached: whose certificates count, which one is shown, where passwords come from.
//! Says it to the client; which indexes there are is not its business.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

mod proxies;

use pyfast_index::client::ClientOptions;
use pyfast_index::credentials::{CredentialSources, KeyringProgram};
use pyfast_index::tls::{self, InsecureHost};

use crate::error::Error;
use crate::flags::KeyringProvider;
use crate::interpreters::on_path;
use crate::pip::PipConfig;
use crate::settings::Settings;

/// Files of certificates as other programs name them; the first that is set counts.
const BUNDLES: [&str; 4] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"];

/// What the user should know of how servers are reached: each run says it that reaches any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The certificates of these hosts are not checked.
    Unchecked {
        /// The hosts, as they were given.
        hosts: Vec<String>,
    },
    /// The program `keyring` is to give passwords, and is not there.
    NoKeyring,
}

/// What the user should know before a server is reached.
pub fn doubts(settings: &Settings) -> Vec<Doubt> {
    let hosts = insecure_texts(settings);
    let unchecked = (!hosts.is_empty()).then_some(Doubt::Unchecked { hosts });
    let eager = matches!(keyring_provider(settings), Ok(KeyringProvider::Subprocess));
    let missing = eager && on_path("keyring", &settings.variables).is_none();
    unchecked.into_iter().chain(missing.then_some(Doubt::NoKeyring)).collect()
}

/// What the client is told.
///
/// # Errors
/// [`Error::Host`] for what is no host.
pub fn client_options(settings: &Settings) -> Result<ClientOptions, Error> {
    let pip = PipConfig::read(&settings.variables);
    let insecure_hosts = insecure_hosts(settings)?;
    Ok(ClientOptions {
        tls: tls::Options {
            authorities: authorities(settings, &pip),
            client_certificate: client_certificate(settings, &pip),
            insecure_hosts,
        },
        proxies: proxies::proxies(settings, &pip)?,
        patience: silence(settings)?,
        retries: number(settings, &RETRIES, pip.retries.as_deref())?,
        offline: settings.flags.index.offline,
        user_agent: format!("pyfast/{}", env!("CARGO_PKG_VERSION")),
        search_path: settings.variables.get("PATH").map(absolute_parts),
    })
}

/// How long a server may be silent, where somebody has said it.
pub(crate) fn silence(settings: &Settings) -> Result<Option<Duration>, Error> {
    let pip = PipConfig::read(&settings.variables);
    let seconds: Option<f64> = number(settings, &TIMEOUTS, pip.timeout.as_deref())?;
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.001)).ok()))
}

/// Variables that say how many seconds a server may be silent, and how many times it is asked again.
const TIMEOUTS: [&str; 3] = ["PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT"];
const RETRIES: [&str; 2] = ["PIP_RETRIES", "UV_HTTP_RETRIES"];

/// A number of the first of these variables that is set, else of pip's configuration.
fn number<T: FromStr>(
    settings: &Settings,
    names: &[&'static str],
    configured: Option<&str>,
) -> Result<Option<T>, Error> {
    let set = names.iter().find_map(|name| Some((*name, settings.variables.get(name)?)));
    let said = set.or_else(|| configured.map(|word| ("pip's configuration", word)));
    said.map(|(from, word)| {
        word.parse().map_err(|_no_number| Error::Number { from, word: word.to_owned() })
    })
    .transpose()
}

/// A search path without its empty and relative parts, which would be the working directory's.
fn absolute_parts(path: &str) -> OsString {
    let parts = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    // What was split holds no separator.
    std::env::join_paths(parts).unwrap_or_default()
}

/// A directory of certificates stands beside OpenSSL's own file, not beside those of other programs.
fn authorities(settings: &Settings, pip: &PipConfig) -> Vec<PathBuf> {
    let variables = &settings.variables;
    if let Some(given) = &settings.flags.index.cert {
        return vec![settings.project.working_directory.join(given)];
    }
    let bundle = BUNDLES.iter().find_map(|name| Some((*name, variables.get(name)?)));
    let mut authorities: Vec<PathBuf> = bundle.iter().map(|(_, path)| path.into()).collect();
    if bundle.is_none_or(|(name, _)| name == BUNDLES[0]) {
        let directories = variables.get("SSL_CERT_DIR").unwrap_or_default().split(':');
        authorities.extend(directories.map(PathBuf::from).filter(|path| path.is_dir()));
    }
    if authorities.is_empty() {
        authorities.extend(pip.cert.clone());
    }
    authorities
}

fn client_certificate(settings: &Settings, pip: &PipConfig) -> Option<PathBuf> {
    let named = ["SSL_CLIENT_CERT", "PIP_CLIENT_CERT"];
    let named = named.iter().find_map(|name| settings.variables.get(name)).map(PathBuf::from);
    let given = settings.flags.index.client_cert.clone().or(named);
    let path = given.or_else(|| pip.client_cert.clone())?;
    Some(settings.project.working_directory.join(path))
}

/// Hosts whose certificates are not checked. Only the command line, the environment and pip's own configuration can say
/// so, never a file of the project, which somebody else may have written.
fn insecure_texts(settings: &Settings) -> Vec<String> {
    let others = ["UV_INSECURE_HOST", "PIP_TRUSTED_HOST"];
    let others = others.iter().flat_map(|name| {
        let value = settings.variables.get(name).unwrap_or_default();
        value.split([' ', ',']).filter(|word| !word.is_empty())
    });
    let own = settings.flags.index.allow_insecure_host.iter().map(String::as_str);
    let given = own.chain(others).map(str::to_owned);
    given.chain(PipConfig::read(&settings.variables).trusted_hosts).collect()
}

fn insecure_hosts(settings: &Settings) -> Result<Vec<InsecureHost>, Error> {
    let hosts = insecure_texts(settings)
        .into_iter()
        .map(|text| InsecureHost::parse(&text).ok_or_else(|| Error::Host { host: text.clone() }));
    hosts.collect()
}

/// Where user names and passwords come from besides URLs.
pub(crate) fn credential_sources(settings: &Settings) -> Result<CredentialSources, Error> {
    let variables = &settings.variables;
    let home = variables.home();
    let netrc = variables.get("NETRC").map(PathBuf::from);
    let data = variables.get("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(home.as_ref()?.join(".local/share")));
    let logins = variables.get("UV_CREDENTIALS_DIR").map(PathBuf::from);
    let logins = logins.or_else(|| data.map(|data| data.join("uv/credentials")));
    Ok(CredentialSources {
        netrc: netrc.or_else(|| home.map(|home| home.join(".netrc"))),
        logins: logins.map(|directory| directory.join("credentials.toml")),
        keyring: keyring(settings)?,
    })
}

fn keyring(settings: &Settings) -> Result<Option<KeyringProgram>, Error> {
    let provider = keyring_provider(settings)?;
    if provider == KeyringProvider::Disabled {
        return Ok(None);
    }
    let eager = provider == KeyringProvider::Subprocess;
    let program = on_path("keyring", &settings.variables);
    Ok(program.map(|path| KeyringProgram { path, eager }))
}

fn keyring_provider(settings: &Settings) -> Result<KeyringProvider, Error> {
    let named = |name: &str| {
        let value = settings.variables.get(name)?;
        Some(match value {
            "auto" => Ok(KeyringProvider::Auto),
            // pip's module is the same keyring as its program.
            "subprocess" | "import" => Ok(KeyringProvider::Subprocess),
            "disabled" => Ok(KeyringProvider::Disabled),
            other => Err(Error::Keyring { variable: name.to_owned(), word: other.to_owned() }),
        })
    };
    let given = settings.flags.index.keyring_provider.map(Ok);
    let provider = given.or_else(|| named("UV_KEYRING_PROVIDER"));
    provider.or_else(|| named("PIP_KEYRING_PROVIDER")).unwrap_or(Ok(KeyringProvider::Auto))
}
