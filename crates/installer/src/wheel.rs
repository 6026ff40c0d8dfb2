//! A wheel as its format wants it: one dist-info that agrees with the file name, a RECORD that says nothing wrong,
//! `.data` in its places. Decides where each member goes; writes nothing.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>

pub(crate) mod entry_points;
pub(crate) mod record;
pub(crate) mod searched;

use std::str::FromStr as _;

use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::{PackageName, Version};
use pyfast_root::lease::DESCRIPTION;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Refusal;
use crate::zip_audit::{Archive, Entry, Inflater};
use entry_points::{EntryPoint, check_script_name, is_interpreter};
use record::check::{Checked, Flaws};
use record::{RecordHash, Row};

/// The largest METADATA, WHEEL or `entry_points.txt` that is read.
const MAX_METADATA: u64 = 32 << 20;
/// The largest RECORD that is read.
const MAX_RECORD: u64 = 128 << 20;

/// A file of the wheel and what becomes of it.
#[derive(Debug)]
pub(crate) struct Member {
    /// Index into the archive's entries.
    pub(crate) entry: usize,
    /// Where it goes, relative to the wheel's directory in the store (`root/…` or `data/…`);
    /// `None` for files of the dist-info that we write ourselves.
    pub(crate) path: Option<String>,
    /// What RECORD says of its content, where it says anything.
    pub(crate) hash: Option<RecordHash>,
}

/// A wheel that keeps to its format.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// `<name>-<version>.dist-info`, as the wheel spells it.
    pub(crate) dist_info: String,
    /// Scripts to generate.
    pub(crate) entry_points: Vec<EntryPoint>,
    /// Every file of the archive.
    pub(crate) members: Vec<Member>,
    /// How its RECORD falls short.
    pub(crate) flaws: Flaws,
}

impl Wheel {
    /// Checks the archive against the format and against its own file name.
    pub(crate) fn open(archive: &Archive<'_>, filename: &WheelFilename) -> Result<Self, Refusal> {
        let mut inflater = Inflater::new();
        let files: FxHashMap<&str, &Entry> = archive
            .entries()
            .iter()
            .filter(|entry| !entry.directory)
            .map(|entry| (entry.path.as_str(), entry))
            .collect();
        let dist_info = find_dist_info(archive.entries(), filename)?;
        let mut read = |name: &str, limit: u64| {
            let path = format!("{dist_info}/{name}");
            files.get(path.as_str()).map(|entry| inflater.read(archive, entry, limit)).transpose()
        };
        let missing = |name: &str| Refusal::archive(format!("has no {name} in {dist_info}"));
        let metadata = read("METADATA", MAX_METADATA)?.ok_or_else(|| missing("METADATA"))?;
        check_metadata(&metadata, filename)?;
        let wheel = read("WHEEL", MAX_METADATA)?.ok_or_else(|| missing("WHEEL"))?;
        check_wheel(&wheel)?;
        let points = read("entry_points.txt", MAX_METADATA)?.unwrap_or_default();
        let points = String::from_utf8(points)
            .ok()
            .ok_or_else(|| Refusal::entry("entry_points.txt", "is not UTF-8"))?;
        let entry_points = entry_points::parse(&points)?;
        let rows = read("RECORD", MAX_RECORD)?.ok_or_else(|| missing("RECORD"))?;
        let rows = record::parse(&rows)?;
        let Checked { hashes, flaws } = check_record(rows, &files, &dist_info)?;
        let members = members(archive.entries(), &dist_info, hashes)?;
        Ok(Self { dist_info, entry_points, members, flaws })
    }
}

/// The one top-level `*.dist-info`, which must be the project's.
fn find_dist_info(entries: &[Entry], filename: &WheelFilename) -> Result<String, Refusal> {
    let mut found: Vec<&str> = entries
        .iter()
        .map(|entry| entry.path.split_once('/').map_or(entry.path.as_str(), |(top, _)| top))
        .filter(|top| top.ends_with(".dist-info"))
        .collect();
    found.sort_unstable();
    found.dedup();
    let dist_info = match found[..] {
        [one] => one,
        [] => return Err(Refusal::archive("has no .dist-info directory")),
        _ => {
            let reason = format!("has several .dist-info directories: {}", found.join(", "));
            return Err(Refusal::archive(reason));
        }
    };
    let stem = dist_info.strip_suffix(".dist-info").unwrap_or(dist_info);
    let agrees = stem.rsplit_once('-').is_some_and(|(name, version)| {
        is_name(name, filename) && is_version(&version.replace('_', "-"), filename)
    });
    if agrees {
        return Ok(dist_info.to_owned());
    }
    Err(Refusal::entry(dist_info, "does not agree with the wheel's file name"))
}

fn is_name(name: &str, filename: &WheelFilename) -> bool {
    PackageName::from_str(name).is_ok_and(|name| name == filename.name)
}

/// Whether it is the file name's version, which may lack the local part.
fn is_version(version: &str, filename: &WheelFilename) -> bool {
    Version::from_str(version).is_ok_and(|version| {
        version == filename.version
            || version.clone().without_local() == filename.version
            || version == filename.version.clone().without_local()
    })
}

/// The values of a header field, such as `Name`.
fn fields<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    // The body after the first empty line is a description, not headers.
    text.lines().take_while(|line| !line.trim_end().is_empty()).filter_map(move |line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn check_metadata(metadata: &[u8], filename: &WheelFilename) -> Result<(), Refusal> {
    let text = String::from_utf8_lossy(metadata);
    let text = text.trim_start_matches('\u{feff}');
    let refuse = |reason: String| Refusal::entry("METADATA", reason);
    for (field, agrees) in
        [("Name", is_name as fn(&str, &WheelFilename) -> bool), ("Version", is_version)]
    {
        let mut values = fields(text, field);
        let value = values.next().ok_or_else(|| refuse(format!("has no {field}")))?;
        if !agrees(value, filename) {
            let value = value.escape_debug();
            let reason = format!("says {field} `{value}`, which is not the wheel's file name's");
            return Err(refuse(reason));
        }
        if values.next().is_some() {
            return Err(refuse(format!("has more than one {field}")));
        }
    }
    Ok(())
}

fn check_wheel(wheel: &[u8]) -> Result<(), Refusal> {
    let text = String::from_utf8_lossy(wheel);
    let version = fields(&text, "Wheel-Version").next().unwrap_or_default();
    match version.split('.').next() {
        Some("1") => Ok(()),
        _ if version == "0.1" => Ok(()),
        _ => {
            let version = version.escape_debug();
            let reason = format!("has the format version `{version}`; 1.x is known");
            Err(Refusal::entry("WHEEL", reason))
        }
    }
}

/// What RECORD says of each file.
fn check_record<'a>(
    rows: Vec<Row>,
    files: &FxHashMap<&'a str, &Entry>,
    dist_info: &str,
) -> Result<Checked<'a>, Refusal> {
    let exempt = |path: &str| {
        let name = path.strip_prefix(dist_info).and_then(|path| path.strip_prefix('/'));
        matches!(name, Some("RECORD" | "RECORD.jws" | "RECORD.p7s"))
    };
    let sizes = files.iter().map(|(path, entry)| (*path, entry.size)).collect();
    record::check::check(rows, &sizes, exempt)
}

fn members(
    entries: &[Entry],
    dist_info: &str,
    mut hashes: FxHashMap<&str, RecordHash>,
) -> Result<Vec<Member>, Refusal> {
    let stem = dist_info.strip_suffix(".dist-info").unwrap_or(dist_info);
    let data = format!("{stem}.data/");
    let mut members = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.directory) {
        let path = place(&entry.path, &data, dist_info)
            .map_err(|reason| Refusal::entry(&entry.path, reason))?;
        let hash = hashes.remove(entry.path.as_str());
        members.push(Member { entry: index, path, hash });
    }
    check_places(&members)?;
    Ok(members)
}

/// Where a file goes; `None` if we write it ourselves.
fn place(path: &str, data: &str, dist_info: &str) -> Result<Option<String>, &'static str> {
    let (key, rest) = match path.strip_prefix(data) {
        None => ("purelib", path),
        Some(inside) => inside.split_once('/').ok_or("is a file where .data has directories")?,
    };
    match key {
        "purelib" | "platlib" => {
            let ours = rest.strip_prefix(dist_info).and_then(|path| path.strip_prefix('/'));
            Ok((!ours.is_some_and(is_ours)).then(|| format!("root/{rest}")))
        }
        "scripts" => {
            check_script_name(rest)?;
            Ok(Some(format!("data/{key}/{rest}")))
        }
        "headers" => Ok(Some(format!("data/{key}/{rest}"))),
        "data" => {
            check_data(rest)?;
            Ok(Some(format!("data/{key}/{rest}")))
        }
        _ => Err("is in a .data directory that the format does not know"),
    }
}

/// Whether we write a file of a dist-info ourselves, whatever the wheel has there.
fn is_ours(name: &str) -> bool {
    let ours = ["RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"];
    ours.contains(&name)
}

/// Files that would change what the environment itself is.
fn check_data(path: &str) -> Result<(), &'static str> {
    let mut components = path.split('/');
    match (components.next(), components.next(), components.next()) {
        (Some("bin"), Some(name), None) if is_interpreter(name) => {
            Err("would replace the interpreter")
        }
        (Some("pyvenv.cfg" | DESCRIPTION | "lib64"), ..) => {
            Err("would replace a part of the environment itself")
        }
        _ => Ok(()),
    }
}

/// Merging purelib and platlib must not make two files one, or a file a directory.
fn check_places(members: &[Member]) -> Result<(), Refusal> {
    let mut paths: FxHashSet<&str> = FxHashSet::default();
    for path in members.iter().filter_map(|member| member.path.as_deref()) {
        if !paths.insert(path) {
            return Err(Refusal::entry(path, "is in the wheel and in its .data directory"));
        }
    }
    let mut checked: FxHashSet<&str> = FxHashSet::default();
    for path in members.iter().filter_map(|member| member.path.as_deref()) {
        let mut path = path;
        while let Some((parent, _)) = path.rsplit_once('/').filter(|(p, _)| checked.insert(p)) {
            if paths.contains(parent) {
                return Err(Refusal::entry(parent, "is both a file and a directory"));
            }
            path = parent;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
