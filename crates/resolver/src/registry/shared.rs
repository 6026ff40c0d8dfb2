//! What all views of a registry share: pages and metadata, each fetched once, and how they are fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use pep508_rs::PackageName;
use pyfast_index::cache::Cache;
use pyfast_index::client::{Client, Request};
use pyfast_index::flat::Flat;
use pyfast_index::index::{Found, Index};
use pyfast_index::metadata_remote::{self, Ranged};
use pyfast_index::page::{Page, StoredPage};
use pyfast_index::source_archive::{self, Statements};
use pyfast_index::{Body, Error as IndexError, Received, digest, joined};
use pyfast_packaging::build::{BuildFailure, BuildStage};
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::filename::{DistFilename, WheelFilename};
use pyfast_packaging::hash::{Digest, OtherDigest, OtherKind, Sha256};
use pyfast_packaging::metadata::{self, LARGEST, Metadata};
use pyfast_packaging::source_dist::{SourceDist, SourceTree};
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use url::Url;

use crate::build_source::BuildSource;
use crate::candidate::Candidate;
use crate::error::Error;
use crate::once::OnceMap;
use crate::sources::{IndexStrategy, Sources};

/// Wheels of which the whole is on its way at once.
pub(super) const WHOLE_AT_ONCE: usize = 24;
/// The most bytes of whole wheels that are kept for an installation in memory, and in files.
const MOST_IN_MEMORY: u64 = 32 << 20;
const MOST_IN_FILES: u64 = 4 << 30;

pub(super) struct Shared {
    pub(super) sources: Sources,
    /// Wheels up to this size in bytes are fetched whole where metadata is needed.
    pub(super) whole_up_to: u64,
    pub(super) indexes: Vec<Index>,
    pub(super) client: Arc<Client>,
    pub(super) cache: Cache,
    pub(super) flat: Flat,
    pub(super) pages: OnceMap<PackageName, Option<Arc<Page>>>,
    pub(super) metadata: OnceMap<String, Result<Arc<Metadata>, String>>,
    pub(super) statements: OnceMap<String, Statement>,
    /// Pages that were used although stale, with the number of their index.
    pub(super) stale: Mutex<Vec<(PackageName, usize)>>,
    /// Pages of the cache that are read as far as they are needed.
    pub(super) opened: Mutex<Vec<Opened>>,
    /// Wheels that came whole, until someone takes them.
    pub(super) whole: Mutex<Kept>,
    /// The kinds of digests that the user's hashes of a project have beside SHA-256.
    pub(super) kinds: Mutex<BTreeMap<PackageName, BTreeSet<OtherKind>>>,
    /// What is known of the files that came whole, by their places.
    pub(super) arrived: Mutex<FxHashMap<String, Arrived>>,
    /// Servers that do not do byte ranges are not asked again.
    pub(super) no_ranges: AtomicBool,
    /// Bounds the memory that wheels take of which the whole is on its way.
    pub(super) bodies: Semaphore,
    /// Who makes metadata of sources that do not state their own.
    pub(super) build: Option<Arc<dyn BuildSource>>,
    pub(super) runtime: Handle,
}

/// What is known of a file that came whole.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    pub(super) sha256: Sha256,
    /// Its digests of the kinds that the user's hashes of the project have.
    pub(super) others: Vec<OtherDigest>,
}

impl Arrived {
    /// Its digest of a kind, if it is known.
    pub(super) fn other(&self, kind: OtherKind) -> Option<OtherDigest> {
        self.others.iter().find(|other| other.kind() == kind).cloned()
    }
}

/// A page of the cache that is read as far as it is needed.
pub(super) struct Opened {
    pub(super) name: PackageName,
    /// The number of its index.
    pub(super) index: usize,
    pub(super) page: Arc<StoredPage>,
}

/// What a source archive states of itself.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    sha256: Sha256,
    /// `METADATA`, where it is stated for good.
    metadata: Option<Arc<str>>,
}

pub(super) type Outcome<T> =
    futures_util::future::Shared<futures_util::future::BoxFuture<'static, Result<T, Arc<Error>>>>;

impl Shared {
    pub(super) fn start_page(self: &Arc<Self>, name: &PackageName) -> Outcome<Option<Arc<Page>>> {
        self.pages.start(name.clone(), || {
            let (shared, name) = (Arc::clone(self), name.clone());
            async move { shared.page(&name, false).await.map_err(Arc::new) }
        })
    }

    pub(super) fn start_metadata(
        self: &Arc<Self>,
        candidate: &Candidate,
    ) -> Outcome<Result<Arc<Metadata>, String>> {
        let told_by = candidate.told_by.as_deref();
        let place = candidate.location.to_string();
        // Views for different targets may have different wheels tell of one source.
        let key = told_by.map(|wheel| format!("{place} {}", wheel.location)).unwrap_or(place);
        self.metadata.start(key, || {
            let (shared, candidate) = (Arc::clone(self), candidate.clone());
            async move { shared.told_or_read(&candidate).await }
        })
    }

    /// The metadata of a candidate: what a wheel of its version tells, where it is a source that has one. Where that
    /// tells nothing, for whatever reason, the source is asked.
    async fn told_or_read(
        self: &Arc<Self>,
        candidate: &Candidate,
    ) -> Result<Result<Arc<Metadata>, String>, Arc<Error>> {
        if let Some(wheel) = &candidate.told_by {
            // Nobody wants to install it: whatever is wrong with it is no reason to fail.
            let told = self.start_metadata(wheel).await;
            if let Ok(Ok(_)) = told {
                return told;
            }
        }
        self.read_metadata(candidate).await.map_err(Arc::new)
    }

    /// The page of a project over all sources. `settled` uses cached pages as they are.
    pub(super) async fn page(
        &self,
        name: &PackageName,
        settled: bool,
    ) -> Result<Option<Arc<Page>>, Error> {
        let mut pages = Vec::new();
        // What is pinned to an index comes from nowhere else.
        let pinned = self.sources.pinned(name).is_some();
        let flat = if pinned { None } else { self.flat.page(name, &self.client).await? };
        let has_flat = flat.is_some();
        pages.extend(flat);
        for index in &self.indexes[self.sources.searched(name)] {
            let found = index.page(name).await;
            if let Ok(Found::Fresh(page) | Found::Stale(page)) = &found
                && let Some(page) = page.stored().map(Arc::clone)
            {
                let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
                opened.push(Opened { name: name.clone(), index: index.number, page });
            }
            match found {
                Ok(Found::Nothing) => continue,
                Ok(Found::Fresh(page)) => pages.push(page),
                Ok(Found::Stale(page)) => {
                    if !settled {
                        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
                        stale.push((name.clone(), index.number));
                    }
                    pages.push(page);
                }
                // Offline with files at hand, an uncached page is no reason to stop.
                Err(IndexError::Offline { .. }) if has_flat => continue,
                Err(error) => return Err(error.into()),
            }
            if self.sources.strategy == IndexStrategy::FirstIndex {
                break;
            }
        }
        if pages.is_empty() {
            return Ok(None);
        }
        Ok(Some(Arc::new(match self.sources.strategy {
            IndexStrategy::UnsafeFirstMatch => Page::chain(&pages),
            _ => Page::merge(pages),
        })))
    }

    async fn read_metadata(
        self: &Arc<Self>,
        candidate: &Candidate,
    ) -> Result<Result<Arc<Metadata>, String>, Error> {
        let location = candidate.location.to_string();
        let key = Cache::metadata_key(candidate.sha256.as_ref(), &location);
        // A file on this machine may change under an unchanged name.
        let cacheable = matches!(candidate.location, Location::Url(_));
        let cached = cacheable.then(|| self.cache.metadata(&key)).flatten();
        let mut fresh = cached.is_none();
        let text = match (cached, &candidate.filename) {
            (Some(text), _) => text,
            (None, DistFilename::Wheel(wheel)) => {
                metadata::excerpt(&self.fetch_metadata(candidate, wheel).await?)
            }
            (None, DistFilename::Source(_)) => {
                let (text, stated) = self.source_metadata(candidate).await?;
                // What a build gives depends on its settings; the builder remembers it.
                fresh = stated;
                metadata::excerpt(&text)
            }
        };
        let metadata = checked(&text, candidate);
        if fresh && cacheable && metadata.is_ok() {
            self.cache.store_metadata(&key, &text);
        }
        Ok(metadata)
    }

    /// What a source states of itself. Whoever asks first fetches it; nothing of it runs.
    pub(super) fn start_statement(self: &Arc<Self>, candidate: &Candidate) -> Outcome<Statement> {
        self.statements.start(candidate.location.to_string(), || {
            let (shared, candidate) = (Arc::clone(self), candidate.clone());
            async move { shared.read_statement(&candidate).await.map_err(Arc::new) }
        })
    }

    async fn read_statement(&self, candidate: &Candidate) -> Result<Statement, Error> {
        let name = candidate.filename.to_string();
        let (location, expected) = (&candidate.location, candidate.expected());
        let received = {
            let _turn = self.bodies.acquire().await;
            let (client, cache) = (&self.client, &self.cache);
            source_archive::fetch_source(client, cache, &name, location, expected.as_ref()).await?
        };
        self.note(candidate, self.look_at(candidate, &received)?);
        let Received { body, sha256, .. } = received;
        let source = source_of(candidate, sha256);
        let work = move || {
            Statements::read(&name, &body, None).map_err(|error| {
                let (stage, reason) = (BuildStage::Source, error.to_string());
                Error::Build(Box::new(BuildFailure::new(&source, stage, reason)))
            })
        };
        let stated = joined(tokio::task::spawn_blocking(work)).await?;
        let metadata = stated.metadata(Some(&candidate.version)).map(Arc::from);
        Ok(Statement { sha256, metadata })
    }

    /// The metadata of a source, and whether the source states it.
    async fn source_metadata(
        self: &Arc<Self>,
        candidate: &Candidate,
    ) -> Result<(Arc<str>, bool), Error> {
        let Statement { sha256, metadata } = self.start_statement(candidate).await?;
        if let Some(metadata) = metadata {
            return Ok((metadata, true));
        }
        let source = source_of(candidate, sha256);
        let build = self.build.clone();
        // Building takes long, and waits for this runtime.
        let work = move || {
            let nobody = "it does not state its metadata, and there is no Python on this machine that could be asked";
            let failed = || BuildFailure::new(&source, BuildStage::Allowed, nobody);
            let build = build.ok_or_else(|| Error::Build(Box::new(failed())))?;
            build.metadata(&source)
        };
        Ok((joined(tokio::task::spawn_blocking(work)).await?.into(), false))
    }

    pub(super) async fn fetch_metadata(
        &self,
        candidate: &Candidate,
        wheel: &WheelFilename,
    ) -> Result<String, IndexError> {
        let url = match &candidate.location {
            Location::Path(path) => return metadata_remote::from_path(wheel, path),
            Location::Url(url) => url,
        };
        // What its bytes are compared with is asked of the whole file, which then has its metadata too.
        let compared = self.is_compared(candidate);
        if candidate.core_metadata && !compared {
            let mut beside = url.clone();
            beside.set_path(&format!("{}.metadata", url.path()));
            let answer = self.client.fetch(&Request::page(beside, LARGEST)).await?;
            if answer.status == StatusCode::OK {
                return Ok(String::from_utf8_lossy(&answer.body).into_owned());
            }
        }
        let small = candidate.facts.size.is_some_and(|size| size <= self.whole_up_to);
        // Without a digest from the index the whole file is needed anyway, to make one.
        let whole = small || compared || candidate.sha256.is_none();
        let ranges = !whole && !self.no_ranges.load(Ordering::Relaxed);
        if ranges {
            let (client, cache, size) = (&self.client, &self.cache, candidate.facts.size);
            match metadata_remote::by_ranges(client, cache, wheel, url, size).await? {
                Ranged::Text(text) => return Ok(text),
                Ranged::Whole(received) => {
                    self.no_ranges.store(true, Ordering::Relaxed);
                    self.keep(candidate, &received)?;
                    return metadata_remote::from_body(wheel, &received.body);
                }
                Ranged::Refused => self.no_ranges.store(true, Ordering::Relaxed),
            }
        }
        let Received { body, .. } = self.fetch_whole(candidate, url).await?;
        metadata_remote::from_body(wheel, &body)
    }

    /// Whether only a file's bytes tell that it is one that the user's hashes allow.
    fn is_compared(&self, candidate: &Candidate) -> bool {
        let kinds = self.kinds_of(&candidate.name);
        let given = candidate.other.as_ref().map(OtherDigest::kind);
        !kinds.is_empty() && given.is_none_or(|given| !kinds.contains(&given))
    }

    pub(super) async fn fetch_whole(
        &self,
        candidate: &Candidate,
        url: &Url,
    ) -> Result<Received, IndexError> {
        let _turn = self.bodies.acquire().await;
        let received = metadata_remote::whole(&self.client, &self.cache, url).await?;
        self.keep(candidate, &received)?;
        Ok(received)
    }

    /// What is known of a file that came whole.
    pub(super) fn arrived(&self, candidate: &Candidate) -> Option<Arrived> {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.get(&candidate.location.to_string()).cloned()
    }

    /// Takes note of the hashes that the user has for projects, before anything of theirs comes.
    pub(super) fn expect(&self, hashes: &BTreeMap<PackageName, Vec<Digest>>) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, allowed) in hashes {
            let others = allowed.iter().filter_map(Digest::other).map(OtherDigest::kind);
            kinds.entry(name.clone()).or_default().extend(others);
        }
    }

    /// What a file is that came whole. Computed while its bytes are at hand, which may not be kept; and with no lock
    /// held, because whole wheels are hashed.
    fn look_at(
        &self,
        candidate: &Candidate,
        Received { body, sha256, .. }: &Received,
    ) -> Result<Arrived, IndexError> {
        let kinds = self.kinds_of(&candidate.name).into_iter();
        let others = kinds.map(|kind| body.digest(kind)).collect::<Result<_, _>>()?;
        Ok(Arrived { sha256: *sha256, others })
    }

    /// The kinds of digests that the user's hashes of a project have beside SHA-256.
    fn kinds_of(&self, name: &PackageName) -> BTreeSet<OtherKind> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.get(name).cloned().unwrap_or_default()
    }

    fn note(&self, candidate: &Candidate, found: Arrived) {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.insert(candidate.location.to_string(), found);
    }

    /// Checks a whole wheel against its digest and keeps it where it is going to be installed.
    pub(super) fn keep(
        &self,
        candidate: &Candidate,
        received: &Received,
    ) -> Result<(), IndexError> {
        let Received { body, sha256, .. } = received;
        let found = self.look_at(candidate, received)?;
        if let Some(expected) = candidate.expected() {
            let filename = candidate.filename.to_string();
            let other = |kind| found.other(kind).map_or_else(|| body.digest(kind), Ok);
            digest::check(&filename, &expected, *sha256, other)?;
        }
        self.note(candidate, found);
        // Without an installation nobody comes for it.
        if self.whole_up_to > 0 {
            self.whole.lock().unwrap_or_else(PoisonError::into_inner).add(*sha256, body);
        }
        Ok(())
    }
}

/// Wheels that came whole. The solver may look at many that nobody installs, so that not all are kept: of
/// another the installation fetches once more what it needs.
#[derive(Default)]
pub(super) struct Kept {
    bodies: FxHashMap<Sha256, Body>,
    /// Bytes in memory, and in files.
    held: [u64; 2],
}

impl Kept {
    fn add(&mut self, sha256: Sha256, body: &Body) {
        let (place, most) = Self::bound(body);
        let held = self.held[place].saturating_add(body.size());
        if held <= most && !self.bodies.contains_key(&sha256) {
            self.held[place] = held;
            self.bodies.insert(sha256, body.clone());
        }
    }

    /// Gives one away.
    pub(super) fn take(&mut self, sha256: &Sha256) -> Option<Body> {
        let body = self.bodies.remove(sha256)?;
        let (place, _) = Self::bound(&body);
        self.held[place] = self.held[place].saturating_sub(body.size());
        Some(body)
    }

    fn bound(body: &Body) -> (usize, u64) {
        match body {
            Body::Memory(_) => (0, MOST_IN_MEMORY),
            Body::File(_) => (1, MOST_IN_FILES),
        }
    }
}

/// A source archive of an index.
fn source_of(candidate: &Candidate, sha256: Sha256) -> SourceDist {
    let (filename, location) = (candidate.filename.to_string(), candidate.location.clone());
    SourceDist {
        name: Some(candidate.name.clone()),
        version: Some(candidate.version.clone()),
        tree: SourceTree::Archive { filename, location, sha256 },
        subdirectory: None,
        editable: false,
    }
}

/// Metadata that is of this candidate.
fn checked(text: &str, candidate: &Candidate) -> Result<Arc<Metadata>, String> {
    let metadata = metadata::parse(text)?;
    let (name, version) = (&candidate.name, &candidate.version);
    if metadata.name != *name {
        return Err(format!("its name is {}, not {name}", metadata.name));
    }
    let public = version.clone().without_local();
    if metadata.version != *version && metadata.version != public {
        return Err(format!("its version is {}, not {version}", metadata.version));
    }
    Ok(Arc::new(metadata))
}
