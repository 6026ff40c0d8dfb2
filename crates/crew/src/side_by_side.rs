//! Work on several things at once whose outcome is that of one after the other. Owns how many at once; must
//! not know what is done.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a compiler of one file needs, roughly.
const MEMORY_EACH: u64 = 1 << 30;

/// How many builds run at once: as many as the user says, else what this machine carries by its processors and
/// the memory that is free.
pub(crate) fn builds_at_once(said: Option<NonZeroUsize>) -> NonZeroUsize {
    said.unwrap_or_else(carried)
}

fn carried() -> NonZeroUsize {
    let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let read = |path: &str| fs_err::read_to_string(path).ok();
    let free = read("/proc/meminfo").as_deref().and_then(available);
    // Of a container's own limit; what it uses of that already is mostly a cache of files.
    let limit = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    let memory = [free, limit].into_iter().flatten().min();
    memory.map_or(processors, |memory| bounded(processors, memory))
}

fn bounded(processors: NonZeroUsize, memory: u64) -> NonZeroUsize {
    let room = usize::try_from(memory / MEMORY_EACH).unwrap_or(usize::MAX);
    NonZeroUsize::new(room).map_or(NonZeroUsize::MIN, |room| room.min(processors))
}

/// The bytes that are available, of `/proc/meminfo`.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// Does something to each thing, so many at once, and gives what came of it in their order. After a failure
/// nothing more is begun; the failure is that of the first thing in order that fails, because all before it
/// were begun before.
pub(crate) fn side_by_side<T: Sync, R: Send, E: Send>(
    things: &[T],
    at_once: NonZeroUsize,
    act: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new(Vec::with_capacity(things.len()));
    let work = || {
        while !failed.load(Ordering::Acquire) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(at) else { return };
            let outcome = act(thing);
            failed.fetch_or(outcome.is_err(), Ordering::Release);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, outcome));
        }
    };
    match at_once.get().min(things.len()) {
        0 | 1 => work(),
        threads => std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work)))),
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::time::Duration;

    use super::*;

    #[test]
    fn outcomes_are_in_order_and_as_many_run_as_may() {
        let [inside, most, done] = [(); 3].map(|()| AtomicUsize::new(0));
        // The first three begin before one of them goes on, and the first of all is the last that is done.
        let together = Barrier::new(3);
        let act = |number: &u64| {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            if *number < 3 {
                together.wait();
            }
            while *number == 0 && done.load(Ordering::SeqCst) < 8 {
                std::thread::yield_now();
            }
            inside.fetch_sub(1, Ordering::SeqCst);
            done.fetch_add(1, Ordering::SeqCst);
            Ok::<_, ()>(number * 2)
        };
        let things: Vec<u64> = (0..9).collect();
        let three = NonZeroUsize::new(3).unwrap();
        let expected: Vec<u64> = things.iter().map(|number| number * 2).collect();
        assert_eq!(side_by_side(&things, three, act), Ok(expected));
        assert_eq!(side_by_side(&[], three, act), Ok(Vec::new()));
        assert_eq!(most.into_inner(), 3);
    }

    #[test]
    fn the_first_failure_in_order_is_told_and_nothing_more_is_begun() {
        let begun = AtomicUsize::new(0);
        // The second fails, as a rule first; both have begun.
        let together = Barrier::new(2);
        let act = |&number: &u64| {
            begun.fetch_add(1, Ordering::SeqCst);
            if number < 2 {
                together.wait();
                std::thread::sleep(Duration::from_millis(50 * (1 - number)));
                return Err(number);
            }
            Ok(())
        };
        assert_eq!(side_by_side(&[0, 1, 2, 3], NonZeroUsize::new(2).unwrap(), act), Err(0));
        assert_eq!(begun.into_inner(), 2);
    }

    #[test]
    fn memory_bounds_what_processors_would_carry() {
        let processors = NonZeroUsize::new(8).unwrap();
        for (memory, expected) in [(0, 1), (3 << 30, 3), (64 << 30, 8)] {
            assert_eq!(bounded(processors, memory).get(), expected);
        }
        assert_eq!(available("MemTotal: 5 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal: 5 kB"), None);
    }
}
