//! Images that go to a registry: with the login that the container client keeps, and nothing that is there already.

use std::collections::BTreeSet;

use fs_err as fs;
use serde_json::Value;

use super::{packed, stocked};
use crate::support::ran::{MENDABLE, Ran};
use crate::support::registry::Server;
use crate::support::wheel::sha256;
use crate::support::world::World;

/// `user:s3cr3t` as a header and a configuration have it.
pub(super) const PASSWORD: &str = "dXNlcjpzM2NyM3Q=";

/// A registry that wants a token, and for that a password.
fn server() -> Server {
    let server = Server::start();
    server.want_token(&format!("Basic {PASSWORD}"));
    server
}

/// Has the container client know a login.
pub(super) fn log_in(world: &World, registry: &str, password: &str) {
    let config = serde_json::json!({ "auths": { registry: { "auth": password } } });
    fs::create_dir_all(world.path("home/.docker")).unwrap();
    fs::write(world.path("home/.docker/config.json"), config.to_string()).unwrap();
}

fn push(world: &World, server: &Server, tag: &str) -> Ran {
    let name = format!("{}/team/shop:{tag}", server.name());
    world.pyfast(&["freeze", &name, "--scratch", "--push", "--json", "-v"])
}

/// What the requests were that sent something.
fn puts(server: &Server) -> Vec<String> {
    server.asked().into_iter().filter(|line| line.starts_with("PUT")).collect()
}

#[test]
fn only_what_is_missing_is_pushed_with_the_login_of_the_container_client() {
    let (world, server) = (stocked(), server());
    log_in(&world, &server.name(), PASSWORD);
    packed::keep(&world);
    let check = |tag: &str| {
        let ran = push(&world, &server, tag).ok();
        assert!(!format!("{ran}").contains("s3cr3t"), "{ran}");
        let frozen: Value = serde_json::from_str(&ran.stdout).unwrap();
        let manifest = server.manifest("team/shop", tag).expect("it was pushed");
        assert_eq!(frozen["digest"], format!("sha256:{}", sha256(&manifest)));
        let layers = frozen["layers"].as_array().unwrap().iter();
        let layers: BTreeSet<String> =
            layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect();
        assert!(layers.is_subset(&server.blobs("team/shop")));
        (layers.len(), puts(&server))
    };
    let (layers, sent) = check("1");
    assert_eq!(sent.len(), layers + 2, "and the configuration and the manifest: {sent:?}");
    world.require(&["a", "b", "large==2.0"]).sync(&[]);
    let (_, sent) = check("2");
    assert_eq!(sent.len(), 4, "two layers, the configuration and the manifest: {sent:?}");
    assert!(sent.last().unwrap().contains("/manifests/2 Bearer"), "{sent:?}");
    let (_, sent) = check("2");
    assert_eq!(sent.len(), 1, "{sent:?}");
}

#[test]
fn who_is_not_let_in_is_told_before_anything_is_packed() {
    let (world, server) = (stocked(), server());
    push(&world, &server, "1").refused(
        MENDABLE,
        &["does not let anybody push", &format!("docker login {}", server.name())],
    );
    log_in(&world, &server.name(), "dXNlcjp3cm9uZw==");
    push(&world, &server, "1")
        .refused(MENDABLE, &["does not let this user push", "team/shop", "docker login"]);
    let away = ["freeze", "127.0.0.1:1/shop", "--scratch", "--push"];
    world.pyfast(&away).refused(MENDABLE, &["cannot reach the registry 127.0.0.1:1", "refused"]);
    world.pyfast(&[&away[..], &["--offline"]].concat()).refused(&[2], &["push"]);
    assert_eq!(puts(&server).len(), 0);
    assert!(!world.root.join("store/v1/layers").exists());
}
