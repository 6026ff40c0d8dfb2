//! Connections to engines: sockets and plain HTTP by bollard, TLS and ssh by connections of our own, one for each
//! request. Owns what travels around a request; must not know what is asked.

use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::BollardRequest;
use bollard::errors::Error as ApiError;
use bollard::models::SystemVersion;
use http::header::{HOST, HeaderValue};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::REQUEST_SECONDS;
use super::tls::client_config;
use super::translate::{failure, reason};
use crate::engine::host::{Host, Ssh};
use crate::error::{Error, Unreachable};

const AUTH_HEADER: &str = "x-registry-auth";

/// What the engine says it is. One that says nothing for so long is asked whether it is there, and has all the time of a
/// request when it is: Podman runs a handful of programs for its version, which a busy machine takes long for.
pub(super) async fn version(
    api: &bollard::Docker,
    host: &Host,
    patience: Duration,
) -> Result<SystemVersion, Error> {
    let failed = |error| failure(host, "say its version", error);
    let silent = |_elapsed| Error::EngineUnreachable {
        host: host.to_string(),
        reason: Unreachable::TimedOut,
    };
    let mut asking = std::pin::pin!(api.version());
    if let Ok(answer) = timeout(patience, asking.as_mut()).await {
        return answer.map_err(failed);
    }
    timeout(patience, api.ping()).await.map_err(silent)?.map_err(failed)?;
    asking.await.map_err(failed)
}

/// Prepares the connection; nothing is sent yet.
pub(super) fn open(host: &Host) -> Result<bollard::Docker, Error> {
    let version = bollard::API_DEFAULT_VERSION;
    let client = match host {
        Host::Unix(path) => {
            bollard::Docker::connect_with_unix(&path.to_string_lossy(), REQUEST_SECONDS, version)
        }
        Host::Tcp(address) => bollard::Docker::connect_with_http(address, REQUEST_SECONDS, version),
        Host::Tls { address, tls } => {
            let refuse = |reason| Error::EngineHost { host: host.to_string(), reason };
            let config = client_config(tls).map_err(refuse)?;
            let name = address.rsplit_once(':').map_or(address.as_str(), |(name, _)| name);
            let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
            let server = ServerName::try_from(name)
                .map_err(|_error| refuse("its host cannot be the name in a certificate".into()))?;
            let connector = TlsConnector::from(Arc::new(config));
            let address = address.clone();
            let shown = format!("http://{address}");
            let transport = move |request: BollardRequest| {
                let (connector, server, address) =
                    (connector.clone(), server.clone(), address.clone());
                async move {
                    let stream = TcpStream::connect(&address).await?;
                    let stream = connector.connect(server, stream).await?;
                    exchange(stream, request).await
                }
            };
            bollard::Docker::connect_with_custom_transport(
                transport,
                Some(shown),
                REQUEST_SECONDS,
                version,
            )
        }
        Host::Ssh(ssh) => {
            let ssh = ssh.clone();
            let transport = move |request: BollardRequest| {
                let ssh = ssh.clone();
                async move { through_ssh(&ssh, request).await }
            };
            // The name is only for the request's address: ssh decides where it goes.
            bollard::Docker::connect_with_custom_transport(
                transport,
                Some("http://docker.invalid"),
                REQUEST_SECONDS,
                version,
            )
        }
    };
    let unreachable = |error: ApiError| Error::EngineUnreachable {
        host: host.to_string(),
        reason: reason(&error).unwrap_or(Unreachable::SocketMissing),
    };
    Ok(client.map_err(unreachable)?.with_request_modifier(url_safe_login))
}

/// Engines read a login in the URL-safe alphabet and take one in the other for none at all; bollard writes the other.
fn url_safe_login(mut request: BollardRequest) -> BollardRequest {
    if let Some(value) = request.headers_mut().get_mut(AUTH_HEADER) {
        let text: Vec<u8> = value
            .as_bytes()
            .iter()
            .map(|byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                other => *other,
            })
            .collect();
        if let Ok(mut safe) = HeaderValue::from_bytes(&text) {
            safe.set_sensitive(true);
            *value = safe;
        }
    }
    request
}

/// One request over a fresh connection, which lives as long as its answer.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mut request: BollardRequest,
) -> Result<http::Response<Incoming>, ApiError> {
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    if let Ok(host) = HeaderValue::from_str(&authority) {
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse();
    *request.uri_mut() = path.map_err(std::io::Error::other)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(std::io::Error::other)?;
    tokio::spawn(connection.with_upgrades());
    Ok(sender.send_request(request).await.map_err(std::io::Error::other)?)
}

async fn through_ssh(
    ssh: &Ssh,
    request: BollardRequest,
) -> Result<http::Response<Incoming>, ApiError> {
    // The system would look for a name in the working directory too, where PATH has an empty part.
    if !ssh.program.is_absolute() {
        let message = format!("cannot run {}: it is not on PATH", ssh.program.display());
        return Err(std::io::Error::other(message).into());
    }
    let mut command = Command::new(&ssh.program);
    // Without a terminal nobody can answer a question.
    command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
    if let Some(port) = ssh.port {
        command.args(["-p", &port.to_string()]);
    }
    command.args(["--", &ssh.destination, "docker", "system", "dial-stdio"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let named = |error: std::io::Error| {
        std::io::Error::other(format!("cannot run {}: {error}", ssh.program.display()))
    };
    let mut child = command.spawn().map_err(named)?;
    let (Some(stdin), Some(stdout), Some(mut stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(std::io::Error::other("ssh has no pipes").into());
    };
    let said = tokio::spawn(async move {
        let mut text = Vec::new();
        // Read to the end, so that the program never waits for somebody to read it.
        let _ = stderr.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).trim().to_owned()
    });
    let outcome = exchange(Pipes { _child: child, stdin, stdout }, request).await;
    match outcome {
        // The answer did not come because ssh failed, and ssh has said why.
        Err(error) => {
            let limit = Duration::from_secs(2);
            let said = timeout(limit, said).await.ok().and_then(Result::ok);
            match said.filter(|said| !said.is_empty()) {
                Some(said) => Err(std::io::Error::other(format!("ssh: {said}")).into()),
                None => Err(error),
            }
        }
        answered => answered,
    }
}

/// Both directions of a child process; it ends when they are dropped.
struct Pipes {
    _child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl AsyncRead for Pipes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipes {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stdin).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::Notify;

    use super::*;

    /// How long a question waits, by a clock that the engine moves.
    const PATIENCE: Duration = Duration::from_millis(500);

    /// An engine that says its version only after it was asked whether it is there, if it ever says that. While it says
    /// nothing, twice the time passes for which anybody waits.
    fn slow_engine(socket: &Path, lives: bool) {
        let (listener, pinged) = (UnixListener::bind(socket).unwrap(), Arc::new(Notify::new()));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(answer(client, Arc::clone(&pinged), lives));
            }
        });
    }

    async fn answer(mut client: UnixStream, pinged: Arc<Notify>, lives: bool) {
        let mut head = vec![0; 4096];
        let read = client.read(&mut head).await.unwrap();
        let is_ping = String::from_utf8_lossy(&head[..read]).contains("/_ping");
        let body = if is_ping { "OK" } else { r#"{"Version":"5.8","ApiVersion":"1.41"}"# };
        match (is_ping, lives) {
            (true, true) => pinged.notify_one(),
            (true, false) => {
                tokio::time::advance(2 * PATIENCE).await;
                std::future::pending::<()>().await;
            }
            (false, _) => {
                tokio::time::advance(2 * PATIENCE).await;
                pinged.notified().await;
            }
        }
        let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        client.write_all(text.as_bytes()).await.unwrap();
    }

    async fn asked(lives: bool) -> Result<SystemVersion, Error> {
        let place = tempfile::tempdir().unwrap();
        let socket = place.path().join("engine.sock");
        slow_engine(&socket, lives);
        let host = Host::Unix(socket);
        // The clock stands, however long anything takes here: by itself it leaps only where nobody works on a thread.
        let (done, working) = std::sync::mpsc::channel::<()>();
        let standing = tokio::task::spawn_blocking(move || working.recv().is_err());
        let said = version(&open(&host)?, &host, PATIENCE).await;
        drop(done);
        assert!(standing.await.unwrap());
        said
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_is_there_has_time_to_say_what_it_is() {
        assert_eq!(asked(true).await.unwrap().version.unwrap(), "5.8");
        let silent = asked(false).await.unwrap_err();
        let timed_out =
            matches!(&silent, Error::EngineUnreachable { reason: Unreachable::TimedOut, .. });
        assert!(timed_out, "{silent}");
    }
}
