//! What the file system of a root can do, tried. Owns how bad it is to be without something, and what then happens; which
//! flag names another place is the command line's.

use std::io;
use std::path::Path;

use pyfast_root::trial::{Ability, Mount, Trial};

use super::{Finding, Level};

const ROOT: &str = "root";
const ABILITIES: &str = "file-system";
const SPACE: &str = "space";

/// Below this there is no room for a usual environment.
const LITTLE: u64 = 1 << 30;

/// Tries the file system of an existing directory, which is called `place` for people. Where it failed another directory
/// would do.
pub fn file_system(directory: &Path, place: &str) -> Vec<Finding> {
    let trial = match Trial::of(directory) {
        Ok(trial) => trial,
        Err(error) => return vec![unwritable(place, &error)],
    };
    let mut findings = vec![Finding::ok(ROOT, format!("{place}: writable"))];
    findings.push(abilities(&trial, place));
    if let Some(mount) = Mount::of(directory) {
        findings.extend(mount.noexec.then(|| no_programs(place)));
        findings.push(space(&mount, place));
    }
    if let Some(error) = &trial.left {
        let message = format!("{place}: what was tried cannot be removed: {error}");
        findings.push(Finding::new(Level::Failed, ROOT, message));
    }
    findings
}

fn unwritable(place: &str, error: &io::Error) -> Finding {
    let cause = error
        .raw_os_error()
        .map_or_else(|| error.to_string(), |code| io::Error::from_raw_os_error(code).to_string());
    let finding = |level| Finding::new(level, ROOT, format!("{place}: cannot be written: {cause}"));
    if error.kind() == io::ErrorKind::ReadOnlyFilesystem {
        return finding(Level::Warning)
            .hint("`pyfast run` works on it, `pyfast sync` needs it writable");
    }
    finding(Level::Failed).hint("mend its permissions")
}

/// How bad it is to be without it, and what then happens. What costs nothing to be without is only named.
fn lack(ability: Ability) -> Option<(Level, &'static str)> {
    match ability {
        Ability::SymbolicLinks => Some((Level::Failed, "environments are made of them")),
        Ability::Locks => Some((Level::Failed, "two syncs at once would disturb each other")),
        Ability::HardLinks => {
            Some((Level::Warning, "files that must be real are copied, which takes time and space"))
        }
        Ability::ExchangingRenames => Some((
            Level::Warning,
            "--reinstall takes an environment away for a moment while it is replaced",
        )),
        Ability::Reflinks => None,
    }
}

fn abilities(trial: &Trial, place: &str) -> Finding {
    let names = |abilities: &[Ability]| {
        abilities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let mut message = format!("{place}: has {}", names(&trial.can));
    if !trial.cannot.is_empty() {
        message = format!("{message}; lacks {}", names(&trial.cannot));
    }
    let (mut level, mut hints) = (Level::Ok, Vec::new());
    for &ability in &trial.cannot {
        let Some((worse, otherwise)) = lack(ability) else { continue };
        hints.push(format!("without {ability}: {otherwise}"));
        if worse == Level::Failed || level == Level::Ok {
            level = worse;
        }
    }
    hints.iter().fold(Finding::new(level, ABILITIES, message), Finding::hint)
}

fn no_programs(place: &str) -> Finding {
    let message = format!("{place}: mounted noexec, no program of an environment can start");
    Finding::new(Level::Failed, ABILITIES, message).hint("mount it without noexec")
}

fn space(mount: &Mount, place: &str) -> Finding {
    let told = format!("{place}: {} MB free", mount.free / 1_000_000);
    if mount.free < LITTLE {
        Finding::new(Level::Warning, SPACE, told).hint("`pyfast gc` removes what nobody needs")
    } else {
        Finding::ok(SPACE, told)
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_read_only_file_system_is_a_warning_and_a_forbidden_directory_a_failure() {
        let of = |code| unwritable("here", &io::Error::from_raw_os_error(code)).level;
        assert_eq!(of(Errno::ROFS.raw_os_error()), Level::Warning);
        assert_eq!(of(Errno::ACCESS.raw_os_error()), Level::Failed);
    }

    #[test]
    fn the_worst_that_is_lacking_counts_and_each_says_what_then_happens() {
        let check = |cannot: &[Ability], level: Level, hints: usize| {
            let trial = Trial { can: Vec::new(), cannot: cannot.to_owned(), left: None };
            let finding = abilities(&trial, "here");
            assert_eq!((finding.level, finding.hints.len()), (level, hints), "{finding:?}");
        };
        check(&[], Level::Ok, 0);
        check(&[Ability::Reflinks], Level::Ok, 0);
        check(&[Ability::HardLinks, Ability::Reflinks], Level::Warning, 1);
        check(&[Ability::Locks, Ability::HardLinks], Level::Failed, 2);
        check(&[Ability::HardLinks, Ability::SymbolicLinks], Level::Failed, 2);
    }
}
