//! Calls that install what a project's own file states: `uv sync`, `poetry install`. Owns what their options mean; must
//! not know what an environment has.

use super::{Act, Install};

/// Options that change nothing of what is installed.
const PLAIN: [&str; 18] = [
    "--compile",
    "--compile-bytecode",
    "--frozen",
    "--inexact",
    "--locked",
    "--no-ansi",
    "--no-cache",
    "--no-editable",
    "--no-interaction",
    "--no-managed-python",
    "--no-progress",
    "--no-python-downloads",
    "--quiet",
    "--sync",
    "--verbose",
    "-n",
    "-q",
    "-v",
];
/// The same with a value.
const VALUED: [&str; 4] = ["--cache-dir", "--link-mode", "--python", "-p"];
/// What leaves development's groups out.
const ALONE: [&str; 6] = [
    "--no-dev",
    "--no-default-groups",
    "--only=main",
    "--only main",
    "--without=dev",
    "--without dev",
];

const GROUPS: &str =
    "it installs groups of dependencies, too, which `--no-dev` or `--only main` would leave out";
const UNKNOWN: &str = "an option of it is not known";

/// A call with what stands behind its verb.
pub(super) fn read(program: &str, arguments: &[String]) -> Act {
    let has = |flag: &str| arguments.iter().any(|word| word == flag);
    let place = (program == "uv").then(|| ".venv".to_owned());
    let without = Install { project: true, place, ..Install::default() };
    if has("--no-install-project") || has("--no-root") {
        return Act::Installs(without);
    }
    let mut words = arguments.iter();
    let mut alone = false;
    while let Some(word) = words.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        let pair = || format!("{word} {}", words.as_slice().first().map_or("", String::as_str));
        if ALONE.contains(&word.as_str()) {
            alone = true;
        } else if ALONE.contains(&pair().as_str()) {
            alone = true;
            words.next();
        } else if VALUED.contains(&name) {
            if name == word {
                words.next();
            }
        } else if !PLAIN.contains(&word.as_str()) {
            return Act::Unclear(UNKNOWN);
        }
    }
    let special = (!alone).then_some(GROUPS);
    Act::Installs(Install { itself: true, special, ..without })
}
