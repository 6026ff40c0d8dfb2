//! Sizes as people write them. Knows nothing of what has one.

/// Reads `1000`, `200k`, `200MB`, `1GiB`.
///
/// # Errors
/// If it is no size, in words.
pub fn bytes(text: &str) -> Result<u64, String> {
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
    use super::bytes;

    #[test]
    fn sizes_have_the_usual_units() {
        assert_eq!(bytes("0"), Ok(0));
        assert_eq!(bytes("200MB"), Ok(200_000_000));
        assert_eq!(bytes("1 GiB"), Ok(1 << 30));
        for wrong in ["", "MB", "-1", "1.5GB", "1XB", "99999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
