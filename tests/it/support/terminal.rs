//! A terminal for a program to write to, through Python's `pty`, since making one takes unsafe code. Knows nothing of
//! what is written.

use std::process::{Command, Stdio};

use super::python::python;
use super::ran::Ran;

/// Runs the command that its arguments are at a terminal, and prints what the terminal got.
const SCRIPT: &str = "
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b''
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    said += part
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(said.replace(b'\\r\\n', b'\\n'))
sys.stdout.buffer.flush()
os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 255)
";

/// Runs a command whose standard streams are a terminal; both outputs are in `stdout`.
#[track_caller]
pub(crate) fn at_terminal(command: &Command) -> Ran {
    let mut outer = Command::new(python());
    outer.args(["-I", "-c", SCRIPT]).arg(command.get_program()).args(command.get_args());
    outer.env_clear().stdin(Stdio::null());
    for (key, value) in command.get_envs() {
        outer.envs(value.map(|value| (key, value)));
    }
    outer.env("TERM", "xterm");
    outer.current_dir(command.get_current_dir().expect("a command has its directory"));
    Ran::of(outer)
}
