//! Names of a project's containers that exist where somebody is typing one. Looks at compose files alone: asks no engine;
//! what cannot be read has no names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyfast_crew::known::Name;
use pyfast_launcher::compose_file::{Service, read_compose};
use pyfast_settings::Settings;

use crate::description::{ComposeFlags, named_files, request};

/// Services of these compose files, else of the project's, without those of inactive profiles.
pub fn services(settings: &Settings, files: &[PathBuf]) -> Vec<Name> {
    let flags = ComposeFlags { files: files.to_vec(), ..ComposeFlags::default() };
    read(settings, &flags).into_keys().map(|name| (name, String::new())).collect()
}

/// Profiles of the same files, each with its services.
pub fn profiles(settings: &Settings, files: &[PathBuf]) -> Vec<Name> {
    let (files, profiles) = (files.to_vec(), vec!["*".to_owned()]);
    let all = ComposeFlags { files, profiles, ..ComposeFlags::default() };
    let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, service) in read(settings, &all) {
        for profile in service.profiles {
            services.entry(profile).or_default().push(name.clone());
        }
    }
    services.into_iter().map(|(profile, services)| (profile, services.join(", "))).collect()
}

fn read(settings: &Settings, flags: &ComposeFlags) -> BTreeMap<String, Service> {
    let project = read_compose(&request(settings, flags, &named_files(settings, flags), &[]));
    project.map(|project| project.services).unwrap_or_default()
}
