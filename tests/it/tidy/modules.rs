//! Which file of a crate takes something from which other: read off the paths that its code names.
//! Knows modules, `use` trees and re-exports, and no types: an arrow is a name that stands there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's place in its crate: `[]` is the crate itself.
pub(crate) type Module = Vec<String>;

/// The modules of a crate, each with what its file says.
pub(crate) struct Crate {
    modules: BTreeMap<Module, Named>,
}

/// What a module's file names.
#[derive(Default)]
struct Named {
    /// Paths that its code names, from the crate on.
    paths: BTreeSet<Module>,
    /// The names that it hands on, and what they stand for.
    handed_on: BTreeMap<String, Module>,
}

impl Crate {
    /// Reads the crate whose `lib.rs` or `main.rs` is in this folder; its tests are left out.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut files = Vec::new();
        collect(folder, &mut Vec::new(), &mut files);
        let known: BTreeSet<Module> = files.iter().map(|(module, _)| module.clone()).collect();
        let read = |(module, file): (Module, PathBuf)| {
            let named = Reader::read(&fs_err::read_to_string(&file).unwrap(), &module, &known);
            (module, named)
        };
        Self { modules: files.into_iter().map(read).collect() }
    }

    /// Each module with those that it takes something from; the crate's own page is left out.
    pub(crate) fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let inner = self.modules.iter().filter(|(module, _)| !module.is_empty());
        let arrows = inner.map(|(module, named)| {
            let targets = named.paths.iter().map(|path| self.home(path, 0));
            let others = targets.filter(|target| target != module && !target.is_empty());
            (module.clone(), others.collect())
        });
        arrows.collect()
    }

    /// The module in which what a path names is written, through the modules that hand it on.
    fn home(&self, path: &[String], depth: usize) -> Module {
        let length =
            (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]));
        let module = path[..length.unwrap_or_default()].to_vec();
        let rest = &path[module.len()..];
        let onward = rest.first().and_then(|name| self.modules[&module].handed_on.get(name));
        match onward {
            Some(onward) if depth < 8 && onward.as_slice() != path => {
                let path: Vec<String> = onward.iter().chain(&rest[1..]).cloned().collect();
                self.home(&path, depth + 1)
            }
            _ => module,
        }
    }
}

fn collect(folder: &Path, module: &mut Module, files: &mut Vec<(Module, PathBuf)>) {
    let mut entries: Vec<PathBuf> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            module.push(name);
            collect(&path, module, files);
            module.pop();
        } else if path.extension().is_some_and(|end| end == "rs") {
            let own = match name.as_str() {
                "tests" | "fixtures" => continue,
                "lib" | "main" => module.clone(),
                _ => [module.as_slice(), &[name]].concat(),
            };
            files.push((own, path));
        }
    }
}

/// Reads the paths of one file.
struct Reader<'a> {
    tokens: Vec<String>,
    at: usize,
    module: &'a Module,
    known: &'a BTreeSet<Module>,
    named: Named,
}

impl<'a> Reader<'a> {
    fn read(text: &str, module: &'a Module, known: &'a BTreeSet<Module>) -> Named {
        let program = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let tokens = tokens(program);
        let mut reader = Self { tokens, at: 0, module, known, named: Named::default() };
        while reader.at < reader.tokens.len() {
            reader.step();
        }
        reader.named
    }

    fn step(&mut self) {
        let token = self.tokens[self.at].as_str();
        let after = self.at.checked_sub(1).map(|before| self.tokens[before].as_str());
        let child = || [self.module.as_slice(), &[token.to_owned()]].concat();
        let begins = |token: &str| {
            matches!(token, "crate" | "self" | "super") || self.known.contains(&child())
        };
        if token == "use" {
            self.at += 1;
            let base = self.base();
            self.tree(base.as_ref(), true);
        } else if begins(token) && after != Some("::") && self.token(1) == "::" {
            let base = self.base();
            self.tree(base.as_ref(), false);
        } else {
            self.at += 1;
        }
    }

    fn token(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    /// What the path that begins here begins from; `None` is another crate.
    fn base(&mut self) -> Option<Module> {
        let mut base = self.module.clone();
        match self.token(0) {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
                while self.token(1) == "::" && self.token(2) == "super" {
                    self.at += 2;
                    base.pop();
                }
            }
            child => {
                let inner = [self.module.as_slice(), &[child.to_owned()]].concat();
                return self.known.contains(&inner).then_some(base);
            }
        }
        self.at += 1;
        if self.token(0) == "::" {
            self.at += 1;
        }
        Some(base)
    }

    /// A path, or a tree of them, below what was read already.
    fn tree(&mut self, base: Option<&Module>, declared: bool) {
        let mut path = base.cloned();
        loop {
            match self.token(0) {
                "{" => return self.branches(path.as_ref(), declared),
                name if is_name(name) => {
                    if let Some(path) = path.as_mut().filter(|_| name != "self") {
                        path.push(name.to_owned());
                    }
                    self.at += 1;
                }
                _ => break,
            }
            if self.token(0) != "::" {
                break;
            }
            self.at += 1;
        }
        let Some(path) = path else { return };
        let mut name = path.last().cloned();
        if declared && self.token(0) == "as" {
            name = Some(self.token(1).to_owned());
            self.at += 2;
        }
        if let Some(name) = name.filter(|_| declared) {
            self.named.handed_on.insert(name, path.clone());
        }
        self.named.paths.insert(path);
    }

    fn branches(&mut self, base: Option<&Module>, declared: bool) {
        self.at += 1;
        while !matches!(self.token(0), "}" | "") {
            match self.token(0) {
                "{" => self.tree(base, declared),
                name if !is_name(name) => self.at += 1,
                _ if base.is_some_and(|base| base == self.module) => {
                    let base = self.base();
                    self.tree(base.as_ref(), declared);
                }
                _ => self.tree(base, declared),
            }
        }
        self.at += 1;
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_') && token != "as"
}

/// The words and marks of a text, without comments and literals.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = literal(rest) {
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|next: char| !next.is_alphanumeric() && next != '_');
            let word = &rest[..end.unwrap_or(rest.len())];
            tokens.push(word.to_owned());
            word.len()
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// How long the literal is that a text begins with.
fn literal(text: &str) -> Option<usize> {
    if text.starts_with("r#\"") || text.starts_with("br#\"") {
        return text.find("\"#").map(|end| end + 2);
    }
    if let Some(rest) = text.strip_prefix("r\"") {
        return rest.find('"').map(|end| end + 3);
    }
    let mut characters = text.char_indices();
    match characters.next()?.1 {
        '"' => {}
        // A character; a lifetime has no second mark.
        '\'' if text[1..].starts_with('\\') => return text[3..].find('\'').map(|end| end + 4),
        '\'' => return characters.nth(1).filter(|(_, mark)| *mark == '\'').map(|(end, _)| end + 1),
        _ => return None,
    }
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}
