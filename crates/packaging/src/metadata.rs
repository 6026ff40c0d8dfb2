//! Core metadata of a distribution: what resolving needs of a METADATA file.
//!
//! <https://packaging.python.org/en/latest/specifications/core-metadata/>

use std::borrow::Cow;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerTree, PackageName};

use crate::dependency_specifier::{DependencySpecifier, What};
use crate::marker::Effort;
use crate::scanner::Unreadable;

/// The part of a wheel's metadata that resolving needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// `Name`, normalised.
    pub name: PackageName,
    /// `Version`.
    pub version: Version,
    /// `Requires-Python`.
    pub requires_python: Option<VersionSpecifiers>,
    /// `Requires-Dist`.
    pub dependencies: Vec<Dependency>,
    /// `Provides-Extra`, normalised.
    pub extras: Vec<pep508_rs::ExtraName>,
}

/// One `Requires-Dist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The project.
    pub name: PackageName,
    /// Extras of it.
    pub extras: Vec<pep508_rs::ExtraName>,
    /// The versions that do.
    pub specifiers: VersionSpecifiers,
    /// A direct reference, which an index' package may not have.
    pub url: Option<String>,
    /// Why the place that its project names for it cannot be used: it may come from nowhere else.
    pub refused: Option<String>,
    /// Where it counts.
    pub marker: MarkerTree,
}

/// The largest METADATA file that is read, in bytes.
pub const LARGEST: usize = 32 << 20;

/// The header lines that [`parse`] looks at; the rest is not worth caching.
const FIELDS: &[&str] = &["name", "version", "requires-python", "requires-dist", "provides-extra"];

/// The headers of a METADATA text that resolving needs, one per line, unfolded.
pub fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    for (field, value) in headers(text) {
        if FIELDS.contains(&field.to_ascii_lowercase().as_str()) {
            excerpt.push_str(field);
            excerpt.push_str(": ");
            excerpt.push_str(&value);
            excerpt.push('\n');
        }
    }
    excerpt
}

/// The first value of a header.
pub fn header(text: &str, name: &str) -> Option<String> {
    let mut all = headers(text).filter(|(field, _)| field.eq_ignore_ascii_case(name));
    all.next().map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// Reads METADATA.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(text: &str) -> Result<Metadata, String> {
    let (mut name, mut version, mut requires_python) = (None, None, None);
    let (mut dependencies, mut extras) = (Vec::new(), Vec::new());
    let mut effort = Effort::default();
    for (field, value) in headers(text) {
        let value = value.trim();
        if field.eq_ignore_ascii_case("requires-dist") {
            dependencies.push(dependency(value, &mut effort)?);
        } else if field.eq_ignore_ascii_case("provides-extra") {
            // Rule 22: an invalid extra is skipped.
            extras.extend(pep508_rs::ExtraName::from_str(value).ok());
        } else if field.eq_ignore_ascii_case("requires-python") {
            requires_python = Some(python_specifiers(value)?);
        } else if field.eq_ignore_ascii_case("name") && name.is_none() {
            name = Some(PackageName::from_str(value).map_err(|error| error.to_string())?);
        } else if field.eq_ignore_ascii_case("version") && version.is_none() {
            version = Some(Version::from_str(value).map_err(|error| error.to_string())?);
        }
    }
    Ok(Metadata {
        name: name.ok_or("it has no Name")?,
        version: version.ok_or("it has no Version")?,
        requires_python,
        dependencies,
        extras,
    })
}

/// Reads `Requires-Python`, with the fix-ups of rule 26.
///
/// # Errors
/// What is wrong with it, in words.
pub fn python_specifiers(text: &str) -> Result<VersionSpecifiers, String> {
    VersionSpecifiers::from_str(text)
        .or_else(|error| VersionSpecifiers::from_str(&mend(text)).map_err(|_mended| error))
        .map_err(|error| {
            format!(
                "Requires-Python `{text}`: {}",
                error.to_string().lines().next().unwrap_or_default()
            )
        })
}

fn dependency(text: &str, effort: &mut Effort) -> Result<Dependency, String> {
    let read = DependencySpecifier::read(text, effort);
    // What needs mending is not the part that can be too complex.
    let mended = |error| DependencySpecifier::read(&mend(text), effort).map_err(|_mended| error);
    let specifier = read.or_else(mended).map_err(|error: Unreadable| {
        format!("Requires-Dist `{}`: {}", shortened(text), error.reason)
    })?;
    let (specifiers, url) = match specifier.what {
        What::Versions(specifiers) => (specifiers, None),
        What::Url(url) => (VersionSpecifiers::empty(), Some(url.to_string())),
    };
    Ok(Dependency {
        name: specifier.name,
        extras: specifier.extras,
        specifiers,
        url,
        refused: None,
        marker: specifier.marker,
    })
}

/// The beginning of a text that may be of any length, for a message.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(200) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Mends what old metadata gets wrong in specifiers (rule 26); the marker is left alone.
fn mend(text: &str) -> String {
    let (requirement, marker) = match text.split_once(';') {
        Some((requirement, marker)) => (requirement, Some(marker)),
        None => (text, None),
    };
    let requirement = mend_operands(requirement);
    let mut mended = String::with_capacity(requirement.len() + 4);
    let characters: Vec<char> = requirement.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
    let mut operator = String::new();
    for (index, &character) in characters.iter().enumerate() {
        let starts = matches!(character, '<' | '>' | '=' | '!' | '~');
        if starts {
            // `>=1.0<2` lacks a comma.
            let before = mended.trim_end().chars().next_back();
            if !matches!(before, Some('<' | '>' | '=' | '!' | '~')) {
                operator.clear();
                let has_specifier = mended.contains(['<', '>', '=', '!', '~']);
                if has_specifier && before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '*') {
                    mended.push(',');
                }
            }
            operator.push(character);
        }
        // `>=1.*` means `>=1`.
        let wildcard = character == '.' && characters.get(index + 1) == Some(&'*')
            || character == '*' && index > 0 && characters[index - 1] == '.';
        if wildcard && matches!(operator.as_str(), "<" | ">" | "<=" | ">=") {
            continue;
        }
        mended.push(character);
    }
    let trimmed = mended.trim_end();
    let mended = match trimmed.strip_suffix(')') {
        Some(inner) => format!("{})", inner.trim_end_matches([',', ' '])),
        None => trimmed.trim_end_matches(',').to_owned(),
    };
    match marker {
        Some(marker) => format!("{mended} ;{marker}"),
        None => mended,
    }
}

/// Mends what old metadata writes after an operator: `!=~5.0` is `!=5.0.*`, `!=3.0*` is `!=3.0.*`,
/// `>dev` is `>0.0.0dev`, `9.0.0a1.0` is `9.0.0a1`.
fn mend_operands(requirement: &str) -> String {
    const OPERATORS: [char; 5] = ['<', '>', '=', '!', '~'];
    let Some(start) = requirement.find(OPERATORS) else { return requirement.to_owned() };
    let (head, rest) = requirement.split_at(start);
    let mend_one = |part: &str| {
        let operand =
            part.find(|c: char| !OPERATORS.contains(&c) && c != ' ').unwrap_or(part.len());
        let (operator, operand) = part.split_at(operand);
        let (version, end) = operand.split_at(operand.trim_end_matches([')', ' ']).len());
        let (operator, prefixed) = match operator.trim().strip_suffix('~') {
            Some(exclusion @ "!=") => (exclusion.to_owned(), true),
            _ => (operator.to_owned(), false),
        };
        let version = match version.strip_suffix('*') {
            _ if version == "dev" => "0.0.0dev".to_owned(),
            Some(prefix) if prefix.ends_with(|c: char| c.is_ascii_digit()) => format!("{prefix}.*"),
            None if prefixed => format!("{version}.*"),
            _ => without_part_after_pre(version),
        };
        format!("{operator}{version}{end}")
    };
    let parts: Vec<String> = rest.split(',').map(mend_one).collect();
    format!("{head}{}", parts.join(","))
}

/// `9.0.0a1.0` is no version; `9.0.0a1` was meant.
fn without_part_after_pre(version: &str) -> String {
    let meant = version.strip_suffix(".0").filter(|head| {
        let number = head.trim_end_matches(|c: char| c.is_ascii_digit());
        number.len() < head.len() && number.ends_with(['a', 'b', 'c'])
    });
    meant.unwrap_or(version).to_owned()
}

/// Header fields up to the first blank line, with folded lines joined.
pub fn headers(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next().filter(|line| !line.is_empty())?;
            let mut folded = String::new();
            while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
                folded.push('\n');
                folded.push_str(more);
            }
            if let Some((field, value)) = line.split_once(':') {
                return Some((field, value.trim().to_owned() + &folded.replace('\n', " ")));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(text: &str) -> Result<Dependency, String> {
        super::dependency(text, &mut Effort::default())
    }

    #[test]
    fn metadata_is_read_up_to_the_body() {
        let text = "Metadata-Version: 2.1\nName: A_b\nVersion: 1.0\nRequires-Python: >=3.8\n\
                    Requires-Dist: c (>=1) ; extra == 'x'\nRequires-Dist: d[e]\n  >=2\n\
                    Provides-Extra: X\nSummary: s\n\nRequires-Dist: not-this\n";
        let metadata = parse(text).expect("metadata");
        assert_eq!(metadata.name.to_string(), "a-b");
        assert_eq!(metadata.dependencies.len(), 2);
        assert_eq!(metadata.dependencies[1].specifiers.to_string(), ">=2");
        assert_eq!(parse(&excerpt(text)).expect("excerpt"), metadata);
    }

    fn check(given: &str, expected: &str) {
        let dependency = dependency(given).expect("mended");
        assert_eq!(dependency.specifiers.to_string(), expected, "{given}");
    }

    #[test]
    fn rule_26_old_specifiers_are_mended() {
        check("a (>=1.0<2)", ">=1.0, <2");
        check("a>=1.*", ">=1");
        check("a (>=1.0,)", ">=1.0");
        check("a>=1,", ">=1");
        check("a>='1.0'", ">=1.0");
        check("a==1.*", "==1.*");
        check("a (!=~5.0)", "!=5.0.*");
        check("a>=2,!=3.0*", ">=2, !=3.0.*");
        check("a (>dev)", ">0.0.0.dev0");
        check("a>=9.0.0a1.0,<10", ">=9.0.0a1, <10");
        assert!(dependency("a=>b").is_err());
        assert!(dependency("a- (>=1)").is_err());
        assert!(dependency(&format!("a; {}", "(".repeat(9000))).is_err());
    }
}
