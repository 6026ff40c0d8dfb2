//! Where an environment is: whoever can reach its root. Owns the trait and its first maker, a directory
//! that this process can write; must not know engines and containers.

use std::path::PathBuf;

use pyfast_installer::Sink;
use pyfast_root::Root;

use crate::answer::answer;
use crate::error::Error;
use crate::question::{Answer, Question, Subject};

/// Whoever can answer questions about one environment, and change it.
pub trait Place {
    /// Answers.
    ///
    /// # Errors
    /// What the act that is asked for fails with.
    fn ask(&self, question: Question) -> Result<Answer, Error>;
}

/// A root that this process can write.
pub struct Directory {
    /// As this process writes it.
    pub written: PathBuf,
    /// As Python sees it.
    pub seen: PathBuf,
    /// The environment.
    pub subject: Subject,
    /// Told of each step.
    pub sink: Sink,
}

impl Place for Directory {
    fn ask(&self, question: Question) -> Result<Answer, Error> {
        let root = Root::find(&self.written, &self.seen)?;
        answer(root.as_ref(), &self.subject, &*self.sink, question)
    }
}
