//! What is checked: a service as facts, with everything that its process would find. Must not know where the facts are from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::advice::Wheels;
use crate::search::SearchEntry;
use crate::version::PythonVersion;

/// One process that is to start.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its Python.
    pub python: PythonVersion,
    /// What its command imports and runs, in order, in one process.
    pub entries: Vec<Entry>,
    /// Where its modules are looked for, in the order of `sys.path`. The directories of the project's scripts are part of it.
    pub search_path: Vec<SearchEntry>,
    /// Names of the modules that its Python brings (`sys.stdlib_module_names` and `sys.builtin_module_names`, without what
    /// its image lacks).
    pub standard_library: BTreeSet<String>,
    /// The variables that it has, and whether each is empty; `None` if that is not known.
    pub environment: Option<BTreeMap<String, IsEmpty>>,
    /// Variables that are certainly set to nothing, whatever others there are.
    pub empty: BTreeSet<String>,
    /// Where the project that brings a missing module is looked for.
    pub wheels: Wheels,
    /// There may be modules besides: those of an environment of which nothing is known.
    pub is_open: bool,
}

/// Whether a variable is set to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsEmpty {
    /// `X=`.
    Yes,
    /// It has a value, which is nobody's business.
    No,
}

/// One thing that a start command names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it names.
    pub target: EntryTarget,
    /// The words that name it, for messages.
    pub said: String,
    /// Whether the process begins with it: nothing has been imported before, but what Python itself needs.
    pub is_first: bool,
}

/// Who reads settings of Django, which decides what of them is imported at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Django {
    /// A server: applications and middleware; URLs with the first request.
    Server,
    /// A command that looks whether all is well: applications and URLs.
    Checks,
    /// The server of developers: all of that.
    Developers,
    /// Another command: applications.
    Command,
}

/// What a start command can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryTarget {
    /// A module that is imported, and an object in it that has to be there (`app`, `app.server`).
    Import {
        /// The module.
        module: String,
        /// The object.
        object: Option<String>,
    },
    /// A module whose file somebody may as well run.
    File(String),
    /// A file that is run.
    Script(PathBuf),
    /// A module that is run by `-m`; of a package its `__main__`.
    Run(String),
    /// The first of them that is there.
    Any(Vec<EntryTarget>),
    /// What the settings of Django in a module name as texts.
    Django {
        /// The module.
        settings: String,
        /// Who reads them.
        reader: Django,
    },
    /// What celery's applications in these modules include.
    Includes(Vec<String>),
}
