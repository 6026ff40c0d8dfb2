//! Sources that no service names: paths that are given, or all of a project's own. Owns which files those are, and which
//! of them are imported.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use pyfast_checker::{Library, PythonVersion, ReadFiles, check_syntax};
use pyfast_settings::{Settings, interpreters};

use super::found::{Checked, Judged, NEWEST};
use super::installed::Installed;
use super::made::Sources;
use super::modules::{Environment, check_modules, is_part_of_program, services};
use super::remembered::Memory;
use super::roots::Roots;
use crate::error::Error;

/// Directories of other people's files.
const OTHERS: [&str; 4] = ["site-packages", "node_modules", "__pycache__", "__pypackages__"];

/// Checks files for what a Python would not compile, and what fails when they are imported: those that are given, else those
/// that are part of a program.
pub(super) fn check(
    settings: &Settings,
    paths: &[PathBuf],
    roots: &Roots,
    events: &pyfast_crew::Events,
) -> Result<Checked, Error> {
    let project = &settings.project;
    let named = paths.iter().map(|path| project.working_directory.join(path));
    let mut files = BTreeSet::new();
    for path in named.chain(paths.is_empty().then(|| project.directory.clone())) {
        if !path.exists() {
            return Err(Error::NoPath { path });
        }
        collect(&path, &mut files);
    }
    let directory = project.directory.clone();
    let mut checked = Checked { directory, ..Checked::default() };
    let installed = Installed::ask(settings, events);
    let python = match &installed {
        Ok(installed) => installed.python(),
        Err(why) => {
            checked.unknown.push(format!("what the environment has: {why}"));
            python(settings).unwrap_or_else(|why| {
                let why = format!("which Python they are for, so Python {NEWEST} was taken: {why}");
                checked.unknown.push(why);
                NEWEST
            })
        }
    };
    if files.is_empty() {
        checked
            .unknown
            .push("whether anything is wrong: there are no sources of Python".to_owned());
    }
    let imported = files.iter().filter(|file| {
        let place = file.strip_prefix(&project.directory).unwrap_or(file);
        !paths.is_empty() || is_part_of_program(place)
    });
    let environment = Environment { python, installed: installed.as_ref().ok(), roots };
    let services = services(imported, &project.directory, environment);
    let question = (python, &files, &services, roots);
    let memory = Memory::of(settings);
    let judged = memory.judged::<Infallible>(".sources", &question, &Sources, |disk| {
        let read = ReadFiles::default();
        let library = Library::new(disk, &read);
        let modules = || check_modules(&services, roots, &library);
        let of_modules = library.while_reading(&files, python, modules);
        let mut findings = check_syntax(&files, python, &library);
        findings.extend(of_modules);
        let unknown = files.iter().filter_map(|file| unread(file, &project.directory)).collect();
        Ok(Judged { findings, unknown })
    });
    let Ok(Judged { findings, unknown }) = judged;
    checked.unknown.extend(unknown);
    for finding in findings {
        checked.add(finding, None);
    }
    checked.sort();
    checked.subject = match files.len() {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    checked.ignore(&project.config.check.ignore);
    Ok(checked)
}

/// Why nothing is known of a file.
fn unread(file: &Path, project: &Path) -> Option<String> {
    let why = match fs_err::File::open(file).and_then(|opened| opened.metadata()) {
        // By its kind: the error's own words name the file once more.
        Err(error) => std::io::Error::from(error.kind()).to_string(),
        Ok(found) if found.len() > ReadFiles::LARGEST => {
            format!("it is larger than {} MiB", ReadFiles::LARGEST >> 20)
        }
        Ok(_) => return None,
    };
    let file = file.strip_prefix(project).unwrap_or(file);
    Some(format!("what is in {}: {why}", file.display()))
}

/// The Python that an environment is for, without starting a container for it.
fn python(settings: &Settings) -> Result<PythonVersion, String> {
    if let Some(image) = settings.python.image() {
        return Err(format!("it is inside the image {image}"));
    }
    let found = interpreters::own(settings).map_err(|error| error.to_string())?;
    let cache = settings.cache_directory().map_err(|error| error.to_string())?;
    let python = interpreters::probe(&found, &cache).map_err(|error| error.to_string())?;
    let (major, minor) = python.tags.python;
    Ok(PythonVersion { major, minor })
}

/// The sources at or below a path; what git ignores and hidden directories are left out, but for a path itself.
pub(super) fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) {
    let mut walk = WalkBuilder::new(path);
    walk.require_git(false).git_global(false).git_exclude(false).filter_entry(|entry| {
        let is_directory = entry.file_type().is_some_and(|kind| kind.is_dir());
        if entry.depth() == 0 || !is_directory {
            return true;
        }
        let name = entry.file_name().to_string_lossy();
        !OTHERS.contains(&name.as_ref()) && !entry.path().join("pyvenv.cfg").is_file()
    });
    let is_file = |entry: &ignore::DirEntry| entry.file_type().is_some_and(|kind| kind.is_file());
    for entry in walk.build().flatten().filter(is_file) {
        let source = entry.path().extension().is_some_and(|end| end == "py");
        if source || entry.depth() == 0 {
            files.insert(entry.into_path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_those_of_the_project_alone() {
        let place = tempfile::tempdir().unwrap();
        for name in [
            "a.py",
            "pkg/b.py",
            "c.txt",
            ".hidden/d.py",
            "venv/pyvenv.cfg",
            "venv/e.py",
            "made/f.py",
            ".gitignore",
            "node_modules/g.py",
        ] {
            let path = place.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, if name == ".gitignore" { "made/\n" } else { "" }).unwrap();
        }
        let mut files = BTreeSet::new();
        collect(place.path(), &mut files);
        let found = files.iter().map(|file| file.strip_prefix(place.path()).unwrap());
        assert_eq!(found.collect::<Vec<_>>(), [Path::new("a.py"), Path::new("pkg/b.py")]);
    }
}
