//! The wheels of a lock as files in a directory, for machines that reach no index. Owns which file is made of what; must
//! not know who reads them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use pyfast_index::Body;
use pyfast_index::cache::file_digest;
use pyfast_index::client::{LARGEST_FILE, Piece, Request};
use pyfast_installer::store::pack;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
use pyfast_resolver::{Lock, LockedPackage};
use pyfast_root::{Root, whole_file};
use pyfast_settings::{ResolveFlags, Settings};
use tokio::sync::mpsc;
use url::Url;

use crate::building::{BUILDS, BuildPlace};
use crate::error::Error;
use crate::event::{Events, wheels};
use crate::here::for_fetching;
use crate::identifying;
use crate::inputs::if_any;
use crate::interpreter::{host_python, interpreter};
use crate::session::Session;

/// What was put into the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Wheels that are the lock's own.
    pub wheels: Vec<String>,
    /// Wheels that were built of the lock's sources: no lock names their digests.
    pub built: Vec<String>,
}

/// Puts the wheels of a lock into a directory, by way of what the project's files say of servers and builds. What is
/// there with the right digest stays.
///
/// # Errors
/// What fetching and building fail with, a digest that is not the lock's, and what the disk refuses.
pub fn fill(
    directory: &Path,
    lock: &Lock,
    flags: &ResolveFlags,
    settings: &Settings,
    events: &Events,
) -> Result<Filled, Error> {
    let failed = |source| Error::Write { path: directory.to_owned(), source };
    fs_err::create_dir_all(directory).map_err(failed)?;
    let python = interpreter(settings)?;
    let host = host_python(settings, Some(&python));
    let cache = settings.cache_directory()?;
    let (inputs, builds) = (if_any(flags, settings, events)?, cache.join(BUILDS));
    let set = for_fetching(inputs.as_ref().map(|inputs| &inputs.set));
    let mut session = Session::new(settings, &set, host.as_deref(), cache, events)?;
    let place = BuildPlace { store: builds.clone(), yard: builds.clone(), interpreter: &python };
    session.build_in(place, flags, settings, events)?;
    let lock = &mut lock.clone();
    let mut came = BTreeMap::new();
    identifying::find(lock, &session, |package, body| {
        came.insert(package.name.clone(), body);
    })?;
    events(wheels(&lock.packages));
    let mut filled = Filled::default();
    let mut sources = lock.clone();
    sources.packages.retain(|package| package.filename.wheel().is_none());
    for package in &lock.packages {
        let (Some(wheel), Some(sha256)) = (package.filename.wheel(), package.sha256) else {
            continue;
        };
        let path = directory.join(wheel.to_string());
        if !file_digest(&path).is_ok_and(|found| found == sha256) {
            let wanted = Wanted { package, sha256, body: came.remove(&package.name) };
            bring(wanted, &path, &session)?;
        }
        filled.wheels.push(wheel.to_string());
    }
    for wheel in session.build_all(&sources, flags, Some(&set.index))?.into_values() {
        let path = directory.join(wheel.filename.to_string());
        let root = Root::create(&builds, &builds)?;
        let mut bytes = std::io::Cursor::new(Vec::new());
        pack(&root, &wheel.sha256, &mut bytes)?;
        whole_file::replace(&path, bytes.get_ref(), 0o666)
            .map_err(|source| Error::Write { path, source })?;
        filled.built.push(wheel.filename.to_string());
    }
    session.runtime.shutdown_background();
    Ok(filled)
}

/// A wheel of the lock.
struct Wanted<'a> {
    package: &'a LockedPackage,
    sha256: Sha256,
    /// Its bytes, where they have come already.
    body: Option<Body>,
}

/// Has a wheel's file, of the digest that the lock has.
fn bring(wanted: Wanted<'_>, path: &Path, session: &Session) -> Result<(), Error> {
    let Wanted { package, sha256: expected, body } = wanted;
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let aside = aside(path);
    let written = match (&body, &package.location) {
        (Some(body), _) => {
            let file = File::create(&aside);
            file.and_then(|mut file| body.copy_to(&mut file)).map_err(failed)
        }
        (None, Location::Path(from)) => fs_err::copy(from, &aside).map(drop).map_err(failed),
        (None, Location::Url(url)) => fetch(url, &aside, session),
    };
    let checked = written.and_then(|()| {
        let found = file_digest(&aside).map_err(pyfast_installer::Error::Fetch)?;
        if found != expected {
            let wheel = package.filename.to_string();
            return Err(pyfast_installer::Error::HashMismatch { wheel, found, expected }.into());
        }
        fs_err::rename(&aside, path).map_err(failed)
    });
    checked.inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs_err::remove_file(&aside);
    })
}

/// Where a file lies until it is whole: no reader of the directory takes it for a wheel.
fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn fetch(url: &Url, to: &Path, session: &Session) -> Result<(), Error> {
    let failed = |source| Error::Write { path: to.to_owned(), source };
    let (pieces, mut coming) = mpsc::channel(8);
    let request = Request::file(url.clone(), LARGEST_FILE);
    let client = std::sync::Arc::clone(&session.client);
    let fetched =
        session.runtime.spawn(async move { client.fetch_pieces(&request, &pieces).await });
    let mut file = BufWriter::new(File::create(to).map_err(failed)?);
    while let Some(piece) = coming.blocking_recv() {
        match piece {
            Piece::Begin => file = BufWriter::new(File::create(to).map_err(failed)?),
            Piece::GoesOn => {}
            Piece::Data(bytes) => file.write_all(&bytes).map_err(failed)?,
        }
    }
    file.flush().map_err(failed)?;
    let answer = session.runtime.block_on(pyfast_index::joined(fetched));
    let status = answer.map_err(pyfast_installer::Error::Fetch)?.status;
    if status.is_success() {
        return Ok(());
    }
    let (url, status) = (url.clone(), status.as_u16());
    let refused = pyfast_index::Error::Status { url, status, attempts: 1 };
    Err(pyfast_installer::Error::Fetch(refused).into())
}
