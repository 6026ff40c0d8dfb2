//! `pyfast answer`, which this program calls in a container that can write the volume: a question about an
//! environment in, its answer out. Not for people.

use std::path::PathBuf;
use std::process::ExitCode;

use pyfast_environment::Error;
use pyfast_environment::crew::Means;
use pyfast_environment::place::{Begun, Directory, Place as _};
use pyfast_environment::question::{Answer, Asked, PROTOCOL};
use pyfast_installer::link::Habitat;
use serde_json::json;

use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;
use pyfast_crew::hands::Hands;
use pyfast_crew::sync::readable;
use pyfast_crew::task::{Options, Task};
use pyfast_settings::{ResolveFlags, Root};

/// Answer a question about an environment for another process
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// The question, as JSON
    question: PathBuf,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let Root::Directory(root) = &settings.root else {
        return Err(Failure::usage("questions are answered where the root is".to_owned()));
    };
    let text = fs_err::read(&args.question).map_err(|error| unreadable(&error))?;
    // Another version's question may have another form: what it is comes first.
    let version: Version = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
    if version.protocol != PROTOCOL {
        return Err(Error::Protocol { asked: version.protocol, own: PROTOCOL }.into());
    }
    let asked: Asked = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
    let Asked { subject, question, .. } = asked;
    let (written, seen, habitat) = (root.clone(), root.clone(), Habitat::Volume);
    // Whatever comes with a package, its code does not run where the volume can be written.
    let resolve = ResolveFlags { no_build: true, ..ResolveFlags::default() };
    let options = Options { resolve, ..Options::default() };
    let progress = Progress::new(settings.ui);
    // Every plan says which interpreter it is for.
    let nobody = || Err(pyfast_crew::Error::NoInterpreter);
    let events = progress.events();
    let task = Task { options: &options, settings, events: &events };
    let hands = Hands::here(task, true, Box::new(nobody));
    let (sink, begun, means) = (progress.sink(), Begun::default(), Some(&hands as &dyn Means));
    let place = Directory { written, seen, habitat, subject, sink, means, begun };
    let answer = match readable(|| place.ask(question)) {
        Err(Error::HiddenRequirements { filename }) => Answer::Hidden(filename),
        answer => answer?,
    };
    settings.ui.json_data(&json!(answer));
    Ok(ExitCode::SUCCESS)
}

#[derive(serde::Deserialize)]
struct Version {
    protocol: u32,
}

fn unreadable(error: &dyn std::error::Error) -> Failure {
    Failure::new("io", format!("cannot read the question: {error}"), Code::Mendable)
}
