//! `pyfast sync`: from a lock to an environment. The tests of files that take their world from `crate::place` run in
//! volumes that only containers write as well; `tests/docker/main.rs` names those files.

mod bytecode;
mod change;
mod concurrent;
mod continued;
mod crash;
mod direct;
mod directory;
mod ended;
mod environments;
mod failure;
mod hostile;
mod hosts;
mod large;
mod layout;
mod limits;
mod lockfile;
mod noop;
mod noticed;
mod output;
mod record;
mod scripts;
mod sdist;
mod volumes;
