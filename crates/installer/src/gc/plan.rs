//! Decides what is garbage. Reads, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fs_err as fs;
use pyfast_resolver::Sha256;

use super::facts::{entries, files, is_recent, modified, placed, project_envs};
use super::{Discard, Garbage, GcOptions, GcPlan, Reason};
use crate::activate::{current, history};
use crate::build::remembered_wheel;
use crate::disk::FileLock;
use crate::environment::Generation;
use crate::error::Error;
use crate::layout::Layout;
use crate::manifest::Manifest;

/// A launcher may be about to be started by a container that was made with it.
const PROGRAM_AGE: Duration = Duration::from_hours(24);

pub(super) fn plan(layout: &Layout, options: &GcOptions, now: SystemTime) -> Result<GcPlan, Error> {
    let wanted = wanted(layout, options)?;
    let (mut kept, mut remaining, mut discards) = (Vec::new(), Vec::new(), Vec::new());
    for generation in Generation::all(layout)? {
        match reason(&generation, &wanted, options, now)? {
            Some(reason) => {
                kept.push((generation.id.clone(), reason));
                remaining.push(generation);
            }
            None => discards.push(Discard {
                bytes: files(&generation.path)?.iter().map(|file| file.bytes).sum(),
                what: Garbage::Generation { id: generation.id },
            }),
        }
    }
    let gone: BTreeSet<&str> = discards
        .iter()
        .filter_map(|discard| match &discard.what {
            Garbage::Generation { id } => Some(id.as_str()),
            _ => None,
        })
        .collect();
    let locks = locks(layout, &gone)?;
    if let Some(used) = used(&remaining) {
        let wheels = wheels(layout, &used, options, now)?;
        let builds = builds(layout, &wheels)?;
        discards.extend(wheels);
        discards.extend(builds);
    }
    discards.extend(pages(layout, options)?);
    discards.extend(programs(layout, now)?);
    discards.extend(locks);
    Ok(GcPlan { discards, kept })
}

/// Generations that are current, in the newest history, or named, and when each was last activated.
struct Needed {
    reasons: BTreeMap<String, Reason>,
    activated: BTreeMap<String, SystemTime>,
}

fn wanted(layout: &Layout, options: &GcOptions) -> Result<Needed, Error> {
    let mut reasons = BTreeMap::new();
    let mut activated = BTreeMap::new();
    let envs = project_envs(layout)?;
    for name in &envs {
        if let Some(generation) = current(layout, name) {
            let shown = format!("{}/{}", name.project(), name.env());
            reasons.entry(generation.id).or_insert(Reason::Current(shown));
        }
    }
    for name in &envs {
        let mut newest = Vec::new();
        for activation in history(layout, name)?.into_iter().rev() {
            let at = UNIX_EPOCH + Duration::from_millis(activation.at);
            let last = activated.entry(activation.id.clone()).or_insert(at);
            *last = at.max(*last);
            if newest.len() < options.keep && !newest.contains(&activation.id) {
                newest.push(activation.id);
            }
        }
        let shown = format!("{}/{}", name.project(), name.env());
        for id in newest {
            reasons.entry(id).or_insert_with(|| Reason::History(shown.clone()));
        }
    }
    for id in &options.named {
        reasons.entry(id.clone()).or_insert(Reason::Named);
    }
    Ok(Needed { reasons, activated })
}

/// Why a generation stays; `None` if nothing speaks for it.
fn reason(
    generation: &Generation,
    needed: &Needed,
    options: &GcOptions,
    now: SystemTime,
) -> Result<Option<Reason>, Error> {
    if let Some(reason) = needed.reasons.get(&generation.id) {
        return Ok(Some(reason.clone()));
    }
    let described = generation.path.join("env.json");
    let activated = needed.activated.get(&generation.id).copied().unwrap_or(UNIX_EPOCH);
    if is_recent(modified(&described).max(activated), now, options.recent) {
        return Ok(Some(Reason::Recent));
    }
    let free = FileLock::try_exclusive(&described)?.is_some();
    Ok((!free).then_some(Reason::Leased))
}

/// The wheels that generations use; `None` if one of them does not tell, because it may use any.
pub(super) fn used(generations: &[Generation]) -> Option<BTreeSet<Sha256>> {
    let specs = generations.iter().map(|generation| generation.spec().ok());
    let specs = specs.collect::<Option<Vec<_>>>()?;
    Some(specs.iter().flat_map(|spec| &spec.packages).map(|package| package.sha256).collect())
}

fn wheels(
    layout: &Layout,
    used: &BTreeSet<Sha256>,
    options: &GcOptions,
    now: SystemTime,
) -> Result<Vec<Discard>, Error> {
    let mut found = Vec::new();
    for shelf in entries(&layout.wheels())? {
        for place in entries(&shelf)? {
            let name = place.file_name().and_then(|name| name.to_str());
            let Some(sha256) = name.and_then(|name| name.parse::<Sha256>().ok()) else { continue };
            let path = place.join("manifest");
            if used.contains(&sha256) || is_recent(modified(&path), now, options.recent) {
                continue;
            }
            let (package, bytes) = match Manifest::read_header(&path) {
                Ok(manifest) => (format!("{} {}", manifest.name, manifest.version), manifest.size),
                Err(_) => (sha256.to_string(), 0),
            };
            found.push(Discard { what: Garbage::Wheel { sha256, package }, bytes });
        }
    }
    Ok(found)
}

/// Memories of builds, which go together with their wheels.
fn builds(layout: &Layout, wheels: &[Discard]) -> Result<Vec<Discard>, Error> {
    let going: BTreeSet<Sha256> = wheels
        .iter()
        .filter_map(|discard| match &discard.what {
            Garbage::Wheel { sha256, .. } => Some(*sha256),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for path in entries(&layout.built())? {
        let Some(sha256) = remembered_wheel(&path) else { continue };
        if going.contains(&sha256) || !layout.wheel(&sha256).exists() {
            let bytes = [path.clone(), path.with_extension("metadata")]
                .iter()
                .filter_map(|path| fs::symlink_metadata(path).ok())
                .map(|facts| facts.len())
                .sum();
            found.push(Discard { what: Garbage::Build { path, sha256 }, bytes });
        }
    }
    Ok(found)
}

/// What is to go of the cache for it to have the wanted size: what was written longest ago.
fn pages(layout: &Layout, options: &GcOptions) -> Result<Vec<Discard>, Error> {
    let Some(limit) = options.max_cache else { return Ok(Vec::new()) };
    let mut files = files(&layout.cache())?;
    files.sort_by(|one, other| (other.modified, &other.path).cmp(&(one.modified, &one.path)));
    let mut total = 0_u64;
    let beyond = files.into_iter().filter(|file| {
        total = total.saturating_add(file.bytes);
        total > limit
    });
    let discards =
        beyond.map(|file| Discard { what: Garbage::Page { path: file.path }, bytes: file.bytes });
    Ok(discards.collect())
}

fn programs(layout: &Layout, now: SystemTime) -> Result<Vec<Discard>, Error> {
    let bin = layout.bin();
    let linked = fs::read_link(bin.join("pyfast")).unwrap_or_default();
    let mut found = Vec::new();
    for path in entries(&bin)? {
        let Ok(facts) = fs::symlink_metadata(&path) else { continue };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let ours = name.starts_with("pyfast-") || name.starts_with(".pyfast-");
        let old = !is_recent(placed(&facts), now, PROGRAM_AGE);
        if ours && old && linked.as_os_str() != name && !is_running(&path) {
            found.push(Discard { what: Garbage::Program { path }, bytes: facts.len() });
        }
    }
    Ok(found)
}

/// The system refuses to open a running program for writing, in whatever container it runs.
fn is_running(path: &Path) -> bool {
    let opened = std::fs::OpenOptions::new().write(true).open(path);
    opened.is_err_and(|error| error.kind() == std::io::ErrorKind::ExecutableFileBusy)
}

/// Lock files of generations that are gone or will be. Nobody waits for one while the store is held alone.
fn locks(layout: &Layout, gone: &BTreeSet<&str>) -> Result<Vec<Discard>, Error> {
    let mut found = Vec::new();
    for path in entries(&layout.locks())? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let id = name.strip_prefix("env-");
        if id.is_some_and(|id| gone.contains(id) || !layout.env(id).exists()) {
            found.push(Discard { what: Garbage::Lock { path }, bytes: 0 });
        }
    }
    Ok(found)
}
