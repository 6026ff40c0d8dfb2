//! One service, checked: from facts to findings. Must not know where the facts are from, nor how findings are shown.

use std::path::PathBuf;

use crate::finding::Finding;
use crate::library::Library;
use crate::reached::read_reached;
use crate::search::Search;
use crate::service::{Entry, EntryTarget, Service};
use crate::simulation::simulate;

/// What keeps a service from starting, and what will fail in it later, sorted by place. Errors are certain; whatever may be
/// otherwise is a warning or nothing.
pub fn check_service(service: &Service, library: &Library<'_>) -> Vec<Finding> {
    let mut search =
        Search::new(&service.search_path, &service.standard_library, service.python, library.files);
    search.is_open |= service.is_open;
    let mut named = Named::default();
    for Entry { target, .. } in &service.entries {
        named.add(target);
    }
    let reach = || read_reached(&search, library, service.python, &named.scripts, &named.modules);
    // Modules import each other some hundred deep, and each import is a few calls here.
    let simulated = || simulate(service, &search, library, &reach);
    // One after the other, the simulation would be what all processors but one wait for.
    let findings = library.both(simulated, reach);
    library.without_meant(findings, service.python)
}

/// What entries name before anything of it is known.
#[derive(Default)]
struct Named {
    scripts: Vec<PathBuf>,
    modules: Vec<String>,
}

impl Named {
    fn add(&mut self, target: &EntryTarget) {
        match target {
            EntryTarget::Import { module, .. } | EntryTarget::File(module) => {
                self.modules.push(module.clone());
            }
            EntryTarget::Run(module) => {
                self.modules.extend([module.clone(), format!("{module}.__main__")]);
            }
            EntryTarget::Script(path) => self.scripts.push(path.clone()),
            EntryTarget::Any(targets) => targets.iter().for_each(|target| self.add(target)),
            // Another entry is the module that has them.
            EntryTarget::Django { .. } | EntryTarget::Includes(_) => {}
        }
    }
}
