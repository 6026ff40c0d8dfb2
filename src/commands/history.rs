//! `pyfast history`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyfast_installer::{Generation, current};
use pyfast_launcher::MOUNT_POINT;
use pyfast_root::ProjectEnv;

use crate::args::ResultArgs;
use crate::commands::list::no_environment;
use crate::failure::Failure;
use crate::image::Connection;
use crate::settings::{Python, Root, Settings};
use crate::ui::count;

/// Show which environments were active, the newest last
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast history\n  pyfast history --json")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
}

/// The root that the settings mean, which nothing is changed in, and the project's environment there.
/// `None` if there is no root yet.
pub(crate) fn find(
    settings: &Settings,
) -> Result<(Option<pyfast_root::Root>, ProjectEnv), Failure> {
    let name = ProjectEnv::new(&settings.project.name(), &settings.env)?;
    let (written, seen) = match &settings.root {
        Root::Volume(volume) => {
            (volume_directory(volume, name.project(), settings)?, MOUNT_POINT.into())
        }
        Root::Directory(directory) => (directory.clone(), directory.clone()),
    };
    Ok((pyfast_root::Root::find(&written, &seen)?, name))
}

/// The same for what needs an environment.
pub(crate) fn open(settings: &Settings) -> Result<(pyfast_root::Root, ProjectEnv), Failure> {
    let (root, name) = find(settings)?;
    Ok((root.ok_or_else(|| no_environment(settings))?, name))
}

/// The directory of a volume that this machine can write.
fn volume_directory(volume: &str, project: &str, settings: &Settings) -> Result<PathBuf, Failure> {
    let connection = Connection::open(settings)?;
    let mut found = connection.found_volume(volume)?;
    // Whether a volume that somebody else made is in reach can only be tried, by way of an image.
    if let (None, Python::Image(image)) = (crate::image::direct(&found), &settings.python) {
        found = connection.volume(volume, image, project)?;
    }
    crate::image::direct(&found).ok_or_else(|| {
        Failure::usage(format!("this machine cannot write the volume {volume}"))
            .hint("run pyfast as root")
    })
}

pub(crate) fn run(_args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let (root, name) = find(settings)?;
    let activations = root.as_ref().map_or(Ok(Vec::new()), |root| root.history(&name))?;
    if settings.ui.json() {
        let json = serde_json::to_value(&activations).unwrap_or_default();
        settings.ui.data(format!("{json}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    let Some(root) = root else { return Ok(ExitCode::SUCCESS) };
    let current = current(&root, &name)?.map(|generation| generation.id);
    let last = activations.iter().rposition(|activation| Some(&activation.id) == current.as_ref());
    for (index, activation) in activations.iter().enumerate() {
        let mark = if Some(index) == last { "*" } else { " " };
        let back = activations.len() - 1 - index;
        let what = match Generation::find(&root, &activation.id)? {
            Some(generation) => count(generation.spec(&root)?.packages.len(), "package"),
            None => "removed".to_owned(),
        };
        let line =
            format!("{mark} {}  -{back:<3} {:>14}  {what}\n", activation.id, ago(activation.at));
        settings.ui.data(line);
    }
    Ok(ExitCode::SUCCESS)
}

/// `3 minutes ago`.
fn ago(at: u64) -> String {
    let then = UNIX_EPOCH + Duration::from_millis(at);
    let seconds = SystemTime::now().duration_since(then).unwrap_or_default().as_secs();
    let (number, noun) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago", count(usize::try_from(number).unwrap_or(usize::MAX), noun))
}
