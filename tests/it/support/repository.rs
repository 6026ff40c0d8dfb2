//! Git repositories made by tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::source::Sdist;
use super::world::World;

/// A repository with a work tree of its own.
pub(crate) struct Repository {
    pub(crate) folder: PathBuf,
}

impl Repository {
    /// An empty repository whose branch is `main`.
    pub(crate) fn new(world: &World, name: &str) -> Self {
        let folder = world.path("repositories").join(name);
        fs_err::create_dir_all(&folder).unwrap();
        let repository = Self { folder };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    /// Runs git in it and gives what it prints.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.args(["-c", "user.name=t", "-c", "user.email=t@h.test"]).args(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits a source below `place`, and gives the commit.
    #[track_caller]
    pub(crate) fn commit(&self, place: &str, source: &Sdist) -> String {
        source.write(&self.folder.join(place));
        self.commit_all()
    }

    /// Commits everything there is.
    #[track_caller]
    pub(crate) fn commit_all(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Its URL as a requirement writes it; `suffix` follows.
    pub(crate) fn url(&self, suffix: &str) -> String {
        format!("git+{}{suffix}", file_url(&self.folder))
    }
}

/// `file:///…`
pub(crate) fn file_url(path: &Path) -> String {
    format!("file://{}", path.display())
}
