//! Stored logins: the file that `uv auth login` keeps them in. Read only.

use std::path::Path;

use serde::Deserialize;
use url::Url;

use crate::secret::Secret;

#[derive(Deserialize)]
struct Logins {
    #[serde(default)]
    credential: Vec<Login>,
}

#[derive(Deserialize)]
struct Login {
    service: Url,
    username: Option<String>,
    scheme: String,
    password: Option<String>,
}

/// The logins by name and password of a file; none of one that is not there or cannot be read, because
/// it belongs to another program.
pub(crate) fn read(path: &Path) -> Vec<(Url, Secret)> {
    let logins = fs_err::read_to_string(path).ok().and_then(|text| toml::from_str(&text).ok());
    let logins = logins.map(|Logins { credential }| credential).unwrap_or_default();
    let basic = logins.into_iter().filter(|login| login.scheme == "basic");
    basic
        .filter_map(|login| {
            let user = login.username.unwrap_or_default();
            Some((login.service, Secret { user, password: Some(login.password?) }))
        })
        .collect()
}
