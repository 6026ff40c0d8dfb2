//! Requirements files that are named by URL: fetched, and kept to be asked for again. Knows nothing of
//! what is in them.

use std::time::SystemTime;

use bytes::Bytes;
use http::{StatusCode, header};
use http_cache_semantics::{AfterResponse, BeforeRequest};
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::safe_url::SafeUrl;
use url::Url;

use crate::cache::{self, Cache, PageHeader};
use crate::client::{Answer, Client, Request};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::fetch_cause::FetchCause;

/// The largest requirements file that is fetched, in bytes.
const LARGEST: usize = 8 << 20;

/// The text of a URL. The server is always asked whether what the cache has still stands; offline, what
/// the cache has is taken.
///
/// # Errors
/// What fetching fails with; [`Error::WebPage`] for an answer that is no text.
pub async fn fetch_text(
    client: &Client,
    cache: &Cache,
    url: &Url,
    logins: &[SafeUrl],
) -> Result<Bytes, Error> {
    let cached = cache.text(url);
    if client.is_offline() {
        return cached.map(|(_, text)| text).ok_or_else(|| Error::Offline { url: url.clone() });
    }
    let mut request = Request::page(url.clone(), LARGEST);
    let mut credentials = Credentials::default();
    credentials.merge(logins);
    if let Some(secret) = credentials.for_url(url) {
        request.headers.insert(header::AUTHORIZATION, secret.authorization());
    }
    let described = described(url);
    if let Some((known, _)) = &cached
        && let BeforeRequest::Stale { request: conditional, .. } =
            known.policy.before_request(&described, SystemTime::now())
    {
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
            if let Some(value) = conditional.headers.get(&name) {
                request.headers.insert(name, value.clone());
            }
        }
    }
    let answer = client.fetch(&request).await?;
    read(cache, url, answer, cached)
}

/// The request as the cache sees it: without credentials, and never content with what is stored.
fn described(url: &Url) -> http::Request<()> {
    let builder = http::Request::get(url.as_str()).header(header::CACHE_CONTROL, "no-cache");
    builder.body(()).unwrap_or_default()
}

fn read(
    cache: &Cache,
    url: &Url,
    answer: Answer,
    cached: Option<(PageHeader, Bytes)>,
) -> Result<Bytes, Error> {
    let mut response = http::Response::new(());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    let now = SystemTime::now();
    match (answer.status, cached) {
        (StatusCode::NOT_MODIFIED, Some((mut known, text))) => {
            known.policy = match known.policy.after_response(&described(url), &response, now) {
                AfterResponse::NotModified(policy, _) | AfterResponse::Modified(policy, _) => {
                    policy
                }
            };
            cache.store_text(url, &known, &text);
            return Ok(text);
        }
        (StatusCode::NOT_MODIFIED, None) => {
            let cause = FetchCause::Unasked.into();
            return Err(Error::Fetch { url: url.clone(), cause, attempts: 1 });
        }
        (status, _) if !status.is_success() => {
            let status = status.as_u16();
            return Err(Error::Status { url: url.clone(), status, attempts: 1 });
        }
        _ => {}
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.map_or(&b""[..], http::HeaderValue::as_bytes).get(..b"text/html".len());
    let html = kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"));
    if html || answer.body.trim_ascii_start().starts_with(b"<") {
        return Err(Error::WebPage { url: url.clone() });
    }
    let policy = cache::policy(&described(url), &response, now);
    if policy.is_storable() {
        let body = Sha256::of(&answer.body);
        cache.store_text(url, &PageHeader { url: answer.url, body, policy }, &answer.body);
    }
    Ok(answer.body)
}
