//! The root: a directory of this machine, or a volume and how its files are reached. A volume that does not exist is
//! not created.

use std::path::Path;

use pyfast_launcher::volume::{Access, ask_volume, find_volume};

use super::project::Project;
use super::report::OfFailure as _;
use pyfast_crew::engine::Connection;
use pyfast_crew::examined::{Finding, Level, file_system};
use pyfast_settings::{Python, Root};

const ROOT: &str = "root";
const VOLUME: &str = "volume";

/// Looks at the root and tries what is done in it.
pub(super) fn look(project: &Project, connection: Option<&Connection>) -> Vec<Finding> {
    let images: Vec<&str> = project.environments.values().filter_map(Python::image).collect();
    match &project.root {
        Root::Directory(directory) => of_directory(directory),
        Root::Volume(name) => of_volume(name, &images, connection),
    }
}

fn of_directory(directory: &Path) -> Vec<Finding> {
    // What would be made is made on the file system of the nearest directory that exists.
    let mut existing = directory.ancestors();
    let Some(existing) = existing.find(|ancestor| fs_err::symlink_metadata(ancestor).is_ok())
    else {
        let message = format!("{} lies nowhere", directory.display());
        return vec![Finding::new(Level::Failed, ROOT, message)];
    };
    let place = if existing == directory {
        directory.display().to_string()
    } else {
        format!("{} does not exist yet; in {}", directory.display(), existing.display())
    };
    // What is in a sync's way is told here too, and nothing is tried in somebody's directory.
    if let Err(error) = pyfast_root::Root::find(directory, directory) {
        return vec![Finding::failed(ROOT, &error.into())];
    }
    file_system_of(existing, &place)
}

/// What a directory's file system can do, and what to do where it cannot.
fn file_system_of(directory: &Path, place: &str) -> Vec<Finding> {
    let findings = file_system(directory, place).into_iter();
    let elsewhere = |finding: Finding| match finding.level {
        Level::Failed => finding.hint("or give another directory with --root DIR"),
        _ => finding,
    };
    findings.map(elsewhere).collect()
}

fn of_volume(name: &str, images: &[&str], connection: Option<&Connection>) -> Vec<Finding> {
    let Some(connection) = connection else {
        let message = format!("{name}: the engine has it");
        return vec![Finding::new(Level::Skipped, VOLUME, message)];
    };
    let volume = match connection.wait(find_volume(&connection.engine, name)) {
        Ok(Some(volume)) => volume,
        Ok(None) => {
            let message =
                format!("{name} does not exist yet; `pyfast sync` or `pyfast up` makes it");
            return vec![Finding::ok(VOLUME, message)];
        }
        Err(error) => return vec![Finding::failed(VOLUME, &error.into())],
    };
    match volume.access {
        Access::Direct(directory) => {
            let message = format!("{name}: written directly, in {}", directory.display());
            let mut findings = vec![Finding::ok(VOLUME, message)];
            findings.extend(file_system_of(&directory, &directory.display().to_string()));
            findings
        }
        Access::Container => match connection.wait(ask_volume(&connection.engine, name, images)) {
            Ok(true) => vec![
                Finding::ok(VOLUME, format!("{name}: written through helper containers"))
                    .hint("where this machine has the volume's directory, pyfast as root writes it directly and faster"),
            ],
            Ok(false) => {
                let message = format!("{name}: no image is here yet by which to look");
                vec![Finding::new(Level::Skipped, VOLUME, message)]
            }
            Err(error) => vec![Finding::failed(VOLUME, &error.into())],
        },
    }
}
