//! The engines behind a remote store: a directory, or a server that speaks as S3 does. Owns how one is made ready; must not
//! know what is stored.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::address::Address;
use crate::error::{Cause, Error};

/// How servers are reached, and what they are told.
pub struct Reach {
    /// Who sends requests, with the user's certificates, and with the user's proxies or without any; asked only where a
    /// server is meant.
    pub client: Clients,
    /// What the engine's own world says in its own variables: keys, region, endpoint (`AWS_*`).
    pub variables: Vec<Variable>,
    /// How long it may be silent or slow.
    pub patience: Patience,
}

/// Who makes those that send requests.
pub type Clients = Arc<dyn Fn(Proxied) -> Result<reqwest::Client, String> + Send + Sync>;

/// Whether requests take the way that proxies are set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxied {
    /// They do.
    Yes,
    /// They go straight: what gives this machine its keys is beside it, and nobody between is to read them.
    No,
}

/// A variable of an engine's world.
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, which may be secret.
    pub value: String,
}

/// How long a remote store may be silent or slow before it is not asked any more.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For an answer to begin, all tries together.
    pub answer: Duration,
    /// How long it may take to come to the least speed.
    pub window: Duration,
    /// The least that is enough, in bytes a second.
    pub floor: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: Duration::from_secs(20), window: Duration::from_secs(30), floor: 1 << 10 }
    }
}

impl Patience {
    /// The usual, but for a silence that somebody has named.
    pub fn of(silence: Option<Duration>) -> Self {
        let usual = Self::default();
        let answer = silence.unwrap_or(usual.answer);
        Self { answer, window: silence.unwrap_or(usual.window), ..usual }
    }
}

/// An engine, and what names of objects begin with.
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: Path,
}

/// Requests are sent again so many times.
const RETRIES: usize = 2;

impl Engine {
    /// Makes an engine ready; nothing is asked.
    pub(crate) fn open(address: &Address, reach: Reach) -> Result<Self, Error> {
        let failed = |cause| Error {
            act: "use",
            object: "any object".to_owned(),
            remote: address.to_string(),
            cause,
        };
        match address {
            Address::Directory(directory) => {
                let prefix = Path::from_absolute_path(directory);
                let prefix = prefix.map_err(|error| failed(Cause::Engine(error.to_string())))?;
                // What a list names is on the disk before the list is.
                let store = LocalFileSystem::new().with_fsync(true);
                Ok(Self { store: Arc::new(store), prefix })
            }
            Address::Bucket { bucket, prefix } => {
                let known = |name: &str| {
                    let name = name.strip_prefix("AWS_").map(|_| name.to_ascii_lowercase())?;
                    name.parse::<AmazonS3ConfigKey>().ok()
                };
                let mut builder = AmazonS3Builder::new();
                for Variable { name, value } in reach.variables {
                    if is_address(&name) && !is_server(&value) {
                        let words = format!("{name} is no URL of a server: write https://HOST");
                        return Err(failed(Cause::Engine(words)));
                    }
                    if let Some(key) = known(&name) {
                        builder = builder.with_config(key, value);
                    }
                }
                let clients = reach.client;
                let usual = clients(Proxied::Yes).map_err(|words| failed(Cause::Engine(words)))?;
                let ours = Ours { usual, clients, beside: Arc::default() };
                let store = builder
                    .with_bucket_name(bucket)
                    .with_http_connector(ours)
                    .with_retry(retries(reach.patience))
                    .build()
                    .map_err(|error| failed(error.into()))?;
                Ok(Self { store: Arc::new(store), prefix: Path::from(prefix.as_str()) })
            }
        }
    }
}

fn retries(patience: Patience) -> RetryConfig {
    let (first, longest) = (Duration::from_millis(100), Duration::from_secs(2));
    let backoff = BackoffConfig { init_backoff: first, max_backoff: longest, base: 2. };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: patience.answer }
}

/// Whether a variable names a server; the engine ends the program at the first request where it is none.
fn is_address(name: &str) -> bool {
    name.contains("ENDPOINT") || name.ends_with("_FULL_URI")
}

fn is_server(value: &str) -> bool {
    let url = url::Url::parse(value).ok().filter(url::Url::has_host);
    url.is_some_and(|url| ["http", "https"].contains(&url.scheme()))
}

/// Has the engine send its requests as everything else does.
#[derive(Clone)]
struct Ours {
    usual: reqwest::Client,
    clients: Clients,
    /// For what is beside this machine; most have their keys from variables.
    beside: Arc<OnceLock<Result<reqwest::Client, String>>>,
}

impl fmt::Debug for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ours").finish_non_exhaustive()
    }
}

impl HttpConnector for Ours {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Ours {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or_default();
        if !is_beside(host) {
            return self.usual.call(request).await;
        }
        let beside = self.beside.get_or_init(|| (self.clients)(Proxied::No));
        let unusable = |words: &String| {
            HttpError::new(HttpErrorKind::Unknown, std::io::Error::other(words.clone()))
        };
        beside.as_ref().map_err(unusable)?.call(request).await
    }
}

/// Whether a host is an address of the link alone, where instances, containers and pods are given their keys.
fn is_beside(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| match address {
        IpAddr::V4(address) => address.is_link_local(),
        // The services of instances and pods in the one cloud that has them under such addresses.
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0x0ec2]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_keys_is_asked_without_a_proxy() {
        for host in ["169.254.169.254", "169.254.170.2", "[fe80::1]", "[fd00:ec2::254]"] {
            assert!(is_beside(host), "{host}");
        }
        for host in ["127.0.0.1", "10.0.0.1", "sts.example", "[fd00::1]", ""] {
            assert!(!is_beside(host), "{host}");
        }
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused_before_anything_is_asked() {
        let address: Address = "s3://wheels".parse().expect("an address");
        for value in ["minio:9000", "127.0.0.1:18802", "http://bad host", "https://"] {
            let (name, value) = ("AWS_ENDPOINT_URL".to_owned(), value.to_owned());
            let reach = Reach {
                client: Arc::new(|_| Err("nobody is asked".to_owned())),
                variables: vec![Variable { name, value }],
                patience: Patience::default(),
            };
            let error = Engine::open(&address, reach).err().expect("it is refused");
            assert!(error.with_cause().contains("AWS_ENDPOINT_URL is no URL"), "{error:?}");
        }
    }
}
