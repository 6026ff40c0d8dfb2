//! What is wanted of channels. Owns how versions of Python are written for them; must not know what they have.

use std::path::PathBuf;

use pyfast_root::Fingerprint;

use crate::error::Error;

/// Raised where a fingerprint gets another meaning.
const VERSION: u32 = 2;

/// What a prefix is to have, and where that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The Python: a version (`3.12`, `3.12.4`), or a range of them; `None` for libraries alone.
    pub python: Option<String>,
    /// Further packages, as conda writes them: a name, with a version where one is wanted.
    pub packages: Vec<String>,
    /// Channels, the first before the next: names, URLs, directories.
    pub channels: Vec<String>,
    /// Those that are meant. Others stand in for them on one machine, as a mirror does: what was chosen there is what is
    /// asked for everywhere.
    pub named: Vec<String>,
    /// Those that the project itself names, or the one that is usual: what a user has instead of that is no other request.
    pub of_project: Vec<String>,
    /// The time after which nothing counts that was made, in UTC (`2026-01-31T12:00:00Z`).
    pub exclude_newer: Option<String>,
    /// What directories are relative to, absolute.
    pub directory: PathBuf,
}

impl Request {
    /// Everything that shapes what is chosen, on whatever machine.
    pub fn fingerprint(&self) -> String {
        // Locks go from machine to machine: a channel beside the project is there, wherever the project is.
        let Self { python, packages, channels: _, named: _, of_project, exclude_newer, .. } = self;
        Fingerprint::new("native", VERSION)
            .fields("python", python)
            .fields("packages", packages)
            .fields("channels", of_project)
            .fields("exclude-newer", exclude_newer)
            .finish()
    }

    /// What is wanted, as conda writes it.
    pub(crate) fn specs(&self) -> Result<Vec<String>, Error> {
        let mut specs = Vec::new();
        specs.extend(self.python.as_deref().map(python).transpose()?);
        specs.extend(self.packages.iter().cloned());
        Ok(specs)
    }
}

/// A version of Python, or a range, as conda writes it.
fn python(wanted: &str) -> Result<String, Error> {
    let parts: Vec<&str> = wanted.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if parts.iter().all(number) && (1..=3).contains(&parts.len()) {
        let exactly = parts.len() == 3;
        return Ok(format!(
            "python {}{wanted}{}",
            if exactly { "==" } else { "" },
            if exactly { "" } else { ".*" }
        ));
    }
    let usual = |c: char| c.is_ascii_digit() || "<>=!~.,* ".contains(c);
    if wanted.starts_with(['<', '>', '=', '!', '~']) && wanted.chars().all(usual) {
        let tight: String = wanted.chars().filter(|c| *c != ' ').collect();
        return Ok(format!("python {tight}"));
    }
    Err(Error::PythonVersion { wanted: wanted.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_ranges_are_what_conda_understands() {
        for (wanted, expected) in [
            ("3", "python 3.*"),
            ("3.12", "python 3.12.*"),
            ("3.12.4", "python ==3.12.4"),
            (">=3.11, <3.13", "python >=3.11,<3.13"),
            ("~=3.11", "python ~=3.11"),
        ] {
            assert_eq!(python(wanted).unwrap(), expected);
        }
        for wanted in
            ["", "python3.12", "pypy3", "3.13t", "3.12.1.2", "3.", ">=3.x", "3.12 *[url=x]"]
        {
            assert!(python(wanted).is_err(), "{wanted}");
        }
    }

    #[test]
    fn a_request_is_the_same_wherever_the_project_is() {
        let request = |channel: &str, directory: &str| Request {
            python: Some("3.12".to_owned()),
            packages: Vec::new(),
            channels: vec!["/mirror".to_owned()],
            named: vec!["https://own.test/c".to_owned()],
            of_project: vec![channel.to_owned()],
            exclude_newer: None,
            directory: directory.into(),
        };
        let print = |channel, directory| request(channel, directory).fingerprint();
        assert_eq!(print("conda-forge", "/a"), print("conda-forge", "/b"));
        assert_eq!(print("./channel", "/a"), print("./channel", "/b"));
        assert_ne!(print("./channel", "/a"), print("./other", "/a"));
        let elsewhere = Request { channels: Vec::new(), ..request("conda-forge", "/a") };
        assert_eq!(elsewhere.fingerprint(), print("conda-forge", "/a"));
        let other = Request { packages: vec!["libpq".to_owned()], ..request("conda-forge", "/a") };
        assert_ne!(other.fingerprint(), print("conda-forge", "/a"));
    }
}
