//! Prefixes are made aside, and are whole with one rename. Owns the order of work; what a prefix says of itself is the
//! installer's.

use std::path::PathBuf;

use pyfast_elf::is_object_name;
use pyfast_installer::prefix::{Described, NativePackage, Part, Parts, Prefix, describe, seal};
use pyfast_root::{Dir, Lock, LockName, Root, Share, Waiting, Workspace};
use rattler_conda_types::RepoDataRecord;

use crate::audit::audit;
use crate::conda::{
    Places, fit_the_machine, hold_together, link, needs, record, refuse_python_packages, suits,
};
use crate::error::Error;
use crate::event::Event;
use crate::fetch::fetch;
use crate::link_scripts::scripts;
use crate::machine::Machine;
use crate::records;
use crate::solved::Solved;
use crate::tools::Tools;

/// Where what is in the directory of this process.
const ARCHIVES: &str = "archives";
const UNPACKED: &str = "unpacked";
const PREFIX: &str = "prefix";

/// A prefix that is there, and that no collection takes before somebody has said whose it is.
#[derive(Debug)]
pub struct Made {
    prefix: Prefix,
    _store: Lock,
}

impl Made {
    /// The prefix.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }
}

/// The prefix of what was chosen, made where it is not there yet.
///
/// # Errors
/// If it would not run on the machine that is meant; if an archive is not to be had, is not what was chosen, or would not
/// become what it says; if the disk refuses. Nothing is visible then.
pub fn make(root: &Root, solved: &Solved, machine: &Machine, tools: &Tools) -> Result<Made, Error> {
    let id = solved.id(root.seen());
    let waiting = |waiting: &Waiting| (tools.events)(Event::Waiting(waiting.clone()));
    // As all who put something into a root: nothing of it is collected meanwhile.
    let store = root.lock(&LockName::store(), Share::Shared, &waiting)?;
    let ready = |prefix: Prefix| {
        suits(&prefix.needs, machine)?;
        Ok(Made { prefix, _store: store })
    };
    if let Some(prefix) = Prefix::find(root, &id)? {
        return ready(prefix);
    }
    let _alone = root.lock(&LockName::prefix(&id), Share::Alone, &waiting)?;
    if let Some(prefix) = Prefix::find(root, &id)? {
        return ready(prefix);
    }
    let workspace = Workspace::create(root)?;
    let making = Making { root, solved, machine, tools, work: workspace.dir() };
    making.appear(&id)?;
    ready(Prefix::find(root, &id)?.ok_or_else(|| Error::Damaged {
        path: root.prefix_path(&id),
        reason: "it vanished as soon as it was made".to_owned(),
    })?)
}

/// What a prefix is made of, in a directory of this process.
struct Making<'a> {
    root: &'a Root,
    solved: &'a Solved,
    machine: &'a Machine,
    tools: &'a Tools,
    work: &'a Dir,
}

impl Making<'_> {
    /// Makes it aside, and lets it appear.
    fn appear(&self, id: &str) -> Result<(), Error> {
        let packages = self.solved.packages();
        (self.tools.events)(Event::Making {
            python: self.solved.python().map(str::to_owned),
            packages: packages.len(),
            // A channel or a lock says them, who may lie.
            bytes: packages.iter().filter_map(|package| package.size).fold(0, u64::saturating_add),
        });
        let records = self.records(packages)?;
        let prefix = self.linked(id, &records)?;
        for script in scripts(&prefix)? {
            (self.tools.events)(Event::LinkScript { package: script.package, script: script.path });
        }
        records::clean(&prefix, packages)?;
        let parts = seal(&prefix)?;
        records::compare(&prefix, &parts)?;
        let described = packages.iter().zip(&records).map(|(package, record)| NativePackage {
            license: record.package_record.license.clone(),
            depends: record.package_record.depends.clone(),
            ..package.clone()
        });
        let (packages, needs) = (described.collect(), needs(&records));
        let (python, libraries) = (self.python(&parts)?, libraries(&parts));
        describe(&prefix, &parts, Described { python, packages, needs, libraries })?;
        // All of it at once: thousands of files one by one would take longer than linking them.
        rustix::fs::syncfs(&prefix)
            .map_err(|error| Error::io("sync", prefix.path())(error.into()))?;
        let prefixes = self.root.make_prefixes()?;
        if prefixes.facts(id)?.is_some() {
            // One that was found to be damaged: what runs in it goes on in the new one.
            prefixes.dir(id)?.set_mode(0o755)?;
            self.work.exchange(PREFIX, &prefixes, id)?;
        } else {
            self.work.rename(PREFIX, &prefixes, id)?;
        }
        prefixes.dir(id)?.set_mode(0o555)?;
        Ok(prefixes.sync()?)
    }

    /// Archives are fetched and looked at: what each says of itself.
    fn records(&self, packages: &[NativePackage]) -> Result<Vec<RepoDataRecord>, Error> {
        self.work.create_dir(ARCHIVES, 0o700)?;
        let archives = self.work.dir(ARCHIVES)?;
        fetch(packages, &archives, self.tools)?;
        let record = |package: &NativePackage| {
            let gone = || Error::archive(&package.file, "it vanished");
            let (file, _) = archives.open(&package.file)?.ok_or_else(gone)?;
            record(package, &audit(&package.file, file)?)
        };
        let records = packages.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        fit_the_machine(&records, self.machine)?;
        if !self.solved.is_whole() {
            hold_together(&records)?;
        }
        refuse_python_packages(&records)?;
        suits(&needs(&records), self.machine)?;
        Ok(records)
    }

    /// They are linked once all are what they should be.
    fn linked(&self, id: &str, records: &[RepoDataRecord]) -> Result<Dir, Error> {
        for (name, mode) in [(UNPACKED, 0o700), (PREFIX, 0o755)] {
            self.work.create_dir(name, mode)?;
        }
        let at = |name: &str| self.work.path().join(name);
        let places = Places {
            archives: at(ARCHIVES),
            unpacked: at(UNPACKED),
            prefix: at(PREFIX),
            seen: self.root.seen_prefix_path(id),
        };
        link(records, &places, self.machine, self.tools)?;
        Ok(self.work.dir(PREFIX)?)
    }

    /// The interpreter among what was linked.
    fn python(&self, parts: &Parts) -> Result<Option<PathBuf>, Error> {
        let Some(version) = self.solved.python() else { return Ok(None) };
        let short: Vec<&str> = version.split('.').take(2).collect();
        let path = format!("bin/python{}", short.join("."));
        match parts.get(&path) {
            Some(Part::Program(_)) => Ok(Some(path.into())),
            _ => Err(Error::archive("python", format!("it has no program `{path}`"))),
        }
    }
}

/// The names by which libraries are found in what was linked.
fn libraries(parts: &Parts) -> Vec<String> {
    let names = parts.keys().filter_map(|path| path.strip_prefix("lib/"));
    names.filter(|name| !name.contains('/') && is_object_name(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
