//! A file per command. Each holds the command's arguments, whose doc comments are its help, and one
//! function.

pub(crate) mod add;
pub(crate) mod answer;
pub(crate) mod bench;
pub(crate) mod build_source;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod complete;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod env;
pub(crate) mod export;
pub(crate) mod freeze;
pub(crate) mod gc;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod inside;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod outdated;
pub(crate) mod ps;
pub(crate) mod push;
pub(crate) mod remove;
pub(crate) mod restart;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod sync;
pub(crate) mod tree;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod why;
