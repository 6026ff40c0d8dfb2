//! From requirements to an activated environment: what `sync`, `run` and `up` share. Joins settings with the
//! crate that makes environments; owns where an environment is, and for which interpreter.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use pyfast_environment::place::{Begun, Directory, Place};
use pyfast_environment::report::SyncReport;
use pyfast_environment::request::{InstallOptions, LockUse, SyncRequest};
use pyfast_environment::{Planned, ReadyPlan, plan_sync, unchanged};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::{Habitat, Native};
use pyfast_installer::prefix::Prefix;
use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_resolver::native::NativeLock;
use pyfast_root::{Workspace, current_of};

use crate::afterwards;
use crate::elsewhere::Elsewhere;
use crate::engine::{self, Connection};
use crate::error::Error;
use crate::event::{Event, sink};
use crate::hands::Hands;
use crate::inputs::lock_alone;
use crate::interpreter::compiling_python;
use crate::libraries::{self, Known, lacking};
use crate::managed::{self, Ground, Managed};
use crate::news::Unheard;
use crate::outside::Outside;
use crate::setting;
use crate::task::{Report, Task};
use crate::venv;
use crate::volume_place::{VolumePlace, subject};
use pyfast_settings::{Python, ResolveFlags, Root, Settings, interpreters};

/// Makes the environment what the requirements say.
///
/// # Errors
/// Whatever keeps it from being made; it is what it was then.
pub fn sync(task: Task<'_>) -> Result<Report, Error> {
    let report = readable(|| sync_shared(task))?;
    if report.sync.compiling {
        afterwards::begin(&[task]);
    }
    Ok(report)
}

/// Makes several environments at once, each with how long it took; in their order.
pub fn sync_all(tasks: &[Task<'_>]) -> Vec<(Result<Report, Error>, Duration)> {
    let timed = |task| {
        let begun = Instant::now();
        (sync_shared(task), begun.elapsed())
    };
    let done = readable(|| match *tasks {
        [one] => vec![timed(one)],
        _ => std::thread::scope(|scope| {
            let threads: Vec<_> =
                tasks.iter().map(|&task| scope.spawn(move || timed(task))).collect();
            let joined = threads.into_iter().map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect()
        }),
    });
    let compiling = |(_, (report, _)): &(_, &(Result<Report, Error>, _))| {
        report.as_ref().is_ok_and(|report| report.sync.compiling)
    };
    let waiting = tasks.iter().zip(&done).filter(compiling).map(|(task, _)| *task);
    afterwards::begin(&waiting.collect::<Vec<_>>());
    done
}

/// Containers read the root as other users, whatever this user's mask is. The mask is the whole process'.
pub fn readable<T>(act: impl FnOnce() -> T) -> T {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let done = act();
    rustix::process::umask(mask);
    done
}

fn sync_shared(task: Task<'_>) -> Result<Report, Error> {
    let unheard = Unheard::default();
    let events = unheard.events(task);
    let report = sync_where_it_is(Task { events: &events, ..task })?;
    unheard.settle(task, &report);
    Ok(report)
}

fn sync_where_it_is(task: Task<'_>) -> Result<Report, Error> {
    let Task { options, settings, events } = task;
    match (&settings.root, &settings.python) {
        (Root::Directory(root), Python::Host(_) | Python::Managed(_)) => {
            let bring = |what| managed::bring(task, what, &Ground::here(root));
            let managed = settings.from_channels().map(bring).transpose()?;
            let found = match &managed {
                Some(Managed { prefix, native }) if prefix.python.is_some() => {
                    interpreters::brought(prefix, &native.channels, settings)?
                }
                _ => interpreters::own(settings)?,
            };
            let of_system = || libraries::of_here(&found, settings);
            let native = Channels::new(managed, of_system)?;
            let cache = settings.cache_directory()?;
            let habitat = setting::habitat(settings);
            let identity = native.identity(found.identity.clone());
            let at = At { written: root.clone(), seen: root.clone(), habitat, native };
            let new = is_new(root, settings);
            in_directory(task, at, identity, &|| {
                let python = interpreters::probe(&found, &cache)?;
                let what = format!("{} {}", name(&python.implementation), python.version());
                let (path, why) = (found.path.clone(), found.why.clone());
                events(Event::Interpreter { what, path, why, new });
                Ok(python)
            })
        }
        (Root::Directory(root), Python::Image(image)) => {
            if let Some(what) = settings.from_channels() {
                let image = image.clone();
                return Err(match what.python().map(str::to_owned) {
                    Some(version) => Error::ManagedInDirectory { version, image },
                    None => Error::LibrariesInDirectory { image },
                });
            }
            let connection = Connection::open(settings)?;
            let (seen, habitat) = (MOUNT_POINT.into(), Habitat::Volume);
            let (at, id) = (
                At { written: root.clone(), seen, habitat, native: Channels::default() },
                connection.image_id(image)?,
            );
            in_directory(task, at, id, &|| connection.interpreter(image, settings))
        }
        (Root::Volume(volume), Python::Image(image)) => {
            let connection = Connection::open(settings)?;
            let report = sync_volume(task, &connection, volume, image)?;
            if report.sync.changed && !options.dry_run {
                connection.keep(volume, events)?;
            }
            Ok(report)
        }
        (Root::Volume(volume), Python::Host(_) | Python::Managed(_)) => {
            Err(Error::NoImage { volume: volume.clone(), why: settings.no_image.clone() })
        }
    }
}

/// Whether an environment is not there yet.
pub(crate) fn is_new(root: &Path, settings: &Settings) -> bool {
    let current = || {
        let root = pyfast_root::Root::find(root, root).ok()??;
        current_of(&root.project_env(&subject(settings).name().ok()?).ok()??).ok()?
    };
    current().is_none()
}

/// An implementation of Python as people write it.
fn name(implementation: &str) -> &str {
    match implementation {
        "cpython" => "CPython",
        "pypy" => "PyPy",
        "graalpy" => "GraalPy",
        other => other,
    }
}

/// A volume, directly where this process can write it, else through a container.
fn sync_volume(
    task: Task<'_>,
    connection: &Connection,
    name: &str,
    image: &str,
) -> Result<Report, Error> {
    let Task { options, settings, .. } = task;
    let id = connection.image_id(image)?;
    let identity = match settings.from_channels() {
        Some(what) => format!("{id} {}", managed::print(task, what)?),
        None => id.clone(),
    };
    let outside = Outside::new(connection, name, image, settings);
    if let Some(report) = unchanged_outside(task, &outside, identity.clone())? {
        return Ok(report);
    }
    let project = settings.project.name();
    let mut volume = if options.dry_run {
        connection.found_volume(name)?
    } else {
        connection.volume(name, image, &project)?
    };
    let unreachable = engine::direct(&volume).is_none();
    if options.dry_run && unreachable {
        // Its container needs this program there.
        volume = connection.volume(name, image, &project)?;
    }
    let place = VolumePlace::new(connection, &volume, image, settings);
    let bring = |what| managed::bring(task, what, &Ground::volume(&place, id));
    let managed = settings.from_channels().map(bring).transpose()?;
    let native = Channels::new(managed, || libraries::of_image(image, connection, settings))?;
    let probe = || match native.python() {
        Some(prefix) => connection.brought_interpreter(image, name, prefix, settings),
        None => connection.interpreter(image, settings),
    };
    if let Some(written) = engine::direct(&volume) {
        let (seen, habitat) = (MOUNT_POINT.into(), Habitat::Volume);
        let at = At { written, seen, habitat, native: native.clone() };
        let later = afterwards::may_come(task, at.habitat, &probe)?;
        let compiles = task.install().compile.unwrap_or_else(|| at.habitat.compiles()) && !later;
        // Only the image's own Python can compile for it then.
        if !compiles || compiling_python(settings, &probe()?).is_some() {
            // One that was brought for a sync that failed since is not the environment's. Whoever looks at a volume from
            // outside, as before the ways below, does not see which it is.
            return in_directory(task, at, native.identity(identity), &probe);
        }
    }
    let later = afterwards::may_come(task, Habitat::Volume, &probe)?;
    let hands = Hands::elsewhere(task, Elsewhere::new(task, &place), Box::new(probe));
    let hands = hands.locking(native.lock());
    let asked = Asked { identity, later, libraries: native.libraries.clone() };
    let outcome = run(task, &place, &hands, asked);
    hands.end();
    if let Ok(report) = &outcome
        && !report.sync.changed
        && let Some(look) = place.looked().filter(|look| !look.compiling)
    {
        outside.keep(look)?;
    }
    outcome
}

/// What a sync gives that finds, from outside, nothing to do.
fn unchanged_outside(
    task: Task<'_>,
    outside: &Outside<'_>,
    identity: String,
) -> Result<Option<Report>, Error> {
    let begun = Instant::now();
    let Some(look) = outside.look()? else { return Ok(None) };
    // Only what waits for nothing was kept.
    let asked = Asked { identity, later: true, libraries: None };
    let request = request(task, Habitat::Volume, Path::new(MOUNT_POINT), asked)?;
    let facts = unchanged(&request, look);
    Ok(facts.map(|facts| Report::untouched(SyncReport::unchanged(facts, begun.elapsed()))))
}

/// Where a root is.
struct At {
    /// As this process writes it.
    written: PathBuf,
    /// As Python will see it.
    seen: PathBuf,
    /// Who writes to its environments.
    habitat: Habitat,
    /// What was brought for it.
    native: Channels,
}

/// What was brought from channels for an environment.
#[derive(Clone, Default)]
struct Channels {
    brought: Option<Managed>,
    /// Libraries beside an interpreter that is there.
    libraries: Option<Native>,
}

impl Channels {
    fn new(
        brought: Option<Managed>,
        of_system: impl FnOnce() -> Result<Known, Error>,
    ) -> Result<Self, Error> {
        let beside = brought.as_ref().filter(|brought| brought.prefix.python.is_none());
        let lacking = |brought: &Managed| Ok::<_, Error>(lacking(&brought.prefix, &of_system()?));
        let libraries = beside.map(lacking).transpose()?;
        Ok(Self { brought, libraries })
    }

    /// The prefix that its interpreter lies in.
    fn python(&self) -> Option<&Prefix> {
        let prefix = self.brought.as_ref().map(|brought| &brought.prefix);
        prefix.filter(|prefix| prefix.python.is_some())
    }

    /// What its lock says of it.
    fn lock(&self) -> Option<NativeLock> {
        self.brought.as_ref().map(|brought| brought.native.clone())
    }

    /// The identity of an interpreter with it.
    fn identity(&self, interpreter: String) -> String {
        let Some(brought) = &self.brought else { return interpreter };
        let libraries = self.libraries.iter().flat_map(|native| &native.libraries);
        let libraries: Vec<&str> = libraries.map(String::as_str).collect();
        format!("{interpreter} {} {}", brought.prefix.id, libraries.join(" "))
    }
}

/// A root that this process writes.
fn in_directory(
    task: Task<'_>,
    at: At,
    identity: String,
    probe: &dyn Fn() -> Result<Interpreter, Error>,
) -> Result<Report, Error> {
    let Task { settings, events, .. } = task;
    let At { written, seen, habitat, native } = at;
    let compile = task.install().compile.unwrap_or_else(|| habitat.compiles());
    let later = afterwards::may_come(task, habitat, probe)?;
    let hands = Hands::here(task, compile && !later, Box::new(probe)).locking(native.lock());
    let (subject, sink, begun) = (subject(settings), sink(events), Begun::default());
    let place = Directory { written, seen, habitat, subject, sink, means: Some(&hands), begun };
    let outcome = run(task, &place, &hands, Asked { identity, later, libraries: native.libraries });
    if let Ok(report) = &outcome
        && report.untouched
        && !task.options.dry_run
        && let Ok(Some(root)) = pyfast_root::Root::find(&place.written, &place.seen)
    {
        // What one that was killed with its environment made has left; no store was opened, which would have done it.
        Workspace::sweep(&root);
    }
    if let Ok(report) = &outcome
        && report.plan.is_none()
        && place.written == place.seen
        && !settings.is_of_one_run()
    {
        venv::link(task, report);
    }
    drop(place);
    hands.end();
    outcome
}

/// What is asked besides of a sync.
struct Asked {
    /// The interpreter's identity.
    identity: String,
    /// Whether bytecode may come later.
    later: bool,
    /// Native libraries beside the interpreter.
    libraries: Option<Native>,
}

fn run(
    task: Task<'_>,
    place: &dyn Place,
    hands: &Hands<'_>,
    asked: Asked,
) -> Result<Report, Error> {
    let started = Instant::now();
    let request = request(task, place.habitat(), place.seen(), asked)?;
    let report = match plan_sync(&request, place, hands, SystemTime::now())? {
        Planned::Unchanged(report) => return Ok(Report::untouched(*report)),
        Planned::Ready(ready) if task.options.dry_run => tried(&ready),
        Planned::Ready(mut ready) => {
            hands.pack(&mut ready)?;
            hands.installing();
            let (now, lock) = (SystemTime::now(), Some(lock_text(&ready)));
            let report = Report::done(pyfast_environment::sync(*ready, place, hands, now)?);
            Report { lock, ..report }
        }
    };
    for warning in &report.sync.warnings {
        task.tell(Event::Warning(warning.clone()));
    }
    for detail in &report.sync.details {
        task.tell(Event::Detail(detail.clone()));
    }
    Ok(report.took(started.elapsed()))
}

/// What would be done.
fn tried(ready: &ReadyPlan) -> Report {
    let plan = &ready.plan;
    let sync = SyncReport {
        facts: plan.facts().clone(),
        changed: plan.activates(),
        changes: plan.changes().clone(),
        ..SyncReport::default()
    };
    Report { plan: Some(plan.to_string()), lock: Some(lock_text(ready)), ..Report::done(sync) }
}

/// The lock that a plan installs; the user's own where there is one, which is for all of its targets.
fn lock_text(ready: &ReadyPlan) -> String {
    let own = ready.own_lock.as_ref().map(|(_, text)| text.as_str());
    own.unwrap_or_else(|| ready.plan.lock()).to_owned()
}

fn request(
    task: Task<'_>,
    habitat: Habitat,
    seen: &Path,
    asked: Asked,
) -> Result<SyncRequest, Error> {
    let Asked { identity, later, libraries } = asked;
    let Task { options, settings, .. } = task;
    let ResolveFlags { upgrade, upgrade_package, .. } = &options.resolve;
    Ok(SyncRequest {
        lock_use: lock_use(task)?,
        upgrade: *upgrade || !upgrade_package.is_empty(),
        dry_run: options.dry_run,
        cause: options.cause,
        options: InstallOptions { native: libraries, ..task.install() },
        later,
        setting: setting::setting(task, habitat, seen, identity),
        variables: settings.variables.all().clone(),
        drafts: options.drafts.clone(),
    })
}

/// What becomes of the lock: one that stands where requirements do is installed as it is.
pub(crate) fn lock_use(Task { options, settings, .. }: Task<'_>) -> Result<LockUse, Error> {
    if options.lock_use == LockUse::Frozen {
        return Ok(LockUse::Frozen);
    }
    match lock_alone(&options.resolve, settings) {
        Ok(Some(_)) => Ok(LockUse::Frozen),
        // What is wrong with requirements is told where they are read.
        Err(error @ Error::LockNotAlone { .. }) => Err(error),
        Ok(None) | Err(_) => Ok(options.lock_use),
    }
}
