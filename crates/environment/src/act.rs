//! Carries a plan out in a root that this process can write: every wheel in the store, the environment
//! composed, activated, and remembered. Owns the order, and decides nothing that a plan could.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Instant, SystemTime};

use pyfast_installer::build::{RememberedWheel, remember_wheel};
use pyfast_installer::bytecode::prepare;
use pyfast_installer::finding::Finding;
use pyfast_installer::generation::{
    Generation, Stamps, activate, compose, current, link_bytecode, look, recompose,
};
use pyfast_installer::link::{EnvironmentSpec, LinkPlan, id, plan as links};
use pyfast_installer::store::{Store, repair, verify};
use pyfast_packaging::PackageName;
use pyfast_packaging::hash::Sha256;
use pyfast_resolver::Lock;

use crate::claims;
use crate::crew::{Means, ToBring};
use crate::error::Error;
use crate::looks::{Look, Looks};
use crate::plan::{Built, Care, Done, SyncPlan, settle, spec};
use crate::report::{Changes, Listed, SyncReport};
use crate::site::{Site, milliseconds};
use crate::state::State;

/// Does what a plan says.
pub(crate) fn carry_out(
    site: &Site,
    mut plan: SyncPlan,
    means: &dyn Means,
    now: SystemTime,
) -> Result<SyncReport, Error> {
    let root = site.root();
    let begun = Instant::now();
    let Done { brought, lock, own_lock } = match plan.done.take() {
        Some(done) => done,
        None => bring(site, &plan, means)?,
    };
    let fetch = begun.elapsed();
    claims::check(root, &plan.claims, &brought.admitted)?;
    if let Some((path, text)) = &own_lock {
        means.write_lock(path, text)?;
        plan.circumstances.inputs.look_again(path);
    }
    let (built, admitted) = (plan.built.clone(), brought.admitted);
    let mut told = Told { warnings: site.noticed.clone(), details: Vec::new() };
    told.warnings.extend(careless(site.store(), &admitted)?);
    let mut work = Work { site, plan: &plan, lock: &lock, built, admitted };
    if plan.care != Care::default() {
        work.heal(&mut told.warnings, means)?;
    }
    for built in work.built.values() {
        let (filename, sha256) = (built.filename.to_string(), built.sha256);
        if let Some(key) = &built.key {
            remember_wheel(root, key, &RememberedWheel { filename, sha256 })?;
        }
    }
    let composing = Instant::now();
    // Whatever else is in the place of the current one is replaced.
    let before = current(root, &site.name).unwrap_or_default();
    let new = before.is_none();
    let before = before.map(|before| Listed::installed(root, &before)).unwrap_or_default();
    let Composed { generation, stamps } = work.compose(&mut told)?;
    let compiling = work.still_compiles(&generation)?;
    let changed = activate(root, &site.name, &generation, milliseconds(now), plan.cause)?;
    told.warnings.extend(work.remember(&generation.id, stamps));
    let changes = Changes::between(&before, &Listed::of(&plan.facts.packages));
    let fetched = work.admitted.len();
    let facts = plan.facts;
    let Told { warnings, details } = told;
    let mut report =
        SyncReport { facts, changed, changes, fetched, warnings, details, ..SyncReport::default() };
    (report.new, report.compiling) = (new, compiling);
    report.timings.fetch = fetch;
    report.timings.compose = composing.elapsed();
    Ok(report)
}

/// Every wheel in the store, of a plan that was made elsewhere.
fn bring(site: &Site, plan: &SyncPlan, means: &dyn Means) -> Result<Done, Error> {
    let target = plan.interpreter.target();
    let mut lock = Lock::from_toml(&plan.lock, Path::new("/pylock.toml"), &target)?;
    settle(&mut lock, &plan.built);
    let located = plan.located(&lock);
    let given = plan.given();
    let what = ToBring {
        lock: &located,
        given: &given,
        interpreter: &plan.interpreter,
        compile: plan.compiles(),
    };
    Ok(Done { brought: means.bring(&what, Some(site))?, lock, own_lock: None })
}

/// What is said of a sync when it is done.
struct Told {
    warnings: Vec<String>,
    details: Vec<String>,
}

impl Told {
    fn links(&mut self, links: &LinkPlan) {
        self.warnings.extend(links.notices());
        self.details.extend(links.details());
    }
}

/// What is said of wheels that have just come, of which RECORD was not what it should be.
fn careless(store: &Store, admitted: &[Sha256]) -> Result<Vec<String>, Error> {
    let mut told = Vec::new();
    for wheel in admitted {
        let manifest = store.manifest(wheel)?;
        told.extend(manifest.flaws.as_ref().map(|flaws| {
            let wheel = &manifest.filename;
            format!("{wheel} has a careless RECORD: {flaws}; what is installed has one made from the files")
        }));
    }
    Ok(told)
}

/// A line for each wheel with findings, however many it has.
fn damaged(findings: &[Finding]) -> impl Iterator<Item = String> {
    findings.chunk_by(|one, other| one.subject == other.subject).map(|of_one| {
        let first = &of_one[0];
        match of_one.len() - 1 {
            0 => format!("{first}; it is fetched again"),
            more => format!("{first}, and {more} more of its files; it is fetched again"),
        }
    })
}

/// A plan that is being carried out.
struct Work<'a> {
    site: &'a Site,
    plan: &'a SyncPlan,
    lock: &'a Lock,
    /// Wheels of the lock's sources.
    built: BTreeMap<PackageName, Built>,
    /// The wheels that were unpacked for it.
    admitted: Vec<Sha256>,
}

/// An environment that is there.
struct Composed {
    generation: Generation,
    /// How it looks; `None` where it is not whole, or cannot be looked at: the next sync looks closer then.
    stamps: Option<Stamps>,
}

impl Work<'_> {
    /// Hashes every file of the lock's wheels, and fetches those again that are damaged.
    fn heal(&mut self, warnings: &mut Vec<String>, means: &dyn Means) -> Result<(), Error> {
        let built = self.built.values().map(|built| built.sha256);
        let of_lock = self.lock.packages.iter().filter_map(|package| package.sha256);
        let wheels: Vec<Sha256> = of_lock.chain(built).collect();
        let findings = verify(self.site.root(), &wheels)?;
        if findings.is_empty() {
            return Ok(());
        }
        repair(self.site.store(), &findings)?;
        let located = self.plan.located(self.lock);
        let given = self.plan.given();
        let what = ToBring {
            lock: &located,
            given: &given,
            interpreter: &self.plan.interpreter,
            compile: self.plan.compiles(),
        };
        let again = means.bring(&what, Some(self.site))?;
        self.built.extend(Built::all(&again));
        warnings.extend(damaged(&findings));
        self.admitted.extend(again.admitted);
        Ok(())
    }

    /// The environment: one that was changed from outside is composed anew, unless somebody uses it.
    fn compose(&self, told: &mut Told) -> Result<Composed, Error> {
        let (site, plan) = (self.site, self.plan);
        let (root, store, sink) = (site.root(), site.store(), &*site.sink);
        let spec = spec(self.lock, &self.built, &plan.interpreter, &plan.options);
        let id = id(root, &spec);
        self.await_bytecode(&spec, &id)?;
        let Some(ready) = Generation::find(root, &id)? else {
            let links = links(store, &spec)?;
            told.links(&links);
            let generation = compose(store, &spec, &links, &plan.lock, sink)?;
            return Ok(Composed { generation, stamps: self.stamps(&links) });
        };
        let care = !self.admitted.is_empty() || plan.care.verify || !ready.survived(root)?;
        let known = if care { None } else { self.known_stamps(&id) };
        let findings = match &known {
            Some(_) => Vec::new(),
            None if care => ready.verify_own(root)?,
            None => look(root, &ready, None)?,
        };
        if findings.is_empty() && !plan.care.reinstall {
            let stamps = known.or_else(|| Stamps::take(root, &ready).ok());
            return Ok(Composed { generation: ready, stamps });
        }
        if let Some(first) = findings.first() {
            let places = if findings.len() == 1 { "place" } else { "places" };
            told.warnings.push(format!(
                "the environment was changed from outside in {} {places} ({first}); it is composed anew",
                findings.len()
            ));
        }
        let links = links(store, &spec)?;
        if let Some(generation) = recompose(store, &spec, &links, &plan.lock, sink)? {
            told.links(&links);
            return Ok(Composed { generation, stamps: self.stamps(&links) });
        }
        told.warnings.push(format!("the environment {id} is in use and is left as it is"));
        let stamps = if findings.is_empty() { Stamps::take(root, &ready).ok() } else { None };
        Ok(Composed { generation: ready, stamps })
    }

    /// Where bytecode comes later: makes its place, and notes that it is waited for, before anybody sees the generation.
    fn await_bytecode(&self, spec: &EnvironmentSpec, id: &str) -> Result<(), Error> {
        let (root, python) = (self.site.root(), &spec.interpreter);
        if !spec.options.compiled || !self.plan.later || python.cache_tag.is_none() {
            return Ok(());
        }
        let wheels: Vec<Sha256> = spec.packages.iter().map(|package| package.sha256).collect();
        if prepare(root, python, &wheels)? {
            root.await_bytecode(id)?;
        }
        Ok(())
    }

    /// Whether a generation's bytecode is still to come. Where it is not to come later it is there by now, and at most not
    /// linked since an earlier sync left that to somebody else.
    fn still_compiles(&self, generation: &Generation) -> Result<bool, Error> {
        if !self.site.root().awaits_bytecode(&generation.id) {
            return Ok(false);
        }
        Ok(self.plan.later || !link_bytecode(self.site.store(), generation)?)
    }

    /// How a generation looks that nobody has touched since the environment was at it.
    fn known_stamps(&self, id: &str) -> Option<Stamps> {
        let root = self.site.root();
        if let Some((_, stamps)) = self.site.untouched.as_ref().filter(|(known, _)| known == id) {
            return Some(stamps.clone());
        }
        let directory = root.make_project_env(&self.site.name).ok()?;
        Looks::load(&directory).untouched(root, id).cloned()
    }

    /// How what was just composed looks. Wheels that the environment before has, too, were looked at when the sync
    /// began.
    fn stamps(&self, links: &LinkPlan) -> Option<Stamps> {
        let before = self.site.untouched.as_ref();
        let known = before.map(|(_, stamps)| (stamps, self.admitted.as_slice()));
        Stamps::of_composed(self.site.root(), links, known).ok()
    }

    /// Lets the next sync see that nothing moved. One that cannot be remembered merely looks for itself.
    fn remember(&self, id: &str, stamps: Option<Stamps>) -> Option<String> {
        let state =
            State::new(self.plan.circumstances.clone(), self.plan.facts.clone(), stamps.clone());
        let stored = self.site.root().make_project_env(&self.site.name).and_then(|directory| {
            state.store(&directory)?;
            if stamps.is_none() && !self.plan.upgrade {
                return Ok(());
            }
            let mut looks = Looks::load(&directory);
            if self.plan.upgrade {
                looks.forget_answers();
            }
            let (id, answers) = (id.to_owned(), self.plan.answers.clone());
            looks.keep(&directory, stamps.map(|stamps| Look { id, stamps, answers }))
        });
        stored.err().map(|error| format!("cannot remember this sync: {error}"))
    }
}
