//! What the loader does with an object, by its dynamic section. Must not know where in a file anything is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use elf::abi::{
    DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM, VER_FLG_WEAK,
};
use elf::file::Class;
use serde::{Deserialize, Serialize};

use crate::file::{Read, of_bytes, of_file};
use crate::headers::Headers;

/// The most versions that one object wants: entries may be many that overlap.
pub(crate) const MOST_VERSIONS: usize = 16 << 10;

/// What the loader does with an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// `PT_INTERP`, of a program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<String>,
    /// Directories of `DT_RUNPATH`, else of `DT_RPATH`: the loader takes one of them.
    pub searched: Vec<String>,
    /// Whether they are those of `DT_RPATH`: they count for what it loads too, unless that has a `DT_RUNPATH`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_loaded: bool,
    /// Versions that it wants of libraries, by the library (`verneed`); weak ones are left out, as the loader does.
    pub wants: BTreeMap<String, BTreeSet<String>>,
    /// `e_machine`.
    pub machine: u16,
    /// 32 or 64.
    pub bits: u8,
}

impl Object {
    /// Reads a file; `None` if it is no ELF file that a loader takes, or is damaged.
    pub fn read(path: &Path) -> Option<Self> {
        // What is no regular file may keep whoever opens it waiting.
        let kind = fs_err::metadata(path).ok()?;
        let file = kind.is_file().then(|| fs_err::File::open(path).ok()).flatten()?;
        Self::of(&of_file(file.file()))
    }

    /// The same of one that is open.
    pub fn of_open(file: &std::fs::File) -> Option<Self> {
        Self::of(&of_file(file))
    }

    /// The same of bytes in memory.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::of(&of_bytes(bytes))
    }

    fn of(read: &Read<'_>) -> Option<Self> {
        let headers = Headers::read(read)?;
        let dynamic = Dynamic::read(&headers)?;
        let mut needed = Vec::new();
        for at in &dynamic.needed {
            needed.push(dynamic.text(*at)?);
        }
        let soname = match dynamic.soname {
            Some(at) => Some(dynamic.text(at)?),
            None => None,
        };
        Some(Self {
            interpreter: headers.interpreter(),
            soname,
            needed,
            searched: dynamic.search_path()?,
            for_loaded: dynamic.runpath.is_none() && dynamic.rpath.is_some(),
            wants: dynamic.wants()?,
            machine: headers.machine,
            bits: if headers.class == Class::ELF64 { 64 } else { 32 },
        })
    }
}

/// Where an ELF file has libraries looked for, and nothing else of it; empty if it is none, or damaged.
pub fn search_path(read: &Read<'_>) -> Vec<String> {
    let read = || Dynamic::read(&Headers::read(read)?)?.search_path();
    read().unwrap_or_default()
}

/// The dynamic section. Of what is there more than once the loader takes the last.
struct Dynamic<'h, 'a> {
    headers: &'h Headers<'a>,
    /// Where in the file the texts begin, looked for once: segments may be many.
    strings: Option<u64>,
    soname: Option<u64>,
    needed: Vec<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
    versions: u64,
    version_count: u64,
}

impl<'h, 'a> Dynamic<'h, 'a> {
    fn read(headers: &'h Headers<'a>) -> Option<Self> {
        let (mut strings, mut soname, mut rpath, mut runpath) = (None, None, None, None);
        let (mut versions, mut version_count, mut needed) = (0, 0, Vec::new());
        for (tag, value) in headers.dynamic()? {
            match tag {
                DT_STRTAB => strings = Some(value),
                DT_SONAME => soname = Some(value),
                DT_NEEDED => needed.push(value),
                DT_RPATH => rpath = Some(value),
                DT_RUNPATH => runpath = Some(value),
                DT_VERNEED => versions = value,
                DT_VERNEEDNUM => version_count = value,
                _ => {}
            }
        }
        let strings = headers.offset(strings?);
        Some(Self { headers, strings, soname, needed, rpath, runpath, versions, version_count })
    }

    fn text(&self, at: u64) -> Option<String> {
        self.headers.text_at(self.strings?.checked_add(at)?)
    }

    fn search_path(&self) -> Option<Vec<String>> {
        let Some(at) = self.runpath.or(self.rpath) else { return Some(Vec::new()) };
        let text = self.text(at)?;
        Some(text.split(':').filter(|one| !one.is_empty()).map(str::to_owned).collect())
    }

    fn wants(&self) -> Option<BTreeMap<String, BTreeSet<String>>> {
        let mut wants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        if self.version_count == 0 {
            return Some(wants);
        }
        let table = self.headers.version_table(self.versions)?;
        let mut left = MOST_VERSIONS;
        for (need, versions) in self.headers.versions(&table, self.version_count) {
            let library = self.text(need.vn_file.into())?;
            let wanted = wants.entry(library).or_default();
            for version in versions {
                left = usize::checked_sub(left, 1)?;
                if version.vna_flags & VER_FLG_WEAK == 0 {
                    wanted.insert(self.text(version.vna_name.into())?);
                }
            }
        }
        Some(wants)
    }
}
