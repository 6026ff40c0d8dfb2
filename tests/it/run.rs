//! `pyfast run -- CMD` on the host.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::support::mount::Mount;
use crate::support::ran::{EITHER, MENDABLE, Ran, USAGE};
use crate::support::stock::stock;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::write_script;

/// A world with `tool` in two versions, the first one synced.
fn world() -> (World, Synced) {
    let world = World::new();
    for version in ["1.0", "2.0"] {
        let wheel = Wheel::new("tool", version).console("greet = tool.cli:main");
        let wheel =
            wheel.file("tool/cli.py", "import sys\ndef main(): print('hi', *sys.argv[1:])\n");
        world.index.add(&wheel);
    }
    let synced = world.require(&["tool==1.0"]).sync(&[]);
    (world, synced)
}

fn run(world: &World, command: &[&str]) -> Ran {
    world.pyfast(&[&["run", "--"], command].concat())
}

#[test]
fn command_runs_in_the_environment() {
    let (world, _) = world();
    let script = "import tool; print(tool.__version__)";
    assert_eq!(run(&world, &["python", "-c", script]).ok().stdout, "1.0\n");
    assert_eq!(run(&world, &["greet", "you"]).ok().stdout, "hi you\n");
}

#[test]
fn generation_is_concrete_and_first_on_the_path() {
    let (world, synced) = world();
    let environment = synced.environment().display().to_string();
    let text = run(&world, &["sh", "-c", "echo \"$VIRTUAL_ENV\"; echo \"$PATH\""]).ok().stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], environment, "not the `current` link, which may move");
    assert_eq!(lines[1].split(':').next(), Some(format!("{environment}/bin").as_str()));
    assert!(lines[1].ends_with(&world.env["PATH"]), "the earlier PATH follows");
}

#[test]
fn running_command_keeps_its_generation_when_another_is_activated() {
    let (world, _) = world();
    let mut command = world.command(&["run", "--", "python", "-c"]);
    command.arg("import sys; print('ready', flush=True); sys.stdin.read(); import tool; print(tool.__version__)");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    assert_eq!(line, "ready\n");
    world.require(&["tool==2.0"]).sync(&[]);
    drop(child.stdin.take());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut reader, &mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(rest, "1.0\n");
}

#[test]
fn running_command_holds_a_lease_on_its_generation() {
    let (world, synced) = world();
    let mut command = world.command(&["run", "--", "sh", "-c", "echo ready; read line"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let root = pyfast_root::Root::find(&world.root, &world.root).unwrap().unwrap();
    let environment = synced.environment();
    let id = environment.file_name().and_then(|id| id.to_str()).unwrap();
    let generation = root.env(id).unwrap().unwrap();
    assert!(pyfast_root::lease::unused(&generation).unwrap().is_none(), "the lease is held");
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(pyfast_root::lease::unused(&generation).unwrap().is_some(), "it ends with the process");
}

#[test]
fn exit_code_is_passed_on() {
    let (world, _) = world();
    for code in [0, 1, 2, 7, 101, 255] {
        let mut command = world.command(&["run", "--", "sh", "-c"]);
        let status = command.arg(format!("exit {code}")).status().unwrap();
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn signal_that_ends_the_command_is_passed_on() {
    let (world, _) = world();
    let ran = run(&world, &["sh", "-c", "kill -TERM $$"]);
    let by_signal = ran.status.signal() == Some(15) || ran.code() == Some(128 + 15);
    assert!(by_signal, "{ran}");
}

#[test]
fn signal_reaches_the_command() {
    let (world, _) = world();
    let script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut command = world.command(&["run", "--", "sh", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let ran = Ran::wait(child);
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(9), "caught\n"));
}

#[test]
fn command_replaces_the_launcher() {
    let (world, _) = world();
    let mut command = world.command(&["run", "--", "sh", "-c", "echo $$"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    assert_eq!(Ran::wait(child).ok().stdout.trim(), id.to_string(), "exec, not a child process");
}

#[test]
fn unknown_command_is_127() {
    let (world, _) = world();
    run(&world, &["no-such-command"]).refused(&[127], &["no-such-command"]);
    run(&world, &["./no/such/file"]).refused(&[127], &["./no/such/file"]);
}

#[test]
fn a_command_that_cannot_be_run_says_what_it_may_have_meant() {
    let (world, _) = world();
    let project = "[project]\nname = 'shop'\nversion = '1'\ndependencies = ['tool==1.0']\nscripts.shop = 'shop:main'\n";
    world.write("pyproject.toml", project);
    world.write("s.py", "print(1)\n");
    world.write("notes.txt", "x\n");
    world.write("pack/__main__.py", "print(1)\n");
    for (word, code, hint) in [
        ("shop", 127, "`project = true`"),
        ("s.py", 127, "`pyfast run python s.py`"),
        ("./s.py", 126, "`pyfast run python ./s.py`"),
        ("./notes.txt", 126, "`chmod +x ./notes.txt`"),
        ("pack", 127, "`pyfast run python -m pack`"),
    ] {
        run(&world, &[word]).refused(&[code], &[hint]);
    }
    let ran = run(&world, &["no-such-command"]).refused(&[127], &[]);
    assert!(!ran.stderr.contains("hint"), "{ran}");
}

#[test]
fn file_that_cannot_be_executed_is_126() {
    let (world, _) = world();
    world.write("plain.txt", "text");
    run(&world, &["./plain.txt"]).refused(&[126], &["plain.txt"]);
    run(&world, &["/tmp"]).refused(&[126], &["/tmp"]);
}

#[test]
fn arguments_are_passed_untouched() {
    let (world, _) = world();
    let text = "#!/bin/sh\nfor word; do echo \"[$word]\"; done\n";
    write_script(&world.project.join("show"), text);
    let words = ["--help", "-r", "--", "", "a b", "*", "$HOME", "--root=x", "é\n2"];
    let ran = run(&world, &[&["./show"], &words[..]].concat()).ok();
    assert_eq!(ran.stdout, format!("[{}]\n", words.join("]\n[")));
    assert_eq!(ran.stderr, "", "the launcher says nothing of its own");
}

#[test]
fn standard_input_is_the_commands() {
    let (world, _) = world();
    let mut command = world.command(&["run", "--", "cat"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through").unwrap();
    assert_eq!(Ran::wait(child).ok().stdout, "through");
}

#[test]
fn environment_is_passed_on_without_pythonhome() {
    let (mut world, _) = world();
    world.env.insert("MINE".to_owned(), "kept".to_owned());
    world.env.insert("PYTHONHOME".to_owned(), "/nowhere".to_owned());
    let ran = run(&world, &["sh", "-c", "echo ${MINE}-${PYTHONHOME-unset}"]).ok();
    assert_eq!(ran.stdout, "kept-unset\n");
}

#[test]
fn pip_of_another_python_is_told_of() {
    let (world, _) = world();
    let bin = world.path("other");
    fs_err::create_dir_all(&bin).unwrap();
    for name in ["pip", "pipenv"] {
        write_script(&bin.join(name), "#!/bin/sh\necho other\n");
    }
    let run = |name: &str| {
        let mut command = world.command(&["run", "--", name]);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        Ran::of(command).ok()
    };
    let ran = run("pip");
    assert!(ran.stdout == "other\n" && ran.stderr.contains("works on another Python"), "{ran}");
    assert!(!run("pipenv").stderr.contains("another Python"));
}

#[test]
fn closed_pipe_ends_the_command_quietly() {
    let (world, _) = world();
    let mut command = world.command(&["run", "--", "yes"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(13), "SIGPIPE has its default action again: {status}");
}

#[test]
fn run_syncs_first_where_it_can() {
    let world = World::new();
    world.index.add(&Wheel::new("tool", "1.0"));
    world.require(&["tool"]);
    let script = "import tool; print(tool.__version__)";
    let args = ["run", "-r", "requirements.txt", "--", "python", "-c", script];
    assert_eq!(world.pyfast(&args).ok().stdout, "1.0\n");
}

#[test]
fn run_notices_changed_requirements() {
    let (world, _) = world();
    world.require(&["tool==2.0"]);
    let script = "import tool; print(tool.__version__)";
    let args = ["run", "-r", "requirements.txt", "--", "python", "-c", script];
    assert_eq!(world.pyfast(&args).ok().stdout, "2.0\n");
}

#[test]
fn environment_on_a_read_only_root_runs() {
    let mut world = World::new();
    world.index.add(&Wheel::new("tool", "1.0"));
    let path = world.path("small");
    let mount = Mount::tmpfs(&path, "size=12m");
    world.root = path.join("root");
    world.require(&["tool"]).sync(&[]);
    mount.read_only();
    let script = "import tool; print(tool.__version__)";
    assert_eq!(run(&world, &["python", "-c", script]).ok().stdout, "1.0\n");
}

#[test]
fn nothing_to_run_in_is_explained() {
    let world = World::new();
    run(&world, &["true"]).refused(EITHER, &["sync"]);
}

#[test]
fn failed_sync_runs_nothing() {
    let (world, _) = world();
    world.require(&["tool==9.9"]);
    let args = ["run", "-r", "requirements.txt", "--", "sh", "-c", "echo ran"];
    let ran = world.pyfast(&args).refused(MENDABLE, &["tool"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn command_is_required() {
    let (world, _) = world();
    world.pyfast(&["run"]).refused(USAGE, &["usage"]);
    world.pyfast(&["run", "--"]).refused(USAGE, &["usage"]);
}

#[test]
fn environment_variables_stand_in_for_the_common_flags() {
    let (mut world, _) = world();
    for (key, value) in [
        ("PYFAST_ROOT", world.root.display().to_string()),
        ("PYFAST_PROJECT", world.project.display().to_string()),
        ("PYFAST_PYTHON", world.python.clone()),
        ("PYFAST_INDEX_URL", world.index.url()),
    ] {
        world.env.insert(key.to_owned(), value);
    }
    let mut command: Command = world.bare(&["run", "--", "greet", "all"]);
    command.current_dir("/");
    assert_eq!(Ran::of(command).ok().stdout, "hi all\n");
}

#[test]
fn supervised_command_restarts_in_the_environment_of_the_next_sync() {
    let (world, _) = world();
    let script = "import tool, time; print(tool.__version__, flush=True); time.sleep(600)";
    let args = ["run", "--no-sync", "--supervise", "--grace", "5", "--", "python", "-c", script];
    let mut command = world.command(&args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
        line
    };
    assert_eq!(line(), "1.0\n");
    world.require(&["tool==2.0"]).sync(&[]);
    assert_eq!(line(), "2.0\n");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn stop_signal_that_does_not_exist_is_usage() {
    let (world, _) = world();
    let args = ["run", "--supervise", "--stop-signal", "NONE", "--", "true"];
    world.pyfast(&args).refused(USAGE, &["NONE"]);
}

#[test]
fn supervised_command_that_survives_a_key_press_goes_on_with_the_next_sync() {
    let (world, _) = world();
    // The signal may come while the first line is still being printed, and printing is not reentrant.
    let script = "import os, signal, tool, time\n\
                  signal.signal(signal.SIGINT, lambda *_: os.write(1, b'still here\\n'))\n\
                  print(tool.__version__, flush=True)\n\
                  while True: time.sleep(600)";
    let args = ["run", "--no-sync", "--supervise", "--grace", "1", "--", "python", "-c", script];
    let mut command = world.command(&args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
        line
    };
    assert_eq!(line(), "1.0\n");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(line(), "still here\n");
    world.require(&["tool==2.0"]).sync(&[]);
    assert_eq!(line(), "2.0\n");
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn the_environment_of_a_running_command_stays() {
    let world = World::new();
    let synced = ["1.0", "2.0", "3.0", "4.0"].map(|version| {
        world.index.add(&Wheel::new("a", version));
        world.require(&[&format!("a=={version}")]).sync(&[])
    });
    world.pyfast(&["rollback", "-3"]).ok();
    let script = "print('ready', flush=True); input(); import a; print(a.__version__)";
    let mut command = world.command(&["run", "--no-sync", "--", "python", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    world.require(&["a==4.0"]).sync(&[]);
    world.pyfast(&["gc", "--keep", "1", "--recent", "0"]).ok();
    let there: Vec<bool> = synced.iter().map(|one| one.environment().exists()).collect();
    assert_eq!(there, [true, false, false, true]);
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"\n").unwrap();
    assert_eq!(Ran::wait(child).ok().stdout, "1.0\n");
}

#[test]
fn a_lock_that_the_configuration_names_is_installed_as_it_is() {
    let world = stock(World::new());
    world.require(&["a"]).lock(&["-o", "pylock.deploy.toml"]).ok();
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"pylock.deploy.toml\"]\n");
    world.index.add(&Wheel::new("b", "3.0"));
    let sync = |args: &[&str]| Synced::of(world.pyfast(&[&["sync", "--json"][..], args].concat()));
    assert_eq!(sync(&[]).packages(), ["a==2.0", "b==2.0"]);
    for args in [&[][..], &["--locked"], &["--frozen"]] {
        assert!(!sync(args).changed(), "{args:?}");
    }
    let run = |args: &[&str]| world.pyfast(&[&["run"], args].concat()).ok();
    run(&["python", "-c", "import a, b"]);
    run(&["-r", "pylock.deploy.toml", "python", "-c", "import a, b"]);
    assert_eq!(world.pyfast(&["list"]).ok().stdout, "a==2.0\nb==2.0\n");
    assert!(world.pyfast(&["tree"]).ok().stdout.contains("b==2.0"));
    let doctor = world.pyfast(&["doctor"]).stdout;
    assert!(doctor.contains("default: the lock pylock.deploy.toml"), "{doctor}");
    // What it was made from is not known.
    for args in [&["lock"][..], &["add", "b"], &["remove", "b"]] {
        world.pyfast(args).refused(EITHER, &["pylock.deploy.toml", "is a lock"]);
    }
    world.require(&["b==1.0"]).lock(&["-o", "pylock.deploy.toml"]).ok();
    assert_eq!(sync(&[]).packages(), ["b==1.0"], "a change is noticed");
}

#[test]
fn a_volume_is_refused_with_the_way_into_a_container() {
    let world = World::new();
    let refused = |services: &str, needles: &[&str]| {
        let config = "[project]\nroot = \"volume:shared\"\n[env.default]\nimage = \"slim\"\n";
        world.write("pyfast.toml", &format!("{config}services = {services}\n"));
        let ran = Ran::of(world.bare(&["run", "python"]));
        ran.refused(USAGE, &["the volume shared", "`--root DIR`"]).refused(USAGE, needles);
    };
    refused("[]", &["a container of shared", "`pyfast run --help`"]);
    world.write("compose.yaml", "services:\n  web:\n    image: slim\n");
    refused("[]", &["`pyfast exec SERVICE CMD`"]);
    refused("[\"web\"]", &["`pyfast exec web CMD`"]);
}
