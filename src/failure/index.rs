//! What to do where a server or a directory does not give what it should.

use pyfast_index::{Error as IndexError, FetchCause};

use super::{Code, Failure};

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        Self::from_index(&error)
    }
}

impl Failure {
    pub(super) fn from_index(error: &IndexError) -> Self {
        let (kind, code) = kind(error);
        let mut failure = Self::from_error(kind, error, code);
        failure.hints.extend(fetching_hints(error));
        failure
    }
}

/// The word for scripts, and the exit code.
pub(super) fn kind(error: &IndexError) -> (&'static str, Code) {
    match error {
        IndexError::WebPage { .. } | IndexError::FindLinks { .. } | IndexError::Setting(_) => {
            ("usage", Code::Usage)
        }
        IndexError::HashMismatch { .. } => ("hash-mismatch", Code::Mendable),
        IndexError::Fetch { .. } | IndexError::Status { .. } => ("fetch", Code::Mendable),
        IndexError::Offline { .. } => ("offline", Code::Mendable),
        IndexError::Page { .. } => ("index-page", Code::Mendable),
        IndexError::Metadata { .. } | IndexError::ReadWheel { .. } => ("bad-wheel", Code::Mendable),
        IndexError::Spool { .. } => ("system", Code::Mendable),
        IndexError::Repository { .. } => ("repository", Code::Mendable),
        _ => ("resolve", Code::Mendable),
    }
}

pub(super) fn fetching_hints(error: &IndexError) -> Vec<String> {
    match error {
        IndexError::Status { status: 401 | 403, .. } => vec![
            "give credentials in the index URL (https://user:password@…), in ~/.netrc, by `uv auth login` or by the program `keyring`; for a named index also by PYFAST_INDEX_NAME_USERNAME and …_PASSWORD".to_owned(),
        ],
        IndexError::Status { status: 404 | 410, .. } => {
            vec!["the file is gone from its server; `pyfast lock --upgrade` looks for another".to_owned()]
        }
        IndexError::Status { status: 500.., .. } => {
            vec!["the server has a problem; try again later, or --offline with a filled cache".to_owned()]
        }
        // What a server says of the certificate that it was shown, or was not.
        IndexError::Fetch { cause, .. } if matches!(**cause, FetchCause::Refused(_)) => vec![
            "the server refused the connection; one that asks for a certificate is shown that of --client-cert FILE"
                .to_owned(),
        ],
        IndexError::Fetch { cause, .. } if matches!(**cause, FetchCause::Untrusted(_)) => vec![
            "name the certificates to trust with SSL_CERT_FILE".to_owned(),
        ],
        IndexError::Fetch { cause, .. } if matches!(**cause, FetchCause::Proxy { .. }) => vec![
            "a proxy is named with --proxy http://user:password@HOST:PORT, https_proxy, or `proxy` in pip's configuration; hosts without one in no_proxy".to_owned(),
        ],
        IndexError::Fetch { .. } => {
            vec!["is the network up, and is the index right? --index-url names another".to_owned()]
        }
        IndexError::Offline { .. } => vec!["run it once without --offline".to_owned()],
        IndexError::Page { .. } => vec![
            "an index answers with a Simple API page in JSON or HTML; is this URL the index' own (…/simple)?".to_owned(),
        ],
        IndexError::HashMismatch { .. } => vec![
            "the file changed since the hash was written, or it was tampered with: compare it with its publisher's".to_owned(),
        ],
        IndexError::Repository { reason, .. } => vec![repository_hint(reason)],
        _ => Vec::new(),
    }
}

fn repository_hint(reason: &str) -> String {
    if reason.contains("program `git`") {
        return "install git: on Debian, apt-get install git".to_owned();
    }
    "does `git ls-remote` of this URL work? Git's own settings and credentials are used".to_owned()
}
