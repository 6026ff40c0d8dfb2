//! Programs that others wrote, against which pyfast is tried: where they are (`docker/servers.sh` brings them), and servers of
//! them on loopback, which end with the test. Knows nothing of what they are asked.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::environment;

/// Where a program is. `None` where it is not there, and nobody requires it.
#[track_caller]
pub(crate) fn program(path: &str) -> Option<PathBuf> {
    let place = environment("PYFAST_TEST_SERVERS").map(|place| Path::new(&place).join(path));
    let found = place.filter(|program| program.exists());
    let required = environment("PYFAST_REQUIRE_SERVERS").is_some();
    assert!(found.is_some() || !required, "PYFAST_TEST_SERVERS names no directory with {path}");
    found
}

/// A server that runs.
pub(crate) struct Served {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
}

impl Served {
    /// Starts a server of any port, which says on its standard error behind `mark` where it is.
    #[track_caller]
    pub(crate) fn start(command: &mut Command, mark: &str) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = String::new();
        let address = lines.find_map(|line| {
            said += &(line.clone() + "\n");
            let rest = line.split_once(mark)?.1;
            let end = rest.find(|sign: char| !sign.is_ascii_digit() && !".:".contains(sign));
            Some(rest[..end.unwrap_or(rest.len())].to_owned())
        });
        // It says each request, and must not wait for anybody who reads that.
        std::thread::spawn(move || lines.for_each(drop));
        match address {
            Some(address) => Self { child, address },
            None => panic!("{command:?} ended with {:?}: {said}", child.wait()),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
