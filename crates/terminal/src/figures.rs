//! Numbers and rows as people read and write them.

use std::time::Duration;

/// Rows with columns of equal width.
pub fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..N).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A time in milliseconds since 1970 as `2026-11-28 06:09`, of UTC.
pub fn moment(at: u64) -> String {
    let seconds = i64::try_from(at / 1000).unwrap_or_default();
    let time = time::OffsetDateTime::from_unix_timestamp(seconds);
    time.map_or_else(
        |_out_of_range| String::new(),
        |time| {
            let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
            format!("{year}-{month:02}-{day:02} {:02}:{:02}", time.hour(), time.minute())
        },
    )
}

/// Rows below their titles; cells beyond the titles are left out.
pub fn titled<const N: usize>(titles: &[&str], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([titles[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = line(&mut titles.iter().copied());
    text.push_str(&line(&mut rules.iter().map(String::as_str)));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// A duration as people read it: `9 ms`, `1.24 s`, `2 min 5 s`.
pub fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => format!("{:.1} ms", duration.as_secs_f64() * 1000.0),
        1..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{:.2} s", duration.as_secs_f64()),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

/// A count with its noun: `1 package`, `2 packages`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Several kinds of things: `1 error, 2 warnings`, without those of which there are none; `None` if there is nothing.
pub fn counts(things: &[(usize, &str)]) -> Option<String> {
    let there = things.iter().filter(|(number, _)| *number > 0);
    let there: Vec<String> = there.map(|(number, thing)| count(*number, thing)).collect();
    (!there.is_empty()).then(|| there.join(", "))
}

/// Reads a size in bytes: `1000`, `200k`, `200MB`, `1GiB`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size, such as 200MB or 1GiB");
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..at].parse().map_err(|_overflow| wrong())?;
    let factor = match text[at..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::{counts, parse_size};

    #[test]
    fn things_of_which_there_are_none_are_not_counted() {
        assert_eq!(counts(&[(0, "error"), (0, "warning")]), None);
        assert_eq!(counts(&[(1, "error"), (0, "warning")]).as_deref(), Some("1 error"));
        assert_eq!(counts(&[(2, "error"), (1, "warning")]).as_deref(), Some("2 errors, 1 warning"));
    }

    #[test]
    fn sizes_have_the_usual_units() {
        assert_eq!(parse_size("0"), Ok(0));
        assert_eq!(parse_size("200MB"), Ok(200_000_000));
        assert_eq!(parse_size("1 GiB"), Ok(1 << 30));
        for wrong in ["", "MB", "-1", "1.5GB", "1XB", "99999999999GiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
