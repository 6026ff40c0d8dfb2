//! The program file itself: it has to run in any Linux image, so it must not need a dynamic loader. Needs no engine.

use std::path::Path;

use pyfast_launcher::volume::Binary;

use crate::world::PYFAST;

#[test]
fn the_program_is_static() {
    let binary = Binary::open(Path::new(PYFAST));
    assert!(binary.is_ok(), "{}", binary.unwrap_err());
    let shell = Binary::open(Path::new("/bin/sh")).unwrap_err().to_string();
    assert!(
        shell.ends_with("it needs a dynamic loader"),
        "the check can tell the difference: {shell}"
    );
}
