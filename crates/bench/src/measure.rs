//! Runs one process and says what it cost: wall time, processor time, peak memory. Knows nothing of package tools.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::interruption::Group;

/// A process to run: everything about it is given, nothing is inherited.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Job {
    /// The executable.
    pub(crate) program: PathBuf,
    /// Its arguments, without the program's name.
    pub(crate) args: Vec<OsString>,
    /// The whole environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The directory it runs in.
    pub(crate) directory: PathBuf,
    /// Where its standard output goes; truncated first.
    pub(crate) stdout: PathBuf,
    /// Where its standard error goes; truncated first.
    pub(crate) stderr: PathBuf,
    /// Killed after this many seconds.
    pub(crate) limit: u64,
}

/// What a finished process cost.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Usage {
    /// Seconds from just before it was started to just after its end was seen.
    pub(crate) wall: f64,
    /// Seconds of processor time in user mode, with the children it waited for.
    pub(crate) user: f64,
    /// Seconds of processor time in the kernel, with the children it waited for.
    pub(crate) system: f64,
    /// Peak resident bytes of the largest single process among it and the children it waited for.
    pub(crate) peak_memory: u64,
    /// The wait status as the kernel encodes it.
    status: i32,
    /// Whether it was killed because it ran too long.
    pub(crate) timed_out: bool,
}

impl Usage {
    /// What both cost, one after the other. How the latter ended counts.
    pub(crate) fn then(self, next: Self) -> Self {
        Self {
            wall: self.wall + next.wall,
            user: self.user + next.user,
            system: self.system + next.system,
            peak_memory: self.peak_memory.max(next.peak_memory),
            ..next
        }
    }

    /// How the process ended.
    pub(crate) fn status(&self) -> ExitStatus {
        ExitStatus::from_raw(self.status)
    }
}

/// Runs `job` to its end.
///
/// The kernel counts the starter's own memory, as it is when the child is made, into the child's peak (`exec` keeps the
/// high-water mark of the image it replaces), so small figures are only right when the starter is small: see `worker`.
///
/// # Errors
/// When the output files cannot be made, the program not be started, or the process not be waited for. A process that
/// fails is no error.
pub(crate) fn run(job: &Job, group: &Group) -> Result<Usage, Error> {
    let output = |path: &Path| {
        fs_err::File::create(path)
            .map(|file| Stdio::from(file.into_parts().0))
            .map_err(|source| Error::Work { act: "make an output file", source })
    };
    let mut command = Command::new(&job.program);
    command
        .args(&job.args)
        .env_clear()
        .envs(job.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&job.directory)
        .stdin(Stdio::null())
        .stdout(output(&job.stdout)?)
        .stderr(output(&job.stderr)?)
        // What it starts itself ends with it.
        .process_group(0);
    let start = Instant::now();
    let child =
        command.spawn().map_err(|source| Error::Start { program: job.program.clone(), source })?;
    let pid = child.id();
    let timed_out = await_end(pid, Duration::from_secs(job.limit), group)?;
    let wall = start.elapsed().as_secs_f64();
    let (status, usage) = reap(pid)?;
    Ok(Usage {
        wall,
        user: seconds(usage.ru_utime),
        system: seconds(usage.ru_stime),
        peak_memory: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        status,
        timed_out,
    })
}

/// Waits until the process has ended, without reaping it, and kills it when `limit` is over. True if it was killed.
fn await_end(pid: u32, limit: Duration, group: &Group) -> Result<bool, Error> {
    let process = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .expect("the kernel gives positive process ids");
    group.is(Some(process));
    let (ended, watch) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // The process stays a zombie until the watch is over, so its id cannot name another process when it is killed.
        let watchdog = scope.spawn(move || {
            let late = watch.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
            late && group.end()
        });
        let end = loop {
            match waitid(WaitId::Pid(process), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other,
            }
        };
        drop(ended);
        group.is(None);
        let killed = watchdog.join().unwrap_or(false);
        end.map(|_| killed).map_err(|errno| Error::Wait { pid, source: errno.into() })
    })
}

/// Reaps an ended process and gives its wait status and what it used.
#[expect(unsafe_code, reason = "no safe wrapper of wait4 gives the usage of a single child")]
fn reap(pid: u32) -> Result<(i32, libc::rusage), Error> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to live, writable values of the types that wait4 fills; `pid` is our own unreaped child.
    let reaped = unsafe { libc::wait4(pid.cast_signed(), &raw mut status, 0, usage.as_mut_ptr()) };
    if reaped < 0 {
        return Err(Error::Wait { pid, source: std::io::Error::last_os_error() });
    }
    // SAFETY: zeroed memory is a valid rusage (integers only), and wait4 has filled it.
    Ok((status, unsafe { usage.assume_init() }))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a process does not use up the 52 bits of a float in microseconds"
)]
fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

/// The last `lines` lines of a text file, for messages; what is not UTF-8 is replaced.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let bytes = fs_err::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(directory: &Path, script: &str, limit: u64) -> Job {
        Job {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            environment: vec![("GREETING".into(), "hello".into())],
            directory: directory.into(),
            stdout: directory.join("out"),
            stderr: directory.join("err"),
            limit,
        }
    }

    #[test]
    fn a_process_is_run_with_its_own_environment_and_its_cost_is_told() {
        let work = tempfile::tempdir().unwrap();
        let usage = run(
            &shell(work.path(), "echo $GREETING$HOME; pwd; echo bad >&2; exit 3", 60),
            &Group::default(),
        )
        .unwrap();
        assert_eq!(usage.status().code(), Some(3));
        assert!(!usage.timed_out);
        assert!(usage.wall > 0.0 && usage.wall < 60.0);
        assert!(usage.peak_memory > 100_000, "a shell has more than {} bytes", usage.peak_memory);
        let out = fs_err::read_to_string(work.path().join("out")).unwrap();
        assert_eq!(out, format!("hello\n{}\n", work.path().canonicalize().unwrap().display()));
        assert_eq!(tail(&work.path().join("err"), 4), "bad");
    }

    #[test]
    fn processor_time_of_children_counts() {
        let work = tempfile::tempdir().unwrap();
        let spin = "sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; true";
        let usage = run(&shell(work.path(), spin, 60), &Group::default()).unwrap();
        assert!(usage.user > 0.02, "{usage:?}");
        assert!(usage.wall >= (usage.user + usage.system) * 0.5, "{usage:?}");
    }

    #[test]
    fn times_of_processes_add_up_and_their_memory_does_not() {
        let of = |wall, peak_memory, status| Usage {
            wall,
            user: 1.0,
            system: 0.5,
            peak_memory,
            status,
            timed_out: false,
        };
        let both = of(2.0, 900, 0).then(of(3.0, 700, 256));
        assert_eq!(both, Usage { user: 2.0, system: 1.0, ..of(5.0, 900, 256) });
    }

    #[test]
    fn a_process_that_runs_too_long_is_killed() {
        let work = tempfile::tempdir().unwrap();
        let usage = run(&shell(work.path(), "exec sleep 300", 1), &Group::default()).unwrap();
        assert!(usage.timed_out);
        assert!(!usage.status().success(), "it did not end by itself");
        assert!(usage.wall >= 1.0, "{usage:?}");
    }

    #[test]
    fn what_a_process_started_ends_with_it() {
        let work = tempfile::tempdir().unwrap();
        let script = "sleep 300 & echo $! > new; mv new child; wait";
        let (group, told) = (Group::default(), work.path().join("child"));
        let usage = thread::scope(|scope| {
            // As one that runs too long is ended, but not before it has started something.
            scope.spawn(|| {
                while !told.exists() {
                    thread::sleep(Duration::from_millis(10));
                }
                assert!(group.end());
            });
            run(&shell(work.path(), script, 200), &group).unwrap()
        });
        assert!(!usage.timed_out && !usage.status().success(), "{usage:?}");
        let child = fs_err::read_to_string(told).unwrap();
        let begun = Instant::now();
        // It is reaped by whoever is in the place of the first process.
        let state = || fs_err::read_to_string(format!("/proc/{}/stat", child.trim()));
        while state().is_ok_and(|state| !state.contains(") Z ")) {
            assert!(begun.elapsed() < Duration::from_mins(1), "{child} goes on");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_missing_program_is_named() {
        let work = tempfile::tempdir().unwrap();
        let mut job = shell(work.path(), "", 1);
        job.program = "/nonexistent/tool".into();
        assert_eq!(
            run(&job, &Group::default()).unwrap_err().to_string(),
            "cannot start /nonexistent/tool"
        );
    }
}
