//! A registry that an image is pushed to. Owns the order of a push, and what is tried again.

mod upload;

use std::fmt;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyfast_oci::{Blob, Image, ImageName};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use url::Url;

use crate::access::{Access, Login, bytes};
use crate::address::{addresses, is_here};
use crate::challenge::Challenge;
use crate::error::{Error, after, said};

/// How many times something is tried.
const ATTEMPTS: u32 = 4;
/// How many blobs are on their way at once.
const AT_ONCE: usize = 4;
/// How long an answer may take, where nothing large is sent.
const PATIENCE: Duration = Duration::from_mins(1);
/// By which a registry says what it has kept.
const KEPT: &str = "docker-content-digest";

/// What reaches registries. No redirect is followed by either, which would take an image elsewhere.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Sends what goes to other machines.
    pub client: Client,
    /// Sends what stays on this one, by no proxy.
    pub near: Client,
    /// How to log in at the registry.
    pub login: Option<Login>,
}

/// What happens while an image is pushed.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// The registry has a blob already.
    There(&'a Blob),
    /// The registry takes a blob over from another repository of its own.
    Mounted(&'a Blob),
    /// A blob was sent.
    Sent(&'a Blob),
    /// Something failed and is tried again after a while.
    Again {
        /// Why it failed.
        reason: String,
        /// The while.
        pause: Duration,
    },
}

/// What came of a push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    /// How many blobs were sent.
    pub sent: usize,
    /// How many bytes those have.
    pub bytes: u64,
    /// How many the registry took over from another repository.
    pub mounted: usize,
    /// How many it had.
    pub there: usize,
}

/// A registry that takes images of one repository.
pub struct Registry {
    reach: Reach,
    access: Access,
    /// Where its API is.
    api: Url,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("api", &self.api.as_str()).finish_non_exhaustive()
    }
}

impl Registry {
    /// Finds the registry of a name, and logs in: what cannot be pushed later is known now, as far as a registry tells. The
    /// layers of `base`, where it has that in another repository, are taken over from there.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::NotARegistry`], [`Error::Denied`], and those of whoever gives tokens.
    pub async fn open(
        name: &ImageName,
        base: Option<&ImageName>,
        reach: Reach,
    ) -> Result<Self, Error> {
        let sources = base.filter(|base| base.registry == name.registry);
        let sources = sources.map(|base| base.repository.clone());
        let sources = sources.filter(|source| *source != name.repository);
        let (login, sources) = (reach.login.clone(), sources.into_iter().collect());
        let mut access = Access::new(&name.registry, &name.repository, login, sources);
        let mut failure: Option<Error> = None;
        for api in addresses(&name.registry)? {
            let registry = Self { reach: reach.clone(), access, api };
            let greeted = if is_here(&registry.api) {
                // What does not answer on this machine is not there.
                registry.greet().await
            } else {
                registry.again(&|_| (), async || registry.greet().await).await
            };
            let Err(error) = greeted else { return Ok(registry) };
            if !error.is_of_another_scheme() {
                return Err(error);
            }
            // Why nobody answers is the same for both; that what answers is encrypted is known already.
            if !matches!(failure, Some(Error::Unreachable { .. })) {
                failure = Some(error);
            }
            Self { access, .. } = registry;
        }
        let reason = "it has no address".to_owned();
        Err(failure.unwrap_or(Error::Unreachable { registry: name.registry.clone(), reason }))
    }

    /// Asks for the version of the API, which every registry answers, or says whom it does not answer.
    async fn greet(&self) -> Result<(), Error> {
        let answer = self.answer(&|| self.ask(Method::GET, &self.api)).await?;
        let (status, registry) = (answer.status(), self.access.registry.clone());
        if status.is_success() { Ok(()) } else { Err(Error::NotARegistry { registry, status }) }
    }

    /// Pushes an image under the tag of its name: what is missing of it, and what names all of it last.
    ///
    /// # Errors
    /// What the registry refuses, and [`Error::Image`] for bytes that are not what they should be. What was sent by then
    /// stays, without a name.
    pub async fn push(
        &self,
        image: &Image,
        tag: &str,
        events: &dyn Fn(Event<'_>),
    ) -> Result<Pushed, Error> {
        let mut pushed = Pushed::default();
        let mut blobs: Vec<&Blob> =
            image.layers.iter().filter(|layer| is_passed_on(layer)).collect();
        blobs.push(&image.config);
        // The largest first: the last to come decides when all are there. An image may have one twice.
        blobs.sort_by_key(|blob| (std::cmp::Reverse(blob.descriptor.size), blob.descriptor.digest));
        blobs.dedup_by_key(|blob| blob.descriptor.digest);
        let one = |blob| async move {
            let how = self.again(events, async || self.bring(blob).await).await?;
            Ok::<_, Error>((blob, how))
        };
        let mut all = stream::iter(blobs).map(one).buffer_unordered(AT_ONCE);
        while let Some((blob, how)) = all.try_next().await? {
            pushed.count(blob, how);
            events(match how {
                How::There => Event::There(blob),
                How::Mounted => Event::Mounted(blob),
                How::Sent => Event::Sent(blob),
            });
        }
        self.again(events, async || self.name(&image.manifest, tag).await).await?;
        Ok(pushed)
    }

    /// Puts the manifest, by which the registry knows the image.
    async fn name(&self, manifest: &Blob, tag: &str) -> Result<(), Error> {
        let url = self.at(&format!("manifests/{tag}"))?;
        let content = manifest.pieces().collect::<Result<Vec<_>, _>>();
        let content = content.map_err(pyfast_oci::Error::Write)?.concat();
        let kind = &manifest.descriptor.media_type;
        let put = || self.ask(Method::PUT, &url).header(CONTENT_TYPE, kind).body(content.clone());
        let answer = self.answer(&put).await?;
        let answer = self.done(answer, || "keep the image".to_owned()).await?;
        let kept = answer.headers().get(KEPT).and_then(|kept| kept.to_str().ok());
        let expected = manifest.descriptor.digest.to_string();
        match kept.filter(|kept| kept.starts_with("sha256:") && *kept != expected) {
            None => Ok(()),
            Some(kept) => Err(self.access.strange(format!("it keeps {expected} as {kept}"))),
        }
    }

    /// A place below the repository.
    fn at(&self, path: &str) -> Result<Url, Error> {
        let path = format!("{}/{path}", self.access.repository);
        self.api.join(&path).map_err(|error| self.access.strange(error.to_string()))
    }

    /// A request by whoever reaches that place.
    fn ask(&self, method: Method, url: &Url) -> RequestBuilder {
        let client = if is_here(url) { &self.reach.near } else { &self.reach.client };
        client.request(method, url.clone()).timeout(PATIENCE)
    }

    /// Asks the registry itself, with what it wants to be shown.
    async fn answer(&self, request: &dyn Fn() -> RequestBuilder) -> Result<Response, Error> {
        let shown = self.access.shown();
        let answer = self.send(request(), shown.as_ref()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let wanted = Challenge::of(answer.headers());
        let reason = said(&bytes(answer).await.unwrap_or_default());
        let ask = |form: Option<&str>, url: &Url| match form {
            Some(form) => self.ask(Method::POST, url).body(form.to_owned()),
            None => self.ask(Method::GET, url),
        };
        let shown = self.access.renewed(shown.as_ref(), wanted, &self.api, &ask).await?;
        let answer = self.send(request(), Some(&shown)).await?;
        match answer.status() {
            StatusCode::UNAUTHORIZED => Err(self.access.denied(&reason)),
            _ => Ok(answer),
        }
    }

    async fn send(
        &self,
        request: RequestBuilder,
        shown: Option<&HeaderValue>,
    ) -> Result<Response, Error> {
        let request = match shown {
            Some(shown) => request.header(AUTHORIZATION, shown.clone()),
            None => request,
        };
        request.send().await.map_err(|error| self.access.unreachable(&error))
    }

    /// An answer that says that something was done.
    async fn done(
        &self,
        answer: Response,
        act: impl FnOnce() -> String,
    ) -> Result<Response, Error> {
        let (status, after) = (answer.status(), after(answer.headers()));
        if status.is_success() {
            return Ok(answer);
        }
        let reason = said(&bytes(answer).await.unwrap_or_default());
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(self.access.denied(&reason));
        }
        let registry = self.access.registry.clone();
        Err(Error::Refused { registry, act: act(), status, reason, after })
    }

    /// Tries something until it is done, or would only fail again.
    async fn again<T>(
        &self,
        events: &dyn Fn(Event<'_>),
        act: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut attempt = 1;
        loop {
            let failure = match act().await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let pause = failure.pause(attempt).filter(|_| attempt < ATTEMPTS);
            let Some(pause) = pause else { return Err(failure) };
            events(Event::Again { reason: failure.to_string(), pause });
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }
}

/// Whether a layer may be sent to others than those who have it.
fn is_passed_on(layer: &Blob) -> bool {
    let kind = &layer.descriptor.media_type;
    !kind.contains("nondistributable") && !kind.contains("foreign")
}

/// How a blob came to a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    There,
    Mounted,
    Sent,
}

impl Pushed {
    fn count(&mut self, blob: &Blob, how: How) {
        match how {
            How::There => self.there += 1,
            How::Mounted => self.mounted += 1,
            How::Sent => {
                self.sent += 1;
                self.bytes += blob.descriptor.size;
            }
        }
    }
}

#[cfg(test)]
mod tests;
