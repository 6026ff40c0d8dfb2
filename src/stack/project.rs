//! The project as its compose files and `pyfast.toml` describe it together. Owns which service starts in which
//! environment; must not know the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pyfast_launcher::compose_file::{ComposeProject, ComposeRequest, read_compose};
use pyfast_launcher::composer::ComposeCall;
use pyfast_launcher::containers::with_dependencies;
use pyfast_launcher::engine::Host;
use pyfast_launcher::override_file::{Override, override_sibling};

use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use pyfast_settings::{Python, Root};

/// Directory for what belongs to a project and to nobody's version control.
pub(crate) const PRIVATE: &str = ".pyfast";

/// Services that start in one environment.
#[derive(Debug, Clone)]
pub(crate) struct StackEnv {
    pub(crate) services: BTreeSet<String>,
    /// The image whose interpreter it is for.
    pub(crate) image: String,
}

/// A project.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) project: ComposeProject,
    /// Environments that services start in, by name.
    pub(crate) environments: BTreeMap<String, StackEnv>,
    pub(crate) root: Root,
    /// Where the override is.
    pub(crate) override_file: PathBuf,
    /// Whether Compose loads the override by itself.
    pub(crate) loaded_by_compose: bool,
    /// Active profiles beyond those of variables.
    profiles: Vec<String>,
    /// Variables for those that this program starts.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Stack {
    /// Reads compose files and configuration.
    pub(crate) fn read(
        settings: &Settings,
        args: &StackArgs,
        services: &[String],
    ) -> Result<Self, Failure> {
        let directory = &settings.project.directory;
        let working = &settings.project.working_directory;
        let files: Vec<_> = args.files.iter().map(|file| working.join(file)).collect();
        let request = ComposeRequest {
            directory,
            files: &files,
            environment: settings.variables.all(),
            profiles: &args.profiles,
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
        for warning in &project.warnings {
            settings.ui.warning(warning);
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
            profiles: args.profiles.clone(),
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
    pub(crate) fn selected(&self, named: &[String]) -> Result<BTreeSet<String>, Failure> {
        for name in named {
            if self.project.services.contains_key(name) {
                continue;
            }
            let message = format!("the compose files have no service `{name}`");
            let failure = Failure::usage(message);
            return Err(if self.project.inactive.contains(name) {
                failure.hint("it belongs to a profile that is not active; name that with --profile")
            } else {
                let known: Vec<_> = self.project.services.keys().map(String::as_str).collect();
                failure.hint(format!("they have {}", known.join(", ")))
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
    pub(crate) fn environment_of(&self, service: &str) -> Option<(&str, &StackEnv)> {
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
) -> Result<BTreeMap<String, StackEnv>, Failure> {
    let mut environments = BTreeMap::new();
    let mut taken: BTreeMap<&String, &String> = BTreeMap::new();
    for (name, config) in &settings.project.config.env {
        let mut services = BTreeSet::new();
        for service in &config.services {
            if let Some(other) = taken.insert(service, name) {
                let message = format!(
                    "pyfast.toml gives the service `{service}` two environments: `{other}` and `{name}`"
                );
                return Err(Failure::usage(message));
            }
            if project.services.contains_key(service) {
                services.insert(service.clone());
            } else if !project.inactive.contains(service) {
                let message = format!(
                    "pyfast.toml gives the environment `{name}` the service `{service}`, which the compose files do not have"
                );
                let known: Vec<_> = project.services.keys().map(String::as_str).collect();
                return Err(Failure::usage(message).hint(format!("they have {}", known.join(", "))));
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
) -> Result<String, Failure> {
    if let Some(image) = configured {
        return Ok(image.clone());
    }
    let images: BTreeSet<_> =
        services.iter().filter_map(|name| project.services.get(name)?.image.clone()).collect();
    let mut images = images.into_iter();
    match (images.next(), images.next()) {
        (Some(image), None) => Ok(image),
        (first, _) => {
            let why = if first.is_none() { "name no image" } else { "have different images" };
            let message = format!(
                "cannot tell for which image the environment `{env}` is: its services {why}"
            );
            Err(Failure::usage(message)
                .hint(format!("give `image` under [env.{env}] in pyfast.toml")))
        }
    }
}
