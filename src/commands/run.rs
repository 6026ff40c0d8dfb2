//! `pyfast run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use pyfast_launcher::entry::{
    Entry, EntryEvent, StopSignal, Supervision, exec, is_read_only, supervise,
};

use crate::args::short_find_links;
use crate::commands::sync;
use crate::failure::Failure;
use crate::remembered::Remembered;
use crate::settings::Settings;
use crate::ui::{Ui, duration};
use pyfast_settings::{Root, own_lock::environment_of};
use pyfast_stack::assumed::{Contained, contained};

/// Run a command in the environment, syncing first where that is possible
///
/// In a container that mounts the volume read-only it is the entrypoint: it waits for an environment,
/// and then becomes the command. With --supervise it stays in front of the command, and starts it again
/// whenever another environment becomes current.
#[derive(Debug, clap::Args)]
#[command(
    arg = short_find_links(),
    after_help = "Examples:\n  pyfast run python -m app\n  pyfast run -r script.py -- python script.py\n  \
                  docker run -v pyfast-app:/pyfast:ro,nocopy --entrypoint /pyfast/bin/pyfast app run -- uvicorn app:app"
)]
pub(crate) struct Args {
    /// A requirements file to sync first. Other files than those of the project make an environment of their own
    #[arg(short, long = "requirements", visible_alias = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,
    /// Never sync, even where a requirements file is found
    #[arg(long, env = "PYFAST_NO_SYNC")]
    no_sync: bool,
    /// How long to wait for an environment on a read-only mount, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, env = "PYFAST_WAIT")]
    wait: u64,
    /// Stay in front of the command: pass signals on, reap orphans, and start it again in each new environment
    #[arg(long, env = "PYFAST_SUPERVISE")]
    supervise: bool,
    /// The signal that asks the command to end for a new environment
    #[arg(long, value_name = "SIGNAL", default_value = "TERM", env = "PYFAST_STOP_SIGNAL")]
    stop_signal: StopSignal,
    /// How long the command has to end before it is killed, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, env = "PYFAST_GRACE")]
    grace: u64,
    /// The command and its arguments
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    // What begins like an option is one that was mistyped: no program is named so.
    if let Some(word) = args.command.first().and_then(|word| word.to_str())
        && word.starts_with('-')
    {
        return Err(Failure::usage(format!("unexpected argument `{word}`"))
            .hint("options of pyfast come before the command; `pyfast run --help` lists them"));
    }
    let (ui, inside) = (settings.ui, contained(settings).map(inside));
    let root = match (&settings.root, &settings.own_root) {
        (Root::Directory(root), _) | (Root::Volume(_), Some(root)) => root.clone(),
        (Root::Volume(volume), None) => {
            let message =
                format!("the root is the volume {volume}, and `pyfast run` is for this machine");
            let failure = Failure::usage(message).hint(inside.unwrap_or_default());
            return Err(failure.hint("`--root DIR` is an environment of this machine"));
        }
    };
    if let Some(inside) = inside {
        ui.note(format!("In an environment of this machine. That of the containers: {inside}"));
    }
    let in_volume = settings.own_root.as_ref().is_some_and(|own| *own == root);
    let read_only = is_read_only(&root).unwrap_or(false);
    let remembered = Remembered::load(settings);
    // A volume's environments, and those that cannot be written, are whatever they were filled with.
    let its_own = || of_its_own(args, settings, &remembered);
    let alone = if in_volume || read_only { None } else { its_own() };
    let synced = !args.no_sync
        && !read_only
        && match &alone {
            Some(alone) => sync::ensure_of(args.requirements.clone(), alone).map(|()| true)?,
            None if in_volume => fill(args, settings)?,
            None => sync_first(args, settings, &remembered)?,
        };
    let settings = alone.as_ref().unwrap_or(settings);
    // A volume that holds one project needs no name.
    let of_project = || (synced || !in_volume).then(|| settings.project.name());
    let project = settings.flags.project_name.clone().or_else(of_project);
    let entry = Entry {
        root,
        project,
        env: settings.env.clone(),
        argv: args.command.clone(),
        environment: std::env::vars_os().collect(),
        wait: if read_only { Duration::from_secs(args.wait) } else { Duration::ZERO },
    };
    let tell = |event| tell(ui, event);
    let failure = |error| Failure::of_command(error, &args.command[0], &settings.project);
    if args.supervise {
        let supervision =
            Supervision { stop_signal: args.stop_signal, grace: Duration::from_secs(args.grace) };
        return supervise(&entry, &supervision, &tell).map(ExitCode::from).map_err(failure);
    }
    Err(failure(exec(&entry, &tell)))
}

/// How a command runs in the environment that containers have.
fn inside(Contained { volume, service }: Contained) -> String {
    match service {
        Some(service) => format!("`pyfast exec {service} CMD` runs in it, while the service does"),
        None => format!("a container of {volume} runs in it: `pyfast run --help` has an example"),
    }
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
        EntryEvent::OthersPip { program } => ui.warning(format!(
            "{} is not of this environment, which has no pip: it works on another Python. `pyfast add` adds packages here",
            program.display()
        )),
        EntryEvent::Restarting { id } => {
            ui.note(format!("restarting the command in the new environment {id}"));
        }
        EntryEvent::Again => ui.note("starting the command again".to_owned()),
        EntryEvent::Kept { id, reason } => ui.warning(format!(
            "the command keeps its environment, it does not start in the new one, {id}: {reason}"
        )),
        EntryEvent::Killed { grace } => {
            ui.warning(format!("the command did not end within {}, killed", duration(grace)));
        }
    }
}

/// Syncs as it was synced last, where there are requirements; says whether the environment is the project's.
fn sync_first(args: &Args, settings: &Settings, remembered: &Remembered) -> Result<bool, Failure> {
    let wanted = settings.project.has_requirements(&args.requirements, &settings.env)?;
    // A request that is remembered may name what the project does not have.
    if !remembered.0.names_something() && !wanted {
        return Ok(false);
    }
    if let Some(id) = remembered.0.rolled_back_to(settings) {
        settings.ui.note(format!(
            "in {id}, which `pyfast rollback` went back to; `pyfast sync` goes forward again"
        ));
        return Ok(true);
    }
    sync::ensure(remembered, settings)?;
    Ok(true)
}

/// Syncs the volume that this program lies in, where its entrypoint or a configuration names requirements: else it is
/// filled from outside. Says whether it did.
fn fill(args: &Args, settings: &Settings) -> Result<bool, Failure> {
    let named = !args.requirements.is_empty() || !settings.project.config.env.is_empty();
    let wanted = settings.project.has_requirements(&args.requirements, &settings.env)? && named;
    if wanted {
        sync::ensure_of(args.requirements.clone(), settings)?;
    }
    Ok(wanted)
}

/// The settings of an environment for `-r` alone, where that names other files than the project's environment is made
/// of: a script's requirements do not take the place of the project's.
fn of_its_own(args: &Args, settings: &Settings, remembered: &Remembered) -> Option<Settings> {
    let files = &args.requirements;
    if files.is_empty() || remembered.is_of(files, settings) {
        return None;
    }
    let name = environment_of(files, &settings.project.working_directory);
    Some(settings.of_environment(&name, settings.root.clone(), settings.python.clone()))
}
