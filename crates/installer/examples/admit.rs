//! Measures a cold install: admits every wheel of a directory into a new root, composes an environment of them,
//! and composes it again. `admit WHEELS ROOT PYTHON [compile]`
#![expect(clippy::print_stdout, reason = "the figures are its result")]

use std::path::Path;
use std::time::Instant;

use pyfast_installer::bytecode::{Compiler, Invalidation};
use pyfast_installer::generation::{activate, compose};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::{EnvironmentOptions, EnvironmentSpec, Package, plan};
use pyfast_installer::store::{Store, WheelBytes};
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_root::{Cause, ProjectEnv, Root};
use rayon::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [wheels, root, python, rest @ ..] = &arguments[..] else {
        return Err("admit WHEELS ROOT PYTHON [compile]".into());
    };
    let mut wheels: Vec<(WheelFilename, Vec<u8>)> = fs_err::read_dir(wheels)?
        .map(|entry| {
            let entry = entry?;
            let filename = entry.file_name().to_string_lossy().parse()?;
            Ok((filename, fs_err::read(entry.path())?))
        })
        .collect::<Result<_, Box<dyn std::error::Error>>>()?;
    // The largest first, so that no thread ends with a long one.
    wheels.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.len()));
    let interpreter = Interpreter::probe(Path::new(python))?;
    let root = Path::new(root);
    let root = Root::create(root, root)?;
    let store = Store::open(&root, &|_| ())?;

    let digests: Vec<_> = wheels.iter().map(|(_, bytes)| sha256(bytes)).collect();
    let begun = Instant::now();
    wheels.par_iter().zip(&digests).try_for_each(|((filename, bytes), digest)| {
        let wheel = WheelBytes { filename, expected: *digest, found: None, bytes };
        store.admit(&wheel).map(|_| ())
    })?;
    println!("admit   {:>8.1?}", begun.elapsed());

    if rest.first().is_some_and(|argument| argument == "compile") {
        compile(&interpreter, &root, &digests)?;
    }

    let mut packages: Vec<Package> = wheels
        .iter()
        .zip(&digests)
        .map(|((filename, _), digest)| Package {
            name: filename.name.clone(),
            version: filename.version.clone(),
            filename: filename.to_string(),
            sha256: *digest,
            requested: true,
            direct_url: None,
        })
        .collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    let options = EnvironmentOptions::default();
    let spec = EnvironmentSpec { packages, interpreter, options };
    for _ in 0..2 {
        let begun = Instant::now();
        let plan = plan(&store, &spec)?;
        let planned = begun.elapsed();
        let generation = compose(&store, &spec, &plan, "", &|_| ())?;
        let composed = begun.elapsed();
        let name = ProjectEnv::new("bench", "default")?;
        activate(&root, &name, &generation, 0, Cause::Sync)?;
        let all = begun.elapsed();
        println!("plan    {planned:>8.1?}, composed {composed:.1?}, activated {all:.1?}");
    }
    Ok(())
}

fn compile(
    interpreter: &Interpreter,
    root: &Root,
    wheels: &[Sha256],
) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let workers = std::thread::available_parallelism()?.get();
    let compiler = Compiler::start(interpreter, Invalidation::UncheckedHash, workers)?;
    let modules: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = wheels
            .iter()
            .map(|wheel| scope.spawn(|| compiler.compile(root, wheel).unwrap_or_default()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    });
    println!("compile {:>8.1?} {modules} modules", begun.elapsed());
    Ok(())
}

fn sha256(bytes: &[u8]) -> Sha256 {
    use sha2::Digest as _;
    Sha256(sha2::Sha256::digest(bytes).into())
}
