//! `.env` and `env_file` as Compose reads them: comments, `export`, quotes, several lines, variables. Owns the syntax;
//! must not know which file takes precedence.

use super::interpolate::Variables;

/// Names with their values, in the order of the file; `None` where a name stands alone.
pub(super) type Assignments = Vec<(String, Option<String>)>;

/// Reads the lines; values may use earlier ones and `outer`'s.
///
/// # Errors
/// The line, from 1, and what is wrong with it.
pub(super) fn parse(
    text: &str,
    outer: &std::collections::BTreeMap<String, String>,
) -> Result<Assignments, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut known = outer.clone();
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let number = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let fail = |reason: String| (number, reason);
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after;
            continue;
        }
        let start = line.trim_start();
        let start = start.strip_prefix("export ").unwrap_or(start).trim_start();
        let Some((name, value)) = start.split_once('=') else {
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
                let mut variables = Variables::new(known.clone());
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
            known.insert(name.clone(), value.clone());
        }
        found.push((name, Some(value)));
    }
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
    use super::*;

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
}
