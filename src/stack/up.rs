//! The phases of `up`: images, environments, override, containers, health. Owns their order and the result; each
//! phase is elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Instant;

use pyfast_environment::report::Facts;
use pyfast_launcher::containers::{ContainerPlan, Done, EnvironmentFacts, shape};
use pyfast_launcher::engine::Engine as _;
use pyfast_launcher::image::ImageAct;
use serde_json::json;

use super::clean::clean;
use super::containers::{Known, by_service};
use super::defaults::assume;
use super::memory::Memory;
use super::start::{Waiting, start};
use super::{Launcher, Synced, UpOptions};
use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::syncing;
use crate::ui::{count, duration};
use pyfast_crew::task::Options;
use pyfast_settings::Root;

/// Brings the project up.
pub(crate) fn up(options: &UpOptions, settings: &Settings) -> Result<ExitCode, Failure> {
    let begun = Instant::now();
    let assumed = assume(settings, &options.stack)?;
    if let Some(assumed) = &assumed {
        settings.ui.note(&assumed.line);
    }
    let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
    let mut launcher = Launcher::open(settings, &options.stack, &options.services)?;
    let selected = launcher.stack.selected(&options.services)?;
    if let Some(volumes) = options.clean {
        launcher.phase("clean", |launcher| clean(launcher, &options.services, volumes))?;
    }
    let host = launcher.connection.engine.host().to_string();
    let mut memory = Memory::load(settings, &launcher.stack.project.name, &host)?;
    launcher.phase("images", |launcher| {
        let plan = launcher.plan_images(&selected, options.rebuild, &mut memory)?;
        launcher.carry_out_images(&plan)
    })?;
    let synced = launcher.phase("environments", |launcher| launcher.sync(&selected))?;
    let environments = launcher.environment_facts(&synced);
    let (restart, shape) = launcher
        .phase("containers", |launcher| create(launcher, &selected, &environments, &memory))?;
    let waiting = Waiting { wait: options.wait, deadline: options.deadline, restart };
    let containers = by_service(&launcher.containers()?, &selected);
    let launched = launcher.phase("start", |launcher| start(launcher, &containers, &waiting))?;
    let containers = launcher.containers()?;
    let all = selected.len() == launcher.stack.project.services.len();
    let done = Done { selected: &selected, all, shape: &shape, environments: &environments };
    memory.record = memory.record.after(&done, &containers);
    memory.store(settings);
    launched.show(&launcher, &containers, begun.elapsed())
}

/// Has Compose create what is missing or changed; which services are to be restarted, and the shape of all.
fn create(
    launcher: &Launcher<'_>,
    selected: &BTreeSet<String>,
    environments: &BTreeMap<String, EnvironmentFacts>,
    memory: &Memory,
) -> Result<(BTreeSet<String>, String), Failure> {
    let text = launcher.override_text()?;
    if launcher.stack.environments.is_empty() {
        launcher.remove_override()?;
        launcher.ui().note("No service starts in an environment: `pyfast init` writes a pyfast.toml that names them, or give `services` under [env.NAME]");
    } else {
        launcher.write_override(&text)?;
    }
    let shape = shape(&launcher.stack.project, &text);
    let images = launcher.image_ids(selected)?;
    let known = Known { images: &images, record: &memory.record, shape: &shape, recreate: false };
    let (mut plan, _) = launcher.plan_containers(selected, environments, &known)?;
    if !plan.create.is_empty() {
        let reasons: Vec<_> = plan.create.iter().map(ToString::to_string).collect();
        let begun = Instant::now();
        launcher.ensure_volume()?;
        launcher.create(selected)?;
        let time = duration(begun.elapsed());
        launcher
            .ui()
            .note(format!("Containers created by Compose: {} ({time})", reasons.join("; ")));
        plan = launcher.plan_containers(selected, environments, &known)?.0;
    }
    for (service, reason) in &plan.restart {
        launcher.ui().detail(format!("{service}: environment {} is new", reason.env));
    }
    Ok((plan.restart.into_keys().collect(), shape))
}

impl Launcher<'_> {
    /// Has the volume that the override names, which Compose looks for even when no selected service mounts it.
    fn ensure_volume(&self) -> Result<(), Failure> {
        let Root::Volume(volume) = &self.stack.root else { return Ok(()) };
        let engine = &self.connection.engine;
        for env in self.stack.environments.values() {
            if self.connection.runtime.block_on(engine.inspect_image(&env.image)).is_ok() {
                self.connection.volume(volume, &env.image, &self.settings.project.name())?;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Shows what `up` would do.
pub(crate) fn plan(options: &UpOptions, settings: &Settings) -> Result<ExitCode, Failure> {
    let assumed = assume(settings, &options.stack)?;
    let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
    let launcher = Launcher::open(settings, &options.stack, &options.services)?;
    let mut steps = Vec::new();
    if let Some(assumed) = &assumed {
        steps.push(("assumed", assumed.line.clone()));
    }
    plan_steps(options, &launcher, &mut steps)?;
    if settings.ui.json() {
        let steps = steps.iter().map(|(what, act)| json!({ "what": what, "act": act }));
        let name = &launcher.stack.project.name;
        let plan = json!({ "project": name, "plan": steps.collect::<Vec<_>>() });
        settings.ui.data(format!("{plan}\n"));
    } else {
        let line = |(what, act): &(&str, String)| match *what {
            "assumed" => format!("{act}\n"),
            _ => format!("{what:11}  {act}\n"),
        };
        settings.ui.data(steps.iter().map(line).collect::<String>());
    }
    Ok(ExitCode::SUCCESS)
}

/// What each phase would do, in the order of the phases.
fn plan_steps(
    options: &UpOptions,
    launcher: &Launcher<'_>,
    steps: &mut Vec<(&'static str, String)>,
) -> Result<(), Failure> {
    let selected = launcher.stack.selected(&options.services)?;
    let engine = &launcher.connection.engine;
    let version = launcher.connection.wait(engine.version())?;
    let told = format!("{} ({}, API {})", engine.host(), version.version, version.api);
    steps.push(("engine", told));
    let (project, host) = (&launcher.stack.project.name, engine.host().to_string());
    let mut memory = Memory::load(launcher.settings, project, &host)?;
    let images = launcher.plan_images(&selected, options.rebuild, &mut memory)?;
    steps.extend(images.iter().map(|image| ("image", image.to_string())));
    let absent = |image: &str| {
        let plan = images.iter().find(|one| one.wanted.image == image);
        plan.is_some_and(|one| !matches!(one.act, ImageAct::UpToDate))
    };
    let mut synced = BTreeMap::new();
    for (name, env) in &launcher.stack.environments {
        if env.services.is_disjoint(&selected) {
            continue;
        }
        let text = if absent(&env.image) {
            "sync, once its image is there".to_owned()
        } else {
            plan_environment(launcher, name, &mut synced)?
        };
        steps.push(("environment", format!("{name}: {text}")));
    }
    let containers = plan_containers(launcher, &selected, &synced, &memory)?.to_string();
    steps.extend(containers.lines().map(|line| ("containers", line.to_owned())));
    let health = if options.wait {
        format!("waited for, of {}", count(selected.len(), "service"))
    } else {
        "not waited for".to_owned()
    };
    steps.push(("health", health));
    Ok(())
}

fn plan_environment(
    launcher: &Launcher<'_>,
    name: &str,
    synced: &mut BTreeMap<String, Synced>,
) -> Result<String, Failure> {
    if let Root::Volume(volume) = &launcher.stack.root {
        let found = launcher.connection.wait(launcher.connection.engine.inspect_volume(volume))?;
        if found.is_none() {
            return Ok(format!("sync (the volume {volume} does not exist yet)"));
        }
    }
    let settings = launcher.stack.settings(launcher.settings, name);
    let options = Options { dry_run: true, ..Options::default() };
    let report = syncing::sync(&options, &settings)?;
    let Facts { id, current, .. } = report.sync.facts.clone();
    synced.insert(name.to_owned(), Synced { id, current, changed: report.sync.changed });
    Ok(if report.sync.changed { "sync".to_owned() } else { "up to date".to_owned() })
}

fn plan_containers(
    launcher: &Launcher<'_>,
    selected: &BTreeSet<String>,
    synced: &BTreeMap<String, Synced>,
    memory: &Memory,
) -> Result<ContainerPlan, Failure> {
    let environments = launcher.environment_facts(synced);
    let shape = shape(&launcher.stack.project, &launcher.override_text()?);
    let images = launcher.image_ids(selected)?;
    let known = Known { images: &images, record: &memory.record, shape: &shape, recreate: false };
    Ok(launcher.plan_containers(selected, &environments, &known)?.0)
}

/// Restarts services as they are.
pub(crate) fn restart(
    settings: &Settings,
    stack: &StackArgs,
    services: &[String],
    wait: bool,
) -> Result<ExitCode, Failure> {
    let begun = Instant::now();
    let mut launcher = Launcher::open(settings, stack, services)?;
    launcher.stack.selected(services)?;
    let all = launcher.stack.project.services.keys().cloned();
    let named = |one: &String| services.is_empty() || services.contains(one);
    let selected: BTreeSet<String> = all.filter(named).collect();
    let containers = by_service(&launcher.containers()?, &selected);
    let missing = containers.iter().find(|(_, found)| found.is_empty());
    if let Some((service, _)) = missing.filter(|_| !services.is_empty()) {
        return Err(Failure::usage(format!("the service `{service}` has no container"))
            .hint("make it with `pyfast up`"));
    }
    let restart = containers.iter().filter(|(_, found)| !found.is_empty());
    let restart: BTreeSet<String> = restart.map(|(service, _)| service.clone()).collect();
    let waiting = Waiting { wait, deadline: None, restart };
    let launched = launcher.phase("restart", |launcher| start(launcher, &containers, &waiting))?;
    let containers = launcher.containers()?;
    launched.show(&launcher, &containers, begun.elapsed())
}
