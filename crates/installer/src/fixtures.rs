//! What the tests are made of: a zip writer that can lie, wheels built in memory, a root, an interpreter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_root::Root;
use pyfast_root::layout::wheel_place;

use crate::interpreter::Interpreter;
use crate::link::{EnvironmentOptions, EnvironmentSpec, Package};
use crate::store::{Store, WheelBytes};
use crate::wheel::record;

/// The interpreter that tests run: the system's.
pub(crate) fn python() -> PathBuf {
    let candidates = ["/usr/bin/python3", "/usr/local/bin/python3"].map(PathBuf::from);
    candidates.into_iter().find(|path| path.exists()).expect("tests need python3")
}

/// What that interpreter says of itself; asked once.
pub(crate) fn interpreter() -> Interpreter {
    static KNOWN: OnceLock<Interpreter> = OnceLock::new();
    KNOWN.get_or_init(|| Interpreter::probe(&python()).unwrap()).clone()
}

/// A member as the zip writer writes it; each field can be a lie.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) content: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) mode: u32,
    pub(crate) crc: Option<u32>,
    pub(crate) size: Option<u32>,
    pub(crate) local_size: Option<u32>,
    /// Written before the local header.
    pub(crate) before: Vec<u8>,
    /// Written after the data.
    pub(crate) after: Vec<u8>,
    pub(crate) in_directory: bool,
}

impl Member {
    pub(crate) fn new(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            local_name: None,
            content: content.to_vec(),
            method: 8,
            flags: 0x0800,
            mode: 0o10_0644,
            crc: None,
            size: None,
            local_size: None,
            before: Vec::new(),
            after: Vec::new(),
            in_directory: true,
        }
    }

    fn packed(&self) -> Vec<u8> {
        if self.method != 8 {
            return self.content.clone();
        }
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut packed = vec![0; compressor.deflate_compress_bound(self.content.len())];
        let length = compressor.deflate_compress(&self.content, &mut packed).unwrap();
        packed.truncate(length);
        packed
    }
}

/// A zip archive of these members with this comment.
pub(crate) fn zip_of(members: &[Member], comment: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    let half = |value: usize| u16::try_from(value).unwrap().to_le_bytes();
    let word = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let mut count = 0;
    for member in members {
        bytes.extend_from_slice(&member.before);
        let offset = bytes.len();
        let packed = member.packed();
        let crc = member.crc.unwrap_or_else(|| crc32fast::hash(&member.content)).to_le_bytes();
        let size = member.size.map_or(word(member.content.len()), u32::to_le_bytes);
        let local_size = member.local_size.map_or(size, u32::to_le_bytes);
        let local_name = member.local_name.as_ref().unwrap_or(&member.name);
        let (flags, method) = (member.flags.to_le_bytes(), member.method.to_le_bytes());
        let common = [&[20, 0], &flags[..], &method, &[0; 4], &crc, &word(packed.len())].concat();
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend_from_slice(&common);
        bytes.extend_from_slice(&local_size);
        bytes.extend_from_slice(&half(local_name.len()));
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(local_name);
        bytes.extend_from_slice(&packed);
        bytes.extend_from_slice(&member.after);
        if member.in_directory {
            count += 1;
            directory.extend_from_slice(b"PK\x01\x02\x14\x03");
            directory.extend_from_slice(&common);
            directory.extend_from_slice(&size);
            directory.extend_from_slice(&half(member.name.len()));
            directory.extend_from_slice(&[0; 8]);
            directory.extend_from_slice(&(member.mode << 16).to_le_bytes());
            directory.extend_from_slice(&word(offset));
            directory.extend_from_slice(&member.name);
        }
    }
    let start = bytes.len();
    bytes.extend_from_slice(&directory);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&half(count));
    bytes.extend_from_slice(&half(count));
    bytes.extend_from_slice(&word(directory.len()));
    bytes.extend_from_slice(&word(start));
    bytes.extend_from_slice(&half(comment.len()));
    bytes.extend_from_slice(comment);
    bytes
}

/// A wheel in the making: correct unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct WheelFile {
    pub(crate) filename: WheelFilename,
    pub(crate) files: BTreeMap<String, (Vec<u8>, u32)>,
    pub(crate) record: Option<String>,
    dist_info: String,
}

impl WheelFile {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let filename = format!("{name}-{version}-py3-none-any.whl").parse().unwrap();
        let dist_info = format!("{name}-{version}.dist-info");
        let wheel = Self { filename, files: BTreeMap::new(), record: None, dist_info };
        wheel
            .info("METADATA", &format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"))
            .info("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    }

    pub(crate) fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(path.to_owned(), (content.as_ref().to_vec(), 0o10_0644));
        self
    }

    pub(crate) fn program(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.to_owned(), (content.into(), 0o10_0755));
        self
    }

    /// A file of the dist-info.
    pub(crate) fn info(self, name: &str, content: &str) -> Self {
        let path = format!("{}/{name}", self.dist_info);
        self.file(&path, content)
    }

    pub(crate) fn without(mut self, path: &str) -> Self {
        self.files.remove(path);
        self
    }

    /// Replaces the RECORD that would be written.
    pub(crate) fn record(mut self, record: impl Into<String>) -> Self {
        self.record = Some(record.into());
        self
    }

    /// The RECORD that fits.
    pub(crate) fn true_record(&self) -> String {
        let rows = self.files.iter().map(|(path, (content, _))| record::Written {
            path: path.clone(),
            content: Some(record::Content::of(content)),
        });
        let own = record::Written { path: format!("{}/RECORD", self.dist_info), content: None };
        String::from_utf8(record::write(rows.chain([own]).collect())).unwrap()
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let record = self.record.clone().unwrap_or_else(|| self.true_record());
        let path = format!("{}/RECORD", self.dist_info);
        let record = Member::new(&path, record.as_bytes());
        let files = self.files.iter().map(|(path, (content, mode))| {
            let mut member = Member::new(path, content);
            member.mode = *mode;
            member
        });
        files.chain([record]).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        zip_of(&self.members(), b"")
    }
}

/// A root in a temporary directory.
pub(crate) struct Sandbox {
    pub(crate) root: Root,
    pub(crate) store: Store,
    pub(crate) directory: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::seen(directory, Path::to_path_buf)
    }

    /// A root that Python sees elsewhere.
    pub(crate) fn seen_at(seen: &str) -> Self {
        Self::seen(tempfile::tempdir().unwrap(), |_| PathBuf::from(seen))
    }

    fn seen(directory: tempfile::TempDir, seen: impl Fn(&Path) -> PathBuf) -> Self {
        let root = Root::create(directory.path(), &seen(directory.path())).unwrap();
        let store = Store::open(&root, &|_| ()).unwrap();
        Self { root, store, directory }
    }

    /// A path below the root.
    pub(crate) fn at(&self, relative: &str) -> PathBuf {
        self.root.written().join(relative)
    }

    /// Where a wheel is in the store.
    pub(crate) fn stored(&self, wheel: &Sha256) -> PathBuf {
        self.root.written().join(wheel_place(&wheel.to_string()))
    }

    /// Puts a wheel into the store.
    pub(crate) fn admit(&self, wheel: &WheelFile) -> Sha256 {
        let bytes = wheel.bytes();
        let expected = Sha256::of(&bytes);
        let filename = &wheel.filename;
        self.store
            .admit(&WheelBytes { filename, expected, found: None, bytes: &bytes })
            .unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
        expected
    }

    /// Admits wheels and describes an environment of them.
    pub(crate) fn spec(&self, wheels: &[WheelFile]) -> EnvironmentSpec {
        let packages = wheels.iter().map(|wheel| Package {
            name: wheel.filename.name.clone(),
            version: wheel.filename.version.clone(),
            filename: wheel.filename.to_string(),
            sha256: self.admit(wheel),
            requested: false,
            direct_url: None,
        });
        EnvironmentSpec {
            packages: packages.collect(),
            interpreter: interpreter(),
            options: EnvironmentOptions::default(),
        }
    }
}
