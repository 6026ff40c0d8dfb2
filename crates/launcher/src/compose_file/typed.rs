//! The launcher's types, read off the canonical model. Owns which keys they come from; must not know files.

mod develop;

use std::collections::BTreeMap;
use std::time::Duration;

use super::canonical::read_duration;
use super::error::ComposeError;
use super::model::{
    Build, Condition, Dependency, Healthcheck, HealthcheckTest, Hook, Service, WatchRule,
};
use super::yaml::{Node, Yaml};

/// Keys of `build` that the typed form holds.
const BUILD_KEYS: [&str; 8] = [
    "context",
    "dockerfile",
    "dockerfile_inline",
    "args",
    "target",
    "cache_from",
    "labels",
    "network",
];

/// A mapping with the path of keys that leads to it.
struct Keyed<'a> {
    node: &'a Node,
    key: &'a str,
}

/// Reads a service; `key` is where it stands.
pub(super) fn service(node: &Node, key: &str) -> Result<Service, ComposeError> {
    let at = Keyed { node, key };
    let provider = at.get("provider").is_some();
    if !provider && node.get("image").is_none() && node.get("build").is_none() {
        return Err(node.invalid(key, "a service needs an `image` or a `build`"));
    }
    Ok(Service {
        image: at.text("image")?,
        build: at.child("build", build)?,
        provider,
        command: at.list("command")?,
        entrypoint: at.list("entrypoint")?,
        environment: at.optional_texts("environment"),
        depends_on: at.dependencies()?,
        healthcheck: at.child("healthcheck", healthcheck)?,
        volumes: at.items("volumes").iter().filter_map(short_volume).collect(),
        profiles: at.list("profiles")?.unwrap_or_default(),
        replicas: at.replicas()?,
        platform: at.text("platform")?,
        pull_policy: at.text("pull_policy")?,
        stop_signal: at.text("stop_signal")?,
        stop_grace_period: at.duration("stop_grace_period")?,
        post_start: at.hooks("post_start")?,
        pre_stop: at.hooks("pre_stop")?,
        watch: at.watch_rules()?,
    })
}

impl<'a> Keyed<'a> {
    fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.key)
    }

    fn get(&self, name: &str) -> Option<&'a Node> {
        self.node.get(name).filter(|node| !matches!(node.value, Yaml::Null))
    }

    fn child<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Keyed<'_>) -> Result<T, ComposeError>,
    ) -> Result<Option<T>, ComposeError> {
        let key = self.path(name);
        match self.get(name) {
            None => Ok(None),
            Some(node) if matches!(node.value, Yaml::Map(_)) => {
                read(&Keyed { node, key: &key }).map(Some)
            }
            Some(node) => Err(node.invalid(&key, "a mapping is needed")),
        }
    }

    fn items(&self, name: &str) -> &'a [Node] {
        self.node.get(name).map(Node::items).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Result<Option<String>, ComposeError> {
        self.get(name).map(|node| node.single(&self.path(name))).transpose()
    }

    fn list(&self, name: &str) -> Result<Option<Vec<String>>, ComposeError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        node.items()
            .iter()
            .map(|item| item.single(&self.path(name)))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn optional_texts(&self, name: &str) -> BTreeMap<String, Option<String>> {
        let entries = self.node.get(name).into_iter().flat_map(Node::entries);
        entries.map(|(name, node)| (name.clone(), node.scalar())).collect()
    }

    fn texts(&self, name: &str) -> BTreeMap<String, String> {
        let texts = self.optional_texts(name).into_iter();
        texts.map(|(name, value)| (name, value.unwrap_or_default())).collect()
    }

    fn number(&self, name: &str) -> Result<Option<u32>, ComposeError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let number = node.scalar().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| node.invalid(&self.path(name), "a whole number is needed"))
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, ComposeError> {
        let Some(node) = self.get(name) else { return Ok(None) };
        match node.scalar().as_deref() {
            Some("true" | "yes" | "on") => Ok(Some(true)),
            Some("false" | "no" | "off") => Ok(Some(false)),
            _ => Err(node.invalid(&self.path(name), "`true` or `false` is needed")),
        }
    }

    fn duration(&self, name: &str) -> Result<Option<Duration>, ComposeError> {
        self.get(name).map(|node| read_duration(node, &self.path(name))).transpose()
    }

    /// The rules of `develop`, or of the extension that had its place before there was such a key.
    fn watch_rules(&self) -> Result<Vec<WatchRule>, ComposeError> {
        let name = if self.get("develop").is_some() { "develop" } else { "x-develop" };
        Ok(self.child(name, develop::watch_rules)?.unwrap_or_default())
    }

    fn hooks(&self, name: &str) -> Result<Vec<Hook>, ComposeError> {
        let key = self.path(name);
        let hooks = self.items(name).iter();
        hooks.map(|node| develop::hook(&Keyed { node, key: &key })).collect()
    }

    fn replicas(&self) -> Result<Option<u32>, ComposeError> {
        let deployed = self.child("deploy", |deploy| deploy.number("replicas"))?.flatten();
        let scale = self.number("scale")?;
        if let (Some(scale), Some(deployed), Some(node)) = (scale, deployed, self.get("scale"))
            && scale != deployed
        {
            let reason = format!("`deploy.replicas` says {deployed}");
            return Err(node.invalid(&self.path("scale"), reason));
        }
        Ok(scale.or(deployed))
    }

    fn dependencies(&self) -> Result<BTreeMap<String, Dependency>, ComposeError> {
        let key = self.path("depends_on");
        let mut found = BTreeMap::new();
        for (name, node) in self.get("depends_on").into_iter().flat_map(Node::entries) {
            let at = Keyed { node, key: &format!("{key}.{name}") };
            let condition = match at.text("condition")?.as_deref() {
                None | Some("service_started") => Condition::Started,
                Some("service_healthy") => Condition::Healthy,
                Some("service_completed_successfully") => Condition::Completed,
                Some(other) => {
                    let node = node.get("condition").unwrap_or(node);
                    return Err(node.invalid(at.key, format!("`{other}` is no known condition")));
                }
            };
            let required = at.flag("required")?.unwrap_or(true);
            let restart = at.flag("restart")?.unwrap_or(false);
            found.insert(name.clone(), Dependency { condition, required, restart });
        }
        for name in self.shared()? {
            let dependency = Dependency { required: true, ..Dependency::default() };
            found.entry(name).or_insert(dependency);
        }
        Ok(found)
    }

    /// Services whose links, volumes or namespaces it uses: Compose starts them first, too.
    fn shared(&self) -> Result<Vec<String>, ComposeError> {
        let mut found = Vec::new();
        for name in self.list("links")?.unwrap_or_default() {
            found.extend(name.split(':').next().map(str::to_owned));
        }
        for name in self.list("volumes_from")?.unwrap_or_default() {
            let name = name.split(':').next().unwrap_or_default();
            found.extend((name != "container").then(|| name.to_owned()));
        }
        for key in ["network_mode", "ipc", "pid"] {
            let mode = self.text(key)?.unwrap_or_default();
            found.extend(mode.strip_prefix("service:").map(str::to_owned));
        }
        Ok(found)
    }
}

fn build(at: &Keyed<'_>) -> Result<Build, ComposeError> {
    let other = at.node.entries().keys().cloned();
    Ok(Build {
        context: at.text("context")?.unwrap_or_default(),
        dockerfile: at.text("dockerfile")?,
        dockerfile_inline: at.text("dockerfile_inline")?,
        args: at.optional_texts("args"),
        target: at.text("target")?,
        cache_from: at.list("cache_from")?.unwrap_or_default(),
        labels: at.texts("labels"),
        network: at.text("network")?,
        other: other.filter(|name| !BUILD_KEYS.contains(&name.as_str())).collect(),
    })
}

fn healthcheck(at: &Keyed<'_>) -> Result<Healthcheck, ComposeError> {
    let words = at.list("test")?.unwrap_or_default();
    let test = if at.flag("disable")? == Some(true) {
        HealthcheckTest::Disabled
    } else {
        match words.split_first() {
            None => HealthcheckTest::Inherited,
            Some((first, _)) if first == "NONE" => HealthcheckTest::Disabled,
            Some((first, rest)) if first == "CMD" => HealthcheckTest::Command(rest.to_vec()),
            Some((first, rest)) if first == "CMD-SHELL" => HealthcheckTest::Shell(rest.join(" ")),
            Some((first, _)) => {
                let reason = format!("`{first}` is none of NONE, CMD and CMD-SHELL");
                return Err(at.node.get("test").unwrap_or(at.node).invalid(at.key, reason));
            }
        }
    };
    Ok(Healthcheck {
        test,
        interval: at.duration("interval")?,
        timeout: at.duration("timeout")?,
        start_period: at.duration("start_period")?,
        retries: at.number("retries")?,
    })
}

/// The short form of a bind or a volume; other kinds have none.
fn short_volume(node: &Node) -> Option<String> {
    let text = |node: &Node, name: &str| node.get(name).and_then(Node::scalar);
    let kind = text(node, "type")?;
    let details = node.get(&kind);
    let detail = |name: &str| details.and_then(|details| text(details, name));
    if kind != "bind" && kind != "volume" {
        return None;
    }
    let target = text(node, "target")?;
    let Some(source) = text(node, "source") else { return Some(target) };
    let yes = |value: Option<String>| value.as_deref() == Some("true");
    let mut options = Vec::new();
    options.extend(yes(text(node, "read_only")).then(|| "ro".to_owned()));
    options.extend(yes(detail("nocopy")).then(|| "nocopy".to_owned()));
    options.extend(detail("selinux"));
    options.extend(detail("propagation"));
    options.extend(text(node, "consistency"));
    let options = if options.is_empty() { "rw".to_owned() } else { options.join(",") };
    Some(format!("{source}:{target}:{options}"))
}
