//! Compiles stored wheels to bytecode, once for each wheel and Python, by long-lived interpreters that
//! import nothing of any environment. Knows nothing of environments.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use fs_err as fs;
use pyfast_resolver::Sha256;

use crate::disk::{FileLock, replace};
use crate::error::Error;
use crate::interpreter::Interpreter;
use crate::layout::Layout;
use crate::store;

/// What a worker runs.
const WORKER: &str = include_str!("bytecode.py");

/// Source bytes in one request: large wheels are shared between workers.
const PORTION: u64 = 256 << 10;

/// Modules to compile, and where the answer goes.
struct Job {
    modules: Vec<PathBuf>,
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

/// Whether a wheel has been compiled for an interpreter.
pub fn is_compiled(layout: &Layout, interpreter: &Interpreter, wheel: &Sha256) -> bool {
    let tag = interpreter.cache_tag.as_deref().unwrap_or_default();
    layout.wheel(wheel).join(format!("compiled-{tag}")).exists()
}

impl Compiler {
    /// Starts `workers` processes of the interpreter, which must have the magic number that the bytecode
    /// is for.
    ///
    /// # Errors
    /// [`Error::Compile`] if the interpreter caches no bytecode or cannot be started.
    pub fn start(interpreter: &Interpreter, workers: usize) -> Result<Self, Error> {
        let python = interpreter.executable.clone();
        let failed = |reason: String| Error::Compile { python: python.clone(), reason };
        let tag = interpreter.cache_tag.clone();
        let tag = tag.ok_or_else(|| failed("it caches no bytecode".to_owned()))?;
        let (sender, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::new();
        for _ in 0..workers.max(1) {
            let mut worker = Worker::start(&python)
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
    pub fn compile(&self, layout: &Layout, wheel: &Sha256) -> Result<u64, Error> {
        let directory = layout.wheel(wheel);
        let marker = directory.join(format!("compiled-{}", self.tag));
        if marker.exists() {
            return Ok(0);
        }
        let files = store::files(layout, wheel)?;
        let _alone = FileLock::exclusive_existing(&directory.join("manifest"))?;
        if marker.exists() {
            return Ok(0);
        }
        let modules = files.iter().filter(|file| {
            file.path.starts_with("root/")
                && Path::new(&file.path).extension() == Some("py".as_ref())
        });
        let modules: Vec<(PathBuf, u64)> =
            modules.map(|file| (directory.join(&file.path), file.size)).collect();
        let caches = open_caches(&modules)?;
        let compiled = self.run(&modules);
        // Sealed again in any case; the first error is the one to report.
        let sealed = caches.iter().try_for_each(|cache| set_mode(cache, 0o555));
        let compiled = compiled?;
        sealed?;
        replace(&marker, format!("{compiled}\n").as_bytes())?;
        Ok(compiled)
    }

    fn run(&self, modules: &[(PathBuf, u64)]) -> Result<u64, Error> {
        let failed = |reason: String| Error::Compile { python: self.python.clone(), reason };
        let ended = || failed("its workers ended".to_owned());
        let jobs = self.jobs.lock().ok().and_then(|jobs| jobs.clone()).ok_or_else(ended)?;
        let (answer, answers) = mpsc::channel();
        let (mut portion, mut size, mut sent) = (Vec::new(), 0, 0_usize);
        for (index, (module, bytes)) in modules.iter().enumerate() {
            portion.push(module.clone());
            size += bytes;
            if size >= PORTION || index + 1 == modules.len() {
                let job = Job { modules: std::mem::take(&mut portion), answer: answer.clone() };
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

/// Creates `__pycache__` beside each module and lets the workers write there.
fn open_caches(modules: &[(PathBuf, u64)]) -> Result<Vec<PathBuf>, Error> {
    let mut parents: Vec<&Path> = modules.iter().filter_map(|(path, _)| path.parent()).collect();
    parents.sort_unstable();
    parents.dedup();
    let mut caches = Vec::with_capacity(parents.len());
    for parent in parents {
        let cache = parent.join("__pycache__");
        if !cache.is_dir() {
            set_mode(parent, 0o755)?;
            let created = fs::create_dir(&cache).map_err(Error::io("create", &cache));
            set_mode(parent, 0o555)?;
            created?;
        }
        set_mode(&cache, 0o755)?;
        remove_unfinished(&cache)?;
        caches.push(cache);
    }
    Ok(caches)
}

/// Removes what a killed compilation left. Its lock is ours now.
fn remove_unfinished(cache: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(cache).map_err(Error::io("read", cache))? {
        let path = entry.map_err(Error::io("read", cache))?.path();
        if path.extension() == Some("tmp".as_ref()) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(Error::io("set the mode of", path))
}

/// One Python process.
struct Worker {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn start(python: &Path) -> std::io::Result<Self> {
        let mut child = Command::new(python)
            .args(["-I", "-S", "-B", "-c", WORKER])
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
            let answer = self.compile(&job.modules);
            // Whoever asked may have given up.
            let _ = job.answer.send(answer);
        }
    }

    fn compile(&mut self, modules: &[PathBuf]) -> Result<u64, String> {
        let paths: Vec<&[u8]> = modules.iter().map(|path| path.as_os_str().as_bytes()).collect();
        let paths = paths.join(&0);
        let request = [format!("{}\n", paths.len()).as_bytes(), &paths].concat();
        let mut answer = String::new();
        let mut ask = || {
            let broken = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
            let requests = self.requests.as_mut().ok_or_else(broken)?;
            requests.write_all(&request)?;
            requests.flush()?;
            self.answers.read_line(&mut answer)
        };
        let asked: std::io::Result<usize> = ask();
        asked.map_err(|error| format!("a worker died: {error}"))?;
        let compiled = answer.strip_prefix("ok ").and_then(|rest| rest.split(' ').next());
        match compiled.and_then(|count| count.parse().ok()) {
            Some(count) => Ok(count),
            None if answer.is_empty() => Err("a worker died".to_owned()),
            None => Err(answer.trim_end().trim_start_matches("error ").to_owned()),
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
    use crate::fixtures::{Root, WheelFile, interpreter};

    fn wheel(root: &Root) -> Sha256 {
        root.admit(
            &WheelFile::new("pkg", "1.0")
                .file("pkg/__init__.py", "value = 42\n")
                .file("pkg/sub/mod.py", "def f():\n    return __file__\n")
                .file("pkg/template.py", "def {{ name }}:\n")
                .file("single.py", "x = 1\n"),
        )
    }

    #[test]
    fn modules_are_compiled_once_and_python_takes_them() {
        let root = Root::new();
        let python = interpreter();
        let wheel = wheel(&root);
        let compiler = Compiler::start(&python, 2).unwrap();
        assert!(!is_compiled(&root.layout, &interpreter(), &wheel));
        assert_eq!(compiler.compile(&root.layout, &wheel).unwrap(), 3, "one has a syntax error");
        assert!(is_compiled(&root.layout, &interpreter(), &wheel));
        assert_eq!(compiler.compile(&root.layout, &wheel).unwrap(), 0, "done already");

        let stored = root.layout.wheel(&wheel).join("root");
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
        let root = Root::new();
        let wheel = wheel(&root);
        let package = root.layout.wheel(&wheel).join("root/pkg");
        set_mode(&package, 0o755).unwrap();
        let left = package.join("__pycache__/__init__.cpython-311.pyc.7.tmp");
        fs::create_dir(left.parent().unwrap()).unwrap();
        fs::write(&left, "half").unwrap();
        let compiler = Compiler::start(&interpreter(), 1).unwrap();
        assert_eq!(compiler.compile(&root.layout, &wheel).unwrap(), 3);
        assert!(!left.exists());
    }

    #[test]
    fn several_threads_and_compilers_do_not_disturb_each_other() {
        let root = Root::new();
        let wheel = wheel(&root);
        let compilers = [0, 1].map(|_| Compiler::start(&interpreter(), 1).unwrap());
        let counts: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6)
                .map(|index| {
                    let (compiler, layout) = (&compilers[index % 2], &root.layout);
                    scope.spawn(move || compiler.compile(layout, &wheel).unwrap())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(counts.iter().sum::<u64>(), 3, "{counts:?}");
    }

    #[test]
    fn a_dead_worker_is_an_error() {
        let root = Root::new();
        let wheel = wheel(&root);
        let mut python = interpreter();
        python.executable = "/bin/true".into();
        let compiler = Compiler::start(&python, 1).unwrap();
        let error = compiler.compile(&root.layout, &wheel).unwrap_err();
        assert!(error.to_string().contains("/bin/true: a worker died"), "{error}");
        assert!(!is_compiled(&root.layout, &interpreter(), &wheel));
    }
}
