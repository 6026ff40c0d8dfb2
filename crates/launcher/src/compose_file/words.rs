//! Small texts of compose files: command lines in one string, durations. Owns their grammar; must not know where they
//! stand.

use std::time::Duration;

/// Splits a command line as a shell does, without expanding anything.
///
/// # Errors
/// The reason, when a quote is not closed.
pub(super) fn split_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        None => return Err("a quote `'` is not closed".to_owned()),
                        Some('\'') => break,
                        Some(other) => word.push(other),
                    }
                }
            }
            '"' => double_quoted(&mut characters, word.get_or_insert_default())?,
            '\\' => {
                let next = characters.next().ok_or("nothing follows the last `\\`")?;
                word.get_or_insert_default().push(next);
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn double_quoted(characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), String> {
    let open = || "a quote `\"` is not closed".to_owned();
    loop {
        match characters.next().ok_or_else(open)? {
            '"' => return Ok(()),
            '\\' => match characters.next().ok_or_else(open)? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            other => word.push(other),
        }
    }
}

const UNITS: [(&str, u64); 9] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("ms", 1_000_000),
    ("m", 60_000_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
    ("s", 1_000_000_000),
];

/// Reads `1m30s`, `1.5h`, `500ms`; a bare number is nanoseconds, as in Compose.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if let Ok(nanoseconds) = rest.parse() {
        return Some(Duration::from_nanos(nanoseconds));
    }
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, size) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        let part = Duration::from_nanos(*size).as_secs_f64() * number;
        total = total.checked_add(Duration::try_from_secs_f64(part).ok()?)?;
    }
    Some(total)
}

/// Writes a duration so that equal ones read equal.
pub(super) fn format_duration(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    let (rest, unit) = match nanos {
        nanos if nanos % 1_000_000 == 0 => (duration.subsec_millis(), "ms"),
        nanos if nanos % 1000 == 0 => (duration.subsec_micros(), "us"),
        nanos => (nanos, "ns"),
    };
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(rest), unit),
    ];
    let filled = parts.iter().filter(|(amount, _)| *amount > 0);
    let out: String = filled.map(|(amount, unit)| format!("{amount}{unit}")).collect();
    if out.is_empty() { "0s".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_as_in_a_shell_and_nothing_is_expanded() {
        let words = split_words("sh  -c 'a \"b' \"c \\\"d\\\" \\n\" e\\ f \"\" #g $H\n").unwrap();
        assert_eq!(words, ["sh", "-c", "a \"b", "c \"d\" \\n", "e f", "", "#g", "$H"]);
        assert!(split_words("a 'b").unwrap_err().contains("not closed"));
    }

    #[test]
    fn durations_read_as_in_compose_and_print_alike() {
        for (text, printed) in [
            ("90s", "1m30s"),
            ("1m30s", "1m30s"),
            ("1.5h", "1h30m"),
            ("500ms", "500ms"),
            ("1d", "24h"),
            ("1w2d3h", "219h"),
            ("0s", "0s"),
            ("1s250us", "1s250us"),
            ("2000000000", "2s"),
        ] {
            assert_eq!(
                parse_duration(text).map(format_duration).as_deref(),
                Some(printed),
                "{text}"
            );
        }
        for text in ["", "s", "5 s", "-1s", "1y", "1s2"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
