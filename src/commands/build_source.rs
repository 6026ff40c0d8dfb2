//! `pyfast build-source`, which this program calls in a container for foreign code: the metadata or the
//! wheel of a source. Not for people. Whoever asks believes nothing of what comes out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pyfast_installer::Error as InstallError;
use pyfast_installer::build::Handed;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::source_dist::SourceDist;

use crate::args::ResolveArgs;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;
use pyfast_crew::SourceAnswer as Answer;
use pyfast_crew::building::BuildPlace;
use pyfast_crew::interpreter as environment;
use pyfast_crew::session::Session;
use pyfast_settings::Root;

/// Build a source for another process
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// The source, as JSON
    source: PathBuf,
    /// Where the wheel is left
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Build the wheel, also where the metadata can be had without
    #[arg(long)]
    whole: bool,
    #[command(flatten)]
    resolve: ResolveArgs,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let source = read(&args.source)?;
    let Root::Directory(root) = &settings.root else {
        return Err(Failure::usage("sources are built in a directory".to_owned()));
    };
    let interpreter = environment::interpreter(settings)?;
    let host = environment::host_python(settings, Some(&interpreter));
    let set = RequirementSet::default();
    let progress = Progress::new(settings.ui);
    let (cache, events) = (settings.cache_directory()?, progress.events());
    let mut session = Session::new(settings, &set, host.as_deref(), cache, &events)?;
    let (store, yard) = (root.clone(), root.clone());
    let place = BuildPlace { store, yard, interpreter: &interpreter };
    session.build_in(place, &args.resolve.flags(), settings, &events)?;
    let builder = session.build.as_ref().ok_or_else(|| {
        Failure::usage("no Python of this machine can build for this environment".to_owned())
    })?;
    let handed = builder.hand_over(&source, args.whole, &args.out);
    progress.done();
    let answer = match handed {
        Ok(Handed::Metadata(text)) => Answer::Metadata(text),
        Ok(Handed::Wheel(filename)) => Answer::Wheel(filename.to_string()),
        Err(InstallError::Build(failure)) => Answer::Failure(failure),
        Err(error) => return Err(error.into()),
    };
    settings.ui.json_data(&serde_json::json!(answer));
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<SourceDist, Failure> {
    let fail = |error: String| {
        Failure::new("io", format!("cannot read the source: {error}"), Code::Mendable)
    };
    let text = fs_err::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| fail(error.to_string()))
}
