//! Which Compose the user has, and which version of it. Owns that it is asked once; what differs between versions is
//! others'.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pyfast_launcher::composer::Composer;
use pyfast_root::layout::LAUNCHES;
use pyfast_root::{regular_file, whole_file};
use pyfast_settings::{Settings, Variables};

use crate::error::Error;

/// The user's Compose.
pub fn find(environment: &Variables) -> Option<Composer> {
    let config = pyfast_crew::engine::docker_config(environment);
    let path = environment.get("PATH").unwrap_or_default();
    Composer::find(path.as_ref(), config.as_deref())
}

/// Whether a Compose is the first one. It is asked its version once, because that costs more than all else that an
/// `up` does.
pub(crate) fn is_one(
    composer: &Composer,
    settings: &Settings,
    ask: impl FnOnce() -> Result<String, Error>,
) -> Result<bool, Error> {
    Ok(known_version(composer, settings, ask)?.is_some_and(|version| version.starts_with("1.")))
}

/// The version of a Compose that is a program of its own; the plugin is never the first one.
pub(crate) fn known_version(
    composer: &Composer,
    settings: &Settings,
    ask: impl FnOnce() -> Result<String, Error>,
) -> Result<Option<String>, Error> {
    let Composer::Standalone { program } = composer else { return Ok(None) };
    let memory = VersionFile::of(program, &settings.data_directory()?);
    if let Some(version) = memory.as_ref().and_then(VersionFile::read) {
        return Ok(Some(version));
    }
    let version = ask()?;
    if let Some(memory) = memory {
        memory.write(&version);
    }
    Ok(Some(version))
}

/// What the user's Compose puts between the names of project and service in those that it gives. A Compose that is not
/// there gives none; then what Compose 2 would say is as good.
pub(crate) fn separator(settings: &Settings) -> Result<&'static str, Error> {
    let Some(composer) = find(&settings.variables) else { return Ok("-") };
    let one = is_one(&composer, settings, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|source| pyfast_crew::Error::System { what: "a runtime", source })?;
        Ok(runtime.block_on(composer.version())?)
    })?;
    Ok(if one { "_" } else { "-" })
}

/// Where the version of a Compose is remembered, and which file it is true of.
struct VersionFile {
    path: PathBuf,
    key: String,
}

impl VersionFile {
    fn of(program: &Path, data: &Path) -> Option<Self> {
        let facts = fs_err::metadata(program).ok()?;
        let (seconds, parts) = (facts.mtime(), facts.mtime_nsec());
        let key = format!("{} {} {seconds}.{parts}", program.display(), facts.len());
        Some(Self { path: data.join(LAUNCHES).join("compose-version"), key })
    }

    fn read(&self) -> Option<String> {
        let text = regular_file::read_text(&self.path).ok()?;
        let (key, version) = text.split_once('\n')?;
        (key == self.key).then(|| version.trim().to_owned())
    }

    /// Keeps it. What cannot be kept is asked again.
    fn write(&self, version: &str) {
        if let Some(directory) = self.path.parent() {
            let _ = fs_err::create_dir_all(directory);
        }
        let _ =
            whole_file::replace(&self.path, format!("{}\n{version}\n", self.key).as_bytes(), 0o644);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_until_the_program_changes() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("docker-compose");
        fs_err::write(&program, "one").unwrap();
        let memory = || VersionFile::of(&program, directory.path()).unwrap();
        assert_eq!(memory().read(), None);
        memory().write("1.29.2");
        assert_eq!(memory().read().as_deref(), Some("1.29.2"));
        fs_err::write(&program, "another").unwrap();
        assert_eq!(memory().read(), None);
    }
}
