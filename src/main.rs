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

#[global_allocator]
static ALLOCATOR: pyfast_allocator::Allocator = pyfast_allocator::Allocator;

fn main() -> ExitCode {
    pyfast_allocator::frugal();
    cli::main()
}
