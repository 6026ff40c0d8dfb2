//! Requirements files that are named by URL, fetched with the settings' credentials, certificates and
//! cache. Nothing is opened before the first of them is needed.

use std::sync::OnceLock;

use bytes::Bytes;
use pyfast_index::cache::Cache;
use pyfast_index::client::Client;
use pyfast_index::credentials::Credentials;
use pyfast_index::text_remote::fetch_text;
use pyfast_packaging::requirements_txt::{FetchText, IndexOptions};
use pyfast_packaging::safe_url::SafeUrl;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::error::Error;
use crate::indexes::Indexes;
use crate::settings::Settings;
use crate::transport::{self, Doubt, doubts};

/// What fetching needs.
struct World {
    runtime: Runtime,
    client: Client,
    cache: Cache,
}

/// How requirements files of servers are had; `offline` takes them from the cache alone. `doubt` is told what the
/// user should know once a server is reached.
pub fn texts(
    settings: &Settings,
    offline: bool,
    doubt: impl Fn(Doubt) + Send + Sync + 'static,
) -> FetchText {
    let settings = settings.clone();
    let world = OnceLock::new();
    FetchText::new(move |url, named| {
        let world = world.get_or_init(|| {
            doubts(&settings).into_iter().for_each(&doubt);
            World::new(&settings, offline)
        });
        match world {
            Ok(world) => Ok(world.fetch(url, named)?),
            Err(reason) => Err(pyfast_packaging::Error::Setting(reason.clone()).into()),
        }
    })
}

impl World {
    fn new(settings: &Settings, offline: bool) -> Result<Self, String> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
        let words = |error: Error| error.to_string();
        let mut options = transport::client_options(settings).map_err(words)?;
        options.offline |= offline;
        // A file may be on the host of an index; without any index there is still `.netrc`.
        let indexes = Indexes::new(settings, &IndexOptions::default(), None);
        let credentials = match indexes {
            Ok(indexes) => indexes.credentials,
            Err(_unusable) => {
                Credentials::new(transport::credential_sources(settings).map_err(words)?)
            }
        };
        let cache = settings.cache_directory().ok();
        Ok(Self { runtime, client: Client::new(options, credentials), cache: Cache::new(cache) })
    }

    fn fetch(&self, url: &Url, named: &[SafeUrl]) -> Result<Bytes, pyfast_index::Error> {
        // On a thread of its own: the caller's may already drive another runtime.
        std::thread::scope(|scope| {
            let work = || self.runtime.block_on(fetch_text(&self.client, &self.cache, url, named));
            match scope.spawn(work).join() {
                Ok(answer) => answer,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}
