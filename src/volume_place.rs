//! A volume that only containers can write, as a place of an environment: this binary in a helper container
//! gets each question as one file, and answers. Owns that container's call; must not know what is asked.

use std::borrow::Cow;

use pyfast_environment::{
    Answer, Asked, Directory, Error, PROTOCOL, Place, Question, Subject, digest,
};
use pyfast_launcher::engine::Output;
use pyfast_launcher::volume::{HelperFile, HelperRun, MOUNT_POINT, StoreVolume, run_helper};
use serde_json::Value;

use crate::engine::{Connection, direct};
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::{Python, Root, Settings};

/// Where the helper container finds its files, none of which is in the volume.
pub(crate) const FILES: &str = "/run/pyfast";

/// A volume, and the image whose containers reach it.
pub(crate) struct VolumePlace<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) volume: &'a StoreVolume,
    pub(crate) image: &'a str,
    pub(crate) settings: &'a Settings,
}

/// One run of this binary in it.
pub(crate) struct Call<'a> {
    pub(crate) arguments: Vec<String>,
    pub(crate) files: Vec<HelperFile>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) network: &'a str,
}

impl Place for VolumePlace<'_> {
    fn ask(&self, question: Question) -> Result<Answer, Error> {
        let asked = Asked { protocol: PROTOCOL, subject: self.settings.subject(), question };
        self.answer(&asked).map_err(|failure| Error::Outside(Box::new(failure)))
    }
}

impl VolumePlace<'_> {
    fn answer(&self, asked: &Asked) -> Result<Answer, Failure> {
        let text = serde_json::to_vec(asked).map_err(|error| strange(&error.to_string()))?;
        let path = format!("{FILES}/{}.json", &digest(&text)[..16]);
        let fixed = ["answer", &path, "--root", MOUNT_POINT];
        let call = Call {
            arguments: fixed.map(str::to_owned).into(),
            // It may name what is the user's own business.
            files: vec![HelperFile { path: path.clone(), bytes: text, mode: 0o600 }],
            variables: Vec::new(),
            network: "none",
        };
        let text = self.run(call)?;
        serde_json::from_str(&text).map_err(|_garbled| strange(&format!("it answered `{text}`")))
    }

    /// Runs this binary and gives what it printed.
    pub(crate) fn run(&self, call: Call<'_>) -> Result<String, Failure> {
        let Self { connection, volume, image, settings } = *self;
        let Call { arguments, mut files, mut variables, network } = call;
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
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut collect = |output: Output<'_>| match output {
            Output::Stdout(bytes) => out.extend_from_slice(bytes),
            Output::Stderr(bytes) => err.extend_from_slice(bytes),
        };
        let code = connection.wait(run_helper(&connection.engine, &run, &mut collect))?;
        let text = String::from_utf8_lossy(&out).into_owned();
        if code == 0 { Ok(text) } else { Err(failed(image, &text, &err)) }
    }
}

/// Does something where the environment is.
pub(crate) fn at_place<T>(
    settings: &Settings,
    act: impl FnOnce(&dyn Place) -> Result<T, Error>,
) -> Result<T, Failure> {
    let subject = settings.subject();
    let sink = Progress::new(settings.ui).sink();
    let volume = match &settings.root {
        Root::Directory(root) => {
            let (written, seen) = (root.clone(), root.clone());
            return Ok(act(&Directory { written, seen, subject, sink })?);
        }
        Root::Volume(volume) => volume,
    };
    let connection = Connection::open(settings)?;
    let mut found = connection.found_volume(volume)?;
    // Whether a volume that somebody else made is in reach can only be tried, by way of an image.
    if let (None, Python::Image(image)) = (direct(&found), &settings.python) {
        found = connection.volume(volume, image, &subject.project)?;
    }
    match (direct(&found), &settings.python) {
        (Some(written), _) => {
            Ok(act(&Directory { written, seen: MOUNT_POINT.into(), subject, sink })?)
        }
        (None, Python::Image(image)) => {
            let (connection, volume) = (&connection, &found);
            Ok(act(&VolumePlace { connection, volume, image, settings })?)
        }
        (None, Python::Host(_)) => {
            let message = format!("this machine cannot write the volume {volume}");
            Err(Failure::usage(message)
                .hint("give --image IMAGE, or `image` of the environment in pyfast.toml, for a container that can; or run pyfast as root"))
        }
    }
}

impl Settings {
    /// The environment that is meant, and who asks for it.
    pub(crate) fn subject(&self) -> Subject {
        Subject { project: self.project.name(), env: self.env.clone(), claim: self.claim() }
    }
}

/// The certificates that this machine trusts, and the variable that names them inside: the image may have
/// none at all.
pub(crate) fn certificates(settings: &Settings) -> Option<((String, String), HelperFile)> {
    let path = settings.environment.get("SSL_CERT_FILE")?;
    let bytes = fs_err::read(path).ok()?;
    let inside = format!("{FILES}/certificates.pem");
    Some((("SSL_CERT_FILE".to_owned(), inside.clone()), file(inside, &bytes)))
}

/// A file that anybody in the container may read.
pub(crate) fn file(path: String, bytes: &[u8]) -> HelperFile {
    HelperFile { path, bytes: bytes.to_vec(), mode: 0o644 }
}

/// Files come from the index; an engine whose bridge has no network has the host's.
pub(crate) fn helper_network(settings: &Settings) -> &str {
    settings.environment.get("PYFAST_HELPER_NETWORK").unwrap_or("bridge")
}

/// What a program in a container failed with, as it tells it itself.
pub(crate) fn failed(image: &str, told: &str, said: &[u8]) -> Failure {
    let told: Option<Value> = serde_json::from_str(told).ok();
    let error = told.as_ref().map(|told| &told["error"]);
    let text = |key: &str| error.and_then(|error| error[key].as_str()).map(str::to_owned);
    let message =
        text("message").unwrap_or_else(|| String::from_utf8_lossy(said).trim().to_owned());
    let kind = text("kind").map_or(Cow::Borrowed("helper"), Cow::Owned);
    let mut failure = Failure::new(kind, message, Code::Mendable);
    let texts = |key: &str| {
        let list = error.and_then(|error| error[key].as_array()).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    for cause in texts("causes") {
        failure = failure.cause(cause);
    }
    for hint in texts("hints") {
        failure = failure.hint(hint);
    }
    failure.cause(format!("this was in a container of {image}"))
}

fn strange(reason: &str) -> Failure {
    let message = format!("cannot use what the helper container answered: {reason}");
    Failure::new("helper", message, Code::Mendable)
}
