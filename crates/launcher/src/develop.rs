//! `develop.watch` of compose files: which files a rule means, what changed of them, and how they come into containers.
//! Owns what Compose means by a rule; must not know when anybody looks, nor what an image has.
//!
//! Source: <https://docs.docker.com/reference/compose-file/develop/>.

mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use pyfast_root::Stamp;

pub use self::sync::{Gone, Mapped, Refused, Syncing, sync};
use crate::build_context::{BuildContext, Ignore, Kind, walk_readable};
use crate::compose_file::{Build, ComposeProject, Service, WatchAction, WatchRule, absolute};
pub use crate::hook::run;

/// What editors and version control leave beside what is edited.
const PASSING: [&str; 12] = [
    "**/.git",
    "**/.idea",
    "**/*___jb_old___",
    "**/*___jb_tmp___",
    "**/.#*",
    "**/#*#",
    "**/4913",
    "**/*~",
    "**/.*.sw[nopx]",
    "**/.*.kate-swp",
    "**/*-go-tmp-umask",
    "**/.DS_Store",
];

/// What this program writes itself, wherever that is.
const OWN: [&str; 3] = ["**/pylock.toml", "**/pylock.*.toml", "**/.venv"];

/// The rules of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Those that hold, service by service in their order.
    pub held: Vec<Rule>,
    /// Why others do not, in words.
    pub unfit: Vec<String>,
}

/// A rule of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    service: String,
    /// What the compose file says.
    says: WatchRule,
    /// Its path without links.
    path: PathBuf,
    /// Its path as it is shown.
    shown: PathBuf,
    ignore: Ignore,
    include: Option<Ignore>,
    /// The context of the service's build, and what is left out of that.
    context: Option<Context>,
}

/// The context of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Context {
    directory: PathBuf,
    ignore: Ignore,
}

/// What a rule means, as it is at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Files with their stamps, and directories.
    found: BTreeMap<PathBuf, Option<Stamp>>,
    /// What cannot be read, and why.
    unread: BTreeMap<PathBuf, String>,
}

/// What changed of a rule's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule.
    pub rule: Rule,
    /// What is new or different.
    pub put: BTreeSet<PathBuf>,
    /// Files and links that are gone, or are directories now.
    pub gone: BTreeSet<PathBuf>,
    /// Directories that are gone, or are none any more.
    pub gone_directories: BTreeSet<PathBuf>,
}

impl Rules {
    /// The rules of these services, for which what this program writes does not count. Blocks on the file system.
    pub fn of(
        project: &ComposeProject,
        selected: &BTreeSet<String>,
        own: &BTreeSet<PathBuf>,
    ) -> Self {
        let mut rules = Self::default();
        let services = project.services.iter().filter(|(name, _)| selected.contains(*name));
        for (name, service) in services {
            for says in &service.watch {
                let shown = match says.path.strip_prefix(&project.directory) {
                    Ok(below) if below.as_os_str().is_empty() => Path::new("."),
                    below => below.unwrap_or(&says.path),
                };
                if let Some(why) = unfit(service, says) {
                    let shown = shown.display();
                    rules.unfit.push(format!("{name}: {shown} is not watched, {why}"));
                } else {
                    let rule = Rule {
                        service: name.clone(),
                        says: says.clone(),
                        path: without_links(&says.path, &project.directory),
                        shown: shown.to_owned(),
                        ignore: Ignore::default(),
                        include: None,
                        context: service.build.as_ref().and_then(context),
                    };
                    rules.held.push(rule.with_patterns(own));
                }
            }
        }
        rules
    }
}

/// Why a rule cannot be followed, where that is so.
fn unfit(service: &Service, says: &WatchRule) -> Option<&'static str> {
    if says.action == WatchAction::Rebuild && service.build.is_none() {
        return Some("as there is nothing to build it from");
    }
    let mounted = service.volumes.iter().filter_map(|volume| volume.split(':').next());
    let mounted = mounted.filter(|source| source.starts_with('/'));
    let covers = mounted.into_iter().any(|source| says.path.starts_with(source));
    (says.action.syncs() && covers).then_some("as the service mounts it")
}

impl Rule {
    fn with_patterns(mut self, own: &BTreeSet<PathBuf>) -> Self {
        let own = own.iter().filter_map(|path| {
            let below =
                path.strip_prefix(&self.path).or(path.strip_prefix(&self.says.path)).ok()?;
            below.to_str().filter(|below| !below.is_empty())
        });
        let ignore =
            self.says.ignore.iter().map(String::as_str).chain(PASSING).chain(OWN).chain(own);
        self.ignore = Ignore::parse(&ignore.collect::<Vec<_>>().join("\n"));
        let include = &self.says.include;
        self.include = (!include.is_empty()).then(|| Ignore::parse(&include.join("\n")));
        self
    }

    /// The service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// What the compose file says.
    pub fn says(&self) -> &WatchRule {
        &self.says
    }

    /// Whether another rule is this one, read at another time.
    pub fn is_same(&self, other: &Self) -> bool {
        self.service == other.service && self.says == other.says
    }

    /// Whether a path is this rule's to decide about, be it that nothing is done for it.
    pub fn names(&self, path: &Path) -> bool {
        let Some(below) = self.below(path) else { return false };
        self.include.as_ref().is_none_or(|include| is_meant(include, below))
    }

    fn below<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.strip_prefix(&self.path).or_else(|_| path.strip_prefix(&self.says.path)).ok()
    }

    /// Where a path of it is in containers.
    pub fn place(&self, path: &Path) -> Option<String> {
        let below = self.below(path)?;
        let target = absolute(Path::new("/"), Path::new(self.says.target.as_ref()?));
        let place = if below.as_os_str().is_empty() { target } else { target.join(below) };
        Some(place.to_str()?.to_owned())
    }

    /// Whether it syncs what is at a place of containers. Blocks on the file system.
    pub fn syncs_to(&self, place: &str) -> bool {
        let target = self.says.target.as_ref().filter(|_| self.says.action.syncs());
        let target = target.map(|target| absolute(Path::new("/"), Path::new(target)));
        let below = target.as_ref().and_then(|target| Path::new(place).strip_prefix(target).ok());
        // Of a file nothing is below its place.
        let within = |below: &Path| self.path.is_dir() && self.names(&self.path.join(below));
        below.is_some_and(|below| below.as_os_str().is_empty() || within(below))
    }

    /// What it means now. Blocks on the file system.
    pub fn tree(&self) -> Tree {
        let path = &self.path;
        let mut tree = Tree::default();
        match fs_err::metadata(path) {
            Ok(facts) if facts.is_dir() => {}
            Ok(facts) => {
                tree.found.insert(path.clone(), Some(Stamp::of(&facts)));
                return tree;
            }
            Err(error) => {
                let gone = [ErrorKind::NotFound, ErrorKind::NotADirectory];
                if !gone.contains(&error.kind()) {
                    tree.unread.insert(path.clone(), error.to_string());
                }
                return tree;
            }
        }
        let (found, unread) = walk_readable(path, &self.ignore);
        let left_out = |path: &Path| self.is_left_out(path);
        tree.unread = unread.into_iter().filter(|(path, _)| !left_out(path)).collect();
        let found = found.into_iter().filter(|entry| !left_out(&entry.path));
        let meant = found.filter(|entry| match &self.include {
            Some(include) => {
                entry.kind != Kind::Directory && is_meant(include, Path::new(&entry.name))
            }
            None => true,
        });
        tree.found.extend(meant.map(|entry| {
            let stamp = (entry.kind != Kind::Directory).then(|| Stamp::of(&entry.metadata));
            (entry.path, stamp)
        }));
        tree
    }

    /// Whether the build of the service leaves a path out.
    fn is_left_out(&self, path: &Path) -> bool {
        let Some(Context { directory, ignore }) = &self.context else { return false };
        path.strip_prefix(directory).is_ok_and(|below| is_meant(ignore, below))
    }

    /// What changed between two looks.
    pub fn change(&self, before: &Tree, now: &Tree) -> Change {
        let put = now.found.iter().filter(|(path, stamp)| before.found.get(*path) != Some(stamp));
        let gone = before.found.iter().filter(|(path, stamp)| match now.found.get(*path) {
            Some(now) => now.is_some() != stamp.is_some(),
            None => !now.is_unread(path),
        });
        let (files, directories): (Vec<_>, Vec<_>) = gone.partition(|(_, stamp)| stamp.is_some());
        Change {
            rule: self.clone(),
            put: put.map(|(path, _)| path.clone()).collect(),
            gone: files.into_iter().map(|(path, _)| path.clone()).collect(),
            gone_directories: directories.into_iter().map(|(path, _)| path.clone()).collect(),
        }
    }
}

impl Tree {
    /// Whether there is such a file or directory.
    pub fn has(&self, path: &Path) -> bool {
        self.found.contains_key(path)
    }

    /// What cannot be read, and why.
    pub fn unread(&self) -> &BTreeMap<PathBuf, String> {
        &self.unread
    }

    fn is_unread(&self, path: &Path) -> bool {
        path.ancestors().any(|one| self.unread.contains_key(one))
    }

    /// Where something cannot be read, it is taken to be as it was.
    pub fn keep(&mut self, last: &Self) {
        if self.unread.is_empty() {
            return;
        }
        for (path, stamp) in &last.found {
            if self.is_unread(path) {
                self.found.entry(path.clone()).or_insert(*stamp);
            }
        }
    }

    /// Takes over what was done with this tree, but for some paths, for which all is left to be done.
    pub fn done(&mut self, now: &Self, but: &BTreeSet<PathBuf>) {
        let open = but.iter().map(|path| (path.clone(), self.found.remove(path)));
        let open: Vec<_> = open.collect();
        self.clone_from(now);
        for (path, stamp) in open {
            match stamp {
                Some(stamp) => drop(self.found.insert(path, stamp)),
                None => drop(self.found.remove(&path)),
            }
        }
    }
}

impl Change {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.gone.is_empty() && self.gone_directories.is_empty()
    }
}

/// A path as it is reached without links, below the project's directory where it is in it.
fn without_links(path: &Path, project: &Path) -> PathBuf {
    let Ok(real) = fs_err::canonicalize(path) else { return path.to_owned() };
    let below = fs_err::canonicalize(project)
        .ok()
        .and_then(|project| Some(real.strip_prefix(project).ok()?.to_owned()));
    match below {
        Some(below) if below.as_os_str().is_empty() => project.to_owned(),
        Some(below) => project.join(below),
        None => real,
    }
}

fn context(build: &Build) -> Option<Context> {
    let BuildContext { directory, ignore, .. } = BuildContext::open(build).ok()?;
    Some(Context { directory, ignore })
}

/// Whether patterns mean a path, by itself or with a directory that it is in.
fn is_meant(patterns: &Ignore, path: &Path) -> bool {
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    let (mut meant, mut matched) = (false, patterns.root());
    for end in 1..=parts.len() {
        (meant, matched) = patterns.check(&parts[..end], &matched);
    }
    meant
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.says.action {
            WatchAction::Sync => "sync",
            WatchAction::Restart => "restart",
            WatchAction::SyncRestart => "sync+restart",
            WatchAction::SyncExec => "sync+exec",
            WatchAction::Rebuild => "rebuild",
        };
        write!(f, "{}: {action} on {}", self.service, self.shown.display())?;
        self.says.target.as_ref().map_or(Ok(()), |target| write!(f, " → {target}"))
    }
}

#[cfg(test)]
mod tests;
