//! Reads index pages in JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyfast_resolver::fuzzing;

fuzz_target!(|body: &[u8]| {
    fuzzing::page_in_json(body);
    fuzzing::cached_page(body);
});
