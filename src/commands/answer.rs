//! `pyfast answer`, which this program calls in a container that can write the volume: a question about an
//! environment in, its answer out. Not for people.

use std::path::PathBuf;
use std::process::ExitCode;

use pyfast_environment::{Asked, Directory, Error, PROTOCOL, Place as _};
use serde_json::json;

use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::{Root, Settings};

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
    let (written, seen) = (root.clone(), root.clone());
    let sink = Progress::new(settings.ui).sink();
    let answer = Directory { written, seen, subject, sink }.ask(question)?;
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
