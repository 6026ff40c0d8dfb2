//! `.env` and `env_file` as Compose reads them: comments, `export`, quotes, several lines, variables. Owns the syntax;
//! must not know which file takes precedence.

use super::interpolate::{Budget, Variables};

/// Names with their values, in the order of the file; `None` where a name stands alone.
pub(super) type Assignments = Vec<(String, Option<String>)>;

/// Reads the lines; values may use earlier ones and `outer`'s, as far as the budget goes.
///
/// # Errors
/// The line, from 1, and what is wrong with it.
pub(super) fn parse(
    text: &str,
    outer: &std::collections::BTreeMap<String, String>,
    budget: &mut Budget,
) -> Result<Assignments, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut variables = Variables::new(outer.clone(), *budget);
    let mut found = Vec::new();
    let mut rest = text.as_str();
    let (mut number, mut counted) = (1, 0);
    while !rest.is_empty() {
        let begun = text.len() - rest.len();
        number += text[counted..begun].matches('\n').count();
        counted = begun;
        let fail = |reason: String| (number, reason);
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after;
            continue;
        }
        let start = line.trim_start();
        let start = start.strip_prefix("export ").unwrap_or(start).trim_start();
        // `NAME: value` is another way to write it.
        let Some((name, value)) = start.split_once(['=', ':']) else {
            found.push((trimmed_name(start).map_err(fail)?, None));
            rest = after;
            continue;
        };
        let name = trimmed_name(name).map_err(fail)?;
        let offset = line.len() - value.len();
        let (value, next) = read_value(&rest[offset..]).map_err(fail)?;
        rest = next;
        let value = match value {
            Value::Literal(text) => text,
            Value::Template(text) => {
                match variables.interpolate(&text) {
                    Ok(text) => text,
                    // A lone `$`, as passwords have it, is no variable.
                    Err(_) if !text.contains("${") => text,
                    Err(reason) => return Err(fail(reason)),
                }
            }
        };
        // What the process has set wins where other lines use it.
        if !outer.contains_key(&name) {
            variables.set(&name, &value);
        }
        found.push((name, Some(value)));
    }
    *budget = variables.budget;
    Ok(found)
}

enum Value {
    /// Taken as it stands.
    Literal(String),
    /// Its variables are replaced.
    Template(String),
}

fn trimmed_name(text: &str) -> Result<String, String> {
    let name = text.split('#').next().unwrap_or_default().trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("`{}` is not the name of a variable", text.trim()));
    }
    Ok(name.to_owned())
}

/// The value that a text begins with, and what follows its line.
fn read_value(text: &str) -> Result<(Value, &str), String> {
    let start = text.trim_start_matches([' ', '\t']);
    let next_line = |text: &'_ str| text.find('\n').map_or(text.len(), |index| index + 1);
    match start.chars().next() {
        Some('\'') => {
            let end = start[1..].find('\'').ok_or("a quote `'` is not closed")? + 1;
            let after = &start[end + 1..];
            Ok((Value::Literal(start[1..end].to_owned()), &after[next_line(after)..]))
        }
        Some('"') => {
            let (value, after) = double_quoted(&start[1..])?;
            Ok((Value::Template(value), &after[next_line(after)..]))
        }
        _ => {
            let (line, after) = text.split_once('\n').unwrap_or((text, ""));
            let bare =
                line.find(" #").or_else(|| line.find("\t#")).map_or(line, |end| &line[..end]);
            Ok((Value::Template(bare.trim().to_owned()), after))
        }
    }
}

/// Up to the closing quote, escapes replaced.
fn double_quoted(text: &str) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((out, &text[index + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 'r')) => out.push('\r'),
                Some((_, 't')) => out.push('\t'),
                Some((_, '$')) => out.push_str("$$"),
                Some((_, other @ ('"' | '\\'))) => out.push(other),
                Some((_, other)) => out.extend(['\\', other]),
                None => break,
            },
            other => out.push(other),
        }
    }
    Err("a quote `\"` is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::growth::least_time;
    use super::*;

    fn parse(text: &str, outer: &BTreeMap<String, String>) -> Result<Assignments, (usize, String)> {
        super::parse(text, outer, &mut Budget::default())
    }

    #[test]
    fn quotes_comments_exports_and_variables_are_understood() {
        let text = "# c\nA=1\nexport B = two # c\nC='$A # x'\nD=\"$A\\n${B}\"\nE=\n\nF=\"l1\nl2\"\nG=a#b\nH=${OUT:-x}\nI\n";
        let outer = [("OUT".to_owned(), "o".to_owned())].into();
        let found = parse(text, &outer).unwrap();
        let found: Vec<(&str, Option<&str>)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let expected = [
            ("A", Some("1")),
            ("B", Some("two")),
            ("C", Some("$A # x")),
            ("D", Some("1\ntwo")),
            ("E", Some("")),
            ("F", Some("l1\nl2")),
            ("G", Some("a#b")),
            ("H", Some("o")),
            ("I", None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_lone_dollar_is_kept_and_a_required_variable_is_not() {
        let found = parse("A=pa$\nB=1$%\n", &[].into()).unwrap();
        let values: Vec<Option<&str>> = found.iter().map(|(_, value)| value.as_deref()).collect();
        assert_eq!(values, [Some("pa$"), Some("1$%")]);
        let fault = parse("\nA=${B:?needed}", &[].into()).unwrap_err();
        assert_eq!(fault, (2, "the variable B is required: needed".to_owned()));
    }

    #[test]
    fn a_fault_names_its_line() {
        assert_eq!(parse("A=1\n\nB='x\n", &[].into()).unwrap_err().0, 3);
        assert_eq!(parse("A b=1", &[].into()).unwrap_err().0, 1);
    }

    #[test]
    fn values_that_double_come_to_an_end_with_their_line() {
        let mut text = "A0=0123456789\n".to_owned();
        for number in 1..=26 {
            let before = format!("${{A{}}}", number - 1);
            text.extend([format!("A{number}="), before.repeat(10), "\n".to_owned()]);
        }
        let (line, reason) = parse(&text, &BTreeMap::new()).unwrap_err();
        assert_eq!(reason, "its variables come to more than 16777216 bytes");
        // 10 bytes, ten times as many in each line.
        assert_eq!(line, 8);
    }

    #[test]
    fn a_long_file_is_read_in_a_time_that_grows_with_it() {
        let outer = (0..200).map(|n| (format!("OUT{n}"), "x".repeat(50))).collect();
        let file = |lines: usize| -> String {
            (0..lines).map(|n| format!("NAME_{n}=\"$OUT{} and\nmore\"\n", n % 200)).collect()
        };
        let took = |lines| {
            let text = file(lines);
            least_time(&|| drop(parse(&text, &outer).unwrap()))
        };
        let (short, long) = (took(2_000), took(16_000));
        // Eight times as long: quadratic would be 64 times.
        assert!(long < short * 24, "{short:?}, {long:?}");
    }
}
