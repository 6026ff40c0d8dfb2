//! What a command of a `RUN` is: an installer of Python's packages, of the system's, or something else. Owns the forms
//! of pip, uv, Poetry, pipenv, apt and apk; must not know what becomes of a command.

mod pip;
mod project;
mod system;

pub(super) use system::{System, compiles};

use super::script::Command;
use crate::dockerfile::shell::programs;

/// What a command does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// It installs packages of Python's.
    Installs(Install),
    /// It prepares for that: brings installers, makes or enters a virtual environment.
    Prepares {
        /// Where the environment is that it makes or enters.
        place: Option<String>,
    },
    /// It works on packages of the system.
    System(System),
    /// It is certain not to need packages of Python's.
    Plain,
    /// It may need what was installed before it.
    Needs,
    /// It installs, and what cannot be told: why.
    Unclear(&'static str),
}

/// What an installer is asked for, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Install {
    /// Requirements files.
    pub(super) files: Vec<String>,
    /// Constraints files.
    pub(super) constraints: Vec<String>,
    /// Requirements by name.
    pub(super) packages: Vec<String>,
    /// The directory that it is installed into, where that is named.
    pub(super) place: Option<String>,
    /// Whether it asks for what the project's file states.
    pub(super) project: bool,
    /// Whether it installs the project itself, too.
    pub(super) itself: bool,
    /// Whether it names an index of its own.
    pub(super) index: bool,
    /// Why it is more, or less, than what it names.
    pub(super) special: Option<&'static str>,
}

/// Programs that are certain not to need packages of Python's.
const PLAIN: [&str; 49] = [
    ":",
    "addgroup",
    "adduser",
    "apt-key",
    "cat",
    "cd",
    "chgrp",
    "chmod",
    "chown",
    "corepack",
    "cp",
    "curl",
    "date",
    "dpkg",
    "dpkg-reconfigure",
    "echo",
    "export",
    "false",
    "find",
    "git",
    "gpg",
    "groupadd",
    "gunzip",
    "gzip",
    "id",
    "install",
    "ldconfig",
    "ln",
    "locale-gen",
    "ls",
    "mkdir",
    "mv",
    "npm",
    "printf",
    "pwd",
    "rm",
    "sed",
    "set",
    "tar",
    "test",
    "touch",
    "true",
    "unzip",
    "update-ca-certificates",
    "useradd",
    "usermod",
    "wget",
    "which",
    "yarn",
];

/// Programs of Python's own that work without any package.
const QUESTIONS: [&str; 8] =
    ["cache", "check", "config", "debug", "freeze", "help", "list", "--version"];

/// What brings packages, and nothing that a service needs of them.
const TOOLS: [&str; 11] = [
    "build",
    "pdm",
    "pip",
    "pip-tools",
    "pipenv",
    "pipx",
    "poetry",
    "uv",
    "virtualenv",
    "wheel",
    "poetry-plugin-export",
];

impl Act {
    /// The directory that packages come into, as it is written.
    pub(super) fn place(&self) -> Option<&str> {
        match self {
            Self::Installs(install) => install.place.as_deref(),
            Self::Prepares { place } => place.as_deref(),
            _ => None,
        }
    }

    /// What a command does.
    pub(super) fn of(command: &Command) -> Self {
        let words = command.texts();
        let called = programs(&words);
        let [call] = called.as_slice() else {
            let shell = words.iter().any(|word| {
                matches!(word.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash"))
            });
            return match called.is_empty() {
                // What it is given is a file, or comes from a pipe.
                true if shell => Self::Needs,
                true => Self::Plain,
                false => Self::of_script(&called),
            };
        };
        let (program, arguments) = call
            .split_first()
            .map_or(("", call.as_slice()), |(program, rest)| (program.as_str(), rest));
        let open = command.words.iter().any(|word| word.open);
        if let Some(system) = system::read(program, command) {
            return Self::System(system);
        }
        match bare(program) {
            "python" if matches!(arguments, [module, ..] if module == "-m") => {
                Self::of_module(&arguments[1..], open)
            }
            "pip" => Self::of_pip(arguments, open),
            "uv" => Self::of_uv(arguments, open),
            "pip-sync" => Self::of_pip(&[&["sync".to_owned()], arguments].concat(), open),
            "poetry" | "pdm" | "pipenv" => Self::of_project(bare(program), arguments),
            "virtualenv" => made(arguments),
            "python" if matches!(arguments, [version] if version == "--version" || version == "-V") => {
                Self::Plain
            }
            "conda" | "mamba" | "micromamba" if installs(arguments) => {
                Self::Unclear("packages of conda are not those of an index")
            }
            "easy_install" => Self::Unclear("what it installs cannot be told"),
            "." | "source" => match arguments {
                [script] => match script.strip_suffix("/bin/activate") {
                    Some(place) => Self::Prepares { place: Some(place.to_owned()) },
                    None => Self::Needs,
                },
                _ => Self::Needs,
            },
            _ if PLAIN.contains(&program) || program == "[" => Self::Plain,
            _ => Self::Needs,
        }
    }

    /// A script within a command: nothing of it can be taken out.
    pub(super) fn of_script(called: &[Vec<String>]) -> Self {
        let unclear = called.iter().any(|call| is_installer(call));
        let plain = |call: &Vec<String>| PLAIN.contains(&call[0].as_str());
        if unclear {
            Self::Unclear("it stands in a script of its own")
        } else if called.iter().all(plain) {
            Self::Plain
        } else {
            Self::Needs
        }
    }

    fn of_module(arguments: &[String], open: bool) -> Self {
        let Some((module, arguments)) = arguments.split_first() else { return Self::Needs };
        match module.as_str() {
            "pip" => Self::of_pip(arguments, open),
            "uv" => Self::of_uv(arguments, open),
            "venv" | "virtualenv" => made(arguments),
            "ensurepip" => Self::Prepares { place: None },
            "poetry" | "pipenv" | "pdm" => Self::of_project(module, arguments),
            _ => Self::Needs,
        }
    }

    fn of_pip(arguments: &[String], open: bool) -> Self {
        let verb = arguments.iter().position(|word| !word.starts_with('-'));
        let Some((verb, rest)) = verb.map(|at| (arguments[at].as_str(), &arguments[at + 1..]))
        else {
            return Self::Plain;
        };
        match verb {
            _ if QUESTIONS.contains(&verb) => Self::Plain,
            "install" | "sync" | "wheel" | "download" => match pip::read(rest, verb) {
                _ if open => Self::Unclear("a value in it is only known when it runs"),
                Err(why) => Self::Unclear(why),
                Ok(install) if install.is_tools() && install.special.is_none() => {
                    Self::Prepares { place: None }
                }
                Ok(install) => Self::Installs(install),
            },
            _ => Self::Unclear("it is no install that is known"),
        }
    }

    fn of_uv(arguments: &[String], open: bool) -> Self {
        let Some((verb, rest)) = arguments.split_first() else { return Self::Plain };
        match verb.as_str() {
            "pip" => Self::of_pip(rest, open),
            "venv" => match made(rest) {
                Self::Prepares { place: None } => Self::Prepares { place: Some(".venv".into()) },
                made => made,
            },
            "sync" => project::read("uv", rest),
            "add" | "tool" => Self::Unclear("it is no install that is known"),
            "cache" | "--version" | "lock" | "export" => Self::Plain,
            _ => Self::Needs,
        }
    }

    fn of_project(program: &str, arguments: &[String]) -> Self {
        let verb = arguments.iter().position(|word| !word.starts_with('-'));
        match (program, verb.map(|at| arguments[at].as_str())) {
            ("poetry", Some("install" | "sync")) => {
                let mut rest = arguments.to_vec();
                verb.map(|at| rest.remove(at));
                project::read(program, &rest)
            }
            ("pipenv", Some("install" | "sync")) => {
                Self::Unclear("what a Pipfile states is not read")
            }
            (_, Some("install" | "sync")) => Self::Unclear(
                "it installs the project itself too; an environment has what the project needs",
            ),
            (_, Some("config" | "export" | "lock" | "check" | "cache")) => Self::Plain,
            (_, Some("add")) => Self::Unclear("it is no install that is known"),
            _ => Self::Needs,
        }
    }
}

impl Install {
    /// Whether it brings installers, and nothing else.
    fn is_tools(&self) -> bool {
        // With pip it is kept up to date; by itself or in a version of its own it is what packages import.
        let with_pip = self.packages.iter().any(|package| tool_name(package) == "pip");
        let tool = |package: &String| is_tool(package) || with_pip && package == "setuptools";
        !self.packages.is_empty()
            && !self.project
            && !self.itself
            && !self.index
            && self.files.is_empty()
            && self.packages.iter().all(tool)
    }
}

fn tool_name(package: &str) -> String {
    let name = package.split(['=', '<', '>', '~', '!', '[', ' ', ';', '@']).next();
    name.unwrap_or_default().to_lowercase()
}

/// Whether a requirement is an installer's, in whatever version.
pub(super) fn is_tool(package: &str) -> bool {
    TOOLS.contains(&tool_name(package).as_str())
}

/// Whether a command calls what installs or builds packages of Python's.
pub(super) fn calls_tool(command: &Command) -> bool {
    let words = command.texts();
    let installer = |word: &str| {
        let program = bare(word.rsplit('/').next().unwrap_or_default());
        matches!(
            program,
            "pip"
                | "pip-compile"
                | "pip-sync"
                | "uv"
                | "uvx"
                | "poetry"
                | "pdm"
                | "pipenv"
                | "pipx"
                | "virtualenv"
                | "conda"
                | "mamba"
                | "micromamba"
        )
    };
    let module = |call: &Vec<String>| match call.as_slice() {
        [python, flag, module, ..] => {
            bare(python) == "python" && flag == "-m" && (is_tool(module) || module == "venv")
        }
        _ => false,
    };
    words.iter().any(|word| installer(word))
        || programs(&words).iter().any(|call| installer(&call[0]) || module(call))
}

/// A program's name without its version: `pip3.11`.
pub(super) fn bare(program: &str) -> &str {
    if program.starts_with('.') {
        return program;
    }
    program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// What makes a virtual environment at the place that its first argument names.
fn made(arguments: &[String]) -> Act {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "--prompt" | "-p" | "--python") {
            words.next();
        } else if !word.starts_with('-') {
            return Act::Prepares { place: Some(word.trim_end_matches('/').to_owned()) };
        }
    }
    Act::Prepares { place: None }
}

fn installs(arguments: &[String]) -> bool {
    arguments.iter().any(|word| matches!(word.as_str(), "install" | "create" | "update"))
}

/// Whether a call seems to install packages of Python's.
pub(crate) fn is_installer(call: &[String]) -> bool {
    let Some(program) = call.first() else { return false };
    let known = matches!(
        bare(program),
        "pip" | "uv" | "poetry" | "pdm" | "pipenv" | "conda" | "mamba" | "micromamba" | "pip-sync"
    );
    let module = bare(program) == "python" && call.iter().any(|word| word == "pip");
    let verb = |word: &String| matches!(word.as_str(), "install" | "sync" | "add" | "wheel");
    (known || module) && call.iter().any(verb)
}

#[cfg(test)]
mod tests;
