//! pyfast: installs Python dependencies into a shared volume and starts slim containers on it.

mod cli;
mod commands;
mod config;
mod environment;
mod failure;
mod image;
mod indexes;
mod interpreters;
mod pip;
mod progress;
mod project;
mod resolving;
mod settings;
mod state;
mod syncing;
mod ui;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::main()
}
