//! Decides what is garbage. Reads, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::BIN;
use pyfast_root::lease::DESCRIPTION;
use pyfast_root::{Dir, ProjectEnv, Root};

use super::facts::{files, is_recent, modified_at, placed, size};
use super::{Discard, Garbage, GcOptions, GcPlan, Reason};
use crate::build::remembered_wheel;
use crate::error::Error;
use crate::generation::Generation;
use crate::generation::activate::current;
use crate::link::EnvironmentSpec;
use crate::prefix::{self, Brought};
use crate::store::layers::wheels_of;
use crate::store::manifest::{self, Manifest};

/// A launcher may be about to be started by a container that was made with it.
const PROGRAM_AGE: Duration = Duration::from_hours(24);

pub(super) fn plan(root: &Root, options: &GcOptions, now: SystemTime) -> Result<GcPlan, Error> {
    let forgotten = forgotten(root, options)?;
    let wanted = wanted(root, options, &forgotten)?;
    let (mut kept, mut remaining) = (Vec::new(), Vec::new());
    let mut discards: Vec<Discard> = forgotten
        .into_iter()
        .map(|name| Discard { what: Garbage::Environment { name }, bytes: 0 })
        .collect();
    for generation in Generation::all(root)? {
        match reason(root, &generation, &wanted, options, now)? {
            Some(reason) => {
                kept.push((generation.id.clone(), reason));
                remaining.push(generation);
            }
            None => discards.push(Discard {
                bytes: root.env(&generation.id)?.map_or(Ok(0), |env| size(&env))?,
                what: Garbage::Generation { id: generation.id },
            }),
        }
    }
    if let Some(used) = used(root, &remaining)? {
        let wheels = wheels(root, &used.wheels, options, now)?;
        let builds = builds(root, &wheels)?;
        discards.extend(wheels);
        discards.extend(builds);
        discards.extend(pythons(root, &used.pythons, options, now)?);
        discards.extend(layers(root, &used.environments, options, now)?);
    }
    discards.extend(old_cache(root)?);
    discards.extend(programs(root, now)?);
    Ok(GcPlan { discards, kept })
}

/// Generations that are current, in the newest history, or named, and when each was last activated.
struct Needed {
    reasons: BTreeMap<String, Reason>,
    activated: BTreeMap<String, SystemTime>,
}

/// The environments that nobody wants, still.
fn forgotten(root: &Root, options: &GcOptions) -> Result<BTreeSet<ProjectEnv>, Error> {
    let mut forgotten = BTreeSet::new();
    for name in root.project_envs()? {
        let Some(seen) = options.forgotten.get(&name) else { continue };
        let last = root.history(&name)?.last().map(|activation| activation.at);
        if seen.is_none_or(|seen| last.is_none_or(|last| last <= seen)) {
            forgotten.insert(name);
        }
    }
    Ok(forgotten)
}

fn wanted(
    root: &Root,
    options: &GcOptions,
    forgotten: &BTreeSet<ProjectEnv>,
) -> Result<Needed, Error> {
    let mut reasons = BTreeMap::new();
    let mut activated = BTreeMap::new();
    let mut envs = root.project_envs()?;
    envs.retain(|name| !forgotten.contains(name));
    for name in &envs {
        if let Some(generation) = current(root, name)? {
            reasons.entry(generation.id).or_insert(Reason::Current(name.to_string()));
        }
    }
    for name in &envs {
        let mut newest = Vec::new();
        for activation in root.history(name)?.into_iter().rev() {
            let at = UNIX_EPOCH + Duration::from_millis(activation.at);
            let last = activated.entry(activation.id.clone()).or_insert(at);
            *last = at.max(*last);
            if newest.len() < options.keep && !newest.contains(&activation.id) {
                newest.push(activation.id);
            }
        }
        for id in newest {
            reasons.entry(id).or_insert_with(|| Reason::History(name.to_string()));
        }
    }
    for id in &options.named {
        reasons.entry(id.clone()).or_insert(Reason::Named);
    }
    Ok(Needed { reasons, activated })
}

/// Why a generation stays; `None` if nothing speaks for it.
fn reason(
    root: &Root,
    generation: &Generation,
    needed: &Needed,
    options: &GcOptions,
    now: SystemTime,
) -> Result<Option<Reason>, Error> {
    if let Some(reason) = needed.reasons.get(&generation.id) {
        return Ok(Some(reason.clone()));
    }
    let Some(directory) = root.env(&generation.id)? else { return Ok(Some(Reason::Recent)) };
    let activated = needed.activated.get(&generation.id).copied().unwrap_or(UNIX_EPOCH);
    let made = modified_at(&directory, DESCRIPTION)?;
    if is_recent(made.max(activated), now, options.recent) {
        return Ok(Some(Reason::Recent));
    }
    let free = pyfast_root::lease::unused(&directory)?.is_some();
    Ok((!free).then_some(Reason::Leased))
}

/// What must stay.
pub(super) struct Used {
    /// The wheels of generations.
    pub(super) wheels: BTreeSet<Sha256>,
    /// The same, of each generation.
    pub(super) environments: Vec<BTreeSet<Sha256>>,
    /// The Pythons that generations run in, or that environments are to have.
    pub(super) pythons: BTreeSet<String>,
}

/// What generations use; `None` if one of them does not tell, because it may use anything.
pub(super) fn used(root: &Root, generations: &[Generation]) -> Result<Option<Used>, Error> {
    let specs = generations.iter().map(|generation| generation.spec(root).ok());
    let Some(specs) = specs.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let wheels_of = |spec: &EnvironmentSpec| spec.packages.iter().map(|one| one.sha256).collect();
    let environments: Vec<BTreeSet<Sha256>> = specs.iter().map(wheels_of).collect();
    let wheels = environments.iter().flatten().copied().collect();
    let run_in = specs.iter().flat_map(|spec| prefix::ids_of(root, spec));
    let mut used = Used { wheels, environments, pythons: run_in.collect() };
    for name in root.project_envs()? {
        let Some(brought) = Brought::of(root, &name)? else { continue };
        if !brought.is_left(root, &name)? {
            used.pythons.insert(brought.id);
        }
    }
    Ok(Some(used))
}

fn pythons(
    root: &Root,
    used: &BTreeSet<String>,
    options: &GcOptions,
    now: SystemTime,
) -> Result<Vec<Discard>, Error> {
    let Some(prefixes) = root.prefixes()? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for id in names(&prefixes)?.into_iter().filter(|id| !used.contains(id)) {
        let (Some(directory), Some(facts)) = (root.prefix(&id)?, prefixes.facts(&id)?) else {
            continue;
        };
        if !is_recent(placed(&facts), now, options.recent) {
            let bytes = size(&directory)?;
            found.push(Discard { what: Garbage::Python { id }, bytes });
        }
    }
    Ok(found)
}

fn wheels(
    root: &Root,
    used: &BTreeSet<Sha256>,
    options: &GcOptions,
    now: SystemTime,
) -> Result<Vec<Discard>, Error> {
    let mut found = Vec::new();
    for sha256 in crate::store::wheels(root)? {
        let Some(wheel) = root.wheel(&sha256.to_string())? else { continue };
        let admitted = modified_at(&wheel, manifest::FILE)?;
        if used.contains(&sha256) || is_recent(admitted, now, options.recent) {
            continue;
        }
        let (package, bytes) = match Manifest::read_header(&wheel) {
            Ok(manifest) => (format!("{} {}", manifest.name, manifest.version), manifest.size),
            Err(_) => (sha256.to_string(), 0),
        };
        found.push(Discard { what: Garbage::Wheel { sha256, package }, bytes });
    }
    Ok(found)
}

/// Packed layers that no image will have again: for no environment is there none that has more of its wheels and
/// those of this one too. Those without wheels go by their age alone.
fn layers(
    root: &Root,
    environments: &[BTreeSet<Sha256>],
    options: &GcOptions,
    now: SystemTime,
) -> Result<Vec<Discard>, Error> {
    let Some(layers) = root.layers()? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for name in names(&layers)? {
        let Ok(key) = name.parse::<Sha256>() else { continue };
        let (Some(layer), Some(facts)) = (layers.find_dir(&name)?, layers.facts(&name)?) else {
            continue;
        };
        let wheels: BTreeSet<Sha256> = wheels_of(&layer).unwrap_or_default().into_iter().collect();
        all.push((key, wheels, layer, facts));
    }
    let is_superseded = |wheels: &BTreeSet<Sha256>, environment: &BTreeSet<Sha256>| {
        let has_more = |other: &BTreeSet<Sha256>| {
            other.len() > wheels.len() && wheels.is_subset(other) && other.is_subset(environment)
        };
        all.iter().any(|(_, other, ..)| has_more(other))
    };
    let is_of_use = |wheels: &BTreeSet<Sha256>| {
        let mut with_it = environments.iter().filter(|one| wheels.is_subset(one));
        !wheels.is_empty() && with_it.any(|environment| !is_superseded(wheels, environment))
    };
    let mut found = Vec::new();
    for (key, wheels, layer, facts) in &all {
        if !is_of_use(wheels) && !is_recent(placed(facts), now, options.recent) {
            found.push(Discard { what: Garbage::Layer { key: *key }, bytes: size(layer)? });
        }
    }
    Ok(found)
}

/// Memories of builds, which go together with their wheels.
fn builds(root: &Root, wheels: &[Discard]) -> Result<Vec<Discard>, Error> {
    let going: BTreeSet<Sha256> = wheels
        .iter()
        .filter_map(|discard| match &discard.what {
            Garbage::Wheel { sha256, .. } => Some(*sha256),
            _ => None,
        })
        .collect();
    let Some(built) = root.built()? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for name in names(&built)? {
        let Some(sha256) = remembered_wheel(&built, &name) else { continue };
        if going.contains(&sha256) || !root.has_wheel(&sha256.to_string()) {
            let sizes = [name.clone(), metadata_of(&name)].map(|name| built.facts(name));
            let bytes = sizes.into_iter().flatten().flatten().map(|facts| facts.size).sum();
            found.push(Discard { what: Garbage::Build { name, sha256 }, bytes });
        }
    }
    Ok(found)
}

/// The metadata beside an entry of the index of built wheels.
pub(super) fn metadata_of(entry: &str) -> String {
    format!("{}.metadata", entry.strip_suffix(".json").unwrap_or(entry))
}

/// What has a name that was made here.
fn names(directory: &Dir) -> Result<Vec<String>, Error> {
    let entries = directory.entries()?.into_iter();
    Ok(entries.filter_map(|entry| entry.name.into_string().ok()).collect())
}

/// What is to go of the cache for it to have the wanted size: what was written longest ago.
pub(super) fn pages(directories: &[PathBuf], limit: u64) -> Result<Vec<Discard>, Error> {
    let mut all = Vec::new();
    for directory in directories {
        // One that is not there has nothing.
        let Ok(directory) = Dir::open_named(directory) else { continue };
        all.extend(files(&directory)?);
    }
    all.sort_by(|one, other| (other.modified, &other.path).cmp(&(one.modified, &one.path)));
    let mut total = 0_u64;
    let beyond = all.into_iter().filter(|file| {
        total = total.saturating_add(file.bytes);
        total > limit
    });
    let discards =
        beyond.map(|file| Discard { what: Garbage::Page { path: file.path }, bytes: file.bytes });
    Ok(discards.collect())
}

/// Nothing is read there any more: what is remembered is the user's, not the root's.
fn old_cache(root: &Root) -> Result<Option<Discard>, Error> {
    // What else has the name, a link for one, was not made here and is in nobody's way.
    let old = root.old_cache().unwrap_or_default();
    let bytes = old.map(|cache| size(&cache)).transpose()?;
    Ok(bytes.map(|bytes| Discard { what: Garbage::OldCache, bytes }))
}

fn programs(root: &Root, now: SystemTime) -> Result<Vec<Discard>, Error> {
    let Some(bin) = root.top().find_dir(BIN)? else { return Ok(Vec::new()) };
    let linked = bin.read_link("pyfast").ok().flatten().unwrap_or_default();
    let mut found = Vec::new();
    for name in names(&bin)? {
        let Some(facts) = bin.facts(&name)? else { continue };
        let ours = name.starts_with("pyfast-") || name.starts_with(".pyfast-");
        let old = !is_recent(placed(&facts), now, PROGRAM_AGE);
        let program = ours && !facts.kind.is_dir() && linked.as_os_str() != name.as_str();
        // Whether it runs is not asked: who runs it keeps its file without a name, and opening it for
        // writing to find out would fail whoever starts it at that moment.
        if program && old {
            found.push(Discard { what: Garbage::Program { name }, bytes: facts.size });
        }
    }
    Ok(found)
}
