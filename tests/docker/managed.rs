//! Pythons that are brought into volumes, for containers of images that have none. Owns those images; must not know how a
//! Python comes into a volume.

use std::process::Output;

use serde_json::Value;

use crate::it::native::channel::{channel, library};
use crate::project::Project;
use crate::remote::forward;
use crate::support::python::python_minor;
use crate::world::{NONE, SLIM, World, text};

/// The slim image without its Python, for one test; removed at its end.
struct Bare<'a> {
    world: &'a World,
    image: String,
}

impl<'a> Bare<'a> {
    fn new(world: &'a World) -> Self {
        let image = format!("{}:bare", world.volume);
        let remove = "rm -rf /usr/bin/python3* /usr/lib/python3*";
        let made = ["run", "--network", "host", "--name", &world.volume, SLIM, "sh", "-c", remove];
        for words in [&made[..], &["commit", &world.volume, &image], &["rm", &world.volume]] {
            let output = world.docker(words);
            assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        }
        let bare = Self { world, image };
        let python = bare.run(&["--entrypoint", "python3"], &["--version"]);
        assert_eq!(python.status.code(), Some(127), "{}", text(&python.stderr));
        bare
    }

    fn run(&self, options: &[&str], command: &[&str]) -> Output {
        let mount = format!("{}:/pyfast:ro,nocopy", self.world.volume);
        let common = ["run", "--rm", "--read-only", "--user", "65534", "--network", "host"];
        let volume = ["-v", &*mount];
        self.world.docker(&[&common[..], &volume, options, &[&self.image], command].concat())
    }

    /// What Python prints in a container, started as a service is.
    #[track_caller]
    fn printed(&self, script: &str) -> String {
        let entry = ["--entrypoint", "/pyfast/bin/pyfast"];
        let output = self.run(&entry, &["run", "--", "python", "-c", script]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }
}

impl Drop for Bare<'_> {
    fn drop(&mut self) {
        self.world.docker(&["rmi", "-f", &self.image]);
    }
}

/// A project whose default environment has its Python brought, with more lines under `[native]`.
fn configure(world: &World, native: &str) {
    let directory = world.project().with_file_name("channel");
    let (minor, shown) = (python_minor(), directory.display());
    let toml = format!(
        "[env.default]\npython = {{ version = \"{minor}\", from = \"managed\" }}\n\n\
         [native]\nchannels = [\"{shown}\"]\n{native}"
    );
    fs_err::write(world.project().join("pyfast.toml"), toml).unwrap();
}

fn world(purpose: &str) -> Option<World> {
    let world = World::new(purpose)?;
    channel(&world.project().with_file_name("channel"));
    configure(&world, "");
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    Some(world)
}

#[track_caller]
fn synced(world: &World, image: &str) -> Value {
    let output = world.sync(image);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A container of an image without Python runs what was synced, in a Python of the volume.
fn an_image_without_python_gets_one(world: &World) {
    let bare = Bare::new(world);
    let about = ["--volume", &world.volume, "--image", &bare.image];
    let doctor =
        || world.pyfast(&[&["doctor", "--no-index", "--find-links", "."][..], &about].concat());
    let said = doctor();
    assert!(said.status.success(), "what is not brought yet is no fault: {}", text(&said.stdout));
    let first = synced(world, &bare.image);
    let asked = "import alpha, json, sys; print(alpha.__version__, sys.base_prefix)";
    let printed = bare.printed(asked);
    assert!(printed.starts_with("1.0 /pyfast/pythons/v1/"), "{printed}");
    let script = "import sys; print('%d.%d' % sys.version_info[:2])";
    assert_eq!(bare.printed(script), python_minor());
    let again = synced(world, &bare.image);
    assert_eq!((&again["changed"], &again["id"]), (&false.into(), &first["id"]));
    // Another set of packages is another prefix, and no other image.
    configure(world, "packages = \"libfoo\"\n");
    let with = synced(world, &bare.image);
    assert_ne!(with["id"], first["id"]);
    let printed =
        bare.printed("import sys; print(open(sys.base_prefix + '/lib/libfoo.so.1').read())");
    assert_eq!(printed, "1.0");
    for command in ["verify", "list", "lock"] {
        let links =
            ["--no-index", "--find-links", world.wheels().to_str().unwrap()].map(str::to_owned);
        let links: Vec<&str> =
            links.iter().map(String::as_str).filter(|_| command == "lock").collect();
        let output = world.pyfast(&[&[command][..], &about, &links].concat());
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
    }
    let lock = fs_err::read_to_string(world.project().join("pylock.toml")).unwrap();
    assert!(lock.contains("libfoo-1.0-0.conda"), "{lock}");
    // What was chosen stands, whatever the channel has by then.
    let mut lists = channel(&world.project().with_file_name("channel"));
    lists.add(&library("libfoo", "2.0"), &Value::Null);
    let same = synced(world, &bare.image);
    assert_eq!(same["id"], with["id"]);
    let doctor = doctor();
    assert!(text(&doctor.stdout).contains("/pyfast/pythons/v1/"), "{}", text(&doctor.stdout));
    assert_eq!(world.containers(), "", "no container is left behind");
}

#[test]
fn an_image_without_python_gets_one_in_the_volume() {
    let Some(world) = world("managed") else { return };
    an_image_without_python_gets_one(&world);
}

#[test]
fn an_image_without_python_gets_one_in_a_volume_that_only_containers_write() {
    let Some(mut world) = world("managed-away") else { return };
    world.host = forward(&world.host);
    an_image_without_python_gets_one(&world);
}

#[test]
fn what_was_brought_for_a_sync_that_failed_is_taken_by_the_next() {
    let Some(world) = world("managed-failed") else { return };
    let bare = Bare::new(&world);
    let mut lists = channel(&world.project().with_file_name("channel"));
    configure(&world, "packages = \"libfoo\"\n");
    let first = synced(&world, &bare.image);
    lists.add(&library("libfoo", "2.0"), &Value::Null);
    world.requirements("nowhere\n");
    let wheels = world.wheels();
    let about = ["sync", "-r", "requirements.txt", "--volume", &world.volume, "--upgrade"];
    let links = ["--image", &bare.image, "--no-index", "--find-links", wheels.to_str().unwrap()];
    let failed = world.pyfast(&[&about[..], &links].concat());
    assert!(text(&failed.stderr).contains("nowhere"), "{}", text(&failed.stderr));
    world.requirements("alpha\n");
    let next = synced(&world, &bare.image);
    assert_ne!(next["id"], first["id"]);
    let script = "import sys; print(open(sys.base_prefix + '/lib/libfoo.so.1').read())";
    assert_eq!(bare.printed(script), "2.0");
}

#[test]
fn an_image_without_glibc_is_refused_in_a_sentence() {
    let Some(world) = world("managed-none") else { return };
    world.sync_fails(NONE, 1, &["what channels have needs glibc", "/lib64/ld-linux-x86-64.so.2"]);
}

#[test]
fn a_service_starts_on_the_python_of_the_volume() {
    let Some(project) = Project::new("managed", "  web:\n    <<: *python\n") else { return };
    let bare = Bare::new(&project.world);
    channel(&project.path("channel"));
    let compose = fs_err::read_to_string(project.path("docker-compose.yml")).unwrap();
    project.write("docker-compose.yml", &compose.replace(SLIM, &bare.image));
    let (volume, minor) = (&project.world.volume, python_minor());
    let toml = format!(
        "[project]\nname = \"shop\"\nroot = \"volume:{volume}\"\n\
         [env.backend]\nrequirements = [\"backend.txt\"]\nservices = [\"web\"]\n\
         python = {{ version = \"{minor}\", from = \"managed\" }}\n\
         [native]\nchannels = [\"./channel\"]\n"
    );
    project.write("pyfast.toml", &toml);
    project.ok(&["check"]);
    project.up();
    let script = "import shade, sys; print(shade.__version__, sys.base_prefix)";
    let printed = project.python("web", script);
    assert!(printed.starts_with("1.0 /pyfast/pythons/v1/"), "{printed}");
    let before = project.identity("web");
    project.up();
    assert_eq!(project.identity("web"), before);
}
