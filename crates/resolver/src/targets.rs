//! Locks for one target, and for several that are chosen: each is resolved for itself, over the same
//! packages. Knows nothing of regions.

use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::scope::Scope;
use pyfast_packaging::target::Target;
use std::sync::Arc;

use crate::candidate::Selector;
use crate::error::Error;
use crate::locked::{self, Locked};
use crate::registry::Registry;
use crate::request::{LockRequest, NamedTarget};
use crate::resolution::{Resolution, resolve};
use crate::tools::{Events, LockTools};
use crate::universal::{Targeted, merge_targets};

/// The lock for one target; each decision on the way to it is told.
pub(crate) fn lock_one(
    request: &LockRequest<'_>,
    target: &Target,
    tools: &LockTools,
    events: Events<'_>,
) -> Result<Locked, Error> {
    let packages = packages(request, target, tools);
    let resolution = resolution(request, target, &packages, Some(events), tools)?;
    let lock = locked::for_target(&resolution, &tools.sources.indexes, target);
    Ok(Locked::of(lock, std::iter::once(&resolution)))
}

/// One lock for several targets.
pub(crate) fn lock_several(
    request: &LockRequest<'_>,
    targets: &[NamedTarget],
    tools: &LockTools,
) -> Result<Locked, Error> {
    let mut resolved = Vec::with_capacity(targets.len());
    let Some(first) = targets.first() else { return Ok(Locked::default()) };
    let packages = packages(request, &first.target, tools);
    for NamedTarget { name, target } in targets {
        let resolution = resolution(request, target, &packages, None, tools)
            .map_err(|error| Error::OfTarget { name: name.clone(), source: Box::new(error) })?;
        resolved.push(Targeted { target: target.clone(), name: name.clone(), resolution });
    }
    let lock = merge_targets(&resolved, &tools.sources.indexes)?;
    Ok(Locked::of(lock, resolved.iter().map(|one| &one.resolution)))
}

/// Everything that the tools give; what is fetched for one target is there for the next.
fn packages<'e>(request: &LockRequest<'_>, target: &Target, tools: &LockTools) -> Registry<'e> {
    let selector = Selector::new(target.clone(), request.policy.clone());
    Registry::new(tools, Arc::new(selector))
}

fn resolution<'e>(
    request: &LockRequest<'_>,
    target: &Target,
    packages: &Registry<'e>,
    events: Option<Events<'e>>,
    tools: &LockTools,
) -> Result<Resolution, Error> {
    check_python(request.set, target)?;
    let (set, mut registry) = request.seen(&Scope::from(target.clone()), packages, tools)?;
    if let Some(events) = events {
        registry = registry.telling(events);
    }
    resolve(&set, &registry, request.no_deps)
}

/// Refuses an interpreter that a project file or script excludes.
fn check_python(set: &RequirementSet, target: &Target) -> Result<(), Error> {
    let python = target.python();
    let limit = set.requires_python.iter().find(|one| !one.specifiers.contains(python));
    limit.map_or(Ok(()), |limit| {
        Err(Error::RequiresPython {
            origin: limit.origin.clone(),
            specifiers: limit.specifiers.clone(),
            python: python.clone(),
        })
    })
}
