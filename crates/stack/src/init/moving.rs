//! What a project's Dockerfiles still install though their services start in an environment: what of it no requirements
//! file has, and the files as they would be without it. Owns the comparison; what a Dockerfile says is the launcher's, what
//! a requirement is `pyfast_packaging`'s. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use pyfast_crew::inputs::stated;
use pyfast_launcher::compose_file::{Build, ComposeProject};
use pyfast_launcher::installs::{Given, Installs, Left, Named, Question};
use pyfast_launcher::propose::{dockerfile_of, normal, one_line, places_of};
use pyfast_packaging::PackageName;
use pyfast_packaging::edit::{Edited, List, Wanted};
use pyfast_packaging::requirement::Requirement;
use pyfast_packaging::safe_url::redact;
use pyfast_settings::{Itself, Settings, is_remote};

use super::change::{Change, content, lines_gone};
use crate::stack::Stack;

/// What is to be done so that images do not install any more what environments bring.
#[derive(Debug, Default)]
pub struct Moving {
    /// What each Dockerfile installs.
    pub images: Vec<Image>,
    /// What would be changed, requirements files first.
    pub changes: Vec<Change>,
    /// What could not be looked at, and why.
    pub notes: Vec<String>,
}

/// What a Dockerfile installs.
#[derive(Debug)]
pub struct Image {
    /// The Dockerfile, seen from the project's directory.
    pub dockerfile: String,
    /// What no requirements file of its services' environment has.
    pub beyond: Vec<Named>,
    /// The files that would get it.
    pub into: BTreeSet<String>,
    /// What stays in though it installs.
    pub left: Vec<Left>,
    /// Whether it would be changed.
    pub changes: bool,
}

/// An environment, as far as its files say what is in it.
struct Stated {
    /// All its files, absolute.
    files: BTreeSet<PathBuf>,
    /// The one that gets what is missing, with its place as it is shown.
    first: Option<PathBuf>,
    names: BTreeSet<PackageName>,
    requirements: Vec<Requirement>,
    /// Whether its files have digests of what may be installed.
    hashed: bool,
    /// Whether it has the project itself.
    itself: bool,
    /// A source that is built.
    direct: Option<String>,
    services: BTreeSet<String>,
}

/// Where a Dockerfile's text stands.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// In a file, absolute.
    File(PathBuf),
    /// In the compose file: the text itself.
    Inline(String),
}

/// A service that is built from a Dockerfile.
struct Built<'a> {
    service: &'a str,
    build: &'a Build,
    /// The environment that it starts in.
    env: &'a str,
}

/// Packages that are published as sources alone, which link to libraries of the system.
const SOURCES: [&str; 22] = [
    "bjoern",
    "dbus-python",
    "gdal",
    "m2crypto",
    "mod-wsgi",
    "mysqlclient",
    "netifaces",
    "psycopg",
    "psycopg-c",
    "psycopg2",
    "pyaudio",
    "pycairo",
    "pycups",
    "pygobject",
    "pygraphviz",
    "pyicu",
    "pylibmc",
    "python-ldap",
    "rrdtool",
    "ta-lib",
    "uwsgi",
    "xmlsec",
];

/// Looks at the Dockerfiles of a project's services that start in environments.
pub fn moving(settings: &Settings, project: &ComposeProject) -> Moving {
    let mut moving = Moving::default();
    let environments = environments(settings, &mut moving.notes);
    let of_service = |service: &String| {
        environments.iter().find(|(_, env)| env.services.contains(service)).map(|(name, _)| *name)
    };
    let mut dockerfiles: BTreeMap<Source, Vec<Built<'_>>> = BTreeMap::new();
    let mut apart: BTreeMap<Source, &String> = BTreeMap::new();
    for (name, service) in &project.services {
        let Some(build) = &service.build else { continue };
        let Some(source) = Source::of(build) else { continue };
        match of_service(name) {
            Some(env) => {
                dockerfiles.entry(source).or_default().push(Built { service: name, build, env });
            }
            None => drop(apart.insert(source, name)),
        }
    }
    let mut work = Work { settings, project, environments: &environments, drafts: BTreeMap::new() };
    for (source, builds) in &dockerfiles {
        let shown = work.named(source, builds);
        let outcome = match apart.get(source) {
            Some(service) => Err(format!(
                "the service {service}, which has no environment, is built from it too"
            )),
            None => work.look(source, builds),
        };
        match outcome {
            Ok(Some(Looked { image, change, note })) => {
                moving.images.extend((!image.is_quiet()).then_some(image));
                moving.changes.extend(change);
                moving.notes.extend(note.map(|note| format!("{shown} stays as it is: {note}")));
            }
            Ok(None) => {}
            Err(why) => moving.notes.push(format!("{shown} stays as it is: {why}")),
        }
    }
    let drafts = work.requirements();
    moving.changes.splice(0..0, drafts);
    moving
}

impl Stack<'_> {
    /// The Dockerfiles that install what an environment brings, or is to bring.
    pub(crate) fn still_installing(&self) -> Vec<String> {
        moving(self.settings, &self.description().project).dockerfiles()
    }
}

fn environments<'a>(settings: &'a Settings, notes: &mut Vec<String>) -> BTreeMap<&'a str, Stated> {
    let mut found = BTreeMap::new();
    for (name, config) in &settings.project.config.env {
        if config.services.is_empty() {
            continue;
        }
        let working = &settings.project.working_directory;
        let Some(set) = stated(settings, name) else {
            notes.push(format!(
                "the requirements of {name} cannot be read: its images stay as they are"
            ));
            continue;
        };
        let project = &settings.project;
        let own = project.requirements(&[], name).unwrap_or_default();
        let named = own.iter().chain(&set.files).cloned().chain(project.constraints(&[], name));
        let files = named.filter(|file| !is_remote(file)).map(|file| normal(&working.join(file)));
        let first =
            own.iter().find(|file| !is_remote(file)).map(|file| normal(&working.join(file)));
        let sources = set.sources.iter().filter_map(|source| source.name.clone());
        let names = set.requirements.iter().map(|one| one.name.clone()).chain(sources);
        let services = config.services.iter().cloned().collect();
        let hashed = set.requirements.iter().any(|one| !one.hashes.is_empty())
            || set.sources.iter().any(|one| !one.hashes.is_empty());
        let env = Stated {
            files: files.collect(),
            first,
            names: names.collect(),
            hashed,
            // What points into the project's directory is in no image.
            itself: config.project == Itself::Built,
            direct: set.sources.first().map(|one| one.source.text.clone()),
            requirements: set.requirements,
            services,
        };
        found.insert(name.as_str(), env);
    }
    found
}

struct Work<'a> {
    settings: &'a Settings,
    project: &'a ComposeProject,
    environments: &'a BTreeMap<&'a str, Stated>,
    /// Requirements files as they would be, with what they have.
    drafts: BTreeMap<PathBuf, Draft>,
}

struct Draft {
    before: Vec<u8>,
    edited: Edited,
}

/// What came of looking at a Dockerfile.
struct Looked {
    image: Image,
    change: Option<Change>,
    /// Why nothing is changed though it could.
    note: Option<String>,
}

impl Source {
    /// `None` where nobody here has it.
    fn of(build: &Build) -> Option<Self> {
        let inline = build.dockerfile_inline.clone().map(Self::Inline);
        inline.or_else(|| dockerfile_of(build).map(Self::File))
    }

    /// The text; `None` where there is no such file.
    fn text(&self) -> Result<Option<String>, String> {
        let path = match self {
            Self::Inline(text) => return Ok(Some(text.clone())),
            Self::File(path) => path,
        };
        match content(path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_bytes| "it is no UTF-8".to_owned());
                Ok(Some(text?))
            }
            // Whoever builds says so.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Work<'_> {
    fn shown(&self, path: &Path) -> String {
        let directory = &self.settings.project.directory;
        path.strip_prefix(directory).unwrap_or(path).display().to_string()
    }

    /// A Dockerfile as the user knows it.
    fn named(&self, source: &Source, builds: &[Built<'_>]) -> String {
        match source {
            Source::File(path) => self.shown(path),
            Source::Inline(_) => {
                let services: Vec<_> = builds.iter().map(|one| one.service).collect();
                format!("dockerfile_inline of {}", services.join(", "))
            }
        }
    }

    fn look(&mut self, source: &Source, builds: &[Built<'_>]) -> Result<Option<Looked>, String> {
        let [first, ..] = builds else { return Ok(None) };
        let arguments = &first.build.args;
        if builds.iter().any(|one| &one.build.args != arguments) {
            return Err("its builds have different arguments".to_owned());
        }
        let Some(text) = source.text()? else { return Ok(None) };
        let targets: Vec<_> = builds.iter().map(|one| one.build.target.clone()).collect();
        let installs = Installs::read(&Question { text: &text, arguments, targets: &targets });
        let envs: BTreeMap<&str, &Stated> = builds
            .iter()
            .filter_map(|one| Some((one.env, self.environments.get(one.env)?)))
            .collect();
        let provided = |name: &str| {
            builds.iter().all(|one| {
                let found =
                    places_of(name, &text, one.build).into_iter().find(|path| path.is_file());
                let env = self.environments.get(one.env);
                found.zip(env).is_some_and(|(file, env)| env.files.contains(&file))
            })
        };
        let commands = self.commands(&envs);
        let script = |name: &str| file_of(name, &text, builds);
        let project = envs.values().all(|env| {
            let mut files = env.files.iter();
            files.any(|file| file.file_name().is_some_and(|name| name == "pyproject.toml"))
        });
        let itself = envs.values().all(|env| env.itself);
        let compiled = compiled(&envs, &installs.named());
        let (provided, commands, script) = (&provided, &commands[..], &script);
        let given = Given { provided, project, itself, compiled, commands, script };
        let mut without = installs.without(&given);
        let dockerfile = self.named(source, builds);
        let due = without.text.is_some() || !without.named.is_empty();
        let kept = if due { self.kept_whole(source, builds, &envs) } else { None };
        let after = without.text.take().unwrap_or_else(|| text.clone());
        let (change, note) = match source {
            Source::File(path) => {
                (Change::new(path, &dockerfile, text.as_bytes(), after.into_bytes()), kept)
            }
            Source::Inline(_) => (None, kept.or_else(|| by_hand(&text, &after))),
        };
        let mut image = Image {
            dockerfile,
            beyond: Vec::new(),
            into: BTreeSet::new(),
            left: without.left,
            changes: change.is_some(),
        };
        // What has digests takes nothing without.
        let left = image.left.len();
        for named in without.named.into_iter().filter(|_| !envs.values().any(|env| env.hashed)) {
            self.compare(named, &envs, &mut image)?;
        }
        let change = change.filter(|_| note.is_none() && image.left.len() == left);
        image.changes = change.is_some();
        Ok(Some(Looked { image, change, note }))
    }

    /// What beside a Dockerfile keeps it as it is.
    fn kept_whole(
        &self,
        source: &Source,
        builds: &[Built<'_>],
        envs: &BTreeMap<&str, &Stated>,
    ) -> Option<String> {
        let own = match source {
            Source::File(path) => Some(path),
            Source::Inline(_) => None,
        };
        if own.is_some_and(|path| !path.starts_with(&self.settings.project.directory)) {
            return Some("it is outside of the project".to_owned());
        }
        if envs.values().any(|env| env.hashed) {
            return Some(
                "its requirements files have digests, and nothing without is put there".to_owned(),
            );
        }
        let names: BTreeSet<String> = builds.iter().flat_map(|one| self.images_of(one)).collect();
        let is_ours = |text: &str| names.contains(text.trim_end_matches(":latest"));
        for (name, service) in &self.project.services {
            let inside = self.environments.values().any(|env| env.services.contains(name));
            if !inside && service.image.as_deref().is_some_and(is_ours) {
                return Some(format!(
                    "the service {name}, which has no environment, uses its image"
                ));
            }
            let Some(build) = &service.build else { continue };
            if build.other.iter().any(|key| key == "additional_contexts") {
                return Some(format!("the build of {name} has contexts that may be its image"));
            }
            let file = dockerfile_of(build).filter(|other| Some(other) != own);
            let read = file.and_then(|file| String::from_utf8(content(&file).ok()?).ok());
            let text = read.or_else(|| build.dockerfile_inline.clone()).unwrap_or_default();
            let lines = text.lines().map(str::trim).filter(|line| {
                let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
                matches!(word.as_str(), "FROM" | "ARG") || line.contains("from=")
            });
            let mut words = lines.flat_map(|line| line.split([' ', '\t', '=', ',', '"']));
            let arguments = build.args.values().flatten();
            if words.any(is_ours) || arguments.map(String::as_str).any(is_ours) {
                return Some(format!("the image of {name} is made from its image"));
            }
        }
        None
    }

    /// The names of the image that a build makes, without `latest`.
    fn images_of(&self, built: &Built<'_>) -> Vec<String> {
        let (project, service) = (&self.project.name, built.service);
        let named = self.project.services.get(service).and_then(|one| one.image.clone());
        let named = named.map(|image| image.trim_end_matches(":latest").to_owned());
        let own = [format!("{project}-{service}"), format!("{project}_{service}")];
        named.map_or_else(|| own.to_vec(), |image| vec![image])
    }

    /// What services start that their images do not say themselves.
    fn commands(&self, envs: &BTreeMap<&str, &Stated>) -> Vec<Vec<String>> {
        let services = envs.values().flat_map(|env| &env.services);
        let services = services.filter_map(|name| self.project.services.get(name));
        let lines = services.flat_map(|one| [one.entrypoint.clone(), one.command.clone()]);
        lines.flatten().collect()
    }

    /// Puts what an environment does not have into the file that is to have it.
    fn compare(
        &mut self,
        named: Named,
        envs: &BTreeMap<&str, &Stated>,
        image: &mut Image,
    ) -> Result<(), String> {
        let directory = &self.settings.project.directory;
        let wanted = Wanted::new(&named.text, directory).ok();
        let Some((wanted, name)) =
            wanted.and_then(|one| one.name().cloned().map(|name| (one, name)))
        else {
            let why = "it is no requirement".to_owned();
            image.left.push(Left { line: named.line, text: named.text, why });
            return Ok(());
        };
        let differs = |env: &&&Stated| {
            let mut stated = env.requirements.iter().filter(|one| one.name == name);
            env.names.contains(&name) && !stated.any(|one| wanted.is_met_by(one))
        };
        if envs.values().any(|env| differs(&env)) {
            let why = "the requirements files ask for another of it".to_owned();
            image.left.push(Left { line: named.line, text: named.text, why });
            return Ok(());
        }
        let without = envs.values().filter(|env| !env.names.contains(&name));
        let files: Vec<_> = without.filter_map(|env| env.first.clone()).collect();
        for file in &files {
            let shown = self.shown(file);
            if !file.starts_with(directory) {
                return Err(format!("{shown}, which is to have {name}, is outside of the project"));
            }
            let draft = if let Some(draft) = self.drafts.remove(file) {
                draft
            } else {
                let before = content(file).map_err(|error| error.to_string())?;
                let edited = Edited::new(Path::new(&shown), &before);
                Draft { before, edited: edited.map_err(|error| error.to_string())? }
            };
            let draft = self.drafts.entry(file.clone()).or_insert(draft);
            let added = draft.edited.add(&wanted, List::Dependencies);
            added.map_err(|error| error.to_string())?;
            image.into.insert(shown);
        }
        image.beyond.extend((!files.is_empty()).then_some(named));
        Ok(())
    }

    fn requirements(self) -> Vec<Change> {
        let shown: Vec<_> = self.drafts.keys().map(|path| self.shown(path)).collect();
        let changes = self.drafts.iter().zip(&shown).filter_map(|((path, draft), shown)| {
            Change::new(path, shown, &draft.before, draft.edited.content())
        });
        changes.collect()
    }
}

/// What a text in the compose file says that is not needed any more.
fn by_hand(before: &str, after: &str) -> Option<String> {
    let gone: Vec<_> = lines_gone(before, after).iter().map(ToString::to_string).collect();
    let lines = match gone.as_slice() {
        [] => return None,
        [one] => format!("line {one} is"),
        several => format!("lines {} are", several.join(", ")),
    };
    Some(format!(
        "it stands in the compose file, which is yours to edit; its environment brings what {lines} for"
    ))
}

/// The text of a file of the project by its name in the image.
fn file_of(name: &str, dockerfile: &str, builds: &[Built<'_>]) -> Option<String> {
    let texts = builds.iter().map(|one| {
        let mut found = places_of(name, dockerfile, one.build).into_iter();
        let path = found.find(|path| path.is_file())?;
        String::from_utf8(content(&path).ok()?).ok()
    });
    texts.collect::<Option<Vec<_>>>().map(|texts| texts.concat())
}

/// A package that may have to be compiled.
fn compiled(envs: &BTreeMap<&str, &Stated>, named: &[Named]) -> Option<String> {
    let stated = envs.values().flat_map(|env| &env.names).map(ToString::to_string);
    let named = named.iter().filter_map(|one| Wanted::new(&one.text, Path::new("/")).ok());
    let named = named.filter_map(|one| one.name().map(ToString::to_string));
    let direct = envs.values().find_map(|env| env.direct.as_deref().map(redact));
    direct.or_else(|| stated.chain(named).find(|name| SOURCES.contains(&name.as_str())))
}

impl Image {
    /// Whether there is nothing to say of it.
    fn is_quiet(&self) -> bool {
        self.beyond.is_empty() && self.left.is_empty() && !self.changes
    }
}

impl Moving {
    /// All changes, as `diff -u` and `patch -p1` have them.
    pub fn diff(&self) -> String {
        self.changes.iter().map(Change::diff).collect()
    }

    /// The files that would be changed, seen from the project's directory.
    pub fn changed(&self) -> Vec<String> {
        self.changes.iter().map(|change| one_line(change.shown())).collect()
    }

    /// The Dockerfiles that install what an environment brings, or is to bring.
    pub fn dockerfiles(&self) -> Vec<String> {
        let due = self.images.iter().filter(|image| image.changes || !image.beyond.is_empty());
        due.map(|image| one_line(&image.dockerfile)).collect()
    }

    /// What stays in, a line each.
    pub fn left(&self) -> Vec<String> {
        let of = |image: &Image| {
            let name = one_line(&image.dockerfile);
            let line = move |left: &Left| {
                let text = one_line(&redact(&left.text));
                let why = one_line(&redact(&left.why));
                format!("{name}:{}: `{text}` stays: {why}", left.line)
            };
            image.left.iter().map(line).collect::<Vec<_>>()
        };
        self.images
            .iter()
            .flat_map(of)
            .chain(self.notes.iter().map(|note| one_line(note)))
            .collect()
    }
}

impl fmt::Display for Moving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for image in &self.images {
            let dockerfile = one_line(&image.dockerfile);
            if !image.beyond.is_empty() {
                let into: Vec<_> = image.into.iter().map(|file| one_line(file)).collect();
                let into = into.join(" and ");
                writeln!(f, "{dockerfile} installs what is not in {into}:")?;
                for named in &image.beyond {
                    writeln!(f, "  {} (line {})", one_line(&redact(&named.text)), named.line)?;
                }
            }
            if image.changes {
                writeln!(f, "{dockerfile} installs what its environment brings")?;
            }
        }
        Ok(())
    }
}
