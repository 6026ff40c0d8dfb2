//! A plan carried out by the fake engine.

use std::sync::Mutex;

use super::super::{PullPolicy, WantedImage, plan_images};
use super::*;
use crate::compose_file::Build;
use crate::engine::{Image, Recorded};

fn wanted(image: &str, build: Option<Build>) -> WantedImage {
    WantedImage {
        image: image.into(),
        services: vec!["one".into(), "two".into()],
        builder: build.as_ref().map(|_| "one".into()),
        build,
        platform: None,
        policy: PullPolicy::Missing,
    }
}

fn inputs(context: &str) -> Inputs {
    let same = || "x".to_owned();
    Inputs {
        dockerfile: same(),
        arguments: same(),
        target: same(),
        context: context.into(),
        code: same(),
    }
}

/// Plans from the engine's facts, shows the plan, and carries it out.
async fn act(
    engine: &Recorded,
    wanted: Vec<WantedImage>,
    context: &str,
) -> (Vec<String>, BTreeMap<String, Result<(), Error>>) {
    let mut facts = BTreeMap::new();
    for image in &wanted {
        if let Some(found) = engine.image_facts(&image.image).await.unwrap() {
            facts.insert(image.image.clone(), found);
        }
    }
    let now = wanted.iter().filter(|image| image.build.is_some());
    let now = now.map(|image| (image.image.clone(), inputs(context))).collect();
    let plan = plan_images(wanted, &facts, now, false);
    let shown = plan.iter().map(ToString::to_string).collect();
    let events = Mutex::new(0);
    let outcome = carry_out(
        engine,
        &plan,
        Means {
            builder: &Builder::Engine,
            environment: &BTreeMap::new(),
            registries: &RegistrySettings::default(),
        },
        &|_event| *events.lock().unwrap() += 1,
    )
    .await;
    assert_eq!(outcome.is_empty(), *events.lock().unwrap() == 0);
    (shown, outcome)
}

#[tokio::test]
async fn what_was_built_is_up_to_date_until_its_inputs_change() {
    let engine = Recorded::new();
    let app = || vec![wanted("app:1", Some(Build::default()))];
    let (shown, outcome) = act(&engine, app(), "1").await;
    assert_eq!(shown, ["app:1: build (it is not present) [one, two]"]);
    assert!(outcome["app:1"].is_ok());
    let (shown, outcome) = act(&engine, app(), "1").await;
    assert_eq!((shown[0].as_str(), outcome.len()), ("app:1: up to date [one, two]", 0));
    let (shown, _) = act(&engine, app(), "2").await;
    assert_eq!(shown, ["app:1: build (the context changed) [one, two]"]);
    assert_eq!(engine.calls(), ["build app:1 by engine", "build app:1 by engine"]);
}

#[tokio::test]
async fn one_failure_leaves_the_other_images_alone() {
    let engine = Recorded::new()
        .with_pullable("redis:7", Image::default())
        .with_broken_build("app:1", "no such command");
    let all = vec![
        wanted("app:1", Some(Build::default())),
        wanted("redis:7", None),
        wanted("gone:1", None),
    ];
    let (_, outcome) = act(&engine, all, "1").await;
    assert!(outcome["redis:7"].is_ok());
    assert!(
        matches!(&outcome["app:1"], Err(Error::ImageBuild { output, .. }) if output == &["no such command"])
    );
    assert!(matches!(&outcome["gone:1"], Err(Error::ImagePull { .. })));
}
