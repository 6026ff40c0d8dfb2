//! Notices that `current` leads to another generation. Owns the notification and the time for which a change has to
//! stand; must not know what is done about it.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::inotify;

use super::super::Entry;
use super::super::current;

/// How long a change has to stand: of several syncs in a row only the last one counts.
const SETTLED: Duration = Duration::from_millis(200);
/// How often is looked without a notification, which some file systems do not give for what others change.
const SELDOM: Duration = Duration::from_secs(2);
/// How often is looked where there are no notifications at all.
const OFTEN: Duration = Duration::from_millis(500);

pub(super) struct Watch {
    entry: Entry,
    notified: Option<OwnedFd>,
    changed: Option<(PathBuf, Instant)>,
    ignored: Option<PathBuf>,
}

impl Watch {
    pub(super) fn new(entry: &Entry) -> Self {
        Self { notified: notifications(entry), entry: entry.clone(), changed: None, ignored: None }
    }

    /// The generation that is current instead of `running`, once that has been so for a while.
    pub(super) fn settled(&mut self, running: &Path) -> Option<PathBuf> {
        let named = current::named(&self.entry);
        if named.as_ref() != self.ignored.as_ref() {
            self.ignored = None;
        }
        let Some(named) = named.filter(|named| named != running && self.ignored.is_none()) else {
            self.changed = None;
            return None;
        };
        match &self.changed {
            Some((known, since)) if *known == named => {
                (since.elapsed() >= SETTLED).then_some(named)
            }
            _ => {
                self.changed = Some((named, Instant::now()));
                None
            }
        }
    }

    /// Lets the change stand once more.
    pub(super) fn again(&mut self) {
        self.changed = None;
    }

    /// Never mind this generation, as long as it stays the current one.
    pub(super) fn ignore(&mut self, generation: PathBuf) {
        self.ignored = Some(generation);
        self.changed = None;
    }

    /// How long nothing has to be looked at without a notification.
    pub(super) fn patience(&self) -> Duration {
        match &self.changed {
            Some((_, since)) => SETTLED.saturating_sub(since.elapsed()),
            None if self.notified.is_some() => SELDOM,
            None => OFTEN,
        }
    }

    /// Readable when something may have changed.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.notified.as_ref().map(|notified| notified.as_fd())
    }

    /// Takes all notifications; what they say is seen by looking.
    pub(super) fn drain(&self) {
        let Some(notified) = &self.notified else { return };
        let mut buffer = [0_u8; 4096];
        while rustix::io::read(notified, &mut buffer).is_ok_and(|count| count > 0) {}
    }
}

fn notifications(entry: &Entry) -> Option<OwnedFd> {
    let directory = current::link(entry)?.parent()?.to_owned();
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    let notified = inotify::init(flags).ok()?;
    let wanted = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::CREATE;
    inotify::add_watch(&notified, &directory, wanted).ok()?;
    Some(notified)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_has_been_current_for_a_while_counts() {
        let root = tempfile::tempdir().unwrap();
        fs_err::write(root.path().join("layout"), "pyfast 1\n").unwrap();
        let place = root.path().join("projects/shop/default");
        fs_err::create_dir_all(&place).unwrap();
        let switch = |id: &str| {
            fs_err::create_dir_all(root.path().join("envs/v1").join(id)).unwrap();
            symlink(format!("../../../envs/v1/{id}"), place.join("new")).unwrap();
            fs_err::rename(place.join("new"), place.join("current")).unwrap();
        };
        switch("abc");
        let entry = Entry {
            root: root.path().into(),
            project: Some("shop".into()),
            env: "default".into(),
            wait: Duration::ZERO,
            argv: Vec::new(),
            environment: Vec::new(),
        };
        let mut watch = Watch::new(&entry);
        let running = current::named(&entry).unwrap();
        for other in ["def", "abc", "def", "fab", "def", "abc"] {
            switch(other);
            assert_eq!(watch.settled(&running), None, "{other} is new");
        }
        switch("fab");
        assert_eq!(watch.settled(&running), None);
        std::thread::sleep(SETTLED);
        assert_eq!(watch.settled(&running), current::named(&entry), "it has stood for a while");
    }
}
