//! What this program calls, in containers and for itself, by commands that are not for people: `pyfast remove-code` removes
//! code that is gone, `pyfast reload` has a supervised command started again, `pyfast bytecode` compiles what waits for it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use pyfast_crew::afterwards;
use pyfast_settings::Variables;
use serde_json::json;

use crate::args::CommonArgs;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::ui::Ui;

/// Remove files of a container's code for another process
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct RemoveArgs {
    /// Files and directories, absolute
    places: Vec<PathBuf>,
}

/// Have the command of a container started again for another process
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct ReloadArgs {
    /// Start it again even if it runs in the current environment
    #[arg(long)]
    anew: bool,
    /// How long to wait for it, in seconds
    #[arg(long, default_value_t = 60)]
    patience: u64,
}

/// Compile the bytecode that environments wait for
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct BytecodeArgs {
    /// Leave it to a process that nobody waits for
    #[arg(long)]
    detach: bool,
    /// Where what nobody hears is left
    #[arg(long)]
    unheard: Option<PathBuf>,
}

pub(crate) fn bytecode(args: &BytecodeArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    if args.detach {
        afterwards::detach(std::env::args_os().skip(1))?;
    } else {
        let events = Progress::new(settings.ui).events();
        let worked = afterwards::compile(settings, &events, args.unheard.as_deref())?;
        settings.ui.json_data(&json!(worked));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn remove_code(args: &RemoveArgs) -> Result<ExitCode, Failure> {
    let removed = pyfast_launcher::code::remove(&args.places);
    removed.map_err(|error| Failure::from_error("remove-code", &error, Code::Mendable))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn reload(
    args: &ReloadArgs,
    common: &CommonArgs,
    variables: &Variables,
) -> Result<ExitCode, Failure> {
    let reloaded = pyfast_launcher::entry::reload(args.anew, Duration::from_secs(args.patience));
    let reloaded =
        reloaded.map_err(|error| Failure::from_error("reload", &error, Code::Mendable))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ui::new(common, false, variables).data(format!("{} {reloaded}\n", now.as_nanos()));
    Ok(ExitCode::SUCCESS)
}
