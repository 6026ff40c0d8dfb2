//! What a wheel that was built of a source needs and its lock does not have: what a source says of itself may be
//! computed from anything, so only its build tells. Owns the comparison; what is done about it is the caller's.

use pyfast_packaging::PackageName;
use pyfast_packaging::metadata::{Dependency, parse as parse_metadata};
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::source_dist::SourceTree;
use pyfast_packaging::target::Target;
use pyfast_resolver::{Lock, LockedPackage};

use crate::crew::BuiltWheels;
use crate::error::Error;

/// A requirement that a lock does not meet.
#[derive(Debug)]
pub(crate) struct Unmet {
    /// Whose it is.
    package: String,
    /// What is needed.
    needed: String,
    /// The version of it that the lock has.
    has: Option<String>,
    /// Whether it is of a directory, whose files may have changed since.
    is_of_directory: bool,
}

impl std::fmt::Display for Unmet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} needs {} now", self.package, self.needed)
    }
}

impl Unmet {
    /// The first requirement of a wheel that was built for `target` which the lock does not meet. What the user
    /// overrides or excludes is the user's own business.
    pub(crate) fn find(
        lock: &Lock,
        built: &BuiltWheels,
        set: Option<&RequirementSet>,
        target: &Target,
    ) -> Option<Self> {
        let is_decided = |name: &PackageName| {
            set.is_some_and(|set| {
                set.excludes.contains(name) || set.overrides.iter().any(|one| one.name == *name)
            })
        };
        for package in &lock.packages {
            let Some(wheel) = built.get(&package.name) else { continue };
            let Ok(metadata) = parse_metadata(&wheel.metadata) else { continue };
            let needed = metadata.dependencies.iter().find(|needed| {
                needed.marker.evaluate(&target.markers, &[])
                    && !is_decided(&needed.name)
                    && !is_met(needed, lock)
            });
            if let Some(needed) = needed {
                return Some(Self::of(package, needed, lock));
            }
        }
        None
    }

    fn of(package: &LockedPackage, needed: &Dependency, lock: &Lock) -> Self {
        let is_of_directory = is_directory(package);
        let (name, version) = (&package.name, &package.version);
        let known = lock.packages.iter().find(|known| known.name == needed.name);
        Self {
            package: if is_of_directory { name.to_string() } else { format!("{name}=={version}") },
            needed: format!("{}{}", needed.name, needed.specifiers),
            has: known.map(|known| known.version.to_string()),
            is_of_directory,
        }
    }

    /// What it means where the lock was made just now: a directory is asked itself each time, so that its metadata
    /// and its wheel are one; an archive has stated something else.
    pub(crate) fn of_new_lock(self) -> Result<(), Error> {
        let Self { package, needed, has, is_of_directory } = self;
        if is_of_directory { Ok(()) } else { Err(Error::BuiltOtherwise { package, needed, has }) }
    }
}

fn is_directory(package: &LockedPackage) -> bool {
    let tree = package.tree.as_ref().map(|tree| &tree.tree);
    matches!(tree, Some(SourceTree::Directory(_)))
}

fn is_met(needed: &Dependency, lock: &Lock) -> bool {
    lock.packages.iter().any(|known| {
        known.name == needed.name && (known.direct || needed.specifiers.contains(&known.version))
    })
}
