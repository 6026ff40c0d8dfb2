//! Repositories, read by the user's own `git`: one bare clone for each URL in the cache, a commit for
//! each reference, and a working tree for each build. Knows nothing of what is in them.

mod clone;
mod command;

use std::path::Path;

use url::Url;

use pyfast_packaging::safe_url::{public_address, redact};

use crate::cache::Cache;
use crate::client::{Client, Cloning};
use crate::error::Error;
use clone::BareClone;
use command::Call;

/// A repository with its clone in the cache.
pub struct Git<'a> {
    url: &'a Url,
    client: &'a Client,
    bare: BareClone,
}

/// Whether a text is a whole commit id (SHA-1 or SHA-256).
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes the files of a commit, submodules included, into `place`, which must not exist.
///
/// # Errors
/// [`Error::Repository`] for what git fails with.
pub fn check_out(
    client: &Client,
    cache: &Cache,
    url: &Url,
    commit: &str,
    place: &Path,
) -> Result<(), Error> {
    let git = Git::open(client, cache, url)?;
    git.bring(commit)?;
    let (bare, place_text) = (git.bare.path.display().to_string(), place.display().to_string());
    // Objects are shared with the clone, which outlives this working tree.
    let clone = ["clone", "--quiet", "--shared", "--no-checkout", "--", &bare, &place_text];
    git.settle()?;
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
    ///
    /// # Errors
    /// [`Error::Setting`] without a cache, or for an address that no repository has.
    pub fn open(client: &'a Client, cache: &Cache, url: &'a Url) -> Result<Self, Error> {
        let bare = cache.repository(url).ok_or_else(|| {
            Error::Setting("repositories need a cache directory to be cloned into".to_owned())
        })?;
        pyfast_packaging::requirement_source::check_address(url).map_err(|reason| {
            Error::Setting(format!("cannot use the repository {url}: {reason}"))
        })?;
        Ok(Self { url, client, bare: BareClone::new(bare, cache) })
    }

    /// The commit that a reference names now: a branch, else a tag, else any other name or the
    /// beginning of a commit id; without one the head of the repository.
    ///
    /// # Errors
    /// [`Error::Repository`], [`Error::Clone`] or [`Error::Offline`].
    pub fn commit(&self, reference: Option<&str>) -> Result<String, Error> {
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
            (_, true) => Error::Offline { url: public_address(self.url) },
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
            return Err(Error::Offline { url: public_address(self.url) });
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

    /// A text file of a commit, by way of its links; `None` where it has none of that name.
    ///
    /// # Errors
    /// A link that leads out of the repository or nowhere; what git says.
    pub fn file(&self, commit: &str, path: &str) -> Result<Option<String>, Error> {
        if path.contains('\n') {
            return Err(self.failed("read", "a name in it has several lines"));
        }
        let arguments = &["cat-file", "--batch", "--follow-symlinks"];
        let call = Call { arguments, input: &format!("{commit}:{path}\n") };
        let answer = self.call_in_clone("read", call)?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, text) = answer.split_once('\n').unwrap_or((&answer, ""));
        if head.ends_with(" missing") {
            return Ok(None);
        }
        match head.split(' ').collect::<Vec<_>>()[..] {
            [_, "blob", _] => Ok(Some(text.strip_suffix('\n').unwrap_or(text).to_owned())),
            [_, "tree" | "commit", _] => Ok(None),
            _ => {
                let reason = format!("`{path}` is a link that leads to no file of it ({head})");
                Err(self.failed("read", &reason))
            }
        }
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
        self.client.tell(&public_address(self.url), Cloning::Begins);
        let fetched = self.run_in_clone("fetch", &[&fetch[..], refs].concat());
        self.client.tell(&public_address(self.url), Cloning::Ended);
        fetched.map(drop)
    }

    /// The commit that a name in the clone stands for.
    fn parse(&self, name: &str) -> Option<String> {
        let object = format!("{name}^{{commit}}");
        let parse = ["rev-parse", "--quiet", "--verify", "--end-of-options", &object];
        let found = self.run_in_clone("read", &parse).ok()?;
        let found = String::from_utf8(found).ok()?.trim().to_owned();
        is_commit(&found).then_some(found)
    }

    /// Keeps other processes from the clone, which is made where there is none.
    fn alone(&self) -> Result<std::fs::File, Error> {
        let (lock, found) = self.bare.claim().map_err(|reason| self.unusable(reason))?;
        if !found {
            let path = self.bare.path.display().to_string();
            let init = ["init", "--quiet", "--bare", "--template=", "--", &path];
            self.run("clone", self.bare.parent(), &init)?;
        }
        Ok(lock)
    }

    /// Sees to it that git finds no settings in the clone but ours.
    fn settle(&self) -> Result<(), Error> {
        self.bare.settle().map_err(|reason| self.unusable(reason))
    }

    fn run_in_clone(&self, act: &'static str, arguments: &[&str]) -> Result<Vec<u8>, Error> {
        self.call_in_clone(act, Call { arguments, input: "" })
    }

    fn call_in_clone(&self, act: &'static str, call: Call<'_>) -> Result<Vec<u8>, Error> {
        self.settle()?;
        // Named, it is not looked for: what is no clone would have git look in the directories above.
        let place = format!("--git-dir={}", self.bare.path.display());
        let arguments = &[&[place.as_str()][..], call.arguments].concat();
        self.call(act, &self.bare.path, Call { arguments, ..call })
    }

    fn run(&self, act: &'static str, place: &Path, arguments: &[&str]) -> Result<Vec<u8>, Error> {
        self.call(act, place, Call { arguments, input: "" })
    }

    fn call(&self, act: &'static str, place: &Path, call: Call<'_>) -> Result<Vec<u8>, Error> {
        let secret = self.client.credentials().for_url(self.url);
        let secret = secret.as_ref().map(|secret| (self.url, secret));
        command::run(place, self.client, call, secret).map_err(|reason| self.failed(act, &reason))
    }

    fn failed(&self, act: &'static str, reason: &str) -> Error {
        let reason = redact(reason);
        Error::Repository { act, url: public_address(self.url).into(), reason }
    }

    fn unusable(&self, reason: String) -> Error {
        let (url, place) = (public_address(self.url).into(), self.bare.path.clone());
        Error::Clone { url, place, reason }
    }
}
