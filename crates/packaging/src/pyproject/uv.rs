//! `[tool.uv]` of a project file, and `uv.toml`, which says the same: what of it shapes a resolution. Which dependency
//! comes from where is `sources`'; must not know what an index is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pep508_rs::PackageName;
use serde::Deserialize;
use toml::{Spanned, Value};

use crate::error::Error;
use crate::requirement_line::Line;
use crate::requirements_txt::document;

use super::workspace::Table;
use super::{Base, ProjectFile, Raw, Tool};

/// What uv's own settings say of a resolution.
#[derive(Debug, Clone, Default)]
pub struct UvTable {
    /// The file that says it, by which it is taken once.
    pub file: PathBuf,
    /// Indexes, in their order.
    pub indexes: Vec<UvIndex>,
    /// Locations of files; relative paths are already relative to the file's directory.
    pub find_links: Vec<String>,
    /// Whether no index is used.
    pub no_index: bool,
    /// How several indexes are searched.
    pub index_strategy: Option<String>,
    /// Which versions are wanted.
    pub wishes: Wishes,
    /// Values of `--no-binary`.
    pub no_binary: Vec<String>,
    /// Values of `--only-binary`.
    pub only_binary: Vec<String>,
    /// What limits the versions of projects otherwise asked for.
    pub constraints: Vec<Line>,
    /// What replaces every requirement on a project.
    pub overrides: Vec<Line>,
    /// What limits the versions of what builds need.
    pub build_constraints: Vec<Line>,
    /// Projects that are left out.
    pub excludes: BTreeSet<PackageName>,
    /// What would shape a resolution and is not read, each with its place.
    pub unread: Vec<String>,
}

/// Which versions are wanted, in uv's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Whether pre-releases may be chosen.
    pub prerelease: Option<String>,
    /// Which versions are preferred.
    pub resolution: Option<String>,
    /// The time from which on uploaded files are ignored.
    pub exclude_newer: Option<String>,
}

impl Wishes {
    /// Has those count that are not said yet.
    fn or(&mut self, others: &Self) {
        let take = |own: &mut Option<String>, other: &Option<String>| {
            if own.is_none() {
                own.clone_from(other);
            }
        };
        take(&mut self.prerelease, &others.prerelease);
        take(&mut self.resolution, &others.resolution);
        take(&mut self.exclude_newer, &others.exclude_newer);
    }
}

/// An index that a project's own file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UvIndex {
    /// Its name.
    pub name: Option<String>,
    /// Its URL, with user and password where the file has them; that of a directory where it named one.
    pub url: String,
    /// What it is for.
    pub role: IndexRole,
}

/// What an index is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexRole {
    /// For everything, searched last.
    Default,
    /// For everything, searched before the default one.
    Further,
    /// For what is pinned to it only.
    Explicit,
    /// A page of links to files.
    Links,
}

#[expect(clippy::struct_excessive_bools, reason = "keys of a file are bools")]
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct RawUv {
    pub(super) sources: BTreeMap<String, Spanned<Value>>,
    pub(super) no_sources: bool,
    pub(super) dev_dependencies: Vec<Spanned<String>>,
    pub(super) workspace: Option<Table>,
    pub(super) package: Option<bool>,
    index: Vec<RawIndex>,
    index_url: Option<Spanned<String>>,
    extra_index_url: Vec<Spanned<String>>,
    find_links: Vec<Spanned<String>>,
    no_index: bool,
    index_strategy: Option<String>,
    prerelease: Option<String>,
    resolution: Option<String>,
    exclude_newer: Option<String>,
    no_build: bool,
    no_build_package: Vec<String>,
    no_binary: bool,
    no_binary_package: Vec<String>,
    constraint_dependencies: Vec<Spanned<String>>,
    override_dependencies: Vec<Spanned<Value>>,
    exclude_dependencies: Vec<Spanned<String>>,
    build_constraint_dependencies: Vec<Spanned<String>>,
    // What would shape a resolution, and is only told of.
    config_settings: Option<Spanned<Value>>,
    config_settings_package: Option<Spanned<Value>>,
    dependency_metadata: Option<Spanned<Value>>,
    environments: Option<Spanned<Value>>,
    exclude_newer_package: Option<Spanned<Value>>,
    extra_build_dependencies: Option<Spanned<Value>>,
    no_build_isolation: Option<Spanned<Value>>,
    no_build_isolation_package: Option<Spanned<Value>>,
    pip: Option<Spanned<Value>>,
    required_environments: Option<Spanned<Value>>,
    allow_insecure_host: Option<Spanned<Value>>,
}

#[derive(Debug, Deserialize)]
struct RawIndex {
    name: Option<String>,
    url: Spanned<String>,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    explicit: bool,
    format: Option<String>,
}

impl UvTable {
    /// Reads the table of a `pyproject.toml`, or all of an `uv.toml`, whatever its name; nothing where there is none.
    ///
    /// # Errors
    /// What has no meaning, with its place.
    pub fn read(path: &Path, text: &str) -> Result<Option<Self>, Error> {
        let project = if path.file_name().is_none_or(|name| name != "pyproject.toml") {
            let uv = Some(super::from_toml(path, text, 0)?);
            let raw = Raw { tool: Tool { uv, ..Tool::default() }, ..Raw::default() };
            let directory = path.parent().unwrap_or(Path::new("")).to_owned();
            ProjectFile {
                path,
                directory,
                base: Base::Here,
                above: 0,
                text: text.to_owned(),
                raw,
                name: None,
                workspace: None,
            }
        } else {
            ProjectFile::read(path, text)?
        };
        project.uv_table()
    }

    /// Its index of a name.
    pub(super) fn index(&self, name: &str) -> Option<&UvIndex> {
        self.indexes.iter().find(|index| index.name.as_deref() == Some(name))
    }
}

impl ProjectFile<'_> {
    /// What its `[tool.uv]` says, where there is one.
    pub(crate) fn uv_table(&self) -> Result<Option<UvTable>, Error> {
        let Some(raw) = &self.raw.tool.uv else { return Ok(None) };
        let lines = |entries: &[Spanned<String>]| self.all(entries);
        let excluded = raw.exclude_dependencies.iter().map(|entry| {
            entry.get_ref().parse().map_err(|error: <PackageName as std::str::FromStr>::Err| {
                self.wrong(entry, entry.get_ref(), &error.to_string())
            })
        });
        let links = raw.find_links.iter().map(|place| self.location(place));
        let prerelease = raw.prerelease.as_ref().map(|word| match word.as_str() {
            "if-necessary-or-explicit" => "if-necessary".to_owned(),
            word => word.to_owned(),
        });
        Ok(Some(UvTable {
            file: self.path.to_owned(),
            indexes: self.indexes(raw)?,
            find_links: links.collect::<Result<_, _>>()?,
            no_index: raw.no_index,
            index_strategy: raw.index_strategy.clone(),
            wishes: Wishes {
                prerelease,
                resolution: raw.resolution.clone(),
                exclude_newer: raw.exclude_newer.clone(),
            },
            no_binary: of_packages(raw.no_binary, &raw.no_binary_package),
            only_binary: of_packages(raw.no_build, &raw.no_build_package),
            constraints: lines(&raw.constraint_dependencies)?,
            overrides: lines(&self.overrides(raw)?)?,
            build_constraints: lines(&raw.build_constraint_dependencies)?,
            excludes: excluded.collect::<Result<_, _>>()?,
            unread: self.unread(raw),
        }))
    }

    fn indexes(&self, raw: &RawUv) -> Result<Vec<UvIndex>, Error> {
        // A flat index that is for its own packages alone cannot be had: searched for all, it could give a stranger's.
        let is_flat = |index: &RawIndex| index.format.as_deref() == Some("flat");
        let searched = raw.index.iter().filter(move |index| !(is_flat(index) && index.explicit));
        let named = searched.map(move |index| {
            let role = match index {
                index if is_flat(index) => IndexRole::Links,
                RawIndex { explicit: true, .. } => IndexRole::Explicit,
                RawIndex { default: true, .. } => IndexRole::Default,
                _ => IndexRole::Further,
            };
            Ok(UvIndex { name: index.name.clone(), url: self.location(&index.url)?, role })
        });
        let unnamed = |url: &Spanned<String>, role| {
            Ok(UvIndex { name: None, url: self.location(url)?, role })
        };
        let further = raw.extra_index_url.iter().map(|url| unnamed(url, IndexRole::Further));
        let default = raw.index_url.iter().map(|url| unnamed(url, IndexRole::Default));
        named.chain(further).chain(default).collect()
    }

    /// A place as it is meant: a path is relative to the file's directory, be that on a server.
    fn location(&self, written: &Spanned<String>) -> Result<String, Error> {
        let place = written.get_ref();
        if let Base::Server(server) = self.base {
            let on_server = document::on_server(server, place);
            return on_server.map_err(|reason| self.wrong(written, place, &reason));
        }
        if place.contains("://") {
            return Ok(place.to_owned());
        }
        let url = url::Url::from_file_path(self.directory.join(place));
        Ok(url.map_or_else(|()| place.to_owned(), |url| url.to_string()))
    }

    /// Those that are requirements; uv has them for single packages of the graph, too.
    fn overrides(&self, raw: &RawUv) -> Result<Vec<Spanned<String>>, Error> {
        let strings = raw.override_dependencies.iter().map(|entry| match entry.get_ref() {
            Value::String(text) => Ok(Spanned::new(entry.span(), text.clone())),
            _ => Err(self.wrong(entry, "override-dependencies", "it is no requirement")),
        });
        strings.collect()
    }

    fn unread(&self, raw: &RawUv) -> Vec<String> {
        let keys = [
            ("config-settings", &raw.config_settings),
            ("config-settings-package", &raw.config_settings_package),
            ("dependency-metadata", &raw.dependency_metadata),
            ("environments", &raw.environments),
            ("exclude-newer-package", &raw.exclude_newer_package),
            ("extra-build-dependencies", &raw.extra_build_dependencies),
            ("no-build-isolation", &raw.no_build_isolation),
            ("no-build-isolation-package", &raw.no_build_isolation_package),
            ("pip", &raw.pip),
            ("required-environments", &raw.required_environments),
            ("allow-insecure-host", &raw.allow_insecure_host),
        ];
        let there = keys.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        there
            .map(|(key, value)| {
                format!("{}: `{key}` of [tool.uv] has no effect in pyfast", self.origin(value))
            })
            .collect()
    }
}

/// Values of `--no-binary` or `--only-binary`.
fn of_packages(all: bool, named: &[String]) -> Vec<String> {
    all.then(|| ":all:".to_owned()).into_iter().chain(named.iter().cloned()).collect()
}

impl crate::requirements_txt::RequirementSet {
    /// Takes in what uv's settings say of a resolution, but for requirements.
    pub(crate) fn take_uv(&mut self, table: &UvTable) {
        self.excludes.extend(table.excludes.iter().cloned());
        self.wishes.or(&table.wishes);
        let new = table.indexes.iter().filter(|index| !self.index.stated.contains(index));
        let new: Vec<UvIndex> = new.cloned().collect();
        self.index.stated.extend(new);
        let links = table.find_links.iter().filter(|place| !self.index.find_links.contains(place));
        let links: Vec<String> = links.cloned().collect();
        self.index.find_links.extend(links);
        self.index.no_index |= table.no_index;
        self.index.no_binary.extend(table.no_binary.iter().cloned());
        self.index.only_binary.extend(table.only_binary.iter().cloned());
        self.warnings.extend(table.unread.iter().cloned());
    }
}
