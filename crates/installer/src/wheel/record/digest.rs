//! Digests as RECORD holds them, and the comparison of content with one. Knows no files.

use pyfast_packaging::hash::Sha256;
use sha2::Digest as _;

/// A digest that counts; weaker ones say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RecordHash {
    Sha256(Vec<u8>),
    Sha384(Vec<u8>),
    Sha512(Vec<u8>),
}

impl RecordHash {
    /// Reads `algorithm=digest`, and whether the digest is written as it should be; `None` if it is none that counts.
    /// Publishers wrote hexadecimal digits and the other base64 too, and their wheels are installed everywhere.
    pub(super) fn parse(text: &str) -> Option<(Self, bool)> {
        let (algorithm, digest) = text.split_once('=')?;
        let (length, hash): (usize, fn(Vec<u8>) -> Self) = match algorithm {
            "sha256" => (32, Self::Sha256),
            "sha384" => (48, Self::Sha384),
            "sha512" => (64, Self::Sha512),
            _ => return None,
        };
        let (bytes, as_it_should) = if digest.len() == 2 * length {
            (from_hex(digest)?, false)
        } else {
            (from_base64(digest)?, !digest.contains(['+', '/']))
        };
        (bytes.len() == length).then(|| (hash(bytes), as_it_should))
    }
}

/// Feeds a member's content to the digests it needs: always SHA-256, another if RECORD holds that.
pub(crate) struct Checker<'a> {
    sha256: sha2::Sha256,
    expected: Option<&'a RecordHash>,
    sha384: Option<sha2::Sha384>,
    sha512: Option<sha2::Sha512>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(expected: Option<&'a RecordHash>) -> Self {
        Self {
            sha256: sha2::Sha256::new(),
            expected,
            sha384: matches!(expected, Some(RecordHash::Sha384(_))).then(sha2::Sha384::new),
            sha512: matches!(expected, Some(RecordHash::Sha512(_))).then(sha2::Sha512::new),
        }
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.sha256.update(piece);
        if let Some(digest) = &mut self.sha384 {
            digest.update(piece);
        }
        if let Some(digest) = &mut self.sha512 {
            digest.update(piece);
        }
    }

    /// The content's SHA-256; `None` if RECORD has another digest.
    pub(crate) fn finish(self) -> Option<Sha256> {
        let sha256: [u8; 32] = self.sha256.finalize().into();
        let fits = match self.expected {
            None => true,
            Some(RecordHash::Sha256(expected)) => expected[..] == sha256,
            Some(RecordHash::Sha384(expected)) => {
                self.sha384.is_some_and(|digest| digest.finalize()[..] == expected[..])
            }
            Some(RecordHash::Sha512(expected)) => {
                self.sha512.is_some_and(|digest| digest.finalize()[..] == expected[..])
            }
        };
        fits.then_some(Sha256(sha256))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Bytes of base64, URL-safe or not, padded or not.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xFF).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    // What is left over must be less than a digit, and zero.
    (count < 6 && bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wheel::record::encode;
    use proptest::prelude::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn digests_are_read_in_every_way_that_they_are_written() {
        let check = |text: &str, as_it_should| {
            let expected = RecordHash::Sha256(Sha256::of(b"").0.to_vec());
            assert_eq!(RecordHash::parse(text), Some((expected, as_it_should)), "{text}");
        };
        check("sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", true);
        check("sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=", true);
        check("sha256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", false);
        check(&format!("sha256={EMPTY}"), false);
        check(&format!("sha256={}", EMPTY.to_uppercase()), false);
    }

    #[test]
    fn weak_and_broken_digests_are_none() {
        let not_hex = format!("sha256={}", "x".repeat(64));
        for text in [
            "md5=1B2M2Y8AsgTpgAmY7PhCfg",
            "sha256=1B2M2Y8AsgTpgAmY7PhCfg",
            "sha256=!",
            "sha256=",
            "47DEQpj8HBSa",
            &not_hex,
        ] {
            assert_eq!(RecordHash::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_stronger_digest_is_compared() {
        let digest = sha2::Sha512::digest(b"content").to_vec();
        let expected = RecordHash::Sha512(digest);
        let found = |content: &[u8]| {
            let mut checker = Checker::new(Some(&expected));
            checker.update(content);
            checker.finish()
        };
        assert_eq!(found(b"content"), Some(Sha256::of(b"content")));
        assert_eq!(found(b"Content"), None);
    }

    proptest! {
        #[test]
        fn base64_survives_the_way_there_and_back(bytes: Vec<u8>) {
            let mut text = String::new();
            encode(&bytes, &mut text);
            prop_assert_eq!(from_base64(&text), Some(bytes));
        }
    }
}
