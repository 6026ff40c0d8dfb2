//! What was chosen of channels: which packages, by which digests, from where. Owns how a lock says that, and what a prefix
//! of it is called; must not know how it was chosen.

use std::path::Path;

use pyfast_installer::prefix::NativePackage;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::safe_url::percent_decode;
use pyfast_resolver::native::LockedArchive;
use pyfast_root::{Fingerprint, layout};
use rattler_conda_types::RepoDataRecord;
use rattler_conda_types::package::CondaArchiveIdentifier;
use url::Url;

use crate::error::Error;
use crate::mirrors::Mirrors;
use crate::public_url::public;

/// Raised where a prefix of equal packages would be another.
const FORMAT: u32 = 1;
/// So many digits of a digest name a prefix: its path is written into programs, which have little room for it.
const DIGITS: usize = 24;

/// The packages of one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solved {
    /// Sorted by name.
    packages: Vec<NativePackage>,
    /// Whether a channel's own list gave them together: it corrects what archives say that they need.
    whole: bool,
}

impl Solved {
    /// Of packages that a prefix or a memory has.
    pub fn of(mut packages: Vec<NativePackage>, whole: bool) -> Self {
        packages.sort_by(|one, other| one.name.cmp(&other.name));
        Self { packages, whole }
    }

    /// Of what was chosen, where everything is known of it that has to be.
    pub(crate) fn of_records(records: &[RepoDataRecord], mirrors: &Mirrors) -> Result<Self, Error> {
        let package = |record| package(record, mirrors);
        Ok(Self::of(records.iter().map(package).collect::<Result<_, _>>()?, true))
    }

    /// Of the archives of a lock.
    ///
    /// # Errors
    /// If one has no name of a package.
    pub fn of_archives(archives: &[LockedArchive], whole: bool) -> Result<Self, Error> {
        Ok(Self::of(archives.iter().map(locked).collect::<Result<_, _>>()?, whole))
    }

    /// The archives, for a lock.
    pub fn archives(&self) -> Vec<LockedArchive> {
        let archive = |package: &NativePackage| {
            let url: Url = package.url.parse().ok()?;
            let location = match url.scheme() {
                "file" => Location::Path(url.to_file_path().ok()?),
                _ => Location::Url(url),
            };
            Some(LockedArchive { location, sha256: package.sha256, size: package.size })
        };
        self.packages.iter().filter_map(archive).collect()
    }

    /// What a prefix of these packages is called in a root that programs see at `seen`. The path that is written into its
    /// files is part of it.
    pub fn id(&self, seen: &Path) -> String {
        let print = Fingerprint::new("prefix", FORMAT)
            .field("seen", layout::prefix_path(seen, "").display())
            .fields(
                "packages",
                self.packages.iter().map(|one| format!("{}:{}", one.file, one.sha256)),
            )
            .finish();
        let (_, digest) = print.rsplit_once(':').unwrap_or_default();
        digest.chars().take(DIGITS).collect()
    }

    /// Whether a channel's own list gave them together, and nobody changed them since.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// The packages, sorted by name.
    pub fn packages(&self) -> &[NativePackage] {
        &self.packages
    }

    /// The version of its Python, `3.12.4`.
    pub fn python(&self) -> Option<&str> {
        let python = self.packages.iter().find(|package| package.name == "python")?;
        Some(&python.version)
    }
}

fn package(record: &RepoDataRecord, mirrors: &Mirrors) -> Result<NativePackage, Error> {
    let file = record.identifier.to_string();
    let known = &record.package_record;
    public(&record.url)?;
    let from_files = |channel: &str| channel.starts_with("file:") || channel.starts_with('/');
    if record.url.scheme() == "file" && !record.channel.as_deref().is_some_and(from_files) {
        let channel = record.channel.clone().unwrap_or_default();
        let reason = format!("it says that {file} is a file of this machine");
        return Err(Error::Channel { channel, reason });
    }
    let Some(sha256) = known.sha256 else { return Err(Error::NoDigest { file }) };
    Ok(NativePackage {
        name: known.name.as_normalized().to_owned(),
        version: known.version.to_string(),
        build: known.build.to_string(),
        file,
        sha256: Sha256(sha256.into()),
        size: known.size,
        license: known.license.clone(),
        url: mirrors.named(record.url.as_str()),
        depends: Vec::new(),
    })
}

/// A package by the name of its archive, which says all that is needed before it has come.
fn locked(archive: &LockedArchive) -> Result<NativePackage, Error> {
    let url = archive.location.to_url();
    if let Location::Url(url) = &archive.location {
        public(url)?;
    }
    let file = percent_decode(url.rsplit('/').next().unwrap_or_default());
    let named = CondaArchiveIdentifier::try_from_filename(&file).filter(|_| !file.contains('/'));
    let named = named.ok_or_else(|| Error::archive(&file, "its name is no package's"))?.identifier;
    Ok(NativePackage {
        name: named.name,
        version: named.version,
        build: named.build_string,
        file,
        sha256: archive.sha256,
        size: archive.size,
        license: None,
        url,
        depends: Vec::new(),
    })
}
