//! Why an image could not be pushed. Owns the wording of act, object and cause; names no flag, and no password.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

/// How long is waited before the second try; four times as long before the next.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// The longest that a registry may ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// So much of what a registry says is told on.
const LONGEST: usize = 300;

/// A failed push.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody answers, or the answer broke off.
    #[error("cannot reach the registry {registry}: {reason}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// Why.
        reason: String,
    },
    /// What answers is something else.
    #[error("{registry} is no registry: it answers {status} to the version of its API")]
    NotARegistry {
        /// What was asked.
        registry: String,
        /// Its answer.
        status: StatusCode,
    },
    /// The registry wants another user, or any.
    #[error("the registry {registry} does not let {} push to {repository}{reason}", if *known { "this user" } else { "anybody" })]
    Denied {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// Whether there was a login for it.
        known: bool,
        /// What it says, behind a colon.
        reason: String,
    },
    /// What may be read on the way would have to be sent there.
    #[error(
        "the registry {registry} wants {what} to be sent to {host}, which is another machine without encryption, or this one"
    )]
    Plain {
        /// The registry.
        registry: String,
        /// What.
        what: &'static str,
        /// Where.
        host: String,
    },
    /// The registry refuses.
    #[error("the registry {registry} could not {act}: it answers {status}{reason}")]
    Refused {
        /// The registry.
        registry: String,
        /// Act and object.
        act: String,
        /// Its answer.
        status: StatusCode,
        /// What it says, behind a colon.
        reason: String,
        /// When to ask again, where it says that.
        after: Option<Duration>,
    },
    /// The registry's answer says nothing that can be gone on with.
    #[error("the registry {registry} gave a strange answer: {reason}")]
    Strange {
        /// The registry.
        registry: String,
        /// What is strange.
        reason: String,
    },
    /// What is to be pushed cannot be read.
    #[error(transparent)]
    Image(#[from] pyfast_oci::Error),
}

impl Error {
    /// Whether it is that of who may answer to another scheme: servers with encryption say 400 to who comes without.
    pub(crate) fn is_of_another_scheme(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::NotARegistry { status, .. } => *status == StatusCode::BAD_REQUEST,
            _ => false,
        }
    }

    /// The registry, where it would let somebody else.
    pub fn denied_by(&self) -> Option<&str> {
        match self {
            Self::Denied { registry, .. } => Some(registry),
            _ => None,
        }
    }

    /// How long to wait before what failed is tried again; `None` where it would fail again.
    pub(crate) fn pause(&self, attempt: u32) -> Option<Duration> {
        let usual = FIRST_PAUSE * 4_u32.pow(attempt.saturating_sub(1).min(4));
        match self {
            Self::Unreachable { .. } => Some(usual),
            Self::Refused { status, after, .. } => {
                let passes = matches!(status.as_u16(), 408 | 429 | 500 | 502..=504);
                let wanted = after.unwrap_or(usual).max(usual);
                (passes && wanted <= LONGEST_PAUSE).then_some(wanted)
            }
            _ => None,
        }
    }
}

/// When a registry says that it is to be asked again.
pub(crate) fn after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[derive(Deserialize)]
struct Answer {
    errors: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What a registry says of a failure, behind a colon; nothing where it says nothing.
pub(crate) fn said(body: &[u8]) -> String {
    let Ok(Answer { errors }) = serde_json::from_slice(body) else { return String::new() };
    let told = errors.into_iter().next().map(|Said { code, message }| match (&*code, &*message) {
        ("", "") => String::new(),
        (one, "") | ("", one) => format!(": {one}"),
        (code, message) => format!(": {message} ({code})"),
    });
    told.unwrap_or_default().chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_waited_for_and_no_longer_than_is_sensible() {
        let refused = |status: u16, after: Option<u64>| Error::Refused {
            registry: String::new(),
            act: String::new(),
            status: StatusCode::from_u16(status).unwrap(),
            reason: String::new(),
            after: after.map(Duration::from_secs),
        };
        assert!(refused(503, None).pause(1) < refused(503, None).pause(2));
        assert_eq!(refused(429, Some(7)).pause(1), Some(Duration::from_secs(7)));
        assert_eq!(refused(429, Some(3600)).pause(1), None);
        for final_one in [400, 404, 405, 413, 501] {
            assert_eq!(refused(final_one, None).pause(1), None);
        }
    }

    #[test]
    fn what_a_registry_says_is_told_on() {
        let text = br#"{"errors":[{"code":"DENIED","message":"no"},{"code":"X"}]}"#;
        assert_eq!(said(text), ": no (DENIED)");
        assert_eq!(said(br#"{"errors":[{"code":"DENIED"}]}"#), ": DENIED");
        for nothing in [&b"<html>"[..], b"", br#"{"errors":[]}"#, br#"{"errors":[{}]}"#] {
            assert_eq!(said(nothing), "");
        }
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(1000));
        assert_eq!(said(long.as_bytes()).len(), LONGEST);
    }
}
