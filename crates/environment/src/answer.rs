//! Answers questions about an environment whose root this process can open. Owns what each question means;
//! must not know who asks, nor how the answer gets there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use pyfast_checker::PythonVersion;
use pyfast_checker::native::{Loaded, Object, reach_in};
use pyfast_elf::is_object_name;
use pyfast_installer::build::remembered_wheels;
use pyfast_installer::finding::Finding;
use pyfast_installer::finding::Subject as Found;
use pyfast_installer::gc::{GcOptions, GcPlan, gc, gc_plan};
use pyfast_installer::generation::{
    Backlog, Generation, Rollback, Worked, activate, current, lock_project, look, rollback_target,
    verify_generation, verify_root, work_off,
};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::Package;
use pyfast_installer::prefix::{self, Prefix};
use pyfast_installer::store::{Store, entry_points, recorded_files, repair, stored_text};
use pyfast_installer::{Event, store};
use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::{BIN, project_env_path};
use pyfast_root::{Cause, Kind, ProjectEnv, Root, Waiting, current_of};

use crate::error::Error;
use crate::looks::Looks;
use crate::plan::Stock;
use crate::question::{
    Activated, Answer, Before, Collect, Detail, Details, Had, Inventory, Known, Look, Question,
    RolledBack, Verified, Verify,
};
use crate::report::{Changes, Listed};
use crate::site::{LOCK_FILE, milliseconds};
use crate::state::{State, forget_all};
use crate::subject::Subject;
use crate::wanted;

/// The most that it has, in bytes.
const LOCK_LIMIT: u64 = 256 << 20;

/// Answers; without a root there is nothing to tell yet.
pub(crate) fn answer(
    root: Option<&Root>,
    subject: &Subject,
    tell: &(dyn Fn(Event) + Send + Sync),
    question: Question,
) -> Result<Answer, Error> {
    let name = subject.name()?;
    let Some(root) = root else {
        return match question {
            Question::Look { everything } => {
                let everything = everything.then(Default::default);
                Ok(Answer::Look(Box::new(Look { everything, ..Look::default() })))
            }
            Question::Before => Ok(Answer::Before(Before::default())),
            Question::Stock { wheels, id } => {
                Ok(Answer::Stock(Inventory::default().stock(&wheels, &id)))
            }
            Question::Earlier(_) => Ok(Answer::Earlier(None)),
            Question::Remembered(_) => Ok(Answer::Remembered(BTreeMap::new())),
            Question::History => Ok(Answer::History(Vec::new())),
            Question::Collect(_) => Ok(Answer::Collect(None)),
            Question::Compile(_) => Ok(Answer::Compiled(Worked::default())),
            Question::Environments => Ok(Answer::Environments(Vec::new())),
            Question::Brought => Ok(Answer::Brought(None)),
            _ => Err(subject.missing()),
        };
    };
    let at = At { root, name, subject, waiting: &|waiting| tell(Event::Waiting(waiting.clone())) };
    Ok(match question {
        Question::Look { everything } => Answer::Look(Box::new(at.look(everything)?)),
        Question::Before => Answer::Before(at.before()?),
        Question::Stock { wheels, id } => Answer::Stock(at.stock(&wheels, &id)?),
        Question::Earlier(inputs) => Answer::Earlier(at.earlier(&inputs)?),
        Question::Remembered(keys) => Answer::Remembered(remembered_wheels(root, &keys)),
        // Whoever installs has the root for itself: the place does it. Channels are read by others.
        Question::Sync { .. } | Question::Machine | Question::Bring(_) => {
            return Err(Error::Answer);
        }
        Question::Brought => Answer::Brought(Had::of(root, &at.name)?.map(Box::new)),
        Question::Prefix => Answer::Prefix(at.prefix()?),
        Question::History => Answer::History(at.history()?),
        Question::Packages(of) => Answer::Packages(at.packages(of.as_ref())?),
        Question::Rollback { to, now } => Answer::Rollback(at.rollback(&to, now)?),
        Question::Verify(how) => Answer::Verify(at.verify(how)?),
        Question::Collect(what) => Answer::Collect(Some(at.collect(what)?)),
        Question::Compile(python) => {
            let order = |generation: &Generation| wanted::order(root, generation);
            let backlog = Backlog { root, python: &python, order: &order };
            Answer::Compiled(work_off(&backlog)?)
        }
        Question::Environments => Answer::Environments(known(root)?),
        Question::Details { files, known } => {
            let is_known = known.is_some() && at.current()?.id == known.unwrap_or_default();
            let details = if is_known { None } else { Some(Box::new(at.details(files)?)) };
            Answer::Details(details)
        }
        Question::Loaded { modules } => Answer::Loaded(at.loaded(&modules)?),
    })
}

/// Every environment of a root.
fn known(root: &Root) -> Result<Vec<Known>, Error> {
    let mut all = Vec::new();
    for name in root.project_envs()? {
        let generation = current(root, &name).unwrap_or_default();
        let spec = generation.as_ref().and_then(|generation| generation.spec(root).ok());
        all.push(Known {
            directory: root.owner(name.project())?,
            activated: root.history(&name)?.last().map(|activation| activation.at),
            id: generation.map(|generation| generation.id),
            packages: spec.map_or(0, |spec| spec.packages.len()),
            name,
        });
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// When directories were written to last, each noted before what is in it is looked at.
struct Written<'a> {
    root: &'a Root,
    times: BTreeMap<String, i64>,
}

impl Written<'_> {
    /// Notes a place, if a directory is there.
    fn note(&mut self, place: &Path) {
        let facts = self.root.top().facts(place).ok().flatten();
        let facts = facts.filter(|facts| facts.kind == Kind::Directory);
        let time = facts.and_then(|facts| i64::try_from(facts.modified_ns).ok());
        self.times.extend(time.map(|time| (place.to_string_lossy().into_owned(), time)));
    }
}

/// An environment, and the open root that it is in.
struct At<'a> {
    root: &'a Root,
    name: ProjectEnv,
    subject: &'a Subject,
    waiting: &'a dyn Fn(&Waiting),
}

impl At<'_> {
    /// What is in the way of looking is told by who goes on to work there.
    fn state(&self, mut written: Option<&mut Written<'_>>) -> Option<State> {
        if let Some(written) = &mut written {
            written.note(&project_env_path(Path::new(""), &self.name));
        }
        let directory = self.root.project_env(&self.name).ok()??;
        let state = State::load(&directory)?;
        let current = current_of(&directory).ok()??;
        if let Some(written) = written {
            for place in state.own_places() {
                written.note(Path::new(&place));
            }
        }
        state.is_untouched(self.root, &current).then_some(state)
    }

    fn look(&self, everything: bool) -> Result<Look, Error> {
        let mut written = everything.then(|| Written { root: self.root, times: BTreeMap::new() });
        let state = self.state(written.as_mut());
        let id = state.as_ref().map(State::id);
        let compiling = id.is_some_and(|id| self.root.awaits_bytecode(id));
        let Some(mut written) = written else {
            return Ok(Look { state, compiling, ..Look::default() });
        };
        // The program that answers is of this version, as long as nobody puts another one there.
        written.note(Path::new(BIN));
        let everything = Some((self.before()?, self.inventory()?));
        Ok(Look { state, compiling, everything, written: written.times })
    }

    fn before(&self) -> Result<Before, Error> {
        self.root.check_owner(self.name.project(), &self.subject.claim)?;
        // Whatever else is in its place is replaced.
        let current = current(self.root, &self.name).unwrap_or_default();
        let packages = current.as_ref().map(|current| Listed::installed(self.root, current));
        let lock = match self.root.project_env(&self.name)? {
            Some(directory) => directory.read_text(LOCK_FILE, LOCK_LIMIT)?,
            None => None,
        };
        let current = current.map(|generation| generation.id);
        Ok(Before { current, packages: packages.unwrap_or_default(), lock })
    }

    fn inventory(&self) -> Result<Inventory, Error> {
        let generations = Generation::all(self.root)?.into_iter().map(|one| one.id);
        let wheels = store::wheels(self.root)?.into_iter();
        let answers = self.looks()?.into_answers().collect();
        Ok(Inventory { wheels: wheels.collect(), generations: generations.collect(), answers })
    }

    fn looks(&self) -> Result<Looks, Error> {
        let directory = self.root.project_env(&self.name)?;
        Ok(directory.map(|directory| Looks::load(&directory)).unwrap_or_default())
    }

    /// The lock of an earlier generation that is still there.
    fn earlier(&self, inputs: &str) -> Result<Option<String>, Error> {
        let looks = self.looks()?;
        let Some(id) = looks.answering(inputs) else { return Ok(None) };
        let Some(generation) = Generation::find(self.root, id)? else { return Ok(None) };
        Ok(String::from_utf8(generation.lock_text(self.root)?).ok())
    }

    fn stock(&self, wheels: &[Sha256], id: &str) -> Result<Stock, Error> {
        let missing = wheels.iter().filter(|wheel| !self.root.has_wheel(&wheel.to_string()));
        let ready = Generation::find(self.root, id)?.is_some();
        Ok(Stock { missing: missing.copied().collect(), ready })
    }

    fn history(&self) -> Result<Vec<Activated>, Error> {
        let activations = self.root.history(&self.name)?;
        let id = current(self.root, &self.name)?.map(|generation| generation.id);
        let last = activations.iter().rposition(|activation| Some(&activation.id) == id.as_ref());
        let activated = activations.into_iter().enumerate().map(|(index, activation)| {
            let packages = match Generation::find(self.root, &activation.id)? {
                Some(generation) => Some(generation.spec(self.root)?.packages.len()),
                None => None,
            };
            Ok(Activated { activation, packages, current: Some(index) == last })
        });
        activated.collect()
    }

    fn packages(&self, of: Option<&Rollback>) -> Result<Vec<Package>, Error> {
        let generation = match of {
            Some(to) => rollback_target(self.root, &self.name, to)?,
            None => self.current()?,
        };
        Ok(generation.spec(self.root)?.packages)
    }

    fn prefix(&self) -> Result<Option<Prefix>, Error> {
        let current = self.current()?;
        let spec = current.spec(self.root)?;
        let findings = prefix::unsound(self.root, &spec)?;
        if !findings.is_empty() {
            return Err(Error::NotWhole { id: current.id, findings });
        }
        let id = prefix::ids_of(self.root, &spec).pop();
        Ok(id.map(|id| Prefix::find(self.root, &id)).transpose()?.flatten())
    }

    fn details(&self, files: bool) -> Result<Details, Error> {
        let generation = self.current()?;
        let spec = generation.spec(self.root)?;
        let packages = spec.packages.into_iter().map(|package| {
            let metadata = stored_text(self.root, &package.sha256, "METADATA")?;
            let mut detail =
                Detail { package, metadata, files: Vec::new(), scripts: BTreeMap::new() };
            if files {
                let wheel = &detail.package.sha256;
                detail.files = recorded_files(self.root, wheel)?;
                let points = entry_points(self.root, wheel)?.into_iter().filter(|one| !one.gui);
                let called =
                    points.map(|one| (one.name, format!("{}:{}", one.module, one.attribute)));
                detail.scripts.extend(called);
            }
            Ok(detail)
        });
        let packages = packages.collect::<Result<Vec<Detail>, Error>>()?;
        let directory = site_packages(&generation, &spec.interpreter);
        Ok(Details {
            environment: generation.path.clone(),
            objects: objects(&directory, packages.iter().flat_map(|one| &one.files)),
            interpreter: spec.interpreter,
            packages,
        })
    }

    fn loaded(&self, modules: &[String]) -> Result<Vec<Loaded>, Error> {
        let generation = self.current()?;
        let interpreter = generation.spec(self.root)?.interpreter;
        let directory = site_packages(&generation, &interpreter);
        let (major, minor) = interpreter.tags.python;
        let loaded = reach_in(&directory, PythonVersion { major, minor }, modules).into_iter();
        let inside = loaded.filter_map(|one| {
            let object = one.object.strip_prefix(&directory).ok()?.to_owned();
            Some(Loaded { object, ..one })
        });
        Ok(inside.collect())
    }

    fn rollback(&self, to: &Rollback, now: SystemTime) -> Result<RolledBack, Error> {
        self.root.check_owner(self.name.project(), &self.subject.claim)?;
        let _alone = lock_project(self.root, &self.name, self.waiting)?;
        let target = rollback_target(self.root, &self.name, to)?;
        let directory = self.root.make_project_env(&self.name)?;
        let mut findings = if !target.survived(self.root)? {
            target.verify_own(self.root)?
        } else if Looks::load(&directory).untouched(self.root, &target.id).is_some() {
            Vec::new()
        } else {
            look(self.root, &target, None)?
        };
        findings.extend(prefix::unsound(self.root, &target.spec(self.root)?)?);
        if !findings.is_empty() {
            return Err(Error::NotWhole { id: target.id, findings });
        }
        let before = current(self.root, &self.name)?;
        let listed = before.as_ref().map(|before| Listed::installed(self.root, before));
        let after = Listed::installed(self.root, &target);
        let changes = Changes::between(&listed.unwrap_or_default(), &after);
        let changed = activate(self.root, &self.name, &target, milliseconds(now), Cause::Rollback)?;
        let previous = before.map(|generation| generation.id);
        Ok(RolledBack { id: target.id, previous, changed, changes })
    }

    fn verify(&self, how: Verify) -> Result<Verified, Error> {
        // Only who mends writes, and keeps collections out.
        let store = how.repair.then(|| Store::open(self.root, self.waiting)).transpose()?;
        let findings = if how.all {
            verify_root(self.root)?
        } else {
            verify_generation(self.root, &self.current()?)?
        };
        let mut marked = None;
        if let Some(store) = store.filter(|_| !findings.is_empty()) {
            marked = Some(repair(&store, &findings)?.len() + prefix::condemn(&store, &findings)?);
            // The next sync of any project must look for itself.
            forget_all(self.root)?;
        }
        let concerned = self.concerned(&findings)?;
        Ok(Verified { findings, marked, concerned })
    }

    /// The environments whose current generation has something of what was found.
    fn concerned(&self, findings: &[Finding]) -> Result<Vec<String>, Error> {
        let mut concerned = Vec::new();
        if findings.is_empty() {
            return Ok(concerned);
        }
        for name in self.root.project_envs()? {
            let Some(generation) = current(self.root, &name)? else { continue };
            // One that cannot be read is a finding itself.
            let spec = generation.spec(self.root).ok();
            let pythons = spec.as_ref().map(|spec| prefix::ids_of(self.root, spec));
            let pythons = pythons.unwrap_or_default();
            let packages = spec.map(|spec| spec.packages).unwrap_or_default();
            let has = |finding: &Finding| match &finding.subject {
                Found::Environment { id } => *id == generation.id,
                Found::Python { id } => pythons.contains(id),
                Found::Wheel { sha256, .. } => packages.iter().any(|one| one.sha256 == *sha256),
            };
            if findings.iter().any(has) {
                concerned.push(name.to_string());
            }
        }
        Ok(concerned)
    }

    fn collect(&self, what: Collect) -> Result<GcPlan, Error> {
        let Collect { keep, named, forgotten, recent, dry_run, now } = what;
        let forgotten = forgotten.into_iter().collect();
        let options = GcOptions { keep, recent, named: self.named(&named)?, forgotten };
        Ok(if dry_run {
            gc_plan(self.root, &options, now)?
        } else {
            gc(self.root, &options, now, self.waiting)?
        })
    }

    /// The generations that the beginnings of ids name.
    fn named(&self, prefixes: &[String]) -> Result<BTreeSet<String>, Error> {
        let all = Generation::all(self.root)?;
        let one = |prefix: &String| {
            let mut found = all.iter().filter(|generation| generation.id.starts_with(prefix));
            match (found.next(), found.next()) {
                (Some(generation), None) => Ok(generation.id.clone()),
                (first, _) => {
                    Err(Error::Prefix { prefix: prefix.clone(), several: first.is_some() })
                }
            }
        };
        prefixes.iter().map(one).collect()
    }

    fn current(&self) -> Result<Generation, Error> {
        current(self.root, &self.name)?.ok_or_else(|| self.subject.missing())
    }
}

/// Where the modules of a generation are, for this process.
fn site_packages(generation: &Generation, interpreter: &Interpreter) -> PathBuf {
    generation.path.join(&interpreter.lib_dir).join("site-packages")
}

/// What libraries and extension modules want of the loader.
fn objects<'f>(
    directory: &Path,
    files: impl Iterator<Item = &'f String>,
) -> BTreeMap<String, Object> {
    let inside = |file: &&String| {
        let path = Path::new(file);
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(is_object_name)
            && path.components().all(|part| matches!(part, Component::Normal(_)))
    };
    let read = |file: &String| Some((file.clone(), Object::read(&directory.join(file))?));
    files.filter(inside).filter_map(read).collect()
}
