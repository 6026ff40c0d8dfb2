//! The project as its compose files and `pyfast.toml` describe it together. Owns which service starts in which
//! environment; must not know the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::compose_file::{ComposeError, ComposeProject, ComposeRequest, read_compose};
use pyfast_launcher::composer::ComposeCall;
use pyfast_launcher::containers::with_dependencies;
use pyfast_launcher::engine::Host;
use pyfast_launcher::override_file::{Override, override_sibling};
use pyfast_settings::{Python, Root, Settings};

use crate::error::Error;

/// Directory for what belongs to a project and to nobody's version control.
pub(crate) const PRIVATE: &str = ".pyfast";

/// Which compose files are meant, beyond what Compose finds.
#[derive(Debug, Clone, Default)]
pub struct ComposeFlags {
    /// The files; none is as Compose finds them.
    pub files: Vec<PathBuf>,
    /// Profiles to be active.
    pub profiles: Vec<String>,
}

/// Services that start in one environment.
#[derive(Debug, Clone)]
pub struct StackEnv {
    /// The services.
    pub services: BTreeSet<String>,
    /// The image whose interpreter it is for.
    pub image: String,
}

/// A project.
#[derive(Debug, Clone)]
pub struct Description {
    /// The compose project.
    pub project: ComposeProject,
    /// Environments that services start in, by name.
    pub environments: BTreeMap<String, StackEnv>,
    /// Where store and environments live.
    pub root: Root,
    /// Where the override is.
    pub override_file: PathBuf,
    /// Whether Compose loads the override by itself.
    pub loaded_by_compose: bool,
    /// Active profiles beyond those of variables.
    pub profiles: Vec<String>,
    /// Variables for those that this program starts.
    pub variables: BTreeMap<String, String>,
}

impl Description {
    /// Reads compose files and configuration.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(
        settings: &Settings,
        flags: &ComposeFlags,
        services: &[String],
    ) -> Result<Self, Error> {
        let directory = &settings.project.directory;
        let working = &settings.project.working_directory;
        let files: Vec<_> = flags.files.iter().map(|file| working.join(file)).collect();
        let request = ComposeRequest {
            directory,
            files: &files,
            environment: settings.variables.all(),
            profiles: &flags.profiles,
            services,
            project_name: None,
        };
        let mut project = read_compose(&request)?;
        let found = project.found;
        let (own, foreign): (Vec<_>, Vec<_>) = project.files.iter().cloned().partition(|file| {
            pyfast_root::regular_file::read_text(file).is_ok_and(|text| Override::is_ours(&text))
        });
        if !own.is_empty() {
            // What was made from the project is no part of it.
            project = read_compose(&ComposeRequest { files: &foreign, ..request })?;
            project.found = found;
        }
        let first = project.files.first().cloned().unwrap_or_default();
        let sibling = override_sibling(&first);
        // A user's override of whatever name stays the one that Compose finds.
        let loaded_by_compose = !own.is_empty() || (found && project.files.len() == 1);
        let override_file = match own.first() {
            Some(own) => own.clone(),
            None if loaded_by_compose => sibling,
            None => project.directory.join(PRIVATE).join("compose.override.yml"),
        };
        let root = root(settings, &project);
        let environments = environments(settings, &project)?;
        Ok(Self {
            environments,
            root,
            override_file,
            loaded_by_compose,
            profiles: flags.profiles.clone(),
            variables: settings.variables.all().clone(),
            project,
        })
    }

    /// The settings of one environment.
    pub(crate) fn settings(&self, settings: &Settings, env: &str) -> Settings {
        let python = match self.environments.get(env) {
            Some(env) => Python::Image(env.image.clone()),
            None => settings.python.clone(),
        };
        settings.of_environment(env, self.root.clone(), python)
    }

    /// The named services with what they depend on, or all.
    ///
    /// # Errors
    /// [`Error::NoService`].
    pub fn selected(&self, named: &[String]) -> Result<BTreeSet<String>, Error> {
        let services = &self.project.services;
        if let Some(name) = named.iter().find(|name| !services.contains_key(*name)) {
            return Err(Error::NoService {
                service: name.clone(),
                inactive: self.project.inactive.contains(name),
                known: services.keys().cloned().collect(),
            });
        }
        Ok(with_dependencies(&self.project, named))
    }

    /// How Compose is called for the project.
    pub(crate) fn call(&self, host: Host) -> ComposeCall {
        let mut files = self.project.files.clone();
        files.extend(self.override_file.exists().then(|| self.override_file.clone()));
        ComposeCall {
            project: self.project.name.clone(),
            directory: self.project.directory.clone(),
            files,
            profiles: self.profiles.clone(),
            host,
        }
    }

    /// The environment that a service starts in.
    pub fn environment_of(&self, service: &str) -> Option<(&str, &StackEnv)> {
        let mut found = self.environments.iter().filter(|(_, env)| env.services.contains(service));
        found.next().map(|(name, env)| (name.as_str(), env))
    }
}

/// Containers get their environments from a volume unless a directory is given.
fn root(settings: &Settings, project: &ComposeProject) -> Root {
    let common = &settings.flags;
    let given = common.root.is_some()
        || common.volume.is_some()
        || settings.project.config.project.root.is_some();
    if given { settings.root.clone() } else { Root::Volume(format!("pyfast-{}", project.name)) }
}

fn environments(
    settings: &Settings,
    project: &ComposeProject,
) -> Result<BTreeMap<String, StackEnv>, Error> {
    let mut environments = BTreeMap::new();
    let mut taken: BTreeMap<&String, &String> = BTreeMap::new();
    for (name, config) in &settings.project.config.env {
        let mut services = BTreeSet::new();
        for service in &config.services {
            if let Some(other) = taken.insert(service, name) {
                return Err(Error::TwoEnvironments {
                    service: service.clone(),
                    one: other.clone(),
                    other: name.clone(),
                });
            }
            if project.services.contains_key(service) {
                services.insert(service.clone());
            } else if !project.inactive.contains(service) {
                return Err(Error::ConfiguredService {
                    env: name.clone(),
                    service: service.clone(),
                    known: project.services.keys().cloned().collect(),
                });
            }
        }
        if services.is_empty() {
            continue;
        }
        let image = image(name, config.image.as_ref(), &services, project)?;
        environments.insert(name.clone(), StackEnv { services, image });
    }
    Ok(environments)
}

/// The image of an environment: the configured one, else the one that its services share.
fn image(
    env: &str,
    configured: Option<&String>,
    services: &BTreeSet<String>,
    project: &ComposeProject,
) -> Result<String, Error> {
    if let Some(image) = configured {
        return Ok(image.clone());
    }
    let images: BTreeSet<_> =
        services.iter().filter_map(|name| project.services.get(name)?.image.clone()).collect();
    let mut images = images.into_iter();
    match (images.next(), images.next()) {
        (Some(image), None) => Ok(image),
        (first, _) => Err(Error::NoImage { env: env.to_owned(), several: first.is_some() }),
    }
}

/// The services of the project's compose files, without those of inactive profiles; none where they cannot be read.
pub fn services(settings: &Settings, flags: &ComposeFlags) -> Vec<String> {
    let working = &settings.project.working_directory;
    let files: Vec<_> = flags.files.iter().map(|file| working.join(file)).collect();
    let request = ComposeRequest {
        directory: &settings.project.directory,
        files: &files,
        environment: settings.variables.all(),
        profiles: &flags.profiles,
        services: &[],
        project_name: None,
    };
    let project = read_compose(&request).map(|project| project.services);
    project.map(|services| services.into_keys().collect()).unwrap_or_default()
}

/// Whether no compose file is in the project's directory or above it.
pub fn is_absent(settings: &Settings) -> bool {
    let request = ComposeRequest {
        directory: &settings.project.directory,
        files: &[],
        environment: settings.variables.all(),
        profiles: &[],
        services: &[],
        project_name: None,
    };
    matches!(read_compose(&request), Err(LaunchError::Compose(ComposeError::NotFound { .. })))
}

/// The environments that commands would work on, each with its interpreter: the one asked for, else all that are
/// configured.
pub fn pythons(
    settings: &Settings,
    description: Option<&Description>,
) -> BTreeMap<String, Result<Python, pyfast_settings::Error>> {
    let flags = &settings.flags;
    let configured = &settings.project.config.env;
    if flags.env.is_some() || configured.is_empty() {
        return BTreeMap::from([(settings.env.clone(), Ok(settings.python.clone()))]);
    }
    let asked = flags.image.is_some() || flags.python.is_some();
    let python = |name: &String| {
        let of_services = description.and_then(|described| described.environments.get(name));
        Ok(match (&configured[name].image, of_services) {
            _ if asked => settings.python.clone(),
            (Some(image), _) => Python::Image(image.clone()),
            (None, Some(services)) => Python::Image(services.image.clone()),
            (None, None) => Python::Host(settings.project.config.python(name)?),
        })
    };
    configured.keys().map(|name| (name.clone(), python(name))).collect()
}
