//! Modules of Django's settings as they take each other in, and what a setting is in the end. Must not know what a setting is
//! for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::outline::{Bind, Bound, Logging, Outline, Step};
use crate::reached;
use crate::search::Found;
use crate::simulation::listed::Lister;
use crate::simulation::{Frame, Simulation};
use crate::steps;
use crate::syntax::Read;

/// How many modules of settings take each other in.
const DEEPEST: usize = 8;

/// A text of the settings, and the file that has it.
pub(super) struct Named {
    pub(super) text: String,
    /// Of the modules of settings.
    module: usize,
}

/// The settings that are read here.
const READ: [&str; 7] = [
    "INSTALLED_APPS",
    "MIDDLEWARE",
    "ROOT_URLCONF",
    "WSGI_APPLICATION",
    "AUTH_USER_MODEL",
    "LOGGING",
    "LOGGING_CONFIG",
];

/// Modules of settings.
#[derive(Default)]
pub(super) struct Settings {
    /// One, and before it those that it takes in with a star before anything else.
    modules: Vec<Lister>,
    /// Those that it may take in (`try: from .local import *`), or takes in behind settings of its own.
    perhaps: Vec<Arc<Read>>,
    /// Names of all that were come to.
    entered: BTreeSet<String>,
    /// It takes in another one that cannot be read.
    has_unread: bool,
}

impl Simulation<'_> {
    /// Reads a module of settings with those that it takes in; whether that was possible.
    pub(super) fn read_settings(&self, module: &str, found: &mut Settings) -> bool {
        if found.entered.len() >= DEEPEST || !found.entered.insert(module.to_owned()) {
            return false;
        }
        let Some(lister) = self.lister(module) else { return false };
        let Some(outline) = &lister.read.outline else { return false };
        let package = self.modules.get(module).map(|module| module.package.clone());
        let star = |step: &Step| match step {
            Step::From(from) if from.names.is_empty() => {
                reached::absolute(from, package.as_deref().unwrap_or_default())
            }
            _ => None,
        };
        // What stands behind a setting may replace it.
        let mut is_behind = false;
        for step in &outline.body {
            let taken = star(step);
            if let Some(name) = &taken
                && !is_behind
                && self.read_settings(name, found)
            {
                continue;
            }
            let is_first = taken.is_some() && !is_behind && found.is_empty();
            steps::each(std::slice::from_ref(step), &mut |step| {
                is_behind |= READ.iter().any(|name| rebinds(step, name));
                if let Some(name) = star(step).filter(|_| !is_first) {
                    self.take_perhaps(&name, found);
                }
            });
        }
        found.modules.push(lister);
        true
    }

    /// A module that settings may take in.
    fn take_perhaps(&self, name: &str, found: &mut Settings) {
        match self.find(name) {
            Found::Source { path, .. } => match self.library.read(&path, self.service.python) {
                Some(read) => found.perhaps.push(read),
                None => found.has_unread = true,
            },
            Found::Missing { .. } | Found::Namespace { .. } => {}
            _ => found.has_unread = true,
        }
    }
}

impl Settings {
    pub(super) fn frame(&self, named: &Named) -> &Frame {
        &self.modules[named.module].frame
    }

    fn outlines(&self) -> impl Iterator<Item = (usize, &Outline)> {
        let outlines = self.modules.iter().enumerate();
        outlines.filter_map(|(at, lister)| Some((at, lister.read.outline.as_ref()?)))
    }

    /// Whether none was read yet.
    fn is_empty(&self) -> bool {
        self.modules.is_empty() && self.perhaps.is_empty() && !self.has_unread
    }

    /// Whether a name may be another one in the end, by what is not followed.
    fn may_change(&self, name: &str) -> bool {
        let perhaps = self.perhaps.iter().map(|read| read.outline.as_ref());
        let mut may = self.has_unread || self.outlines().any(|(_, outline)| outline.is_open);
        for outline in perhaps {
            let Some(outline) = outline else { return true };
            may |= outline.is_open;
            steps::each_step(outline, &mut |step| {
                may |= matches!(step, Step::From(from) if from.names.is_empty());
                may |= rebinds(step, name)
                    && !matches!(step, Step::Bind(bind)
                        if matches!(bind.value, Bound::Strings { adds: true, .. }));
            });
        }
        may
    }

    /// The texts of a list; none where something else may be in it in the end.
    pub(super) fn listed(&self, name: &str) -> Vec<Named> {
        let is_it = |bind: &Bind| bind.name == name && !bind.is_local;
        let (mut all, mut changes) = (0, false);
        let mut listed: Vec<Named> = Vec::new();
        for (module, outline) in self.outlines() {
            steps::each_step(outline, &mut |step| match step {
                // What is added in a branch takes nothing away.
                Step::Bind(bind) if is_it(bind) => {
                    all += usize::from(!matches!(bind.value, Bound::Strings { adds: true, .. }));
                }
                Step::Call(call) => changes |= call.called.path.first() == name,
                Step::SetItem(item) => changes |= item.of.path.first() == name,
                step => changes |= rebinds(step, name),
            });
            let own = outline.body.iter().filter_map(|step| match step {
                Step::Bind(bind) if is_it(bind) => Some(&bind.value),
                _ => None,
            });
            for value in own {
                let Bound::Strings { items, adds } = value else { continue };
                if !adds {
                    all -= 1;
                    listed.clear();
                }
                listed.extend(items.iter().map(|text| Named { text: text.to_string(), module }));
            }
        }
        if all == 0 && !changes && !self.may_change(name) { listed } else { Vec::new() }
    }

    /// A text that is set once, and for certain.
    pub(super) fn text(&self, name: &str) -> Option<Named> {
        let mut binds = 0;
        let mut found = None;
        for (module, outline) in self.outlines() {
            steps::each_step(outline, &mut |step| {
                binds += usize::from(rebinds(step, name));
            });
            for step in &outline.body {
                if let Step::Bind(Bind { name: bound, value: Bound::Text(text), .. }) = step
                    && bound == name
                {
                    found = Some(Named { text: text.to_string(), module });
                }
            }
        }
        found.filter(|_| binds == 1 && !self.may_change(name))
    }

    /// `LOGGING`, where nothing changes it.
    pub(super) fn logging(&self) -> Option<(&Frame, &Logging)> {
        let (mut touched, mut replaced) = (0, false);
        let mut found = None;
        for (module, outline) in self.outlines() {
            steps::each_step(outline, &mut |step| match step {
                Step::Use(used) => touched += usize::from(used.path.first() == "LOGGING"),
                step => {
                    touched += usize::from(rebinds(step, "LOGGING"));
                    replaced |= rebinds(step, "LOGGING_CONFIG");
                }
            });
            for step in &outline.body {
                if let Step::Bind(Bind { name, value: Bound::Logging(logging), .. }) = step
                    && name == "LOGGING"
                {
                    found = Some((&self.modules[module].frame, &**logging));
                }
            }
        }
        found.filter(|_| touched == 1 && !replaced && !self.may_change("LOGGING"))
    }
}

/// Whether a step sets or unbinds a name of its module.
fn rebinds(step: &Step, name: &str) -> bool {
    let unbinds = matches!(step, Step::Unbind(unbind) if unbind.name == name);
    unbinds || steps::binds(step, name)
}
