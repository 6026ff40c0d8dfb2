//! An environment as an image: equal ones are equal images, what was altered comes into none, and what is in it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::{Value, json};

use crate::support::ran::{MENDABLE, Ran, USAGE};
use crate::support::wheel::{Wheel, sha256};
use crate::support::world::World;

mod others;
mod packed;
mod pushing;
mod tokens;

/// Two packages that share a directory, one with a program, and one that is large enough for a layer of its own.
fn stocked() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").file("space/a.py", "").console("hello = a:main"));
    world.index.add(&Wheel::new("b", "1.0").file("space/b.py", ""));
    world.index.add(&Wheel::new("large", "1.0").padded(3_000_000));
    world.index.add(&Wheel::new("large", "2.0").padded(3_000_001));
    world.require(&["a", "b", "large==1.0"]).sync(&[]);
    world
}

/// What `freeze --json` said.
fn freeze(world: &World, name: &str, output: &str) -> Value {
    let ran = freezing(world, name, output, &["--json"]).ok();
    serde_json::from_str(&ran.stdout).unwrap()
}

fn freezing(world: &World, name: &str, output: &str, flags: &[&str]) -> Ran {
    packed::keep(world);
    all_packed(world, name, output, flags)
}

/// The same, where the program is packed as everything else is.
fn all_packed(world: &World, name: &str, output: &str, flags: &[&str]) -> Ran {
    let fixed = ["freeze", name, "--scratch", "--output", output];
    world.pyfast(&[&fixed, flags].concat())
}

/// The layers of an image, each by what it holds.
fn layers(frozen: &Value) -> BTreeMap<String, String> {
    let layers = frozen["layers"].as_array().unwrap().iter();
    let text = |layer: &Value, key: &str| layer[key].as_str().unwrap().to_owned();
    layers.map(|layer| (text(layer, "holds"), text(layer, "diff_id"))).collect()
}

/// A document of a layout.
fn document(layout: &Path, digest: &Value) -> Value {
    let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
    serde_json::from_slice(&fs::read(layout.join("blobs/sha256").join(hex)).unwrap()).unwrap()
}

/// The manifest and the configuration of the only image of a layout.
fn image(layout: &Path) -> (Value, Value) {
    let index: Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest = document(layout, &index["manifests"][0]["digest"]);
    let config = document(layout, &manifest["config"]["digest"]);
    (manifest, config)
}

/// Unpacks the layers of a layout one above the other, as an engine does.
fn unpack(layout: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for layer in image(layout).0["layers"].as_array().unwrap() {
        let hex = layer["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let file = fs::File::open(layout.join("blobs/sha256").join(hex)).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
        archive.set_overwrite(false);
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = to.join(entry.path().unwrap());
            // Directories are in every layer that has something in them, and a base may have a layer twice.
            if !path.is_dir() && (path.starts_with(to.join("pyfast")) || !path.exists()) {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                entry.unpack(path).unwrap();
            }
        }
    }
}

/// Every file below a directory, by its content.
fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let (entry, mut content) = (entry.unwrap(), Vec::new());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files(&entry.path(), found);
        } else if kind.is_file() {
            fs::File::open(entry.path()).unwrap().read_to_end(&mut content).unwrap();
            found.push((entry.path(), content));
        }
    }
}

#[test]
fn environments_of_two_roots_are_one_image() {
    let mut world = stocked();
    let first = freeze(&world, "shop:1", "image");
    world.move_on();
    world.sync(&[]);
    let second = all_packed(&world, "shop:1", "other", &["--json"]).ok();
    assert_eq!(first, serde_json::from_str::<Value>(&second.stdout).unwrap());
    assert_eq!(
        fs::read(world.project.join("image/index.json")).unwrap(),
        fs::read(world.project.join("other/index.json")).unwrap()
    );
}

#[test]
fn bytecode_belongs_to_the_image_and_is_equal_too() {
    let mut world = stocked();
    let without = freeze(&world, "shop:1", "image");
    world.sync(&["--compile", "--reinstall"]);
    let first = freeze(&world, "shop:1", "image");
    assert!(layers(&without) != layers(&first));
    world.move_on();
    world.sync(&["--compile"]);
    assert_eq!(freeze(&world, "shop:1", "image"), first);
}

#[test]
fn a_changed_wheel_changes_its_layer_and_that_of_the_environment() {
    let world = stocked();
    let before = freeze(&world, "shop:1", "image");
    world.require(&["a", "b", "large==2.0"]).sync(&[]);
    let frozen = freezing(&world, "shop:2", "image", &[]).ok();
    assert!(frozen.stderr.contains("2 packed now"), "{frozen}");
    let after = freeze(&world, "shop:2", "image");
    let digests = |frozen: &Value| layers(frozen).into_values().collect::<BTreeSet<_>>();
    let (before, after) = (digests(&before), digests(&after));
    assert_eq!((before.len(), after.difference(&before).count()), (after.len(), 2));
}

#[test]
fn what_is_in_an_image_runs_and_is_whole() {
    let world = stocked();
    let frozen = freeze(&world, "shop", "image");
    let (layout, top) = (world.project.join("image"), world.path("top"));
    unpack(&layout, &top);
    let (_, config) = image(&layout);
    let current = variable(&layout, "VIRTUAL_ENV");
    let inside = top.join(current.strip_prefix('/').unwrap());
    let script = "import a, b, large, space.a, space.b, sys; print(sys.prefix)";
    let prefix = crate::support::python::evaluate(&inside.join("bin/python"), script);
    assert_eq!(Path::new(prefix.trim()), inside, "its own modules, and nobody else's");
    let program = fs::read_to_string(inside.join("bin/hello")).unwrap();
    let id = frozen["generation"].as_str().unwrap();
    assert!(program.starts_with(&format!("#!/pyfast/envs/v1/{id}/bin/python")), "{program}");
    verify_inside(&layout, &top);
    assert_eq!(config["config"]["Labels"]["io.pyfast.generation"], *id);
    assert_eq!(
        (&config["os"], &config["created"]),
        (&"linux".into(), &"1970-01-01T00:00:00Z".into())
    );
}

#[test]
fn a_damaged_file_of_the_store_comes_into_no_image() {
    let world = stocked();
    let wheel = Wheel::new("b", "1.0").file("space/b.py", "").build();
    let file = world.stored_file(&wheel, "b/__init__.py");
    fs::remove_file(&file).unwrap();
    fs::write(&file, "import os # planted").unwrap();
    freezing(&world, "shop", "image", &[])
        .refused(MENDABLE, &["cannot freeze", "b 1.0", "verify --repair"]);
    assert!(!world.project.join("image").exists());
    world.pyfast(&["verify", "--repair"]);
    world.sync(&[]);
    freeze(&world, "shop", "image");
}

#[test]
fn altered_bytecode_comes_into_no_image() {
    let world = stocked();
    world.sync(&["--compile", "--reinstall"]);
    let wheel = Wheel::new("b", "1.0").file("space/b.py", "").build();
    let cache = world.stored_file(&wheel, "b/__pycache__");
    let file = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let right = fs::read(&file).unwrap();
    let put = |bytes: &[u8]| {
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    };
    let mut altered = right.clone();
    *altered.last_mut().unwrap() ^= 1;
    put(&altered);
    let refused = |output: &str| {
        let words = ["b/__pycache__", "was altered", "verify --repair"];
        freezing(&world, "shop", output, &[]).refused(MENDABLE, &words);
        assert!(!world.project.join(output).exists());
    };
    refused("image");
    put(&right);
    freeze(&world, "shop", "image");
    // Its layer is packed: the environment is not what was tested all the same.
    put(&altered);
    refused("again");
}

#[test]
fn a_file_that_would_remove_another_is_refused_by_its_name() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").file("a/.wh.other.py", ""));
    world.require(&["a"]).sync(&[]);
    freezing(&world, "shop", "image", &[]).refused(MENDABLE, &[".wh.other.py", "removed files"]);
}

#[test]
fn what_is_no_name_of_an_image_is_refused_before_anything_is_done() {
    let world = World::new();
    for name in ["Shop", "shop:", "a b", "https://a.example/b", "shop:a:b"] {
        freezing(&world, name, "image", &[]).refused(USAGE, &["no name of an image"]);
    }
    freezing(&world, "shop", "image", &[]).refused(MENDABLE, &["no environment", "pyfast sync"]);
    assert!(!world.project.join("image").exists());
}

#[test]
fn an_image_joins_others_in_a_layout_and_somebodys_directory_stays() {
    let world = stocked();
    freeze(&world, "shop:1", "image");
    freeze(&world, "shop:2", "image");
    freeze(&world, "shop:2", "image");
    let index = fs::read_to_string(world.project.join("image/index.json")).unwrap();
    assert_eq!(index.matches("image.ref.name").count(), 2, "{index}");
    world.write("mine/file", "x");
    let refused = freezing(&world, "shop:1", "mine", &[]);
    refused.refused(MENDABLE, &["no layout", "new or empty directory"]);
    assert_eq!(fs::read_dir(world.project.join("mine")).unwrap().count(), 1);
}

#[test]
fn an_archive_is_the_same_image_and_the_digest_is_the_last_word() {
    let world = stocked();
    let digest = freeze(&world, "shop:1", "image")["digest"].as_str().unwrap().to_owned();
    let flags = ["--digest-file", "digest"];
    let ran = freezing(&world, "shop:1", "shop.tar", &flags).ok();
    assert_eq!(ran.stdout.lines().last(), Some(&*digest), "{ran}");
    assert_eq!(world.read("digest").trim(), digest);
    let file = fs::File::open(world.project.join("shop.tar")).unwrap();
    let mut names = Vec::new();
    for entry in tar::Archive::new(file).entries().unwrap() {
        names.push(entry.unwrap().path().unwrap().display().to_string());
    }
    let manifest = format!("blobs/sha256/{}", digest.strip_prefix("sha256:").unwrap());
    for name in ["oci-layout", "index.json", "manifest.json", &manifest] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
}

#[test]
fn no_password_comes_into_an_image() {
    let mut world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.index.add(&Wheel::new("far", "1.0"));
    let far_url = world.index.file_url("far-1.0-py3-none-any.whl");
    let near = Wheel::new("near", "1.0").build();
    fs::write(world.project.join("near-1.0-py3-none-any.whl"), near.bytes).unwrap();
    let url = world.index.url().replace("http://", "http://user:s3cr3t@");
    world.index_flags = vec!["--index-url".to_owned(), url];
    let far = format!("far @ {far_url}?token=s3cr3t");
    world.require(&["a", &far, "./near-1.0-py3-none-any.whl"]).sync(&[]);
    let ran = freezing(&world, "shop", "image", &["-v"]).ok();
    assert!(!format!("{ran}").contains("s3cr3t"), "{ran}");
    let (layout, top, mut found) = (world.project.join("image"), world.path("top"), Vec::new());
    unpack(&layout, &top);
    files(&top, &mut found);
    let home = world.path("").display().to_string();
    for (path, content) in found.iter().filter(|(path, _)| !path.ends_with("bin/pyfast")) {
        let text = String::from_utf8_lossy(content);
        assert!(!text.contains("s3cr3t") && !text.contains(&home), "{}: {text}", path.display());
    }
    let origins = found.iter().filter(|(path, _)| path.ends_with("direct_url.json"));
    assert_eq!(origins.count(), 2);
    verify_inside(&layout, &top);
}

/// What an image says of itself in a variable.
fn variable(layout: &Path, name: &str) -> String {
    let (_, config) = image(layout);
    let pairs = config["config"]["Env"].as_array().unwrap().iter();
    let mut values = pairs.filter_map(|pair| pair.as_str()?.strip_prefix(&format!("{name}=")));
    values.next().unwrap().to_owned()
}

/// The program in an unpacked image finds everything as it was installed.
fn verify_inside(layout: &Path, top: &Path) {
    let project = variable(layout, "PYFAST_PROJECT_NAME");
    let mut verify = std::process::Command::new(top.join("pyfast/bin/pyfast"));
    verify.args(["verify", "--project-name", &project]).current_dir(top).env_clear();
    let verified = Ran::of(verify).ok();
    assert!(verified.stderr.contains("as it was installed"), "{verified}");
}

#[test]
fn environments_of_two_checkouts_are_one_image() {
    let mut world = stocked();
    let mut images = Vec::new();
    for checkout in ["one/shop", "other/shop"] {
        world.project = world.path(checkout);
        world.require(&["a", "b"]).sync(&[]);
        freeze(&world, "shop", "image");
        let layout = world.project.join("image");
        assert_eq!(variable(&layout, "PYFAST_PROJECT_NAME"), "shop");
        images.push(fs::read(layout.join("index.json")).unwrap());
    }
    assert_eq!(images[0], images[1]);
}

#[test]
fn a_wheel_without_bytecode_is_named_where_the_others_have_it() {
    let world = stocked();
    world.sync(&["--compile", "--reinstall"]);
    let first = freeze(&world, "shop", "image");
    let wheel = Wheel::new("b", "1.0").file("space/b.py", "").build();
    let top = world.stored_file(&wheel, "").parent().unwrap().to_owned();
    let markers = fs::read_dir(&top).unwrap().map(|entry| entry.unwrap().path());
    let is_marker =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("compiled-");
    fs::remove_file(markers.filter(is_marker).last().unwrap()).unwrap();
    freezing(&world, "shop", "image", &[])
        .refused(MENDABLE, &["bytecode of b 1.0", "pyfast sync --compile --reinstall"]);
    world.sync(&["--compile", "--reinstall"]);
    assert_eq!(freeze(&world, "shop", "image"), first);
}

#[test]
fn a_kept_layer_of_which_something_else_is_said_is_packed_anew() {
    let world = stocked();
    let first = freeze(&world, "shop", "image");
    let mut altered = 0;
    for layer in fs::read_dir(world.root.join("store/v1/layers")).unwrap() {
        let about = layer.unwrap().path().join("about");
        let mut said: Value = serde_json::from_slice(&fs::read(&about).unwrap()).unwrap();
        said["diff_id"] = format!("sha256:{}", sha256(b"another")).into();
        fs::remove_file(&about).unwrap();
        fs::write(&about, said.to_string()).unwrap();
        altered += 1;
    }
    assert!(altered > 2);
    assert_eq!(freeze(&world, "shop", "image"), first);
}

/// This machine and the other one, as Python names them.
const MACHINES: (&str, &str) =
    if cfg!(target_arch = "aarch64") { ("aarch64", "x86_64") } else { ("x86_64", "aarch64") };

/// Makes the environment one of the other machine.
fn move_to_another_machine(world: &World) {
    let (own, other) = MACHINES;
    let generation = freeze(world, "shop", "image")["generation"].as_str().unwrap().to_owned();
    let mut changed = 0;
    for env in fs::read_dir(world.root.join("envs/v1")).unwrap() {
        let path = env.unwrap().path().join("env.json");
        let text = fs::read_to_string(&path).unwrap();
        let machine = |name: &str| format!("\"platform_machine\":\"{name}\"");
        assert!(text.contains(&machine(own)), "{generation}: {text}");
        fs::remove_file(&path).unwrap();
        fs::write(&path, text.replace(&machine(own), &machine(other))).unwrap();
        changed += 1;
    }
    assert!(changed > 0);
}

/// Freezes with a build of the program that is named.
fn freezing_with(world: &World, program: &str, output: &str) -> Ran {
    packed::keep(world);
    let mut command = world.command(&["freeze", "shop", "--scratch", "--output", output]);
    command.env("PYFAST_LINUX_BINARY", program);
    Ran::of(command)
}

/// What is taken for the other machine's build of a version: a static program that has the version in it.
fn build_of_another_machine(version: &str) -> Vec<u8> {
    let mut head = vec![0; 120];
    head[..6].copy_from_slice(b"\x7fELF\x02\x01");
    let machine = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    (head[18], head[32], head[54], head[56], head[64]) = (machine, 64, 56, 1, 1);
    head.extend(format!("\nin containers of pyfast {version}\n").as_bytes());
    head
}

#[test]
fn an_environment_of_another_machine_is_refused() {
    let world = stocked();
    move_to_another_machine(&world);
    freezing(&world, "shop", "other", &[]).refused(USAGE, &["linux/", "pyfast of that machine"]);
}

#[test]
fn an_environment_of_another_machine_has_the_program_of_that_machine() {
    let world = stocked();
    let version = env!("CARGO_PKG_VERSION");
    // This machine's own build is the program itself.
    let own = env!("CARGO_BIN_EXE_pyfast");
    freezing_with(&world, own, "own").ok();
    move_to_another_machine(&world);
    freezing_with(&world, own, "refused").refused(USAGE, &["linux/", "beside this one"]);
    fs::write(world.project.join("sister"), build_of_another_machine("0.0.9")).unwrap();
    freezing_with(&world, "sister", "refused").refused(USAGE, &["is no build of pyfast", version]);
    assert!(!world.project.join("refused").exists());

    fs::write(world.project.join("sister"), build_of_another_machine(version)).unwrap();
    freezing_with(&world, "sister", "other").ok();
    let other = if cfg!(target_arch = "aarch64") { "amd64" } else { "arm64" };
    assert_eq!(image(&world.project.join("other")).1["architecture"], other);
    unpack(&world.project.join("other"), &world.project.join("unpacked"));
    let program = fs::read(world.project.join("unpacked/pyfast/bin/pyfast")).unwrap();
    assert_eq!(program, build_of_another_machine(version));
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_packed() {
    let mut world = stocked();
    world.write("file", "x");
    fs::create_dir(world.project.join("directory.tar")).unwrap();
    for output in ["-", "a.tar.gz", "a.tgz", "file", "directory.tar"] {
        all_packed(&world, "shop", output, &[])
            .refused(USAGE, &["cannot write an image", "`.tar`"]);
    }
    let pinned = format!("shop@sha256:{}", "a".repeat(64));
    all_packed(&world, &pinned, "image", &[]).refused(USAGE, &["digest"]);
    for (file, reason) in [("nowhere/digest", "No such file"), ("directory.tar", "directory")] {
        let flags = ["--digest-file", file];
        let refused = all_packed(&world, "shop", "image", &flags);
        refused.refused(USAGE, &["cannot write the digest", file, reason]);
    }
    world.env.insert("SOURCE_DATE_EPOCH".to_owned(), "today".to_owned());
    all_packed(&world, "shop", "image", &[]).refused(USAGE, &["SOURCE_DATE_EPOCH"]);
    assert!(!world.root.join("store/v1/layers").exists() && !world.project.join("image").exists());
    world.env.remove("SOURCE_DATE_EPOCH");
    freezing(&world, "shop", "new/folder/shop.tar", &[]).ok();
    // A freeze that fails leaves the digest of the one before.
    world.write("digest", "old");
    freezing(&world, "shop", "-", &["--digest-file", "digest"]).refused(USAGE, &["`.tar`"]);
    assert_eq!(world.read("digest"), "old");
}

#[test]
fn layers_that_a_larger_one_replaces_go() {
    let world = World::new();
    let names: Vec<String> = (0..26).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for name in &names {
        world.index.add(&Wheel::new(name, "1.0"));
    }
    world.require(&names[..13]).sync(&[]);
    let before = layers(&freeze(&world, "shop", "image"));
    world.require(&names).sync(&[]);
    let after = layers(&freeze(&world, "shop", "image"));
    let superseded = before.keys().filter(|holds| !after.contains_key(*holds)).count();
    assert!(superseded > 0);
    let plan = world.pyfast(&["gc", "--json", "--keep", "1", "--recent", "0"]).ok();
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let removed = plan["removed"].as_array().unwrap().iter();
    // And that of the program, which no environment has.
    assert_eq!(removed.filter(|one| one["kind"] == "layer").count(), superseded + 1);
    let frozen = freezing(&world, "shop", "image", &[]).ok();
    // The environment: the layers that it has now are there, and that of the program is again.
    assert!(frozen.stderr.contains("1 packed now"), "{frozen}");
}

#[test]
fn the_time_of_an_image_is_what_the_variable_says() {
    let mut world = stocked();
    world.env.insert("SOURCE_DATE_EPOCH".to_owned(), "951868800".to_owned());
    freeze(&world, "shop", "image");
    let (_, config) = image(&world.project.join("image"));
    assert_eq!(config["created"], "2000-03-01T00:00:00Z");
    world.env.insert("SOURCE_DATE_EPOCH".to_owned(), "today".to_owned());
    freezing(&world, "shop", "image", &[]).refused(USAGE, &["SOURCE_DATE_EPOCH", "seconds"]);
}

#[test]
fn packed_layers_go_with_the_wheels_that_they_have() {
    let world = stocked();
    freeze(&world, "shop", "image");
    world.require(&["a", "b"]).sync(&[]);
    let removed = |ran: Ran| {
        let plan: Value = serde_json::from_str(&ran.ok().stdout).unwrap();
        let removed = plan["removed"].as_array().unwrap().clone().into_iter();
        removed.filter(|one| one["kind"] == "layer").count()
    };
    let gc = ["gc", "--json", "--keep", "1", "--recent", "0"];
    // That of the program, and that of the wheel that nothing uses.
    assert_eq!(removed(world.pyfast(&gc)), 2);
    assert_eq!(removed(world.pyfast(&gc)), 0);
    freeze(&world, "shop", "image");
}

/// The only layer of a base, unpacked.
fn base_layer() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o755);
    archive.append_data(&mut header, "bin/app", &b"base"[..]).unwrap();
    archive.into_inner().unwrap()
}

/// A configuration as Docker writes it, of an image with that layer twice.
fn base_config(architecture: &str) -> Value {
    let diff_id = format!("sha256:{}", sha256(&base_layer()));
    json!({
        "architecture": architecture, "os": "linux", "docker_version": "20.10",
        "config": {
            "Env": ["PATH=/opt/bin:/bin", "LANG=C.UTF-8"], "Entrypoint": ["/init"], "Cmd": ["serve"],
            "User": "1000", "Labels": null, "Volumes": null,
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id, diff_id] },
        "history": [{ "created_by": "COPY app", "created": "2020-01-01T00:00:00Z" }],
    })
}

/// Puts a blob into a layout, and gives its descriptor.
fn put(layout: &Path, kind: &str, bytes: &[u8]) -> Value {
    let hex = sha256(bytes);
    fs::write(layout.join("blobs/sha256").join(&hex), bytes).unwrap();
    json!({ "mediaType": kind, "digest": format!("sha256:{hex}"), "size": bytes.len() })
}

/// A layout with a list of images for two machines, as builders write it with what says how they were made.
fn base_layout(layout: &Path) {
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let docker = "application/vnd.docker";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&base_layer()).unwrap();
    let kind = format!("{docker}.image.rootfs.diff.tar.gzip");
    let layer = put(layout, &kind, &packed.finish().unwrap());
    let image = |architecture: &str| {
        let config = base_config(architecture).to_string();
        let config = put(layout, &format!("{docker}.container.image.v1+json"), config.as_bytes());
        let kind = format!("{docker}.distribution.manifest.v2+json");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer, layer],
        });
        let mut manifest = put(layout, &kind, manifest.to_string().as_bytes());
        manifest["platform"] = json!({ "architecture": architecture, "os": "linux" });
        manifest
    };
    let mut attestation = image("unknown");
    attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    let kind = format!("{docker}.distribution.manifest.list.v2+json");
    let manifests = json!([image("s390x"), attestation, image("amd64"), image("arm64")]);
    let list = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": manifests });
    let list = put(layout, &kind, list.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [list] });
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
}

/// The same image as `docker save` of an old engine writes it: a layer that is there twice is a link.
fn base_archive(path: &Path, architecture: &str) {
    let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
    let (config, layer) = (base_config(architecture).to_string(), base_layer());
    let list = json!([{ "Config": "c.json", "RepoTags": null, "Layers": ["one/layer.tar", "two/layer.tar"] }]);
    let list = list.to_string();
    let files: [(&str, &[u8]); 3] = [
        ("one/layer.tar", &layer),
        ("c.json", config.as_bytes()),
        ("manifest.json", list.as_bytes()),
    ];
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content).unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    archive.append_link(&mut header, "two/layer.tar", "../one/layer.tar").unwrap();
    archive.finish().unwrap();
}

/// This machine in the words of images.
fn machine() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// Freezes upon a base, and looks at what all images upon it have.
fn check_base(world: &World, base: &str, output: &str) -> (Value, Value) {
    let flags = ["freeze", "shop", "--base", base, "--output", output];
    packed::keep(world);
    world.pyfast(&flags).ok();
    let (manifest, config) = image(&world.project.join(output));
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    assert_eq!(diff_ids.len(), manifest["layers"].as_array().unwrap().len());
    assert_eq!(diff_ids[..2], *base_config("x")["rootfs"]["diff_ids"].as_array().unwrap());
    let run = &config["config"];
    let project =
        run["Env"].as_array().unwrap().iter().find_map(|pair| {
            pair.as_str()?.strip_prefix("PYFAST_PROJECT_NAME=").map(str::to_owned)
        });
    let project = project.unwrap();
    let current = format!("/pyfast/projects/{project}/default/current");
    let entrypoint = json!([
        "/pyfast/bin/pyfast",
        "run",
        "--no-sync",
        "--project-name",
        project,
        "--env",
        "default",
        "--",
        "/init"
    ]);
    assert_eq!(run["Entrypoint"], entrypoint);
    assert_eq!((&run["Cmd"], &run["User"]), (&json!(["serve"]), &json!("1000")));
    assert_eq!(run["Env"][0], format!("PATH={current}/bin:/opt/bin:/bin"));
    assert_eq!(run["Env"][1], "LANG=C.UTF-8");
    assert_eq!(config["docker_version"], "20.10");
    assert_eq!(config["history"][0]["created_by"], "COPY app");
    (manifest, config)
}

#[test]
fn an_image_upon_a_layout_runs_what_its_base_runs_in_the_environment() {
    let world = stocked();
    base_layout(&world.project.join("base"));
    let (manifest, _) = check_base(&world, "oci:base", "image");
    let kind = &manifest["layers"][0]["mediaType"];
    assert_eq!(kind, "application/vnd.oci.image.layer.v1.tar+gzip", "one kind of manifest");
    let digest = manifest["annotations"]["org.opencontainers.image.base.digest"].clone();
    let base = document(&world.project.join("base"), &digest);
    assert_eq!(base["layers"][0]["digest"], manifest["layers"][0]["digest"]);
    unpack(&world.project.join("image"), &world.path("top"));
    assert_eq!(fs::read_to_string(world.path("top/bin/app")).unwrap(), "base");
    assert!(world.path("top/pyfast/bin/pyfast").is_file());
}

#[test]
fn an_image_upon_an_engines_archive_is_the_same_unpacked() {
    let world = stocked();
    base_layout(&world.project.join("base"));
    base_archive(&world.project.join("base.tar"), machine());
    let (_, of_layout) = check_base(&world, "oci:base", "image");
    let (manifest, of_archive) = check_base(&world, "base.tar", "other");
    assert_eq!(of_layout["rootfs"], of_archive["rootfs"]);
    assert_eq!(manifest["layers"][1]["mediaType"], "application/vnd.oci.image.layer.v1.tar");
    let digest = manifest["layers"][1]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    let layer = fs::read(world.project.join("other/blobs/sha256").join(digest)).unwrap();
    assert_eq!(layer, base_layer());
}

#[test]
fn a_base_that_does_not_suit_is_refused() {
    let world = stocked();
    base_archive(&world.project.join("other.tar"), "s390x");
    base_layout(&world.project.join("base"));
    let blobs = world.project.join("base/blobs/sha256");
    world.write("damaged.tar", "no archive at all");
    let freeze =
        |base: &str| world.pyfast(&["freeze", "shop", "--base", base, "--output", "image"]);
    freeze("other.tar").refused(USAGE, &["linux/s390x", "other.tar"]);
    freeze("Python:3.12").refused(USAGE, &["no base", "oci:DIR"]);
    freeze("base.tar.gz").refused(USAGE, &["no base", "FILE.tar"]);
    freeze("oci:base:missing").refused(MENDABLE, &["no one image", machine()]);
    freeze("oci:nowhere").refused(MENDABLE, &["no layout"]);
    freeze("damaged.tar").refused(MENDABLE, &["archive"]);
    for blob in fs::read_dir(&blobs).unwrap() {
        let path = blob.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(b' ');
        fs::write(&path, bytes).unwrap();
    }
    freeze("oci:base").refused(MENDABLE, &["bytes of", "are others"]);
    let alone = world.pyfast(&["freeze", "shop", "--output", "image"]);
    alone.refused(USAGE, &["for no image", "--base IMAGE", "--scratch"]);
    assert!(!world.project.join("image").exists());
}

#[test]
fn an_engine_that_is_not_there_is_told_before_anything_is_packed() {
    let mut world = stocked();
    world.env.insert("DOCKER_HOST".to_owned(), "unix:///nowhere/docker.sock".to_owned());
    let away = ["cannot reach the container engine", "/nowhere/docker.sock", "DOCKER_HOST"];
    for flags in [&["--scratch", "--load"][..], &["--base", "a.example/b", "--output", "image"]] {
        world.pyfast(&[&["freeze", "shop"], flags].concat()).refused(&[3], &away);
    }
    assert!(!world.root.join("store/v1/layers").exists() && !world.project.join("image").exists());
    let nowhere = world.pyfast(&["freeze", "shop", "--scratch"]);
    nowhere.refused(USAGE, &["--output", "--load", "--push"]);
}
