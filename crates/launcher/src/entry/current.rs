//! From a project's `current` link to a leased generation. Owns the choice of the project, the reading of the link and
//! the waiting; must not know the command that will run.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyfast_root::layout::{CURRENT, project_env_path};
use pyfast_root::lease::Lease;
use pyfast_root::{ProjectEnv, Root, current_of};

use super::lease;
use super::{Entry, EntryEvent};
use crate::error::Error;

const POLL: Duration = Duration::from_millis(50);
const REPEAT: Duration = Duration::from_secs(5);
/// How long a generation that is just being collected may hold up a start: by then `current` names another.
const CHANGING: Duration = Duration::from_secs(2);
/// Signals that end the waiting. As process 1 it would not get them without asking.
const ENDING: [i32; 3] =
    [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGQUIT];

/// Why a command runs without a lease on a file system that grants none.
const UNSUPPORTED: &str = "its file system has no locks";
/// Why a command runs without a lease where another process keeps the generation locked.
const LOCKED: &str = "another process keeps it locked";

/// What `current` says.
#[derive(Debug)]
enum Found {
    Generation(Generation),
    /// Nothing yet; the link (or directory) that has to appear.
    Nothing(PathBuf),
}

/// A generation that `current` names.
#[derive(Debug)]
struct Generation {
    root: Root,
    id: String,
    project: String,
    link: PathBuf,
}

impl Generation {
    fn directory(&self) -> PathBuf {
        self.root.seen_env_path(&self.id)
    }

    /// Takes the lease on it, without waiting.
    fn lease(&self) -> Result<Lease, Error> {
        let Some(directory) = self.root.env(&self.id)? else { return Ok(Lease::Gone) };
        Ok(pyfast_root::lease::take(&directory)?)
    }

    fn held(self, lease: Result<OwnedFd, String>) -> Held {
        let directory = self.directory();
        Held { directory, project: self.project, lease: lease.map(lease::out_of_the_way) }
    }
}

/// A generation that is kept from being collected.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) directory: PathBuf,
    pub(super) project: String,
    /// The lease, or the system's reason for giving none.
    pub(super) lease: Result<OwnedFd, String>,
}

/// What came of one look at `current`.
#[derive(Debug)]
pub(super) enum Attempt {
    Held(Held),
    /// It names nothing, or what is just being collected.
    Later,
}

/// Resolves `current` once and takes the lease on what it names, without waiting.
pub(super) fn attempt(entry: &Entry) -> Result<Attempt, Error> {
    let Found::Generation(found) = find(entry)? else { return Ok(Attempt::Later) };
    Ok(match found.lease()? {
        Lease::Held(lease) => Attempt::Held(found.held(Ok(lease))),
        Lease::Unsupported => Attempt::Held(found.held(Err(UNSUPPORTED.to_owned()))),
        Lease::Gone | Lease::Busy => Attempt::Later,
    })
}

/// The generation that `current` names now, whether it can be used or not.
pub(super) fn named(entry: &Entry) -> Option<PathBuf> {
    match find(entry) {
        Ok(Found::Generation(found)) => Some(found.directory()),
        Ok(Found::Nothing(_)) | Err(_) => None,
    }
}

/// The `current` link of an entry that names its project.
pub(super) fn link(entry: &Entry) -> Option<PathBuf> {
    let name = ProjectEnv::new(entry.project.as_ref()?, &entry.env).ok()?;
    Some(project_env_path(&entry.root, &name).join(CURRENT))
}

/// Resolves `current` once and takes the lease on what it names, waiting for it where that was asked for.
pub(super) fn hold(entry: &Entry, event: &dyn Fn(EntryEvent)) -> Result<Held, Error> {
    let start = Instant::now();
    let mut waiting = None;
    loop {
        match find(entry)? {
            Found::Generation(found) => match found.lease()? {
                Lease::Held(lease) => return done(found.held(Ok(lease)), waiting.as_ref()),
                Lease::Unsupported => {
                    return done(found.held(Err(UNSUPPORTED.to_owned())), waiting.as_ref());
                }
                Lease::Gone if start.elapsed() >= CHANGING => {
                    let target = found.directory();
                    return Err(Error::CurrentLink { path: found.link, target });
                }
                // A collector would be done by now, and none removes what is current.
                Lease::Busy if start.elapsed() >= CHANGING => {
                    return done(found.held(Err(LOCKED.to_owned())), waiting.as_ref());
                }
                Lease::Gone | Lease::Busy => {
                    waiting.get_or_insert_with(Waiting::new);
                }
            },
            Found::Nothing(link) => {
                let left = entry.wait.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return Err(Error::NoEnvironment {
                        root: entry.root.clone(),
                        project: entry.project.clone(),
                        env: entry.env.clone(),
                        waited: entry.wait,
                    });
                }
                waiting.get_or_insert_with(Waiting::new).tell(event, link, left);
            }
        }
        interrupted(waiting.as_ref())?;
        std::thread::sleep(POLL);
    }
}

fn done(held: Held, waiting: Option<&Waiting>) -> Result<Held, Error> {
    // A signal that came while waiting must not be lost on the command.
    interrupted(waiting)?;
    Ok(held)
}

fn interrupted(waiting: Option<&Waiting>) -> Result<(), Error> {
    match waiting.map_or(0, |waiting| waiting.signal.load(Ordering::SeqCst)) {
        0 => Ok(()),
        signal => Err(Error::Interrupted { signal: i32::try_from(signal).unwrap_or_default() }),
    }
}

/// The state of a wait: the signal that came, and when the user was last told.
struct Waiting {
    signal: Arc<AtomicUsize>,
    told: Option<Instant>,
}

impl Waiting {
    fn new() -> Self {
        let signal = Arc::new(AtomicUsize::new(0));
        for number in ENDING {
            // Where a handler cannot be installed the signal keeps its default action, which ends the process too.
            let value = usize::try_from(number).unwrap_or_default();
            let _ = signal_hook::flag::register_usize(number, Arc::clone(&signal), value);
        }
        Self { signal, told: None }
    }

    fn tell(&mut self, event: &dyn Fn(EntryEvent), link: PathBuf, left: Duration) {
        if self.told.is_none_or(|told| told.elapsed() >= REPEAT) {
            self.told = Some(Instant::now());
            event(EntryEvent::Waiting { link, left });
        }
    }
}

/// Resolves `current` once.
fn find(entry: &Entry) -> Result<Found, Error> {
    // Paths are those that the command will see, which are this process's own.
    let Some(root) = Root::find(&entry.root, &entry.root)? else {
        return Ok(Found::Nothing(link(entry).unwrap_or_else(|| entry.root.clone())));
    };
    let project = match &entry.project {
        Some(project) => project.clone(),
        None => match only_project(&root)? {
            Some(project) => project,
            None => return Ok(Found::Nothing(entry.root.clone())),
        },
    };
    let name = ProjectEnv::new(&project, &entry.env)?;
    let link = root.project_env_path(&name).join(CURRENT);
    let Some(directory) = root.project_env(&name)? else { return Ok(Found::Nothing(link)) };
    Ok(match current_of(&directory)? {
        Some(id) => Found::Generation(Generation { root, id, project, link }),
        None => Found::Nothing(link),
    })
}

/// The one project of the root; `None` when there is none yet.
fn only_project(root: &Root) -> Result<Option<String>, Error> {
    let Some(projects) = root.projects()? else { return Ok(None) };
    let entries = projects.entries()?.into_iter().filter(|entry| entry.kind.is_dir());
    let mut names: Vec<String> =
        entries.map(|entry| entry.name.to_string_lossy().into_owned()).collect();
    match names.len() {
        0 | 1 => Ok(names.pop()),
        _ => Err(Error::SeveralProjects { root: root.written().into(), projects: names }),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn entry(root: &Path, project: Option<&str>, wait: Duration) -> Entry {
        Entry {
            root: root.into(),
            project: project.map(str::to_owned),
            env: "default".into(),
            argv: vec!["true".into()],
            environment: Vec::new(),
            wait,
        }
    }

    fn make(root: &Path, project: &str, id: &str) {
        let generation = root.join("envs/v1").join(id);
        pyfast_root::Root::create(root, root).unwrap();
        fs_err::create_dir_all(&generation).unwrap();
        fs_err::write(generation.join("env.json"), "{}").unwrap();
        let env = root.join("projects").join(project).join("default");
        fs_err::create_dir_all(&env).unwrap();
        symlink(format!("../../../envs/v1/{id}"), env.join(".new")).unwrap();
        fs_err::rename(env.join(".new"), env.join("current")).unwrap();
    }

    const AT_ONCE: Duration = Duration::ZERO;

    fn held(entry: &Entry) -> Result<PathBuf, Error> {
        hold(entry, &|_| {}).map(|held| {
            assert!(held.lease.is_ok());
            held.directory
        })
    }

    #[test]
    fn the_link_is_resolved_to_its_generation() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), "shop", "abc");
        let expected = root.path().join("envs/v1/abc");
        assert_eq!(held(&entry(root.path(), Some("shop"), AT_ONCE)).unwrap(), expected);
        assert_eq!(held(&entry(root.path(), None, AT_ONCE)).unwrap(), expected);
        make(root.path(), "shop", "def");
        assert_eq!(
            held(&entry(root.path(), None, AT_ONCE)).unwrap(),
            root.path().join("envs/v1/def")
        );
    }

    #[test]
    fn several_projects_are_listed_when_none_is_named() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), "shop", "abc");
        make(root.path(), "bank", "abc");
        let error = held(&entry(root.path(), None, AT_ONCE)).unwrap_err();
        assert!(
            error.to_string().ends_with("holds several projects (bank, shop): which one is meant?"),
            "{error}"
        );
        assert!(held(&entry(root.path(), Some("bank"), AT_ONCE)).is_ok());
    }

    #[test]
    fn links_that_lead_elsewhere_are_refused() {
        let root = tempfile::tempdir().unwrap();
        make(root.path(), "shop", "abc");
        let link = root.path().join("projects/shop/default/current");
        for target in [
            "/etc",
            "../../../envs/v1",
            "../../../envs/v1/a/b",
            "../../../envs/v1/..",
            "../../../envs/v9/a",
        ] {
            fs_err::remove_file(&link).unwrap();
            symlink(target, &link).unwrap();
            let error = held(&entry(root.path(), None, AT_ONCE)).unwrap_err().to_string();
            assert!(error.contains(&format!("it leads to {target}, which is no")), "{error}");
        }
        fs_err::remove_file(&link).unwrap();
        make(root.path(), "shop", "abc");
        fs_err::remove_dir_all(root.path().join("envs/v1/abc")).unwrap();
        let error = held(&entry(root.path(), None, AT_ONCE)).unwrap_err();
        assert!(
            matches!(error, Error::CurrentLink { target, .. } if target.ends_with("envs/v1/abc"))
        );
    }

    #[test]
    fn nothing_there_fails_at_once_or_after_the_wait() {
        let root = tempfile::tempdir().unwrap();
        let error = held(&entry(root.path(), None, AT_ONCE)).unwrap_err();
        assert!(matches!(error, Error::NoEnvironment { waited: AT_ONCE, .. }));
        let told = RefCell::new(Vec::new());
        let wait = Duration::from_millis(120);
        let start = Instant::now();
        let error =
            hold(&entry(root.path(), Some("shop"), wait), &|event| told.borrow_mut().push(event))
                .unwrap_err();
        assert!(start.elapsed() >= wait);
        assert!(matches!(error, Error::NoEnvironment { waited, .. } if waited == wait));
        let told = told.into_inner();
        assert_eq!(told.len(), 1, "told once, not at every look: {told:?}");
        assert!(
            matches!(&told[0], EntryEvent::Waiting { link, .. } if link.ends_with("projects/shop/default/current"))
        );
    }

    #[test]
    fn an_environment_that_appears_ends_the_wait() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().to_path_buf();
        let later = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            make(&path, "shop", "abc");
        });
        let found = held(&entry(root.path(), None, Duration::from_secs(20))).unwrap();
        later.join().unwrap();
        assert!(found.ends_with("envs/v1/abc"));
    }
}
