//! conda's own files, as far as anything of them is read: texts, and lists of texts, at their top. Must not know what a key
//! means.

use std::collections::BTreeMap;
use std::path::PathBuf;

use saphyr_parser::{Event, Parser};

use crate::variables::Variables;

/// Values that a file may have.
const MOST: usize = 10_000;

/// conda's files, the nearest to the user first.
pub(super) fn files(variables: &Variables) -> Vec<PathBuf> {
    let named = variables.get("CONDARC").map(PathBuf::from);
    let home = variables.home();
    let in_home = |name: &str| Some(home.as_ref()?.join(name));
    let config = variables.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| in_home(".config")).map(|config| config.join("conda/.condarc"));
    let prefix = variables.get("CONDA_PREFIX").map(|prefix| PathBuf::from(prefix).join(".condarc"));
    let all = [named, prefix, in_home(".condarc"), in_home(".conda/.condarc"), config];
    all.into_iter().flatten().chain(["/etc/conda/.condarc".into()]).collect()
}

/// What keys at the top say; of values that are neither texts nor lists of them, that they are there.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut said = BTreeMap::<String, Vec<String>>::new();
    let (mut key, mut depth, mut count) = (None::<String>, 0, 0);
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        count += 1;
        if count > MOST {
            return Err(format!("it has more than {MOST} values"));
        }
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => {
                depth -= 1;
                if depth == 1 {
                    key = None;
                }
            }
            Event::Scalar(value, ..) => match (&key, depth) {
                (None, 1) => {
                    said.entry(value.to_string()).or_default();
                    key = Some(value.into_owned());
                }
                (Some(name), 1 | 2) => {
                    said.entry(name.clone()).or_default().push(value.into_owned());
                    if depth == 1 {
                        key = None;
                    }
                }
                _ => {}
            },
            Event::Alias(_) if depth == 1 => key = None,
            _ => {}
        }
    }
    Ok(said)
}

/// A text with variables in it, `$NAME` or `${NAME}`; one that is not set stays as it is written.
pub(super) fn expanded(text: &str, variables: &Variables) -> String {
    let Some((before, rest)) = text.split_once('$') else { return text.to_owned() };
    let braced = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, after) = braced.unwrap_or_else(|| rest.split_at(end));
    let written = &text[before.len()..text.len() - after.len()];
    let value = variables.get(name).unwrap_or(written);
    format!("{before}{value}{}", expanded(after, variables))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_lists_at_the_top_are_read() {
        let text = "a: x\nb:\n  - one\n  - {k: v}\n  - two\nc: {d: [e]}\n\"f\": [g, 'h']\ni:\n";
        let said = read(text).unwrap();
        let of = |key: &str| said.get(key).map(|list| list.join(" "));
        assert_eq!(of("a").as_deref(), Some("x"));
        assert_eq!(of("b").as_deref(), Some("one two"));
        assert!(said.contains_key("c") && !said.contains_key("d"));
        assert_eq!(of("f").as_deref(), Some("g h"));
        assert!(read("a: [\n").is_err());
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn variables_are_put_in() {
        let variables = Variables::new([("TOKEN".into(), "t1".into())]);
        let check = |text: &str, expected: &str| assert_eq!(expanded(text, &variables), expected);
        check("https://u:$TOKEN@h/${TOKEN}/c", "https://u:t1@h/t1/c");
        check("$OTHER/${OTHER}/$", "$OTHER/${OTHER}/$");
        check("none", "none");
    }
}
