//! Times as engines write them (RFC 3339, nanoseconds, any offset), as numbers. Owns the parsing; must not know clocks.

const NANOSECONDS: i128 = 1_000_000_000;

/// Nanoseconds since 1970 (UTC); `None` when the text is no time.
pub(crate) fn nanoseconds(text: &str) -> Option<i128> {
    let (date, rest) = text.split_at_checked(19)?;
    let bytes = date.as_bytes();
    if [4, 7, 13, 16].map(|at| bytes[at]) != *b"--::" || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    let number = |from: usize, to: usize| digits(&date[from..to]);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let clock = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let fraction = rest.strip_prefix('.').unwrap_or_default();
    let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let nanos = digits(&format!("{:0<9.9}", &fraction[..length]))?;
    let zone = if fraction.is_empty() { rest } else { &fraction[length..] };
    let seconds = days(year, month, day) * 86_400 + clock - offset(zone)?;
    Some(i128::from(seconds) * NANOSECONDS + i128::from(nanos))
}

/// Seconds with nine decimals, as engines take a time in a query.
pub(crate) fn query(nanoseconds: i128) -> String {
    format!("{}.{:09}", nanoseconds.div_euclid(NANOSECONDS), nanoseconds.rem_euclid(NANOSECONDS))
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (digits(hours)? * 3600 + digits(minutes)? * 60))
}

/// Days since 1970 of a day of the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before_year + (153 * since_march + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_fractions_and_offsets() {
        let at = |text| nanoseconds(text).unwrap();
        assert_eq!(at("1970-01-01T00:00:00Z"), 0);
        assert_eq!(at("2024-02-29T12:00:00.5Z"), 1_709_208_000_500_000_000);
        assert_eq!(at("2024-02-29T14:00:00.500000000+02:00"), at("2024-02-29T12:00:00.5Z"));
        assert_eq!(at("2000-03-01T00:00:00.000000001Z"), 951_868_800_000_000_001);
        assert!(at("0001-01-01T00:00:00Z") < 0);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "2024-02-29", "2024-02-29T12:00:00", "2024-02-29T12:0x:00Z"] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_query_keeps_every_nanosecond() {
        assert_eq!(query(1_709_208_000_000_000_001), "1709208000.000000001");
    }
}
