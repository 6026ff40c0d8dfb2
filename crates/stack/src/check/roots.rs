//! From where the services of a project import its sources: directories of this machine. Owns how those of containers become
//! such; must not know what is in them.

use std::path::{Path, PathBuf};

use pyfast_checker::entry::started;
use pyfast_launcher::image::wanted_images;
use pyfast_settings::Settings;

use super::facts::Facts;
use super::facts_of;
use super::process::own_directories;
use crate::defaults::assume;
use crate::description::{ComposeFlags, Description};

/// What services search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Roots {
    /// Directories of this machine.
    pub(super) directories: Vec<PathBuf>,
    /// Whether a service may have modules that are in none of them.
    pub(super) open: bool,
}

impl Roots {
    /// Those of all services; none where compose files say nothing, or cannot be read.
    pub(super) fn read(settings: &Settings, flags: &ComposeFlags) -> Self {
        let assumed = assume(settings, flags).ok().flatten();
        let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
        let mut roots = Self::default();
        let Ok(description) = Description::read(settings, flags, &[]) else { return roots };
        // What they are called in the end does not count.
        let images = wanted_images(&description.project, "-").unwrap_or_default();
        let services = description.environments.values().flat_map(|one| &one.services);
        for service in services {
            if let Some(facts) = facts_of(&description, service, &images) {
                roots.add(&facts);
            }
        }
        roots
    }

    fn add(&mut self, facts: &Facts) {
        let Some(words) = &facts.words else { return };
        let runs = started(words, facts);
        // What is not understood may search anywhere.
        self.open |= runs.is_empty();
        for run in runs {
            let Ok(own) = own_directories(facts, &run) else {
                self.open = true;
                continue;
            };
            self.open |= own.open;
            for directory in &own.directories {
                self.add_directory(facts, directory);
            }
        }
    }

    /// A directory of a container, with what is mounted in it.
    fn add_directory(&mut self, facts: &Facts, directory: &Path) {
        let on_host = facts.view.on_host(directory).into_iter();
        let copied = facts.view.copied_from(directory);
        let found = on_host.chain(copied).filter(|path| path.is_dir());
        let mut found: Vec<PathBuf> = found.collect();
        for mounted in &facts.view.mounts {
            if mounted.at == directory || !mounted.at.starts_with(directory) {
                continue;
            }
            let beside = mounted.from.as_ref().filter(|from| {
                mounted.at.parent() == Some(directory) && from.file_name() == mounted.at.file_name()
            });
            match beside.and_then(|from| from.parent()) {
                Some(parent) => found.push(parent.to_owned()),
                // It has another name there, or is of no directory of this machine.
                None => self.open = true,
            }
        }
        for path in found {
            if !self.directories.contains(&path) {
                self.directories.push(path);
            }
        }
    }
}
