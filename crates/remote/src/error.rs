//! What can go wrong with a remote store, in words that show no secret. Owns what of an engine's own words is told; hints
//! that name flags or variables of a command line belong to it.

use object_store::client::{HttpError, HttpErrorKind};
use pyfast_packaging::hash::Sha256;

use crate::list::BYTECODE;

/// Why something could not be done with a remote store.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} {object} of the remote store {remote}")]
pub struct Error {
    /// What was tried.
    pub act: &'static str,
    /// With which object, or with what of it.
    pub object: String,
    /// Where the store is.
    pub remote: String,
    /// The cause.
    #[source]
    pub cause: Cause,
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The server, or the file system, refuses it to this user.
    #[error("access is denied ({0})")]
    Denied(String),
    /// There is no such directory or bucket.
    #[error("there is no such place ({0})")]
    Nowhere(String),
    /// It did not answer.
    #[error("it did not answer in time")]
    Silent,
    /// It answers too slowly to be of use.
    #[error("it sends less than {floor} bytes a second")]
    Slow {
        /// What would be enough.
        floor: u64,
    },
    /// The object's bytes are not those that its name promises.
    #[error("its SHA-256 is {found}")]
    WrongBytes {
        /// The digest of what came.
        found: Sha256,
    },
    /// The object has another size than it must.
    #[error("it has {found} bytes, expected {expected}")]
    WrongSize {
        /// What it must have.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// A list is none.
    #[error("it is not a list of wheels: {0}")]
    NoList(String),
    /// A pack of bytecode does not hold what it must.
    #[error("it does not hold the bytecode of its wheel: {0}")]
    NoPack(String),
    /// Anything else, in the engine's words.
    #[error("{0}")]
    Engine(String),
}

impl Error {
    /// The message with its cause, in one line.
    pub fn with_cause(&self) -> String {
        format!("{self}: {}", self.cause)
    }

    /// Whether it is about bytecode, which can be had without a remote store and an index.
    pub fn is_of_bytecode(&self) -> bool {
        self.object.starts_with(BYTECODE)
    }
}

/// What an engine says.
impl From<object_store::Error> for Cause {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as E;
        let words = words(&error);
        match &error {
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Self::Denied(words),
            E::NotFound { .. } => Self::Nowhere(words),
            _ if is_refused(&error) => Self::Denied(words),
            _ if is_silent(&error) => Self::Silent,
            _ => Self::Engine(words),
        }
    }
}

impl Cause {
    /// An engine's words, as they are told.
    pub(crate) fn words_of(error: &object_store::Error) -> String {
        words(error)
    }
}

/// Whether a file system says that this user may not.
fn is_refused(error: &object_store::Error) -> bool {
    let io = caused_by::<std::io::Error>(error);
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied)
}

/// Whether a request was waited for as long as the user's settings say.
fn is_silent(error: &object_store::Error) -> bool {
    let http = caused_by::<HttpError>(error);
    http.is_some_and(|http| http.kind() == HttpErrorKind::Timeout)
}

/// The first of an error's causes that is of a type.
fn caused_by<E: std::error::Error + 'static>(error: &object_store::Error) -> Option<&E> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// The most that is shown of an engine's words: a server may answer with a whole page.
const LONGEST: usize = 240;

/// The innermost words of an error, which say what happened, in one line; those around them repeat the object's name. What
/// stands in a query may be signed.
fn words(error: &object_store::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = told(&innermost.to_string());
    let plain = |word: &str| match word.split_once('?') {
        Some((before, _)) if before.contains("://") => format!("{before}?…"),
        _ => word.to_owned(),
    };
    let text: Vec<String> = text.split_whitespace().map(plain).collect();
    let text = text.join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What a server's document says of an error: its code and message. The rest of it may repeat keys and tokens.
fn told(text: &str) -> String {
    let of = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    let before = text.split('<').next().unwrap_or_default().trim_end();
    let said: Vec<String> = [of("Code"), of("Message")].into_iter().flatten().collect();
    if said.is_empty() { before.to_owned() } else { format!("{before} {}", said.join(": ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_servers_document_its_code_and_message_are_told() {
        let document = "Server returned non-2xx status code: 400: <?xml version=\"1.0\"?><Error><Code>ExpiredToken</Code>\
            <Message>The provided token has expired.</Message><Token-0>s3cr3t</Token-0></Error>";
        let error = object_store::Error::Generic { store: "S3", source: document.into() };
        let told = Cause::from(error).to_string();
        assert!(told.contains("ExpiredToken: The provided token has expired."), "{told}");
        assert!(!told.contains("s3cr3t"), "{told}");
        let other =
            object_store::Error::Generic { store: "S3", source: "403: <p>s3cr3t</p>".into() };
        assert!(!Cause::from(other).to_string().contains("s3cr3t"));
    }

    #[test]
    fn words_are_one_short_line_without_queries() {
        let source = format!(
            "no answer from https://sts.example/?WebIdentityToken=s3cr3t&x\n  {}",
            "x".repeat(900)
        );
        let error = object_store::Error::Generic { store: "S3", source: source.into() };
        let told = Cause::from(error).to_string();
        assert!(!told.contains("s3cr3t") && !told.contains('\n') && told.len() < 260, "{told}");
        assert!(told.contains("no answer from https://sts.example/?…"), "{told}");
    }
}
