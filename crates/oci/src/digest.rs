//! Digests as images name content: `sha256:` and hexadecimal digits. Owns their form and how they are computed while
//! bytes go by.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

use crate::error::Error;

/// What stands before the digits.
pub(crate) const ALGORITHM: &str = "sha256:";

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of bytes at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Its digits alone, as files are named.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", self.hex())
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Digest { text: text.chars().take(80).collect() };
        let digits = text.strip_prefix(ALGORITHM).ok_or_else(wrong)?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 64 || digits.iter().any(|digit| !b"0123456789abcdef".contains(digit)) {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let value = |digit: u8| if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 };
            *byte = value(pair[0]) << 4 | value(pair[1]);
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Hands bytes on, and computes what they are.
pub(crate) struct Hashing<W> {
    to: W,
    digest: sha2::Sha256,
    size: u64,
}

impl<W: Write> Hashing<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, digest: sha2::Sha256::new(), size: 0 }
    }

    /// Who got the bytes, their digest and how many there were.
    pub(crate) fn finish(self) -> (W, Digest, u64) {
        (self.to, Digest(self.digest.finalize().into()), self.size)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.digest.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let digest = Digest::of(b"");
        assert!(digest.to_string().starts_with("sha256:e3b0c442"), "{digest}");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        let hex = digest.hex();
        let upper = format!("sha256:{}", hex.to_uppercase());
        for text in
            ["", "sha256:", &hex, &format!("sha512:{hex}"), &upper, &format!("sha256:{hex}0")]
        {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
