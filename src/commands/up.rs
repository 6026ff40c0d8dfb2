//! `pyfast up`.

use std::process::ExitCode;
use std::time::Duration;

use crate::args::{ResultArgs, StackArgs};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stack::up::{self, UpRequest, Volumes};
use crate::stack::watch;
use pyfast_stack::{ComposeFlags, UpOptions};

/// Bring the project's containers up, and make a change of dependencies or code take effect
///
/// Images are built only when what they are built from changed, environments are synced, containers are created by
/// Compose where they are missing or changed, and after a change of dependencies just the services concerned are
/// restarted. Files that a Dockerfile only copies (behind its last RUN) are put into the containers instead.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast up\n  pyfast up --plan\n  pyfast up --watch\n  pyfast up --fast backend"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Build all images that can be built
    #[arg(long, visible_alias = "build")]
    rebuild: bool,
    /// Do not wait until services are healthy
    #[arg(long, conflicts_with = "wait")]
    fast: bool,
    /// Leave the terminal to you once all is up; what happens anyway
    #[arg(short, long)]
    detach: bool,
    /// Wait until services are healthy; what happens anyway
    #[arg(long)]
    wait: bool,
    /// How many containers a service is to have
    #[arg(long, value_name = "SERVICE=NUMBER", value_parser = ComposeFlags::scale_of)]
    scale: Vec<(String, u32)>,
    /// Remove the containers first, and the project's named volumes if you agree; with services, their containers alone
    #[arg(long)]
    clean: bool,
    /// Agree to everything that would be asked
    #[arg(short, long)]
    yes: bool,
    /// Go on and repeat it whenever code, requirements, locks, compose files or .env change, as `develop.watch` says where it says something; with --json, a line each time
    #[arg(long, conflicts_with = "plan")]
    watch: bool,
    /// Create containers whatever `pyfast check` would say
    #[arg(long)]
    no_check: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    plan: bool,
    /// How long to wait for each service, in seconds [default: as its health check says]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Services, with what they depend on [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

impl Args {
    fn request(&self) -> UpRequest {
        UpRequest {
            flags: self.stack.flags().scaled(&self.scale),
            options: UpOptions {
                services: self.services.clone(),
                rebuild: self.rebuild,
                check: !self.no_check,
                wait: !self.fast,
                deadline: self.timeout.map(Duration::from_secs),
                ..UpOptions::default()
            },
            clean: self.clean.then_some(if self.yes { Volumes::Remove } else { Volumes::Ask }),
        }
    }
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let request = args.request();
    if args.plan {
        return up::plan(&request, settings);
    }
    if args.watch { watch::watch(request, settings) } else { up::up(&request, settings) }
}
