//! An engine that answers just enough, on whatever stream, and records its requests. Knows nothing of what is tested.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query, without the version of the API.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

/// An engine; its listeners end with the test's runtime.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fake {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Listens on a socket in the file system.
    pub(crate) fn on_socket(path: &Path) -> Self {
        let fake = Self::default();
        let (listener, engine) = (UnixListener::bind(path).unwrap(), fake.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(engine.clone().serve(stream));
            }
        });
        fake
    }

    /// Listens on loopback, with TLS; the address as `host:port`.
    pub(crate) async fn on_tls(acceptor: TlsAcceptor) -> (Self, String) {
        let fake = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let engine = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(engine.clone().serve_tls(acceptor.clone(), stream));
            }
        });
        (fake, address)
    }

    async fn serve_tls(self, acceptor: TlsAcceptor, stream: TcpStream) {
        match acceptor.accept(stream).into_fallible().await {
            Ok(stream) => self.serve(stream).await,
            // Read to the end: closing before that would reset the connection, and the client not read why.
            Err((_refused, mut stream)) => {
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            }
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let service = service_fn(move |request: http::Request<Incoming>| {
            let answer = self.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        // A client may leave whenever it likes.
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    fn answer(&self, request: &http::Request<Incoming>) -> Response<Full<Bytes>> {
        let whole = request.uri().path_and_query().unwrap().as_str();
        let path = match whole.strip_prefix("/v").and_then(|rest| rest.split_once('/')) {
            Some((version, rest)) if version.contains('.') => format!("/{rest}"),
            _ => whole.to_owned(),
        };
        let (status, body) = match path.split('?').next().unwrap_or_default() {
            "/version" => (
                StatusCode::OK,
                r#"{"Version":"24.0.7","ApiVersion":"1.43","Os":"linux","Arch":"amd64"}"#,
            ),
            "/images/create" => {
                (StatusCode::OK, "{\"status\":\"Pulling\"}\n{\"status\":\"Done\"}\n")
            }
            _ => (StatusCode::NOT_FOUND, r#"{"message":"no such thing"}"#),
        };
        let (method, headers) = (request.method().clone(), request.headers().clone());
        self.seen.lock().unwrap().push(Seen { method, path, headers });
        let answer = Response::builder().status(status).header("content-type", "application/json");
        answer.body(Full::from(body)).unwrap()
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Method and path of each request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.seen().iter().map(|one| format!("{} {}", one.method, one.path)).collect()
    }
}
