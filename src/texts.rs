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

use crate::failure::Failure;
use crate::indexes::Indexes;
use crate::settings::Settings;
use crate::transport;

/// What fetching needs.
struct World {
    runtime: Runtime,
    client: Client,
    cache: Cache,
}

/// How requirements files of servers are had; `offline` takes them from the cache alone.
pub(crate) fn texts(settings: &Settings, offline: bool) -> FetchText {
    let (root, python) = (settings.root.clone(), settings.python.clone());
    let settings = settings.of_environment(&settings.env, root, python);
    let world = OnceLock::new();
    FetchText::new(move |url, named| {
        let world = world.get_or_init(|| World::new(&settings, offline));
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
        let words = |failure: Failure| failure.to_string();
        let mut options = transport::client_options(settings).map_err(words)?;
        options.offline |= offline;
        // A file may be on the host of an index; without any index there is still `.netrc`.
        let indexes = Indexes::new(settings, &IndexOptions::default(), None);
        let credentials = match indexes {
            Ok(indexes) => indexes.credentials,
            Err(_no_index) => {
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
