//! RECORD: the list of a distribution's files with digest and size. Reads the wheel's, writes ours.
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file>

use std::borrow::Cow;

use pyfast_packaging::hash::Sha256;
use sha2::Digest as _;

use crate::error::Refusal;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A digest that a RECORD may hold; weaker ones are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RecordHash {
    Sha256(Vec<u8>),
    Sha384(Vec<u8>),
    Sha512(Vec<u8>),
}

impl RecordHash {
    fn parse(text: &str) -> Result<Self, &'static str> {
        const LENGTH: &str = "has a digest of the wrong length in RECORD";
        let (algorithm, digest) =
            text.split_once('=').ok_or("has a digest without an algorithm in RECORD")?;
        let digest = decode(digest).ok_or("has a digest in RECORD that is not base64url")?;
        let (length, hash): (usize, fn(Vec<u8>) -> Self) = match algorithm {
            "sha256" => (32, Self::Sha256),
            "sha384" => (48, Self::Sha384),
            "sha512" => (64, Self::Sha512),
            _ => return Err("has a digest in RECORD that is weaker than SHA-256 or unknown"),
        };
        if digest.len() == length { Ok(hash(digest)) } else { Err(LENGTH) }
    }
}

/// A row of RECORD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) hash: Option<RecordHash>,
    pub(crate) size: Option<u64>,
}

/// The rows of a wheel's RECORD.
pub(crate) fn parse(content: &[u8]) -> Result<Vec<Row>, Refusal> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record
            .map_err(|error| Refusal::archive(format!("has an unreadable RECORD: {error}")))?;
        let field = |index| record.get(index).unwrap_or_default().trim();
        let path = field(0).trim_start_matches("./").to_owned();
        let refuse = |reason: &str| Refusal::entry(&path, reason);
        let hash = match field(1) {
            "" => None,
            text => Some(RecordHash::parse(text).map_err(&refuse)?),
        };
        let size = match field(2) {
            "" => None,
            text => {
                let size = text.parse().ok();
                Some(size.ok_or_else(|| refuse("has a size in RECORD that is not a number"))?)
            }
        };
        rows.push(Row { path, hash, size });
    }
    Ok(rows)
}

/// Feeds a member's content to the digests it needs: always SHA-256, another if RECORD holds one.
pub(crate) struct Checker<'a> {
    sha256: sha2::Sha256,
    expected: &'a RecordHash,
    sha384: Option<sha2::Sha384>,
    sha512: Option<sha2::Sha512>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(expected: &'a RecordHash) -> Self {
        Self {
            sha256: sha2::Sha256::new(),
            expected,
            sha384: matches!(expected, RecordHash::Sha384(_)).then(sha2::Sha384::new),
            sha512: matches!(expected, RecordHash::Sha512(_)).then(sha2::Sha512::new),
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
            RecordHash::Sha256(expected) => expected[..] == sha256,
            RecordHash::Sha384(expected) => {
                self.sha384.is_some_and(|digest| digest.finalize()[..] == expected[..])
            }
            RecordHash::Sha512(expected) => {
                self.sha512.is_some_and(|digest| digest.finalize()[..] == expected[..])
            }
        };
        fits.then_some(Sha256(sha256))
    }
}

/// Digest of bytes at hand.
pub(crate) fn sha256(content: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(content).into())
}

/// A row as we write it: path, and digest with size for all files but RECORD itself.
pub(crate) type Written = (String, Option<(Sha256, u64)>);

/// A RECORD of these rows, sorted by path.
pub(crate) fn write(mut rows: Vec<Written>) -> Vec<u8> {
    rows.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let mut text = String::with_capacity(rows.len() * 100);
    for row in &rows {
        push(row, &mut text);
    }
    text.into_bytes()
}

/// A RECORD that [`write()`] made, with more rows put where they belong.
pub(crate) fn extend(record: &str, mut rows: Vec<Written>) -> Vec<u8> {
    rows.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let mut text = String::with_capacity(record.len() + rows.len() * 100);
    let mut rows = rows.iter().peekable();
    for line in record.split_inclusive('\n') {
        let path = path_of(line);
        while let Some(row) = rows.next_if(|row| *row.0 < *path) {
            push(row, &mut text);
        }
        text.push_str(line);
    }
    for row in rows {
        push(row, &mut text);
    }
    text.into_bytes()
}

/// The path in a line that [`push`] made.
fn path_of(line: &str) -> Cow<'_, str> {
    match line.strip_prefix('"').and_then(|line| line.rsplit_once("\",")) {
        Some((quoted, _)) => Cow::Owned(quoted.replace("\"\"", "\"")),
        None => Cow::Borrowed(line.split_once(',').map_or(line, |(path, _)| path)),
    }
}

fn push((path, known): &Written, text: &mut String) {
    if path.contains([',', '"', '\n', '\r']) {
        text.push('"');
        text.push_str(&path.replace('"', "\"\""));
        text.push('"');
    } else {
        text.push_str(path);
    }
    match known {
        Some((sha256, size)) => {
            text.push_str(",sha256=");
            encode(&sha256.0, text);
            text.push(',');
            text.push_str(&size.to_string());
        }
        None => text.push_str(",,"),
    }
    text.push('\n');
}

/// URL-safe base64 without padding.
fn encode(bytes: &[u8], text: &mut String) {
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        let bits = bits << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            let index = bits >> (18 - 6 * place) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
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
    use proptest::prelude::*;

    #[test]
    fn digests_of_sha256_and_stronger_are_read() {
        let digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        let rows = parse(format!("./a.py,sha256={digest},0\nx/RECORD,,\n").as_bytes()).unwrap();
        let empty = RecordHash::Sha256(sha256(b"").0.to_vec());
        assert_eq!(rows[0], Row { path: "a.py".into(), hash: Some(empty), size: Some(0) });
        assert_eq!(rows[1], Row { path: "x/RECORD".into(), hash: None, size: None });
    }

    #[test]
    fn weak_and_broken_digests_are_refused() {
        for (hash, reason) in [
            ("md5=1B2M2Y8AsgTpgAmY7PhCfg", "weaker than SHA-256"),
            ("sha256=1B2M2Y8AsgTpgAmY7PhCfg", "wrong length"),
            ("sha256=!", "not base64url"),
            ("47DEQpj8HBSa", "without an algorithm"),
        ] {
            let error = parse(format!("a.py,{hash},0\n").as_bytes()).unwrap_err();
            assert!(error.to_string().contains(reason), "{hash}: {error}");
        }
        assert!(parse(b"a.py,,ten\n").is_err());
    }

    #[test]
    fn a_stronger_digest_is_compared() {
        let digest = sha2::Sha512::digest(b"content").to_vec();
        let expected = RecordHash::Sha512(digest);
        let mut checker = Checker::new(&expected);
        checker.update(b"content");
        assert_eq!(checker.finish(), Some(sha256(b"content")));
        let mut checker = Checker::new(&expected);
        checker.update(b"Content");
        assert_eq!(checker.finish(), None);
    }

    #[test]
    fn rows_are_written_sorted_and_quoted() {
        let rows = vec![("x/RECORD".into(), None), ("a,\"b".into(), Some((sha256(b""), 0)))];
        let text = String::from_utf8(write(rows)).unwrap();
        let digest = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(text, format!("\"a,\"\"b\",sha256={digest},0\nx/RECORD,,\n"));
    }

    #[test]
    fn rows_are_put_where_they_belong() {
        let row = |path: &str| (path.to_owned(), Some((sha256(path.as_bytes()), 1)));
        let record = write(vec![row("b"), row("d,\"e"), row("x/RECORD")]);
        let more = vec![row("z"), row("a"), row("c"), row("d,f")];
        let all = ["a", "b", "c", "d,\"e", "d,f", "x/RECORD", "z"].map(row);
        let extended = extend(std::str::from_utf8(&record).unwrap(), more);
        assert_eq!(extended, write(all.to_vec()));
    }

    proptest! {
        #[test]
        fn base64_survives_the_way_there_and_back(bytes: Vec<u8>) {
            let mut text = String::new();
            encode(&bytes, &mut text);
            prop_assert_eq!(decode(&text), Some(bytes));
        }

        #[test]
        fn no_record_makes_the_parser_panic(content: Vec<u8>) {
            let _ = parse(&content);
        }

        #[test]
        fn what_is_written_is_read(names in proptest::collection::btree_set("[^\\p{C} ./][^\\p{C} ]*", 1..5)) {
            let rows = names.iter().map(|name| (name.clone(), Some((sha256(name.as_bytes()), 1))));
            let read = parse(&write(rows.collect())).unwrap();
            let read: Vec<String> = read.into_iter().map(|row| row.path).collect();
            let written: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
            prop_assert_eq!(read, written);
        }
    }
}
