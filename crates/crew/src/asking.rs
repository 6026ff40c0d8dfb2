//! Which Python of this machine is asked for metadata that sources do not state, where the lock is for another Python or
//! platform, and what is said of that afterwards. Must not know how a backend is asked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use pyfast_installer::interpreter::Interpreter;
use pyfast_packaging::source_dist::SourceDist;
use pyfast_packaging::target::Target;
use pyfast_resolver::{BuildSource, Error as ResolveError, Targets};
use pyfast_settings::{Settings, interpreters};

use crate::event::Event;

/// So many sources are named.
const NAMED: usize = 3;

/// The interpreter that is asked for what is locked: of one target's own version of Python where this machine has one,
/// else the one at hand, because most sources say the same to all. Where there are several targets, what one build says
/// stands for all (rule 11).
pub(crate) fn asked_python(
    targets: &Targets,
    at_hand: Option<&Interpreter>,
    settings: &Settings,
) -> Option<Interpreter> {
    let found = |request: Option<&str>| {
        let found = interpreters::find(request, settings).ok()?;
        interpreters::probe(&found, &settings.cache_directory().ok()?).ok()
    };
    let Targets::One(target) = targets else { return at_hand.cloned() };
    let (major, minor) = target.tags.facts().python;
    match at_hand {
        Some(own) if own.tags.python == (major, minor) => Some(own.clone()),
        own => found(Some(&format!("{major}.{minor}")))
            .or_else(|| own.cloned())
            .or_else(|| found(None)),
    }
}

/// Who asks, and remembers of which sources.
pub(crate) struct Remembering {
    inner: Arc<dyn BuildSource>,
    sources: Mutex<BTreeSet<String>>,
}

impl Remembering {
    pub(crate) fn new(inner: Arc<dyn BuildSource>) -> Self {
        Self { inner, sources: Mutex::default() }
    }

    /// What the user should know of these answers, given by this Python, in a lock for these targets.
    pub(crate) fn told(&self, python: &Interpreter, targets: &Targets) -> Option<Event> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let others = others(python, targets)?;
        let mut named: Vec<String> = sources.iter().take(NAMED).cloned().collect();
        let (does, its) = if sources.len() == 1 { ("does", "its") } else { ("do", "their") };
        match sources.len() {
            0 => return None,
            count if count > NAMED => named.push(format!("{} more", count - NAMED)),
            _ => {}
        }
        let (sources, python) = (named.join(", "), python.short_version());
        Some(Event::Warning(format!(
            "{sources} {does} not state {its} metadata: Python {python} on this machine was asked, and {others} may be told \
             otherwise"
        )))
    }
}

impl BuildSource for Remembering {
    fn metadata(&self, source: &SourceDist) -> Result<String, ResolveError> {
        let metadata = self.inner.metadata(source)?;
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(source.to_string());
        Ok(metadata)
    }
}

/// Whom the lock is for besides the one that is asked, in words; `None` for nobody.
fn others(python: &Interpreter, targets: &Targets) -> Option<String> {
    let target = match targets {
        Targets::One(target) => target,
        Targets::Several(several) if several.len() == 1 => &several[0].target,
        Targets::Several(_) | Targets::Universal(_) => return Some("others".to_owned()),
    };
    let (major, minor) = target.tags.facts().python;
    let own = &python.target();
    match (python.tags.python == (major, minor), platform(own) == platform(target)) {
        (true, true) => None,
        (true, false) => Some("another platform".to_owned()),
        (false, true) => Some(format!("Python {major}.{minor}")),
        (false, false) => Some(format!("Python {major}.{minor} on another platform")),
    }
}

fn platform(target: &Target) -> [&str; 2] {
    [target.markers.sys_platform(), target.markers.platform_machine()]
}
