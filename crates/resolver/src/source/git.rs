//! Repositories, read by the user's own `git`: one bare clone for each URL in the cache, a commit for
//! each reference, and a working tree for each build. Knows nothing of what is in them.
//!
//! Credentials reach git by its environment: never on a command line, never in a file.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use url::Url;

use crate::cache::Cache;
use crate::client::Client;
use crate::error::Error;

/// Variables that would lead git to another repository.
const MISLEADING: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// A repository with its clone in the cache.
pub(crate) struct Git<'a> {
    url: &'a Url,
    client: &'a Client,
    bare: PathBuf,
}

/// Whether a text is a whole commit id (SHA-1 or SHA-256).
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes the files of a commit, submodules included, into `place`, which must not exist.
///
/// # Errors
/// [`Error::Repository`] for what git fails with.
pub fn check_out(
    client: &Client,
    cache: &Cache,
    (url, commit): (&Url, &str),
    place: &Path,
) -> Result<(), Error> {
    let git = Git::open(client, cache, url)?;
    git.bring(commit)?;
    let (bare, place_text) = (git.bare.display().to_string(), place.display().to_string());
    // Objects are shared with the clone, which outlives this working tree.
    let clone = ["clone", "--quiet", "--shared", "--no-checkout", "--", &bare, &place_text];
    git.run("clone", Path::new("/"), &clone)?;
    // Submodules are named relative to where the repository really is.
    git.run("prepare", place, &["remote", "set-url", "origin", url.as_str()])?;
    git.run("check out", place, &["checkout", "--quiet", "--detach", commit])?;
    if place.join(".gitmodules").is_file() {
        if client.is_offline() {
            return Err(git.failed("read the submodules of", "they may need the network"));
        }
        let update = ["submodule", "update", "--quiet", "--init", "--recursive"];
        git.run("read the submodules of", place, &update)?;
    }
    Ok(())
}

impl<'a> Git<'a> {
    /// Opens a repository; nothing is asked of its server yet.
    pub(crate) fn open(client: &'a Client, cache: &Cache, url: &'a Url) -> Result<Self, Error> {
        let bare = cache.repository(url).ok_or_else(|| {
            Error::Setting("repositories need a cache directory to be cloned into".to_owned())
        })?;
        Ok(Self { url, client, bare })
    }

    /// The commit that a reference names now: a branch, else a tag, else any other name or the
    /// beginning of a commit id; without one the head of the repository.
    pub(crate) fn commit(&self, reference: Option<&str>) -> Result<String, Error> {
        let _alone = self.alone()?;
        if let Some(commit) = reference.filter(|reference| is_commit(reference)) {
            self.bring_alone(commit)?;
            return Ok(commit.to_ascii_lowercase());
        }
        let named = reference.filter(|reference| reference.starts_with("refs/"));
        if !self.client.is_offline() {
            let more = match (reference, named) {
                (None, _) => Some("+HEAD:refs/pyfast/head".to_owned()),
                (_, Some(named)) => Some(format!("+{named}:refs/pyfast/asked/{named}")),
                _ => None,
            };
            self.fetch(more.as_deref())?;
        }
        let places = match (reference, named) {
            (None, _) => vec!["refs/pyfast/head".to_owned()],
            (_, Some(named)) => vec![format!("refs/pyfast/asked/{named}")],
            (Some(name), _) => {
                vec![format!("refs/heads/{name}"), format!("refs/tags/{name}"), name.to_owned()]
            }
        };
        let found = places.iter().find_map(|place| self.parse(place));
        found.ok_or_else(|| match (reference, self.client.is_offline()) {
            (_, true) => Error::Offline { url: self.url.clone() },
            (Some(name), _) => {
                self.failed("read", &format!("it has no branch, tag or commit `{name}`"))
            }
            (None, _) => self.failed("read", "it has no commit"),
        })
    }

    /// Has a commit in the clone.
    fn bring(&self, commit: &str) -> Result<(), Error> {
        let _alone = self.alone()?;
        self.bring_alone(commit)
    }

    fn bring_alone(&self, commit: &str) -> Result<(), Error> {
        if self.parse(commit).is_some() {
            return Ok(());
        }
        if self.client.is_offline() {
            return Err(Error::Offline { url: self.url.clone() });
        }
        // Few servers give a commit that no branch names, but most give one that a branch does.
        if self.fetch_only(&[commit]).is_ok() && self.parse(commit).is_some() {
            return Ok(());
        }
        self.fetch(None)?;
        if self.parse(commit).is_none() {
            return Err(self.failed("read", &format!("it has no commit {commit}")));
        }
        Ok(())
    }

    /// A text file of a commit; `None` where it has none of that name.
    pub(crate) fn file(&self, commit: &str, path: &str) -> Option<String> {
        let object = format!("{commit}:{path}");
        let bytes = self.run("read", &self.bare, &["cat-file", "blob", &object]).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// Branches and tags, and one more.
    fn fetch(&self, more: Option<&str>) -> Result<(), Error> {
        let refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        self.fetch_only(&[&refs[..], more.as_slice()].concat())
    }

    fn fetch_only(&self, refs: &[&str]) -> Result<(), Error> {
        // A repository that is itself a shallow clone gives nothing otherwise.
        let options = ["fetch", "--quiet", "--force", "--no-tags", "--update-shallow"];
        let fetch = [&options[..], &["--", self.url.as_str()]].concat();
        self.run("fetch", &self.bare, &[&fetch[..], refs].concat()).map(drop)
    }

    /// The commit that a name in the clone stands for.
    fn parse(&self, name: &str) -> Option<String> {
        let object = format!("{name}^{{commit}}");
        let parse = ["rev-parse", "--quiet", "--verify", "--end-of-options", &object];
        let found = self.run("read", &self.bare, &parse).ok()?;
        let found = String::from_utf8(found).ok()?.trim().to_owned();
        is_commit(&found).then_some(found)
    }

    /// Keeps other processes from the clone, which is made where there is none.
    fn alone(&self) -> Result<fs_err::File, Error> {
        let broken = |error: io::Error| self.failed("keep a clone of", &error.to_string());
        let parent = self.bare.parent().unwrap_or(&self.bare);
        fs_err::create_dir_all(parent).map_err(broken)?;
        let lock = fs_err::File::create(self.bare.with_extension("lock")).map_err(broken)?;
        lock.file().lock().map_err(broken)?;
        if !self.bare.join("HEAD").is_file() {
            let path = self.bare.display().to_string();
            self.run("clone", parent, &["init", "--quiet", "--bare", "--", &path])?;
        }
        Ok(lock)
    }

    fn run(&self, act: &'static str, place: &Path, arguments: &[&str]) -> Result<Vec<u8>, Error> {
        let mut command = Command::new("git");
        command
            .args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"])
            .args(["-c", "maintenance.auto=false", "-c", "advice.detachedHead=false"])
            // A server that stalls is given up after a minute.
            .args(["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"])
            .args(arguments)
            .current_dir(place)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        for name in MISLEADING {
            command.env_remove(name);
        }
        if let Some((key, value)) = self.credentials() {
            command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", key);
            command.env("GIT_CONFIG_VALUE_0", value);
        }
        let output = command.output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.failed(act, "the program `git` was not found"),
            _ => self.failed(act, &format!("cannot run git: {error}")),
        })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(self.failed(act, said.trim()))
    }

    /// A setting of git that puts user and password into URLs of this origin.
    fn credentials(&self) -> Option<(String, String)> {
        if !matches!(self.url.scheme(), "http" | "https") {
            return None;
        }
        let secret = self.client.credentials().for_url(self.url)?;
        let mut plain = self.url.clone();
        plain.set_path("/");
        plain.set_query(None);
        let mut full = plain.clone();
        full.set_username(&secret.user).ok()?;
        full.set_password(secret.password.as_deref()).ok()?;
        Some((format!("url.{full}.insteadOf"), plain.to_string()))
    }

    fn failed(&self, act: &'static str, reason: &str) -> Error {
        let reason = crate::credentials::redact(reason);
        Error::Repository { act, url: self.url.to_string(), reason }
    }
}
