//! A requirements file edited line by line. Owns which physical lines belong together, and where a new one goes; must not
//! know how a requirement is spelt within its line.

use std::ops::Range;
use std::path::Path;

use pep508_rs::{MarkerTree, PackageName};

use super::encoded::Encoded;
use super::wanted::Wanted;
use super::{Outcome, Refusal};
use crate::requirement::{Origin, Requirement};
use crate::requirement_line::{Line, parse_editable, parse_line, split_options};
use crate::requirements_txt::logical;

/// The text of a requirements file.
#[derive(Debug)]
pub(super) struct Lines {
    encoded: Encoded,
    lines: Vec<Physical>,
}

/// A line of the file, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Physical {
    text: String,
    end: String,
}

/// Lines that belong together and ask for a project by name.
#[derive(Debug)]
struct Entry {
    lines: Range<usize>,
    name: PackageName,
    marker: MarkerTree,
    /// The logical line.
    text: String,
    /// What it asks for; `None` for a source.
    requirement: Option<Requirement>,
}

impl Lines {
    pub(super) fn new(content: &[u8]) -> Result<Self, Refusal> {
        let (encoded, text) = Encoded::read(content)?;
        Ok(Self { encoded, lines: split(&text) })
    }

    pub(super) fn content(&self) -> Vec<u8> {
        let text: String = self.lines.iter().flat_map(|line| [&*line.text, &*line.end]).collect();
        // What was added is ASCII, but for a path; the check of it is in `add`.
        self.encoded.write(&text).unwrap_or_else(|| text.into_bytes())
    }

    pub(super) fn names(&self) -> Vec<PackageName> {
        self.entries().into_iter().map(|entry| entry.name).collect()
    }

    pub(super) fn requirements(&self) -> Vec<Requirement> {
        self.entries().into_iter().filter_map(|entry| entry.requirement).collect()
    }

    pub(super) fn has_hashes(&self) -> bool {
        self.entries().iter().any(|entry| split_options(&entry.text).1.contains("--hash"))
    }

    pub(super) fn add(&mut self, wanted: &Wanted) -> Result<Outcome, Refusal> {
        if self.encoded.write(&wanted.text).is_none() {
            return Err(Refusal::Encoding);
        }
        let same = |entry: &Entry| Some(&entry.name) == wanted.name.as_ref();
        let entries: Vec<Entry> = self.entries().into_iter().filter(same).collect();
        let meant = super::meant(&entries, wanted, |entry| {
            (&entry.marker, format!("line {}", entry.lines.start + 1))
        })?;
        let Some(entry) = meant else {
            self.insert(wanted);
            return Ok(Outcome::Added { text: wanted.text.clone() });
        };
        Ok(self.change(entry, wanted))
    }

    /// Every line with the project goes, with what is said of it below.
    pub(super) fn remove(&mut self, name: &PackageName) -> Vec<String> {
        let mut gone = Vec::new();
        for entry in self.entries().into_iter().rev().filter(|entry| entry.name == *name) {
            let end = self.end_of(&entry.lines);
            self.lines.drain(entry.lines.start..end);
            gone.insert(0, split_options(&entry.text).0.to_owned());
        }
        gone
    }

    /// Where an entry ends, with the comments below it that are set off from the margin, as tools write them.
    fn end_of(&self, lines: &Range<usize>) -> usize {
        let is_note = |line: &&Physical| {
            line.text.starts_with([' ', '\t']) && line.text.trim_start().starts_with('#')
        };
        lines.end + self.lines[lines.end..].iter().take_while(is_note).count()
    }

    fn change(&mut self, entry: &Entry, wanted: &Wanted) -> Outcome {
        let (before, options) = split_options(&entry.text);
        let before = before.to_owned();
        let text = super::joined(&before, wanted);
        if text == before && wanted.hashes.is_empty() {
            // What it asks for is there, with its digests.
            return Outcome::There { text };
        }
        let first = &self.lines[entry.lines.start];
        // Within its first line, where all of it is there. Digests of another version go.
        if wanted.hashes.is_empty()
            && !options.contains("--hash")
            && let Some(at) = first.text.find(&before)
        {
            let line = &mut self.lines[entry.lines.start].text;
            line.replace_range(at..at + before.len(), &text);
            return Outcome::Changed { before, text };
        }
        let options: String = kept_options(options);
        let comment = self.lines[entry.lines.clone()].last().map(|line| comment(&line.text));
        let comment = comment.unwrap_or_default().to_owned();
        let mut lines = self.written(&format!("{text}{options}"), wanted);
        if let (Some(new), Some(old)) = (lines.last_mut(), self.lines.get(entry.lines.end - 1)) {
            new.text.push_str(&comment);
            new.end.clone_from(&old.end);
        }
        self.lines.splice(entry.lines.clone(), lines);
        if before == text { Outcome::There { text } } else { Outcome::Changed { before, text } }
    }

    /// Puts it where the order of names has its place, where the names are in order; else at the end.
    fn insert(&mut self, wanted: &Wanted) {
        let mut new = self.written(&wanted.text, wanted);
        let place = wanted.name.as_ref().and_then(|name| self.place(name));
        let content = self.lines.iter().rposition(|line| !line.text.trim().is_empty());
        let end = content.map_or(0, |last| last + 1);
        let place = place.unwrap_or(end);
        let eol = self.eol();
        if place > 0 && place >= end {
            // A line that is continued by nothing must not be continued by this one.
            let last = &mut self.lines[place - 1];
            if last.text.ends_with('\\') && !last.text.trim_start().starts_with('#') {
                new.insert(0, Physical { text: String::new(), end: eol.clone() });
            }
            if last.end.is_empty() {
                last.end = eol;
                if let Some(new) = new.last_mut() {
                    new.end.clear();
                }
            }
        }
        self.lines.splice(place..place, new);
    }

    /// The place of a name in the order of names.
    fn place(&self, name: &PackageName) -> Option<usize> {
        let entries = self.entries();
        if entries.len() < 2 || !entries.is_sorted_by_key(|entry| &entry.name) {
            return None;
        }
        if let Some(before) = entries.iter().rev().find(|entry| entry.name < *name) {
            return Some(self.end_of(&before.lines));
        }
        let first = entries.first()?.lines.start;
        let is_comment = |line: &&Physical| line.text.trim_start().starts_with('#');
        let comments = self.lines[..first].iter().rev().take_while(is_comment).count();
        // What is said at the head of a file is said of all of it.
        Some(if comments < first { first - comments } else { first })
    }

    /// The lines of a requirement with its digests.
    fn written(&self, text: &str, wanted: &Wanted) -> Vec<Physical> {
        let mut texts = vec![text.to_owned()];
        for hash in &wanted.hashes {
            if let Some(last) = texts.last_mut() {
                last.push_str(" \\");
            }
            texts.push(format!("    --hash={hash}"));
        }
        let end = self.eol();
        texts.into_iter().map(|text| Physical { text, end: end.clone() }).collect()
    }

    /// How lines of the file end.
    fn eol(&self) -> String {
        let ends = self.lines.iter().map(|line| &line.end);
        ends.filter(|end| !end.is_empty())
            .map(String::clone)
            .next()
            .unwrap_or_else(|| "\n".to_owned())
    }

    fn entries(&self) -> Vec<Entry> {
        let groups = groups(&self.lines);
        groups.into_iter().filter_map(|lines| self.entry(lines)).collect()
    }

    fn entry(&self, lines: Range<usize>) -> Option<Entry> {
        let texts: Vec<&str> = self.lines[lines.clone()].iter().map(|line| &*line.text).collect();
        let text = logical(&texts.join("\n"))?;
        let origin = Origin { file: "".into(), line: lines.start + 1 };
        let editable = text.strip_prefix("-e").or_else(|| text.strip_prefix("--editable"));
        let line = match editable.map(|rest| rest.trim_start_matches(['=', ' ', '\t'])) {
            Some(rest) => {
                Line::Source(Box::new(parse_editable(rest, &origin, Path::new("/")).ok()?.0))
            }
            None if text.starts_with('-') => return None,
            None => parse_line(&text, &origin, Path::new("/")).ok()?.line,
        };
        let (name, marker, requirement) = match line {
            Line::Project(one) => (one.name.clone(), one.marker.clone(), Some(one)),
            Line::Source(one) => (one.name?, one.marker, None),
        };
        Some(Entry { lines, name, marker, text, requirement })
    }
}

/// The lines of a text, each with its end.
fn split(text: &str) -> Vec<Physical> {
    // As requirements files are read.
    let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends) {
        let width = rest[at..].chars().next().map_or(1, char::len_utf8);
        let width = if rest[at..].starts_with("\r\n") { 2 } else { width };
        lines.push(Physical { text: rest[..at].to_owned(), end: rest[at..at + width].to_owned() });
        rest = &rest[at + width..];
    }
    if !rest.is_empty() {
        lines.push(Physical { text: rest.to_owned(), end: String::new() });
    }
    lines
}

/// Which lines belong together.
fn groups(lines: &[Physical]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut start = 0;
    for (index, line) in lines.iter().enumerate() {
        let is_comment = line.text.trim_start().starts_with('#');
        // A comment line ends a continuation.
        if is_comment || !line.text.ends_with('\\') {
            groups.push(start..index + 1);
            start = index + 1;
        }
    }
    if start < lines.len() {
        groups.push(start..lines.len());
    }
    groups
}

/// The options of a requirement that are no digests.
pub(super) fn kept_options(options: &str) -> String {
    let mut words = options.split_whitespace();
    let mut kept = String::new();
    while let Some(word) = words.next() {
        match word {
            "--hash" => _ = words.next(),
            _ if word.starts_with("--hash=") => {}
            _ => kept.extend([" ", word]),
        }
    }
    kept
}

/// The comment at the end of a line, with the blanks before it.
fn comment(line: &str) -> &str {
    let starts = line.match_indices('#').map(|(at, _)| at);
    let mut comments = starts.filter(|at| line[..*at].ends_with(char::is_whitespace));
    comments.next().map_or("", |at| &line[line[..at].trim_end().len()..])
}
