//! How a later file's values join an earlier one's: mappings merge, sequences append, some keys replace. Owns the
//! rules of the Compose Specification; must not know how values were written, only their canonical form.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::yaml::{MergeTag, Node, Yaml};

/// Merges `over` into `base`; `path` holds the keys that lead there.
pub(super) fn merge(base: &mut Node, over: Node, path: &mut Vec<String>) {
    if over.tag == Some(MergeTag::Override) {
        *base = Node { tag: None, ..over };
        return;
    }
    if matches!(path_of(path).as_slice(), ["services", _, "logging"]) && drivers_differ(base, &over)
    {
        base.remove("options");
    }
    let replaces = matches!(
        path_of(path).as_slice(),
        ["services", _, "command" | "entrypoint"] | ["services", _, "healthcheck", "test"]
    );
    match (&mut base.value, over.value) {
        (Yaml::Map(_), Yaml::Map(entries)) => {
            for (key, node) in entries {
                merge_key(base, key, node, path);
            }
        }
        (Yaml::Seq(items), Yaml::Seq(more)) if !replaces => {
            append(items, more, path);
        }
        // An empty key takes nothing away.
        (Yaml::Map(_) | Yaml::Seq(_), Yaml::Null) if !replaces => {}
        (_, Yaml::Null)
            if matches!(path_of(path).as_slice(), ["services", _] | ["services", _, _]) => {}
        (_, value) => *base = Node { value, tag: None, at: over.at },
    }
}

fn merge_key(base: &mut Node, key: String, node: Node, path: &mut Vec<String>) {
    if node.tag == Some(MergeTag::Reset) {
        base.remove(&key);
        return;
    }
    let Yaml::Map(entries) = &mut base.value else { return };
    match entries.get_mut(&key) {
        Some(old) => {
            path.push(key);
            merge(old, node, path);
            path.pop();
        }
        None => drop(entries.insert(key, node)),
    }
}

/// Appends items; one that is the same as an earlier one by its key replaces it.
fn append(items: &mut Vec<Node>, more: Vec<Node>, path: &[String]) {
    let mut known = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        known.entry(identity(item, path)).or_insert(index);
    }
    for item in more {
        match known.entry(identity(&item, path)) {
            Entry::Occupied(index) => items[*index.get()] = item,
            Entry::Vacant(place) => {
                place.insert(items.len());
                items.push(item);
            }
        }
    }
}

/// What two items of a sequence are the same by.
fn identity(item: &Node, path: &[String]) -> Vec<Option<String>> {
    let keys: &[&str] = match path_of(path).as_slice() {
        ["services", _, "ports"] => &["host_ip", "target", "published", "protocol"],
        ["services", _, "volumes"] => &["target"],
        ["services", _, "secrets" | "configs"] => &["source", "target"],
        ["networks", _, "ipam", "config"] => &["subnet"],
        ["services", _, "devices"] if let Some(name) = inside(item) => return vec![Some(name)],
        _ => &[],
    };
    if keys.is_empty() || item.entries().is_empty() {
        return vec![Some(item.to_json().to_string())];
    }
    keys.iter().map(|key| item.get(key).and_then(Node::scalar)).collect()
}

/// The name that a device has inside the container.
fn inside(device: &Node) -> Option<String> {
    let text = device.scalar()?;
    Some(text.split(':').nth(1).unwrap_or(&text).to_owned())
}

fn drivers_differ(base: &Node, over: &Node) -> bool {
    let driver = |node: &Node| node.get("driver").and_then(Node::scalar);
    match (driver(base), driver(over)) {
        (Some(base), Some(over)) => base != over,
        _ => false,
    }
}

fn path_of(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

/// Takes out what is still tagged `!reset`, and drops the tags.
pub(super) fn settle(node: &mut Node) {
    node.tag = None;
    match &mut node.value {
        Yaml::Map(entries) => {
            entries.retain(|_, node| node.tag != Some(MergeTag::Reset));
            for node in entries.values_mut() {
                settle(node);
            }
        }
        Yaml::Seq(items) => {
            items.retain(|node| node.tag != Some(MergeTag::Reset));
            items.iter_mut().for_each(settle);
        }
        _ => {}
    }
}
