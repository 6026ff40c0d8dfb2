//! What a start command imports: modules, objects in them, scripts, and where all that is looked for. Owns what the usual
//! programs make of their words; must not know how modules are found, nor containers. A word that is not understood
//! leaves the command unknown: of that nothing is said.

mod call;
mod frameworks;
mod options;
mod python;
mod servers;
mod shell;
mod start;
mod workers;
mod wrappers;

use call::Call;
pub use start::Start;
use start::UNKNOWN;

use crate::service::Django;

/// What is known of a variable before the command begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It has this value.
    Value(String),
    /// It is not set.
    Unset,
    /// Nobody knows here: the image may set it.
    Unknown,
}

/// What is around a command. Paths are the service's own; those that do not begin with `/` begin in the directory that it
/// starts in.
pub trait Around {
    /// The text of a file; `None` where it is not there or nobody knows here.
    fn text(&self, path: &str) -> Option<String>;
    /// A variable of the service.
    fn variable(&self, name: &str) -> Known;
    /// What a console script of the environment calls, as `entry_points.txt` writes it.
    fn console_script(&self, name: &str) -> Option<String>;
}

/// Something that a command imports or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The words that say so.
    pub words: String,
    /// What it is.
    pub target: Target,
    /// Where.
    pub start: Start,
    /// Whether the service does not start without it.
    pub needed: bool,
    /// Whether its process begins with it, and no program has imported anything before.
    pub is_first: bool,
    /// What the program imports besides, by names that stand in the module.
    pub lists: Option<Lists>,
}

/// Modules that a program imports because another one lists their names as texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// What Django's settings name.
    Django(Django),
    /// `include` of a celery application.
    Includes,
}

/// What is imported or run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A module is imported, and something is looked for in it.
    Module(Module),
    /// A module is run as the main one (`python -m`): of a package its `__main__`.
    Main(String),
    /// A file is run as the main module. The path is as those of [`Start`].
    Script(String),
    /// The program refuses its words, for this reason.
    Refused(String),
}

/// A module that is imported, and what is looked for in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Module {
    /// Its dotted name.
    pub name: String,
    /// Names (`app`, `api.app`) of which one has to be in it; none where nothing has to.
    pub objects: Vec<String>,
    /// Whether a submodule with such a name does as well, which is imported then.
    pub or_module: bool,
    /// A module that is imported where none of the names is there and this module is.
    pub fallback: Option<String>,
    /// Whether something else than the names may do, too: then a missing one is no fault.
    pub or_other: bool,
}

impl Module {
    /// A module alone.
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// A module with an object that has to be in it.
    fn with(name: &str, object: &str) -> Self {
        Self { objects: vec![object.to_owned()], ..Self::named(name) }
    }

    /// A class or function by a dotted name, as `from a.b import c` reads it.
    fn dotted(path: &str) -> Self {
        match path.rsplit_once('.') {
            Some((module, name)) => Self { or_module: true, ..Self::with(module, name) },
            None => Self::named(path),
        }
    }
}

/// What a command imports, in order.
pub fn started(words: &[String], around: &dyn Around) -> Vec<Started> {
    let call = Call { args: words, start: Start::default(), around, depth: 0, words: "" };
    let mut found = call.command(words).unwrap_or_default();
    found.retain(|entry| !entry.is_unknown());
    found
}

impl Started {
    fn is_unknown(&self) -> bool {
        let start = self.start.first.iter().chain([&self.start.directory]);
        let unknown = |text: &str| text.contains(UNKNOWN);
        let target = match &self.target {
            Target::Module(module) => {
                unknown(&module.name) || module.objects.iter().any(|name| unknown(name))
            }
            Target::Main(text) | Target::Script(text) | Target::Refused(text) => unknown(text),
        };
        target || unknown(&self.words) || start.into_iter().any(|path| unknown(path))
    }
}

#[cfg(test)]
mod tests;
