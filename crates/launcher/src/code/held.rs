//! Which code a container has, written into the container itself. Owns that file's place and form; must not know what
//! is made of it.

use std::io::Read as _;

use crate::engine::Engine;
use crate::error::Error;

/// The file, which no image has.
const PLACE: &str = "/.pyfast-code";
/// Bytes of an archive with that file.
const LARGEST: u64 = 64 << 10;

/// Which code a container has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// That of its image.
    AsBuilt,
    /// What was put into it.
    Put {
        /// The code's digest.
        code: String,
        /// The start of the container, as the engine writes it, that was the last one then.
        since: String,
    },
    /// Putting began and did not end, or what is written cannot be read.
    Unsettled,
}

impl Held {
    /// The file, with its text.
    pub(super) fn file(&self) -> (&'static str, String) {
        let text = match self {
            Self::Put { code, since } => format!("put {code} {since}\n"),
            Self::AsBuilt | Self::Unsettled => "begun\n".to_owned(),
        };
        (PLACE, text)
    }

    fn parse(text: &str) -> Self {
        let mut words = text.trim_end_matches('\n').split(' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("put"), Some(code), Some(since), None) if !code.is_empty() => {
                Self::Put { code: code.to_owned(), since: since.to_owned() }
            }
            _ => Self::Unsettled,
        }
    }
}

/// Looks which code a container has.
///
/// # Errors
/// What the engine fails with.
pub async fn held<E: Engine>(engine: &E, container: &str) -> Result<Held, Error> {
    let archive = match engine.get_archive(container, PLACE, LARGEST).await {
        Ok(None) => return Ok(Held::AsBuilt),
        Ok(Some(archive)) => archive,
        // Whatever runs there may write it.
        Err(Error::TooLarge { .. }) => return Ok(Held::Unsettled),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    let mut archive = tar::Archive::new(archive.as_ref());
    let entry = archive.entries().ok().and_then(|mut entries| entries.next()?.ok());
    let read = entry.map(|entry| entry.take(LARGEST).read_to_string(&mut text));
    Ok(if matches!(read, Some(Ok(_))) { Held::parse(&text) } else { Held::Unsettled })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_anything_else_is_not_settled() {
        let put = |since: &str| Held::Put { code: "ab12".into(), since: since.into() };
        for held in [put("2026-01-01T00:00:00Z"), put("")] {
            assert_eq!(Held::parse(&held.file().1), held);
        }
        for text in ["", "begun\n", "put", "put  x\n", "put a b c\n", "PUT a b\n"] {
            assert_eq!(Held::parse(text), Held::Unsettled, "{text:?}");
        }
        assert_eq!(Held::parse(&Held::Unsettled.file().1), Held::Unsettled);
    }
}
