//! What a project's Dockerfiles still install though their services start in an environment: what of it no requirements
//! file has, and the files as they would be without it. Owns the comparison; what a Dockerfile says is the launcher's, what
//! a requirement is `pyfast_packaging`'s. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use pyfast_crew::inputs::stated;
use pyfast_launcher::compose_file::{Build, ComposeProject};
use pyfast_launcher::installs::{Given, Installs, Left, Named, Question};
use pyfast_launcher::propose::{dockerfile_of, one_line, places_of};
use pyfast_packaging::PackageName;
use pyfast_packaging::edit::{Edited, List, Wanted};
use pyfast_settings::{Settings, is_remote};

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
const SOURCES: [&str; 20] = [
    "bjoern",
    "dbus-python",
    "gdal",
    "m2crypto",
    "mod-wsgi",
    "mysqlclient",
    "netifaces",
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
        let env = Stated { files: files.collect(), first, names: names.collect(), services };
        found.insert(name.as_str(), env);
    }
    found
}

/// A path without `.` and with `..` taken out.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
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
        let project = envs.values().all(|env| {
            let mut files = env.files.iter();
            files.any(|file| file.file_name().is_some_and(|name| name == "pyproject.toml"))
        });
        let compiled = compiled(&envs, &installs.named());
        let given = Given { provided: &provided, project, compiled, commands: &commands };
        let mut without = installs.without(&given);
        let dockerfile = self.named(source, builds);
        let after = without.text.take().unwrap_or_else(|| text.clone());
        let (change, note) = match source {
            Source::File(path) => {
                (Change::new(path, &dockerfile, text.as_bytes(), after.into_bytes()), None)
            }
            Source::Inline(_) => (None, by_hand(&text, &after)),
        };
        let mut image = Image {
            dockerfile,
            beyond: Vec::new(),
            into: BTreeSet::new(),
            left: without.left,
            changes: change.is_some(),
        };
        for named in without.named {
            self.compare(named, &envs, &mut image)?;
        }
        Ok(Some(Looked { image, change, note }))
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
            return Err(format!("`{}` in line {} is no requirement", named.text, named.line));
        };
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

/// A package that may have to be compiled.
fn compiled(envs: &BTreeMap<&str, &Stated>, named: &[Named]) -> Option<String> {
    let stated = envs.values().flat_map(|env| &env.names).map(ToString::to_string);
    let named = named.iter().filter_map(|one| Wanted::new(&one.text, Path::new("/")).ok());
    let named = named.filter_map(|one| one.name().map(ToString::to_string));
    stated.chain(named).find(|name| SOURCES.contains(&name.as_str()))
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
                let text = one_line(&left.text);
                format!("{name}:{}: `{text}` stays: {}", left.line, one_line(&left.why))
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
                    writeln!(f, "  {} (line {})", one_line(&named.text), named.line)?;
                }
            }
            if image.changes {
                writeln!(f, "{dockerfile} installs what its environment brings")?;
            }
        }
        Ok(())
    }
}
