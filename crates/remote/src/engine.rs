//! The engines behind a remote store: a directory, or a server that speaks as S3 does. Owns how one is made ready; must not
//! know what is stored.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{HttpClient, HttpConnector};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::address::Address;
use crate::error::{Cause, Error};

/// How servers are reached, and what they are told.
pub struct Reach {
    /// Who sends requests, with the user's certificates and proxies; asked only where a server is meant.
    pub client: Box<dyn FnOnce() -> Result<reqwest::Client, String>>,
    /// What the engine's own world says in its own variables: keys, region, endpoint (`AWS_*`).
    pub variables: Vec<Variable>,
    /// How long it may be silent or slow.
    pub patience: Patience,
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
                let client = (reach.client)().map_err(|words| failed(Cause::Engine(words)))?;
                let known = |name: &str| {
                    let name = name.strip_prefix("AWS_").map(|_| name.to_ascii_lowercase())?;
                    name.parse::<AmazonS3ConfigKey>().ok()
                };
                let mut builder = AmazonS3Builder::new();
                for Variable { name, value } in reach.variables {
                    if let Some(key) = known(&name) {
                        builder = builder.with_config(key, value);
                    }
                }
                let store = builder
                    .with_bucket_name(bucket)
                    .with_http_connector(Ours(client))
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

/// Has the engine send its requests as everything else does.
#[derive(Debug)]
struct Ours(reqwest::Client);

impl HttpConnector for Ours {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}
