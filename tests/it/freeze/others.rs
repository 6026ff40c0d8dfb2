//! What others make of images: a registry that is in use everywhere takes them with a password or a token, skopeo reads them
//! there and as files, and umoci unpacks them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fs_err as fs;
use serde_json::{Value, json};

use super::pushing::{PASSWORD, log_in};
use super::tokens::{ISSUER, SERVICE, Tokens, Wrong};
use super::{freeze, freezing, image, packed, stocked};
use crate::servers::{Served, program};
use crate::support::ran::{MENDABLE, Ran};
use crate::support::wheel::sha256;
use crate::support::world::World;
use crate::support::{environment, python};

/// `user` and `s3cr3t` as the registry wants to know them.
const HTPASSWD: &str = "user:$2y$05$abcdefghijklmnopqrstuu9Avu/WgbsK7g7xfCY1X3pdjsTgxqQLS\n";

/// The registry, which wants a password. `None` where it is not there, and nobody requires it.
fn registry(world: &World) -> Option<Served> {
    fs::write(world.path("htpasswd"), HTPASSWD).unwrap();
    let auth = json!({ "htpasswd": { "realm": "test", "path": world.path("htpasswd") } });
    registry_of(world, &auth)
}

/// The same, which wants a token of somebody's.
fn registry_with(world: &World, tokens: &Tokens) -> Option<Served> {
    let bundle = world.path("tokens.pem");
    fs::write(&bundle, tokens.certificate()).unwrap();
    let auth = json!({
        "realm": tokens.realm(), "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle,
    });
    registry_of(world, &json!({ "token": auth }))
}

/// The registry, which keeps what it has beside the world.
fn registry_of(world: &World, auth: &Value) -> Option<Served> {
    let program = program("usr/bin/docker-registry")?;
    let config = world.path("registry.json");
    // What is JSON is YAML.
    let settings = json!({
        "version": 0.1,
        "storage": { "filesystem": { "rootdirectory": world.path("registry") } },
        "http": { "addr": "127.0.0.1:0", "secret": "any" },
        "auth": auth,
    });
    fs::write(&config, settings.to_string()).unwrap();
    Some(Served::start(Command::new(program).arg("serve").arg(config), "listening on "))
}

/// What skopeo says, with the login of the world's container client.
#[track_caller]
fn skopeo(world: &World, arguments: &[&str]) -> String {
    let mut command = Command::new("skopeo");
    command.env_clear().env("HOME", world.path("home"));
    command.env("PATH", environment("PATH").unwrap_or_default());
    let login = world.path("home/.docker/config.json");
    command.env("REGISTRY_AUTH_FILE", login).arg("--insecure-policy").args(arguments);
    python::check(&mut command)
}

/// Whether a program is there, or has to be, as the servers have.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok();
    found || environment("PYFAST_REQUIRE_SERVERS").is_some()
}

fn push(world: &World, name: &str) -> Ran {
    packed::keep(world);
    world.pyfast(&["freeze", name, "--scratch", "--push", "--json"])
}

/// The layers of an image as `freeze --json` tells them.
fn told(frozen: &Value, key: &str) -> Vec<Value> {
    frozen["layers"].as_array().unwrap().iter().map(|layer| layer[key].clone()).collect()
}

/// That a layout which skopeo wrote has the image, of which it has read every byte.
#[track_caller]
fn check_copy(layout: &Path, frozen: &Value) {
    let (manifest, config) = image(layout);
    assert_eq!(config["rootfs"]["diff_ids"], Value::from(told(frozen, "diff_id")));
    assert_eq!(told(&manifest, "digest"), told(frozen, "digest"));
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["digest"], frozen["digest"]);
}

#[test]
fn a_registry_in_use_takes_an_image_with_its_password_and_skopeo_reads_it_there() {
    let world = stocked();
    let Some(registry) = registry(&world) else { return };
    let name = format!("{}/team/shop:1", registry.address);
    push(&world, &name).refused(MENDABLE, &["does not let anybody push", "docker login"]);
    log_in(&world, &registry.address, "dXNlcjp3cm9uZw==");
    push(&world, &name).refused(MENDABLE, &["docker login"]);
    assert!(!world.path("registry/docker/registry/v2/blobs").exists(), "nothing was sent");
    log_in(&world, &registry.address, PASSWORD);
    let pushed = push(&world, &name).ok();
    assert!(!format!("{pushed}").contains("s3cr3t"), "{pushed}");
    let frozen = pushed.json();
    let there = format!("docker://{name}");
    let said = skopeo(&world, &["inspect", "--tls-verify=false", &there]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["Digest"], frozen["digest"]);
    let to = world.path("copy");
    let to_layout = format!("oci:{}:1", to.display());
    skopeo(&world, &["copy", "-q", "--src-tls-verify=false", &there, &to_layout]);
    check_copy(&to, &frozen);
    // The same again, and another one of which most is there.
    assert_eq!(push(&world, &name).ok().json()["digest"], frozen["digest"]);
    world.require(&["a", "b", "large==2.0"]).sync(&[]);
    let next = push(&world, &name).ok().json();
    let said = skopeo(&world, &["inspect", "--tls-verify=false", &there]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["Digest"], next["digest"]);
    assert_ne!(next["digest"], frozen["digest"]);
}

#[test]
fn a_registry_in_use_takes_an_image_for_a_token_that_is_good_there() {
    let (world, tokens) = (stocked(), Tokens::start());
    let Some(registry) = registry_with(&world, &tokens) else { return };
    let name = format!("{}/team/shop:1", registry.address);
    let refused = |whom: &str| {
        let ran = push(&world, &name).refused(MENDABLE, &[whom, "docker login"]);
        assert!(!format!("{ran}").contains("eyJ"), "a token is shown: {ran}");
        assert!(!world.path("registry/docker/registry/v2/blobs").exists(), "nothing was sent");
    };
    refused("does not let anybody push");
    log_in(&world, &registry.address, "dXNlcjp3cm9uZw==");
    refused("does not let this user push");
    assert_eq!(tokens.asked(), [""; 0], "nobody without a password is given any");
    log_in(&world, &registry.address, PASSWORD);
    tokens.are(Wrong::Key);
    refused("does not let this user push");
    assert_eq!(tokens.asked(), ["repository:team/shop:pull,push"]);
    // As one that ran out, or that was given before somebody was let push.
    tokens.are(Wrong::Next);
    let frozen = push(&world, &name).ok().json();
    let asked = tokens.asked();
    assert!(asked.len() > 1, "{asked:?}");
    assert!(asked.iter().all(|scope| scope == "repository:team/shop:pull,push"), "{asked:?}");
    let there = format!("docker://{name}");
    let said = skopeo(&world, &["inspect", "--tls-verify=false", &there]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["Digest"], frozen["digest"]);
    // With a good one from the beginning one is enough.
    tokens.asked();
    assert_eq!(push(&world, &name).ok().json()["digest"], frozen["digest"]);
    assert_eq!(tokens.asked().len(), 1);
}

#[test]
fn skopeo_reads_a_layout_and_an_archive() {
    if !has("skopeo") {
        return;
    }
    let world = stocked();
    for (output, forms) in
        [("shop", &["oci"][..]), ("shop.tar", &["oci-archive", "docker-archive"])]
    {
        let place = world.path(output);
        let frozen = freezing(&world, "shop:1", place.to_str().unwrap(), &["--json"]).ok().json();
        for form in forms {
            let to = world.path(&format!("{form}-copy"));
            let [from, into] = [(form, &place), (&"dir", &to)]
                .map(|(form, path)| format!("{form}:{}", path.display()));
            skopeo(&world, &["copy", "-q", &from, &into]);
            let written = fs::read(to.join("manifest.json")).unwrap();
            let manifest: Value = serde_json::from_slice(&written).unwrap();
            let digest = manifest["config"]["digest"].as_str().unwrap();
            let config = fs::read(to.join(digest.trim_start_matches("sha256:"))).unwrap();
            let config: Value = serde_json::from_slice(&config).unwrap();
            assert_eq!(
                config["rootfs"]["diff_ids"],
                Value::from(told(&frozen, "diff_id")),
                "{form}"
            );
            // Docker's own form has another manifest.
            if *form != "docker-archive" {
                assert_eq!(frozen["digest"], format!("sha256:{}", sha256(&written)), "{form}");
            }
        }
    }
}

/// What a path is: a directory, a link or a file, with its mode and what it holds.
type Tree = BTreeMap<PathBuf, String>;

/// What the layers of a layout have, the later ones counting.
fn in_layers(layout: &Path) -> Tree {
    let mut tree = Tree::new();
    for layer in image(layout).0["layers"].as_array().unwrap() {
        let hex = layer["digest"].as_str().unwrap().trim_start_matches("sha256:");
        let file = fs::File::open(layout.join("blobs/sha256").join(hex)).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path: PathBuf = entry.path().unwrap().components().collect();
            let mode = entry.header().mode().unwrap() & 0o7777;
            let kind = entry.header().entry_type();
            let what = if kind.is_dir() {
                format!("directory {mode:o}")
            } else if kind.is_symlink() {
                format!("link {}", entry.link_name().unwrap().unwrap().display())
            } else {
                assert!(kind.is_file(), "{kind:?} {}", path.display());
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                format!("file {mode:o} {}", sha256(&content))
            };
            tree.insert(path, what);
        }
    }
    tree
}

/// What is below a directory.
fn on_disk(top: &Path, folder: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        let mode = found.permissions().mode() & 0o7777;
        let what = if found.is_dir() {
            on_disk(top, &path, tree);
            format!("directory {mode:o}")
        } else if found.is_symlink() {
            format!("link {}", fs::read_link(&path).unwrap().display())
        } else {
            format!("file {mode:o} {}", sha256(&fs::read(&path).unwrap()))
        };
        tree.insert(path.strip_prefix(top).unwrap().to_owned(), what);
    }
}

#[test]
fn umoci_unpacks_what_was_packed() {
    if !has("umoci") {
        return;
    }
    let world = stocked();
    freeze(&world, "shop:1", "image");
    let (layout, bundle) = (world.project.join("image"), world.path("bundle"));
    let mut command = Command::new("umoci");
    command.env_clear().env("HOME", world.path("home"));
    command.env("PATH", environment("PATH").unwrap_or_default());
    command.args(["unpack", "--rootless", "--image", &format!("{}:1", layout.display())]);
    python::check(command.arg(&bundle));
    let (top, mut unpacked) = (bundle.join("rootfs"), Tree::new());
    on_disk(&top, &top, &mut unpacked);
    let expected = in_layers(&layout);
    assert!(expected.len() > 20, "{expected:?}");
    assert_eq!(unpacked, expected);
}
