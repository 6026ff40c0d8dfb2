//! A wheel into the store: the audit of its archive, unpacking and hashing.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion, Throughput};
use pyfast_installer::store::{Store, WheelBytes};
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_root::Root;
use sha2::Digest as _;
use tempfile::TempDir;

/// A wheel in memory.
pub(crate) struct Wheel {
    pub(crate) filename: WheelFilename,
    pub(crate) sha256: Sha256,
    bytes: Vec<u8>,
}

impl Wheel {
    /// A package of `modules` files of about eight kilobytes, in sixteen folders.
    pub(crate) fn new(name: &str, modules: usize) -> Self {
        let info = format!("{name}-1.0.dist-info");
        let mut files = vec![
            (format!("{name}/__init__.py"), String::new()),
            (
                format!("{info}/METADATA"),
                format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"),
            ),
            (
                format!("{info}/WHEEL"),
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned(),
            ),
        ];
        for module in 0..modules {
            let lines = (0..200)
                .map(|line| format!("def function_{module}_{line}(x): return x + {line}\n"));
            files.push((format!("{name}/part{}/module{module}.py", module % 16), lines.collect()));
        }
        let mut record = String::new();
        for (path, text) in &files {
            let digest = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(text));
            let _ = writeln!(record, "{path},sha256={digest},{}", text.len());
        }
        let _ = writeln!(record, "{info}/RECORD,,");
        files.push((format!("{info}/RECORD"), record));
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for (path, text) in &files {
            archive.start_file(path.as_str(), options).expect("memory does not fail");
            archive.write_all(text.as_bytes()).expect("memory does not fail");
        }
        let bytes = archive.finish().expect("memory does not fail").into_inner();
        let filename = format!("{name}-1.0-py3-none-any.whl").parse().expect("a wheel's name");
        Self { filename, sha256: Sha256(sha2::Sha256::digest(&bytes).into()), bytes }
    }

    /// Puts it into a store.
    pub(crate) fn admit(&self, store: &Store) {
        let Self { filename, sha256, bytes } = self;
        let wheel = WheelBytes { filename, expected: *sha256, found: None, bytes };
        store.admit(&wheel).expect("the wheel is right");
    }
}

/// A new root with its store.
pub(crate) fn store() -> (TempDir, Root, Store) {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("root");
    let root = Root::create(&place, &place).expect("a root");
    let store = Store::open(&root, &|_| ()).expect("a store");
    (directory, root, store)
}

/// A wheel of 400 modules into an empty store.
pub(crate) fn admit(criterion: &mut Criterion) {
    let wheel = Wheel::new("large", 400);
    let mut group = criterion.benchmark_group("wheel");
    group.throughput(Throughput::Bytes(wheel.bytes.len() as u64)).sample_size(20);
    group.bench_function("admit", |bencher| {
        let act = |(directory, root, store): (TempDir, Root, Store)| {
            wheel.admit(&store);
            // They are dropped, and the directory removed, after the clock has stopped.
            (store, root, directory)
        };
        bencher.iter_batched(store, act, BatchSize::PerIteration);
    });
    group.finish();
}
