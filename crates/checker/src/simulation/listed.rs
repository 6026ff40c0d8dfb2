//! Modules that are imported because another module lists their names as texts. Must not know commands.

use std::sync::Arc;

use super::{Frame, Simulation};
use crate::outline::{Call, Name, SetTexts, Step};
use crate::syntax::Read;

/// A module of the project that was imported, for who reads its text.
pub(super) struct Lister {
    pub(super) frame: Frame,
    pub(super) read: Arc<Read>,
}

impl Simulation<'_> {
    /// What celery's applications in these modules name, which workers import: `Celery(…, include=[…])`,
    /// `conf.update(include=[…])`, `conf.imports = […]`.
    pub(super) fn enter_includes(&mut self, modules: &[String]) {
        for module in modules {
            let Some(lister) = self.lister(module) else { continue };
            let body = lister.read.outline.iter().flat_map(|outline| &outline.body);
            for name in body.flat_map(included) {
                drop(self.load(name, self.offset_of(name, &lister.frame), &lister.frame));
            }
        }
    }

    /// Where a text stands in a file.
    pub(super) fn offset_of(&self, text: &str, frame: &Frame) -> u32 {
        let read = self.library.read(&frame.path, self.service.python);
        let content = read.as_ref().and_then(|read| read.text.as_ref()).map(|text| &text.content);
        let quoted = ['"', '\''].map(|quote| format!("{quote}{text}{quote}"));
        let at = content.and_then(|content| quoted.iter().find_map(|text| content.find(text)));
        at.and_then(|at| u32::try_from(at).ok()).unwrap_or_default()
    }

    pub(super) fn lister(&self, module: &str) -> Option<Lister> {
        let known = self.modules.get(module)?;
        let frame = Frame::new(module, known.path.clone()?);
        Some(Lister { frame, read: known.read.clone()? })
    }
}

/// The modules that a step names for celery's workers.
fn included(step: &Step) -> Vec<&Name> {
    let is_list = |name: &str| matches!(name, "include" | "imports");
    match step {
        Step::Call(call) => {
            let Call { called, lists, .. } = &**call;
            let mut of = called.path.names().rev();
            let (last, before) = (of.next(), of.next());
            let counts = |name: &str| match (last, before) {
                (Some("Celery"), _) => name == "include",
                (Some("update"), Some("conf")) => is_list(name),
                _ => false,
            };
            lists.iter().filter(|list| counts(&list.name)).flat_map(|list| &list.items).collect()
        }
        Step::SetTexts(SetTexts { of, items }) => {
            let mut names = of.path.names().rev();
            let is_set = names.next().is_some_and(is_list)
                && names.next() == Some("conf")
                && names.count() == 1;
            if is_set { items.iter().collect() } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}
