//! Whether the packages of an environment have what they need of each other, and what each says of itself. Pure: made of
//! what was read. Owns what counts as a need; must not know where the packages lie.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use pyfast_packaging::metadata::{Metadata, header, parse};
use pyfast_packaging::{MarkerEnvironment, PackageName, Version};
use serde::Serialize;

use crate::question::{Detail, Details};

/// Something that a package needs and has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The package, by name and version.
    pub package: String,
    /// What it needs; `None` where it does not say so in words that can be read.
    pub needs: Option<String>,
    /// What is there instead; `None` where nothing is.
    pub has: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, needs, has } = self;
        match (needs, has) {
            (Some(needs), Some(has)) => {
                write!(f, "{package} needs {needs}, but {has} is installed")
            }
            (Some(needs), None) => write!(f, "{package} needs {needs}, which is not installed"),
            (None, _) => {
                write!(f, "{package} does not say what it needs in words that can be read")
            }
        }
    }
}

/// What the packages need and have not, in the order of their names. Extras do not count: who asked for one is not
/// written down.
pub fn problems(details: &Details) -> Vec<Problem> {
    let markers = details.interpreter.target().markers;
    let installed: BTreeMap<&PackageName, &Version> =
        details.packages.iter().map(|one| (&one.package.name, &one.package.version)).collect();
    let mut found = Vec::new();
    for detail in &details.packages {
        let package = format!("{} {}", detail.package.name, detail.package.version);
        let Ok(Metadata { dependencies, requires_python, .. }) = parse(&detail.metadata) else {
            found.push(Problem { package, needs: None, has: None });
            continue;
        };
        let python = markers.python_full_version().version.clone();
        if let Some(needs) = requires_python.filter(|needs| !needs.contains(&python)) {
            let (needs, has) = (format!("Python {needs}"), format!("Python {python}"));
            found.push(Problem { package: package.clone(), needs: Some(needs), has: Some(has) });
        }
        for needed in dependencies.iter().filter(|one| one.marker.evaluate(&markers, &[])) {
            let has = installed.get(&needed.name);
            // What is named by a URL is whatever that gave.
            let fits =
                |version: &&Version| needed.url.is_some() || needed.specifiers.contains(version);
            if !has.is_some_and(fits) {
                let needs = format!("{}{}", needed.name, needed.specifiers);
                let has = has.map(|version| format!("{} {version}", needed.name));
                found.push(Problem { package: package.clone(), needs: Some(needs), has });
            }
        }
    }
    found
}

/// A package, as it says itself and as the others need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is.
    pub summary: Option<String>,
    /// Its licence.
    pub license: Option<String>,
    /// The directory that it is imported from.
    pub location: PathBuf,
    /// Whether the user asked for it by name.
    pub requested: bool,
    /// Where it came from if not from an index (PEP 610).
    pub direct_url: Option<serde_json::Value>,
    /// The packages of the environment that it needs.
    pub requires: Vec<String>,
    /// The packages of the environment that need it.
    pub required_by: Vec<String>,
    /// Its files, relative to the location.
    pub files: Vec<String>,
}

/// A line a fact, as pip has them.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.display().to_string();
        let from = self.direct_url.as_ref().and_then(|direct| direct["url"].as_str());
        let (requires, required_by) = (self.requires.join(", "), self.required_by.join(", "));
        let facts = [
            ("Name", Some(self.name.as_str())),
            ("Version", Some(self.version.as_str())),
            ("Summary", self.summary.as_deref()),
            ("License", self.license.as_deref()),
            ("Location", Some(location.as_str())),
            ("From", from),
            ("Requires", Some(requires.as_str())),
            ("Required-by", Some(required_by.as_str())),
        ];
        for (name, fact) in facts {
            let Some(fact) = fact else { continue };
            writeln!(f, "{}", format!("{name}: {fact}").trim_end())?;
        }
        if !self.files.is_empty() {
            writeln!(f, "Files:")?;
        }
        self.files.iter().try_for_each(|file| writeln!(f, "  {file}"))
    }
}

/// What the packages of an environment say of each other: their metadata, read once.
pub struct Relations<'a> {
    details: &'a Details,
    /// Of each package those that it needs, in their order.
    needs: Vec<Vec<PackageName>>,
}

impl<'a> Relations<'a> {
    /// Reads them.
    pub fn of(details: &'a Details) -> Self {
        let markers = details.interpreter.target().markers;
        let needs = details.packages.iter().map(|one| needs(one, &markers)).collect();
        Self { details, needs }
    }

    /// Describes a package; `None` where there is none of that name.
    pub fn describe(&self, name: &PackageName) -> Option<Description> {
        let details = self.details;
        let packages = || details.packages.iter().map(|one| &one.package).zip(&self.needs);
        let at = details.packages.iter().position(|one| one.package.name == *name)?;
        let Detail { package, metadata, files, scripts: _ } = &details.packages[at];
        let text = |field| header(metadata, field);
        let needing = packages().filter(|(_, needs)| needs.contains(name));
        Some(Description {
            name: name.to_string(),
            version: package.version.to_string(),
            summary: text("Summary"),
            license: text("License-Expression").or_else(|| text("License")),
            location: details.environment.join(details.interpreter.site_packages()),
            requested: package.requested,
            direct_url: package.direct_url.clone(),
            requires: self.needs[at].iter().map(ToString::to_string).collect(),
            required_by: needing.map(|(package, _)| package.name.to_string()).collect(),
            files: files.clone(),
        })
    }
}

/// The packages that one needs in an environment of these markers.
fn needs(detail: &Detail, markers: &MarkerEnvironment) -> Vec<PackageName> {
    let dependencies = parse(&detail.metadata).map(|metadata| metadata.dependencies);
    let counts = dependencies.into_iter().flatten();
    let counts = counts.filter(|one| one.marker.evaluate(markers, &[]));
    let mut names: Vec<PackageName> = counts.map(|one| one.name).collect();
    names.sort();
    names.dedup();
    names
}
