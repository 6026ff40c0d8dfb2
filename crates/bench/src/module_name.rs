//! Which words may stand after `import`. Knows no option.

/// A name that may stand after `import`.
///
/// # Errors
/// What is wrong with it.
pub fn module_name(text: &str) -> Result<String, String> {
    let is_name = |part: &str| {
        part.chars()
            .enumerate()
            .all(|(at, c)| c == '_' || c.is_alphabetic() || at > 0 && c.is_alphanumeric())
            && !part.is_empty()
    };
    if text.split('.').all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("no name of a module".to_owned())
    }
}
