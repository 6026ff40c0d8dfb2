//! A proposal as the text of `pyfast.toml`, each key with a line that explains it, and a project's first files. Owns that
//! nothing that is there is overwritten.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pyfast_launcher::propose::{IgnoreFile, Proposal, ProposedEnvironment, one_line};
use pyfast_settings::{FILE, Settings};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::held;
use super::moving::Moving;
use crate::defaults::configuration;

/// The text of a configuration that says what a proposal does.
pub fn proposed(proposal: &Proposal) -> String {
    let mut document = DocumentMut::new();
    if proposal.name.is_some() || proposal.root.is_some() {
        document.insert("project", Item::Table(project(proposal)));
    }
    let mut environments = Table::new();
    environments.set_implicit(true);
    for environment in &proposal.environments {
        environments.insert(&environment.name, Item::Table(table(environment)));
    }
    document.insert("env", Item::Table(environments));
    format!(
        "# How pyfast installs this project's dependencies; `pyfast --help` says more.\n{document}"
    )
}

fn project(proposal: &Proposal) -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    if let Some(name) = &proposal.name {
        set(&mut table, "name", name, "The name of the project in the root.");
    }
    if let Some(root) = &proposal.root {
        let why = "Where packages and environments live: a volume of the engine, or a directory.";
        set(&mut table, "root", root, why);
    }
    table
}

fn table(environment: &ProposedEnvironment) -> Table {
    let mut table = Table::new();
    let reasons: String =
        environment.reasons.iter().map(|reason| format!("# {}\n", one_line(reason))).collect();
    table.decor_mut().set_prefix(format!("\n{reasons}"));
    let requirements = list(&environment.requirements);
    set(&mut table, "requirements", requirements, "The files whose requirements are installed.");
    if !environment.constraints.is_empty() {
        let why = "The files that bound versions without asking for anything.";
        set(&mut table, "constraints", list(&environment.constraints), why);
    }
    if let Some(image) = &environment.image {
        set(&mut table, "image", image, "The image whose Python the environment is for.");
    }
    if let Some(python) = &environment.python {
        set(&mut table, "python", python, "The Python that the environment is for.");
    }
    if !environment.services.is_empty() {
        let why = "The services that start in this environment and are restarted when it changes.";
        set(&mut table, "services", list(&environment.services), why);
    }
    table
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

/// The settings of a project that is configured as proposed.
pub fn with_proposed(settings: &Settings, proposal: &Proposal) -> Settings {
    let mut settings = settings.clone();
    settings.project.config.env = proposal.environments.iter().map(configuration).collect();
    settings
}

/// Writes the files of a proposal that are not there yet, the configuration last. Gives their paths.
///
/// # Errors
/// The one that is there already, or that the disk refuses.
pub fn write_proposed(proposal: &Proposal, directory: &Path) -> Result<Vec<PathBuf>, NotWritten> {
    let own = IgnoreFile { path: FILE.to_owned(), text: proposed(proposal), needed: Vec::new() };
    let _held = held();
    let mut ready = Vec::new();
    for file in proposal.ignores.iter().chain([&own]) {
        let path = directory.join(&file.path);
        match ready_beside(&path, &file.text) {
            Ok(file) => ready.push((path, file)),
            Err(source) => return Err(NotWritten { path, source }),
        }
    }
    let mut written = Vec::new();
    for (path, file) in ready {
        if let Err(error) = file.persist_noclobber(&path) {
            return Err(NotWritten { path, source: error.error });
        }
        written.push(path);
    }
    Ok(written)
}

/// A file that was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {source}", path.display())]
pub struct NotWritten {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// What was proposed, and written, as data.
pub fn as_data(proposal: Option<&Proposal>, moving: &Moving, written: &[PathBuf]) -> Value {
    let changes = moving.changes.iter();
    let changes = changes.map(|one| json!({ "path": one.path(), "diff": one.diff() }));
    let mut data = proposal.map_or_else(|| json!({}), data);
    data["written"] = json!(written);
    data["changes"] = changes.collect();
    data["left"] = json!(moving.left());
    data
}

fn data(proposal: &Proposal) -> Value {
    let environments = proposal.environments.iter().map(|environment| {
        json!({
            "name": environment.name, "requirements": environment.requirements,
            "constraints": environment.constraints, "image": environment.image,
            "python": environment.python, "services": environment.services,
            "reasons": environment.reasons,
        })
    });
    let ignores = proposal
        .ignores
        .iter()
        .map(|ignore| json!({ "path": ignore.path, "text": ignore.text, "needed": ignore.needed }));
    json!({
        "project": { "name": proposal.name, "root": proposal.root },
        "environments": environments.collect::<Vec<_>>(),
        "without_environment": proposal.left,
        "text": proposed(proposal),
        "dockerignore": ignores.collect::<Vec<_>>(),
        "notes": proposal.notes,
    })
}

/// The file beside `pyfast.toml` that configures the project already, and that one would hide.
pub fn configured_beside(directory: &Path) -> Option<PathBuf> {
    let shared = directory.join("pyproject.toml");
    let text = pyfast_root::regular_file::read_text(&shared).unwrap_or_default();
    let document: DocumentMut = text.parse().ok()?;
    document.get("tool")?.get("pyfast").is_some().then_some(shared)
}

/// The text of a file that must not exist, beside its place.
fn ready_beside(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    if path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pyfast-init-").permissions(PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> String {
        value.to_owned()
    }

    #[test]
    fn the_text_explains_each_key() {
        let environment = ProposedEnvironment {
            name: text("web"),
            requirements: vec![text("requirements.txt")],
            image: Some(text("shop-web")),
            services: vec![text("web")],
            reasons: vec![
                text("Dockerfile starts from python:3.12"),
                text("Dockerfile installs requirements.txt"),
            ],
            ..ProposedEnvironment::default()
        };
        let proposal = Proposal {
            name: Some(text("my.shop")),
            root: Some(text("volume:pyfast-my.shop")),
            environments: vec![environment],
            ..Proposal::default()
        };
        insta::assert_snapshot!(proposed(&proposal), @r##"
        # How pyfast installs this project's dependencies; `pyfast --help` says more.

        [project]
        # The name of the project in the root.
        name = "my.shop"
        # Where packages and environments live: a volume of the engine, or a directory.
        root = "volume:pyfast-my.shop"

        # Dockerfile starts from python:3.12
        # Dockerfile installs requirements.txt
        [env.web]
        # The files whose requirements are installed.
        requirements = ["requirements.txt"]
        # The image whose Python the environment is for.
        image = "shop-web"
        # The services that start in this environment and are restarted when it changes.
        services = ["web"]
        "##);
    }

    #[test]
    fn hostile_names_stay_within_their_strings_and_comments() {
        let name = "x\n[index]\nurl = 'y'\n/requirements.txt";
        let environment = ProposedEnvironment {
            name: text("a-b-c"),
            requirements: vec![text(name)],
            services: vec![text("a\"b c")],
            reasons: vec![format!("{name} is the only requirements file")],
            ..ProposedEnvironment::default()
        };
        let proposal = Proposal { environments: vec![environment], ..Proposal::default() };
        let text = proposed(&proposal);
        let table: toml::Table = text.parse().expect("it is TOML");
        assert!(!table.contains_key("index"), "{text}");
        let environment = &table["env"]["a-b-c"];
        assert_eq!(environment["requirements"][0].as_str(), Some(name));
        assert_eq!(environment["services"][0].as_str(), Some("a\"b c"));
    }
}
