//! What a project's own lock says of a Python that is brought from channels.

use std::path::PathBuf;

use serde_json::Value;

use super::channel::{Package, library};
use super::{Managed, prefixes_of};
use crate::support::python::python_minor;
use crate::support::ran::{EITHER, MENDABLE, Ran};
use crate::support::wheel::Wheel;

impl Managed {
    /// A project with a lock of its own, which another machine has too: the root of that.
    fn locked() -> (Self, PathBuf) {
        let managed = Self::new();
        managed.run(&["sync"]).ok();
        managed.run(&["lock"]).ok();
        let other = managed.world.path("other-root");
        (managed, other)
    }

    fn lock(&self) -> String {
        fs_err::read_to_string(self.world.project.join("pylock.toml")).unwrap()
    }

    /// Takes away what the channel says of itself; its archives stay.
    fn silence(&self) {
        for folder in [super::channel::fixtures::subdir(), "noarch"] {
            let listed = self.channel.directory.join(folder).join("repodata.json");
            fs_err::remove_file(listed).unwrap();
        }
    }

    #[track_caller]
    fn run_at(&self, root: &std::path::Path, args: &[&str]) -> Ran {
        Ran::of(self.command_at(root, args))
    }
}

#[test]
fn a_lock_says_what_was_chosen_and_another_machine_asks_no_channel() {
    let (managed, other) = Managed::locked();
    let lock = managed.lock();
    assert!(lock.contains("[tool.pyfast.native]"), "{lock}");
    assert!(lock.contains("path = \"../channel/"), "{lock}");
    managed.silence();
    for how in [&["sync", "--locked"][..], &["sync", "--frozen"], &["sync"], &["lock", "--check"]] {
        managed.run_at(&other, how).ok();
        assert_eq!(prefixes_of(&other).len(), 1);
        assert_eq!(managed.lock(), lock, "{how:?}");
    }
    let ran =
        managed.run_at(&other, &["run", "--", "python", "-c", "import a; print(a.__version__)"]);
    assert_eq!(ran.ok().stdout.trim(), "1.0");
}

#[test]
fn a_lock_that_may_not_change_is_held_to() {
    let (managed, other) = Managed::locked();
    let lock = managed.lock();
    managed.configure("packages = \"libfoo\"\n");
    let refused = managed.run_at(&other, &["sync", "--locked"]);
    refused.refused(MENDABLE, &["pylock.toml", "does not have what is asked of channels"]);
    assert!(prefixes_of(&other).is_empty());
    managed.run(&["lock", "--check"]).refused(MENDABLE, &["pylock.toml"]);
    // Frozen is what was locked, whatever is asked for.
    managed.run_at(&other, &["sync", "--frozen"]).ok();
    let [id] = &prefixes_of(&other)[..] else { panic!("one Python") };
    assert!(!other.join("pythons/v1").join(id).join("lib/libfoo.so.1").exists());
    assert_eq!(managed.lock(), lock);
    managed.run(&["sync"]).ok();
    assert!(managed.lock().contains("libfoo-1.0-0.conda"), "{}", managed.lock());
    managed.run_at(&other, &["sync", "--locked"]).ok();
}

#[test]
fn a_lock_without_it_gets_it_by_the_next_sync() {
    let (managed, other) = Managed::locked();
    let whole = managed.lock();
    let (without, _) = whole.split_once("\n[tool.pyfast.native]").expect("it says so");
    managed.world.write("pylock.toml", without);
    managed.run_at(&other, &["sync", "--frozen"]).refused(MENDABLE, &["of channels"]);
    managed.run(&["sync"]).ok();
    assert_eq!(managed.lock(), whole);
    // What was added to it is no reason to read it as another.
    assert!(managed.run(&["sync"]).ok().stderr.contains("Up to date"));
}

#[test]
fn environments_share_a_lock_only_with_what_is_brought_for_both() {
    let (managed, _) = Managed::locked();
    let requirements = "requirements = [\"requirements.txt\"]\n";
    let text = managed.world.read("pyfast.toml");
    let default = text.replace("[env.default]\n", &format!("[env.default]\n{requirements}"));
    let both = format!("{default}\n[env.other]\n{requirements}");
    managed.world.write("pyfast.toml", &both);
    managed.run(&["lock"]).ok();
    let lock = managed.lock();
    managed.run(&["lock", "--env", "other", "--python", &managed.world.python]).ok();
    assert_eq!(managed.lock(), lock);
    let other = managed.world.read("pylock.other.toml");
    assert!(!other.contains("[tool.pyfast.native]"), "{other}");
    managed.run(&["sync", "--locked"]).ok();
    managed.run(&["lock", "--check"]).ok();
}

#[test]
fn secrets_in_a_lock_are_refused_and_not_said() {
    let (managed, other) = Managed::locked();
    let lock = managed.lock();
    let begin = lock.find("\nchannels = [").expect("channels") + 1;
    let end = begin + lock[begin..].find('\n').expect("a line");
    let channels = "channels = [\"http://me:SECRET@127.0.0.1:1/c\"]";
    managed.world.write("pylock.toml", &[&lock[..begin], channels, &lock[end..]].concat());
    let ran = managed.run_at(&other, &["sync", "--locked"]);
    let ran = ran.refused(EITHER, &["password or a token"]);
    assert!(!ran.stderr.contains("SECRET"), "{ran}");
    assert!(prefixes_of(&other).is_empty());
}

#[test]
fn an_archive_that_is_not_what_was_locked_is_refused() {
    let (managed, other) = Managed::locked();
    let lock = managed.lock();
    let at = lock.rfind("sha256 = \"");
    let at = at.expect("a digest") + "sha256 = \"".len();
    let forged = format!("{}{}{}", &lock[..at], "0".repeat(64), &lock[at + 64..]);
    managed.world.write("pylock.toml", &forged);
    managed.run_at(&other, &["sync", "--locked"]).refused(EITHER, &["SHA-256", "expected 0000"]);
    assert!(prefixes_of(&other).is_empty());
}

#[test]
fn a_lock_is_for_the_python_that_is_asked_for_now() {
    let (mut managed, other) = Managed::locked();
    // Nobody runs it: it is not brought by making a lock.
    managed.channel.add(&Package::new("python", "3.99.1"), &Value::Null);
    managed.world.index.add(&Wheel::new("b", "1.0"));
    managed.world.require(&["a", "b; python_version == '3.99'"]);
    managed.run(&["lock"]).ok();
    assert!(!managed.lock().contains("name = \"b\""), "{}", managed.lock());
    let text = managed.world.read("pyfast.toml");
    managed.world.write("pyfast.toml", &text.replace(python_minor(), "3.99"));
    managed.run(&["lock", "--check"]).refused(MENDABLE, &["pylock.toml"]);
    managed.run(&["lock"]).ok();
    let lock = managed.lock();
    assert!(lock.contains("python-3.99.1-0.conda"), "{lock}");
    assert!(lock.contains("name = \"b\""), "{lock}");
    managed.run(&["lock", "--check"]).ok();
    // Nor has a machine to have one that has nothing yet.
    managed.run_at(&other, &["lock", "--check"]).ok();
    managed.run_at(&other, &["lock"]).ok();
    assert_eq!(managed.lock(), lock);
    assert!(prefixes_of(&other).is_empty());
}

#[test]
fn a_lock_that_nothing_can_be_made_of_is_made_anew() {
    let (managed, _) = Managed::locked();
    let whole = managed.lock();
    let (before, own) = whole.split_once("[tool.pyfast.native]").expect("it says so");
    for (from, to) in
        [("sha256 = ", "sha512 = "), ("request = ", "asked = "), (".conda\"", ".zip\"")]
    {
        let broken = format!("{before}[tool.pyfast.native]{}", own.replacen(from, to, 1));
        let spoil = || managed.world.write("pylock.toml", &broken);
        spoil();
        managed.run(&["sync"]).refused(MENDABLE, &["pylock.toml", "native", "`pyfast lock`"]);
        managed.run(&["sync", "--locked"]).refused(MENDABLE, &["`pyfast lock`"]);
        managed.run(&["lock", "--check"]).refused(MENDABLE, &["pylock.toml", "`pyfast lock`"]);
        assert_eq!(managed.lock(), broken);
        for mends in ["lock", "sync --upgrade"] {
            spoil();
            managed.run(&mends.split(' ').collect::<Vec<_>>()).ok();
            assert_eq!(managed.lock(), whole, "{mends}: {to}");
        }
    }
}

#[test]
fn what_a_channel_says_of_its_archives_counts_where_a_lock_has_what_it_gave() {
    let (mut managed, other) = Managed::locked();
    managed.channel.add(&library("libnew", "1.0"), &Value::Null);
    let renamed = serde_json::json!({ "depends": ["libnew"] });
    managed.channel.add(&library("libuser", "1.0").depends("libold"), &renamed);
    managed.configure("packages = \"libuser\"\n");
    managed.run(&["sync"]).ok();
    let lock = managed.lock();
    assert!(lock.contains("[tool.pyfast.native.whole]"), "{lock}");
    managed.silence();
    managed.run_at(&other, &["sync", "--locked"]).ok();
    assert_eq!(managed.lock(), lock);
    // Of one that was edited nobody knows what belongs together.
    let third = managed.world.path("third-root");
    let without: Vec<&str> = lock.lines().filter(|line| !line.contains("/libnew-")).collect();
    managed.world.write("pylock.toml", &(without.join("\n") + "\n"));
    managed.run_at(&third, &["sync", "--frozen"]).refused(MENDABLE, &["`libold`"]);
    assert!(prefixes_of(&third).is_empty());
}

#[test]
fn a_lock_whose_archives_are_no_whole_is_refused_and_chosen_anew() {
    let (mut managed, other) = Managed::locked();
    managed.channel.add(&library("libbar", "1.0"), &Value::Null);
    managed.channel.add(&library("libbaz", "1.0").depends("libbar >=1"), &Value::Null);
    managed.configure("packages = \"libbaz\"\n");
    managed.run(&["sync"]).ok();
    let whole = managed.lock();
    let without: Vec<&str> = whole.lines().filter(|line| !line.contains("/libbar-")).collect();
    managed.world.write("pylock.toml", &(without.join("\n") + "\n"));
    let refused = managed.run_at(&other, &["sync", "--frozen"]);
    let words = ["libbaz-1.0-0.conda", "`libbar >=1`", "`pyfast sync --upgrade`"];
    refused.refused(MENDABLE, &words);
    assert!(prefixes_of(&other).is_empty());
    managed.run_at(&other, &["sync", "--upgrade"]).ok();
    assert_eq!(managed.lock(), whole);
}
