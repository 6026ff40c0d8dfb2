//! What the last sync saw, so that the next one can tell in a few milliseconds that nothing moved:
//! no network, no Python, no threads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use pyfast_installer::{tree_digest, tree_listing};
use pyfast_packaging::source_dist::SourceTree;
use pyfast_resolver::Lock;
use pyfast_root::{Dir, Durability, Root};
use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::settings::Environment;

const FILE: &str = "state.json";
/// The most that it has, in bytes.
const LIMIT: u64 = 256 << 20;
/// Files that describe a Python project, and shape even an editable one.
pub(crate) const DESCRIPTION: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];
/// A change of [`State`] is a new number, and makes the next sync look for itself.
const VERSION: u32 = 2;
/// File systems and clocks tick coarsely: a file changed this shortly before it was read may change
/// again without a new time, so its content is compared.
const GRANULARITY_NS: u128 = 50_000_000;

/// One file that a sync read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Input {
    path: PathBuf,
    /// Whether there was nothing of that name.
    #[serde(default)]
    absent: bool,
    /// Zero for directories, whose listing is compared.
    size: u64,
    mtime_ns: u128,
    sha256: String,
}

/// What the last successful sync of an environment saw and made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    /// Everything that was read.
    inputs: Vec<Input>,
    /// Directories that were installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trees: Vec<Tree>,
    /// Whether files of servers were read, which only the servers can say to be unchanged.
    #[serde(default)]
    remote: bool,
    /// Digests of variables that requirements files expand.
    variables: BTreeMap<String, String>,
    /// Digest of all settings that shape the result.
    settings: String,
    /// Identity of the interpreter, or of the image it is in.
    interpreter: String,
    /// When the inputs were looked at, in nanoseconds since the epoch.
    seen_ns: u128,
    /// The generation that was activated.
    pub(crate) id: String,
    /// The result as `--json` shows it, without what differs from run to run.
    pub(crate) report: serde_json::Value,
}

/// Inputs as they were when a sync began to read them.
#[derive(Debug)]
pub(crate) struct Seen {
    inputs: Vec<Input>,
    trees: Vec<Tree>,
    remote: bool,
    at_ns: u128,
}

/// A directory of which every file counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tree {
    path: PathBuf,
    /// Digest of names, sizes and times.
    listing: String,
    /// The newest time, in nanoseconds since the epoch.
    newest_ns: u128,
    /// Digest of the content.
    sha256: String,
}

impl Seen {
    /// Looks at files and directories; what is not there is seen as such.
    pub(crate) fn look(paths: &[PathBuf]) -> Self {
        let at_ns = now_ns();
        let inputs = paths.iter().filter_map(|path| Input::read(path)).collect();
        Self { inputs, trees: Vec::new(), remote: false, at_ns }
    }

    /// Notes that files of servers were read besides.
    pub(crate) fn remote(mut self, remote: bool) -> Self {
        self.remote = remote;
        self
    }

    /// Looks at all files of a directory, unless that was done.
    pub(crate) fn look_tree(&mut self, path: &Path) {
        if !self.trees.iter().any(|known| known.path == path) {
            self.trees.extend(Tree::read(path));
        }
    }

    /// Looks at the directories that a lock installs, also those that another one asks for.
    pub(crate) fn look_trees(&mut self, lock: &Lock) {
        for tree in lock.packages.iter().filter_map(|package| package.tree.as_ref()) {
            let SourceTree::Directory(path) = &tree.tree else { continue };
            if !tree.editable {
                self.look_tree(path);
                continue;
            }
            let project = path.join(tree.subdirectory.as_deref().unwrap_or_default());
            for file in DESCRIPTION.map(|name| project.join(name)) {
                let Some(input) = Input::read(&file) else { continue };
                if !self.inputs.iter().any(|known| known.path == input.path) {
                    self.inputs.push(input);
                }
            }
        }
    }

    /// Looks again at a file that the sync itself has written.
    pub(crate) fn look_again(&mut self, path: &Path) {
        let Some(input) = Input::read(path) else { return };
        let absolute = std::path::absolute(path).unwrap_or_default();
        self.inputs.retain(|known| known.path != input.path && known.path != absolute);
        self.inputs.push(input);
    }
}

/// Where a sync's result depends on more than its inputs' content.
#[derive(Debug)]
pub(crate) struct Circumstances {
    pub(crate) settings: String,
    pub(crate) interpreter: String,
}

impl State {
    /// The state of an environment that has just been activated.
    pub(crate) fn new(
        seen: &Seen,
        variables: impl Iterator<Item = (String, String)>,
        circumstances: &Circumstances,
        id: String,
        report: serde_json::Value,
    ) -> Self {
        Self {
            version: VERSION,
            inputs: seen.inputs.clone(),
            trees: seen.trees.clone(),
            remote: seen.remote,
            variables: variables.map(|(name, value)| (name, digest(value.as_bytes()))).collect(),
            settings: circumstances.settings.clone(),
            interpreter: circumstances.interpreter.clone(),
            seen_ns: seen.at_ns,
            id,
            report,
        }
    }

    /// Reads the state kept in an environment's directory.
    pub(crate) fn load(directory: &Dir) -> Option<Self> {
        let bytes = directory.read(FILE, LIMIT).ok()??;
        let state: Self = serde_json::from_slice(&bytes).ok()?;
        (state.version == VERSION).then_some(state)
    }

    /// Writes it whole or not at all. Without it the next sync merely looks for itself.
    pub(crate) fn store(&self, directory: &Dir) -> Result<(), pyfast_root::Error> {
        // Maps with names as keys always have a JSON form.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        // Only who syncs reads it, and it has digests of variables that may be secret.
        directory.replace(FILE, &bytes, (0o600, Durability::Eventual))
    }

    /// Whether nothing that this state depends on has moved.
    pub(crate) fn holds(&self, circumstances: &Circumstances, environment: &Environment) -> bool {
        let unchanged = |(name, known): (&String, &String)| {
            let value = environment.all().get(name).map_or("", String::as_str);
            digest(value.as_bytes()) == *known
        };
        !self.remote
            && self.settings == circumstances.settings
            && self.interpreter == circumstances.interpreter
            && self.variables.iter().all(unchanged)
            && self.inputs.iter().all(|input| input.holds(self.seen_ns))
            && self.trees.iter().all(|tree| tree.holds(self.seen_ns))
    }
}

/// Forgets the states of all projects, because the store changed under them.
pub(crate) fn forget_all(root: &Root) -> Result<(), pyfast_root::Error> {
    for name in root.project_envs()? {
        if let Some(directory) = root.project_env(&name)? {
            directory.remove_file(FILE)?;
        }
    }
    Ok(())
}

impl Tree {
    fn read(path: &Path) -> Option<Self> {
        let (listing, newest_ns) = tree_listing(path).ok()?;
        let sha256 = tree_digest(path).ok()?.to_string();
        let listing = digest(listing.as_bytes());
        Some(Self { path: path.to_owned(), listing, newest_ns, sha256 })
    }

    fn holds(&self, seen_ns: u128) -> bool {
        let Ok((listing, _)) = tree_listing(&self.path) else { return false };
        if self.newest_ns + GRANULARITY_NS < seen_ns && digest(listing.as_bytes()) == self.listing {
            return true;
        }
        tree_digest(&self.path).is_ok_and(|content| content.to_string() == self.sha256)
    }
}

impl Input {
    fn read(path: &Path) -> Option<Self> {
        let Ok(metadata) = fs_err::metadata(path) else {
            let path = std::path::absolute(path).ok()?;
            let sha256 = String::new();
            return Some(Self { path, absent: true, size: 0, mtime_ns: 0, sha256 });
        };
        let content = if metadata.is_dir() { listing(path) } else { fs_err::read(path).ok()? };
        Some(Self {
            path: fs_err::canonicalize(path).ok()?,
            absent: false,
            size: if metadata.is_dir() { 0 } else { metadata.len() },
            mtime_ns: mtime_ns(&metadata),
            sha256: digest(&content),
        })
    }

    fn holds(&self, seen_ns: u128) -> bool {
        let Ok(metadata) = fs_err::metadata(&self.path) else { return self.absent };
        if self.absent {
            return false;
        }
        if metadata.is_dir() {
            return digest(&listing(&self.path)) == self.sha256;
        }
        let same_time = mtime_ns(&metadata) == self.mtime_ns;
        if metadata.len() != self.size {
            return false;
        }
        if same_time && self.mtime_ns + GRANULARITY_NS < seen_ns {
            return true;
        }
        fs_err::read(&self.path).is_ok_and(|content| digest(&content) == self.sha256)
    }
}

/// What a directory holds: names, sizes and times, sorted.
fn listing(directory: &Path) -> Vec<u8> {
    let entries = fs_err::read_dir(directory).into_iter().flatten().flatten();
    let mut lines: Vec<String> = entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            let name = entry.file_name();
            Some(format!("{} {} {}\n", name.display(), metadata.len(), mtime_ns(&metadata)))
        })
        .collect();
    lines.sort();
    lines.concat().into_bytes()
}

fn mtime_ns(metadata: &std::fs::Metadata) -> u128 {
    let time = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.unwrap_or_default().as_nanos()
}

fn now_ns() -> u128 {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

/// SHA-256 in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circumstances(settings: &str) -> Circumstances {
        Circumstances { settings: settings.to_owned(), interpreter: "i".to_owned() }
    }

    #[test]
    fn a_state_holds_until_something_moves() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("r.txt");
        fs_err::write(&file, "a==1").expect("written");
        let state = State::new(
            &Seen::look(std::slice::from_ref(&file)),
            [("TOKEN".to_owned(), String::new())].into_iter(),
            &circumstances("s"),
            "id".to_owned(),
            serde_json::Value::Null,
        );
        let open = Dir::open_named(directory.path()).expect("opened");
        state.store(&open).expect("stored");
        let state = State::load(&open).expect("loaded");
        let environment = Environment::default();
        assert!(state.holds(&circumstances("s"), &environment));
        assert!(!state.holds(&circumstances("other"), &environment));
        // The same size within the clock's granularity.
        fs_err::write(&file, "a==2").expect("written");
        assert!(!state.holds(&circumstances("s"), &environment));
        // Touched, but the same content.
        fs_err::write(&file, "a==1").expect("written");
        assert!(state.holds(&circumstances("s"), &environment));
        fs_err::remove_file(&file).expect("removed");
        assert!(!state.holds(&circumstances("s"), &environment));
    }
}
