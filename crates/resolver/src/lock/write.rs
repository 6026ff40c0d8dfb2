//! The document of a lock: its tables, in the order that PEP 751 names their keys.

use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::model::{Lock, LockedFile, LockedPackage, Span};
use super::tree;
use pyfast_packaging::dist_file::{FileFacts, Location};
use pyfast_packaging::hash::{OtherDigest, Sha256};
use pyfast_packaging::marker;

impl Lock {
    /// The text of `pylock.toml`. Paths below `directory` are written relative to it.
    pub fn to_toml(&self, directory: &Path) -> String {
        document(self, directory).to_string()
    }
}

fn document(lock: &Lock, directory: &Path) -> DocumentMut {
    let mut document = DocumentMut::new();
    document["lock-version"] = value("1.0");
    if !lock.environments.is_empty() {
        document["environments"] = value(lock.environments.iter().collect::<Array>());
    }
    if let Some(specifiers) = &lock.requires_python {
        document["requires-python"] = value(pyfast_packaging::requirement::compact(specifiers));
    }
    document["created-by"] = value("pyfast");
    let packages: ArrayOfTables =
        lock.packages.iter().map(|package| package_table(package, lock, directory)).collect();
    document["packages"] =
        if packages.is_empty() { value(Array::new()) } else { Item::ArrayOfTables(packages) };
    document["tool"] = Item::Table(tool(lock));
    document
}

fn package_table(package: &LockedPackage, lock: &Lock, directory: &Path) -> Table {
    let mut table = Table::new();
    table["name"] = value(package.name.to_string());
    let tree = package.tree.as_ref().and_then(|tree| tree::table(tree, directory));
    // PEP 751: the version of a source tree may change with it.
    if tree.is_none() {
        table["version"] = value(package.version.to_string());
    }
    if let Some(marker) = marker::text_or_note(&package.marker) {
        table["marker"] = value(marker);
    }
    if let Some(specifiers) = &package.requires_python {
        table["requires-python"] = value(pyfast_packaging::requirement::compact(specifiers));
    }
    if !package.dependencies.is_empty() {
        table["dependencies"] = value(references(package, lock));
    }
    if let Some(index) = &package.index {
        table["index"] = value(index.as_str());
    }
    if let Some((key, tree)) = tree {
        table[key] = value(tree);
        let mut version = Table::new();
        version["version"] = value(package.version.to_string());
        table["tool"] = Item::Table(own(version));
        return table;
    }
    if !package.files.is_empty() {
        add_files(&mut table, &package.files, directory);
        return table;
    }
    let artifact = own_artifact(package, directory);
    if package.direct {
        table["archive"] = value(artifact);
    } else if package.filename.source().is_some() {
        table["sdist"] = value(artifact);
    } else {
        table["wheels"] = value(Array::from_iter([artifact]));
    }
    table
}

/// The packages that one depends on, with their versions where the name alone does not say which.
fn references(package: &LockedPackage, lock: &Lock) -> Array {
    let mut references = Array::new();
    for name in &package.dependencies {
        let named = || lock.packages.iter().filter(|other| other.name == *name);
        let several = named().nth(1).is_some();
        // What is for other interpreters is not depended on.
        let meant = named().filter(|other| !marker::disjoint(&other.marker, &package.marker));
        let name = Value::from(name.to_string());
        if !several {
            references.push(InlineTable::from_iter([("name", name)]));
            continue;
        }
        for other in meant {
            let version = Value::from(other.version.to_string());
            references.push(InlineTable::from_iter([("name", name.clone()), ("version", version)]));
        }
    }
    references
}

/// The files of a version that several targets choose from: its source, and its wheels by their names.
fn add_files(table: &mut Table, files: &[LockedFile], directory: &Path) {
    let entry = |file: &LockedFile| {
        let mut entry = InlineTable::new();
        entry.insert("name", file.filename.as_str().into());
        artifact(&mut entry, &file.location, &file.facts, directory);
        entry.insert("hashes", hashes(file.sha256, &file.others));
        entry
    };
    if let Some(source) = files.iter().find(|file| file.filename.source().is_some()) {
        table["sdist"] = value(entry(source));
    }
    let mut wheels: Vec<_> = files.iter().filter(|file| file.filename.wheel().is_some()).collect();
    wheels.sort_by(|a, b| a.filename.as_str().cmp(b.filename.as_str()));
    if !wheels.is_empty() {
        let mut array = wheels.into_iter().map(entry).collect::<Array>();
        // A line each: a change of one file is a change of one line.
        for wheel in array.iter_mut() {
            wheel.decor_mut().set_prefix("\n    ");
        }
        array.set_trailing_comma(true);
        array.set_trailing("\n");
        table["wheels"] = value(array);
    }
}

fn own_artifact(package: &LockedPackage, directory: &Path) -> InlineTable {
    let mut table = InlineTable::new();
    if !package.direct {
        table.insert("name", package.filename.as_str().into());
    }
    artifact(&mut table, &package.location, &package.facts, directory);
    if let Some(below) = package.subdirectory() {
        table.insert("subdirectory", below.into());
    }
    let others = package.pending.as_ref().map(|pending| &pending.others[..]);
    table.insert("hashes", hashes(package.sha256, others.unwrap_or_default()));
    table
}

pub(super) fn hashes(sha256: Option<Sha256>, others: &[OtherDigest]) -> Value {
    let sha256 = sha256.map(|sha256| ("sha256", Value::from(sha256.to_string())));
    let others = others.iter().map(|other| (other.kind().name(), Value::from(other.digits())));
    sha256.into_iter().chain(others).collect::<InlineTable>().into()
}

pub(super) fn artifact(
    artifact: &mut InlineTable,
    location: &Location,
    facts: &FileFacts,
    directory: &Path,
) {
    // Each fact is named, so that a new one is thought about here.
    let FileFacts { size, upload_time } = facts;
    if let Some(time) = upload_time
        && let Ok(time) = time.parse::<toml_edit::Datetime>()
    {
        artifact.insert("upload-time", time.into());
    }
    match location {
        Location::Url(url) => artifact.insert("url", url.as_str().into()),
        Location::Path(path) => artifact.insert("path", tree::relative(path, directory).into()),
    };
    if let Some(size) = size.and_then(|size| i64::try_from(size).ok()) {
        artifact.insert("size", size.into());
    }
}

/// pyfast's own table: what no key of PEP 751 says.
fn tool(lock: &Lock) -> Table {
    let requested = lock.packages.iter().filter(|package| package.requested);
    let mut requested: Vec<String> = requested.map(|package| package.name.to_string()).collect();
    requested.dedup();
    let mut pyfast = Table::new();
    match &lock.span {
        Span::One => {}
        Span::Universal => pyfast["universal"] = value(true),
        Span::Targets(targets) => {
            pyfast["targets"] = value(targets.iter().collect::<Array>());
        }
    }
    pyfast["requested"] = value(requested.into_iter().collect::<Array>());
    if let Some(inputs) = &lock.inputs {
        pyfast["inputs"] = value(inputs.as_str());
    }
    own(pyfast)
}

fn own(pyfast: Table) -> Table {
    let mut tool = Table::new();
    tool.set_implicit(true);
    tool["pyfast"] = Item::Table(pyfast);
    tool
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::target;
    use pyfast_packaging::filename::{DistFilename, SourceFilename};
    use pyfast_packaging::source_dist::{SourceDist, SourceTree};

    fn locked(name: &str, location: Location) -> LockedPackage {
        LockedPackage {
            name: name.parse().expect("a name"),
            version: "1.0".parse().expect("a version"),
            filename: DistFilename::Wheel(
                format!("{name}-1.0-py3-none-any.whl").parse().expect("a file name"),
            ),
            location,
            sha256: Some(Sha256([7; 32])),
            pending: None,
            tree: None,
            facts: FileFacts {
                size: Some(9),
                upload_time: Some("2026-01-02T03:04:05.678Z".to_owned()),
            },
            index: None,
            direct: false,
            requested: name == "a",
            dependencies: Vec::new(),
            marker: pep508_rs::MarkerTree::TRUE,
            requires_python: None,
            files: Vec::new(),
        }
    }

    #[test]
    fn a_lock_survives_the_way_through_its_text() {
        let url = "https://h.test/a-1.0-py3-none-any.whl".parse().expect("a URL");
        let mut first = locked("a", Location::Url(url));
        first.dependencies = vec!["b".parse().expect("a name")];
        let mut second = locked("b", Location::Path("/p/w/b-1.0-py3-none-any.whl".into()));
        second.direct = true;
        let url = "https://h.test/c-1.0.tar.gz".parse().expect("a URL");
        let mut third = locked("c", Location::Url(url));
        let source = SourceFilename::parse("c-1.0.tar.gz").expect("a file name");
        third.filename = DistFilename::Source(source);
        let lock = Lock {
            packages: vec![first, second, third],
            requires_python: "==3.11.*".parse().ok(),
            environments: vec!["sys_platform == 'linux'".to_owned()],
            inputs: Some("x".to_owned()),
            span: Span::One,
        };
        let text = lock.to_toml(Path::new("/p"));
        assert!(text.contains("path = \"w/b-1.0-py3-none-any.whl\""), "{text}");
        assert!(text.contains("sdist = { name = \"c-1.0.tar.gz\""), "{text}");
        let read = Lock::from_toml(&text, Path::new("/p/pylock.toml"), &target()).expect("read");
        assert_eq!(read, lock);
        assert_eq!(read.to_toml(Path::new("/p")), text);
    }

    fn tree(name: &str, tree: SourceTree, subdirectory: Option<&str>) -> LockedPackage {
        let editable = matches!(tree, SourceTree::Directory(_));
        let (name, subdirectory) = (name.parse().expect("a name"), subdirectory.map(str::to_owned));
        let dist = SourceDist { name: Some(name), version: None, tree, subdirectory, editable };
        let mut package = locked("x", dist.tree.location());
        package.name = dist.name.clone().expect("a name");
        package.filename = tree::filename(&dist, &package.name, Some(&package.version));
        (package.sha256, package.facts) = (None, FileFacts::default());
        LockedPackage { tree: Some(dist), direct: true, ..package }
    }

    #[test]
    fn sources_survive_the_way_through_the_text_without_a_version_of_the_lock_format() {
        let directory = SourceTree::Directory("/p/../q/d".into());
        let url = "https://h.test/r.git".parse().expect("a URL");
        let repository = SourceTree::Repository {
            url,
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            requested: Some("main".to_owned()),
        };
        let packages = vec![
            tree("a", SourceTree::Directory("/p/d".into()), Some("x")),
            tree("b", repository, None),
        ];
        let lock = Lock { packages, ..Lock::default() };
        let text = lock.to_toml(Path::new("/p"));
        assert!(text.contains("directory = { path = \"d\", editable = true, sub"), "{text}");
        assert!(text.contains("requested-revision = \"main\", commit-id = \"0123"), "{text}");
        let read = Lock::from_toml(&text, Path::new("/p/pylock.toml"), &target()).expect("read");
        assert_eq!(read.to_toml(Path::new("/p")), text);
        assert_eq!(read, lock);
        let (_, outside) =
            tree::table(&tree("a", directory, None).tree.expect("a tree"), Path::new("/q/p"))
                .expect("a table");
        assert_eq!(outside["path"].as_str(), Some("../d"));
    }

    #[test]
    fn locks_for_something_else_are_refused() {
        let check = |text: &str, reason: &str| {
            let error = Lock::from_toml(text, Path::new("pylock.toml"), &target());
            let error = error.expect_err("refused").to_string();
            assert!(error.contains(reason), "{error}");
        };
        check("lock-version = '2.0'", "version is 2.0");
        check("lock-version = '1.0'\nrequires-python = '>=3.12'", "for Python >=3.12");
        check(
            "lock-version = '1.0'\nenvironments = [\"sys_platform == 'win32'\"]",
            "other platforms",
        );
        check(
            "lock-version = '1.0'\n[[packages]]\nname='a'\nversion='1'\n[packages.sdist]\nname='a-1.tar.Z'\nhashes={}\n",
            "none of its files",
        );
        check("[", "TOML");
    }
}
