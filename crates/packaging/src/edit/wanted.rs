//! What is to be in a file, as a user writes it, and the limit that it gets where they wrote none.

use std::collections::BTreeSet;
use std::path::Path;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerTree, PackageName};

use super::lines::kept_options;
use super::written::Written;
use crate::error::Error;
use crate::hash::{Digest, Sha256};
use crate::requirement::{Origin, Requirement, Source};
use crate::requirement_line::{Line, parse_editable, parse_line, split_options};

/// A requirement that is to be in a file.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// As it is to be written where the file has none on the same project.
    pub(super) text: String,
    /// Its project, where the text names one.
    pub(super) name: Option<PackageName>,
    pub(super) extras: Vec<ExtraName>,
    pub(super) marker: MarkerTree,
    /// Whether the text says by versions or a place what is wanted.
    is_limited: bool,
    pub(super) hashes: Vec<Digest>,
}

impl Wanted {
    /// Reads what a user wants, as a line of a requirements file has it. Relative paths are the directory's.
    ///
    /// # Errors
    /// If it is no requirement.
    pub fn new(text: &str, working: &Path) -> Result<Self, Error> {
        let origin = Origin { file: "the command line".into(), line: 1 };
        let wrong = |reason: &str| Error::requirement(&origin, text, reason);
        let editable = text.strip_prefix("-e ").or_else(|| text.strip_prefix("--editable "));
        let line = match editable {
            Some(place) => {
                let read = parse_editable(place.trim(), &origin, working);
                Line::Source(Box::new(read.map_err(|error| wrong(&error.reason))?.0))
            }
            None => parse_line(text, &origin, working).map_err(|error| wrong(&error.reason))?.line,
        };
        let (name, extras, marker, is_limited, hashes) = match line {
            Line::Project(one) => {
                let limited = !matches!(&one.source, Source::Registry(all) if all.is_empty());
                (Some(one.name), one.extras, one.marker, limited, one.hashes)
            }
            Line::Source(one) => (one.name, one.extras, one.marker, true, one.hashes),
        };
        // Digests are written as the file has them; what else a line may have stays.
        let (requirement, options) = split_options(text);
        let text = format!("{requirement}{}", kept_options(options));
        Ok(Self { text, name, extras, marker, is_limited, hashes })
    }

    /// Its project, where it names one.
    pub fn name(&self) -> Option<&PackageName> {
        self.name.as_ref()
    }

    /// Whether it says by versions or a place what is wanted.
    pub fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// Whether a requirement that is stated asks for the same: for its extras, versions and marker, or for more where this
    /// one has none of them.
    pub fn is_met_by(&self, stated: &Requirement) -> bool {
        let bare = self.extras.is_empty() && !self.is_limited && self.marker.is_true();
        let origin = Origin { file: "the command line".into(), line: 1 };
        let line = parse_line(&self.text, &origin, Path::new("/")).map(|read| read.line);
        let same = |own: &Requirement| {
            let extras = |one: &Requirement| one.extras.iter().cloned().collect::<BTreeSet<_>>();
            own.name == stated.name
                && extras(own) == extras(stated)
                && own.source == stated.source
                && own.marker == stated.marker
        };
        match line {
            Ok(Line::Project(own)) => own.name == stated.name && bare || same(&own),
            _ => false,
        }
    }

    /// The same with a limit of versions, which it has none of.
    #[must_use]
    pub fn limited(mut self, bound: Bound, version: &Version) -> Self {
        let limit = bound.limit(version);
        if let Some(mut written) = Written::read(&self.text) {
            written.versions = limit;
            self.text = written.to_string();
            self.is_limited = true;
        }
        self
    }

    /// The same with digests of the files that may be installed.
    #[must_use]
    pub fn hashed(self, hashes: Vec<Sha256>) -> Self {
        Self { hashes: hashes.into_iter().map(Digest::Sha256).collect(), ..self }
    }
}

/// How a version becomes a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bound {
    /// `>=`: it and later ones.
    #[default]
    Lower,
    /// `~=`: it and later ones that are compatible by their numbers.
    Compatible,
    /// `==`: it alone.
    Exact,
}

impl Bound {
    /// How most of a file's requirements have it that have one of the three.
    pub(super) fn of(requirements: &[Requirement]) -> Self {
        let counted = |operator: &str| {
            let limits = requirements.iter().filter(|one| {
                let Source::Registry(specifiers) = &one.source else { return false };
                let mut all = specifiers.iter().map(|one| one.operator().to_string());
                all.any(|one| one == operator)
            });
            limits.count()
        };
        let (lower, compatible, exact) = (counted(">="), counted("~="), counted("=="));
        match (lower, compatible, exact) {
            _ if exact > lower && exact >= compatible => Self::Exact,
            _ if compatible > lower => Self::Compatible,
            _ => Self::Lower,
        }
    }

    fn limit(self, version: &Version) -> String {
        let public = version.clone().without_local();
        match self {
            Self::Exact => format!("=={version}"),
            // `~=1` means nothing.
            Self::Compatible if public.release().len() > 1 => format!("~={public}"),
            Self::Lower | Self::Compatible => format!(">={public}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_no_part_of_the_text_and_other_options_are() {
        let digest = "a".repeat(64);
        let check = |line: &str, text: &str| {
            let line = line.replace("DIGEST", &digest);
            let wanted = Wanted::new(&line, Path::new("/")).unwrap();
            assert_eq!((wanted.text.as_str(), wanted.hashes.len()), (text, 1), "{line}");
        };
        check("a==1 --hash=sha256:DIGEST", "a==1");
        check("a==1\t--hash=sha256:DIGEST", "a==1");
        check("a==1 --hash=sha256:DIGEST --config-settings=b=c", "a==1 --config-settings=b=c");
        check("a==1 -C b=c --hash sha256:DIGEST", "a==1 -C b=c");
    }
}
