//! Removes what a plan names, as long as it is still garbage. The caller holds the store alone.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use fs_err as fs;
use pyfast_resolver::Sha256;

use super::{Discard, Garbage, GcPlan, Reason, plan};
use crate::environment::Generation;
use crate::error::Error;
use crate::store::Store;

/// Carries a plan out, and returns what was done of it.
pub(super) fn act(store: &Store, plan: GcPlan) -> Result<GcPlan, Error> {
    let GcPlan { discards, mut kept } = plan;
    let (generations, others): (Vec<_>, Vec<_>) = discards
        .into_iter()
        .partition(|discard| matches!(discard.what, Garbage::Generation { .. }));
    let mut done = Vec::new();
    for discard in generations {
        let Garbage::Generation { id } = &discard.what else { continue };
        let Some(generation) = Generation::find(store.layout(), id) else { continue };
        if generation.remove(store)? {
            done.push(discard);
        } else {
            // A process has started in it since the plan was made.
            kept.push((generation.id, Reason::Leased));
        }
    }
    kept.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    // What stayed against the plan needs its wheels.
    let used = plan::used(&Generation::all(store.layout())?);
    for discard in others {
        if remove(store, &discard, used.as_ref())? {
            done.push(discard);
        }
    }
    Ok(GcPlan { discards: done, kept })
}

fn remove(
    store: &Store,
    discard: &Discard,
    used: Option<&BTreeSet<Sha256>>,
) -> Result<bool, Error> {
    match &discard.what {
        Garbage::Wheel { sha256, .. } => {
            if used.is_none_or(|used| used.contains(sha256)) {
                return Ok(false);
            }
            store.remove(sha256)?;
            if let Some(shelf) = store.layout().wheel(sha256).parent() {
                // A shelf that has other wheels stays.
                let _ = fs::remove_dir(shelf);
            }
            Ok(true)
        }
        Garbage::Lock { path } => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let id = name.strip_prefix("env-");
            if id.is_some_and(|id| store.layout().env(id).exists()) {
                return Ok(false);
            }
            remove_file(path)
        }
        Garbage::Build { path, sha256 } => {
            // Its wheel may have stayed against the plan.
            if store.layout().wheel(sha256).exists() {
                return Ok(false);
            }
            // Without its entry nobody reads the metadata as that of a wheel.
            let removed = remove_file(path)?;
            remove_file(&path.with_extension("metadata"))?;
            Ok(removed)
        }
        Garbage::Page { path } | Garbage::Program { path } => remove_file(path),
        Garbage::Generation { .. } => Ok(false),
    }
}

fn remove_file(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}
