//! A builder that may only take what was built elsewhere, and where it keeps what.

use std::path::Path;
use std::sync::Arc;

use pyfast_index::cache::Cache;
use pyfast_index::client::{Client, ClientOptions};
use pyfast_index::credentials::Credentials;
use pyfast_packaging::build::BuildStage;
use pyfast_packaging::formats::FormatControl;
use pyfast_resolver::Sources;

use super::*;
use crate::build::{BuildOptions, BuildTools};
use crate::fixtures::{WheelFile, interpreter};

/// A machine that got wheels: `root` is where it installs, `carried` what came.
struct Machine {
    directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Machine {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { directory: tempfile::tempdir().unwrap(), runtime }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn send(&self, source: &SourceDist, wheel: &WheelFile, digest: &str) {
        let name = carried::name(&source.tree);
        let carried = self.path("carried");
        let path = carried.join(carried_wheel(&name, &wheel.filename));
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, wheel.bytes()).unwrap();
        fs_err::write(carried.join(carried_digest(&name)), digest).unwrap();
    }

    fn builder(&self) -> Builder {
        let options = BuildOptions {
            interpreter: interpreter(),
            foreign: false,
            variables: std::collections::BTreeMap::new(),
            config_settings: pyfast_packaging::requirement_line::BuildSettings::default(),
            settings_of: Vec::new(),
            constraints: Vec::new(),
            formats: FormatControl::default(),
            exclude_newer: None,
            shared: None,
            at_once: std::num::NonZeroUsize::MIN,
            carried: Some(Carried::Wheels(self.path("carried"))),
        };
        let client = Client::new(ClientOptions::default(), Credentials::default());
        let tools = BuildTools {
            store: self.path("root"),
            yard: self.path("yard"),
            client: Arc::new(client),
            cache: Cache::new(None),
            sources: Sources::default(),
            runtime: self.runtime.handle().clone(),
            sink: Arc::new(|_| ()),
        };
        Builder::new(options, tools)
    }
}

/// A directory that is not on this machine.
fn source(name: &str) -> SourceDist {
    SourceDist {
        name: Some(name.parse().unwrap()),
        version: None,
        tree: SourceTree::Directory(Path::new("/not/here").join(name)),
        subdirectory: None,
        editable: false,
    }
}

const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

#[track_caller]
fn refused(outcome: Result<crate::build::BuiltWheel, Error>, stage: BuildStage, part: &str) {
    match outcome {
        Err(Error::Build(failure)) => {
            assert_eq!(failure.stage, stage);
            assert!(failure.reason.contains(part), "{failure}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wheel_that_came_is_admitted_and_remembered_by_what_it_was_built_of() {
    let machine = Machine::new();
    let (local, wheel) = (source("local"), WheelFile::new("local", "1.0"));
    machine.send(&local, &wheel, ONE);
    assert!(machine.builder().is_brought(&local));
    let built = machine.builder().wheel(&local).unwrap();
    assert_eq!(built, built_wheel(wheel.filename.clone(), &wheel.bytes()).unwrap());
    // The same source again, as a build that is not reproducible gives it: the first one stands.
    let other = wheel.clone().file("more.py", "x = 1\n");
    machine.send(&local, &other, ONE);
    assert_eq!(machine.builder().wheel(&local).unwrap(), built);
    machine.send(&local, &other, TWO);
    assert_eq!(machine.builder().wheel(&local).unwrap().sha256, record::sha256(&other.bytes()));
    assert!(!machine.path("yard").exists(), "nothing happened where builds happen");
}

#[test]
fn a_source_whose_wheel_did_not_come_is_not_built() {
    let machine = Machine::new();
    fs_err::create_dir_all(machine.path("carried")).unwrap();
    assert!(!machine.builder().is_brought(&source("local")));
    refused(machine.builder().wheel(&source("local")), BuildStage::Allowed, MISSING);
    // With its digest, and even with the source itself.
    let name = carried::name(&source("local").tree);
    fs_err::write(machine.path("carried").join(carried_digest(&name)), ONE).unwrap();
    fs_err::write(machine.path("carried").join(&name), "a source").unwrap();
    refused(machine.builder().wheel(&source("local")), BuildStage::Allowed, MISSING);
}

#[test]
fn a_wheel_of_another_project_or_of_no_format_is_refused() {
    let machine = Machine::new();
    let (local, other) = (source("local"), WheelFile::new("other", "1.0"));
    machine.send(&local, &other, ONE);
    refused(machine.builder().wheel(&local), BuildStage::Wheel, "another project's wheel");
    let broken = WheelFile::new("broken", "1.0").record("");
    machine.send(&source("broken"), &broken, ONE);
    assert!(matches!(machine.builder().wheel(&source("broken")), Err(Error::Wheel { .. })));
    assert!(built_wheel(broken.filename.clone(), &broken.bytes()).is_err());
}
