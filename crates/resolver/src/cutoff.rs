//! The time before which a file must have been uploaded. Owns how such times are written and compared;
//! must not know the clock.

use std::fmt;
use std::str::FromStr;

/// A moment in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cutoff {
    /// `2026-01-31T12:00:00`, with the fraction where it has one that is not zero.
    text: String,
}

/// Why a text is no [`Cutoff`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{reason} (at character {column}): a date such as 2026-01-31 is wanted, or a time in UTC such as 2026-01-31T12:00:00Z"
)]
pub struct InvalidCutoff {
    reason: String,
    /// Counted from 1.
    column: usize,
}

/// What a text is read into, part by part.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl FromStr for Cutoff {
    type Err = InvalidCutoff;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut reader = Reader { text, at: 0 };
        let year = reader.number("year", 4, 1..=9999)?;
        reader.expect("-")?;
        let month = reader.number("month", 2, 1..=12)?;
        reader.expect("-")?;
        reader.number("day", 2, 1..=days(year, month))?;
        let date = text[..reader.at].to_owned();
        if reader.rest().is_empty() {
            return Ok(Self { text: format!("{date}T00:00:00") });
        }
        reader.expect("T")?;
        reader.number("hour", 2, 0..=23)?;
        reader.expect(":")?;
        reader.number("minute", 2, 0..=59)?;
        reader.expect(":")?;
        // A minute may have a 61st second.
        reader.number("second", 2, 0..=60)?;
        reader.fraction()?;
        let time = text[..reader.at].to_owned();
        reader.expect("Z")?;
        if !reader.rest().is_empty() {
            return Err(reader.wrong("there is more behind the time"));
        }
        Ok(Self { text: whole(&time) })
    }
}

impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", self.text)
    }
}

impl Cutoff {
    /// Whether it lies after an ISO 8601 time in UTC, as indexes give them: with whole seconds or
    /// fractions of them. It lies after no time in any other form.
    pub(crate) fn is_after(&self, time: &str) -> bool {
        let Some(time) = time.strip_suffix('Z').or_else(|| time.strip_suffix("+00:00")) else {
            return false;
        };
        let digits = time.bytes().all(|byte| byte.is_ascii_digit() || b"-T:.".contains(&byte));
        // A fraction is longer than the same second without one, and so compares as later.
        digits && time.len() >= 19 && whole(time) < self.text
    }
}

/// A time without zeros at the end of its fraction, so that the texts compare as the times do.
fn whole(time: &str) -> String {
    if time.contains('.') {
        return time.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    time.to_owned()
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn wrong(&self, reason: impl Into<String>) -> InvalidCutoff {
        let column = self.text[..self.at].chars().count() + 1;
        InvalidCutoff { reason: reason.into(), column }
    }

    /// A number of so many digits.
    fn number(
        &mut self,
        what: &str,
        digits: usize,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, InvalidCutoff> {
        let part = self.rest().get(..digits);
        let part = part.filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(number) = part.and_then(|part| part.parse::<u32>().ok()) else {
            return Err(self.wrong(format!("the {what} must have {digits} digits")));
        };
        if !range.contains(&number) {
            let (first, last) = range.into_inner();
            return Err(self.wrong(format!("there is no {what} {number}, only {first} to {last}")));
        }
        self.at += digits;
        Ok(number)
    }

    fn expect(&mut self, mark: &str) -> Result<(), InvalidCutoff> {
        if !self.rest().starts_with(mark) {
            return Err(self.wrong(format!("`{mark}` is missing")));
        }
        self.at += mark.len();
        Ok(())
    }

    /// Fractions of a second, which may be left out.
    fn fraction(&mut self) -> Result<(), InvalidCutoff> {
        let Some(digits) = self.rest().strip_prefix('.') else { return Ok(()) };
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            self.at += 1;
            return Err(self.wrong("the fraction of the second has no digits"));
        }
        self.at += 1 + count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_that_exist_are_read() {
        let check = |text: &str, expected: &str| {
            let read = text.parse::<Cutoff>().map(|cutoff| cutoff.to_string());
            assert_eq!(read.as_deref(), Ok(expected), "{text}");
        };
        check("2026-01-31", "2026-01-31T00:00:00Z");
        check("2024-02-29", "2024-02-29T00:00:00Z");
        check("2000-02-29T23:59:59Z", "2000-02-29T23:59:59Z");
        check("2026-01-31T12:00:00.250Z", "2026-01-31T12:00:00.25Z");
        check("2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_place() {
        let check = |text: &str, column: usize, reason: &str| {
            let refused = text.parse::<Cutoff>().expect_err(text);
            assert_eq!(refused.column, column, "{text}: {refused}");
            assert!(refused.reason.contains(reason), "{text}: {refused}");
            assert!(refused.to_string().contains("2026-01-31T12:00:00Z"), "{refused}");
        };
        check("2026-99-99", 6, "no month 99");
        check("2026-02-29", 9, "no day 29, only 1 to 28");
        check("1900-02-29", 9, "no day 29");
        check("2026-04-31", 9, "no day 31");
        check("2026-00-01", 6, "no month 0");
        check("0000-01-01", 1, "no year 0");
        check("2026-01-31T25:61:61Z", 12, "no hour 25");
        check("2026-01-31T23:61:61Z", 15, "no minute 61");
        check("2026-01-31T23:59:61Z", 18, "no second 61");
        check("2026-01-31T12:00:00garbageZ", 20, "`Z` is missing");
        check("2026-01-31T12:00:00Zgarbage", 21, "more behind");
        check("2026-01-31T12:00:00.Z", 21, "no digits");
        check("2026-01-31T12:00:00", 20, "`Z` is missing");
        check("2026-01-31 12:00:00Z", 11, "`T` is missing");
        check("2026-1-31", 6, "2 digits");
        check("yesterday", 1, "4 digits");
        check("２０２６-01-31", 1, "4 digits");
        check("2026-01-3é", 9, "2 digits");
        check("", 1, "4 digits");
    }

    #[test]
    fn texts_compare_as_the_times_do() {
        let after =
            |cutoff: &str, time: &str| cutoff.parse::<Cutoff>().expect("a cutoff").is_after(time);
        assert!(after("2026-01-31", "2026-01-30T23:59:59.999999Z"));
        assert!(after("2026-01-31", "2026-01-30T23:59:59+00:00"));
        assert!(!after("2026-01-31", "2026-01-31T00:00:00Z"));
        assert!(!after("2026-01-31", "2026-01-31T00:00:00.000Z"));
        assert!(!after("2026-01-31", "2026-01-31T00:00:00.001Z"));
        assert!(after("2026-01-31T00:00:00.5Z", "2026-01-31T00:00:00.499999Z"));
        assert!(!after("2026-01-31", "2020-01-01"));
        assert!(!after("2026-01-31", "2020-01-01T00:00:00+02:00"));
    }
}
