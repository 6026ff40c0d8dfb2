//! Packages of the real world: indexes, `--find-links` locations and wheels named by the user,
//! fetched ahead of the solver and remembered in the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{StatusCode, header};
use pep440_rs::Version;
use pep508_rs::PackageName;
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use url::Url;
use version_ranges::Ranges;

use crate::build_source::{BuildFailure, BuildSource, BuildStage};
use crate::cache::{self, Cache};
use crate::candidate::{Candidate, Selector};
use crate::client::{Client, LARGEST_FILE, Request};
use crate::direct;
use crate::distribution::{Location, Sha256, WheelFilename};
use crate::error::Error;
use crate::flat::Flat;
use crate::hints::Hints;
use crate::index::{Found, Index};
use crate::joined::joined;
use crate::metadata::{self, LARGEST, Metadata};
use crate::once::OnceMap;
use crate::packages::Packages;
use crate::page::Page;
use crate::remote::{self, Ranged};
use crate::requirement::DirectWheel;
use crate::source::ahead::DirectTree;
use crate::source::statics::Statements;
use crate::source::{self, DistFilename, SourceDist, SourceFilename, SourceTree};

/// How several indexes are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexStrategy {
    /// The first index that has the project has all its versions.
    #[default]
    FirstIndex,
    /// An earlier index' versions are preferred, a later one's are used where none fits.
    UnsafeFirstMatch,
    /// The best version of any index.
    UnsafeBestMatch,
}

/// Distributions that requirements name themselves, by project: no index is asked for these.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Wheels named by URL or path.
    pub wheels: BTreeMap<PackageName, DirectWheel>,
    /// Sources named by path, URL or repository.
    pub trees: BTreeMap<PackageName, DirectTree>,
}

impl Named {
    fn pages(&self) -> BTreeMap<PackageName, Arc<Page>> {
        let wheels = self.wheels.iter().map(|(name, wheel)| (name, direct::page(wheel)));
        let trees = self.trees.iter().map(|(name, tree)| (name, direct::tree_page(tree)));
        wheels.chain(trees).map(|(name, page)| (name.clone(), Arc::new(page))).collect()
    }
}

/// Where packages are looked for.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Indexes without credentials: those that are searched for everything, in the order of
    /// preference, and then those that only have what is pinned to them.
    pub indexes: Vec<Url>,
    /// How many indexes at the end of the list are only for what is pinned to them.
    pub reserved: usize,
    /// Packages that are looked for in one index alone, by its place in the list.
    pub pins: BTreeMap<PackageName, usize>,
    /// How they are searched.
    pub strategy: IndexStrategy,
    /// Directories and pages of files.
    pub find_links: Vec<String>,
    /// What is named directly.
    pub named: Named,
    /// Wheels up to this size in bytes are fetched whole where metadata is needed, because they are
    /// going to be installed; 0 where nothing will be.
    pub whole_up_to: u64,
}

impl Sources {
    /// The indexes that a project is looked for in, by their places in the list.
    pub(crate) fn searched(&self, name: &PackageName) -> Range<usize> {
        match self.pins.get(name) {
            Some(place) => *place..place + 1,
            None => 0..self.indexes.len().saturating_sub(self.reserved),
        }
    }

    /// The same, and the locations of files, for people.
    pub(crate) fn searched_places(&self, name: &PackageName) -> Vec<String> {
        let indexes = self.indexes[self.searched(name)].iter();
        if self.pins.contains_key(name) {
            return indexes.map(|index| format!("{index}, which it is pinned to")).collect();
        }
        let flat = self.find_links.iter().map(|location| crate::credentials::redact(location));
        indexes.map(ToString::to_string).chain(flat).collect()
    }
}

/// Called with each decision of the solver, and with the wheel's bytes where they came along with
/// its metadata.
pub type OnDecided = Box<dyn Fn(&Candidate, Option<Bytes>) + Send + Sync>;

/// Packages over the network, fetched ahead of the solver.
pub struct Registry {
    shared: Arc<Shared>,
    selector: Arc<Selector>,
    trees: BTreeMap<PackageName, DirectTree>,
    /// The pages of what is named directly.
    named: BTreeMap<PackageName, Arc<Page>>,
    on_decided: Option<OnDecided>,
    unsettled: Mutex<Option<String>>,
}

struct Shared {
    sources: Sources,
    indexes: Vec<Index>,
    client: Arc<Client>,
    cache: Cache,
    flat: Flat,
    pages: OnceMap<PackageName, Option<Arc<Page>>>,
    metadata: OnceMap<String, Result<Arc<Metadata>, String>>,
    /// Pages that were used although stale, with the number of their index.
    stale: Mutex<Vec<(PackageName, usize)>>,
    /// Small wheels that came whole, until someone takes them.
    whole: Mutex<FxHashMap<Sha256, Bytes>>,
    /// Digests that no index gave.
    digests: Mutex<FxHashMap<String, Sha256>>,
    /// Servers that do not do byte ranges are not asked again.
    no_ranges: AtomicBool,
    /// Bounds the memory that whole wheels take.
    bodies: Semaphore,
    /// Who makes metadata of sources that do not state their own.
    build: OnceLock<Arc<dyn BuildSource>>,
    runtime: Handle,
}

impl Registry {
    /// Packages from `sources`, fetched on `runtime`.
    pub fn new(
        mut sources: Sources,
        client: Arc<Client>,
        cache: Cache,
        selector: Arc<Selector>,
        runtime: &Handle,
    ) -> Self {
        let indexes = sources.indexes.iter().enumerate().map(|(number, url)| Index {
            url: url.clone(),
            number,
            client: Arc::clone(&client),
            cache: cache.clone(),
        });
        let named = std::mem::take(&mut sources.named);
        let shared = Shared {
            indexes: indexes.collect(),
            flat: Flat::new(sources.find_links.clone()),
            sources,
            client,
            cache,
            pages: OnceMap::new(runtime.clone()),
            metadata: OnceMap::new(runtime.clone()),
            stale: Mutex::default(),
            whole: Mutex::default(),
            digests: Mutex::default(),
            no_ranges: AtomicBool::new(false),
            bodies: Semaphore::new(24),
            build: OnceLock::new(),
            runtime: runtime.clone(),
        };
        Self::over(Arc::new(shared), selector, named)
    }

    fn over(shared: Arc<Shared>, selector: Arc<Selector>, named: Named) -> Self {
        let (pages, trees) = (named.pages(), named.trees);
        let unsettled = Mutex::default();
        Self { shared, selector, trees, named: pages, on_decided: None, unsettled }
    }

    /// The same packages seen by another selector, with other distributions named directly; what was
    /// fetched is shared.
    #[must_use]
    pub fn view(&self, selector: Arc<Selector>, named: Named) -> Self {
        Self::over(Arc::clone(&self.shared), selector, named)
    }

    /// Has `on_decided` called with each decision of the solver.
    #[must_use]
    pub fn on_decided(mut self, on_decided: OnDecided) -> Self {
        self.on_decided = Some(on_decided);
        self
    }

    /// Has sources built that do not state their metadata.
    #[must_use]
    pub fn build_with(self, build: Arc<dyn BuildSource>) -> Self {
        // A second builder would change nothing: the first one stays.
        let _ = self.shared.build.set(build);
        self
    }

    /// The selector of this run.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The source that is named directly for a project.
    pub(crate) fn tree(&self, name: &PackageName) -> Option<&DirectTree> {
        self.trees.get(name)
    }

    /// Every file of a candidate's version that may be used, each with its digest.
    ///
    /// # Errors
    /// What fetching fails with.
    pub(crate) fn files(&self, candidate: &Candidate) -> Result<Vec<Candidate>, Error> {
        let page = self.page(&candidate.name)?;
        let versions = page.iter().flat_map(|page| page.versions());
        let mut same = versions.filter(|version| {
            version.version == candidate.version && version.index == candidate.index
        });
        let merged = || page.iter().flat_map(|page| page.versions());
        let version =
            same.next().or_else(|| merged().find(|version| version.version == candidate.version));
        let mut files = Vec::new();
        for mut file in version.map(|v| self.selector.files(&candidate.name, v)).unwrap_or_default()
        {
            file.sha256 = Some(self.file_digest(&file)?);
            files.push(file);
        }
        Ok(files)
    }

    /// The indexes that are searched.
    pub fn sources(&self) -> &Sources {
        &self.shared.sources
    }

    /// Starts fetching what earlier resolutions of these projects needed. It never changes a result.
    pub(crate) fn warm_up(&self, names: impl Iterator<Item = PackageName>) {
        let Some(index) = self.shared.sources.indexes.first() else { return };
        let hints = Hints::load(&self.shared.cache, index);
        for name in hints.closure(names) {
            self.prefetch(&name, Some(&Ranges::full()));
        }
    }

    /// Remembers which projects were needed, for [`Self::warm_up`].
    pub(crate) fn remember(
        &self,
        dependencies: impl Iterator<Item = (PackageName, Vec<PackageName>)>,
    ) {
        let Some(index) = self.shared.sources.indexes.first() else { return };
        let mut hints = Hints::load(&self.shared.cache, index);
        if hints.learn(dependencies) {
            hints.store(&self.shared.cache, index);
        }
    }

    /// Projects that earlier resolutions over the first index met.
    pub(crate) fn known_names(&self) -> BTreeSet<PackageName> {
        let index = self.shared.sources.indexes.first();
        index.map(|index| Hints::load(&self.shared.cache, index).names()).unwrap_or_default()
    }

    /// Asks, all at once, whether the pages that were used although stale still stand. Gives the
    /// projects whose pages changed; they are replaced.
    ///
    /// A server that cannot be reached leaves the cached pages standing, with a warning.
    ///
    /// # Errors
    /// What fetching fails with otherwise.
    pub(crate) fn settle(&self) -> Result<Vec<PackageName>, Error> {
        // Tasks that revalidate take the same lock: it must be free while they are waited for.
        let stale = {
            let mut stale = self.shared.stale.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *stale)
        };
        if stale.is_empty() {
            return Ok(Vec::new());
        }
        let shared = &self.shared;
        let asked = stale.into_iter().map(|(name, number)| async move {
            let found = shared.indexes[number].revalidate(&name).await?;
            Ok::<_, Error>(found.map(|_| name))
        });
        let answers = shared.runtime.block_on(join_all(asked));
        let mut changed = Vec::new();
        for answer in answers {
            match answer {
                Ok(name) => changed.extend(name),
                Err(Error::Fetch { url, reason }) => self.unsettled(&url, &reason),
                Err(Error::Status { url, status: status @ 500.., .. }) => {
                    self.unsettled(&url, &format!("the server answered {status}"));
                }
                Err(error) => return Err(error),
            }
        }
        for name in &changed {
            // The cache now has the new page, fresh or just fetched.
            let page = shared.runtime.block_on(shared.page(name, true))?;
            self.selector.forget(name);
            shared.pages.replace(name.clone(), page);
        }
        Ok(changed)
    }

    fn unsettled(&self, url: &Url, reason: &str) {
        let warning =
            format!("cached index pages are used as they are: cannot fetch {url}: {reason}");
        let mut warning_kept = self.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        warning_kept.get_or_insert(warning);
    }

    /// What the user should know of pages that could not be revalidated.
    pub(crate) fn warning(&self) -> Option<String> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A wheel that came whole while its metadata was read; it is given away.
    fn take_whole(&self, sha256: &Sha256) -> Option<Bytes> {
        self.shared.whole.lock().unwrap_or_else(PoisonError::into_inner).remove(sha256)
    }

    /// The digest of a candidate, which is fetched whole if no index gave it; `None` for a source
    /// that is no file.
    ///
    /// # Errors
    /// What fetching fails with.
    pub(crate) fn digest(&self, candidate: &Candidate) -> Result<Option<Sha256>, Error> {
        if let Some(tree) = self.tree(&candidate.name) {
            return Ok(tree.sha256);
        }
        self.file_digest(candidate).map(Some)
    }

    fn file_digest(&self, candidate: &Candidate) -> Result<Sha256, Error> {
        if let Some(digest) = candidate.sha256.or_else(|| self.shared.known_digest(candidate)) {
            return Ok(digest);
        }
        match &candidate.location {
            Location::Path(path) => direct::file_digest(path),
            Location::Url(url) => {
                let bytes =
                    self.shared.runtime.block_on(self.shared.fetch_whole(candidate, url))?;
                Ok(cache::sha256(&bytes))
            }
        }
    }
}

impl Packages for Registry {
    fn page(&self, name: &PackageName) -> Result<Option<Arc<Page>>, Arc<Error>> {
        if let Some(page) = self.named.get(name) {
            return Ok(Some(Arc::clone(page)));
        }
        self.shared.pages.wait(Shared::start_page(&self.shared, name))
    }

    fn metadata(&self, candidate: &Candidate) -> Result<Result<Arc<Metadata>, String>, Arc<Error>> {
        if let Some(tree) = self.tree(&candidate.name) {
            return Ok(Ok(Arc::clone(&tree.metadata)));
        }
        self.shared.metadata.wait(Shared::start_metadata(&self.shared, candidate))
    }

    fn prefetch(&self, name: &PackageName, range: Option<&Ranges<Version>>) {
        if let Some(page) = self.named.get(name) {
            let found = self.selector.select(name, page, &Ranges::full());
            // A source was looked at already.
            if let Some(Ok(wheel)) = found.as_deref().filter(|_| !self.trees.contains_key(name)) {
                drop(Shared::start_metadata(&self.shared, wheel));
            }
            return;
        }
        let page = Shared::start_page(&self.shared, name);
        let Some(range) = range.cloned() else { return };
        let (shared, name) = (Arc::clone(&self.shared), name.clone());
        let selector = Arc::clone(&self.selector);
        let candidate = move |page: &Page| {
            let found = selector.select(&name, page, &range)?;
            // The code of a source runs only if the solver decides on it.
            let candidate =
                found.as_ref().as_ref().ok().filter(|c| c.filename.wheel().is_some())?;
            Some(Shared::start_metadata(&shared, candidate))
        };
        if let Some(Ok(page)) = page.peek() {
            page.as_ref().and_then(|page| candidate(page));
            return;
        }
        self.shared.runtime.spawn(async move {
            if let Ok(Some(page)) = page.await {
                candidate(&page);
            }
        });
    }

    fn prefetch_more(&self, candidate: &Candidate, range: &Ranges<Version>, count: usize) {
        if self.named.contains_key(&candidate.name) {
            return;
        }
        let page = Shared::start_page(&self.shared, &candidate.name);
        let Some(Ok(Some(page))) = page.peek() else { return };
        let mut rest = range.clone();
        let mut last = candidate.version.clone();
        for _ in 0..count {
            rest = rest.intersection(&Ranges::singleton(last).complement());
            let found = self.selector.select(&candidate.name, page, &rest);
            let Some(Ok(next)) = found.as_deref() else { break };
            // The code of a source runs only if the solver decides on it.
            if next.filename.wheel().is_some() {
                drop(Shared::start_metadata(&self.shared, next));
            }
            last = next.version.clone();
        }
    }

    fn decided(&self, candidate: &Candidate) {
        if let Some(on_decided) = &self.on_decided {
            let mut candidate = candidate.clone();
            candidate.sha256 = candidate.sha256.or_else(|| self.shared.known_digest(&candidate));
            let body = candidate.sha256.and_then(|digest| self.take_whole(&digest));
            on_decided(&candidate, body);
        }
    }
}

type Outcome<T> =
    futures_util::future::Shared<futures_util::future::BoxFuture<'static, Result<T, Arc<Error>>>>;

impl Shared {
    fn start_page(self: &Arc<Self>, name: &PackageName) -> Outcome<Option<Arc<Page>>> {
        self.pages.start(name.clone(), || {
            let (shared, name) = (Arc::clone(self), name.clone());
            async move { shared.page(&name, false).await.map_err(Arc::new) }
        })
    }

    fn start_metadata(
        self: &Arc<Self>,
        candidate: &Candidate,
    ) -> Outcome<Result<Arc<Metadata>, String>> {
        self.metadata.start(candidate.location.to_string(), || {
            let (shared, candidate) = (Arc::clone(self), candidate.clone());
            async move { shared.read_metadata(&candidate).await.map_err(Arc::new) }
        })
    }

    /// The page of a project over all sources. `settled` uses cached pages as they are.
    async fn page(&self, name: &PackageName, settled: bool) -> Result<Option<Arc<Page>>, Error> {
        let mut pages = Vec::new();
        // What is pinned to an index comes from nowhere else.
        let pinned = self.sources.pins.contains_key(name);
        let flat = if pinned { None } else { self.flat.page(name, &self.client).await? };
        let has_flat = flat.is_some();
        pages.extend(flat);
        for index in &self.indexes[self.sources.searched(name)] {
            match index.page(name).await {
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
                Err(Error::Offline { .. }) if has_flat => continue,
                Err(error) => return Err(error),
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
        &self,
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
            (None, DistFilename::Source(source)) => {
                let (text, stated) = self.source_metadata(candidate, source).await?;
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

    /// The metadata of a source, and whether the source states it.
    async fn source_metadata(
        &self,
        candidate: &Candidate,
        filename: &SourceFilename,
    ) -> Result<(String, bool), Error> {
        let name = &filename.text;
        let (bytes, sha256) = source::fetch_source(
            &self.client,
            &self.cache,
            name,
            &candidate.location,
            candidate.sha256,
        )
        .await?;
        {
            let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
            digests.insert(candidate.location.to_string(), sha256);
        }
        let source = SourceDist {
            name: Some(filename.name.clone()),
            version: Some(filename.version.clone()),
            tree: SourceTree::Archive {
                filename: name.clone(),
                location: candidate.location.clone(),
                sha256,
            },
            subdirectory: None,
            editable: false,
        };
        let build = self.build.get().cloned();
        // Reading the archive and building take long, and building waits for this runtime.
        let work = move || stated_or_built(&source, &bytes, build.as_deref());
        joined(tokio::task::spawn_blocking(work)).await
    }

    async fn fetch_metadata(
        &self,
        candidate: &Candidate,
        wheel: &WheelFilename,
    ) -> Result<String, Error> {
        let url = match &candidate.location {
            Location::Path(path) => return remote::from_path(wheel, path),
            Location::Url(url) => url,
        };
        if candidate.core_metadata {
            let mut beside = url.clone();
            beside.set_path(&format!("{}.metadata", url.path()));
            let answer = self.client.fetch(&Request::page(beside, LARGEST)).await?;
            if answer.status == StatusCode::OK {
                return Ok(String::from_utf8_lossy(&answer.body).into_owned());
            }
        }
        let small = candidate.size.is_some_and(|size| size <= self.sources.whole_up_to);
        // Without a digest from the index the whole file is needed anyway, to make one.
        let ranges =
            !small && candidate.sha256.is_some() && !self.no_ranges.load(Ordering::Relaxed);
        if ranges {
            match remote::by_ranges(&self.client, wheel, url, candidate.size).await? {
                Ranged::Text(text) => return Ok(text),
                Ranged::Whole(bytes) => {
                    self.no_ranges.store(true, Ordering::Relaxed);
                    self.keep(candidate, &bytes)?;
                    return remote::from_bytes(wheel, &bytes);
                }
                Ranged::Refused => self.no_ranges.store(true, Ordering::Relaxed),
            }
        }
        let bytes = self.fetch_whole(candidate, url).await?;
        remote::from_bytes(wheel, &bytes)
    }

    async fn fetch_whole(&self, candidate: &Candidate, url: &Url) -> Result<Bytes, Error> {
        let _permit = self.bodies.acquire().await;
        let answer = self.client.fetch(&Request::file(url.clone(), LARGEST_FILE)).await?;
        if answer.status != StatusCode::OK {
            let status = answer.status.as_u16();
            return Err(Error::Status { url: url.clone(), status, attempts: 1 });
        }
        self.keep(candidate, &answer.body)?;
        Ok(answer.body)
    }

    /// The digest of a wheel that came whole.
    fn known_digest(&self, candidate: &Candidate) -> Option<Sha256> {
        let digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        digests.get(&candidate.location.to_string()).copied()
    }

    /// Checks a whole wheel against its digest and keeps it where it is going to be installed.
    fn keep(&self, candidate: &Candidate, bytes: &Bytes) -> Result<(), Error> {
        let found = cache::sha256(bytes);
        if let Some(expected) = candidate.sha256
            && expected != found
        {
            return Err(Error::HashMismatch {
                wheel: candidate.filename.to_string(),
                expected: expected.to_string(),
                found: found.to_string(),
            });
        }
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        digests.insert(candidate.location.to_string(), found);
        if bytes.len() as u64 <= self.sources.whole_up_to {
            let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
            whole.insert(found, bytes.clone());
        }
        Ok(())
    }
}

fn stated_or_built(
    source: &SourceDist,
    bytes: &Bytes,
    build: Option<&dyn BuildSource>,
) -> Result<(String, bool), Error> {
    let failed =
        |stage, reason: &str| Error::Build(Box::new(BuildFailure::new(source, stage, reason)));
    let SourceTree::Archive { filename, .. } = &source.tree else {
        return Err(failed(BuildStage::Source, "it is no archive"));
    };
    let stated = Statements::read(filename, bytes, source.subdirectory.as_deref())
        .map_err(|error| failed(BuildStage::Source, &error.to_string()))?;
    if let Some(metadata) = stated.metadata() {
        return Ok((metadata, true));
    }
    let nobody = "it does not state its metadata, and nothing can be built for this target here";
    let build = build.ok_or_else(|| failed(BuildStage::Allowed, nobody))?;
    Ok((build.metadata(source)?, false))
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

/// `Accept` for pages of `--find-links`, which are HTML.
pub(crate) async fn fetch_links(
    client: &Client,
    url: &Url,
) -> Result<crate::client::Answer, Error> {
    let request = Request::page(url.clone(), 256 << 20);
    client.fetch(&request.header(header::ACCEPT, crate::simple::ACCEPT)).await
}

/// The path of a `file:` URL or of a plain path.
pub(crate) fn local_path(location: &str) -> Option<PathBuf> {
    match location.split_once("://") {
        Some(("file", _)) => Url::parse(location).ok()?.to_file_path().ok(),
        Some(_) => None,
        None => Some(PathBuf::from(location)),
    }
}
