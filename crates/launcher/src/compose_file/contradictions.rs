//! What Compose refuses of a project although the schema has it: keys that exclude each other, and amounts that are none.
//! Owns those rules; must not know how files are merged, nor what the launcher makes of anything.

use std::collections::BTreeMap;

use super::error::ComposeError;
use super::schema::SWITCHED;
use super::yaml::{Node, Yaml};

type Done = Result<(), ComposeError>;

/// Keys of a service that are switches, whatever the schema lets stand there.
const SWITCHES: [&str; 6] =
    ["init", "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty"];
/// Amounts of memory of a service, by the keys that lead to them.
const AMOUNTS: [&[&str]; 7] = [
    &["mem_limit"],
    &["mem_reservation"],
    &["memswap_limit"],
    &["shm_size"],
    &["build", "shm_size"],
    &["deploy", "resources", "limits", "memory"],
    &["deploy", "resources", "reservations", "memory"],
];
/// What has one meaning in two places: a key of a service, and keys below `deploy.resources`.
const SAME: [(&str, [&str; 2]); 4] = [
    ("mem_limit", ["limits", "memory"]),
    ("mem_reservation", ["reservations", "memory"]),
    ("cpus", ["limits", "cpus"]),
    ("pids_limit", ["limits", "pids"]),
];

/// Refuses a merged project that contradicts itself.
pub(super) fn check(model: &Node) -> Done {
    let entries = |section: &str| model.get(section).into_iter().flat_map(Node::entries);
    let mut names = BTreeMap::new();
    for (name, service) in entries("services") {
        let key = format!("services.{name}");
        self::service(model, service, &key)?;
        if let Some(own) = service.get("container_name")
            && let Some(other) = names.insert(own.scalar(), name)
        {
            let reason = format!("the container of the service `{other}` has this name");
            return Err(own.invalid(&format!("{key}.container_name"), reason));
        }
    }
    for (section, origins) in [
        ("secrets", &["file", "environment"][..]),
        ("configs", &["file", "environment", "content"]),
    ] {
        for (name, resource) in entries(section) {
            origin(resource, origins, &format!("{section}.{name}"))?;
        }
    }
    for (name, volume) in entries("volumes").filter(|(_, volume)| is_external(volume)) {
        let other = |(key, _): &(&String, &Node)| !matches!(key.as_str(), "name" | "external");
        let mut others = volume.entries().iter().filter(other);
        if let Some((key, node)) = others.find(|(key, _)| !key.starts_with("x-")) {
            let reason = "an external volume is made elsewhere, and has nothing but its `name`";
            return Err(node.misplaced(&format!("volumes.{name}.{key}"), reason));
        }
    }
    Ok(())
}

fn service(model: &Node, service: &Node, key: &str) -> Done {
    excluded(service, key, ["network_mode", "networks"])?;
    if let Some(build) = service.get("build") {
        let key = format!("{key}.build");
        excluded(build, &key, ["dockerfile", "dockerfile_inline"])?;
        build_secrets(model, build, &key)?;
        platforms(service, build, &key)?;
    }
    named_once(service, key)?;
    for name in SWITCHES {
        let Some(node) = service.get(name) else { continue };
        let Yaml::Str(text) = &node.value else { continue };
        if !SWITCHED.contains(&text.to_lowercase().as_str()) {
            let reason = format!("`{text}` is neither `true` nor `false`");
            return Err(node.invalid(&format!("{key}.{name}"), reason));
        }
    }
    for path in AMOUNTS {
        amount(below(service, path), &format!("{key}.{}", path.join(".")))?;
    }
    for volume in service.get("volumes").map(Node::items).unwrap_or_default() {
        let kind = volume.get("type").and_then(Node::scalar);
        if kind.as_deref() == Some("bind") && volume.get("source").is_none() {
            return Err(volume.invalid(&format!("{key}.volumes"), "a `bind` needs a `source`"));
        }
        amount(below(volume, &["tmpfs", "size"]), &format!("{key}.volumes.tmpfs.size"))?;
    }
    for host in service.get("extra_hosts").map(Node::items).unwrap_or_default() {
        if let Some(text) = host.scalar().filter(|text| !text.contains(':')) {
            let reason = format!("`{text}` is not `HOST=ADDRESS`");
            return Err(host.invalid(&format!("{key}.extra_hosts"), reason));
        }
    }
    for part in ["limits", "reservations"] {
        let Some(cpus) = below(service, &["deploy", "resources", part, "cpus"]) else { continue };
        if cpus.scalar().is_none_or(|text| text.parse::<f64>().is_err()) {
            let key = format!("{key}.deploy.resources.{part}.cpus");
            return Err(cpus.invalid(&key, "a number is needed"));
        }
    }
    SAME.iter().try_for_each(|(name, place)| same(service, key, name, place))
}

fn below<'a>(node: &'a Node, path: &[&str]) -> Option<&'a Node> {
    let found = path.iter().try_fold(node, |node, key| node.get(key))?;
    Some(found).filter(|found| !is_empty(found))
}

/// Whether a value says nothing.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Yaml::Null => true,
        Yaml::Str(text) => text.is_empty(),
        Yaml::Seq(items) => items.is_empty(),
        Yaml::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Refuses two keys beside each other.
fn excluded(node: &Node, key: &str, [one, other]: [&str; 2]) -> Done {
    let (Some(_), Some(there)) = (below(node, &[one]), below(node, &[other])) else {
        return Ok(());
    };
    Err(there.misplaced(&format!("{key}.{other}"), format!("it excludes `{one}`")))
}

fn build_secrets(model: &Node, build: &Node, key: &str) -> Done {
    for secret in build.get("secrets").map(Node::items).unwrap_or_default() {
        let name = secret.get("source").unwrap_or(secret).scalar().unwrap_or_default();
        if below(model, &["secrets", &name]).is_none() {
            let reason = format!("the project defines no secret `{name}`");
            return Err(secret.invalid(&format!("{key}.secrets"), reason));
        }
    }
    Ok(())
}

fn platforms(service: &Node, build: &Node, key: &str) -> Done {
    let Some(platform) = below(service, &["platform"]).and_then(Node::scalar) else {
        return Ok(());
    };
    let Some(platforms) = build.get("platforms").filter(|all| !all.items().is_empty()) else {
        return Ok(());
    };
    if platforms.items().iter().filter_map(Node::scalar).any(|one| one == platform) {
        return Ok(());
    }
    let reason = format!("the service's own platform `{platform}` is not among them");
    Err(platforms.invalid(&format!("{key}.platforms"), reason))
}

/// A container's name is one container's.
fn named_once(service: &Node, key: &str) -> Done {
    let Some(name) = below(service, &["container_name"]) else { return Ok(()) };
    for path in [&["scale"][..], &["deploy", "replicas"]] {
        let count = below(service, path).and_then(Node::scalar);
        if count.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count > 1) {
            let reason = format!("with `{}` there are several containers", path.join("."));
            return Err(name.misplaced(&format!("{key}.container_name"), reason));
        }
    }
    Ok(())
}

fn amount(node: Option<&Node>, key: &str) -> Done {
    match node {
        Some(node) if bytes(node).is_none() => {
            Err(node.invalid(key, "an amount of memory is needed (such as `512m` or `1.5gb`)"))
        }
        _ => Ok(()),
    }
}

/// The bytes that an amount of memory is: a number, or one with a unit in any case, each 1,024 times the one before.
fn bytes(node: &Node) -> Option<f64> {
    let text = node.scalar()?.to_lowercase();
    let is_number =
        text.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if let Ok(bytes) = text.parse()
        && is_number
    {
        return Some(bytes);
    }
    let end = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))? + 1;
    let number: f64 = text[..end].strip_suffix(' ').unwrap_or(&text[..end]).parse().ok()?;
    let unit = match text[end..].split_at_checked(1)? {
        (unit, "" | "b" | "ib") => "kmgtp".find(unit).map(|at| at + 1),
        _ => None,
    };
    let unit = unit.or_else(|| (&text[end..] == "b").then_some(0))?;
    Some(number * 1024_f64.powi(i32::try_from(unit).ok()?))
}

/// Refuses that a service says in two places what can only be one.
fn same(service: &Node, key: &str, name: &str, place: &[&str; 2]) -> Done {
    let other = below(service, &[&["deploy", "resources"], &place[..]].concat());
    let (Some(one), Some(other)) = (below(service, &[name]), other) else { return Ok(()) };
    // Nothing is no limit.
    let (first, second) = (bytes(one), bytes(other));
    if first == second || [first, second].contains(&Some(0.0)) {
        return Ok(());
    }
    let reason = format!("`deploy.resources.{}` says something else", place.join("."));
    Err(one.invalid(&format!("{key}.{name}"), reason))
}

fn is_external(resource: &Node) -> bool {
    resource.get("external").and_then(Node::scalar).as_deref() == Some("true")
}

/// Refuses a secret or a config whose content comes from nowhere, or from more than one place.
fn origin(resource: &Node, origins: &[&str], key: &str) -> Done {
    let mut given = origins.iter().filter(|origin| resource.get(origin).is_some());
    let of = || origins.join("`, `");
    match (given.next(), given.next()) {
        (Some(_), Some(second)) => {
            let at = resource.get(second).unwrap_or(resource);
            Err(at.misplaced(&format!("{key}.{second}"), format!("only one of `{}` can be", of())))
        }
        (None, _) if resource.get("driver").is_none() && resource.get("external").is_none() => {
            Err(resource.invalid(key, format!("one of `{}` is missing", of())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::yaml;
    use super::*;

    fn said(text: &str) -> String {
        let document = yaml::read(Path::new("c.yaml"), text).unwrap().remove(0);
        check(&document).map_or_else(|error| error.to_string(), |()| String::new())
    }

    fn of_service(keys: &str) -> String {
        said(&format!("services:\n  a: {{image: a, {keys}}}\n"))
    }

    #[test]
    fn what_contradicts_itself_is_refused_at_its_place() {
        for (keys, expected) in [
            ("network_mode: host, networks: {n: }", "`services.a.networks`"),
            ("build: {dockerfile: D, dockerfile_inline: FROM a}", "it excludes `dockerfile`"),
            ("build: {secrets: [s]}", "the project defines no secret `s`"),
            (
                "platform: linux/arm64, build: {platforms: [linux/amd64]}",
                "`linux/arm64` is not among",
            ),
            ("container_name: c, scale: 2", "with `scale` there are several containers"),
            (
                "container_name: c, deploy: {replicas: 3}",
                "with `deploy.replicas` there are several",
            ),
            ("tty: '1'", "`1` is neither `true` nor `false`"),
            ("extra_hosts: [a]", "`a` is not `HOST=ADDRESS`"),
            ("volumes: [{type: bind, target: /b}]", "a `bind` needs a `source`"),
            ("mem_limit: inf", "`services.a.mem_limit`"),
            ("tty: maybe", "`maybe` is neither `true` nor `false`"),
            ("mem_limit: lots", "`services.a.mem_limit`"),
            ("build: {shm_size: 1x}", "`services.a.build.shm_size`"),
            ("volumes: [{type: tmpfs, tmpfs: {size: huge}}]", "`services.a.volumes.tmpfs.size`"),
            ("deploy: {resources: {limits: {cpus: many}}}", "a number is needed"),
            (
                "cpus: 1, deploy: {resources: {limits: {cpus: '2'}}}",
                "`deploy.resources.limits.cpus`",
            ),
            ("mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}", "says something else"),
        ] {
            let said = of_service(keys);
            assert!(
                said.starts_with("cannot use c.yaml:2:") && said.contains(expected),
                "{keys}: {said}"
            );
        }
        for (text, expected) in [
            ("services: {a: {container_name: c}, b: {container_name: c}}", "of the service `a`"),
            ("secrets: {s: {}}", "one of `file`, `environment` is missing"),
            ("secrets: {s: {file: a, environment: B}}", "`secrets.s.environment`"),
            ("configs: {c: {content: x, file: y}}", "only one of `file`, `environment`, `content`"),
            ("volumes: {v: {external: true, driver: x}}", "`volumes.v.driver`"),
        ] {
            assert!(said(text).contains(expected), "{text}: {}", said(text));
        }
    }

    #[test]
    fn what_agrees_is_accepted() {
        for keys in [
            "network_mode: host",
            "network_mode: host, networks: ",
            "network_mode: host, networks: []",
            "network_mode: '', networks: {n: }",
            "build: {dockerfile: '', dockerfile_inline: FROM a}",
            "platform: '', build: {platforms: [linux/amd64]}",
            "cpus: 0, deploy: {resources: {limits: {cpus: '2'}}}",
            "extra_hosts: ['a:1.1.1.1']",
            "container_name: c, scale: 1",
            "tty: 'yes', init: true, privileged: 'False'",
            "mem_limit: 1.5g, memswap_limit: -1, shm_size: 64M, mem_reservation: 10 mb",
            "mem_limit: 1GiB, deploy: {resources: {limits: {memory: 1024m, cpus: '0.5'}}}",
            "cpus: 0.5, deploy: {resources: {limits: {cpus: '0.50'}}}",
            "platform: linux/arm64, build: {platforms: [linux/amd64, linux/arm64]}",
        ] {
            assert_eq!(of_service(keys), "", "{keys}");
        }
        for text in [
            "services: {a: {build: {secrets: [s]}}}\nsecrets: {s: {environment: S}}",
            "secrets: {s: {external: true, file: x}, t: {driver: d}}",
            "volumes: {v: {external: true, name: w, x-own: 1}, w: {driver: d}}",
        ] {
            assert_eq!(said(text), "", "{text}");
        }
    }
}
