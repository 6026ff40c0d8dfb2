//! A channel that a test makes: packages out of bytes, in a directory. Used by the tests of this crate and by those of the
//! command line; knows neither.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::Digest as _;

/// What packages are built at: room for any path.
pub(crate) const PLACEHOLDER: &str = "/placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder_placeholder";

/// A file of a package.
pub(crate) struct Member {
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
    /// Where a link leads.
    pub(crate) target: Option<String>,
}

/// A package.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) depends: Vec<String>,
    pub(crate) members: Vec<Member>,
    /// The part of the channel that it says it is for.
    pub(crate) subdir: &'static str,
    /// What its list of files says instead.
    pub(crate) paths: Option<Value>,
}

impl Package {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let (depends, members, paths) = (Vec::new(), Vec::new(), None);
        let (name, version, subdir) = (name.to_owned(), version.to_owned(), subdir());
        Self { name, version, depends, members, subdir, paths }
    }

    pub(crate) fn depends(mut self, on: &str) -> Self {
        self.depends.push(on.to_owned());
        self
    }

    pub(crate) fn file(mut self, path: &str, content: impl Into<Vec<u8>>, mode: u32) -> Self {
        let (path, content) = (path.to_owned(), content.into());
        self.members.push(Member { path, content, mode, target: None });
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        let (path, target) = (path.to_owned(), Some(target.to_owned()));
        self.members.push(Member { path, content: Vec::new(), mode: 0o777, target });
        self
    }

    /// The archive's file name.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}-0.conda", self.name, self.version)
    }

    fn index(&self) -> Value {
        json!({
            "name": self.name, "version": self.version, "build": "0", "build_number": 0,
            "depends": self.depends, "subdir": self.subdir, "license": "MIT",
        })
    }

    fn paths(&self) -> Value {
        if let Some(paths) = &self.paths {
            return paths.clone();
        }
        let entry = |member: &Member| {
            let mut entry = json!({
                "_path": member.path,
                "path_type": if member.target.is_some() { "softlink" } else { "hardlink" },
                "sha256": hex(&member.content),
                "size_in_bytes": member.content.len(),
            });
            let holder = PLACEHOLDER.as_bytes();
            if member.content.windows(holder.len()).any(|window| window == holder) {
                entry["prefix_placeholder"] = PLACEHOLDER.into();
                let binary = member.content.contains(&0);
                entry["file_mode"] = if binary { "binary".into() } else { "text".into() };
            }
            entry
        };
        json!({ "paths_version": 1, "paths": self.members.iter().map(entry).collect::<Vec<_>>() })
    }

    /// The archive.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let text = |value: Value| value.to_string().into_bytes();
        let info = [
            ("info/index.json", text(self.index())),
            ("info/paths.json", text(self.paths())),
            ("info/about.json", text(json!({}))),
        ];
        let info: Vec<Member> = info
            .into_iter()
            .map(|(path, content)| Member {
                path: path.to_owned(),
                content,
                mode: 0o644,
                target: None,
            })
            .collect();
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        let stem = self.file_name().replace(".conda", "");
        for (name, content) in [
            ("metadata.json".to_owned(), text(json!({ "conda_pkg_format_version": 2 }))),
            (format!("pkg-{stem}.tar.zst"), packed(&self.members)),
            (format!("info-{stem}.tar.zst"), packed(&info)),
        ] {
            zip.start_file(name, stored).unwrap();
            zip.write_all(&content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

/// A compressed archive of files, whatever their names are.
fn packed(members: &[Member]) -> Vec<u8> {
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for member in members {
        let mut header = tar::Header::new_gnu();
        header.set_mode(member.mode);
        header.set_mtime(1_700_000_000);
        if let Some(target) = &member.target {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, &member.path, target).unwrap();
            continue;
        }
        header.set_size(member.content.len() as u64);
        if member.path.len() > 99 {
            tar.append_data(&mut header, &member.path, &*member.content).unwrap();
            continue;
        }
        // A writer of archives would refuse some names.
        header.as_old_mut().name[..member.path.len()].copy_from_slice(member.path.as_bytes());
        header.set_cksum();
        tar.append(&header, &*member.content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A channel in a directory.
pub(crate) struct Channel {
    pub(crate) directory: PathBuf,
    records: BTreeMap<String, Value>,
}

impl Channel {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), records: BTreeMap::new() }
    }

    /// Adds a package, with what its record says instead of the truth.
    pub(crate) fn add(&mut self, package: &Package, lies: &Value) {
        let (archive, mut record) = (package.archive(), package.index());
        record["sha256"] = hex(&archive).into();
        record["size"] = archive.len().into();
        for (key, value) in lies.as_object().into_iter().flatten() {
            record[key] = value.clone();
        }
        let folder = self.directory.join(subdir());
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join(package.file_name()), archive).unwrap();
        self.records.insert(package.file_name(), record);
        for (folder, packages) in [(subdir(), json!(self.records)), ("noarch", json!({}))] {
            let text =
                json!({ "info": { "subdir": folder }, "packages": {}, "packages.conda": packages });
            let folder = self.directory.join(folder);
            fs_err::create_dir_all(&folder).unwrap();
            fs_err::write(folder.join("repodata.json"), text.to_string()).unwrap();
        }
    }
}

/// The part of a channel that is for this machine.
pub(crate) fn subdir() -> &'static str {
    if cfg!(target_arch = "aarch64") { "linux-aarch64" } else { "linux-64" }
}

fn hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
