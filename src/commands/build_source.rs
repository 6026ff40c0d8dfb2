//! `pyfast build-source`, which this program calls in a container for foreign code: the metadata or the
//! wheel of a source. Not for people. Whoever asks believes nothing of what comes out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pyfast_installer::Error as InstallError;
use pyfast_installer::build::Handed;
use pyfast_packaging::build::BuildFailure;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::source_dist::SourceDist;
use serde::{Deserialize, Serialize};

use crate::args::ResolveArgs;
use crate::building::BuildPlace;
use crate::environment;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::resolving::Session;
use crate::settings::Settings;
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

/// What is printed. A failed build is an answer too.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// The text of `METADATA`.
    Metadata(String),
    /// The name of the wheel that was left.
    Wheel(String),
    /// Why there is none.
    Failure(Box<BuildFailure>),
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let source = read(&args.source)?;
    let Root::Directory(root) = &settings.root else {
        return Err(Failure::usage("sources are built in a directory".to_owned()));
    };
    let interpreter = environment::interpreter(settings)?;
    let host = environment::host_python(settings, Some(&interpreter));
    let set = RequirementSet::default();
    let mut session = Session::new(settings, &set, host.as_deref(), settings.cache_directory()?)?;
    let progress = Progress::new(settings.ui);
    let place = BuildPlace {
        store: root.clone(),
        yard: root.clone(),
        interpreter: &interpreter,
        sink: progress.sink(),
    };
    session.build_in(place, &args.resolve.flags(), settings)?;
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
