//! What a lock is made from: requirements files and what they name.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use pyfast_packaging::ExtraName;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::pyproject::WantedExtras;
use pyfast_packaging::requirement::Source;
use pyfast_packaging::requirement_source::Place;
use pyfast_packaging::requirements_txt::{
    Drafts, FetchText, ReadContext, RequirementSet, read_requirements,
};
use pyfast_packaging::source_dist::PROJECT_FILES;

use crate::error::Error;
use crate::event::{Event, Events};
use crate::task::Options;
use pyfast_settings::{ResolveFlags, Settings, find_links, is_remote, own_lock::OwnLock, texts};

/// What the requirements files say, and all the files that this depends on.
pub struct Inputs {
    /// What they say.
    pub set: RequirementSet,
    /// The files.
    pub paths: Vec<PathBuf>,
    /// Directories that are installed, all files of which count.
    pub trees: Vec<PathBuf>,
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
    read((args, &Drafts::default()), settings, events)
}

/// The same for a sync, with the drafts that it is for.
pub(crate) fn of(options: &Options, settings: &Settings, events: &Events) -> Result<Inputs, Error> {
    read((&options.resolve, &options.drafts), settings, events)
}

fn read(
    (args, drafts): (&ResolveFlags, &Drafts),
    settings: &Settings,
    events: &Events,
) -> Result<Inputs, Error> {
    let project = &settings.project;
    let requirements = requirement_files(args, settings)?;
    let constraints = project.constraints(&args.constraints, &settings.env);
    let context = context((args, events), settings, &settings.env)?;
    let context = ReadContext { drafts: drafts.clone(), ..context };
    let mut set = read_requirements(&requirements, &constraints, &args.overrides, &context)?;
    set.index.require_hashes |= args.require_hashes;
    set.excludes.extend(args.exclude_dependency.iter().cloned());
    set.excludes.extend(project.excluded(&settings.env)?);
    set.index.pins.extend(project.config.index.pins());
    let mut paths = set.files.clone();
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
        flat.map(|place| place.strip_prefix("file://").unwrap_or(place))
            .filter(|place| !place.contains("://"))
            .map(|place| project.working_directory.join(place)),
    );
    Ok(Inputs { set, paths, trees })
}

/// The requirements files that are meant; none where only groups are.
pub(crate) fn requirement_files(
    args: &ResolveFlags,
    settings: &Settings,
) -> Result<Vec<PathBuf>, Error> {
    if args.requirements.is_empty() && !args.group.is_empty() {
        return Ok(Vec::new());
    }
    Ok(settings.project.requirements(&args.requirements, &settings.env)?)
}

/// What reading the files of an environment may look at, and what of them is wanted.
fn context(
    (args, events): (&ResolveFlags, &Events),
    settings: &Settings,
    env: &str,
) -> Result<ReadContext, Error> {
    let project = &settings.project;
    let mut names: BTreeSet<ExtraName> = args.extra.iter().cloned().collect();
    let mut groups: Vec<_> = args.group.iter().map(|group| project.group(group)).collect();
    if args.requirements.is_empty() && groups.is_empty() {
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
        groups = configured
            .into_iter()
            .flat_map(|env| &env.groups)
            .map(|group| project.configured_group(group))
            .collect();
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
        uv: settings.uv_tables().cloned().collect(),
        fetch: Some(fetch(settings, false, events)),
        drafts: Drafts::default(),
    })
}

/// The files that an environment's dependencies are written in, its lock included. What cannot be read names
/// itself only.
pub fn input_files(settings: &Settings, env: &str) -> Vec<PathBuf> {
    let project = &settings.project;
    let mut files = project.requirements(&[], env).unwrap_or_default();
    files.extend(project.constraints(&[], env));
    let nobody: Events = Arc::new(|_| ());
    let context = context((&ResolveFlags::default(), &nobody), settings, env)
        .map(|context| ReadContext { fetch: Some(fetch(settings, true, &nobody)), ..context });
    if let Ok(set) = context.map(|context| read_requirements(&files, &[], &[], &context))
        && let Ok(set) = set
    {
        files.extend(set.files);
    }
    files.retain(|file| !is_remote(file));
    let absolute = |file: &PathBuf| project.working_directory.join(file);
    let mut files: Vec<_> = files.iter().map(absolute).collect();
    files.extend(OwnLock::configured(project, env).places().iter().cloned());
    files
}

/// How requirements files of servers are had.
pub(crate) fn fetch(settings: &Settings, offline: bool, events: &Events) -> FetchText {
    let events = Arc::clone(events);
    texts(settings, offline, move |doubt| events(Event::Doubt(doubt)))
}
