//! Black-box tests of the command line: the contract, seen from outside.

mod lock;
mod selftest;
mod support;
