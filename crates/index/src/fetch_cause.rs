//! Why no usable answer came, as data: who words hints asks this, and not the words.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, Error as TlsError};

/// Why no usable answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchCause {
    /// The server's certificate does not count here; in the words of who checked it.
    Untrusted(String),
    /// The server ended the handshake, for the certificate that it was shown or for another reason.
    Refused(String),
    /// No connection, no whole answer, or a redirect that is not followed; in the words of who saw it.
    Connection(String),
    /// The same by way of a proxy, which may be the reason.
    Proxy {
        /// The proxy, without its password.
        proxy: String,
        /// In the words of who saw it.
        words: String,
    },
    /// The body only dripped.
    Dripping {
        /// What came in this time, in bytes.
        bytes: usize,
        /// The time.
        within: Duration,
    },
    /// The body is larger than asked for.
    TooLarge {
        /// The most that was asked for, in bytes.
        limit: usize,
    },
    /// The server asks to wait for longer than anybody would.
    Busy {
        /// The HTTP status code.
        status: u16,
        /// How long.
        wait: Duration,
    },
    /// The server says that nothing changed, to who has nothing.
    Unasked,
}

impl fmt::Display for FetchCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted(words) | Self::Refused(words) | Self::Connection(words) => {
                f.write_str(words)
            }
            Self::Proxy { proxy, words } => write!(f, "{words}, by the proxy {proxy}"),
            Self::Dripping { bytes, within } => {
                write!(f, "only {bytes} bytes came in {} seconds", within.as_secs())
            }
            Self::TooLarge { limit } => write!(f, "the answer is larger than {limit} bytes"),
            Self::Busy { status, wait } => write!(
                f,
                "the server answered {status} and asks to wait {} seconds",
                wait.as_secs()
            ),
            Self::Unasked => f.write_str("the server answered 304 without having been asked"),
        }
    }
}

impl FetchCause {
    /// What an error of the transport is about; `words` are those of its innermost cause.
    pub(crate) fn of(error: &(dyn StdError + 'static), words: String) -> Self {
        match tls_error(error) {
            Some(TlsError::InvalidCertificate(_)) => Self::Untrusted(words),
            Some(TlsError::AlertReceived(_)) => Self::Refused(words),
            _ => Self::Connection(words),
        }
    }
}

/// Whether an error is about a certificate, the server's or one's own: it will be no other the next time.
pub(crate) fn is_about_certificates(error: &(dyn StdError + 'static)) -> bool {
    match tls_error(error) {
        Some(TlsError::InvalidCertificate(_)) => true,
        Some(TlsError::AlertReceived(alert)) => matches!(
            alert,
            AlertDescription::NoCertificate
                | AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateUnobtainable
                | AlertDescription::CertificateRequired
                | AlertDescription::BadCertificateStatusResponse
                | AlertDescription::BadCertificateHashValue
                | AlertDescription::UnknownCA
        ),
        _ => false,
    }
}

/// The error of TLS that an error comes from. What an [`io::Error`] was made of is not its source.
fn tls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a TlsError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = inner.map_or_else(|| error.source(), |inner| Some(inner));
    }
    None
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn what_tls_says_is_found_below_errors_of_io() {
        let deep = |error: TlsError| io::Error::other(io::Error::other(error));
        let cause = |error: TlsError| FetchCause::of(&deep(error), "w".to_owned());
        let untrusted = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(cause(untrusted.clone()), FetchCause::Untrusted("w".to_owned()));
        assert!(is_about_certificates(&deep(untrusted)));
        let refused = TlsError::AlertReceived(AlertDescription::HandshakeFailure);
        assert_eq!(cause(refused.clone()), FetchCause::Refused("w".to_owned()));
        assert!(!is_about_certificates(&deep(refused)));
        assert!(is_about_certificates(&deep(TlsError::AlertReceived(
            AlertDescription::CertificateRequired
        ))));
        let other = io::Error::other("certificate");
        assert_eq!(FetchCause::of(&other, "w".to_owned()), FetchCause::Connection("w".to_owned()));
    }
}
