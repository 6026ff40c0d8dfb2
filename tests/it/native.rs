//! Pythons and native libraries that are brought from channels.

mod channel;
mod choosing;
mod libraries;
mod loaded;
mod locks;
mod looking;
mod reaching;
mod site;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::python::{python, python_minor};
use crate::support::ran::{EITHER, MENDABLE, Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;
use channel::{Channel, Package, channel, library};

/// A project whose Python comes from a channel.
struct Managed {
    world: World,
    channel: Channel,
}

impl Managed {
    fn new() -> Self {
        let world = World::new();
        let channel = channel(&world.path("channel"));
        world.index.add(&Wheel::new("a", "1.0"));
        world.require(&["a"]);
        let managed = Self { world, channel };
        managed.configure("");
        managed
    }

    /// Writes `pyfast.toml`, with more lines under `[native]`.
    fn configure(&self, native: &str) {
        self.configure_with(&self.channel.directory.display().to_string(), native);
    }

    fn configure_with(&self, channel: &str, native: &str) {
        let minor = python_minor();
        self.world.write(
            "pyfast.toml",
            &format!(
                "[env.default]\npython = {{ version = \"{minor}\", from = \"managed\" }}\n\n\
                 [native]\nchannels = [\"{channel}\"]\n{native}"
            ),
        );
    }

    fn command(&self, args: &[&str]) -> Command {
        self.command_at(&self.world.root, args)
    }

    fn command_at(&self, root: &Path, args: &[&str]) -> Command {
        let (command, rest) = args.split_first().expect("a command");
        let root = root.display().to_string();
        let index = self.world.index.url();
        let mut command = self.world.bare(&[command, "--root", &root, "--index-url", &index]);
        command.args(rest);
        command
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    /// A sync that goes on.
    fn begin(&self) -> Child {
        let mut command = self.command(&["sync"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What the environment's Python prints.
    #[track_caller]
    fn evaluate(&self, script: &str) -> String {
        self.run(&["run", "--", "python", "-c", script]).ok().stdout.trim().to_owned()
    }

    /// The prefix that the environment's Python lies in.
    #[track_caller]
    fn prefix(&self) -> PathBuf {
        self.evaluate("import sys; print(sys.base_prefix)").into()
    }

    /// The prefixes of the root.
    fn prefixes(&self) -> Vec<String> {
        prefixes_of(&self.world.root)
    }
}

fn prefixes_of(root: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(root.join("pythons/v1")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_managed_python_runs_what_was_installed() {
    let managed = Managed::new();
    let ran = managed.run(&["sync"]).ok();
    assert!(ran.stderr.contains("Bringing Python"), "{ran}");
    assert!(ran.stderr.contains("(managed, from"), "{ran}");
    let prefix = managed.prefix();
    assert!(prefix.starts_with(managed.world.root.join("pythons/v1")), "{}", prefix.display());
    assert_eq!(managed.evaluate("import a; print(a.__version__)"), "1.0");
    let minor = python_minor();
    assert_eq!(managed.evaluate("import sys; print('%d.%d' % sys.version_info[:2])"), minor);
    let ran = managed.run(&["verify", "--all"]).ok();
    assert!(ran.stderr.contains("Everything is as it was installed"), "{ran}");
    assert!(managed.run(&["list"]).ok().stdout.contains('a'));
    let ran = managed.run(&["doctor"]);
    assert!(ran.stdout.contains("managed, from"), "{ran}");
}

#[test]
fn a_second_sync_asks_no_channel() {
    let managed = Managed::new();
    managed.run(&["sync"]).ok();
    fs_err::remove_dir_all(&managed.channel.directory).unwrap();
    let ran = managed.run(&["sync"]).ok();
    assert!(ran.stderr.contains("Up to date"), "{ran}");
    managed.world.index.add(&Wheel::new("b", "1.0"));
    managed.world.require(&["a", "b"]);
    let ran = managed.run(&["sync"]).ok();
    assert!(!ran.stderr.contains("Bringing"), "{ran}");
    assert_eq!(managed.evaluate("import b; print(b.__version__)"), "1.0");
    let ran = managed.run(&["sync", "--upgrade"]);
    ran.refused(MENDABLE, &["cannot read what", "has"]);
}

#[test]
fn what_was_chosen_stands_until_newer_versions_are_asked_for() {
    let mut managed = Managed::new();
    managed.configure("packages = \"libfoo\"\n");
    managed.run(&["sync"]).ok();
    let before = managed.prefix();
    managed.channel.add(&library("libfoo", "2.0"), &Value::Null);
    managed.world.require(&["a==1.0"]);
    managed.run(&["sync"]).ok();
    assert_eq!(managed.prefix(), before);
    managed.run(&["sync", "--upgrade"]).ok();
    let after = managed.prefix();
    assert_ne!(after, before);
    assert_eq!(fs_err::read_to_string(after.join("lib/libfoo.so.1")).unwrap(), "2.0");
    // The earlier environment is what it was.
    managed.run(&["rollback"]).ok();
    assert_eq!(managed.prefix(), before);
}

#[test]
fn native_libraries_come_with_the_python_and_go_with_their_line() {
    let managed = Managed::new();
    managed.run(&["sync"]).ok();
    let plain = managed.prefix();
    managed.configure("packages = [\"libfoo >=1\"]\n");
    managed.run(&["sync"]).ok();
    let with = managed.prefix();
    assert_ne!(with, plain);
    assert_eq!(fs_err::read_to_string(with.join("lib/libfoo.so.1")).unwrap(), "1.0");
    assert!(!plain.join("lib/libfoo.so.1").exists());
    managed.configure("");
    let ran = managed.run(&["sync"]).ok();
    assert!(!ran.stderr.contains("Bringing"), "{ran}");
    assert_eq!(managed.prefix(), plain);
}

#[test]
fn a_prefix_is_made_once_for_all_projects_of_a_root() {
    let managed = Managed::new();
    managed.run(&["sync"]).ok();
    let first = managed.prefix();
    let ran = managed.run(&["sync", "--project-name", "another"]).ok();
    assert!(!ran.stderr.contains("Bringing"), "{ran}");
    assert_eq!(managed.prefixes().len(), 1);
    assert_eq!(managed.prefix(), first);
}

#[test]
fn what_fails_leaves_the_environment_as_it_was() {
    let mut managed = Managed::new();
    managed.run(&["sync"]).ok();
    let before = managed.prefix();
    managed.configure("packages = [\"nowhere\"]\n");
    let refused = |managed: &Managed, needles: &[&str]| {
        managed.run(&["sync"]).refused(MENDABLE, needles);
        let current = managed.run(&["history"]).ok().stdout;
        assert_eq!(current.lines().count(), 1, "{current}");
        assert_eq!(managed.prefixes().len(), 1);
    };
    refused(&managed, &["nowhere", "[native]"]);
    managed.channel.add(&Package::new("numpy", "2").depends("python"), &Value::Null);
    managed.configure("packages = [\"numpy\"]\n");
    refused(&managed, &["numpy", "for Python"]);
    let lies = serde_json::json!({ "sha256": "0".repeat(64) });
    managed.channel.add(&library("libbar", "1.0"), &lies);
    managed.configure("packages = [\"libbar\"]\n");
    refused(&managed, &["libbar-1.0-0.conda", "SHA-256"]);
    managed.configure("");
    managed.run(&["sync"]).ok();
    assert_eq!(managed.prefix(), before);
}

#[test]
fn a_file_says_what_can_be() {
    let managed = Managed::new();
    let check = |text: &str, needles: &[&str]| {
        managed.world.write("pyfast.toml", text);
        managed.run(&["sync"]).refused(USAGE, needles);
    };
    let table = "python = { version = \"3.12\", from = \"managed\" }\n";
    let image = format!("[env.default]\nimage = 'i'\n{table}");
    check(&image, &["cannot bring the Python 3.12 for containers of i into a directory"]);
    check("[env.a]\npython = { version = './x', from = 'managed' }\n", &["pyfast.toml:2"]);
    check("[env.a]\npython = { version = '3.12', from = 'moon' }\n", &["pyfast.toml:2"]);
    check("[env.a]\npython = { version = '3.12', form = 'managed' }\n", &["pyfast.toml:2"]);
    check("[native]\nchannel = 'x'\n", &["the nearest known key is `channels`"]);
    let python = ["pyfast.toml:2", "`python` of an environment says"];
    check("[native]\npackages = ['libfoo', 'Python >=3']\n", &python);
}

#[test]
fn what_is_not_there_yet_is_brought_by_a_sync_alone() {
    let managed = Managed::new();
    managed.run(&["sync", "--dry-run"]).refused(EITHER, &["not there yet", "`pyfast sync`"]);
    assert!(managed.prefixes().is_empty());
    managed.run(&["sync"]).ok();
    managed.run(&["sync", "--dry-run"]).ok();
}

#[test]
fn a_collection_keeps_what_environments_run_in() {
    let managed = Managed::new();
    managed.configure("packages = \"libfoo\"\n");
    managed.run(&["sync"]).ok();
    managed.configure("");
    managed.run(&["sync"]).ok();
    assert_eq!(managed.prefixes().len(), 2);
    managed.run(&["gc", "--keep", "2", "--recent", "0"]).ok();
    assert_eq!(managed.prefixes().len(), 2);
    let plan = managed.run(&["gc", "--keep", "1", "--recent", "0", "--dry-run"]).ok();
    assert!(plan.stdout.contains("remove Python "), "{plan}");
    managed.run(&["gc", "--keep", "1", "--recent", "0"]).ok();
    assert_eq!(managed.prefixes().len(), 1);
    assert_eq!(managed.evaluate("import a; print(a.__version__)"), "1.0");
}

#[test]
fn an_altered_python_is_found_and_made_anew() {
    let managed = Managed::new();
    managed.run(&["sync"]).ok();
    let library = managed.prefix().join("lib").join(format!("python{}", python_minor()));
    let file = library.join("os.py");
    for place in [&library, &file] {
        fs_err::set_permissions(place, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs_err::write(&file, "x = 1\n").unwrap();
    managed.run(&["verify"]).refused(MENDABLE, &["pythons/v1/", "os.py was altered"]);
    managed.run(&["verify", "--repair"]).ok();
    let ran = managed.run(&["sync"]).ok();
    assert!(ran.stderr.contains("Bringing Python"), "{ran}");
    managed.run(&["verify", "--all"]).ok();
}

/// A server of a directory.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(directory: &Path) -> Self {
        let mut command = Command::new(python());
        command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0", "--directory"]);
        command.arg(directory).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut said = String::new();
        let stdout = process.stdout.take().expect("it was asked for");
        BufReader::new(stdout).read_line(&mut said).unwrap();
        let port = said.split(" port ").nth(1).and_then(|rest| rest.split(' ').next());
        let url = format!("http://127.0.0.1:{}", port.expect("it says its port"));
        Self { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_channel_may_be_on_a_server() {
    let managed = Managed::new();
    let server = Server::start(&managed.channel.directory);
    managed.configure_with(&server.url, "");
    managed.run(&["sync", "--offline"]).refused(MENDABLE, &[]);
    assert!(managed.prefixes().is_empty());
    managed.run(&["sync"]).ok();
    assert_eq!(managed.evaluate("import a; print(a.__version__)"), "1.0");
    drop(server);
    let ran = managed.run(&["sync"]).ok();
    assert!(ran.stderr.contains("Up to date"), "{ran}");
}

#[test]
fn syncs_at_the_same_time_make_one_prefix() {
    let managed = Managed::new();
    let children = [managed.begin(), managed.begin(), managed.begin()];
    for child in children {
        Ran::wait(child).ok();
    }
    assert_eq!(managed.prefixes().len(), 1);
    assert_eq!(managed.evaluate("import a; print(a.__version__)"), "1.0");
}

#[test]
fn a_killed_sync_leaves_a_whole_prefix_or_none() {
    let managed = Managed::new();
    for round in 0..30 {
        let mut child = managed.begin();
        std::thread::sleep(Duration::from_millis(round * 40));
        let _ = child.kill();
        child.wait().unwrap();
        // What is there under its name is whole, and what is not is gone with the next process.
        for id in managed.prefixes() {
            assert!(managed.world.root.join("pythons/v1").join(&id).join("prefix.json").exists());
        }
        if round % 10 == 9 {
            managed.run(&["sync"]).ok();
            let ran = managed.run(&["verify", "--all"]).ok();
            assert!(ran.stderr.contains("Everything is as it was installed"), "{ran}");
            let left = fs_err::read_dir(managed.world.root.join("tmp")).unwrap().count();
            assert_eq!(left, 0, "round {round}");
            managed.run(&["env", "rm", "--all"]).ok();
            assert!(managed.prefixes().is_empty());
        }
    }
}
