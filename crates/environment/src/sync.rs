//! The two steps of a sync: planning, which decides everything, and doing what was planned. Owns the order
//! of questions; must not know how anything is resolved, fetched or shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::{EnvironmentOptions, id_at};
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::requirement_source::{Place as Source, SourceRequirement};
use pyfast_packaging::requirements_txt::{Drafts, RequirementSet};
use pyfast_packaging::source_dist::PROJECT_FILES;
use pyfast_resolver::Lock;
use pyfast_root::ProjectEnv;
use pyfast_root::layout::{CURRENT, env_path, project_env_path};

use crate::ask;
use crate::claims::Claimed;
use crate::crew::{Crew, Requirements};
use crate::error::Error;
use crate::inputs::Inputs;
use crate::locking::{Found, Locking};
use crate::place::Place;
use crate::plan::{self, Built, Care, Done, SyncPlan};
use crate::question::{Before, Look};
use crate::report::{Changes, Facts, Listed, PackageFacts, Python, SyncReport, Timings};
use crate::request::{InstallOptions, LockUse, SyncRequest};
use crate::site::LOCK_FILE;
use crate::state::Circumstances;
use crate::which_lock::KeptLock;

/// What planning a sync gives.
#[derive(Debug)]
pub enum Planned {
    /// Nothing has moved since the last sync.
    Unchanged(Box<SyncReport>),
    /// What is to be done.
    Ready(Box<ReadyPlan>),
}

/// A wheel of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalWheel {
    /// Where it is.
    pub path: PathBuf,
    /// Its digest, as the lock has it.
    pub sha256: Sha256,
}

/// A plan, and what this machine does besides.
#[derive(Debug)]
pub struct ReadyPlan {
    /// What is done where the environment is.
    pub plan: SyncPlan,
    /// The wheels of this machine that the plan installs, by file name.
    pub local: BTreeMap<String, LocalWheel>,
    /// The user's own lock, which is written here once the sync has succeeded elsewhere.
    pub own_lock: Option<(PathBuf, String)>,
    /// How long planning took.
    pub timings: Timings,
}

/// Plans a sync. Unless it is a dry run, what the plan needs to be exact is done on the way: wheels are
/// fetched while the solver works, and sources are built; nothing of that changes an environment.
///
/// # Errors
/// What reading, resolving, fetching and building fail with.
pub fn plan_sync(
    request: &SyncRequest,
    place: &dyn Place,
    crew: &dyn Crew,
    now: SystemTime,
) -> Result<Planned, Error> {
    let begun = Instant::now();
    let look = ask::look(place)?;
    let compiling = look.compiling;
    if let Some(facts) = unchanged(request, look) {
        let report = SyncReport::unchanged(facts, begun.elapsed());
        return Ok(Planned::Unchanged(Box::new(SyncReport { compiling, ..report })));
    }
    let requirements = match request.lock_use {
        LockUse::Frozen => None,
        LockUse::Update | LockUse::Locked => Some(crew.requirements()?),
    };
    // Looked at before anything else is done: an edit from now on is the next sync's.
    let inputs = look_at_inputs(crew, requirements.as_ref(), &request.drafts, now);
    let interpreter = crew.interpreter()?;
    let site = if request.dry_run { None } else { place.begin()? };
    let before = ask::before(place)?;
    let name = place.subject().name()?;
    let habitat = place.habitat();
    let options = plan::options(&request.options, habitat, place.written(), &name);
    let locking = Locking {
        request,
        place,
        crew,
        site,
        set: requirements.as_ref().map(|requirements| &requirements.set),
        interpreter: &interpreter,
        compile: options.compiled && !request.later,
    };
    let directory = project_env_path(place.written(), &name);
    let in_root = KeptLock { path: directory.join(LOCK_FILE), text: before.lock.clone() };
    let found = locking.find(&in_root, inputs)?;
    let variables = requirements
        .iter()
        .flat_map(|one| &one.set.variables)
        .map(|name| (name.clone(), request.variables.get(name).cloned().unwrap_or_default()));
    let circumstances = Circumstances {
        inputs: found.inputs.clone(),
        variables: Circumstances::digests(variables),
        setting: request.setting.clone(),
    };
    let making = Making { place, name: &name, interpreter: &interpreter, options, before, found };
    Ok(Planned::Ready(Box::new(making.plan(request, circumstances)?)))
}

/// What was made by the last sync, where nothing has moved since.
pub fn unchanged(request: &SyncRequest, look: Look) -> Option<Facts> {
    // Who wants its bytecode now waits for it.
    let has_all = !look.compiling || request.later;
    let state = look.state.filter(|_| request.may_stand() && has_all)?;
    state.holds(&request.setting, &request.variables).then(|| state.into_facts())
}

fn look_at_inputs(
    crew: &dyn Crew,
    requirements: Option<&Requirements>,
    drafts: &Drafts,
    now: SystemTime,
) -> Inputs {
    let mut paths = requirements.map(|one| one.paths.clone()).unwrap_or_default();
    paths.extend(crew.lock_places(requirements.map(|one| &one.set)));
    let remote = requirements.is_some_and(|one| !one.set.remote_files.is_empty());
    let mut inputs = Inputs::look(&paths, remote, now);
    requirements.iter().flat_map(|one| &one.trees).for_each(|tree| inputs.look_tree(tree));
    let built = requirements.map(|one| project_files(&one.set)).unwrap_or_default();
    for path in paths {
        // What was built of a project was built of the file as it is, so that its draft is a change.
        if let Some(draft) = drafts.get(&path).filter(|_| !built.contains(&path)) {
            inputs.expect(&path, draft);
        }
    }
    inputs
}

/// The project files of the directories that are installed.
fn project_files(set: &RequirementSet) -> Vec<PathBuf> {
    let directory = |one: &SourceRequirement| match &one.source.place {
        Source::Directory(path) => {
            Some(path.join(one.source.subdirectory.as_deref().unwrap_or_default()))
        }
        _ => None,
    };
    let directories = set.sources.iter().filter_map(directory);
    directories.flat_map(|path| PROJECT_FILES.map(|name| path.join(name))).collect()
}

/// A plan, as it is put together of everything that is known by then.
struct Making<'a> {
    place: &'a dyn Place,
    name: &'a ProjectEnv,
    interpreter: &'a Interpreter,
    options: EnvironmentOptions,
    before: Before,
    found: Found,
}

impl Making<'_> {
    fn plan(self, request: &SyncRequest, circumstances: Circumstances) -> Result<ReadyPlan, Error> {
        let Self { place, name, interpreter, options, before, found } = self;
        let Found { lock, claims, brought, own_lock, in_process, timings, .. } = found;
        let mut built = Built::all(&brought);
        // One that may be damaged is not kept to.
        let sound = !request.options.verify && !request.options.reinstall;
        let keys: Vec<Sha256> = built.values().filter_map(|built| built.key).collect();
        if sound && !keys.is_empty() {
            let remembered = ask::remembered(place, keys)?;
            for built in built.values_mut() {
                built.recall(&remembered);
            }
        }
        let spec = plan::spec(&lock, &built, interpreter, &options);
        let id = id_at(place.seen(), &spec);
        let wheels = lock.packages.iter().filter_map(|package| package.sha256);
        // What was brought here is there.
        let wheels = wheels.filter(|_| !in_process).collect();
        let stock = ask::stock(place, wheels, id.clone())?;
        let InstallOptions { reinstall, verify, .. } = request.options;
        let facts = facts(place.written(), name, &id, interpreter, &lock);
        let after = Listed::of(&facts.packages);
        let mut plan = SyncPlan {
            packages: plan::packages(&lock, &brought, &stock),
            environment: plan::environment(id, before.current.as_deref(), &stock, reinstall),
            changes: Changes::between(&before.packages, &after),
            kept: before.packages.into_iter().filter(|one| after.contains(one)).collect(),
            lock: lock.to_toml(Path::new("/")),
            built,
            moved: BTreeMap::new(),
            options,
            later: request.later,
            care: Care { reinstall, verify },
            interpreter: interpreter.clone(),
            circumstances,
            claims: Claimed::all(&claims, &lock),
            answers: lock.inputs.clone(),
            upgrade: request.upgrade,
            cause: request.cause,
            facts,
            done: None,
        };
        let local = local_wheels(&lock);
        if !in_process {
            return Ok(ReadyPlan { plan, local, own_lock, timings });
        }
        plan.done = Some(Done { brought, lock, own_lock });
        Ok(ReadyPlan { plan, local, own_lock: None, timings })
    }
}

/// The result without what differs from run to run.
fn facts(
    root: &Path,
    name: &ProjectEnv,
    id: &str,
    interpreter: &Interpreter,
    lock: &Lock,
) -> Facts {
    let directory = project_env_path(root, name);
    Facts {
        environment: env_path(root, id),
        current: directory.join(CURRENT),
        id: id.to_owned(),
        python: Python {
            executable: interpreter.executable.clone(),
            version: interpreter.version().to_string(),
        },
        packages: PackageFacts::all(lock),
        lock: directory.join(LOCK_FILE),
    }
}

/// The wheels of this machine that a lock installs, by file name.
fn local_wheels(lock: &Lock) -> BTreeMap<String, LocalWheel> {
    let wheels = lock.packages.iter().filter(|package| package.filename.wheel().is_some());
    let local = wheels.filter_map(|package| match &package.location {
        Location::Path(path) => {
            let (path, sha256) = (path.clone(), package.sha256?);
            Some((package.filename.to_string(), LocalWheel { path, sha256 }))
        }
        Location::Url(_) => None,
    });
    local.collect()
}

/// Does what was planned.
///
/// # Errors
/// What fetching and composing fail with; the environment is as it was then.
pub fn sync(
    ready: ReadyPlan,
    place: &dyn Place,
    crew: &dyn Crew,
    now: SystemTime,
) -> Result<SyncReport, Error> {
    let ReadyPlan { plan, local: _, own_lock, timings } = ready;
    let mut report = ask::carry_out(place, Box::new(plan), now).inspect_err(|error| {
        if let Error::HiddenRequirements { filename } = error {
            crew.forget(filename);
        }
    })?;
    if let Some((path, text)) = own_lock {
        crew.write_lock(&path, &text)?;
    }
    report.timings.resolve = timings.resolve;
    report.timings.fetch += timings.fetch;
    Ok(report)
}
