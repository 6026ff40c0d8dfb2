//! Somebody who swaps things in a root while a command works in it. Works by descriptors of the real directories, so
//! that it never swaps anything behind a link that was planted.
#![expect(clippy::disallowed_methods, reason = "it plants by handle, as an attacker would")]

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, RenameFlags, openat, renameat_with};

use super::super::plant::{Kind, put, relative};
use super::Dice;
use super::plan::Plant;

/// One place, and the descriptors of the directories between which it is swapped.
struct Swap {
    folder: OwnedFd,
    name: std::ffi::OsString,
    side: File,
    aside: String,
    /// What is planted is at its place.
    swapped: bool,
}

/// Swaps until it is stopped.
pub(super) struct Swapper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Swapper {
    pub(super) fn start(root: &Path, side: &Path, plants: &[Plant]) -> Self {
        let made = plants.iter().enumerate();
        let mut swaps: Vec<Swap> =
            made.filter_map(|(number, plant)| Swap::new(root, side, (number, plant))).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut dice = Dice(1);
            while !swaps.is_empty() && !stopped.load(Ordering::Relaxed) {
                let index = dice.below(swaps.len());
                swaps[index].swap();
                // Now and then long enough for a look and an act between two swaps.
                std::thread::sleep(Duration::from_micros(20 + dice.next() % 400));
            }
            for swap in swaps.iter_mut().filter(|swap| swap.swapped) {
                swap.swap();
            }
        });
        Self { stop, thread }
    }

    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the swapper does not fail");
    }
}

impl Swap {
    fn new(root: &Path, side: &Path, (number, plant): (usize, &Plant)) -> Option<Self> {
        let aside = format!("swap-{number}");
        let kind = match &plant.kind {
            // As it has to be where it will stand.
            Kind::RelativeLink(to) => Kind::Link(relative(&root.join(&plant.place), to)),
            other => other.clone(),
        };
        put(&side.join(&aside), &kind);
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = openat(CWD, root, flags, Mode::empty()).ok()?;
        for name in plant.place.parent()? {
            folder = openat(&folder, name, flags, Mode::empty()).ok()?;
        }
        let name = plant.place.file_name()?.to_owned();
        let side = File::from(openat(CWD, side, flags, Mode::empty()).ok()?);
        Some(Self { folder, name, side, aside, swapped: false })
    }

    /// Where nothing is at the place at the moment, nothing is done.
    fn swap(&mut self) {
        let (name, aside) = (&self.name, &self.aside);
        let exchange = RenameFlags::EXCHANGE;
        if renameat_with(&self.folder, name, &self.side, aside.as_str(), exchange).is_ok() {
            self.swapped = !self.swapped;
        }
    }
}
