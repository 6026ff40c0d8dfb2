//! Images of a real engine: built by either builder, labelled, and told when they cannot be pulled.

use std::collections::BTreeMap;

use pyfast_launcher::Error;
use pyfast_launcher::compose_file::Build;
use pyfast_launcher::engine::{BuildRequest, Builder, INPUTS_LABEL, Images as _, PullRequest};

use crate::world::{docker, engine, host};

/// Builds a small context with this last instruction; the label that the image then carries.
async fn built(
    host: &str,
    name: &str,
    builder: &Builder,
    last: &str,
) -> Result<Option<String>, Error> {
    let dir = tempfile::tempdir().unwrap();
    // Its own from the first layer on: with the image of another test go the layers that both have.
    let text = format!(
        "FROM pyfast-test/slim:bookworm\nLABEL of={name}\nARG WORD\nCOPY hello /hello\n{last}\n"
    );
    fs_err::write(dir.path().join("Dockerfile"), text).unwrap();
    fs_err::write(dir.path().join("hello"), "hello").unwrap();
    let build = Build { context: dir.path().display().to_string(), ..Build::default() };
    let arguments = BTreeMap::from([("WORD".to_owned(), "spoken".to_owned())]);
    let request = BuildRequest {
        image: name,
        build: &build,
        arguments: &arguments,
        platform: None,
        labels: &[(INPUTS_LABEL, "1:a:b:c:d".to_owned())],
        builder,
    };
    let engine = engine(host).await;
    let outcome = engine.build(&request, &|_progress| {}).await;
    let facts = engine.image_facts(name).await?;
    docker(host, &["rmi", "-f", name]);
    outcome.map(|()| facts.and_then(|facts| facts.inputs))
}

fn client() -> Builder {
    let environment = BTreeMap::from([
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("DOCKER_BUILDKIT".to_owned(), "0".to_owned()),
    ]);
    Builder::Client { program: "docker".into(), environment }
}

#[tokio::test]
async fn both_builders_label_what_they_build() {
    let Some(host) = host() else { return };
    let last = "RUN test \"$WORD\" = spoken && test -f /hello";
    for (name, builder) in [("pyfast-images-a:1", Builder::Engine), ("pyfast-images-b:1", client())]
    {
        let label = built(&host, name, &builder, last).await.unwrap();
        assert_eq!(label.as_deref(), Some("1:a:b:c:d"), "{builder:?}");
    }
}

#[tokio::test]
async fn a_build_that_fails_names_its_step() {
    let Some(host) = host() else { return };
    for builder in [Builder::Engine, client()] {
        let error = built(&host, "pyfast-images-c:1", &builder, "RUN exit 7").await.unwrap_err();
        assert!(
            matches!(&error, Error::ImageBuild { step: Some(step), .. } if step.contains("RUN exit 7")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_is_told() {
    let Some(host) = host() else { return };
    let request = PullRequest { image: "127.0.0.1:9/none:1", platform: None, login: None };
    let error = engine(&host).await.pull(&request, &|_progress| {}).await.unwrap_err();
    assert!(matches!(&error, Error::ImagePull { .. }), "{error}");
}
