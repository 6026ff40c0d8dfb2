//! Generations come and go; `current` is always a whole one.

use std::time::Instant;

use super::*;
use crate::environment::compose;
use crate::event::Event;
use crate::fixtures::{Root, WheelFile};
use crate::plan::EnvironmentSpec;

fn name() -> ProjectEnv {
    ProjectEnv::new("shop", "backend").unwrap()
}

fn spec(root: &Root, version: &str) -> EnvironmentSpec {
    let wheel = WheelFile::new("pkg", version).file("pkg.py", format!("v = '{version}'\n"));
    root.spec(&[wheel])
}

fn made(root: &Root, spec: &EnvironmentSpec) -> Generation {
    let plan = crate::plan(&root.layout, spec).unwrap();
    compose(&root.store, spec, &plan, &format!("lock of {}", plan.id), &|_| ()).unwrap()
}

#[test]
fn activation_is_a_relative_link_with_a_history() {
    let root = Root::new();
    let layout = &root.layout;
    let [old, new] = ["1.0", "2.0"].map(|version| made(&root, &spec(&root, version)));
    assert_eq!(current(layout, &name()), None);
    assert!(activate(layout, &name(), &old, 1).unwrap());
    assert!(activate(layout, &name(), &new, 2).unwrap());
    assert!(!activate(layout, &name(), &new, 3).unwrap(), "it was current");
    let link = fs_err::read_link(layout.current(&name())).unwrap();
    assert_eq!(link, Path::new("../../../envs/v1").join(&new.id));
    assert!(layout.current(&name()).join("bin/python").exists());
    let lock = fs_err::read_to_string(layout.lock_copy(&name())).unwrap();
    assert_eq!(lock, format!("lock of {}", new.id));
    let past = history(layout, &name()).unwrap();
    let expected = [
        Activation { id: old.id.clone(), at: 1, previous: None },
        Activation { id: new.id, at: 2, previous: Some(old.id) },
    ];
    assert_eq!(past, expected);
}

#[test]
fn going_back_is_quick_and_takes_the_lock_along() {
    let root = Root::new();
    let layout = &root.layout;
    let [old, new] = ["1.0", "2.0"].map(|version| made(&root, &spec(&root, version)));
    activate(layout, &name(), &old, 1).unwrap();
    activate(layout, &name(), &new, 2).unwrap();
    let begun = Instant::now();
    let target = rollback_target(layout, &name(), &Rollback::Back(1)).unwrap();
    activate(layout, &name(), &target, 3).unwrap();
    let taken = begun.elapsed();
    assert!(taken.as_millis() <= 10, "{taken:?}");
    assert_eq!(current(layout, &name()), Some(old.clone()));
    let lock = fs_err::read_to_string(layout.lock_copy(&name())).unwrap();
    assert_eq!(lock, format!("lock of {}", old.id));
    let to = |text: &str| rollback_target(layout, &name(), &Rollback::To(text.to_owned()));
    assert_eq!(to(&new.id[..8]).unwrap(), new);
    for unknown in ["", "zz", "../x"] {
        assert!(matches!(to(unknown), Err(Error::NoGeneration { .. })), "{unknown:?}");
    }
    assert!(rollback_target(layout, &name(), &Rollback::Back(9)).is_err());
    fs_err::remove_file(new.path.join("env.json")).unwrap();
    assert!(to(&new.id).is_err(), "what is not whole is not there");
}

#[test]
fn equal_inputs_give_the_existing_generation() {
    let root = Root::new();
    let spec = spec(&root, "1.0");
    let first = made(&root, &spec);
    let plan = crate::plan(&root.layout, &spec).unwrap();
    let seen = std::sync::Mutex::new(Vec::new());
    let events = |event: Event| seen.lock().unwrap().push(event);
    assert_eq!(compose(&root.store, &spec, &plan, "", &events).unwrap(), first);
    let reused = Event::Composed { id: first.id.clone(), reused: true };
    assert_eq!(*seen.lock().unwrap(), [reused]);
    assert_eq!(first.spec().unwrap(), spec);
    assert_eq!(Generation::all(&root.layout).unwrap(), [first]);
}

#[test]
fn each_input_shapes_the_id_and_the_kernel_does_not() {
    let root = Root::new();
    let spec = spec(&root, "1.0");
    let id = |spec: &EnvironmentSpec| crate::id(&root.layout, spec);
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
    let elsewhere = Layout::open(root.layout.written(), Path::new("/pyfast")).unwrap();
    assert_ne!(crate::id(&elsewhere, &spec), base, "shebangs name the seen root");
}

#[test]
fn a_generation_that_is_not_whole_is_made_again() {
    let root = Root::new();
    let spec = spec(&root, "1.0");
    let plan = crate::plan(&root.layout, &spec).unwrap();
    // What a power cut leaves: the directory without its last file.
    fs_err::create_dir_all(root.layout.env(&plan.id).join("bin")).unwrap();
    assert_eq!(Generation::find(&root.layout, &plan.id), None);
    let generation = made(&root, &spec);
    assert!(generation.path.join("bin/python").exists());
}

#[test]
fn a_failed_composition_leaves_nothing() {
    let root = Root::new();
    let spec = spec(&root, "1.0");
    let mut plan = crate::plan(&root.layout, &spec).unwrap();
    plan.steps.push(crate::Step::Directory { path: "no/such/parent".into() });
    let error = compose(&root.store, &spec, &plan, "", &|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("cannot create ") && error.ends_with("no/such/parent"), "{error}");
    assert!(Generation::all(&root.layout).unwrap().is_empty());
    assert_eq!(fs_err::read_dir(root.layout.envs()).unwrap().count(), 0);
    assert_eq!(fs_err::read_dir(root.store.workspace()).unwrap().count(), 0);
}

#[test]
fn several_processes_make_one_generation() {
    let root = Root::new();
    let spec = spec(&root, "1.0");
    let fresh = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = crate::Store::open(&root.layout).unwrap();
                let plan = crate::plan(&root.layout, &spec).unwrap();
                let count = |event: Event| {
                    let made = matches!(event, Event::Composed { reused: false, .. });
                    fresh.fetch_add(u32::from(made), std::sync::atomic::Ordering::Relaxed);
                };
                let generation = compose(&store, &spec, &plan, "", &count).unwrap();
                let _alone = lock_project(&root.layout, &name(), &|_| ()).unwrap();
                activate(&root.layout, &name(), &generation, 1).unwrap();
            });
        }
    });
    assert_eq!(fresh.into_inner(), 1);
    assert_eq!(history(&root.layout, &name()).unwrap().len(), 1);
}

#[test]
fn a_leased_generation_is_not_removed() {
    let root = Root::new();
    let generation = made(&root, &spec(&root, "1.0"));
    activate(&root.layout, &name(), &generation, 1).unwrap();
    let (held, lease) = lease_current(&root.layout, &name()).unwrap().unwrap();
    assert_eq!(held, generation);
    assert!(!generation.remove(&root.store).unwrap());
    assert!(generation.path.exists());
    drop(lease);
    assert!(generation.remove(&root.store).unwrap());
    assert_eq!(lease_current(&root.layout, &name()).unwrap().map(|(held, _)| held), None);
}

#[test]
fn a_torn_line_of_the_history_is_left_out() {
    let root = Root::new();
    let generation = made(&root, &spec(&root, "1.0"));
    activate(&root.layout, &name(), &generation, 1).unwrap();
    let path = root.layout.history(&name());
    let whole = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, format!("{whole}{{\"id\":\"12")).unwrap();
    assert_eq!(history(&root.layout, &name()).unwrap().len(), 1);
}
