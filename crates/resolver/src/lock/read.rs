//! Reading `pylock.toml`, from whatever tool wrote it: for one target, or all of it.

use std::path::Path;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerTree, PackageName};
use serde::Deserialize;
use url::Url;

use super::artifact::Artifact;
use super::model::{Archive, Lock, LockedFile, LockedPackage, Pending, Pin, Span};
use super::tree::{self, DirectoryTable, VcsTable};
use crate::error::Error;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::filename::{DistFilename, SourceFilename};
use pyfast_packaging::hash::{OtherDigest, Sha256};
use pyfast_packaging::marker;
use pyfast_packaging::metadata::python_specifiers;
use pyfast_packaging::source_dist::SourceDist;
use pyfast_packaging::target::Target;

impl Lock {
    /// Reads `pylock.toml` for a target: of each package the wheel that fits it best.
    ///
    /// # Errors
    /// [`Error::LockPython`] for another Python; [`Error::Lock`] for another format, another target, or a package without
    /// a usable wheel.
    pub fn from_toml(text: &str, path: &Path, target: &Target) -> Result<Self, Error> {
        for_target(text, path, target)
    }

    /// Reads all of `pylock.toml`, whatever target it is for.
    ///
    /// # Errors
    /// [`Error::Lock`] for another format, or a package without files.
    pub fn whole(text: &str, path: &Path) -> Result<Self, Error> {
        whole(text, path)
    }

    /// The versions of a lock that is about to be replaced, as far as it can be read, whatever target it
    /// is for and whatever is wrong with the rest of it.
    pub fn kept(text: &str, path: &Path) -> Vec<Pin> {
        let Ok(document) = Document::parse(text) else { return Vec::new() };
        let directory = path.parent().unwrap_or(Path::new(""));
        let packages = document.packages.into_iter();
        packages.filter_map(|package| Some(package.whole(directory).ok()?.pin())).collect()
    }
}

/// The lock as it is for a target.
fn for_target(text: &str, path: &Path, target: &Target) -> Result<Lock, Error> {
    let fail = |reason: String| Error::Lock { path: path.to_owned(), reason };
    let mut document = Document::parse(text).map_err(fail)?;
    if let Err(reason) = document.check_target(target) {
        let is_of_another_python = document.is_of_another_python(target);
        let path = path.to_owned();
        return Err(if is_of_another_python {
            Error::LockPython { path, reason }
        } else {
            Error::Lock { path, reason }
        });
    }
    let mut wanted = Vec::with_capacity(document.packages.len());
    for package in std::mem::take(&mut document.packages) {
        if applies(package.marker.as_deref(), target).map_err(fail)? {
            wanted.push(package);
        }
    }
    let mut lock = document
        .lock(wanted, |package| {
            package.check_python(target)?;
            package.locked(path.parent().unwrap_or(Path::new("")), target)
        })
        .map_err(fail)?;
    let mut names: Vec<PackageName> = lock.packages.iter().map(|one| one.name.clone()).collect();
    names.sort();
    if let Some([name, _]) = names.array_windows().find(|[one, other]| one == other) {
        return Err(fail(format!(
            "package {name}: it is there twice for this platform and Python"
        )));
    }
    // What a package of several targets needs on others only is not here.
    for package in &mut lock.packages {
        package.dependencies.retain(|name| names.binary_search(name).is_ok());
    }
    Ok(lock)
}

/// All of a lock.
fn whole(text: &str, path: &Path) -> Result<Lock, Error> {
    let fail = |reason: String| Error::Lock { path: path.to_owned(), reason };
    let mut document = Document::parse(text).map_err(fail)?;
    let packages = std::mem::take(&mut document.packages);
    let directory = path.parent().unwrap_or(Path::new(""));
    document.lock(packages, |package| package.whole(directory)).map_err(fail)
}

fn check_environments(environments: &[String], target: &Target) -> Result<(), String> {
    for marker in environments {
        if applies(Some(marker), target)? {
            return Ok(());
        }
    }
    if environments.is_empty() {
        return Ok(());
    }
    Err(format!("it is for other platforms ({})", environments.join("; ")))
}

fn applies(marker: Option<&str>, target: &Target) -> Result<bool, String> {
    Ok(marker_of(marker)?.evaluate(&target.markers, &[]))
}

fn marker_of(marker: Option<&str>) -> Result<MarkerTree, String> {
    let Some(marker) = marker else { return Ok(MarkerTree::TRUE) };
    marker::read(marker).map_err(|error| error.reason)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    lock_version: String,
    requires_python: Option<String>,
    #[serde(default)]
    environments: Vec<String>,
    #[serde(default)]
    packages: Vec<Package>,
    #[serde(default)]
    tool: Tools,
}

impl Document {
    fn parse(text: &str) -> Result<Self, String> {
        let document: Self = toml::from_str(text)
            .map_err(|error| error.to_string().trim_end().replace('\n', "\n  "))?;
        if document.lock_version.split('.').next() != Some("1") {
            let version = document.lock_version;
            return Err(format!("its version is {version}, and only 1 is understood"));
        }
        Ok(document)
    }

    fn requires_python(&self) -> Result<Option<VersionSpecifiers>, String> {
        let parsed = self.requires_python.as_deref().map(VersionSpecifiers::from_str);
        parsed.transpose().map_err(|error| error.to_string())
    }

    /// Whether it is for a target at all.
    fn check_target(&self, target: &Target) -> Result<(), String> {
        self.check_markers(target).map_err(|reason| match &self.tool.pyfast.targets {
            // Its own words for its targets are shorter than their markers.
            Some(targets) => {
                let (machine, python) = (target.markers.platform_machine(), target.python());
                let system = target.markers.platform_system();
                format!(
                    "it is for {}, and this is Python {python} on {system} ({machine})",
                    targets.join(", ")
                )
            }
            None => reason,
        })
    }

    /// Whether a target's Python is all that it is not for.
    fn is_of_another_python(&self, target: &Target) -> bool {
        let limit = self.requires_python().ok().flatten();
        limit.is_some_and(|specifiers| !target.allowed_by(&specifiers))
            && check_environments(&self.environments, target).is_ok()
    }

    fn check_markers(&self, target: &Target) -> Result<(), String> {
        if let Some(specifiers) = self.requires_python()?
            && !target.allowed_by(&specifiers)
        {
            let python = target.python();
            return Err(format!("it is for Python {specifiers}, and this is {python}"));
        }
        check_environments(&self.environments, target)
    }

    fn lock(
        self,
        packages: Vec<Package>,
        read: impl Fn(Package) -> Result<LockedPackage, String>,
    ) -> Result<Lock, String> {
        let (requires_python, span) = (self.requires_python()?, self.span());
        let requested = self.tool.pyfast.requested;
        let packages = packages.into_iter().map(|package| {
            let name = package.name.clone();
            let mut locked = read(package).map_err(|reason| format!("package {name}: {reason}"))?;
            locked.requested = requested.as_ref().is_none_or(|names| names.contains(&name));
            Ok::<_, String>(locked)
        });
        Ok(Lock {
            packages: packages.collect::<Result<_, _>>()?,
            requires_python,
            environments: self.environments,
            inputs: self.tool.pyfast.inputs,
            span,
        })
    }

    fn span(&self) -> Span {
        match &self.tool.pyfast {
            Tool { universal: true, .. } => Span::Universal,
            Tool { targets: Some(targets), .. } => Span::Targets(targets.clone()),
            _ => Span::One,
        }
    }
}

#[derive(Default, Deserialize)]
struct Tools {
    #[serde(default)]
    pyfast: Tool,
}

#[derive(Default, Deserialize)]
struct Tool {
    requested: Option<Vec<PackageName>>,
    inputs: Option<String>,
    #[serde(default)]
    universal: bool,
    targets: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Package {
    name: PackageName,
    version: Option<Version>,
    requires_python: Option<String>,
    marker: Option<String>,
    index: Option<Url>,
    #[serde(default)]
    dependencies: Vec<Reference>,
    #[serde(default)]
    wheels: Vec<Artifact>,
    sdist: Option<Artifact>,
    archive: Option<Artifact>,
    directory: Option<DirectoryTable>,
    vcs: Option<VcsTable>,
    #[serde(default)]
    tool: PackageTools,
}

#[derive(Default, Deserialize)]
struct PackageTools {
    #[serde(default)]
    pyfast: PackageTool,
}

#[derive(Default, Deserialize)]
struct PackageTool {
    version: Option<Version>,
}

#[derive(Deserialize)]
struct Reference {
    name: PackageName,
}

/// A source that was named directly.
struct Direct {
    /// What stands where a file's name would.
    text: String,
    location: Location,
    sha256: Option<Sha256>,
    tree: Option<SourceDist>,
    pending: Option<Pending>,
}

impl From<SourceDist> for Direct {
    fn from(tree: SourceDist) -> Self {
        let (text, location) = (tree.tree.to_string(), tree.tree.location());
        Self { text, location, sha256: None, tree: Some(tree), pending: None }
    }
}

impl Package {
    /// The wheel that fits best, else the source.
    fn best(&self, target: &Target) -> Option<(DistFilename, &Artifact)> {
        let artifacts = self.wheels.iter().chain(&self.archive);
        let wheels = artifacts.filter_map(|artifact| {
            let filename: pyfast_packaging::filename::WheelFilename =
                artifact.filename()?.parse().ok()?;
            let build = filename.build.as_ref().map_or(0, |build| build.0);
            let rank = (target.tags.rank(&filename)?, std::cmp::Reverse(build));
            Some((rank, filename, artifact))
        });
        if let Some((_, filename, artifact)) = wheels.min_by_key(|(rank, ..)| *rank) {
            return Some((DistFilename::Wheel(filename), artifact));
        }
        self.sdist.iter().find_map(|artifact| {
            let filename = SourceFilename::of(&self.name, &artifact.filename()?)?;
            Some((DistFilename::Source(filename), artifact))
        })
    }

    /// The source that was named directly.
    fn direct(&mut self, directory: &Path) -> Result<Option<Direct>, String> {
        let tree = match (self.directory.take(), self.vcs.take(), &self.archive) {
            (Some(table), ..) => table.tree(directory)?,
            (_, Some(table), _) => table.tree(directory)?,
            (.., Some(archive)) => return self.source_archive(archive, directory),
            _ => return Ok(None),
        };
        Ok(Some(SourceDist { name: Some(self.name.clone()), version: None, ..tree }.into()))
    }

    /// The same of an archive, unless that is a wheel.
    fn source_archive(
        &self,
        archive: &Artifact,
        directory: &Path,
    ) -> Result<Option<Direct>, String> {
        let text = archive.filename().ok_or("its archive has no name")?;
        if text.parse::<pyfast_packaging::filename::WheelFilename>().is_ok() {
            return Ok(None);
        }
        let location = archive.location(directory).ok_or("its archive has neither URL nor path")?;
        let (sha256, others) = archive.hashes.read()?;
        let named = Archive {
            filename: text.clone(),
            version: self.version.clone(),
            subdirectory: tree::below(archive.subdirectory.clone())?,
        };
        let (tree, pending) = match sha256 {
            Some(sha256) => (Some(named.source(self.name.clone(), location.clone(), sha256)), None),
            None => (None, Some(Pending { others, archive: Some(named) })),
        };
        Ok(Some(Direct { text, location, sha256, tree, pending }))
    }

    fn check_python(&self, target: &Target) -> Result<(), String> {
        let Some(text) = &self.requires_python else { return Ok(()) };
        let specifiers = python_specifiers(text)?;
        if target.allowed_by(&specifiers) {
            return Ok(());
        }
        Err(format!("it needs Python {specifiers}, and this is {}", target.python()))
    }

    /// The package with all its files, for whatever target.
    fn whole(mut self, directory: &Path) -> Result<LockedPackage, String> {
        let marker = marker_of(self.marker.as_deref())?;
        let requires_python = self.requires_python.as_deref().map(python_specifiers).transpose()?;
        if let Some(direct) = self.direct(directory)? {
            return Ok(LockedPackage { marker, requires_python, ..self.locked_direct(direct) });
        }
        let artifacts = self.wheels.iter().chain(&self.archive).chain(&self.sdist);
        let mut files = Vec::new();
        for artifact in artifacts {
            let Some(filename) = artifact.filename().and_then(|text| self.dist(&text)) else {
                continue;
            };
            let (sha256, others) = artifact.hashes.read()?;
            files.push(LockedFile {
                filename,
                location: artifact.location(directory).ok_or("a file has neither URL nor path")?,
                sha256,
                others,
                facts: artifact.facts(),
            });
        }
        let first = files.first().ok_or("none of its files is a wheel or source")?.clone();
        let several = files.len() > 1;
        Ok(LockedPackage {
            version: self.version.unwrap_or_else(|| first.filename.version().clone()),
            location: first.location,
            sha256: first.sha256,
            pending: pending(first.others),
            tree: None,
            facts: first.facts,
            filename: first.filename,
            index: self.index,
            direct: self.archive.is_some(),
            requested: false,
            dependencies: names(self.dependencies),
            marker,
            requires_python,
            files: if several { files } else { Vec::new() },
            name: self.name,
        })
    }

    fn dist(&self, text: &str) -> Option<DistFilename> {
        match text.parse() {
            Ok(wheel) => Some(DistFilename::Wheel(wheel)),
            Err(_) => SourceFilename::of(&self.name, text).map(DistFilename::Source),
        }
    }

    fn locked_direct(self, direct: Direct) -> LockedPackage {
        let version = self.version.or(self.tool.pyfast.version);
        let Direct { text, location, sha256, tree, pending } = direct;
        let filename = tree::named(text, &self.name, version.as_ref());
        LockedPackage {
            version: filename.version().clone(),
            filename,
            location,
            sha256,
            pending,
            tree,
            facts: self.archive.map(|archive| archive.facts()).unwrap_or_default(),
            index: None,
            direct: true,
            requested: false,
            dependencies: names(self.dependencies),
            marker: MarkerTree::TRUE,
            requires_python: None,
            files: Vec::new(),
            name: self.name,
        }
    }

    fn locked(mut self, directory: &Path, target: &Target) -> Result<LockedPackage, String> {
        if let Some(direct) = self.direct(directory)? {
            return Ok(self.locked_direct(direct));
        }
        let direct = self.archive.is_some();
        let (filename, artifact) = self
            .best(target)
            .ok_or("none of its files is a wheel for this platform and Python, or source")?;
        if *filename.name() != self.name {
            return Err(format!("its file {filename} is another project's"));
        }
        if let Some(version) = &self.version
            && version != filename.version()
        {
            return Err(format!("its file {filename} is not version {version}"));
        }
        let (sha256, others) = artifact.hashes.read()?;
        Ok(LockedPackage {
            version: self.version.clone().unwrap_or_else(|| filename.version().clone()),
            location: artifact.location(directory).ok_or("its file has neither URL nor path")?,
            sha256,
            pending: pending(others),
            tree: None,
            facts: artifact.facts(),
            filename,
            index: self.index,
            direct,
            requested: false,
            dependencies: names(self.dependencies),
            marker: MarkerTree::TRUE,
            requires_python: None,
            files: Vec::new(),
            name: self.name,
        })
    }
}

/// What a file is known by that has no SHA-256.
fn pending(others: Vec<OtherDigest>) -> Option<Pending> {
    (!others.is_empty()).then_some(Pending { others, archive: None })
}

/// Each name once: a lock for several targets may have several versions of it.
fn names(references: Vec<Reference>) -> Vec<PackageName> {
    let mut names: Vec<PackageName> = references.into_iter().map(|one| one.name).collect();
    names.dedup();
    names
}
