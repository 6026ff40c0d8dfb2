//! `pyfast run`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::entry::{
    Entry, EntryEvent, StopSignal, Supervision, exec, is_read_only, supervise,
};

use crate::args::short_find_links;
use crate::commands::sync;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::ui::{Ui, duration};
use pyfast_settings::Root;

/// Run a command in the environment, syncing first where that is possible
///
/// In a container that mounts the volume read-only it is the entrypoint: it waits for an environment,
/// and then becomes the command. With --supervise it stays in front of the command, and starts it again
/// whenever another environment becomes current.
#[derive(Debug, clap::Args)]
#[command(
    arg = short_find_links(),
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
    /// Stay in front of the command: pass signals on, reap orphans, and start it again in each new environment
    #[arg(long, env = "PYFAST_SUPERVISE", value_parser = clap::builder::FalseyValueParser::new())]
    supervise: bool,
    /// The signal that asks the command to end for a new environment
    #[arg(long, value_name = "SIGNAL", default_value = "TERM", env = "PYFAST_STOP_SIGNAL")]
    stop_signal: StopSignal,
    /// How long the command has to end before it is killed, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, env = "PYFAST_GRACE")]
    grace: u64,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let root = match &settings.root {
        Root::Directory(root) => root.clone(),
        Root::Volume(_) => settings.own_root.clone().ok_or_else(|| {
            Failure::usage("`pyfast run` works on a directory, and the root is a volume".to_owned())
                .hint("inside a container the entrypoint /pyfast/bin/pyfast finds its own volume; on this machine give --root DIR")
        })?,
    };
    let in_volume = settings.own_root.as_ref().is_some_and(|own| *own == root);
    let read_only = is_read_only(&root).unwrap_or(false);
    let synced = !args.no_sync && !read_only && sync_first(args, settings, in_volume)?;
    let project = match &settings.flags.project_name {
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
    let tell = |event| tell(ui, event);
    if args.supervise {
        let supervision =
            Supervision { stop_signal: args.stop_signal, grace: Duration::from_secs(args.grace) };
        return supervise(&entry, &supervision, &tell).map(ExitCode::from).map_err(failure);
    }
    Err(failure(exec(&entry, &tell)))
}

fn tell(ui: Ui, event: EntryEvent) {
    match event {
        EntryEvent::Waiting { left, .. } => ui.note(format!(
            "waiting for an environment (run `pyfast sync` for this volume); giving up in {}",
            duration(left)
        )),
        EntryEvent::NoLease { reason, .. } => {
            ui.warning(format!("cannot lock the environment against collection: {reason}"));
        }
        EntryEvent::Restarting { generation } => {
            ui.note(format!("restarting the command in the new environment {}", id(&generation)));
        }
        EntryEvent::Kept { generation, reason } => ui.warning(format!(
            "the command keeps its environment, it does not start in the new one, {}: {reason}",
            id(&generation)
        )),
        EntryEvent::Killed { grace } => {
            ui.warning(format!("the command did not end within {}, killed", duration(grace)));
        }
    }
}

fn id(generation: &Path) -> String {
    generation.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Syncs where there are requirements; says whether it did.
fn sync_first(args: &Args, settings: &Settings, in_volume: bool) -> Result<bool, Failure> {
    let found = settings.project.requirements(&args.requirements, &settings.env);
    match found {
        Ok(_) => {}
        // Without requirements there may still be an environment to run in.
        Err(_) if args.requirements.is_empty() => return Ok(false),
        Err(error) => return Err(error.into()),
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
