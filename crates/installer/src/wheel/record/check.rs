//! Compares a wheel's RECORD with the wheel. A digest that is wrong is refused; a list that is merely careless is
//! healed, as every installer does, because ours is written from the files themselves. Knows nothing of archives.

use std::collections::BTreeMap;
use std::fmt;

use rustc_hash::FxHashMap;

use super::{RecordHash, Row, Told};
use crate::error::Refusal;

/// What RECORD says of the files, and how careless it was.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    /// The digest of each file that has one that counts.
    pub(crate) hashes: FxHashMap<&'a str, RecordHash>,
    pub(crate) flaws: Flaws,
}

/// A way in which a RECORD falls short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Flaw {
    /// A path is spelt otherwise than in the archive.
    Spelling,
    /// A digest is not in URL-safe base64.
    Encoding,
    /// A file has a row without a digest that counts.
    NoDigest,
    /// A size is another than the file's, or none.
    Size,
    /// A file has no row.
    Unlisted,
    /// A row has no file.
    Surplus,
}

/// Every way in which a RECORD falls short: how often, and where first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Flaws(BTreeMap<Flaw, (usize, String)>);

impl Flaws {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn note(&mut self, flaw: Flaw, path: &str) {
        self.0.entry(flaw).or_insert_with(|| (0, path.to_owned())).0 += 1;
    }
}

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (flaw, (count, first))) in self.0.iter().enumerate() {
            let (one, several) = match flaw {
                Flaw::Spelling => ("path is spelt otherwise", "paths are spelt otherwise"),
                Flaw::Encoding => ("digest is not in base64", "digests are not in base64"),
                Flaw::NoDigest => ("file has no digest", "files have no digest"),
                Flaw::Size => ("size is wrong", "sizes are wrong"),
                Flaw::Unlisted => ("file is not listed", "files are not listed"),
                Flaw::Surplus => ("row has no file", "rows have no file"),
            };
            let words = if *count == 1 { one } else { several };
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {words} (`{}`)", first.escape_debug())?;
        }
        Ok(())
    }
}

/// Compares the rows with the files, which `sizes` has by their paths. `exempt` are those that need no row: RECORD
/// itself and its signatures.
pub(crate) fn check<'a>(
    rows: Vec<Row>,
    sizes: &FxHashMap<&'a str, u64>,
    exempt: impl Fn(&str) -> bool,
) -> Result<Checked<'a>, Refusal> {
    let mut listed: FxHashMap<&'a str, Option<RecordHash>> = FxHashMap::default();
    let mut flaws = Flaws::default();
    for Row { path: written, told, size: stated } in rows {
        let spelt = sizes.get_key_value(written.as_str());
        let clean = clean(&written);
        let Some((path, size)) = spelt.or_else(|| sizes.get_key_value(clean.as_str())) else {
            if !exempt(&clean) {
                flaws.note(Flaw::Surplus, &written);
            }
            continue;
        };
        if spelt.is_none() {
            flaws.note(Flaw::Spelling, &written);
        }
        if exempt(path) {
            continue;
        }
        if stated != Some(*size) {
            flaws.note(Flaw::Size, path);
        }
        let known = listed.entry(path).or_default();
        match told {
            Told::Nothing => flaws.note(Flaw::NoDigest, path),
            Told::Digest(hash, _) if known.as_ref().is_some_and(|known| *known != hash) => {
                return Err(Refusal::entry(*path, "has two digests in RECORD"));
            }
            Told::Digest(hash, as_it_should) => {
                if !as_it_should {
                    flaws.note(Flaw::Encoding, path);
                }
                *known = Some(hash);
            }
        }
    }
    let needs_row = |path: &&str| !listed.contains_key(path) && !exempt(path);
    let mut unlisted: Vec<&str> = sizes.keys().copied().filter(needs_row).collect();
    unlisted.sort_unstable();
    for path in unlisted {
        flaws.note(Flaw::Unlisted, path);
    }
    let hashes = listed.into_iter().filter_map(|(path, hash)| Some((path, hash?)));
    Ok(Checked { hashes: hashes.collect(), flaws })
}

/// A path as archives have it: relative, with `/` alone.
fn clean(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut rest = path.as_str();
    while let Some(inner) = rest.strip_prefix("./").or_else(|| rest.strip_prefix('/')) {
        rest = inner;
    }
    rest.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wheel::record;

    const EMPTY: &str = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    const HEX: &str = "sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// What is said of a RECORD of a wheel that has the empty file `p/a.py`, and whether its digest counts.
    #[track_caller]
    fn check_record(record: &str, expected: &str, digest: bool) {
        let sizes = [("p/a.py", 0), ("RECORD", 9)].into_iter().collect();
        let rows = record::parse(record.as_bytes()).unwrap();
        let checked = check(rows, &sizes, |path| path == "RECORD").unwrap();
        assert_eq!(checked.flaws.to_string(), expected, "{record}");
        assert_eq!(checked.flaws.is_empty(), expected.is_empty());
        assert_eq!(checked.hashes.contains_key("p/a.py"), digest, "{record}");
    }

    #[test]
    fn a_right_record_has_no_flaws() {
        check_record(&format!("p/a.py,{EMPTY},0\nRECORD,,\n"), "", true);
    }

    #[test]
    fn careless_lists_are_healed_and_what_was_wrong_is_counted() {
        check_record(
            &format!("/p/a.py,{EMPTY},0\n"),
            "1 path is spelt otherwise (`/p/a.py`)",
            true,
        );
        check_record(
            &format!("./p/a.py,{EMPTY},0\n"),
            "1 path is spelt otherwise (`./p/a.py`)",
            true,
        );
        check_record(
            &format!("p\\a.py,{EMPTY},0\n"),
            "1 path is spelt otherwise (`p\\\\a.py`)",
            true,
        );
        check_record(&format!("p/a.py,{HEX},0\n"), "1 digest is not in base64 (`p/a.py`)", true);
        check_record("p/a.py,,0\n", "1 file has no digest (`p/a.py`)", false);
        check_record(
            "p/a.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,0\n",
            "1 file has no digest (`p/a.py`)",
            false,
        );
        check_record(&format!("p/a.py,{EMPTY},1\n"), "1 size is wrong (`p/a.py`)", true);
        check_record("", "1 file is not listed (`p/a.py`)", false);
        let ghosts = format!("p/a.py,{EMPTY},0\nghost.py,,\n../../etc/x,,\n");
        check_record(&ghosts, "2 rows have no file (`ghost.py`)", true);
    }

    #[test]
    fn two_digests_of_one_file_are_refused() {
        let sizes = [("p/a.py", 0)].into_iter().collect();
        let other = "sha256=1111111111111111111111111111111111111111111";
        let rows = format!("p/a.py,{EMPTY},0\n/p/a.py,{other},0\n").replace("1111,0", "111Q,0");
        let error = check(record::parse(rows.as_bytes()).unwrap(), &sizes, |_| false).unwrap_err();
        assert!(error.to_string().contains("two digests"), "{error}");
    }
}
