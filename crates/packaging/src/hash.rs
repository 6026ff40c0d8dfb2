//! Digests as text and as data: SHA-256, by which everything is known, and the other kinds that indexes and users
//! give. Computes SHA-256 alone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// A SHA-256 digest; its text form is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// That of bytes at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

/// A digest that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256 digest (64 hexadecimal digits)")]
pub struct InvalidSha256(pub String);

/// In [`VALUES`], and in none of a digit.
const NO_DIGIT: u8 = 0x10;

/// The value of each byte as a hexadecimal digit: manifests have a digest for every file.
const VALUES: [u8; 256] = {
    let (mut values, mut value) = ([NO_DIGIT; 256], 0);
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        values[digit as usize] = value;
        values[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
};

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidSha256(text.chars().take(80).collect());
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(invalid());
        }
        let (mut bytes, mut seen) = ([0_u8; 32], 0);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
            seen |= high | low;
            *byte = high << 4 | low;
        }
        if seen & NO_DIGIT != 0 {
            return Err(invalid());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0_u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

/// The kinds of digests beside SHA-256 that indexes give, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OtherKind {
    /// MD5, all that old servers have.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl OtherKind {
    /// All of them, strongest first.
    pub const ALL: [Self; 4] = [Self::Sha512, Self::Sha384, Self::Sha1, Self::Md5];

    /// The name that fragments of URLs and `--hash` give it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Whether nobody can make two files of one digest.
    pub fn is_strong(self) -> bool {
        self >= Self::Sha384
    }

    fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// A digest of another kind than SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OtherDigest {
    kind: OtherKind,
    /// Lower-case hexadecimal digits.
    text: Box<str>,
}

impl OtherDigest {
    /// A digest in hexadecimal digits; `None` where they are none, or not as many as they must be.
    pub fn new(kind: OtherKind, text: &str) -> Option<Self> {
        let right = text.len() == kind.digits() && text.bytes().all(|b| b.is_ascii_hexdigit());
        right.then(|| Self { kind, text: text.to_ascii_lowercase().into() })
    }

    /// The digest of these bytes.
    pub fn of_bytes(kind: OtherKind, digest: &[u8]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(kind.digits());
        for byte in digest {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self { kind, text: text.into() }
    }

    /// Its kind.
    pub fn kind(&self) -> OtherKind {
        self.kind
    }

    /// Its hexadecimal digits.
    pub fn digits(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for OtherDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.text)
    }
}

/// A digest that an index or a user gives; its text is `kind:digits`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// SHA-256.
    Sha256(Sha256),
    /// Another.
    Other(OtherDigest),
}

impl Digest {
    /// Whether nobody can make two files of it.
    pub fn is_strong(&self) -> bool {
        match self {
            Self::Sha256(_) => true,
            Self::Other(other) => other.kind().is_strong(),
        }
    }

    /// The best digest of a URL's fragment, which is `kind=digits` behind `#` or `&`.
    ///
    /// # Errors
    /// What is wrong with one, in words.
    pub fn of_fragment(fragment: &str) -> Result<Option<Self>, String> {
        let find = |name: &str| {
            let mut parts = fragment.split('&').filter_map(|part| part.split_once('='));
            parts.find_map(|(key, value)| (key == name).then_some(value))
        };
        if let Some(digest) = find("sha256") {
            let digest = digest.parse().map_err(|error| format!("#sha256=: {error}"))?;
            return Ok(Some(Self::Sha256(digest)));
        }
        for kind in OtherKind::ALL {
            let Some(text) = find(kind.name()) else { continue };
            let wrong = || format!("#{}=: `{text}` is not a digest of this kind", kind.name());
            return Ok(Some(Self::Other(OtherDigest::new(kind, text).ok_or_else(wrong)?)));
        }
        Ok(None)
    }

    /// The SHA-256, if it is one.
    pub fn sha256(&self) -> Option<Sha256> {
        match self {
            Self::Sha256(digest) => Some(*digest),
            Self::Other(_) => None,
        }
    }

    /// The digest, if it is of another kind.
    pub fn other(&self) -> Option<&OtherDigest> {
        match self {
            Self::Sha256(_) => None,
            Self::Other(digest) => Some(digest),
        }
    }

    /// Several, in words.
    pub fn any_of(digests: &[Self]) -> String {
        let texts: Vec<String> = digests.iter().map(ToString::to_string).collect();
        texts.join(" or ")
    }
}

impl From<Sha256> for Digest {
    fn from(digest: Sha256) -> Self {
        Self::Sha256(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => write!(f, "sha256:{digest}"),
            Self::Other(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_digests_in_a_fragment_the_strongest_is_taken() {
        let check = |fragment: &str, expected: Result<Option<&str>, &str>| {
            let found = Digest::of_fragment(fragment);
            let found = found.map(|digest| digest.map(|digest| digest.to_string()));
            match expected {
                Ok(expected) => assert_eq!(found, Ok(expected.map(str::to_owned)), "{fragment}"),
                Err(part) => {
                    let error = found.expect_err(fragment);
                    assert!(error.contains(part), "{fragment}: {error}");
                }
            }
        };
        let (md5, sha1) = ("0A".repeat(16), "1".repeat(40));
        check("", Ok(None));
        check("egg=a&subdirectory=b", Ok(None));
        check(&format!("md5={md5}"), Ok(Some(&format!("md5:{}", md5.to_lowercase()))));
        check(&format!("md5={md5}&sha1={sha1}"), Ok(Some(&format!("sha1:{sha1}"))));
        let sha256 = "2".repeat(64);
        check(&format!("md5={md5}&sha256={sha256}"), Ok(Some(&format!("sha256:{sha256}"))));
        check("md5=zz", Err("`zz` is not a digest"));
        check("sha256=zz", Err("not a SHA-256 digest"));
        check(&format!("sha512={sha256}"), Err("is not a digest of this kind"));
    }

    #[test]
    fn digests_survive_the_way_through_text() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<Sha256>().map(|digest| digest.to_string()), Ok(text));
        assert_eq!("ABCDEF".repeat(11)[..64].parse(), "abcdef".repeat(11)[..64].parse::<Sha256>());
        for wrong in ["xyz", &"g".repeat(64), &"0".repeat(63), &format!("{}:", "0".repeat(63))] {
            assert!(wrong.parse::<Sha256>().is_err(), "{wrong}");
        }
        assert!("é".repeat(32).parse::<Sha256>().is_err());
    }
}
