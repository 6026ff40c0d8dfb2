//! Between bollard's types and ours: request bodies, facts, and what its errors mean. Owns the wording that engines
//! and runtimes use for their failures; sends nothing.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bollard::errors::Error as ApiError;
use bollard::models::{
    ContainerCreateBody, ContainerSummary, ContainerSummaryStateEnum, HealthConfig, HostConfig,
    HostConfigLogConfig, ImageInspect,
};

use super::super::{ContainerSpec, DEFAULT_PATH, Exit, Image, Mount, ScratchContainer, Volume};
use crate::engine::host::Host;
use crate::error::{Error, Unreachable};

/// Labels every container that this crate makes, so that leftovers of a killed process can be told.
pub(super) const CONTAINER_LABEL: &str = "io.pyfast.scratch";
/// The label of those that give way to whoever removes a volume, with its name.
const ASIDE_LABEL: &str = "io.pyfast.aside";

pub(super) fn container_body(spec: &ContainerSpec) -> ContainerCreateBody {
    let (program, arguments) =
        spec.argv.split_first().map_or((None, Vec::new()), |(program, arguments)| {
            (Some(vec![program.clone()]), arguments.to_vec())
        });
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: program,
        cmd: Some(arguments),
        user: spec.user.clone(),
        working_dir: spec.directory.clone(),
        env: Some(spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        // To Podman a removal is a stop first, for which it waits; nothing of it has to end in order.
        stop_signal: Some("SIGKILL".to_owned()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".into()]),
            ..HealthConfig::default()
        }),
        labels: Some(labels(spec)),
        host_config: Some(HostConfig {
            network_mode: Some(spec.network.clone()),
            binds: spec.mount.as_ref().map(|mount| vec![bind(mount)]),
            // The output is read while it comes; nothing needs to be kept on the engine's disk.
            log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
            cap_drop: spec.confined.then(|| vec!["ALL".into()]),
            // The least that an engine takes.
            cpu_shares: spec.aside.then_some(2),
            security_opt: spec.confined.then(|| vec!["no-new-privileges".into()]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn labels(spec: &ContainerSpec) -> HashMap<String, String> {
    let volume = spec.mount.as_ref().filter(|_| spec.aside).map(|mount| mount.volume.clone());
    let aside = volume.map(|volume| (ASIDE_LABEL.to_owned(), volume));
    let owner = (CONTAINER_LABEL.to_owned(), spec.owner.clone());
    std::iter::once(owner).chain(aside).collect()
}

fn bind(mount: &Mount) -> String {
    format!("{}:{}:{},nocopy", mount.volume, mount.target, if mount.writable { "rw" } else { "ro" })
}

/// Whether a line of an image's history is an instruction for those who build on it. It may have been carried out since.
pub(super) fn is_trigger(line: &str) -> bool {
    let line = line.strip_prefix("/bin/sh -c #(nop)").unwrap_or(line);
    line.split_whitespace().next() == Some("ONBUILD")
}

pub(super) fn image_facts(facts: ImageInspect) -> Image {
    let config = facts.config.unwrap_or_default();
    let environment = config.env.unwrap_or_default();
    let path = environment.iter().find_map(|entry| entry.strip_prefix("PATH="));
    Image {
        id: facts.id.unwrap_or_default(),
        architecture: facts.architecture.unwrap_or_default(),
        os: facts.os.unwrap_or_default(),
        path_env: path.unwrap_or(DEFAULT_PATH).to_owned(),
        working_dir: config.working_dir.filter(|dir| !dir.is_empty()).unwrap_or_else(|| "/".into()),
        user: config.user.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
        triggers: config.on_build.is_some_and(|triggers| !triggers.is_empty()),
        environment: environment
            .iter()
            .filter_map(|entry| entry.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

pub(super) fn volume_facts(volume: bollard::models::Volume) -> Volume {
    Volume {
        name: volume.name,
        driver: volume.driver,
        mountpoint: volume.mountpoint.into(),
        labels: volume.labels.into_iter().collect(),
        created: volume.created_at.unwrap_or_default(),
    }
}

pub(super) fn scratch_facts(facts: ContainerSummary) -> Option<ScratchContainer> {
    let created = u64::try_from(facts.created?).ok()?;
    let mut labels = facts.labels.unwrap_or_default();
    Some(ScratchContainer {
        id: facts.id?,
        created: SystemTime::UNIX_EPOCH + Duration::from_secs(created),
        running: facts.state == Some(ContainerSummaryStateEnum::RUNNING),
        owner: labels.remove(CONTAINER_LABEL).unwrap_or_default(),
        aside: labels.remove(ASIDE_LABEL),
    })
}

/// Whether a tar archive, of which this is the beginning, has just one entry.
pub(super) fn holds_one_entry(head: &[u8]) -> bool {
    let mut archive = tar::Archive::new(head);
    let Ok(mut entries) = archive.entries() else { return false };
    entries.next().is_some_and(|first| first.is_ok()) && entries.next().is_none()
}

pub(super) fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

pub(super) fn server_message(error: &ApiError) -> &str {
    match error {
        ApiError::DockerResponseServerError { message, .. } => message,
        _ => "",
    }
}

/// Tells a command that cannot run from any other reason why a container does not start. The API has no field for
/// it, so the runtime's words (runc, crun) have to do.
pub(super) fn refusal(error: &ApiError) -> Option<Exit> {
    let message = server_message(error);
    let lower = message.to_lowercase();
    if lower.contains("executable file") && lower.contains("not found")
        || lower.contains("no such file or directory") && lower.contains("exec")
    {
        Some(Exit::NotFound(message.trim().into()))
    } else if lower.contains("exec format error")
        || lower.contains("permission denied") && lower.contains("exec")
        || lower.contains("is a directory") && lower.contains("exec")
    {
        Some(Exit::NotExecutable(message.trim().into()))
    } else {
        None
    }
}

/// Whether there is no such container. Of one that goes while it is asked for, Podman says so as a fault of its own.
pub(super) fn is_gone(error: &ApiError) -> bool {
    status(error) == Some(404)
        || status(error) == Some(500) && server_message(error).ends_with("no such container")
}

/// Why the engine could not be spoken to; `None` when it answered.
pub(super) fn reason(error: &ApiError) -> Option<Unreachable> {
    match error {
        ApiError::SocketNotFoundError(_) => return Some(Unreachable::SocketMissing),
        ApiError::RequestTimeoutError => return Some(Unreachable::TimedOut),
        ApiError::HyperLegacyError { err } if !err.is_connect() => return None,
        // A transparent error is not among its own sources.
        ApiError::IOError { err } => return Some(Unreachable::from_io(err)),
        ApiError::HyperLegacyError { .. } => {}
        _ => return None,
    }
    let mut cause = Some(error as &dyn std::error::Error);
    let mut last = String::new();
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return Some(Unreachable::from_io(io));
        }
        last = current.to_string();
        cause = current.source();
    }
    Some(Unreachable::Other(last))
}

pub(super) fn failure(host: &Host, act: impl Into<String>, error: ApiError) -> Error {
    match reason(&error) {
        Some(reason) => Error::EngineUnreachable { host: host.to_string(), reason },
        None => Error::Engine { act: act.into(), source: Box::new(error) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status_code: u16, message: &str) -> ApiError {
        ApiError::DockerResponseServerError { status_code, message: message.into() }
    }

    #[test]
    fn triggers_are_told_by_a_history_in_the_words_of_builders() {
        assert!(is_trigger("/bin/sh -c #(nop) ONBUILD COPY a /b"));
        assert!(is_trigger("ONBUILD RUN x"));
        assert!(!is_trigger("/bin/sh -c echo ONBUILD"));
        assert!(!is_trigger("/bin/sh -c #(nop) ENV X=ONBUILD"));
    }

    #[test]
    fn a_container_that_is_gone_is_told_in_two_ways() {
        assert!(is_gone(&answer(404, "no such container: a1")));
        let vanished = "no container with ID a1 found in database: no such container";
        assert!(is_gone(&answer(500, vanished)));
        assert!(!is_gone(&answer(500, "no space left on device")));
    }

    #[test]
    fn runtimes_words_for_commands_that_cannot_run() {
        let found = |message: &str| refusal(&answer(400, message));
        for message in [
            "OCI runtime create failed: runc create failed: exec: \"python3\": executable file not found in $PATH: unknown",
            "failed to create task: exec: \"/opt/venv/bin/python\": stat /opt/venv/bin/python: no such file or directory: unknown",
            "crun: executable file `python3` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found",
        ] {
            assert!(matches!(found(message), Some(Exit::NotFound(_))), "{message}");
        }
        for message in [
            "exec /usr/bin/python3: exec format error",
            "OCI runtime create failed: exec: \"/etc\": permission denied: unknown",
        ] {
            assert!(matches!(found(message), Some(Exit::NotExecutable(_))), "{message}");
        }
        assert_eq!(found("driver failed programming external connectivity on endpoint x"), None);
        assert_eq!(found("error while mounting volume: no such file or directory"), None);
    }

    #[test]
    fn an_answer_is_no_unreachable_engine() {
        let host = Host::Tcp("h:1".into());
        assert!(
            matches!(failure(&host, "x", answer(500, "boom")), Error::Engine { act, .. } if act == "x")
        );
        let closed = ApiError::IOError { err: std::io::ErrorKind::ConnectionRefused.into() };
        let error = failure(&host, "x", closed);
        assert_eq!(
            error.to_string(),
            "cannot reach the container engine at tcp://h:1: connection refused, nothing listens there"
        );
    }

    #[test]
    fn an_image_without_path_has_the_engines() {
        let image = image_facts(ImageInspect::default());
        assert_eq!((image.path_env.as_str(), image.working_dir.as_str()), (DEFAULT_PATH, "/"));
    }

    #[test]
    fn a_confined_container_has_no_privilege_and_others_have_the_engines() {
        let body = |confined| {
            let spec = ContainerSpec { confined, ..ContainerSpec::default() };
            container_body(&spec).host_config.unwrap()
        };
        let (free, confined) = (body(false), body(true));
        assert_eq!((free.cap_drop, free.security_opt), (None, None));
        assert_eq!(confined.cap_drop, Some(vec!["ALL".to_owned()]));
        assert_eq!(confined.security_opt, Some(vec!["no-new-privileges".to_owned()]));
        assert_eq!(confined.binds, None);
    }

    #[test]
    fn volumes_are_never_filled_from_the_image() {
        let mount = Mount { volume: "v".into(), target: "/pyfast".into(), writable: false };
        assert_eq!(bind(&mount), "v:/pyfast:ro,nocopy");
    }
}
