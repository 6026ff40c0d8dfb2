//! What a lock is made from: requirements files and what they name.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use pyfast_index::flat::local_path;
use pyfast_packaging::ExtraName;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::pyproject::WantedExtras;
use pyfast_packaging::requirement::Source;
use pyfast_packaging::requirement_source::Place;
use pyfast_packaging::requirements_txt::{
    Drafts, FetchText, ReadContext, RequirementSet, read_requirements,
};
use pyfast_packaging::source_dist::PROJECT_FILES;

use crate::building::given_constraints;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::task::Options;
use pyfast_settings::own_lock::{OwnLock, is_lock};
use pyfast_settings::{Error as SettingsError, Itself, ResolveFlags, Settings};
use pyfast_settings::{find_links, is_remote, texts};

/// What the requirements files say, and all the files that this depends on.
pub struct Inputs {
    /// What they say.
    pub set: RequirementSet,
    /// The files.
    pub paths: Vec<PathBuf>,
    /// Directories that are installed, all files of which count.
    pub trees: Vec<PathBuf>,
    /// What the user should know of them.
    pub told: Vec<Event>,
}

/// Reads requirements and constraints.
///
/// # Errors
/// What is wrong with them.
pub fn read_inputs(
    args: &ResolveFlags,
    settings: &Settings,
    events: &Events,
) -> Result<Inputs, Error> {
    read(args, &Drafts::default(), settings, events)
}

/// The same where the project has any: a lock may be looked at without them.
pub(crate) fn if_any(
    args: &ResolveFlags,
    settings: &Settings,
    events: &Events,
) -> Result<Option<Inputs>, Error> {
    match requirement_files(args, settings) {
        Ok(files) if lock_among(&files).is_some() => Ok(None),
        Ok(_) => read_inputs(args, settings, events).map(Some),
        Err(Error::Settings(error)) if matches!(*error, SettingsError::NoRequirements { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The same for a sync, with the drafts that it is for.
pub(crate) fn of(options: &Options, settings: &Settings, events: &Events) -> Result<Inputs, Error> {
    read(&options.resolve, &options.drafts, settings, events)
}

fn read(
    args: &ResolveFlags,
    drafts: &Drafts,
    settings: &Settings,
    events: &Events,
) -> Result<Inputs, Error> {
    let project = &settings.project;
    let requirements = requirement_files(args, settings)?;
    if let Some(lock) = lock_among(&requirements) {
        return Err(Error::LockGiven { path: lock.clone() });
    }
    let constraints = project.constraints(&args.constraints, &settings.env);
    let context = context(args, events, settings, &settings.env)?;
    let context = ReadContext { drafts: drafts.clone(), ..context };
    let mut set = read_requirements(&requirements, &constraints, &args.overrides, &context)?;
    set.index.require_hashes |= args.require_hashes;
    set.excludes.extend(args.exclude_dependency.iter().cloned());
    set.excludes.extend(project.excluded(&settings.env)?);
    set.index.pins.extend(project.config.index.pins());
    let builds = given_constraints(args, settings, events)?;
    // What shapes the builds alone is no part of what is resolved, but its change is noticed.
    set.remote_files.extend(builds.remote_files);
    let mut paths = set.files.clone();
    paths.extend(builds.files);
    let direct = set.requirements.iter().chain(&set.constraints);
    paths.extend(direct.filter_map(|requirement| match &requirement.source {
        Source::Wheel(wheel) => match &wheel.location {
            pyfast_packaging::dist_file::Location::Path(path) => Some(path.clone()),
            pyfast_packaging::dist_file::Location::Url(_) => None,
        },
        Source::Registry(_) | Source::Tree(_) => None,
    }));
    let mut trees = Vec::new();
    for source in &set.sources {
        match &source.source.place {
            Place::Archive { location: Location::Path(path), .. } => paths.push(path.clone()),
            Place::Directory(path) if source.source.editable => {
                let below = source.source.subdirectory.as_deref().unwrap_or_default();
                paths.extend(PROJECT_FILES.map(|name| path.join(below).join(name)));
            }
            Place::Directory(path) => trees.push(path.clone()),
            _ => {}
        }
    }
    let named = find_links(settings);
    let flat = set.index.find_links.iter().chain(&named);
    paths.extend(
        flat.filter_map(|place| local_path(place))
            .map(|place| project.working_directory.join(place)),
    );
    let told = told(&set, &requirements, &context);
    Ok(Inputs { set, paths, trees, told })
}

/// What the user should know of what was read.
fn told(set: &RequirementSet, files: &[PathBuf], context: &ReadContext) -> Vec<Event> {
    let mut told = Vec::new();
    let extras = context.extras.names.iter().map(|extra| format!("extra {extra}"));
    let extras = extras.chain(context.extras.all.then(|| "all extras".to_owned()));
    let groups = context.groups.iter().map(|(_, group)| format!("group {group}"));
    let chosen: Vec<String> = extras.chain(groups).collect();
    if !chosen.is_empty() {
        let files = files.iter().map(|file| file.display().to_string());
        told.push(Event::Parts { parts: files.chain(chosen).collect() });
    }
    let installed = |directory: &PathBuf| {
        let mut places = set.sources.iter().map(|source| &source.source.place);
        places.any(|place| matches!(place, Place::Directory(path) if path == directory))
    };
    let mut projects = set.projects.iter();
    if let Some(one) = projects.find(|one| !one.commands.is_empty() && !installed(&one.directory)) {
        let (file, commands) = (one.file.clone(), one.commands.clone());
        told.push(Event::NotInstalled { file, commands });
    }
    told
}

/// The lock that stands where requirements do, which is installed as it is.
///
/// # Errors
/// If there are no requirements, or the lock is not alone.
pub fn lock_alone(args: &ResolveFlags, settings: &Settings) -> Result<Option<PathBuf>, Error> {
    let files = requirement_files(args, settings)?;
    Ok(lock_among(&files).cloned())
}

fn lock_among(files: &[PathBuf]) -> Option<&PathBuf> {
    files.iter().find(|file| is_lock(file))
}

/// The requirements files that are meant, or one lock. Groups add to what the project says; where it says nothing, or where they are
/// wanted alone, there are none.
pub(crate) fn requirement_files(
    args: &ResolveFlags,
    settings: &Settings,
) -> Result<Vec<PathBuf>, Error> {
    let project = &settings.project;
    if args.requirements.is_empty() && !args.only_group.is_empty() {
        return Ok(Vec::new());
    }
    let named = args.extra.is_empty() && !args.all_extras && !args.group.is_empty();
    let itself = project.itself(&settings.env) != Itself::No;
    let files = match project.requirements(&args.requirements, &settings.env) {
        Err(SettingsError::NoRequirements { .. }) if named || itself => return Ok(Vec::new()),
        files => files?,
    };
    let others = |_: &&PathBuf| files.len() > 1 || names_parts(args, settings);
    match lock_among(&files).filter(others) {
        Some(lock) => Err(Error::LockNotAlone { path: lock.clone() }),
        None => Ok(files),
    }
}

/// Whether extras, groups or the project itself are wanted besides.
fn names_parts(args: &ResolveFlags, settings: &Settings) -> bool {
    let named = !args.extra.is_empty() || args.all_extras;
    let groups = !args.group.is_empty() || !args.only_group.is_empty();
    let project = &settings.project;
    let configured = project.config.env.get(&settings.env).filter(|_| args.is_of_project());
    named
        || groups
        || configured.is_some_and(|env| {
            !env.extras.is_empty() || !env.groups.is_empty() || env.project != Itself::No
        })
}

/// What reading the files of an environment may look at, and what of them is wanted.
fn context(
    args: &ResolveFlags,
    events: &Events,
    settings: &Settings,
    env: &str,
) -> Result<ReadContext, Error> {
    let project = &settings.project;
    let mut names: BTreeSet<ExtraName> = args.extra.iter().cloned().collect();
    let named = args.group.iter().chain(&args.only_group);
    let mut groups: Vec<_> = named.map(|group| project.group(group)).collect();
    let mut itself = Itself::No;
    if args.is_of_project() {
        itself = project.itself(env);
        let configured = project.config.env.get(env);
        for extra in configured.into_iter().flat_map(|env| &env.extras) {
            names.insert(extra.parse().map_err(
                |error: <ExtraName as std::str::FromStr>::Err| Error::Extra {
                    extra: extra.clone(),
                    env: env.to_owned(),
                    reason: error.to_string(),
                },
            )?);
        }
        let own = configured.into_iter().flat_map(|env| &env.groups);
        groups.extend(own.map(|group| project.configured_group(group)));
    }
    let mut variables = settings.variables.all().clone();
    // As uv has it.
    let root = || project.working_directory.display().to_string();
    variables.entry("PROJECT_ROOT".to_owned()).or_insert_with(root);
    Ok(ReadContext {
        variables,
        working_directory: project.working_directory.clone(),
        extras: WantedExtras { all: args.all_extras, names },
        groups,
        uv: settings.uv.clone(),
        itself: (itself != Itself::No)
            .then(|| (project.directory.clone(), itself == Itself::Editable)),
        fetch: Some(fetch(settings, false, events)),
        drafts: Drafts::default(),
        workspace: settings.workspace()?,
    })
}

/// The files that an environment's dependencies are written in, its lock included. What cannot be read names
/// itself only.
pub fn input_files(settings: &Settings, env: &str) -> Vec<PathBuf> {
    let project = &settings.project;
    let mut files = project.requirements(&[], env).unwrap_or_default();
    files.extend(project.constraints(&[], env));
    files.extend(stated(settings, env).into_iter().flat_map(|set| set.files));
    files.retain(|file| !is_remote(file));
    let absolute = |file: &PathBuf| project.working_directory.join(file);
    let mut files: Vec<_> = files.iter().map(absolute).collect();
    files.extend(OwnLock::configured(project, env).places().iter().cloned());
    files
}

/// What an environment's files say, where no server has to be asked for one; `None` where they cannot be read.
pub fn stated(settings: &Settings, env: &str) -> Option<RequirementSet> {
    let project = &settings.project;
    let files = project.requirements(&[], env).unwrap_or_default();
    let nobody: Events = Arc::new(|_| ());
    let fetch = fetch(settings, true, &nobody);
    let context = context(&ResolveFlags::default(), &nobody, settings, env).ok()?;
    let context = ReadContext { fetch: Some(fetch), ..context };
    read_requirements(&files, &[], &[], &context).ok()
}

/// How requirements files of servers are had.
pub(crate) fn fetch(settings: &Settings, offline: bool, events: &Events) -> FetchText {
    let events = Arc::clone(events);
    texts(settings, offline, move |doubt| events(Event::Doubt(doubt)))
}
