//! Where an environment is: whoever can reach its root. Owns the trait and its first maker, a directory
//! that this process can write; must not know engines and containers.

use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};

use pyfast_installer::Sink;
use pyfast_installer::link::Habitat;
use pyfast_root::Root;

use crate::act::carry_out;
use crate::answer::answer;
use crate::crew::Means;
use crate::error::Error;
use crate::question::{Answer, Question};
use crate::site::Site;
use crate::state::State;
use crate::subject::Subject;

/// Whoever can answer questions about one environment, and change it.
pub trait Place {
    /// Answers.
    ///
    /// # Errors
    /// What the act that is asked for fails with.
    fn ask(&self, question: Question) -> Result<Answer, Error>;

    /// The environment.
    fn subject(&self) -> &Subject;

    /// The root, as whoever answers writes it.
    fn written(&self) -> &Path;

    /// The root, as Python sees it.
    fn seen(&self) -> &Path;

    /// Who writes to its environments.
    fn habitat(&self) -> Habitat;

    /// The root, for a sync of this process alone; `None` where only others reach it.
    ///
    /// # Errors
    /// If it cannot be made, is another's, or stays busy.
    fn begin(&self) -> Result<Option<&Site>, Error>;
}

/// A root that this process can write.
pub struct Directory<'a> {
    /// As this process writes it.
    pub written: PathBuf,
    /// As Python sees it.
    pub seen: PathBuf,
    /// Who writes to its environments.
    pub habitat: Habitat,
    /// The environment.
    pub subject: Subject,
    /// Told of each step.
    pub sink: Sink,
    /// Who brings wheels for a sync; who only asks needs nobody.
    pub means: Option<&'a dyn Means>,
    /// What a sync has of it.
    pub begun: Begun,
}

/// What a sync has of a root that it works in; nothing to begin with.
#[derive(Default)]
pub struct Begun {
    /// The state that the first look found to hold, so that nobody looks twice.
    looked: Cell<Option<State>>,
    /// The root, once the sync has it for itself.
    site: OnceCell<Site>,
}

impl Directory<'_> {
    fn site(&self) -> Result<&Site, Error> {
        if let Some(site) = self.begun.site.get() {
            return Ok(site);
        }
        let root = Root::create(&self.written, &self.seen)?;
        let site = Site::open(root, &self.subject, self.sink.clone(), self.begun.looked.take())?;
        Ok(self.begun.site.get_or_init(|| site))
    }
}

impl Place for Directory<'_> {
    fn ask(&self, question: Question) -> Result<Answer, Error> {
        if let Question::Sync { plan, now } = question {
            let means = self.means.ok_or(Error::Answer)?;
            let report = carry_out(self.site()?, *plan, means, now)?;
            return Ok(Answer::Sync(Box::new(report)));
        }
        if let Some(site) = self.begun.site.get() {
            return answer(Some(site.root()), &self.subject, &*self.sink, question);
        }
        let root = Root::find(&self.written, &self.seen)?;
        let answered = answer(root.as_ref(), &self.subject, &*self.sink, question)?;
        if let Answer::Look(look) = &answered {
            self.begun.looked.set(look.state.clone());
        }
        Ok(answered)
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn written(&self) -> &Path {
        &self.written
    }

    fn seen(&self) -> &Path {
        &self.seen
    }

    fn habitat(&self) -> Habitat {
        self.habitat
    }

    fn begin(&self) -> Result<Option<&Site>, Error> {
        self.site().map(Some)
    }
}
