//! Requests to the index behind the mirror. Knows nothing of what is kept.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING};
use serde_json::Value;
use url::Url;

use super::Error;
use crate::tool::bare_url;

/// The media type of the Simple API's JSON form (<https://packaging.python.org/en/latest/specifications/simple-repository-api/>).
pub(crate) const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// The index behind the mirror.
#[derive(Debug)]
pub(crate) struct Upstream {
    index: Url,
    client: Client,
}

impl Upstream {
    pub(crate) fn new(index: Url) -> Result<Self, Error> {
        // Someone else in the process may have chosen already; that choice is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_mins(1))
            .build()
            .map_err(Error::Client)?;
        Ok(Self { index, client })
    }

    /// The URL of the index, to tell mirrors of different ones apart.
    pub(crate) fn index(&self) -> &Url {
        &self.index
    }

    /// A project's page with absolute URLs of the files, or `None` when the index has no such project.
    pub(crate) async fn page(&self, project: &str) -> Result<Option<Value>, Error> {
        let url = self
            .index
            .join(&format!("{project}/"))
            .map_err(|source| Error::Index { index: bare_url(self.index.clone()), source })?;
        let request = self.client.get(url.clone()).header(ACCEPT, JSON);
        let response = request.send().await.map_err(|source| failed(&url, source))?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let base = response.url().clone();
        let response = checked(&url, response)?;
        let body = response.bytes().await.map_err(|source| failed(&url, source))?;
        let Ok(Value::Object(mut page)) = serde_json::from_slice::<Value>(&body) else {
            return Err(Error::NoJson { url: bare_url(url.clone()).into() });
        };
        let files = page.get_mut("files").and_then(Value::as_array_mut);
        for file in files.ok_or_else(|| Error::NoJson { url: bare_url(url.clone()).into() })? {
            let absolute = file["url"].as_str().and_then(|relative| base.join(relative).ok());
            file["url"] = absolute.map_or(Value::Null, |absolute| absolute.to_string().into());
        }
        Ok(Some(Value::Object(page)))
    }

    /// What is at `url`.
    pub(crate) async fn file(&self, url: &Url) -> Result<Bytes, Error> {
        let mut tries = 0;
        loop {
            match self.file_once(url).await {
                Err(Error::Fetch { .. }) if tries < 3 => tries += 1,
                other => return other,
            }
        }
    }

    async fn file_once(&self, url: &Url) -> Result<Bytes, Error> {
        let request = self.client.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        let response = request.send().await.map_err(|source| failed(url, source))?;
        checked(url, response)?.bytes().await.map_err(|source| failed(url, source))
    }
}

fn checked(url: &Url, response: reqwest::Response) -> Result<reqwest::Response, Error> {
    let status = response.status();
    if status.is_success() {
        Ok(response)
    } else {
        Err(Error::Status { url: bare_url(url.clone()).into(), status: status.as_u16() })
    }
}

fn failed(url: &Url, source: reqwest::Error) -> Error {
    Error::Fetch { url: bare_url(url.clone()).into(), source: source.without_url() }
}
