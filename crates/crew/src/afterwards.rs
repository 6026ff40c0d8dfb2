//! Bytecode that comes after a sync: when it may, who compiles it, and how that begins. Owns the process that does it;
//! must not know what is compiled, nor in which order.
//!
//! The command that syncs ends, or goes on to start services, and a process of its own compiles: `up` stays for seconds
//! only, and whoever would wait would have it on his way again. It has nothing of the caller's: no terminal, no pipe, no
//! directory, no session, so that neither a closed terminal ends it nor a CI job waits for it. It gives way to everybody
//! else, holds no lock for longer than one wheel takes, and ends by itself. Killed, it leaves what is whole, and the note
//! in the root by which the next sync goes on.
//!
//! Where process 1 of a container waits for the command, nothing is sure to live after it: in `RUN pyfast sync` of an image's
//! build, in a container's own command, in a CI job that is a container. There the sync waits, unless it is told that the
//! container goes on (`PYFAST_COMPILE=later`).

use std::collections::BTreeSet;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pyfast_environment::ask;
use pyfast_environment::place::Place;
use pyfast_installer::generation::{Generation, Worked};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::Habitat;
use pyfast_settings::{Python, Root, Settings};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::setsid;

use crate::engine::{Connection, direct};
use crate::error::Error;
use crate::event::{Event, Events};
use crate::interpreter::{compiling_python, interpreter};
use crate::news::{leave_warning, unheard_of};
use crate::sync::readable;
use crate::task::Task;
use crate::volume_place::{VolumePlace, at_place, directory_of};

/// How long to look away while another process compiles.
const PAUSE: Duration = Duration::from_millis(200);
/// The command that compiles.
const COMMAND: &str = "bytecode";
/// What says that it is to begin a process of its own.
const DETACH: &str = "--detach";
/// What process 1 is called where it starts a machine and goes on as long as that does. WSL's is in a namespace of its own.
const INITS: [&str; 2] = ["systemd", "init"];
/// Variables that say what arguments say already.
const SAID: [&str; 5] =
    ["PYFAST_ROOT", "PYFAST_VOLUME", "PYFAST_ENV", "PYFAST_IMAGE", "PYFAST_PYTHON"];

/// Whether an environment's bytecode may come after it is activated: where nobody has said that it is to be there, or not
/// to be, and somebody lives who can compile it.
pub(crate) fn may_come(
    task: Task<'_>,
    habitat: Habitat,
    probe: &dyn Fn() -> Result<Interpreter, Error>,
) -> Result<bool, Error> {
    let Task { options, settings, .. } = task;
    let unsaid = task.install().compile.is_none() && habitat.compiles();
    if !unsaid || options.dry_run || !settings.compiles_later() && ends_with_command() {
        return Ok(false);
    }
    Ok(match (&settings.root, &settings.python) {
        // Of a directory no container of the image knows.
        (Root::Directory(_), Python::Image(_)) => compiling_python(settings, &probe()?).is_some(),
        _ => true,
    })
}

/// Whether nothing is sure to live after the command: process 1 of a container is it, or waits for it, and ends all others
/// with itself. Who is called into a container that runs (`docker exec`) has no process 1 among its ancestors.
fn ends_with_command() -> bool {
    // A system that shows nobody else's processes is one of several users.
    let (Some(own), Some(first)) = (Stat::of("self"), Stat::of("1")) else { return is_contained() };
    first.shares_session_with(&own)
        || !first.starts_machine(is_contained()) && is_below_first(own.parent)
}

/// Whether process 1 is among the ancestors of who has this parent; so is who cannot tell.
fn is_below_first(mut parent: String) -> bool {
    while parent != "1" {
        match Stat::of(&parent) {
            _ if parent == "0" => return false,
            Some(stat) => parent = stat.parent,
            None => return true,
        }
    }
    true
}

/// What the kernel says of a process.
#[derive(Debug, PartialEq)]
struct Stat {
    name: String,
    parent: String,
    session: String,
}

impl Stat {
    /// `None` for one that nobody shows.
    fn of(process: &str) -> Option<Self> {
        Self::from_text(&fs_err::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    fn from_text(stat: &str) -> Option<Self> {
        // The name, in parentheses, may hold anything; after it come the state, the parent, the group and the session.
        let (begin, fields) = stat.rsplit_once(')')?;
        let name = begin.split_once('(')?.1.to_owned();
        let mut fields = fields.split_whitespace().skip(1).map(str::to_owned);
        Some(Self { name, parent: fields.next()?, session: fields.nth(1)? })
    }

    /// Whether both are in one session. What a machine starts before anything calls `setsid` is in none (0), nor is a
    /// process whose session began outside of its container.
    fn shares_session_with(&self, other: &Self) -> bool {
        self.session != "0" && self.session == other.session
    }

    /// Whether this, as process 1, starts a machine, also one that is a container: everybody descends from it, and it does
    /// not end.
    fn starts_machine(&self, contained: bool) -> bool {
        !contained || INITS.contains(&self.name.as_str())
    }
}

/// Whether this process sees other processes than the machine's; so does one that sees none.
fn is_contained() -> bool {
    // The machine's own namespace has this number (`PROC_PID_INIT_INO` in include/linux/proc_ns.h).
    !fs_err::read_link("/proc/self/ns/pid").is_ok_and(|name| name.as_os_str() == "pid:[4026531836]")
}

/// Begins to compile for those of these that wait for it; one process is enough for all of one root and Python.
pub(crate) fn begin(waiting: &[Task<'_>]) {
    let mut begun = BTreeSet::new();
    for task in waiting {
        let started = match arguments(task.settings) {
            Ok(arguments) if !begun.insert(arguments.clone()) => continue,
            Ok(mut arguments) => {
                if let Some(file) = unheard_of(task.settings) {
                    arguments.extend(pair("--unheard", file.as_os_str()));
                }
                start(&arguments).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match started {
            Ok(answer) => {
                task.tell(Event::Compiling);
                let events = Arc::clone(task.events);
                // Who ends before it is done is not told, and keeps nobody waiting.
                std::thread::spawn(move || tell(answer, &events));
            }
            Err(error) => task.tell(Event::Detail(format!(
                "cannot compile bytecode in the background ({error}); the next sync tries it again"
            ))),
        }
    }
}

/// Waits for its end, and tells what came of it.
fn tell(mut answer: ChildStdout, events: &Events) {
    let mut text = String::new();
    // One that was killed says nothing.
    let _ = answer.read_to_string(&mut text);
    if let Ok(Worked { modules, generations: 1.., others: false }) = serde_json::from_str(&text) {
        events(Event::Compiled { modules: usize::try_from(modules).unwrap_or(usize::MAX) });
    }
}

/// What names the root and the Python, whatever the directory and the variables are by then.
fn arguments(settings: &Settings) -> Result<Vec<OsString>, Error> {
    let (root, python) = (&settings.root, &settings.python);
    let mut arguments = vec![COMMAND.into()];
    arguments.extend(match root {
        Root::Directory(path) => pair("--root", path.as_os_str()),
        Root::Volume(volume) => pair("--volume", volume.as_ref()),
    });
    match python {
        // Which Python it is there is the environment's to say.
        Python::Image(image) => {
            arguments.extend(pair("--image", image.as_ref()));
            arguments.extend(
                settings.brought().iter().flat_map(|_| pair("--env", settings.env.as_ref())),
            );
        }
        Python::Host(_) | Python::Managed(_) => {
            let python = interpreter(settings)?.executable;
            arguments.extend(pair("--python", python.as_os_str()));
        }
    }
    arguments.extend(pair("--project", settings.project.directory.as_os_str()));
    arguments.extend(pair("--cache-dir", settings.cache_directory()?.as_os_str()));
    Ok(arguments)
}

fn pair(flag: &str, value: &OsStr) -> [OsString; 2] {
    [flag.into(), value.to_owned()]
}

/// Starts the process through another one that ends at once: it is nobody's child then, and whatever this process becomes
/// has none to wait for.
fn start(arguments: &[OsString]) -> io::Result<ChildStdout> {
    let mut command = own(arguments)?;
    command.arg(DETACH).current_dir("/");
    for name in SAID {
        command.env_remove(name);
    }
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let answer = child.stdout.take();
    let ended = child.wait()?;
    answer.filter(|_| ended.success()).ok_or_else(|| io::Error::other(format!("{ended}")))
}

/// This program with these arguments, and nothing to read from or to complain to.
fn own(arguments: &[OsString]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// Has this command done by a process that is in nobody's session and has nothing of the caller's but its standard output.
///
/// # Errors
/// If it cannot be started.
pub fn detach(arguments: impl Iterator<Item = OsString>) -> Result<(), Error> {
    let failed = |source| Error::System { what: "a process", source };
    // Who is the first of a session already has one of its own.
    let _ = setsid();
    // Priorities count between sessions only where that is said of the session, if the kernel groups by them at all.
    let _ = fs_err::write("/proc/self/autogroup", "10");
    close_on_exec().map_err(failed)?;
    let arguments: Vec<OsString> = arguments.filter(|argument| argument != DETACH).collect();
    own(&arguments).and_then(|mut command| command.spawn()).map(drop).map_err(failed)
}

/// Leaves behind what whoever called has open beside the three that are always there.
fn close_on_exec() -> io::Result<()> {
    let names = fs_err::read_dir("/proc/self/fd")?.flatten().map(|entry| entry.file_name());
    let open: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        #[expect(unsafe_code, reason = "the caller's files have no owner in this process")]
        // SAFETY: the descriptor is not closed, read or kept: what owns it does not notice; one that is closed is refused.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl_setfd(file, FdFlags::CLOEXEC);
    }
    Ok(())
}

/// Compiles what waits in the root that settings name, on this machine or, where only containers write it or no Python of
/// this machine writes what the image reads, in a container of the image. Nobody hears why it fails: the next sync that is
/// heard says it, by the file of its news.
///
/// # Errors
/// If there is no Python for it, and what compiling fails with.
pub fn compile(
    settings: &Settings,
    events: &Events,
    unheard: Option<&Path>,
) -> Result<Worked, Error> {
    let worked = work_off(settings, events);
    if let (Err(error), Some(file)) = (&worked, unheard) {
        let mut text = format!("cannot compile bytecode in the background: {error}");
        let mut cause = error.source();
        while let Some(known) = cause {
            text.extend([": ", &known.to_string()]);
            cause = known.source();
        }
        leave_warning(file, text);
    }
    worked
}

/// Waits until a generation has its bytecode, whoever compiles it; whether it has it then.
pub(crate) fn wait(
    root: &pyfast_root::Root,
    generation: &Generation,
    settings: &Settings,
    events: &Events,
) -> Result<bool, Error> {
    let waits = || root.awaits_bytecode(&generation.id);
    while waits() {
        events(Event::Detail("waiting for the environment's bytecode".to_owned()));
        let worked = compile(settings, events, None)?;
        if waits() && !worked.others {
            return Ok(false);
        }
        if waits() {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(true)
}

fn work_off(settings: &Settings, events: &Events) -> Result<Worked, Error> {
    let target = interpreter(settings)?;
    let here = compiling_python(settings, &target);
    let ask = |place: &dyn Place, python: Interpreter| readable(|| ask::compile(place, python));
    if let (Root::Volume(volume), Python::Image(image)) = (&settings.root, &settings.python) {
        let connection = Connection::open(settings)?;
        let found = connection.found_volume(volume)?;
        return Ok(match direct(&found).zip(here) {
            Some((written, python)) => ask(&directory_of(written, settings, events), python)?,
            None => ask(&VolumePlace::new(&connection, &found, image, settings), target)?,
        });
    }
    let python = here.ok_or(Error::NoInterpreter)?;
    at_place(settings, events, |place| ask(place, python))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(stat: &str) -> Stat {
        Stat::from_text(stat).unwrap()
    }

    #[test]
    fn name_may_hold_anything() {
        let odd = process("12 (a) 3 (b) S 7 12 9 0 -1");
        let read = Stat { name: "a) 3 (b".into(), parent: "7".into(), session: "9".into() };
        assert_eq!(odd, read);
        assert_eq!(Stat::from_text("12 (short) S 7"), None);
    }

    #[test]
    fn processes_in_no_session_share_none() {
        let machine = process("1 (init) S 0 0 0 0 -1");
        assert!(!machine.shares_session_with(&process("80 (pyfast) S 70 70 0 0 -1")));
        let command = process("1 (sh) S 0 1 1 0 -1");
        assert!(command.shares_session_with(&process("7 (pyfast) S 1 1 1 0 -1")));
        assert!(!command.shares_session_with(&process("7 (pyfast) S 0 7 7 0 -1")));
    }

    #[test]
    fn what_starts_a_machine_is_known_by_its_namespace_or_its_name() {
        assert!(process("1 (anything) S 0 1 1 0 -1").starts_machine(false));
        assert!(process("1 (systemd) S 0 1 1 0 -1").starts_machine(true));
        assert!(!process("1 (sh) S 0 1 1 0 -1").starts_machine(true));
    }
}
