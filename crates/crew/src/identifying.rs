//! The SHA-256 of files that another tool's lock knows by other digests alone. Owns that all of them are found, and that
//! what came on the way is used; must not know where wheels go.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyfast_index::Body;
use pyfast_index::cache::Cache;
use pyfast_index::identity::{Unidentified, identify};
use pyfast_resolver::{Lock, LockedPackage};

use crate::error::Error;
use crate::session::Session;

/// Files that come at once.
const AT_ONCE: usize = 16;

/// Takes from the cache what is known of a lock's files.
pub(crate) fn recall(lock: &mut Lock, cache: &Cache) {
    for package in &mut lock.packages {
        let known = package.pending.as_ref().and_then(|one| cache.identity(one.digests()));
        if let Some(sha256) = known {
            package.identify(sha256);
        }
    }
}

/// Finds the SHA-256 of each file, by its bytes where they have never come; wheels that come are given to `arrived`.
pub(crate) fn find(
    lock: &mut Lock,
    session: &Session,
    mut arrived: impl FnMut(&LockedPackage, Body),
) -> Result<(), Error> {
    let asked = lock.packages.iter().enumerate().filter_map(|(number, package)| {
        let file = Unidentified {
            filename: package.filename.to_string(),
            location: package.location.clone(),
            digests: package.pending.as_ref()?.digests().to_vec(),
        };
        Some((number, file))
    });
    let one = |(number, file): (usize, Unidentified)| async move {
        let found = identify(&session.client, &session.cache, &file).await?;
        Ok::<_, pyfast_index::Error>((number, found))
    };
    let asked: Vec<_> = asked.collect();
    let taken = async {
        // What is on its way when one is refused ends in here: connections need the runtime to be given up.
        let mut all = stream::iter(asked).map(one).buffer_unordered(AT_ONCE);
        while let Some((number, found)) = all.try_next().await? {
            let package = &mut lock.packages[number];
            package.identify(found.sha256);
            let Some(body) = found.body else { continue };
            if package.filename.wheel().is_some() {
                arrived(package, body);
            } else {
                // Whoever builds it looks there first, and fetches it again where it could not be kept.
                session.cache.store_source(&found.sha256, &body);
            }
        }
        Ok(())
    };
    session.runtime.block_on(taken).map_err(|error| pyfast_installer::Error::Fetch(error).into())
}
