//! Carrying out a plan: pulls and builds, side by side. Owns the order and the events; must not know how an engine
//! does either.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::plan::{ImageAct, ImagePlan};
use super::{inputs::Inputs, resolved_arguments};
use crate::engine::registry::{RegistrySettings, login};
use crate::engine::{BuildRequest, Builder, INPUTS_LABEL, ImageProgress, Images, PullRequest};
use crate::error::Error;

/// What happens to an image while a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageEvent<'a> {
    /// Its act begins.
    Begun(&'a ImagePlan),
    /// A piece of its progress.
    Progress(&'a str, ImageProgress<'a>),
    /// Its act is done.
    Done(&'a ImagePlan),
}

/// What pulls and builds need besides the plan.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// Who builds.
    pub builder: &'a Builder,
    /// What gives build arguments their values.
    pub environment: &'a BTreeMap<String, String>,
    /// Where logins are found.
    pub registries: &'a RegistrySettings,
}

/// Pulls and builds what a plan says, all at once, and tells of each image whether that succeeded. What is up to date
/// or left to Compose costs nothing and is not among the answers; what is missing is an error.
pub async fn carry_out(
    engine: &impl Images,
    plan: &[ImagePlan],
    means: Means<'_>,
    events: &(dyn Fn(ImageEvent<'_>) + Send + Sync),
) -> BTreeMap<String, Result<(), Error>> {
    let acts = plan.iter().filter_map(|image| {
        let name = image.wanted.image.clone();
        match &image.act {
            ImageAct::UpToDate | ImageAct::Put(_) | ImageAct::ByCompose(..) => return None,
            ImageAct::Pull(_) | ImageAct::Build(..) | ImageAct::Missing => {}
        }
        Some(async move {
            events(ImageEvent::Begun(image));
            let outcome = match &image.act {
                ImageAct::Pull(_) => pull(engine, image, means.registries, events).await,
                ImageAct::Build(_, inputs) => build(engine, image, inputs, means, events).await,
                _ => Err(Error::ImageMissing { image: name.clone() }),
            };
            if outcome.is_ok() {
                events(ImageEvent::Done(image));
            }
            (name, outcome)
        })
    });
    join_all(acts).await.into_iter().collect()
}

async fn pull(
    engine: &impl Images,
    image: &ImagePlan,
    registries: &RegistrySettings,
    events: &(dyn Fn(ImageEvent<'_>) + Send + Sync),
) -> Result<(), Error> {
    let name = image.wanted.image.as_str();
    let login = login(name, registries).await?;
    let request = PullRequest {
        image: name,
        platform: image.wanted.platform.as_deref(),
        login: login.as_ref(),
    };
    engine.pull(&request, &|progress| events(ImageEvent::Progress(name, progress))).await
}

async fn build(
    engine: &impl Images,
    image: &ImagePlan,
    inputs: &Inputs,
    Means { builder, environment, .. }: Means<'_>,
    events: &(dyn Fn(ImageEvent<'_>) + Send + Sync),
) -> Result<(), Error> {
    let Some(build) = &image.wanted.build else { return Ok(()) };
    let name = image.wanted.image.as_str();
    let request = BuildRequest {
        image: name,
        build,
        arguments: &resolved_arguments(build, environment),
        platform: image.wanted.platform.as_deref(),
        labels: &[(INPUTS_LABEL, inputs.to_string())],
        builder,
    };
    engine.build(&request, &|progress| events(ImageEvent::Progress(name, progress))).await
}

#[cfg(test)]
mod tests;
