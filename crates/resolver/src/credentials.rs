//! User names and passwords by origin, and keeping them out of everything that is shown.

use std::path::PathBuf;
use std::sync::OnceLock;

use netrc::Netrc;
use url::{Origin, Url};

/// Credentials for index and file hosts. A secret belongs to one origin (scheme, host, port) and is
/// sent nowhere else.
#[derive(Default)]
pub struct Credentials {
    known: Vec<(Origin, Secret)>,
    netrc_path: Option<PathBuf>,
    netrc: OnceLock<Option<Netrc>>,
}

#[derive(Clone)]
struct Secret {
    user: String,
    password: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("origins", &self.known.len()).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Credentials that also come from a netrc file, which is read when first needed.
    pub fn new(netrc_path: Option<PathBuf>) -> Self {
        Self { netrc_path, ..Self::default() }
    }

    /// Takes the user name and password out of a URL and remembers them for its origin.
    pub fn absorb(&mut self, mut url: Url) -> Url {
        if !url.username().is_empty() || url.password().is_some() {
            let decode = crate::requirement_line::percent_decode;
            let secret =
                Secret { user: decode(url.username()), password: url.password().map(decode) };
            url.set_username("").ok();
            url.set_password(None).ok();
            self.known.retain(|(origin, _)| *origin != url.origin());
            self.known.push((url.origin(), secret));
        }
        url
    }

    /// Takes in what others know.
    pub fn merge(&mut self, others: &Self) {
        self.known.extend(others.known.iter().cloned());
    }

    /// User name and password for `url`.
    pub(crate) fn for_url(&self, url: &Url) -> Option<(String, Option<String>)> {
        let origin = url.origin();
        if let Some((_, secret)) = self.known.iter().find(|(known, _)| *known == origin) {
            return Some((secret.user.clone(), secret.password.clone()));
        }
        // A netrc entry names a host alone, so it is only trusted over TLS or on this machine.
        let host = url.host_str()?;
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if url.scheme() != "https" && !local {
            return None;
        }
        let netrc = self.netrc.get_or_init(|| Netrc::from_file(self.netrc_path.as_deref()?).ok());
        let hosts = &netrc.as_ref()?.hosts;
        let entry = hosts.get(host).or_else(|| hosts.get("default"))?;
        Some((entry.login.clone(), Some(entry.password.clone())))
    }
}

/// Replaces the user information of every URL in `text` by `****`.
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        redacted.push_str(before);
        let end = after.find(['/', '?', '#', ' ', '"', '\'']).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                redacted.push_str("****");
                &after[at..]
            }
            None => after,
        };
    }
    redacted.push_str(rest);
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn secrets_stay_with_their_origin() {
        let mut credentials = Credentials::default();
        let clean = credentials.absorb(url("https://u:p%40@private.test/simple/"));
        assert_eq!(clean.as_str(), "https://private.test/simple/");
        let expected = Some(("u".to_owned(), Some("p@".to_owned())));
        assert_eq!(credentials.for_url(&url("https://private.test/files/a")), expected);
        for other in
            ["http://private.test/", "https://private.test:444/", "https://a.private.test/"]
        {
            assert_eq!(credentials.for_url(&url(other)), None, "{other}");
        }
        assert!(!format!("{credentials:?}").contains("p@"));
    }

    #[test]
    fn secrets_are_redacted() {
        assert_eq!(
            redact("-i https://u:p@h/x https://h/@y 'https://t@h'"),
            "-i https://****@h/x https://h/@y 'https://****@h'"
        );
    }
}
