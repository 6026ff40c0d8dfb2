//! The short forms of ports and volumes. Owns their grammar and the long form they stand for; must not know how either
//! is merged.

use super::error::ComposeError;
use super::paths::Roots;
use super::yaml::{Mapping, Mark, Node, Yaml};

fn text_map(pairs: &[(&str, &str)], at: &Mark) -> Node {
    let filled = pairs.iter().filter(|(_, value)| !value.is_empty());
    let entries = filled.map(|(key, value)| ((*key).to_owned(), Node::text(*value, at)));
    Node::new(Yaml::Map(entries.collect()), at)
}

/// `[[ip:]published:]target[/protocol]` with ranges, or the long form: one long form for each port.
pub(super) fn expand_port(item: &Node, key: &str) -> Result<Vec<Node>, ComposeError> {
    if let Yaml::Map(entries) = &item.value {
        let mut port = Node::new(Yaml::Map(Mapping::new()), &item.at);
        port.set("protocol", Node::text("tcp", &item.at));
        for (name, node) in entries {
            match name.as_str() {
                // The default, which only a swarm tells from `host`.
                "mode" if node.scalar().as_deref() == Some("ingress") => {}
                _ if matches!(node.value, Yaml::Null) => {}
                _ => port.set(name, Node::text(node.single(key)?, &node.at)),
            }
        }
        let Some(target) = port.get("target") else {
            return Err(item.invalid(key, "a port needs a `target`"));
        };
        if target.single(key)?.parse::<u32>().is_err() {
            return Err(target.invalid(key, "the `target` of a port is a whole number"));
        }
        return Ok(vec![port]);
    }
    let text = item.single(key)?;
    let refuse =
        || item.invalid(key, format!("`{text}` is not `[[address:]port:]port[/protocol]`"));
    let (rest, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let protocol = if protocol.is_empty() { "tcp" } else { protocol };
    if !["tcp", "udp", "sctp"].contains(&protocol.to_lowercase().as_str()) {
        return Err(item.invalid(key, format!("`{protocol}` is none of `tcp`, `udp` and `sctp`")));
    }
    let (rest, target) = rest.rsplit_once(':').map_or(("", rest), |(rest, target)| (rest, target));
    let (ip, published) = rest.rsplit_once(':').unwrap_or(("", rest));
    let ip = ip.trim_start_matches('[').trim_end_matches(']');
    if !ip.is_empty() && ip.parse::<std::net::IpAddr>().is_err() {
        return Err(refuse());
    }
    let targets = range(target).ok_or_else(refuse)?;
    let publishes =
        if published.is_empty() { Vec::new() } else { range(published).ok_or_else(refuse)? };
    // Any free port of a range serves a single target.
    if targets.len() == 1 || publishes.is_empty() {
        return Ok(targets
            .iter()
            .map(|target| one_port([ip, published, &target.to_string(), protocol], &item.at))
            .collect());
    }
    if publishes.len() != targets.len() {
        return Err(item.invalid(key, format!("the ranges of `{text}` differ in length")));
    }
    let pairs = publishes.iter().zip(&targets);
    Ok(pairs
        .map(|(published, target)| {
            one_port([ip, &published.to_string(), &target.to_string(), protocol], &item.at)
        })
        .collect())
}

fn one_port([ip, published, target, protocol]: [&str; 4], at: &Mark) -> Node {
    let pairs =
        [("protocol", protocol), ("host_ip", ip), ("published", published), ("target", target)];
    text_map(&pairs, at)
}

fn range(text: &str) -> Option<Vec<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then(|| (first..=last).collect())
}

/// `[source:]target[:options]`, or the long form: the long form.
pub(super) fn expand_volume(
    item: &Node,
    roots: &Roots,
    key: &str,
) -> Result<Vec<Node>, ComposeError> {
    if matches!(item.value, Yaml::Map(_)) {
        return long_volume(item, roots, key);
    }
    let text = item.single(key)?;
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts[..] {
        [target] => ("", target, ""),
        [source, target] => (source, target, ""),
        [source, target, options] => (source, target, options),
        _ => return Err(item.invalid(key, format!("`{text}` is not `source:target[:options]`"))),
    };
    if target.is_empty() {
        return Err(item.invalid(key, format!("`{text}` names no directory of the container")));
    }
    let at = &item.at;
    let bind = source.starts_with(['.', '/', '~']);
    let (kind, part) = if bind { ("bind", "bind") } else { ("volume", "volume") };
    let host = if bind { roots.host_path(source) } else { source.to_owned() };
    let target = trimmed(target);
    let mut volume = text_map(&[("type", kind), ("source", &host), ("target", target)], at);
    let flag = || Node::new(Yaml::Bool(true), at);
    let mut details = Node::new(Yaml::Map(Mapping::new()), at);
    if bind {
        details.set("create_host_path", flag());
    }
    for option in options.split(',') {
        match option {
            "" | "rw" => {}
            "ro" => volume.set("read_only", flag()),
            "nocopy" => details.set("nocopy", flag()),
            "z" | "Z" => details.set("selinux", Node::text(option, at)),
            "shared" | "slave" | "private" | "rshared" | "rslave" | "rprivate" => {
                details.set("propagation", Node::text(option, at));
            }
            other => volume.set("consistency", Node::text(other, at)),
        }
    }
    if !details.entries().is_empty() {
        volume.set(part, details);
    }
    Ok(vec![volume])
}

fn long_volume(item: &Node, roots: &Roots, key: &str) -> Result<Vec<Node>, ComposeError> {
    let mut volume = item.clone();
    let Some(target) = item.get("target") else {
        return Err(item.invalid(key, "a volume needs a `target`"));
    };
    let target = Node::text(trimmed(&target.single(key)?), &target.at);
    volume.set("target", target);
    let kind = item.get("type").and_then(Node::scalar).unwrap_or_else(|| "volume".to_owned());
    if let Some(source) = item.get("source").filter(|_| kind == "bind") {
        let source = Node::text(roots.host_path(&source.single(key)?), &source.at);
        volume.set("source", source);
    }
    if item.get("read_only").and_then(Node::scalar).as_deref() == Some("false") {
        volume.remove("read_only");
    }
    volume.set("type", Node::text(kind, &item.at));
    Ok(vec![volume])
}

fn trimmed(target: &str) -> &str {
    let trimmed = target.trim_end_matches('/');
    if trimmed.is_empty() { target } else { trimmed }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::super::yaml;
    use super::*;

    fn read(text: &str) -> Node {
        yaml::read(Path::new("c.yaml"), text).unwrap().remove(0)
    }

    fn ports(text: &str) -> Result<Vec<String>, String> {
        let found = expand_port(&read(text), "p").map_err(|error| error.to_string())?;
        let part = |node: &Node, key| node.get(key).and_then(Node::scalar).unwrap_or_default();
        Ok(found
            .iter()
            .map(|port| {
                ["host_ip", "published", "target", "protocol"].map(|key| part(port, key)).join("|")
            })
            .collect())
    }

    fn volume(text: &str) -> Value {
        let roots = Roots { base: "/project".into(), home: Some("/home/user".to_owned()) };
        let mut found = expand_volume(&read(text), &roots, "v").unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0).to_json()
    }

    #[test]
    fn every_short_form_of_a_port_has_a_long_one() {
        for (text, expected) in [
            ("80", &["||80|tcp"][..]),
            ("'8080:80'", &["|8080|80|tcp"]),
            ("'127.0.0.1::80'", &["127.0.0.1||80|tcp"]),
            ("'[::1]:8080:80/udp'", &["::1|8080|80|udp"]),
            ("'1-2:3-4'", &["|1|3|tcp", "|2|4|tcp"]),
            ("'3000-3005:80'", &["|3000-3005|80|tcp"]),
            ("'80-81'", &["||80|tcp", "||81|tcp"]),
            ("{target: 80, published: '8080', mode: ingress}", &["|8080|80|tcp"]),
        ] {
            let expected = expected.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(ports(text), Ok(expected), "{text}");
        }
        for text in [
            "'1-2:3-5'",
            "'2-1'",
            "web",
            "'70000'",
            "'host:1:2'",
            "{published: 1}",
            "{target: x}",
            "'80/xyz'",
            "''",
        ] {
            ports(text).unwrap_err();
        }
    }

    #[test]
    fn every_short_form_of_a_volume_has_a_long_one() {
        let bind = |source: &str| json!({"type": "bind", "source": source, "target": "/d", "bind": {"create_host_path": true}});
        assert_eq!(volume("'./a:/d'"), bind("/project/a"));
        assert_eq!(volume("'../a/:/d/:rw'"), bind("/a"));
        assert_eq!(volume("'~/a:/d'"), bind("/home/user/a"));
        assert_eq!(volume("'.:/d'"), bind("/project"));
        assert_eq!(volume("/d"), json!({"type": "volume", "target": "/d"}));
        assert_eq!(
            volume("'n:/d:ro,nocopy'"),
            json!({"type": "volume", "source": "n", "target": "/d", "read_only": true, "volume": {"nocopy": true}})
        );
        assert_eq!(
            volume("'/a:/d:Z,rshared'")["bind"],
            json!({"create_host_path": true, "selinux": "Z", "propagation": "rshared"})
        );
    }
}
