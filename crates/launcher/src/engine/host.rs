//! Which engine is meant. Owns the precedence of the client's settings (host, context, default sockets) and the
//! format of its context files; must not know where the settings come from: environment and home are given as data.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::programs::find_program;

/// The socket of an engine that was installed the usual way.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Variables by which other clients choose an engine; all of them give way to [`Host::client_environment`].
pub(crate) const CLIENT_VARIABLES: [&str; 5] =
    ["DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS"];

/// What the user's environment says about the engine.
#[derive(Debug, Clone, Default)]
pub struct HostSettings {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` is set, to whatever value.
    pub tls: bool,
    /// `DOCKER_CERT_PATH`: directory of `ca.pem`, `cert.pem` and `key.pem`; `None` is the configuration's directory.
    pub cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`, else `~/.docker`.
    pub config_dir: Option<PathBuf>,
    /// Sockets to look for after the default one, in this order (rootless engine, desktop programs).
    pub sockets: Vec<PathBuf>,
    /// `PATH`, in which `ssh` is found.
    pub path: Option<OsString>,
}

/// Address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A socket in the file system. The engine behind it may still live in a virtual machine.
    Unix(PathBuf),
    /// Plain HTTP: `host:port`.
    Tcp(String),
    /// HTTP over TLS.
    Tls {
        /// `host:port`.
        address: String,
        /// Certificates, and whether the engine's is looked at.
        tls: Tls,
    },
    /// Through `ssh` to a machine whose `docker` client reaches the engine.
    Ssh(Ssh),
}

/// Material for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Directory with `ca.pem`, `cert.pem` and `key.pem`, each of which may be missing: then the system's
    /// authorities count, and this client shows no certificate.
    pub directory: PathBuf,
    /// Whether the engine's certificate is verified.
    pub verify: bool,
}

/// A machine behind `ssh`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// The program: a file, or the name of one that was not found.
    pub program: PathBuf,
    /// `user@host`, or a host of the program's own configuration.
    pub destination: String,
    /// The port; `None` leaves it to the program.
    pub port: Option<u16>,
}

/// Which setting led to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostOrigin {
    /// `DOCKER_HOST`.
    Variable,
    /// The context that `DOCKER_CONTEXT` names.
    NamedContext(String),
    /// The current context of the client's configuration.
    CurrentContext(String),
    /// The usual socket.
    DefaultSocket,
    /// One of [`HostSettings::sockets`], which exists while the usual one does not.
    OtherSocket,
}

impl std::fmt::Display for HostOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable => f.write_str("DOCKER_HOST"),
            Self::NamedContext(name) => write!(f, "DOCKER_CONTEXT={name}"),
            Self::CurrentContext(name) => write!(f, "the current context `{name}`"),
            Self::DefaultSocket => f.write_str("the usual socket"),
            Self::OtherSocket => f.write_str("a socket that was found"),
        }
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) | Self::Tls { address, .. } => write!(f, "tcp://{address}"),
            Self::Ssh(Ssh { destination, port: Some(port), .. }) => {
                write!(f, "ssh://{destination}:{port}")
            }
            Self::Ssh(ssh) => write!(f, "ssh://{}", ssh.destination),
        }
    }
}

impl Host {
    /// Reads an address as `DOCKER_HOST` has it.
    ///
    /// # Errors
    /// [`Error::EngineHost`] for a scheme that is not spoken here, for one that asks for TLS, or no address at all.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_with(text, None)
    }

    /// Reads an address; one over the network is spoken to with TLS where there is material for it.
    fn parse_with(text: &str, tls: Option<Tls>) -> Result<Self, Error> {
        let refuse = |reason: &str| Error::EngineHost { host: text.into(), reason: reason.into() };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| refuse("it has no scheme, such as unix:// or tcp://"))?;
        let address = |default_port: u16| {
            let address = rest.trim_end_matches('/');
            if address.is_empty() || address.contains('/') {
                return Err(refuse("it names no host and port"));
            }
            let has_port =
                address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            Ok(if has_port { address.into() } else { format!("{address}:{default_port}") })
        };
        match (scheme, tls) {
            ("unix", _) if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            ("unix", _) => Err(refuse("a socket needs an absolute path")),
            ("tcp" | "https", Some(tls)) => Ok(Self::Tls { address: address(2376)?, tls }),
            ("http", Some(_)) => Err(refuse("it is plain HTTP, and TLS is asked for")),
            ("https", None) => Err(refuse("no certificates are named for it")),
            ("tcp" | "http", None) => Ok(Self::Tcp(address(2375)?)),
            ("ssh", _) => Ssh::parse(rest).map(Self::Ssh).map_err(refuse),
            (other, _) => Err(refuse(&format!(
                "the scheme {other}:// is not supported, only unix://, tcp:// and ssh://"
            ))),
        }
    }

    /// Decides which engine is meant: host, context, the configuration's current context, default sockets.
    ///
    /// # Errors
    /// [`Error::EngineHost`] or [`Error::EngineContext`] when what was asked for cannot be used;
    /// [`Error::Io`] when the client's configuration cannot be read.
    pub fn resolve(settings: &HostSettings) -> Result<Self, Error> {
        Self::locate(settings).map(|(host, _)| host)
    }

    /// As [`Host::resolve`], and which setting decided.
    ///
    /// # Errors
    /// As [`Host::resolve`].
    pub fn locate(settings: &HostSettings) -> Result<(Self, HostOrigin), Error> {
        let (mut host, origin) = Self::named(settings)?;
        if let Self::Ssh(ssh) = &mut host
            && let Some(program) =
                settings.path.as_deref().and_then(|path| find_program(path, "ssh"))
        {
            ssh.program = program;
        }
        Ok((host, origin))
    }

    fn named(settings: &HostSettings) -> Result<(Self, HostOrigin), Error> {
        if let Some(text) = settings.docker_host.as_deref().filter(|text| !text.is_empty()) {
            let secure = settings.tls || text.starts_with("https://");
            let directory = settings.cert_path.clone().or_else(|| settings.config_dir.clone());
            let tls = match (secure, directory) {
                (false, _) => None,
                (true, Some(directory)) => Some(Tls { directory, verify: true }),
                // Plain HTTP towards an engine that was asked for with TLS would send everything in the clear.
                (true, None) => {
                    return Err(Error::EngineHost {
                        host: text.into(),
                        reason: "TLS is asked for, and no directory of certificates is known"
                            .into(),
                    });
                }
            };
            Ok((Self::parse_with(text, tls)?, HostOrigin::Variable))
        } else if let Some((name, origin)) = context_name(settings)? {
            Ok((context_host(settings.config_dir.as_deref(), &name)?, origin(name)))
        } else {
            let (socket, origin) = default_socket(&settings.sockets);
            Ok((Self::Unix(socket), origin))
        }
    }

    /// The variables by which another client (Docker's, Compose) is sent to the same engine. `DOCKER_CONTEXT` must
    /// not be set beside them.
    pub fn client_environment(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![("DOCKER_HOST", OsString::from(self.to_string()))];
        if let Self::Tls { tls, .. } = self {
            // The clients look at any value, even an empty one, as a wish for verification.
            let name = if tls.verify { "DOCKER_TLS_VERIFY" } else { "DOCKER_TLS" };
            variables.push((name, "1".into()));
            variables.push(("DOCKER_CERT_PATH", tls.directory.clone().into()));
        }
        variables
    }
}

impl Ssh {
    fn parse(rest: &str) -> Result<Self, &'static str> {
        let address = rest.trim_end_matches('/');
        if address.contains('/') {
            return Err("a path after the host is not supported");
        }
        let (destination, port) = match address.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => {
                (host, Some(port.parse().map_err(|_error| "its port is no number")?))
            }
            _ => (address, None),
        };
        // What begins with a dash would be an option of the program.
        let host = destination.rsplit_once('@').map_or(destination, |(_, host)| host);
        if host.is_empty() || destination.starts_with('-') || host.starts_with('-') {
            return Err("it names no host");
        }
        if destination
            .split('@')
            .next()
            .is_some_and(|user| user.contains(':') && destination.contains('@'))
        {
            return Err("a password in an address is not supported");
        }
        Ok(Self { program: "ssh".into(), destination: destination.into(), port })
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
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

/// A context by its name, and how its name is told as an origin.
type Named = (String, fn(String) -> HostOrigin);

fn context_name(settings: &HostSettings) -> Result<Option<Named>, Error> {
    let named = |name: String, origin: fn(String) -> HostOrigin| {
        (!name.is_empty() && name != "default").then_some((name, origin))
    };
    if let Some(name) = &settings.docker_context
        && !name.is_empty()
    {
        return Ok(named(name.clone(), HostOrigin::NamedContext));
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
    Ok(named(config.current_context, HostOrigin::CurrentContext))
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
    let material = dir.join("contexts/tls").join(&id).join("docker");
    let wanted =
        material.is_dir() || endpoint.skip_tls_verify && !endpoint.host.starts_with("http:");
    let network = endpoint.host.starts_with("tcp:") || endpoint.host.starts_with("https:");
    let tls = (wanted && network)
        .then_some(Tls { directory: material, verify: !endpoint.skip_tls_verify });
    Host::parse_with(&endpoint.host, tls)
}

fn default_socket(others: &[PathBuf]) -> (PathBuf, HostOrigin) {
    let default = PathBuf::from(DEFAULT_SOCKET);
    let other = if default.exists() { None } else { others.iter().find(|path| path.exists()) };
    match other {
        Some(other) => (other.clone(), HostOrigin::OtherSocket),
        None => (default, HostOrigin::DefaultSocket),
    }
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
    fn ssh_is_a_program_of_the_path() {
        let program = |path: &str| {
            let path = Some(path.into());
            let found = Host::resolve(&HostSettings { path, ..settings("ssh://far") }).unwrap();
            let Host::Ssh(ssh) = found else { panic!("{found} is not behind ssh") };
            ssh.program
        };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ssh");
        fs_err::write(&file, "").unwrap();
        fs_err::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        assert_eq!(program(&format!(":.:{}", dir.path().display())), file);
        assert_eq!(program("."), Path::new("ssh"));
    }

    #[test]
    fn addresses_are_read_as_the_client_reads_them() {
        assert_eq!(Host::parse("unix:///run/d.sock").unwrap(), Host::Unix("/run/d.sock".into()));
        assert_eq!(Host::parse("tcp://10.0.0.1:2376").unwrap(), Host::Tcp("10.0.0.1:2376".into()));
        assert_eq!(Host::parse("tcp://build/").unwrap(), Host::Tcp("build:2375".into()));
        let ssh = |destination: &str, port| {
            Host::Ssh(Ssh { program: "ssh".into(), destination: destination.into(), port })
        };
        assert_eq!(Host::parse("ssh://me@host").unwrap(), ssh("me@host", None));
        assert_eq!(Host::parse("ssh://host:2222/").unwrap(), ssh("host", Some(2222)));
        for wrong in [
            "https://host:1",
            "/var/run/docker.sock",
            "tcp://",
            "unix://relative",
            "ssh://-oProxyCommand=x",
            "ssh://me@-x",
            "ssh://me:secret@host",
            "npipe:////./pipe/docker",
        ] {
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
    fn tls_is_never_answered_with_plain_text() {
        let secure = HostSettings { tls: true, ..settings("tcp://a") };
        assert!(matches!(Host::resolve(&secure), Err(Error::EngineHost { .. })), "no certificates");
        let secure = HostSettings { cert_path: Some("/certs".into()), ..secure };
        let tls = Tls { directory: "/certs".into(), verify: true };
        let host = Host::resolve(&secure).unwrap();
        assert_eq!(host, Host::Tls { address: "a:2376".into(), tls });
        let names: Vec<_> = host.client_environment().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"]);
        let plain = HostSettings { docker_host: Some("http://a:1".into()), ..secure };
        assert!(matches!(Host::resolve(&plain), Err(Error::EngineHost { .. })));
    }

    #[test]
    fn a_context_with_certificates_is_spoken_to_with_tls() {
        let (dir, settings) = with_context("tcp://far:2376", "colima");
        assert_eq!(Host::resolve(&settings).unwrap(), Host::Tcp("far:2376".into()));
        let id = hex(&Sha256::digest(b"colima"));
        let directory = dir.path().join("contexts/tls").join(id).join("docker");
        fs_err::create_dir_all(&directory).unwrap();
        let tls = Tls { directory, verify: true };
        let host = Host::Tls { address: "far:2376".into(), tls };
        assert_eq!(Host::resolve(&settings).unwrap(), host);
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
