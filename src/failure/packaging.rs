//! What to do about texts that are wrong, or that cannot be read.

use pyfast_index::Error as IndexError;
use pyfast_packaging::{Error as PackagingError, Unfetched};

use super::index::{fetching_hints, kind};
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

/// Who fetches fails with errors of the index, or with those that come before anything is fetched.
fn kind_of_unfetched(error: &Unfetched) -> (&'static str, Code) {
    match error.downcast_ref::<IndexError>() {
        Some(error) => kind(error),
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
            source.downcast_ref::<IndexError>().map(hints_of_server).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// What helps where a requirements file cannot be fetched.
fn hints_of_server(error: &IndexError) -> Vec<String> {
    let hint = match error {
        IndexError::Status { status: 401 | 403, .. } => {
            "give credentials in the URL (https://user:password@…) or in ~/.netrc"
        }
        IndexError::Status { status: 404 | 410, .. } => {
            "is the URL right? Opened in a browser it shows the text"
        }
        IndexError::Fetch { .. } => {
            "is the network up, and is the URL right? --offline takes the copy in the cache"
        }
        IndexError::WebPage { .. } => {
            "name the URL of the file itself: on code hosts that of its raw text; a page to log in needs credentials"
        }
        other => return fetching_hints(other),
    };
    vec![hint.to_owned()]
}
