//! What the last sync of an environment was asked for, so that it can be repeated. Owns its place, the user's data
//! directory: a root may be written by others, who must not say what this user reads and runs. Must not know what the
//! words of a request mean.

mod words;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use pyfast_packaging::hash::Sha256;
use pyfast_root::current_of;
use pyfast_root::layout::REQUESTS;
use pyfast_settings::{EnvConfig, Root, Settings, kept};
use serde::{Deserialize, Serialize};

use crate::news::FILES;
use crate::volume_place::subject;

pub use words::{Words, absolute, described, shown};

/// Raised where a request of before would be read as another.
const VERSION: u32 = 1;

/// What is kept in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    version: u32,
    /// The request as it would be typed, files by absolute paths; `None` before the first.
    words: Option<Vec<OsString>>,
    /// What the configuration said of the environment then.
    configured: String,
    /// The environment that the last `rollback` went to, if nothing was synced since.
    rolled_back_to: Option<String>,
}

/// Why a request is not remembered.
#[derive(Debug)]
pub enum NotKept {
    /// It has a secret in it, which is typed again.
    Password,
    /// The disk refuses.
    Disk(io::Error),
}

impl Remembered {
    /// What is known of the settings' environment; nothing where it cannot be read, or its configuration is another.
    pub fn load(settings: &Settings) -> Self {
        let known: Option<Self> = place(settings).and_then(|file| kept::read(&file));
        let configured = configured(settings);
        known
            .filter(|known| known.version == VERSION && known.configured == configured)
            .unwrap_or_else(|| Self { version: VERSION, configured, ..Self::default() })
    }

    /// The request; `None` before the first.
    pub fn words(&self) -> Option<&[OsString]> {
        self.words.as_deref()
    }

    /// Whether there was a request, and it named something.
    pub fn names_something(&self) -> bool {
        self.words().is_some_and(|words| !words.is_empty())
    }

    /// Keeps a request that was carried out.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn keep(self, words: Vec<OsString>, settings: &Settings) -> Result<(), NotKept> {
        if words.iter().any(|word| has_password(&word.to_string_lossy())) {
            return Err(NotKept::Password);
        }
        let next = Self { words: Some(words), rolled_back_to: None, ..self.clone() };
        if next == self { Ok(()) } else { next.store(settings).map_err(NotKept::Disk) }
    }

    /// Keeps that the environment was taken back to `id`.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn keep_rollback(mut self, id: &str, settings: &Settings) -> io::Result<()> {
        self.rolled_back_to = Some(id.to_owned());
        self.store(settings)
    }

    /// The environment that is current because somebody went back to it.
    pub fn rolled_back_to(&self, settings: &Settings) -> Option<&str> {
        let id = self.rolled_back_to.as_deref()?;
        let Root::Directory(root) = &settings.root else { return None };
        let root = pyfast_root::Root::find(root, root).ok()??;
        let name = subject(settings).name().ok()?;
        let current = current_of(&root.project_env(&name).ok()??).ok()??;
        (current == id).then_some(id)
    }

    fn store(&self, settings: &Settings) -> io::Result<()> {
        place(settings).map_or(Ok(()), |file| kept::write(&file, self))
    }
}

/// Whether files are those that an environment is made of anyway: those that are kept, else those of its project.
pub fn are_usual(files: &[PathBuf], kept: &[PathBuf], settings: &Settings) -> bool {
    let project = &settings.project;
    let places = |files: &[PathBuf]| -> Vec<PathBuf> {
        files.iter().map(|file| absolute(file, project)).collect()
    };
    let of_project = || project.requirements(&[], &settings.env).unwrap_or_default();
    places(files) == places(&if kept.is_empty() { of_project() } else { kept.to_vec() })
}

/// Forgets what an environment that is removed was asked for.
pub fn forget(settings: &Settings) {
    let Some(request) = place(settings) else { return };
    let news = FILES.map(|ending| request.with_extension(ending));
    for file in news.iter().chain([&request]) {
        // Nothing is there where nothing was kept.
        let _ = fs_err::remove_file(file);
    }
}

/// Of which environment the user's data directory keeps what.
pub(crate) fn place(settings: &Settings) -> Option<PathBuf> {
    let root = match &settings.root {
        Root::Directory(root) => root.display().to_string(),
        Root::Volume(volume) => format!("volume:{volume}"),
    };
    let (project, env) = (settings.project.name(), &settings.env);
    let directory = settings.project.directory.display();
    let key = Sha256::of(format!("{root}\n{directory}\n{project}\n{env}").as_bytes()).to_string();
    let name = format!("{project}-{env}-{}.json", &key[..16]);
    Some(settings.data_directory().ok()?.join(REQUESTS).join(name))
}

fn configured(settings: &Settings) -> String {
    let config = settings.project.config.env.get(&settings.env);
    config.map_or_else(String::new, EnvConfig::fingerprint)
}

/// Whether a word may have one; a password may have any character in it.
fn has_password(word: &str) -> bool {
    word.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}
