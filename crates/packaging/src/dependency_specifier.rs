//! Dependency specifiers: `name[extras] versions ; marker` and `name @ URL ; marker`.
//! Reads any text without harm; knows nothing of what pip takes besides (`requirement_line`) or of what old
//! metadata gets wrong (`metadata`).
//!
//! <https://packaging.python.org/en/latest/specifications/dependency-specifiers/>

use std::str::FromStr;

use pep440_rs::{VersionSpecifier, VersionSpecifiers};
use pep508_rs::{ExtraName, MarkerTree, PackageName};
use url::Url;

use crate::marker::{self, Effort};
use crate::scanner::{Scanner, Unreadable};

/// A dependency specifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DependencySpecifier {
    pub(crate) name: PackageName,
    pub(crate) extras: Vec<ExtraName>,
    pub(crate) what: What,
    pub(crate) marker: MarkerTree,
}

/// What is depended on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Versions; all of them where none is named.
    Versions(VersionSpecifiers),
    /// What is behind a URL.
    Url(Url),
}

impl DependencySpecifier {
    /// Reads a text, whose marker takes its part of an effort that several share.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn read(text: &str, effort: &mut Effort) -> Result<Self, Unreadable> {
        let mut scanner = Scanner::new(text);
        scanner.skip_space();
        let name = read_name(&mut scanner, "the name of a project")?;
        scanner.skip_space();
        let extras = read_extras(&mut scanner)?;
        scanner.skip_space();
        let what = match scanner.peek() {
            Some('@') => What::Url(read_url(&mut scanner)?),
            _ => What::Versions(read_versions(&mut scanner)?),
        };
        scanner.skip_space();
        if scanner.peek().is_none() {
            return Ok(Self { name, extras, what, marker: MarkerTree::TRUE });
        }
        if !scanner.eat(';') {
            return Err(scanner.expected("`;` or the end"));
        }
        let marker = marker::read_part(scanner.rest(), effort).map_err(|error| {
            let start = scanner.at();
            Unreadable { at: start + error.at.start..start + error.at.end, ..error }
        })?;
        Ok(Self { name, extras, what, marker })
    }
}

/// A name: letters, digits and separators, of which the first and the last are none.
fn read_name<T: FromStr>(scanner: &mut Scanner<'_>, what: &str) -> Result<T, Unreadable> {
    let start = scanner.at();
    if !scanner.peek().is_some_and(|c| c.is_ascii_alphanumeric()) {
        return Err(scanner.expected(what));
    }
    let name = scanner.take(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    name.parse().map_err(|_invalid| {
        let reason = format!("the name `{name}` does not end with a letter or digit");
        scanner.wrong_since(start, reason)
    })
}

/// `[a, b]`, which may be empty.
fn read_extras(scanner: &mut Scanner<'_>) -> Result<Vec<ExtraName>, Unreadable> {
    let mut extras = Vec::new();
    if !scanner.eat('[') {
        return Ok(extras);
    }
    scanner.skip_space();
    while !scanner.eat(']') {
        if !extras.is_empty() && !scanner.eat(',') {
            return Err(scanner.expected("`,` or `]` after the name of an extra"));
        }
        scanner.skip_space();
        extras.push(read_name(scanner, "the name of an extra")?);
        scanner.skip_space();
    }
    Ok(extras)
}

/// `>=1, <2`, also within parentheses; nothing where nothing is said.
fn read_versions(scanner: &mut Scanner<'_>) -> Result<VersionSpecifiers, Unreadable> {
    let open = scanner.at();
    let enclosed = scanner.eat('(');
    scanner.skip_space();
    if !enclosed && matches!(scanner.peek(), None | Some(';')) {
        return Ok(VersionSpecifiers::empty());
    }
    if !matches!(scanner.peek(), Some('<' | '>' | '=' | '!' | '~')) {
        let wanted = if enclosed { "a version" } else { "a version, `@`, `[` or `;`" };
        return Err(scanner.expected(wanted));
    }
    let mut specifiers = Vec::new();
    loop {
        let start = scanner.at();
        let specifier = scanner.take(|c| c != ',' && c != ';' && !(enclosed && c == ')'));
        specifiers.push(VersionSpecifier::from_str(specifier).map_err(|error| {
            let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
            scanner.wrong_since(start, reason)
        })?);
        if !scanner.eat(',') {
            break;
        }
    }
    if enclosed && !scanner.eat(')') {
        return Err(scanner.wrong_since(open, "a closing `)` is missing"));
    }
    Ok(specifiers.into_iter().collect())
}

/// `@ URL`: it ends with the text, at a line break, or before white space that a marker follows.
fn read_url(scanner: &mut Scanner<'_>) -> Result<Url, Unreadable> {
    scanner.eat('@');
    scanner.skip_space();
    let start = scanner.at();
    let mut ahead = scanner.clone();
    loop {
        let part = ahead.take(|c| !c.is_whitespace());
        *scanner = ahead.clone();
        if part.ends_with(';') && ahead.peek().is_some() {
            return Err(scanner.wrong_since(start, "a space is missing before its `;`"));
        }
        if matches!(ahead.peek(), None | Some('\r' | '\n')) {
            break;
        }
        ahead.skip_space();
        if matches!(ahead.peek(), None | Some(';' | '#')) {
            break;
        }
    }
    let url = scanner.since(start);
    Url::parse(url).map_err(|error| scanner.wrong_since(start, format!("not a URL: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<DependencySpecifier, Unreadable> {
        DependencySpecifier::read(text, &mut Effort::default())
    }

    fn check(text: &str, expected: (&str, &[&str], &str, &str)) {
        let specifier = read(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let what = match &specifier.what {
            What::Versions(versions) => versions.to_string(),
            What::Url(url) => url.to_string(),
        };
        let extras: Vec<&str> = specifier.extras.iter().map(ExtraName::as_ref).collect();
        let marker = marker::text(&specifier.marker).expect("short").unwrap_or_default();
        let read = (specifier.name.as_ref(), &extras[..], what.as_str(), marker.as_str());
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn specifiers_are_taken_apart() {
        check("Fast_API [all, X] >= 1, <2", ("fast-api", &["all", "x"], ">=1, <2", ""));
        check("a (>=1,<2); os_name == 'nt'", ("a", &[], ">=1, <2", "os_name == 'nt'"));
        check(" a[] ", ("a", &[], "", ""));
        check("a;os_name=='nt'", ("a", &[], "", "os_name == 'nt'"));
        check("a @ https://h/a b ; extra=='x'", ("a", &[], "https://h/a%20b", "extra == 'x'"));
        check("a @ https://h/;x#y", ("a", &[], "https://h/;x#y", ""));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let check = |text: &str, part: &str, reason: &str| {
            let error = read(text).expect_err(text);
            assert_eq!(text.get(error.at.clone()), Some(part), "{text}: {error:?}");
            assert!(error.reason.contains(reason), "{text}: {error:?}");
        };
        check("", "", "the name of a project, found its end");
        check("é", "é", "the name of a project, found `é`");
        check("a-", "a-", "does not end with a letter or digit");
        check("a[x y]", "y", "`,` or `]`");
        check("a[é]", "é", "the name of an extra, found `é`");
        check("a b", "b", "found `b`");
        check("a=1", "=1", "");
        check("a (>=1", "(>=1", "a closing `)` is missing");
        check("a>=1 ; os_name", "", "an operator");
        check("a ; os_name = 'x'", "=", "no operator `=`");
        check("a ; os == 'x'", "os", "no variable `os`");
        check("a @ https://h/a; os_name=='x'", "https://h/a;", "a space is missing");
        check("a;extra==extra \"é", "\"", "`and`, `or` or the end");
    }
}
