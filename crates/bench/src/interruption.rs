//! Being interrupted. Owns who hears of it, and that what was started is ended, with all that it started itself; must not
//! know what is compared.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::error::Error;

/// What an interrupted worker answers instead of a measurement.
pub(crate) const WORD: &str = "interrupted";

/// Listens for interrupts while it lives; they do not end the process meanwhile.
pub(crate) struct Interruption {
    happened: Arc<AtomicBool>,
    handle: Handle,
}

impl Interruption {
    /// Listens from now on. `then` is done at each.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn listen(then: impl Fn() + Send + 'static) -> Result<Self, Error> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Error::Output)?;
        let (handle, happened) = (signals.handle(), Arc::new(AtomicBool::new(false)));
        let flag = Arc::clone(&happened);
        let wait = move || {
            for _ in signals.forever() {
                flag.store(true, Ordering::SeqCst);
                then();
            }
        };
        let thread = std::thread::Builder::new().name("interrupts".to_owned());
        thread.spawn(wait).map_err(Error::Output)?;
        Ok(Self { happened, handle })
    }

    /// Fails once there was one.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.happened.load(Ordering::SeqCst) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

impl Drop for Interruption {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// The group of processes that is measured just now.
#[derive(Clone, Default)]
pub(crate) struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    /// Notes the leader of a group; `None` before it is reaped, as its number may be another's then.
    pub(crate) fn is(&self, leader: Option<Pid>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = leader;
    }

    /// Ends all of it; whether there was one.
    pub(crate) fn end(&self) -> bool {
        let leader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leader.is_some_and(|leader| kill_process_group(leader, Signal::KILL).is_ok())
    }
}
