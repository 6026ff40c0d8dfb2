//! Whether a project's names lead somewhere. Owns the checks between services and what they refer to; must not know
//! how either was written.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ComposeError;
use super::model::Service;
use super::yaml::Node;

/// Refuses unknown services, volumes and networks, and services that wait for each other. Dependencies that may be
/// absent, and are, are dropped.
pub(super) fn references(
    model: &Node,
    services: &mut BTreeMap<String, Service>,
    inactive: &BTreeSet<String>,
) -> Result<(), ComposeError> {
    let names: BTreeSet<String> = services.keys().cloned().collect();
    for (name, service) in services.iter_mut() {
        let node = model.get("services").and_then(|all| all.get(name)).unwrap_or(model);
        let key = format!("services.{name}");
        // One that may be absent is one whose profiles are not active, and is in the files.
        let absent = service.depends_on.iter().find(|(other, how)| {
            !names.contains(*other) && (how.required || !inactive.contains(*other))
        });
        if let Some((other, _)) = absent {
            let at = node.get("depends_on").and_then(|all| all.get(other)).unwrap_or(node);
            let reason = if inactive.contains(other) {
                format!("no profile of the service `{other}` is active")
            } else {
                format!("the project has no service `{other}`")
            };
            return Err(at.invalid(&format!("{key}.depends_on"), reason));
        }
        service.depends_on.retain(|other, _| names.contains(other));
        resources(model, node, &key)?;
    }
    if let Some(round) = round(services) {
        let first = &round[0];
        let node = model.get("services").and_then(|all| all.get(first)).unwrap_or(model);
        let at = node.get("depends_on").unwrap_or(node);
        let reason = format!("services wait for each other: {}", round.join(" -> "));
        return Err(at.invalid(&format!("services.{first}.depends_on"), reason));
    }
    Ok(())
}

fn resources(model: &Node, service: &Node, key: &str) -> Result<(), ComposeError> {
    let known =
        |section: &str, name: &str| model.get(section).is_some_and(|all| all.get(name).is_some());
    for volume in service.get("volumes").map(Node::items).unwrap_or_default() {
        let part =
            |name: &str| volume.get(name).and_then(Node::scalar).filter(|text| !text.is_empty());
        if part("type").as_deref() != Some("volume") {
            continue;
        }
        if let Some(name) = part("source").filter(|name| !known("volumes", name)) {
            let reason = format!("the project defines no volume `{name}`");
            return Err(volume.invalid(&format!("{key}.volumes"), reason));
        }
    }
    for (name, node) in service.get("networks").into_iter().flat_map(Node::entries) {
        if name != "default" && !known("networks", name) {
            let reason = format!("the project defines no network `{name}`");
            return Err(node.invalid(&format!("{key}.networks"), reason));
        }
    }
    for (section, one) in [("secrets", "secret"), ("configs", "config")] {
        for item in service.get(section).map(Node::items).unwrap_or_default() {
            let source = item.get("source").and_then(Node::scalar);
            if let Some(name) = source.filter(|name| !known(section, name)) {
                let reason = format!("the project defines no {one} `{name}`");
                return Err(item.invalid(&format!("{key}.{section}"), reason));
            }
        }
    }
    Ok(())
}

/// Services that wait for each other, the first again at the end. Services that there are not are not waited for.
pub(crate) fn round(services: &BTreeMap<String, Service>) -> Option<Vec<String>> {
    let there =
        |one: &Service| one.depends_on.keys().filter(|other| services.contains_key(*other)).count();
    let mut waits: BTreeMap<&str, usize> =
        services.iter().map(|(name, one)| (name.as_str(), there(one))).collect();
    let mut awaited_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, service) in services {
        for other in service.depends_on.keys() {
            awaited_by.entry(other).or_default().push(name);
        }
    }
    let mut free: Vec<&str> =
        waits.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while let Some(name) = free.pop() {
        waits.remove(name);
        for waiting in awaited_by.get(name).into_iter().flatten() {
            let Some(count) = waits.get_mut(waiting) else { continue };
            *count -= 1;
            if *count == 0 {
                free.push(waiting);
            }
        }
    }
    // Every service that is left waits for another one that is left.
    let mut way = vec![waits.keys().next()?.to_string()];
    let mut met = BTreeSet::from([way[0].clone()]);
    loop {
        let last = services.get(way.last()?)?;
        let next = last.depends_on.keys().find(|other| waits.contains_key(other.as_str()))?;
        way.push(next.clone());
        if !met.insert(next.clone()) {
            let start = way.iter().position(|name| name == next)?;
            way.drain(..start);
            return Some(way);
        }
    }
}
