//! pyfast: installs Python dependencies into a shared volume and starts slim containers on it.

mod args;
mod cli;
mod commands;
mod doctor;
mod failure;
mod locked;
mod progress;
mod remembered;
mod settings;
mod stack;
mod syncing;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    frugal_allocator();
    cli::main()
}

/// An arena for each thread keeps what that thread once needed: two arenas, and wheels given back to
/// the system as soon as they are unpacked, cost no time and a third less memory.
fn frugal_allocator() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "the C library's own settings have no safe interface")]
    // SAFETY: mallopt only sets parameters of the allocator, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
    }
}
