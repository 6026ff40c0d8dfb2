//! Packages of the real world: indexes, `--find-links` locations and wheels named by the user,
//! fetched ahead of the solver and remembered in the cache.

mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use pep440_rs::Version;
use pep508_rs::PackageName;
use tokio::sync::Semaphore;
use url::Url;
use version_ranges::Ranges;

use crate::candidate::{Candidate, Selector};
use crate::direct::{self, DirectTree};
use crate::error::Error;
use crate::hints::Hints;
use crate::once::OnceMap;
use crate::packages::Packages;
use crate::sources::Sources;
use crate::tools::{Events, LockEvent, LockTools};
use pyfast_index::flat::Flat;
use pyfast_index::index::Index;
use pyfast_index::page::Page;
use pyfast_index::{Body, Error as IndexError, digest};
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::{Digest, OtherDigest, Sha256};
use pyfast_packaging::metadata::Metadata;
use pyfast_packaging::requirement::DirectWheel;

use shared::{Arrived, Shared, WHOLE_AT_ONCE};

/// Archives up to this size in bytes are fetched before the solver has decided on them.
const SMALL_SOURCE: u64 = 2 << 20;

/// Distributions that requirements name themselves, by project: no index is asked for these.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    /// Wheels named by URL or path.
    pub(crate) wheels: BTreeMap<PackageName, DirectWheel>,
    /// Sources named by path, URL or repository.
    pub(crate) trees: BTreeMap<PackageName, DirectTree>,
}

impl Named {
    fn pages(&self) -> BTreeMap<PackageName, Arc<Page>> {
        let wheels = self.wheels.iter().map(|(name, wheel)| (name, direct::page(wheel)));
        let trees = self.trees.iter().map(|(name, tree)| (name, direct::tree_page(tree)));
        wheels.chain(trees).map(|(name, page)| (name.clone(), Arc::new(page))).collect()
    }
}

/// Packages over the network, fetched ahead of the solver.
pub(crate) struct Registry<'e> {
    shared: Arc<Shared>,
    selector: Arc<Selector>,
    trees: BTreeMap<PackageName, DirectTree>,
    /// The pages of what is named directly.
    named: BTreeMap<PackageName, Arc<Page>>,
    events: Option<Events<'e>>,
    unsettled: Mutex<Option<String>>,
    /// The pages whose damage was dealt with, by their places in [`Shared::opened`].
    replaced: Mutex<BTreeSet<usize>>,
}

impl<'e> Registry<'e> {
    /// The packages that these tools give, none of which is named directly.
    pub(crate) fn new(tools: &LockTools, selector: Arc<Selector>) -> Self {
        let LockTools { client, cache, sources, runtime, build, whole_up_to } = tools;
        let indexes = sources.indexes.iter().enumerate().map(|(number, url)| Index {
            url: url.clone(),
            number,
            client: Arc::clone(client),
            cache: cache.clone(),
        });
        let shared = Shared {
            indexes: indexes.collect(),
            flat: Flat::new(sources.find_links.clone()),
            sources: sources.clone(),
            whole_up_to: *whole_up_to,
            client: Arc::clone(client),
            cache: cache.clone(),
            pages: OnceMap::new(runtime.clone()),
            metadata: OnceMap::new(runtime.clone()),
            statements: OnceMap::new(runtime.clone()),
            stale: Mutex::default(),
            opened: Mutex::default(),
            whole: Mutex::default(),
            kinds: Mutex::default(),
            arrived: Mutex::default(),
            no_ranges: AtomicBool::new(false),
            bodies: Semaphore::new(WHOLE_AT_ONCE),
            build: build.clone(),
            runtime: runtime.clone(),
        };
        Self::over(Arc::new(shared), selector, Named::default())
    }

    fn over(shared: Arc<Shared>, selector: Arc<Selector>, named: Named) -> Self {
        shared.expect(&selector.criteria().hashes);
        let (pages, trees) = (named.pages(), named.trees);
        let (unsettled, replaced) = (Mutex::default(), Mutex::default());
        Self { shared, selector, trees, named: pages, events: None, unsettled, replaced }
    }

    /// The same packages seen by another selector, with other distributions named directly; what was
    /// fetched is shared.
    pub(crate) fn view(&self, selector: Arc<Selector>, named: Named) -> Self {
        Self::over(Arc::clone(&self.shared), selector, named)
    }

    /// Has each decision of the solver told.
    pub(crate) fn telling(mut self, events: Events<'e>) -> Self {
        self.events = Some(events);
        self
    }

    /// The selector of this run.
    pub(crate) fn selector(&self) -> &Selector {
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
            version.version == candidate.version && version.listing == candidate.listing
        });
        let merged = || page.iter().flat_map(|page| page.versions());
        let version =
            same.next().or_else(|| merged().find(|version| version.version == candidate.version));
        let mut files = Vec::new();
        for mut file in version.map(|v| self.selector.files(&candidate.name, v)).unwrap_or_default()
        {
            let sha256 = Some(self.file_digest(&file)?);
            file.sha256 = sha256;
            if self.is_allowed(&file, sha256)? {
                files.push(file);
            }
        }
        Ok(files)
    }

    /// The indexes that are searched.
    pub(crate) fn sources(&self) -> &Sources {
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

    /// Sees to it that what was resolved stands on pages that stand themselves: asks, all at once, about
    /// those that were used although stale, and drops those that were found damaged. Gives the projects
    /// whose pages changed; they are replaced.
    ///
    /// A server that cannot be reached leaves the cached pages standing, with a warning.
    ///
    /// # Errors
    /// What fetching fails with otherwise.
    pub(crate) fn settle(&self) -> Result<Vec<PackageName>, Error> {
        let mut changed: BTreeSet<PackageName> = self.revalidate()?.into_iter().collect();
        changed.extend(self.drop_damaged());
        for name in &changed {
            // The cache now has the new page, fresh or just fetched, or none.
            let page = self.shared.runtime.block_on(self.shared.page(name, true))?;
            self.selector.forget(name);
            self.shared.pages.replace(name.clone(), page);
        }
        Ok(changed.into_iter().collect())
    }

    /// Drops the pages of the cache of which a part was used that is not as it was written; gives their
    /// projects. Views share pages, and each has to resolve anew what it resolved over such a one.
    fn drop_damaged(&self) -> Vec<PackageName> {
        let opened = self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let damaged = opened.iter().enumerate().filter(|(_, opened)| opened.page.is_damaged());
        let new = damaged.filter(|(place, _)| replaced.insert(*place));
        new.map(|(_, opened)| {
            let index = &self.shared.indexes[opened.index];
            self.shared.cache.remove_page(&index.url, opened.name.as_ref());
            opened.name.clone()
        })
        .collect()
    }

    fn revalidate(&self) -> Result<Vec<PackageName>, Error> {
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
            Ok::<_, IndexError>(found.map(|_| name))
        });
        let answers = shared.runtime.block_on(join_all(asked));
        let mut changed = Vec::new();
        for answer in answers {
            match answer {
                Ok(name) => changed.extend(name),
                Err(IndexError::Fetch { url, cause, .. }) => {
                    self.unsettled(&url, &cause.to_string());
                }
                Err(IndexError::Status { url, status: status @ 500.., .. }) => {
                    self.unsettled(&url, &format!("the server answered {status}"));
                }
                Err(error) => return Err(error.into()),
            }
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
    fn take_whole(&self, sha256: &Sha256) -> Option<Body> {
        self.shared.whole.lock().unwrap_or_else(PoisonError::into_inner).take(sha256)
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
        if let Some(digest) =
            candidate.sha256.or_else(|| Some(self.shared.arrived(candidate)?.sha256))
        {
            return Ok(digest);
        }
        match &candidate.location {
            Location::Path(path) => {
                let sha256 = self.shared.cache.file_digest(path)?;
                if let Some(expected) = candidate.expected() {
                    let filename = candidate.filename.to_string();
                    let other = |kind| direct::body(path)?.digest(kind);
                    digest::check(&filename, &expected, sha256, other)?;
                }
                Ok(sha256)
            }
            Location::Url(url) => {
                let whole = self.shared.fetch_whole(candidate, url);
                Ok(self.shared.runtime.block_on(whole)?.sha256)
            }
        }
    }

    /// Whether a candidate, which has this digest, is one that the user's hashes allow.
    ///
    /// # Errors
    /// What fetching fails with: where hashes are of another kind, its bytes tell.
    pub(crate) fn is_allowed(
        &self,
        candidate: &Candidate,
        sha256: Option<Sha256>,
    ) -> Result<bool, Error> {
        let Some(allowed) = self.selector.criteria().hashes.get(&candidate.name) else {
            return Ok(true);
        };
        let Some(sha256) = sha256 else { return Ok(false) };
        // What was compared with the bytes when they came.
        let compared = candidate.other.clone().map(Digest::Other);
        let known = [Some(Digest::Sha256(sha256)), compared];
        if known.iter().flatten().any(|digest| allowed.contains(digest)) {
            return Ok(true);
        }
        let others: Vec<&OtherDigest> = allowed.iter().filter_map(Digest::other).collect();
        // The bytes of a source that was named were compared when it was looked at.
        if others.is_empty() || self.tree(&candidate.name).is_some() {
            return Ok(!others.is_empty());
        }
        let found = match &candidate.location {
            Location::Path(path) => {
                let body = direct::body(path)?;
                let digests = others.iter().map(|other| body.digest(other.kind()));
                digests.collect::<Result<Vec<_>, _>>()?
            }
            Location::Url(url) => {
                let is_compared =
                    |one: &Arrived| others.iter().all(|other| one.other(other.kind()).is_some());
                if !self.shared.arrived(candidate).as_ref().is_some_and(is_compared) {
                    let whole = self.shared.fetch_whole(candidate, url);
                    self.shared.runtime.block_on(whole)?;
                }
                let arrived = self.shared.arrived(candidate);
                arrived.filter(|one| one.sha256 == sha256).map(|one| one.others).unwrap_or_default()
            }
        };
        Ok(found.iter().any(|digest| others.contains(&digest)))
    }
}

/// The wheel that tells a candidate's metadata, whose code nobody has to run for it.
fn without_code(candidate: &Candidate) -> Option<&Candidate> {
    if candidate.filename.wheel().is_some() {
        Some(candidate)
    } else {
        candidate.told_by.as_deref()
    }
}

/// Asks for the metadata of the version that the solver would decide on now. Of a source only what it states is looked
/// at, where it is small. Code runs before the solver decides only of a version that the user pins, beside that of others:
/// nothing else of that project can be decided on.
fn prefetch_one(shared: &Arc<Shared>, selector: &Selector, candidate: &Candidate) {
    let pinned = || (candidate.name.clone(), candidate.version.clone());
    let is_small = || candidate.facts.size.is_some_and(|size| size <= SMALL_SOURCE);
    match without_code(candidate) {
        Some(wheel) => drop(Shared::start_metadata(shared, wheel)),
        None if selector.criteria().pins.contains(&pinned()) => {
            drop(Shared::start_metadata(shared, candidate));
        }
        None if is_small() => drop(Shared::start_statement(shared, candidate)),
        None => {}
    }
}

impl Packages for Registry<'_> {
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

    /// Besides the page of a project, the metadata of the version that the solver would decide on now is
    /// asked for: the next thing that it needs, most of the time. Where it decides otherwise the answer
    /// stays unused, and the result is the same.
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
            prefetch_one(&shared, &selector, found.as_ref().as_ref().ok()?);
            Some(())
        };
        if let Some(Ok(page)) = page.peek() {
            page.as_ref().and_then(|page| candidate(page));
            return;
        }
        // The solver's thread must not wait here: it has other projects to ask for.
        self.shared.runtime.spawn(async move {
            if let Ok(Some(page)) = page.await {
                candidate(&page);
            }
        });
    }

    /// The versions after a candidate, in the order in which the solver would come to them if it went back
    /// one by one. A page that is not there yet is not waited for.
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
            if let Some(wheel) = without_code(next) {
                drop(Shared::start_metadata(&self.shared, wheel));
            }
            last = next.version.clone();
        }
    }

    /// Whoever installs begins now: nearly all decisions are final, and what is downloaded for one that is
    /// taken back is only not used. The bytes are given away where the whole wheel was read for its
    /// metadata, so that it is not downloaded twice.
    fn decided(&self, candidate: &Candidate) {
        if let Some(events) = self.events {
            let mut candidate = candidate.clone();
            candidate.sha256 =
                candidate.sha256.or_else(|| Some(self.shared.arrived(&candidate)?.sha256));
            let body = candidate.sha256.and_then(|digest| self.take_whole(&digest));
            events(LockEvent::Decided { candidate: &candidate, body });
        }
    }
}
