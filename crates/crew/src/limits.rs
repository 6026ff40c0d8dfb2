//! Limits that a process was given. Owns that meeting one is an error of whoever meets it, and not the end of the process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

/// Has a file that gets too large be an error that names it.
pub fn survive_file_sizes() {
    // Without the handler the signal ends the process, as it would any other program.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}
