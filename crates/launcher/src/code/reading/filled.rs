//! Where something may be in an image that no file of the context accounts for: what ran there may have left it. Owns
//! where that is taken to be; must not know what is copied.

use crate::code::places::is_within;

/// Where an instruction, or who made the image below, may have left something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filled {
    /// Anywhere.
    Somewhere,
    /// Around the directory in which it ran, where that is not `/`, and where its words say.
    Around { directory: String, words: String },
}

impl Filled {
    /// Whether something may be at a path or below it.
    pub(super) fn may_be_at(&self, path: &str) -> bool {
        let Self::Around { directory, words } = self else { return true };
        let around = is_within(path, directory) || is_within(directory, path);
        let first = path.split('/').find(|part| !part.is_empty());
        directory != "/" && around || first.is_none_or(|first| words.contains(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_may_have_left_something_in_its_directory_and_where_its_words_say() {
        let by = |directory: &str, words: &str| Filled::Around {
            directory: directory.to_owned(),
            words: words.to_owned(),
        };
        for (filled, path, expected) in [
            (Filled::Somewhere, "/app", true),
            (by("/", "apt-get update"), "/app", false),
            (by("/", "apt-get update"), "/", true),
            (by("/", "mkdir -p /app/data"), "/app", true),
            (by("/", "tar -x -C app"), "/app/deep", true),
            (by("/app", "npm ci"), "/app", true),
            (by("/app/front", "npm ci"), "/app", true),
            (by("/app", "npm ci"), "/app/front", true),
            (by("/application", "npm ci"), "/app", false),
            (by("/srv", "npm ci"), "/app", false),
        ] {
            assert_eq!(filled.may_be_at(path), expected, "{filled:?} {path}");
        }
    }
}
