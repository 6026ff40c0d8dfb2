//! Something fails: whether somebody catches it, and what is said if nobody does. Must not know what it was.

use super::{Frame, Simulation};
use crate::finding::{Finding, Place, Rule, Severity};
use crate::outline::{Handler, Name};

/// The exceptions that are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    ModuleNotFound,
    Import,
    Attribute,
    Name,
    Key,
    Syntax,
    /// By its name, if that is known.
    Other(String),
}

/// Findings of one cause have one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) rule: Rule,
    pub(super) about: String,
}

/// What would be said.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) rule: Rule,
    /// What it is about; the same thing elsewhere has the same cause.
    pub(super) about: String,
    pub(super) place: Option<Place>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) related: Vec<(Place, String)>,
    /// At most a warning.
    pub(super) is_doubtful: bool,
}

/// A failure on its way to whoever catches it.
#[derive(Debug, Clone)]
pub(super) struct Raised {
    pub(super) kind: Kind,
    pub(super) cause: Option<Box<Draft>>,
}

/// A `try` that is open.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    handlers: Vec<Option<Vec<Name>>>,
    /// In how many unsure branches it stands.
    unsure: usize,
}

/// Whether something is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caught {
    Yes,
    No,
    Perhaps,
}

impl Guard {
    pub(super) fn new(handlers: &[Handler], unsure: usize) -> Self {
        Self { handlers: handlers.iter().map(|handler| handler.catches.clone()).collect(), unsure }
    }
}

/// Whether a handler catches a failure.
pub(super) fn catches(handler: Option<&[Name]>, kind: &Kind) -> Caught {
    let Some(names) = handler else { return Caught::Yes };
    let mut caught = Caught::No;
    for name in names {
        match by_name(name, kind) {
            Caught::Yes => return Caught::Yes,
            Caught::Perhaps => caught = Caught::Perhaps,
            Caught::No => {}
        }
    }
    caught
}

fn by_name(name: &str, kind: &Kind) -> Caught {
    let own: &[&str] = match kind {
        Kind::ModuleNotFound => &["ModuleNotFoundError", "ImportError"],
        Kind::Import => &["ImportError"],
        Kind::Attribute => &["AttributeError"],
        Kind::Name => &["NameError"],
        Kind::Key => &["KeyError", "LookupError"],
        Kind::Syntax => &["SyntaxError"],
        Kind::Other(_) => &[],
    };
    if matches!(name, "Exception" | "BaseException") || own.contains(&name) {
        return Caught::Yes;
    }
    match kind {
        Kind::Other(raised) if raised == name => Caught::Yes,
        // One can be the other's base.
        Kind::Other(_) => Caught::Perhaps,
        _ if crate::syntax::is_exception(name) => Caught::No,
        _ => Caught::Perhaps,
    }
}

impl Simulation<'_> {
    /// Something fails here. `Err` goes to whoever catches it for certain; in all other cases the process goes on as if it
    /// had not failed, so that what comes behind is seen too.
    pub(super) fn fail(&mut self, kind: Kind, draft: Draft) -> Result<(), Raised> {
        if self.silent > 0 {
            return Ok(());
        }
        match self.caught(&kind) {
            Some(Caught::Yes) => Err(Raised { kind, cause: Some(Box::new(draft)) }),
            Some(_) => Ok(()),
            None => {
                self.report(draft);
                Ok(())
            }
        }
    }

    /// Who catches it: for certain, perhaps, or nobody at all.
    pub(super) fn caught(&self, kind: &Kind) -> Option<Caught> {
        for guard in self.guards.iter().rev() {
            for handler in &guard.handlers {
                match catches(handler.as_deref(), kind) {
                    Caught::No => {}
                    Caught::Yes if guard.unsure == self.unsure => return Some(Caught::Yes),
                    _ => return Some(Caught::Perhaps),
                }
            }
        }
        None
    }

    pub(super) fn report(&mut self, draft: Draft) {
        let is_certain = self.is_certain() && self.endings == 0 && !draft.is_doubtful;
        let severity = if is_certain { Severity::Error } else { Severity::Warning };
        let words = (draft.rule == Rule::EntryPoint).then(|| draft.about.clone());
        let key = Key { rule: draft.rule, about: draft.about };
        let finding = Finding {
            rule: draft.rule,
            severity,
            place: draft.place,
            words,
            message: draft.message,
            related: draft.related,
            hint: draft.hint,
            more: 0,
        };
        match self.found.get_mut(&key) {
            None => drop(self.found.insert(key, finding)),
            Some(first) if first.place == finding.place => {
                first.severity = first.severity.min(finding.severity);
            }
            Some(first) => {
                let more = first.more + 1;
                if finding.severity < first.severity {
                    *first = finding;
                }
                first.more = more;
            }
        }
    }

    /// A draft about something at a place of a frame's file.
    pub(super) fn draft(&self, frame: &Frame, at: u32, rule: Rule, about: &str) -> Draft {
        let place = (!frame.path.as_os_str().is_empty()).then(|| self.place(frame, at));
        Draft {
            rule,
            about: about.to_owned(),
            place,
            message: String::new(),
            hint: None,
            related: Vec::new(),
            is_doubtful: false,
        }
    }

    /// What was found, in the order of places.
    pub(super) fn findings(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.found.into_values().collect();
        findings.sort_by(|one, other| {
            (&one.place, one.rule, &one.message).cmp(&(&other.place, other.rule, &other.message))
        });
        findings
    }
}
