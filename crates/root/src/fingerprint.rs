//! Digests by which something that is kept says what it was made from. Owns their form; must not know
//! what goes into one.

use std::fmt::Display;

use sha2::{Digest, Sha256};

/// A digest over named fields.
///
/// The names are written by hand and the whole has a version, so that renaming a type, or a dependency
/// that prints itself in other words, makes nothing that is kept out of date. Whoever adds a field, or
/// gives one another meaning, raises the version: what has an earlier one then says so
/// ([`Fingerprint::version_of`]), instead of looking as if its own inputs had changed.
#[derive(Debug, Clone)]
pub struct Fingerprint {
    version: u32,
    hasher: Sha256,
}

impl Fingerprint {
    /// A fingerprint without fields. `kind` keeps those of different things apart.
    pub fn new(kind: &str, version: u32) -> Self {
        let mut fingerprint = Self { version, hasher: Sha256::new() };
        fingerprint.add(kind.as_bytes());
        fingerprint.add(&version.to_le_bytes());
        fingerprint
    }

    /// Adds a field.
    #[must_use]
    pub fn field(self, name: &str, value: impl Display) -> Self {
        self.fields(name, [value])
    }

    /// Adds a field of several values, whose order counts.
    #[must_use]
    pub fn fields<T: Display>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.add(name.as_bytes());
        self.hasher.update((values.len() as u64).to_le_bytes());
        for value in values {
            self.add(value.as_bytes());
        }
        self
    }

    /// The text that is kept: `VERSION:sha256:HEX`.
    pub fn finish(self) -> String {
        let digest = self.hasher.finalize();
        let mut text = format!("{}:sha256:", self.version);
        text.extend(digest.iter().map(|byte| format!("{byte:02x}")));
        text
    }

    /// The version of a kept fingerprint; 1 for the texts from before there were versions, which begin with
    /// `sha256:`. `None` for anything else.
    pub fn version_of(text: &str) -> Option<u32> {
        match text.split_once(':')? {
            ("sha256", _) => Some(1),
            (version, rest) if rest.starts_with("sha256:") => version.parse().ok(),
            _ => None,
        }
    }

    /// Each part with its length, so that no two lists of parts are the same bytes.
    fn add(&mut self, part: &[u8]) {
        self.hasher.update((part.len() as u64).to_le_bytes());
        self.hasher.update(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_fingerprint_stays_what_it_is() {
        let made = Fingerprint::new("lock", 2).field("prerelease", "if-necessary").finish();
        let kept = "2:sha256:c38903ef8fb3b88eba6ebea9ce0c876a1d5075f697f78d150c3924fb10fe1151";
        assert_eq!(made, kept);
    }

    #[test]
    fn every_part_and_every_border_between_parts_counts() {
        let of = |kind: &str, fields: &[(&str, &[&str])]| {
            let fingerprint = Fingerprint::new(kind, 2);
            let add = |made: Fingerprint, (name, values): &(&str, &[&str])| {
                made.fields(name, values.iter())
            };
            fields.iter().fold(fingerprint, add).finish()
        };
        let all = [
            of("lock", &[]),
            of("state", &[]),
            of("lock", &[("a", &[])]),
            of("lock", &[("a", &["b"])]),
            of("lock", &[("a", &["", "b"])]),
            of("lock", &[("a", &["b", ""])]),
            of("lock", &[("ab", &[])]),
            of("lock", &[("a", &[]), ("b", &[])]),
            of("lock", &[("b", &[]), ("a", &[])]),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[place + 1..].contains(one), "{place} is another one too");
        }
    }

    #[test]
    fn a_version_is_read_off_what_is_kept() {
        let made = Fingerprint::new("lock", 3).finish();
        assert_eq!(Fingerprint::version_of(&made), Some(3));
        assert_eq!(Fingerprint::version_of("sha256:00"), Some(1));
        assert_eq!(Fingerprint::version_of("12:sha256:00"), Some(12));
        for other in ["", "sha256", "md5:00", "x:sha256:00", "-1:sha256:00", "2:md5:00"] {
            assert_eq!(Fingerprint::version_of(other), None, "{other}");
        }
    }
}
