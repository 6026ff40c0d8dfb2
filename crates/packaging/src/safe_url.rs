//! URLs that may have a user and a password in them, and show neither. Knows nothing of who else may
//! know passwords.

use std::fmt;

use url::{Position, Url};

/// A URL as someone wrote it; what it shows has `****` for the user and the password.
#[derive(Clone, PartialEq, Eq)]
pub struct SafeUrl(Url);

impl SafeUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`NotAUrl`], which shows nothing that may be a password either.
    pub fn parse(text: &str) -> Result<Self, NotAUrl> {
        let url = Url::parse(text).map_err(|reason| NotAUrl { shown: masked(text), reason });
        url.map(Self)
    }

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
        if self.login().is_none() {
            return f.write_str(self.0.as_str());
        }
        let (scheme, place) =
            (&self.0[..Position::BeforeUsername], &self.0[Position::BeforeHost..]);
        write!(f, "{scheme}****@{place}")
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that should be a URL and is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a URL: {reason}")]
pub struct NotAUrl {
    /// The text as it may be shown.
    pub shown: String,
    /// What is wrong with it.
    pub reason: url::ParseError,
}

/// What may be shown of a text that is one URL, or should be.
pub fn shown(text: &str) -> String {
    match SafeUrl::parse(text) {
        Ok(url) if url.login().is_some() => url.to_string(),
        Ok(url) if url.0.has_host() || url.0.scheme() == "file" => text.to_owned(),
        // Without a host, what was meant for one is the scheme: `user:password@host/simple`.
        Ok(_) => masked(text),
        Err(error) => error.shown,
    }
}

/// What may be shown of a word of a command line, which may be a URL, or a flag with one behind `=`. Whoever quotes the
/// word does so afterwards: in a quoted one nobody finds the end of a password.
pub fn shown_argument(word: &str) -> String {
    match word.split_once('=').filter(|_| word.starts_with("--")) {
        Some((flag, value)) => format!("{flag}={}", shown(value)),
        None => shown(word),
    }
}

/// What may go to other machines of the URL that something came from: where that is, with nothing by which somebody gets in
/// or that only this machine knows. The user of an ssh URL is part of the address.
pub fn carried(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return shown(text) };
    if url.scheme() == "file" {
        return format!("file:///{}", last_of(url.path()));
    }
    url.set_query(None);
    url.set_fragment(None);
    if url.scheme() == "ssh" {
        // It fails for URLs that can have none.
        url.set_password(None).ok();
        return url.to_string();
    }
    SafeUrl(url).bare().to_string()
}

/// The last name of a path.
pub fn last_of(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// A text that should be one URL, where nobody can say which part of it is the password: all before the
/// last `@` may be.
fn masked(text: &str) -> String {
    if text.starts_with(['/', '.']) && !text.starts_with("//") {
        return text.to_owned();
    }
    let start = text.find("://").map(|colon| colon + 3);
    match text.rfind('@') {
        Some(at) if start.is_some_and(|start| start <= at) => {
            format!("{}****{}", &text[..start.unwrap_or_default()], &text[at..])
        }
        Some(at) if start.is_none() && text[..at].contains(':') => format!("****{}", &text[at..]),
        // An `@` of a path.
        _ => text.to_owned(),
    }
}

/// Replaces user and password of every URL in a text by `****`. Of what begins as a URL and is none,
/// everything up to the last `@` goes: a password with a `/`, `?` or `#` in it breaks its URL apart.
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = after_scheme(rest) {
        let (before, after) = rest.split_at(start);
        redacted.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || ['"', '\'', '`'].contains(&c));
        let (url, following) = after.split_at(end.unwrap_or(after.len()));
        let authority = if Url::parse(&format!("https://{url}")).is_ok() {
            &url[..url.find(['/', '?', '#', '\\']).unwrap_or(url.len())]
        } else {
            url
        };
        match authority.rfind('@') {
            Some(at) => {
                redacted.push_str("****");
                redacted.push_str(&url[at..]);
            }
            None => redacted.push_str(url),
        }
        rest = following;
    }
    redacted.push_str(rest);
    redacted
}

/// Where the first URL of a text goes on after its scheme. Of HTTP, what has fewer slashes is read as one
/// too, so that it may have a password.
fn after_scheme(text: &str) -> Option<usize> {
    let any = text.find("://").map(|at| at + ":".len());
    let http =
        ["https:", "http:"].iter().filter_map(|scheme| Some(text.find(scheme)? + scheme.len()));
    let start = http.chain(any).min()?;
    Some(start + text[start..].bytes().take_while(|byte| *byte == b'/').count())
}

/// A value behind `#` that is read back as it is, whatever is in it. Other tools decode nothing there, so that nothing else
/// is encoded than what would not be part of it.
pub fn encode_fragment(text: &str) -> String {
    percent_encode(text, &['%', '#', '&', ' '])
}

/// A reference of git in a URL that is read back as it is.
pub fn encode_reference(text: &str) -> String {
    percent_encode(text, &['%', '@', '#', '&', ' '])
}

fn percent_encode(text: &str, reserved: &[char]) -> String {
    let encoded = |character: char| {
        if reserved.contains(&character) {
            format!("%{:02X}", u32::from(character))
        } else {
            character.to_string()
        }
    };
    text.chars().map(encoded).collect()
}

/// The URL of a repository as others may see it. The user of an ssh URL is part of the address.
pub fn public_address(url: &Url) -> Url {
    let mut shown = url.clone();
    // They fail for URLs that can have neither.
    shown.set_password(None).ok();
    if matches!(url.scheme(), "http" | "https") {
        shown.set_username("").ok();
    }
    shown
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
    fn what_goes_elsewhere_has_no_key_and_no_path_of_this_machine() {
        for (url, expected) in [
            ("https://user:pw@a.example/x/p.whl?token=s#sha256=0", "https://a.example/x/p.whl"),
            ("https://****@a.example/p.whl", "https://a.example/p.whl"),
            ("ssh://git@a.example/p.git?x#y", "ssh://git@a.example/p.git"),
            ("ssh://git:pw@a.example/p.git", "ssh://git@a.example/p.git"),
            ("file:///home/me/wh/p%20q.whl", "file:///p%20q.whl"),
            ("file:///home/me/dir/", "file:///dir"),
        ] {
            assert_eq!(carried(url), expected);
        }
    }

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

    #[test]
    fn a_word_of_a_command_line_shows_no_password() {
        let check = |word: &str, expected: &str| assert_eq!(shown_argument(word), expected);
        check("user:s3cret@proxy:3128", "****@proxy:3128");
        check("--proxy=user:s3cret@proxy:3128", "--proxy=****@proxy:3128");
        check("https://u:p'w@h.test/", "https://****@h.test/");
        check("--index-url=https://u:p=w'x@h.test/", "--index-url=https://****@h.test/");
        check("-ihttps://u:p=w@h.test/", "-ihttps://****@h.test/");
        check("a @ git+https://u:p w@h.test/a", "a @ git+https://****@h.test/a");
        for plain in
            ["bench", "-r", "./a@b/r.txt", "--vs=pip,uv", "a[b]>=1,<2", "https://h.test/@x"]
        {
            check(plain, plain);
        }
    }

    #[test]
    fn a_password_that_breaks_its_url_is_not_shown_either() {
        for password in
            ["s3cr/et", "s3cr?et", "s3cr#et", "s3cr@et", "s3cr%et", "s3cr\\et", "s3cr[et"]
        {
            let url = format!("https://user:{password}@h.test/simple");
            let line = format!("-i {url} # `{url}`, \"git+{url}\"");
            for text in [shown(&url), redact(&url), redact(&line)] {
                let kept = ["s3cr", "et@", "user"].iter().find(|part| text.contains(**part));
                assert_eq!(kept, None, "{text}");
                assert!(text.contains("****@h.test/simple"), "{text}");
            }
            let error =
                SafeUrl::parse(&url).map_or_else(|error| error.to_string(), |url| url.to_string());
            assert!(!error.contains("s3cr"), "{error}");
        }
    }

    #[test]
    fn a_url_that_is_not_written_as_one_shows_no_password() {
        assert_eq!(shown("user:s3cret@h.test/simple"), "****@h.test/simple");
        assert_eq!(shown("https:/user:s3cret@h.test/simple"), "https://****@h.test/simple");
        assert_eq!(redact("-e git+https:/user:s3cr/et@h.test/r"), "-e git+https:/****@h.test/r");
        assert_eq!(shown("//user:s3 cret@h.test"), "****@h.test");
        assert_eq!(shown("https://user:s3 cret@h.test/x"), "https://****@h.test/x");
    }

    #[test]
    fn what_is_no_password_stays() {
        for text in [
            "https://h.test/feed@local/simple",
            "./wheels@1",
            "/d:/@x",
            "file:///d/@x",
            "git+ssh://h/r@v1",
        ] {
            assert_eq!((shown(text), redact(text)), (text.to_owned(), text.to_owned()), "{text}");
        }
        assert_eq!(
            redact("git+https://u:p@h.test/r@v1#egg=a"),
            "git+https://****@h.test/r@v1#egg=a"
        );
    }
}
