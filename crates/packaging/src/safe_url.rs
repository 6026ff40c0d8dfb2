//! URLs that may have a user and a password in them, and show neither. Knows nothing of who else may
//! know passwords.

use std::fmt;

use url::Url;

/// A URL as someone wrote it; what it shows has `****` for the user and the password.
#[derive(Clone, PartialEq, Eq)]
pub struct SafeUrl(Url);

impl SafeUrl {
    /// The URL, which may have a user and a password.
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    /// Takes user and password out of a URL; `None` where it names no user and has no password.
    pub fn take(url: &mut Url) -> Option<Self> {
        let whole = Self(url.clone());
        whole.login()?;
        *url = whole.bare();
        Some(whole)
    }

    /// The URL without user and password.
    pub fn bare(&self) -> Url {
        let mut url = self.0.clone();
        // They fail for URLs that can have neither.
        url.set_username("").ok();
        url.set_password(None).ok();
        url
    }

    /// The user and the password, decoded; `None` where it names no user and has no password.
    pub fn login(&self) -> Option<(String, Option<String>)> {
        let (user, password) = (self.0.username(), self.0.password());
        let named = !user.is_empty() || password.is_some();
        named.then(|| (percent_decode(user), password.map(percent_decode)))
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(self.0.as_str()))
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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

/// Decodes `%XX` once; a result that is no UTF-8 stays encoded.
pub fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let decoded = match (first, tail) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                digit(*high)
                    .zip(digit(*low))
                    .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            }
            _ => None,
        };
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_neither_user_nor_password() {
        let url = SafeUrl::new(Url::parse("https://u:p%40@h.test/x").expect("a URL"));
        assert_eq!(format!("{url} {url:?}"), "https://****@h.test/x https://****@h.test/x");
        assert_eq!(url.bare().as_str(), "https://h.test/x");
        assert_eq!(url.login(), Some(("u".to_owned(), Some("p@".to_owned()))));
    }

    #[test]
    fn secrets_are_redacted() {
        assert_eq!(
            redact("-i https://u:p@h/x https://h/@y 'https://t@h'"),
            "-i https://****@h/x https://h/@y 'https://****@h'"
        );
    }
}
