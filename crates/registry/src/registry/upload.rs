//! One blob on its way to a registry. Owns that nothing is sent that is there or can be taken over, and that what a registry is
//! shown is shown to nobody else.
//!
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs>

use std::io;
use std::time::Duration;

use futures_util::stream;
use pyfast_oci::Blob;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, Response, StatusCode};
use url::Url;

use super::{How, PATIENCE, Registry};
use crate::error::Error;

/// Where uploads begin.
const UPLOADS: &str = "blobs/uploads/";
/// Bytes in a second, of which a line has more.
const SLOWEST: u64 = 20_000;

/// How an upload begins.
enum Begun {
    /// It ends there: the registry has taken the blob over.
    Mounted,
    /// The bytes go there.
    At(Url),
}

impl Registry {
    /// Has a blob be there.
    pub(super) async fn bring(&self, blob: &Blob) -> Result<How, Error> {
        if self.has(blob).await? {
            return Ok(How::There);
        }
        match self.begin(blob).await? {
            Begun::Mounted => Ok(How::Mounted),
            Begun::At(place) => self.fill(place, blob).await.map(|()| How::Sent),
        }
    }

    async fn has(&self, blob: &Blob) -> Result<bool, Error> {
        let digest = blob.descriptor.digest;
        let url = self.at(&format!("blobs/{digest}"))?;
        let answer = self.answer(&|| self.ask(Method::HEAD, &url)).await?;
        match answer.status() {
            // One that keeps its blobs elsewhere says where.
            status if status.is_success() || status.is_redirection() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => self.done(answer, || format!("say whether it has {digest}")).await.map(|_| true),
        }
    }

    async fn begin(&self, blob: &Blob) -> Result<Begun, Error> {
        let digest = blob.descriptor.digest.to_string();
        for source in self.access.sources() {
            let mut url = self.at(UPLOADS)?;
            url.query_pairs_mut().append_pair("mount", &digest).append_pair("from", source);
            match self.answer(&|| self.ask(Method::POST, &url).body("")).await {
                Ok(answer) if answer.status() == StatusCode::CREATED => return Ok(Begun::Mounted),
                Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                    return self.place(&answer).map(Begun::At);
                }
                Ok(_) => {}
                // Who may not read the one repository may write the other: what is asked next tells.
                Err(Error::Denied { .. }) => self.access.close_sources(),
                Err(error) => return Err(error),
            }
        }
        let url = self.at(UPLOADS)?;
        let answer = self.answer(&|| self.ask(Method::POST, &url).body("")).await?;
        let answer = self.done(answer, || format!("begin to take {digest}")).await?;
        self.place(&answer).map(Begun::At)
    }

    /// Where an upload goes on.
    fn place(&self, answer: &Response) -> Result<Url, Error> {
        let location = answer.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let place = location.and_then(|place| answer.url().join(place).ok());
        let place = place
            .ok_or_else(|| self.access.strange("it says nowhere to send a layer to".to_owned()))?;
        self.access.checked(place, "a layer", &self.api)
    }

    /// Sends the bytes, all at once.
    async fn fill(&self, mut place: Url, blob: &Blob) -> Result<(), Error> {
        let (digest, size) = (blob.descriptor.digest, blob.descriptor.size);
        place.query_pairs_mut().append_pair("digest", &digest.to_string());
        let limit = PATIENCE + Duration::from_secs(size / SLOWEST);
        let put = || {
            let put = self.ask(Method::PUT, &place).timeout(limit).header(CONTENT_LENGTH, size);
            let body = Body::wrap_stream(stream::iter(blob.pieces()));
            put.header(CONTENT_TYPE, "application/octet-stream").body(body)
        };
        let is_own = place.origin() == self.api.origin();
        let answer = if is_own { self.answer(&put).await } else { self.send(put(), None).await };
        let answer = match answer {
            // It breaks off too where the bytes are not those of the digest.
            Err(error @ Error::Unreachable { .. }) => {
                blob.copy_to(&mut io::sink())?;
                return Err(error);
            }
            answer => answer?,
        };
        self.done(answer, || format!("keep {digest}")).await.map(drop)
    }
}
