//! One Python process that compiles: sources in, bytecode out, by pipes. Owns what is said through them, and the files of
//! bytecode that come of it; must not know which wheels are wanted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, mpsc};

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Durability};
use rustix::process::{Pid, setpriority_process};

use super::caches::split;
use super::{Invalidation, LIMIT};
use crate::error::Error;
use crate::store::CACHE;

/// What a worker runs.
const WORKER: &str = include_str!("../bytecode.py");

/// What stands before the paths of a wheel's modules in its directory.
pub(super) const ROOT: &str = "root/";
/// What stands there in the names by which code is known until it is imported. Python opens a module by that name to show
/// a line of it that is wrong: below what is no directory it finds none, wherever it runs.
const NOWHERE: &str = "/dev/null/";

/// The priority of who gives way to everybody else, and still comes to an end where the others never do.
const ASIDE: i32 = 10;

/// Modules of a wheel to compile, and where the answer goes.
pub(super) struct Job {
    pub(super) wheel: Dir,
    /// Paths in the wheel's directory, those of one directory together.
    pub(super) modules: Vec<String>,
    pub(super) tag: String,
    pub(super) answer: mpsc::Sender<Result<Vec<Compiled>, String>>,
}

/// The bytecode of a module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Compiled {
    /// Its path in the wheel's directory.
    pub(crate) path: String,
    pub(crate) sha256: Sha256,
    /// Bytes.
    pub(crate) size: u64,
}

/// How workers work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) invalidation: Invalidation,
    /// Whether they give way to everybody else, because nobody waits for them.
    pub(super) aside: bool,
}

/// One Python process, and another where that has died.
pub(super) struct Worker {
    python: PathBuf,
    manner: Manner,
    process: Process,
}

/// A process, and the pipes to it.
struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(python: &Path, manner: Manner) -> std::io::Result<Self> {
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
}

impl Worker {
    pub(super) fn start(python: &Path, manner: Manner) -> std::io::Result<Self> {
        let process = Process::start(python, manner)?;
        Ok(Self { python: python.to_owned(), manner, process })
    }

    /// Takes jobs until there can be no more. What a process died of has no bytecode; the next job is another one's.
    pub(super) fn serve(&mut self, jobs: &Mutex<mpsc::Receiver<Job>>) {
        // A poisoned lock means that another worker's thread panicked while waiting.
        while let Some(job) = jobs.lock().ok().and_then(|jobs| jobs.recv().ok()) {
            let answer = self.process.compile(&job).inspect_err(|_| {
                // What is left of the job is in its way. Where none can be started the next job is told so.
                if let Ok(process) = Process::start(&self.python, self.manner) {
                    self.process = process;
                }
            });
            // Whoever asked may have given up.
            let _ = job.answer.send(answer);
        }
    }
}

impl Process {
    /// Compiles the modules of a job, and returns what has come of them.
    fn compile(&mut self, job: &Job) -> Result<Vec<Compiled>, String> {
        let failed = |error: pyfast_root::Error| Error::from(error).with_cause();
        let mut compiled = Vec::with_capacity(job.modules.len());
        let mut last: Option<(&str, Dir)> = None;
        let mut head = Some(format!("{}\n", job.modules.len()));
        for module in &job.modules {
            let (parent, stem) = split(module);
            let cache = match last.take() {
                Some((known, cache)) if known == parent => cache,
                _ => job.wheel.dir(format!("{parent}/{CACHE}")).map_err(failed)?,
            };
            let (_, cache) = last.insert((parent, cache));
            let target = format!("{stem}.{}.pyc", job.tag);
            let source = job.wheel.read(module, LIMIT).map_err(failed)?;
            let source = source.ok_or_else(|| format!("{module} is missing"))?;
            let head = head.take().unwrap_or_default();
            // Python puts the file's own path in its place when it imports the code: so that of the wheel does, which is
            // the same in every root.
            let name = format!("{NOWHERE}{}", module.strip_prefix(ROOT).unwrap_or(module));
            let bytecode = self.ask(&head, &name, &source)?;
            if bytecode.is_empty() {
                continue;
            }
            // What a killed compilation has left may be of another version of this program.
            let put = cache.replace(&target, &bytecode, 0o444, Durability::Eventual);
            put.map_err(failed)?;
            compiled.push(Compiled {
                path: format!("{parent}/{CACHE}/{target}"),
                sha256: Sha256::of(&bytecode),
                size: bytecode.len() as u64,
            });
        }
        Ok(compiled)
    }

    /// Asks the process to compile one module, the first one behind the line by which its job begins; nothing for what is
    /// no code for this Python.
    fn ask(&mut self, job: &str, module: &str, source: &[u8]) -> Result<Vec<u8>, String> {
        let died = |cause: &dyn std::fmt::Display| format!("a worker died of {module}: {cause}");
        let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let requests = self.requests.as_mut().ok_or_else(|| died(&broken()))?;
        let head = format!("{job}{} {}\n{module}", module.len(), source.len());
        let sent = requests.write_all(&[head.as_bytes(), source].concat());
        sent.and_then(|()| requests.flush()).map_err(|error| died(&error))?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|error| died(&error))?;
        let line = line.trim_end();
        match line.parse::<u64>() {
            Ok(length) if length <= LIMIT => {
                let mut bytecode = vec![0; usize::try_from(length).unwrap_or_default()];
                self.answers.read_exact(&mut bytecode).map_err(|error| died(&error))?;
                Ok(bytecode)
            }
            _ if line.is_empty() => Err(died(&"it said nothing any more")),
            _ => Err(line.trim_start_matches("error ").to_owned()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.requests.take();
        // It ends with its standard input; the exit code says nothing more.
        let _ = self.child.wait();
    }
}
