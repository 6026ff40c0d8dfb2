//! Files and directories that a sync read, as they were when it began. Owns what counts as a change of
//! one; must not know what is in them.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pyfast_installer::build::{tree_digest, tree_listing};
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::source_dist::{PROJECT_FILES, SourceTree};
use pyfast_resolver::Lock;
use pyfast_root::Stamp;
use serde::{Deserialize, Serialize};

/// Inputs as they were when a sync began to read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    files: Vec<File>,
    trees: Vec<Tree>,
    /// Whether files of servers were read, which only the servers can say to be unchanged.
    remote: bool,
    /// When they were looked at, in nanoseconds since 1970.
    at_ns: i64,
}

/// A file, or a directory of which the entries count. Named as it was given: a link in the path may lead
/// elsewhere tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    path: PathBuf,
    /// `None` where there was nothing of that name.
    there: Option<There>,
}

/// What was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct There {
    stamp: Stamp,
    /// Digest of the content, or of a directory's entries.
    sha256: Sha256,
}

/// A directory of which every file below it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tree {
    path: PathBuf,
    /// Digest of names and stamps.
    listing: Sha256,
    /// When the newest of them changed, in nanoseconds since 1970.
    newest_ns: i64,
    /// Digest of the content.
    sha256: Sha256,
}

impl Inputs {
    /// Looks at files and directories, by absolute paths; what is not there is seen as such. `remote` says
    /// that files of servers are read besides.
    pub fn look(paths: &[PathBuf], remote: bool, now: SystemTime) -> Self {
        let files = paths.iter().filter_map(|path| File::read(path)).collect();
        Self { files, trees: Vec::new(), remote, at_ns: nanoseconds(now) }
    }

    /// Looks at all files of a directory, unless that was done.
    pub(crate) fn look_tree(&mut self, path: &Path) {
        if !self.trees.iter().any(|tree| tree.path == path) {
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
            for file in PROJECT_FILES.map(|name| project.join(name)) {
                if !self.files.iter().any(|one| one.path == file) {
                    self.files.extend(File::read(&file));
                }
            }
        }
    }

    /// Looks again at a file that the sync itself has written.
    pub fn look_again(&mut self, path: &Path) {
        self.files.retain(|file| file.path != path);
        self.files.extend(File::read(path));
    }

    /// Notes what a file will have, which is written once the sync has succeeded.
    pub(crate) fn expect(&mut self, path: &Path, content: &[u8]) {
        self.files.retain(|file| file.path != path);
        let there = There { stamp: Stamp::default(), sha256: Sha256::of(content) };
        self.files.push(File { path: path.to_owned(), there: Some(there) });
    }

    /// Whether all of it is as it was.
    pub fn hold(&self) -> bool {
        !self.remote
            && self.files.iter().all(|file| file.holds(self.at_ns))
            && self.trees.iter().all(|tree| tree.holds(self.at_ns))
    }
}

impl File {
    /// `None` for what cannot be read, which the sync itself tells.
    fn read(path: &Path) -> Option<Self> {
        let there = match fs_err::metadata(path) {
            Ok(facts) => {
                let content =
                    if facts.is_dir() { entries(path) } else { fs_err::read(path).ok()? };
                Some(There { stamp: Stamp::of(&facts), sha256: Sha256::of(&content) })
            }
            Err(_) => None,
        };
        Some(Self { path: path.to_owned(), there })
    }

    fn holds(&self, at_ns: i64) -> bool {
        let (facts, there) = match (fs_err::metadata(&self.path), &self.there) {
            (Ok(facts), Some(there)) => (facts, there),
            (facts, there) => return facts.is_err() && there.is_none(),
        };
        if facts.is_dir() {
            return Sha256::of(&entries(&self.path)) == there.sha256;
        }
        let stamp = Stamp::of(&facts);
        if stamp == there.stamp && stamp.is_settled(at_ns) {
            return true;
        }
        fs_err::read(&self.path).is_ok_and(|content| Sha256::of(&content) == there.sha256)
    }
}

impl Tree {
    fn read(path: &Path) -> Option<Self> {
        let (listing, newest_ns) = tree_listing(path).ok()?;
        let sha256 = tree_digest(path).ok()?;
        Some(Self {
            path: path.to_owned(),
            listing: Sha256::of(listing.as_bytes()),
            newest_ns,
            sha256,
        })
    }

    fn holds(&self, at_ns: i64) -> bool {
        let Ok((listing, newest_ns)) = tree_listing(&self.path) else { return false };
        let settled = newest_ns.saturating_add(COARSE_NS) < at_ns;
        if settled && Sha256::of(listing.as_bytes()) == self.listing {
            return true;
        }
        tree_digest(&self.path).is_ok_and(|content| content == self.sha256)
    }
}

/// As [`Stamp::is_settled`], of the newest of many.
const COARSE_NS: i64 = 100_000_000;

/// What a directory holds: names and stamps, sorted.
fn entries(directory: &Path) -> Vec<u8> {
    let entries = fs_err::read_dir(directory).into_iter().flatten().flatten();
    let mut lines: Vec<String> = entries
        .filter_map(|entry| {
            // Where a link leads counts; one that leads nowhere has a stamp of its own.
            let facts = fs_err::metadata(entry.path()).or_else(|_| entry.metadata()).ok()?;
            Some(format!("{} {}\n", entry.file_name().display(), Stamp::of(&facts)))
        })
        .collect();
    lines.sort();
    lines.concat().into_bytes()
}

fn nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use super::*;

    /// A directory of requirements, all of one size and time, as image layers have them.
    struct World(tempfile::TempDir);

    impl World {
        fn new() -> Self {
            let world = Self(tempfile::tempdir().unwrap());
            for folder in ["release-1", "release-2"] {
                fs_err::create_dir(world.path(folder)).unwrap();
            }
            world.write("release-1/r.txt", "a==1");
            world.write("release-2/r.txt", "a==2");
            world.link("release-1", "current");
            world.link("release-1/r.txt", "r.txt");
            world
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            fs_err::write(self.path(name), text).unwrap();
            let file = fs_err::File::options().write(true).open(self.path(name)).unwrap();
            file.file().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
        }

        fn link(&self, target: &str, name: &str) {
            let _ = fs_err::remove_file(self.path(name));
            symlink(target, self.path(name)).unwrap();
        }

        /// As seen long after they were written, so that stamps count.
        fn inputs(&self, name: &str) -> Inputs {
            let later = SystemTime::now() + Duration::from_secs(10);
            Inputs::look(&[self.path(name)], false, later)
        }
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_a_change() {
        let world = World::new();
        let inputs = world.inputs("r.txt");
        assert!(inputs.hold());
        world.link("release-2/r.txt", "r.txt");
        assert!(!inputs.hold());
        world.write("release-2/r.txt", "a==1");
        assert!(inputs.hold(), "other files of the same content are no change");
    }

    #[test]
    fn a_directory_above_that_leads_elsewhere_is_a_change() {
        let world = World::new();
        let inputs = world.inputs("current/r.txt");
        assert!(inputs.hold());
        world.link("release-2", "current");
        assert!(!inputs.hold());
    }

    #[test]
    fn other_content_of_the_same_size_and_time_is_a_change() {
        let world = World::new();
        let file = world.inputs("release-1/r.txt");
        let directory = world.inputs("release-1");
        let mut tree = Inputs::look(&[], false, SystemTime::now() + Duration::from_secs(10));
        tree.look_tree(&world.path("release-1"));
        assert!(file.hold() && directory.hold() && tree.hold());
        std::thread::sleep(Duration::from_millis(20));
        world.write("release-1/r.txt", "a==7");
        assert!(!file.hold() && !directory.hold() && !tree.hold());
    }

    #[test]
    fn what_comes_and_goes_is_a_change() {
        let world = World::new();
        let absent = world.inputs("none.txt");
        assert!(absent.hold());
        world.write("none.txt", "");
        assert!(!absent.hold());
        let there = world.inputs("none.txt");
        fs_err::remove_file(world.path("none.txt")).unwrap();
        assert!(!there.hold());
    }

    #[test]
    fn within_the_tick_of_a_clock_contents_are_compared() {
        let world = World::new();
        let inputs = Inputs::look(&[world.path("release-1/r.txt")], false, SystemTime::now());
        world.write("release-1/r.txt", "a==2");
        assert!(!inputs.hold());
        world.write("release-1/r.txt", "a==1");
        assert!(inputs.hold(), "written again, but the same content");
    }

    #[test]
    fn files_of_servers_never_hold() {
        assert!(!Inputs::look(&[], true, SystemTime::now()).hold());
    }
}
