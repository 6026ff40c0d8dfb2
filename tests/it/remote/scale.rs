//! What `docs/scale.md` says of many machines, as `benches/scale.py` counts it.

use std::path::Path;
use std::process::Command;

use crate::support::python::python;

#[test]
fn machines_ask_for_what_they_lack_and_for_nothing_twice() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scale.py");
    let mut command = Command::new(python());
    command.arg(script).arg(env!("CARGO_BIN_EXE_pyfast")).args(["--syncs", "1", "--latency", "0"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let words: Vec<Vec<&str>> =
        said.lines().map(|line| line.split_whitespace().collect()).collect();
    for expected in [
        "empty 41 requests 97.4 MB a machine",
        "one wheel changed 2 requests 6.3 MB a machine",
        "nothing to do 0 requests 0.0 MB a machine",
    ] {
        let expected: Vec<&str> = expected.split_whitespace().collect();
        assert!(words.contains(&expected), "{expected:?} is not in {said}");
    }
    assert!(said.contains("every environment verified; 0 syncs warned"), "{said}");
}
