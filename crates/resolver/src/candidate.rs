//! Which version of a project, and which file of it: everything that makes a file usable or not
//! for a target. Knows nothing of the solver or of how files are fetched.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::PackageName;
use rustc_hash::{FxHashMap, FxHashSet};
use url::Url;
use version_ranges::Ranges;

use crate::distribution::{Location, Sha256, WheelFilename};
use crate::metadata::python_specifiers;
use crate::page::{DIRECT, File, Page, PageVersion};
use crate::source::{DistFilename, FormatControl, SourceFilename};
use crate::target::Target;

/// A version of a project with the wheel that would be installed, or the source it is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The file's name.
    pub filename: DistFilename,
    /// Where it is.
    pub location: Location,
    /// Its digest, where it is known.
    pub sha256: Option<Sha256>,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
    /// ISO 8601 time of upload, where it is known.
    pub upload_time: Option<String>,
    /// Whether a metadata file stands beside it (PEP 658).
    pub core_metadata: bool,
    /// Why it was yanked, if it was.
    pub yanked: Option<String>,
    /// Position of its index among the indexes; beyond the last for other files.
    pub index: usize,
    /// Whether it was named by URL or path.
    pub direct: bool,
}

/// Why a version cannot be used for the target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unusable {
    /// It has files, but for other Pythons.
    Python(String),
    /// It has wheels, but for other platforms or ABIs: these.
    Tags(String),
    /// It has only source distributions, and those are not allowed.
    SourceOnly,
    /// It has only wheels, and those are not allowed.
    WheelsOnly,
    /// All its usable files are yanked.
    Yanked,
    /// Its files have other hashes than the requirements give.
    Hash,
    /// It was uploaded at or after the time that was given, or nobody knows when.
    TooNew,
    /// It is a pre-release, and those are not allowed.
    Prerelease,
    /// No file's name could be understood.
    NoFiles,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python(specifiers) => write!(f, "needs Python {specifiers}"),
            Self::Tags(tags) => {
                write!(f, "has no wheel for this platform and Python, only for {tags}")
            }
            Self::TooNew => f.write_str("is newer than allowed, or of unknown age"),
            Self::Prerelease => f.write_str("is a pre-release, and those are not allowed"),
            Self::SourceOnly => f.write_str("has no wheel, only source"),
            Self::WheelsOnly => {
                f.write_str("has no source, only wheels, and those are not allowed")
            }
            Self::Yanked => f.write_str("was yanked"),
            Self::Hash => f.write_str("has no file with a hash that the requirements allow"),
            Self::NoFiles => f.write_str("has no installable file"),
        }
    }
}

/// Whether pre-releases may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prereleases {
    /// Only where no stable version satisfies.
    #[default]
    IfNecessary,
    /// Like stable versions.
    Allow,
    /// Never.
    Disallow,
}

/// Which end of a range is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// The newest version.
    #[default]
    Highest,
    /// The oldest version.
    Lowest,
    /// The oldest version of what the user asks for, the newest of everything else.
    LowestDirect,
}

/// What decides between candidates, besides the range.
#[derive(Debug, Default)]
pub struct Policy {
    /// Whether pre-releases may be chosen.
    pub prereleases: Prereleases,
    /// Which end of a range is preferred.
    pub preference: Preference,
    /// Versions pinned by the user with `==`: a yanked one may be used (rule 14).
    pub pins: FxHashSet<(PackageName, Version)>,
    /// The projects that the user asks for.
    pub first_party: FxHashSet<PackageName>,
    /// Versions of an earlier lock, kept while they fit (rule 35).
    pub preferred: BTreeMap<PackageName, Version>,
    /// Digests the user allows, by project; a project that is not in it has no restriction.
    pub hashes: BTreeMap<PackageName, Vec<Sha256>>,
    /// Files uploaded at or after this ISO 8601 time do not exist (rule 15).
    pub exclude_newer: Option<String>,
    /// Which kinds of distributions may be used.
    pub formats: FormatControl,
}

/// A usable candidate, or why a version is not usable.
pub(crate) type Judgement = Arc<Result<Candidate, Unusable>>;

/// Chooses candidates for one target.
#[derive(Debug)]
pub struct Selector {
    target: Target,
    policy: Policy,
    known: Mutex<FxHashMap<(PackageName, Version, usize), Judgement>>,
}

impl Selector {
    /// A selector for a target.
    pub fn new(target: Target, policy: Policy) -> Self {
        Self { target, policy, known: Mutex::default() }
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Forgets what it learnt of a project, whose page has changed.
    pub(crate) fn forget(&self, name: &PackageName) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(project, ..), _| project != name);
    }

    /// The best usable version in `range`.
    pub(crate) fn select(
        &self,
        name: &PackageName,
        page: &Page,
        range: &Ranges<Version>,
    ) -> Option<Judgement> {
        if let Some(preferred) = self.policy.preferred.get(name)
            && range.contains(preferred)
            && let Some(version) = page.versions().iter().find(|known| known.version == *preferred)
        {
            let candidate = self.candidate(name, version);
            if candidate.is_ok() {
                return Some(candidate);
            }
        }
        let stable = |version: &Version| !version.any_prerelease();
        // Rule 28: a file that was named is meant.
        let direct = page.versions().iter().any(|version| version.index == DIRECT);
        match self.policy.prereleases {
            _ if direct => self.first(name, page, range, |_| true),
            Prereleases::Allow => self.first(name, page, range, |_| true),
            Prereleases::Disallow => self.first(name, page, range, stable),
            Prereleases::IfNecessary => self
                .first(name, page, range, stable)
                .or_else(|| self.first(name, page, range, |version| !stable(version))),
        }
    }

    fn first(
        &self,
        name: &PackageName,
        page: &Page,
        range: &Ranges<Version>,
        wanted: impl Fn(&Version) -> bool,
    ) -> Option<Judgement> {
        let fits =
            |version: &&PageVersion| range.contains(&version.version) && wanted(&version.version);
        let usable = |version: &PageVersion| {
            Some(self.candidate(name, version)).filter(|candidate| candidate.is_ok())
        };
        let oldest = match self.policy.preference {
            Preference::Highest => false,
            Preference::Lowest => true,
            Preference::LowestDirect => self.policy.first_party.contains(name),
        };
        if oldest {
            page.versions().iter().rev().filter(fits).find_map(usable)
        } else {
            page.versions().iter().filter(fits).find_map(usable)
        }
    }

    /// The best file of one version, or why it has none.
    pub(crate) fn candidate(&self, name: &PackageName, version: &PageVersion) -> Judgement {
        let key = (name.clone(), version.version.clone(), version.index);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let candidate = known.entry(key).or_insert_with(|| Arc::new(self.judge(name, version)));
        Arc::clone(candidate)
    }

    fn judge(&self, name: &PackageName, version: &PageVersion) -> Result<Candidate, Unusable> {
        let mut best: Option<((u32, std::cmp::Reverse<u64>), File<'_>, DistFilename)> = None;
        let mut reason = Unusable::NoFiles;
        // The reason nearest to being usable is the one worth telling.
        let mut worse = |found: Unusable| {
            let distance = |reason: &Unusable| match reason {
                Unusable::Hash => 0,
                Unusable::Yanked => 1,
                Unusable::Python(_) => 2,
                Unusable::Tags(_) | Unusable::Prerelease | Unusable::TooNew => 3,
                Unusable::SourceOnly | Unusable::WheelsOnly => 4,
                Unusable::NoFiles => 5,
            };
            if distance(&found) < distance(&reason) {
                reason = found;
            }
        };
        let allowed = self.policy.hashes.get(name);
        let mut tags = Vec::new();
        for file in version.files() {
            match self.judge_file(name, version, &file, allowed) {
                Err(unusable) => {
                    if let Unusable::Tags(one) = &unusable {
                        tags.push(one.clone());
                    }
                    worse(unusable);
                }
                Ok((rank, filename)) => {
                    let build = filename.wheel().and_then(|wheel| wheel.build.as_ref());
                    let build = build.map_or(0, |build| build.0);
                    let rank = (rank, std::cmp::Reverse(build));
                    if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
                        best = Some((rank, file, filename));
                    }
                }
            }
        }
        if let Unusable::Tags(_) = reason {
            reason = Unusable::Tags(some(&tags));
        }
        let (_, file, filename) = best.ok_or(reason)?;
        to_candidate(name, version, &file, filename).ok_or(Unusable::NoFiles)
    }

    /// The rank of a usable file.
    fn judge_file(
        &self,
        name: &PackageName,
        version: &PageVersion,
        file: &File<'_>,
        allowed: Option<&Vec<Sha256>>,
    ) -> Result<(u32, DistFilename), Unusable> {
        if let Some(cutoff) = &self.policy.exclude_newer
            && version.index != DIRECT
            && file.upload_time.as_deref().is_none_or(|time| time >= cutoff.as_str())
        {
            return Err(Unusable::NoFiles);
        }
        let (rank, filename) = self.rank(name, version, file)?;
        self.check_python(file)?;
        let pinned = || self.policy.pins.contains(&(name.clone(), version.version.clone()));
        let locked = || self.policy.preferred.get(name) == Some(&version.version);
        if file.yanked.is_some() && !pinned() && !locked() {
            return Err(Unusable::Yanked);
        }
        match (allowed, file.sha256) {
            (Some(allowed), Some(digest)) if !allowed.contains(&digest) => Err(Unusable::Hash),
            _ => Ok((rank, filename)),
        }
    }

    /// How well a file fits the target: any wheel that fits is better than source.
    fn rank(
        &self,
        name: &PackageName,
        version: &PageVersion,
        file: &File<'_>,
    ) -> Result<(u32, DistFilename), Unusable> {
        let direct = version.index == DIRECT;
        if !file.filename.ends_with(".whl") {
            if !direct && !self.policy.formats.allows_source(name) {
                return Err(Unusable::SourceOnly);
            }
            let filename = SourceFilename::of(name, &file.filename).ok_or(Unusable::NoFiles)?;
            return Ok((u32::MAX, DistFilename::Source(filename)));
        }
        let filename = WheelFilename::from_str(&file.filename).or(Err(Unusable::NoFiles))?;
        if filename.name != *name {
            return Err(Unusable::NoFiles);
        }
        if !direct && !self.policy.formats.allows_wheel(name) {
            return Err(Unusable::WheelsOnly);
        }
        let rank =
            self.target.tags.rank(&filename).ok_or_else(|| Unusable::Tags(tags_of(&filename)))?;
        Ok((rank, DistFilename::Wheel(filename)))
    }

    /// Rule 13: the full specifier counts for a concrete interpreter; one that cannot be read drops
    /// the file.
    fn check_python(&self, file: &File<'_>) -> Result<(), Unusable> {
        let Some(text) = &file.requires_python else { return Ok(()) };
        let specifiers = python_specifiers(text).or(Err(Unusable::NoFiles))?;
        if allows_python(&specifiers, self.target.python()) {
            Ok(())
        } else {
            Err(Unusable::Python(text.clone().into_owned()))
        }
    }
}

fn tags_of(filename: &WheelFilename) -> String {
    format!("{}-{}-{}", filename.python, filename.abi, filename.platform)
}

/// The first few of a list, in words.
fn some(list: &[String]) -> String {
    match list {
        [a, b, c, _, ..] => format!("{a}, {b}, {c} and others"),
        few => few.join(", "),
    }
}

/// Whether `Requires-Python` allows an interpreter; a pre-release of Python counts as its release.
pub(crate) fn allows_python(specifiers: &VersionSpecifiers, python: &Version) -> bool {
    specifiers.contains(&python.only_release())
}

fn to_candidate(
    name: &PackageName,
    version: &PageVersion,
    file: &File<'_>,
    filename: DistFilename,
) -> Option<Candidate> {
    let location = if file.url.starts_with('/') {
        Location::Path(file.url.to_string().into())
    } else {
        Location::Url(Url::parse(&file.url).ok()?)
    };
    Some(Candidate {
        name: name.clone(),
        version: version.version.clone(),
        filename,
        location,
        sha256: file.sha256,
        size: file.size,
        upload_time: file.upload_time.as_ref().map(ToString::to_string),
        core_metadata: file.core_metadata,
        yanked: file.yanked.as_ref().map(ToString::to_string),
        index: version.index,
        direct: version.index == DIRECT,
    })
}
