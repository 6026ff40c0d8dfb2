//! What an environment has, as far as modules are looked for in it. Owns how it is asked; must not know services.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pyfast_checker::native::Object;
use pyfast_checker::{PythonVersion, Wheels};
use pyfast_crew::volume_place::at_place;
use pyfast_environment::Error as EnvironmentError;
use pyfast_environment::ask::details_unless;
use pyfast_environment::question::Details;
use pyfast_packaging::hash::Sha256;
use pyfast_root::Stamp;
use pyfast_root::layout::LAUNCHES;
use pyfast_settings::{Root, Settings, kept};
use serde::{Deserialize, Serialize};

use super::view::Packages;

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installed {
    /// The generation.
    pub(super) id: String,
    /// The minor version of its Python 3.
    minor: u8,
    /// Its modules.
    pub(super) packages: Packages,
    /// What its console scripts call, by name.
    pub(super) scripts: BTreeMap<String, String>,
    /// Its libraries and extension modules, by the names of their files.
    pub(super) objects: BTreeMap<String, Object>,
    /// Containers have another one of the same requirements.
    pub(super) is_of_another_machine: bool,
    /// Which project brings which module.
    modules: BTreeMap<String, String>,
    /// Its projects.
    projects: Vec<String>,
}

/// What was told of the environment that was looked at last: a generation never changes.
#[derive(Serialize, Deserialize)]
struct LastAsked {
    /// The program that asked: another one may ask for more.
    program: Stamp,
    installed: Installed,
}

impl Installed {
    /// Asks where it is, for what is not known of its generation; the reason where that is not possible.
    pub(super) fn ask(settings: &Settings, events: &pyfast_crew::Events) -> Result<Self, String> {
        let known = LastAsked::read(settings);
        let id = known.as_ref().map(|known| known.id.clone());
        let details = at_place(settings, events, |place| details_unless(place, id));
        let details = details.map_err(|error| error.to_string())?;
        let on_host = matches!(settings.root, Root::Directory(_));
        match (details, known) {
            (Some(details), _) => Ok(Self::of(&details, on_host).remembered(settings)),
            (None, Some(known)) => Ok(known),
            (None, None) => Err(EnvironmentError::Answer.to_string()),
        }
    }

    /// The same of a generation that is current, which is asked for once: that may take a container.
    pub(super) fn of_generation(
        id: &str,
        settings: &Settings,
        events: &pyfast_crew::Events,
    ) -> Result<Self, String> {
        match LastAsked::read(settings).filter(|known| known.id == id) {
            Some(known) => Ok(known),
            None => Self::ask(settings, events),
        }
    }

    fn remembered(self, settings: &Settings) -> Self {
        let (Some(file), Ok(program)) = (LastAsked::file(settings), Stamp::of_program()) else {
            return self;
        };
        let asked = LastAsked { program, installed: self };
        // What cannot be kept is asked again.
        let _ = kept::write(&file, &asked);
        asked.installed
    }

    /// Its Python.
    pub(super) fn python(&self) -> PythonVersion {
        PythonVersion { major: 3, minor: self.minor }
    }

    /// The same where containers have another one of the same requirements: its libraries say nothing of theirs.
    pub(super) fn of_another_machine(self) -> Self {
        Self { objects: BTreeMap::new(), is_of_another_machine: true, ..self }
    }

    /// What the others have that this one has not: where a module that is missing here may come from.
    pub(super) fn beside<'i>(&self, others: impl Iterator<Item = &'i Self>) -> Wheels {
        let mut wheels = Wheels::default();
        for other in others {
            let modules =
                other.modules.iter().filter(|(name, _)| !self.modules.contains_key(*name));
            wheels.modules.extend(modules.map(|(name, project)| (name.clone(), project.clone())));
            let projects = other.projects.iter().filter(|name| !self.projects.contains(name));
            wheels.projects.extend(projects.cloned());
        }
        wheels
    }

    fn of(details: &Details, on_host: bool) -> Self {
        let id = details.environment.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (_, minor) = details.interpreter.tags.python;
        let directory =
            details.environment.join(&details.interpreter.lib_dir).join("site-packages");
        let mut names = BTreeSet::new();
        let (mut modules, mut projects) = (BTreeMap::new(), Vec::new());
        let mut scripts = BTreeMap::new();
        for one in &details.packages {
            let project = one.package.name.to_string();
            for file in one.files.iter().map(Path::new).filter(|file| is_module(file)) {
                names.insert(file.to_owned());
                modules.extend(top(file).map(|top| (top, project.clone())));
            }
            scripts.extend(one.scripts.clone());
            projects.push(project);
        }
        let packages = if on_host && directory.is_dir() {
            Packages::Directory(directory)
        } else {
            Packages::Names(names)
        };
        let objects = details.objects.clone();
        let is_of_another_machine = false;
        Self { id, minor, packages, scripts, objects, is_of_another_machine, modules, projects }
    }
}

impl LastAsked {
    /// Where it is kept, for each environment in each root.
    fn file(settings: &Settings) -> Option<PathBuf> {
        let root = Sha256::of(format!("{:?}", settings.root).as_bytes()).to_string();
        let name = format!("{}-{}-{}.json", settings.project.name(), settings.env, &root[..8]);
        let data = settings.data_directory().ok()?;
        Some(data.join(LAUNCHES).join("modules").join(name))
    }

    fn read(settings: &Settings) -> Option<Installed> {
        let known: Self = kept::read(&Self::file(settings)?)?;
        let own = Stamp::of_program().ok()?;
        (own == known.program).then_some(known.installed)
    }
}

/// Whether a file can be imported, or changes what can be.
fn is_module(file: &Path) -> bool {
    let ends = file.extension().and_then(|end| end.to_str());
    let inside = file.components().all(|part| matches!(part, Component::Normal(_)));
    inside && matches!(ends, Some("py" | "so" | "pyc" | "pth"))
}

/// The module that a file belongs to.
fn top(file: &Path) -> Option<String> {
    let first = file.components().next()?.as_os_str().to_str()?;
    let name = first.split('.').next()?;
    let is_path_file = Path::new(first).extension().is_some_and(|end| end == "pth");
    (!is_path_file && !first.contains('-')).then(|| name.to_owned())
}
