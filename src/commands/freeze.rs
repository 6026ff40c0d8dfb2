//! `pyfast freeze`.

use std::path::PathBuf;
use std::process::ExitCode;

use pyfast_crew::freeze::{ImageName, Report, Upon, Wanted, freeze};
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::ui::{count, duration, green};

/// Write the environment as a container image, without a build
///
/// The image has what the last sync made, below /pyfast, and nothing else of this machine: equal environments are equal
/// images. Layers that were packed before are not packed again.
#[derive(Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("to").required(true).multiple(true),
    after_help = "Examples:\n  pyfast freeze shop:1.4 --load\n  pyfast freeze registry.example/team/shop:1.4 --push\n  pyfast freeze shop:1.4 --base slim.tar --output shop.tar\n  pyfast freeze shop-env:1.4 --scratch --output shop-env.tar\n\nWhat pip's `freeze` prints `pyfast list` does."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// What the image is called
    #[arg(value_name = "NAME[:TAG]")]
    name: ImageName,
    /// Put it upon this image (of the engine, a layout or a saved one), whose command runs in it; else upon its own
    #[arg(long, value_name = "IMAGE|oci:DIR[:TAG]|FILE.tar")]
    base: Option<String>,
    /// The environment alone, to be mounted or copied from
    #[arg(long, conflicts_with = "base")]
    scratch: bool,
    /// Write an OCI layout into this directory, or an archive that engines load where it ends in `.tar`
    #[arg(short, long, value_name = "DIR|FILE.tar", group = "to")]
    output: Option<PathBuf>,
    /// Have the container engine load it
    #[arg(long, group = "to")]
    load: bool,
    /// Push it to the registry of its name, which is sent what it has not
    #[arg(long, group = "to")]
    push: bool,
    /// Write the image's digest into this file too
    #[arg(long, value_name = "FILE")]
    digest_file: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let (ui, progress) = (settings.ui, Progress::new(settings.ui));
    progress.step("packing layers");
    let Args { name, output, load, push, digest_file, .. } = args;
    let (name, output, digest_file) = (name.clone(), output.clone(), digest_file.clone());
    let upon = Upon::of(args.base.as_deref(), args.scratch);
    let wanted = Wanted { name, upon, output, load: *load, push: *push, digest_file };
    let events = progress.events();
    let frozen = freeze(&wanted, settings, &events).and_then(|frozen| {
        progress.step("writing the image");
        frozen.write(&events).map(|()| frozen)
    });
    progress.done();
    let frozen = frozen?;
    let report = frozen.report();
    say(args, report, settings);
    ui.data(if ui.json() {
        format!("{}\n", json!(report))
    } else {
        format!("{}\n", report.digest)
    });
    Ok(ExitCode::SUCCESS)
}

/// What was made.
fn say(args: &Args, report: &Report, settings: &Settings) {
    let Report { layers, interpreter, took, .. } = report;
    let new = layers.iter().filter(|layer| layer.new).count();
    let size = indicatif::HumanBytes(layers.iter().map(|layer| layer.size).sum());
    let (all, took) = (count(layers.len(), "layer"), duration(*took));
    let (python, version) = (interpreter.executable.display(), interpreter.version());
    let into = args.output.iter().map(|output| output.display().to_string());
    let into = into.chain(args.load.then(|| "the container engine".to_owned()));
    let into = into.chain(args.push.then(|| format!("the registry {}", args.name.registry)));
    let (name, into) = (&args.name, into.collect::<Vec<_>>().join(" and "));
    let what = format!(" {name} into {into}: {all} ({size}), {new} packed now ({took})");
    settings.ui.note(green("Froze").and(what));
    let whose = if args.scratch { "what mounts it" } else { "its base" };
    settings.ui.note(format!("It runs with the Python {version} that {whose} has at {python}"));
}
