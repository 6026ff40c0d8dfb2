//! A small caching index on the loopback that answers as a good index does: JSON and HTML pages with an entity tag and `max-age`, metadata files,
//! ranges, files that never change; with a latency and a bandwidth of choice. What it has fetched once stays as it was, so that all
//! runs see the same index. Knows nothing of the tools that ask it.

mod answer;
mod page;
mod shelf;
mod throttle;
mod upstream;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use url::Url;

use answer::Service;
pub(crate) use page::hex;
use shelf::Shelf;
use throttle::Throttle;
use upstream::Upstream;

use crate::corpus::Distributions;

/// What a mirror stands for and how it behaves.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The index that is mirrored: the URL that the projects' pages are below. It must have the JSON form of the Simple API.
    pub(crate) index: String,
    /// Where what was fetched is kept.
    pub(crate) directory: PathBuf,
    /// Waited before each answer.
    pub(crate) latency: Duration,
    /// Bits each second over all connections; `None` is no limit.
    pub(crate) bandwidth: Option<f64>,
}

/// What can go wrong in a mirror.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The index is not named by a URL.
    #[error("{index:?} is not the URL of an index")]
    Index {
        /// What was given.
        index: String,
        /// The cause.
        #[source]
        source: url::ParseError,
    },
    /// No thread, socket or directory for the mirror.
    #[error("cannot {act}")]
    Start {
        /// What was being done.
        act: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The index behind the mirror cannot be asked at all.
    #[error("cannot prepare requests to the index")]
    Client(#[source] reqwest::Error),
    /// The index behind the mirror did not answer.
    #[error("cannot fetch {url}")]
    Fetch {
        /// What was asked for, without credentials.
        url: Box<str>,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The index behind the mirror refused.
    #[error("the index answered {status} for {url}")]
    Status {
        /// What was asked for, without credentials.
        url: Box<str>,
        /// The status code.
        status: u16,
    },
    /// The index behind the mirror answered in a form that is not the JSON of the Simple API.
    #[error("the index has no JSON page at {url}")]
    NoJson {
        /// What was asked for, without credentials.
        url: Box<str>,
    },
    /// A file is not what the page says.
    #[error("{filename} has sha256 {found}, but the index says {expected}")]
    Hash {
        /// The file.
        filename: String,
        /// What the page says.
        expected: String,
        /// What came.
        found: String,
    },
    /// A wheel without readable metadata.
    #[error("{filename} has no metadata")]
    Wheel {
        /// The file.
        filename: String,
    },
    /// The mirror's own directory.
    #[error("cannot keep what was fetched")]
    Keep(#[source] io::Error),
}

/// A running mirror; ends when it is dropped.
pub(crate) struct Mirror {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Mirror {
    /// Starts a mirror on a free port of the loopback, which has distributions of its own besides.
    ///
    /// # Errors
    /// When the URL, the directory or the socket are no good. The index itself is asked only when a tool asks.
    pub(crate) fn start(config: &Config, own: Option<&Distributions>) -> Result<Self, Error> {
        let parsed = Url::parse(&config.index);
        let mut index =
            parsed.map_err(|source| Error::Index { index: config.index.clone(), source })?;
        if !index.path().ends_with('/') {
            index.set_path(&format!("{}/", index.path()));
        }
        let shelf = Shelf::open(&config.directory, Upstream::new(index)?)?;
        if let Some(Distributions { directory, made, .. }) = own {
            made.iter().try_for_each(|made| shelf.take_in(made, directory))?;
        }
        let service = Arc::new(Service {
            shelf,
            latency: config.latency,
            throttle: Arc::new(Throttle::new(config.bandwidth.map(|bits| bits / 8.0))),
        });
        // Two threads: one core of a small machine at most is taken from the tool that is measured.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("mirror")
            .enable_all()
            .build()
            .map_err(|source| Error::Start { act: "start threads", source })?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .map_err(|source| Error::Start { act: "listen on the loopback", source })?;
        let address = listener
            .local_addr()
            .map_err(|source| Error::Start { act: "listen on the loopback", source })?;
        runtime.spawn(accept(listener, service));
        Ok(Self { address, runtime: Some(runtime) })
    }

    /// The URL to give to a tool as its index.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/simple/", self.address)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: others must close first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let service = Arc::clone(&service);
                async move {
                    Ok::<_, std::convert::Infallible>(answer::answer(&service, &request).await)
                }
            });
            // A client that goes away in the middle of an answer is its own affair.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

#[cfg(test)]
pub(crate) mod tests;
