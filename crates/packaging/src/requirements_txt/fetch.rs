//! How files of servers are had: by a function of the caller's. Opens no connection.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::error::Unfetched;
use crate::safe_url::SafeUrl;

type Fetch = dyn Fn(&Url, &[SafeUrl]) -> Result<Bytes, Unfetched> + Send + Sync;

/// How the text of a URL is had, given the users and passwords that the files themselves name.
#[derive(Clone)]
pub struct FetchText(Arc<Fetch>);

impl FetchText {
    /// Texts come from `fetch`.
    pub fn new(
        fetch: impl Fn(&Url, &[SafeUrl]) -> Result<Bytes, Unfetched> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(fetch))
    }

    pub(super) fn text(&self, url: &Url, logins: &[SafeUrl]) -> Result<Bytes, Unfetched> {
        (self.0)(url, logins)
    }
}

impl fmt::Debug for FetchText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FetchText")
    }
}
