//! One round: plants, runs the commands, and looks whether everything is as it was.

use std::path::PathBuf;

use super::super::Args;
use super::super::decoy::Decoy;
use super::super::outcome::Outcome;
use super::super::plant::plant;
use super::super::readers::changes;
use super::super::snapshot::{Tree, differences, tree};
use super::arena::Arena;
use super::plan::Plan;
use super::swapper::Swapper;

impl Arena {
    /// Plays the plan; the fault that it found, in words that begin with its manner.
    pub(super) fn play(&mut self, plan: &Plan) -> Result<(), String> {
        self.restore();
        for one in &plan.plants {
            plant(&self.world.root, &one.place, &one.kind);
        }
        let outside = self.outside();
        let root = tree(&self.world.root, &[]);
        let mut result = plan.commands.iter().try_for_each(|args| self.run(args, plan));
        if plan.only_reads() && plan.swaps.is_empty() {
            let doctor = plan.commands.iter().find(|args| args[0] == "doctor");
            let after = tree(&self.world.root, &[]);
            let words = changes(doctor.copied().unwrap_or_default(), &root, &after);
            result = result.and_then(|()| silent("READER: changes the root", &words));
        }
        let words = differences(&outside, &self.outside());
        let result = result.and_then(|()| silent("PROJECT: changes", &words));
        let result = result.and_then(|()| self.link_is_own());
        if self.decoy.is_untouched().is_err() {
            self.mend();
        }
        result
    }

    fn run(&self, args: Args, plan: &Plan) -> Result<(), String> {
        let swapper = Swapper::start(&self.world.root, &self.side(), &plan.swaps);
        let outcome = Outcome::of(&mut self.world.command(args));
        swapper.stop();
        let folders = ["root", "home", "project", "side"].map(|name| self.world.path(name));
        outcome
            .is_orderly()
            .and_then(|()| self.decoy.is_untouched())
            .and_then(|()| Decoy::is_secret(&outcome, &folders))
            .map_err(|fault| format!("{fault}\n  of: pyfast {}\n{outcome}", args.join(" ")))
    }

    /// Everything of the world that is neither the root nor the user's caches: the decoy is looked at by itself.
    fn outside(&self) -> Tree {
        let own = ["root", "side", "home/.cache", "home/.local", "tmp", "template", "decoy"];
        let mut left_out: Vec<PathBuf> = own.iter().map(|name| self.world.path(name)).collect();
        left_out.push(self.world.path("sources"));
        let mut found = tree(&self.world.path(""), &left_out);
        // Rounds, caches and the link for editors come and go in these.
        let busy = [self.world.path(""), self.world.path("home"), self.world.project.clone()];
        found.retain(|path, _| !busy.contains(path) && *path != self.link());
        found
    }

    fn link(&self) -> PathBuf {
        self.world.project.join(".venv")
    }

    /// The link for editors follows whatever was synced, to a project of the root and nowhere else.
    fn link_is_own(&self) -> Result<(), String> {
        let projects = self.world.root.join("projects");
        match fs_err::read_link(self.link()) {
            Ok(target) if target.starts_with(&projects) => Ok(()),
            Ok(target) => Err(format!("PROJECT: .venv leads to {}", target.display())),
            Err(error) => Err(format!("PROJECT: .venv is no link any more: {error}")),
        }
    }
}

fn silent(what: &str, words: &[String]) -> Result<(), String> {
    if words.is_empty() { Ok(()) } else { Err(format!("{what}: {}", words.join("; "))) }
}
