//! How the bytes of archives come: into a file, hashed on the way. Knows nothing of what is in them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyfast_index::cache::Cache;
use pyfast_index::client::{LARGEST_FILE, Request};
use pyfast_index::{Error as IndexError, Received, Receiver, joined};
use pyfast_installer::prefix::NativePackage;
use pyfast_root::{Dir, regular_file};
use tokio::sync::mpsc;
use url::Url;

use crate::error::Error;
use crate::tools::Tools;

/// Archives that come at once.
const AT_ONCE: usize = 8;
/// Pieces that have come and are not written yet.
const PIECES: usize = 8;
/// How much larger than announced an archive may be before it is not read to its end.
const SLACK: u64 = 1 << 20;

/// An archive that goes along.
#[derive(Debug)]
pub struct Carried {
    /// Its file name.
    pub file: String,
    /// What is in it.
    pub content: File,
}

/// Brings archives into a directory, each under its file name, and what their channels say they are.
pub(crate) fn fetch(packages: &[NativePackage], into: &Dir, tools: &Tools) -> Result<(), Error> {
    let each = stream::iter(packages.iter().map(|package| one(package, into, tools)));
    tools.runtime.block_on(each.buffer_unordered(AT_ONCE).try_collect())
}

async fn one(package: &NativePackage, into: &Dir, tools: &Tools) -> Result<(), Error> {
    let come = received(package, into.create(&package.file, 0o600)?, into.path(), tools).await?;
    is_as_chosen(package, &come)
}

fn is_as_chosen(package: &NativePackage, come: &Received) -> Result<(), Error> {
    if come.sha256 == package.sha256 {
        return Ok(());
    }
    let (file, expected, found) = (package.file.clone(), package.sha256, come.sha256);
    Err(Error::HashMismatch { file, expected, found })
}

/// What comes of an archive into a file, from the first place that has it.
async fn received(
    package: &NativePackage,
    file: File,
    into: &Path,
    tools: &Tools,
) -> Result<Received, Error> {
    let asked = url_of(package, &tools.mirrors.asked(&package.url))?;
    let carried = tools.archives.as_ref().map(|archives| archives.join(&package.file));
    let carried = carried.filter(|path| asked.scheme() == "file" || path.exists());
    if carried.is_some() || asked.scheme() == "file" {
        let wrong = || unusable(package, "it is no path".to_owned());
        let path = carried.or_else(|| asked.to_file_path().ok()).ok_or_else(wrong)?;
        return joined(tokio::task::spawn_blocking(move || copied(&path, file))).await;
    }
    let places = tools.mirrors.places(asked.as_str());
    let places = places.iter().map(|place| url_of(package, place));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let (last, others) = places.split_last().ok_or_else(|| unusable(package, String::new()))?;
    for place in others {
        let file = file.try_clone().map_err(Error::io("write", into))?;
        // Another place may have it, whatever this one fails with.
        if let Ok(come) = sent(place, package, file, into, tools).await {
            return Ok(come);
        }
    }
    sent(last, package, file, into, tools).await
}

fn unusable(package: &NativePackage, reason: String) -> Error {
    Error::Channel { channel: package.url.clone(), reason }
}

fn url_of(package: &NativePackage, text: &str) -> Result<Url, Error> {
    Url::parse(text).map_err(|error| unusable(package, error.to_string()))
}

/// Archives that only this machine is let in for, as files without a name that whoever makes the prefix elsewhere is sent.
///
/// # Errors
/// If one is not to be had, or is not what was chosen.
pub fn carried(packages: &[NativePackage], tools: &Tools) -> Result<Vec<Carried>, Error> {
    let is_ours = |package: &&NativePackage| {
        let asked = tools.mirrors.asked(&package.url);
        let places = tools.mirrors.places(&asked);
        let mut urls = places.iter().filter_map(|place| Url::parse(place).ok());
        urls.any(|url| {
            url.scheme() != "file"
                && (tools.logins.has_token(&url) || tools.client.knows_login(&url))
        })
    };
    let each = packages.iter().filter(is_ours).map(|package| carried_one(package, tools));
    tools.runtime.block_on(stream::iter(each).buffer_unordered(AT_ONCE).try_collect())
}

async fn carried_one(package: &NativePackage, tools: &Tools) -> Result<Carried, Error> {
    let own = |source| Error::io("make a file below", &tools.cache)(source);
    let none = || own(std::io::ErrorKind::PermissionDenied.into());
    let file = Cache::new(Some(tools.cache.clone())).nameless().ok_or_else(none)?;
    let content = file.try_clone().map_err(own)?;
    let come = received(package, file, &tools.cache, tools).await?;
    is_as_chosen(package, &come)?;
    Ok(Carried { file: package.file.clone(), content })
}

/// A little more than was announced, so that a file that changed is told by its hash.
fn limit(package: &NativePackage) -> usize {
    let limit = package.size.map(|size| size.saturating_add(SLACK));
    limit.and_then(|size| usize::try_from(size).ok()).unwrap_or(LARGEST_FILE).min(LARGEST_FILE)
}

/// What a server sends from one place.
async fn sent(
    place: &Url,
    package: &NativePackage,
    file: File,
    into: &Path,
    tools: &Tools,
) -> Result<Received, Error> {
    let request = Request::file(tools.logins.with_token(place), limit(package));
    let (sender, pieces) = mpsc::channel(PIECES);
    let receiver = Receiver::onto(file, 0);
    let written = tokio::task::spawn_blocking(|| receiver.take_all(pieces));
    let fetched = tools.client.fetch_pieces(&request, &sender).await;
    drop(sender);
    // Where the disk takes no more that is the cause.
    let written = joined(written).await.map_err(Error::io("write", into))?;
    let answer = fetched.map_err(|mut error| {
        if let IndexError::Fetch { url, .. } | IndexError::Status { url, .. } = &mut error {
            url.clone_from(place);
        }
        error
    })?;
    if answer.status.is_success() {
        return Ok(written);
    }
    let (url, status) = (place.clone(), answer.status.as_u16());
    Err(IndexError::Status { url, status, attempts: 1 }.into())
}

/// What a directory has.
fn copied(path: &Path, file: File) -> Result<Received, Error> {
    let mut from = regular_file::open(path).map_err(Error::io("read", path))?;
    let mut receiver = Receiver::onto(file, 0);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match from.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(receiver.finish()),
            count => receiver.take(&buffer[..count]).map_err(Error::io("copy", path))?,
        }
    }
}
