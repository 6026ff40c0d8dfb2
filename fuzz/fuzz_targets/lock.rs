//! Reads pylock.toml.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyfast_resolver::fuzzing;

fuzz_target!(|text: &str| fuzzing::lock(text));
