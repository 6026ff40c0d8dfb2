//! The remote store, seen from outside: what one machine has pushed another one syncs from, and whatever the store does, it
//! costs a warning at most.

mod bytecode;
mod faults;
mod machines;
mod moto;
mod pushing;
mod scale;
