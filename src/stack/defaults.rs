//! A project that nobody has configured: what `pyfast init` would write counts, where that leaves no choice. Owns when
//! it does; the proposal is the launcher's.

use pyfast_launcher::compose_file::ComposeProject;
use pyfast_launcher::image::wanted_images;
use pyfast_launcher::propose::{Facts, Proposal, ProposedEnvironment, Question, Wishes, propose};

use super::composer::find;
use super::create::is_one;
use crate::args::StackArgs;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use pyfast_settings::{EnvConfig, FILE};

/// Settings that nobody gave.
pub(super) struct Assumed {
    pub(super) settings: Settings,
    /// What was assumed, in a line.
    pub(super) line: String,
}

/// The settings that `pyfast init` would write down; `None` where there is a configuration, or no service that could
/// start in an environment.
pub(super) fn assume(settings: &Settings, args: &StackArgs) -> Result<Option<Assumed>, Failure> {
    let configured = !settings.project.config.env.is_empty()
        || settings.project.directory.join(FILE).is_file()
        // A proposal is made of the files that Compose finds.
        || !args.files.is_empty();
    if configured {
        return Ok(None);
    }
    let facts = facts(settings)?;
    let Some(compose) = &facts.compose else { return Ok(None) };
    // Without requirements there is nothing to install, and no environment to start in.
    let Ok(mut proposal) = propose(&facts) else { return Ok(None) };
    proposal.environments.retain(|env| !env.services.is_empty());
    if proposal.environments.is_empty() {
        return Ok(None);
    }
    if !proposal.doubts.is_empty() {
        let message = format!(
            "cannot tell what the services need: there is no {FILE}, and more than one way"
        );
        let failure = Failure::usage(message).cause(proposal.doubts.join("; "));
        return Err(failure.hint(format!(
            "`pyfast init` writes a {FILE} with what it takes for right: look at it, then `pyfast up`"
        )));
    }
    name_as_compose_one(settings, compose, &mut proposal)?;
    let line = line(&proposal);
    let assumed = settings.configured(|config| {
        config.project.name = config.project.name.take().or(proposal.name);
        config.env = proposal.environments.into_iter().map(configuration).collect();
    });
    Ok(Some(Assumed { settings: assumed, line }))
}

/// What lies in the project's directory, and what the user wants of a proposal for it.
pub(crate) fn facts(settings: &Settings) -> Result<Facts, Failure> {
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

fn line(proposal: &Proposal) -> String {
    let environments = proposal.environments.iter().map(|env| {
        let (files, services) = (env.requirements.join(", "), env.services.join(", "));
        format!("{} installs {files} for {services}", env.name)
    });
    let environments = environments.collect::<Vec<_>>().join("; ");
    format!("There is no {FILE}, so: {environments} (`pyfast init` writes it down)")
}

fn configuration(env: ProposedEnvironment) -> (String, EnvConfig) {
    let paths = |files: Vec<String>| files.into_iter().map(Into::into).collect();
    let config = EnvConfig {
        requirements: paths(env.requirements),
        constraints: paths(env.constraints),
        image: env.image,
        python: env.python,
        services: env.services,
        ..EnvConfig::default()
    };
    (env.name, config)
}

/// A proposal gives images without a name the one that Compose 2 would give them.
fn name_as_compose_one(
    settings: &Settings,
    compose: &ComposeProject,
    proposal: &mut Proposal,
) -> Result<(), Failure> {
    let unnamed = |service: &String| {
        compose.services.get(service).is_some_and(|service| service.image.is_none())
    };
    let unnamed = |env: &&mut ProposedEnvironment| env.services.iter().all(unnamed);
    let mut environments: Vec<_> = proposal.environments.iter_mut().filter(unnamed).collect();
    if environments.is_empty() || !is_compose_one(settings)? {
        return Ok(());
    }
    let images = wanted_images(compose, "_")?;
    for env in &mut environments {
        let own =
            images.iter().find(|image| image.services.iter().any(|one| env.services.contains(one)));
        env.image = own.map(|image| image.image.clone());
    }
    Ok(())
}

fn is_compose_one(settings: &Settings) -> Result<bool, Failure> {
    let Some(composer) = find(&settings.variables) else { return Ok(false) };
    is_one(&composer, settings, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::new("system", format!("cannot start a runtime: {error}"), Code::Mendable)
        })?;
        Ok(runtime.block_on(composer.version())?)
    })
}
