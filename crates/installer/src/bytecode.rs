//! Compiles stored wheels to bytecode, once for each wheel and Python, by long-lived interpreters that
//! import nothing of any environment. Knows nothing of environments.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Durability, LockName, Root, Share};

use crate::error::Error;
use crate::interpreter::Interpreter;
use crate::store;

/// What a worker runs.
const WORKER: &str = include_str!("bytecode.py");

/// Source bytes in one request: large wheels are shared between workers.
const PORTION: u64 = 256 << 10;

/// The largest module that is compiled, and the largest bytecode that is taken, in bytes.
const LIMIT: u64 = 256 << 20;
/// The directory of bytecode beside modules.
pub(crate) const CACHE: &str = "__pycache__";

/// Modules of a wheel to compile, and where the answer goes.
struct Job {
    wheel: Dir,
    /// Paths in the wheel's directory, those of one directory together.
    modules: Vec<String>,
    tag: String,
    answer: mpsc::Sender<Result<u64, String>>,
}

/// Python processes that compile. Dropping it ends them; they end too when this process dies, because their
/// standard input does.
#[derive(Debug)]
pub struct Compiler {
    python: PathBuf,
    tag: String,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    workers: Vec<JoinHandle<()>>,
}

/// Whether Python looks for an edit of a module before it takes the bytecode (PEP 552).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalidation {
    /// It reads the module and compares: where somebody may edit it.
    CheckedHash,
    /// It does not: where nobody can.
    UncheckedHash,
}

impl Invalidation {
    fn flags(self) -> &'static str {
        match self {
            Self::CheckedHash => "3",
            Self::UncheckedHash => "1",
        }
    }
}

/// Whether a wheel has been compiled for an interpreter.
pub fn is_compiled(root: &Root, interpreter: &Interpreter, wheel: &Sha256) -> bool {
    let tag = interpreter.cache_tag.as_deref().unwrap_or_default();
    let wheel = root.wheel(&wheel.to_string());
    wheel.is_ok_and(|wheel| wheel.is_some_and(|wheel| has_marker(&wheel, tag)))
}

/// Whether the wheel in a directory has been compiled for a cache tag.
pub(crate) fn has_marker(wheel: &Dir, tag: &str) -> bool {
    wheel.has_file(marker(tag))
}

/// The file that says that a wheel has been compiled.
fn marker(tag: &str) -> String {
    format!("compiled-{tag}")
}

impl Compiler {
    /// Starts `workers` processes of the interpreter, which must have the magic number that the bytecode
    /// is for. What was compiled before stays as it is.
    ///
    /// # Errors
    /// [`Error::Compile`] if the interpreter caches no bytecode or cannot be started.
    pub fn start(
        interpreter: &Interpreter,
        invalidation: Invalidation,
        workers: usize,
    ) -> Result<Self, Error> {
        let python = interpreter.executable.clone();
        let failed = |reason: String| Error::Compile { python: python.clone(), reason };
        let tag = interpreter.cache_tag.clone();
        let tag = tag.ok_or_else(|| failed("it caches no bytecode".to_owned()))?;
        let (sender, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::new();
        for _ in 0..workers.max(1) {
            let mut worker = Worker::start(&python, invalidation)
                .map_err(|error| failed(format!("it cannot be started: {error}")))?;
            let receiver = Arc::clone(&receiver);
            threads.push(std::thread::spawn(move || worker.serve(&receiver)));
        }
        Ok(Self { python, tag, jobs: Mutex::new(Some(sender)), workers: threads })
    }

    /// Compiles every module of a stored wheel that is not compiled yet, and returns how many there are.
    /// Modules with syntax errors are left out. Waits for the workers; call it from several threads.
    ///
    /// # Errors
    /// If the wheel is not in the store, the disk refuses, or a worker died.
    pub fn compile(&self, root: &Root, wheel: &Sha256) -> Result<u64, Error> {
        let (directory, marker) = (store::directory(root, wheel)?, marker(&self.tag));
        if directory.has_file(&marker) {
            return Ok(0);
        }
        let files = store::files(root, wheel)?;
        let name = LockName::bytecode(&wheel.to_string());
        let _alone = root.lock(&name, Share::Alone, &|_| ())?;
        if directory.has_file(&marker) {
            return Ok(0);
        }
        let modules = files.into_iter().filter(|file| {
            file.path.starts_with("root/")
                && Path::new(&file.path).extension() == Some("py".as_ref())
        });
        let modules: Vec<(String, u64)> = modules.map(|file| (file.path, file.size)).collect();
        let caches = open_caches(&directory, &modules)?;
        let compiled = self.run(&directory, &modules);
        // Sealed again in any case; the first error is the one to report.
        let sealed = caches.iter().try_for_each(|cache| cache.set_mode(0o555));
        let compiled = compiled?;
        sealed?;
        let text = format!("{compiled}\n");
        directory.replace(&marker, text.as_bytes(), 0o444, Durability::Synced)?;
        Ok(compiled)
    }

    fn run(&self, wheel: &Dir, modules: &[(String, u64)]) -> Result<u64, Error> {
        let failed = |reason: String| Error::Compile { python: self.python.clone(), reason };
        let ended = || failed("its workers ended".to_owned());
        let jobs = self.jobs.lock().ok().and_then(|jobs| jobs.clone()).ok_or_else(ended)?;
        let (answer, answers) = mpsc::channel();
        let (mut portion, mut size, mut sent) = (Vec::new(), 0, 0_usize);
        for (index, (module, bytes)) in modules.iter().enumerate() {
            portion.push(module.clone());
            size += bytes;
            if size >= PORTION || index + 1 == modules.len() {
                let (wheel, tag) = (wheel.clone(), self.tag.clone());
                let modules = std::mem::take(&mut portion);
                let job = Job { wheel, modules, tag, answer: answer.clone() };
                jobs.send(job).ok().ok_or_else(ended)?;
                (size, sent) = (0, sent + 1);
            }
        }
        drop(answer);
        // Every answer is waited for: nothing may write into the wheel after it is sealed.
        let answers: Vec<Result<u64, String>> = answers.iter().collect();
        if answers.len() < sent {
            return Err(ended());
        }
        answers.into_iter().sum::<Result<u64, String>>().map_err(failed)
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        if let Ok(jobs) = self.jobs.get_mut() {
            jobs.take();
        }
        for worker in self.workers.drain(..) {
            // A panic of a worker's thread was told as a failed compilation.
            let _ = worker.join();
        }
    }
}

/// Creates `__pycache__` beside each module, and opens it to be written.
fn open_caches(wheel: &Dir, modules: &[(String, u64)]) -> Result<Vec<Dir>, Error> {
    let mut parents: Vec<&str> = modules.iter().map(|(path, _)| split(path).0).collect();
    parents.sort_unstable();
    parents.dedup();
    let mut caches = Vec::with_capacity(parents.len());
    for parent in parents {
        let parent = wheel.dir(parent)?;
        let cache = if let Some(cache) = parent.find_dir(CACHE)? {
            cache
        } else {
            parent.set_mode(0o755)?;
            let created = parent.create_dir(CACHE, 0o755);
            parent.set_mode(0o555)?;
            created?;
            parent.dir(CACHE)?
        };
        cache.set_mode(0o755)?;
        remove_unfinished(&cache)?;
        caches.push(cache);
    }
    Ok(caches)
}

/// Removes what a killed compilation left. Its lock is ours now.
fn remove_unfinished(cache: &Dir) -> Result<(), Error> {
    for entry in cache.entries()? {
        if Path::new(&entry.name).extension() != Some("pyc".as_ref()) && !entry.kind.is_dir() {
            cache.remove_file(&entry.name)?;
        }
    }
    Ok(())
}

/// The directory of a module, and its name without the extension.
fn split(module: &str) -> (&str, &str) {
    let (parent, name) = module.rsplit_once('/').unwrap_or(("", module));
    (parent, name.strip_suffix(".py").unwrap_or(name))
}

/// One Python process.
struct Worker {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(python: &Path, invalidation: Invalidation) -> std::io::Result<Self> {
        let mut child = Command::new(python)
            .args(["-I", "-S", "-B", "-c", WORKER, invalidation.flags()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let requests = child.stdin.take().ok_or_else(broken)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(broken)?);
        Ok(Self { child, requests: Some(requests), answers })
    }

    /// Takes jobs until there can be no more.
    fn serve(&mut self, jobs: &Mutex<mpsc::Receiver<Job>>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Sandbox, WheelFile, interpreter};
    use fs_err as fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn wheel(sandbox: &Sandbox) -> Sha256 {
        sandbox.admit(
            &WheelFile::new("pkg", "1.0")
                .file("pkg/__init__.py", "value = 42\n")
                .file("pkg/sub/mod.py", "def f():\n    return __file__\n")
                .file("pkg/template.py", "def {{ name }}:\n")
                .file("single.py", "x = 1\n"),
        )
    }

    #[test]
    fn modules_are_compiled_once_and_python_takes_them() {
        let sandbox = Sandbox::new();
        let python = interpreter();
        let wheel = wheel(&sandbox);
        let compiler = Compiler::start(&python, Invalidation::UncheckedHash, 2).unwrap();
        assert!(!is_compiled(&sandbox.root, &interpreter(), &wheel));
        assert_eq!(compiler.compile(&sandbox.root, &wheel).unwrap(), 3, "one has a syntax error");
        assert!(is_compiled(&sandbox.root, &interpreter(), &wheel));
        assert_eq!(compiler.compile(&sandbox.root, &wheel).unwrap(), 0, "done already");

        let stored = sandbox.stored(&wheel).join("root");
        let tag = python.cache_tag.clone().unwrap();
        let cache = stored.join("pkg/__pycache__");
        let bytecode = cache.join(format!("__init__.{tag}.pyc"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&cache), mode(&bytecode), mode(&stored)), (0o555, 0o444, 0o555));
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1);
        // With -v Python says where code comes from; a changed time does not matter.
        let touched = fs::File::open(stored.join("pkg/__init__.py")).unwrap();
        touched.file().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let output = Command::new(&python.executable)
            .args(["-B", "-v", "-c", "import pkg.sub.mod; print(pkg.value, pkg.sub.mod.f())"])
            .env("PYTHONPATH", &stored)
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(log.contains(&format!("matches {}", stored.join("pkg/__init__.py").display())));
        assert!(log.contains(&format!("code object from '{}'", bytecode.display())), "{log}");
        let seen = format!("42 {}\n", stored.join("pkg/sub/mod.py").display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), seen);
    }

    #[test]
    fn what_a_killed_compilation_left_goes_with_the_next() {
        let sandbox = Sandbox::new();
        let wheel = wheel(&sandbox);
        let package = sandbox.stored(&wheel).join("root/pkg");
        let open = |path: &Path| {
            let mode = std::fs::Permissions::from_mode(0o755);
            fs::set_permissions(path, mode).unwrap();
        };
        open(&package);
        let left = package.join("__pycache__/__init__.cpython-311.pyc.7.tmp");
        fs::create_dir(left.parent().unwrap()).unwrap();
        fs::write(&left, "half").unwrap();
        let compiler = Compiler::start(&interpreter(), Invalidation::UncheckedHash, 1).unwrap();
        assert_eq!(compiler.compile(&sandbox.root, &wheel).unwrap(), 3);
        assert!(!left.exists());
    }

    #[test]
    fn several_threads_and_compilers_do_not_disturb_each_other() {
        let sandbox = Sandbox::new();
        let wheel = wheel(&sandbox);
        let compilers = [0, 1]
            .map(|_| Compiler::start(&interpreter(), Invalidation::UncheckedHash, 1).unwrap());
        let counts: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6)
                .map(|index| {
                    let (compiler, root) = (&compilers[index % 2], &sandbox.root);
                    scope.spawn(move || compiler.compile(root, &wheel).unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(counts.iter().sum::<u64>(), 3, "{counts:?}");
    }

    #[test]
    fn a_dead_worker_is_an_error() {
        let sandbox = Sandbox::new();
        let wheel = wheel(&sandbox);
        let mut python = interpreter();
        python.executable = "/bin/true".into();
        let compiler = Compiler::start(&python, Invalidation::UncheckedHash, 1).unwrap();
        let error = compiler.compile(&sandbox.root, &wheel).unwrap_err();
        assert!(error.to_string().contains("/bin/true: a worker died"), "{error}");
        assert!(!is_compiled(&sandbox.root, &interpreter(), &wheel));
    }
}
