//! Who builds what, among the threads of this process. Each thing is made by one and waited for by the others,
//! unless that would be for ever. Owns the queue and the slots for hooks; must not know what is made.
//!
//! Whoever makes a thing may need others for it, on whatever threads. So he waits in the name of everything that
//! he is making, and a circle shows when somebody would wait for what waits for him.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Everything that is being made, from the outermost on, each as the number of its turn.
pub(super) type Making = Vec<u64>;

/// What is wanted can only be made once it is there.
#[derive(Debug)]
pub(super) struct Circle;

/// Gives turns.
#[derive(Debug, Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    /// Who makes a thing.
    makers: HashMap<String, u64>,
    /// What is waited for, and in whose name.
    waiting: Vec<(Making, String)>,
}

/// The turn to make a thing, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    thing: String,
    pub(super) number: u64,
}

impl Turns {
    /// Waits until nobody makes a thing any more.
    pub(super) fn take(&self, making: &[u64], thing: &str) -> Result<Turn<'_>, Circle> {
        let mut state = self.state();
        while let Some(maker) = state.makers.get(thing) {
            if state.is_circle(making, *maker) {
                return Err(Circle);
            }
            let wait = (making.to_vec(), thing.to_owned());
            state.waiting.push(wait.clone());
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = state.waiting.iter().position(|one| *one == wait) {
                state.waiting.swap_remove(at);
            }
        }
        state.last += 1;
        let number = state.last;
        state.makers.insert(thing.to_owned(), number);
        Ok(Turn { turns: self, thing: thing.to_owned(), number })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether `maker`, or what he waits for, waits for one of `making`.
    fn is_circle(&self, making: &[u64], maker: u64) -> bool {
        let (mut seen, mut open) = (Vec::new(), vec![maker]);
        while let Some(maker) = open.pop() {
            if making.contains(&maker) {
                return true;
            }
            if seen.contains(&maker) {
                continue;
            }
            seen.push(maker);
            let his = self.waiting.iter().filter(|(making, _)| making.contains(&maker));
            open.extend(his.filter_map(|(_, thing)| self.makers.get(thing)));
        }
        false
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.state().makers.remove(&self.thing);
        self.turns.changed.notify_all();
    }
}

/// How many may run at once.
#[derive(Debug)]
pub(super) struct Slots {
    free: Mutex<usize>,
    changed: Condvar,
}

/// One of them, given back when it is dropped. Who has one waits for nobody.
#[derive(Debug)]
pub(super) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(super) fn new(count: NonZeroUsize) -> Self {
        Self { free: Mutex::new(count.get()), changed: Condvar::new() }
    }

    pub(super) fn take(&self) -> Slot<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(free, |free| *free == 0);
        *waited.unwrap_or_else(PoisonError::into_inner) -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_thing_is_made_by_one_at_a_time_and_others_are_not_held_up() {
        let turns = Turns::default();
        let (inside, made) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let _other = turns.take(&[], "b").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let _turn = turns.take(&[], "a").unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::sleep(Duration::from_millis(2));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    made.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(made.into_inner(), 4);
    }

    #[test]
    fn what_needs_itself_is_refused() {
        let turns = Turns::default();
        let outer = turns.take(&[], "a").unwrap();
        let inner = turns.take(&[outer.number], "b").unwrap();
        assert!(turns.take(&[outer.number, inner.number], "a").is_err());
        assert!(turns.take(&[outer.number, inner.number], "b").is_err());
    }

    #[test]
    fn a_circle_over_threads_is_refused_and_the_others_go_on() {
        let turns = Turns::default();
        let (a, b) = (turns.take(&[], "a").unwrap(), turns.take(&[], "b").unwrap());
        let below_a = turns.take(&[a.number], "below a").unwrap();
        std::thread::scope(|scope| {
            let making = [a.number, below_a.number];
            let waits = scope.spawn({
                let turns = &turns;
                move || turns.take(&making, "b").map(drop).is_ok()
            });
            while turns.state().waiting.is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(turns.take(&[b.number], "a").is_err(), "a waits for b");
            drop(b);
            assert!(waits.join().unwrap());
        });
    }

    #[test]
    fn no_more_than_there_are_slots_run_at_once() {
        let slots = Slots::new(NonZeroUsize::new(2).unwrap());
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let begun = Instant::now();
        // The first has its slot until a second one has the other.
        let meet = || {
            while most.load(Ordering::SeqCst) < 2 {
                assert!(begun.elapsed() < Duration::from_mins(3), "nobody else runs");
                std::thread::yield_now();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let _slot = slots.take();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    meet();
                    std::thread::sleep(Duration::from_millis(5));
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.into_inner(), 2);
    }
}
