//! The lists of requirements in a `pyproject.toml`, edited in its text: a parser says where they are, and nothing else of
//! the file is written again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use pep508_rs::PackageName;
use serde::Deserialize;
use toml::{Spanned, Value};

use super::encoded::Encoded;
use super::wanted::Wanted;
use super::{List, Outcome, Refusal};
use crate::pyproject::normalized;
use crate::requirement::{Origin, Requirement};
use crate::requirement_line::{Line, parse_line};

/// The text of a `pyproject.toml`, or of a script's header.
#[derive(Debug)]
pub(super) struct Arrays {
    pub(super) encoded: Encoded,
    pub(super) text: String,
    is_script: bool,
}

type Array = Spanned<Vec<Spanned<Value>>>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    /// Of scripts.
    dependencies: Option<Array>,
    project: Option<Project>,
    #[serde(default)]
    dependency_groups: BTreeMap<String, Array>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Project {
    dependencies: Option<Array>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Array>,
    #[serde(default)]
    dynamic: Vec<String>,
}

/// A string of a list that asks for a project by name.
#[derive(Debug)]
struct Entry {
    span: Range<usize>,
    text: String,
    name: PackageName,
    line: Line,
}

impl Arrays {
    pub(super) fn new(content: &[u8]) -> Result<Self, Refusal> {
        let (encoded, text) = Encoded::read(content)?;
        Self::of(encoded, text, false)
    }

    /// Those of a script, the TOML of whose header this is.
    pub(super) fn of_script(encoded: Encoded, text: String) -> Result<Self, Refusal> {
        Self::of(encoded, text, true)
    }

    fn of(encoded: Encoded, text: String, is_script: bool) -> Result<Self, Refusal> {
        let arrays = Self { encoded, text, is_script };
        arrays.file()?;
        Ok(arrays)
    }

    pub(super) fn content(&self) -> Vec<u8> {
        self.encoded.write(&self.text).unwrap_or_else(|| self.text.clone().into_bytes())
    }

    pub(super) fn names(&self) -> Vec<PackageName> {
        self.all().into_iter().map(|entry| entry.name).collect()
    }

    pub(super) fn requirements(&self) -> Vec<Requirement> {
        let lines = self.all().into_iter().map(|entry| entry.line);
        lines
            .filter_map(|line| match line {
                Line::Project(requirement) => Some(requirement),
                Line::Source(_) => None,
            })
            .collect()
    }

    pub(super) fn add(&mut self, wanted: &Wanted, list: List<'_>) -> Result<Outcome, Refusal> {
        let Some(name) = &wanted.name else {
            return Err(Refusal::NoName(wanted.text.clone()));
        };
        self.make(list)?;
        let Some(array) = self.array(list)? else { return Err(Refusal::NoProject) };
        let mut same = entries(&array);
        same.retain(|entry| entry.name == *name);
        let marker = |entry: &Entry| match &entry.line {
            Line::Project(one) => one.marker.clone(),
            Line::Source(one) => one.marker.clone(),
        };
        let marked: Vec<_> = same.iter().map(|entry| (marker(entry), entry)).collect();
        let line_of = |entry: &Entry| {
            format!("line {}", 1 + self.text[..entry.span.start].matches('\n').count())
        };
        let meant = super::meant(&marked, wanted, |(marker, entry)| (marker, line_of(entry)))?;
        let Some((_, entry)) = meant else {
            self.insert(&array, wanted);
            return Ok(Outcome::Added { text: wanted.text.clone() });
        };
        let (before, text) = (entry.text.clone(), super::joined(&entry.text, wanted));
        if before == text {
            return Ok(Outcome::There { text });
        }
        let quote = self.text[entry.span.clone()].chars().next().unwrap_or('"');
        self.text.replace_range(entry.span.clone(), &quoted(&text, quote));
        Ok(Outcome::Changed { before, text })
    }

    pub(super) fn remove(
        &mut self,
        name: &PackageName,
        list: Option<List<'_>>,
    ) -> Result<Vec<String>, Refusal> {
        let mut gone = Vec::new();
        loop {
            let arrays = match list {
                Some(list) => self.array(list)?.into_iter().collect(),
                None => self.arrays(),
            };
            let found = arrays.iter().find_map(|array| {
                let mut entries = entries(array).into_iter();
                Some((array, entries.find(|entry| entry.name == *name)?))
            });
            let Some((array, entry)) = found else { return Ok(gone) };
            let hole = self.hole(array, &entry.span);
            gone.push(entry.text);
            self.text.replace_range(hole, "");
        }
    }

    fn file(&self) -> Result<File, Refusal> {
        toml::from_str(&self.text).map_err(|error| Refusal::Toml(error.message().to_owned()))
    }

    fn arrays(&self) -> Vec<Array> {
        let Ok(file) = self.file() else { return Vec::new() };
        let File { dependencies, project, dependency_groups } = file;
        if self.is_script {
            return dependencies.into_iter().collect();
        }
        let Project { dependencies, optional_dependencies, .. } = project.unwrap_or_default();
        let groups = optional_dependencies.into_values().chain(dependency_groups.into_values());
        dependencies.into_iter().chain(groups).collect()
    }

    fn all(&self) -> Vec<Entry> {
        self.arrays().iter().flat_map(entries).collect()
    }

    /// The list that is meant, where the file has it.
    fn array(&self, list: List<'_>) -> Result<Option<Array>, Refusal> {
        let File { dependencies, project, dependency_groups } = self.file()?;
        let group = match list {
            List::Dependencies if self.is_script => return Ok(dependencies),
            List::Dependencies => return Ok(project.and_then(|project| project.dependencies)),
            List::Group(group) => normalized(group),
        };
        let mut groups = dependency_groups.into_iter();
        Ok(groups.find(|(name, _)| normalized(name) == group).map(|(_, array)| array))
    }

    /// Makes the list, where there is none.
    fn make(&mut self, list: List<'_>) -> Result<(), Refusal> {
        let File { project, .. } = self.file()?;
        if list == List::Dependencies && !self.is_script {
            let project = project.ok_or(Refusal::NoProject)?;
            if project.dynamic.iter().any(|field| field == "dependencies") {
                return Err(Refusal::Dynamic);
            }
        }
        if self.array(list)?.is_some() {
            return Ok(());
        }
        let has_crlf = self.text.contains("\r\n");
        let mut document: toml_edit::DocumentMut = self
            .text
            .parse()
            .map_err(|error: toml_edit::TomlError| Refusal::Toml(error.message().to_owned()))?;
        let (table, key) = match list {
            List::Dependencies if self.is_script => (document.as_item_mut(), "dependencies"),
            List::Dependencies => (table(&mut document, "project"), "dependencies"),
            List::Group(group) => (table(&mut document, "dependency-groups"), group),
        };
        if let Some(table) = table.as_table_like_mut() {
            table.insert(key, toml_edit::value(toml_edit::Array::new()));
        }
        self.text = document.to_string().replace("\r\n", "\n");
        if has_crlf {
            self.text = self.text.replace('\n', "\r\n");
        }
        Ok(())
    }

    fn insert(&mut self, array: &Array, wanted: &Wanted) {
        let elements = array.get_ref();
        let place = wanted.name.as_ref().map_or(elements.len(), |name| place(array, name));
        let quote = elements.first().and_then(|one| self.text[one.span()].chars().next());
        let text = quoted(&wanted.text, quote.unwrap_or('"'));
        let eol = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let Some(last) = elements.last() else {
            let start = array.span().start + 1;
            return self.text.insert_str(start, &format!("{eol}    {text},{eol}"));
        };
        let inside = array.span().start + 1..array.span().end - 1;
        let first = &elements[0];
        let is_tall = self.text[inside.start..first.span().start].contains('\n');
        if !is_tall {
            match elements.get(place) {
                Some(next) => self.text.insert_str(next.span().start, &format!("{text}, ")),
                None => self.text.insert_str(last.span().end, &format!(", {text}")),
            }
            return;
        }
        let indent = self.indent(first.span().start).to_owned();
        let comma = self.comma(last.span().end..inside.end);
        let (mut after, ends) = match place.checked_sub(1) {
            Some(before) => (elements[before].span().end, place == elements.len()),
            None => (inside.start, false),
        };
        let mut text = format!("{eol}{indent}{text},");
        if ends && comma.is_none() {
            self.text.insert(after, ',');
            after += 1;
            text.pop();
        }
        let line_end = self.line_end(after);
        let next = elements.get(place).map_or(array.span().end - 1, |next| next.span().start);
        if line_end <= next {
            self.text.insert_str(line_end, &text);
        } else if ends {
            self.text.insert_str(
                last.span().end + usize::from(comma.is_none()),
                text.trim_end_matches(','),
            );
        } else {
            self.text.insert_str(next, &format!("{} ", text.trim_start()));
        }
    }

    /// What goes with an element: its comma, its comment, and its line where nothing else is there.
    fn hole(&self, array: &Array, element: &Range<usize>) -> Range<usize> {
        let inside_end = array.span().end - 1;
        let others = array.get_ref().iter().map(Spanned::span);
        let before = others.clone().rfind(|other| other.end <= element.start);
        let next = others.clone().find(|other| other.start >= element.end);
        let limit = next.as_ref().map_or(inside_end, |next| next.start);
        let comma = self.comma(element.end..limit);
        let end = comma.map_or(element.end, |at| at + 1);
        let line_start = self.text[..element.start].rfind('\n').map_or(0, |at| at + 1);
        let is_alone = self.text[line_start..element.start].trim().is_empty();
        let line_end = self.line_end(end);
        let tail = self.text[end..line_end].trim();
        if is_alone && line_end < limit && (tail.is_empty() || tail.starts_with('#')) {
            let with_end = line_end + self.text[line_end..].find('\n').map_or(0, |at| at + 1);
            return line_start..with_end;
        }
        match (&next, &before) {
            (Some(next), _) => element.start..next.start,
            (None, Some(before)) => before.end..element.end,
            (None, None) => element.start..end,
        }
    }

    /// The comma in a part between elements, which has blanks and comments besides.
    fn comma(&self, part: Range<usize>) -> Option<usize> {
        let mut in_comment = false;
        let found = self.text[part.clone()].char_indices().find(|(_, character)| {
            in_comment = (in_comment || *character == '#') && *character != '\n';
            !in_comment && *character == ','
        });
        found.map(|(at, _)| part.start + at)
    }

    /// The blanks that a line begins with.
    fn indent(&self, at: usize) -> &str {
        let start = self.text[..at].rfind('\n').map_or(0, |line| line + 1);
        let line = &self.text[start..at];
        &line[..line.len() - line.trim_start().len()]
    }

    /// Where a line ends, before what ends it.
    fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
        if self.text[at..end].ends_with('\r') { end - 1 } else { end }
    }
}

/// A table of a document, made where there is none.
fn table<'a>(document: &'a mut toml_edit::DocumentMut, name: &str) -> &'a mut toml_edit::Item {
    document.entry(name).or_insert_with(toml_edit::table)
}

/// Where a name belongs: in its place where the names are in order, else at the end.
fn place(array: &Array, name: &PackageName) -> usize {
    let elements = array.get_ref();
    let known = entries(array);
    let is_whole = known.len() == elements.len() && known.len() > 1;
    if !is_whole || !known.is_sorted_by_key(|entry| &entry.name) {
        return elements.len();
    }
    known.partition_point(|entry| entry.name < *name)
}

fn entries(array: &Array) -> Vec<Entry> {
    let entry = |element: &Spanned<Value>| {
        let text = element.get_ref().as_str()?.to_owned();
        let origin = Origin { file: "".into(), line: 1 };
        let line = parse_line(text.trim(), &origin, Path::new("/")).ok()?.line;
        let name = match &line {
            Line::Project(one) => one.name.clone(),
            Line::Source(one) => one.name.clone()?,
        };
        Some(Entry { span: element.span(), text, name, line })
    };
    array.get_ref().iter().filter_map(entry).collect()
}

/// A string of TOML, in the quotes that its neighbours have where that can be.
fn quoted(text: &str, quote: char) -> String {
    let is_plain = !text.contains(['\\', '\n', '\r', '\t']);
    match quote {
        '\'' if is_plain && !text.contains('\'') => format!("'{text}'"),
        _ if is_plain && !text.contains('"') => format!("\"{text}\""),
        _ if is_plain && !text.contains('\'') => format!("'{text}'"),
        _ => toml_edit::Value::from(text).to_string(),
    }
}
