//! What the user of an environment is told once, and what a quiet sync had to say of it: a sync that finds nothing to do
//! reads nothing, so the next one that is heard says that. Owns which news are kept; must not know in which words they
//! are told.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use pyfast_environment::venv_link::Taken;
use pyfast_settings::{Settings, kept};
use serde::{Deserialize, Serialize};

use crate::event::{Event, Events};
use crate::remembered::place;
use crate::task::{Report, Task};

/// How the names of the files end: what was told once, and what nobody heard.
pub(crate) const FILES: [&str; 2] = [TOLD, UNHEARD];
const TOLD: &str = "told";
const UNHEARD: &str = "unheard";

/// Something that holds as long as the environment is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum News {
    Warning(String),
    NotInstalled { file: PathBuf, commands: Vec<String> },
    OthersLock { env: String, other: PathBuf, own: PathBuf },
    VenvTaken { taken: Taken, current: PathBuf },
    KeptOutOfGit { file: PathBuf },
}

impl News {
    /// `None` of what goes on, which is over when the sync is.
    fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Warning(text) => Self::Warning(text.clone()),
            Event::NotInstalled { file, commands } => {
                Self::NotInstalled { file: file.clone(), commands: commands.clone() }
            }
            Event::OthersLock { env, other, own } => {
                Self::OthersLock { env: env.clone(), other: other.clone(), own: own.clone() }
            }
            Event::VenvTaken { taken, current } => {
                Self::VenvTaken { taken: taken.clone(), current: current.clone() }
            }
            Event::KeptOutOfGit { file } => Self::KeptOutOfGit { file: file.clone() },
            _ => return None,
        })
    }

    fn event(self) -> Event {
        match self {
            Self::Warning(text) => Event::Warning(text),
            Self::NotInstalled { file, commands } => Event::NotInstalled { file, commands },
            Self::OthersLock { env, other, own } => Event::OthersLock { env, other, own },
            Self::VenvTaken { taken, current } => Event::VenvTaken { taken, current },
            Self::KeptOutOfGit { file } => Event::KeptOutOfGit { file },
        }
    }
}

/// The news of a sync that nobody hears.
#[derive(Default)]
pub(crate) struct Unheard(Arc<Mutex<Vec<News>>>);

impl Unheard {
    /// Who is told what goes on. Where nobody hears it, the news are kept here.
    pub(crate) fn events(&self, task: Task<'_>) -> Events {
        let (events, unheard) = (Arc::clone(task.events), Arc::clone(&self.0));
        if is_heard(task) {
            return events;
        }
        Arc::new(move |event| {
            if let Some(news) = News::of(&event) {
                unheard.lock().unwrap_or_else(PoisonError::into_inner).push(news);
            }
            events(event);
        })
    }

    /// Tells what syncs before had to say where this one read nothing, and what was left for it, and keeps what nobody heard.
    pub(crate) fn settle(self, task: Task<'_>, report: &Report) {
        let file = unheard_of(task.settings).filter(|_| !task.options.dry_run);
        let Some(file) = file else { return };
        let known: Option<Kept> = kept::read(&file);
        let unheard = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if known.is_none() && unheard.is_empty() {
            return;
        }
        let mut kept = known.unwrap_or_default();
        if !report.untouched {
            // What was read anew has been said anew, if it still holds.
            kept.of_syncs.clear();
        }
        if is_heard(task) {
            let news = kept.of_syncs.drain(..).chain(kept.left.drain(..).map(News::Warning));
            for event in news.map(News::event) {
                if is_news(task, &event) {
                    task.tell(event);
                }
            }
        }
        for news in unheard {
            if !kept.of_syncs.contains(&news) {
                kept.of_syncs.push(news);
            }
        }
        // They are told again, or never, where the disk refuses.
        let _ = if kept.of_syncs.is_empty() && kept.left.is_empty() {
            fs_err::remove_file(&file)
        } else {
            kept::write(&file, &kept)
        };
    }
}

/// What nobody heard, in a file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// What syncs said, of what they had read.
    of_syncs: Vec<News>,
    /// Warnings of what goes on after a sync has ended.
    left: Vec<String>,
}

/// The file of what nobody heard of an environment.
pub(crate) fn unheard_of(settings: &Settings) -> Option<PathBuf> {
    file(settings, UNHEARD)
}

/// Leaves a warning for the next sync that is heard.
pub(crate) fn leave_warning(file: &Path, text: String) {
    let mut kept: Kept = kept::read(file).unwrap_or_default();
    if !kept.left.contains(&text) {
        kept.left.push(text);
        // Where the disk refuses, nobody is told.
        let _ = kept::write(file, &kept);
    }
}

/// Whether the user does not know this yet. From now on they do, if they hear it.
pub(crate) fn is_news(task: Task<'_>, event: &Event) -> bool {
    let Event::NotInstalled { file: project, commands } = event else { return true };
    let Some(file) = file(task.settings, TOLD) else { return true };
    let project = task.settings.project.working_directory.join(project);
    let project = fs_err::canonicalize(&project).unwrap_or(project);
    let text = format!("{} {}", project.display(), commands.join(" "));
    let mut told: Vec<String> = kept::read(&file).unwrap_or_default();
    let is_news = !told.contains(&text);
    if is_news && is_heard(task) {
        told.push(text);
        // They are told again where the disk refuses.
        let _ = kept::write(&file, &told);
    }
    is_news
}

/// Whether somebody hears what a sync says of the environment that it leaves.
fn is_heard(task: Task<'_>) -> bool {
    !task.options.dry_run && !task.settings.flags.quiet
}

fn file(settings: &Settings, ending: &str) -> Option<PathBuf> {
    place(settings).as_deref().map(|file: &Path| file.with_extension(ending))
}
