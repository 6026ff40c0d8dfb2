//! Which version of a project, and which file of it: everything that makes a file usable or not
//! for a target or a region. Knows nothing of the solver or of how files are fetched.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use pep440_rs::Version;
use pep508_rs::PackageName;
use rustc_hash::{FxHashMap, FxHashSet};
use url::Url;
use version_ranges::Ranges;

use crate::cutoff::Cutoff;
use pyfast_index::page::{File, ListedFile, Listing, Page, PageVersion};
use pyfast_packaging::dist_file::{FileFacts, Location};
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::filename::{DistFilename, SourceFilename};
use pyfast_packaging::formats::FormatControl;
use pyfast_packaging::hash::{Digest, OtherDigest, Sha256};
use pyfast_packaging::metadata::python_specifiers;
use pyfast_packaging::scope::{PythonFit, Scope};

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
    /// Its digest of another kind, where an index or the user gives that alone.
    pub other: Option<OtherDigest>,
    /// What else is stated of it.
    pub facts: FileFacts,
    /// Whether a metadata file stands beside it (PEP 658).
    pub core_metadata: bool,
    /// Why it was yanked, if it was.
    pub yanked: Option<String>,
    /// What lists it.
    pub listing: Listing,
    /// `Requires-Python` of its file, as the index says it.
    pub requires_python: Option<String>,
    /// Of a source: a wheel of its version that tells its metadata, and is not what is installed (rule 10).
    pub told_by: Option<Box<Candidate>>,
}

impl Candidate {
    /// The digest that its bytes must have, where one was given.
    pub(crate) fn expected(&self) -> Option<Digest> {
        let other = || self.other.clone().map(Digest::Other);
        self.sha256.map(Digest::Sha256).or_else(other)
    }

    /// Whether it was named by URL or path.
    pub fn is_direct(&self) -> bool {
        self.listing == Listing::Direct
    }
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
    /// All its usable files are yanked, for this reason (may be empty).
    Yanked(String),
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
            Self::Yanked(reason) if reason.is_empty() => f.write_str("was yanked"),
            Self::Yanked(reason) => write!(f, "was yanked: {reason}"),
            Self::Hash => f.write_str("has no file with a hash that the requirements allow"),
            Self::NoFiles => f.write_str("has no installable file"),
        }
    }
}

impl Unusable {
    /// What is said of several versions that cannot be used for this reason.
    pub(crate) fn of_several(&self) -> String {
        match self {
            Self::Python(specifiers) => format!("need Python {specifiers}"),
            Self::Tags(tags) => {
                format!("have no wheel for this platform and Python, the newest only for {tags}")
            }
            Self::TooNew => "are newer than allowed, or of unknown age".to_owned(),
            Self::Prerelease => "are pre-releases, and those are not allowed".to_owned(),
            Self::SourceOnly => "have no wheel, only source".to_owned(),
            Self::WheelsOnly => "have no source, only wheels, and those are not allowed".to_owned(),
            Self::Yanked(reason) if reason.is_empty() => "were yanked".to_owned(),
            Self::Yanked(reason) => format!("were yanked: {reason}"),
            Self::Hash => "have no file with a hash that the requirements allow".to_owned(),
            Self::NoFiles => "have no installable file".to_owned(),
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
    /// Only of projects for which the user's own requirements name one; stable versions are preferred.
    Explicit,
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

/// What the user wants of versions and files.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Whether pre-releases may be chosen.
    pub prereleases: Prereleases,
    /// Which end of a range is preferred.
    pub preference: Preference,
    /// Files uploaded at or after this time do not exist (rule 15).
    pub exclude_newer: Option<Cutoff>,
    /// Which kinds of distributions may be used.
    pub formats: FormatControl,
}

/// What decides between candidates, besides the range: the policy, and what requirements and an earlier
/// lock add to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Criteria {
    pub(crate) policy: Policy,
    /// Versions pinned by the user with `==`: a yanked one may be used (rule 14).
    pub(crate) pins: FxHashSet<(PackageName, Version)>,
    /// The projects that the user asks for.
    pub(crate) first_party: FxHashSet<PackageName>,
    /// The projects of which the user names a pre-release (rule 7).
    pub(crate) prerelease_named: FxHashSet<PackageName>,
    /// Versions of an earlier lock, kept while they fit (rule 35).
    pub(crate) preferred: BTreeMap<PackageName, Version>,
    /// Digests the user allows, by project; a project that is not in it has no restriction.
    pub(crate) hashes: BTreeMap<PackageName, Vec<Digest>>,
}

impl From<Policy> for Criteria {
    fn from(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }
}

/// What orders the usable files of a version, least first (rules 9, 14 and 30): a digest that is not
/// known where one is asked for, a yank, the index, the tag, the build.
type Rank = (bool, bool, Listing, u32, std::cmp::Reverse<Option<(u64, String)>>);

/// A usable candidate, or why a version is not usable.
pub(crate) type Judgement = Arc<Result<Candidate, Unusable>>;

/// Chooses candidates for one target, or for all of a region.
#[derive(Debug)]
pub(crate) struct Selector {
    scope: Scope,
    criteria: Criteria,
    known: Mutex<FxHashMap<(PackageName, Version, Listing), Judgement>>,
}

impl Selector {
    /// A selector for a target or a region.
    pub(crate) fn new(scope: impl Into<Scope>, criteria: impl Into<Criteria>) -> Self {
        Self { scope: scope.into(), criteria: criteria.into(), known: Mutex::default() }
    }

    /// What it selects for.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What it selects by.
    pub(crate) fn criteria(&self) -> &Criteria {
        &self.criteria
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
        if let Some(preferred) = self.criteria.preferred.get(name)
            && range.contains(preferred)
            && (self.criteria.policy.prereleases != Prereleases::Disallow
                || !preferred.any_prerelease())
            && let Some(version) = page.versions().iter().find(|known| known.version == *preferred)
        {
            let candidate = self.candidate(name, version);
            if candidate.is_ok() {
                return Some(candidate);
            }
        }
        let stable = |version: &Version| !version.any_prerelease();
        // Rule 28: a file that was named is meant.
        let direct = page.versions().iter().any(|version| version.listing == Listing::Direct);
        if direct || self.criteria.policy.prereleases == Prereleases::Allow {
            return self.first(name, page, range, |_| true);
        }
        let found = self.first(name, page, range, stable);
        if found.is_some() || !self.allows_prereleases(name) {
            return found;
        }
        self.first(name, page, range, |version| !stable(version))
    }

    /// Whether a pre-release of the project may be chosen at all.
    pub(crate) fn allows_prereleases(&self, name: &PackageName) -> bool {
        match self.criteria.policy.prereleases {
            Prereleases::Allow | Prereleases::IfNecessary => true,
            Prereleases::Explicit => self.criteria.prerelease_named.contains(name),
            Prereleases::Disallow => false,
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
        let oldest = match self.criteria.policy.preference {
            Preference::Highest => false,
            Preference::Lowest => true,
            Preference::LowestDirect => self.criteria.first_party.contains(name),
        };
        if !oldest {
            return page.versions().iter().filter(fits).find_map(usable);
        }
        // Pages that stand one after the other keep their order; within each the oldest is first.
        page.pages().flat_map(|versions| versions.iter().rev()).filter(fits).find_map(usable)
    }

    /// The best file of one version, or why it has none.
    pub(crate) fn candidate(&self, name: &PackageName, version: &PageVersion) -> Judgement {
        let key = (name.clone(), version.version.clone(), version.listing);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let candidate = known.entry(key).or_insert_with(|| Arc::new(self.judge(name, version)));
        Arc::clone(candidate)
    }

    /// Every usable file of one version, in the order of the page.
    pub(crate) fn files(&self, name: &PackageName, version: &PageVersion) -> Vec<Candidate> {
        let allowed = self.criteria.hashes.get(name);
        let files = version.files();
        let usable = files.iter().filter_map(|listed| {
            let (_, filename) = self.judge_file(name, version, listed, allowed).ok()?;
            to_candidate(name, &version.version, listed, filename)
        });
        usable.collect()
    }

    fn judge(&self, name: &PackageName, version: &PageVersion) -> Result<Candidate, Unusable> {
        let mut best: Option<(Rank, ListedFile, DistFilename)> = None;
        let mut reason = Unusable::NoFiles;
        // The reason nearest to being usable is the one worth telling.
        let mut worse = |found: Unusable| {
            let distance = |reason: &Unusable| match reason {
                Unusable::Hash => 0,
                Unusable::Yanked(_) => 1,
                Unusable::Python(_) => 2,
                Unusable::Tags(_) | Unusable::Prerelease | Unusable::TooNew => 3,
                Unusable::SourceOnly | Unusable::WheelsOnly => 4,
                Unusable::NoFiles => 5,
            };
            if distance(&found) < distance(&reason) {
                reason = found;
            }
        };
        let allowed = self.criteria.hashes.get(name);
        let mut tags = Vec::new();
        let files = version.files();
        // Files of `--find-links` stand beside those of the first index that has any (rule 31).
        let first = files.iter().map(|one| one.listing).min();
        for listed in files {
            match self.judge_file(name, version, &listed, allowed) {
                Err(unusable) => {
                    if let Unusable::Tags(one) = &unusable {
                        tags.push(one.clone());
                    }
                    worse(unusable);
                }
                Ok((tag, filename)) => {
                    let build = filename.wheel().and_then(|wheel| wheel.build.clone());
                    let ListedFile { listing, file } = &listed;
                    let unhashed =
                        allowed.is_some_and(|allowed| is_allowed(allowed, file).is_none());
                    let beside = first.filter(|_| *listing == Listing::FindLinks);
                    let order = beside.unwrap_or(*listing);
                    let yanked = file.yanked.is_some();
                    let rank = (unhashed, yanked, order, tag, std::cmp::Reverse(build));
                    if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
                        best = Some((rank, listed, filename));
                    }
                }
            }
        }
        if let Unusable::Tags(_) = reason {
            reason = Unusable::Tags(some(&tags));
        }
        let (_, listed, filename) = best.ok_or(reason)?;
        let told_by = filename.source().and_then(|_| self.told_by(name, version, &listed));
        let candidate = to_candidate(name, &version.version, &listed, filename);
        let candidate = candidate.ok_or(Unusable::NoFiles)?;
        Ok(Candidate { told_by: told_by.map(Box::new), ..candidate })
    }

    /// The rank of a usable file.
    fn judge_file(
        &self,
        name: &PackageName,
        version: &PageVersion,
        ListedFile { listing, file }: &ListedFile,
        allowed: Option<&Vec<Digest>>,
    ) -> Result<(u32, DistFilename), Unusable> {
        self.check_age(*listing, file)?;
        let (rank, filename) = self.rank(name, *listing, file)?;
        self.check_python(file)?;
        let pinned = || self.criteria.pins.contains(&(name.clone(), version.version.clone()));
        let locked = || self.criteria.preferred.get(name) == Some(&version.version);
        if let Some(reason) = &file.yanked
            && !pinned()
            && !locked()
        {
            return Err(Unusable::Yanked(reason.trim().to_owned()));
        }
        match allowed.map(|allowed| is_allowed(allowed, file)) {
            Some(Some(false)) => Err(Unusable::Hash),
            _ => Ok((rank, filename)),
        }
    }

    /// Whether a file that is not going to be installed may be looked at.
    pub(crate) fn check_allowed(
        &self,
        name: &PackageName,
        ListedFile { listing, file }: &ListedFile,
    ) -> Result<(), Unusable> {
        self.check_age(*listing, file)?;
        self.check_python(file)?;
        if let Some(reason) = &file.yanked {
            return Err(Unusable::Yanked(reason.to_string()));
        }
        match self.criteria.hashes.get(name).map(|allowed| is_allowed(allowed, file)) {
            None | Some(Some(true)) => Ok(()),
            Some(_) => Err(Unusable::Hash),
        }
    }

    /// Nothing says when a file was uploaded that no index has (rule 15).
    fn check_age(&self, listing: Listing, file: &File<'_>) -> Result<(), Unusable> {
        match &self.criteria.policy.exclude_newer {
            Some(cutoff)
                if matches!(listing, Listing::Index(_))
                    && !file.upload_time.as_deref().is_some_and(|time| cutoff.is_after(time)) =>
            {
                Err(Unusable::TooNew)
            }
            _ => Ok(()),
        }
    }

    /// How well a file fits the target: any wheel that fits is better than source.
    fn rank(
        &self,
        name: &PackageName,
        listing: Listing,
        file: &File<'_>,
    ) -> Result<(u32, DistFilename), Unusable> {
        let direct = listing == Listing::Direct;
        if !file.filename.ends_with(".whl") {
            if !direct && !self.criteria.policy.formats.allows_source(name) {
                return Err(Unusable::SourceOnly);
            }
            let filename = SourceFilename::of(name, &file.filename).ok_or(Unusable::NoFiles)?;
            return Ok((u32::MAX, DistFilename::Source(filename)));
        }
        let filename = WheelFilename::from_str(&file.filename).or(Err(Unusable::NoFiles))?;
        if filename.name != *name {
            return Err(Unusable::NoFiles);
        }
        if !direct && !self.criteria.policy.formats.allows_wheel(name) {
            return Err(Unusable::WheelsOnly);
        }
        let rank = self.scope.rank(&filename).ok_or_else(|| Unusable::Tags(tags_of(&filename)))?;
        Ok((rank, DistFilename::Wheel(filename)))
    }

    /// Rule 13: the full specifier counts for a concrete interpreter; one that cannot be read drops
    /// the file.
    fn check_python(&self, file: &File<'_>) -> Result<(), Unusable> {
        let Some(text) = &file.requires_python else { return Ok(()) };
        let specifiers = python_specifiers(text).or(Err(Unusable::NoFiles))?;
        match self.scope.python(&specifiers) {
            PythonFit::All | PythonFit::Some(_) => Ok(()),
            PythonFit::None => Err(Unusable::Python(text.clone().into_owned())),
        }
    }
}

fn tags_of(filename: &WheelFilename) -> String {
    format!("{}-{}-{}", filename.python, filename.abi, filename.platform)
}

/// Whether a file has a digest that the user allows; `None` where only its bytes tell.
fn is_allowed(allowed: &[Digest], file: &File<'_>) -> Option<bool> {
    let known = |digest: &Digest| match digest {
        Digest::Sha256(digest) => file.sha256.map(|known| known == *digest),
        Digest::Other(digest) => {
            let other = file.other.as_ref().filter(|other| other.kind() == digest.kind());
            other.map(|known| known == digest)
        }
    };
    let known: Vec<Option<bool>> = allowed.iter().map(known).collect();
    match () {
        () if known.contains(&Some(true)) => Some(true),
        () if known.contains(&None) => None,
        () => Some(false),
    }
}

/// The first few of a list, in words.
fn some(list: &[String]) -> String {
    match list {
        [a, b, c, _, ..] => format!("{a}, {b}, {c} and others"),
        few => few.join(", "),
    }
}

pub(crate) fn to_candidate(
    name: &PackageName,
    version: &Version,
    listed: &ListedFile,
    filename: DistFilename,
) -> Option<Candidate> {
    let ListedFile { listing, file } = listed;
    let location = if file.url.starts_with('/') {
        Location::Path(file.url.to_string().into())
    } else {
        Location::Url(Url::parse(&file.url).ok()?)
    };
    Some(Candidate {
        name: name.clone(),
        version: version.clone(),
        filename,
        location,
        sha256: file.sha256,
        other: file.other.clone(),
        facts: file.facts(),
        core_metadata: file.core_metadata,
        yanked: file.yanked.as_ref().map(ToString::to_string),
        listing: *listing,
        requires_python: file.requires_python.as_ref().map(ToString::to_string),
        told_by: None,
    })
}
