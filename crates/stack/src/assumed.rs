//! What the last `up` assumed of a project that nobody has configured, so that other commands find what it made. Owns
//! where that is kept, the user's data directory, and when it counts; what is assumed is `defaults`'.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::LAUNCHES;
use pyfast_settings::{EnvConfig, FILE, Python, Root, Settings, kept};
use serde::{Deserialize, Serialize};

use crate::defaults::Assumed;
use crate::description::{Description, is_absent};

/// Raised where what was kept before would be read as something else.
const VERSION: u32 = 1;

/// The environment that nobody has to name.
const DEFAULT: &str = "default";

/// What was assumed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// The project's name.
    name: Option<String>,
    volume: String,
    environments: BTreeMap<String, KeptEnv>,
}

/// An environment.
#[derive(Debug, Serialize, Deserialize)]
struct KeptEnv {
    requirements: Vec<PathBuf>,
    constraints: Vec<PathBuf>,
    image: String,
    services: Vec<String>,
}

/// What a command works on after `up` of a project that nobody has configured.
#[derive(Debug)]
pub enum Recalled {
    /// What `up` made.
    Made {
        /// The settings of its environment.
        settings: Box<Settings>,
        /// The volume that it is in.
        volume: String,
    },
    /// What is there of this machine; `up` made others besides.
    Beside {
        /// Their names.
        environments: Vec<String>,
        /// The volume that they are in.
        volume: String,
    },
}

impl Assumed {
    /// Keeps what was assumed, as it came out with the compose files.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn keep(&self, description: &Description) -> io::Result<()> {
        let (Some(file), Root::Volume(volume)) = (file(&self.settings), &description.root) else {
            return Ok(());
        };
        let config = &self.settings.project.config;
        let environments = description.environments.iter().filter_map(|(name, made)| {
            let env = config.env.get(name)?;
            let (requirements, constraints) = (env.requirements.clone(), env.constraints.clone());
            let (image, services) = (made.image.clone(), env.services.clone());
            Some((name.clone(), KeptEnv { requirements, constraints, image, services }))
        });
        let (name, volume) = (config.project.name.clone(), volume.clone());
        kept::write(
            &file,
            &Kept { version: VERSION, name, volume, environments: environments.collect() },
        )
    }
}

/// What the last `up` of the project made, where nobody has configured it, and nothing that was given says otherwise.
pub fn recall(settings: &Settings) -> Option<Recalled> {
    let flags = &settings.flags;
    let config = &settings.project.config;
    let says_otherwise = flags.root.is_some()
        || flags.volume.is_some()
        || flags.image.is_some()
        || flags.python.is_some()
        || flags.project_name.is_some()
        || settings.own_root.is_some()
        || config.project.root.is_some()
        || !config.env.is_empty()
        || settings.project.directory.join(FILE).is_file();
    if says_otherwise {
        return None;
    }
    let kept: Kept = kept::read(&file(settings)?).filter(|kept: &Kept| kept.version == VERSION)?;
    let names: Vec<String> = kept.environments.keys().cloned().collect();
    let env = match (&flags.env, &names[..]) {
        (Some(env), _) if names.contains(env) => env.clone(),
        (Some(_), _) | (None, []) => return None,
        (None, _) if is_here(settings) => {
            return Some(Recalled::Beside { environments: names, volume: kept.volume });
        }
        (None, [one]) => one.clone(),
        (None, _) => DEFAULT.to_owned(),
    };
    let image = kept.environments.get(&env).or_else(|| kept.environments.values().next())?;
    let volume = kept.volume;
    let (root, python) = (Root::Volume(volume.clone()), Python::Image(image.image.clone()));
    let mut made = settings.of_environment(&env, root, python);
    let config = &mut made.project.config;
    config.project.name = kept.name;
    let environments = kept.environments.into_iter();
    config.env = environments.map(|(name, env)| (name, env.configuration())).collect();
    Some(Recalled::Made { settings: Box::new(made), volume })
}

/// An environment of the project's containers, where there is none on this machine.
#[derive(Debug)]
pub struct Contained {
    /// The volume that it is in.
    pub volume: String,
    /// A service that runs in it; none where the project has no compose file.
    pub service: Option<String>,
}

/// The environment that the project's containers have and this machine has not: that of the configuration, or what the last
/// `up` made. Within a container there is no other.
pub fn contained(settings: &Settings) -> Option<Contained> {
    if settings.own_root.is_some() || is_here(settings) {
        return None;
    }
    let recalled = match recall(settings) {
        Some(Recalled::Made { settings, .. }) => Some(settings),
        _ => None,
    };
    let settings = recalled.as_deref().unwrap_or(settings);
    let Root::Volume(volume) = &settings.root else { return None };
    let configured = settings.project.config.env.get(&settings.env);
    let named = configured.and_then(|env| env.services.first().cloned());
    let service = named.or_else(|| (!is_absent(settings)).then(|| "SERVICE".to_owned()));
    Some(Contained { volume: volume.clone(), service })
}

impl KeptEnv {
    /// The same as a project configures it.
    fn configuration(self) -> EnvConfig {
        let Self { requirements, constraints, image, services } = self;
        let image = Some(image);
        EnvConfig { requirements, constraints, image, services, ..EnvConfig::default() }
    }
}

/// Whether the environment that nobody names is there on this machine.
fn is_here(settings: &Settings) -> bool {
    let Root::Directory(root) = &settings.root else { return false };
    let name = pyfast_crew::volume_place::subject(settings).name();
    let root = pyfast_root::Root::find(root, root).ok().flatten();
    let found = root.zip(name.ok()).map(|(root, name)| root.current(&name));
    matches!(found, Some(Ok(Some(_))))
}

fn file(settings: &Settings) -> Option<PathBuf> {
    let directory = settings.project.directory.display().to_string();
    let name = format!("assumed-{}.json", &Sha256::of(directory.as_bytes()).to_string()[..16]);
    Some(settings.data_directory().ok()?.join(LAUNCHES).join(name))
}
