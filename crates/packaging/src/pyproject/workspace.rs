//! `[tool.uv.workspace]`: projects that name each other, and what they have from the file that counts them. Owns which
//! directories are members and what they are called; must not know who finds the file, nor whom it is believed from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use globset::{Glob, GlobBuilder};
use pep508_rs::PackageName;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::{Base, ProjectFile, Raw, from_toml, is_pyproject};
use crate::error::Error;
use crate::regular;

/// Directories below each other that are looked through for members.
const DEEPEST: usize = 16;

/// Projects that have one directory in common.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The file that counts them, absolute.
    file: PathBuf,
    text: String,
    table: Table,
    members: OnceLock<BTreeMap<PackageName, Member>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Table {
    members: Vec<Spanned<String>>,
    exclude: Vec<Spanned<String>>,
}

/// A project of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) directory: PathBuf,
    /// Whether it says that it is no package.
    pub(super) is_virtual: bool,
}

impl Workspace {
    /// Reads the table of a `pyproject.toml`, which is named absolutely; nothing where there is none.
    ///
    /// # Errors
    /// A file that cannot be read, or a pattern that is none.
    pub fn read(file: &Path, text: &str) -> Result<Option<Self>, Error> {
        let raw: Raw = from_toml(file, text, 0)?;
        let Some(table) = raw.tool.uv.and_then(|uv| uv.workspace) else { return Ok(None) };
        let (file_of, text_of, members) = (file.to_owned(), text.to_owned(), OnceLock::new());
        let workspace = Self { file: file_of, text: text_of, table, members };
        let root = ProjectFile::read(file, text)?;
        for pattern in workspace.table.members.iter().chain(&workspace.table.exclude) {
            Pattern::new(pattern.get_ref())
                .glob()
                .map_err(|reason| root.wrong(pattern, pattern.get_ref(), &reason))?;
        }
        Ok(Some(workspace))
    }

    /// The file that counts its projects.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }

    /// Whether a directory, which is named absolutely, is one of its projects.
    pub fn counts(&self, directory: &Path) -> bool {
        let is_named = |pattern: &Spanned<String>| {
            let pattern = Pattern::new(pattern.get_ref());
            let base = pattern.base(self.directory());
            let below = base.and_then(|base| directory.strip_prefix(base).ok());
            below
                .zip(pattern.glob().ok())
                .is_some_and(|(below, glob)| glob.compile_matcher().is_match(below))
        };
        directory == self.directory()
            || self.table.members.iter().any(is_named) && !self.table.exclude.iter().any(is_named)
    }

    /// What the file itself says.
    pub(super) fn root(&self) -> Result<ProjectFile<'_>, Error> {
        ProjectFile::read(&self.file, &self.text)
    }

    /// Its projects, by name. What cannot be read is none.
    pub(super) fn members(&self) -> &BTreeMap<PackageName, Member> {
        self.members.get_or_init(|| self.found())
    }

    fn found(&self) -> BTreeMap<PackageName, Member> {
        let mut directories = vec![self.directory().to_owned()];
        for pattern in &self.table.members {
            let pattern = Pattern::new(pattern.get_ref());
            if let Some(base) = pattern.base(self.directory()) {
                expand(base, &pattern.steps, DEEPEST, &mut directories);
            }
        }
        let known = directories.into_iter().filter(|directory| self.counts(directory));
        known
            .filter_map(|directory| {
                let bytes = regular::read(&directory.join("pyproject.toml")).ok()?;
                let raw: Raw = toml::from_str(std::str::from_utf8(&bytes).ok()?).ok()?;
                let is_virtual = raw.tool.uv.is_some_and(|uv| uv.package == Some(false));
                Some((raw.project?.name?.parse().ok()?, Member { directory, is_virtual }))
            })
            .collect()
    }
}

/// A pattern of directories, relative to the workspace's.
struct Pattern<'a> {
    /// How many directories it begins above that one: `*` is no name of them.
    above: usize,
    steps: Vec<&'a str>,
}

impl<'a> Pattern<'a> {
    fn new(text: &'a str) -> Self {
        let (mut above, mut steps) = (0, Vec::new());
        for step in text.split('/') {
            match step {
                "" | "." => {}
                ".." => above += usize::from(steps.pop().is_none()),
                step => steps.push(step),
            }
        }
        Self { above, steps }
    }

    /// Where it begins.
    fn base(&self, directory: &'a Path) -> Option<&'a Path> {
        directory.ancestors().nth(self.above)
    }

    /// What it is from there on.
    fn glob(&self) -> Result<Glob, String> {
        let glob = GlobBuilder::new(&self.steps.join("/")).literal_separator(true).build();
        glob.map_err(|error| error.kind().to_string())
    }
}

/// The directories that the steps of a pattern lead to.
fn expand(directory: &Path, steps: &[&str], deepest: usize, found: &mut Vec<PathBuf>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(directory.to_owned());
        return;
    };
    if !step.contains(['*', '?', '[', '{']) {
        let next = directory.join(step);
        if next.is_dir() {
            expand(&next, rest, deepest, found);
        }
        return;
    }
    if *step == "**" {
        expand(directory, rest, deepest, found);
    }
    let Some(deeper) = deepest.checked_sub(1) else { return };
    let Ok(pattern) = Glob::new(step).map(|glob| glob.compile_matcher()) else { return };
    for entry in fs_err::read_dir(directory).into_iter().flatten().flatten() {
        let is_own = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let (name, path) = (entry.file_name(), entry.path());
        // Those are of tools: environments, repositories, caches.
        if name.as_encoded_bytes().starts_with(b".") || !path.is_dir() {
            continue;
        }
        // A link is what a name means; who looks through everything follows none, which may lead in a circle.
        if *step == "**" && is_own {
            expand(&path, steps, deeper, found);
        } else if *step == "**" || pattern.is_match(&name) {
            expand(&path, rest, deeper, found);
        }
    }
}

impl<'a> ProjectFile<'a> {
    /// The same as one of these projects, where it is.
    pub(crate) fn in_workspace(mut self, workspace: Option<&'a Workspace>) -> Self {
        let real = fs_err::canonicalize(&self.directory).ok();
        let is_one = |workspace: &&Workspace| {
            workspace.counts(&self.directory)
                || real.as_deref().is_some_and(|real| workspace.counts(real))
        };
        // A file that was fetched is in no directory, and a script is no project.
        let is_project = matches!(self.base, Base::Here) && is_pyproject(self.path);
        let here = workspace.filter(|_| is_project);
        self.workspace = here.filter(is_one);
        self
    }

    /// The file whose sources hold where its own say nothing.
    pub(super) fn shared(&self) -> Result<Option<ProjectFile<'a>>, Error> {
        let shared = self.workspace.filter(|one| one.directory() != self.directory);
        let root = |workspace: &'a Workspace| Ok(workspace.root()?.in_workspace(Some(workspace)));
        shared.map(root).transpose()
    }

    /// The directory of a project of the workspace, as a URL: a path may have in it what ends one in a requirement.
    pub(super) fn member(&self, name: &PackageName) -> Result<Url, String> {
        let Some(workspace) = self.workspace else {
            return Err("it is a member of a workspace, and the file belongs to none".to_owned());
        };
        let members = workspace.members();
        match members.get(name) {
            Some(member) if member.is_virtual => Err(format!(
                "`package = false` of `{}` is not supported",
                member.directory.join("pyproject.toml").display()
            )),
            Some(member) => Url::from_file_path(&member.directory)
                .map_err(|()| format!("`{}` is not absolute", member.directory.display())),
            None => {
                let known: Vec<String> = members.keys().map(ToString::to_string).collect();
                let file = workspace.file().display();
                Err(format!(
                    "it is no member of the workspace of `{file}`: it has {}",
                    known.join(", ")
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement_line::Line;
    use crate::requirement_source::Place;

    fn write(directory: &Path, text: &str) {
        fs_err::create_dir_all(directory).expect("made");
        fs_err::write(directory.join("pyproject.toml"), text).expect("written");
    }

    #[test]
    fn members_are_those_of_the_patterns_without_those_that_are_excluded() {
        let top = tempfile::tempdir().expect("a directory");
        let root = "[project]\nname = \"root\"\n[tool.uv.workspace]\n\
                    members = [\"packages/*\", \"./libs/**\", \"one/\"]\nexclude = [\"packages/seeds\"]\n";
        write(top.path(), root);
        for place in ["packages/a", "packages/seeds", "packages/a/deep", "libs/x/b", "one", "two"] {
            let name = place.replace('/', "-");
            write(&top.path().join(place), &format!("[project]\nname = \"{name}\"\n"));
        }
        write(&top.path().join("libs/.venv/c"), "[project]\nname = \"c\"\n");
        let file = top.path().join("pyproject.toml");
        let workspace = Workspace::read(&file, root).expect("read").expect("there is one");
        let names: Vec<String> = workspace.members().keys().map(ToString::to_string).collect();
        assert_eq!(names, ["libs-x-b", "one", "packages-a", "root"]);
        for (place, counts) in
            [("", true), ("packages/a", true), ("packages/seeds", false), ("two", false)]
        {
            assert_eq!(workspace.counts(top.path().join(place).as_path()), counts, "{place}");
        }
        assert!(!workspace.counts(Path::new("/")));
        assert!(Workspace::read(&file, "[project]\nname = \"x\"\n").expect("read").is_none());
        let wrong = root.replace("packages/*", "packages/[");
        assert!(
            Workspace::read(&file, &wrong).is_err_and(|error| error.to_string().contains(":4"))
        );
    }

    #[test]
    fn members_may_be_links_and_outside_and_no_star_is_a_directory_above() {
        let top = tempfile::tempdir().expect("a directory");
        let named = |place: &str| {
            let name = if place.is_empty() { "top" } else { place }.replace('/', "-");
            write(&top.path().join(place), &format!("[project]\nname = \"{name}\"\n"));
        };
        for place in ["", "root", "outside/a", "outside/b", "real", "root/own"] {
            named(place);
        }
        let link = |from: &str, to: &str| {
            std::os::unix::fs::symlink(from, top.path().join(to)).expect("a link");
        };
        link("../real", "root/linked");
        link("..", "root/circle");
        let check = |members: &str, expected: &[&str]| {
            let directory = top.path().join("root");
            let text =
                format!("[project]\nname = \"root\"\n[tool.uv.workspace]\nmembers = [{members}]\n");
            let file = directory.join("pyproject.toml");
            let workspace = Workspace::read(&file, &text).expect("read").expect("there is one");
            let names: Vec<String> = workspace.members().keys().map(ToString::to_string).collect();
            assert_eq!(names, expected, "{members}");
            for name in expected.iter().filter(|name| name.starts_with("outside")) {
                let place = top.path().join(name.replace('-', "/"));
                assert!(workspace.counts(&place), "{members}: {name}");
            }
            assert!(!workspace.counts(top.path()), "{members}: what is above is named by nobody");
        };
        check("\"*\"", &["real", "root", "root-own", "top"]);
        check("\"**\"", &["real", "root", "root-own", "top"]);
        check("\"../outside/*\"", &["outside-a", "outside-b", "root"]);
        check("\"own/../../outside/b/\"", &["outside-b", "root"]);
    }

    #[test]
    fn a_member_is_found_whatever_the_directories_above_are_called() {
        let above = tempfile::tempdir().expect("a directory");
        let top = above.path().join("c# ; a@b");
        let root = "[project]\nname = \"root\"\ndependencies = [\"a\"]\n[tool.uv]\nworkspace.members = [\"a\"]\n\
                    sources.a.workspace = true\n";
        write(&top, root);
        write(&top.join("a"), "[project]\nname = \"a\"\n");
        let file = top.join("pyproject.toml");
        let workspace = Workspace::read(&file, root).expect("read").expect("there is one");
        let project = ProjectFile::read(&file, root).expect("read").in_workspace(Some(&workspace));
        let stated = project.places().expect("places");
        let [Line::Source(source)] = stated.lines.as_slice() else { panic!("a source") };
        assert!(matches!(&source.source.place, Place::Directory(place) if *place == top.join("a")));
        assert!(source.source.editable);
    }
}
