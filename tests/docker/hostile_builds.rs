//! Sources that attack whoever builds them for a volume: what their code sees there, and what becomes of what they
//! leave.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::carried::{PURE, Source, refused, world};
use crate::world::{SLIM, World, text};

/// A module beside the backend that writes what it can see and do into the source, from where the wheel has it.
const SPY: &str = r#"
import json, os, pathlib
def tried(act):
    try:
        act()
        return True
    except OSError:
        return False
def run():
    status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    places = ["/", "/etc", "/usr", "/var", "/run", "/run/pyfast", "/run/pyfast/asked", "/pyfast", "/pyfast/tmp"]
    files = ["/run/pyfast/pyfast", "/run/pyfast/asked/source.json", "/etc/passwd"]
    def plant():
        os.rename("/pyfast/tmp", "/pyfast/tmp-away")
        os.symlink("@VICTIM@", "/pyfast/tmp")
    seen = {
        "user": [os.getuid(), os.geteuid(), os.getgid()],
        "groups": [group for group in os.getgroups() if group == 0],
        "capabilities": status["CapEff"].strip("0\n"),
        "new_privileges": status["NoNewPrivs"],
        "volume": os.path.lexists("/pyfast"),
        "mounts": [line for line in open("/proc/self/mountinfo") if "pyfast" in line.split()[4] or "/volumes/" in line.split()[3]],
        "planted": tried(plant) or tried(lambda: os.mkdir("/pyfast")),
        "wrote": [place for place in places if tried(lambda: open(place + "/x", "w").close())]
            + [file for file in files if tried(lambda: open(file, "r+b").close())],
        "given": sorted(os.listdir("/run/pyfast")),
        "asked": len([name for name in os.listdir("/run/pyfast/asked") if name != "source.json"]),
        "home": os.environ["HOME"],
        "secret": "s3cr3t" in pathlib.Path("/proc/1/environ").read_text() + str(dict(os.environ)),
    }
    open("word.txt", "w").write(json.dumps(seen))
"#;

const SPYING: Source = Source { doing: "import spy; spy.run()", ..PURE };
const WORD: [&str; 3] = ["python", "-c", "import local; print(local.WORD)"];

/// Writes a source that spies into the project.
fn spying(world: &World, victim: &str) {
    let folder = world.project().join("local");
    SPYING.write(&folder, "x");
    fs_err::write(folder.join("spy.py"), SPY.replace("@VICTIM@", victim)).unwrap();
    world.requirements("./local\n");
}

/// Asserts what code of a source may see: itself, and nothing of anybody else.
fn check(seen: &Value) {
    let mut given = seen["given"].clone();
    given.as_array_mut().unwrap().retain(|name| name != "certificates.pem");
    assert_eq!(given, json!(["asked", "pyfast", "work"]), "{seen}");
    for (what, expected) in [
        ("user", json!([65534, 65534, 65534])),
        ("groups", json!([])),
        ("capabilities", json!("")),
        ("new_privileges", json!("1")),
        ("volume", json!(false)),
        ("mounts", json!([])),
        ("planted", json!(false)),
        ("wrote", json!([])),
        ("asked", json!(1)),
        ("home", json!("/run/pyfast/work")),
        ("secret", json!(false)),
    ] {
        assert_eq!(seen[what], expected, "{what} in {seen}");
    }
}

#[test]
fn code_of_a_source_is_nobody_and_sees_neither_the_volume_nor_other_sources() {
    let Some(world) = world("hostile-eyes") else { return };
    spying(&world, "/nowhere");
    let other = world.project().join("other");
    PURE.write(&other, "y");
    let backend = fs_err::read_to_string(other.join("backend.py")).unwrap();
    let backend = backend.replace("local-1.0", "other-1.0").replace("Name: local", "Name: other");
    fs_err::write(other.join("backend.py"), backend.replace("\"local.py\"", "\"other.py\""))
        .unwrap();
    world.requirements("./local\n./other\n");
    let wheels = world.project().with_file_name("wheels");
    let mut command =
        world.command(&["sync", "-r", "requirements.txt", "--no-index", "--find-links"]);
    command.arg(wheels).args(["--volume", &world.volume, "--image", SLIM]);
    let output = command.env("API_TOKEN", "s3cr3t").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    check(&serde_json::from_str(&world.printed(&WORD)).unwrap());
    assert_eq!(world.printed(&["python", "-c", "import other; print(other.WORD)"]), "y\n");
    assert_eq!(world.containers(), "");
}

#[test]
fn a_source_cannot_lead_the_host_out_of_the_volume() {
    // The volume's directory is at hand, and no Python that could build here: the container builds, then the host writes.
    let Some(mut world) = World::new("hostile-links") else { return };
    world.path = "/nonexistent".into();
    world.package("alpha", "1.0");
    let victim = world.project().with_file_name("victim");
    fs_err::create_dir_all(victim.join("data")).unwrap();
    fs_err::write(victim.join("data/f"), "kept").unwrap();
    fs_err::write(victim.join("shadow"), "secret").unwrap();
    let mode = |path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    fs_err::set_permissions(victim.join("shadow"), std::fs::Permissions::from_mode(0o600)).unwrap();
    // A first sync, so that the directories which are attacked are there.
    world.requirements("alpha\n");
    world.synced();
    spying(&world, victim.to_str().unwrap());
    world.package("beta", "1.0");
    world.requirements("./local\nbeta\n");
    world.synced();
    check(&serde_json::from_str(&world.printed(&WORD)).unwrap());
    assert!(fs_err::symlink_metadata(world.root().join("tmp")).unwrap().is_dir());
    assert_eq!(fs_err::read_to_string(victim.join("data/f")).unwrap(), "kept");
    assert_eq!(mode(victim.join("shadow")), 0o600);
    assert_eq!(world.containers(), "");
}

/// A sync of a source that does this has to fail with the words, and leaves no environment.
fn check_refused(purpose: &str, doing: &'static str, words: &[&str]) {
    let Some(world) = world(purpose) else { return };
    Source { doing, ..PURE }.write(&world.project().join("local"), "x");
    world.requirements("./local\n");
    refused(&world.sync(SLIM), words);
    assert!(!world.root().join("projects").exists(), "nothing was installed");
}

#[test]
fn links_and_lies_that_a_build_leaves_are_refused() {
    let link = "os.symlink('/etc/passwd', '/run/pyfast/work/out/b-1-py3-none-any.whl')";
    check_refused("hostile-link", link, &["no plain file", "look at the source"]);
    let whole = "os.rename('/run/pyfast/work/out', '/run/pyfast/work/o'); \
                 os.symlink('/run/pyfast/work/o', '/run/pyfast/work/out')";
    check_refused("hostile-out", whole, &["no plain file", "look at the source"]);
    // The process that answers is the same user's.
    let lie = "open('/proc/1/fd/1', 'w').write('{\"metadata\":\"Name: other\"}\\x1b')";
    check_refused("hostile-answer", lie, &["cannot use what a build", "u{1b}"]);
}

#[test]
fn an_interrupted_build_leaves_no_container() {
    let Some(world) = world("hostile-interrupt") else { return };
    let doing = "import time; time.sleep(600)";
    Source { doing, ..PURE }.write(&world.project().join("local"), "x");
    world.requirements("./local\n");
    let mark = format!("mark=interrupted-{}", std::process::id());
    let there = |states: &[&str]| {
        let listed = ["--no-trunc", "--format", "{{.Command}}"];
        text(&world.docker(&[&["ps"], states, &listed[..]].concat()).stdout).contains(&mark)
    };
    let begun = Instant::now();
    let wait_for = |what: &str, done: &dyn Fn() -> bool| {
        while !done() {
            assert!(begun.elapsed() < Duration::from_mins(10), "{what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let mut command = world.command(&["sync", "-r", "requirements.txt", "--no-index", "-C", &mark]);
    command.args(["--volume", &world.volume, "--image", SLIM]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the build does not begin", &|| there(&[]));
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // An engine that is busy goes on removing after it was asked to.
    wait_for("its container is left", &|| !there(&["-a"]));
}

#[test]
fn what_was_built_is_kept_and_the_second_sync_starts_no_build() {
    let Some(world) = world("hostile-kept") else { return };
    let folder = world.project().join("local");
    // A build that is different each time it runs.
    Source { doing: "import uuid; open('word.txt', 'w').write(uuid.uuid4().hex)", ..PURE }
        .write(&folder, "x");
    world.requirements("./local\n");
    world.synced();
    let first = world.printed(&WORD);
    world.package("gamma", "1.0");
    world.requirements("./local\ngamma\n");
    assert_eq!(world.synced()["changed"], true);
    assert_eq!(world.printed(&WORD), first);
    // Without the user's memory it is built again, and the volume's own memory still counts.
    fs_err::remove_dir_all(world.project().with_file_name("cache")).unwrap();
    world.requirements("./local\n");
    world.synced();
    assert_eq!(world.printed(&WORD), first);
}

#[test]
fn another_projects_wheel_in_the_place_of_what_was_built_is_refused_here() {
    let Some(world) = world("hostile-other") else { return };
    let folder = world.project().join("local");
    PURE.write(&folder, "x");
    let table = "\n[project]\nname = 'local'\nversion = '1.0'\n";
    let system = fs_err::read_to_string(folder.join("pyproject.toml")).unwrap() + table;
    fs_err::write(folder.join("pyproject.toml"), system).unwrap();
    world.requirements("./local\n");
    world.synced();
    // What a container is made to answer is kept like this, and looked at wherever it comes from.
    world.package("other", "1.0");
    let kept = world.project().with_file_name("cache").join("pyfast/built-1");
    let places: Vec<_> = fs_err::read_dir(kept).unwrap().map(|one| one.unwrap().path()).collect();
    let built: Vec<_> = places.iter().map(|one| one.join("local-1.0-py3-none-any.whl")).collect();
    let built: Vec<_> = built.into_iter().filter(|wheel| wheel.exists()).collect();
    assert_eq!(built.len(), 1, "{places:?}");
    fs_err::remove_file(&built[0]).unwrap();
    let other = "other-1.0-py3-none-any.whl";
    let wheels = world.project().with_file_name("wheels");
    fs_err::copy(wheels.join(other), built[0].with_file_name(other)).unwrap();
    world.package("gamma", "1.0");
    world.requirements("./local\ngamma\n");
    refused(&world.sync(SLIM), &["local", "another project's wheel"]);
}

#[test]
fn a_volume_that_this_machine_builds_for_holds_nothing_of_the_build() {
    let Some(world) = World::new("hostile-yard") else { return };
    world.package("alpha", "1.0");
    let doing = "open('word.txt', 'w').write(sys.prefix + ' ' + directory)";
    Source { doing, ..PURE }.write(&world.project().join("local"), "x");
    world.requirements("./local\n");
    world.synced();
    let places = world.printed(&WORD);
    let mine = world.project().with_file_name("cache").join("pyfast/builds-1");
    for place in places.split_whitespace() {
        assert!(
            place.starts_with(mine.to_str().unwrap()),
            "{place} is not below {}",
            mine.display()
        );
    }
    let environments = fs_err::read_dir(world.root().join("envs/v1")).unwrap().count();
    assert_eq!(environments, 1, "the volume has the project's environment alone");
}
