//! How far bytes have come into a file, for who reads them there meanwhile. Knows neither the file nor what is in it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of a file that are there to be read, from its beginning on.
#[derive(Debug, Default)]
pub struct Arrival {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    come: u64,
    /// The fewest bytes that somebody waits for: until then nobody is woken.
    wanted: Option<u64>,
    /// No more will come.
    ended: bool,
    /// What has come is not what will be there in the end.
    void: bool,
}

impl Arrival {
    /// Waits until there are at least so many bytes, and says how many there are; `None` if there never will be.
    pub fn wait_for(&self, bytes: u64) -> Option<u64> {
        let waits = |state: &mut State| {
            let waits = state.come < bytes && !state.ended && !state.void;
            if waits {
                state.wanted = Some(state.wanted.map_or(bytes, |wanted| wanted.min(bytes)));
            }
            waits
        };
        let state = self.moved.wait_while(self.state(), waits);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (!state.void && state.come >= bytes).then_some(state.come)
    }

    /// Whether all bytes are there, and none of them was ever another one.
    pub fn is_whole(&self) -> bool {
        let state = self.state();
        state.ended && !state.void
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let over = state.ended || state.void;
        if state.wanted.is_some_and(|wanted| over || wanted <= state.come) {
            state.wanted = None;
            self.moved.notify_all();
        }
    }

    /// More bytes are there.
    pub(crate) fn come(&self, bytes: u64) {
        self.change(|state| state.come += bytes);
    }

    /// All bytes are there.
    pub(crate) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    /// The bytes come again from their beginning: nobody is to rely on what was there, now or ever, because who read it
    /// may still be at work with it.
    pub(crate) fn begin(&self) {
        self.change(|state| state.void |= state.come > 0);
    }

    /// The bytes will never be whole.
    pub(crate) fn give_up(&self) {
        self.change(|state| state.void |= !state.ended);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn who_waits_is_told_what_is_there_and_what_never_will_be() {
        let arrival = Arc::new(Arrival::default());
        arrival.begin();
        arrival.come(5);
        assert_eq!(arrival.wait_for(3), Some(5));
        let waiting = [8, 9, 11].map(|bytes| {
            let other = Arc::clone(&arrival);
            std::thread::spawn(move || other.wait_for(bytes))
        });
        (0..4).for_each(|_| arrival.come(1));
        let [first, second, third] = waiting;
        assert!(matches!(first.join().unwrap(), Some(8..=9)));
        assert_eq!(second.join().unwrap(), Some(9));
        assert!(!arrival.is_whole());
        arrival.end();
        arrival.give_up();
        assert!(arrival.is_whole());
        assert_eq!(third.join().unwrap(), None);
        assert_eq!((arrival.wait_for(9), arrival.wait_for(10)), (Some(9), None));
    }

    #[test]
    fn what_begins_anew_or_breaks_off_is_void() {
        for end in [Arrival::begin, Arrival::give_up] {
            let arrival = Arrival::default();
            arrival.come(5);
            end(&arrival);
            arrival.come(5);
            arrival.end();
            assert_eq!(arrival.wait_for(1), None);
            assert!(!arrival.is_whole());
        }
    }
}
