//! Packages that others need for one of their features, which fail where it is asked for. Must not know how modules are
//! loaded.

use super::failing::{Kind, Raised};
use super::table::Value;
use super::{Frame, Simulation, Unseen, messages};
use crate::outline::{Class, Field, Keyword, Path, Use};
use crate::search::Found;

/// What a feature needs.
struct Needed<'a> {
    /// The feature, as the source says it.
    feature: &'a str,
    /// Modules of which one has to be there.
    modules: &'a [&'a str],
    /// The project that brings it.
    project: &'a str,
    /// What is raised without.
    kind: Kind,
}

/// What a class has from those that it is of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ancestry {
    /// It is a model of pydantic's.
    is_model: bool,
    /// It may be made with its first use only.
    defers: bool,
}

impl Simulation<'_> {
    /// A function that is served takes something of a form: `FastAPI` looks when it sees that.
    pub(super) fn takes_form(&mut self, used: &Use, frame: &Frame) -> Result<(), Raised> {
        let Value::Foreign(name) = self.quietly(&used.path, frame) else { return Ok(()) };
        if !matches!(name.as_str(), "fastapi.Form" | "fastapi.File" | "fastapi.UploadFile") {
            return Ok(());
        }
        let feature = used.path.as_str();
        let needed = Needed {
            feature,
            // Another project has a module `multipart`, which is no package.
            modules: &["python_multipart", "multipart.multipart"],
            project: "python-multipart",
            kind: Kind::Other("RuntimeError".to_owned()),
        };
        self.needs(&needed, used.at, frame)
    }

    /// A model of pydantic's has a field for an address of mail.
    pub(super) fn addresses(&mut self, class: &Class, frame: &Frame) -> Result<(), Raised> {
        let words = |annotation: &str| -> Vec<String> {
            let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
            let words = annotation.split(|c| !is_word(c)).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        let is_field =
            |field: &&Field| !field.name.starts_with('_') && !field.annotation.contains("ClassVar");
        let fields = || class.fields.iter().filter(is_field);
        // One is enough: the class is made whole or not at all.
        let needs = fields().find_map(|field| {
            let mut named = words(&field.annotation).into_iter();
            let feature = named.find(|word| {
                (word.ends_with("Email") || word.ends_with("EmailStr"))
                    && matches!(self.quietly(&Path::new(&**word), frame), Value::Foreign(name)
                        if matches!(name.as_str(), "pydantic.EmailStr" | "pydantic.NameEmail"))
            });
            Some((feature?, field.at))
        });
        let Some((feature, at)) = needs else { return Ok(()) };
        let Ancestry { is_model, defers } = self.ancestry(&class.bases, frame, 0);
        // A model is made later where one of its types is not there yet.
        let is_whole = || {
            fields()
                .all(|field| words(&field.annotation).iter().all(|word| self.is_bound(word, frame)))
        };
        if !is_model || defers || may_defer(&class.config) || !is_whole() {
            return Ok(());
        }
        let needed = Needed {
            feature: &feature,
            modules: &["email_validator"],
            project: "email-validator",
            kind: Kind::Import,
        };
        self.needs(&needed, at, frame)
    }

    fn is_bound(&self, word: &str, frame: &Frame) -> bool {
        let first = word.split('.').next().unwrap_or_default();
        self.modules.get(&frame.module).is_some_and(|module| module.names.contains_key(first))
            || crate::syntax::is_builtin(first, self.service.python)
    }

    /// What a class has from these, and from those that they are of.
    fn ancestry(&mut self, bases: &[Path], frame: &Frame, depth: usize) -> Ancestry {
        let mut all = Ancestry::default();
        for base in bases {
            let one = match self.quietly(base, frame) {
                Value::Foreign(name) => {
                    Ancestry { is_model: name == "pydantic.BaseModel", defers: false }
                }
                Value::Class { module, at } if depth < 8 => {
                    self.ancestry_of(&module, at, depth).unwrap_or_default()
                }
                _ => Ancestry::default(),
            };
            all.is_model |= one.is_model;
            all.defers |= one.defers;
        }
        all
    }

    /// The same of a class itself, looked for once.
    fn ancestry_of(&mut self, module: &str, at: u32, depth: usize) -> Option<Ancestry> {
        if let Some(known) = self.ancestries.get(module).and_then(|known| known.get(&at)) {
            return Some(*known);
        }
        let facts = |class: &Class| (class.bases.clone(), may_defer(&class.config));
        let ((bases, defers), frame) = self.of_class(module, at, facts)?;
        // Its own name among its bases is another class, which is not there any more.
        self.ancestries.entry(module.into()).or_default().insert(at, Ancestry::default());
        let mut ancestry = self.ancestry(&bases, &frame, depth + 1);
        ancestry.defers |= defers;
        self.ancestries.entry(module.into()).or_default().insert(at, ancestry);
        Some(ancestry)
    }

    fn needs(&mut self, needed: &Needed<'_>, at: u32, frame: &Frame) -> Result<(), Raised> {
        let Needed { feature, modules, project, kind } = needed;
        let is_there = |module: &&str| {
            self.provided.contains(*module) || !matches!(self.find(module), Found::Missing { .. })
        };
        if self.unseen != Unseen::Nothing || modules.iter().any(is_there) {
            return Ok(());
        }
        let mut draft = messages::missing(self, frame, at, modules[0], None);
        draft.message =
            format!("`{feature}` needs the module `{}`, which is not there", modules[0]);
        draft.hint = Some(format!("add `{project}` to the requirements"));
        self.fail(kind.clone(), draft)
    }
}

/// Whether a class says that it is made with its first use, or what it says is not known.
fn may_defer(config: &[Keyword]) -> bool {
    config.iter().any(|one| matches!(one.name.as_str(), "defer_build" | "**"))
}
