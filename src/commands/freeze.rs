//! `pyfast freeze`.

use std::path::PathBuf;
use std::process::ExitCode;

use pyfast_crew::freeze::{Ground, ImageName, Report, Wanted, freeze};
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::ui::{count, duration, green};

/// Write the environment as a container image, without an engine and without a build
///
/// The image has what the last sync made, below /pyfast, and nothing else of this machine: equal environments are equal
/// images. Layers that were packed before are not packed again.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast freeze shop:1.4 --base slim.tar --output shop.tar\n  pyfast freeze shop-env:1.4 --scratch --output shop-env.tar\n\nWhat pip's `freeze` prints `pyfast list` does."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// What the image is called
    #[arg(value_name = "NAME[:TAG]")]
    name: ImageName,
    /// Put it upon this image, whose command runs in it: a layout (`oci:DIR` or `oci:DIR:TAG`) or what `docker save` wrote
    #[arg(long, value_name = "oci:DIR|FILE.tar", required_unless_present = "scratch")]
    base: Option<String>,
    /// The environment alone, to be mounted or copied from
    #[arg(long, conflicts_with = "base")]
    scratch: bool,
    /// Write an OCI layout into this directory, or an archive that engines load where it ends in `.tar`
    #[arg(short, long, value_name = "DIR|FILE.tar", required = true)]
    output: PathBuf,
    /// Write the image's digest into this file too
    #[arg(long, value_name = "FILE")]
    digest_file: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let (ui, progress) = (settings.ui, Progress::new(settings.ui));
    let here = |path: &PathBuf| settings.project.working_directory.join(path);
    let program = std::env::current_exe()
        .map_err(|error| Failure::from_error("system", &error, Code::Mendable))?;
    progress.step("packing layers");
    let base = args.base.as_deref();
    let base = base.map(|base| Ground::read(base, &settings.project.working_directory));
    let (base, output) = (base.transpose()?, here(&args.output));
    let wanted = Wanted { name: args.name.clone(), program, base, output };
    let frozen = freeze(&wanted, settings, &progress.events()).and_then(|frozen| {
        progress.step("writing the image");
        frozen.write().map(|()| frozen)
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
    if let Some(file) = &args.digest_file {
        fs_err::write(here(file), format!("{}\n", report.digest))
            .map_err(|error| Failure::from_error("io", &error, Code::Mendable))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was made.
fn say(args: &Args, report: &Report, settings: &Settings) {
    let Report { layers, interpreter, took, .. } = report;
    let new = layers.iter().filter(|layer| layer.new);
    let size = indicatif::HumanBytes(layers.iter().map(|layer| layer.size).sum());
    let new = new.count();
    let (all, took) = (count(layers.len(), "layer"), duration(*took));
    let python = interpreter.executable.display();
    settings.ui.note(green("Froze").and(format!(
        " {} into {}: {all} ({size}), {new} packed now ({took})",
        args.name,
        args.output.display()
    )));
    let version = interpreter.version();
    settings.ui.note(format!("It runs with the Python {version} at {python} of whatever it is in"));
}
