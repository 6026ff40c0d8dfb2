//! `CPython` is the judge: what the checker says against what the interpreters at hand do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod imports;
mod native;
mod python;
mod syntax;
