//! Files of requirements edited in place: what nobody asked to change stays as it was, byte by byte. Owns which text takes
//! the place of which; must not know where a file lies, what a version is chosen by, or when a file is written.

mod array;
mod encoded;
mod lines;
pub(crate) mod refusal;
mod script;
mod wanted;
mod written;

use std::path::Path;

use pep508_rs::{MarkerTree, PackageName};

use crate::error::Error;
use crate::pyproject::is_project_file;
use crate::safe_url::redact;

pub use refusal::Refusal;
pub use wanted::{Bound, Wanted};

use array::Arrays;
use lines::Lines;
use script::Script;
use written::Written;

/// A file of requirements that is edited.
#[derive(Debug)]
pub struct Edited {
    name: String,
    text: Text,
}

#[derive(Debug)]
enum Text {
    Lines(Lines),
    Project(Arrays),
    Script(Script),
}

/// Which of a file's lists is meant. A requirements file has one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List<'a> {
    /// What the project, or the file, needs.
    Dependencies,
    /// A dependency group (PEP 735).
    Group(&'a str),
}

/// What became of a requirement that was to be in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file did not have it.
    Added {
        /// As it is written now.
        text: String,
    },
    /// The file had another one on the same project.
    Changed {
        /// As it was written.
        before: String,
        /// As it is written now.
        text: String,
    },
    /// The file had it.
    There {
        /// As it is written.
        text: String,
    },
}

impl Outcome {
    /// The same to be shown: without the passwords of URLs.
    #[must_use]
    pub fn redacted(self) -> Self {
        match self {
            Self::Added { text } => Self::Added { text: redact(&text) },
            Self::Changed { before, text } => {
                Self::Changed { before: redact(&before), text: redact(&text) }
            }
            Self::There { text } => Self::There { text: redact(&text) },
        }
    }
}

impl Edited {
    /// Takes a file of this name and content.
    ///
    /// # Errors
    /// If it cannot be edited at all.
    pub fn new(path: &Path, content: &[u8]) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = Self::text(path, content).map_err(|why| refused(&name, why))?;
        Ok(Self { name, text })
    }

    fn text(path: &Path, content: &[u8]) -> Result<Text, Refusal> {
        if !is_project_file(path) {
            return Ok(Text::Lines(Lines::new(content)?));
        }
        if path.extension().is_some_and(|end| end == "py") {
            return Ok(Text::Script(Script::new(content)?));
        }
        Ok(Text::Project(Arrays::new(content)?))
    }

    /// The content of the file now.
    pub fn content(&self) -> Vec<u8> {
        match &self.text {
            Text::Lines(lines) => lines.content(),
            Text::Project(arrays) => arrays.content(),
            Text::Script(script) => script.content(),
        }
    }

    /// Has it ask for something.
    ///
    /// # Errors
    /// If that cannot be written into it.
    pub fn add(&mut self, wanted: &Wanted, list: List<'_>) -> Result<Outcome, Error> {
        let done = match (&mut self.text, list) {
            (Text::Lines(lines), List::Dependencies) => lines.add(wanted),
            (Text::Lines(_) | Text::Script(_), List::Group(group)) => {
                Err(Refusal::NoGroups(group.to_owned()))
            }
            (Text::Project(arrays), list) => arrays.add(wanted, list),
            (Text::Script(script), list) => script.arrays.add(wanted, list),
        };
        done.map_err(|why| refused(&self.name, why))
    }

    /// Has it not ask for a project any more: in one of its lists, or wherever it does. Gives what was written there.
    ///
    /// # Errors
    /// If it has no such list.
    pub fn remove(
        &mut self,
        name: &PackageName,
        list: Option<List<'_>>,
    ) -> Result<Vec<String>, Error> {
        let done = match (&mut self.text, list) {
            (Text::Lines(lines), None | Some(List::Dependencies)) => Ok(lines.remove(name)),
            (Text::Lines(_) | Text::Script(_), Some(List::Group(group))) => {
                Err(Refusal::NoGroups(group.to_owned()))
            }
            (Text::Project(arrays), list) => arrays.remove(name, list),
            (Text::Script(script), list) => script.arrays.remove(name, list),
        };
        done.map_err(|why| refused(&self.name, why))
    }

    /// The projects that it asks for by name, in their order.
    pub fn names(&self) -> Vec<PackageName> {
        match &self.text {
            Text::Lines(lines) => lines.names(),
            Text::Project(arrays) => arrays.names(),
            Text::Script(script) => script.arrays.names(),
        }
    }

    /// How its requirements limit versions.
    pub fn bound(&self) -> Bound {
        match &self.text {
            Text::Lines(lines) => Bound::of(&lines.requirements()),
            Text::Project(arrays) => Bound::of(&arrays.requirements()),
            Text::Script(script) => Bound::of(&script.arrays.requirements()),
        }
    }

    /// Whether its requirements name digests.
    pub fn has_hashes(&self) -> bool {
        matches!(&self.text, Text::Lines(lines) if lines.has_hashes())
    }
}

/// Which of the requirements on a project is meant: the one with the same marker, or the only one where no marker is
/// given.
fn meant<'a, T>(
    same: &'a [T],
    wanted: &Wanted,
    facts: impl Fn(&'a T) -> (&'a MarkerTree, String),
) -> Result<Option<&'a T>, Refusal> {
    let with_marker = same.iter().find(|one| *facts(one).0 == wanted.marker);
    if with_marker.is_some() || wanted.marker != MarkerTree::TRUE {
        return Ok(with_marker);
    }
    match (same, &wanted.name) {
        ([], _) | (_, None) => Ok(None),
        ([one], _) => Ok(Some(one)),
        (several, Some(name)) => {
            let places: Vec<String> = several.iter().map(|one| facts(one).1).collect();
            Err(Refusal::Several { name: name.clone(), places: places.join(", ") })
        }
    }
}

/// A requirement as it is written, with the extras, and the versions or place, of what is wanted.
fn joined(before: &str, wanted: &Wanted) -> String {
    match (Written::read(before), Written::read(&wanted.text)) {
        (Some(mut written), Some(new)) => {
            written.join_extras(&wanted.extras);
            if wanted.is_limited() {
                written.replace_versions(&new);
            }
            written.to_string()
        }
        _ if wanted.is_limited() => wanted.text.clone(),
        _ => before.to_owned(),
    }
}

fn refused(file: &str, why: Refusal) -> Error {
    Error::Edit { file: file.to_owned(), why: Box::new(why) }
}

#[cfg(test)]
mod tests;
