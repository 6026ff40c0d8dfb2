//! From requirements to an activated environment: what `sync`, `run` and `up` share. Joins settings with the
//! crate that makes environments; owns where an environment is, and for which interpreter.

mod elsewhere;
mod hands;
mod here;
mod report;
mod setting;
mod venv;

use std::cell::OnceCell;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use pyfast_environment::place::{Directory, Place};
use pyfast_environment::report::{SyncReport, Timings};
use pyfast_environment::request::{InstallOptions, LockUse, SyncRequest};
use pyfast_environment::{Planned, ReadyPlan, plan_sync};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::{Habitat, LinkMode};
use pyfast_launcher::volume::MOUNT_POINT;

use crate::engine::{self, Connection};
use crate::environment::compiling_python;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::resolving::ResolveFlags;
use crate::settings::Settings;
use crate::volume_place::VolumePlace;
use pyfast_settings::interpreters;
use pyfast_settings::{Python, Root};

pub(crate) use hands::Hands;
pub(crate) use report::Report;

/// How to sync.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) resolve: ResolveFlags,
    pub(crate) lock_use: LockUse,
    pub(crate) dry_run: bool,
    /// `None`: as the place wants it.
    pub(crate) link_mode: Option<LinkMode>,
    /// `None`: as the place wants it.
    pub(crate) compile: Option<bool>,
    pub(crate) reinstall: bool,
    pub(crate) verify: bool,
    pub(crate) strict: bool,
}

/// Makes the environment what the requirements say.
pub(crate) fn sync(options: &Options, settings: &Settings) -> Result<Report, Failure> {
    readable(|| sync_shared(options, settings))
}

/// Makes several environments at once, each with how long it took; in the order of the settings.
pub(crate) fn sync_all(
    options: &Options,
    environments: &[Settings],
) -> Vec<(Result<Report, Failure>, Duration)> {
    let timed = |settings| {
        let begun = Instant::now();
        (sync_shared(options, settings), begun.elapsed())
    };
    readable(|| match environments {
        [one] => vec![timed(one)],
        several => std::thread::scope(|scope| {
            let threads: Vec<_> =
                several.iter().map(|settings| scope.spawn(move || timed(settings))).collect();
            let joined = threads.into_iter().map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect()
        }),
    })
}

/// Containers read the root as other users, whatever this user's mask is. The mask is the whole process'.
pub(crate) fn readable<T>(act: impl FnOnce() -> T) -> T {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let done = act();
    rustix::process::umask(mask);
    done
}

fn sync_shared(options: &Options, settings: &Settings) -> Result<Report, Failure> {
    match (&settings.root, &settings.python) {
        (Root::Directory(root), Python::Host(request)) => {
            let found = interpreters::find(request.as_deref(), settings)?;
            let cache = settings.cache_directory()?;
            let habitat = match &settings.own_root {
                Some(own) if own == root => Habitat::Volume,
                _ => Habitat::Host,
            };
            let at = At { written: root.clone(), seen: root.clone(), habitat };
            let identity = found.identity.clone();
            in_directory((options, settings), at, identity, &|| {
                Ok(interpreters::probe(&found, &cache)?)
            })
        }
        (Root::Directory(root), Python::Image(image)) => {
            let connection = Connection::open(settings)?;
            let (seen, habitat) = (MOUNT_POINT.into(), Habitat::Volume);
            let (at, id) =
                (At { written: root.clone(), seen, habitat }, connection.image_id(image)?);
            in_directory((options, settings), at, id, &|| connection.interpreter(image, settings))
        }
        (Root::Volume(volume), Python::Image(image)) => {
            let connection = Connection::open(settings)?;
            let report = sync_volume((options, settings), &connection, (volume, image))?;
            if report.sync.changed && !options.dry_run {
                connection.keep(volume, settings.ui)?;
            }
            Ok(report)
        }
        (Root::Volume(volume), Python::Host(_)) => Err(Failure::usage(format!(
            "the volume `{volume}` is for containers, and no image is given"
        ))
        .hint("give --image IMAGE, or `image` of the environment in pyfast.toml")),
    }
}

/// A volume, directly where this process can write it, else through a container.
fn sync_volume(
    (options, settings): (&Options, &Settings),
    connection: &Connection,
    (name, image): (&str, &str),
) -> Result<Report, Failure> {
    let identity = connection.image_id(image)?;
    let project = settings.project.name();
    let mut volume = if options.dry_run {
        connection.found_volume(name)?
    } else {
        connection.volume(name, image, &project)?
    };
    let probe = || connection.interpreter(image, settings);
    if let Some(written) = engine::direct(&volume) {
        let at = At { written, seen: MOUNT_POINT.into(), habitat: Habitat::Volume };
        let compiles = options.compile.unwrap_or_else(|| at.habitat.compiles());
        // Only the image's own Python can compile for it then.
        if !compiles || compiling_python(settings, &probe()?).is_some() {
            return in_directory((options, settings), at, identity, &probe);
        }
    } else if options.dry_run {
        // Its container needs this program there.
        volume = connection.volume(name, image, &project)?;
    }
    let place = VolumePlace::new(connection, &volume, image, settings);
    let progress = Progress::new(settings.ui);
    let elsewhere = elsewhere::Elsewhere::new(options, &place, &progress);
    let hands = Hands::elsewhere((options, settings), &progress, elsewhere, Box::new(probe));
    let outcome = run((options, settings), &place, &hands, identity);
    progress.done();
    hands.end();
    outcome
}

/// Where a root is.
struct At {
    /// As this process writes it.
    written: PathBuf,
    /// As Python will see it.
    seen: PathBuf,
    /// Who writes to its environments.
    habitat: Habitat,
}

/// A root that this process writes.
fn in_directory(
    (options, settings): (&Options, &Settings),
    at: At,
    identity: String,
    probe: &dyn Fn() -> Result<Interpreter, Failure>,
) -> Result<Report, Failure> {
    let progress = Progress::new(settings.ui);
    let At { written, seen, habitat } = at;
    let compile = options.compile.unwrap_or_else(|| habitat.compiles());
    let hands = Hands::here((options, settings), &progress, compile, Box::new(probe));
    let (subject, sink, site) = (settings.subject(), progress.sink(), OnceCell::new());
    let place = Directory { written, seen, habitat, subject, sink, means: Some(&hands), site };
    let outcome = run((options, settings), &place, &hands, identity);
    progress.done();
    if let Ok(report) = &outcome
        && report.plan.is_none()
        && place.written == place.seen
        && !settings.is_of_one_run()
    {
        venv::link(settings, &report.sync);
    }
    drop(place);
    hands.end();
    outcome
}

fn run(
    (options, settings): (&Options, &Settings),
    place: &dyn Place,
    hands: &Hands<'_>,
    identity: String,
) -> Result<Report, Failure> {
    let started = Instant::now();
    let request = request((options, settings), place, identity);
    let report = match plan_sync(&request, (place, hands), SystemTime::now())? {
        Planned::Unchanged(report) => return Ok(Report::done(*report)),
        Planned::Ready(ready) if options.dry_run => tried(&ready),
        Planned::Ready(mut ready) => {
            for warning in ready.plan.take_warnings() {
                settings.ui.warning(warning);
            }
            hands.pack(&mut ready)?;
            hands.installing();
            let now = SystemTime::now();
            Report::done(pyfast_environment::sync(*ready, (place, hands), now)?)
        }
    };
    for warning in &report.sync.warnings {
        settings.ui.warning(warning);
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
        timings: Timings::default(),
        fetched: 0,
        warnings: plan.warnings().to_vec(),
    };
    Report { sync, plan: Some(plan.to_string()) }
}

fn request(
    (options, settings): (&Options, &Settings),
    place: &dyn Place,
    identity: String,
) -> SyncRequest {
    let ResolveFlags { upgrade, upgrade_package, .. } = &options.resolve;
    let real = &settings.project.config.link.real;
    SyncRequest {
        lock_use: options.lock_use,
        upgrade: *upgrade || !upgrade_package.is_empty(),
        dry_run: options.dry_run,
        options: InstallOptions {
            link_mode: options.link_mode,
            real: real.iter().filter_map(|name| name.parse().ok()).collect(),
            strict: options.strict,
            compile: options.compile,
            prompt: Some(settings.prompt()),
            reinstall: options.reinstall,
            verify: options.verify,
        },
        setting: setting::setting(options, settings, place, identity),
        variables: settings.variables.all().clone(),
    }
}
