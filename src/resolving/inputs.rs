//! What a lock is made from: requirements files and what they name.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pyfast_packaging::ExtraName;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::pyproject::WantedExtras;
use pyfast_packaging::requirement::Source;
use pyfast_packaging::requirement_source::Place;
use pyfast_packaging::requirements_txt::{
    FetchText, ReadContext, RequirementSet, read_requirements,
};
use pyfast_packaging::source_dist::PROJECT_FILES;

use super::ResolveFlags;
use crate::failure::Failure;
use crate::settings::{Settings, tell};
use pyfast_settings::find_links;
use pyfast_settings::is_remote;
use pyfast_settings::own_lock::OwnLock;
use pyfast_settings::texts;

/// What the requirements files say, and all the files that this depends on.
pub(crate) struct Inputs {
    pub(crate) set: RequirementSet,
    pub(crate) paths: Vec<PathBuf>,
    /// Directories that are installed, all files of which count.
    pub(crate) trees: Vec<PathBuf>,
}

/// Reads requirements and constraints.
pub(crate) fn read_inputs(args: &ResolveFlags, settings: &Settings) -> Result<Inputs, Failure> {
    let project = &settings.project;
    let requirements = requirement_files(args, settings)?;
    let constraints = project.constraints(&args.constraints, &settings.env);
    let context = context(args, settings, &settings.env)?;
    let mut set = read_requirements(&requirements, &constraints, &args.overrides, &context)?;
    set.index.require_hashes |= args.require_hashes;
    set.excludes = args.exclude_dependency.iter().cloned().collect();
    set.excludes.extend(project.excluded(&settings.env)?);
    set.index.pins = project.config.index.pins();
    for warning in &set.warnings {
        settings.ui.warning(warning);
    }
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
) -> Result<Vec<PathBuf>, Failure> {
    if args.requirements.is_empty() && !args.group.is_empty() {
        return Ok(Vec::new());
    }
    Ok(settings.project.requirements(&args.requirements, &settings.env)?)
}

/// What reading the files of an environment may look at, and what of them is wanted.
fn context(args: &ResolveFlags, settings: &Settings, env: &str) -> Result<ReadContext, Failure> {
    let project = &settings.project;
    let mut names: BTreeSet<ExtraName> = args.extra.iter().cloned().collect();
    let mut groups: Vec<_> = args.group.iter().map(|group| project.group(group)).collect();
    if args.requirements.is_empty() && groups.is_empty() {
        let configured = project.config.env.get(env);
        for extra in configured.into_iter().flat_map(|env| &env.extras) {
            names.insert(extra.parse().map_err(|error| {
                Failure::usage(format!("`{extra}` under [env.{env}] is no extra: {error}"))
            })?);
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
        fetch: Some(fetch(settings, false)),
    })
}

/// The files that an environment's dependencies are written in, its lock included. What cannot be read names
/// itself only.
pub(crate) fn input_files(settings: &Settings, env: &str) -> Vec<PathBuf> {
    let project = &settings.project;
    let mut files = project.requirements(&[], env).unwrap_or_default();
    files.extend(project.constraints(&[], env));
    let context = context(&ResolveFlags::default(), settings, env)
        .map(|context| ReadContext { fetch: Some(fetch(settings, true)), ..context });
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
pub(crate) fn fetch(settings: &Settings, offline: bool) -> FetchText {
    let ui = settings.ui;
    texts(settings, offline, move |doubt| tell(ui, doubt))
}
