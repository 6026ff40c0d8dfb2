//! Times as engines write them (RFC 3339, nanoseconds, any offset), as numbers. Owns the units; must not know clocks.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const NANOSECONDS: i128 = 1_000_000_000;

/// Nanoseconds since 1970 (UTC); `None` when the text is no time.
pub(crate) fn nanoseconds(text: &str) -> Option<i128> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp_nanos)
}

/// Seconds with nine decimals, as engines take a time in a query.
pub(crate) fn query(nanoseconds: i128) -> String {
    format!("{}.{:09}", nanoseconds.div_euclid(NANOSECONDS), nanoseconds.rem_euclid(NANOSECONDS))
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
