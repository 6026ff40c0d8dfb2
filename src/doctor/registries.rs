//! The container client's logins at the registries of images that are still to be pulled.

use std::collections::BTreeMap;

use pyfast_launcher::compose_file::ComposeProject;
use pyfast_launcher::engine::{Images as _, RegistrySettings, login, registry_of};
use pyfast_launcher::image::wanted_images;

use super::project::Project;
use super::report::Finding;
use crate::failure::Failure;
use crate::settings::Settings;
use pyfast_crew::engine::{Connection, docker_config};

const CHECK: &str = "registry";

/// Looks for a login at each registry that an absent image comes from.
pub(super) fn look(
    project: &Project,
    settings: &Settings,
    connection: Option<&Connection>,
) -> Vec<Finding> {
    let (Some(compose), Some(connection)) = (&project.compose, connection) else {
        return Vec::new();
    };
    let absent = match absent(compose, connection) {
        Ok(absent) => absent,
        Err(failure) => {
            return vec![
                Finding::failed(CHECK, &failure).or_hint("ask again when the engine answers"),
            ];
        }
    };
    let registries = RegistrySettings {
        config_dir: docker_config(&settings.variables),
        path: settings.variables.get("PATH").map(Into::into),
    };
    let mut by_registry: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for image in &absent {
        by_registry.entry(registry_of(image)).or_default().push(image);
    }
    let found = by_registry.into_iter().map(|(registry, images)| {
        let login = connection.wait(login(images[0], &registries));
        let images = images.join(", ");
        match login {
            Ok(Some(_)) => {
                Finding::ok(CHECK, format!("{registry}: a login is there, to pull {images}"))
            }
            Ok(None) => Finding::ok(CHECK, format!("{registry}: no login, to pull {images}"))
                .hint(format!("if it wants one: `docker login {registry}`")),
            Err(error) => Finding::failed(CHECK, &error.into()),
        }
    });
    found.collect()
}

/// Images that are not present and that nothing builds.
fn absent(compose: &ComposeProject, connection: &Connection) -> Result<Vec<String>, Failure> {
    let mut absent = Vec::new();
    for image in wanted_images(compose, "-")?.into_iter().filter(|image| image.build.is_none()) {
        let facts = connection.wait(connection.engine.image_facts(&image.image))?;
        absent.extend(facts.is_none().then_some(image.image));
    }
    Ok(absent)
}
