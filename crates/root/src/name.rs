//! Names that become names of directories and files of a root.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// An environment of a project, by names that can be directory names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectEnv {
    project: String,
    env: String,
}

impl ProjectEnv {
    /// Names the environment `env` of `project`.
    ///
    /// # Errors
    /// If a name is empty, over 100 bytes, begins with a dot, or has other characters than
    /// letters, digits, `.`, `_` and `-`.
    pub fn new(project: &str, env: &str) -> Result<Self, Error> {
        check_name("a project", project)?;
        check_name("an environment", env)?;
        Ok(Self { project: project.to_owned(), env: env.to_owned() })
    }

    /// The project's name.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The environment's name.
    pub fn env(&self) -> &str {
        &self.env
    }
}

impl fmt::Display for ProjectEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.env)
    }
}

impl From<ProjectEnv> for String {
    fn from(name: ProjectEnv) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for ProjectEnv {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        let (project, env) = text.split_once('/').unwrap_or((&text, ""));
        Self::new(project, env)
    }
}

/// Whether a name of a project or an environment can be a directory's name, and a part of names that engines and files
/// get: letters and digits of ASCII, `.`, `_` and `-`, at most 100, no dot at the front.
pub fn is_name(name: &str) -> bool {
    objection(name).is_none()
}

fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    match objection(name) {
        None => Ok(()),
        Some(reason) => Err(Error::Name { what, name: name.chars().take(120).collect(), reason }),
    }
}

/// What speaks against a name.
fn objection(name: &str) -> Option<&'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name {
        "" => Some("it is empty"),
        _ if name.len() > 100 => Some("it is longer than 100 bytes"),
        _ if name.starts_with('.') => Some("it begins with a dot"),
        _ if !name.chars().all(fits) => Some("only letters, digits, `.`, `_` and `-` are allowed"),
        _ => None,
    }
}

/// Whether a text can be the id of a generation: hexadecimal digits, 64 at most.
pub fn is_generation_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_the_directory_are_refused() {
        for name in ["", ".", "..", "../x", "a/b", "a\0b", ".hidden", "a b", "Händler"] {
            assert!(ProjectEnv::new(name, "default").is_err(), "{name:?}");
            assert!(ProjectEnv::new("project", name).is_err(), "{name:?}");
        }
        let name = ProjectEnv::new("Haendler-1.0_x", "default").unwrap();
        assert_eq!(ProjectEnv::try_from(name.to_string()).unwrap(), name);
        assert!(ProjectEnv::try_from("a/b/c".to_owned()).is_err());
        assert!(ProjectEnv::try_from("a".to_owned()).is_err());
    }

    #[test]
    fn ids_are_plain() {
        assert!(is_generation_id("0123456789abcdef0123"));
        for id in ["", "..", "0123456789ABCDEF0123", "0123456789abcdef012/", "current"] {
            assert!(!is_generation_id(id), "{id}");
        }
    }
}
