//! The project as its compose files and `pyfast.toml` describe it together. Owns which service starts in which
//! environment; must not know the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::compose_file::{
    ComposeError, ComposeProject, ComposeRequest, NAMES, PRIVATE, compose_inputs, is_ours,
    read_compose,
};
use pyfast_launcher::composer::ComposeCall;
use pyfast_launcher::containers::with_dependencies;
use pyfast_launcher::engine::Host;
use pyfast_launcher::override_file::override_sibling;
use pyfast_root::regular_file;
use pyfast_settings::{Python, Root, Settings};

use crate::compose_version::separator;
use crate::error::Error;
use crate::placed::{Loaded, place};

/// Which compose files are meant, beyond what Compose finds.
#[derive(Debug, Clone, Default)]
pub struct ComposeFlags {
    /// The files; none is as Compose finds them.
    pub files: Vec<PathBuf>,
    /// Profiles to be active.
    pub profiles: Vec<String>,
    /// How many containers are wanted of a service, whatever the files say.
    pub scale: BTreeMap<String, u32>,
}

impl ComposeFlags {
    /// With numbers of containers.
    #[must_use]
    pub fn scaled(mut self, scale: &[(String, u32)]) -> Self {
        self.scale.extend(scale.iter().cloned());
        self
    }

    /// Reads `SERVICE=NUMBER`.
    ///
    /// # Errors
    /// What was to be written.
    pub fn scale_of(text: &str) -> Result<(String, u32), &'static str> {
        let (service, number) = text.split_once('=').ok_or("write SERVICE=NUMBER")?;
        let number = number.parse().map_err(|_no_number| "the number must be a whole one")?;
        Ok((service.to_owned(), number))
    }
}

/// Services that start in one environment.
#[derive(Debug, Clone)]
pub struct StackEnv {
    /// The services.
    pub services: BTreeSet<String>,
    /// Those of them whose commands are supervised within their containers.
    pub supervised: BTreeSet<String>,
    /// The image whose interpreter it is for, by the name that it has on this machine.
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
    /// Overrides of ours that another one has replaced: Compose would find them.
    pub stale_overrides: Vec<PathBuf>,
    /// When Compose loads the override.
    pub loaded: Loaded,
    /// Active profiles beyond those of variables.
    pub profiles: Vec<String>,
    /// How many containers are wanted of a service, whatever the files say.
    pub scale: BTreeMap<String, u32>,
    /// Variables for those that this program starts.
    pub variables: BTreeMap<String, String>,
    /// Files of variables that the user named: not every Compose knows the variable that names them.
    pub env_files: Vec<PathBuf>,
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
        let files = named_files(settings, flags);
        let mut project = read_compose(&request(settings, flags, &files, services))?;
        for (service, number) in &flags.scale {
            let known = project.services.keys().cloned().collect();
            let Some(service) = project.services.get_mut(service) else {
                let (service, inactive) = (service.clone(), project.inactive.contains(service));
                return Err(Error::NoService { service, inactive, known });
            };
            service.replicas = Some(*number);
        }
        let (override_file, loaded) = place(settings, flags, &project);
        let stale = project.own.iter().filter(|own| **own != override_file);
        // Those beside one of a call are others'.
        let stale_overrides = stale.filter(|_| loaded != Loaded::ByFlag).cloned().collect();
        let root = root(settings, &project);
        let environments = environments(settings, &project)?;
        Ok(Self {
            environments,
            root,
            override_file,
            stale_overrides,
            loaded,
            profiles: flags.profiles.clone(),
            scale: flags.scale.clone(),
            variables: settings.variables.all().clone(),
            env_files: env_files(settings),
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
            env_files: self.env_files.clone(),
            host,
        }
    }

    /// What has to be so that a plain Compose keeps the environments, where that is not so by itself.
    pub fn until(&self) -> Option<String> {
        let file = self.override_file.display();
        match self.loaded {
            Loaded::Always => None,
            Loaded::ByVariable => Some(format!("COMPOSE_FILE in .env ends with {file}")),
            Loaded::ByFlag => Some(format!("the last of its `-f` is {file}")),
        }
    }

    /// What this program has written into the project, for this call or another.
    pub(crate) fn written(&self) -> Vec<PathBuf> {
        let directory = &self.project.directory;
        let siblings = NAMES.iter().map(|name| override_sibling(&directory.join(name)));
        let ours = |file: &PathBuf| regular_file::read_text(file).is_ok_and(|text| is_ours(&text));
        let others = siblings.filter(|file| *file != self.override_file && ours(file));
        [self.override_file.clone(), directory.join(PRIVATE)].into_iter().chain(others).collect()
    }

    /// Services whose commands are supervised within their containers.
    pub fn supervised(&self) -> BTreeSet<String> {
        self.environments.values().flat_map(|env| env.supervised.iter().cloned()).collect()
    }

    /// The environment that a service starts in.
    pub fn environment_of(&self, service: &str) -> Option<(&str, &StackEnv)> {
        let mut found = self.environments.iter().filter(|(_, env)| env.services.contains(service));
        found.next().map(|(name, env)| (name.as_str(), env))
    }
}

fn env_files(settings: &Settings) -> Vec<PathBuf> {
    let named = settings.variables.get("COMPOSE_ENV_FILES").unwrap_or_default();
    let named = named.split(',').map(str::trim).filter(|file| !file.is_empty());
    named.map(|file| settings.project.directory.join(file)).collect()
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
        let image = match &config.image {
            Some(image) => named_image(settings, project, image)?,
            None => image_of_services(settings, project, name, &services)?,
        };
        let supervised = config.supervised().iter().filter(|one| services.contains(*one));
        let supervised = supervised.cloned().collect();
        environments.insert(name.clone(), StackEnv { services, supervised, image });
    }
    Ok(environments)
}

/// What stands before the name of a service whose image is meant: without a name of its own, it has another one in each
/// directory, and with each Compose.
const OF_SERVICE: &str = "service:";

/// The name of a configured image.
fn named_image(
    settings: &Settings,
    project: &ComposeProject,
    configured: &str,
) -> Result<String, Error> {
    let service = configured.strip_prefix(OF_SERVICE);
    let Some((name, service)) = service.and_then(|name| project.services.get_key_value(name))
    else {
        return Ok(configured.to_owned());
    };
    match (&service.image, &service.build) {
        (Some(image), _) => Ok(image.clone()),
        (None, _) => Ok(format!("{}{}{name}", project.name, separator(settings)?)),
    }
}

/// The image that the services of an environment share. Images that are built alike are one, whatever their names.
fn image_of_services(
    settings: &Settings,
    project: &ComposeProject,
    env: &str,
    services: &BTreeSet<String>,
) -> Result<String, Error> {
    let of = services.iter().filter_map(|name| project.services.get_key_value(name));
    let images: BTreeSet<_> = of
        .clone()
        .map(|(_, service)| match &service.image {
            Some(image) => (Some(image), None),
            None => (None, service.build.as_ref().map(|build| format!("{build:?}"))),
        })
        .collect();
    match (images.len(), of.clone().next()) {
        (1, Some((name, _))) => named_image(settings, project, &format!("{OF_SERVICE}{name}")),
        (several, _) => Err(Error::NoImage { env: env.to_owned(), several: several > 1 }),
    }
}

/// The settings with the image of a service by the name that it has here, for commands that know no compose files. They
/// are read where such an image is meant alone, or none is named for services; a project that cannot be read is left for
/// whoever reads it next.
pub fn with_named_image(mut settings: Settings) -> Settings {
    let of_service = match &settings.python {
        Python::Image(image) if image.starts_with(OF_SERVICE) => Some(image.clone()),
        Python::Host(_) | Python::Managed(_) if is_for_services(&settings) => None,
        _ => return settings,
    };
    let all = ComposeFlags { profiles: vec!["*".to_owned()], ..ComposeFlags::default() };
    let project = read_compose(&request(&settings, &all, &[], &[]));
    let env = settings.project.config.env.get(&settings.env);
    let services = env.iter().flat_map(|env| env.services.iter().cloned()).collect();
    let named = project.map_err(Error::from).and_then(|project| match &of_service {
        Some(image) => named_image(&settings, &project, image),
        None => image_of_services(&settings, &project, &settings.env, &services),
    });
    let named = match named {
        Ok(named) => named,
        Err(error) => {
            let says = matches!(error, Error::NoImage { .. });
            settings.no_image = says.then(|| error.to_string());
            return settings;
        }
    };
    // What is configured is the same image by another name.
    if let Some(env) = settings.project.config.env.get_mut(&settings.env)
        && env.image.is_some()
        && env.image == of_service
    {
        env.image = Some(named.clone());
    }
    if of_service.is_none() {
        settings.python_from = format!("of the services of [env.{}]", settings.env);
    }
    settings.python = Python::Image(named);
    settings
}

/// Whether nothing but the services of an environment in a volume says which image it is for.
fn is_for_services(settings: &Settings) -> bool {
    let Settings { flags, root, project, env, .. } = settings;
    let configured = project.config.env.get(env);
    matches!(root, Root::Volume(_))
        && flags.python.is_none()
        && configured.is_some_and(|env| env.image.is_none() && !env.services.is_empty())
}

/// Whether no compose file is in the project's directory or above it.
pub fn is_absent(settings: &Settings) -> bool {
    let flags = ComposeFlags::default();
    let read = read_compose(&request(settings, &flags, &[], &[]));
    matches!(read, Err(LaunchError::Compose(ComposeError::NotFound { .. })))
}

/// The files that compose files consist of, whether or not they make sense.
pub(crate) fn inputs(
    settings: &Settings,
    flags: &ComposeFlags,
    services: &[String],
) -> BTreeSet<PathBuf> {
    compose_inputs(&request(settings, flags, &named_files(settings, flags), services))
}

pub(crate) fn named_files(settings: &Settings, flags: &ComposeFlags) -> Vec<PathBuf> {
    let working = &settings.project.working_directory;
    flags.files.iter().map(|file| working.join(file)).collect()
}

pub(crate) fn request<'a>(
    settings: &'a Settings,
    flags: &'a ComposeFlags,
    files: &'a [PathBuf],
    services: &'a [String],
) -> ComposeRequest<'a> {
    ComposeRequest {
        directory: &settings.project.directory,
        files,
        environment: settings.variables.all(),
        profiles: &flags.profiles,
        services,
        project_name: None,
    }
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
            (_, Some(services)) => Python::Image(services.image.clone()),
            (Some(image), None) => Python::Image(image.clone()),
            (None, None) => settings.project.config.python(name)?.unwrap_or(Python::Host(None)),
        })
    };
    configured.keys().map(|name| (name.clone(), python(name))).collect()
}
