//! Runs the imports of a service as its Python would, without running anything: modules in their order, what each has bound
//! so far, what fails where, and whether somebody catches it. Must not know files, nor how findings are shown.

mod django;
mod entries;
mod extras;
mod failing;
mod foreign;
mod from_import;
mod imports;
mod listed;
mod logging;
mod messages;
mod names;
mod running;
mod settings;
mod settings_class;
mod standard;
mod table;
mod weighing;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Finding, Place};
use crate::library::Library;
use crate::outline::{Class, Name, Step};
use crate::search::Search;
use crate::service::Service;
use crate::steps;

use extras::Ancestry;
use failing::{Draft, Guard, Key};
use foreign::Foreign;
use table::Module;

/// What fails when a service starts. `reach` reads every file that it can reach, which may be going on meanwhile.
pub(crate) fn simulate(
    service: &Service,
    search: &Search<'_>,
    library: &Library<'_>,
    reach: &dyn Fn(),
) -> Vec<Finding> {
    let mut simulation = Simulation::new(service, search, library, reach);
    simulation.start(&service.entries);
    simulation.afterwards();
    simulation.findings()
}

/// The state of the process.
struct Simulation<'a> {
    service: &'a Service,
    library: &'a Library<'a>,
    search: &'a Search<'a>,
    /// Reads every file that can be reached.
    reach: &'a dyn Fn(),
    is_reached: OnceCell<()>,
    foreign: Foreign,
    /// `sys.modules`, as far as the project's own go.
    modules: FxHashMap<Name, Module>,
    /// In the order in which they were first seen.
    order: Vec<Name>,
    /// The modules that are running, each with the place that imported it.
    running: Vec<Running>,
    /// Who would catch what fails now.
    guards: Vec<Guard>,
    /// What is being handled, innermost last.
    handled: Vec<Option<Box<Draft>>>,
    /// In how many branches this is of which nobody knows whether they are taken.
    unsure: usize,
    /// In how many places this is whose failures nobody wants to hear of.
    silent: usize,
    /// Everything has been imported; what functions do is looked at.
    is_afterwards: bool,
    /// Modules that were perhaps imported somewhere else before.
    perhaps: FxHashSet<Name>,
    /// Modules that code puts into the table itself.
    provided: FxHashSet<Name>,
    unseen: Unseen,
    /// Functions that were looked at, by their files.
    looked_at: FxHashMap<OsString, FxHashSet<u32>>,
    /// How often a module failed and was tried again.
    failures: FxHashMap<Name, usize>,
    /// Variables that the code sets itself.
    variables: BTreeSet<Name>,
    has_all_variables: bool,
    builtins: BTreeSet<Name>,
    /// Modules whose files somebody may run, so that nobody knows whether they are `__main__`.
    may_run: BTreeSet<Name>,
    /// In how many places the process may have ended by itself, and well.
    endings: usize,
    /// Modules of the standard library that were imported.
    standard: BTreeSet<String>,
    /// How many imports there were of which nobody knows what they gave.
    unknown_imports: usize,
    /// What classes have from others, by their modules and places.
    ancestries: FxHashMap<Name, FxHashMap<u32, Ancestry>>,
    found: BTreeMap<Key, Finding>,
}

/// Which modules there may be that are not seen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unseen {
    Nothing,
    /// Those of an environment of which nothing is known, or that a finder knows.
    Installed,
    /// Any: the code changed the search path, or the table of modules.
    Anything,
}

/// A module that is running.
#[derive(Debug, Clone)]
struct Running {
    module: Name,
    /// Where its import stands.
    place: Option<Place>,
}

/// Whose code runs: a module's own, or that of a function or class in it.
struct Frame {
    module: Name,
    /// The file.
    path: PathBuf,
    locals: FxHashMap<Name, table::Value>,
    is_main: bool,
    /// It can be left early, so that the rest of it is not certain.
    is_function: bool,
}

impl Frame {
    fn new(module: &str, path: PathBuf) -> Self {
        Self {
            module: module.into(),
            path,
            locals: FxHashMap::default(),
            is_main: module == "__main__",
            is_function: false,
        }
    }

    /// Of no file.
    fn outside() -> Self {
        Self::new("", PathBuf::new())
    }
}

impl<'a> Simulation<'a> {
    fn new(
        service: &'a Service,
        search: &'a Search<'a>,
        library: &'a Library<'a>,
        reach: &'a dyn Fn(),
    ) -> Self {
        Self {
            service,
            library,
            unseen: if search.is_open { Unseen::Installed } else { Unseen::Nothing },
            search,
            reach,
            is_reached: OnceCell::new(),
            foreign: Foreign::default(),
            modules: FxHashMap::default(),
            order: Vec::new(),
            running: Vec::new(),
            guards: Vec::new(),
            handled: Vec::new(),
            unsure: 0,
            silent: 0,
            is_afterwards: false,
            perhaps: FxHashSet::default(),
            provided: FxHashSet::default(),
            looked_at: FxHashMap::default(),
            failures: FxHashMap::default(),
            variables: BTreeSet::new(),
            has_all_variables: false,
            builtins: BTreeSet::new(),
            may_run: BTreeSet::new(),
            endings: 0,
            standard: BTreeSet::new(),
            unknown_imports: 0,
            ancestries: FxHashMap::default(),
            found: BTreeMap::new(),
        }
    }

    /// Whether a function of any file sets this on what it imports; of those that can be reached all count, however far the
    /// others who read them are.
    fn sets(&self, attribute: &str) -> bool {
        self.is_reached.get_or_init(|| (self.reach)());
        self.library.sets(attribute)
    }

    fn is_certain(&self) -> bool {
        self.unsure == 0 && !self.is_afterwards
    }

    /// What is wanted to know of the last class that begins at a place of a module that was imported, and its module.
    fn of_class<T>(
        &self,
        module: &str,
        at: u32,
        wanted: impl Fn(&Class) -> T,
    ) -> Option<(T, Frame)> {
        let known = self.modules.get(module)?;
        let (read, path) = (known.read.as_ref()?, known.path.clone()?);
        let mut found = None;
        steps::each(&read.outline.as_ref()?.body, &mut |step| match step {
            Step::Class(class) if class.at == at => found = Some(wanted(class)),
            _ => {}
        });
        Some((found?, Frame::new(module, path)))
    }

    /// A place in a module's file.
    fn place(&self, frame: &Frame, at: u32) -> Place {
        self.library.place(&frame.path, at, self.service.python)
    }
}
