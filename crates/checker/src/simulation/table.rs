//! What modules have bound. Must not know how names come into them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::outline::Name;
use crate::syntax::Read;

/// What a name is known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Anything,
    /// A module of the project.
    Module(Name),
    /// A function of the project, by its module and its place there.
    Function {
        module: Name,
        index: usize,
    },
    /// A class of the project, by its module and the offset of its name.
    Class {
        module: Name,
        at: u32,
    },
    /// Somebody else's module, or something in it.
    Foreign(Name),
    Flag(Flag),
}

/// What a condition makes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    True,
    False,
    /// `None`.
    Nothing,
    /// It came of a look at what is there.
    Asked,
}

/// How far a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Running,
    Done,
}

/// What `__all__` is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum All {
    #[default]
    None,
    Names(Vec<Name>),
    Unknown,
}

/// Why a name is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) why: Loss,
    pub(super) line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// `del`.
    Deleted,
    /// The end of its `except`.
    Handled,
    /// What would have bound it failed, and that was caught.
    Failed,
}

/// A module of the project that is in the table of modules.
#[derive(Debug, Clone)]
pub(super) struct Module {
    pub(super) status: Status,
    pub(super) names: FxHashMap<Name, Value>,
    /// Names that are bound if something that is not known happened: whoever uses them surely asks first.
    pub(super) doubtful: BTreeSet<Name>,
    /// Names that were bound and are not any more.
    pub(super) lost: FxHashMap<Name, Lost>,
    pub(super) all: All,
    /// It may have any name.
    pub(super) is_open: bool,
    /// Its file, unless it is a namespace or cannot be read.
    pub(super) path: Option<PathBuf>,
    pub(super) read: Option<Arc<Read>>,
    /// Where its submodules are; `None` if it is no package.
    pub(super) directories: Option<Vec<PathBuf>>,
    /// The package that relative imports begin from; empty if there is none.
    pub(super) package: String,
}

impl Module {
    pub(super) fn new(name: &str, directories: Option<Vec<PathBuf>>) -> Self {
        let package = match (&directories, name.rsplit_once('.')) {
            (Some(_), _) => name.to_owned(),
            (None, Some((parent, _))) => parent.to_owned(),
            (None, None) => String::new(),
        };
        Self {
            status: Status::Done,
            names: FxHashMap::default(),
            doubtful: BTreeSet::new(),
            lost: FxHashMap::default(),
            all: All::None,
            is_open: false,
            path: None,
            read: None,
            directories,
            package,
        }
    }

    /// Whether asking for a name can succeed although nothing binds it.
    pub(super) fn has_any(&self) -> bool {
        self.is_open || self.names.contains_key("__getattr__")
    }
}

/// Names that every module has.
pub(super) const MAGIC: [&str; 13] = [
    "__name__",
    "__file__",
    "__doc__",
    "__package__",
    "__loader__",
    "__spec__",
    "__builtins__",
    "__path__",
    "__dict__",
    "__annotations__",
    "__cached__",
    "__class__",
    "__debug__",
];
