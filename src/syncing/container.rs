//! A sync into a volume that only containers can write: resolved on this machine, installed by this
//! binary in a helper container of the target image.
//!
//! The index' credentials stay here: the container gets the lock, whose URLs carry none. Files that
//! only this machine may fetch therefore need a volume it can write.

use std::collections::BTreeSet;
use std::time::Instant;

use pyfast_installer::ProjectEnv;
use pyfast_launcher::{HelperFile, HelperRun, Output, StoreVolume, run_helper};
use pyfast_resolver::Location;
use serde_json::Value;

use super::report::{Changes, Listed, Report, Timings, Updated};
use super::{LockUse, Options};
use crate::environment::host_python;
use crate::failure::{Code, Failure};
use crate::image::Connection;
use crate::progress::Progress;
use crate::resolving::{Session, read_inputs};
use crate::settings::Settings;

/// Where the helper container finds the lock.
const LOCK: &str = "/run/pyfast/pylock.toml";

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
    if options.lock_use != LockUse::Update {
        let message = "--locked and --frozen need a volume that this machine can write".to_owned();
        return Err(Failure::usage(message).hint("run pyfast as root, or leave the option out"));
    }
    let host = host_python(settings, Some(&interpreter));
    let session = Session::new(settings, &inputs.set.index, host.as_deref(), settings.cache_directory()?)?;
    let progress = Progress::new(settings.ui);
    progress.step("resolving");
    let (lock, warnings) = session.resolve(&inputs.set, &options.resolve, &target, None, None)?;
    let resolve = started.elapsed();
    for warning in warnings {
        settings.ui.warning(warning);
    }
    let mut lock = lock;
    let mut files = Vec::new();
    let mut taken = BTreeSet::new();
    for package in &mut lock.packages {
        let Location::Path(path) = &package.location else { continue };
        let bytes = fs_err::read(path).map_err(|error| {
            Failure::new("bad-wheel", format!("cannot read a wheel: {error}"), Code::Mendable)
        })?;
        let inside = format!("/run/pyfast/wheels/{}", package.filename);
        if taken.insert(inside.clone()) {
            files.push(HelperFile { path: inside.clone(), bytes, mode: 0o644 });
        }
        package.location = Location::Path(inside.into());
    }
    let text = lock.to_toml(std::path::Path::new("/run/pyfast"));
    files.push(HelperFile { path: LOCK.to_owned(), bytes: text.into_bytes(), mode: 0o644 });
    progress.step("installing in a container");
    let name = ProjectEnv::new(&settings.project.name(), &settings.env)?;
    let answer = install(options, connection, volume, image, &files, &name, settings);
    progress.done();
    let mut report = read_report(&answer?)?;
    report.timings.resolve = resolve;
    report.timings.total = started.elapsed();
    Ok(report)
}

/// Runs the helper and gives what it printed.
fn install(
    options: &Options,
    connection: &Connection,
    volume: &StoreVolume,
    image: &str,
    files: &[HelperFile],
    name: &ProjectEnv,
    settings: &Settings,
) -> Result<String, Failure> {
    let mut arguments: Vec<String> =
        ["sync", "--frozen", "--json", "-r", LOCK, "--env", name.env()].map(str::to_owned).into();
    match options.compile {
        Some(true) => arguments.push("--compile".to_owned()),
        Some(false) => arguments.push("--no-compile".to_owned()),
        None => {}
    }
    let environment = [("PYFAST_PROJECT_NAME".to_owned(), name.project().to_owned())];
    let run = HelperRun {
        image,
        volume: &volume.name,
        arguments: &arguments,
        files,
        // Files come from the index; an engine whose bridge has no network has the host's.
        network: settings.environment.get("PYFAST_HELPER_NETWORK").unwrap_or("bridge"),
        environment: &environment,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut collect = |output: Output<'_>| match output {
        Output::Stdout(bytes) => out.extend_from_slice(bytes),
        Output::Stderr(bytes) => err.extend_from_slice(bytes),
    };
    let code = connection.runtime.block_on(run_helper(&connection.docker, &run, &mut collect))?;
    let text = String::from_utf8_lossy(&out).into_owned();
    if code == 0 {
        return Ok(text);
    }
    let told: Option<Value> = serde_json::from_str(&text).ok();
    let message = told.as_ref().and_then(|told| told["error"]["message"].as_str()).map(str::to_owned);
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(&err).trim().to_owned());
    Err(Failure::new("helper", format!("in a container of {image}: {message}"), Code::Mendable))
}

/// The report that the helper printed.
fn read_report(text: &str) -> Result<Report, Failure> {
    let broken = || Failure::new("helper", format!("the helper container answered `{text}`"), Code::Mendable);
    let mut facts: Value = serde_json::from_str(text).map_err(|_| broken())?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| -> Vec<Value> { facts[key].as_array().cloned().unwrap_or_default() };
    let listed = |key: &str| -> Vec<Listed> {
        list(key).iter().map(|p| Listed { name: text(p, "name"), version: text(p, "version") }).collect()
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
