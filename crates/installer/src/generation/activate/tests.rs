//! Generations come and go; `current` is always a whole one.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pyfast_root::layout::project_env_path;

use super::*;
use crate::event::Event;
use crate::fixtures::{Sandbox, WheelFile};
use crate::generation::compose;
use crate::link::EnvironmentSpec;

fn name() -> ProjectEnv {
    ProjectEnv::new("shop", "backend").unwrap()
}

fn spec(sandbox: &Sandbox, version: &str) -> EnvironmentSpec {
    let wheel = WheelFile::new("pkg", version).file("pkg.py", format!("v = '{version}'\n"));
    sandbox.spec(&[wheel])
}

fn made(sandbox: &Sandbox, spec: &EnvironmentSpec) -> Generation {
    let plan = crate::link::plan::plan(&sandbox.store, spec).unwrap();
    compose(&sandbox.store, spec, &plan, &format!("lock of {}", plan.id), &|_| ()).unwrap()
}

/// When each thing below a directory was changed last, as the file system notes it.
fn changed(directory: &Path) -> BTreeMap<PathBuf, (i64, i64)> {
    let mut found = BTreeMap::new();
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let facts = fs_err::symlink_metadata(&path).unwrap();
        if facts.is_dir() {
            found.extend(changed(&path));
        }
        found.insert(path, (facts.ctime(), facts.ctime_nsec()));
    }
    found
}

#[test]
fn activation_is_a_relative_link_with_a_history() {
    let sandbox = Sandbox::new();
    let root = &sandbox.root;
    let [old, new] = ["1.0", "2.0"].map(|version| made(&sandbox, &spec(&sandbox, version)));
    assert_eq!(current(root, &name()).unwrap(), None);
    assert!(activate(root, &name(), &old, 1, Cause::Sync).unwrap());
    assert!(activate(root, &name(), &new, 2, Cause::Sync).unwrap());
    assert!(!activate(root, &name(), &new, 3, Cause::Sync).unwrap(), "it was current");
    let place = project_env_path(root.written(), &name());
    let link = fs_err::read_link(place.join("current")).unwrap();
    assert_eq!(link, Path::new("../../../envs/v1").join(&new.id));
    assert!(place.join("current/bin/python").exists());
    let lock = fs_err::read_to_string(place.join("pylock.toml")).unwrap();
    assert_eq!(lock, format!("lock of {}", new.id));
    let past = root.history(&name()).unwrap();
    let expected = [
        Activation { id: old.id.clone(), at: 1, previous: None, cause: Some(Cause::Sync) },
        Activation { id: new.id, at: 2, previous: Some(old.id), cause: Some(Cause::Sync) },
    ];
    assert_eq!(past, expected);
}

#[test]
fn going_back_needs_no_store_touches_no_environment_and_takes_the_lock_along() {
    let sandbox = Sandbox::new();
    let root = &sandbox.root;
    let [old, new] = ["1.0", "2.0"].map(|version| made(&sandbox, &spec(&sandbox, version)));
    activate(root, &name(), &old, 1, Cause::Sync).unwrap();
    activate(root, &name(), &new, 2, Cause::Sync).unwrap();
    // What makes it quick: nothing that grows with an environment is read or written.
    let (store, aside) = (root.written().join("store"), root.written().join("aside"));
    fs_err::rename(&store, &aside).unwrap();
    let before = changed(&root.written().join("envs"));
    let target = rollback_target(root, &name(), &Rollback::Back(1)).unwrap();
    activate(root, &name(), &target, 3, Cause::Sync).unwrap();
    assert_eq!(changed(&root.written().join("envs")), before);
    assert!(!store.exists());
    fs_err::rename(&aside, &store).unwrap();
    assert_eq!(current(root, &name()).unwrap(), Some(old.clone()));
    let place = project_env_path(root.written(), &name());
    let lock = fs_err::read_to_string(place.join("pylock.toml")).unwrap();
    assert_eq!(lock, format!("lock of {}", old.id));
    let to = |text: &str| rollback_target(root, &name(), &Rollback::To(text.to_owned()));
    assert_eq!(to(&new.id[..8]).unwrap(), new);
    for unknown in ["", "zz", "../x"] {
        assert!(matches!(to(unknown), Err(Error::NoGeneration { .. })), "{unknown:?}");
    }
    assert!(rollback_target(root, &name(), &Rollback::Back(99)).is_err());
    fs_err::remove_file(new.path.join("env.json")).unwrap();
    assert!(to(&new.id).is_err(), "what is not whole is not there");
}

#[test]
fn equal_inputs_give_the_existing_generation() {
    let sandbox = Sandbox::new();
    let spec = spec(&sandbox, "1.0");
    let first = made(&sandbox, &spec);
    let plan = crate::link::plan::plan(&sandbox.store, &spec).unwrap();
    let seen = std::sync::Mutex::new(Vec::new());
    let events = |event: Event| seen.lock().unwrap().push(event);
    assert_eq!(compose(&sandbox.store, &spec, &plan, "", &events).unwrap(), first);
    let seen = seen.into_inner().unwrap();
    assert!(matches!(&seen[..], [Event::Composed { id, reused: true }] if *id == first.id));
    assert_eq!(first.spec(&sandbox.root).unwrap(), spec);
    assert_eq!(Generation::all(&sandbox.root).unwrap(), [first]);
}

#[test]
fn each_input_shapes_the_id_and_the_kernel_does_not() {
    let sandbox = Sandbox::new();
    let spec = spec(&sandbox, "1.0");
    let id = |spec: &EnvironmentSpec| crate::link::id(&sandbox.root, spec);
    let base = id(&spec);
    assert_eq!(base.len(), 20);
    let mut other = spec.clone();
    other.interpreter.executable = "/elsewhere/python".into();
    assert_ne!(id(&other), base);
    let mut other = spec.clone();
    other.packages[0].requested = true;
    assert_ne!(id(&other), base);
    let mut other = spec.clone();
    other.options.compiled = true;
    assert_ne!(id(&other), base);
    let text = serde_json::to_string(&spec.interpreter).unwrap();
    let release = spec.interpreter.markers.platform_release().to_owned();
    let mut other = spec.clone();
    other.interpreter = serde_json::from_str(&text.replace(&release, "9.9")).unwrap();
    assert_eq!(id(&other), base);
    let elsewhere = Root::create(sandbox.root.written(), Path::new("/pyfast")).unwrap();
    assert_ne!(crate::link::id(&elsewhere, &spec), base, "shebangs name the seen root");
}

#[test]
fn a_generation_that_is_not_whole_is_made_again() {
    let sandbox = Sandbox::new();
    let spec = spec(&sandbox, "1.0");
    let plan = crate::link::plan::plan(&sandbox.store, &spec).unwrap();
    // What a power cut leaves: the directory without its last file.
    fs_err::create_dir_all(sandbox.root.env_path(&plan.id).join("bin")).unwrap();
    assert_eq!(Generation::find(&sandbox.root, &plan.id).unwrap(), None);
    let generation = made(&sandbox, &spec);
    assert!(generation.path.join("bin/python").exists());
}

#[test]
fn a_failed_composition_leaves_nothing() {
    let sandbox = Sandbox::new();
    let spec = spec(&sandbox, "1.0");
    let mut plan = crate::link::plan::plan(&sandbox.store, &spec).unwrap();
    plan.steps.push(crate::link::Step::Directory { path: "no/such/parent".into() });
    let error = compose(&sandbox.store, &spec, &plan, "", &|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("cannot create ") && error.contains("no/such/parent"), "{error}");
    assert!(Generation::all(&sandbox.root).unwrap().is_empty());
    assert_eq!(fs_err::read_dir(sandbox.at("envs/v1")).unwrap().count(), 0);
    assert!(sandbox.store.workspace().entries().unwrap().is_empty());
}

#[test]
fn several_processes_make_one_generation() {
    let sandbox = Sandbox::new();
    let spec = spec(&sandbox, "1.0");
    let fresh = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = crate::store::Store::open(&sandbox.root, &|_| ()).unwrap();
                let plan = crate::link::plan::plan(&sandbox.store, &spec).unwrap();
                let count = |event: Event| {
                    let made = matches!(event, Event::Composed { reused: false, .. });
                    fresh.fetch_add(u32::from(made), std::sync::atomic::Ordering::Relaxed);
                };
                let generation = compose(&store, &spec, &plan, "", &count).unwrap();
                let _alone = lock_project(&sandbox.root, &name(), &|_| ()).unwrap();
                activate(&sandbox.root, &name(), &generation, 1, Cause::Sync).unwrap();
            });
        }
    });
    assert_eq!(fresh.into_inner(), 1);
    assert_eq!(sandbox.root.history(&name()).unwrap().len(), 1);
}

#[test]
fn a_leased_generation_is_not_removed() {
    let sandbox = Sandbox::new();
    let generation = made(&sandbox, &spec(&sandbox, "1.0"));
    activate(&sandbox.root, &name(), &generation, 1, Cause::Sync).unwrap();
    let lease = generation.lease(&sandbox.root).unwrap();
    assert!(!generation.remove(&sandbox.store).unwrap());
    assert!(generation.path.exists());
    drop(lease);
    assert!(generation.remove(&sandbox.store).unwrap());
    assert_eq!(current(&sandbox.root, &name()).unwrap(), None);
    assert!(generation.lease(&sandbox.root).is_err());
}

#[test]
fn an_activation_that_cannot_be_remembered_does_not_happen() {
    let sandbox = Sandbox::new();
    let root = &sandbox.root;
    let [old, new] = ["1.0", "2.0"].map(|version| made(&sandbox, &spec(&sandbox, version)));
    activate(root, &name(), &old, 1, Cause::Sync).unwrap();
    let history = project_env_path(root.written(), &name()).join("history.jsonl");
    fs_err::rename(&history, history.with_extension("kept")).unwrap();
    fs_err::create_dir(&history).unwrap();
    activate(root, &name(), &new, 2, Cause::Sync).unwrap_err();
    assert_eq!(current(root, &name()).unwrap(), Some(old.clone()));
    fs_err::remove_dir(&history).unwrap();
    fs_err::rename(history.with_extension("kept"), &history).unwrap();
    // Nor is one remembered that did not happen.
    let link = history.with_file_name("current");
    fs_err::remove_file(&link).unwrap();
    fs_err::create_dir(&link).unwrap();
    activate(root, &name(), &new, 2, Cause::Sync).unwrap_err();
    let ids: Vec<String> = root.history(&name()).unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(ids, [old.id]);
}

#[test]
fn rollback_counts_from_what_is_current_and_over_torn_lines() {
    let sandbox = Sandbox::new();
    let root = &sandbox.root;
    let all = ["1.0", "2.0", "3.0"].map(|version| made(&sandbox, &spec(&sandbox, version)));
    let history = project_env_path(root.written(), &name()).join("history.jsonl");
    activate(root, &name(), &all[0], 1, Cause::Sync).unwrap();
    activate(root, &name(), &all[1], 2, Cause::Sync).unwrap();
    let torn = fs_err::read_to_string(&history).unwrap() + "{\"id\":\"to";
    fs_err::write(&history, torn).unwrap();
    activate(root, &name(), &all[2], 3, Cause::Sync).unwrap();
    let target = || rollback_target(root, &name(), &Rollback::Back(1)).unwrap();
    assert_eq!(target(), all[1]);
    // Killed after the history was written.
    root.remember(
        &name(),
        &Activation { id: all[0].id.clone(), at: 4, previous: None, cause: None },
    )
    .unwrap();
    assert_eq!(target(), all[1]);
}
