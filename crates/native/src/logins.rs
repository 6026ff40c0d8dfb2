//! What URLs of channels have in them by which somebody gets in: a user, a password, a token. It is taken out of them as
//! soon as they are read; what is kept, shown or handed to who reads channels has none of it.

use pyfast_packaging::safe_url::SafeUrl;
use url::Url;

use crate::error::Error;
use crate::public_url::refuse_secrets;

/// The folder that conda writes tokens below, the first of a path.
const TOKENS: &str = "t";

/// What lets in, and where.
#[derive(Clone, Default)]
pub struct Logins {
    users: Vec<SafeUrl>,
    tokens: Vec<Token>,
}

/// What begins as the first is asked for as the second.
#[derive(Clone)]
struct Token {
    shown: String,
    asked: String,
}

impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logins").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

impl Logins {
    /// A channel, or another place of one, as it may be shown and kept. Names and paths stay as they are.
    ///
    /// # Errors
    /// [`Error::Channel`] for a URL that cannot be read, or has a secret that nothing is known to be done with.
    pub fn take(&mut self, channel: &str) -> Result<String, Error> {
        let Ok(mut url) = Url::parse(channel) else {
            refuse_secrets(&[channel.to_owned()])?;
            return Ok(channel.to_owned());
        };
        if url.cannot_be_a_base() {
            return Ok(channel.to_owned());
        }
        let user = SafeUrl::take(&mut url);
        let had = url.clone();
        let is_changed = without_token(&mut url) || user.is_some();
        // With a secret or without, it is written the same: it is the same channel.
        let written = url.as_str();
        let bare = match (is_changed, channel.ends_with('/')) {
            (false, _) => channel,
            (true, true) => written,
            (true, false) => written.trim_end_matches('/'),
        };
        let bare = bare.to_owned();
        refuse_secrets(std::slice::from_ref(&bare))?;
        if had != url {
            let (shown, asked) = (folder(&url), folder(&had));
            self.tokens.insert(0, Token { shown, asked });
        }
        // What is read later, on the command line, counts before what a file says of the same.
        if let Some(user) = user {
            self.users.insert(0, user);
        }
        Ok(bare)
    }

    /// The users and passwords, each with where it was given.
    pub fn users(&self) -> &[SafeUrl] {
        &self.users
    }

    /// Whether a token lets in there.
    pub(crate) fn has_token(&self, url: &Url) -> bool {
        self.with_token(url) != *url
    }

    /// Words of others without what lets in: tokens, and what URLs that somebody was redirected to have behind `?`.
    pub(crate) fn hidden(&self, words: &str) -> String {
        let hide = |words: String, token: &Token| words.replace(&token.asked, &token.shown);
        let words = self.tokens.iter().fold(words.to_owned(), hide);
        let word = |word: &str| match word.split_once('?') {
            Some((url, rest)) if url.contains("://") => {
                let end = rest.find([')', '`', '"', '\'']).unwrap_or(rest.len());
                format!("{url}{}", &rest[end..])
            }
            _ => word.to_owned(),
        };
        words.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }

    /// A URL with the token that lets in there; shown to nobody.
    pub(crate) fn with_token(&self, url: &Url) -> Url {
        let asked = self.tokens.iter().find_map(|token| {
            let rest = url.as_str().strip_prefix(&token.shown)?;
            Url::parse(&[&token.asked, rest].concat()).ok()
        });
        asked.unwrap_or_else(|| url.clone())
    }
}

/// Takes a token out of a URL, if there is one.
fn without_token(url: &mut Url) -> bool {
    let parts: Vec<String> = url.path_segments().into_iter().flatten().map(str::to_owned).collect();
    match &parts[..] {
        [first, token, rest @ ..] if first == TOKENS && !token.is_empty() => {
            url.set_path(&rest.join("/"));
            true
        }
        _ => false,
    }
}

/// A URL of a directory, as the URLs of what is in it begin.
fn folder(url: &Url) -> String {
    format!("{}/", url.as_str().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_in_is_taken_out_and_asked_with() {
        let mut logins = Logins::default();
        let check = |logins: &mut Logins, given: &str, shown: &str, asked: &str| {
            assert_eq!(logins.take(given).expect("a channel"), shown, "{given}");
            let of = Url::parse(&format!("{shown}/linux-64/p.conda")).expect("a URL");
            assert_eq!(logins.with_token(&of).as_str(), format!("{asked}/linux-64/p.conda"));
            assert!(!format!("{logins:?}").contains("SECRET"), "{logins:?}");
        };
        check(
            &mut logins,
            "https://h.test/t/SECRET-1/c",
            "https://h.test/c",
            "https://h.test/t/SECRET-1/c",
        );
        check(&mut logins, "https://me:SECRET@h.test/d", "https://h.test/d", "https://h.test/d");
        check(
            &mut logins,
            "https://me:SECRET@o.test/t/SECRET/e",
            "https://o.test/e",
            "https://o.test/t/SECRET/e",
        );
        check(
            &mut logins,
            "https://h.test/tt/x/c",
            "https://h.test/tt/x/c",
            "https://h.test/tt/x/c",
        );
        assert_eq!(logins.users().len(), 2);
        assert_eq!(logins.take("https://me:SECRET@h.test").expect("a channel"), "https://h.test");
        let said = "403 for url (https://h.test/t/SECRET-1/c/x.json?X-Signature=SECRET): no";
        assert_eq!(logins.hidden(said), "403 for url (https://h.test/c/x.json): no");
        for same in ["conda-forge", "./channel", "/some/channel", "file:///some/channel"] {
            assert_eq!(logins.take(same).expect("a channel"), same);
        }
    }

    #[test]
    fn what_nothing_can_be_done_with_is_refused_and_not_said() {
        for given in ["https://h.test/c?token=SECRET", "https://me:SECRET@h.test:99999/c"] {
            let refused = Logins::default().take(given).expect_err("refused").to_string();
            assert!(!refused.contains("SECRET"), "{refused}");
        }
    }
}
