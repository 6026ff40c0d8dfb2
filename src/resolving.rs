//! From settings to a lock: what `lock` and `sync` share. Joins the resolver's parts and gives it
//! the world: files, indexes, cache, runtime.

mod inputs;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_index::cache::Cache;
use pyfast_index::client::Client;
use pyfast_installer::Builder;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::metadata::Metadata;
use pyfast_packaging::requirements_txt::{RequirementSet, SettingsOf};
use pyfast_packaging::scope::Scope;
use pyfast_packaging::target::Target;
use pyfast_resolver::{
    Ahead, BuildSource, Lock, Looked, OnDecided, Policy, Preference, Prereleases, Registry,
    Selector, Sources, direct_wheels, look_ahead, policy, resolve,
};
use tokio::runtime::Runtime;

use crate::building::formats;
use crate::failure::{Code, Failure};
use crate::indexes::Indexes;
use crate::settings::Settings;
use crate::transport;

pub(crate) use crate::args::{PrereleaseMode, ResolutionMode, ResolveArgs};
pub(crate) use inputs::{
    Inputs, check_python, input_files, inputs_digest, place_of, read_inputs, requirement_files,
};

/// What is to be resolved.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) set: &'a RequirementSet,
    pub(crate) args: &'a ResolveArgs,
    pub(crate) target: &'a Target,
    /// A lock whose versions are kept where they fit.
    pub(crate) previous: Option<&'a Lock>,
}

/// What a resolution gives.
pub(crate) struct Outcome {
    pub(crate) lock: Lock,
    /// What the user should know.
    pub(crate) warnings: Vec<String>,
    /// The metadata that was resolved with, which the wheels themselves must have too.
    pub(crate) claims: Vec<Claim>,
}

/// What an index said of a wheel.
pub(crate) struct Claim {
    pub(crate) filename: String,
    pub(crate) location: Location,
    pub(crate) sha256: Sha256,
    pub(crate) metadata: Arc<Metadata>,
    /// Whether it came from a file beside the wheel.
    pub(crate) beside: bool,
}

/// The runtime, the client and the indexes of one run.
pub(crate) struct Session {
    pub(crate) runtime: Runtime,
    pub(crate) client: Arc<Client>,
    pub(crate) cache: Cache,
    pub(crate) sources: Sources,
    /// What single requirements ask of their builds.
    pub(crate) build_settings: Vec<SettingsOf>,
    /// Who builds what has no wheel.
    pub(crate) build: Option<Arc<Builder>>,
    /// Who is asked for metadata that a source does not state.
    pub(crate) asked: Option<Arc<dyn BuildSource>>,
}

impl Session {
    /// Prepares a run; nothing is opened before it is needed.
    pub(crate) fn new(
        settings: &Settings,
        set: &RequirementSet,
        interpreter: Option<&Path>,
        cache: PathBuf,
    ) -> Result<Self, Failure> {
        let mut indexes = Indexes::new(settings, &set.index, interpreter)?;
        indexes.credentials.merge(&set.logins);
        let options = transport::client_options(settings)?;
        let sources = indexes.sources();
        let client = Arc::new(Client::new(options, indexes.credentials));
        let cache = Cache::new(Some(cache));
        let build_settings = set.build_settings.clone();
        let (build, asked) = (None, None);
        Ok(Self { runtime: runtime()?, client, cache, sources, build_settings, build, asked })
    }

    /// Forgets metadata that turned out not to be the wheel's own.
    pub(crate) fn forget(&self, claim: &Claim) {
        if let Location::Url(url) = &claim.location {
            self.cache.forget_metadata(&claim.sha256, url);
        }
    }

    /// The packages that a request chooses from, out of `sources` and what the request names itself.
    pub(crate) fn registry(
        &self,
        request: &Request<'_>,
        mut sources: Sources,
    ) -> Result<Registry, Failure> {
        let Request { set, args, target, previous } = *request;
        let scope = Scope::from(target.clone());
        let policy = policy(set, &scope, base_policy(set, args, previous)?)?;
        sources.named.wheels = direct_wheels(set, &scope)?;
        let selector = Arc::new(Selector::new(scope, policy));
        let (client, cache) = (Arc::clone(&self.client), self.cache.clone());
        Ok(Registry::new(sources, client, cache, selector, self.runtime.handle()))
    }

    /// What looking at sources needs. Packages of `previous` are kept to, as far as that is wanted.
    pub(crate) fn ahead<'a>(
        &'a self,
        args: &ResolveArgs,
        scope: &'a Scope,
        previous: Option<&'a Lock>,
    ) -> Ahead<'a> {
        let build = self.asked.as_deref().filter(|_| !args.no_build);
        let kept = previous.into_iter().flat_map(|lock| &lock.packages);
        Ahead {
            client: &self.client,
            cache: &self.cache,
            runtime: self.runtime.handle(),
            build,
            scope,
            kept: kept.filter(|kept| !args.upgrades(&kept.name)).collect(),
        }
    }

    /// Resolves; what is decided on the way goes to `on_decided`.
    pub(crate) fn resolve(
        &self,
        request: &Request<'_>,
        ahead: Option<(u64, OnDecided)>,
    ) -> Result<Outcome, Failure> {
        let Request { set, args, target, previous } = *request;
        check_python(set, target)?;
        let previous = previous.filter(|_| !args.upgrade);
        let scope = Scope::from(target.clone());
        let looking = self.ahead(args, &scope, previous);
        let Looked { set: mut looked, trees } = look_ahead(set, &looking)?;
        let inputs = inputs_digest(set, args, &place_of(target));
        looked.constraints.extend(args.limits());
        let set = &looked;
        let request = &Request { set, previous, ..*request };
        let (whole_up_to, on_decided) = match ahead {
            Some((whole_up_to, on_decided)) => (whole_up_to, Some(on_decided)),
            None => (0, None),
        };
        let mut sources = Sources { whole_up_to, ..self.sources.clone() };
        sources.named.trees = trees;
        let mut registry = self.registry(request, sources)?;
        if let Some(on_decided) = on_decided {
            registry = registry.on_decided(on_decided);
        }
        if let Some(asked) = &self.asked {
            registry = registry.build_with(Arc::clone(asked));
        }
        let resolution = resolve(set, &registry, args.no_deps)?;
        let mut lock = Lock::new(&resolution, &self.sources.indexes, target);
        lock.inputs = Some(inputs);
        // What a wheel built from source says is compared when it is built.
        let wheels = resolution.packages.iter();
        let wheels = wheels.filter(|package| package.candidate.filename.wheel().is_some());
        let claims = wheels.filter_map(|package| {
            Some(Claim {
                filename: package.candidate.filename.to_string(),
                location: package.candidate.location.clone(),
                sha256: package.sha256?,
                metadata: Arc::clone(&package.claimed),
                beside: package.candidate.core_metadata,
            })
        });
        Ok(Outcome { claims: claims.collect(), lock, warnings: resolution.warnings })
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(workers).enable_all().build().map_err(|error| {
        Failure::new("system", format!("cannot start threads: {error}"), Code::Mendable)
    })
}

pub(crate) fn base_policy(
    set: &RequirementSet,
    args: &ResolveArgs,
    previous: Option<&Lock>,
) -> Result<Policy, Failure> {
    let kept = previous.filter(|_| !args.upgrade).into_iter().flat_map(|lock| &lock.packages);
    let kept = kept.filter(|package| !args.upgrades(&package.name));
    Ok(Policy {
        prereleases: match args.prerelease {
            PrereleaseMode::IfNecessary => Prereleases::IfNecessary,
            PrereleaseMode::Allow => Prereleases::Allow,
            PrereleaseMode::Explicit => Prereleases::Explicit,
            PrereleaseMode::Disallow => Prereleases::Disallow,
        },
        preference: match args.resolution {
            ResolutionMode::Highest => Preference::Highest,
            ResolutionMode::Lowest => Preference::Lowest,
            ResolutionMode::LowestDirect => Preference::LowestDirect,
        },
        preferred: kept.map(|package| (package.name.clone(), package.version.clone())).collect(),
        exclude_newer: args.exclude_newer.as_ref().map(ToString::to_string),
        formats: formats(args, Some(&set.index))?,
        ..Policy::default()
    })
}
