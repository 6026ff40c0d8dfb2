//! What is meant, once the command line, the environment, `pyfast.toml` and the defaults are known: all precedence in one
//! room. What was given is `flags`', what the environment says `variables`'; must not know any command.

use std::path::{Path, PathBuf};

use pyfast_index::credentials::Credentials;
use pyfast_launcher::volume::is_volume_name;
use pyfast_packaging::pyproject::Workspace;
use pyfast_packaging::pyproject::uv::UvTable;
use pyfast_root::layout::LAYOUT_FILE;
use pyfast_root::{Claim, is_name};

use crate::config::ConfiguredRoot;
use crate::error::{Error, Keeping};
use crate::flags::Flags;
use crate::interpreters::{FromChannels, Pinned, pinned};
use crate::own_lock::ONE_RUN;
use crate::pip::is_true;
use crate::project::Project;
use crate::transport::credential_sources;
use crate::uv;
use crate::variables::Variables;

/// What says of bytecode only that it may come later, wherever the command runs.
const LATER: &str = "later";

/// Where store and environments live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A directory of this machine, absolute.
    Directory(PathBuf),
    /// A named volume of the container engine.
    Volume(String),
}

/// How a file that asks for an interpreter is named.
pub(crate) fn pinned_by(file: &Path, directory: &Path) -> String {
    let file = file.strip_prefix(directory).unwrap_or(file);
    format!("asked for by {}", file.display())
}

/// Which interpreter an environment is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Python {
    /// One of this machine: a path, a version, or whatever comes first.
    Host(Option<String>),
    /// One of this version, or range of versions, that is brought from a channel into the root.
    Managed(String),
    /// The one inside an image.
    Image(String),
}

impl Python {
    /// The image that it is inside of.
    pub fn image(&self) -> Option<&str> {
        match self {
            Self::Host(_) | Self::Managed(_) => None,
            Self::Image(image) => Some(image),
        }
    }

    /// Whether it runs on this machine.
    pub fn is_here(&self) -> bool {
        self.image().is_none()
    }
}

/// What a process was given besides its flags.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Its environment variables.
    pub variables: Variables,
    /// Where it was started, absolute.
    pub working_directory: PathBuf,
    /// The running program, where that is known.
    pub program: Option<PathBuf>,
}

/// What every command needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What was given on the command line.
    pub flags: Flags,
    /// What the environment's variables say.
    pub variables: Variables,
    /// The project, with its configuration.
    pub project: Project,
    /// Where store and environments live.
    pub root: Root,
    /// The environment of the project.
    pub env: String,
    /// The interpreter that it is for.
    pub python: Python,
    /// By what it is chosen.
    pub python_from: String,
    /// Why its services do not say which image it is for, where they are to.
    pub no_image: Option<String>,
    /// The root that the running program lies in: inside a container, the volume that it belongs to.
    pub own_root: Option<PathBuf>,
    /// What the project and its user say to uv, the project first.
    pub uv: Vec<UvTable>,
}

impl Settings {
    /// Decides everything that is the same for all commands.
    ///
    /// # Errors
    /// What is said that nothing can be made of.
    pub fn new(flags: Flags, surroundings: Surroundings) -> Result<Self, Error> {
        let Surroundings { variables, working_directory, program } = surroundings;
        let (directory, name) = (flags.project.as_deref(), flags.project_name.as_deref());
        let project = Project::find(directory, name, working_directory)?;
        let env = flags.env.clone().unwrap_or_else(|| project.config.usual_env().to_owned());
        if !is_name(&env) {
            return Err(Error::EnvironmentName { name: env });
        }
        let configured = &project.config.env;
        if flags.env.is_some() && !configured.is_empty() && !configured.contains_key(&env) {
            let known = configured.keys().cloned().collect();
            return Err(Error::NoEnvironment { name: env, known });
        }
        let own_root = program.as_deref().and_then(own_root);
        let root = root(&flags, &variables, &project, own_root.as_deref())?;
        let (python, python_from) = python(&flags, &project, &env)?;
        let (uv, no_image) = (uv::read(&project.directory, &variables)?, None);
        Ok(Self {
            flags,
            variables,
            project,
            root,
            env,
            python,
            python_from,
            no_image,
            own_root,
            uv,
        })
    }

    /// The workspace that the project belongs to.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn workspace(&self) -> Result<Option<Workspace>, Error> {
        uv::workspace(&self.project.directory)
    }

    /// The same settings for another environment of the project.
    #[must_use]
    pub fn of_environment(&self, env: &str, root: Root, python: Python) -> Self {
        let same = python == self.python;
        let python_from =
            if same { self.python_from.clone() } else { "as asked for before".to_owned() };
        Self { root, env: env.to_owned(), python, python_from, ..self.clone() }
    }

    /// Whether the environment is one that a command was run in with files of its own.
    pub fn is_of_one_run(&self) -> bool {
        self.env.starts_with(ONE_RUN) && !self.project.config.env.contains_key(&self.env)
    }

    /// The interpreter that is meant where the command line names none.
    ///
    /// # Errors
    /// If the configuration names none that can be.
    pub fn usual_python(&self) -> Result<Python, Error> {
        Ok(python(&Flags::default(), &self.project, &self.env)?.0)
    }

    /// The user's own data directory, wherever the root is.
    ///
    /// # Errors
    /// If the user has none.
    pub fn data_directory(&self) -> Result<PathBuf, Error> {
        data_directory(&self.variables)
    }

    /// The user's own directory for what is remembered: pages, interpreters, clones, sources. Never in a
    /// root: what others may write there must not say what is run or believed here.
    ///
    /// # Errors
    /// If the user has none.
    pub fn cache_directory(&self) -> Result<PathBuf, Error> {
        if let Some(directory) = &self.flags.cache_dir {
            return Ok(self.project.working_directory.join(directory));
        }
        own_directory(&self.variables, Keeping::Memory, ".cache")
            .ok_or(Error::NoHome(Keeping::Memory))
    }

    /// What is known of users and passwords where no index is asked.
    ///
    /// # Errors
    /// If a variable says what nothing can be made of.
    pub fn credentials(&self) -> Result<Credentials, Error> {
        Ok(Credentials::new(credential_sources(self)?))
    }

    /// The version of the Python that is brought from a channel, for this machine or for containers of an image, whose own
    /// is left alone then.
    pub fn brought(&self) -> Option<&str> {
        match &self.python {
            Python::Host(_) => None,
            Python::Managed(version) => Some(version),
            Python::Image(_) if self.flags.python.is_some() => None,
            Python::Image(_) => Some(&*self.project.config.env.get(&self.env)?.brought()?.version),
        }
    }

    /// What is brought from channels for it.
    pub fn from_channels(&self) -> Option<FromChannels<'_>> {
        let libraries = || !self.project.config.native.packages.is_empty();
        match self.brought() {
            Some(version) => Some(FromChannels::Python(version)),
            None => libraries().then_some(FromChannels::Libraries),
        }
    }

    /// Whether bytecode is compiled, as variables say it, else the project.
    pub fn compile(&self) -> Option<bool> {
        self.compile_by_variable().or(self.project.config.link.compile)
    }

    /// Whether bytecode is compiled, as variables say it.
    pub fn compile_by_variable(&self) -> Option<bool> {
        let said = |name: &str| {
            let value = self.variables.get(name).filter(|value| *value != LATER)?;
            Some(is_true(Some(value)))
        };
        match (said("PYFAST_COMPILE"), said("PYFAST_NO_COMPILE")) {
            (Some(said), _) => Some(said),
            (None, Some(true)) => Some(false),
            (None, _) => None,
        }
    }

    /// Whether bytecode that may come later does so also where it is not known that anything lives after the command.
    pub fn compiles_later(&self) -> bool {
        self.variables.get("PYFAST_COMPILE") == Some(LATER)
    }

    /// What a shell shows of the environment.
    pub fn prompt(&self) -> String {
        let project = self.project.title();
        if self.env == "default" { project } else { format!("{project}-{}", self.env) }
    }

    /// Who asks for the project's environments.
    pub fn claim(&self) -> Claim {
        Claim {
            directory: self.project.directory.clone(),
            named_by_user: self.flags.project_name.is_some(),
            elsewhere: false,
        }
    }
}

fn root(
    flags: &Flags,
    variables: &Variables,
    project: &Project,
    own_root: Option<&Path>,
) -> Result<Root, Error> {
    let absolute = |path: &Path| project.working_directory.join(path);
    if let Some(volume) = &flags.volume {
        return volume_name(volume);
    }
    if let Some(root) = &flags.root {
        return Ok(Root::Directory(absolute(root)));
    }
    match project.config.root(&project.directory)? {
        Some(ConfiguredRoot::Volume(volume)) => return volume_name(&volume),
        Some(ConfiguredRoot::Directory(directory)) => return Ok(Root::Directory(directory)),
        None => {}
    }
    // Inside a container the binary lies in the volume it belongs to.
    if let Some(root) = own_root {
        return Ok(Root::Directory(root.to_owned()));
    }
    data_directory(variables).map(Root::Directory)
}

/// `<root>` where the running program is `<root>/bin/pyfast-…` of a root: one that has been filled, or one that holds
/// nothing but the program under the name that it is injected by.
fn own_root(program: &Path) -> Option<PathBuf> {
    let root = program.parent()?.parent()?;
    let digest = program.file_name()?.to_str()?.strip_prefix("pyfast-");
    let injected = digest.is_some_and(|digest| {
        digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let filled = root.join(LAYOUT_FILE).is_file();
    (program.parent()?.ends_with("bin") && (filled || injected)).then(|| root.to_owned())
}

fn volume_name(name: &str) -> Result<Root, Error> {
    if is_volume_name(name) {
        return Ok(Root::Volume(name.to_owned()));
    }
    Err(Error::VolumeName { name: name.to_owned() })
}

fn data_directory(variables: &Variables) -> Result<PathBuf, Error> {
    own_directory(variables, Keeping::Packages, ".local/share")
        .ok_or(Error::NoHome(Keeping::Packages))
}

/// The user's directory of a kind (<https://specifications.freedesktop.org/basedir-spec/latest/>).
fn own_directory(variables: &Variables, keeping: Keeping, in_home: &str) -> Option<PathBuf> {
    let set = variables.get(keeping.variable()).map(PathBuf::from);
    let set = set.filter(|path| path.is_absolute());
    let directory = set.or_else(|| Some(variables.home()?.join(in_home)))?;
    Some(directory.join("pyfast"))
}

/// The interpreter that is meant, and by what: flag or variable, `pyfast.toml`, `.python-version`, else whatever is found.
fn python(flags: &Flags, project: &Project, env: &str) -> Result<(Python, String), Error> {
    let configured = project.config.env.get(env);
    let image = || configured.and_then(|env| env.image.clone());
    let in_file = || format!("[env.{env}] of {}", project.config.file_name());
    if let Some(image) = &flags.image {
        return Ok((Python::Image(image.clone()), "--image or PYFAST_IMAGE".to_owned()));
    }
    if let Some(python) = flags.python.as_deref() {
        let from = "--python or PYFAST_PYTHON".to_owned();
        return match python {
            "image" => Ok((Python::Image(image().ok_or(Error::NoImage)?), in_file())),
            python => Ok((Python::Host(Some(python.to_owned())), from)),
        };
    }
    if let Some(image) = image() {
        return Ok((Python::Image(image), in_file()));
    }
    if let Some(python) = project.config.python(env)? {
        return Ok((python, in_file()));
    }
    Ok(match pinned(&project.directory)? {
        Some(Pinned { requests, file }) => {
            let request = requests.into_iter().next();
            (Python::Host(request), pinned_by(&file, &project.directory))
        }
        None => (Python::Host(None), "nothing names one".to_owned()),
    })
}
