//! Who has a lock, and whom nobody can hold up.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn locks() -> (tempfile::TempDir, Dir) {
    let directory = tempfile::tempdir().unwrap();
    let dir = Dir::open_named(directory.path()).unwrap();
    (directory, dir)
}

fn try_now(locks: &Dir, share: Share) -> Option<Lock> {
    Lock::try_now(locks.clone(), "store", share).unwrap()
}

#[test]
fn one_has_it_alone_and_several_share_it() {
    let (_directory, locks) = locks();
    let alone = try_now(&locks, Share::Alone).unwrap();
    assert!(try_now(&locks, Share::Alone).is_none());
    assert!(try_now(&locks, Share::Shared).is_none());
    assert!(Lock::try_now(locks.clone(), "stores", Share::Alone).unwrap().is_some());
    drop(alone);
    let shares = [try_now(&locks, Share::Shared).unwrap(), try_now(&locks, Share::Shared).unwrap()];
    assert!(try_now(&locks, Share::Alone).is_none());
    drop(shares);
    assert!(try_now(&locks, Share::Alone).is_some());
    assert!(locks.entries().unwrap().is_empty(), "nothing is left");
}

#[test]
fn who_came_first_has_it_first() {
    let (_directory, locks) = locks();
    let first = try_now(&locks, Share::Shared).unwrap();
    let second = Lock::queue(locks.clone(), "store", Share::Alone).unwrap();
    let third = Lock::queue(locks.clone(), "store", Share::Shared).unwrap();
    assert!(!second.is_held().unwrap() && !third.is_held().unwrap());
    drop(first);
    assert!(!third.is_held().unwrap(), "the second comes before");
    assert!(second.is_held().unwrap());
    drop(second);
    assert!(third.is_held().unwrap());
}

#[test]
fn a_reader_that_locks_everything_is_in_nobodys_way() {
    let (_directory, locks) = locks();
    let held = try_now(&locks, Share::Alone).unwrap();
    let left = locks.write_new("store.5.x", b"", 0o600).unwrap();
    drop(left);
    let mut readers = Vec::new();
    for entry in locks.entries().unwrap() {
        let (file, _) = locks.open(&entry.name).unwrap().unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        // The holder's own file cannot even be shared.
        crate::record_lock::shared(&file).unwrap();
        readers.push(file);
    }
    assert!(try_now(&locks, Share::Alone).is_none());
    drop(held);
    assert!(try_now(&locks, Share::Alone).is_some());
    assert!(try_now(&locks, Share::Shared).is_some());
}

#[test]
fn what_is_no_ticket_is_not_waited_for() {
    let (directory, locks) = locks();
    rustix::fs::mkfifoat(&locks, "store.1.x", rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("/dev/zero", directory.path().join("store.2.x")).unwrap();
    locks.create_dir("store.3.s", 0o700).unwrap();
    locks.write_new("store.99999999999999999999.x", b"", 0o600).unwrap();
    locks.write_new("store", b"", 0o600).unwrap();
    assert!(try_now(&locks, Share::Alone).is_some());
    assert_eq!(locks.entries().unwrap().len(), 5, "foreign things stay");
}

#[test]
fn the_holder_is_named() {
    let (_directory, locks) = locks();
    let _held = try_now(&locks, Share::Alone).unwrap();
    let waiting = Lock::queue(locks.clone(), "store", Share::Shared).unwrap().waits_for();
    let expected = format!("process {} (`pyfast_root-", std::process::id());
    assert!(waiting.to_string().starts_with(&expected), "{waiting}");
    assert!(waiting.to_string().ends_with("/store"), "{waiting}");
    let waited = |since| Waiting { since: Some(Duration::from_secs(since)), ..waiting.clone() };
    assert!(waited(90).to_string().ends_with("/store for 90 s"));
    assert!(waited(400).to_string().ends_with("/store for 6 min"));
}

/// In the queue behind a holder, with little patience.
fn impatient(locks: &Dir, living: u64, unknown: u64) -> Lock {
    let mut lock = Lock::queue(locks.clone(), "store", Share::Alone).unwrap();
    let (living, unknown) = (Duration::from_millis(living), Duration::from_millis(unknown));
    lock.patience = Patience { living, unknown };
    lock
}

#[test]
fn who_lives_is_waited_for_and_told_of_once() {
    let (_directory, locks) = locks();
    let held = try_now(&locks, Share::Alone).unwrap();
    let lock = impatient(&locks, 60_000, 20);
    let told = AtomicUsize::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let told = &told;
        scope.spawn(move || {
            while told.load(Ordering::SeqCst) == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(300));
            drop(held);
        });
        lock.await_turn(&|_| _ = told.fetch_add(1, Ordering::SeqCst)).unwrap();
    });
    assert!(begun.elapsed() > Duration::from_millis(250), "longer than who cannot be asked");
    assert_eq!(told.into_inner(), 1);
}

#[test]
fn every_wait_ends_and_names_who_was_waited_for() {
    let (_directory, locks) = locks();
    let _held = try_now(&locks, Share::Alone).unwrap();
    let ended = impatient(&locks, 60, 20).await_turn(&|_| ()).unwrap_err();
    let expected = format!("process {} (", std::process::id());
    assert!(matches!(ended, Error::LockTimeout { .. }), "{ended}");
    assert!(ended.to_string().contains(&expected), "{ended}");
}

#[test]
fn who_cannot_be_asked_is_waited_for_a_shorter_time() {
    if rustix::process::geteuid().is_root() {
        // Root may ask everybody: the same in a process without its powers.
        return as_nobody("who_cannot_be_asked_is_waited_for_a_shorter_time");
    }
    let (_directory, locks) = locks();
    drop(locks.write_new("store.1.x", b"", 0o000).unwrap());
    let begun = Instant::now();
    let ended = impatient(&locks, 600_000, 20).await_turn(&|_| ()).unwrap_err();
    assert!(matches!(ended, Error::LockTimeout { .. }), "{ended}");
    assert!(begun.elapsed() < Duration::from_mins(10), "as one who lives is waited for");
}

/// Runs one test of this program as another user than root.
fn as_nobody(test: &str) {
    use std::os::unix::process::CommandExt as _;
    let program = std::env::current_exe().unwrap();
    // Another user may not reach the build's own directory.
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("test");
    // A child that another test forks meanwhile would keep a copy of ours open for writing (`ETXTBSY`).
    let copied = std::process::Command::new("/bin/cp").arg(program).arg(&copy).status();
    assert!(copied.unwrap().success());
    let mode = |path: &Path| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(path, mode).unwrap();
    };
    mode(directory.path());
    mode(&copy);
    let mut command = std::process::Command::new(copy);
    command.arg("--exact").arg(format!("ticket::tests::{test}")).uid(65534).gid(65534);
    let output = command.current_dir("/tmp").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Who is inside at the moment.
#[derive(Default)]
struct Inside {
    alone: AtomicUsize,
    shared: AtomicUsize,
}

impl Inside {
    /// Takes the lock, looks around, and gives it back.
    fn visit(&self, locks: &Dir, share: Share) {
        let _held = Lock::wait(locks.clone(), "store", share, &|_| {}).unwrap();
        let own = if share == Share::Alone { &self.alone } else { &self.shared };
        let before = own.fetch_add(1, Ordering::SeqCst);
        let others = if share == Share::Alone { before } else { 0 };
        let foreign = if share == Share::Alone { &self.shared } else { &self.alone };
        assert_eq!((others, foreign.load(Ordering::SeqCst)), (0, 0));
        own.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn threads_never_have_it_together() {
    let (_directory, locks) = locks();
    let inside = Inside::default();
    let work = |thread: usize| {
        for round in 0..60 {
            let share =
                if (thread + round).is_multiple_of(3) { Share::Shared } else { Share::Alone };
            inside.visit(&locks, share);
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
    assert!(locks.entries().unwrap().is_empty());
}
