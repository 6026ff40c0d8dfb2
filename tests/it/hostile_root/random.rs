//! Thousands of roots with hostile things at random places, and random commands in them. Each round has a seed of its
//! own, which a failure tells with the plan that it gave, made smaller where that is cheap:
//! `PYFAST_HOSTILE_SEED=0x… PYFAST_HOSTILE_ROUNDS=1` replays it. Without a seed every run of the test is another.

mod arena;
mod mending;
mod places;
mod plan;
mod round;
mod swapper;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use self::arena::Arena;
use self::plan::Plan;
use crate::support::environment;

/// Rounds of the normal run.
const ROUNDS: u64 = 2000;
/// After so many different faults the rest would only repeat them.
const ENOUGH: usize = 12;
/// How long a failing plan is made smaller.
const REDUCING: Duration = Duration::from_mins(1);

/// Random numbers that depend on the seed alone (`SplitMix64`).
pub(super) struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("it is below a `usize`")
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// True once in so many throws.
    fn once_in(&mut self, throws: usize) -> bool {
        self.below(throws) == 0
    }
}

fn number(key: &str) -> Option<u64> {
    let text = environment(key)?;
    let digits = text.trim_start_matches("0x");
    let radix = if digits.len() < text.len() { 16 } else { 10 };
    let number = u64::from_str_radix(digits, radix);
    Some(number.unwrap_or_else(|error| panic!("{key}={text}: {error}")))
}

/// A seed that no earlier run had.
fn any_seed() -> u64 {
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id())
}

/// What the workers share.
struct Shared {
    seed: u64,
    rounds: u64,
    next: AtomicU64,
    /// A report for each different fault.
    faults: Mutex<BTreeMap<String, String>>,
}

impl Shared {
    /// The seed of a round; the first one's is the seed that was given.
    fn seed(&self, round: u64) -> u64 {
        self.seed.wrapping_add(round.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn is_enough(&self) -> bool {
        self.faults.lock().expect("no worker fails with it").len() >= ENOUGH
    }
}

/// Tells the seed where the test itself fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = format!("PYFAST_HOSTILE_SEED={:#x} PYFAST_HOSTILE_ROUNDS=1\n", self.0);
            // While it fails anyway, nothing more can be done about an output that is shut.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        }
    }
}

/// Plays rounds until they are all played.
fn work(shared: &Shared) {
    let mut arena = Arena::new();
    loop {
        let round = shared.next.fetch_add(1, Ordering::Relaxed);
        if round >= shared.rounds || shared.is_enough() {
            return;
        }
        let seed = shared.seed(round);
        let plan = Plan::of(seed, &arena);
        let _told = Told(seed);
        let Err(fault) = arena.play(&plan) else { continue };
        let (plan, fault) = reduced(&mut arena, plan, fault);
        let key = format!("{} {}", fault.split_whitespace().next().unwrap_or(""), plan.places());
        let report =
            format!("PYFAST_HOSTILE_SEED={seed:#x} PYFAST_HOSTILE_ROUNDS=1\n{plan}{fault}\n");
        shared.faults.lock().expect("no worker fails with it").entry(key).or_insert(report);
    }
}

/// The plan without what it does not need to fail in the same manner.
fn reduced(arena: &mut Arena, plan: Plan, fault: String) -> (Plan, String) {
    let (mut plan, mut fault) = (plan, fault);
    let begun = Instant::now();
    let manner = fault.split_whitespace().next().unwrap_or("").to_owned();
    'smaller: loop {
        for smaller in plan.smaller() {
            if begun.elapsed() > REDUCING {
                break 'smaller;
            }
            match arena.play(&smaller) {
                Err(again) if again.starts_with(&manner) => {
                    (plan, fault) = (smaller, again);
                    continue 'smaller;
                }
                _ => {}
            }
        }
        break;
    }
    (plan, fault)
}

#[test]
fn whatever_is_planted_nothing_outside_changes_and_nothing_hangs() {
    let shared = Shared {
        seed: number("PYFAST_HOSTILE_SEED").unwrap_or_else(any_seed),
        rounds: number("PYFAST_HOSTILE_ROUNDS").unwrap_or(ROUNDS),
        next: AtomicU64::new(0),
        faults: Mutex::default(),
    };
    let workers = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    let workers = u64::try_from(workers).unwrap_or(1).min(shared.rounds);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| work(&shared));
        }
    });
    let played = shared.next.into_inner().min(shared.rounds);
    let faults = shared.faults.into_inner().expect("no worker failed with it");
    assert!(played == shared.rounds || !faults.is_empty(), "every round is played");
    let reports: Vec<&String> = faults.values().collect();
    assert!(
        reports.is_empty(),
        "{} faults after {played} of {} rounds:\n\n{}",
        reports.len(),
        shared.rounds,
        reports.into_iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    );
}
