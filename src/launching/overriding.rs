//! Writing the override file of a project. Owns which services it names; the text is the launcher's.

use std::os::unix::fs::PermissionsExt as _;

use pyfast_launcher::{Engine as _, Error as LaunchError, Override, OverrideService, StoreMount};

use super::Launcher;
use crate::failure::{Code, Failure};
use crate::settings::Root;

impl Launcher<'_> {
    /// The override's text. Services whose image is not there yet are left out.
    pub(crate) fn override_text(&self) -> Result<String, Failure> {
        let stack = &self.stack;
        let project = self.settings.project.name();
        let mut services = Vec::new();
        for (name, service) in &stack.project.services {
            let Some((env, facts)) = stack.environment_of(name) else { continue };
            let image = self.image_of(name)?.unwrap_or_else(|| facts.image.clone());
            let docker = &self.connection.docker;
            let image = self.connection.runtime.block_on(docker.inspect_image(&image));
            let image = match image {
                Ok(image) => image,
                Err(LaunchError::ImageMissing { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let service = OverrideService::new(name, service, &image, &project, env);
            if !service.runs {
                let message = format!("the service `{name}` and its image name no command to run");
                return Err(Failure::usage(message).hint("give `command` in the compose file"));
            }
            services.push(service);
        }
        let store = match &stack.root {
            Root::Volume(volume) => StoreMount::Volume(volume.clone()),
            Root::Directory(directory) => StoreMount::Directory(directory.display().to_string()),
        };
        let version = stack.project.version.clone();
        Ok(Override { version, store, services }.text())
    }

    /// Removes an override that nothing needs any more; says whether there was one.
    pub(crate) fn remove_override(&self) -> Result<bool, Failure> {
        let file = &self.stack.override_file;
        if !fs_err::read_to_string(file).is_ok_and(|text| Override::is_ours(&text)) {
            return Ok(false);
        }
        fs_err::remove_file(file).map_err(|error| {
            let message = format!("cannot remove the override file: {error}");
            Failure::new("io", message, Code::Mendable)
        })?;
        Ok(true)
    }

    /// Writes the override where it is not what it should be; says whether that was so.
    pub(crate) fn write_override(&self, text: &str) -> Result<bool, Failure> {
        let file = &self.stack.override_file;
        if fs_err::read_to_string(file).is_ok_and(|known| known == text) {
            return Ok(false);
        }
        let write = || -> std::io::Result<()> {
            if let Some(directory) = file.parent()
                && !directory.is_dir()
            {
                fs_err::create_dir_all(directory)?;
                fs_err::write(directory.join(".gitignore"), "*\n")?;
            }
            let temporary = file.with_extension(format!("{}.new", std::process::id()));
            fs_err::write(&temporary, text)?;
            // A service's own entrypoint and PATH are repeated in it, with the values of their variables.
            fs_err::set_permissions(&temporary, std::fs::Permissions::from_mode(0o600))?;
            fs_err::rename(&temporary, file)
        };
        write().map_err(|error| {
            let message = format!("cannot write the override file: {error}");
            Failure::new("io", message, Code::Mendable)
        })?;
        if !self.stack.loaded_by_compose {
            self.ui().note(format!(
                "Wrote {}; add it to COMPOSE_FILE in .env, so that a plain `{}` knows it too",
                file.display(),
                "docker compose up"
            ));
        }
        Ok(true)
    }
}
