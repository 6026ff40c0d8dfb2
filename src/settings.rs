//! What is meant, once the command line, the environment, `pyfast.toml` and the defaults are known: all precedence in one
//! room. What was typed is `args`', what the environment says `variables`'; must not know any command.

use std::path::{Path, PathBuf};

use pyfast_launcher::volume::is_volume_name;
use pyfast_root::layout::LAYOUT_FILE;
use pyfast_root::{Claim, is_name};

use crate::args::CommonArgs;
use crate::config::ConfiguredRoot;
use crate::failure::Failure;
use crate::project::Project;
use crate::ui::Ui;
pub(crate) use crate::variables::Environment;

/// How the names of environments begin that `run` makes of some files alone.
pub(crate) const ONE_RUN: &str = "run-";

/// Where store and environments live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// A directory of this machine, absolute.
    Directory(PathBuf),
    /// A named volume of the container engine.
    Volume(String),
}

/// Which interpreter an environment is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Python {
    /// One of this machine: a path, a version, or whatever comes first.
    Host(Option<String>),
    /// The one inside an image.
    Image(String),
}

/// What every command needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) common: CommonArgs,
    pub(crate) environment: Environment,
    pub(crate) project: Project,
    pub(crate) root: Root,
    pub(crate) env: String,
    pub(crate) python: Python,
    pub(crate) ui: Ui,
}

impl Settings {
    /// Decides everything that is the same for all commands.
    pub(crate) fn new(
        common: CommonArgs,
        json: bool,
        environment: Environment,
    ) -> Result<Self, Failure> {
        let ui = Ui::new(&common, json, &environment);
        let project = Project::find(common.project.as_deref(), common.project_name.as_deref())?;
        let env = common.env.clone().unwrap_or_else(|| "default".to_owned());
        if !is_name(&env) {
            let message = format!("`{env}` is not a name of an environment");
            return Err(Failure::usage(message).hint("use letters, digits, `.`, `_` and `-`"));
        }
        if common.env.is_some()
            && !project.config.env.is_empty()
            && !project.config.env.contains_key(&env)
        {
            let known: Vec<&str> = project.config.env.keys().map(String::as_str).collect();
            let message = format!("pyfast.toml has no environment `{env}`");
            return Err(Failure::usage(message).hint(format!("it has {}", known.join(", "))));
        }
        let root = root(&common, &environment, &project)?;
        let python = python(&common, &project, &env)?;
        Ok(Self { common, environment, project, root, env, python, ui })
    }

    /// The same settings for another environment of the project.
    pub(crate) fn of_environment(&self, env: &str, root: Root, python: Python) -> Self {
        let (common, environment) = (self.common.clone(), self.environment.clone());
        let project = self.project.clone();
        Self { common, environment, project, root, env: env.to_owned(), python, ui: self.ui }
    }

    /// The same settings once more.
    pub(crate) fn again(&self) -> Self {
        self.of_environment(&self.env, self.root.clone(), self.python.clone())
    }

    /// Whether the environment is one that `run` makes of some files alone.
    pub(crate) fn is_of_one_run(&self) -> bool {
        self.env.starts_with(ONE_RUN) && !self.project.config.env.contains_key(&self.env)
    }

    /// The interpreter that is meant where the command line names none.
    pub(crate) fn usual_python(&self) -> Result<Python, Failure> {
        python(&CommonArgs::default(), &self.project, &self.env)
    }

    /// The user's own data directory, wherever the root is.
    pub(crate) fn data_directory(&self) -> Result<PathBuf, Failure> {
        data_directory(&self.environment)
    }

    /// The user's own directory for what is remembered: pages, interpreters, clones, sources. Never in a
    /// root: what others may write there must not say what is run or believed here.
    pub(crate) fn cache_directory(&self) -> Result<PathBuf, Failure> {
        if let Some(directory) = &self.common.cache_dir {
            return Ok(self.project.working_directory.join(directory));
        }
        own_directory(&self.environment, ("XDG_CACHE_HOME", ".cache"))
            .ok_or_else(|| homeless("remember anything", "XDG_CACHE_HOME", "--cache-dir DIR"))
    }

    /// What a shell shows of the environment.
    pub(crate) fn prompt(&self) -> String {
        let project = self.project.title();
        if self.env == "default" { project } else { format!("{project}-{}", self.env) }
    }

    /// Who asks for the project's environments.
    pub(crate) fn claim(&self) -> Claim {
        Claim {
            directory: self.project.directory.clone(),
            named_by_user: self.common.project_name.is_some(),
            elsewhere: false,
        }
    }
}

fn root(
    common: &CommonArgs,
    environment: &Environment,
    project: &Project,
) -> Result<Root, Failure> {
    let absolute = |path: &Path| project.working_directory.join(path);
    if let Some(volume) = &common.volume {
        return volume_name(volume);
    }
    if let Some(root) = &common.root {
        return Ok(Root::Directory(absolute(root)));
    }
    match project.config.root(&project.directory)? {
        Some(ConfiguredRoot::Volume(volume)) => return volume_name(&volume),
        Some(ConfiguredRoot::Directory(directory)) => return Ok(Root::Directory(directory)),
        None => {}
    }
    // Inside a container the binary lies in the volume it belongs to.
    if let Some(root) = own_root() {
        return Ok(Root::Directory(root));
    }
    data_directory(environment).map(Root::Directory)
}

/// `<root>` where the running program is `<root>/bin/pyfast-…` of a root: one that has been filled, or one that holds
/// nothing but the program under the name that it is injected by.
pub(crate) fn own_root() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let root = program.parent()?.parent()?;
    let digest = program.file_name()?.to_str()?.strip_prefix("pyfast-");
    let injected = digest.is_some_and(|digest| {
        digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let filled = root.join(LAYOUT_FILE).is_file();
    (program.parent()?.ends_with("bin") && (filled || injected)).then(|| root.to_owned())
}

fn volume_name(name: &str) -> Result<Root, Failure> {
    if is_volume_name(name) {
        return Ok(Root::Volume(name.to_owned()));
    }
    Err(Failure::usage(format!("`{name}` is not a name of a volume")).hint(
        "use two or more letters, digits, `.`, `_` and `-`; a directory is given with --root",
    ))
}

fn data_directory(environment: &Environment) -> Result<PathBuf, Failure> {
    own_directory(environment, ("XDG_DATA_HOME", ".local/share"))
        .ok_or_else(|| homeless("keep packages", "XDG_DATA_HOME", "--root DIR"))
}

/// The user's directory of a kind (<https://specifications.freedesktop.org/basedir-spec/latest/>).
fn own_directory(environment: &Environment, (variable, in_home): (&str, &str)) -> Option<PathBuf> {
    let set = environment.get(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let directory = set.or_else(|| Some(environment.home()?.join(in_home)))?;
    Some(directory.join("pyfast"))
}

fn homeless(what: &str, variable: &str, option: &str) -> Failure {
    let message = format!("cannot find a place to {what}: neither {variable} nor HOME is set");
    Failure::usage(message).hint(format!("set one of them, or give {option}"))
}

fn python(common: &CommonArgs, project: &Project, env: &str) -> Result<Python, Failure> {
    let configured = project.config.env.get(env);
    let image = || configured.and_then(|env| env.image.clone());
    if let Some(image) = &common.image {
        return Ok(Python::Image(image.clone()));
    }
    match common.python.as_deref() {
        Some("image") => image().map(Python::Image).ok_or_else(|| {
            Failure::usage("--python image: no image is given".to_owned())
                .hint("give --image IMAGE, or `image` of the environment in pyfast.toml")
        }),
        Some(python) => Ok(Python::Host(Some(python.to_owned()))),
        None => Ok(match image() {
            Some(image) => Python::Image(image),
            None => Python::Host(project.config.python(env)?),
        }),
    }
}
