//! Packages of the system that served installs alone: compilers, headers, and what prepares and cleans up around them. Owns
//! when these go; must not know why an install does.

use std::collections::BTreeSet;

use super::later::Later;
use super::{Plan, Planner};
use crate::installs::command::{Act, System, compiles};
use crate::installs::stages::{At, Does};

/// Programs that compile, or call what does.
const COMPILING: [&str; 21] = [
    "c++",
    "cargo",
    "cc",
    "clang",
    "clang++",
    "cmake",
    "configure",
    "g++",
    "gcc",
    "gfortran",
    "go",
    "ld",
    "make",
    "meson",
    "ninja",
    "node-gyp",
    "npm",
    "pkg-config",
    "pnpm",
    "rustc",
    "yarn",
];

impl Planner<'_> {
    /// Compilers and headers, unless something else may compile.
    pub(super) fn compilers(&self, plan: &mut Plan) {
        let systems = || {
            self.commands().filter(|at| self.needed.contains(&at.stage)).filter_map(|at| {
                match at.act {
                    Act::System(System::Packages { names, group }) => Some((at, names, group)),
                    _ => None,
                }
            })
        };
        let compiling = systems().find(|(_, names, _)| names.iter().any(|one| compiles(&one.0)));
        let Some((first, ..)) = compiling else { return };
        let why = match (&self.given.compiled, self.compiling(plan)) {
            (Some(package), _) => Some(format!("{package} may have to be compiled in this image")),
            (None, Some(other)) => Some(format!("{other} may compile")),
            (None, None) => None,
        };
        if let Some(why) = why {
            plan.left.push(self.left(&first, why));
            return;
        }
        let mut groups = BTreeSet::new();
        for (at, names, group) in systems() {
            let all = names.iter().all(|(name, _)| compiles(name) || groups.contains(name));
            match group {
                // It goes as a whole or not at all: it is removed by its name.
                Some(_) if !all => {}
                _ if all && !names.is_empty() => {
                    groups.extend(group.clone());
                    plan.commands.insert((at.stage, at.step, at.number));
                }
                _ => {
                    let gone = names.iter().filter(|(name, _)| compiles(name));
                    plan.words.extend(gone.map(|(_, place)| place.clone()));
                }
            }
        }
    }

    /// What stays and may compile.
    fn compiling(&self, plan: &Plan) -> Option<String> {
        let compiles = |words: &[String]| {
            words
                .iter()
                .flat_map(|word| word.split(|c: char| !"+-".contains(c) && !c.is_alphanumeric()))
                .any(|word| COMPILING.contains(&word))
        };
        if self.given.commands.iter().any(|words| compiles(words)) {
            return Some("what a service starts".to_owned());
        }
        let stays = |at: &At<'_>| !plan.commands.contains(&at.place());
        let other = self.asked().filter(stays).find(|at| match at.act {
            Act::System(_) => false,
            Act::Needs => true,
            _ => compiles(&at.command.texts()),
        });
        if let Some(other) = other {
            return Some(format!("`{}`", self.shown(other.command)));
        }
        let steps = self.needed.iter().flat_map(|stage| &self.stages[*stage].steps);
        let starts = steps.filter_map(|step| match &step.does {
            Does::Starts(words) if compiles(words) => Some(step.lines.start + 1),
            _ => None,
        });
        starts.map(|line| format!("what line {line} starts")).next()
    }

    /// What prepared installs of the system's packages (`apt-get update`) and cleaned up behind them, where they all go.
    pub(super) fn around(&self, later: &Later<'_>, plan: &mut Plan) {
        let mut gone = Vec::new();
        for stage in &self.needed {
            let dependent = &later.dependents[*stage];
            let own = |at: &At<'_>| at.stage == *stage || dependent.contains(&at.stage);
            let mut installs = self.commands().filter(own).filter(|at| {
                let packages = matches!(at.act, Act::System(System::Packages { .. }));
                packages || matches!(at.act, Act::Needs | Act::Unclear(_))
            });
            let goes = |at: At<'_>| plan.commands.contains(&(at.stage, at.step, at.number));
            if installs.next().is_none_or(|first| !goes(first)) || !installs.all(goes) {
                continue;
            }
            let around = self.commands().filter(|at| at.stage == *stage).filter(|at| {
                let idle = matches!(at.act, Act::System(System::Around));
                // It is for what follows in its instruction.
                idle && at.command.words.first().is_some_and(|word| word.text != "set")
            });
            gone.extend(around.map(|at| (at.stage, at.step, at.number)));
        }
        plan.commands.extend(gone);
    }
}
