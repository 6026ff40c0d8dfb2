//! Pushes to a registry on loopback that fails on demand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use pyfast_oci::{Blob, Config, Content, Image, ImageName, Layer, Made, Node, Packed};

use super::*;
use crate::server::{Fault, Server};

/// `user:s3cr3t`, as a header has it.
const PASSWORD: &str = "Basic dXNlcjpzM2NyM3Q=";

fn client() -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let tls = builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let builder = Client::builder().tls_backend_preconfigured(tls).no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn layer(text: &str) -> Made {
    let (mut layer, mut bytes) = (Layer::default(), Vec::new());
    layer.put("file", Node::text(text, false)).unwrap();
    let Packed { descriptor, diff_id, .. } = layer.pack(&mut bytes).unwrap();
    let blob = Blob { descriptor, content: Content::Memory(bytes) };
    Made { blob, diff_id, created_by: "a test".to_owned() }
}

/// An image of these layers.
fn image(layers: &[&str]) -> Image {
    let made = layers.iter().map(|text| layer(text)).collect();
    let config = Config { architecture: "amd64".into(), os: "linux".into(), ..Config::default() };
    Image::new(config, Vec::new(), made, BTreeMap::new())
}

fn name(server: &Server, rest: &str) -> ImageName {
    format!("{}/{rest}", server.name()).parse().unwrap()
}

fn login(password: &str) -> Login {
    let (username, password) = (Some("user".to_owned()), Some(password.to_owned()));
    Login { username, password, identity_token: None }
}

/// Pushes as `team/shop:1`, upon `team/base`; what came of it, and what was tried again.
fn pushed(
    server: &Server,
    image: &Image,
    login: Option<Login>,
) -> Result<(Pushed, Vec<String>), Error> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(async {
        let reach = Reach { client: client(), near: client(), login };
        let base = name(server, "team/base:1");
        let registry = Registry::open(&name(server, "team/shop:1"), Some(&base), reach).await?;
        let again = RefCell::new(Vec::new());
        let tell = |event: Event<'_>| {
            if let Event::Again { reason, .. } = event {
                again.borrow_mut().push(reason);
            }
        };
        let pushed = registry.push(image, "1", &tell).await?;
        Ok((pushed, again.into_inner()))
    })
}

/// The registry has all of an image, under its name.
fn check(server: &Server, image: &Image) {
    let manifest = server.manifest("team/shop", "1").expect("the manifest");
    assert_eq!(pyfast_oci::Digest::of(&manifest), image.digest());
    let blobs = server.blobs("team/shop");
    for blob in image.layers.iter().chain([&image.config]) {
        assert!(blobs.contains(&blob.descriptor.digest.to_string()));
    }
}

#[test]
fn only_what_is_missing_is_sent_and_the_manifest_is_last() {
    let server = Server::start();
    let first = image(&["one", "two", "one"]);
    let (done, _) = pushed(&server, &first, None).unwrap();
    assert_eq!(
        (done.sent, done.there, done.mounted),
        (3, 0, 0),
        "a layer that is there twice once"
    );
    let sizes: u64 = [&first.layers[0], &first.layers[1], &first.config]
        .map(|blob| blob.descriptor.size)
        .iter()
        .sum();
    assert_eq!(done.bytes, sizes);
    check(&server, &first);
    let asked = server.asked();
    assert!(asked.last().unwrap().starts_with("PUT /v2/team/shop/manifests/1"), "{asked:?}");
    let second = image(&["one", "another"]);
    let (done, _) = pushed(&server, &second, None).unwrap();
    assert_eq!((done.sent, done.there), (2, 1));
    check(&server, &second);
    let (done, _) = pushed(&server, &second, None).unwrap();
    assert_eq!(done, Pushed { there: 3, ..Pushed::default() });
    let puts = server.asked().into_iter().filter(|line| line.starts_with("PUT"));
    assert_eq!(puts.count(), 2 + 1 + 1, "two blobs and a manifest, and a manifest");
}

#[test]
fn a_layer_of_another_repository_is_taken_over() {
    let server = Server::start();
    let image = image(&["base", "own"]);
    let Content::Memory(bytes) = &image.layers[0].content else { panic!("in memory") };
    server.keep("team/base", bytes);
    let (done, _) = pushed(&server, &image, None).unwrap();
    assert_eq!((done.sent, done.mounted), (2, 1));
    check(&server, &image);
}

#[test]
fn a_token_is_good_for_the_repository_that_layers_are_taken_over_from() {
    let server = Server::start();
    server.want_token(PASSWORD);
    let image = image(&["base", "own"]);
    let Content::Memory(bytes) = &image.layers[0].content else { panic!("in memory") };
    server.keep("team/base", bytes);
    let (done, _) = pushed(&server, &image, Some(login("s3cr3t"))).unwrap();
    assert_eq!((done.sent, done.mounted), (2, 1));
    let scopes = ["repository:team/shop:pull,push", "repository:team/base:pull"];
    assert_eq!(server.granted(), scopes);
    check(&server, &image);
}

#[test]
fn who_may_not_read_the_base_sends_its_layers() {
    let server = Server::start();
    server.want_token(PASSWORD);
    server.close("team/base");
    let names: Vec<String> = (0..3 * AT_ONCE).map(|number| format!("layer {number}")).collect();
    let image = image(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let Content::Memory(bytes) = &image.layers[0].content else { panic!("in memory") };
    server.keep("team/base", bytes);
    let (done, again) = pushed(&server, &image, Some(login("s3cr3t"))).unwrap();
    assert_eq!((done.sent, done.mounted, again.len()), (names.len() + 1, 0, 0));
    assert_eq!(server.granted(), ["repository:team/shop:pull,push"]);
    check(&server, &image);
    // Nobody asks for each layer what was refused for one: each of those that were under way asked twice at most.
    let asked = server.asked();
    let mounts = asked.iter().filter(|line| line.ends_with(" mount")).count();
    assert!(mounts <= 2 * AT_ONCE, "{asked:?}");
}

#[test]
fn who_is_given_no_token_with_the_base_among_what_it_is_for_asks_for_one_without() {
    let server = Server::start();
    server.want_token(PASSWORD);
    server.close_strictly("team/base");
    let image = image(&["base", "own"]);
    let (done, _) = pushed(&server, &image, Some(login("s3cr3t"))).unwrap();
    assert_eq!((done.sent, done.mounted), (3, 0));
    assert_eq!(server.granted(), ["repository:team/shop:pull,push"]);
    check(&server, &image);
    let mounts = server.asked().iter().filter(|line| line.ends_with(" mount")).count();
    assert_eq!(mounts, 0, "nothing is asked of what was refused");
}

#[test]
fn a_password_gives_a_token_and_others_are_refused() {
    let server = Server::start();
    server.want_token(PASSWORD);
    let image = image(&["one"]);
    pushed(&server, &image, Some(login("s3cr3t"))).unwrap();
    check(&server, &image);
    let asked = server.asked();
    assert_eq!(
        asked.iter().filter(|line| line.starts_with("GET /token Basic")).count(),
        1,
        "{asked:?}"
    );
    for (login, known) in [(Some(login("wrong")), true), (None, false)] {
        let error = pushed(&server, &image, login).unwrap_err();
        assert!(matches!(&error, Error::Denied { known: it, .. } if *it == known), "{error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
        assert!(server.asked().iter().all(|line| !line.starts_with("PUT")));
    }
    server.want_basic(PASSWORD);
    pushed(&server, &image, Some(login("s3cr3t"))).unwrap();
    let error = pushed(&server, &image, Some(login("wrong"))).unwrap_err();
    assert!(matches!(error, Error::Denied { known: true, .. }), "{error}");
}

#[test]
fn what_passes_is_tried_again_and_nothing_else_is() {
    let server = Server::start();
    let image = image(&["one"]);
    // Two of them where a layer might be taken over, which only costs that.
    server.fail("POST", Fault::Status(500), 3);
    server.fail("PUT /v2/team/shop/blobs", Fault::Cut, 1);
    server.fail("PUT /v2/team/shop/manifests", Fault::Status(429), 1);
    let (done, again) = pushed(&server, &image, None).unwrap();
    assert_eq!((done.sent, again.len()), (2, 3), "{again:?}");
    assert!(again.iter().any(|reason| reason.contains("500") && reason.contains("ON_DEMAND")));
    check(&server, &image);
    server.fail("manifests", Fault::Status(413), 1);
    let error = pushed(&server, &image, None).unwrap_err();
    assert!(error.to_string().contains("413"), "{error}");
}

#[test]
fn where_layers_are_sent_elsewhere_nobody_is_shown_the_token() {
    let server = Server::start();
    server.want_token(PASSWORD);
    server.upload_elsewhere();
    let image = image(&["one"]);
    pushed(&server, &image, Some(login("s3cr3t"))).unwrap();
    check(&server, &image);
    let asked = server.asked();
    let elsewhere: Vec<_> = asked.iter().filter(|line| line.contains("/elsewhere/")).collect();
    assert_eq!(elsewhere, ["PUT /elsewhere/team/shop/1", "PUT /elsewhere/team/shop/1"]);
}

#[test]
fn bytes_that_are_others_reach_no_registry() {
    let server = Server::start();
    let mut image = image(&["one"]);
    image.layers[0].content =
        Content::Memory(vec![0; usize::try_from(image.layers[0].descriptor.size).unwrap()]);
    let error = pushed(&server, &image, None).unwrap_err();
    assert!(matches!(error, Error::Image(pyfast_oci::Error::Altered { .. })), "{error}");
    assert_eq!(server.manifest("team/shop", "1"), None);
}

#[test]
fn what_is_no_registry_or_not_there_is_told() {
    let server = Server::start();
    server.fail("GET /v2/", Fault::Status(404), 1);
    let error = pushed(&server, &image(&["one"]), None).unwrap_err();
    assert!(matches!(error, Error::NotARegistry { .. }), "{error}");
    let server_name = server.name();
    assert!(error.to_string().contains(&server_name), "{error}");
}

#[test]
fn a_token_that_ran_out_is_fetched_anew() {
    let server = Server::start();
    server.want_token(PASSWORD);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(async {
        let reach = Reach { client: client(), near: client(), login: Some(login("s3cr3t")) };
        let registry = Registry::open(&name(&server, "team/shop:1"), None, reach).await.unwrap();
        server.expire();
        registry.push(&image(&["one"]), "1", &|_| ()).await.unwrap();
    });
    check(&server, &image(&["one"]));
}
