//! From settings to a lock: what `lock` and `sync` share. Joins the resolver's parts and gives it
//! the world: files, indexes, cache, runtime.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_index::cache::Cache;
use pyfast_index::client::{Client, Cloning};
use pyfast_installer::build::Builder;
use pyfast_packaging::pyproject::uv::Wishes;
use pyfast_packaging::requirement::Requirement;
use pyfast_packaging::requirements_txt::{RequirementSet, SettingsOf};
use pyfast_resolver::{
    BuildSource, LockRequest, LockTools, Pin, Policy, Prereleases, Sources, Targets,
};
use tokio::runtime::Runtime;

use crate::building::formats;
use crate::error::Error;
use crate::event::{Event, Events};
use pyfast_settings::{
    Indexes, ResolveFlags, Settings, client_options, doubts, is_remote, own_lock::OwnLock,
};

/// The request that requirements and arguments make. Of `kept`, the versions of an earlier lock, those stay
/// that are not to be upgraded.
///
/// # Errors
/// If what is wanted cannot be.
pub fn lock_request<'a>(
    set: &'a RequirementSet,
    args: &ResolveFlags,
    targets: Targets,
    mut kept: Vec<Pin>,
) -> Result<LockRequest<'a>, Error> {
    kept.retain(|pin| !args.upgrade && !args.upgrades(&pin.name));
    let limits = args.limits().collect();
    let policy = policy(set, args)?;
    Ok(LockRequest { set, targets, policy, kept, limits, no_deps: args.no_deps })
}

/// Which lock is kept for what is asked for; `set` are the requirements, where they have been read.
pub fn own_lock(args: &ResolveFlags, settings: &Settings, set: Option<&RequirementSet>) -> OwnLock {
    let (project, env) = (&settings.project, &settings.env);
    if args.is_of_project() && args.group.is_empty() {
        return OwnLock::configured(project, env);
    }
    let read = set.and_then(|set| set.files.first());
    let first = read.or_else(|| args.requirements.iter().find(|file| !is_remote(file)));
    let first = first.map(PathBuf::as_path);
    if settings.is_of_one_run() {
        return OwnLock::of_one_run(project, env, first);
    }
    OwnLock::given(project, env, first)
}

/// What the arguments, and the files' own options, want of versions and files.
///
/// # Errors
/// If what is to be built, or not, is no package.
pub fn policy(set: &RequirementSet, args: &ResolveFlags) -> Result<Policy, Error> {
    // Of a requirements file, which a project's settings do not take back.
    let pre = set.index.pre.then_some(Prereleases::Allow);
    let args = ResolveFlags { prerelease: args.prerelease.or(pre), ..args.clone() };
    let args = args.wishing(&set.wishes)?;
    Ok(Policy {
        prereleases: args.prerelease.unwrap_or_default(),
        preference: args.resolution.unwrap_or_default(),
        exclude_newer: args.exclude_newer.clone(),
        formats: formats(&args, Some(&set.index))?,
    })
}

/// The runtime, the client and the indexes of one run.
pub struct Session {
    /// What its futures run on.
    pub runtime: Runtime,
    /// Who asks servers.
    pub client: Arc<Client>,
    /// What is remembered of them.
    pub cache: Cache,
    /// Where packages are looked for.
    pub sources: Sources,
    /// Whether anything says where that is.
    pub is_index_known: bool,
    /// What single requirements ask of their builds.
    pub build_settings: Vec<SettingsOf>,
    /// What the project's files limit of what builds need.
    pub build_constraints: Vec<Requirement>,
    /// Which versions the project's files want, of what builds need too.
    pub wishes: Wishes,
    /// Who builds what has no wheel.
    pub build: Option<Arc<Builder>>,
    /// Who is asked for metadata that a source does not state.
    pub asked: Option<Arc<dyn BuildSource>>,
}

impl Session {
    /// Prepares a run; nothing is opened before it is needed.
    ///
    /// # Errors
    /// If an index cannot be used.
    pub fn new(
        settings: &Settings,
        set: &RequirementSet,
        interpreter: Option<&Path>,
        cache: PathBuf,
        events: &Events,
    ) -> Result<Self, Error> {
        let mut indexes = Indexes::new(settings, &set.index, interpreter)?;
        indexes.credentials.merge(&set.logins);
        for doubt in doubts(settings) {
            events(Event::Doubt(doubt));
        }
        let options = client_options(settings)?;
        events(Event::Indexes(indexes.shown.clone()));
        let (sources, is_index_known) = (indexes.sources(), indexes.is_known);
        let told = Arc::clone(events);
        let client = Client::new(options, indexes.credentials).telling(move |url, event| {
            let url = url.to_string();
            told(match event {
                Cloning::Begins => Event::Cloning { url },
                Cloning::Ended => Event::Cloned { url },
            });
        });
        let client = Arc::new(client);
        let cache = Cache::new(Some(cache));
        let (build_settings, wishes) = (set.build_settings.clone(), set.wishes.clone());
        let build_constraints = set.build_constraints.clone();
        let (runtime, build, asked) = (runtime()?, None, None);
        Ok(Self {
            runtime,
            client,
            cache,
            sources,
            is_index_known,
            build_settings,
            build_constraints,
            wishes,
            build,
            asked,
        })
    }

    /// What making a lock needs; wheels up to `whole_up_to` bytes come along with their metadata.
    ///
    /// # Errors
    /// If no index is known.
    pub fn tools(&self, args: &ResolveFlags, whole_up_to: u64) -> Result<LockTools, Error> {
        if !self.is_index_known {
            return Err(pyfast_settings::Error::NoIndex.into());
        }
        Ok(LockTools {
            client: Arc::clone(&self.client),
            cache: self.cache.clone(),
            sources: self.sources.clone(),
            runtime: self.runtime.handle().clone(),
            build: self.asked.clone().filter(|_| !args.no_build),
            whole_up_to,
        })
    }
}

fn runtime() -> Result<Runtime, Error> {
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(|error| Error::System { what: "threads", source: error })
}
