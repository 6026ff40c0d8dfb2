//! Files of a project may be somebody else's: what their words cannot do.

use std::os::unix::fs::symlink;

use crate::support::ran::{Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;
use crate::support::write_script;

#[test]
fn interpreter_that_a_file_names_by_path_is_not_run() {
    let world = World::new();
    world.require(&["a"]);
    let marker = world.path("ran");
    write_script(&world.project.join("x"), &format!("#!/bin/sh\ntouch {}\n", marker.display()));
    let root = world.root.display().to_string();
    for (file, table) in [("pyfast.toml", "env"), ("pyproject.toml", "tool.pyfast.env")] {
        world.write(file, &format!("[{table}.default]\npython = \"./x\"\n"));
        for args in [&["lock"][..], &["sync"], &["why", "a"], &["outdated"], &["doctor"]] {
            let mut command = world.bare(&[args, &["--root", &root]].concat());
            command.args(&world.index_flags);
            let ran = Ran::of(command);
            assert_ne!(ran.code(), Some(0), "{ran}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            for needed in [file, "default", "./x", "never a path", "--python PATH"] {
                assert!(said.contains(needed), "no `{needed}`; {ran}");
            }
        }
        assert!(!marker.exists(), "a program of the project was run");
        fs_err::remove_file(world.project.join(file)).unwrap();
    }
}

#[test]
fn interpreter_by_path_on_the_command_line_goes_before_a_file() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    world.write("pyfast.toml", "[env.default]\npython = \"./absent\"\n");
    world.lock(&[]).ok();
}

#[test]
fn root_that_a_file_names_lies_below_the_project() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    let victim = world.path("victim/tmp/precious");
    fs_err::create_dir_all(&victim).unwrap();
    symlink(world.path("victim"), world.project.join("link")).unwrap();
    let absolute = world.path("victim").display().to_string();
    let sync = |root: &[&str]| {
        let mut command = world.bare(&["sync", "--python", &world.python]);
        command.args(root).args(&world.index_flags);
        Ran::of(command)
    };
    for word in ["../victim", &absolute, "link", "~/victim", "."] {
        world.write("pyfast.toml", &format!("[project]\nroot = \"{word}\"\n"));
        let ran = sync(&[]).refused(USAGE, &["pyfast.toml", "root", word, "--root DIR"]);
        assert!(victim.exists(), "{ran}");
    }
    sync(&["--root", &world.root.display().to_string()]).ok();
    world.write("pyfast.toml", "[project]\nroot = \".pyfast/root\"\n");
    sync(&[]).ok();
    assert!(world.project.join(".pyfast/root/store").is_dir());
}

#[test]
fn programs_of_the_working_directory_are_not_run() {
    let mut world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    let (marker, root) = (world.path("ran"), world.root.display().to_string());
    for name in ["python3", "python", "keyring", "docker", "docker-compose", "ssh"] {
        let text = format!("#!/bin/sh\necho {name} >> {}\n", marker.display());
        write_script(&world.project.join(name), &text);
    }
    world.env.insert("DOCKER_HOST".to_owned(), "ssh://far.invalid".to_owned());
    world.index_flags.extend(["--keyring-provider", "subprocess"].map(str::to_owned));
    for path in [":/usr/bin:/bin", "/usr/bin:/bin:", ".:/bin", "/usr/bin::/bin", "."] {
        world.env.insert("PATH".to_owned(), path.to_owned());
        let mut command = world.bare(&["lock", "--root", &root]);
        command.args(&world.index_flags);
        let ran = Ran::of(command);
        assert!(path == "." || path == ".:/bin" || ran.code() == Some(0), "{path}: {ran}");
        Ran::of(world.bare(&["doctor"]));
        Ran::of(world.bare(&["ps"]));
        let ran = fs_err::read_to_string(&marker).unwrap_or_default();
        assert_eq!(ran, "", "{path}: a program of the working directory was run");
    }
}

#[test]
fn a_lock_that_is_a_link_out_of_the_project_is_not_written_through() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    let victim = world.path("home/.bashrc");
    fs_err::write(&victim, "# mine\n").unwrap();
    symlink("../home/.bashrc", world.project.join("pylock.toml")).unwrap();
    world.lock(&[]).refused(&[1], &["pylock.toml", ".bashrc", "outside of the project", "-o FILE"]);
    world.try_sync(&[]);
    assert_eq!(fs_err::read_to_string(&victim).unwrap(), "# mine\n");
    let named = world.project.join("pylock.toml").display().to_string();
    world.lock(&["-o", &named]).ok();
    assert!(fs_err::read_to_string(&victim).unwrap().contains("lock-version"));
    // The lock that sync keeps up to date is of the project too.
    world.index.add(&Wheel::new("b", "1.0"));
    world.require(&["a", "b"]).try_sync(&[]).refused(&[1], &["outside of the project"]);
}

#[test]
fn files_beside_a_lock_that_its_process_could_have_named_are_not_written_through() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    let victim = world.path("home/.bashrc");
    fs_err::write(&victim, "# mine\n").unwrap();
    // The ids of the processes to come.
    let next = std::process::id();
    for id in next..next + 5000 {
        symlink("../home/.bashrc", world.project.join(format!(".pylock.toml-{id}"))).unwrap();
    }
    world.lock(&[]).ok();
    assert_eq!(fs_err::read_to_string(&victim).unwrap(), "# mine\n");
    let lock = world.project.join("pylock.toml");
    assert!(!fs_err::symlink_metadata(lock).unwrap().is_symlink());
}

#[test]
fn pipes_where_files_belong_are_refused_and_pipes_of_the_user_are_read() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    let pipe = |name: &str| {
        let mut make = std::process::Command::new("mkfifo");
        assert!(make.arg(world.project.join(name)).status().unwrap().success());
    };
    let bare = |args: &[&str]| {
        let mut command = world.bare(&[args, &["--python", &world.python]].concat());
        command.args(&world.index_flags);
        Ran::of(command)
    };
    for name in ["pyfast.toml", "pyproject.toml"] {
        pipe(name);
        bare(&["lock", "--project", "."]).refused(USAGE, &[name, "no regular file"]);
        fs_err::remove_file(world.project.join(name)).unwrap();
    }
    pipe("r.txt");
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"r.txt\"]\n");
    bare(&["lock"]).refused(USAGE, &["r.txt", "no regular file", "-r FILE"]);
    fs_err::remove_file(world.project.join("pyfast.toml")).unwrap();
    world.require(&["a"]);
    pipe("pylock.toml");
    bare(&["why", "a"]).refused(&[1], &["pylock.toml", "no regular file"]);
    bare(&["lock"]).refused(&[1], &["pylock.toml", "no regular file"]);
    fs_err::remove_file(world.project.join("pylock.toml")).unwrap();
    let command = world.command(&["lock", "-r", "/dev/stdin", "-o", "pylock.named.toml"]);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "echo a | \"$0\" \"$@\""]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(&world.project).env_clear().envs(&world.env);
    Ran::of(shell).ok();
    assert!(world.read("pylock.named.toml").contains("\"a\""));
}
