//! Bytecode that nobody waits for: wheel after wheel of the generations that were activated without it, in the order in
//! which it will be wanted, and then its links where a generation's directories are its own. Owns that one process does
//! it for a root and a Python at a time, and that a collection never waits longer than for one wheel.
//!
//! Whoever is killed leaves whole files, and the note that the generation still waits ([`Root::awaits_bytecode`]).

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use pyfast_packaging::hash::Sha256;
use pyfast_root::{LockName, Root, Share};
use serde::{Deserialize, Serialize};

use super::{Generation, link_bytecode};
use crate::bytecode::{Compiler, Invalidation};
use crate::error::Error;
use crate::interpreter::Interpreter;
use crate::store::Store;

/// What came of working off what waited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worked {
    /// Modules that were compiled.
    pub modules: u64,
    /// Generations that have their bytecode now.
    pub generations: usize,
    /// Whether another process is at it, and does the rest.
    pub others: bool,
}

/// Whose bytecode is made, and by whom.
pub struct Backlog<'a> {
    /// Where.
    pub root: &'a Root,
    /// The Python that compiles; what is for another one stays.
    pub python: &'a Interpreter,
    /// A generation's wheels in the order in which their modules will be wanted.
    pub order: &'a (dyn Fn(&Generation) -> Result<Vec<Sha256>, Error> + Sync),
}

/// Compiles what the generations of a root wait for that are for this Python, also what comes to wait meanwhile.
///
/// # Errors
/// The first one; everything else is done all the same, and what is not is still waited for.
pub fn work_off(backlog: &Backlog<'_>) -> Result<Worked, Error> {
    let mut run = Run { worked: Worked::default(), tried: BTreeSet::new(), failed: None };
    let tag = backlog.python.cache_tag.as_deref().unwrap_or_default();
    let name = LockName::backlog(tag);
    // Whoever is at it may have looked for the last time just before something came: so it is looked once more when
    // the lock is nobody's any more.
    while backlog.next(&mut run)?.is_some() {
        let lock = backlog.root.queue(&name, Share::Alone)?;
        if !lock.is_held()? {
            run.worked.others = true;
            break;
        }
        while let Some(generation) = backlog.next(&mut run)? {
            run.tried.insert(generation.id.clone());
            if let Err(error) = backlog.make(&generation, &mut run.worked) {
                backlog.note(&mut run, &generation, error);
            }
        }
    }
    run.failed.map_or(Ok(run.worked), Err)
}

/// A run, as far as it has come.
struct Run {
    worked: Worked,
    /// The generations that it was at.
    tried: BTreeSet<String>,
    failed: Option<Error>,
}

impl Backlog<'_> {
    /// Keeps an error of a generation, unless that was collected meanwhile.
    fn note(&self, run: &mut Run, generation: &Generation, error: Error) {
        if !matches!(Generation::find(self.root, &generation.id), Ok(None)) {
            run.failed.get_or_insert(error);
        }
    }

    /// The next generation that waits for this Python's bytecode and was not tried yet. One that cannot be read stops no
    /// other.
    fn next(&self, run: &mut Run) -> Result<Option<Generation>, Error> {
        for id in self.root.awaiting_bytecode()? {
            if run.tried.contains(&id) {
                continue;
            }
            let Some(generation) = Generation::find(self.root, &id)? else {
                // It was collected, or its sync has failed before it was made and makes it anew.
                continue;
            };
            let wanted = match generation.spec(self.root) {
                Ok(spec) => spec.interpreter,
                Err(error) => {
                    run.tried.insert(id);
                    self.note(run, &generation, error);
                    continue;
                }
            };
            if wanted.magic == self.python.magic && wanted.cache_tag == self.python.cache_tag {
                return Ok(Some(generation));
            }
        }
        Ok(None)
    }

    fn make(&self, generation: &Generation, worked: &mut Worked) -> Result<(), Error> {
        let wheels = (self.order)(generation)?;
        worked.modules += self.compile(&wheels)?;
        let store = Store::open(self.root, &|_| ())?;
        if link_bytecode(&store, generation)? {
            worked.generations += 1;
        }
        Ok(())
    }

    /// Compiles wheels side by side, beginning with the first. One that fails stops no other.
    fn compile(&self, wheels: &[Sha256]) -> Result<u64, Error> {
        // Services start meanwhile: half of the machine is theirs whatever priorities are worth there.
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let workers = cores.div_ceil(2);
        let compiler = Compiler::start_aside(self.python, Invalidation::UncheckedHash, workers)?;
        let (next, modules) = (AtomicUsize::new(0), AtomicU64::new(0));
        let failed: Mutex<Option<Error>> = Mutex::new(None);
        let serve = || {
            while let Some(wheel) = wheels.get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.compile_one(&compiler, wheel) {
                    Ok(count) => _ = modules.fetch_add(count, Ordering::Relaxed),
                    Err(error) => {
                        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                        failed.get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| (0..workers).for_each(|_| _ = scope.spawn(serve)));
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(modules.into_inner()), Err)
    }

    fn compile_one(&self, compiler: &Compiler, wheel: &Sha256) -> Result<u64, Error> {
        // Taken for each, so that a collection comes to its turn in between.
        let _share = self.root.lock(&LockName::store(), Share::Shared, &|_| ())?;
        compiler.compile(self.root, wheel)
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;
    use crate::bytecode::{is_compiled, prepare};
    use crate::fixtures::{Sandbox, WheelFile};
    use crate::gc::{GcOptions, gc};
    use crate::generation::{Stamps, compose, look, verify_generation};
    use crate::link::{EnvironmentSpec, LinkMode, plan};
    use crate::store::CACHE;

    /// Whole packages, modules that share a directory, and single modules.
    fn wheels() -> [WheelFile; 2] {
        [
            WheelFile::new("one", "1.0")
                .file("one/__init__.py", "")
                .file("space/one.py", "")
                .file("single.py", ""),
            WheelFile::new("two", "1.0").file("space/two.py", "").file("two.py", ""),
        ]
    }

    struct Made {
        sandbox: Sandbox,
        spec: EnvironmentSpec,
        generation: Generation,
        stamps: Stamps,
    }

    impl Made {
        /// A generation that waits for its bytecode.
        fn new(mode: LinkMode) -> Self {
            let sandbox = Sandbox::new();
            let mut spec = sandbox.spec(&wheels());
            (spec.options.link_mode, spec.options.compiled) = (mode, true);
            let wheels: Vec<Sha256> = spec.packages.iter().map(|one| one.sha256).collect();
            assert!(prepare(&sandbox.root, &spec.interpreter, &wheels).unwrap());
            let links = plan(&sandbox.store, &spec).unwrap();
            sandbox.root.await_bytecode(&links.id).unwrap();
            let generation = compose(&sandbox.store, &spec, &links, "lock", &|_| ()).unwrap();
            let stamps = Stamps::of_composed(&sandbox.root, &links, None).unwrap();
            Self { sandbox, spec, generation, stamps }
        }

        fn work_off(&self) -> Result<Worked, Error> {
            self.work_off_in(&|_| Ok(self.spec.packages.iter().map(|one| one.sha256).collect()))
        }

        fn work_off_in(
            &self,
            order: &(dyn Fn(&Generation) -> Result<Vec<Sha256>, Error> + Sync),
        ) -> Result<Worked, Error> {
            let (root, python) = (&self.sandbox.root, &self.spec.interpreter);
            work_off(&Backlog { root, python, order })
        }

        fn waits(&self) -> bool {
            self.sandbox.root.awaits_bytecode(&self.generation.id)
        }

        /// That Python finds bytecode of every module, and that the generation is what it was.
        fn check_whole(&self) {
            let code = "import os, one, single, two, space.one, space.two as last; \
                        print([m.__name__ for m in (one, single, two, space.one, last) \
                        if not os.path.exists(m.__cached__)])";
            let python = self.generation.path.join("bin/python");
            let output = std::process::Command::new(python).args(["-B", "-c", code]).output();
            let output = output.unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(String::from_utf8_lossy(&output.stdout), "[]\n", "{error}");
            let (root, generation) = (&self.sandbox.root, &self.generation);
            assert_eq!(verify_generation(root, generation).unwrap(), []);
            assert_eq!(look(root, generation, Some(&self.stamps)).unwrap(), []);
            assert!(self.stamps.hold(root), "as if nobody had touched it");
            assert!(!self.waits());
        }
    }

    #[test]
    fn a_generation_in_use_gets_its_bytecode_and_looks_untouched() {
        for mode in [LinkMode::Tree, LinkMode::Hardlink, LinkMode::Copy, LinkMode::Clone] {
            let made = Made::new(mode);
            let before = verify_generation(&made.sandbox.root, &made.generation).unwrap();
            assert_eq!(before, []);
            let worked = Worked { modules: 5, generations: 1, others: false };
            assert_eq!(made.work_off().unwrap(), worked);
            made.check_whole();
            assert_eq!(made.work_off().unwrap(), Worked::default(), "nothing waits");
        }
    }

    #[test]
    fn who_was_killed_is_followed_by_who_goes_on() {
        let made = Made::new(LinkMode::Tree);
        // One wheel was compiled, and of the other one there is half a file.
        let order = |_: &Generation| Ok(vec![made.spec.packages[0].sha256]);
        assert_eq!(made.work_off_in(&order).unwrap().generations, 0);
        assert!(made.waits());
        let cache = made.sandbox.stored(&made.spec.packages[1].sha256).join("root/space");
        let cache = cache.join(CACHE);
        fs::set_permissions(&cache, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fs::write(cache.join(format!(".new-{}", "a".repeat(32))), "half").unwrap();
        let findings = verify_generation(&made.sandbox.root, &made.generation).unwrap();
        assert_eq!(findings, [], "what is being written is nobody's concern");
        assert_eq!(made.work_off().unwrap().modules, 2);
        made.check_whole();
        assert_eq!(fs::read_dir(cache).unwrap().count(), 1);
    }

    #[test]
    fn one_process_is_at_it_and_another_one_leaves_it_to_that() {
        let made = Made::new(LinkMode::Tree);
        let tag = made.spec.interpreter.cache_tag.clone().unwrap();
        let other = made.sandbox.root.queue(&LockName::backlog(&tag), Share::Alone).unwrap();
        assert!(other.is_held().unwrap());
        assert_eq!(made.work_off().unwrap(), Worked { others: true, ..Worked::default() });
        assert!(made.waits());
        drop(other);
        made.work_off().unwrap();
        made.check_whole();
    }

    #[test]
    fn what_comes_to_wait_meanwhile_is_done_as_well_and_what_another_python_needs_stays() {
        let made = Made::new(LinkMode::Tree);
        let (root, store) = (&made.sandbox.root, &made.sandbox.store);
        let later = |prompt: &str, magic: u32| {
            let mut spec = made.spec.clone();
            spec.options.prompt = Some(prompt.to_owned());
            spec.interpreter.magic = magic;
            let links = plan(store, &spec).unwrap();
            root.await_bytecode(&links.id).unwrap();
            compose(store, &spec, &links, "lock", &|_| ()).unwrap().id
        };
        let foreign = later("foreign", 1);
        let once = std::sync::OnceLock::new();
        let order = |_: &Generation| {
            once.get_or_init(|| later("meanwhile", made.spec.interpreter.magic));
            Ok(made.spec.packages.iter().map(|one| one.sha256).collect())
        };
        assert_eq!(made.work_off_in(&order).unwrap().generations, 2);
        assert_eq!(root.awaiting_bytecode().unwrap(), [foreign]);
    }

    #[test]
    fn one_that_cannot_be_read_stops_no_other() {
        let made = Made::new(LinkMode::Tree);
        let damaged = "0".repeat(20);
        let directory = made.generation.path.with_file_name(&damaged);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("env.json"), "{}").unwrap();
        made.sandbox.root.await_bytecode(&damaged).unwrap();
        let error = made.work_off().unwrap_err();
        assert!(error.to_string().contains(&damaged), "{error}");
        assert!(!made.waits() && made.sandbox.root.awaits_bytecode(&damaged));
    }

    #[test]
    fn what_a_worker_dies_of_stops_no_other_wheel() {
        let mut made = Made::new(LinkMode::Tree);
        // The first one that is to compile something dies of it, of whichever wheel that is; all others do it.
        let python = made.sandbox.directory.path().join("python");
        let real = made.spec.interpreter.executable.display();
        let text = format!(
            "#!/bin/sh\nIFS= read -r head || exit 0\nmkdir \"$0.once\" 2>/dev/null && exit 1\n\
             {{ printf '%s\\n' \"$head\"; cat; }} | '{real}' \"$@\"\n"
        );
        fs::write(&python, text).unwrap();
        fs::set_permissions(&python, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        made.spec.interpreter.executable = python;
        let error = made.work_off().unwrap_err();
        assert!(format!("{error:?}").contains("a worker died of"), "{error:?}");
        let compiled = made.spec.packages.iter();
        let compiled = compiled
            .filter(|one| is_compiled(&made.sandbox.root, &made.spec.interpreter, &one.sha256));
        assert_eq!(compiled.count(), 1);
        assert!(made.waits());
        made.work_off().unwrap();
        made.check_whole();
    }

    #[test]
    fn a_collection_takes_what_waits_and_that_is_no_failure() {
        let Made { sandbox, spec, .. } = Made::new(LinkMode::Tree);
        let Sandbox { root, store, directory: _directory } = sandbox;
        drop(store);
        let wheels: Vec<Sha256> = spec.packages.iter().map(|one| one.sha256).collect();
        let (recent, named) = (std::time::Duration::ZERO, BTreeSet::new());
        let options = GcOptions { keep: 1, recent, named, forgotten: [].into() };
        let now = std::time::SystemTime::now() + std::time::Duration::from_hours(1);
        // Just before the first wheel the generation and its wheels go.
        let order = |_: &Generation| {
            gc(&root, &options, now, &|waiting| panic!("{waiting}"))?;
            Ok(wheels.clone())
        };
        let backlog = Backlog { root: &root, python: &spec.interpreter, order: &order };
        assert_eq!(work_off(&backlog).unwrap(), Worked::default());
        assert_eq!(root.awaiting_bytecode().unwrap(), Vec::<String>::new());
        assert!(!is_compiled(&root, &spec.interpreter, &wheels[0]));
    }
}
