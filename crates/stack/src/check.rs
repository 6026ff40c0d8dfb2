//! What would keep a project's services from starting, before any of them starts. Owns which files, services and
//! environments are looked at; what is wrong with a source is the checker's to say.

mod facts;
pub(crate) mod found;
mod imports;
mod installed;
mod judge;
mod libraries;
mod made;
mod modules;
mod native;
mod observed;
mod places;
mod process;
mod remembered;
mod roots;
mod sources;
mod view;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use pyfast_checker::ReadFiles;
pub use pyfast_checker::Severity;
use pyfast_launcher::containers::EnvironmentFacts;
use pyfast_launcher::image::{WantedImage, wanted_images};
use pyfast_settings::Settings;

use crate::defaults::assume;
use crate::description::{ComposeFlags, Description, is_absent};
use crate::error::Error;
use crate::event::Event;
use crate::stack::Stack;
use facts::Facts;
pub use found::{Checked, Found};
pub use imports::still_imported;
pub(crate) use installed::Installed;
use judge::{Beside, judge};
use libraries::Images;
use native::Native;
use remembered::Memory;
use roots::Roots;

/// What is to be checked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Files and directories; none is the project's services.
    pub paths: Vec<PathBuf>,
    /// Services; none is all that start in environments.
    pub services: Vec<String>,
}

/// Checks what is asked for.
///
/// # Errors
/// If the project cannot be read; what cannot be known besides is told in [`Checked::unknown`].
pub fn check(
    settings: &Settings,
    flags: &ComposeFlags,
    asked: &Asked,
    events: &pyfast_crew::Events,
) -> Result<Checked, Error> {
    let services = asked.paths.is_empty() && (!is_absent(settings) || !flags.files.is_empty());
    if !services {
        let roots = Roots::read(settings, flags);
        return sources::check(settings, &asked.paths, &roots, events);
    }
    let without = settings;
    let assumed = assume(settings, flags)?;
    let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
    let description = Description::read(settings, flags, &asked.services)?;
    let chosen = match asked.services.as_slice() {
        [] => description.project.services.keys().cloned().collect(),
        named => {
            description.selected(named)?;
            named.iter().cloned().collect()
        }
    };
    if description.environments.is_empty() {
        let roots = Roots::read(settings, flags);
        return sources::check(settings, &[], &roots, events);
    }
    let mut unknown = Vec::new();
    let mut installed = BTreeMap::new();
    for name in concerned(&description, &chosen) {
        let asked = Installed::ask(&description.settings(settings, &name), events);
        // A plain `sync` makes the project's own environment, which is for the same requirements.
        let own = || Installed::ask(without, events).ok().filter(|_| assumed.is_some());
        let own = || own().map(Installed::of_another_machine);
        match asked.or_else(|why| own().ok_or(why)) {
            Ok(one) => drop(installed.insert(name, one)),
            Err(why) => unknown.push(format!(
                "what the environment {name} has, so that modules of packages were not looked for: {why}"
            )),
        }
    }
    let images = Images::new(settings, None);
    let mut checked = services_of(&images, &description, &chosen, &installed);
    checked.unknown.splice(0..0, unknown);
    Ok(checked)
}

/// The environments that these services start in.
fn concerned(description: &Description, chosen: &BTreeSet<String>) -> Vec<String> {
    let environments = description.environments.iter();
    let concerned = environments.filter(|(_, env)| !env.services.is_disjoint(chosen));
    concerned.map(|(name, _)| name.clone()).collect()
}

impl Stack<'_> {
    /// Refuses to go on where something would keep these services from starting, in these environments.
    pub(crate) fn check(
        &self,
        services: &BTreeSet<String>,
        environments: &BTreeMap<String, EnvironmentFacts>,
    ) -> Result<(), Error> {
        let checked = self.would_fail(services, environments);
        if checked.findings.is_empty() {
            return Ok(());
        }
        let errors = checked.errors();
        self.tell(Event::Checked(Box::new(checked)));
        Err(Error::WouldNotStart { errors })
    }

    /// What would keep these services from starting for certain. Of an environment that is another than its generation
    /// nothing is known.
    pub(crate) fn would_fail(
        &self,
        services: &BTreeSet<String>,
        environments: &BTreeMap<String, EnvironmentFacts>,
    ) -> Checked {
        if services.is_empty() {
            return Checked::default();
        }
        let silent: pyfast_crew::Events = Arc::new(|_| ());
        let installed = environments.iter().filter_map(|(name, facts)| {
            let settings = self.description.settings(self.settings, name);
            let installed = Installed::of_generation(&facts.generation, &settings, &silent);
            Some((name.clone(), installed.ok()?))
        });
        let installed = installed.collect();
        let images = Images::new(self.settings, Some(&self.connection));
        let mut checked = services_of(&images, &self.description, services, &installed);
        checked.findings.retain(|found| found.finding.severity == Severity::Error);
        checked
    }
}

/// Checks services, each in its environment.
fn services_of(
    libraries: &Images<'_>,
    description: &Description,
    chosen: &BTreeSet<String>,
    installed: &BTreeMap<String, Installed>,
) -> Checked {
    let settings = libraries.settings;
    // What a Compose of another version would call them is asked where the name counts: that takes half a second.
    let images = wanted_images(&description.project, "-").unwrap_or_default();
    let directory = settings.project.directory.clone();
    let mut checked = Checked { directory, ..Checked::default() };
    let (read, memory) = (ReadFiles::default(), Memory::of(settings));
    let mut names = Vec::new();
    for service in chosen {
        let Some((env, _)) = description.environment_of(service) else { continue };
        let Some(facts) = facts_of(description, service, &images) else { continue };
        names.push(service.clone());
        let own = installed.get(env);
        let wheels = own.map(|own| own.beside(installed.values())).unwrap_or_default();
        let native = Native { libraries, description, env, read: &read, memory: &memory };
        let beside = Beside { installed: own, read: &read, memory: &memory, native: &native };
        let judged = judge(facts, beside, &wheels);
        checked.unknown.extend(judged.unknown);
        for finding in judged.findings {
            checked.add(finding, Some(service));
        }
    }
    checked.subject = match names.as_slice() {
        [one] => format!("the service {one}"),
        names => format!("{} services", names.len()),
    };
    checked.ignore(&settings.project.config.check.ignore);
    checked
}

fn facts_of(description: &Description, service: &str, images: &[WantedImage]) -> Option<Facts> {
    let named = |image: &&WantedImage| image.services.iter().any(|one| one == service);
    let image = images.iter().find(named);
    Facts::read(&description.project, service, image, &description.variables)
}
