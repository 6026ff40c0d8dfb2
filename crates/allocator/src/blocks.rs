//! Blocks of memory by their sizes, and lists of those that nobody uses. Must not know where they are from.

use std::alloc::Layout;
use std::ptr::NonNull;

/// Every block is a multiple of this, and lies at one.
const STEP: usize = 16;
/// Up to here there is a size for every multiple.
const SMALL: usize = 1 << 10;
/// Behind it there are so many between each power of two and the next.
const BETWEEN: usize = 4;
/// Larger ones are the system's: there are few of them, and it gives them back.
const LARGEST: usize = 64 << 10;
/// How many sizes there are.
pub(crate) const CLASSES: usize =
    SMALL / STEP + BETWEEN * (LARGEST.ilog2() - SMALL.ilog2()) as usize;

/// A size of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class(usize);

impl Class {
    /// The smallest that is large enough; `None` where none is.
    #[inline]
    pub(crate) fn of(layout: Layout) -> Option<Self> {
        if layout.size() > LARGEST || layout.align() > STEP {
            return None;
        }
        // Nobody may ask for nothing; who does gets the smallest.
        let last = layout.size().saturating_sub(1);
        if last < SMALL {
            return Some(Self(last / STEP));
        }
        let power = last.ilog2();
        let between = (last >> (power - BETWEEN.ilog2())) - BETWEEN;
        Some(Self(SMALL / STEP + (power - SMALL.ilog2()) as usize * BETWEEN + between))
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0
    }

    /// In bytes.
    pub(crate) fn size(self) -> usize {
        match self.0.checked_sub(SMALL / STEP) {
            None => (self.0 + 1) * STEP,
            Some(behind) => {
                ((behind % BETWEEN + BETWEEN + 1) * SMALL / BETWEEN) << (behind / BETWEEN)
            }
        }
    }
}

/// A block that nobody uses: all that is in it is where the next one is.
pub(crate) struct Block {
    next: Option<NonNull<Block>>,
}

/// Blocks of one size that nobody uses, the last one first.
#[derive(Debug)]
pub(crate) struct List(Option<NonNull<Block>>);

#[expect(unsafe_code, reason = "blocks that nobody uses are listed in themselves")]
// SAFETY: a list alone knows its blocks, whichever thread has it.
unsafe impl Send for List {}

#[expect(unsafe_code, reason = "blocks that nobody uses are listed in themselves")]
impl List {
    pub(crate) const EMPTY: Self = Self(None);

    /// # Safety
    /// The block is one of this list's size, and nobody uses it.
    #[inline]
    pub(crate) unsafe fn push(&mut self, block: NonNull<Block>) {
        // SAFETY: by the caller's promise it is memory of which this alone knows.
        unsafe { block.write(Block { next: self.0 }) };
        self.0 = Some(block);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<NonNull<Block>> {
        let first = self.0?;
        // SAFETY: what is in the list was written by `push`, and nobody has used it since.
        self.0 = unsafe { first.as_ref() }.next;
        Some(first)
    }

    /// Moves so many of them, or all, from here to another list of the same size.
    pub(crate) fn move_to(&mut self, other: &mut Self, most: usize) {
        for _ in 0..most {
            let Some(block) = self.pop() else { return };
            // SAFETY: of the same size, and in no list any more.
            unsafe { other.push(block) };
        }
    }
}
