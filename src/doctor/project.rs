//! What the project asks for: its configuration, compose files, requirements, and the interpreters and root that follow
//! from them.

use std::collections::BTreeMap;

use pyfast_launcher::compose_file::ComposeProject;
use pyfast_packaging::requirements_txt::RequirementSet;

use super::report::OfFailure as _;
use crate::args::StackArgs;
use crate::settings::Settings;
use crate::syncing::read_inputs;
use crate::ui::count;
use pyfast_crew::examined::{Finding, Level};
use pyfast_crew::inputs::lock_alone;
use pyfast_settings::{FILE, Python, ResolveFlags, Root};
use pyfast_stack::init::moving;
use pyfast_stack::{Description, is_absent, pythons};

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
    /// Which indexes its requirements files name, and how to log in there.
    pub(super) indexes: RequirementSet,
    /// Whether `pyfast.toml` gives environments to services.
    services: bool,
}

impl Project {
    /// Whether the project cannot do without the container engine.
    pub(super) fn needs_engine(&self) -> bool {
        let of_images = self.environments.values().any(|python| python.image().is_some());
        matches!(self.root, Root::Volume(_)) || self.services || of_images
    }

    /// Whether a service builds this image.
    pub(super) fn builds(&self, image: &str) -> bool {
        let mut services = self.compose.iter().flat_map(|compose| compose.services.values());
        services.any(|one| one.build.is_some() && one.image.as_deref() == Some(image))
    }

    /// Whether it has services, so that it cannot do without Compose.
    pub(super) fn has_services(&self) -> bool {
        self.services || self.compose.is_some()
    }
}

/// Reads a project.
pub(super) fn read(settings: &Settings, args: &StackArgs) -> Project {
    let mut findings = vec![configuration(settings)];
    let stack = stack(settings, args, &mut findings);
    let config = &settings.project.config;
    let services = config.env.values().any(|env| !env.services.is_empty());
    let environments = environments(settings, stack.as_ref(), &mut findings);
    let mut indexes = RequirementSet::default();
    for env in environments.keys() {
        findings.push(requirements(settings, env, &mut indexes));
    }
    // Containers get their environments from a volume unless a directory is given.
    let root = stack.as_ref().filter(|_| services).map_or(&settings.root, |stack| &stack.root);
    let root = root.clone();
    let compose = stack.map(|stack| stack.project);
    Project { findings, environments, root, compose, indexes, services }
}

fn configuration(settings: &Settings) -> Finding {
    let directory = &settings.project.directory;
    let file = [FILE, "pyproject.toml"].map(|name| directory.join(name));
    let environments = settings.project.config.env.len();
    let message = if let Some(file) = file.iter().find(|file| file.is_file()) {
        format!("{} is readable: {}", file.display(), count(environments, "environment"))
    } else {
        format!("{} has no {}, and none is needed", directory.display(), FILE)
    };
    Finding::ok(CONFIGURATION, message)
}

/// The compose project; its absence matters only where services are configured.
fn stack(
    settings: &Settings,
    args: &StackArgs,
    findings: &mut Vec<Finding>,
) -> Option<Description> {
    let services = settings.project.config.env.values().any(|env| !env.services.is_empty());
    if !services && args.files.is_empty() && is_absent(settings) {
        let message = "no compose file is in the project's directory or above it";
        findings.push(Finding::new(Level::Skipped, COMPOSE_FILE, message));
        return None;
    }
    match Description::read(settings, &args.flags(), &[]) {
        Ok(stack) => {
            for warning in &stack.project.warnings {
                settings.ui.warning(warning);
            }
            let files = stack.project.files.iter().map(|file| file.display().to_string());
            let files = files.collect::<Vec<_>>().join(", ");
            let services = count(stack.project.services.len(), "service");
            findings.push(Finding::ok(COMPOSE_FILE, format!("{files}: {services}")));
            if let Some(until) = stack.until().filter(|_| !stack.environments.is_empty()) {
                let message = "a plain `docker compose up` takes the environments away";
                let hint = format!("see to it that {until}");
                findings.push(Finding::new(Level::Warning, COMPOSE_FILE, message).hint(hint));
            }
            let installing = moving(settings, &stack.project).dockerfiles();
            if !installing.is_empty() {
                let installing = installing.join(", ");
                let message = format!("{installing} installs what its environment brings");
                let hint =
                    "`pyfast init` shows what can go, and `pyfast init --write` takes it out";
                findings.push(Finding::new(Level::Warning, COMPOSE_FILE, message).hint(hint));
            }
            Some(stack)
        }
        Err(error) => {
            findings.push(Finding::failed(COMPOSE_FILE, &error.into()).or_hint(CORRECT));
            None
        }
    }
}

/// The environments that commands would work on: the one asked for, else all that are configured.
fn environments(
    settings: &Settings,
    stack: Option<&Description>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, Python> {
    let mut environments = BTreeMap::new();
    for (name, python) in pythons(settings, stack) {
        match python {
            Ok(python) => drop(environments.insert(name, python)),
            Err(error) => findings.push(Finding::failed(CONFIGURATION, &error.into())),
        }
    }
    environments
}

/// Whether an environment's requirements can be read; adds the indexes that they name.
fn requirements(settings: &Settings, env: &str, all: &mut RequirementSet) -> Finding {
    let configured = settings.project.config.env.get(env);
    let configured =
        configured.is_some_and(|env| !(env.requirements.is_empty() && env.groups.is_empty()));
    let args = ResolveFlags::default();
    let own = settings.of_environment(env, settings.root.clone(), settings.python.clone());
    if let Ok(Some(lock)) = lock_alone(&args, &own) {
        return Finding::ok(REQUIREMENTS, format!("{env}: the lock {}", lock.display()));
    }
    let read = read_inputs(&args, &own);
    let set = match read {
        Ok(inputs) => inputs.set,
        Err(failure) if !configured && settings.project.requirements(&[], env).is_err() => {
            return Finding::of(Level::Warning, REQUIREMENTS, &failure);
        }
        Err(failure) => return Finding::failed(REQUIREMENTS, &failure).or_hint(CORRECT),
    };
    let names: Vec<_> = set.files.iter().map(|file| file.display().to_string()).collect();
    let count = count(set.requirements.len(), "requirement");
    all.index.index_url = all.index.index_url.take().or(set.index.index_url);
    all.index.extra_index_urls.extend(set.index.extra_index_urls);
    all.index.find_links.extend(set.index.find_links);
    all.index.no_index |= set.index.no_index;
    all.logins.extend(set.logins);
    Finding::ok(REQUIREMENTS, format!("{env}: {} ({count})", names.join(", ")))
}
