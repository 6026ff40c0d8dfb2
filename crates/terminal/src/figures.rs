//! Numbers and rows as people read them.

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
