//! `pyfast logs`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use futures_util::StreamExt as _;
use futures_util::stream::select_all;
use pyfast_launcher::{LogLine, LogsWanted, Services as _, of_service};

use crate::failure::Failure;
use crate::launching::{Launcher, StackArgs};
use crate::settings::Settings;

/// Show what the project's containers print, merged and by service
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast logs\n  pyfast logs --follow --tail 20 backend")]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackArgs,
    /// Go on with what comes later
    #[arg(long)]
    follow: bool,
    /// Only so many of the last lines of each container
    #[arg(long, value_name = "N")]
    tail: Option<usize>,
    /// Show when each line was written
    #[arg(long)]
    timestamps: bool,
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// Colours of services, in turn.
const COLORS: [&str; 6] = ["36", "33", "32", "35", "34", "96"];

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let launcher = Launcher::open(settings, &args.stack, &args.services)?;
    launcher.stack.selected(&args.services)?;
    let containers = launcher.containers()?;
    let wanted = LogsWanted {
        tail: args.tail,
        follow: args.follow,
        // Times put the lines of several containers in order.
        timestamps: true,
        since: None,
    };
    let mut streams = Vec::new();
    let mut prefixes = BTreeMap::new();
    let all = launcher.stack.project.services.keys();
    let chosen = all.filter(|one| args.services.is_empty() || args.services.contains(one));
    for (at, service) in chosen.enumerate() {
        for container in of_service(&containers, service) {
            let name = if container.name.is_empty() { service } else { &container.name };
            let key = streams.len();
            prefixes.insert(key, (service.clone(), COLORS[at % COLORS.len()], name.clone()));
            let lines = launcher.connection.docker.logs(&container.id, wanted.clone());
            streams.push(lines.map(move |line| (key, line)).boxed());
        }
    }
    let width = prefixes.values().map(|(service, ..)| service.len()).max().unwrap_or_default();
    let ui = settings.ui;
    let show = |key: usize, line: &LogLine| {
        let Some((service, color, _)) = prefixes.get(&key) else { return };
        let prefix = ui.paint(color, &format!("{service:width$} |"));
        let time = line.time.as_deref().filter(|_| args.timestamps);
        let time = time.map(|time| format!("{time} ")).unwrap_or_default();
        ui.data(format!("{prefix} {time}{}\n", line.text));
    };
    let mut merged = select_all(streams);
    launcher.connection.wait(async {
        let mut kept = Vec::new();
        while let Some((key, line)) = merged.next().await {
            let line = line?;
            if args.follow {
                show(key, &line);
            } else {
                kept.push((key, line));
            }
        }
        // Without an end of the output there is no order to wait for.
        kept.sort_by(|(_, one), (_, other)| one.time.cmp(&other.time));
        for (key, line) in kept {
            show(key, &line);
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
