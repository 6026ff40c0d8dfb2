//! The addresses that all heaps have their memory from, by which their blocks are told from the system's. Must not know
//! blocks.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// So many addresses are taken once; what is not touched is no memory.
const SIZE: usize = 1 << 30;
/// A heap takes so much at a time.
pub(crate) const PART: usize = 256 << 10;
/// Where the space begins before there is one: no address is this and less than `SIZE` bytes before the end of them all.
const NOWHERE: usize = usize::MAX - SIZE + 1;

static BEGIN: AtomicUsize = AtomicUsize::new(NOWHERE);

/// What was not taken yet.
static LEFT: Mutex<Left> = Mutex::new(Left::Unasked);

enum Left {
    Unasked,
    /// So many bytes from the beginning were taken.
    From(usize),
    /// The system gives none.
    Refused,
}

/// Whether an address is in it.
#[inline]
pub(crate) fn has(address: *const u8) -> bool {
    // Whoever has a block of it has seen the beginning before.
    address.addr().wrapping_sub(BEGIN.load(Ordering::Relaxed)) < SIZE
}

/// Memory that nobody had before, `PART` bytes of it; `None` where there is none left.
pub(crate) fn part() -> Option<NonNull<u8>> {
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Left::Unasked = *left {
        *left = match map() {
            Some(begin) => {
                BEGIN.store(begin, Ordering::Relaxed);
                Left::From(0)
            }
            None => Left::Refused,
        };
    }
    let Left::From(taken) = *left else { return None };
    if taken + PART > SIZE {
        return None;
    }
    *left = Left::From(taken + PART);
    NonNull::new(ptr::with_exposed_provenance_mut(BEGIN.load(Ordering::Relaxed) + taken))
}

/// Asks the system for the space; where it begins.
fn map() -> Option<usize> {
    #[expect(unsafe_code, reason = "the system's own calls have no safe interface")]
    // SAFETY: new addresses, of which nobody knows yet.
    let begin = unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // Where memory is promised to nobody twice this may be refused: the system's blocks serve as well.
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        libc::mmap(ptr::null_mut(), SIZE, access, kind, -1, 0)
    };
    (begin != libc::MAP_FAILED).then(|| begin.expose_provenance())
}
