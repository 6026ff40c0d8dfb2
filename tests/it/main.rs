//! Black-box tests of the command line: the contract, seen from outside.
#![expect(clippy::unwrap_used, reason = "a test ends where an expectation is not met")]

mod answer;
mod bench;
mod cache;
mod diff;
mod doctor;
mod edit;
mod environments;
mod export;
mod foreign;
mod gc;
mod hostile_root;
mod init;
mod inspect;
mod list;
mod lock;
mod outdated;
mod place;
mod real;
mod remember;
mod run;
mod screen;
mod scripts;
mod selftest;
mod show;
mod spec;
mod subdirectory;
mod support;
mod sync;
mod terminal;
mod tidy;
mod touched;
mod tree;
mod usage;
mod uv_projects;
mod venv;
