//! A container in words and as JSON.

use std::collections::BTreeSet;

use pyfast_launcher::engine::{Container, Status};
use pyfast_launcher::override_file::ENV_LABEL;
use serde_json::{Value, json};

/// Addresses at which a container's ports answer.
pub(crate) fn addresses(container: &Container) -> Vec<String> {
    let mut found = BTreeSet::new();
    for port in &container.ports {
        let host = match port.host_ip.as_str() {
            "" | "0.0.0.0" | "::" | "127.0.0.1" => "localhost",
            other => other,
        };
        let scheme = if port.container_port.ends_with("/udp") { "udp" } else { "http" };
        found.insert(format!("{scheme}://{host}:{}", port.host_port));
    }
    found.into_iter().collect()
}

/// A container's state in a word or two.
pub(crate) fn state(container: &Container) -> String {
    use pyfast_launcher::engine::HealthStatus::{Healthy, Starting, Unhealthy};
    let health = container.health.as_ref().map(|health| health.status);
    match (container.status, health) {
        (Status::Running, Some(Healthy)) => "healthy".to_owned(),
        (Status::Running, Some(Unhealthy)) => "unhealthy".to_owned(),
        (Status::Running, Some(Starting)) => "running (health: starting)".to_owned(),
        (Status::Running, None) => "running".to_owned(),
        (Status::Exited, _) if container.exit_code == 0 => "completed".to_owned(),
        (Status::Exited, _) => format!("exited ({})", container.exit_code),
        (Status::Created, _) => "created".to_owned(),
        (Status::Paused, _) => "paused".to_owned(),
        (Status::Restarting, _) => format!("restarting (exited {})", container.exit_code),
        (Status::Dead, _) => "dead".to_owned(),
    }
}

/// A container as `--json` shows it.
pub(crate) fn container_json(service: &str, container: &Container) -> Value {
    json!({
        "service": service,
        "id": container.id,
        "name": container.name,
        "image": container.image_id,
        "environment": container.labels.get(ENV_LABEL),
        "state": state(container),
        "exit_code": (container.status == Status::Exited).then_some(container.exit_code),
        "started_at": container.started_at,
        "addresses": addresses(container),
    })
}
