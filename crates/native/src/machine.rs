//! What packages may rely on of the machine that they will run on. Owns how this machine is looked at; must not know any
//! channel.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;

/// What is assumed of a C library that does not say its version: the oldest that channels build for.
const OLDEST: &str = "2.17";

/// A machine with glibc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its architecture, as `uname -m` says it.
    pub arch: String,
    /// The version of its C library, `2.36`.
    pub glibc: String,
    /// The version of its kernel, `6.1.0`.
    pub kernel: String,
}

impl Machine {
    /// This machine.
    ///
    /// # Errors
    /// [`Error::Machine`] and [`Error::NoGlibc`] where channels have nothing that would run.
    pub fn here() -> Result<Self, Error> {
        let names = rustix::system::uname();
        let arch = names.machine().to_string_lossy().into_owned();
        let loader = loader(&arch).ok_or_else(|| Error::Machine { arch: arch.clone() })?;
        if !loader.exists() {
            return Err(Error::NoGlibc { loader: loader.to_owned() });
        }
        let kernel = numbers(&names.release().to_string_lossy());
        Ok(Self { arch, glibc: glibc(loader), kernel })
    }
}

/// The loader of programs that glibc runs, as they name it.
fn loader(arch: &str) -> Option<&'static Path> {
    match arch {
        "x86_64" => Some(Path::new("/lib64/ld-linux-x86-64.so.2")),
        "aarch64" => Some(Path::new("/lib/ld-linux-aarch64.so.1")),
        _ => None,
    }
}

/// The version that a loader says it is of; those before 2.33 do not understand the question.
fn glibc(loader: &Path) -> String {
    let asked = Command::new(loader).arg("--version").stdin(Stdio::null()).output();
    let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.ok().and_then(|said| version_in(&said)).unwrap_or_else(|| OLDEST.to_owned())
}

/// The version in `ld.so (Debian GLIBC 2.36-9) stable release version 2.36.`.
fn version_in(said: &str) -> Option<String> {
    let line = said.lines().next()?;
    let (_, rest) = line.rsplit_once("version ")?;
    let version = numbers(rest);
    version.contains('.').then_some(version)
}

/// The numbers that a text begins with.
fn numbers(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].trim_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loader_says_its_version_in_its_first_line() {
        let check = |said: &str, expected: Option<&str>| {
            assert_eq!(version_in(said).as_deref(), expected, "{said}");
        };
        check(
            "ld.so (Debian GLIBC 2.36-9+deb12u13) stable release version 2.36.\nCopy",
            Some("2.36"),
        );
        check("ld.so (GNU libc) release release version 2.40.\n", Some("2.40"));
        check("musl libc (x86_64)\nVersion 1.2.4\n", None);
        check("--version: cannot open shared object file", None);
        check("", None);
    }

    #[test]
    fn this_machine_is_known() {
        let machine = Machine::here().unwrap();
        assert!(machine.glibc.starts_with("2."), "{machine:?}");
        assert!(machine.kernel.split('.').all(|part| part.parse::<u32>().is_ok()), "{machine:?}");
    }
}
