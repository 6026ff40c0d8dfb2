//! What an attempt fails with: whether another may help, when, and what is told of it. Knows nothing of bodies.

use std::time::{Duration, SystemTime};

use http::{HeaderValue, StatusCode};
use url::Url;

use super::LONGEST_WAIT;
use crate::dns::is_about_a_name;
use crate::error::Error;
use crate::fetch_cause::{FetchCause, is_about_certificates};
use pyfast_packaging::safe_url::redact;

/// What a proxy says to who does not say who they are.
const UNAUTHORIZED: &str = "it wants a user and a password (407)";

/// Why an attempt gave nothing.
pub(super) enum Failure {
    /// No whole answer came.
    Transport(FetchCause),
    /// Trying again will not help.
    Final(FetchCause),
    /// An answer that is an error.
    Status { status: StatusCode, retry_after: Option<Duration> },
}

impl Failure {
    pub(super) fn transport(error: &reqwest::Error) -> Self {
        // A proxy's URL may have a password in it.
        let cause = FetchCause::of(error, redact(&innermost(error)));
        let pointless = error.is_redirect()
            || error.is_builder()
            || is_about_certificates(error)
            || is_about_a_name(error);
        if pointless { Self::Final(cause) } else { Self::Transport(cause) }
    }

    /// The same, told of the proxy that it came by, where there is one.
    pub(super) fn by_way_of(self, proxy: impl Fn() -> Option<String>) -> Self {
        let of = |words: String| Some(FetchCause::Proxy { proxy: proxy()?, words });
        match &self {
            Self::Status { status: StatusCode::PROXY_AUTHENTICATION_REQUIRED, .. } => {
                of(UNAUTHORIZED.to_owned()).map_or(self, Self::Final)
            }
            Self::Transport(FetchCause::Connection(words))
                if words.contains("proxy authorization required") =>
            {
                of(UNAUTHORIZED.to_owned()).map_or(self, Self::Final)
            }
            Self::Transport(FetchCause::Connection(words)) => {
                of(words.clone()).map_or(self, Self::Transport)
            }
            Self::Final(FetchCause::Connection(words)) => {
                of(words.clone()).map_or(self, Self::Final)
            }
            _ => self,
        }
    }

    /// How long to wait before trying again; `None` where that is pointless.
    pub(super) fn pause(&self, attempt: u32) -> Option<Duration> {
        let backoff = Duration::from_millis(50).saturating_mul(4_u32.saturating_pow(attempt - 1));
        match self {
            Self::Transport(_) => Some(backoff),
            Self::Final(_) => None,
            Self::Status { status, retry_after } => {
                is_passing(*status).then(|| retry_after.unwrap_or(backoff))
            }
        }
    }

    pub(super) fn into_error(self, url: &Url, attempts: u32) -> Error {
        let url = url.clone();
        match self {
            Self::Transport(cause) => Error::Fetch { url, cause: cause.into(), attempts },
            // What tries before it came to is not of interest.
            Self::Final(cause) => Error::Fetch { url, cause: cause.into(), attempts: 1 },
            Self::Status { status, retry_after: Some(wait), .. } if wait > LONGEST_WAIT => {
                let cause = FetchCause::Busy { status: status.as_u16(), wait }.into();
                Error::Fetch { url, cause, attempts: 1 }
            }
            Self::Status { status, .. } => Error::Status { url, status: status.as_u16(), attempts },
        }
    }
}

/// Whether a server that answers so may answer otherwise soon.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// `Retry-After`: seconds, or a date.
pub(super) fn retry_after(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    // A date that is over means at once.
    let until = |date: SystemTime| date.duration_since(now).unwrap_or_default();
    seconds.or_else(|| httpdate::parse_http_date(text).ok().map(until))
}

/// The words of the innermost cause, which say what happened (`connection refused`).
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let check = |text: &'static str, expected: Option<u64>| {
            let found = retry_after(&HeaderValue::from_static(text), now);
            assert_eq!(found, expected.map(Duration::from_secs), "{text}");
        };
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:50:07 GMT", Some(30));
        check("Sun, 06 Nov 1994 08:49:00 GMT", Some(0));
        check("soon", None);
    }
}
