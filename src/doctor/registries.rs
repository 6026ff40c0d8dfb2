//! The container client's logins at the registries of images that are still to be pulled.

use std::collections::BTreeMap;

use pyfast_launcher::engine::{RegistrySettings, login, registry_of};

use super::project::Project;
use super::report::OfFailure as _;
use crate::settings::Settings;
use pyfast_crew::engine::{Connection, docker_config};
use pyfast_crew::examined::Finding;

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
    let absent = match connection.absent_images(compose) {
        Ok(absent) => absent,
        Err(error) => {
            let failed = Finding::failed(CHECK, &error.into());
            return vec![failed.or_hint("ask again when the engine answers")];
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
