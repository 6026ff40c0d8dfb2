//! A proposal as the text of `pyfast.toml`, each key with a line that explains it. Must not know disks.

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::{Proposal, ProposedEnvironment, one_line};

impl Proposal {
    /// The text of `pyfast.toml`.
    pub(crate) fn text(&self) -> String {
        let mut document = DocumentMut::new();
        if self.name.is_some() || self.root.is_some() {
            document.insert("project", Item::Table(self.project()));
        }
        let mut environments = Table::new();
        environments.set_implicit(true);
        for environment in &self.environments {
            environments.insert(&environment.name, Item::Table(environment.table()));
        }
        document.insert("env", Item::Table(environments));
        format!(
            "# How pyfast installs this project's dependencies; `pyfast --help` says more.\n{document}"
        )
    }

    fn project(&self) -> Table {
        let mut table = Table::new();
        table.decor_mut().set_prefix("\n");
        if let Some(name) = &self.name {
            set(&mut table, "name", name, "The name of the project in the root.");
        }
        if let Some(root) = &self.root {
            let why =
                "Where packages and environments live: a volume of the engine, or a directory.";
            set(&mut table, "root", root, why);
        }
        table
    }
}

impl ProposedEnvironment {
    fn table(&self) -> Table {
        let mut table = Table::new();
        let reasons: String =
            self.reasons.iter().map(|reason| format!("# {}\n", one_line(reason))).collect();
        table.decor_mut().set_prefix(format!("\n{reasons}"));
        set(
            &mut table,
            "requirements",
            list(&self.requirements),
            "The files whose requirements are installed.",
        );
        if !self.constraints.is_empty() {
            let why = "The files that bound versions without asking for anything.";
            set(&mut table, "constraints", list(&self.constraints), why);
        }
        if let Some(image) = &self.image {
            set(&mut table, "image", image, "The image whose Python the environment is for.");
        }
        if let Some(python) = &self.python {
            set(&mut table, "python", python, "The Python that the environment is for.");
        }
        if !self.services.is_empty() {
            let why =
                "The services that start in this environment and are restarted when it changes.";
            set(&mut table, "services", list(&self.services), why);
        }
        table
    }
}

fn list(texts: &[String]) -> Array {
    texts.iter().map(String::as_str).collect()
}

/// Sets a key below a comment.
fn set(table: &mut Table, key: &str, item: impl Into<toml_edit::Value>, comment: &str) {
    table.insert(key, value(item));
    if let Some(mut key) = table.key_mut(key) {
        key.leaf_decor_mut().set_prefix(format!("# {comment}\n"));
    }
}
