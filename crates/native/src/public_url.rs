//! URLs that locks, prefixes and messages say to others. Owns what of one must not be said.

use pyfast_packaging::safe_url::SafeUrl;
use rattler_redaction::Redact as _;
use url::Url;

use crate::error::Error;

/// Refuses a URL with a name, a password or a token: channels say themselves where their packages are, and whatever they
/// say is kept where others read it.
pub(crate) fn public(url: &Url) -> Result<(), Error> {
    let mut shown = SafeUrl::new(url.clone()).bare().redact();
    shown.set_query(None);
    if shown == *url {
        return Ok(());
    }
    Err(Error::Channel {
        channel: shown.to_string(),
        reason: "its URL has a password or a token".to_owned(),
    })
}

/// Refuses channels with such a URL, and what should be one and is none; all else is a name or a path.
///
/// # Errors
/// [`Error::Channel`], with the secret masked.
pub fn refuse_secrets(channels: &[String]) -> Result<(), Error> {
    channels.iter().try_for_each(|channel| match Url::parse(channel) {
        Ok(url) => public(&url),
        Err(error) => match channel.split_once("://") {
            Some((scheme, rest)) => Err(Error::Channel {
                channel: format!("{scheme}://{}", without_login(rest)),
                reason: error.to_string(),
            }),
            None => Ok(()),
        },
    })
}

/// What of a URL that cannot be read is no password.
fn without_login(rest: &str) -> &str {
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, said: Option<&str>) {
        let refused = refuse_secrets(&[url.to_owned()]).err().map(|error| error.to_string());
        assert_eq!(refused.is_some(), said.is_some(), "{refused:?}");
        if let (Some(refused), Some(said)) = (refused, said) {
            assert!(refused.contains(said) && !refused.contains("SECRET"), "{refused}");
        }
    }

    #[test]
    fn what_is_secret_is_refused_and_not_said() {
        check("https://h.test/conda-forge/linux-64/a-1-0.conda", None);
        check("conda-forge", None);
        check("/some/directory", None);
        check("https://me:SECRET@h.test/c", Some("h.test/c"));
        check("https://SECRET@h.test/c", Some("h.test/c"));
        check("https://me:SECRET@h.test:99999/c", Some("https://h.test:99999/c"));
        check("https://h.test:99999/c?token=SECRET", Some("invalid port"));
        check("https://h.test/t/to-SECRET/c", Some("h.test/t/"));
        check("https://h.test/c/a-1-0.conda?signature=SECRET", Some("h.test/c/a-1-0.conda"));
    }
}
