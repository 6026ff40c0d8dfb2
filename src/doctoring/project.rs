//! What the project asks for: its configuration, compose files, requirements, and the interpreters and root that follow
//! from them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyfast_launcher::{
    ComposeError, ComposeProject, ComposeRequest, Error as LaunchError, read_compose,
};
use pyfast_resolver::{IndexOptions, read_requirements};

use super::report::{Finding, Level};
use crate::config;
use crate::failure::Failure;
use crate::launching::{Stack, StackArgs};
use crate::resolving::{self, ResolveArgs};
use crate::settings::{Python, Root, Settings};
use crate::ui::count;

const CONFIGURATION: &str = "configuration";
const COMPOSE_FILE: &str = "compose-file";
const REQUIREMENTS: &str = "requirements";
const CORRECT: &str = "correct it at the place named";

/// A project as far as it can be read.
pub(super) struct Project {
    /// What is to be said of its files.
    pub(super) findings: Vec<Finding>,
    /// Environments that are looked at, each with its interpreter.
    pub(super) environments: BTreeMap<String, Python>,
    pub(super) root: Root,
    /// Its compose files, which may name images that are pulled.
    pub(super) compose: Option<ComposeProject>,
    /// Which indexes its requirements files name.
    pub(super) index: IndexOptions,
    /// Whether `pyfast.toml` gives environments to services.
    services: bool,
}

impl Project {
    /// Whether the project cannot do without the container engine.
    pub(super) fn needs_engine(&self) -> bool {
        let image = |python: &Python| matches!(python, Python::Image(_));
        matches!(self.root, Root::Volume(_))
            || self.services
            || self.environments.values().any(image)
    }

    /// Whether a service builds this image.
    pub(super) fn builds(&self, image: &str) -> bool {
        let mut services = self.compose.iter().flat_map(|compose| compose.services.values());
        services.any(|one| one.build.is_some() && one.image.as_deref() == Some(image))
    }

    /// Whether services start in its environments, so that it cannot do without Compose.
    pub(super) fn has_services(&self) -> bool {
        self.services
    }
}

/// Reads a project.
pub(super) fn read(settings: &Settings, args: &StackArgs) -> Project {
    let mut findings = vec![configuration(settings)];
    let stack = stack(settings, args, &mut findings);
    let config = &settings.project.config;
    let services = config.env.values().any(|env| !env.services.is_empty());
    let environments = environments(settings, stack.as_ref());
    let mut index = IndexOptions::default();
    for env in environments.keys() {
        findings.push(requirements(settings, env, &mut index));
    }
    // Containers get their environments from a volume unless a directory is given.
    let root = stack.as_ref().filter(|_| services).map_or(&settings.root, |stack| &stack.root);
    let root = root.clone();
    let compose = stack.map(|stack| stack.project);
    Project { findings, environments, root, compose, index, services }
}

fn configuration(settings: &Settings) -> Finding {
    let directory = &settings.project.directory;
    let file = [config::FILE, "pyproject.toml"].map(|name| directory.join(name));
    let environments = settings.project.config.env.len();
    let message = if let Some(file) = file.iter().find(|file| file.is_file()) {
        format!("{} is readable: {}", file.display(), count(environments, "environment"))
    } else {
        format!("{} has no {}, and none is needed", directory.display(), config::FILE)
    };
    Finding::ok(CONFIGURATION, message)
}

/// The compose project; its absence matters only where services are configured.
fn stack(settings: &Settings, args: &StackArgs, findings: &mut Vec<Finding>) -> Option<Stack> {
    let services = settings.project.config.env.values().any(|env| !env.services.is_empty());
    if !services && args.files.is_empty() && is_absent(settings) {
        let message = "no compose file is in the project's directory or above it";
        findings.push(Finding::new(Level::Skipped, COMPOSE_FILE, message));
        return None;
    }
    match Stack::read(settings, args, &[]) {
        Ok(stack) => {
            let files = stack.project.files.iter().map(|file| file.display().to_string());
            let files = files.collect::<Vec<_>>().join(", ");
            let services = count(stack.project.services.len(), "service");
            findings.push(Finding::ok(COMPOSE_FILE, format!("{files}: {services}")));
            Some(stack)
        }
        Err(failure) => {
            findings.push(Finding::failed(COMPOSE_FILE, &failure).or_hint(CORRECT));
            None
        }
    }
}

fn is_absent(settings: &Settings) -> bool {
    let request = ComposeRequest {
        directory: &settings.project.directory,
        files: &[],
        environment: settings.environment.all(),
        profiles: &[],
        services: &[],
        project_name: None,
    };
    matches!(read_compose(&request), Err(LaunchError::Compose(ComposeError::NotFound { .. })))
}

/// The environments that commands would work on: the one asked for, else all that are configured.
fn environments(settings: &Settings, stack: Option<&Stack>) -> BTreeMap<String, Python> {
    let common = &settings.common;
    let configured = &settings.project.config.env;
    if common.env.is_some() || configured.is_empty() {
        return BTreeMap::from([(settings.env.clone(), settings.python.clone())]);
    }
    let asked = common.image.is_some() || common.python.is_some();
    let python = |name: &String| {
        let env = &configured[name];
        let of_services = stack.and_then(|stack| stack.environments.get(name));
        match (&env.image, of_services) {
            _ if asked => settings.python.clone(),
            (Some(image), _) => Python::Image(image.clone()),
            (None, Some(services)) => Python::Image(services.image.clone()),
            (None, None) => Python::Host(env.python.clone()),
        }
    };
    configured.keys().map(|name| (name.clone(), python(name))).collect()
}

/// Whether an environment's requirements can be read; adds the indexes that they name.
fn requirements(settings: &Settings, env: &str, index: &mut IndexOptions) -> Finding {
    let project = &settings.project;
    let configured = project.config.env.get(env).is_some_and(|env| !env.requirements.is_empty());
    let files: Vec<PathBuf> = match project.requirements(&[], env) {
        Ok(files) => files,
        Err(failure) if configured => {
            return Finding::failed(REQUIREMENTS, &failure).or_hint(CORRECT);
        }
        Err(failure) => return Finding::of(Level::Warning, REQUIREMENTS, &failure),
    };
    let constraints = project.constraints(&[], env);
    let context = match resolving::context(&ResolveArgs::default(), settings, env) {
        Ok(context) => context,
        Err(failure) => return Finding::failed(REQUIREMENTS, &failure).or_hint(CORRECT),
    };
    match read_requirements(&files, &constraints, &[], &context) {
        Ok(set) => {
            let count = count(set.requirements.len(), "requirement");
            let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            index.index_url = index.index_url.take().or(set.index.index_url);
            index.extra_index_urls.extend(set.index.extra_index_urls);
            index.find_links.extend(set.index.find_links);
            index.no_index |= set.index.no_index;
            Finding::ok(REQUIREMENTS, format!("{env}: {} ({count})", names.join(", ")))
        }
        Err(error) => Finding::failed(REQUIREMENTS, &Failure::from(error)).or_hint(CORRECT),
    }
}
