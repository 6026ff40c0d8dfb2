//! Source archives: their bytes, what is in them (`walk`), and what they state of themselves
//! (`statements`). Knows nothing of how they are built, or of versions and targets.

mod statements;
mod walk;

use std::io::Read as _;
use std::path::Path;

use crate::cache::Cache;
use crate::client::Client;
use crate::digest;
use crate::error::Error;
use crate::metadata_remote;
use crate::receiver::{Received, Receiver};
use crate::whole::ROOM;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Digest;

/// An archive of this machine is read in pieces of so many bytes.
const PIECE: usize = 256 << 10;

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
) -> Result<Received, Error> {
    if let Some(sha256) = expected.and_then(Digest::sha256)
        && let Some(body) = cache.source(&sha256)
    {
        return Ok(Received { body, sha256, continued: false });
    }
    let received = match location {
        Location::Path(path) => read(cache, path)?,
        Location::Url(url) => metadata_remote::whole(client, cache, url).await?,
    };
    let Received { body, sha256, .. } = &received;
    if let Some(expected) = expected {
        digest::check(filename, expected, *sha256, |kind| body.digest(kind))?;
    }
    if matches!(location, Location::Url(_)) {
        cache.store_source(sha256, body);
    }
    Ok(received)
}

/// Reads a file of this machine into what is this process's own: somebody may write another into it after it was hashed.
fn read(cache: &Cache, path: &Path) -> Result<Received, Error> {
    let unreadable = |source| Error::ReadWheel { path: path.to_owned(), source };
    let cache = cache.clone();
    let mut receiver = Receiver::new(ROOM, move |_| Ok(cache.nameless()));
    let mut file = pyfast_root::regular_file::open(path).map_err(unreadable)?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(receiver.finish()),
            count => {
                receiver.take(&piece[..count]).map_err(|source| Error::Spool { source })?;
            }
        }
    }
}
