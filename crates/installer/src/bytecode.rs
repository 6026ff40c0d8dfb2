//! Compiles stored wheels to bytecode, once for each wheel and Python, by long-lived interpreters that
//! import nothing of any environment. Knows nothing of environments.

mod caches;
mod listed;
mod pack;
mod pool;
mod worker;

pub use caches::prepare;
pub(crate) use listed::{Lists, listed, text};
pub use pack::{Form, LARGEST_PACK};

use std::path::PathBuf;
use std::sync::mpsc;

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Durability, LockName, Root, Share};

use crate::error::Error;
use crate::interpreter::Interpreter;
use crate::store;
use caches::{modules, open_caches};
use pool::Pool;
use worker::{Compiled, Job, Manner};

/// The largest module that is compiled, and the largest bytecode that is taken, in bytes.
pub(crate) const LIMIT: u64 = 256 << 20;
/// What the names of files begin with that say so.
const MARKER: &str = "compiled-2-";
/// Source bytes in one request: large wheels are shared between workers.
const PORTION: u64 = 256 << 10;

/// Python processes that compile. Dropping it ends them; they end too when this process dies, because their
/// standard input does.
#[derive(Debug)]
pub struct Compiler {
    python: PathBuf,
    tag: String,
    pool: Pool,
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

/// The file that says that a wheel has been compiled, and to what. The number is raised whenever equal modules would be
/// compiled to something else.
pub(crate) fn marker(tag: &str) -> String {
    format!("{MARKER}{tag}")
}

impl Compiler {
    /// Has `workers` processes of the interpreter, which must have the magic number that the bytecode is for. They are
    /// started when there is something to compile. What was compiled before stays as it is.
    ///
    /// # Errors
    /// [`Error::Compile`] if the interpreter caches no bytecode.
    pub fn start(
        interpreter: &Interpreter,
        invalidation: Invalidation,
        workers: usize,
    ) -> Result<Self, Error> {
        Self::begin(interpreter, Manner { invalidation, aside: false }, workers)
    }

    /// The same, of processes that give way to everybody else because nobody waits for them.
    ///
    /// # Errors
    /// As [`Compiler::start`].
    pub fn start_aside(
        interpreter: &Interpreter,
        invalidation: Invalidation,
        workers: usize,
    ) -> Result<Self, Error> {
        Self::begin(interpreter, Manner { invalidation, aside: true }, workers)
    }

    fn begin(interpreter: &Interpreter, manner: Manner, workers: usize) -> Result<Self, Error> {
        let python = interpreter.executable.clone();
        let failed = |reason: String| Error::Compile { python: python.clone(), reason };
        let tag = interpreter.cache_tag.clone();
        let tag = tag.ok_or_else(|| failed("it caches no bytecode".to_owned()))?;
        let pool = Pool::new(python.clone(), manner, workers.max(1));
        Ok(Self { python, tag, pool })
    }

    /// Compiles every module of a stored wheel that is not compiled yet, and returns how many there are.
    /// Modules with syntax errors are left out. Waits for the workers; call it from several threads.
    ///
    /// # Errors
    /// If the wheel is not in the store, the disk refuses, no process can be started, or one died.
    pub fn compile(&self, root: &Root, wheel: &Sha256) -> Result<u64, Error> {
        let made = fill(root, wheel, &self.tag, |wheel, modules| self.run(wheel, modules))?;
        Ok(made as u64)
    }

    fn run(&self, wheel: &Dir, modules: &[(String, u64)]) -> Result<Vec<Compiled>, Error> {
        let failed = |reason: String| Error::Compile { python: self.python.clone(), reason };
        let ended = || failed("its workers ended".to_owned());
        if modules.is_empty() {
            return Ok(Vec::new());
        }
        let jobs = self.pool.jobs().map_err(&failed)?;
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
        let answers: Vec<Result<Vec<Compiled>, String>> = answers.iter().collect();
        if answers.len() < sent {
            return Err(ended());
        }
        let portions: Vec<Vec<Compiled>> =
            answers.into_iter().collect::<Result<_, _>>().map_err(failed)?;
        let mut compiled = portions.concat();
        compiled.sort_unstable();
        Ok(compiled)
    }
}

/// Has what `make` makes of a wheel's modules in its directories of bytecode, and notes it there last; says how many that
/// are. Does nothing where it is noted already.
fn fill(
    root: &Root,
    wheel: &Sha256,
    tag: &str,
    make: impl FnOnce(&Dir, &[(String, u64)]) -> Result<Vec<Compiled>, Error>,
) -> Result<usize, Error> {
    let (directory, marker) = (store::directory(root, wheel)?, marker(tag));
    if directory.has_file(&marker) {
        return Ok(0);
    }
    let modules = modules(root, wheel)?;
    let name = LockName::bytecode(&wheel.to_string());
    let _alone = root.lock(&name, Share::Alone, &|_| ())?;
    if directory.has_file(&marker) {
        return Ok(0);
    }
    let caches = open_caches(&directory, &modules)?;
    let made = make(&directory, &modules);
    // Sealed again in any case; the first error is the one to report.
    let sealed = caches.iter().try_for_each(|cache| cache.set_mode(0o555));
    let made = made?;
    sealed?;
    directory.replace(&marker, text(&made).as_bytes(), 0o444, Durability::Synced)?;
    Ok(made.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Sandbox, WheelFile, interpreter};
    use fs_err as fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Command;

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
