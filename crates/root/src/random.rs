//! Names that nobody can foresee, so that nobody can plant something under them beforehand.

use std::fmt::Write as _;
use std::io;

/// 32 hexadecimal digits from the system's random source.
///
/// # Errors
/// If the system gives no random bytes.
pub fn random_name() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        let flags = rustix::rand::GetRandomFlags::empty();
        filled += rustix::rand::getrandom(&mut bytes[filled..], flags)?;
    }
    Ok(bytes.iter().fold(String::with_capacity(32), |mut name, byte| {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    }))
}

/// Whether a name may have been made by [`random_name`].
pub(crate) fn is_random_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
