//! The files that a project's containers were made from. Owns which those are and when a change of them counts as over.
//!
//! They may be replaced rather than written, on any file system, so they are looked at in turn, the more of them the
//! less often. New files show in their directories.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pyfast_crew::interrupt::Interrupts;
use pyfast_launcher::compose_file::{ComposeProject, WatchAction};
use pyfast_launcher::develop::{Change, Rule, Rules, Tree};
use pyfast_launcher::image::BuildSource;
use pyfast_root::Stamp;
use pyfast_settings::Settings;
use pyfast_settings::own_lock::is_lock;

use crate::defaults::assume;
use crate::description::{ComposeFlags, Description, inputs};
use crate::error::Error;
use crate::options::Following;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// The part of the time that looking may take: one of so many.
const SHARE: u32 = 15;
/// How long nothing may change until a change counts as over.
const QUIET: Duration = Duration::from_millis(100);

/// Files and directories as they looked at a time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watched {
    seen: BTreeMap<PathBuf, Seen>,
    /// What this program writes, which makes no directory another one.
    own: BTreeSet<PathBuf>,
    /// Those that are watched for images alone.
    code: BTreeSet<PathBuf>,
    holders: Vec<Holder>,
    rules: Rules,
    /// What each rule meant.
    trees: Vec<Tree>,
    /// Whether the project could not be read, of which no rule is known then.
    broken: bool,
    /// What each rule meant when all was done for it that was due.
    done: Vec<Tree>,
}

/// A service with the context that its image is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    service: String,
    context: PathBuf,
}

/// How one of them looked.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    File(Stamp),
    /// With these names in it.
    Directory(BTreeSet<OsString>),
}

/// What a change of the project shows in, as it is now: requirements with what they include, locks, compose files with
/// what they include, files of variables, and what its images are built from. Files that make no sense are among them.
pub fn watched(settings: &Settings, flags: &ComposeFlags, services: &[String]) -> Watched {
    let assumed = assume(settings, flags).ok().flatten();
    let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
    let directory = &settings.project.directory;
    let mut files = vec![directory.join(pyfast_settings::FILE), directory.join(".env")];
    files.extend(inputs(settings, flags, services));
    let (mut own, mut code) = (BTreeSet::new(), BTreeSet::new());
    let (mut holders, mut rules) = (Vec::new(), Rules::default());
    let described = Description::read(settings, flags, services);
    let broken = described.is_err();
    if let Ok(described) = described {
        for env in described.environments.keys() {
            files.extend(pyfast_crew::inputs::input_files(settings, env));
        }
        own.extend(described.written());
        let builds = described.project.services.values().filter_map(|one| one.build.as_ref());
        for build in builds.filter(|build| build.other.is_empty()) {
            // What cannot be read is told by `up`.
            let source = BuildSource::open(build, &described.variables);
            code.extend(source.and_then(BuildSource::files).unwrap_or_default());
        }
        holders = holders_of(&described.project);
        if let Ok(selected) = described.selected(services) {
            rules = Rules::of(&described.project, &selected, &own);
        }
    }
    code.retain(|file| !files.contains(file));
    files.extend(code.iter().cloned());
    files.retain(|file| !own.contains(file));
    let trees: Vec<Tree> = rules.held.iter().map(Rule::tree).collect();
    let done = trees.clone();
    Watched { code, holders, rules, trees, broken, done, ..Watched::now(files, own) }
}

/// The services that have code by the contexts that it is in, their own or those of a service with the same image.
fn holders_of(project: &ComposeProject) -> Vec<Holder> {
    let services = &project.services;
    let built = services.iter().filter_map(|(name, one)| Some((name, one, one.build.as_ref()?)));
    let holders = built.flat_map(|(name, builder, build)| {
        let shares = move |image: &Option<String>| image.is_some() && *image == builder.image;
        let those =
            services.iter().filter(move |(one, other)| *one == name || shares(&other.image));
        those.map(|(service, _)| Holder {
            service: service.clone(),
            context: (&build.context).into(),
        })
    });
    holders.collect()
}

impl Watched {
    fn now(files: impl IntoIterator<Item = PathBuf>, own: BTreeSet<PathBuf>) -> Self {
        let seen = files.into_iter().map(|file| (file.clone(), look(&file, &own))).collect();
        Self { seen, own, ..Self::default() }
    }

    /// The same files as they are now.
    fn again(&self) -> Self {
        Self {
            code: self.code.clone(),
            holders: self.holders.clone(),
            rules: self.rules.clone(),
            trees: self.trees_now(),
            done: self.done.clone(),
            broken: self.broken,
            ..Self::now(self.seen.keys().cloned(), self.own.clone())
        }
    }

    fn trees_now(&self) -> Vec<Tree> {
        let rules = self.rules.held.iter().zip(&self.trees);
        let trees = rules.map(|(rule, last)| {
            let mut tree = rule.tree();
            tree.keep(last);
            tree
        });
        trees.collect()
    }

    /// Takes over what is due since an earlier list was read; its rules too, where the project cannot be read now.
    /// What was done by rules that do not hold any more is forgotten.
    pub fn resume(&mut self, earlier: Option<&Self>, following: &mut Following) {
        if let Some(earlier) = earlier {
            self.take_over(earlier);
        }
        following.keep(&self.rules, earlier.map(|earlier| &earlier.rules));
    }

    fn take_over(&mut self, earlier: &Self) {
        if self.broken {
            self.rules = earlier.rules.clone();
            self.trees.clone_from(&earlier.trees);
            self.trees = self.trees_now();
            self.done.clone_from(&earlier.done);
            return;
        }
        for (at, rule) in self.rules.held.iter().enumerate() {
            let known = earlier.rules.held.iter().position(|one| one.is_same(rule));
            if let Some(known) = known {
                self.trees[at].keep(&earlier.trees[known]);
                self.done[at] = earlier.done[known].clone();
            }
        }
    }

    /// All that is due for a change is done, but for these paths.
    pub(crate) fn settle(&mut self, change: &Change, but: &BTreeSet<PathBuf>) {
        if let Some(at) = self.rules.held.iter().position(|one| *one == change.rule) {
            self.done[at].done(&self.trees[at], but);
        }
    }

    /// What rules mean that cannot be read, and why.
    pub(crate) fn unread(&self) -> BTreeMap<PathBuf, String> {
        self.trees.iter().flat_map(|tree| tree.unread().clone()).collect()
    }

    /// What the compose files say of changes.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What is due by rules.
    pub(crate) fn rule_changes(&self) -> Vec<Change> {
        let rules = self.rules.held.iter().zip(self.done.iter().zip(&self.trees));
        let changes = rules.map(|(rule, (done, tree))| rule.change(done, tree));
        changes.filter(|change| !change.is_empty()).collect()
    }

    /// All files of the rules that put them when watching begins.
    pub(crate) fn initial_changes(&self) -> Vec<Change> {
        let rules = self.rules.held.iter().zip(&self.trees);
        let initial = rules.filter(|(rule, _)| {
            let action = rule.says().action;
            let syncs = matches!(action, WatchAction::Sync | WatchAction::SyncRestart);
            rule.says().initial_sync && syncs
        });
        initial.map(|(rule, tree)| rule.change(&Tree::default(), tree)).collect()
    }

    /// Services whose images rules have built for what changed.
    pub fn builds(&self) -> BTreeSet<String> {
        let changes = self.rule_changes().into_iter().map(|change| change.rule);
        let builds = changes.filter(|rule| rule.says().action == WatchAction::Rebuild);
        builds.map(|rule| rule.service().to_owned()).collect()
    }

    /// What changed of files about which rules say that nothing is to be done.
    pub(crate) fn ignored_changes(&self, now: &Self) -> Vec<(Rule, BTreeSet<PathBuf>)> {
        let paths = self.changed_paths(now);
        let rules = now.rules.held.iter().zip(&now.trees);
        let changes = rules.map(|(rule, tree)| {
            let ignored = paths.iter().filter(|path| rule.names(path) && !tree.has(path));
            let put = ignored.cloned().collect();
            (rule.clone(), put)
        });
        changes.collect()
    }

    /// Whether anything changed that is not for rules alone to decide about.
    pub fn is_more(&self, now: &Self) -> bool {
        self.changed_paths(now).iter().any(|path| !self.is_ruled(path))
    }

    /// What looks different now, new and gone names in directories one by one.
    fn changed_paths(&self, now: &Self) -> Vec<PathBuf> {
        let changed = self.seen.iter().filter(|(path, seen)| now.seen.get(*path) != Some(*seen));
        let paths = changed.flat_map(|(path, seen)| match (seen, now.seen.get(path)) {
            (Seen::Directory(before), Some(Seen::Directory(now))) => {
                before.symmetric_difference(now).map(|name| path.join(name)).collect()
            }
            _ => vec![path.clone()],
        });
        paths.collect()
    }

    /// Whether every service that a path concerns has a rule for it.
    fn is_ruled(&self, path: &Path) -> bool {
        if self.seen.contains_key(path) && !self.code.contains(path) {
            return false;
        }
        let mut names = self.rules.held.iter().filter(|rule| rule.names(path)).peekable();
        let services: BTreeSet<&str> = match names.peek() {
            None => return false,
            Some(_) => names.map(Rule::service).collect(),
        };
        let holders = self.holders.iter().filter(|one| path.starts_with(&one.context));
        holders.into_iter().all(|one| services.contains(one.service.as_str()))
    }

    /// How many files they are.
    pub fn count(&self) -> usize {
        self.seen.values().filter(|seen| !matches!(seen, Seen::Directory(_))).count()
    }

    /// The files of another list that are not in this one, as they are now.
    #[must_use]
    pub fn missing_of(&self, other: &Self) -> Self {
        let missing = other.seen.keys().filter(|file| !self.seen.contains_key(*file));
        Self::now(missing.cloned(), other.own.clone())
    }

    /// Adds the files of another list.
    pub fn join(&mut self, other: Self) {
        self.seen.extend(other.seen);
        self.own.extend(other.own);
    }

    /// A sync has ended, and may have written locks.
    #[must_use]
    pub fn after_sync(mut self) -> Self {
        for (file, seen) in self.seen.iter_mut().filter(|(file, _)| is_lock(file)) {
            *seen = look(file, &self.own);
        }
        self
    }

    /// Returns when the files have changed and then been quiet for a while: how they are then.
    ///
    /// # Errors
    /// [`pyfast_crew::Error::Interrupted`].
    pub fn await_change(&self) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|source| pyfast_crew::Error::System { what: "a runtime", source })?;
        let mut interrupts = Interrupts::take();
        runtime.block_on(async {
            tokio::select! {
                now = self.changed() => Ok(now),
                () = interrupts.next() => Err(pyfast_crew::Error::Interrupted.into()),
            }
        })
    }

    async fn changed(&self) -> Self {
        loop {
            let begun = Instant::now();
            if self.seen.iter().any(|(file, was)| look(file, &self.own) != *was)
                || self.trees_now() != self.trees
            {
                break;
            }
            tokio::time::sleep(LOOK.max(begun.elapsed() * SHARE)).await;
        }
        let mut last = self.again();
        loop {
            tokio::time::sleep(QUIET).await;
            let next = self.again();
            if next == last {
                return last;
            }
            last = next;
        }
    }
}

fn look(path: &Path, own: &BTreeSet<PathBuf>) -> Seen {
    let Ok(facts) = fs_err::metadata(path) else { return Seen::Nothing };
    if !facts.is_dir() {
        return Seen::File(Stamp::of(&facts));
    }
    let entries = fs_err::read_dir(path).into_iter().flatten().flatten();
    let others = entries.filter(|entry| !own.contains(&entry.path()) && !is_lock(&entry.path()));
    Seen::Directory(others.map(|entry| entry.file_name()).collect())
}

#[cfg(test)]
mod tests;
