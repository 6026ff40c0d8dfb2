//! Which channels are meant by what is written: a URL, a directory or a name, by the project, on the command line, or in
//! the user's own configuration of conda and pixi. Owns which of these counts, and that a directory is not taken for a name;
//! must not know what channels have.

use std::path::Path;

use pyfast_native::{Error as NativeError, Logins, Mirrors, under_alias};
use pyfast_settings::Settings;
use pyfast_settings::interpreters::channels::{OfUser, is_commercial};

use crate::error::Error;

/// What a channel in a directory has below it, one of these at least.
const PARTS: [&str; 3] = ["noarch", "linux-64", "linux-aarch64"];
/// The channel that is meant where none is named; who reads channels knows where it is.
const USUAL: &str = "conda-forge";

/// The channels of an environment.
pub(super) struct Channels {
    /// Those that the project names, or the usual one.
    pub(super) of_project: Vec<String>,
    /// Those that are meant.
    pub(super) named: Vec<String>,
    /// Those that are read.
    pub(super) asked: Vec<String>,
    /// What lets in there.
    pub(super) logins: Logins,
    /// The user's mirrors.
    pub(super) mirrors: Mirrors,
    /// What the user has configured and is not followed.
    pub(super) unfollowed: Vec<String>,
}

impl Channels {
    /// What flags and variables name, else the project, else the user's configuration of pixi and conda, else what is usual.
    pub(super) fn of(settings: &Settings) -> Result<Self, Error> {
        let project = &settings.project;
        let user = OfUser::read(&settings.variables);
        let mut logins = Logins::default();
        let mut of_project = Vec::new();
        for channel in &project.config.native.channels {
            of_project.push(logins.take(channel)?);
        }
        // Here, for they are said where nothing is asked of them too.
        check(&of_project, &project.directory)?;
        let mut named = of_project.clone();
        if of_project.is_empty() {
            of_project.push(USUAL.to_owned());
            for channel in &user.channels {
                named.push(logins.take(channel)?);
            }
        }
        if named.is_empty() {
            named.push(USUAL.to_owned());
        }
        let mut asked = given(&settings.flags.index.channels, &mut logins, settings)?;
        if asked.is_empty() {
            asked.clone_from(&named);
        }
        if let Some(alias) = &user.alias {
            let alias = logins.take(alias)?;
            for channel in asked.iter_mut().filter(|channel| is_name(channel)) {
                *channel = under_alias(&alias, channel)?;
            }
        }
        let mut places = Vec::new();
        for mirror in &user.mirrors {
            places.push((logins.take(&mirror.of)?, logins.take(&mirror.place)?));
        }
        let mirrors = Mirrors { places, ..Mirrors::default() };
        Ok(Self { of_project, named, asked, logins, mirrors, unfollowed: user.unfollowed })
    }
}

/// Whether a channel is written as a name.
fn is_name(text: &str) -> bool {
    !text.starts_with(['.', '/']) && !text.contains("://")
}

/// Refuses a directory that is written as a name is: whoever reads channels would ask a server for it.
fn check(channels: &[String], directory: &Path) -> Result<(), Error> {
    let is_channel =
        |text: &String| PARTS.iter().any(|part| directory.join(text).join(part).is_dir());
    match channels.iter().filter(|text| is_name(text)).find(|text| is_channel(text)) {
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
fn given(
    channels: &[String],
    logins: &mut Logins,
    settings: &Settings,
) -> Result<Vec<String>, Error> {
    let working = &settings.project.working_directory;
    let channels = channels.iter().map(|channel| logins.take(channel));
    let channels = channels.collect::<Result<Vec<_>, _>>()?;
    check(&channels, working)?;
    if let Some(channel) = channels.iter().find(|channel| is_commercial(channel)) {
        let reason = "organisations may have to pay for it, so that only `channels` under [native] of pyfast.toml name it";
        let (channel, reason) = (channel.clone(), reason.to_owned());
        return Err(NativeError::Channel { channel, reason }.into());
    }
    Ok(channels.into_iter().map(|text| placed(text, working)).collect())
}

fn placed(text: String, working: &Path) -> String {
    if text.starts_with('.') { working.join(text).display().to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_not_taken_for_a_name() {
        let place = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(place.path().join("mirror/linux-64")).unwrap();
        fs_err::create_dir_all(place.path().join("conda-forge")).unwrap();
        let given = |text: &str| {
            check(&[text.to_owned()], place.path())
                .map(|()| [placed(text.to_owned(), place.path())])
        };
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
