//! Images that `pyfast freeze` wrote, as an engine has them: containers run in them whoever they are, where nothing can be
//! written and no network is; a changed wheel changes no other layer.

use std::collections::BTreeSet;
use std::process::Output;

use serde_json::Value;

use crate::world::{SLIM, World, text};

/// What nobody needs whose environment is in the image.
const HARDENED: [&str; 6] = ["--rm", "--read-only", "--user", "65534", "--network", "none"];

/// A project whose environment is for containers, in a directory of this machine, and the images that are made of it.
struct Shop {
    world: World,
    name: String,
}

impl Shop {
    fn new(purpose: &str) -> Option<Self> {
        let world = World::new(&format!("freeze-{purpose}"))?;
        let name = format!("pyfast-test/freeze-{purpose}-{}", std::process::id());
        for (package, version) in [("alpha", "1.0"), ("alpha", "2.0"), ("beta", "1.0")] {
            world.package(package, version);
        }
        let shop = Self { world, name };
        shop.synced("alpha==1.0\nbeta\n");
        Some(shop)
    }

    /// An image of the shop's.
    fn image(&self, tag: &str) -> String {
        format!("{}:{tag}", self.name)
    }

    /// The program, for an environment of containers in a directory.
    fn pyfast(&self, arguments: &[&str]) -> Output {
        let root = self.world.project().join("../root");
        let place = ["--root", root.to_str().unwrap(), "--image", SLIM];
        self.world.pyfast(&[arguments, &place].concat())
    }

    /// The same, which has to succeed; what it printed.
    #[track_caller]
    fn does(&self, arguments: &[&str]) -> String {
        let output = self.pyfast(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    #[track_caller]
    fn synced(&self, requirements: &str) {
        self.world.requirements(requirements);
        let wheels = self.world.wheels();
        let links = ["--no-index", "--find-links", wheels.to_str().unwrap()];
        self.does(&[&["sync", "-r", "requirements.txt"][..], &links].concat());
    }

    /// What the engine's client printed, which has to succeed.
    #[track_caller]
    fn docker(&self, arguments: &[&str]) -> String {
        let output = self.world.docker(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Has the engine load an image that was written, as its users do.
    #[track_caller]
    fn load(&self, archive: &str) {
        let archive = self.world.project().join(archive);
        self.docker(&["load", "-q", "-i", archive.to_str().unwrap()]);
    }

    /// What a command prints in a container of an image that has no more rights than it needs.
    #[track_caller]
    fn printed(&self, image: &str, options: &[&str], command: &[&str]) -> String {
        let run = [&["run"], &HARDENED[..], options, &[image], command].concat();
        let output = self.world.docker(&run);
        assert!(output.status.success(), "{run:?}: {}", text(&output.stderr));
        text(&output.stdout) + &text(&output.stderr)
    }

    /// Everything of the image is as it was installed, says the program in it.
    #[track_caller]
    fn is_whole(&self, image: &str) {
        let said = self.printed(image, &["--entrypoint", "/pyfast/bin/pyfast"], &["verify"]);
        assert!(said.contains("as it was installed"), "{said}");
    }

    /// Whether the engine finds layers again that an archive leaves out.
    #[track_caller]
    fn keeps_layers(&self) -> bool {
        let version = self.docker(&["version", "--format", "{{json .Server.Components}}"]);
        let status = self.world.docker(&["info", "--format", "{{json .DriverStatus}}"]);
        !version.contains("Podman") && !text(&status.stdout).contains("io.containerd.snapshotter")
    }

    /// Its layers, as the engine names them.
    fn layers(&self, image: &str) -> BTreeSet<String> {
        let format = ["image", "inspect", "--format", "{{json .RootFS.Layers}}", image];
        serde_json::from_str(&self.docker(&format)).unwrap()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // By their names: equal environments are one image, which another test may have at the same time.
        let names = ["images", "--format", "{{.Repository}}:{{.Tag}}", &self.name];
        for name in text(&self.world.docker(&names).stdout).split_whitespace() {
            self.world.docker(&["rmi", "-f", name]);
        }
    }
}

/// Says which versions there are, and from where.
const PROBE: &str =
    "import sys, alpha, beta.late; print(alpha.__version__, beta.late.VERSION, sys.prefix)";

#[test]
fn an_image_upon_a_base_runs_read_only_as_anybody_without_a_network() {
    let Some(shop) = Shop::new("base") else { return };
    let base = shop.world.project().join("slim.tar");
    shop.docker(&["save", "-o", base.to_str().unwrap(), SLIM]);
    let freeze = |tag: &str| {
        let (name, archive) = (shop.image(tag), format!("{tag}.tar"));
        let printed =
            shop.does(&["freeze", &name, "--base", "slim.tar", "--output", &archive, "--json"]);
        shop.load(&archive);
        (name, serde_json::from_str::<Value>(&printed).unwrap())
    };
    let (first, report) = freeze("1");
    let prefix = format!("/pyfast/envs/v1/{}", report["generation"].as_str().unwrap());
    let printed = shop.printed(&first, &[], &["python", "-c", PROBE]);
    assert_eq!(printed, format!("1.0 1.0 {prefix}\n"));
    assert_eq!(shop.printed(&first, &[], &["alpha-tool"]), "alpha 1.0\n");
    shop.is_whole(&first);
    shop.synced("alpha==2.0\nbeta\n");
    let (second, _) = freeze("2");
    let (before, after) = (shop.layers(&first), shop.layers(&second));
    assert_eq!((before.len(), after.difference(&before).count()), (after.len(), 2));
    assert_eq!(shop.printed(&second, &[], &["alpha-tool"]), "alpha 2.0\n");
}

#[test]
fn an_engine_gives_what_the_image_is_put_upon_and_loads_it() {
    let Some(shop) = Shop::new("load") else { return };
    let (name, missing) = (shop.image("1"), shop.image("missing"));
    let refused = shop.pyfast(&["freeze", &name, "--base", &missing, "--load"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains(&missing) && said.contains("not present"), "{said}");
    let keeps = shop.keeps_layers();
    // That which the environment is for, where none is named. It is read once.
    for (packed, is_read) in [("packed now", true), ("1 packed now", false)] {
        let output = shop.pyfast(&["freeze", &name, "--load", "-v"]);
        let said = text(&output.stderr);
        assert!(output.status.success() && said.contains(packed), "{said}");
        assert_eq!(said.contains("from the container engine"), is_read || !keeps, "{said}");
        assert_eq!(said.contains("the container engine has "), keeps, "what it lacks: {said}");
        assert!(said.contains("into the container engine"), "{said}");
        assert_eq!(shop.printed(&name, &[], &["alpha-tool"]), "alpha 1.0\n");
    }
    shop.is_whole(&name);
    shop.synced("alpha==2.0\nbeta\n");
    let (next, before) = (shop.image("next"), shop.layers(&name));
    shop.does(&["freeze", &next, "--load"]);
    assert_eq!(shop.printed(&next, &[], &["alpha-tool"]), "alpha 2.0\n");
    assert_eq!(shop.layers(&next).difference(&before).count(), 2);
    shop.is_whole(&next);
    shop.synced("alpha==1.0\nbeta\n");
    assert!(shop.layers(SLIM).is_subset(&shop.layers(&name)));
    let base = shop.world.project().join("slim.tar");
    shop.docker(&["save", "-o", base.to_str().unwrap(), SLIM]);
    let other = shop.image("2");
    shop.does(&["freeze", &other, "--base", "slim.tar", "--load"]);
    assert_eq!(shop.layers(&other), shop.layers(&name), "whoever read the base");
}

#[test]
fn an_environment_alone_is_whole_and_is_copied_from() {
    let Some(shop) = Shop::new("scratch") else { return };
    let (name, application) = (shop.image("env"), shop.image("application"));
    shop.does(&["freeze", &name, "--scratch", "--output", "env.tar"]);
    shop.load("env.tar");
    // Nothing else is in it, and the program needs nothing else.
    shop.is_whole(&name);
    let context = shop.world.project().join("context");
    fs_err::create_dir(&context).unwrap();
    let entrypoint = r#"ENTRYPOINT ["/pyfast/bin/pyfast", "run", "--no-sync", "--"]"#;
    let dockerfile = format!("FROM {SLIM}\nCOPY --from={name} /pyfast /pyfast\n{entrypoint}\n");
    fs_err::write(context.join("Dockerfile"), dockerfile).unwrap();
    shop.docker(&["build", "-q", "-t", &application, context.to_str().unwrap()]);
    let printed = shop.printed(&application, &[], &["python", "-c", PROBE]);
    assert!(printed.starts_with("1.0 1.0 /pyfast/envs/v1/"), "{printed}");
}
