//! Bytecode that comes after a sync. What compiles is a process of its own, which each test has wait for a lock that the
//! test holds, so that what happens meanwhile happens meanwhile.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

use pyfast_root::{Lock, LockName, Root, Share};

use crate::support::ran::{MENDABLE, Ran};
use crate::support::stock::stock;
use crate::support::synced::Synced;
use crate::support::until;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Which modules have no bytecode.
const MISSING: &str = "import a, b, os; print([m.__name__ for m in (a, b) \
    if not os.path.exists(m.__spec__.cached)])";

/// A volume whose environments are compiled as nobody says otherwise, also where the tests are the command of a container.
fn volume() -> World {
    let mut world = stock(World::new().in_volume());
    world.env.insert("PYFAST_COMPILE".into(), "later".into());
    world.require(&["a"]);
    world
}

/// Has whoever compiles wait for this.
fn hold(world: &World, wheel: &str) -> Lock {
    let root = Root::create(&world.root, &world.root).unwrap();
    let digest = Wheel::new(wheel, "2.0");
    let digest = if wheel == "a" { digest.requires("b") } else { digest }.build().sha256;
    let lock = root.queue(&LockName::bytecode(&digest), Share::Alone).unwrap();
    assert!(lock.is_held().unwrap());
    lock
}

/// The processes that compile for a root.
fn compiling(root: &Path) -> Vec<PathBuf> {
    let root = root.to_str().unwrap();
    let is_it = |process: &PathBuf| {
        let line = fs_err::read_to_string(process.join("cmdline")).unwrap_or_default();
        let words: Vec<&str> = line.split('\0').collect();
        words.contains(&"bytecode") && words.contains(&root) && !words.contains(&"--detach")
    };
    let processes = fs_err::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    processes.filter(is_it).collect()
}

fn kill(process: &Path) {
    let number = process.file_name().unwrap();
    assert!(Command::new("kill").arg("-9").arg(number).status().unwrap().success());
    until("the killed process is gone", || !process.exists());
}

/// How many environments wait for their bytecode.
fn waiting(world: &World) -> usize {
    fs_err::read_dir(world.root.join("store/v1/uncompiled")).map_or(0, Iterator::count)
}

#[track_caller]
fn check_done(world: &World, synced: &Synced) {
    until("the bytecode is there", || waiting(world) == 0);
    assert_eq!(synced.evaluate(MISSING), "[]\n");
    until("who compiled has ended", || compiling(&world.root).is_empty());
    world.pyfast(&["verify"]).ok();
    let again = world.sync(&[]);
    assert_eq!(again.json["compiling"], false);
    assert!(
        again.ran.stderr.contains("nothing to do"),
        "as if nobody had touched it: {}",
        again.ran
    );
}

#[test]
fn an_environment_is_used_while_its_bytecode_is_still_compiled() {
    let world = volume();
    let held = hold(&world, "b");
    let synced = world.sync(&[]);
    assert_eq!((synced.changed(), &synced.json["compiling"]), (true, &true.into()));
    assert!(synced.ran.stderr.contains("Bytecode is compiled in the background"), "{}", synced.ran);
    assert_eq!(synced.installed(), ["a==2.0", "b==2.0"]);
    assert!(synced.evaluate(MISSING).contains("'b'"));
    let again = world.sync(&[]);
    assert_eq!((again.changed(), &again.json["compiling"]), (false, &true.into()));
    until("the other one leaves it to the first", || compiling(&world.root).len() == 1);
    drop(held);
    check_done(&world, &synced);
}

#[test]
fn what_compiles_has_nothing_of_the_callers() {
    let world = volume();
    let _held = hold(&world, "b");
    // Whoever reads these pipes reads to their end, which comes when nobody has them open any more.
    let command = world.command(&["sync", "--json", "-r", "requirements.txt"]);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "\"$0\" \"$@\" 7>&1 9<. | cat"]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(&world.project).env_clear().envs(&world.env);
    let synced = world.synced(Ran::of({
        shell.stdin(Stdio::null());
        shell
    }));
    assert_eq!(synced.json["compiling"], true);
    until("one compiles", || compiling(&world.root).len() == 1);
    let process = compiling(&world.root).remove(0);
    assert_eq!(fs_err::read_link(process.join("cwd")).unwrap(), Path::new("/"));
    for file in fs_err::read_dir(process.join("fd")).unwrap().flatten() {
        let Ok(open) = fs_err::read_link(file.path()) else { continue };
        assert!(!open.starts_with(&world.project), "{}", open.display());
    }
    let session = |process: &Path| {
        let stat = fs_err::read_to_string(process.join("stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().to_owned()
    };
    assert_ne!(session(&process), session(Path::new("/proc/self")), "a session of its own");
    kill(&process);
}

/// An environment whose bytecode nobody compiles any more: who did was killed when it was at a wheel.
fn abandoned(world: &World, wheel: &str) -> Synced {
    let held = hold(world, wheel);
    let synced = world.sync(&[]);
    until("one compiles", || compiling(&world.root).len() == 1);
    kill(&compiling(&world.root)[0]);
    drop(held);
    synced
}

#[test]
fn a_killed_compilation_leaves_nothing_wrong_and_the_next_sync_goes_on() {
    let world = volume();
    let synced = abandoned(&world, "a");
    assert_eq!(waiting(&world), 1);
    assert_eq!(synced.installed(), ["a==2.0", "b==2.0"]);
    world.pyfast(&["verify"]).ok();
    let again = world.sync(&[]);
    assert_eq!((again.changed(), &again.json["compiling"]), (false, &true.into()));
    check_done(&world, &synced);
}

#[test]
fn who_asks_for_bytecode_waits_for_it() {
    for asks in ["flag", "variable", "configuration"] {
        let mut world = volume();
        let mut arguments: &[&str] = &[];
        match asks {
            "flag" => arguments = &["--compile"],
            "variable" => _ = world.env.insert("PYFAST_COMPILE".into(), "1".into()),
            _ => _ = world.write("pyfast.toml", "[link]\ncompile = true\n"),
        }
        let synced = world.sync(arguments);
        assert_eq!(synced.json["compiling"], false, "{asks}");
        assert_eq!(synced.evaluate(MISSING), "[]\n", "{asks}");
        assert!(compiling(&world.root).is_empty(), "{asks}");
    }
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_configuration() {
    let mut world = volume();
    world.env.insert("PYFAST_COMPILE".into(), "1".into());
    let synced = world.sync(&["--no-compile"]);
    assert_ne!(synced.evaluate(MISSING), "[]\n");
    world.write("pyfast.toml", "[link]\ncompile = true\n");
    world.env.insert("PYFAST_COMPILE".into(), "0".into());
    let synced = world.sync(&["--reinstall"]);
    assert_ne!(synced.evaluate(MISSING), "[]\n");
    assert!(waiting(&world) == 0 && compiling(&world.root).is_empty());
    // What a variable says is not remembered as asked for.
    world.env.insert("PYFAST_COMPILE".into(), "1".into());
    assert_eq!(world.sync(&["--reinstall"]).evaluate(MISSING), "[]\n");
    world.env.remove("PYFAST_COMPILE");
    let ran = world.pyfast(&["sync"]).ok();
    assert!(!ran.stderr.contains("compile"), "{ran}");
}

#[test]
fn who_asks_for_bytecode_waits_for_what_was_left_for_later() {
    let world = volume();
    let synced = abandoned(&world, "b");
    let waited = world.sync(&["--compile"]);
    assert_eq!((waited.changed(), &waited.json["compiling"]), (false, &false.into()));
    assert_eq!((synced.evaluate(MISSING).as_str(), waiting(&world)), ("[]\n", 0));
}

#[test]
fn altered_bytecode_is_found_and_compiled_anew() {
    for later in [true, false] {
        let mut world = volume();
        if !later {
            world.env.insert("PYFAST_COMPILE".into(), "1".into());
        }
        world.sync(&[]);
        until("the bytecode is there", || waiting(&world) == 0);
        let wheel = Wheel::new("b", "2.0").build();
        let cache = world.stored(&wheel).join("root/b/__pycache__");
        let name = fs_err::read_dir(cache).unwrap().next().unwrap().unwrap().file_name();
        let place = format!("b/__pycache__/{}", name.to_str().unwrap());
        let path = world.stored_file(&wheel, &place);
        let right = fs_err::read(&path).unwrap();
        let mut wrong = right.clone();
        wrong[20] ^= 1;
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, wrong).unwrap();
        let said = format!("b 2.0: root/{place} was altered");
        world.pyfast(&["verify"]).refused(MENDABLE, &[&said, "--repair"]);
        world.pyfast(&["verify", "--repair"]).ok();
        let synced = world.sync(&[]);
        until("the bytecode is there once more", || waiting(&world) == 0);
        assert_eq!(fs_err::read(&path).unwrap(), right);
        assert_eq!(synced.evaluate(MISSING), "[]\n");
        world.pyfast(&["verify"]).ok();
    }
}

#[test]
fn nothing_is_compiled_where_nobody_wants_it() {
    let mut world = volume();
    world.env.insert("PYFAST_NO_COMPILE".into(), "1".into());
    let synced = world.sync(&[]);
    assert_eq!((&synced.json["compiling"], waiting(&world)), (&false.into(), 0));
    assert!(compiling(&world.root).is_empty());
}

#[test]
fn another_project_and_a_collection_go_on_meanwhile() {
    let mut world = volume();
    let held = hold(&world, "b");
    let first = world.sync(&[]);
    until("one compiles", || compiling(&world.root).len() == 1);
    world.project = world.path("second-project");
    fs_err::create_dir(&world.project).unwrap();
    let second = world.require(&["b"]).sync(&[]);
    assert!(second.changed());
    until("one process is enough", || compiling(&world.root).len() == 1);
    // It needs the store for itself, and waits for no more than one wheel.
    let mut collecting = world.command(&["gc"]);
    let collecting = collecting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    drop(held);
    assert!(collecting.wait_with_output().unwrap().status.success());
    assert_eq!(second.evaluate("import b, os; print(b.__version__)"), "2.0\n");
    until("both have their bytecode", || waiting(&world) == 0);
    assert_eq!(first.evaluate(MISSING), "[]\n");
}

#[test]
fn what_compiles_ends_when_its_root_goes() {
    let world = volume();
    let held = hold(&world, "b");
    world.sync(&[]);
    until("one compiles", || compiling(&world.root).len() == 1);
    let mut removing = world.command(&["env", "rm", "--all"]);
    let removing = removing.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    drop(held);
    removing.wait_with_output().unwrap();
    until("it has ended", || compiling(&world.root).is_empty());
    for left in ["locks", "store", "tmp"] {
        assert!(!world.root.join(left).exists(), "{left} was made once more");
    }
}

#[test]
fn a_pipe_where_the_command_is_called_holds_up_no_compilation() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").file("named/template.py", "def {{ name }}():\n"));
    world.require(&["a"]);
    let pipe = world.project.join("named/template.py");
    fs_err::create_dir(world.project.join("named")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    let done = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            // It opens only where somebody waits to read, who goes on then.
            let flags = OFlags::WRONLY | OFlags::NONBLOCK;
            while !done.load(Ordering::Relaxed) {
                if rustix::fs::open(&pipe, flags, Mode::empty()).is_ok() {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            false
        });
        world.sync(&["--compile"]);
        done.store(true, Ordering::Relaxed);
        watching.join().unwrap()
    });
    assert!(!asked, "a file of the project was opened as one of the wheel's");
}
