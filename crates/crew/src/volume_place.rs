//! A volume that only containers can write, as a place of an environment: this binary in a helper container
//! gets each question as one file, and answers. Owns that container's call; must not know what is asked.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use pyfast_environment::place::{Begun, Directory, Place};
use pyfast_environment::question::{Answer, Asked, Before, Inventory, Look, PROTOCOL, Question};
use pyfast_environment::{Error as EnvironmentError, Site, Subject};
use pyfast_installer::Sink;
use pyfast_installer::download::Wanted;
use pyfast_installer::link::Habitat;
use pyfast_launcher::engine::{Content, Output};
use pyfast_launcher::volume::{HelperFile, HelperRun, MOUNT_POINT, StoreVolume, run_helper};
use pyfast_packaging::hash::Sha256;
use serde_json::Value;

use crate::engine::{Connection, direct};
use crate::error::Error;
use crate::event::{Events, sink};
use pyfast_settings::{Python, Root, Settings};

/// Where the helper container finds its files, none of which is in the volume.
pub(crate) const FILES: &str = "/run/pyfast";

/// A volume, and the image whose containers reach it.
pub(crate) struct VolumePlace<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) volume: &'a StoreVolume,
    pub(crate) image: &'a str,
    pub(crate) settings: &'a Settings,
    subject: Subject,
    luggage: RefCell<Luggage>,
    /// What was told with the first look: each question costs a container.
    told: RefCell<Option<(Before, Inventory)>>,
    /// What that look found besides.
    looked: RefCell<Option<Look>>,
}

/// What goes along with a plan.
#[derive(Default)]
pub(crate) struct Luggage {
    pub(crate) files: Vec<HelperFile>,
    pub(crate) network: String,
}

/// One run of this binary in it.
struct Call<'a> {
    /// Whether it gives way to everything else that the engine runs.
    aside: bool,
    arguments: Vec<String>,
    files: Vec<HelperFile>,
    network: &'a str,
}

impl Place for VolumePlace<'_> {
    fn ask(&self, question: Question) -> Result<Answer, EnvironmentError> {
        let told = self.told.borrow().clone();
        match (question, told) {
            (Question::Look { .. }, _) => {
                let answer = self.carry(Question::Look { everything: true })?;
                if let Answer::Look(look) = &answer {
                    self.told.borrow_mut().clone_from(&look.everything);
                    self.looked.replace(Some(Look { everything: None, ..(**look).clone() }));
                }
                Ok(answer)
            }
            (Question::Before, Some((before, _))) => Ok(Answer::Before(before)),
            (Question::Stock { wheels, id }, Some((_, inventory))) => {
                Ok(Answer::Stock(inventory.stock(&wheels, &id)))
            }
            (Question::Earlier(inputs), Some((_, inventory)))
                if !inventory.answers.contains(&inputs) =>
            {
                Ok(Answer::Earlier(None))
            }
            (question, _) => self.carry(question),
        }
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn written(&self) -> &Path {
        Path::new(MOUNT_POINT)
    }

    fn seen(&self) -> &Path {
        Path::new(MOUNT_POINT)
    }

    fn habitat(&self) -> Habitat {
        Habitat::Volume
    }

    fn begin(&self) -> Result<Option<&Site>, EnvironmentError> {
        Ok(None)
    }
}

impl<'a> VolumePlace<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        volume: &'a StoreVolume,
        image: &'a str,
        settings: &'a Settings,
    ) -> Self {
        let subject = elsewhere(subject(settings));
        let (luggage, told, looked) = Default::default();
        Self { connection, volume, image, settings, subject, luggage, told, looked }
    }

    /// What the last look found, without everything else that was told with it.
    pub(crate) fn looked(&self) -> Option<Look> {
        self.looked.take()
    }

    /// Those of these wheels that the first look did not find in the store.
    pub(crate) fn lacks(&self, mut wheels: Vec<Wanted>) -> Vec<Wanted> {
        if let Some((_, inventory)) = &*self.told.borrow() {
            wheels.retain(|wheel| !inventory.wheels.contains(&wheel.sha256));
        }
        wheels
    }

    /// Has these go along with the next plan.
    pub(crate) fn take_along(&self, luggage: Luggage) {
        self.luggage.replace(luggage);
    }

    fn carry(&self, question: Question) -> Result<Answer, EnvironmentError> {
        let Luggage { files, network } = match &question {
            Question::Sync { .. } | Question::Bring(_) => self.luggage.take(),
            _ => Luggage { files: Vec::new(), network: "none".to_owned() },
        };
        let aside = matches!(question, Question::Compile(_));
        let asked = Asked { protocol: PROTOCOL, subject: self.subject.clone(), question };
        let answer = self.answer(&asked, aside, files, &network);
        answer.map_err(|error| EnvironmentError::Outside(Box::new(error)))
    }

    fn answer(
        &self,
        asked: &Asked,
        aside: bool,
        mut files: Vec<HelperFile>,
        network: &str,
    ) -> Result<Answer, Error> {
        let bytes = serde_json::to_vec(asked).map_err(|error| strange(&error.to_string()))?;
        let path = format!("{FILES}/{}.json", &Sha256::of(&bytes).to_string()[..16]);
        let fixed = ["answer", &path, "--root", MOUNT_POINT, "--no-index"];
        let arguments = fixed.map(str::to_owned).into();
        // It may name what is the user's own business.
        files.push(HelperFile { path: path.clone(), content: bytes.into(), mode: 0o600 });
        let text = self.run(Call { aside, arguments, files, network })?;
        serde_json::from_str(&text).map_err(|_garbled| strange(&format!("it answered `{text}`")))
    }

    /// Runs this binary and gives what it printed.
    fn run(&self, call: Call<'_>) -> Result<String, Error> {
        let Self { connection, volume, image, settings, .. } = *self;
        let Call { aside, arguments, mut files, network } = call;
        let mut variables = Vec::new();
        if let Some((variable, certificates)) = certificates(settings) {
            variables.push(variable);
            files.push(certificates);
        }
        let run = HelperRun {
            image,
            volume: &volume.name,
            arguments: &arguments,
            files: &files,
            network,
            environment: &variables,
            aside,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut collect = |output: Output<'_>| match output {
            Output::Stdout(bytes) => out.extend_from_slice(bytes),
            Output::Stderr(bytes) => err.extend_from_slice(bytes),
        };
        let code = connection.wait(run_helper(&connection.engine, &run, &mut collect))?;
        let text = String::from_utf8_lossy(&out).into_owned();
        if code == 0 { Ok(text) } else { Err(failed(image, code, &text, &err)) }
    }
}

/// Does something where the environment is.
///
/// # Errors
/// What the act fails with, and whatever keeps the environment from being reached.
pub fn at_place<T>(
    settings: &Settings,
    events: &Events,
    act: impl FnOnce(&dyn Place) -> Result<T, EnvironmentError>,
) -> Result<T, Error> {
    let subject = subject(settings);
    let sink = sink(events);
    let volume = match &settings.root {
        Root::Directory(root) => {
            return Ok(act(&directory(root.clone(), root.clone(), subject, sink))?);
        }
        Root::Volume(volume) => volume,
    };
    let connection = Connection::open(settings)?;
    let found = volume_of(&connection, volume, settings)?;
    match (direct(&found), &settings.python) {
        (Some(written), _) => Ok(act(&directory_of(written, settings, events))?),
        (None, Python::Image(image)) => {
            Ok(act(&VolumePlace::new(&connection, &found, image, settings))?)
        }
        (None, Python::Host(_) | Python::Managed(_)) => {
            Err(Error::OutOfReach { volume: volume.clone() })
        }
    }
}

/// A volume that is there, and whether this process reaches it.
pub(crate) fn volume_of(
    connection: &Connection,
    name: &str,
    settings: &Settings,
) -> Result<StoreVolume, Error> {
    let found = connection.found_volume(name)?;
    // Whether one that somebody else made is in reach can only be tried, by way of an image.
    match (direct(&found), &settings.python) {
        (None, Python::Image(image)) => connection.volume(name, image, &settings.project.name()),
        _ => Ok(found),
    }
}

/// A volume's root that this process reaches, as who asks about it sees it.
pub(crate) fn directory_of(
    written: PathBuf,
    settings: &Settings,
    events: &Events,
) -> Directory<'static> {
    directory(written, MOUNT_POINT.into(), subject(settings), sink(events))
}

/// A root that is asked about; nothing is made there.
fn directory(written: PathBuf, seen: PathBuf, subject: Subject, sink: Sink) -> Directory<'static> {
    let (habitat, means, begun) = (Habitat::Host, None, Begun::default());
    Directory { written, seen, habitat, subject, sink, means, begun }
}

/// The subject as one who works for another machine asks: its directories cannot be looked at from there.
fn elsewhere(mut subject: Subject) -> Subject {
    subject.claim.elsewhere = true;
    subject
}

/// The environment that is meant, and who asks for it.
pub fn subject(settings: &Settings) -> Subject {
    let (project, env) = (settings.project.name(), settings.env.clone());
    Subject { project, env, claim: settings.claim() }
}

/// The certificates that this machine trusts, and the variable that names them inside: the image may have
/// none at all.
pub(crate) fn certificates(settings: &Settings) -> Option<((String, String), HelperFile)> {
    let path = settings.variables.get("SSL_CERT_FILE")?;
    let bytes = fs_err::read(path).ok()?;
    let inside = format!("{FILES}/certificates.pem");
    Some((("SSL_CERT_FILE".to_owned(), inside.clone()), file(inside, bytes)))
}

/// A file that anybody in the container may read.
pub(crate) fn file(path: String, content: impl Into<Content>) -> HelperFile {
    HelperFile { path, content: content.into(), mode: 0o644 }
}

/// Files come from the index; an engine whose bridge has no network has the host's.
pub(crate) fn helper_network(settings: &Settings) -> &str {
    settings.variables.get("PYFAST_HELPER_NETWORK").unwrap_or("bridge")
}

/// What this program in a container ended with, as it tells it itself.
pub(crate) fn failed(image: &str, code: i64, told: &str, said: &[u8]) -> Error {
    let told: Option<Value> = serde_json::from_str(told).ok();
    let error = told.as_ref().map(|told| &told["error"]);
    let text = |key: &str| error.and_then(|error| error[key].as_str()).map(str::to_owned);
    let texts = |key: &str| {
        let list = error.and_then(|error| error[key].as_array()).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    Error::Inside {
        image: image.into(),
        code,
        kind: text("kind"),
        message: text("message").unwrap_or_else(|| String::from_utf8_lossy(said).trim().to_owned()),
        causes: texts("causes"),
        hints: texts("hints"),
    }
}

fn strange(reason: &str) -> Error {
    Error::StrangeAnswer { reason: reason.to_owned() }
}
