//! What this program answers in a container that can write the volume, where another process of it asks. Owns who works
//! there: whoever fetches and compiles, and nobody who builds.

use std::path::{Path, PathBuf};

use pyfast_environment::Error as EnvironmentError;
use pyfast_environment::crew::Means;
use pyfast_environment::place::{Begun, Directory, Place as _};
use pyfast_environment::question::{Answer, Asked, Question};
use pyfast_installer::link::Habitat;
use pyfast_settings::{ResolveFlags, Root, Settings};

use crate::error::Error;
use crate::event::{Events, sink};
use crate::hands::{Hands, outside};
use crate::managed::{self, Of};
use crate::sync::readable;
use crate::task::{Options, Task};

/// Answers the question in a file.
///
/// # Errors
/// If it cannot be read, and what the act that it asks for fails with.
pub fn answer(
    question: &Path,
    settings: &Settings,
    events: &Events,
) -> Result<Answer, EnvironmentError> {
    // Asked for is always a directory: a volume would be asked about from outside of it.
    let written: PathBuf = match &settings.root {
        Root::Directory(root) => root.clone(),
        Root::Volume(volume) => {
            let error = Error::OutOfReach { volume: volume.clone() };
            return Err(EnvironmentError::Outside(Box::new(error)));
        }
    };
    let Asked { subject, question, .. } = Asked::read(question)?;
    // Whatever comes with a package, its code does not run where the volume can be written.
    let resolve = ResolveFlags { no_build: true, ..ResolveFlags::default() };
    let options = Options { resolve, ..Options::default() };
    // Every plan says which interpreter it is for.
    let nobody = || Err(Error::NoInterpreter);
    let task = Task { options: &options, settings, events };
    let hands = Hands::here(task, true, Box::new(nobody));
    let (sink, begun, means) = (sink(events), Begun::default(), Some(&hands as &dyn Means));
    let (seen, habitat) = (written.clone(), Habitat::Volume);
    let place = Directory { written, seen, habitat, subject, sink, means, begun };
    let of = Of { root: &place.written, subject: &place.subject };
    let question = match question {
        Question::Machine => return managed::here().map(Answer::Machine).map_err(outside),
        Question::Bring(asked) => {
            let had = readable(|| managed::bring_asked(task, *asked, &of)).map_err(outside)?;
            return Ok(Answer::Brought(Some(Box::new(had))));
        }
        question => question,
    };
    match readable(|| place.ask(question)) {
        Err(EnvironmentError::HiddenRequirements { filename }) => Ok(Answer::Hidden(filename)),
        answer => answer,
    }
}
