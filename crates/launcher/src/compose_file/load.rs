//! From files to one merged model: variables replaced, `extends` and `include` followed. Owns the order in which that
//! happens; must not know the launcher's types.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::canonical;
use super::dotenv::Assignments;
use super::error::ComposeError;
use super::find::read_env;
use super::interpolate::{Budget, Variables};
use super::merge::{merge, settle};
use super::paths::{Roots, absolute};
use super::schema::{self, Extent};
use super::seen::Seen;
use super::yaml::{self, Mapping, MergeTag, Node, Yaml};

/// Levels over which services extend one another, or files include one another.
const DEEPEST: usize = 100;
/// Entries of `include` in all files together: each may name the next one twice.
const MOST_INCLUDED: usize = 1000;

const SECTIONS: [&str; 5] = ["services", "networks", "volumes", "secrets", "configs"];

/// Reads files, each once.
pub(super) struct Loader {
    pub(super) variables: Variables,
    values: BTreeMap<String, String>,
    documents: HashMap<PathBuf, Rc<Vec<Node>>>,
    /// Services of files that others extend, each followed once.
    extended: HashMap<(PathBuf, String), Node>,
    /// Files whose `include` is being followed.
    including: Vec<PathBuf>,
    /// How many entries of `include` were followed so far.
    included: usize,
    seen: Seen,
}

/// A document of a file, and the directory its relative paths start from.
#[derive(Clone, Copy)]
struct Origin<'a> {
    file: &'a Path,
    document: &'a Node,
    base: &'a Path,
}

impl Loader {
    pub(super) fn new(values: BTreeMap<String, String>, budget: Budget, seen: &Seen) -> Self {
        let variables = Variables::new(values.clone(), budget);
        let (documents, extended, seen) = (HashMap::new(), HashMap::new(), seen.clone());
        Self { variables, values, documents, extended, including: Vec::new(), included: 0, seen }
    }

    /// The last top-level `name` of the files.
    pub(super) fn name(&mut self, files: &[PathBuf]) -> Result<Option<String>, ComposeError> {
        let mut found = None;
        for file in files {
            self.seen.note(file);
            for name in parse(file)?.iter().filter_map(|document| document.get("name")) {
                let text = name.single("name")?;
                let text = self.variables.interpolate(&text);
                let text = text.map_err(|reason| name.invalid("name", reason))?;
                if text.is_empty() {
                    continue;
                }
                found = super::name_of(&text);
                if found.is_none() {
                    return Err(name.invalid("name", super::error::NAME_RULE));
                }
            }
        }
        Ok(found)
    }

    /// The files merged, canonical. What one includes is part of it before the next one is merged: a later file may
    /// change an included service, and only what the same file defines beside it is a contradiction.
    pub(super) fn project(&mut self, files: &[PathBuf], base: &Path) -> Result<Node, ComposeError> {
        let mut merged: Option<Node> = None;
        let mut empty = None;
        for file in files {
            let documents = self.documents(file)?;
            if self.including.contains(file) {
                return Err(documents[0].invalid("include", "the file includes itself"));
            }
            for document in &*documents {
                if matches!(document.value, Yaml::Null) {
                    empty = Some(document.clone());
                    continue;
                }
                // Those after the first may say what changes alone.
                let extent = if merged.is_none() { Extent::Whole } else { Extent::Part };
                let mut document = self.canonical(Origin { file, document, base }, extent)?;
                if let Some(include) = document.remove("include") {
                    self.including.push(file.clone());
                    self.include(&mut document, &include, base)?;
                    self.including.pop();
                }
                match &mut merged {
                    Some(merged) => merge(merged, document, &mut Vec::new()),
                    None => merged = Some(document),
                }
            }
        }
        // Beside others a file may say nothing.
        let mut merged = match (merged, empty) {
            (Some(merged), _) => merged,
            (None, Some(empty)) if self.including.is_empty() => {
                return Err(empty.invalid("", "the file is empty"));
            }
            (None, empty) => {
                // `find` gives one file at least, and so does `include`.
                let empty = empty.expect("a project has a file");
                Node::new(Yaml::Map(Mapping::new()), &empty.at)
            }
        };
        settle(&mut merged);
        if let Some(Yaml::Map(services)) =
            canonical::get_mut(&mut merged, "services").map(|services| &mut services.value)
        {
            services.values_mut().for_each(canonical::complete_service);
        }
        Ok(merged)
    }

    /// The documents of a file, one at least, with their variables replaced.
    fn documents(&mut self, file: &Path) -> Result<Rc<Vec<Node>>, ComposeError> {
        if let Some(documents) = self.documents.get(file) {
            return Ok(Rc::clone(documents));
        }
        self.seen.note(file);
        let mut documents = parse(file)?;
        for document in &mut documents {
            let Yaml::Map(entries) = &mut document.value else { continue };
            for (key, node) in entries.iter_mut().filter(|(key, _)| !key.starts_with("x-")) {
                interpolate(&mut self.variables, node, key)?;
            }
        }
        let documents = Rc::new(documents);
        self.documents.insert(file.to_owned(), Rc::clone(&documents));
        Ok(documents)
    }

    fn roots(&self, base: &Path) -> Roots {
        Roots { base: base.to_owned(), home: self.values.get("HOME").cloned() }
    }

    fn canonical(&mut self, origin: Origin<'_>, extent: Extent) -> Result<Node, ComposeError> {
        let mut document = origin.document.clone();
        schema::check_file(&document, extent)?;
        for section in SECTIONS {
            let Some(names) = document.get(section).cloned() else { continue };
            let mut done = Node::new(Yaml::Map(Mapping::new()), &names.at);
            done.tag = names.tag;
            if !matches!(names.value, Yaml::Map(_) | Yaml::Null) {
                return Err(names.invalid(section, "a mapping of names is needed"));
            }
            for (name, node) in names.entries() {
                let key = format!("{section}.{name}");
                let node = if section == "services" {
                    self.service(origin, name, &mut Vec::new())?
                } else {
                    let mut node = node.clone();
                    canonical::resource(&mut node, &self.roots(origin.base), &key)?;
                    node
                };
                done.set(name, node);
            }
            document.set(section, done);
        }
        Ok(document)
    }

    /// A service with what it extends; `seen` holds those that led here.
    fn service(
        &mut self,
        origin: Origin<'_>,
        name: &str,
        seen: &mut Vec<(PathBuf, String)>,
    ) -> Result<Node, ComposeError> {
        let key = format!("services.{name}");
        let services = origin.document.get("services");
        let Some(node) = services.and_then(|services| services.get(name)) else {
            return Err(origin.document.invalid(&key, "the file has no such service"));
        };
        // Of a file that others extend only what is extended has to make sense.
        schema::check_service(node, &key)?;
        let mut node = node.clone();
        let here = (origin.file.to_owned(), name.to_owned());
        if seen.contains(&here) {
            return Err(node.invalid(&key, "the service extends itself"));
        }
        if seen.len() > DEEPEST {
            let reason = format!("services extend one another over more than {DEEPEST} levels");
            return Err(node.invalid(&format!("{key}.extends"), reason));
        }
        let extends = node.remove("extends");
        canonical::service(&mut node, &self.roots(origin.base), &key)?;
        let Some(extends) = extends else { return Ok(node) };
        let key = format!("{key}.extends");
        seen.push(here);
        let wanted = extends.get("service").unwrap_or(&extends).single(&key)?;
        let mut inherited = match extends.get("file") {
            None => self.service(origin, &wanted, seen)?,
            Some(file) => {
                let file = absolute(origin.base, Path::new(&file.single(&key)?));
                self.service_of_file(&file, &wanted, seen)?
            }
        };
        settle(&mut inherited);
        merge(&mut inherited, node, &mut vec!["services".to_owned(), name.to_owned()]);
        Ok(inherited)
    }

    /// A service of another file, which several of its documents may define.
    fn service_of_file(
        &mut self,
        file: &Path,
        name: &str,
        seen: &[(PathBuf, String)],
    ) -> Result<Node, ComposeError> {
        let known = (file.to_owned(), name.to_owned());
        if let Some(known) = self.extended.get(&known) {
            return Ok(known.clone());
        }
        let documents = self.documents(file)?;
        let base = file.parent().unwrap_or(file);
        let defines = |one: &&Node| one.get("services").is_some_and(|all| all.get(name).is_some());
        let mut defining: Vec<&Node> = documents.iter().filter(defines).collect();
        if defining.is_empty() {
            // Who has none says so.
            defining.push(&documents[0]);
        }
        let mut merged: Option<Node> = None;
        for document in defining {
            let one = self.service(Origin { file, document, base }, name, &mut seen.to_vec())?;
            match &mut merged {
                Some(merged) => {
                    merge(merged, one, &mut vec!["services".to_owned(), name.to_owned()]);
                }
                None => merged = Some(one),
            }
        }
        let merged = merged.expect("one document is asked at least");
        self.extended.insert(known, merged.clone());
        Ok(merged)
    }

    /// Adds what the entries of an `include` define.
    fn include(
        &mut self,
        model: &mut Node,
        include: &Node,
        base: &Path,
    ) -> Result<(), ComposeError> {
        if !matches!(include.value, Yaml::Seq(_)) {
            return Err(include.invalid("include", "a list is needed"));
        }
        for item in include.items() {
            let path = item.get("path").unwrap_or(item);
            let single = std::slice::from_ref(path);
            let paths = if path.items().is_empty() { single } else { path.items() };
            let mut files = Vec::new();
            for path in paths {
                files.push(absolute(base, Path::new(&path.single("include")?)));
            }
            let directory = match item.get("project_directory") {
                Some(directory) => absolute(base, Path::new(&directory.single("include")?)),
                None => files[0].parent().unwrap_or(base).to_owned(),
            };
            self.included += 1;
            if self.included > MOST_INCLUDED || self.including.len() > DEEPEST {
                let reason = format!(
                    "more than {MOST_INCLUDED} entries are included, or over more than {DEEPEST} levels"
                );
                return Err(item.invalid("include", reason));
            }
            let values = self.included_values(item, base, &directory)?;
            let mut inner = Self::new(values, self.variables.budget, &self.seen);
            inner.including.clone_from(&self.including);
            inner.included = self.included;
            let included = inner.project(&files, &directory)?;
            self.included = inner.included;
            self.variables.absorb(inner.variables);
            import(model, &included, item)?;
        }
        Ok(())
    }

    /// What an included file may use: the including project's variables, then its own `.env`.
    fn included_values(
        &mut self,
        item: &Node,
        base: &Path,
        directory: &Path,
    ) -> Result<BTreeMap<String, String>, ComposeError> {
        let mut files = Vec::new();
        if let Some(given) = item.get("env_file") {
            let single = std::slice::from_ref(given);
            for file in if given.items().is_empty() { single } else { given.items() } {
                files.push(absolute(base, Path::new(&file.single("include.env_file")?)));
            }
        } else {
            let usual = directory.join(".env");
            self.seen.note(&usual);
            files.extend(Some(usual).filter(|file| file.is_file()));
        }
        let mut added = BTreeMap::new();
        for file in files {
            self.seen.note(&file);
            let found = read_env(&file, &self.values, &mut self.variables.budget)?;
            added.extend(found.into_iter().filter_map(|(name, value)| Some((name, value?))));
        }
        added.extend(self.values.clone());
        Ok(added)
    }

    /// Gives a service's environment its files' variables, and the shell's value to names that have none.
    pub(super) fn environment(
        &mut self,
        service: &mut Node,
        key: &str,
    ) -> Result<(), ComposeError> {
        let mut environment = Node::new(Yaml::Map(Mapping::new()), &service.at);
        let files = service.remove("env_file");
        for item in files.iter().flat_map(Node::items) {
            let part = |name: &str| item.get(name).and_then(Node::scalar);
            let path = PathBuf::from(part("path").unwrap_or_default());
            self.seen.note(&path);
            if part("required").as_deref() == Some("false") && !path.is_file() {
                continue;
            }
            let found = match part("format").as_deref() {
                None | Some("") => read_env(&path, &self.values, &mut self.variables.budget),
                Some("raw") => raw_env(&path),
                Some(other) => {
                    let reason = format!("`{other}` is no format of variables; there is `raw`");
                    return Err(item.invalid(&format!("{key}.env_file"), reason));
                }
            };
            let found = found.map_err(named(item, &format!("{key}.env_file")))?;
            for (name, value) in found {
                if let Some(value) = value.or_else(|| self.variables.get(&name)) {
                    environment.set(&name, Node::text(value, &item.at));
                }
            }
        }
        for (name, node) in service.get("environment").into_iter().flat_map(Node::entries) {
            environment.set(name, node.clone());
        }
        self.fill(&mut environment);
        if !environment.entries().is_empty() {
            service.set("environment", environment);
        }
        if let Some(args) =
            canonical::get_mut(service, "build").and_then(|build| canonical::get_mut(build, "args"))
        {
            self.fill(args);
        }
        Ok(())
    }

    /// Gives a service's labels those of its files.
    pub(super) fn labels(&mut self, service: &mut Node, key: &str) -> Result<(), ComposeError> {
        let Some(files) = service.remove("label_file") else { return Ok(()) };
        let mut labels = Node::new(Yaml::Map(Mapping::new()), &files.at);
        for item in files.items() {
            let key = format!("{key}.label_file");
            let path = PathBuf::from(item.single(&key)?);
            self.seen.note(&path);
            // A label's text may use those before it, and no variable.
            let found = read_env(&path, &BTreeMap::new(), &mut self.variables.budget);
            for (name, value) in found.map_err(named(item, &key))? {
                labels.set(&name, Node::text(value.unwrap_or_default(), &item.at));
            }
        }
        for (name, node) in service.get("labels").into_iter().flat_map(Node::entries) {
            labels.set(name, node.clone());
        }
        service.set("labels", labels);
        Ok(())
    }

    fn fill(&mut self, mapping: &mut Node) {
        let Yaml::Map(entries) = &mut mapping.value else { return };
        for (name, node) in entries.iter_mut().filter(|(_, node)| matches!(node.value, Yaml::Null))
        {
            if let Some(value) = self.variables.get(name) {
                node.value = Yaml::Str(value);
            }
        }
    }
}

/// Names the place that a file which cannot be read is named at.
fn named(item: &Node, key: &str) -> impl FnOnce(ComposeError) -> ComposeError {
    move |error| match error {
        ComposeError::Read { source } => item.invalid(key, source.to_string()),
        other => other,
    }
}

/// Takes out of a document's `include` what is empty: Compose follows it before anything is checked.
fn leave_out_nothing(document: &mut Node) {
    match canonical::get_mut(document, "include").map(|include| &mut include.value) {
        Some(Yaml::Null) => drop(document.remove("include")),
        Some(Yaml::Seq(items)) => {
            for item in items {
                if let Yaml::Map(entries) = &mut item.value {
                    entries.retain(|_, node| !matches!(node.value, Yaml::Null));
                }
            }
        }
        _ => {}
    }
}

/// The documents of a file, one at least: each says a part of what the file does. The only one may be empty.
fn parse(file: &Path) -> Result<Vec<Node>, ComposeError> {
    let text = fs_err::read_to_string(file).map_err(|source| ComposeError::Read { source })?;
    let mut documents = yaml::read(file, &text)?;
    let only = documents.len() == 1;
    for document in &mut documents {
        match &mut document.value {
            Yaml::Map(_) => {}
            Yaml::Null if only => {}
            _ => return Err(document.invalid("", "a compose file must be a mapping")),
        }
        leave_out_nothing(document);
    }
    Ok(documents)
}

fn interpolate(variables: &mut Variables, node: &mut Node, key: &str) -> Result<(), ComposeError> {
    match &mut node.value {
        Yaml::Str(text) if text.contains('$') => {
            let done = variables.interpolate(text);
            node.value = Yaml::Str(done.map_err(|reason| node.invalid(key, reason))?);
        }
        Yaml::Map(entries) => {
            for (name, node) in entries {
                interpolate(variables, node, &format!("{key}.{name}"))?;
            }
        }
        Yaml::Seq(items) => {
            for (index, node) in items.iter_mut().enumerate() {
                interpolate(variables, node, &format!("{key}[{index}]"))?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Adds an included project's resources; two different ones of a name are a contradiction.
fn import(model: &mut Node, included: &Node, item: &Node) -> Result<(), ComposeError> {
    for section in SECTIONS {
        let Some(resources) = included.get(section) else { continue };
        if model.get(section).is_none() {
            model.set(section, Node::new(Yaml::Map(Mapping::new()), &item.at));
        }
        let Some(known) = canonical::get_mut(model, section) else { continue };
        for (name, node) in resources.entries() {
            match known.get(name) {
                None => known.set(name, node.clone()),
                Some(other) if other.tag == Some(MergeTag::Reset) => known.set(name, node.clone()),
                Some(other) if is_same(other, node) => {}
                Some(_) => {
                    let reason = format!("{} defines it otherwise", node.at.file().display());
                    return Err(item.invalid(&format!("{section}.{name}"), reason));
                }
            }
        }
    }
    Ok(())
}

/// Whether a resource as a file has it is one of a project that is read.
fn is_same(other: &Node, read: &Node) -> bool {
    let mut other = other.clone();
    canonical::complete_service(&mut other);
    other.to_json() == read.to_json()
}

/// `NAME=value` by line, taken as it stands.
fn raw_env(file: &Path) -> Result<Assignments, ComposeError> {
    let text = fs_err::read_to_string(file).map_err(|source| ComposeError::Read { source })?;
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    Ok(lines
        .map(|line| match line.split_once('=') {
            Some((name, value)) => (name.trim().to_owned(), Some(value.to_owned())),
            None => (line.trim().to_owned(), None),
        })
        .collect())
}
