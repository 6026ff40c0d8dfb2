//! The shells of this machine, and how each says what the tests ask for. Knows nothing of environments.

use std::path::Path;
use std::process::Command;

use crate::support::{environment, python::check};

/// A shell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shell {
    /// The program with its arguments before the script's text.
    pub(crate) program: &'static [&'static str],
    /// Its script of an environment.
    pub(crate) script: &'static str,
    /// Whether it tells a script by which way it was reached.
    pub(crate) knows_way: bool,
    syntax: Syntax,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Posix,
    Fish,
    Csh,
}

const SHELLS: [Shell; 8] = [
    posix(&["/bin/bash", "--norc", "-euc"], true),
    posix(&["/bin/bash", "--posix", "-c"], true),
    posix(&["/bin/sh", "-euc"], false),
    posix(&["/usr/bin/dash", "-euc"], false),
    posix(&["/usr/bin/mksh", "-euc"], false),
    posix(&["/usr/bin/zsh", "-f", "-euc"], true),
    Shell {
        program: &["/usr/bin/fish", "--no-config", "-c"],
        script: "activate.fish",
        knows_way: true,
        syntax: Syntax::Fish,
    },
    Shell {
        program: &["/usr/bin/tcsh", "-fec"],
        script: "activate.csh",
        knows_way: false,
        syntax: Syntax::Csh,
    },
];

const fn posix(program: &'static [&'static str], knows_way: bool) -> Shell {
    Shell { program, script: "activate", knows_way, syntax: Syntax::Posix }
}

/// The shells that are there. Bash and `sh` always are; where `PYFAST_REQUIRE_SHELLS` is set, all that scripts are
/// written for.
pub(crate) fn shells() -> impl Iterator<Item = Shell> {
    let required = environment("PYFAST_REQUIRE_SHELLS").is_some();
    SHELLS.into_iter().filter(move |shell| {
        let program = Path::new(shell.program[0]);
        let always = ["bash", "sh"].iter().any(|name| program.ends_with(name));
        let wanted = always || (required && !program.ends_with("mksh"));
        assert!(!wanted || program.exists(), "{} is not there", program.display());
        program.exists()
    })
}

impl Shell {
    /// The same, where a failed command does not end it: Python's own script for csh has some.
    pub(crate) fn lenient(self) -> Self {
        match self.syntax {
            Syntax::Csh => Self { program: &["/usr/bin/tcsh", "-fc"], ..self },
            Syntax::Posix | Syntax::Fish => self,
        }
    }

    /// Gives it a prompt, as a shell at work has one: Python's own script for csh reads it without asking whether there
    /// is one, and what csh then does differs from run to run.
    pub(crate) fn at_work(self) -> &'static str {
        match self.syntax {
            Syntax::Csh => "set prompt = '> '",
            Syntax::Posix => "PS1='> '",
            Syntax::Fish => "true",
        }
    }

    /// Runs lines of a script in a directory, and gives what it prints.
    #[track_caller]
    pub(crate) fn run(self, directory: &Path, lines: &[String]) -> String {
        self.run_with(directory, &[], lines)
    }

    /// The same with variables.
    #[track_caller]
    pub(crate) fn run_with(
        self,
        directory: &Path,
        variables: &[(&str, &str)],
        lines: &[String],
    ) -> String {
        let mut command = Command::new(self.program[0]);
        command.args(&self.program[1..]).arg(lines.join("\n")).current_dir(directory).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("HOME", directory);
        command.envs(variables.iter().copied());
        check(&mut command)
    }

    /// Reads a script, whose path is relative to the directory or absolute.
    pub(crate) fn source(self, path: &Path) -> String {
        let path = self.quoted(&path.join(self.script).display().to_string());
        match self.syntax {
            Syntax::Posix => format!(". {path}"),
            Syntax::Fish | Syntax::Csh => format!("source {path}"),
        }
    }

    /// Prints variables, `unset` for those that are not, each between brackets and on a line of its own.
    pub(crate) fn say(self, variables: &[&str]) -> String {
        let one = |name: &&str| match self.syntax {
            Syntax::Posix => format!("printf '<%s>\\n' \"${{{name}-unset}}\""),
            Syntax::Fish => format!(
                "if set -q {name}; printf '<%s>\\n' (string join : -- ${name} | string collect); else; printf '<unset>\\n'; end"
            ),
            // In one line its shell would take the variable before it asks.
            Syntax::Csh => format!(
                "if ($?{name}) then\nprintf '<%s>\\n' \"${name}:q\"\nelse\nprintf '<unset>\\n'\nendif"
            ),
        };
        variables.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    fn quoted(self, text: &str) -> String {
        let quoted = match self.syntax {
            Syntax::Posix => text.replace('\'', r#"'"'"'"#),
            Syntax::Fish => text.replace('\\', r"\\").replace('\'', r"\'"),
            Syntax::Csh => text.replace('\'', r"'\''").replace('!', r"\!").replace('\n', "\\\n"),
        };
        format!("'{quoted}'")
    }
}
