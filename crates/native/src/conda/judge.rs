//! What is linked, judged by what archives say of themselves: a channel or a lock may have said otherwise. Must not know how
//! anything was chosen.

use std::collections::{BTreeMap, BTreeSet};

use pyfast_installer::prefix::NativePackage;
use rattler_conda_types::package::{CondaArchiveIdentifier, IndexJson};
use rattler_conda_types::{
    GenericVirtualPackage, MatchSpec, Matches as _, PackageRecord, ParseStrictness, RepoDataRecord,
    Subdir,
};
use url::Url;

use super::platform;
use super::virtual_packages::virtual_packages;
use crate::error::{Error, whole};
use crate::machine::Machine;

/// How what only machines have is named among what packages need.
const VIRTUAL: &str = "__";

/// A package as its own archive describes it; refused where that is another than was chosen.
pub(crate) fn record(package: &NativePackage, index: &str) -> Result<RepoDataRecord, Error> {
    let wrong = |reason: String| Error::archive(&package.file, reason);
    let index: IndexJson = serde_json::from_str(index)
        .map_err(|error| wrong(format!("what it says of itself cannot be read: {error}")))?;
    let said = format!("{} {} {}", index.name.as_normalized(), index.version, index.build);
    let meant = format!("{} {} {}", package.name, package.version, package.build);
    if said != meant {
        return Err(wrong(format!("it says that it is {said}, and {meant} was chosen")));
    }
    let url = Url::parse(&package.url).map_err(|error| wrong(error.to_string()))?;
    let identifier = CondaArchiveIdentifier::try_from_filename(&package.file);
    let identifier = identifier.ok_or_else(|| wrong("its name is no package's".to_owned()))?;
    let digest = Some(package.sha256.0.into());
    let package_record = PackageRecord::from_index_json(index, package.size, digest, None)
        .map_err(|error| wrong(whole(&error)))?;
    Ok(RepoDataRecord { package_record, identifier: identifier.into(), url, channel: None })
}

/// What packages need of the machine that they run on, sorted.
pub(crate) fn needs(records: &[RepoDataRecord]) -> Vec<String> {
    let depends = records.iter().flat_map(|record| &record.package_record.depends);
    let needs: BTreeSet<&String> = depends.filter(|text| text.starts_with(VIRTUAL)).collect();
    needs.into_iter().cloned().collect()
}

/// Refuses what would not run on a machine: it may have been chosen for another.
pub(crate) fn suits(needs: &[String], machine: &Machine) -> Result<(), Error> {
    let has = virtual_packages(machine)?;
    for need in needs {
        let wrong = |reason: String| Error::Spec { spec: need.clone(), reason };
        let spec = MatchSpec::from_str(need, ParseStrictness::Lenient)
            .map_err(|error| wrong(whole(&error)))?;
        if !has.iter().any(|one: &GenericVirtualPackage| spec.matches(one)) {
            let (need, glibc) = (need.clone(), machine.glibc.clone());
            return Err(Error::Unsuited { need, arch: machine.arch.clone(), glibc });
        }
    }
    Ok(())
}

/// Refuses archives for other machines, and two of one package.
pub(crate) fn fit_the_machine(records: &[RepoDataRecord], machine: &Machine) -> Result<(), Error> {
    let mut all: BTreeMap<&str, &RepoDataRecord> = BTreeMap::new();
    let own = [platform(machine)?.as_str(), Subdir::NoArch.as_str()];
    for record in records {
        let PackageRecord { name, subdir, .. } = &record.package_record;
        if !own.contains(&subdir.as_str()) {
            return Err(no_whole(record, format!("it is for {subdir}, and {} is wanted", own[0])));
        }
        if let Some(other) = all.insert(name.as_normalized(), record) {
            let reason = format!("{} is the same package", other.identifier);
            return Err(no_whole(record, reason));
        }
    }
    Ok(())
}

/// Refuses archives that need one which is not among them: a lock may have been edited or merged. Channels correct what
/// archives say that they need, versions and names too: this is for what no channel's list is known to have given together,
/// and looks at names alone.
pub(crate) fn hold_together(records: &[RepoDataRecord]) -> Result<(), Error> {
    let name = |record: &RepoDataRecord| record.package_record.name.as_normalized().to_owned();
    let all: BTreeSet<String> = records.iter().map(name).collect();
    for record in records {
        let mut needs = record.package_record.depends.iter();
        let is_missing = |text: &&String| {
            !text.starts_with(VIRTUAL) && !all.contains(NativePackage::name_in(text))
        };
        if let Some(missing) = needs.find(is_missing) {
            let reason = format!("it needs `{missing}`, which is not among them");
            return Err(no_whole(record, reason));
        }
    }
    Ok(())
}

fn no_whole(record: &RepoDataRecord, reason: String) -> Error {
    Error::NoWhole { file: record.identifier.to_string(), reason }
}

/// Two installers must not own one site-packages. What Python itself depends on is its own.
pub(crate) fn refuse_python_packages(records: &[RepoDataRecord]) -> Result<(), Error> {
    let needs = |record: &RepoDataRecord| -> BTreeSet<String> {
        let needs = record.package_record.depends.iter();
        needs.map(|text| NativePackage::name_in(text).to_owned()).collect()
    };
    let of: BTreeMap<&str, BTreeSet<String>> = records
        .iter()
        .map(|record| (record.package_record.name.as_normalized(), needs(record)))
        .collect();
    let (mut own, mut open) = (BTreeSet::new(), vec!["python".to_owned()]);
    while let Some(name) = open.pop() {
        if own.insert(name.clone()) {
            open.extend(of.get(&*name).into_iter().flatten().cloned());
        }
    }
    let foreign = records.iter().find(|record| {
        let name = record.package_record.name.as_normalized();
        let on_python = ["python", "python_abi"].iter().any(|python| of[name].contains(*python));
        !own.contains(name) && (record.package_record.noarch.is_python() || on_python)
    });
    match foreign {
        None => Ok(()),
        Some(record) => Err(Error::PythonPackage {
            package: record.package_record.name.as_normalized().to_owned(),
        }),
    }
}
