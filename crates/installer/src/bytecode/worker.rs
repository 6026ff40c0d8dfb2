//! One Python process that compiles: sources in, bytecode out, by pipes. Owns what is said through them, and the files of
//! bytecode that come of it; must not know which wheels are wanted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, mpsc};

use pyfast_root::{Dir, Durability};
use rustix::process::{Pid, setpriority_process};

use super::Invalidation;
use super::caches::split;
use crate::error::Error;
use crate::store::CACHE;

/// What a worker runs.
const WORKER: &str = include_str!("../bytecode.py");

/// The largest module that is compiled, and the largest bytecode that is taken, in bytes.
const LIMIT: u64 = 256 << 20;
/// The priority of who gives way to everybody else, and still comes to an end where the others never do.
const ASIDE: i32 = 10;

/// Modules of a wheel to compile, and where the answer goes.
pub(super) struct Job {
    pub(super) wheel: Dir,
    /// Paths in the wheel's directory, those of one directory together.
    pub(super) modules: Vec<String>,
    pub(super) tag: String,
    pub(super) answer: mpsc::Sender<Result<u64, String>>,
}

/// How workers work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) invalidation: Invalidation,
    /// Whether they give way to everybody else, because nobody waits for them.
    pub(super) aside: bool,
}

/// One Python process.
pub(super) struct Worker {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    pub(super) fn start(python: &Path, manner: Manner) -> std::io::Result<Self> {
        let mut child = Command::new(python)
            .args(["-I", "-S", "-B", "-c", WORKER, manner.invalidation.flags()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        if manner.aside {
            // Where that is refused it only costs others some time.
            let _ = setpriority_process(Some(Pid::from_child(&child)), ASIDE);
        }
        let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let requests = child.stdin.take().ok_or_else(broken)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(broken)?);
        Ok(Self { child, requests: Some(requests), answers })
    }

    /// Takes jobs until there can be no more.
    pub(super) fn serve(&mut self, jobs: &Mutex<mpsc::Receiver<Job>>) {
        // A poisoned lock means that another worker's thread panicked while waiting.
        while let Some(job) = jobs.lock().ok().and_then(|jobs| jobs.recv().ok()) {
            let answer = self.compile(&job);
            // Whoever asked may have given up.
            let _ = job.answer.send(answer);
        }
    }

    /// Compiles the modules of a job, and returns how many there are now.
    fn compile(&mut self, job: &Job) -> Result<u64, String> {
        let told = |error: pyfast_root::Error| Error::from(error).with_cause();
        let mut compiled = 0;
        let mut last: Option<(&str, Dir)> = None;
        for module in &job.modules {
            let (parent, stem) = split(module);
            let cache = match last.take() {
                Some((known, cache)) if known == parent => cache,
                _ => job.wheel.dir(format!("{parent}/{CACHE}")).map_err(told)?,
            };
            let (_, cache) = last.insert((parent, cache));
            let target = format!("{stem}.{}.pyc", job.tag);
            if cache.has_file(&target) {
                compiled += 1;
                continue;
            }
            let source = job.wheel.read(module, LIMIT).map_err(told)?;
            let source = source.ok_or_else(|| format!("{module} is missing"))?;
            let path = job.wheel.path().join(module);
            let bytecode = self.ask(path.as_os_str().as_bytes(), &source)?;
            if !bytecode.is_empty() {
                cache.replace(&target, &bytecode, 0o444, Durability::Eventual).map_err(told)?;
                compiled += 1;
            }
        }
        Ok(compiled)
    }

    /// Asks the process to compile one module; nothing for what is no code for this Python.
    fn ask(&mut self, path: &[u8], source: &[u8]) -> Result<Vec<u8>, String> {
        let died = |error: std::io::Error| format!("a worker died: {error}");
        let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let requests = self.requests.as_mut().ok_or_else(broken).map_err(died)?;
        let head = format!("{} {}\n", path.len(), source.len());
        let sent = requests.write_all(&[head.as_bytes(), path, source].concat());
        sent.and_then(|()| requests.flush()).map_err(died)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(died)?;
        let line = line.trim_end();
        match line.parse::<u64>() {
            Ok(length) if length <= LIMIT => {
                let mut bytecode = vec![0; usize::try_from(length).unwrap_or_default()];
                self.answers.read_exact(&mut bytecode).map_err(died)?;
                Ok(bytecode)
            }
            _ if line.is_empty() => Err("a worker died".to_owned()),
            _ => Err(line.trim_start_matches("error ").to_owned()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.requests.take();
        // It ends with its standard input; the exit code says nothing more.
        let _ = self.child.wait();
    }
}
