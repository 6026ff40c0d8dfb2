//! Writing the override file of a project. Owns which services it names; the text is the launcher's.

use std::io;
use std::path::Path;

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::compose_file::{PRIVATE, is_ours};
use pyfast_launcher::containers::shape;
use pyfast_launcher::engine::Engine as _;
use pyfast_launcher::entry::StopSignal;
use pyfast_launcher::override_file::{Override, OverrideService, StoreMount};
use pyfast_root::{regular_file, whole_file};
use pyfast_settings::Root;

use crate::error::Error;
use crate::event::Event;
use crate::placed::Loaded;
use crate::stack::Stack;

impl Stack<'_> {
    /// What the containers would be made from now.
    pub(crate) fn shape(&self) -> Result<String, Error> {
        Ok(shape(&self.description.project, &self.override_text()?))
    }

    /// Refuses what asks supervised services to end by their compose file and nobody can pass on. What their images say
    /// shows once they are there.
    pub(crate) fn check_supervised(&self) -> Result<(), Error> {
        for name in self.description.supervised() {
            let service = self.description.project.services.get(&name);
            let signal = service.and_then(|service| service.stop_signal.as_ref());
            if let Some(Err(why)) = signal.map(|signal| signal.parse::<StopSignal>()) {
                return Err(Error::Supervised { service: name, why: Box::new(why) });
            }
        }
        Ok(())
    }

    /// The override's text. Services whose image is not there yet are left out.
    pub(crate) fn override_text(&self) -> Result<String, Error> {
        let described = &self.description;
        let project = self.settings.project.name();
        let mut services = Vec::new();
        for (name, service) in &described.project.services {
            let Some((env, facts)) = described.environment_of(name) else { continue };
            let image = self.image_of(name)?.unwrap_or_else(|| facts.image.clone());
            let engine = &self.connection.engine;
            let image = self.connection.runtime.block_on(engine.inspect_image(&image));
            let image = match image {
                Ok(image) => image,
                Err(LaunchError::ImageMissing { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let mut own = OverrideService::new(name, service, &image, &project, env);
            if !own.runs {
                return Err(Error::NoCommand { service: name.clone() });
            }
            if facts.supervised.contains(name) {
                let unfit = |why| Error::Supervised { service: name.clone(), why: Box::new(why) };
                own = own.supervised(service, &image).map_err(unfit)?;
            }
            services.push(own);
        }
        let store = match &described.root {
            Root::Volume(volume) => StoreMount::Volume(volume.clone()),
            Root::Directory(directory) => StoreMount::Directory(directory.display().to_string()),
        };
        let version = described.project.version.clone();
        Ok(Override { version, store, services }.text())
    }

    /// Removes an override that nothing needs any more; says whether there was one.
    pub(crate) fn remove_override(&self) -> Result<bool, Error> {
        self.remove_stale_overrides()?;
        remove(&self.description.override_file)
    }

    /// Removes the override of a call whose containers are gone; the others' files stay, which Compose or `.env` name.
    pub(crate) fn remove_override_of_call(&self) -> Result<(), Error> {
        let described = &self.description;
        if described.loaded == Loaded::ByFlag {
            remove(&described.override_file)?;
        }
        Ok(())
    }

    /// Writes the override where it is not what it should be; says whether that was so.
    pub(crate) fn write_override(&self, text: &str) -> Result<bool, Error> {
        self.remove_stale_overrides()?;
        let file = &self.description.override_file;
        if let Some(until) = self.description.until() {
            self.tell(Event::OverrideApart { until });
        }
        if regular_file::read_text(file).is_ok_and(|known| known == text) {
            return Ok(false);
        }
        let written = write_private(file, text);
        written.map_err(|source| Error::Override { act: "write", source })?;
        Ok(true)
    }

    fn remove_stale_overrides(&self) -> Result<(), Error> {
        self.description.stale_overrides.iter().try_for_each(|file| remove(file).map(drop))
    }

    /// Takes out of the override what the project does not have any more, be it that a service was renamed or another
    /// branch checked out: Compose refuses all of a project with a service that is nothing but our addition.
    pub(crate) fn mend_override(&self) -> Result<(), Error> {
        let described = &self.description;
        let file = &described.override_file;
        let Ok(text) = regular_file::read_text(file) else { return Ok(()) };
        let mended = Override::keeping(&text, |name| described.project.has(name));
        if mended != text {
            let written = write_private(file, &mended);
            written.map_err(|source| Error::Override { act: "write", source })?;
        }
        Ok(())
    }
}

/// Removes a file if this program made it; says whether it did.
fn remove(file: &Path) -> Result<bool, Error> {
    if !regular_file::read_text(file).is_ok_and(|text| is_ours(&text)) {
        return Ok(false);
    }
    let removed = fs_err::remove_file(file);
    removed.map_err(|source| Error::Override { act: "remove", source })?;
    Ok(true)
}

/// Writes the override so that nobody else can read it: a service's own entrypoint and PATH are repeated in it, with
/// the values of their variables.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("/"));
    // It is this program's own directory, and may have come with the project.
    if directory.ends_with(PRIVATE) && directory.is_symlink() {
        return Err(io::Error::other(format!("`{}` is a symbolic link", directory.display())));
    }
    if !directory.is_dir() {
        fs_err::create_dir_all(directory)?;
        fs_err::write(directory.join(".gitignore"), "*\n")?;
    }
    whole_file::replace(file, text.as_bytes(), 0o600)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn the_override_is_private_and_replaces_a_link_instead_of_following_it() {
        let project = tempfile::tempdir().unwrap();
        let victim = project.path().join("victim");
        fs_err::write(&victim, "kept").unwrap();
        let file = project.path().join(PRIVATE).join("compose.override.yml");
        write_private(&file, "one").unwrap();
        assert_eq!(fs_err::read_to_string(file.with_file_name(".gitignore")).unwrap(), "*\n");
        fs_err::remove_file(&file).unwrap();
        symlink(&victim, &file).unwrap();
        // Under the name that was once written aside.
        let aside = file.with_extension(format!("{}.new", std::process::id()));
        symlink(&victim, &aside).unwrap();
        write_private(&file, "two").unwrap();
        assert_eq!(fs_err::read_to_string(&victim).unwrap(), "kept");
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs_err::symlink_metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_is_a_link_is_not_written_into() {
        let project = tempfile::tempdir().unwrap();
        let victim = project.path().join("victim");
        fs_err::create_dir(&victim).unwrap();
        symlink(&victim, project.path().join(PRIVATE)).unwrap();
        let file = project.path().join(PRIVATE).join("compose.override.yml");
        let refused = write_private(&file, "x").expect_err("it is a link");
        assert!(refused.to_string().contains("symbolic link"), "{refused}");
        assert_eq!(fs_err::read_dir(&victim).unwrap().count(), 0);
    }
}
