//! Removes what a plan names, as long as it is still garbage. The caller holds the store alone.

use std::path::Path;

use pyfast_root::Dir;
use pyfast_root::layout::BIN;

use super::plan::Used;
use super::{Discard, Garbage, GcPlan, Reason, plan};
use crate::error::Error;
use crate::generation::Generation;
use crate::store::Store;

/// Carries a plan out, and returns what was done of it.
pub(super) fn act(store: &Store, plan: GcPlan) -> Result<GcPlan, Error> {
    let GcPlan { discards, mut kept } = plan;
    // First, so that nothing is an environment whose generation is gone.
    for discard in &discards {
        if let Garbage::Environment { name } = &discard.what {
            store.root().forget(name)?;
        }
    }
    let (generations, others): (Vec<_>, Vec<_>) = discards
        .into_iter()
        .partition(|discard| matches!(discard.what, Garbage::Generation { .. }));
    let mut done = Vec::new();
    for discard in generations {
        let Garbage::Generation { id } = &discard.what else { continue };
        let Some(generation) = Generation::find(store.root(), id)? else { continue };
        if generation.remove(store)? {
            done.push(discard);
        } else {
            // A process has started in it since the plan was made.
            kept.push((generation.id, Reason::Leased));
        }
    }
    kept.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    // What stayed against the plan needs its wheels and its Python.
    let used = plan::used(store.root(), &Generation::all(store.root())?)?;
    for discard in others {
        if remove(store, &discard, used.as_ref())? {
            done.push(discard);
        }
    }
    Ok(GcPlan { discards: done, kept })
}

fn remove(store: &Store, discard: &Discard, used: Option<&Used>) -> Result<bool, Error> {
    let root = store.root();
    match &discard.what {
        Garbage::Wheel { sha256, .. } => {
            if used.is_none_or(|used| used.wheels.contains(sha256)) {
                return Ok(false);
            }
            store.remove(sha256)?;
            let digest = sha256.to_string();
            if let Some(shelves) = root.wheels()? {
                // A shelf that has other wheels stays.
                let _ = shelves.remove_dir(&digest[..2]);
            }
            Ok(true)
        }
        Garbage::Build { name, sha256 } => {
            // Its wheel may have stayed against the plan.
            if root.has_wheel(&sha256.to_string()) {
                return Ok(false);
            }
            let Some(built) = root.built()? else { return Ok(false) };
            // Without its entry nobody reads the metadata as that of a wheel.
            let removed = built.remove_file(name)?;
            built.remove_file(plan::metadata_of(name))?;
            Ok(removed)
        }
        Garbage::Program { name } => {
            let bin = root.top().find_dir(BIN)?;
            Ok(bin.is_some_and(|bin| bin.remove_file(name).unwrap_or_default()))
        }
        Garbage::Layer { key } => store.forget_layer(key),
        Garbage::OldCache => Ok(root.remove_old_cache().map(|()| true)?),
        // That was done first.
        Garbage::Environment { .. } => Ok(true),
        Garbage::Python { id } if used.is_some_and(|used| !used.pythons.contains(id)) => {
            remove_python(store, id)
        }
        // A page is in no root.
        Garbage::Generation { .. } | Garbage::Page { .. } | Garbage::Python { .. } => Ok(false),
    }
}

/// Removes a Python that nothing runs in.
fn remove_python(store: &Store, id: &str) -> Result<bool, Error> {
    let (Some(prefixes), Some(prefix)) = (store.root().prefixes()?, store.root().prefix(id)?)
    else {
        return Ok(false);
    };
    // What is read-only is not moved by everybody.
    prefix.set_mode(0o755)?;
    let away = store.fresh_name()?;
    prefixes.rename(id, store.workspace(), &away)?;
    store.workspace().remove_tree(&away)?;
    Ok(true)
}

/// Removes a file of the cache; false where it was gone.
pub(super) fn remove_page(path: &Path) -> Result<bool, Error> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(false) };
    // Another process may have emptied the cache.
    let Ok(parent) = Dir::open_named(parent) else { return Ok(false) };
    Ok(parent.remove_file(name)?)
}
