//! Reads requirements files.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pyfast_resolver::fuzzing;
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a directory"));

fuzz_target!(|text: &[u8]| fuzzing::requirements_file(text, DIRECTORY.path()));
