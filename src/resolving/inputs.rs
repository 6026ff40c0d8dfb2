//! What a resolution is made from: requirements files and what they name, and the digest by which a
//! lock says which of them it answers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use pyfast_environment::{DESCRIPTION, digest};
use pyfast_packaging::ExtraName;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::pyproject::WantedExtras;
use pyfast_packaging::requirement::Source;
use pyfast_packaging::requirement_source::{Place, SourceRequirement};
use pyfast_packaging::requirements_txt::{
    ReadContext, RequirementSet, SettingsOf, read_requirements,
};
use pyfast_packaging::target::Target;

use super::ResolveArgs;
use crate::failure::{Code, Failure};
use crate::indexes::find_links;
use crate::project::is_remote;
use crate::settings::Settings;
use crate::texts::texts;

/// What the requirements files say, and all the files that this depends on.
pub(crate) struct Inputs {
    pub(crate) set: RequirementSet,
    pub(crate) paths: Vec<PathBuf>,
    /// Directories that are installed, all files of which count.
    pub(crate) trees: Vec<PathBuf>,
}

/// Reads requirements and constraints.
pub(crate) fn read_inputs(args: &ResolveArgs, settings: &Settings) -> Result<Inputs, Failure> {
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
                paths.extend(DESCRIPTION.map(|name| path.join(below).join(name)));
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
    args: &ResolveArgs,
    settings: &Settings,
) -> Result<Vec<PathBuf>, Failure> {
    if args.requirements.is_empty() && !args.group.is_empty() {
        return Ok(Vec::new());
    }
    settings.project.requirements(&args.requirements, &settings.env)
}

/// What reading the files of an environment may look at, and what of them is wanted.
fn context(args: &ResolveArgs, settings: &Settings, env: &str) -> Result<ReadContext, Failure> {
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
    let mut variables = settings.environment.all().clone();
    // As uv has it.
    let root = || project.working_directory.display().to_string();
    variables.entry("PROJECT_ROOT".to_owned()).or_insert_with(root);
    Ok(ReadContext {
        variables,
        working_directory: project.working_directory.clone(),
        extras: WantedExtras { all: args.all_extras, names },
        groups,
        fetch: Some(texts(settings, false)),
    })
}

/// Refuses an interpreter that a project file or script excludes.
pub(crate) fn check_python(set: &RequirementSet, target: &Target) -> Result<(), Failure> {
    let python = target.python();
    let Some(limit) = set.requires_python.iter().find(|one| !one.specifiers.contains(python))
    else {
        return Ok(());
    };
    let message =
        format!("{} requires Python {}, and this is {python}", limit.origin, limit.specifiers);
    Err(Failure::new("requires-python", message, Code::Mendable)
        .hint("another interpreter is chosen with --python"))
}

/// The files that an environment's dependencies are written in, the project's lock included. What cannot be read names
/// itself only.
pub(crate) fn input_files(settings: &Settings, env: &str) -> Vec<PathBuf> {
    let project = &settings.project;
    let mut files = project.requirements(&[], env).unwrap_or_default();
    files.extend(project.constraints(&[], env));
    let context = context(&ResolveArgs::default(), settings, env)
        .map(|context| ReadContext { fetch: Some(texts(settings, true)), ..context });
    if let Ok(set) = context.map(|context| read_requirements(&files, &[], &[], &context))
        && let Ok(set) = set
    {
        files.extend(set.files);
    }
    files.retain(|file| !is_remote(file));
    let absolute = |file: &PathBuf| project.working_directory.join(file);
    let mut files: Vec<_> = files.iter().map(absolute).collect();
    let locks: Vec<_> =
        files.iter().filter_map(|file| Some(file.parent()?.join("pylock.toml"))).collect();
    files.extend(locks);
    files
}

/// A digest of everything that a lock answers: an equal one means that the lock is up to date.
/// Indexes are not in it, so that a lock holds for people who use a mirror.
/// `place` says what it is for: a target, or several.
pub(crate) fn inputs_digest(set: &RequirementSet, args: &ResolveArgs, place: &str) -> String {
    let mut text = String::from("1\n");
    for (kind, requirements) in
        [("r", &set.requirements), ("c", &set.constraints), ("o", &set.overrides)]
    {
        let mut lines: Vec<String> = requirements
            .iter()
            .map(|requirement| format!("{kind} {requirement} {:?}\n", requirement.hashes))
            .collect();
        // The order of lines can decide between solutions, so it stays.
        text.extend(lines.drain(..));
    }
    text.extend(set.excludes.iter().map(|name| format!("x {name}\n")));
    text.extend(set.index.pins.iter().map(|(name, index)| format!("i {name} {index}\n")));
    for source in &set.sources {
        let _ = writeln!(text, "s {source} {:?} {}", source.hashes, described(source));
    }
    for SettingsOf { name, settings, .. } in &set.build_settings {
        let _ = writeln!(text, "C {name:?} {settings:?}");
    }
    // Only what differs from the defaults, so that locks without such options stay up to date.
    let mut built = String::new();
    if args.no_build || !args.only_binary.is_empty() || !args.no_binary.is_empty() {
        built = format!(" {} {:?} {:?}", args.no_build, args.only_binary, args.no_binary);
    }
    let files = (&set.index.only_binary, &set.index.no_binary);
    if !files.0.is_empty() || !files.1.is_empty() {
        let _ = write!(built, " files {:?} {:?}", files.0, files.1);
    }
    let settings = format!(
        "{:?} {:?} {:?} {} {} {} {place}{built}",
        args.prerelease,
        args.resolution,
        args.exclude_newer.as_ref().map(crate::args::Cutoff::utc),
        set.index.require_hashes,
        set.index.pre,
        args.no_deps,
    );
    text.push_str(&settings);
    format!("sha256:{}", digest(text.as_bytes()))
}

/// What of a target shapes a lock.
pub(crate) fn place_of(target: &Target) -> String {
    let facts = target.tags.facts();
    let libc = facts.libc.map(|libc| matches!(libc, pyfast_packaging::tags::Libc::Glibc { .. }));
    format!("{:?} {} {} {libc:?}", facts.python, facts.implementation, facts.machine)
}

/// What of a directory shapes a lock: the files that describe it, and those that tools read
/// requirements from. What is computed from anything else is noticed when it is built.
fn described(source: &SourceRequirement) -> String {
    let Place::Directory(path) = &source.source.place else { return String::new() };
    let project = path.join(source.source.subdirectory.as_deref().unwrap_or_default());
    let mut files: Vec<PathBuf> = DESCRIPTION.map(|name| project.join(name)).into();
    let entries = fs_err::read_dir(&project).into_iter().flatten().flatten();
    let beside = entries.map(|entry| entry.path());
    files.extend(beside.filter(|path| path.extension().is_some_and(|end| end == "txt")));
    files.sort();
    let contents = files.iter().map(|file| {
        let content = fs_err::read(file).unwrap_or_default();
        format!("{} {}\n", file.file_name().unwrap_or_default().display(), digest(&content))
    });
    digest(contents.collect::<String>().as_bytes())
}
