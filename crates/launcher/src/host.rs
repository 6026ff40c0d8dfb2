//! Which engine is meant. Owns the precedence of the client's settings (host, context, default sockets) and the
//! format of its context files; must not know where the settings come from: environment and home are given as data.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// The socket of an engine that was installed the usual way.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// What the user's environment says about the engine.
#[derive(Debug, Clone, Default)]
pub struct HostSettings {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` is set, to whatever value.
    pub tls: bool,
    /// `DOCKER_CONFIG`, else `~/.docker`.
    pub config_dir: Option<PathBuf>,
    /// Sockets to look for after the default one, in this order (rootless engine, desktop programs).
    pub sockets: Vec<PathBuf>,
}

/// Address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A socket in the file system. The engine behind it may still live in a virtual machine.
    Unix(PathBuf),
    /// Plain HTTP: `host:port`.
    Tcp(String),
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl Host {
    /// Reads an address as `DOCKER_HOST` has it.
    ///
    /// # Errors
    /// [`Error::EngineHost`] for a scheme that is not spoken here (ssh, https) or no address at all.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |reason: &str| Error::EngineHost { host: text.into(), reason: reason.into() };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| refuse("it has no scheme, such as unix:// or tcp://"))?;
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "unix" => Err(refuse("a socket needs an absolute path")),
            "tcp" | "http" => {
                let address = rest.trim_end_matches('/');
                if address.is_empty() || address.contains('/') {
                    return Err(refuse("it names no host and port"));
                }
                let has_port =
                    address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                Ok(Self::Tcp(if has_port { address.into() } else { format!("{address}:2375") }))
            }
            other => Err(refuse(&format!(
                "the scheme {other}:// is not supported, only unix:// and tcp://"
            ))),
        }
    }

    /// Decides which engine is meant: host, context, the configuration's current context, default sockets.
    ///
    /// # Errors
    /// [`Error::EngineHost`] or [`Error::EngineContext`] when what was asked for cannot be used;
    /// [`Error::Io`] when the client's configuration cannot be read.
    pub fn resolve(settings: &HostSettings) -> Result<Self, Error> {
        let host =
            if let Some(text) = settings.docker_host.as_deref().filter(|text| !text.is_empty()) {
                Self::parse(text)?
            } else if let Some(name) = context_name(settings)? {
                context_host(settings.config_dir.as_deref(), &name)?
            } else {
                Self::Unix(default_socket(&settings.sockets))
            };
        if settings.tls && matches!(host, Self::Tcp(_)) {
            // Plain HTTP towards an engine that was asked for with TLS would send everything in the clear.
            return Err(Error::EngineHost {
                host: host.to_string(),
                reason: "TLS is not supported".into(),
            });
        }
        Ok(host)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    #[serde(default)]
    current_context: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextMeta {
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    #[serde(default)]
    host: String,
}

fn context_name(settings: &HostSettings) -> Result<Option<String>, Error> {
    let named = |name: String| (!name.is_empty() && name != "default").then_some(name);
    if let Some(name) = &settings.docker_context
        && !name.is_empty()
    {
        return Ok(named(name.clone()));
    }
    let Some(dir) = &settings.config_dir else { return Ok(None) };
    let path = dir.join("config.json");
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Io { act: "read the container client's configuration", source });
        }
    };
    let config: ClientConfig = serde_json::from_str(&text).map_err(|error| Error::Io {
        act: "read the container client's configuration",
        source: std::io::Error::other(format!("{}: {error}", path.display())),
    })?;
    Ok(named(config.current_context))
}

fn context_host(config_dir: Option<&Path>, name: &str) -> Result<Host, Error> {
    let refuse = |reason: String| Error::EngineContext { name: name.into(), reason };
    let dir = config_dir.ok_or_else(|| refuse("there is no configuration directory".into()))?;
    // The client names a context's directory by the digest of its name.
    let id = hex(&Sha256::digest(name.as_bytes()));
    let path = dir.join("contexts/meta").join(&id).join("meta.json");
    let text = fs_err::read_to_string(&path).map_err(|error| refuse(error.to_string()))?;
    let meta: ContextMeta = serde_json::from_str(&text)
        .map_err(|error| refuse(format!("{}: {error}", path.display())))?;
    let endpoint = meta.endpoints.docker.filter(|endpoint| !endpoint.host.is_empty());
    let endpoint = endpoint.ok_or_else(|| refuse(format!("{} names no engine", path.display())))?;
    if dir.join("contexts/tls").join(&id).join("docker").is_dir() {
        return Err(refuse("it asks for TLS, which is not supported".into()));
    }
    Host::parse(&endpoint.host)
}

fn default_socket(others: &[PathBuf]) -> PathBuf {
    let default = PathBuf::from(DEFAULT_SOCKET);
    if default.exists() {
        return default;
    }
    others.iter().find(|path| path.exists()).cloned().unwrap_or(default)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(docker_host: &str) -> HostSettings {
        HostSettings { docker_host: Some(docker_host.into()), ..HostSettings::default() }
    }

    fn with_context(endpoint: &str, current: &str) -> (tempfile::TempDir, HostSettings) {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(
            dir.path().join("config.json"),
            format!(r#"{{"auths":{{}},"currentContext":"{current}"}}"#),
        )
        .unwrap();
        let meta = dir.path().join("contexts/meta").join(hex(&Sha256::digest(b"colima")));
        fs_err::create_dir_all(&meta).unwrap();
        fs_err::write(
            meta.join("meta.json"),
            format!(
                r#"{{"Name":"colima","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{endpoint}","SkipTLSVerify":false}}}}}}"#
            ),
        )
        .unwrap();
        let settings =
            HostSettings { config_dir: Some(dir.path().into()), ..HostSettings::default() };
        (dir, settings)
    }

    #[test]
    fn addresses_are_read_as_the_client_reads_them() {
        assert_eq!(Host::parse("unix:///run/d.sock").unwrap(), Host::Unix("/run/d.sock".into()));
        assert_eq!(Host::parse("tcp://10.0.0.1:2376").unwrap(), Host::Tcp("10.0.0.1:2376".into()));
        assert_eq!(Host::parse("tcp://build/").unwrap(), Host::Tcp("build:2375".into()));
        for wrong in
            ["ssh://me@host", "https://host:1", "/var/run/docker.sock", "tcp://", "unix://relative"]
        {
            let error = Host::parse(wrong).unwrap_err();
            assert!(matches!(&error, Error::EngineHost { host, .. } if host == wrong), "{error}");
        }
    }

    #[test]
    fn the_environment_goes_before_the_current_context() {
        let (_dir, from_config) = with_context("unix:///colima.sock", "colima");
        assert_eq!(Host::resolve(&from_config).unwrap(), Host::Unix("/colima.sock".into()));
        let host = HostSettings { docker_host: Some("tcp://a:1".into()), ..from_config.clone() };
        assert_eq!(Host::resolve(&host).unwrap(), Host::Tcp("a:1".into()));
        let default = HostSettings { docker_context: Some("default".into()), ..from_config };
        assert_eq!(Host::resolve(&default).unwrap(), Host::Unix(DEFAULT_SOCKET.into()));
    }

    #[test]
    fn a_context_is_found_by_the_digest_of_its_name() {
        let (_dir, mut settings) = with_context("unix:///colima.sock", "");
        settings.docker_context = Some("colima".into());
        assert_eq!(Host::resolve(&settings).unwrap(), Host::Unix("/colima.sock".into()));
        settings.docker_context = Some("gone".into());
        let error = Host::resolve(&settings).unwrap_err();
        assert!(matches!(error, Error::EngineContext { name, .. } if name == "gone"));
    }

    #[test]
    fn an_engine_behind_tls_is_refused_and_not_spoken_to_in_the_clear() {
        let settings = HostSettings { tls: true, ..settings("tcp://a:2376") };
        assert!(matches!(Host::resolve(&settings), Err(Error::EngineHost { .. })));
    }

    #[test]
    fn an_existing_socket_of_another_program_is_taken_when_the_default_one_is_missing() {
        if Path::new(DEFAULT_SOCKET).exists() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        fs_err::write(&socket, "").unwrap();
        let settings = HostSettings {
            sockets: vec![dir.path().join("none"), socket.clone()],
            ..HostSettings::default()
        };
        assert_eq!(Host::resolve(&settings).unwrap(), Host::Unix(socket));
    }
}
