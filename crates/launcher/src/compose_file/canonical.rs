//! One form for what compose files may write in several: lists and mappings, short and long forms, relative paths.
//! Owns those forms, so that merging and typing see one each; must not know how files merge.

use std::collections::HashSet;
use std::time::Duration;

use super::error::ComposeError;
use super::forms::{expand_port, expand_volume};
use super::paths::Roots;
use super::words::{format_duration, parse_duration, split_words};
use super::yaml::{Mapping, Mark, MergeTag, Node, Yaml};

type Done = Result<(), ComposeError>;

/// Brings a service into its canonical form; `key` is where it stands (`services.web`).
pub(super) fn service(service: &mut Node, roots: &Roots, key: &str) -> Done {
    if matches!(service.value, Yaml::Null) {
        service.value = Yaml::Map(Mapping::new());
    }
    let Yaml::Map(entries) = &mut service.value else {
        return Err(service.invalid(key, "a service must be a mapping"));
    };
    // What is taken out need not be anything.
    let kept = entries.iter_mut().filter(|(_, node)| node.tag != Some(MergeTag::Reset));
    for (name, node) in kept {
        let key = format!("{key}.{name}");
        match name.as_str() {
            "command" | "entrypoint" => command(node, &key)?,
            "environment" | "sysctls" | "annotations" | "storage_opt" => {
                mapping(node, &key, false)?;
            }
            "labels" => mapping(node, &key, true)?,
            "depends_on" => depends_on(node, &key)?,
            "networks" => names(node),
            "ports" => expand(node, &key, expand_port)?,
            "volumes" => expand(node, &key, |item, key| expand_volume(item, roots, key))?,
            "secrets" | "configs" => sources(node),
            "dns" | "dns_search" | "tmpfs" | "profiles" | "expose" => texts(node, &key)?,
            "env_file" => env_files(node, roots, &key)?,
            "label_file" => label_files(node, roots, &key)?,
            "extra_hosts" => hosts(node, &key)?,
            "healthcheck" => healthcheck(node, &key)?,
            "stop_grace_period" => duration(node, &key)?,
            "build" => build(node, roots, &key)?,
            "deploy" => deploy(node, &key)?,
            "post_start" | "pre_stop" => hooks(node, &key)?,
            "develop" | "x-develop" => develop(node, roots, &key)?,
            "logging" => options(node, "options", &key)?,
            _ => {}
        }
    }
    Ok(())
}

/// Brings a volume, network, secret or config of the top level into its canonical form.
pub(super) fn resource(node: &mut Node, roots: &Roots, key: &str) -> Done {
    if matches!(node.value, Yaml::Null) {
        node.value = Yaml::Map(Mapping::new());
    }
    if let Some(external) = node.get("external").filter(|node| !node.entries().is_empty()).cloned()
    {
        let flag = Node::new(Yaml::Bool(true), &external.at);
        node.set("external", flag);
        if let Some(name) = external.get("name") {
            node.set("name", name.clone());
        }
    }
    let external = node.get("external").and_then(Node::scalar).as_deref() == Some("true");
    if external && node.get("name").is_none() {
        let name = key.split_once('.').map_or(key, |(_, name)| name);
        let name = Node::text(name, &node.at);
        node.set("name", name);
    }
    if let Some(file) = node.get("file").and_then(Node::scalar) {
        let file = Node::text(roots.host_path(&file), &node.at);
        node.set("file", file);
    }
    options(node, "driver_opts", key)?;
    if let Some(labels) = get_mut(node, "labels") {
        mapping(labels, &format!("{key}.labels"), true)?;
    }
    Ok(())
}

pub(super) fn get_mut<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let Yaml::Map(entries) = &mut node.value else { return None };
    entries.get_mut(key)
}

fn options(node: &mut Node, name: &str, key: &str) -> Done {
    get_mut(node, name).map_or(Ok(()), |node| mapping(node, &format!("{key}.{name}"), false))
}

/// A list of `NAME=value`, or a mapping: a mapping of texts. A name alone has no value, or an empty one.
fn mapping(node: &mut Node, key: &str, empty: bool) -> Done {
    match &mut node.value {
        Yaml::Null => node.value = Yaml::Map(Mapping::new()),
        Yaml::Map(entries) => {
            for (name, value) in entries {
                text_in_place(value, &format!("{key}.{name}"))?;
                if empty && matches!(value.value, Yaml::Null) {
                    value.value = Yaml::Str(String::new());
                }
            }
        }
        Yaml::Seq(items) => {
            let mut found = Node::new(Yaml::Map(Mapping::new()), &node.at);
            for item in items {
                let text = item.single(key)?;
                let (name, value) = match text.split_once('=') {
                    Some((name, value)) => (name, Yaml::Str(value.to_owned())),
                    None if empty => (text.as_str(), Yaml::Str(String::new())),
                    None => (text.as_str(), Yaml::Null),
                };
                found.set(name, Node::new(value, &item.at));
            }
            node.value = found.value;
        }
        _ => return Err(node.invalid(key, "a mapping or a list is needed")),
    }
    Ok(())
}

fn text_in_place(node: &mut Node, key: &str) -> Done {
    match &node.value {
        Yaml::Null | Yaml::Str(_) => {}
        _ => node.value = Yaml::Str(node.single(key)?),
    }
    Ok(())
}

fn command(node: &mut Node, key: &str) -> Done {
    match &node.value {
        Yaml::Null => Ok(()),
        Yaml::Seq(_) => texts(node, key),
        _ => {
            let text = node.single(key)?;
            let words = split_words(&text).map_err(|reason| node.invalid(key, reason))?;
            node.value = list(words, &node.at);
            Ok(())
        }
    }
}

fn list(texts: impl IntoIterator<Item = String>, at: &Mark) -> Yaml {
    Yaml::Seq(texts.into_iter().map(|text| Node::text(text, at)).collect())
}

/// One text or a list of them: a list of texts.
fn texts(node: &mut Node, key: &str) -> Done {
    match &mut node.value {
        Yaml::Null => node.value = Yaml::Seq(Vec::new()),
        Yaml::Seq(items) => {
            for item in items {
                item.value = Yaml::Str(item.single(key)?);
            }
        }
        _ => node.value = list([node.single(key)?], &node.at),
    }
    Ok(())
}

/// A list of names: a mapping to nothing.
fn names(node: &mut Node) {
    if let Yaml::Seq(items) = &node.value {
        let entries =
            items.iter().filter_map(|item| Some((item.scalar()?, Node::new(Yaml::Null, &item.at))));
        node.value = Yaml::Map(entries.collect());
    }
}

fn sources(node: &mut Node) {
    let Yaml::Seq(items) = &mut node.value else { return };
    for item in items {
        if let Some(name) = item.scalar() {
            item.value =
                Yaml::Map(Mapping::from([("source".to_owned(), Node::text(name, &item.at))]));
        }
    }
}

fn depends_on(node: &mut Node, key: &str) -> Done {
    names(node);
    if matches!(node.value, Yaml::Null) {
        node.value = Yaml::Map(Mapping::new());
    }
    let Yaml::Map(entries) = &mut node.value else {
        return Err(node.invalid(key, "a list of services or a mapping is needed"));
    };
    for (name, wanted) in entries {
        match wanted.value {
            // A name alone says all.
            Yaml::Null => {
                wanted.value = Yaml::Map(Mapping::new());
                complete_dependency(wanted);
            }
            Yaml::Map(_) => {}
            _ => return Err(wanted.invalid(&format!("{key}.{name}"), "a mapping is needed")),
        }
    }
    Ok(())
}

/// Says of a service what no file does, once they are merged.
pub(super) fn complete_service(service: &mut Node) {
    let Some(needed) = get_mut(service, "depends_on") else { return };
    if let Yaml::Map(entries) = &mut needed.value {
        entries.values_mut().for_each(complete_dependency);
    }
}

fn complete_dependency(wanted: &mut Node) {
    let defaults =
        [("condition", Yaml::Str("service_started".to_owned())), ("required", Yaml::Bool(true))];
    for (name, value) in defaults {
        if wanted.get(name).is_none() {
            let value = Node::new(value, &wanted.at);
            wanted.set(name, value);
        }
    }
}

/// Short forms in a list: long ones, of which one may come to several.
fn expand(
    node: &mut Node,
    key: &str,
    each: impl Fn(&Node, &str) -> Result<Vec<Node>, ComposeError>,
) -> Done {
    let mut found = Vec::new();
    match &node.value {
        Yaml::Null => {}
        Yaml::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                found.extend(each(item, &format!("{key}[{index}]"))?);
            }
        }
        _ => return Err(node.invalid(key, "a list is needed")),
    }
    // What is said twice counts once.
    let mut known = HashSet::new();
    found.retain(|item| known.insert(item.to_json().to_string()));
    node.value = Yaml::Seq(found);
    Ok(())
}

fn env_files(node: &mut Node, roots: &Roots, key: &str) -> Done {
    if !matches!(node.value, Yaml::Seq(_)) {
        node.value = Yaml::Seq(if matches!(node.value, Yaml::Null) {
            Vec::new()
        } else {
            vec![node.clone()]
        });
    }
    let Yaml::Seq(items) = &mut node.value else { return Ok(()) };
    for item in items {
        let path = item.get("path").unwrap_or(item);
        let path = Node::text(roots.host_path(&path.single(key)?), &path.at);
        if matches!(item.value, Yaml::Map(_)) {
            item.set("path", path);
        } else {
            item.value = Yaml::Map(Mapping::from([("path".to_owned(), path)]));
        }
    }
    Ok(())
}

fn label_files(node: &mut Node, roots: &Roots, key: &str) -> Done {
    texts(node, key)?;
    let Yaml::Seq(items) = &mut node.value else { return Ok(()) };
    for item in items {
        item.value = Yaml::Str(roots.host_path(&item.single(key)?));
    }
    Ok(())
}

/// `host: ip` or `host=ip`: a list of `host:ip`.
fn hosts(node: &mut Node, key: &str) -> Done {
    let mut found = Vec::new();
    for (host, addresses) in node.entries() {
        let single = std::slice::from_ref(addresses);
        let addresses = if addresses.items().is_empty() { single } else { addresses.items() };
        for address in addresses {
            found.push(format!("{host}:{}", address.single(key)?));
        }
    }
    for item in node.items() {
        let text = item.single(key)?;
        // `=` was added for the colons of IPv6; it stands before any of them.
        let equals = text.find('=').filter(|equals| text.find(':').is_none_or(|at| *equals < at));
        found
            .push(equals.map_or(text.clone(), |at| format!("{}:{}", &text[..at], &text[at + 1..])));
    }
    node.value = list(found, &node.at);
    Ok(())
}

fn healthcheck(node: &mut Node, key: &str) -> Done {
    for name in ["interval", "timeout", "start_period", "start_interval"] {
        if let Some(node) = get_mut(node, name) {
            duration(node, &format!("{key}.{name}"))?;
        }
    }
    let Some(test) = get_mut(node, "test") else { return Ok(()) };
    let key = format!("{key}.test");
    match &test.value {
        Yaml::Null => Ok(()),
        Yaml::Seq(_) => texts(test, &key),
        _ => {
            let text = test.single(&key)?;
            test.value = list(["CMD-SHELL".to_owned(), text], &test.at);
            Ok(())
        }
    }
}

/// The duration that a value states.
pub(super) fn read_duration(node: &Node, key: &str) -> Result<Duration, ComposeError> {
    parse_duration(&node.single(key)?)
        .ok_or_else(|| node.invalid(key, "a duration is needed (such as `1m30s`)"))
}

fn duration(node: &mut Node, key: &str) -> Done {
    if !matches!(node.value, Yaml::Null) {
        node.value = Yaml::Str(format_duration(read_duration(node, key)?));
    }
    Ok(())
}

fn build(node: &mut Node, roots: &Roots, key: &str) -> Done {
    if !matches!(node.value, Yaml::Map(_) | Yaml::Null) {
        let context = Node::text(node.single(key)?, &node.at);
        node.value = Yaml::Map(Mapping::from([("context".to_owned(), context)]));
    }
    if let Some(context) = get_mut(node, "context") {
        context.value = Yaml::Str(roots.context(&context.single(key)?));
    }
    for (name, empty) in [("args", false), ("labels", true)] {
        if let Some(node) = get_mut(node, name) {
            mapping(node, &format!("{key}.{name}"), empty)?;
        }
    }
    for name in ["cache_from", "cache_to", "tags", "platforms"] {
        if let Some(node) = get_mut(node, name) {
            texts(node, &format!("{key}.{name}"))?;
        }
    }
    get_mut(node, "extra_hosts").map_or(Ok(()), |node| hosts(node, &format!("{key}.extra_hosts")))
}

fn develop(node: &mut Node, roots: &Roots, key: &str) -> Done {
    let Some(Node { value: Yaml::Seq(rules), .. }) = get_mut(node, "watch") else { return Ok(()) };
    for (at, rule) in rules.iter_mut().enumerate() {
        let key = format!("{key}.watch[{at}]");
        if let Some(path) = get_mut(rule, "path") {
            path.value = Yaml::Str(roots.host_path(&path.single(&key)?));
        }
        for name in ["include", "ignore"] {
            if let Some(patterns) = get_mut(rule, name) {
                texts(patterns, &format!("{key}.{name}"))?;
            }
        }
        let Some(exec) = get_mut(rule, "exec") else { continue };
        hook(exec, &format!("{key}.exec"))?;
    }
    Ok(())
}

fn hooks(node: &mut Node, key: &str) -> Done {
    let Yaml::Seq(hooks) = &mut node.value else { return Ok(()) };
    hooks.iter_mut().enumerate().try_for_each(|(at, one)| hook(one, &format!("{key}[{at}]")))
}

fn hook(node: &mut Node, key: &str) -> Done {
    if let Some(words) = get_mut(node, "command") {
        command(words, &format!("{key}.command"))?;
    }
    if let Some(variables) = get_mut(node, "environment") {
        mapping(variables, &format!("{key}.environment"), false)?;
    }
    Ok(())
}

fn deploy(node: &mut Node, key: &str) -> Done {
    if let Some(labels) = get_mut(node, "labels") {
        mapping(labels, &format!("{key}.labels"), true)?;
    }
    let Some(resources) = get_mut(node, "resources") else { return Ok(()) };
    for name in ["limits", "reservations"] {
        let Some(part) = get_mut(resources, name) else { continue };
        let key = format!("{key}.resources.{name}");
        for amount in ["cpus", "memory"] {
            if let Some(amount) = get_mut(part, amount) {
                text_in_place(amount, &key)?;
            }
        }
        if let Some(cpus) = get_mut(part, "cpus")
            && let Ok(number) = cpus.single(&key)?.parse::<f64>()
        {
            cpus.value = Yaml::Str(number.to_string());
        }
    }
    Ok(())
}
