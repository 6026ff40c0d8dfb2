//! What a scalar is: nothing, a switch, a number, a time, or the text it is. Owns the forms of each; must not know where it
//! stands.

use saphyr_parser::{ScalarStyle, Tag};

use super::Yaml;

/// YAML 1.2's core schema, with the numbers of YAML 1.1 that Compose still reads (`0440`, `1_000`, `0b1`).
pub(super) fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Yaml {
    let string = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || string {
        return Yaml::Str(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Yaml::Null,
        "true" | "True" | "TRUE" => Yaml::Bool(true),
        "false" | "False" | "FALSE" => Yaml::Bool(false),
        _ if is_time(text) => Yaml::Time(text.to_owned()),
        _ => number(text).unwrap_or_else(|| Yaml::Str(text.to_owned())),
    }
}

/// Whether a plain text is a time to readers of YAML 1.1: a date, or one with the time of the day, which has a zone behind
/// a `T` and none behind a blank.
fn is_time(text: &str) -> bool {
    let end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let parts: Vec<Option<u32>> = text[..end].split('-').map(|part| digits(part, 4)).collect();
    let [Some(year), Some(month @ 1..=12), Some(day @ 1..)] = parts[..] else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if text.as_bytes().get(4) != Some(&b'-') || day > days || end > "2026-11-29".len() {
        return false;
    }
    let Some(time) = text.get(end + 1..) else { return true };
    let zone = time.find(['Z', '+', '-']);
    let (time, zone) = time.split_at(zone.unwrap_or(time.len()));
    let is_zone = match zone.strip_prefix(['+', '-']) {
        _ if text[end..].starts_with(' ') => zone.is_empty(),
        None => zone == "Z",
        Some(offset) => offset.len() == 5 && is_clock(offset, 2),
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_zone && is_fraction && is_clock(clock, 3)
}

/// Hours, minutes and, where there are three parts, seconds.
fn is_clock(text: &str, parts: usize) -> bool {
    let found: Vec<Option<u32>> = text.split(':').map(|part| digits(part, 2)).collect();
    found.len() == parts
        && found[0].is_some_and(|hours| hours < 24)
        && found[1..].iter().all(|part| part.is_some_and(|part| part < 60))
}

/// A number of at most so many digits.
fn digits(text: &str, most: usize) -> Option<u32> {
    let fits = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

fn number(text: &str) -> Option<Yaml> {
    let plain = text.replace('_', "");
    let digits = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8), ("", 10)];
    let whole = prefixes
        .iter()
        .find_map(|(prefix, radix)| i64::from_str_radix(digits.strip_prefix(prefix)?, *radix).ok());
    if let Some(whole) = whole {
        return Some(Yaml::Int(if plain.starts_with('-') { -whole } else { whole }));
    }
    // A number that is too long for either type stays the text it is.
    let fits = digits.contains(['.', 'e', 'E']);
    plain.parse().ok().filter(|float: &f64| fits && float.is_finite()).map(Yaml::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_readers_take_for_a_time_is_one() {
        let kind = |text: &str| matches!(scalar(text, ScalarStyle::Plain, None), Yaml::Time(_));
        for time in [
            "2026-11-29",
            "2026-1-2",
            "2026-11-29T10:00:00Z",
            "2026-11-29t1:2:3.5+02:00",
            "2026-11-29 10:00:00",
        ] {
            assert!(kind(time), "{time}");
            assert!(!matches!(scalar(time, ScalarStyle::SingleQuoted, None), Yaml::Time(_)));
        }
        for text in [
            "2026-13-29",
            "2026-11",
            "26-11-29",
            "2026-11-29-1",
            "2026-11-29T10:00:00",
            "2026-11-29 10:00:00Z",
            "2026-11-29T10:00:00+0100",
            "2026-02-29",
            "2026-04-31",
            "2026-00-01",
            "2026-11-00",
            "2026-11-29T10:00:00Zabc",
            "2026-11-29T10:00:00.Z",
            "2026-11-29 10:00:00.abc",
            "2026-11-29T10:00Z",
            "2026-11-29x",
            "2026-11-29T",
            "2026-a-b",
            "é026-11-29",
        ] {
            assert!(!kind(text), "{text}");
        }
    }
}
