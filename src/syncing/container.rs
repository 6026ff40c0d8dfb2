//! A sync into a volume that only containers can write: resolved on this machine, installed by this
//! binary in a helper container of the target image.
//!
//! The index' credentials stay here: the container gets the lock, whose URLs carry none. Files that
//! only this machine may fetch therefore need a volume it can write.
//! Sources are built by the interpreter that the environment is for, in containers that see no volume
//! (`container/workplace`); the one that writes the volume gets wheels, and builds nothing.

mod kept;
mod sources;
mod workplace;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use pyfast_environment::{Changes, Facts, SyncReport, digest};
use pyfast_installer::{Downloads, Event, Store, Wanted};
use pyfast_launcher::volume::{HelperFile, MOUNT_POINT, StoreVolume};
use pyfast_packaging::dist_file::Location;
use pyfast_resolver::{Lock, Locked, Targets};
use pyfast_root::{ProjectEnv, Root, Waiting};
use serde::Deserialize as _;
use serde_json::Value;

use super::report::Report;
use super::{LockUse, Options};
use crate::building::CARRIED_WHEELS;
use crate::engine::{Connection, direct};
use crate::environment::host_python;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::resolving::{Session, lock_request, read_inputs};
use crate::settings::Settings;
use crate::volume_place::{Call, FILES, VolumePlace, file, helper_network};
use sources::Builds;
use workplace::Workplace;

/// Syncs through a helper container.
pub(super) fn sync(
    options: &Options,
    settings: &Settings,
    connection: &Connection,
    volume: &StoreVolume,
    image: &str,
) -> Result<Report, Failure> {
    let started = Instant::now();
    let interpreter = connection.interpreter(image, settings)?;
    let target = interpreter.target();
    let inputs = read_inputs(&options.resolve, settings)?;
    if options.lock_use != LockUse::Update || options.dry_run {
        let message =
            "--locked, --frozen and --dry-run need a volume that this machine can write".to_owned();
        return Err(Failure::usage(message).hint("run pyfast as root, or leave the option out"));
    }
    let host = host_python(settings, Some(&interpreter));
    let mut session =
        Session::new(settings, &inputs.set, host.as_deref(), settings.cache_directory()?)?;
    let progress = Progress::new(settings.ui);
    progress.step("resolving");
    let targets = Targets::One(target);
    let request = lock_request(&inputs.set, &options.resolve, targets, Vec::new())?;
    let helper = VolumePlace { connection, volume, image, settings };
    let workplace = Workplace::new(&helper, &options.resolve, &session, &interpreter)?;
    let builds = Builds::new(&options.resolve, workplace);
    let resolved = builds.resolve(&mut session, &request);
    if resolved.is_err() {
        progress.done();
    }
    let Locked { mut lock, warnings, .. } = resolved?;
    let resolve = started.elapsed();
    for warning in warnings {
        settings.ui.warning(warning);
    }
    let carried = builds.wheels(&lock, &session, (&inputs.set.index, &progress));
    if carried.is_err() {
        progress.done();
    }
    let carried = carried?;
    let reachable = direct(volume);
    if let Some(root) = &reachable {
        fetch(root, &session, &lock, &progress)?;
    }
    progress.step("installing in a container");
    let job = Job { options, builds: &builds, carried: &carried, reachable: reachable.is_some() };
    let answer = helper.run(job.call(&mut lock, settings)?);
    progress.done();
    let mut report = read_report(&answer?)?;
    report.timings.resolve = resolve;
    report.timings.total = started.elapsed();
    Ok(Report::done(report))
}

/// What is to be installed.
struct Job<'a> {
    options: &'a Options,
    builds: &'a Builds<'a>,
    /// Wheels of its sources, and what tells their builds apart.
    carried: &'a BTreeMap<String, Bytes>,
    /// Whether the wheels are in the store already.
    reachable: bool,
}

impl Job<'_> {
    /// The run that installs; the paths of a lock's wheels become those inside.
    fn call<'s>(&self, lock: &mut Lock, settings: &'s Settings) -> Result<Call<'s>, Failure> {
        let place = place(lock, self.carried);
        let mut files = if self.reachable { Vec::new() } else { wheels(lock, &place)? };
        let path = format!("{place}/pylock.toml");
        files.push(file(path.clone(), lock.to_toml(Path::new(&place)).as_bytes()));
        let name = ProjectEnv::new(&settings.project.name(), &settings.env)?;
        let mut arguments = install_arguments(self.options, &name, &path);
        let mut variables = vec![
            ("PYFAST_PROJECT_NAME".to_owned(), name.project().to_owned()),
            settings.claim_variable(),
        ];
        // Whatever comes with a package, its code does not run where the volume can be written.
        arguments.extend(["--no-index".to_owned(), "--no-build".to_owned()]);
        if !self.carried.is_empty() {
            // A build is told apart by what shapes it, also where it is only remembered.
            arguments.extend(self.builds.workplace.shape.iter().cloned());
            files.extend(self.builds.workplace.files.iter().cloned());
            let built = format!("{place}/built");
            let carried = self.carried.iter();
            files.extend(carried.map(|(name, bytes)| file(format!("{built}/{name}"), bytes)));
            variables.push((CARRIED_WHEELS.to_owned(), built));
        }
        // What is in the store needs no network.
        let network = if self.reachable { "none" } else { helper_network(settings) };
        Ok(Call { arguments, files, variables, network })
    }
}

/// The wheels of this machine, which the container gets.
fn wheels(lock: &mut Lock, place: &str) -> Result<Vec<HelperFile>, Failure> {
    let (mut files, mut taken) = (Vec::new(), BTreeSet::new());
    for package in lock.packages.iter_mut().filter(|package| package.filename.wheel().is_some()) {
        let Location::Path(path) = &package.location else { continue };
        let bytes = fs_err::read(path).map_err(|error| {
            Failure::new("bad-wheel", format!("cannot read a wheel: {error}"), Code::Mendable)
        })?;
        let inside = format!("{place}/wheels/{}", package.filename);
        if taken.insert(inside.clone()) {
            files.push(file(inside.clone(), &bytes));
        }
        package.location = Location::Path(inside.into());
    }
    Ok(files)
}

/// Where the files of this lock and these sources are in the container.
fn place(lock: &Lock, carried: &BTreeMap<String, Bytes>) -> String {
    let mut all = lock.to_toml(Path::new("/"));
    for (name, bytes) in carried {
        all.push_str(name);
        all.push_str(&digest(bytes));
    }
    format!("{FILES}/{}", &digest(all.as_bytes())[..16])
}

/// Has every wheel in the store of a volume that this machine can write.
fn fetch(root: &Path, session: &Session, lock: &Lock, progress: &Progress) -> Result<(), Failure> {
    let root = Root::create(root, Path::new(MOUNT_POINT))?;
    let sink = progress.sink();
    let waiting = move |waiting: &Waiting| sink(Event::Waiting(waiting.clone()));
    let store = Arc::new(Store::open(&root, &waiting)?);
    let client = Arc::clone(&session.client);
    let downloads = Downloads::new(store, client, None, session.runtime.handle(), progress.sink());
    progress.expect(lock.packages.len());
    Ok(downloads.finish(&lock.packages.iter().filter_map(Wanted::of).collect::<Vec<_>>())?)
}

/// The arguments of the sync inside.
fn install_arguments(options: &Options, name: &ProjectEnv, lock: &str) -> Vec<String> {
    let fixed =
        ["sync", "--frozen", "--root", MOUNT_POINT, "--json", "-r", lock, "--env", name.env()];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
    for (wanted, flag) in [
        (options.strict, "--strict"),
        (options.verify, "--verify"),
        (options.reinstall, "--reinstall"),
    ] {
        arguments.extend(wanted.then(|| flag.to_owned()));
    }
    match options.compile {
        Some(true) => arguments.push("--compile".to_owned()),
        Some(false) => arguments.push("--no-compile".to_owned()),
        None => {}
    }
    arguments
}

/// The report that the helper printed.
fn read_report(text: &str) -> Result<SyncReport, Failure> {
    let broken = |_garbled| {
        Failure::new("helper", format!("the helper container answered `{text}`"), Code::Mendable)
    };
    let told: Value = serde_json::from_str(text).map_err(broken)?;
    let facts = Facts::deserialize(&told).map_err(broken)?;
    let changes = Changes::deserialize(&told).map_err(broken)?;
    let changed = bool::deserialize(&told["changed"]).map_err(broken)?;
    Ok(SyncReport { facts, changed, changes, ..SyncReport::default() })
}
