//! Garbage: what a root holds and nobody needs any more. Owns the decision (`plan`), which can be printed, and the
//! removal (`act`); must not know containers: generations that they name come as plain data.
//!
//! Whatever is removed is first renamed into this process' working directory, so a kill at any moment leaves whole
//! things only, and the next process sweeps the rest. A collection holds the lock of every project, which keeps
//! rollbacks and activations out, and the store alone, which keeps out everything else that writes.

mod act;
mod facts;
mod plan;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pyfast_packaging::hash::Sha256;
use pyfast_root::{ProjectEnv, Root, Waiting};
use serde::{Deserialize, Serialize};

pub use whole::remove_root;

use crate::error::Error;
use crate::generation::Generation;
use crate::generation::activate::lock_project;
use crate::store::Store;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcOptions {
    /// So many different generations of each environment's history, the newest ones.
    pub keep: usize,
    /// Everything that was made or activated within this time.
    pub recent: Duration,
    /// Generations that somebody names, such as a container.
    pub named: BTreeSet<String>,
    /// Environments of projects that nobody wants any more, each with its last activation where a later one means that
    /// it is wanted after all: who decided that held no lock.
    pub forgotten: BTreeMap<ProjectEnv, Option<u64>>,
}

/// Why a generation stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// It is the current one of this project's environment (`project/env`).
    Current(String),
    /// It is among the newest of this project's environment.
    History(String),
    /// It was made or activated a short time ago.
    Recent,
    /// A process uses it.
    Leased,
    /// Somebody names it.
    Named,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current(name) => write!(f, "current of {name}"),
            Self::History(name) => write!(f, "in the newest history of {name}"),
            Self::Recent => f.write_str("recent"),
            Self::Leased => f.write_str("in use by a process"),
            Self::Named => f.write_str("named by the caller"),
        }
    }
}

/// What a piece of garbage is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Garbage {
    /// What an environment of a project is known by.
    Environment {
        /// Its name.
        name: ProjectEnv,
    },
    /// A generation.
    Generation {
        /// Its id.
        id: String,
    },
    /// A Python that was brought, with what came with it.
    Python {
        /// Its id.
        id: String,
    },
    /// A wheel of the store.
    Wheel {
        /// Its digest.
        sha256: Sha256,
        /// Its project and version, where its manifest tells.
        package: String,
    },
    /// An index page or metadata of the user's cache.
    Page {
        /// Where.
        path: PathBuf,
    },
    /// A packed layer of which a wheel is used by nothing, or that was not made of any.
    Layer {
        /// Its key.
        key: Sha256,
    },
    /// The memory of a build whose wheel is gone or goes.
    Build {
        /// The name of its entry in the index of built wheels.
        name: String,
        /// The wheel.
        sha256: Sha256,
    },
    /// An earlier launcher in `bin/`, or what is left of putting one there.
    Program {
        /// Its name.
        name: String,
    },
    /// Index pages and metadata that an earlier version kept in the root.
    OldCache,
}

impl Garbage {
    /// One word for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Environment { .. } => "environment",
            Self::Generation { .. } => "generation",
            Self::Python { .. } => "python",
            Self::Wheel { .. } => "wheel",
            Self::Page { .. } => "page",
            Self::Layer { .. } => "layer",
            Self::Build { .. } => "build",
            Self::Program { .. } => "program",
            Self::OldCache => "cache",
        }
    }
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { name } => write!(f, "what is known of {name}"),
            Self::Generation { id } => write!(f, "environment {id}"),
            Self::Python { id } => write!(f, "Python {id}"),
            Self::Wheel { package, .. } => write!(f, "wheel {package}"),
            Self::Page { path } => write!(f, "cached page {}", name(path)),
            Self::Layer { key } => write!(f, "packed layer {}", &key.to_string()[..12]),
            Self::Build { name, .. } => write!(f, "memory of a build {name}"),
            Self::Program { name } => write!(f, "program {name}"),
            Self::OldCache => f.write_str("index pages of an earlier version"),
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A piece of garbage and its size in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discard {
    /// What it is.
    pub what: Garbage,
    /// Bytes that its removal frees, links to it from elsewhere aside.
    pub bytes: u64,
}

/// What a collection will do, or has done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GcPlan {
    /// What goes: generations first, then what only they needed.
    pub discards: Vec<Discard>,
    /// The generations that stay, sorted by id, each with the first reason that was found.
    pub kept: Vec<(String, Reason)>,
}

impl GcPlan {
    /// Bytes of everything that goes.
    pub fn bytes(&self) -> u64 {
        self.discards.iter().map(|discard| discard.bytes).sum()
    }

    /// As a script reads it.
    pub fn to_json(&self, dry_run: bool) -> serde_json::Value {
        let removed = self.discards.iter().map(|discard| {
            let name = match &discard.what {
                Garbage::Environment { name } => name.to_string(),
                Garbage::Generation { id } | Garbage::Python { id } => id.clone(),
                Garbage::Wheel { sha256, .. } => sha256.to_string(),
                Garbage::Build { name, .. } | Garbage::Program { name } => name.clone(),
                Garbage::Page { path } => path.display().to_string(),
                Garbage::Layer { key } => key.to_string(),
                Garbage::OldCache => "cache".to_owned(),
            };
            serde_json::json!({ "kind": discard.what.kind(), "name": name, "bytes": discard.bytes })
        });
        let kept = self.kept.iter();
        let kept =
            kept.map(|(id, reason)| serde_json::json!({ "id": id, "reason": reason.to_string() }));
        serde_json::json!({
            "removed": removed.collect::<Vec<_>>(),
            "kept": kept.collect::<Vec<_>>(),
            "bytes": self.bytes(),
            "dry_run": dry_run,
        })
    }
}

impl fmt::Display for GcPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for discard in &self.discards {
            writeln!(f, "remove {} ({} bytes)", discard.what, discard.bytes)?;
        }
        self.kept.iter().try_for_each(|(id, reason)| writeln!(f, "keep environment {id}: {reason}"))
    }
}

/// What a collection would do at this moment. Takes no lock and changes nothing.
///
/// # Errors
/// If the root cannot be read.
pub fn gc_plan(root: &Root, options: &GcOptions, now: SystemTime) -> Result<GcPlan, Error> {
    plan::plan(root, options, now)
}

/// Collects; returns what was removed. `waiting` is called for each lock that another process holds.
///
/// # Errors
/// If a lock is not had in the end ([`Root::lock`]), or something cannot be removed; what was removed until then stays so,
/// and nothing is half there.
pub fn gc(
    root: &Root,
    options: &GcOptions,
    now: SystemTime,
    waiting: &dyn Fn(&Waiting),
) -> Result<GcPlan, Error> {
    let_files_be_open();
    // In the order of syncs, each of which takes its project and then a share of the store.
    let mut projects = Vec::new();
    for name in root.project_envs()? {
        projects.push(lock_project(root, &name, waiting)?);
    }
    let store = Store::open_alone(root, waiting)?;
    let plan = plan::plan(root, options, now)?;
    let done = act::act(&store, plan)?;
    for name in root.project_envs()? {
        root.tidy_history(&name, &|id| matches!(Generation::find(root, id), Ok(Some(_))))?;
    }
    for id in root.awaiting_bytecode()? {
        if Generation::find(root, &id)?.is_none() {
            root.has_bytecode(&id)?;
        }
    }
    drop(projects);
    Ok(done)
}

/// What is to go for these directories together to have at most `limit` bytes: the files that were written
/// longest ago. They are the user's own cache, of which each file may go for itself; no root is looked at.
///
/// # Errors
/// If a directory cannot be read.
pub fn cache_plan(directories: &[PathBuf], limit: u64) -> Result<Vec<Discard>, Error> {
    plan::pages(directories, limit)
}

/// The same, and removes it; returns what was removed.
///
/// # Errors
/// As [`cache_plan`], and if a file cannot be removed.
pub fn cut_cache(directories: &[PathBuf], limit: u64) -> Result<Vec<Discard>, Error> {
    let mut done = Vec::new();
    for discard in cache_plan(directories, limit)? {
        let Garbage::Page { path } = &discard.what else { continue };
        if act::remove_page(path)? {
            done.push(discard);
        }
    }
    Ok(done)
}

/// A lock is an open file, and a root may have more environments than a process may have files at first.
fn let_files_be_open() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // What is not granted is told when a file cannot be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

#[cfg(test)]
mod tests;
