//! `pyfast run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::entry::{Entry, EntryEvent, exec, is_read_only};

use crate::commands::sync;
use crate::failure::Failure;
use crate::settings::{Root, Settings, own_root};
use crate::ui::duration;

/// Run a command in the environment, syncing first where that is possible
///
/// In a container that mounts the volume read-only it is the entrypoint: it waits for an environment,
/// and then becomes the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast run -- python -m app\n  pyfast run -r requirements.txt -- pytest -q\n  \
                  docker run -v pyfast-app:/pyfast:ro,nocopy --entrypoint /pyfast/bin/pyfast app run -- uvicorn app:app"
)]
pub(crate) struct Args {
    /// A requirements file to sync first
    #[arg(short, long = "requirements", visible_alias = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,
    /// Never sync, even where a requirements file is found
    #[arg(long, env = "PYFAST_NO_SYNC")]
    no_sync: bool,
    /// How long to wait for an environment on a read-only mount, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, env = "PYFAST_WAIT")]
    wait: u64,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let root = match &settings.root {
        Root::Directory(root) => root.clone(),
        Root::Volume(_) => own_root().ok_or_else(|| {
            Failure::usage("`pyfast run` works on a directory, and the root is a volume".to_owned())
                .hint("inside a container the entrypoint /pyfast/bin/pyfast finds its own volume; on this machine give --root DIR")
        })?,
    };
    let in_volume = own_root().is_some_and(|own| own == root);
    let read_only = is_read_only(&root).unwrap_or(false);
    let synced = !args.no_sync && !read_only && sync_first(args, settings, in_volume)?;
    let project = match &settings.common.project_name {
        Some(name) => Some(name.clone()),
        // A volume that holds one project needs no name.
        None if in_volume && !synced => None,
        None => Some(settings.project.name()),
    };
    let entry = Entry {
        root,
        project,
        env: settings.env.clone(),
        argv: args.command.clone(),
        environment: std::env::vars_os().collect(),
        wait: if read_only { Duration::from_secs(args.wait) } else { Duration::ZERO },
    };
    let ui = settings.ui;
    let error = exec(&entry, &|event| match event {
        EntryEvent::Waiting { left, .. } => ui.note(format!(
            "waiting for an environment (run `pyfast sync` for this volume); giving up in {}",
            duration(left)
        )),
        EntryEvent::NoLease { reason, .. } => {
            ui.warning(format!("cannot lock the environment against collection: {reason}"));
        }
    });
    Err(failure(error))
}

/// Syncs where there are requirements; says whether it did.
fn sync_first(args: &Args, settings: &Settings, in_volume: bool) -> Result<bool, Failure> {
    let found = settings.project.requirements(&args.requirements, &settings.env);
    match found {
        Ok(_) => {}
        // Without requirements there may still be an environment to run in.
        Err(_) if args.requirements.is_empty() => return Ok(false),
        Err(failure) => return Err(failure),
    }
    // A container's volume is filled from outside unless its entrypoint names requirements.
    if in_volume && args.requirements.is_empty() && settings.project.config.env.is_empty() {
        return Ok(false);
    }
    sync::ensure(args.requirements.clone(), settings)?;
    Ok(true)
}

/// The shell's codes for commands that cannot be run.
fn failure(error: LaunchError) -> Failure {
    let code = match &error {
        LaunchError::CommandNotFound { .. } | LaunchError::CommandBroken { .. } => 127,
        LaunchError::NotExecutable { .. } => 126,
        LaunchError::Interrupted { signal } => {
            128_u8.saturating_add(u8::try_from(*signal).unwrap_or(127))
        }
        _ => return Failure::from(error),
    };
    let mut failure = Failure::from(error);
    failure.code = code;
    failure
}
