//! What to do about errors of the resolution.

use pyfast_packaging::PackageName;
use pyfast_resolver::{Error as ResolveError, NoSolution, Unusable};

use super::build::build_hints;
use super::{Code, Failure};

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        Self::from_resolve(&error)
    }
}

impl Failure {
    pub(super) fn from_resolve(error: &ResolveError) -> Self {
        let root = error.root();
        if let ResolveError::Packaging(error) = root {
            return Self::from_packaging(error);
        }
        if let ResolveError::Index(error) = root {
            return Self::from_index(error);
        }
        let (kind, code) = kind(root);
        let mut failure = Self::from_error(kind, root, code);
        failure.hints.extend(resolve_hints(root));
        if let Some(target) = error.target() {
            failure = failure.cause(format!("this is for the target {target}"));
        }
        failure
    }
}

/// The word for scripts, and the exit code.
fn kind(error: &ResolveError) -> (&'static str, Code) {
    match error {
        ResolveError::Setting(_) | ResolveError::PinsDiffer { .. } => ("usage", Code::Usage),
        ResolveError::NoSolution(_) => ("no-solution", Code::Mendable),
        ResolveError::UnknownPackage { .. } => ("unknown-package", Code::Mendable),
        ResolveError::HashRequired { .. } | ResolveError::HashMissing { .. } => {
            ("hash-required", Code::Mendable)
        }
        ResolveError::Build(_) => ("build", Code::Mendable),
        ResolveError::Lock { .. } | ResolveError::LockPython { .. } => ("lock", Code::Mendable),
        ResolveError::RequiresPython { .. } => ("requires-python", Code::Mendable),
        _ => ("resolve", Code::Mendable),
    }
}

fn resolve_hints(error: &ResolveError) -> Vec<String> {
    match error {
        ResolveError::NoSolution(no_solution) => no_solution_hints(no_solution),
        ResolveError::UnknownPackage { near, unsettled, .. } => {
            unsettled.iter().cloned().chain([unknown_hint(near)]).collect()
        }
        ResolveError::Build(failure) => build_hints(failure),
        ResolveError::PinsDiffer { .. } => {
            vec!["lock for each of these platforms by itself: --python-platform, -o".to_owned()]
        }
        ResolveError::RequiresPython { .. } => {
            vec!["another interpreter is chosen with --python".to_owned()]
        }
        ResolveError::Lock { .. } | ResolveError::LockPython { .. } => {
            vec!["make it anew with `pyfast lock`".to_owned()]
        }
        ResolveError::HashRequired { .. } | ResolveError::HashMissing { .. } => vec![
            "`pyfast lock --format requirements --hashes` writes all pins with their hashes"
                .to_owned(),
        ],
        _ => Vec::new(),
    }
}

fn no_solution_hints(no_solution: &NoSolution) -> Vec<String> {
    let mut hints: Vec<String> = no_solution.unsettled.iter().cloned().collect();
    for (name, reasons) in &no_solution.unusable {
        hints.extend(reasons.iter().filter_map(|(reason, versions)| {
            let newest = versions.first()?;
            let newest = newest.to_string();
            match (reason, &no_solution.region) {
                (Unusable::Python(specifiers), Some(_)) => Some(format!(
                    "{name} {newest} needs Python {specifiers}: the oldest that the lock is for is set by --python-version"
                )),
                _ => unusable_hint(name.as_ref(), reason, &newest),
            }
        }));
    }
    hints.extend(no_solution.pinned.iter().map(|(name, index)| {
        format!("{name} is looked for in {index} only, to which pyfast.toml pins it")
    }));
    if no_solution.unsearched {
        hints.push(
                    "only the first index that has a package was searched for it; --index-strategy unsafe-best-match searches all"
                        .to_owned(),
                );
    }
    hints.truncate(4);
    if hints.is_empty() {
        hints.push("change one of the requirements named above".to_owned());
    }
    hints
}

fn unknown_hint(near: &[PackageName]) -> String {
    if near.is_empty() {
        return "is the name spelt right? If it is on another index, name that with --extra-index-url"
            .to_owned();
    }
    let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("was {} meant?", near.join(" or "))
}

fn unusable_hint(name: &str, reason: &Unusable, newest: &str) -> Option<String> {
    match reason {
        Unusable::Python(specifiers) => Some(format!(
            "{name} {newest} needs Python {specifiers}: another interpreter is chosen with --python"
        )),
        Unusable::SourceOnly => {
            Some(format!("{name} {newest} is there as source only, and building is not allowed"))
        }
        Unusable::WheelsOnly => {
            Some(format!("{name} {newest} has no source; leave --no-binary out to use its wheels"))
        }
        Unusable::Yanked(_) => {
            Some(format!("{name} {newest} was yanked; pin it with == to use it all the same"))
        }
        Unusable::Prerelease => {
            Some(format!("{name} {newest} is a pre-release; --prerelease if-necessary allows it"))
        }
        Unusable::Tags(_) => {
            Some(format!("{name} {newest} has wheels for other platforms or Pythons only"))
        }
        Unusable::TooNew => Some(format!("{name} {newest} is left out by --exclude-newer")),
        Unusable::Hash | Unusable::NoFiles => None,
    }
}
