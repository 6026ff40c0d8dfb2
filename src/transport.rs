//! How servers are reached: whose certificates count, which one is shown, where passwords come from.
//! Says it to the client; which indexes there are is not its business.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Once;

use pyfast_index::client::ClientOptions;
use pyfast_index::credentials::{CredentialSources, KeyringProgram};
use pyfast_index::tls::{self, InsecureHost};

use crate::args::KeyringProvider;
use crate::failure::Failure;
use crate::interpreters::on_path;
use crate::settings::Settings;

/// Files of certificates as other programs name them; the first that is set counts.
const BUNDLES: [&str; 4] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"];

/// What the client is told.
pub(crate) fn client_options(settings: &Settings) -> Result<ClientOptions, Failure> {
    let insecure_hosts = insecure_hosts(settings)?;
    Ok(ClientOptions {
        tls: tls::Options {
            authorities: authorities(settings),
            client_certificate: client_certificate(settings),
            insecure_hosts,
        },
        offline: settings.common.index.offline,
        user_agent: format!("pyfast/{}", env!("CARGO_PKG_VERSION")),
        search_path: settings.environment.get("PATH").map(absolute_parts),
    })
}

/// A search path without its empty and relative parts, which would be the working directory's.
fn absolute_parts(path: &str) -> OsString {
    let parts = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    // What was split holds no separator.
    std::env::join_paths(parts).unwrap_or_default()
}

/// A directory of certificates stands beside OpenSSL's own file, not beside those of other programs.
fn authorities(settings: &Settings) -> Vec<PathBuf> {
    let environment = &settings.environment;
    let bundle = BUNDLES.iter().find_map(|name| Some((*name, environment.get(name)?)));
    let mut authorities: Vec<PathBuf> = bundle.iter().map(|(_, path)| path.into()).collect();
    if bundle.is_none_or(|(name, _)| name == BUNDLES[0]) {
        let directories = environment.get("SSL_CERT_DIR").unwrap_or_default().split(':');
        authorities.extend(directories.map(PathBuf::from).filter(|path| path.is_dir()));
    }
    authorities
}

fn client_certificate(settings: &Settings) -> Option<PathBuf> {
    let named = ["SSL_CLIENT_CERT", "PIP_CLIENT_CERT"];
    let named = named.iter().find_map(|name| settings.environment.get(name)).map(PathBuf::from);
    let path = settings.common.index.client_cert.clone().or(named)?;
    Some(settings.project.working_directory.join(path))
}

/// Only the command line and the environment can say so, never a file that somebody else may have
/// written; and each run says that it was said.
fn insecure_hosts(settings: &Settings) -> Result<Vec<InsecureHost>, Failure> {
    static WARNED: Once = Once::new();
    let others = ["UV_INSECURE_HOST", "PIP_TRUSTED_HOST"];
    let others = others.iter().flat_map(|name| {
        let value = settings.environment.get(name).unwrap_or_default();
        value.split([' ', ',']).filter(|word| !word.is_empty())
    });
    let own = settings.common.index.allow_insecure_host.iter().map(String::as_str);
    let texts: Vec<&str> = own.chain(others).collect();
    let hosts = texts.iter().map(|text| {
        InsecureHost::parse(text).ok_or_else(|| {
            Failure::usage(format!("`{text}` is not a host"))
                .hint("--allow-insecure-host takes HOST or HOST:PORT")
        })
    });
    let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
    if !hosts.is_empty() {
        WARNED.call_once(|| {
            let hosts = texts.join(", ");
            settings.ui.warning(format!("the certificates of {hosts} are not checked"));
        });
    }
    Ok(hosts)
}

/// Where user names and passwords come from besides URLs.
pub(crate) fn credential_sources(settings: &Settings) -> Result<CredentialSources, Failure> {
    let environment = &settings.environment;
    let home = environment.home();
    let netrc = environment.get("NETRC").map(PathBuf::from);
    let data = environment.get("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(home.as_ref()?.join(".local/share")));
    let logins = environment.get("UV_CREDENTIALS_DIR").map(PathBuf::from);
    let logins = logins.or_else(|| data.map(|data| data.join("uv/credentials")));
    Ok(CredentialSources {
        netrc: netrc.or_else(|| home.map(|home| home.join(".netrc"))),
        logins: logins.map(|directory| directory.join("credentials.toml")),
        keyring: keyring(settings)?,
    })
}

fn keyring(settings: &Settings) -> Result<Option<KeyringProgram>, Failure> {
    static WARNED: Once = Once::new();
    let environment = &settings.environment;
    let named = |name: &str| {
        let value = environment.get(name)?;
        Some(match value {
            "auto" => Ok(KeyringProvider::Auto),
            // pip's module is the same keyring as its program.
            "subprocess" | "import" => Ok(KeyringProvider::Subprocess),
            "disabled" => Ok(KeyringProvider::Disabled),
            other => Err(Failure::usage(format!("{name}: `{other}` is not a keyring provider"))
                .hint("it is auto, subprocess or disabled")),
        })
    };
    let provider = match settings.common.index.keyring_provider {
        Some(provider) => provider,
        None => match named("UV_KEYRING_PROVIDER").or_else(|| named("PIP_KEYRING_PROVIDER")) {
            Some(provider) => provider?,
            None => KeyringProvider::Auto,
        },
    };
    if provider == KeyringProvider::Disabled {
        return Ok(None);
    }
    let eager = provider == KeyringProvider::Subprocess;
    let program = on_path("keyring", environment);
    if program.is_none() && eager {
        WARNED.call_once(|| {
            let missing = "the program `keyring`, which is to give passwords, is not on PATH";
            settings.ui.warning(missing);
        });
    }
    Ok(program.map(|path| KeyringProgram { path, eager }))
}
