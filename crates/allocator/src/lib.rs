//! The program's memory: the C library's, and for threads that ask for it heaps of their own, whose blocks cost a few
//! instructions and no locks. Owns who gets which; must not know what any of it is for.
//!
//! A thread that reads sources makes and drops trees of very many small nodes and does nothing else: with the C library that
//! takes half as long again. All other threads keep to the C library, which gives back what is not used any more; these heaps
//! never do, but share it among themselves.
//!
//! Begin with [`Allocator`], which a program declares; a thread that is to have a heap calls [`begin`].

mod blocks;
mod heap;
mod space;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

use blocks::Class;

/// What a program declares to be its global allocator. Without that, [`begin`] and [`end`] do nothing of use.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allocator;

/// From now on this thread's small blocks come of a heap of its own.
pub fn begin() {
    heap::begin();
}

/// Gives this thread's heap back, for another thread; blocks that are in use stay what they are.
pub fn end() {
    heap::end();
}

/// Has the C library give back sooner what is not used: an arena for each thread keeps what that thread once needed. Two arenas,
/// and wheels given back to the system as soon as they are unpacked, cost no time and a third less memory. For the beginning
/// of a program.
pub fn frugal() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the C library's own settings have no safe interface")]
    // SAFETY: mallopt only sets parameters of the allocator, under its own lock.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
    }
}

#[expect(unsafe_code, reason = "that is what an allocator is")]
// SAFETY: every block is either the system's, or one of a heap's that is at least as large as its layout and that nobody else
// has: heaps give out what no one had before, or what was given back. Which of the two it is its address tells, whoever asks.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(class) = Class::of(layout)
            && let Some(block) = heap::take(class)
        {
            return block.as_ptr().cast();
        }
        // SAFETY: the caller's promises.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if let Some(class) = Class::of(layout)
            && let Some(block) = heap::take(class)
        {
            let block = block.as_ptr().cast::<u8>();
            // SAFETY: the block is as large as its class, which the layout is in.
            unsafe { ptr::write_bytes(block, 0, layout.size()) };
            return block;
        }
        // SAFETY: the caller's promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if space::has(block)
            && let Some(class) = Class::of(layout)
        {
            // SAFETY: a block of the space that is given back with the layout that it was taken with: of this class, and
            // nobody's any more.
            unsafe { heap::give_back(block, class) };
        } else {
            // SAFETY: the caller's promises; no heap has given it.
            unsafe { System.dealloc(block, layout) };
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !space::has(block) {
            // SAFETY: the caller's promises; no heap has given it.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: the caller promises that the size does not overflow with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if Class::of(wanted) == Class::of(layout) {
            return block;
        }
        // SAFETY: what the caller promises of both layouts; the new block is another one, as large as it is to be.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, layout.size().min(size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests;
