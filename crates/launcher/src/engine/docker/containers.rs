//! Between bollard's types and ours, as far as a project's containers go. Owns what a field means; sends nothing.

use std::time::Duration;

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, EventMessage, HealthConfig,
    HealthStatusEnum, NetworkSettings,
};

use super::super::{
    Action, Container, ContainerEvent, Health, HealthStatus, PublishedPort, Status,
};
use crate::compose_file::{Healthcheck, HealthcheckTest};

pub(super) fn container_facts(facts: ContainerInspectResponse) -> Container {
    let state = facts.state.unwrap_or_default();
    let config = facts.config.unwrap_or_default();
    let host = facts.host_config.unwrap_or_default();
    let policy = host.restart_policy.and_then(|policy| policy.name).map(|name| name.to_string());
    let mounts = facts.mounts.unwrap_or_default();
    let temporary = host.tmpfs.unwrap_or_default().into_keys();
    let targets = mounts.iter().filter_map(|mount| mount.destination.clone()).chain(temporary);
    let binds = mounts.iter().filter(|mount| mount.typ.as_deref() == Some("bind"));
    let binds = binds.filter_map(|mount| Some((mount.destination.clone()?, mount.source.clone()?)));
    Container {
        binds: binds.collect(),
        mounts: targets.map(|path| path.trim_end_matches('/').to_owned()).collect(),
        id: facts.id.unwrap_or_default(),
        name: facts.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_id: facts.image.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        status: status(state.status),
        exit_code: state.exit_code.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
        oom_killed: state.oom_killed.unwrap_or_default(),
        started_at: happened(state.started_at),
        finished_at: happened(state.finished_at),
        restart_count: facts.restart_count.map(unsigned).unwrap_or_default(),
        restart_policy: policy.filter(|name| !name.is_empty()).unwrap_or_else(|| "no".into()),
        health: state.health.and_then(health),
        healthcheck: config.healthcheck.map(healthcheck),
        user: config.user.unwrap_or_default(),
        stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
        // A negative grace period is an endless one.
        stop_timeout: config
            .stop_timeout
            .map(|seconds| u64::try_from(seconds).map_or(Duration::MAX, Duration::from_secs)),
        ports: facts.network_settings.map(ports).unwrap_or_default(),
        volumes: mounts.into_iter().filter_map(|mount| mount.name).collect(),
    }
}

fn status(state: Option<ContainerStateStatusEnum>) -> Status {
    use ContainerStateStatusEnum as Api;
    match state {
        Some(Api::RUNNING | Api::STOPPING) => Status::Running,
        Some(Api::PAUSED) => Status::Paused,
        Some(Api::RESTARTING) => Status::Restarting,
        Some(Api::EXITED) => Status::Exited,
        Some(Api::DEAD | Api::REMOVING) => Status::Dead,
        Some(Api::CREATED | Api::EMPTY) | None => Status::Created,
    }
}

/// Engines write the year 1 for what never happened.
fn happened(time: Option<String>) -> String {
    time.filter(|time| !time.starts_with("0001-")).unwrap_or_default()
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn health(health: bollard::models::Health) -> Option<Health> {
    let status = match health.status? {
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => return None,
        HealthStatusEnum::STARTING => HealthStatus::Starting,
        HealthStatusEnum::HEALTHY => HealthStatus::Healthy,
        HealthStatusEnum::UNHEALTHY => HealthStatus::Unhealthy,
    };
    let last = health.log.and_then(|runs| runs.into_iter().next_back());
    let (began, output, code) =
        last.map(|run| (run.start, run.output, run.exit_code)).unwrap_or_default();
    Some(Health {
        status,
        failing_streak: health.failing_streak.map(unsigned).unwrap_or_default(),
        last_output: output.unwrap_or_default().trim_end().to_owned(),
        last_exit_code: code,
        last_began: began.unwrap_or_default(),
    })
}

fn healthcheck(config: HealthConfig) -> Healthcheck {
    let duration =
        |given: Option<i64>| given.filter(|&n| n > 0).map(|n| Duration::from_nanos(unsigned(n)));
    let test = config.test.unwrap_or_default();
    let rest = test.get(1..).unwrap_or_default();
    Healthcheck {
        test: match test.first().map(String::as_str) {
            None => HealthcheckTest::Inherited,
            Some("NONE") => HealthcheckTest::Disabled,
            Some("CMD-SHELL") => HealthcheckTest::Shell(rest.join(" ")),
            Some("CMD") => HealthcheckTest::Command(rest.to_vec()),
            Some(_) => HealthcheckTest::Command(test.clone()),
        },
        interval: duration(config.interval),
        timeout: duration(config.timeout),
        start_period: duration(config.start_period),
        retries: config.retries.filter(|&n| n > 0).and_then(|n| u32::try_from(n).ok()),
    }
}

fn ports(network: NetworkSettings) -> Vec<PublishedPort> {
    let mut published = Vec::new();
    let ports: std::collections::BTreeMap<_, _> =
        network.ports.unwrap_or_default().into_iter().collect();
    for (container_port, bindings) in ports {
        for binding in bindings.unwrap_or_default() {
            let Some(host_port) = binding.host_port.and_then(|port| port.parse().ok()) else {
                continue;
            };
            let host_ip = binding.host_ip.unwrap_or_default();
            published.push(PublishedPort {
                host_ip,
                host_port,
                container_port: container_port.clone(),
            });
        }
    }
    published
}

/// `None` for what is no event of a container.
pub(super) fn event_facts(message: EventMessage) -> Option<ContainerEvent> {
    let actor = message.actor?;
    let labels: std::collections::BTreeMap<_, _> =
        actor.attributes.unwrap_or_default().into_iter().collect();
    // Podman has its own words for the end of a container and its code.
    let code = labels.get("exitCode").or_else(|| labels.get("containerExitCode"));
    let code = code.and_then(|code| code.parse().ok()).unwrap_or_default();
    let action = message.action?;
    let health = labels.get("health_status").map_or("", String::as_str);
    let action = match action.as_str() {
        "create" => Action::Create,
        "start" => Action::Start,
        "die" | "died" => Action::Die(code),
        "oom" => Action::OutOfMemory,
        "destroy" | "remove" => Action::Destroy,
        _ => match action.strip_prefix("health_status") {
            Some(verdict) if verdict.ends_with("unhealthy") || health == "unhealthy" => {
                Action::Health(HealthStatus::Unhealthy)
            }
            Some(verdict) if verdict.ends_with("healthy") || health == "healthy" => {
                Action::Health(HealthStatus::Healthy)
            }
            _ => Action::Other(action),
        },
    };
    Some(ContainerEvent { id: actor.id?, labels, action })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::EventActor;

    use super::*;

    fn action(word: &str, attributes: &[(&str, &str)]) -> Action {
        let attributes: HashMap<_, _> =
            attributes.iter().map(|&(key, value)| (key.into(), value.into())).collect();
        let actor = EventActor { id: Some("c1".into()), attributes: Some(attributes) };
        let message = EventMessage {
            action: Some(word.into()),
            actor: Some(actor),
            ..EventMessage::default()
        };
        event_facts(message).unwrap().action
    }

    #[test]
    fn events_in_the_words_of_docker_and_podman() {
        assert_eq!(action("die", &[("exitCode", "137")]), Action::Die(137));
        assert_eq!(action("died", &[("containerExitCode", "3")]), Action::Die(3));
        let unhealthy = Action::Health(HealthStatus::Unhealthy);
        assert_eq!(action("health_status: unhealthy", &[]), unhealthy);
        assert_eq!(action("health_status", &[("health_status", "unhealthy")]), unhealthy);
        let healthy = Action::Health(HealthStatus::Healthy);
        assert_eq!(action("health_status: healthy", &[]), healthy);
        assert_eq!(action("pause", &[]), Action::Other("pause".into()));
    }

    #[test]
    fn a_container_never_started_has_no_times_and_the_policy_no() {
        let facts: ContainerInspectResponse = serde_json::from_str(
            r#"{"Name": "/shop_db_1", "State": {"Status": "created", "StartedAt": "0001-01-01T00:00:00Z"},
            "Config": {"Healthcheck": {"Test": ["CMD-SHELL", "pg_isready"], "Interval": 5000000000, "Retries": 0}},
            "HostConfig": {"RestartPolicy": {"Name": "", "MaximumRetryCount": 0}},
            "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": null}}}"#,
        )
        .unwrap();
        let container = container_facts(facts);
        assert_eq!((container.name.as_str(), container.started_at.as_str()), ("shop_db_1", ""));
        assert_eq!((container.restart_policy.as_str(), container.health), ("no", None));
        let check = container.healthcheck.unwrap();
        assert_eq!(check.test, HealthcheckTest::Shell("pg_isready".into()));
        assert_eq!((check.interval, check.retries), (Some(Duration::from_secs(5)), None));
        assert_eq!(container.ports.len(), 1);
        assert_eq!(container.ports[0].host_port, 8080);
    }
}
