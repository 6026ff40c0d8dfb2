//! What a reader must know to judge the figures, in sentences. Only about what was really run.

use crate::scenario::{Action, Cache, Import, Links, Scenario, Start};
use crate::tool::Common;

/// Said when other work spoils the figures.
pub(crate) const BUSY: &str =
    "THE MACHINE WAS BUSY when the comparison began: do not rely on these figures.";

/// Said when the user ended it early.
pub(crate) const INTERRUPTED: &str =
    "INTERRUPTED: these are the figures of the runs until then, fewer than were asked for.";

/// Said by a pyfast that was built for its developers.
pub(crate) const UNOPTIMISED: &str =
    "THIS PYFAST IS NOT OPTIMISED: compare one that was built with `cargo build --release`.";

/// Said where uv is to be compared with and none was found.
pub(crate) const NO_UV: &str = "uv is left out: it is not on PATH and `--uv PATH` was not given.";

/// The notes on a comparison of these scenarios.
pub(crate) fn notes(scenarios: &[Scenario], common: &Common, mirrored: bool) -> Vec<String> {
    let any = |holds: &dyn Fn(Scenario) -> bool| scenarios.iter().any(|scenario| holds(*scenario));
    let mut notes = vec![if common.compile {
        "All tools compile bytecode. pyfast keeps it in its store, so an environment from a full cache has it already."
    } else {
        "No tool compiles bytecode."
    }];
    if any(&|scenario| {
        scenario.goal() != crate::scenario::Goal::Printed && scenario.start() == Start::Empty
    }) {
        notes.push(
            "The virtual environments of pip and uv are made before the clock starts; pyfast makes its environment while it runs.",
        );
    }
    if any(&|scenario| scenario.cache() == Cache::Full) {
        notes.push("With a full cache uv and pyfast run with --offline; pip has no such mode and asks the index.");
    }
    if any(&|scenario| scenario.action() == Action::Resolve) {
        notes.push("pip resolves with `install --dry-run`, which fetches whole wheels where there is no metadata file.");
    }
    if any(&|scenario| scenario.action() == Action::InstallLocked) {
        notes.push("From a lock: `pyfast sync --frozen`, `uv pip sync` and `pip install --no-deps` of the same exact versions.");
    }
    if scenarios.contains(&Scenario::Rollback) {
        notes.push("Back to the earlier lock: `pyfast rollback`, and `uv pip sync` of the earlier versions.");
    }
    if any(&|scenario| scenario.links() == Links::Volume) {
        notes.push("As in a volume: `--link-mode tree`, links to whole directories of the store; elsewhere pyfast's environments are real directories of hard links or clones, as uv's are.");
    }
    if any(&|scenario| scenario.links() == Links::Own) {
        notes.push("`cold-bytecode` and `remote` have bytecode, whatever is asked of the other scenarios. pyfast runs as in a container that makes its environment itself: the program in its root, with links and bytecode as in a volume.");
    }
    if scenarios.contains(&Scenario::Remote) {
        notes.push("The remote store is a directory of this machine, with neither latency nor a limit of bandwidth, whatever the mirror has; with it pyfast runs with --offline.");
    }
    if any(&|scenario| scenario.import() != Import::Never) {
        notes.push("Imports: whatever of the set can be imported, in one process of the environment's interpreter, which keeps the bytecode it compiles. `first-start` has the installation on the clock, `imports` is the second process and later ones.");
    }
    if mirrored {
        notes.push("The mirror runs on the same machine and had fetched everything before the clock started.");
    }
    notes.push("Processor time is user and system time with children; memory is the peak of the largest single process.");
    notes.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_speak_only_of_what_was_run() {
        let common = Common { python: "/python".into(), index_url: None, compile: false };
        let all = notes(&Scenario::USUAL, &common, true);
        assert_eq!(all.len(), 10);
        let shared = notes(&[Scenario::ColdBytecode, Scenario::Remote], &common, false);
        assert_eq!(shared.len(), 6);
        assert!(shared[4].contains("directory of this machine"), "{shared:?}");
        let few = notes(&[Scenario::Noop], &common, false);
        assert_eq!(few.len(), 3);
        assert!(few[1].contains("--offline"));
    }
}
