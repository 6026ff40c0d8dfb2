//! Carries a plan out in a root that this process can write: every wheel in the store, the environment
//! composed, activated, and remembered. Owns the order, and decides nothing that a plan could.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Instant, SystemTime};

use pyfast_installer::build::{RememberedWheel, remember_wheel};
use pyfast_installer::finding::Finding;
use pyfast_installer::generation::{
    Generation, Stamps, activate, compose, current, look, recompose,
};
use pyfast_installer::link::{LinkPlan, id, plan as links};
use pyfast_installer::store::{manifest, repair, verify};
use pyfast_packaging::PackageName;
use pyfast_packaging::hash::Sha256;
use pyfast_resolver::Lock;
use pyfast_root::Root;

use crate::claims;
use crate::crew::{Means, ToBring};
use crate::error::Error;
use crate::looks::Looks;
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
    let (built, mut fetched) = (plan.built.clone(), brought.admitted.len());
    let mut work = Work { site, plan: &plan, lock: &lock, built };
    let mut told = Told { warnings: site.noticed.clone(), details: Vec::new() };
    told.warnings.extend(careless(root, &brought.admitted)?);
    if plan.care != Care::default() {
        fetched = work.heal(fetched, &mut told.warnings, means)?;
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
    let (generation, whole) = work.compose(fetched > 0, &mut told)?;
    let changed = activate(root, &site.name, &generation, milliseconds(now))?;
    told.warnings.extend(work.remember(whole.then_some(&generation)));
    let changes = Changes::between(&before, &Listed::of(&plan.facts.packages));
    let facts = plan.facts;
    let Told { warnings, details } = told;
    let mut report =
        SyncReport { facts, changed, changes, fetched, warnings, details, ..SyncReport::default() };
    report.new = new;
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
        compile: plan.options.compiled,
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
fn careless(root: &Root, admitted: &[Sha256]) -> Result<Vec<String>, Error> {
    let mut told = Vec::new();
    for wheel in admitted {
        let manifest = manifest(root, wheel)?;
        told.extend(manifest.flaws.map(|flaws| {
            let wheel = manifest.filename;
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
}

impl Work<'_> {
    /// Hashes every file of the lock's wheels, and fetches those again that are damaged.
    /// Gives how many wheels were fetched by then.
    fn heal(
        &mut self,
        fetched: usize,
        warnings: &mut Vec<String>,
        means: &dyn Means,
    ) -> Result<usize, Error> {
        let built = self.built.values().map(|built| built.sha256);
        let of_lock = self.lock.packages.iter().filter_map(|package| package.sha256);
        let wheels: Vec<Sha256> = of_lock.chain(built).collect();
        let findings = verify(self.site.root(), &wheels)?;
        if findings.is_empty() {
            return Ok(fetched);
        }
        repair(self.site.store(), &findings)?;
        let located = self.plan.located(self.lock);
        let given = self.plan.given();
        let what = ToBring {
            lock: &located,
            given: &given,
            interpreter: &self.plan.interpreter,
            compile: self.plan.options.compiled,
        };
        let again = means.bring(&what, Some(self.site))?;
        self.built.extend(Built::all(&again));
        warnings.extend(damaged(&findings));
        Ok(fetched + again.admitted.len())
    }

    /// The environment, and whether it is whole: one that was changed from outside is composed anew, unless
    /// somebody uses it.
    fn compose(&self, fetched: bool, told: &mut Told) -> Result<(Generation, bool), Error> {
        let (site, plan) = (self.site, self.plan);
        let (root, store, sink) = (site.root(), site.store(), &*site.sink);
        let spec = spec(self.lock, &self.built, &plan.interpreter, &plan.options);
        let id = id(root, &spec);
        let Some(ready) = Generation::find(root, &id)? else {
            let links = links(root, &spec)?;
            told.links(&links);
            return Ok((compose(store, &spec, &links, &plan.lock, sink)?, true));
        };
        let findings = if fetched || plan.care.verify || !ready.survived(root)? {
            ready.verify_own(root)?
        } else if site.untouched.as_ref() == Some(&id) || self.looked_so(&id) {
            Vec::new()
        } else {
            look(root, &ready, None)?
        };
        if findings.is_empty() && !plan.care.reinstall {
            return Ok((ready, true));
        }
        if let Some(first) = findings.first() {
            let places = if findings.len() == 1 { "place" } else { "places" };
            told.warnings.push(format!(
                "the environment was changed from outside in {} {places} ({first}); it is composed anew",
                findings.len()
            ));
        }
        let links = links(root, &spec)?;
        if let Some(made) = recompose(store, &spec, &links, &plan.lock, sink)? {
            told.links(&links);
            return Ok((made, true));
        }
        told.warnings.push(format!("the environment {id} is in use and is left as it is"));
        Ok((ready, findings.is_empty()))
    }

    /// Whether nobody has touched a generation since the environment was at it.
    fn looked_so(&self, id: &str) -> bool {
        let root = self.site.root();
        let directory = root.make_project_env(&self.site.name);
        directory.is_ok_and(|directory| Looks::load(&directory).is_untouched(root, id))
    }

    /// Lets the next sync see that nothing moved. One that cannot be remembered merely looks for itself.
    fn remember(&self, whole: Option<&Generation>) -> Option<String> {
        // Without stamps the next sync looks closer.
        let stamps = whole.and_then(|made| Stamps::take(self.site.root(), made).ok());
        let state =
            State::new(self.plan.circumstances.clone(), self.plan.facts.clone(), stamps.clone());
        let stored = self.site.root().make_project_env(&self.site.name).and_then(|directory| {
            state.store(&directory)?;
            let Some((made, stamps)) = whole.zip(stamps) else { return Ok(()) };
            Looks::load(&directory).keep(&directory, &made.id, stamps)
        });
        stored.err().map(|error| format!("cannot remember this sync: {error}"))
    }
}
