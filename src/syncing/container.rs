//! A sync into a volume that only containers can write: resolved on this machine, installed by this
//! binary in a helper container of the target image.
//!
//! The index' credentials stay here: the container gets the lock, whose URLs carry none. Files that
//! only this machine may fetch therefore need a volume it can write.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pyfast_installer::{Downloads, Layout, ProjectEnv, Store, Wanted};
use pyfast_launcher::{HelperFile, HelperRun, MOUNT_POINT, Output, StoreVolume, run_helper};
use pyfast_resolver::{Location, Lock};
use serde_json::Value;

use super::report::{Changes, Listed, Report, Timings, Updated};
use super::{LockUse, Options};
use crate::environment::host_python;
use crate::failure::{Code, Failure};
use crate::image::{Connection, direct};
use crate::progress::Progress;
use crate::resolving::{Outcome, Request, Session, read_inputs};
use crate::settings::Settings;
use crate::state::digest;

/// Where the helper container finds the lock and wheels, below a digest: files put into a container all have one time,
/// so that another lock of the same size would pass for the last one.
const PLACE: &str = "/run/pyfast";

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
    let session =
        Session::new(settings, &inputs.set, host.as_deref(), settings.cache_directory()?)?;
    let progress = Progress::new(settings.ui);
    progress.step("resolving");
    let request =
        Request { set: &inputs.set, args: &options.resolve, target: &target, previous: None };
    let Outcome { mut lock, warnings, .. } = session.resolve(&request, None)?;
    let resolve = started.elapsed();
    refuse_sources(&lock)?;
    for warning in warnings {
        settings.ui.warning(warning);
    }
    let key = digest(lock.to_toml(Path::new("/")).as_bytes());
    let place = format!("{PLACE}/{}", &key[..16]);
    let mut files = Vec::new();
    let mut taken = BTreeSet::new();
    let reachable = direct(volume);
    if let Some(root) = &reachable {
        fetch(root, &session, &lock, &progress)?;
    }
    for package in &mut lock.packages {
        let Location::Path(path) = &package.location else { continue };
        if reachable.is_some() {
            // It is in the store already.
            continue;
        }
        let bytes = fs_err::read(path).map_err(|error| {
            Failure::new("bad-wheel", format!("cannot read a wheel: {error}"), Code::Mendable)
        })?;
        let inside = format!("{place}/wheels/{}", package.filename);
        if taken.insert(inside.clone()) {
            files.push(HelperFile { path: inside.clone(), bytes, mode: 0o644 });
        }
        package.location = Location::Path(inside.into());
    }
    let text = lock.to_toml(Path::new(&place));
    let path = format!("{place}/pylock.toml");
    files.push(HelperFile { path: path.clone(), bytes: text.into_bytes(), mode: 0o644 });
    progress.step("installing in a container");
    let name = ProjectEnv::new(&settings.project.name(), &settings.env)?;
    // What is in the store needs no network.
    let network = if reachable.is_some() { "none" } else { helper_network(settings) };
    let helper = Helper { connection, volume, image, network, files: &files, lock: &path };
    let answer = helper.install(options, &name, settings);
    progress.done();
    let mut report = read_report(&answer?)?;
    report.timings.resolve = resolve;
    report.timings.total = started.elapsed();
    Ok(report)
}

/// A helper container installs wheels only.
fn refuse_sources(lock: &Lock) -> Result<(), Failure> {
    let mut packages = lock.packages.iter();
    let Some(source) = packages.find(|package| package.filename.source().is_some()) else {
        return Ok(());
    };
    let (name, version) = (&source.name, &source.version);
    let message =
        format!("cannot build {name}=={version}: a helper container installs wheels only");
    Err(Failure::new("build", message, Code::Mendable)
        .hint("run pyfast where it can write the volume, or leave sources out with --no-build"))
}

/// Files come from the index; an engine whose bridge has no network has the host's.
fn helper_network(settings: &Settings) -> &str {
    settings.environment.get("PYFAST_HELPER_NETWORK").unwrap_or("bridge")
}

/// Has every wheel in the store of a volume that this machine can write.
fn fetch(root: &Path, session: &Session, lock: &Lock, progress: &Progress) -> Result<(), Failure> {
    let layout = Layout::open(root, Path::new(MOUNT_POINT))?;
    let store = Arc::new(Store::open(&layout)?);
    let client = Arc::clone(&session.client);
    let downloads = Downloads::new(store, client, None, session.runtime.handle(), progress.sink());
    progress.expect(lock.packages.len());
    Ok(downloads.finish(&lock.packages.iter().filter_map(Wanted::of).collect::<Vec<_>>())?)
}

struct Helper<'a> {
    connection: &'a Connection,
    volume: &'a StoreVolume,
    image: &'a str,
    network: &'a str,
    files: &'a [HelperFile],
    /// Path of the lock among the files.
    lock: &'a str,
}

impl Helper<'_> {
    /// Runs the helper and gives what it printed.
    fn install(
        &self,
        options: &Options,
        name: &ProjectEnv,
        settings: &Settings,
    ) -> Result<String, Failure> {
        let Self { connection, volume, image, network, files, lock } = *self;
        let mut arguments: Vec<String> = [
            "sync",
            "--frozen",
            "--no-index",
            "--root",
            "/pyfast",
            "--json",
            "-r",
            lock,
            "--env",
            name.env(),
        ]
        .map(str::to_owned)
        .into();
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
        let mut environment = vec![("PYFAST_PROJECT_NAME".to_owned(), name.project().to_owned())];
        let mut files = files.to_vec();
        // The helper trusts whom this machine trusts; the image may have no certificates at all.
        if let Some(bytes) =
            settings.environment.get("SSL_CERT_FILE").and_then(|path| fs_err::read(path).ok())
        {
            let path = "/run/pyfast/certificates.pem".to_owned();
            environment.push(("SSL_CERT_FILE".to_owned(), path.clone()));
            files.push(HelperFile { path, bytes, mode: 0o644 });
        }
        let run = HelperRun {
            image,
            volume: &volume.name,
            arguments: &arguments,
            files: &files,
            network,
            environment: &environment,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut collect = |output: Output<'_>| match output {
            Output::Stdout(bytes) => out.extend_from_slice(bytes),
            Output::Stderr(bytes) => err.extend_from_slice(bytes),
        };
        let code = connection.wait(run_helper(&connection.docker, &run, &mut collect))?;
        let text = String::from_utf8_lossy(&out).into_owned();
        if code == 0 {
            return Ok(text);
        }
        let told: Option<Value> = serde_json::from_str(&text).ok();
        let message =
            told.as_ref().and_then(|told| told["error"]["message"].as_str()).map(str::to_owned);
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(&err).trim().to_owned());
        Err(Failure::new("helper", format!("in a container of {image}: {message}"), Code::Mendable))
    }
}

/// The report that the helper printed.
fn read_report(text: &str) -> Result<Report, Failure> {
    let broken = || {
        Failure::new("helper", format!("the helper container answered `{text}`"), Code::Mendable)
    };
    let mut facts: Value = serde_json::from_str(text).map_err(|_garbled| broken())?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| -> Vec<Value> { facts[key].as_array().cloned().unwrap_or_default() };
    let listed = |key: &str| -> Vec<Listed> {
        list(key)
            .iter()
            .map(|p| Listed { name: text(p, "name"), version: text(p, "version") })
            .collect()
    };
    let updated = list("updated");
    let updated = updated.iter().map(|p| Updated {
        name: text(p, "name"),
        from: text(p, "from"),
        to: text(p, "to"),
    });
    let changes =
        Changes { added: listed("added"), removed: listed("removed"), updated: updated.collect() };
    let changed = facts["changed"].as_bool().ok_or_else(broken)?;
    if let Some(object) = facts.as_object_mut() {
        for key in ["changed", "added", "removed", "updated", "timings_ms"] {
            object.remove(key);
        }
    }
    let timings = Timings::default();
    Ok(Report { facts, changed, changes, timings, fetched: 0, dry_run: false, plan: Vec::new() })
}
