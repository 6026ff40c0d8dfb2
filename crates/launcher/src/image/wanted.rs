//! The images that a project's services want: one for each name, however many services share it. Owns the grouping
//! and Compose's default names; must not know what is present.

use std::collections::BTreeMap;

use crate::compose_file::{Build, ComposeProject, Service};
use crate::error::Error;

/// An image that a project's services start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedImage {
    /// Its name, Compose's default one where the service gives none.
    pub image: String,
    /// The services that start from it, sorted.
    pub services: Vec<String>,
    /// How it is built; `None` when it can only be pulled.
    pub build: Option<Build>,
    /// The service that has the build.
    pub builder: Option<String>,
    /// The platform asked for (`linux/arm64`).
    pub platform: Option<String>,
    /// When it is pulled.
    pub policy: PullPolicy,
}

/// `pull_policy` of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullPolicy {
    /// When it is absent. Ages (`daily`, `every_12h`) count as this: when an image was pulled is not on record.
    #[default]
    Missing,
    /// Every time.
    Always,
    /// Not at all.
    Never,
    /// It is built every time.
    Build,
}

impl PullPolicy {
    fn of(text: Option<&str>) -> Self {
        match text {
            Some("always") => Self::Always,
            Some("never") => Self::Never,
            Some("build") => Self::Build,
            _ => Self::Missing,
        }
    }
}

/// Groups the services of a project by the image that they start from. `separator` stands between project and
/// service in a default name: `_` for Compose 1, `-` for Compose 2. Services without image and build are left out:
/// Compose refuses them.
///
/// # Errors
/// [`Error::ImageBuilds`] when two services build the same image in different ways: which one they get would depend
/// on who builds last.
pub fn wanted_images(project: &ComposeProject, separator: &str) -> Result<Vec<WantedImage>, Error> {
    let mut images: BTreeMap<String, WantedImage> = BTreeMap::new();
    for (name, service) in &project.services {
        let Some(image) = image_name(project, name, service, separator) else { continue };
        let wanted = images.entry(image.clone()).or_insert_with(|| WantedImage {
            image,
            services: Vec::new(),
            build: None,
            builder: None,
            platform: None,
            policy: PullPolicy::Missing,
        });
        wanted.services.push(name.clone());
        wanted.platform = wanted.platform.take().or_else(|| service.platform.clone());
        let policy = PullPolicy::of(service.pull_policy.as_deref());
        if policy != PullPolicy::Missing {
            wanted.policy = policy;
        }
        match (&wanted.build, &service.build) {
            (Some(known), Some(other)) if known != other => {
                return Err(Error::ImageBuilds {
                    image: wanted.image.clone(),
                    services: [wanted.builder.clone().unwrap_or_default(), name.clone()],
                });
            }
            (None, Some(build)) => {
                wanted.build = Some(build.clone());
                wanted.builder = Some(name.clone());
            }
            _ => {}
        }
    }
    Ok(images.into_values().collect())
}

fn image_name(
    project: &ComposeProject,
    name: &str,
    service: &Service,
    separator: &str,
) -> Option<String> {
    let given = service.image.clone().filter(|image| !image.is_empty());
    given.or_else(|| service.build.as_ref().map(|_| format!("{}{separator}{name}", project.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(image: Option<&str>, context: Option<&str>) -> Service {
        let build = context.map(|dir| Build { context: dir.into(), ..Build::default() });
        Service { image: image.map(str::to_owned), build, ..Service::default() }
    }

    fn project(services: &[(&str, Service)]) -> ComposeProject {
        let services = services.iter().map(|(name, service)| ((*name).to_owned(), service.clone()));
        ComposeProject {
            name: "shop".into(),
            services: services.collect(),
            ..ComposeProject::default()
        }
    }

    #[test]
    fn services_that_share_an_image_share_one_build() {
        let project = project(&[
            ("backend", service(Some("app:1"), Some("/app"))),
            ("beat", service(Some("app:1"), None)),
            ("redis", service(Some("redis:7"), None)),
        ]);
        let images = wanted_images(&project, "-").unwrap();
        assert_eq!(images.len(), 2);
        assert_eq!(images[0].services, ["backend", "beat"]);
        assert_eq!(images[0].builder.as_deref(), Some("backend"));
        assert_eq!(images[1].build, None);
    }

    #[test]
    fn an_unnamed_image_has_the_name_that_compose_gives_it() {
        let project =
            project(&[("web", service(None, Some("/app"))), ("odd", service(None, None))]);
        let name = |separator| wanted_images(&project, separator).unwrap()[0].image.clone();
        assert_eq!((name("_").as_str(), name("-").as_str()), ("shop_web", "shop-web"));
    }

    #[test]
    fn one_image_built_in_two_ways_is_refused_with_both_services() {
        let services =
            [("a", service(Some("x"), Some("/a"))), ("b", service(Some("x"), Some("/b")))];
        let error = wanted_images(&project(&services), "-").unwrap_err();
        assert!(
            matches!(&error, Error::ImageBuilds { image, services } if image == "x" && services == &["a", "b"]),
            "{error}"
        );
        let same = [("a", service(Some("x"), Some("/a"))), ("b", service(Some("x"), Some("/a")))];
        assert_eq!(wanted_images(&project(&same), "-").unwrap().len(), 1);
    }
}
