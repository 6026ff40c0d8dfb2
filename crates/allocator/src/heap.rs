//! A thread's own heap: lists of blocks that nobody uses, and memory that nobody has used yet. Must not know whose blocks
//! these are.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use crate::blocks::{Block, CLASSES, Class, List};
use crate::space::{PART, part};

/// How many blocks a heap takes at once of those that other threads gave back.
const SOME: usize = 256;
/// So much new memory becomes blocks of one size at once: what is used together lies together.
const AT_ONCE: usize = 4 << 10;

thread_local! {
    static HEAP: Cell<Option<NonNull<Heap>>> = const { Cell::new(None) };
}

/// Blocks that were given back where there was no heap, or by a heap that ended.
static SHARED: [Mutex<List>; CLASSES] = [const { Mutex::new(List::EMPTY) }; CLASSES];

/// Heaps that ended, for the next threads.
static ENDED: Mutex<Vec<Ended>> = Mutex::new(Vec::new());

struct Heap {
    lists: [List; CLASSES],
    /// Where memory begins that was not used yet, and how much of it there is.
    unused: NonNull<u8>,
    left: usize,
}

struct Ended(Box<Heap>);

#[expect(unsafe_code, reason = "a heap goes from thread to thread")]
// SAFETY: a heap alone knows its memory, and no thread has it.
unsafe impl Send for Ended {}

/// Gives this thread a heap; where there is no memory for one it remains the system's.
pub(crate) fn begin() {
    if HEAP.get().is_some() {
        return;
    }
    let ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let heap = ended.map(|ended| ended.0).or_else(|| {
        let lists = [const { List::EMPTY }; CLASSES];
        Some(Box::new(Heap { lists, unused: part()?, left: PART }))
    });
    HEAP.set(heap.map(|heap| NonNull::from(Box::leak(heap))));
}

/// Takes this thread's heap from it.
pub(crate) fn end() {
    let Some(heap) = HEAP.take() else { return };
    #[expect(unsafe_code, reason = "what a thread has for itself is a pointer")]
    // SAFETY: made of a box by `begin`, and nobody has it any more.
    let mut heap = unsafe { Box::from_raw(heap.as_ptr()) };
    for (list, shared) in heap.lists.iter_mut().zip(&SHARED) {
        list.move_to(&mut shared.lock().unwrap_or_else(PoisonError::into_inner), usize::MAX);
    }
    ENDED.lock().unwrap_or_else(PoisonError::into_inner).push(Ended(heap));
}

/// A block of this thread's heap; `None` where it has none, or there is no more memory for it.
#[inline]
pub(crate) fn take(class: Class) -> Option<NonNull<Block>> {
    let mut heap = HEAP.get()?;
    #[expect(unsafe_code, reason = "what a thread has for itself is a pointer")]
    // SAFETY: it is this thread's alone, and nothing below comes back to here.
    let heap = unsafe { heap.as_mut() };
    match heap.lists[class.index()].pop() {
        Some(block) => Some(block),
        None => heap.more(class),
    }
}

/// Keeps a block for whoever needs one.
///
/// # Safety
/// It is a block of the space and of this class, and nobody uses it any more.
#[inline]
#[expect(unsafe_code, reason = "only who had the block knows that nobody uses it")]
pub(crate) unsafe fn give_back(block: *mut u8, class: Class) {
    let Some(block) = NonNull::new(block) else { return };
    if let Some(mut heap) = HEAP.get() {
        // SAFETY: it is this thread's alone, and nothing below comes back to here; of the block the caller's promise.
        unsafe { heap.as_mut().lists[class.index()].push(block.cast()) }
    } else {
        let mut shared = SHARED[class.index()].lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the caller's promise.
        unsafe { shared.push(block.cast()) }
    }
}

impl Heap {
    /// A block where the list has none: of those that other threads gave back, or new memory.
    #[cold]
    #[inline(never)]
    fn more(&mut self, class: Class) -> Option<NonNull<Block>> {
        let list = &mut self.lists[class.index()];
        let shared = &SHARED[class.index()];
        shared.lock().unwrap_or_else(PoisonError::into_inner).move_to(list, SOME);
        if let Some(block) = list.pop() {
            return Some(block);
        }
        let size = class.size();
        if self.left < size {
            // What is left of the part before is less than one block, and is left alone.
            self.unused = part()?;
            self.left = PART;
        }
        let count = (self.left / size).min((AT_ONCE / size).max(1));
        for index in (0..count).rev() {
            #[expect(unsafe_code, reason = "memory is given out piece by piece")]
            // SAFETY: there is so much left, of which nobody has any.
            unsafe {
                list.push(self.unused.add(index * size).cast());
            }
        }
        self.left -= count * size;
        #[expect(unsafe_code, reason = "memory is given out piece by piece")]
        // SAFETY: there was so much left, or this is the end of the part.
        {
            self.unused = unsafe { self.unused.add(count * size) };
        }
        list.pop()
    }
}
