//! Packages that others need for one of their features, which fail where it is asked for. Must not know how modules are
//! loaded.

use super::failing::{Kind, Raised};
use super::table::Value;
use super::{Frame, Simulation, Unseen, messages};
use crate::library;
use crate::outline::{Class, Path, Step, Use};
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

impl Simulation<'_> {
    /// A function that is served takes something of a form: `FastAPI` looks when it sees that.
    pub(super) fn takes_form(&mut self, used: &Use, frame: &Frame) -> Result<(), Raised> {
        let Value::Foreign(name) = self.quietly(&used.path, frame) else { return Ok(()) };
        if !matches!(name.as_str(), "fastapi.Form" | "fastapi.File" | "fastapi.UploadFile") {
            return Ok(());
        }
        let feature = used.path.join(".");
        let needed = Needed {
            feature: &feature,
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
        for field in &class.fields {
            let mut named = words(&field.annotation).into_iter();
            let named = named.find(|word| {
                let path: Path = word.split('.').map(str::to_owned).collect();
                let is_address =
                    path.last().is_some_and(|last| last.ends_with("Email") || last == "EmailStr");
                is_address
                    && matches!(self.quietly(&path, frame), Value::Foreign(name)
                        if matches!(name.as_str(), "pydantic.EmailStr" | "pydantic.NameEmail"))
            });
            let Some(feature) = named.filter(|_| self.is_model(&class.bases, frame, 0)) else {
                continue;
            };
            // A model is made later where one of its types is not there yet.
            let is_whole = class.fields.iter().all(|field| {
                words(&field.annotation).iter().all(|word| self.is_bound(word, frame))
            });
            let defers = class.config.iter().any(|one| one.name == "defer_build");
            if !is_whole || defers {
                continue;
            }
            let needed = Needed {
                feature: &feature,
                modules: &["email_validator"],
                project: "email-validator",
                kind: Kind::Import,
            };
            self.needs(&needed, field.at, frame)?;
        }
        Ok(())
    }

    fn is_bound(&self, word: &str, frame: &Frame) -> bool {
        let first = word.split('.').next().unwrap_or_default();
        self.modules.get(&frame.module).is_some_and(|module| module.names.contains_key(first))
            || crate::syntax::is_builtin(first, self.service.python)
    }

    /// Whether one of these classes is a model of pydantic's, itself or by those that it is of.
    fn is_model(&mut self, bases: &[Path], frame: &Frame, depth: usize) -> bool {
        bases.iter().any(|base| match self.quietly(base, frame) {
            Value::Foreign(name) => name == "pydantic.BaseModel",
            Value::Class { module, at } if depth < 8 => {
                let Some((bases, frame)) = self.bases_of(&module, at) else { return false };
                self.is_model(&bases, &frame, depth + 1)
            }
            _ => false,
        })
    }

    fn bases_of(&self, module: &str, at: u32) -> Option<(Vec<Path>, Frame)> {
        let known = self.modules.get(module)?;
        let (read, path) = (known.read.clone()?, known.path.clone()?);
        let mut bases = None;
        library::each(&read.outline.as_ref()?.body, &mut |step| match step {
            Step::Class(class) if class.at == at => bases = Some(class.bases.clone()),
            _ => {}
        });
        Some((bases?, Frame::new(module, path)))
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
