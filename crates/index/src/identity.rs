//! The SHA-256 of files that are known by other digests alone: their bytes come, all digests are compared, and what was
//! found is remembered by those digests. Does not know who has the digests from where.

use std::fs::File;
use std::io::Read as _;

use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::{OtherDigest, Sha256};
use sha2::Digest as _;

use crate::cache::Cache;
use crate::client::Client;
use crate::digest::{Hasher, same};
use crate::error::Error;
use crate::joined::joined;
use crate::metadata_remote::whole;
use crate::receiver::{Body, Received};

/// Where found digests are remembered in the cache.
const IDENTITIES: &str = "identities-1";
/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;

/// A file whose SHA-256 is looked for.
#[derive(Debug, Clone)]
pub struct Unidentified {
    /// Its name.
    pub filename: String,
    /// Where it is.
    pub location: Location,
    /// Its digests; all are compared.
    pub digests: Vec<OtherDigest>,
}

/// What was found.
#[derive(Debug)]
pub struct Identified {
    /// The digest.
    pub sha256: Sha256,
    /// The bytes, where they came from a server for this.
    pub body: Option<Body>,
}

impl Cache {
    /// The SHA-256 of a file that had all of these digests when it came.
    pub fn identity(&self, digests: &[OtherDigest]) -> Option<Sha256> {
        let text = String::from_utf8(self.recall(IDENTITIES, &name(digests))?).ok()?;
        let (sha256, sum) = text.strip_suffix('\n')?.split_once(' ')?;
        (sum == checksum(sha256)).then(|| sha256.parse().ok())?
    }
}

/// What tells whether a digest is as it was written.
fn checksum(sha256: &str) -> String {
    format!("{:08x}", crc32fast::hash(sha256.as_bytes()))
}

/// The name by which digests are remembered: all of them, since a weak one says little.
fn name(digests: &[OtherDigest]) -> String {
    let words: Vec<String> = digests.iter().map(ToString::to_string).collect();
    Sha256::of(words.join("\n").as_bytes()).to_string()
}

/// Finds the SHA-256 of a file, by what is remembered or by its bytes.
///
/// # Errors
/// What fetching and reading fail with; [`Error::HashMismatch`] where one of the digests is another.
pub async fn identify(
    client: &Client,
    cache: &Cache,
    file: &Unidentified,
) -> Result<Identified, Error> {
    if let Some(sha256) = cache.identity(&file.digests) {
        return Ok(Identified { sha256, body: None });
    }
    let (sha256, body) = match &file.location {
        Location::Path(path) => {
            let failed = |source| Error::ReadWheel { path: path.clone(), source };
            let opened = pyfast_root::regular_file::open(path).map_err(failed)?;
            let file = file.clone();
            let read = joined(tokio::task::spawn_blocking(move || read_once(&opened, &file)));
            (read.await?, None)
        }
        Location::Url(url) => {
            let received = whole(client, cache, url).await?;
            let continued = received.continued;
            let Received { body, sha256, .. } = match compared(received, file).await {
                // Parts of two files that a server had one after the other.
                Err(Error::HashMismatch { .. }) if continued => {
                    compared(whole(client, cache, url).await?, file).await?
                }
                compared => compared?,
            };
            (sha256, Some(body))
        }
    };
    let text = sha256.to_string();
    let line = format!("{text} {}\n", checksum(&text));
    cache.remember(IDENTITIES, &name(&file.digests), line.as_bytes());
    Ok(Identified { sha256, body })
}

/// The same, off the runtime's own threads: files are hashed whole.
async fn compared(received: Received, file: &Unidentified) -> Result<Received, Error> {
    let file = file.clone();
    joined(tokio::task::spawn_blocking(move || compare(received, &file))).await
}

/// Bytes that have come, where they are what they should be.
fn compare(received: Received, file: &Unidentified) -> Result<Received, Error> {
    for expected in &file.digests {
        same(&file.filename, expected, &received.body.digest(expected.kind())?)?;
    }
    Ok(received)
}

/// Reads a file, once: somebody may write it meanwhile, and all digests are those of the same bytes.
fn read_once(mut opened: &File, file: &Unidentified) -> Result<Sha256, Error> {
    let failed = |source| match &file.location {
        Location::Path(path) => Error::ReadWheel { path: path.clone(), source },
        Location::Url(_) => Error::Spool { source },
    };
    let mut own = sha2::Sha256::new();
    let mut others: Vec<Hasher> =
        file.digests.iter().map(|digest| Hasher::new(digest.kind())).collect();
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = opened.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        own.update(&buffer[..count]);
        for hasher in &mut others {
            hasher.update(&buffer[..count]);
        }
    }
    for (expected, hasher) in file.digests.iter().zip(others) {
        same(&file.filename, expected, &hasher.finish())?;
    }
    Ok(Sha256(own.finalize().into()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use pyfast_packaging::hash::OtherKind;

    use super::*;
    use crate::client::ClientOptions;
    use crate::credentials::Credentials;
    use crate::digest::of_bytes;

    fn file(path: &Path, kinds: &[OtherKind], content: &[u8]) -> Unidentified {
        Unidentified {
            filename: "a.whl".to_owned(),
            location: Location::Path(path.to_owned()),
            digests: kinds.iter().map(|kind| of_bytes(*kind, content)).collect(),
        }
    }

    async fn found(cache: &Cache, file: &Unidentified) -> Result<Sha256, Error> {
        let client = Client::new(ClientOptions::default(), Credentials::default());
        identify(&client, cache, file).await.map(|found| found.sha256)
    }

    #[tokio::test]
    async fn a_file_is_compared_with_every_digest_and_then_known_by_all_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let (path, content) = (directory.path().join("a.whl"), vec![7; BUFFER + 1]);
        let cache = Cache::new(Some(directory.path().join("cache")));
        fs_err::write(&path, &content).unwrap();
        let kinds = [OtherKind::Sha512, OtherKind::Md5];
        let right = file(&path, &kinds, &content);
        let mut wrong = right.clone();
        wrong.digests[1] = of_bytes(OtherKind::Md5, b"other");
        for _ in 0..2 {
            let refused = found(&cache, &wrong).await;
            assert!(matches!(refused, Err(Error::HashMismatch { .. })), "{refused:?}");
            assert_eq!(found(&cache, &right).await.unwrap(), Sha256::of(&content));
        }
        fs_err::remove_file(&path).unwrap();
        assert_eq!(found(&cache, &right).await.unwrap(), Sha256::of(&content), "remembered");
        let single = file(&path, &kinds[..1], &content);
        assert!(found(&cache, &single).await.is_err(), "other digests are another question");
    }

    #[test]
    fn what_is_no_digest_is_not_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(directory.path().join("cache")));
        let digests = [of_bytes(OtherKind::Sha512, b"x")];
        let changed = format!("{} {}\n", "a".repeat(64), checksum(&"b".repeat(64)));
        for damaged in [&b""[..], b"\xff\n", b"abc\n", &[b'a'; 64], changed.as_bytes()] {
            cache.remember(IDENTITIES, &name(&digests), damaged);
            assert_eq!(cache.identity(&digests), None);
        }
    }
}
