//! Ctrl-C. Owns who gets it: whoever acts may take it ([`Interrupts`]); while nobody does, it ends the process at once,
//! in the way that its owner says. Must not know what is acted upon.
//!
//! An engine's client catches the signal, and from then on nothing else would end the process: a sync on this machine
//! would go on whatever the user pressed. It can be left at any time, because its only commit is one rename.

use std::sync::{LazyLock, Mutex, Once, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::Signals;
use tokio::sync::watch;

/// Counts the interrupts. Its receivers are those who take them.
static CAUGHT: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// Whether an interrupt ends the process although somebody takes it.
static ENDING: Mutex<bool> = Mutex::new(false);

/// How long those who take an interrupt have to put away what they made (a container, say).
const CLEARING: Duration = Duration::from_secs(5);

/// How the process is left where nobody takes an interrupt.
static LEAVING: OnceLock<fn()> = OnceLock::new();

/// Says how the process is left where nobody takes an interrupt; the first word counts. Without one it is left as
/// shells leave it.
pub fn left_by(leave: fn()) {
    let _ = LEAVING.set(leave);
}

/// Catches Ctrl-C from now on. Where that cannot be, it ends the process as it always did.
pub fn catch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(mut signals) = Signals::new([SIGINT]) else { return };
        let wait = move || {
            for _ in signals.forever() {
                if caught() {
                    leave();
                }
            }
        };
        let started = std::thread::Builder::new().name("interrupts".to_owned()).spawn(wait);
        drop(started);
    });
}

/// Gives an interrupt to those who take it; whether nothing else will end the process.
fn caught() -> bool {
    let ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    if !*ending {
        let alone = CAUGHT.receiver_count() == 0;
        CAUGHT.send_modify(|count| *count += 1);
        return alone;
    }
    CAUGHT.send_modify(|count| *count += 1);
    drop(ending);
    let begun = Instant::now();
    while CAUGHT.receiver_count() > 0 && begun.elapsed() < CLEARING {
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Does what may be left at any time, on whatever threads: an interrupt ends the process as soon as those who take it
/// have put away what they made.
pub fn ending<T>(act: impl FnOnce() -> T) -> T {
    let state = || ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    let before = *CAUGHT.borrow();
    *state() = true;
    let done = act();
    *state() = false;
    if *CAUGHT.borrow() != before {
        // The process is about to end; nothing more is to be begun or said.
        std::thread::sleep(CLEARING * 2);
    }
    done
}

fn leave() -> ! {
    if let Some(leave) = LEAVING.get() {
        leave();
    }
    std::process::exit(130);
}

/// Takes the interrupts while it lives.
pub struct Interrupts(watch::Receiver<u64>);

impl Interrupts {
    /// Takes those that come from now on.
    pub fn take() -> Self {
        Self(CAUGHT.subscribe())
    }

    /// The next one.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody can send any.
            std::future::pending::<()>().await;
        }
    }
}

/// How an act ended that could be interrupted.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// By itself.
    Done(T),
    /// By itself, after an interrupt.
    Late(T),
    /// It was given up: a second interrupt came, or time was up.
    GivenUp,
}

/// Lets an act come to its end after an interrupt, for so long and until another one. `told` is called at the first.
pub async fn patiently<T>(
    act: impl Future<Output = T>,
    interrupts: &mut Interrupts,
    patience: Duration,
    told: impl FnOnce(),
) -> Ended<T> {
    let mut act = std::pin::pin!(act);
    tokio::select! {
        biased;
        done = &mut act => return Ended::Done(done),
        () = interrupts.next() => {}
    }
    told();
    tokio::select! {
        biased;
        done = &mut act => Ended::Late(done),
        () = interrupts.next() => Ended::GivenUp,
        () = tokio::time::sleep(patience) => Ended::GivenUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An act of so many milliseconds, interrupted at such times, with a patience of 300 ms, by a clock that leaps from one
    /// of them to the next; and whether it was told.
    fn check(act: u64, interrupted: &[u64]) -> (Ended<u8>, bool) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build();
        let sender = watch::Sender::new(0);
        let mut interrupts = Interrupts(sender.subscribe());
        let mut told = false;
        let ended = runtime.expect("a runtime").block_on(async {
            let pause = |millis| tokio::time::sleep(Duration::from_millis(millis));
            let act = async {
                pause(act).await;
                7
            };
            let press = async {
                for &after in interrupted {
                    pause(after).await;
                    sender.send_modify(|count| *count += 1);
                }
                std::future::pending::<()>().await;
            };
            let patience = Duration::from_millis(300);
            tokio::select! {
                ended = patiently(act, &mut interrupts, patience, || told = true) => ended,
                () = press => unreachable!("it never ends"),
            }
        });
        (ended, told)
    }

    #[test]
    fn an_act_is_given_up_after_a_second_interrupt_or_when_time_is_up() {
        assert_eq!(check(20, &[]), (Ended::Done(7), false));
        assert_eq!(check(150, &[20]), (Ended::Late(7), true));
        assert_eq!(check(150, &[20, 20]), (Ended::GivenUp, true));
        assert_eq!(check(5000, &[20]), (Ended::GivenUp, true));
    }
}
