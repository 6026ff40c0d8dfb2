//! Modules that are imported because another module lists their names as texts. Must not know commands.

use std::sync::Arc;

use super::{Frame, Simulation};
use crate::library;
use crate::outline::{Bind, Bound, Outline, Step};
use crate::search::Found;
use crate::syntax::Read;

impl Simulation<'_> {
    /// What settings of Django list as `INSTALLED_APPS`, as far as their own text says it for certain: each is a module, or a
    /// class in one, and brings its models.
    pub(super) fn enter_applications(&mut self, settings: &str) {
        let Some((frame, read)) = self.listing_module(settings) else { return };
        let applications = read.outline.as_ref().and_then(applications);
        for name in applications.unwrap_or_default() {
            self.enter_listed(&name, &frame);
            let models = format!("{name}.models");
            if !matches!(self.find(&models), Found::Missing { .. }) {
                drop(self.load(&models, 0, &frame));
            }
        }
    }

    /// What `Celery(…, include=[…])` names, which workers import.
    pub(super) fn enter_includes(&mut self, modules: &[String]) {
        for module in modules {
            let Some((frame, read)) = self.listing_module(module) else { continue };
            for step in read.outline.iter().flat_map(|outline| &outline.body) {
                let Step::Call(call) = step else { continue };
                let is_celery = call.called.path.last().is_some_and(|last| last == "Celery");
                let included = call.lists.iter().filter(|list| is_celery && list.name == "include");
                for name in included.flat_map(|list| &list.items) {
                    self.enter_listed(name, &frame);
                }
            }
        }
    }

    /// A module by the text that names it, or by that of a class in it.
    fn enter_listed(&mut self, name: &str, frame: &Frame) {
        let is_class = |last: &str| last.starts_with(char::is_uppercase);
        let meant = match name.rsplit_once('.') {
            Some((parent, last)) if is_class(last) => parent,
            _ => name,
        };
        drop(self.load(meant, self.offset_of(name, frame), frame));
    }

    /// Where a text stands in a file.
    fn offset_of(&self, text: &str, frame: &Frame) -> u32 {
        let read = self.library.read(&frame.path, self.service.python);
        let content = read.as_ref().and_then(|read| read.text.as_ref()).map(|text| &text.content);
        let quoted = ['"', '\''].map(|quote| format!("{quote}{text}{quote}"));
        let at = content.and_then(|content| quoted.iter().find_map(|text| content.find(text)));
        at.and_then(|at| u32::try_from(at).ok()).unwrap_or_default()
    }

    /// A module of the project that was imported.
    fn listing_module(&self, module: &str) -> Option<(Frame, Arc<Read>)> {
        let known = self.modules.get(module)?;
        Some((Frame::new(module, known.path.clone()?), known.read.clone()?))
    }
}

/// The texts of `INSTALLED_APPS`; `None` where something else may be in it in the end.
fn applications(outline: &Outline) -> Option<Vec<String>> {
    let is_it = |bind: &Bind| bind.name == "INSTALLED_APPS" && !bind.is_local;
    let (mut all, mut changes) = (0, false);
    library::each_step(outline, &mut |step| match step {
        // What is added in a branch takes nothing away.
        Step::Bind(bind) if is_it(bind) => {
            all += usize::from(!matches!(bind.value, Bound::Strings { adds: true, .. }));
        }
        Step::Call(call) => changes |= call.called.path[0] == "INSTALLED_APPS",
        Step::Unbind(unbind) => changes |= unbind.name == "INSTALLED_APPS",
        _ => {}
    });
    let mut listed = Vec::new();
    for step in &outline.body {
        let Step::Bind(bind) = step else { continue };
        if let (true, Bound::Strings { items, adds }) = (is_it(bind), &bind.value) {
            all -= usize::from(!adds);
            listed.extend(items.iter().cloned());
        }
    }
    (all == 0 && !changes).then_some(listed)
}
