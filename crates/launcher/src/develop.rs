//! `develop.watch` of compose files: which files a rule means, what changed of them, and how they come into containers.
//! Owns what Compose means by a rule; must not know when anybody looks, nor what an image has.
//!
//! Source: <https://docs.docker.com/reference/compose-file/develop/>.

mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use pyfast_root::Stamp;

pub use self::sync::{Mapped, Syncing, run, sync};
use crate::build_context::{BuildContext, Ignore, Kind, walk};
use crate::compose_file::{Build, ComposeProject, Service, WatchAction, WatchRule};

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

/// What a rule means, as it is at a time: files with their stamps, and directories.
pub type Tree = BTreeMap<PathBuf, Option<Stamp>>;

/// What changed of a rule's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule.
    pub rule: Rule,
    /// What is new or different.
    pub put: BTreeSet<PathBuf>,
    /// What is gone.
    pub gone: BTreeSet<PathBuf>,
}

impl Rules {
    /// The rules of these services. Blocks on the file system.
    pub fn of(project: &ComposeProject, selected: &BTreeSet<String>) -> Self {
        let mut rules = Self::default();
        let services = project.services.iter().filter(|(name, _)| selected.contains(*name));
        for (name, service) in services {
            for says in &service.watch {
                let shown = says.path.strip_prefix(&project.directory).unwrap_or(&says.path);
                match unfit(service, says) {
                    Some(why) => {
                        rules
                            .unfit
                            .push(format!("{name}: {} is not watched, {why}", shown.display()));
                    }
                    None => rules.held.push(Rule::new(name, service, says, shown)),
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
    fn new(name: &str, service: &Service, says: &WatchRule, shown: &Path) -> Self {
        let ignore = says.ignore.iter().map(String::as_str).chain(PASSING);
        let include = (!says.include.is_empty()).then(|| Ignore::parse(&says.include.join("\n")));
        Self {
            service: name.to_owned(),
            says: says.clone(),
            shown: shown.to_owned(),
            ignore: Ignore::parse(&ignore.collect::<Vec<_>>().join("\n")),
            include,
            context: service.build.as_ref().and_then(context),
        }
    }

    /// The service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// What the compose file says.
    pub fn says(&self) -> &WatchRule {
        &self.says
    }

    /// Whether a path is this rule's to decide about, be it that nothing is done for it.
    pub fn names(&self, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(&self.says.path) else { return false };
        self.include.as_ref().is_none_or(|include| is_meant(include, below))
    }

    /// Where a path of it is in containers.
    pub fn place(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.says.path).ok()?;
        let target = Path::new("/").join(self.says.target.as_ref()?);
        let place = if below.as_os_str().is_empty() { target } else { target.join(below) };
        Some(place.to_str()?.trim_end_matches('/').to_owned())
    }

    /// What it means now. Blocks on the file system; what cannot be read is not there.
    pub fn tree(&self) -> Tree {
        let path = &self.says.path;
        match fs_err::metadata(path) {
            Ok(facts) if facts.is_dir() => {}
            Ok(facts) => return Tree::from([(path.clone(), Some(Stamp::of(&facts)))]),
            Err(_) => return Tree::new(),
        }
        let found = walk(path, &self.ignore).unwrap_or_default().into_iter();
        let found = found.filter(|entry| !self.is_left_out(&entry.path));
        let meant = found.filter(|entry| match &self.include {
            Some(include) => {
                entry.kind != Kind::Directory && is_meant(include, Path::new(&entry.name))
            }
            None => true,
        });
        let stamped = meant.map(|entry| {
            let stamp = (entry.kind != Kind::Directory).then(|| Stamp::of(&entry.metadata));
            (entry.path, stamp)
        });
        stamped.collect()
    }

    /// Whether the build of the service leaves a path out.
    fn is_left_out(&self, path: &Path) -> bool {
        let Some(Context { directory, ignore }) = &self.context else { return false };
        path.strip_prefix(directory).is_ok_and(|below| is_meant(ignore, below))
    }

    /// What changed between two looks.
    pub fn change(&self, before: &Tree, now: &Tree) -> Change {
        let put = now.iter().filter(|(path, stamp)| before.get(*path) != Some(stamp));
        let gone = before.keys().filter(|path| !now.contains_key(*path));
        Change {
            rule: self.clone(),
            put: put.map(|(path, _)| path.clone()).collect(),
            gone: gone.cloned().collect(),
        }
    }
}

impl Change {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.gone.is_empty()
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
