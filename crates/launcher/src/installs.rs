//! What a Dockerfile installs of Python's, and the Dockerfile without it, for an image whose packages come with a volume.
//! Owns the reading of installers' calls and the decision what is not needed any more; must not know what packages are,
//! nor the file system.
//!
//! One thing that is not understood, or may be needed by something else, keeps the whole text as it is, and is told.

mod command;
mod edit;
mod gate;
mod plan;
mod script;
mod stages;

use std::collections::BTreeMap;

pub(crate) use command::is_installer;
use command::{Act, is_tool};
use plan::{Planner, has_login, needed, own};
use stages::{Lines, Stage, commands, stages};

/// Which builds of a Dockerfile are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Its text.
    pub text: &'a str,
    /// The arguments of the builds.
    pub arguments: &'a BTreeMap<String, Option<String>>,
    /// The stages that are built; `None` is the last.
    pub targets: &'a [Option<String>],
}

/// What is known of the environment that the services start in.
pub struct Given<'a> {
    /// Whether it has what a requirements file says, by its name as the Dockerfile has it.
    pub provided: &'a dyn Fn(&str) -> bool,
    /// Whether it has what the project's own file states.
    pub project: bool,
    /// Whether it has the project itself.
    pub itself: bool,
    /// A package that may have to be compiled in the image.
    pub compiled: Option<String>,
    /// What services start instead of what the image says.
    pub commands: &'a [Vec<String>],
    /// The text of a file of the project by its name in the image, where that is certain.
    pub script: &'a dyn Fn(&str) -> Option<String>,
}

/// A requirement that a Dockerfile installs by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As it is written there.
    pub text: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// Something that stays in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there, in one line.
    pub text: String,
    /// Why.
    pub why: String,
}

/// What a Dockerfile comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Without {
    /// Its text without what is not needed; `None` where nothing goes.
    pub text: Option<String>,
    /// The requirements by name that the environment is to have, in their order.
    pub named: Vec<Named>,
    /// What keeps the text whole, or stays in though it served installs.
    pub left: Vec<Left>,
}

/// A Dockerfile that was read.
pub struct Installs<'a> {
    lines: Lines<'a>,
    stages: Vec<Stage>,
    targets: &'a [Option<String>],
}

impl<'a> Installs<'a> {
    /// Reads a Dockerfile.
    pub fn read(question: &Question<'a>) -> Self {
        let lines = Lines::new(question.text);
        let stages = stages(&lines, question.arguments);
        Self { lines, stages, targets: question.targets }
    }

    /// The requirements that are installed by name, in their order, installers left out.
    pub fn named(&self) -> Vec<Named> {
        let (needed, _) = needed(&self.stages, self.targets);
        self.named_by(&|stage, _, _| needed.contains(&stage))
    }

    /// Those of the commands that count, by stage, instruction and number.
    fn named_by(&self, counts: &dyn Fn(usize, usize, usize) -> bool) -> Vec<Named> {
        let counting = commands(&self.stages).filter(|at| counts(at.stage, at.step, at.number));
        let named = counting.flat_map(|at| {
            let line = self.lines.line_of(at.command.place().start) + 1;
            let packages = match at.act {
                Act::Installs(install) => install.packages.as_slice(),
                _ => &[],
            };
            // What only the build knows is not the environment's to have.
            let valued = |text: &String| {
                at.command.words.iter().any(|word| word.valued && word.text == *text)
            };
            let own = packages
                .iter()
                .filter(move |text| !is_tool(text) && !has_login(text) && !valued(text));
            own.map(move |text| Named { text: text.clone(), line })
        });
        named.collect()
    }

    /// The Dockerfile without what an environment provides.
    pub fn without(&self, given: &Given<'_>) -> Without {
        let (needed, targets) = needed(&self.stages, self.targets);
        let own = own(&self.stages, &targets);
        let (lines, stages) = (&self.lines, &self.stages[..]);
        let number = |target: &String| target.parse::<usize>().is_ok();
        let numbered = self.targets.iter().flatten().any(number);
        let planner = Planner { lines, stages, needed, targets, numbered, given };
        let plan = planner.plan();
        // What a stage that is copied from installs for itself is no concern of the services'.
        let named = self.named_by(&|stage, step, number| {
            let there = own.contains(&stage) || plan.named.contains(&(stage, step, number));
            there && !plan.elsewhere
        });
        let text = edit::without(&self.lines, &self.stages, &plan);
        let text = Some(text).filter(|text| text != self.lines.text);
        Without { text, named, left: plan.left }
    }
}

#[cfg(test)]
mod tests;
