//! A requirement as it is written, in parts that can be exchanged one by one. Knows how a requirement is spelt, and
//! nothing of files.

use std::fmt;
use std::str::FromStr;

use pep508_rs::ExtraName;

/// `name [extras] versions ; marker`, each part as it is written, with the blanks before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written<'a> {
    name: &'a str,
    extras: String,
    /// Versions, or `@ place`.
    pub(super) versions: String,
    /// The marker with its semicolon.
    rest: &'a str,
}

impl<'a> Written<'a> {
    /// Takes a requirement apart; `None` for one that begins with no name.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let end = text
            .find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
            .unwrap_or(text.len());
        let (name, after) = text.split_at(end);
        let bracket = after.trim_start().starts_with('[').then(|| after.find(']')).flatten();
        let (extras, after) = after.split_at(bracket.map_or(0, |at| at + 1));
        let is_place = after.trim_start().starts_with('@');
        // In a URL, `;` counts only with a space beside it.
        let marker =
            if is_place { after.find(" ;").or_else(|| after.find("; ")) } else { after.find(';') };
        let versions = after[..marker.unwrap_or(after.len())].trim_end();
        let (versions, rest) = after.split_at(versions.len());
        let (extras, versions) = (extras.to_owned(), versions.to_owned());
        let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        is_name.then_some(Self { name, extras, versions, rest })
    }

    /// Has it ask for these extras besides.
    pub(super) fn join_extras(&mut self, more: &[ExtraName]) {
        let inner = self.extras.trim().trim_start_matches('[').trim_end_matches(']').trim();
        let known = inner.split(',').map(str::trim).filter(|extra| !extra.is_empty());
        let known: Vec<String> = known.map(str::to_owned).collect();
        let is_known = |extra: &&ExtraName| {
            known.iter().any(|one| ExtraName::from_str(one).is_ok_and(|one| one == **extra))
        };
        let new: Vec<String> =
            more.iter().filter(|extra| !is_known(extra)).map(ToString::to_string).collect();
        if !new.is_empty() {
            self.extras = format!("[{}]", [known, new].concat().join(","));
        }
    }

    /// Exchanges versions or place, with a blank before them where there was one or must be one.
    pub(super) fn replace_versions(&mut self, of: &Written<'_>) {
        let new = of.versions.trim();
        let spaced = self.versions.starts_with(char::is_whitespace) || new.starts_with('@');
        self.versions = if spaced { format!(" {new}") } else { new.to_owned() };
    }
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, extras, versions, rest } = self;
        // A place ends at a blank.
        let gap = versions.trim_start().starts_with('@') && rest.starts_with(';');
        write!(f, "{name}{extras}{versions}{}{rest}", if gap { " " } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, (extras, new): (&[&str], &str), expected: &str) {
        let mut written = Written::read(text).expect("a name");
        assert_eq!(written.to_string(), text, "what is not changed stays");
        let extras: Vec<ExtraName> =
            extras.iter().map(|extra| extra.parse().expect("an extra")).collect();
        written.join_extras(&extras);
        if let Some(new) = Written::read(new) {
            written.replace_versions(&new);
        }
        assert_eq!(written.to_string(), expected);
    }

    #[test]
    fn parts_are_exchanged_one_by_one() {
        check("a", (&[], "a>=2"), "a>=2");
        check("A_b.c >= 1", (&[], "a>=2"), "A_b.c >=2");
        check("a>=1 ; python_version < '4'", (&[], "a>=2,<3"), "a>=2,<3 ; python_version < '4'");
        check("a>=1;python_version<'4'", (&["x"], ""), "a[x]>=1;python_version<'4'");
        check("a[X, y]==1", (&["x", "z"], ""), "a[X,y,z]==1");
        check("a [x] (>=1)", (&["x"], ""), "a [x] (>=1)");
        check(
            "a @ https://h.test/a-1.zip;v ; os_name == 'a'",
            (&[], "a==1"),
            "a ==1 ; os_name == 'a'",
        );
        check("a>1;os_name=='a'", (&[], "a @ ./x"), "a @ ./x ;os_name=='a'");
    }

    #[test]
    fn what_begins_with_no_name_is_not_taken_apart() {
        for text in ["./a", "[x]", "", "-e ./a"] {
            assert_eq!(Written::read(text), None, "{text}");
        }
    }
}
