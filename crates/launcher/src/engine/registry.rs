//! How to log in at an image's registry. Owns the credentials part of the container client's configuration and the
//! dialogue with its helper programs; must not know engines. Nothing here is ever shown.
//!
//! Source: <https://docs.docker.com/reference/cli/docker/login/#credential-stores>

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use crate::error::Error;
use crate::programs::find_program;

/// Under this name the configuration keeps the login of the registry of unqualified image names.
const DEFAULT_KEY: &str = "https://index.docker.io/v1/";
const DEFAULT_REGISTRY: &str = "docker.io";

/// Where credentials are found.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// Directory of the client's `config.json`.
    pub config_dir: Option<PathBuf>,
    /// `PATH` in which helper programs are found, and which they get; without one none is found.
    pub path: Option<OsString>,
}

/// A login at one registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The registry, as the configuration names it.
    pub registry: String,
    /// The user.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// What stands for both.
    pub identity_token: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("registry", &self.registry).finish_non_exhaustive()
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    #[serde(rename = "auth")]
    encoded: String,
    username: String,
    password: String,
    #[serde(rename = "identitytoken")]
    identity_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// The registry of an image: the first part of its name when that can be a host, else the engine's default one.
pub fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DEFAULT_REGISTRY,
    }
}

/// The login for an image's registry; `None` when the configuration has none.
///
/// # Errors
/// [`Error::RegistryLogin`] when the configuration or a helper program cannot be used.
pub async fn login(image: &str, settings: &RegistrySettings) -> Result<Option<Login>, Error> {
    let registry = registry_of(image);
    let fail = |reason: String| Error::RegistryLogin { registry: registry.into(), reason };
    let Some(path) = settings.config_dir.as_ref().map(|dir| dir.join("config.json")) else {
        return Ok(None);
    };
    let text = match fs_err::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error.to_string())),
    };
    // Positions only: a parser's message could quote what it stumbled over.
    let config: Config = serde_json::from_str(&text).map_err(|error| {
        fail(format!("{} is not readable at line {}", path.display(), error.line()))
    })?;
    let key = if registry == DEFAULT_REGISTRY { DEFAULT_KEY } else { registry };
    let helper = config.cred_helpers.get(registry).or_else(|| config.cred_helpers.get(key));
    let helper = helper.unwrap_or(&config.creds_store);
    if !helper.is_empty() {
        return ask(helper, key, settings).await.map_err(fail);
    }
    let found = config.auths.iter().find(|(name, _)| *name == key || host_of(name) == registry);
    found.map_or(Ok(None), |(_, auth)| decode(key, auth).map_err(fail))
}

/// Older clients wrote URLs where a host is meant.
fn host_of(name: &str) -> &str {
    let rest = name.split_once("://").map_or(name, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn decode(key: &str, auth: &Auth) -> Result<Option<Login>, String> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (mut username, mut password) = (some(&auth.username), some(&auth.password));
    if !auth.encoded.is_empty() {
        let bytes = STANDARD.decode(auth.encoded.trim()).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or("its entry under auths is not base64")?;
        let (name, secret) =
            text.split_once(':').ok_or("its entry under auths has no user and password")?;
        username = some(name);
        password = some(secret.trim_end_matches('\0'));
    }
    let identity_token = some(&auth.identity_token);
    // A store leaves an empty entry behind, which only says that there once was a login.
    if password.is_none() && identity_token.is_none() {
        return Ok(None);
    }
    Ok(Some(Login { registry: key.into(), username, password, identity_token }))
}

async fn ask(
    helper: &str,
    key: &str,
    settings: &RegistrySettings,
) -> Result<Option<Login>, String> {
    if helper.contains(['/', '\\']) {
        return Err(format!("`{helper}` is not the name of a helper program"));
    }
    let program = format!("docker-credential-{helper}");
    let failed = |error: &dyn fmt::Display| format!("{program}: {error}");
    // A child's own PATH does not count when the system looks for its program.
    let path = settings.path.as_deref().unwrap_or_default();
    let file = find_program(path, &program).ok_or_else(|| failed(&"it is not on PATH"))?;
    let mut command = tokio::process::Command::new(file);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    if let Some(path) = &settings.path {
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read says why by its exit code.
        let _ = stdin.write_all(key.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(|error| failed(&error))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        if said.contains("credentials not found") {
            return Ok(None);
        }
        let reason = said.lines().next().unwrap_or_default().to_owned();
        return Err(failed(&format!("{} ({})", reason, output.status)));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout)
        .map_err(|_secret| failed(&"its answer is not what a helper says"))?;
    let (username, password, identity_token) = if answer.username == "<token>" {
        (None, None, Some(answer.secret))
    } else {
        (Some(answer.username), Some(answer.secret), None)
    };
    Ok(Some(Login { registry: key.into(), username, password, identity_token }))
}

#[cfg(test)]
mod tests;
