//! From settings to a lock: what `lock` and `sync` share. Joins the resolver's parts and gives it
//! the world: files, indexes, cache, runtime.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::ValueEnum;
use pyfast_installer::Builder;
use pyfast_resolver::{
    Ahead, BuildSource, Cache, Client, ExtraName, Location, Lock, Looked, MarkerTree, Metadata,
    OnDecided, Origin, PackageName, Place, Policy, Preference, Prereleases, ReadContext, Registry,
    Requirement, RequirementSet, Scope, Selector, SettingsOf, Sha256, Source, SourceRequirement,
    Sources, Target, VersionSpecifiers, WantedExtras, direct_wheels, look_ahead, policy,
    read_requirements, resolve,
};
use tokio::runtime::Runtime;

use crate::building::formats;
use crate::failure::{Code, Failure};
use crate::indexes::{Indexes, find_links};
use crate::project::is_remote;
use crate::settings::Settings;
use crate::state::DESCRIPTION;
use crate::state::digest;
use crate::texts::texts;
use crate::transport;

/// What shapes a resolution.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ResolveArgs {
    /// A requirements file, a `pyproject.toml`, or a script with a header (PEP 723)
    #[arg(short, long = "requirements", visible_alias = "requirement", value_name = "FILE")]
    pub(crate) requirements: Vec<PathBuf>,
    /// Optional dependencies of a `pyproject.toml` to include
    #[arg(long, value_name = "EXTRA")]
    pub(crate) extra: Vec<ExtraName>,
    /// Include all optional dependencies
    #[arg(long, conflicts_with = "extra")]
    pub(crate) all_extras: bool,
    /// A dependency group (PEP 735) to include, of the project's `pyproject.toml` or of the one named
    #[arg(long, value_name = "[FILE:]GROUP")]
    pub(crate) group: Vec<String>,
    /// A constraints file: limits versions of what is otherwise needed
    #[arg(
        short,
        long = "constraints",
        visible_alias = "constraint",
        value_name = "FILE",
        env = "PYFAST_CONSTRAINTS",
        value_delimiter = ' '
    )]
    pub(crate) constraints: Vec<PathBuf>,
    /// An overrides file: replaces every requirement on the packages it names
    #[arg(long = "override", value_name = "FILE", env = "PYFAST_OVERRIDE", value_delimiter = ' ')]
    pub(crate) overrides: Vec<PathBuf>,
    /// Whether pre-releases may be chosen
    #[arg(
        long,
        value_name = "MODE",
        default_value = "if-necessary",
        env = "PYFAST_PRERELEASE",
        help_heading = "Resolution options"
    )]
    pub(crate) prerelease: PrereleaseMode,
    /// Which versions are preferred
    #[arg(
        long,
        value_name = "MODE",
        default_value = "highest",
        env = "PYFAST_RESOLUTION",
        help_heading = "Resolution options"
    )]
    pub(crate) resolution: ResolutionMode,
    /// Ignore files uploaded at or after this time (2026-01-31 or 2026-01-31T12:00:00Z)
    #[arg(
        long,
        value_name = "TIME",
        env = "PYFAST_EXCLUDE_NEWER",
        help_heading = "Resolution options"
    )]
    pub(crate) exclude_newer: Option<String>,
    /// Require a hash for every distribution
    #[arg(long, env = "PYFAST_REQUIRE_HASHES", help_heading = "Resolution options")]
    pub(crate) require_hashes: bool,
    /// Take the newest versions instead of keeping those of the existing lock
    #[arg(short = 'U', long, help_heading = "Resolution options")]
    pub(crate) upgrade: bool,
    /// Take the newest version of this package, below a limit where one is given (`name<2`), and keep the
    /// others
    #[arg(
        short = 'P',
        long,
        value_name = "PACKAGE[<VERSION]",
        help_heading = "Resolution options"
    )]
    pub(crate) upgrade_package: Vec<Upgrade>,
    /// Leave this package out, whoever asks for it
    #[arg(long, value_name = "PACKAGE", help_heading = "Resolution options")]
    pub(crate) exclude_dependency: Vec<PackageName>,
    /// Leave the dependencies of the requirements out
    #[arg(long, env = "PYFAST_NO_DEPS", help_heading = "Resolution options")]
    pub(crate) no_deps: bool,
    /// Build nothing from source: use only wheels
    #[arg(long, env = "PYFAST_NO_BUILD", help_heading = "Resolution options")]
    pub(crate) no_build: bool,
    /// Use only wheels of this package, or of `:all:`
    #[arg(long, value_name = "PACKAGE", help_heading = "Resolution options")]
    pub(crate) only_binary: Vec<String>,
    /// Build this package from source, or `:all:`, even where there are wheels
    #[arg(long, value_name = "PACKAGE", help_heading = "Resolution options")]
    pub(crate) no_binary: Vec<String>,
    /// A setting for build backends; may be repeated
    #[arg(short = 'C', long, value_name = "KEY=VALUE", help_heading = "Build options")]
    pub(crate) config_settings: Vec<String>,
    /// A constraints file for what builds need
    #[arg(
        long = "build-constraint",
        visible_alias = "build-constraints",
        value_name = "FILE",
        env = "PYFAST_BUILD_CONSTRAINT",
        value_delimiter = ' ',
        help_heading = "Build options"
    )]
    pub(crate) build_constraints: Vec<PathBuf>,
    /// Build with what the interpreter itself has installed, in no environment of its own
    #[arg(long, env = "PYFAST_NO_BUILD_ISOLATION", help_heading = "Build options")]
    pub(crate) no_build_isolation: bool,
}

/// A package to upgrade, and how far.
#[derive(Debug, Clone)]
pub(crate) struct Upgrade {
    name: PackageName,
    versions: VersionSpecifiers,
}

impl FromStr for Upgrade {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = text.find(|c: char| " \t<>=!~([;@".contains(c)).unwrap_or(text.len());
        let (name, versions) = text.split_at(end);
        let name = name.parse().map_err(|error| format!("{error}"))?;
        let versions = versions.parse().map_err(|error| {
            format!("`{}` is no limit of versions, such as `<2`: {error}", versions.trim())
        })?;
        Ok(Self { name, versions })
    }
}

impl Upgrade {
    /// The limit as a constraint.
    fn limit(&self) -> Option<Requirement> {
        (!self.versions.is_empty()).then(|| Requirement {
            name: self.name.clone(),
            extras: Vec::new(),
            source: Source::Registry(self.versions.clone()),
            marker: MarkerTree::TRUE,
            hashes: Vec::new(),
            origin: Origin { file: "--upgrade-package".into(), line: 1 },
        })
    }
}

impl ResolveArgs {
    /// Whether the lock's version of a package is not to be kept.
    pub(crate) fn upgrades(&self, name: &PackageName) -> bool {
        self.upgrade_package.iter().any(|upgrade| upgrade.name == *name)
    }

    /// How far packages may be upgraded: limits of this one resolution, of which the lock's digest
    /// knows nothing.
    pub(crate) fn limits(&self) -> impl Iterator<Item = Requirement> {
        self.upgrade_package.iter().filter_map(Upgrade::limit)
    }
}

/// Whether pre-releases may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum PrereleaseMode {
    /// Only where no stable version satisfies
    #[default]
    IfNecessary,
    /// Like stable versions
    Allow,
    /// Only of packages for which the requirements name one
    Explicit,
    /// Never
    Disallow,
}

/// Which versions are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ResolutionMode {
    /// The newest
    #[default]
    Highest,
    /// The oldest
    Lowest,
    /// The oldest of what the requirements name, the newest of everything else
    LowestDirect,
}

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
            pyfast_resolver::Location::Path(path) => Some(path.clone()),
            pyfast_resolver::Location::Url(_) => None,
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
pub(crate) fn context(
    args: &ResolveArgs,
    settings: &Settings,
    env: &str,
) -> Result<ReadContext, Failure> {
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
        args.exclude_newer,
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
    let libc = facts.libc.map(|libc| matches!(libc, pyfast_resolver::Libc::Glibc { .. }));
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
        indexes.credentials.merge(&set.credentials);
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
        exclude_newer: cutoff(args)?,
        formats: formats(args, Some(&set.index))?,
        ..Policy::default()
    })
}

/// The time of `--exclude-newer`, as indexes give times.
pub(crate) fn cutoff(args: &ResolveArgs) -> Result<Option<String>, Failure> {
    args.exclude_newer.as_deref().map(utc).transpose()
}

/// A time in the form in which indexes give it, so that the texts compare as the times do.
fn utc(text: &str) -> Result<String, Failure> {
    let pattern = |pattern: &str| {
        text.len() >= pattern.len()
            && pattern.bytes().zip(text.bytes()).all(|(pattern, byte)| match pattern {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
    };
    if text.len() == 10 && pattern("0000-00-00") {
        return Ok(format!("{text}T00:00:00Z"));
    }
    if pattern("0000-00-00T00:00:00") && text.ends_with('Z') {
        return Ok(text.to_owned());
    }
    Err(Failure::usage(format!("`{text}` is no time"))
        .hint("write a date (2026-01-31), or a time in UTC (2026-01-31T12:00:00Z)"))
}
