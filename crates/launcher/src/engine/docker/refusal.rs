//! Why an engine would not start a container, told from its words: the API has no field for it. Owns the wording of
//! engines and runtimes; sends nothing.

use super::super::Exit;
use super::translate::refusal;
use crate::error::StartRefusal;
use bollard::errors::Error as ApiError;

/// The kind of a refusal to start.
pub(super) fn start_refusal(error: &ApiError, message: &str) -> StartRefusal {
    let message = message.trim().to_owned();
    let lower = message.to_lowercase();
    if ["address already in use", "port is already allocated", "ports are not available"]
        .iter()
        .any(|words| lower.contains(words))
    {
        return StartRefusal::PortInUse { address: address(&message), message };
    }
    let mount = ["mounts denied", "error mounting", "mount source path", "while mounting volume"];
    if mount.iter().any(|words| lower.contains(words))
        || lower.contains("bind source path does not exist")
        || lower.contains("failed to mount")
    {
        return StartRefusal::MountDenied { message };
    }
    match refusal(error) {
        Some(Exit::NotFound(message)) => StartRefusal::CommandNotFound { message },
        Some(Exit::NotExecutable(message)) => StartRefusal::CommandNotExecutable { message },
        Some(Exit::Code(_)) | None => StartRefusal::Other { message },
    }
}

/// The first `host:port` of a message: engines name the host's side first. Empty when there is none.
fn address(message: &str) -> String {
    let mut words =
        message.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '"'));
    words
        .find_map(|word| {
            let word = word.trim_end_matches([':', '.']);
            let word = word.split_once('/').map_or(word, |(address, _)| address);
            published(word).then(|| word.to_owned()).or_else(|| first_of_pair(word))
        })
        .unwrap_or_default()
}

/// Whether a word is an address with a port.
fn published(word: &str) -> bool {
    word.parse::<std::net::SocketAddr>().is_ok_and(|address| address.port() != 0)
}

/// `0.0.0.0:8000:172.17.0.2:80` names two addresses.
fn first_of_pair(word: &str) -> Option<String> {
    let mut parts = word.splitn(3, ':');
    let first = format!("{}:{}", parts.next()?, parts.next()?);
    published(&first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(message: &str) -> StartRefusal {
        let error =
            ApiError::DockerResponseServerError { status_code: 500, message: message.into() };
        start_refusal(&error, message)
    }

    #[test]
    fn engines_words_for_a_port_in_use_name_the_address() {
        for message in [
            "driver failed programming external connectivity on endpoint web (4ab): Error starting userland proxy: listen tcp4 0.0.0.0:8000: bind: address already in use",
            "driver failed programming external connectivity on endpoint web (4ab): Bind for 0.0.0.0:8000 failed: port is already allocated",
            "failed to set up container networking: failed to bind host port for 0.0.0.0:8000:172.17.0.2:80/tcp: address already in use",
            "failed to bind host port 0.0.0.0:8000/tcp: address already in use",
            "Ports are not available: exposing port TCP 0.0.0.0:8000 -> 0.0.0.0:0: listen tcp 0.0.0.0:8000: bind: address already in use",
        ] {
            let StartRefusal::PortInUse { address, .. } = kind(message) else {
                panic!("{message}")
            };
            assert_eq!(address, "0.0.0.0:8000", "{message}");
        }
        let six = "listen tcp6 [::1]:5000: bind: address already in use";
        assert!(
            matches!(kind(six), StartRefusal::PortInUse { address, .. } if address == "[::1]:5000")
        );
    }

    #[test]
    fn engines_words_for_a_mount_that_cannot_be() {
        for message in [
            "error while creating mount source path '/x': mkdir /x: read-only file system",
            "Mounts denied: The path /x is not shared from the host",
            "OCI runtime create failed: error mounting \"/a\" to rootfs at \"/b\": not a directory: unknown",
            "error while mounting volume '/var/lib/x': failed to mount local volume: no such device",
        ] {
            assert!(matches!(kind(message), StartRefusal::MountDenied { .. }), "{message}");
        }
    }

    #[test]
    fn commands_that_cannot_run_and_anything_else() {
        let missing = "exec: \"uvicorn\": executable file not found in $PATH: unknown";
        assert!(matches!(kind(missing), StartRefusal::CommandNotFound { .. }));
        let other = kind(" network a1b2 not found\n");
        assert_eq!(other, StartRefusal::Other { message: "network a1b2 not found".into() });
    }
}
