//! What a sync will do, as a value that can be printed, compared and sent to whoever does it. Pure: made of
//! facts, and follows from them. Its `Display` is what a dry run prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use pyfast_installer::build::{BuiltWheel, RememberedWheel};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::{EnvironmentOptions, EnvironmentSpec, Habitat, Package};
use pyfast_packaging::PackageName;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_resolver::{Lock, LockedPackage};
use pyfast_root::{Cause, ProjectEnv};
use serde::{Deserialize, Serialize};

use crate::claims::Claimed;
use crate::crew::{Brought, Given};
use crate::direct_url::direct_url;
use crate::report::{Changes, Facts, Listed};
use crate::request::InstallOptions;
use crate::state::Circumstances;

/// Stands for the digest of a wheel that is not built yet.
const UNBUILT: Sha256 = Sha256([0; 32]);

/// What a sync will do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncPlan {
    /// What is done for each package, in the order of the lock.
    pub(crate) packages: Vec<PackagePlan>,
    /// What is done about the environment.
    pub(crate) environment: EnvironmentPlan,
    /// What that means for packages.
    pub(crate) changes: Changes,
    /// What stays.
    pub(crate) kept: Vec<Listed>,
    /// The text of the lock, with absolute paths.
    pub(crate) lock: String,
    /// Wheels of the lock's sources that are there already.
    pub(crate) built: BTreeMap<PackageName, Built>,
    /// Where whoever installs finds wheels of the machine that planned, by file name.
    pub(crate) moved: BTreeMap<String, PathBuf>,
    pub(crate) options: EnvironmentOptions,
    /// Whether its bytecode may come after it is activated.
    pub(crate) later: bool,
    pub(crate) care: Care,
    pub(crate) interpreter: Interpreter,
    pub(crate) circumstances: Circumstances,
    pub(crate) claims: Vec<Claimed>,
    /// The inputs of the lock, where pyfast made it.
    pub(crate) answers: Option<String>,
    /// Whether newer versions were wanted, so that locks of before answer nothing any more.
    pub(crate) upgrade: bool,
    /// What the history notes of it.
    pub(crate) cause: Cause,
    pub(crate) facts: Facts,
    /// What was done while planning, where that was done in this process.
    #[serde(skip)]
    pub(crate) done: Option<Done>,
}

/// What was done while planning.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) brought: Brought,
    pub(crate) lock: Lock,
    /// The user's own lock, which is written once the wheels are known to be what was said of them.
    pub(crate) own_lock: Option<(PathBuf, String)>,
}

/// What is done besides what is needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Care {
    /// It is composed anew where it is ready.
    pub(crate) reinstall: bool,
    /// Every file of its wheels is hashed.
    pub(crate) verify: bool,
}

/// A wheel that was built of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Built {
    #[serde(with = "filename")]
    pub(crate) filename: WheelFilename,
    pub(crate) sha256: Sha256,
    /// What the root remembers it by; `None` for one that is remembered where it was built.
    pub(crate) key: Option<Sha256>,
}

impl Built {
    /// What was built, as a plan has it.
    pub(crate) fn all(brought: &Brought) -> BTreeMap<PackageName, Self> {
        let one = |(name, wheel): (&PackageName, &BuiltWheel)| {
            let (filename, sha256) = (wheel.filename.clone(), wheel.sha256);
            let key = brought.keys.get(name).copied();
            (name.clone(), Self { filename, sha256, key })
        };
        brought.built.iter().map(one).collect()
    }

    /// Keeps to the wheel that a root has of the same build: one that is built again may be another.
    pub(crate) fn recall(&mut self, remembered: &BTreeMap<Sha256, RememberedWheel>) {
        let wheel = self.key.as_ref().and_then(|key| remembered.get(key));
        if let Some(wheel) = wheel.filter(|wheel| wheel.filename == self.filename.as_str()) {
            self.sha256 = wheel.sha256;
        }
    }
}

/// A wheel's file name as the text that it is.
mod filename {
    use pyfast_packaging::filename::WheelFilename;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        filename: &WheelFilename,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(filename)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<WheelFilename, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What is done for a package, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagePlan {
    /// Its normalised name.
    pub name: String,
    /// The file that is meant.
    pub file: String,
    /// What is done.
    pub act: PackageAct,
}

/// What is done for a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageAct {
    /// Its wheel is not in the store.
    Fetch,
    /// It is a source of which there is no wheel.
    Build,
    /// Its wheel is in the store.
    Reuse,
}

/// What is done about the environment, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentPlan {
    /// The generation's id; of one whose sources are not built yet, or whose wheels nobody knows by SHA-256,
    /// another one than it will be.
    pub id: String,
    /// What is done.
    pub act: EnvironmentAct,
    /// Whether it is not the current one yet.
    pub activate: bool,
}

/// What is done about an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentAct {
    /// There is none of this id.
    Compose,
    /// It is there, and is wanted anew.
    ComposeAnew,
    /// It is there.
    Reuse,
}

/// What is at a place: what a plan is made from besides the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Of the wheels that were asked about, those that are not in the store.
    pub missing: BTreeSet<Sha256>,
    /// Whether the generation that was asked about is there.
    pub ready: bool,
}

/// The environment that a lock makes.
pub(crate) fn spec(
    lock: &Lock,
    built: &BTreeMap<PackageName, Built>,
    interpreter: &Interpreter,
    options: &EnvironmentOptions,
) -> EnvironmentSpec {
    let package = |package: &LockedPackage| {
        let built = built.get(&package.name);
        let filename = built.map(|built| built.filename.to_string());
        Package {
            name: package.name.clone(),
            version: package.version.clone(),
            filename: filename.unwrap_or_else(|| package.filename.to_string()),
            sha256: built.map(|built| built.sha256).or(package.sha256).unwrap_or(UNBUILT),
            requested: package.requested,
            direct_url: direct_url(package),
        }
    };
    EnvironmentSpec {
        packages: lock.packages.iter().map(package).collect(),
        interpreter: interpreter.clone(),
        options: options.clone(),
    }
}

/// What shapes an environment at a place.
pub(crate) fn options(
    options: &InstallOptions,
    habitat: Habitat,
    root: &Path,
    name: &ProjectEnv,
) -> EnvironmentOptions {
    let InstallOptions {
        link_mode,
        real,
        strict,
        compile,
        prompt,
        native,
        reinstall: _,
        verify: _,
    } = options;
    // What a volume has is anybody's.
    let host = habitat == Habitat::Host;
    EnvironmentOptions {
        link_mode: link_mode.unwrap_or_else(|| habitat.link_mode(root)),
        real: real.clone(),
        strict: *strict,
        compiled: compile.unwrap_or_else(|| habitat.compiles()),
        prompt: prompt.clone().filter(|_| host),
        owner: host.then(|| name.clone()),
        native: native.clone(),
    }
}

/// The version of what is built is its wheel's.
pub(crate) fn settle(lock: &mut Lock, built: &BTreeMap<PackageName, Built>) {
    for package in lock.packages.iter_mut().filter(|package| package.tree.is_some()) {
        if let Some(wheel) = built.get(&package.name) {
            package.version = wheel.filename.version.clone();
        }
    }
}

/// What is done for each package.
pub(crate) fn packages(lock: &Lock, brought: &Brought, stock: &Stock) -> Vec<PackagePlan> {
    let one = |package: &LockedPackage| {
        let built = brought.built.get(&package.name);
        let act = match (built, package.sha256) {
            (None, _) if package.filename.source().is_some() => PackageAct::Build,
            // Only a dry run leaves one: its bytes have never come.
            (None, _) if package.pending.is_some() => PackageAct::Fetch,
            (None, Some(wheel))
                if stock.missing.contains(&wheel) || brought.admitted.contains(&wheel) =>
            {
                PackageAct::Fetch
            }
            _ => PackageAct::Reuse,
        };
        let (name, file) = (package.name.to_string(), package.filename.to_string());
        PackagePlan { name, file, act }
    };
    lock.packages.iter().map(one).collect()
}

/// What is done about the environment.
pub(crate) fn environment(
    id: String,
    current: Option<&str>,
    stock: &Stock,
    reinstall: bool,
) -> EnvironmentPlan {
    let act = match (stock.ready, reinstall) {
        (false, _) => EnvironmentAct::Compose,
        (true, true) => EnvironmentAct::ComposeAnew,
        (true, false) => EnvironmentAct::Reuse,
    };
    EnvironmentPlan { activate: current != Some(&id), id, act }
}

impl SyncPlan {
    /// Whether wheels are compiled before the environment is activated.
    pub(crate) fn compiles(&self) -> bool {
        self.options.compiled && !self.later
    }

    /// The text of the lock that it installs.
    pub fn lock(&self) -> &str {
        &self.lock
    }

    /// The result as it will be, without what differs from run to run.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// What it means for packages.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Whether another generation becomes the current one.
    pub fn activates(&self) -> bool {
        self.environment.activate
    }

    /// Tells whoever installs where it finds wheels of this machine, by file name.
    pub fn moved(&mut self, places: BTreeMap<String, PathBuf>) {
        self.moved = places;
    }

    /// The lock with files where whoever installs finds them.
    pub(crate) fn located(&self, lock: &Lock) -> Lock {
        let mut lock = lock.clone();
        for package in &mut lock.packages {
            if let Some(path) = self.moved.get(&package.filename.to_string()) {
                package.location = Location::Path(path.clone());
            }
        }
        lock
    }

    /// Wheels that were built elsewhere and came with the plan.
    pub(crate) fn given(&self) -> BTreeMap<PackageName, Given> {
        let given = self.built.iter().filter_map(|(name, built)| {
            let Built { filename, sha256, key: _ } = built.clone();
            let path = self.moved.get(&filename.to_string())?.clone();
            Some((name.clone(), Given { filename, sha256, path }))
        });
        given.collect()
    }
}

impl fmt::Display for SyncPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PackagePlan { name, file, act } in &self.packages {
            match act {
                PackageAct::Build => writeln!(f, "build {name} from {file}")?,
                PackageAct::Fetch => writeln!(f, "fetch {file}")?,
                PackageAct::Reuse => {}
            }
        }
        let EnvironmentPlan { id, act, activate } = &self.environment;
        let mode = self.options.link_mode;
        match act {
            EnvironmentAct::Compose => writeln!(f, "compose the environment {id} of {mode}")?,
            EnvironmentAct::ComposeAnew => {
                writeln!(f, "compose the environment {id} anew, of {mode}")?;
            }
            EnvironmentAct::Reuse => writeln!(f, "use the environment {id}, which is there")?,
        }
        for package in &self.kept {
            writeln!(f, "keep {} {}", package.name, package.version)?;
        }
        for package in &self.changes.removed {
            writeln!(f, "leave out {} {}", package.name, package.version)?;
        }
        for package in &self.changes.added {
            writeln!(f, "add {} {}", package.name, package.version)?;
        }
        for package in &self.changes.updated {
            writeln!(f, "replace {} {} by {}", package.name, package.from, package.to)?;
        }
        if *activate {
            writeln!(f, "activate {id}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
