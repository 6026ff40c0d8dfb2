//! What can be wrong with what a project, its user and the machine say. Hints and flags are the command line's.

use std::io;
use std::path::PathBuf;

use pyfast_packaging::pyproject::Foreign;

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexFault {
    /// It is no URL.
    #[error("{source}")]
    Url {
        /// What is wrong with it.
        source: url::ParseError,
        /// Where it looks like the name of an index: the nearest that the configuration has.
        near: Option<String>,
    },
    /// It is the URL of no directory.
    #[error("there is no such directory")]
    NoDirectory,
    /// Nothing is asked in such a way.
    #[error("its scheme is neither http nor https nor file")]
    Scheme,
}

/// What needs a directory of the user's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// Packages and environments.
    Packages,
    /// What is remembered.
    Memory,
}

impl Keeping {
    /// The variable that names the directory.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Packages => "XDG_DATA_HOME",
            Self::Memory => "XDG_CACHE_HOME",
        }
    }

    fn act(self) -> &'static str {
        match self {
            Self::Packages => "keep packages",
            Self::Memory => "remember anything",
        }
    }
}

/// Settings that nothing can be made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be read.
    #[error("cannot read the configuration: {0}")]
    ReadConfiguration(io::Error),
    /// What is remembered in a root cannot be read.
    #[error(transparent)]
    Root(#[from] pyfast_root::Error),
    /// What is said to uv cannot be read.
    #[error(transparent)]
    Uv(pyfast_packaging::Error),
    /// uv's settings have a word that means nothing.
    #[error("[tool.uv]: {key} = \"{word}\": {reason}")]
    Wish {
        /// The key.
        key: &'static str,
        /// What it says.
        word: String,
        /// Why that means nothing.
        reason: String,
    },
    /// The configuration says what has no meaning.
    #[error("cannot use the configuration `{}{}`: {reason}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Configuration {
        /// The file.
        file: PathBuf,
        /// The line, where it is known.
        line: Option<usize>,
        /// Why.
        reason: String,
    },
    /// The configuration names an interpreter by its path.
    #[error("cannot use `python = \"{word}\"` of [env.{env}] in the configuration `{}`: a file may name a version or a program on PATH, never a path", file.display())]
    ConfiguredPython {
        /// The file.
        file: PathBuf,
        /// The environment.
        env: String,
        /// What it names.
        word: String,
    },
    /// A `.python-version` names what it may not.
    #[error("cannot use `{word}` of `{}`: a file may name a version or a program on PATH, never a path", file.display())]
    PinnedPython {
        /// The file.
        file: PathBuf,
        /// What it names.
        word: String,
    },
    /// The configuration names a root that is none of the project's.
    #[error("cannot use `root = \"{word}\"` of [project] in the configuration `{}`: {reason}", file.display())]
    ConfiguredRoot {
        /// The file.
        file: PathBuf,
        /// What it names.
        word: String,
        /// Why it may not.
        reason: String,
    },
    /// A remote store is named in no way that one can be.
    #[error("cannot use {from}: {source}")]
    Remote {
        /// Who names it.
        from: String,
        /// What is wrong with it.
        source: pyfast_remote::AddressError,
    },
    /// The configuration leaves out what is no package.
    #[error("pyfast.toml: exclude-dependencies has `{name}`: {reason}")]
    Excluded {
        /// What it names.
        name: String,
        /// Why it is no package.
        reason: String,
    },
    /// The configuration names no way of searching indexes.
    #[error("pyfast.toml: `{word}` is not an index strategy")]
    Strategy {
        /// What it names.
        word: String,
    },
    /// A requirements file of the configuration is not there.
    #[error("cannot read the requirements `{}` of [env.{env}] in {configuration}: there is no such file", file.display())]
    MissingFile {
        /// The file.
        file: PathBuf,
        /// The environment.
        env: String,
        /// The name of the configuration.
        configuration: String,
    },
    /// A requirements file of the configuration is a pipe or the like.
    #[error("cannot read the requirements `{}` of pyfast.toml: it is no regular file", file.display())]
    NoRegularFile {
        /// The file.
        file: PathBuf,
    },
    /// There is no such project.
    #[error("the project directory `{}` does not exist", directory.display())]
    NoProject {
        /// Where it should be.
        directory: PathBuf,
    },
    /// No requirements were found.
    #[error("cannot find a requirements file in `{}`: {}", directory.display(), missing(looked_for, *foreign))]
    NoRequirements {
        /// Where they should be.
        directory: PathBuf,
        /// Their usual names.
        looked_for: &'static [&'static str],
        /// A `pyproject.toml` is there, but of another kind.
        foreign: Option<Foreign>,
    },
    /// An environment cannot be called so.
    #[error("`{name}` is not a name of an environment")]
    EnvironmentName {
        /// The name.
        name: String,
    },
    /// The configuration has other environments.
    #[error("pyfast.toml has no environment `{name}`")]
    NoEnvironment {
        /// The one that is meant.
        name: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// A volume cannot be called so.
    #[error("`{name}` is not a name of a volume")]
    VolumeName {
        /// The name.
        name: String,
    },
    /// The user has no directory for what is to be kept.
    #[error("cannot find a place to {}: neither {} nor HOME is set", .0.act(), .0.variable())]
    NoHome(Keeping),
    /// The interpreter of an image is meant, and nothing says of which.
    #[error("no image is given")]
    NoImage,
    /// No index is known.
    #[error(
        "no package index is known: neither flags, environment, configuration nor the interpreter's pip name one"
    )]
    NoIndex,
    /// An index cannot be used.
    #[error("cannot use the index `{index}`: {fault}")]
    Index {
        /// As it was given, with what is secret masked.
        index: String,
        /// Why.
        fault: IndexFault,
    },
    /// A host whose certificate is not to be checked is none.
    #[error("`{host}` is not a host")]
    Host {
        /// What was given.
        host: String,
    },
    /// What is named as a proxy is none.
    #[error("cannot use the proxy `{proxy}` of {from}: {reason}")]
    Proxy {
        /// Who names it.
        from: &'static str,
        /// It, without its password.
        proxy: String,
        /// Why.
        reason: String,
    },
    /// A number is none.
    #[error("{from}: `{word}` is no number")]
    Number {
        /// Who says it.
        from: &'static str,
        /// What it says.
        word: String,
    },
    /// A variable names no way of asking the keyring.
    #[error("{variable}: `{word}` is not a keyring provider")]
    Keyring {
        /// The variable.
        variable: String,
        /// What it says.
        word: String,
    },
    /// No interpreter was found.
    #[error("{}{}", no_interpreter(request.as_deref(), *is_version), by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default())]
    NoInterpreter {
        /// What was asked for.
        request: Option<String>,
        /// Whether that is a version.
        is_version: bool,
        /// By what it was asked for.
        by: Option<String>,
    },
    /// An interpreter that is to be brought is not there yet.
    #[error("the managed Python {version} of the environment `{env}` is not there yet")]
    NotBrought {
        /// The version, or range of versions.
        version: String,
        /// The environment.
        env: String,
    },
    /// An interpreter cannot be looked at.
    #[error("cannot use the Python interpreter: {0}")]
    Interpreter(io::Error),
    /// An interpreter does not say what it is.
    #[error(transparent)]
    Probe(Box<pyfast_installer::Error>),
    /// A universal lock is asked for, and platforms with it.
    #[error("a universal lock is for all platforms, not for {} alone", platforms.join(", "))]
    UniversalPlatforms {
        /// The platforms.
        platforms: Vec<String>,
    },
    /// What says which Pythons are meant is no range of versions.
    #[error("`{text}` is no range of Python versions")]
    PythonRange {
        /// What was said.
        text: String,
    },
    /// A universal lock is asked for, and several oldest Pythons.
    #[error("a universal lock has one oldest Python")]
    SeveralOldest,
    /// Nothing says which Pythons a universal lock is for.
    #[error("nothing says which Pythons the lock is for")]
    NoPythons,
    /// A target is none.
    #[error(transparent)]
    Target(#[from] pyfast_packaging::Error),
}

fn missing(looked_for: &[&str], foreign: Option<Foreign>) -> String {
    let Some(Foreign { tool }) = foreign else {
        return format!("looked for {}", looked_for.join(", "));
    };
    let whose = tool.map(|tool| format!(": it is {tool}'s, whose own table is not read"));
    let whose = whose.unwrap_or_default();
    format!("there is a pyproject.toml, but it has no [project] table{whose}")
}

impl From<pyfast_installer::Error> for Error {
    fn from(error: pyfast_installer::Error) -> Self {
        Self::Probe(Box::new(error))
    }
}

fn no_interpreter(request: Option<&str>, is_version: bool) -> String {
    match request {
        None => "cannot find a Python interpreter: there is no python3 on PATH".to_owned(),
        Some(request) if is_version => {
            format!("cannot find a Python {request} interpreter on PATH or below PYENV_ROOT")
        }
        Some(request) => format!("cannot find the Python interpreter `{request}`"),
    }
}
