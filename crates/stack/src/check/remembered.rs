//! What a check found the last time, which holds while it is asked the same and nothing of what it looked at has changed.
//! Must not know what is checked, nor how.

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use pyfast_checker::Files;
use pyfast_packaging::hash::Sha256;
use pyfast_root::Stamp;
use pyfast_settings::{Settings, kept};
use serde::{Deserialize, Serialize};

use super::found::Judged;
use super::observed::{Looks, Observed, Seen};

const KEPT: &str = "checks-1";

/// Where the last findings about something are kept, for one check.
#[derive(Debug)]
pub(super) struct Memory {
    /// `None` where the user has no cache.
    directory: Option<PathBuf>,
    /// Before anything was read, for whatever is read later once for all.
    begun: i64,
    looks: Looks,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// What was asked, by which program.
    question: String,
    seen: Seen,
    judged: Judged,
}

impl Memory {
    /// That of a project.
    pub(super) fn of(settings: &Settings) -> Self {
        let project = settings.project.directory.display().to_string();
        let digest = Sha256::of(project.as_bytes()).to_string();
        let cache = settings.cache_directory().ok();
        Self::within(cache.map(|cache| cache.join(KEPT).join(&digest[..32])))
    }

    fn within(directory: Option<PathBuf>) -> Self {
        Self { directory, begun: now(), looks: Looks::default() }
    }

    /// What is said of `what`, which depends on `question` and on the files that `find` looks at.
    pub(super) fn judged<E>(
        &self,
        what: &str,
        question: &dyn Debug,
        files: &dyn Files,
        find: impl FnOnce(&dyn Files) -> Result<Judged, E>,
    ) -> Result<Judged, E> {
        let (Some(directory), Ok(program)) = (&self.directory, Stamp::of_program()) else {
            return find(files);
        };
        let name = Sha256::of(what.as_bytes()).to_string();
        let file = directory.join(format!("{}.json", &name[..16]));
        let question = Sha256::of(format!("{program} {question:?}").as_bytes()).to_string();
        let known: Option<Kept> = kept::read(&file);
        let holds = |known: &Kept| known.question == question && known.seen.holds(&self.looks);
        if let Some(known) = known.filter(holds) {
            return Ok(known.judged);
        }
        let observed = Observed::new(files, &self.looks);
        let judged = find(&observed)?;
        let Some(seen) = observed.seen().filter(|seen| seen.is_settled(self.begun)) else {
            return Ok(judged);
        };
        let kept = Kept { question, seen, judged };
        // What is not kept is looked for again.
        let _ = kept::write(&file, &kept);
        Ok(kept.judged)
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::time::Duration;

    use pyfast_checker::{Disk, Finding, Rule, Severity};

    use super::*;

    fn finding(message: &str) -> Finding {
        Finding {
            rule: Rule::MissingModule,
            severity: Severity::Error,
            place: None,
            words: None,
            message: message.to_owned(),
            related: Vec::new(),
            hint: None,
            more: 0,
        }
    }

    #[test]
    fn findings_are_looked_for_again_when_question_or_files_have_changed() {
        let place = tempfile::tempdir().unwrap();
        let source = place.path().join("a.py");
        fs_err::write(&source, "one").unwrap();
        std::thread::sleep(Duration::from_millis(150));
        let looks = Cell::new(0);
        let ask = |question: &str| {
            let memory = Memory::within(Some(place.path().join("kept")));
            let judged = memory.judged("web", &question, &Disk, |files: &dyn Files| {
                looks.set(looks.get() + 1);
                let text = files.read(&source).unwrap();
                let found = vec![finding(&String::from_utf8(text).unwrap())];
                Ok::<_, Infallible>(Judged::from(found))
            });
            judged.unwrap().findings[0].message.clone()
        };
        assert_eq!((ask("q"), ask("q")), ("one".to_owned(), "one".to_owned()));
        assert_eq!(looks.get(), 1, "nothing has changed");
        assert_eq!((ask("another"), looks.get()), ("one".to_owned(), 2));
        fs_err::write(&source, "two").unwrap();
        assert_eq!((ask("another"), looks.get()), ("two".to_owned(), 3));
        // It had changed just before it was read.
        assert_eq!((ask("another"), looks.get()), ("two".to_owned(), 4));
    }
}
