//! Which channels are meant by what is written: a URL, a directory or a name. Owns that a directory is not taken for a name;
//! must not know what channels have.

use std::path::Path;

use pyfast_native::{Error as NativeError, refuse_secrets};

use crate::error::Error;

/// What a channel in a directory has below it, one of these at least.
const PARTS: [&str; 3] = ["noarch", "linux-64", "linux-aarch64"];

/// Refuses channels that hold a secret, and a directory that is written as a name is: whoever reads channels would ask a
/// server for it.
pub(super) fn check(channels: &[String], directory: &Path) -> Result<(), Error> {
    refuse_secrets(channels)?;
    let is_name = |text: &&String| !text.starts_with(['.', '/']) && !text.contains("://");
    let is_channel =
        |text: &String| PARTS.iter().any(|part| directory.join(text).join(part).is_dir());
    match channels.iter().filter(is_name).find(|text| is_channel(text)) {
        None => Ok(()),
        Some(text) => {
            let reason = format!(
                "it may be a name, and is a directory too: write `./{text}` for that, or the URL of the other"
            );
            Err(NativeError::Channel { channel: text.clone(), reason }.into())
        }
    }
}

/// Channels of the command line: what is relative there is so to the working directory.
pub(super) fn given(channels: &[String], working: &Path) -> Result<Vec<String>, Error> {
    check(channels, working)?;
    let at = |text: &String| {
        if text.starts_with('.') { working.join(text).display().to_string() } else { text.clone() }
    };
    Ok(channels.iter().map(at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_not_taken_for_a_name() {
        let place = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(place.path().join("mirror/linux-64")).unwrap();
        fs_err::create_dir_all(place.path().join("conda-forge")).unwrap();
        let given = |text: &str| given(&[text.to_owned()], place.path());
        let inside = |end: &str| place.path().join(end).display().to_string();
        for (text, expected) in [
            ("./mirror", inside("./mirror")),
            ("conda-forge", "conda-forge".to_owned()),
            ("other/mirror", "other/mirror".to_owned()),
            ("file:///mirror", "file:///mirror".to_owned()),
            ("/mirror", "/mirror".to_owned()),
        ] {
            assert_eq!(given(text).expect("usable"), [expected]);
        }
        let refused = given("mirror").expect_err("refused").to_string();
        assert!(refused.contains("`mirror`") && refused.contains("`./mirror`"), "{refused}");
    }
}
