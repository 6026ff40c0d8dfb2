//! Blocks as a program asks for them, with and without heaps: who has them, and that nobody else does.

use std::alloc::{GlobalAlloc as _, Layout};
use std::collections::BTreeMap;
use std::thread;

use super::*;
use crate::blocks::CLASSES;

/// A block that is asked for and given back as a program's allocator is.
struct Owned {
    block: *mut u8,
    layout: Layout,
    /// What all of its bytes are.
    mark: u8,
}

#[expect(unsafe_code, reason = "a block belongs to whoever has it")]
// SAFETY: as any value on the heap.
unsafe impl Send for Owned {}

#[expect(unsafe_code, reason = "the allocator's own interface")]
impl Owned {
    fn new(size: usize, align: usize, mark: u8) -> Self {
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: the size is not zero, and all of the block is written.
        let block = unsafe {
            let block = Allocator.alloc(layout);
            assert!(!block.is_null());
            block.write_bytes(mark, size);
            block
        };
        assert_eq!(block.addr() % align, 0, "{layout:?}");
        Self { block, layout, mark }
    }

    fn resize(&mut self, size: usize) {
        // SAFETY: the block is this value's, and what is new of it is written.
        unsafe {
            self.block = Allocator.realloc(self.block, self.layout, size);
            let kept = self.layout.size().min(size);
            self.block.add(kept).write_bytes(self.mark, size - kept);
        }
        self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: all of it was written, and is this value's.
        unsafe { std::slice::from_raw_parts(self.block, self.layout.size()) }
    }

    fn is_of_a_heap(&self) -> bool {
        space::has(self.block)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let is_whole = self.bytes().iter().all(|byte| *byte == self.mark);
        #[expect(unsafe_code, reason = "the allocator's own interface")]
        // SAFETY: the block is this value's, which ends.
        unsafe {
            Allocator.dealloc(self.block, self.layout);
        }
        assert!(is_whole || thread::panicking(), "somebody else wrote to {:?}", self.layout);
    }
}

/// In a thread that has a heap.
fn with_heap<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = thread::spawn(|| {
        begin();
        let done = act();
        end();
        done
    });
    thread.join().unwrap()
}

#[test]
fn a_class_is_the_smallest_that_a_block_fits_into() {
    let of = |size: usize| Class::of(Layout::from_size_align(size, 1).unwrap());
    let mut before = None;
    for size in 1..=64 << 10 {
        let class = of(size).unwrap();
        assert!(class.size() >= size && class.index() < CLASSES, "{size}");
        assert!(class.size() - size < (size / 4).max(16), "{size} in {}", class.size());
        if before != Some(class) {
            let below: Option<Class> = before;
            assert!(below.is_none_or(|below| below.size() < size), "{size}");
            assert_eq!(below.map_or(0, |below| below.index() + 1), class.index());
        }
        before = Some(class);
    }
    assert_eq!(before.unwrap().index(), CLASSES - 1);
    assert_eq!(of((64 << 10) + 1), None);
    assert_eq!(Class::of(Layout::from_size_align(64, 32).unwrap()), None);
}

#[test]
fn only_threads_that_ask_have_heaps() {
    assert!(!Owned::new(48, 8, 1).is_of_a_heap());
    with_heap(|| {
        assert!(Owned::new(48, 8, 1).is_of_a_heap());
        assert!(!Owned::new(48, 64, 1).is_of_a_heap(), "lies at what no heap gives");
        assert!(!Owned::new(1 << 20, 8, 1).is_of_a_heap(), "is large");
        end();
        assert!(!Owned::new(48, 8, 1).is_of_a_heap());
    });
}

/// Numbers that look like chance, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn size(&mut self) -> usize {
        let most = [24, 100, 1_000, 10_000, 100_000][self.below(5)];
        1 + self.below(most)
    }
}

#[test]
fn nobody_has_a_block_that_another_one_has() {
    let work = |seed: u64, given: Vec<Owned>| {
        let mut chance = Chance(seed);
        let mut owned: BTreeMap<usize, Owned> = given.into_iter().enumerate().collect();
        for step in 0_usize..5_000 {
            let mark = u8::try_from(step % 251).unwrap();
            let place = chance.below(500);
            match owned.get_mut(&place) {
                Some(one) if chance.below(3) == 0 => one.resize(chance.size()),
                Some(_) => drop(owned.remove(&place)),
                None => {
                    let one = Owned::new(chance.size(), 1 << chance.below(7), mark);
                    owned.insert(place, one);
                }
            }
        }
        owned.into_values().collect::<Vec<_>>()
    };
    let mut left: Vec<Vec<Owned>> = (0..4).map(|_| Vec::new()).collect();
    for round in 0..3 {
        // What one thread took others give back, some of them with heaps and some without.
        left.rotate_left(1);
        let threads = left.drain(..).zip(0..).map(|(given, number)| {
            thread::spawn(move || {
                if number % 2 == 0 {
                    begin();
                }
                let left = work(round * 4 + number, given);
                end();
                left
            })
        });
        let threads: Vec<_> = threads.collect();
        left = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    }
}

#[test]
fn what_is_asked_for_as_nothing_but_zeros_is_that() {
    with_heap(|| {
        drop(Owned::new(200, 8, 255));
        let layout = Layout::from_size_align(200, 8).unwrap();
        #[expect(unsafe_code, reason = "the allocator's own interface")]
        // SAFETY: the size is not zero; all of it is written by whoever gives it.
        unsafe {
            let block = Allocator.alloc_zeroed(layout);
            assert!(space::has(block));
            assert!(std::slice::from_raw_parts(block, 200).iter().all(|byte| *byte == 0));
            Allocator.dealloc(block, layout);
        }
    });
}

#[test]
fn what_ended_heaps_had_serves_the_next() {
    let fill = || {
        let owned: Vec<Owned> = (0..10_000).map(|_| Owned::new(720, 8, 7)).collect();
        owned.iter().map(|one| one.block.addr()).collect::<std::collections::BTreeSet<_>>()
    };
    let first = with_heap(fill);
    let again = with_heap(fill);
    // Tests beside this one take some of them, too.
    let same = first.intersection(&again).count();
    assert!(same > 5_000, "{same} of 10,000 blocks");
}
