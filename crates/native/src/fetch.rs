//! How the bytes of archives come: into a file, hashed on the way. Knows nothing of what is in them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyfast_index::client::{LARGEST_FILE, Request};
use pyfast_index::{Received, Receiver, joined};
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

/// Brings archives into a directory, each under its file name, and what their channels say they are.
pub(crate) fn fetch(packages: &[NativePackage], into: &Dir, tools: &Tools) -> Result<(), Error> {
    let each = stream::iter(packages.iter().map(|package| one(package, into, tools)));
    tools.runtime.block_on(each.buffer_unordered(AT_ONCE).try_collect())
}

async fn one(package: &NativePackage, into: &Dir, tools: &Tools) -> Result<(), Error> {
    let file = into.create(&package.file, 0o600)?;
    let wrong = |reason: String| Error::Channel { channel: package.url.clone(), reason };
    let url =
        Url::parse(&tools.mirrors.asked(&package.url)).map_err(|error| wrong(error.to_string()))?;
    let come = if url.scheme() == "file" {
        let path = match &tools.archives {
            Some(archives) => archives.join(&package.file),
            None => url.to_file_path().map_err(|()| wrong("it is no path".to_owned()))?,
        };
        let copy = move || copied(&path, file);
        joined(tokio::task::spawn_blocking(copy)).await?
    } else {
        let request = Request::file(url, limit(package));
        sent(request, file, into, tools).await?
    };
    if come.sha256 != package.sha256 {
        let (file, expected) = (package.file.clone(), package.sha256);
        return Err(Error::HashMismatch { file, expected, found: come.sha256 });
    }
    Ok(())
}

/// A little more than was announced, so that a file that changed is told by its hash.
fn limit(package: &NativePackage) -> usize {
    let limit = package.size.map(|size| size.saturating_add(SLACK));
    limit.and_then(|size| usize::try_from(size).ok()).unwrap_or(LARGEST_FILE).min(LARGEST_FILE)
}

/// What a server sends.
async fn sent(request: Request, file: File, into: &Dir, tools: &Tools) -> Result<Received, Error> {
    let (sender, pieces) = mpsc::channel(PIECES);
    let receiver = Receiver::onto(file, 0);
    let written = tokio::task::spawn_blocking(|| receiver.take_all(pieces));
    let fetched = tools.client.fetch_pieces(&request, &sender).await;
    drop(sender);
    // Where the disk takes no more that is the cause.
    let written = joined(written).await.map_err(Error::io("write", into.path()))?;
    let answer = fetched?;
    if answer.status.is_success() {
        return Ok(written);
    }
    let (url, status) = (request.url, answer.status.as_u16());
    Err(pyfast_index::Error::Status { url, status, attempts: 1 }.into())
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
