//! A project that nobody has configured: what `pyfast init` would write counts, where that leaves no choice. Owns when
//! it does; the proposal is the launcher's.

use std::fmt;

use pyfast_launcher::propose::{
    Error as ProposeError, Facts, ProposedEnvironment, Question, Wishes, propose,
};
use pyfast_settings::{EnvConfig, FILE, Settings};

use crate::description::ComposeFlags;
use crate::error::Error;

/// Settings that nobody gave.
pub struct Assumed {
    /// The settings.
    pub settings: Settings,
    /// The environments that were assumed, in the order of the proposal.
    pub environments: Vec<ProposedEnvironment>,
}

/// In a line.
impl fmt::Display for Assumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environments = self.environments.iter().map(|env| {
            let (files, services) = (env.requirements.join(", "), env.services.join(", "));
            format!("{} installs {files} for {services}", env.name)
        });
        let environments = environments.collect::<Vec<_>>().join("; ");
        write!(f, "There is no {FILE}, so: {environments}")
    }
}

/// The settings that a proposal comes to; `None` where there is a configuration, or no service that could start in an
/// environment.
///
/// # Errors
/// What keeps the project from being read, and [`Error::Doubts`].
pub fn assume(settings: &Settings, flags: &ComposeFlags) -> Result<Option<Assumed>, Error> {
    let configured = !settings.project.config.env.is_empty()
        || settings.project.directory.join(FILE).is_file()
        // A proposal is made of the files that Compose finds.
        || !flags.files.is_empty();
    if configured {
        return Ok(None);
    }
    let facts = facts(settings)?;
    if facts.compose.is_none() {
        return Ok(None);
    }
    // Without requirements there is nothing to install, and no environment to start in.
    let Ok(mut proposal) = propose(&facts) else { return Ok(None) };
    proposal.environments.retain(|env| !env.services.is_empty());
    if proposal.environments.is_empty() {
        return Ok(None);
    }
    if !proposal.doubts.is_empty() {
        return Err(Error::Doubts { doubts: proposal.doubts });
    }
    let mut settings = settings.clone();
    let config = &mut settings.project.config;
    config.project.name = config.project.name.take().or(proposal.name);
    config.env = proposal.environments.iter().map(configuration).collect();
    Ok(Some(Assumed { settings, environments: proposal.environments }))
}

/// The command that writes requirements for a project that has none that are read, but something that says the same.
pub(crate) fn export(settings: &Settings) -> Option<String> {
    match propose(&facts(settings).ok()?) {
        Err(ProposeError::NothingToInstall { instead, .. }) => instead.map(|one| one.export),
        _ => None,
    }
}

/// What lies in the project's directory, and what the user wants of a proposal for it.
///
/// # Errors
/// If its compose files cannot be read.
pub fn facts(settings: &Settings) -> Result<Facts, Error> {
    Ok(Facts::gather(Question {
        directory: &settings.project.directory,
        environment: settings.variables.all(),
        wishes: wishes(settings),
    })?)
}

fn wishes(settings: &Settings) -> Wishes {
    let common = &settings.flags;
    // A path is this machine's own, a version is everybody's.
    let version = |text: &&String| text.starts_with(|c: char| c.is_ascii_digit());
    Wishes {
        name: common.project_name.clone(),
        volume: common.volume.clone(),
        env: common.env.clone(),
        image: common.image.clone(),
        python: common.python.as_ref().filter(version).cloned(),
    }
}

pub(crate) fn configuration(env: &ProposedEnvironment) -> (String, EnvConfig) {
    let paths = |files: &[String]| files.iter().map(Into::into).collect();
    let config = EnvConfig {
        requirements: paths(&env.requirements),
        constraints: paths(&env.constraints),
        image: env.image.clone(),
        python: env.python.clone().map(Into::into),
        services: env.services.clone(),
        ..EnvConfig::default()
    };
    (env.name.clone(), config)
}
