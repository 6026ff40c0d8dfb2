//! What a round plants and runs: a function of its seed and of the places that the template has.

use std::path::{Path, PathBuf};

use super::super::decoy::TARGETS;
use super::super::plant::Kind;
use super::super::{Args, READERS};
use super::Dice;
use super::arena::Arena;

/// Something at a place.
#[derive(Clone, Debug)]
pub(super) struct Plant {
    pub(super) place: PathBuf,
    pub(super) kind: Kind,
}

/// One round.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) plants: Vec<Plant>,
    /// Swapped with what is at their places, over and over, while the commands run.
    pub(super) swaps: Vec<Plant>,
    pub(super) commands: Vec<Args>,
}

/// Commands that write.
const WRITERS: &[Args] = &[
    &["sync", "-r", "requirements.txt"],
    &["sync", "-r", "requirements.txt", "--reinstall"],
    &["sync", "-r", "requirements.txt", "--reinstall", "--compile"],
    &["sync", "-r", "requirements.txt", "--frozen"],
    &["sync", "-r", "requirements.txt", "--verify"],
    &["sync", "-r", "other.txt"],
    &["sync", "-r", "other.txt", "--compile"],
    &["sync", "-r", "other.txt", "--link-mode", "copy"],
    &["sync", "-r", "other.txt", "--link-mode", "hardlink", "--json"],
    &["sync", "-r", "other.txt", "--env", "second"],
    &["sync", "-r", "other.txt", "--project-name", "fresh"],
    &["run", "--no-sync", "--wait", "2", "--", "true"],
    &["run", "-r", "other.txt", "--", "true"],
    &["rollback"],
    &["rollback", "-1", "--json"],
    &["verify", "--repair"],
    &["verify", "--all", "--repair", "--json"],
    &["gc"],
    &["gc", "--keep", "0", "--recent", "0"],
    &["gc", "--keep", "1", "--recent", "0", "--max-size", "0", "--json"],
    &["cache", "clean"],
    &["lock", "-r", "requirements.txt", "-o", "-"],
];

/// Names that an attacker, a tool or an earlier run may have left anywhere.
const NAMES: &[&str] = &[
    "x",
    ".hidden",
    "1-0-0123456789abcdef",
    ".1-0-0123456789abcdef",
    "0123456789abcdef0123456789abcdef",
    ".0123456789abcdef0123456789abcdef",
    ".tmp-0123456789abcdef0123456789abcdef",
    "pyfast-0123456789ab",
    ".state.json-1",
    "state.json.tmp",
    "lost+found",
    "-rf",
    "new\nline",
    "\u{1b}]0;title\u{7}",
    "__pycache__",
    "current",
    "env-00112233445566778899",
    "00112233445566778899",
    "00",
    "äöü €",
];

/// Texts that are nearly right, or right somewhere else.
const TEXTS: &[&str] = &[
    "",
    "{}\n",
    "[]",
    "null",
    "pyfast 1\n",
    "pyfast 2\n",
    "{\"id\":\"../../../decoy/private\",\"at\":1}\n",
    "{\"id\":\"../../decoy\",\"at\":18446744073709551615,\"previous\":\"../../..\"}\n{\n",
    "{\"version\":2,\"id\":\"../../../decoy/looks\"}",
    "{\"format\":1,\"id\":\"..\",\"packages\":[]}",
    "lock-version = \"1.0\"\ncreated-by = \"pyfast\"\n",
    "/nowhere\n",
];

/// Edits of what is there that make it lead elsewhere; `<decoy>` is filled in.
const EDITS: &[(&str, &str)] = &[
    ("\"executable\":\"", "\"executable\":\"<decoy>/program\",\"was\":\""),
    ("\"id\":\"", "\"id\":\"../../../../decoy/private/"),
    ("\"sha256\":\"", "\"sha256\":\"../"),
    ("\"name\":\"", "\"name\":\"../../"),
    ("\"filename\":\"", "\"filename\":\"../../../../decoy/"),
    ("a/__init__.py", "../../../../../../../decoy/shared/readme"),
    ("\"format\":1", "\"format\":99"),
    ("\"version\":2", "\"version\":99"),
    ("{", ""),
    ("\n", ""),
    ("/", "\u{0}"),
];

const MODES: &[u32] = &[0o000, 0o200, 0o444, 0o500, 0o700, 0o777, 0o1777, 0o4755, 0o2775, 0o600];

impl Plan {
    pub(super) fn of(seed: u64, arena: &Arena) -> Self {
        let mut dice = Dice(seed);
        // Neighbouring seeds must not begin alike.
        dice.next();
        let planted = 1 + dice.below(4);
        let racing = dice.once_in(3);
        let swaps = if racing { 1 + dice.below(2) } else { 0 };
        let many = |count: usize, dice: &mut Dice| -> Vec<Plant> {
            (0..count).map(|_| Plant::of(dice, arena)).collect()
        };
        let plants = many(if racing { planted / 2 } else { planted }, &mut dice);
        let mut swaps = many(swaps, &mut dice);
        for swap in &mut swaps {
            while !swap.kind.stands_alone() {
                swap.kind = kind(&mut dice, &arena.decoy_folder());
            }
        }
        let commands = (0..=dice.below(2))
            .map(|_| if dice.once_in(3) { *dice.pick(READERS) } else { *dice.pick(WRITERS) })
            .collect();
        Self { plants, swaps, commands }
    }

    /// Whether no command may change the root.
    pub(super) fn only_reads(&self) -> bool {
        self.commands.iter().all(|args| READERS.contains(args))
    }

    /// The same with one thing less.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let mut list = Vec::new();
        let less = |count: usize, remove: &dyn Fn(&mut Self, usize)| -> Vec<Self> {
            (0..count)
                .map(|index| {
                    let mut plan = self.clone();
                    remove(&mut plan, index);
                    plan
                })
                .collect()
        };
        if self.commands.len() > 1 {
            list.extend(less(self.commands.len(), &|plan, index| {
                plan.commands.remove(index);
            }));
        }
        list.extend(less(self.plants.len(), &|plan, index| {
            plan.plants.remove(index);
        }));
        list.extend(less(self.swaps.len(), &|plan, index| {
            plan.swaps.remove(index);
        }));
        list
    }

    /// Where something is planted, and which command ran: what makes a fault another one.
    pub(super) fn places(&self) -> String {
        let all = self.plants.iter().chain(&self.swaps);
        let mut places: Vec<String> = all.map(|one| one.place.display().to_string()).collect();
        places.extend(self.commands.iter().map(|args| args[0].to_owned()));
        places.join(" ")
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, list) in [("plant", &self.plants), ("swap while it runs", &self.swaps)] {
            for one in list {
                // Not as `Display`: some names have control characters in them.
                let place = format!("{:?}", one.place.to_string_lossy());
                writeln!(f, "  {what}: {place} {:?}", one.kind)?;
            }
        }
        for args in &self.commands {
            writeln!(f, "  run: pyfast {}", args.join(" "))?;
        }
        Ok(())
    }
}

impl Plant {
    fn of(dice: &mut Dice, arena: &Arena) -> Self {
        let role: &Vec<PathBuf> = dice.pick(arena.places());
        let mut place = dice.pick(role).clone();
        if dice.once_in(6) {
            // Beside or below it, something nobody expects.
            let name = *dice.pick(NAMES);
            place = if dice.once_in(2) { place.with_file_name(name) } else { place.join(name) };
        }
        let decoy = arena.decoy_folder();
        Self { place, kind: kind(dice, &decoy) }
    }
}

fn kind(dice: &mut Dice, decoy: &Path) -> Kind {
    let target = |dice: &mut Dice| match *dice.pick(TARGETS) {
        "" => decoy.to_owned(),
        below => decoy.join(below),
    };
    match dice.below(24) {
        0..=4 => Kind::Link(target(dice)),
        5..=7 => Kind::RelativeLink(target(dice)),
        8 => Kind::ChainedLink(target(dice)),
        9 => Kind::Loop,
        10 | 11 => Kind::Fifo,
        12 => Kind::Socket,
        13 => Kind::Device,
        14 => Kind::Empty,
        15 => Kind::Full,
        16 => Kind::Text((*dice.pick(TEXTS)).to_owned()),
        17 => Kind::Garbage,
        18 => Kind::Huge,
        19 | 20 => {
            let (old, new) = *dice.pick(EDITS);
            Kind::Edited(old, new.replace("<decoy>", &decoy.display().to_string()))
        }
        21 => Kind::Mode(*dice.pick(MODES)),
        22 => Kind::Foreign,
        _ => Kind::Gone,
    }
}
