//! Pythons that are brought into volumes, for containers of images that have none. Owns those images; must not know how a
//! Python comes into a volume.

use std::process::{Command, Output};

use serde_json::Value;

use crate::it::native::channel::{Package, channel, library};
use crate::it::native::site::Site;
use crate::project::Project;
use crate::remote::forward;
use crate::support::python::python_minor;
use crate::wheels::Wheel;
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
        let python =
            bare.run(&["--entrypoint", "sh"], &["-c", "command -v python3 || echo without"]);
        assert_eq!(text(&python.stdout), "without\n", "{}", text(&python.stderr));
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
    configure_from(&world.project().with_file_name("channel").display().to_string(), world, native);
}

fn configure_from(shown: &str, world: &World, native: &str) {
    let minor = python_minor();
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
fn what_a_password_lets_this_machine_in_for_comes_into_a_volume_that_only_containers_write() {
    let Some(mut world) = world("managed-closed") else { return };
    world.host = forward(&world.host);
    let bare = Bare::new(&world);
    // `me` with this password; no container reaches it.
    let site = Site::closed(&world.project().with_file_name("channel"), "Basic bWU6d2VnZGFtaXQ=");
    configure_from(&site.url.replace("http://", "http://me:wegdamit@"), &world, "");
    synced(&world, &bare.image);
    assert!(bare.printed("import alpha, sys; print(sys.base_prefix)").contains("/pythons/v1/"));
    assert!(site.seen().iter().any(|request| request.path.contains(".conda")));
    let found = ["-c", "grep -rlE 'wegdamit|bWU6d2VnZGFtaXQ=' /pyfast || echo nowhere"];
    assert_eq!(text(&bare.run(&["--entrypoint", "sh"], &found).stdout), "nowhere\n");
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

/// A module whose object needs a library that neither the image nor its wheel has, and a channel that has it.
fn lacking(world: &World) {
    let made = tempfile::tempdir().unwrap();
    let object = |name: &str, source: &str, more: &[&str]| {
        fs_err::write(made.path().join("text.c"), source).unwrap();
        let mut cc = Command::new("cc");
        cc.current_dir(made.path()).args(["-shared", "-fPIC", "text.c", "-o", name]).args(more);
        let output = cc.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        fs_err::read(made.path().join(name)).unwrap()
    };
    let source = "int answer(void) { return 42; }\n";
    let library = object("libpyfastfoo.so.1", source, &["-Wl,-soname,libpyfastfoo.so.1"]);
    let source = "int answer(void);\nint asked(void) { return answer(); }\n";
    let own = object("_need.so", source, &["libpyfastfoo.so.1"]);
    let mut lists = channel(&world.project().with_file_name("channel"));
    let package = Package::new("libpyfastfoo", "1.0").file("lib/libpyfastfoo.so.1", library, 0o755);
    lists.add(&package, &Value::Null);
    let module = "import ctypes, os\n\
                  value = ctypes.CDLL(os.path.join(os.path.dirname(__file__), '_need.so')).asked()\n";
    let files = [("need/__init__.py", module)];
    let wheel = Wheel { name: "need", version: "1.0", requires: &[], files: &files, scripts: &[] };
    wheel.write_with(&world.wheels(), &[("need/_need.so", own)]);
    world.requirements("need\n");
}

/// An image's own Python runs what needs a library that the image lacks.
fn an_image_gets_a_library(world: &World) {
    lacking(world);
    let directory = world.project().with_file_name("channel");
    let native = format!("[native]\nchannels = [\"{}\"]\n", directory.display());
    let file = world.project().join("pyfast.toml");
    fs_err::write(&file, &native).unwrap();
    synced(world, SLIM);
    let mount = format!("{}:/pyfast:ro,nocopy", world.volume);
    let options = ["run", "--rm", "--read-only", "--user", "65534", "-v", &mount];
    let printed = |script: &str| {
        let entry =
            ["--entrypoint", "/pyfast/bin/pyfast", SLIM, "run", "--", "python", "-c", script];
        world.docker(&[&options[..], &entry].concat())
    };
    let script =
        "import need, os; print(need.value, [n for n in os.environ if n.startswith('LD_')])";
    let without = printed(script);
    assert!(text(&without.stderr).contains("libpyfastfoo.so.1"), "{}", text(&without.stderr));
    fs_err::write(&file, format!("{native}packages = \"libpyfastfoo\"\n")).unwrap();
    let first = synced(world, SLIM);
    let with = printed(script);
    assert_eq!(text(&with.stdout).trim(), "42 []", "{}", text(&with.stderr));
    let again = synced(world, SLIM);
    assert_eq!((&again["changed"], &again["id"]), (&false.into(), &first["id"]));
    let about = ["--volume", &world.volume, "--image", SLIM];
    for command in ["verify", "list"] {
        let output = world.pyfast(&[&[command][..], &about].concat());
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
    }
    assert_eq!(world.containers(), "", "no container is left behind");
}

#[test]
fn an_image_that_lacks_a_library_finds_it_in_the_volume() {
    let Some(world) = World::new("libraries") else { return };
    an_image_gets_a_library(&world);
}

#[test]
fn an_image_that_lacks_a_library_finds_it_in_a_volume_that_only_containers_write() {
    let Some(mut world) = World::new("libraries-away") else { return };
    world.host = forward(&world.host);
    an_image_gets_a_library(&world);
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
    // The compose file says which image it is for.
    project.ok(&["sync", "--env", "backend"]);
    project.ok(&["list", "--native", "--env", "backend"]);
    project.up();
    assert_eq!(project.identity("web"), before);
}
