//! HTTP: one place for TLS, time-outs, retries, credentials and limits. Knows nothing of what it fetches.

mod body;
mod failure;
mod lent;

use std::ffi::{OsStr, OsString};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::redirect;
use tokio::sync::{Semaphore, mpsc};
use url::Url;

use crate::credentials::Credentials;
use crate::dns::Dns;
use crate::error::Error;
use crate::proxies::Proxies;
use crate::secret::Secret;
use crate::tls;
use body::Course;
use failure::{Failure, innermost, retry_after};
use pyfast_packaging::safe_url::redact;

pub(crate) use body::content_range;
pub use lent::is_passing_status;

/// Attempts for one request, the first included.
const ATTEMPTS: u32 = 5;
/// The longest that a `Retry-After` is obeyed, in all.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// No further attempt is made after this.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest distribution that is read without knowing its size.
pub const LARGEST_FILE: usize = 4 << 30;
/// Requests under way at once.
const CONCURRENCY: usize = 64;

/// How to reach servers.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// Whom to trust, and what to show.
    pub tls: tls::Options,
    /// By which proxies.
    pub proxies: Proxies,
    /// How long a server may be silent; `None`: as long as is usual.
    pub patience: Option<Duration>,
    /// How many times a request is sent again; `None`: as many as is usual.
    pub retries: Option<u32>,
    /// Never use the network.
    pub offline: bool,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// Where programs such as git are looked for, as `PATH` has it; `None`: as this process would.
    pub search_path: Option<OsString>,
}

/// The number of the connections for pages; those for files come next.
const PAGES: usize = 0;
/// From here on certificates are not checked.
const INSECURE: usize = 2;

/// A client for index pages, metadata and files, shared by everything in one run.
pub struct Client {
    options: ClientOptions,
    credentials: Credentials,
    /// Pages and files have connections of their own, so that they are decrypted side by side; and so
    /// have hosts whose certificates are not checked.
    connections: [OnceLock<reqwest::Client>; 2 * INSECURE],
    permits: Semaphore,
    told: Option<Box<TellClone>>,
}

/// What is told of a repository that is fetched from its server, which may take long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloning {
    /// Its server is asked.
    Begins,
    /// It has answered, or failed.
    Ended,
}

/// Who is told of repositories.
type TellClone = dyn Fn(&Url, Cloning) + Send + Sync;

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to get.
    pub url: Url,
    /// Headers besides the client's own.
    pub headers: HeaderMap,
    /// The most bytes a body may have once decoded.
    pub limit: usize,
    /// Whether this is a wheel or source distribution, which must come as it is stored.
    pub file: bool,
    /// Where to count the bytes of the body that came; begun anew with each attempt.
    pub received: Option<Arc<AtomicU64>>,
    /// Bytes of the body that are at hand; `None` where it is never gone on with in its middle.
    pub have: Option<u64>,
}

/// One answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// 2xx, 304, 404, 410 or 416; other codes are errors.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, decoded.
    pub body: Bytes,
    /// The URL after redirects.
    pub url: Url,
}

/// A part of a body, for who takes it piece by piece.
#[derive(Debug)]
pub enum Piece {
    /// A body begins. What came before was of an attempt that failed.
    Begin,
    /// It goes on after the bytes that are at hand.
    GoesOn,
    /// Its next bytes.
    Data(Bytes),
}

impl Request {
    /// A request for an index page or another text.
    pub fn page(url: Url, limit: usize) -> Self {
        Self { url, headers: HeaderMap::new(), limit, file: false, received: None, have: None }
    }

    /// A request for a distribution.
    pub fn file(url: Url, limit: usize) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Self { url, headers, limit, file: true, received: None, have: None }
    }

    /// Counts the bytes that come.
    #[must_use]
    pub fn counted(self, received: Arc<AtomicU64>) -> Self {
        Self { received: Some(received), ..self }
    }

    /// Goes on where the body breaks off, where the server gives ranges, `have` bytes of it being at hand. Whoever takes
    /// the pieces must check the digest of all in the end.
    #[must_use]
    pub fn resuming(self, have: u64) -> Self {
        Self { have: Some(have), ..self }
    }

    /// Adds a header; a value that cannot be one is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

impl Client {
    /// A client; nothing is opened or read before the first request.
    pub fn new(options: ClientOptions, credentials: Credentials) -> Self {
        Self {
            options,
            credentials,
            connections: Default::default(),
            permits: Semaphore::new(CONCURRENCY),
            told: None,
        }
    }

    /// Has somebody told of repositories that are fetched.
    #[must_use]
    pub fn telling(mut self, told: impl Fn(&Url, Cloning) + Send + Sync + 'static) -> Self {
        self.told = Some(Box::new(told));
        self
    }

    pub(crate) fn tell(&self, url: &Url, event: Cloning) {
        if let Some(told) = &self.told {
            told(url, event);
        }
    }

    /// What is known of users and passwords.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// By which proxies servers are reached.
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.options.proxies
    }

    /// Where programs are looked for.
    pub(crate) fn search_path(&self) -> Option<&OsStr> {
        self.options.search_path.as_deref()
    }

    /// Whether the network is not to be used.
    pub fn is_offline(&self) -> bool {
        self.options.offline
    }

    /// What reaches servers as this client does, for a library that sends requests of its own; it knows no passwords, and
    /// every certificate counts: which host is asked is not known here.
    ///
    /// # Errors
    /// [`Error::Setting`] where a file that settings name cannot be used.
    pub fn transport(&self) -> Result<reqwest::Client, Error> {
        Ok(self.connection(PAGES)?.clone())
    }

    /// What sends the requests of an object store's engine, which signs them with keys of its own: no redirect is
    /// followed, which would take them elsewhere; bytes come as they are; and how long a body may take, either way, is
    /// for the engine to say. With the user's proxies, or past them.
    ///
    /// # Errors
    /// [`Error::Setting`] where a file that settings name cannot be used.
    pub fn engine(&self, proxied: bool) -> Result<reqwest::Client, Error> {
        let builder = self.builder(false)?.redirect(redirect::Policy::none()).no_gzip();
        let builder = if proxied { builder } else { builder.no_proxy() };
        builder.build().map_err(|error| unusable(&error))
    }

    /// Sends a request and reads the answer, again where that may help.
    ///
    /// # Errors
    /// [`Error::Offline`], [`Error::Fetch`] or [`Error::Status`].
    pub async fn fetch(&self, request: &Request) -> Result<Answer, Error> {
        self.fetch_to(request, None).await
    }

    /// The same, where the body of an answer that succeeds goes to `pieces`; the answer itself has none.
    ///
    /// # Errors
    /// As [`Client::fetch`], and if nobody takes the pieces any more.
    pub async fn fetch_pieces(
        &self,
        request: &Request,
        pieces: &mpsc::Sender<Piece>,
    ) -> Result<Answer, Error> {
        self.fetch_to(request, Some(pieces)).await
    }

    async fn fetch_to(
        &self,
        request: &Request,
        pieces: Option<&mpsc::Sender<Piece>>,
    ) -> Result<Answer, Error> {
        if self.options.offline {
            return Err(Error::Offline { url: request.url.clone() });
        }
        let client = self.client(request)?;
        let attempts = self.options.retries.map_or(ATTEMPTS, |retries| retries.saturating_add(1));
        let _permit = self.permits.acquire().await;
        let mut started = Instant::now();
        let mut waited = Duration::ZERO;
        let mut attempt = 1;
        let mut course = Course::new(request, pieces);
        loop {
            let failure = match self.attempt(client, request, &mut course).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure.by_way_of(|| self.options.proxies.used_for(&request.url)),
            };
            if course.came_further() {
                (started, waited, attempt) = (Instant::now(), Duration::ZERO, 1);
            }
            let pause = failure.pause(attempt);
            // A server that says nothing is not asked for ever: each silence is long in itself.
            let patient = started.elapsed().saturating_sub(waited) < PATIENCE;
            let pause = pause.filter(|pause| patient && waited + *pause <= LONGEST_WAIT);
            let Some(pause) = pause else {
                return Err(failure.into_error(&request.url, attempt));
            };
            if attempt == attempts {
                return Err(failure.into_error(&request.url, attempt));
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        client: &reqwest::Client,
        request: &Request,
        course: &mut Course<'_>,
    ) -> Result<Answer, Failure> {
        loop {
            let mut response = self.answered(client, &course.asks(request)).await?;
            if course.is_refused(response.status(), response.headers()) {
                response = self.answered(client, &course.asks(request)).await?;
            }
            let status = response.status();
            let usable = status.is_success()
                || matches!(
                    status,
                    StatusCode::NOT_MODIFIED
                        | StatusCode::NOT_FOUND
                        | StatusCode::GONE
                        | StatusCode::RANGE_NOT_SATISFIABLE
                );
            if !usable {
                let asked = response.headers().get(header::RETRY_AFTER);
                let retry_after = asked.and_then(|value| retry_after(value, now()));
                return Err(Failure::Status { status, retry_after });
            }
            let headers = response.headers().clone();
            let url = response.url().clone();
            let complete = course.is_complete(status, &headers);
            let status = if complete { StatusCode::PARTIAL_CONTENT } else { status };
            let body = course.read(response, request).await?;
            if !course.is_unfinished() {
                return Ok(Answer { status, headers, body, url });
            }
        }
    }

    /// The answer to a request, with the password that its server wants.
    async fn answered(
        &self,
        client: &reqwest::Client,
        request: &Request,
    ) -> Result<reqwest::Response, Failure> {
        // What the request brings itself is what the user wrote beside its URL.
        let secret = if request.headers.contains_key(header::AUTHORIZATION) {
            None
        } else {
            self.credentials.before(&request.url).await
        };
        let response = send(client, request, &request.url, secret.as_ref()).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            // After a redirect to another origin nothing was sent there yet.
            let url = response.url().clone();
            let tried = secret.filter(|_| url.origin() == request.url.origin());
            if let Some(secret) = self.credentials.after(&url, tried.as_ref()).await {
                return send(client, request, &url, Some(&secret)).await;
            }
        }
        Ok(response)
    }

    fn client(&self, request: &Request) -> Result<&reqwest::Client, Error> {
        let insecure = self.options.tls.insecure_hosts.iter().any(|host| host.is_of(&request.url));
        self.connection(usize::from(request.file) + usize::from(insecure) * INSECURE)
    }

    fn connection(&self, number: usize) -> Result<&reqwest::Client, Error> {
        let (slot, insecure) = (&self.connections[number], number >= INSECURE);
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.build(insecure)?;
        Ok(slot.get_or_init(|| client))
    }

    fn build(&self, insecure: bool) -> Result<reqwest::Client, Error> {
        let builder = self.builder(insecure)?;
        let builder = builder.redirect(redirect::Policy::custom(follow));
        builder.read_timeout(self.patience(20)).build().map_err(|error| unusable(&error))
    }

    fn builder(&self, insecure: bool) -> Result<reqwest::ClientBuilder, Error> {
        let mut tls = tls::client_config(&self.options.tls, insecure)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let builder = self.options.proxies.of(reqwest::Client::builder());
        let builder = builder.map_err(|error| unusable(&error))?;
        Ok(builder
            .tls_backend_preconfigured(tls)
            .dns_resolver(Dns::default())
            .user_agent(&self.options.user_agent)
            .referer(false)
            .connect_timeout(self.patience(10))
            .http2_initial_stream_window_size(4 << 20)
            .http2_initial_connection_window_size(16 << 20))
    }

    fn patience(&self, usual: u64) -> Duration {
        self.options.patience.unwrap_or(Duration::from_secs(usual))
    }
}

fn unusable(error: &reqwest::Error) -> Error {
    Error::Setting(format!("cannot set up HTTP: {}", redact(&innermost(error))))
}

/// Sends a request to a URL, its own or one it was redirected to.
async fn send(
    client: &reqwest::Client,
    request: &Request,
    url: &Url,
    secret: Option<&Secret>,
) -> Result<reqwest::Response, Failure> {
    let sent = client.get(url.clone()).headers(headers(request, url, secret));
    sent.send().await.map_err(|error| Failure::transport(&error))
}

/// The headers of a request to a URL. Its own password is for its own origin, and gives way to another.
fn headers(request: &Request, url: &Url, secret: Option<&Secret>) -> HeaderMap {
    let mut headers = request.headers.clone();
    if let Some(secret) = secret {
        headers.insert(header::AUTHORIZATION, secret.authorization());
    } else if url.origin() != request.url.origin() {
        headers.remove(header::AUTHORIZATION);
    }
    headers
}

/// Follows redirects, but never from TLS to plain HTTP. Credentials do not follow to another origin
/// (reqwest removes them).
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from_tls = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if from_tls && attempt.url().scheme() != "https" {
        let refused = format!("it redirects from https to plain {}", attempt.url().scheme());
        return attempt.error(refused);
    }
    if attempt.previous().len() > 10 {
        return attempt.error("it redirects more than 10 times");
    }
    attempt.follow()
}

/// The current time for cache decisions; one place, so that tests of them can pass their own.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_of_a_request_stays_at_its_origin_and_stands_alone() {
        let url = |text: &str| Url::parse(text).expect("a URL");
        let request = Request::page(url("https://h.test/r.txt"), 1);
        let request = request.header(header::AUTHORIZATION, "Basic x");
        let secret = Secret { user: "u".to_owned(), password: None };
        let check = |to: &str, secret: Option<&Secret>, expected: Option<&str>| {
            let headers = headers(&request, &url(to), secret);
            let sent: Vec<_> = headers.get_all(header::AUTHORIZATION).iter().collect();
            assert_eq!(sent, expected.iter().collect::<Vec<_>>(), "{to}");
        };
        let (own, others) = (Some("Basic x"), Some("Basic dTo="));
        check("https://h.test/r.txt", None, own);
        check("https://h.test/elsewhere.txt", None, own);
        check("https://h.test/r.txt", Some(&secret), others);
        check("https://other.test/r.txt", None, None);
        check("https://other.test/r.txt", Some(&secret), others);
        check("https://h.test:444/r.txt", Some(&secret), others);
    }
}
