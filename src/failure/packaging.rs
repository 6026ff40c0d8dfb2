//! What to do about texts that are wrong, or that cannot be read.

use pyfast_packaging::{Error as PackagingError, Unfetched};
use pyfast_resolver::Error as ResolveError;

use super::resolver::{kind_of_resolve, resolve_hints};
use super::{Code, Failure};

impl From<PackagingError> for Failure {
    fn from(error: PackagingError) -> Self {
        Self::from_packaging(&error)
    }
}

impl Failure {
    pub(super) fn from_packaging(error: &PackagingError) -> Self {
        let (kind, code) = match error {
            PackagingError::RemoteRequirements { source, .. } => kind_of_unfetched(source),
            _ => ("usage", Code::Usage),
        };
        let mut failure = Self::from_error(kind, error, code);
        failure.beside.place = error.spot().map(|(file, spot)| (file.to_owned(), spot.clone()));
        failure.hints.extend(reading_hints(error));
        failure
    }
}

/// Who fetches fails with errors of the resolver, or with those that come before anything is fetched.
fn kind_of_unfetched(error: &Unfetched) -> (&'static str, Code) {
    match error.downcast_ref::<ResolveError>() {
        Some(error) => kind_of_resolve(error.root()),
        None => ("usage", Code::Usage),
    }
}

fn reading_hints(error: &PackagingError) -> Vec<String> {
    match error {
        PackagingError::ReadRequirements { include: None, .. } => {
            vec!["name the requirements file with -r FILE".to_owned()]
        }
        PackagingError::ReadRequirements { include: Some(_), .. } => {
            vec!["a name is relative to the file it is written in".to_owned()]
        }
        PackagingError::Requirement { advice: Some(advice), .. } => vec![advice.clone()],
        PackagingError::RemoteRequirements { source, .. } => {
            source.downcast_ref::<ResolveError>().map(fetching_hints).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// What helps where a requirements file cannot be fetched.
fn fetching_hints(error: &ResolveError) -> Vec<String> {
    let hint = match error.root() {
        ResolveError::Status { status: 401 | 403, .. } => {
            "give credentials in the URL (https://user:password@…) or in ~/.netrc"
        }
        ResolveError::Status { status: 404 | 410, .. } => {
            "is the URL right? Opened in a browser it shows the text"
        }
        ResolveError::Fetch { .. } => {
            "is the network up, and is the URL right? --offline takes the copy in the cache"
        }
        ResolveError::WebPage { .. } => {
            "name the URL of the file itself: on code hosts that of its raw text; a page to log in needs credentials"
        }
        other => return resolve_hints(other),
    };
    vec![hint.to_owned()]
}
