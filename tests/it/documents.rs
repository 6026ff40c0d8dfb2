//! The documents that people read: their links lead somewhere, the site has all of them, and the messages that they explain
//! are the program's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs_err::read_to_string(path).unwrap()
}

/// Files below a folder whose names end so.
fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.to_str().is_some_and(|name| name.ends_with(end)) {
            found.push(path);
        }
    }
}

/// Everything that is written for people.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| top().join(name)).into();
    for folder in ["docs", "examples"] {
        files(&top().join(folder), ".md", &mut found);
    }
    found
}

/// The text without what is code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    let mut prose = String::new();
    for line in lines {
        let pieces = line.split('`').step_by(2);
        prose.extend(pieces.chain(["\n"]));
    }
    prose
}

/// Where the links of a text lead.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(target, _)| target.to_owned()).collect()
}

/// What headings are linked as.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter_map(|one| match one {
                ' ' => Some('-'),
                _ if one.is_alphanumeric() || one == '-' || one == '_' => Some(one),
                _ => None,
            });
            kept.collect()
        })
        .collect()
}

#[test]
fn every_link_leads_to_what_is_there() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = read(&document);
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.parent().unwrap().join(file),
            };
            let found =
                target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !found {
                wrong.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(count > 50, "links were not found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_site_has_every_document() {
    let summary = read(&top().join("docs/SUMMARY.md"));
    let listed: BTreeSet<String> = links(&summary).into_iter().collect();
    let mut there = Vec::new();
    files(&top().join("docs"), ".md", &mut there);
    let there: BTreeSet<String> = there
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "SUMMARY.md")
        .collect();
    assert_eq!(listed, there);
}

#[test]
fn messages_that_are_explained_are_the_programs() {
    let mut sources = Vec::new();
    for folder in ["src", "crates"] {
        files(&top().join(folder), ".rs", &mut sources);
    }
    let sources: Vec<String> = sources.iter().map(|path| read(path)).collect();
    let text = read(&top().join("docs/troubleshooting.md"));
    let messages: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert!(messages.len() > 9, "{messages:?}");
    for message in messages {
        let pieces: Vec<&str> = message.split('…').map(str::trim).collect();
        let said = |line: &str| {
            let mut rest = line;
            pieces.iter().all(|piece| match rest.split_once(piece) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        };
        let found = sources.iter().any(|source| source.lines().any(said));
        assert!(found, "nothing says `{message}`");
    }
}
