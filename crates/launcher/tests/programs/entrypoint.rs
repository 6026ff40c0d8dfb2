//! The smallest program around the entrypoint, to be started by the tests: as a process on the host, and as the static
//! binary that is put into a volume. Knows nothing of the product's command line.
//!
//! ```text
//! run ROOT WAIT_MS CMD ARGS…   replaces itself by CMD in the only project's environment `default`
//! supervise ROOT GRACE_MS CMD… stays in front of CMD, and starts it again in each new generation
//! reload [anew]                asks the supervisor beside it, and prints what came of it
//! write PATH TEXT              writes a file, as a sync inside the helper's container does
//! read PATH                    prints a file
//! ```
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for tests speaks on its standard streams"
)]

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use pyfast_launcher::Error;
use pyfast_launcher::entry::{self, Entry, StopSignal, Supervision};

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let verb = arguments.first().and_then(|verb| verb.to_str()).unwrap_or_default().to_owned();
    let text = |at: usize| arguments.get(at).and_then(|word| word.to_str()).unwrap_or_default();
    match verb.as_str() {
        "write" => match fs_err::write(text(1), text(2)) {
            Ok(()) => {
                println!("wrote {}", text(1));
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error, 1),
        },
        "read" => match fs_err::read_to_string(text(1)) {
            Ok(content) => {
                println!("{content}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error, 1),
        },
        "reload" => match entry::reload(text(1) == "anew", Duration::from_mins(2)) {
            Ok(reloaded) => {
                println!("{reloaded}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                fail(&format!("{error}: {}", cause.unwrap_or_default()), 1)
            }
        },
        "run" | "supervise" => {
            let time = Duration::from_millis(text(2).parse().unwrap_or_default());
            let mut entry = Entry {
                root: text(1).into(),
                project: None,
                env: "default".into(),
                wait: time,
                argv: arguments.split_off(3.min(arguments.len())),
                environment: std::env::vars_os().collect(),
            };
            let tell = |event| eprintln!("event: {event:?}");
            if verb == "run" {
                let error = entry::exec(&entry, &tell);
                return fail(&error, exit_code(&error));
            }
            entry.wait = Duration::ZERO;
            let supervision = Supervision { stop_signal: StopSignal::default(), grace: time };
            entry::supervise(&entry, &supervision, &tell)
                .map_or_else(|error| fail(&error, exit_code(&error)), ExitCode::from)
        }
        other => fail(&format!("unknown verb `{other}`"), 2),
    }
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(code)
}

fn exit_code(error: &Error) -> u8 {
    match error {
        Error::CommandNotFound { .. } | Error::CommandBroken { .. } => 127,
        Error::NotExecutable { .. } => 126,
        Error::Interrupted { signal } => u8::try_from(128 + signal).unwrap_or(255),
        _ => 70,
    }
}
