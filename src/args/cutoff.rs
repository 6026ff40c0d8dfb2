//! The time of `--exclude-newer`. Owns which texts are a time; must not know what is compared with it.

use std::fmt;
use std::str::FromStr;

/// A time in UTC in the form in which indexes give it (`2026-01-31T12:00:00Z`), so that the texts compare as the times do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cutoff(String);

impl Cutoff {
    /// The time as text.
    pub(crate) fn utc(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cutoff {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "write a date (2026-01-31), or a time in UTC (2026-01-31T12:00:00Z), that the calendar has"
                .to_owned()
        };
        let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
        let clock = time.strip_suffix('Z').ok_or_else(wrong)?;
        let clock = clock
            .split_once('.')
            .map_or(clock, |(whole, fraction)| if is_number(fraction) { whole } else { "" });
        if is_date(date) && is_clock(clock) {
            Ok(Self(format!("{date}T{time}")))
        } else {
            Err(wrong())
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Numbers of these widths between separators.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[u32; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && is_number(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_date(text: &str) -> bool {
    let Some([year, month, day]) = numbers(text, '-', [4, 2, 2]) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn is_clock(text: &str) -> bool {
    // A minute may have a 61st second.
    numbers(text, ':', [2, 2, 2])
        .is_some_and(|[hour, minute, second]| hour < 24 && minute < 60 && second <= 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let read = text.parse::<Cutoff>().ok();
        assert_eq!(read.as_ref().map(Cutoff::utc), expected, "{text}");
    }

    #[test]
    fn dates_and_times_in_utc_are_times() {
        check("2026-01-31", Some("2026-01-31T00:00:00Z"));
        check("2024-02-29T23:59:60Z", Some("2024-02-29T23:59:60Z"));
        check("2026-01-31T12:00:00.123456Z", Some("2026-01-31T12:00:00.123456Z"));
    }

    #[test]
    fn what_no_calendar_or_clock_has_is_no_time() {
        for text in [
            "2026-99-99",
            "2026-00-10",
            "2026-01-00",
            "2026-04-31",
            "2023-02-29",
            "1900-02-29",
            "2026-01-31T25:61:61Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00garbageZ",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00.1xZ",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00Z",
            "2026-1-31",
            "+026-01-31",
            "",
            "now",
        ] {
            check(text, None);
        }
    }
}
