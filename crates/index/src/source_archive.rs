//! Source archives: their bytes, what is in them (`walk`), and what they state of themselves
//! (`statements`). Knows nothing of how they are built, or of versions and targets.

mod statements;
mod walk;

use std::path::Path;

use bytes::Bytes;
use http::StatusCode;

use crate::cache::Cache;
use crate::client::{Client, LARGEST_FILE, Request};
use crate::digest;
use crate::error::Error;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::{Digest, Sha256};

pub use statements::{Statements, project_table};
pub use walk::{Member, Visit, walk_source};

/// The bytes of a source archive, from the cache or from where it is, with their digest.
///
/// # Errors
/// What fetching or reading fails with; [`Error::HashMismatch`] for other bytes than `expected`.
pub async fn fetch_source(
    client: &Client,
    cache: &Cache,
    filename: &str,
    location: &Location,
    expected: Option<&Digest>,
) -> Result<(Bytes, Sha256), Error> {
    if let Some(expected) = expected.and_then(Digest::sha256)
        && let Some(bytes) = cache.source(&expected)
    {
        return Ok((bytes, expected));
    }
    let bytes = match location {
        Location::Path(path) => read(path)?,
        Location::Url(url) => {
            let answer = client.fetch(&Request::file(url.clone(), LARGEST_FILE)).await?;
            if answer.status != StatusCode::OK {
                let status = answer.status.as_u16();
                return Err(Error::Status { url: url.clone(), status, attempts: 1 });
            }
            answer.body
        }
    };
    let found = Sha256::of(&bytes);
    if let Some(expected) = expected {
        digest::check(filename, expected, found, |kind| Ok(digest::of_bytes(kind, &bytes)))?;
    }
    if matches!(location, Location::Url(_)) {
        cache.store_source(&found, &bytes);
    }
    Ok((bytes, found))
}

fn read(path: &Path) -> Result<Bytes, Error> {
    let read = pyfast_root::regular_file::read(path);
    read.map(Bytes::from).map_err(|source| Error::ReadWheel { path: path.to_owned(), source })
}
