//! This program as containers run it: a static executable, of the machine that they run on. Owns its checks, and where the
//! builds for other machines are looked for; must not know how it comes into a container, nor what it does there.

use std::hint::black_box;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use regex::bytes::Regex;

use crate::engine::EngineVersion;
use crate::error::Error;

/// What the builds of one version have in them, for all machines, and those of no other.
static MARK: &str = concat!("\nin containers of pyfast ", env!("CARGO_PKG_VERSION"), "\n");

/// A static Linux executable.
#[derive(Debug, Clone)]
pub struct Binary {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
    architecture: &'static str,
}

impl Binary {
    /// Looks at an executable: kind, architecture, and that it needs no dynamic loader (an image may have none).
    ///
    /// # Errors
    /// [`Error::Binary`] when it would not run in any Linux image; [`Error::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = fs_err::File::open(path).map_err(Error::io("read the launcher's binary"))?;
        let facts = file.metadata().map_err(Error::io("read the launcher's binary"))?;
        // The program headers follow the file header in every linker's output.
        let mut head = Vec::new();
        file.take(8192).read_to_end(&mut head).map_err(Error::io("read the launcher's binary"))?;
        let architecture = read_elf(&head)
            .map_err(|reason| Error::Binary { path: path.into(), reason: reason.into() })?;
        let modified = facts.modified().map_err(Error::io("read the launcher's binary"))?;
        Ok(Self { path: path.into(), size: facts.len(), modified, architecture })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its whole content.
    pub(crate) async fn read(&self) -> Result<Vec<u8>, Error> {
        let path = self.path.clone();
        let bytes = blocking(move || fs_err::read(&path)).await?;
        bytes.map_err(Error::io("read the launcher's binary"))
    }

    /// Whether the engine's containers could run it.
    ///
    /// # Errors
    /// [`Error::Architecture`] when they are for another machine.
    pub fn check_engine(&self, engine: &EngineVersion) -> Result<(), Error> {
        if self.suits(&engine.os, &engine.architecture) {
            return Ok(());
        }
        Err(self.unsuited(&engine.os, &engine.architecture))
    }

    fn suits(&self, os: &str, architecture: &str) -> bool {
        os == "linux" && architecture == self.architecture
    }

    fn unsuited(&self, os: &str, architecture: &str) -> Error {
        Error::Architecture {
            path: self.path.clone(),
            binary: format!("linux/{}", self.architecture),
            engine: format!("{os}/{architecture}"),
        }
    }

    /// The same, if it is of this program's version: what two versions say to each other is not the same. It is told by
    /// its bytes, since a machine cannot run what is for another.
    fn of_this_version(self) -> Result<Self, Error> {
        let bytes = fs_err::read(&self.path).map_err(Error::io("read the launcher's binary"))?;
        // Nothing is folded into the code that looks for it, so that it is in this program, too.
        let mark =
            Regex::new(&regex::escape(black_box(MARK))).expect("escaped text is an expression");
        if mark.is_match(&bytes) {
            return Ok(self);
        }
        Err(Error::BinaryVersion { path: self.path, version: env!("CARGO_PKG_VERSION") })
    }
}

/// Where this program is, and where builds of it for other machines are looked for.
#[derive(Debug, Clone)]
pub struct Builds {
    own: PathBuf,
    named: Option<PathBuf>,
}

impl Builds {
    /// The running program, and a build that somebody has named.
    pub fn new(own: PathBuf, named: Option<PathBuf>) -> Self {
        Self { own, named }
    }

    /// The one that runs in an engine's containers, whatever their images are for: what emulates another machine there
    /// leaves programs of its own machine alone.
    ///
    /// # Errors
    /// As [`Builds::of_machine`].
    pub fn of_engine(&self, engine: &EngineVersion) -> Result<Binary, Error> {
        self.of_machine(&engine.os, &engine.architecture)
    }

    /// The one for a machine, in the words of images (`linux`, `arm64`): the one that was named, where it is for that
    /// machine, else this program, else the one beside it (`pyfast-linux-aarch64`, `pyfast-linux-x86_64`).
    ///
    /// # Errors
    /// [`Error::Architecture`] when all are for other machines, [`Error::Binary`] when one could run in no image,
    /// [`Error::BinaryVersion`] when it is of another version than this program, [`Error::Io`] when it cannot be read.
    pub fn of_machine(&self, os: &str, architecture: &str) -> Result<Binary, Error> {
        let named = self.named.as_deref().map(Binary::open).transpose()?;
        if let Some(named) = named.as_ref().filter(|named| named.suits(os, architecture)) {
            return named.clone().of_this_version();
        }
        let own = Binary::open(&self.own)?;
        if own.suits(os, architecture) {
            return Ok(own);
        }
        match self.beside(architecture)? {
            Some(sister) if sister.suits(os, architecture) => sister.of_this_version(),
            Some(mistaken) => Err(mistaken.unsuited(os, architecture)),
            None => Err(named.unwrap_or(own).unsuited(os, architecture)),
        }
    }

    fn beside(&self, architecture: &str) -> Result<Option<Binary>, Error> {
        let name = match architecture {
            "amd64" => "pyfast-linux-x86_64",
            "arm64" => "pyfast-linux-aarch64",
            _ => return Ok(None),
        };
        match Binary::open(&self.own.with_file_name(name)) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }
}

/// Files are large and disks slow: not on the thread that drives the engine's connections.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Io {
        act: "put the launcher's binary into the volume",
        source: std::io::Error::other(error),
    })
}

/// Reads a 64-bit little-endian ELF header; the architecture in the engine's words.
fn read_elf(head: &[u8]) -> Result<&'static str, &'static str> {
    const CUT: &str = "its ELF header is cut short";
    let number = |at: usize, width: usize| -> Result<usize, &'static str> {
        let bytes = head.get(at..at.saturating_add(width)).ok_or(CUT)?;
        let value = bytes.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        usize::try_from(value).map_err(|_too_large| CUT)
    };
    if head.get(..6) != Some(b"\x7fELF\x02\x01") {
        return Err("it is no 64-bit little-endian ELF file");
    }
    let architecture = match number(18, 2)? {
        62 => "amd64",
        183 => "arm64",
        _ => return Err("it is for an architecture other than x86_64 and aarch64"),
    };
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for index in 0..count {
        // PT_INTERP names the dynamic loader.
        if number(table.saturating_add(index * size), 4)? == 3 {
            return Err("it needs a dynamic loader");
        }
    }
    Ok(architecture)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header with one program header of the given type.
    pub(in crate::volume) fn elf(machine: u8, kind: u8) -> Vec<u8> {
        let mut head = vec![0; 120];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (head[18], head[32], head[54], head[56], head[64]) = (machine, 64, 56, 1, kind);
        head
    }

    const AMD: u8 = 62;
    const ARM: u8 = 183;

    #[test]
    fn only_static_executables_are_taken() {
        assert_eq!(read_elf(&elf(AMD, 1)), Ok("amd64"));
        assert_eq!(read_elf(&elf(ARM, 1)), Ok("arm64"));
        assert_eq!(read_elf(&elf(AMD, 3)), Err("it needs a dynamic loader"));
        assert!(read_elf(&elf(40, 1)).is_err());
        assert!(read_elf(b"#!/bin/sh\n").is_err());
        assert_eq!(read_elf(&elf(AMD, 1)[..60]), Err("its ELF header is cut short"));
    }

    /// A build in a file: the machine that it is for, in the words of ELF, and its version.
    struct Build<'a> {
        machine: u8,
        version: &'a str,
    }

    /// Which file an x86-64 `pyfast` gives to containers of a machine (`linux/arm64`), or what it says.
    #[track_caller]
    fn check(
        machine: &str,
        beside: Option<&Build<'_>>,
        named: Option<&Build<'_>>,
        expected: Result<&str, &str>,
    ) {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, build: &Build<'_>| {
            let mark = MARK.replace(env!("CARGO_PKG_VERSION"), build.version);
            let content = [elf(build.machine, 1), mark.into()].concat();
            fs_err::write(place.path().join(name), content).unwrap();
        };
        write("pyfast", &AMD64);
        if let Some(beside) = beside {
            write("pyfast-linux-aarch64", beside);
        }
        if let Some(named) = named {
            write("named", named);
        }
        let named = named.map(|_| place.path().join("named"));
        let (os, architecture) = machine.split_once('/').unwrap();
        let found = Builds::new(place.path().join("pyfast"), named).of_machine(os, architecture);
        match (found, expected) {
            (Ok(found), Ok(name)) => assert_eq!(found.path(), place.path().join(name)),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, _) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    const OWN: &str = env!("CARGO_PKG_VERSION");
    const AMD64: Build<'_> = Build { machine: AMD, version: OWN };
    const ARM64: Build<'_> = Build { machine: ARM, version: OWN };

    #[test]
    fn each_machine_gets_the_build_that_is_for_it() {
        check("linux/amd64", None, None, Ok("pyfast"));
        check("linux/amd64", Some(&ARM64), Some(&ARM64), Ok("pyfast"));
        check("linux/amd64", None, Some(&AMD64), Ok("named"));
        check("linux/arm64", Some(&ARM64), None, Ok("pyfast-linux-aarch64"));
        check("linux/arm64", Some(&ARM64), Some(&AMD64), Ok("pyfast-linux-aarch64"));
        check("linux/arm64", Some(&ARM64), Some(&ARM64), Ok("named"));
    }

    #[test]
    fn a_machine_that_none_is_for_is_refused() {
        let unsuited = "is for linux/amd64, the container engine runs linux/arm64";
        check("linux/arm64", None, None, Err(&format!("pyfast {unsuited}")));
        check("linux/arm64", None, Some(&AMD64), Err(&format!("named {unsuited}")));
        check("linux/arm64", Some(&AMD64), None, Err(&format!("pyfast-linux-aarch64 {unsuited}")));
        check("linux/riscv64", Some(&ARM64), None, Err("runs linux/riscv64"));
        check("windows/amd64", None, None, Err("runs windows/amd64"));
    }

    #[test]
    fn a_build_of_another_version_is_refused() {
        let own = format!("is no build of pyfast {OWN}");
        let next = format!("{OWN}0");
        check("linux/arm64", Some(&Build { version: "0.0.9", ..ARM64 }), None, Err(&own));
        check("linux/arm64", None, Some(&Build { version: &next, ..ARM64 }), Err(&own));
        check("linux/amd64", None, Some(&Build { version: "0.0.9", ..AMD64 }), Err(&own));
    }

    #[test]
    fn a_build_that_is_named_has_to_be_there() {
        let builds = Builds::new("/bin/true".into(), Some("/nowhere/pyfast".into()));
        let error = builds.of_machine("linux", "amd64").unwrap_err();
        assert!(format!("{error:?}").contains("/nowhere/pyfast"), "{error:?}");
    }
}
