//! The words behind a program's name as options and others. Owns how both of the usual libraries read them; must not know
//! any program. What is not understood makes the whole unknown: an option that nobody knows here may take the next word.

use super::start::UNKNOWN;

/// Which options a program has, as words between blanks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Those that take a value.
    pub(super) values: &'static str,
    /// Those that take none.
    pub(super) flags: &'static str,
    /// Whether options may stand behind the other words, too.
    pub(super) mixed: bool,
}

/// Words that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    options: Vec<(String, String)>,
    /// The words that are no options, or belong to none.
    pub(super) others: Vec<String>,
}

impl Options {
    /// Reads the words; `None` where it is not certain what one of them means.
    pub(super) fn read(self, words: &[String]) -> Option<Words> {
        let mut read = Words::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                read.others.extend(rest.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let name = format!("--{name}");
                let value = match value {
                    Some(value) if has(self.values, &name) => value,
                    None if has(self.flags, &name) => String::new(),
                    None if has(self.values, &name) => rest.next()?.clone(),
                    _ => return None,
                };
                read.options.push((name, value));
            } else if word.starts_with('-') && word.len() > 1 {
                self.short(word, &mut rest, &mut read)?;
            } else {
                // An unknown word may be an option, or none at all.
                if word.starts_with(UNKNOWN) {
                    return None;
                }
                read.others.push(word.clone());
                if !self.mixed {
                    read.others.extend(rest.by_ref().cloned());
                }
            }
        }
        Some(read)
    }

    /// `-x`, `-xVALUE`, and several in one word.
    fn short(
        self,
        word: &str,
        rest: &mut std::slice::Iter<'_, String>,
        read: &mut Words,
    ) -> Option<()> {
        let letters = &word[1..];
        for (at, letter) in letters.char_indices() {
            let name = format!("-{letter}");
            if has(self.flags, &name) {
                read.options.push((name, String::new()));
                continue;
            }
            if !has(self.values, &name) {
                return None;
            }
            let behind = &letters[at + letter.len_utf8()..];
            let value = match behind {
                "" => rest.next()?.clone(),
                // One of the libraries takes the sign as part of the value, the other does not.
                value if value.starts_with('=') => return None,
                value => value.to_owned(),
            };
            read.options.push((name, value));
            break;
        }
        Some(())
    }
}

impl Words {
    /// The last value of an option by any of its names.
    pub(super) fn value(&self, names: &[&str]) -> Option<&str> {
        self.values(names).next_back()
    }

    /// Every value of an option.
    pub(super) fn values(&self, names: &[&str]) -> std::vec::IntoIter<&str> {
        let options = self.options.iter().filter(|(name, _)| names.contains(&name.as_str()));
        options.map(|(_, value)| value.as_str()).collect::<Vec<_>>().into_iter()
    }
}

fn has(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Options = Options { values: "-k --key", flags: "-f -g --flag", mixed: true };

    fn read(line: &str) -> Option<Words> {
        SOME.read(&line.split(' ').map(|word| word.replace('$', "\0")).collect::<Vec<_>>())
    }

    #[test]
    fn values_stand_beside_or_behind_their_option() {
        for line in ["--key v a", "--key=v a", "-k v a", "-kv a", "-fkv a", "a -f -k v"] {
            let words = read(line).unwrap();
            assert_eq!(words.value(&["-k", "--key"]), Some("v"), "{line}");
            assert_eq!(words.others, ["a"], "{line}");
        }
        assert_eq!(read("-k $ a").unwrap().others, ["a"]);
        assert_eq!(read("--key=$ -- -f").unwrap().others, ["-f"]);
    }

    #[test]
    fn what_may_take_the_next_word_is_not_guessed() {
        for line in ["--other v a", "$ a", "a $", "-x a", "--key", "--flag=x", "--$ a"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
