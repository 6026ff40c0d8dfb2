//! One index: a project's page, from the cache or from the server.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_cache_semantics::{AfterResponse, BeforeRequest};
use pep508_rs::PackageName;
use pyfast_packaging::hash::Sha256;
use url::Url;

use crate::cache::{self, Cache, PageHeader};
use crate::client::{Answer, Client, Request, now};
use crate::error::Error;
use crate::flat;
use crate::joined::joined;
use crate::page::{Listing, Page};
use crate::simple;

/// The largest page that is read, in bytes once decoded.
const LARGEST_PAGE: usize = 256 << 20;

/// What asking for a page gave.
pub enum Found {
    /// It is current.
    Fresh(Page),
    /// It is from the cache, and the server ought to be asked whether it still stands.
    Stale(Page),
    /// The index does not have the project.
    Nothing,
}

/// An index with what is needed to read it.
#[derive(Clone)]
pub struct Index {
    /// Where it is, without credentials.
    pub url: Url,
    /// Its position among the indexes.
    pub number: usize,
    /// Who asks its server.
    pub client: Arc<Client>,
    /// What is known of its pages.
    pub cache: Cache,
}

impl Index {
    /// How its files say whose they are.
    fn listing(&self) -> Listing {
        Listing::Index(self.number)
    }

    /// The page of a project; one from the cache may be stale.
    ///
    /// # Errors
    /// [`Error::Page`], or what fetching fails with.
    pub async fn page(&self, name: &PackageName) -> Result<Found, Error> {
        if self.url.scheme() == "file" {
            return self.local_page(name);
        }
        let cached = self.cache.open_page(&self.url, name.as_ref(), self.listing());
        if let Some((header, page)) = cached {
            let request = self.request(name);
            let fresh = self.client.is_offline()
                || header.policy.before_request(&request, now()).satisfies_without_revalidation();
            return Ok(if fresh { Found::Fresh(page) } else { Found::Stale(page) });
        }
        self.fetch(name, HeaderMap::new(), None).await.map(|(found, _)| found)
    }

    /// The page of an index that is a directory of this machine: `index.html` in the directory of the
    /// project, or else what lies there. It is read anew each time.
    fn local_page(&self, name: &PackageName) -> Result<Found, Error> {
        let url = self.page_url(name);
        let error = |reason: String| Error::Page { url: url.clone(), reason };
        let directory = url.to_file_path().map_err(|()| error("it is no path".to_owned()))?;
        if !directory.is_dir() {
            return Ok(Found::Nothing);
        }
        let page = directory.join("index.html");
        let place = if page.is_file() { page } else { directory };
        let files = flat::read_path(&place).map_err(|source| error(source.to_string()))?;
        let page = Page::decode(&Page::encode(name.as_ref(), files).into(), self.listing());
        Ok(Found::Fresh(page.ok_or_else(|| error("it cannot be encoded".to_owned()))?))
    }

    /// Asks the server whether a cached page still stands; gives the new page where it does not.
    ///
    /// # Errors
    /// As [`Index::page`].
    pub async fn revalidate(&self, name: &PackageName) -> Result<Option<Found>, Error> {
        let cached = self.cache.page(&self.url, name.as_ref());
        let mut headers = HeaderMap::new();
        if let Some((header, _)) = &cached
            && let BeforeRequest::Stale { request, .. } =
                header.policy.before_request(&self.request(name), now())
        {
            for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
                if let Some(value) = request.headers.get(&name) {
                    headers.insert(name, value.clone());
                }
            }
        }
        let (found, same) = self.fetch(name, headers, cached).await?;
        Ok((!same).then_some(found))
    }

    fn page_url(&self, name: &PackageName) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(name.as_ref()).push("");
        }
        url
    }

    fn request(&self, name: &PackageName) -> http::Request<()> {
        let builder = http::Request::get(self.page_url(name).as_str());
        builder.header(header::ACCEPT, simple::ACCEPT).body(()).unwrap_or_default()
    }

    /// Fetches a page; also says whether it is the cached one.
    async fn fetch(
        &self,
        name: &PackageName,
        headers: HeaderMap,
        cached: Option<(PageHeader, Bytes)>,
    ) -> Result<(Found, bool), Error> {
        let mut request =
            Request::page(self.page_url(name), LARGEST_PAGE).header(header::ACCEPT, simple::ACCEPT);
        request.headers.extend(headers);
        let answer = self.client.fetch(&request).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            self.cache.remove_page(&self.url, name.as_ref());
            return Ok((Found::Nothing, cached.is_none()));
        }
        let index = self.clone();
        let name = name.clone();
        // Reading a page of some megabytes would hold up the other connections.
        let work = move || index.read(&name, &answer, cached);
        joined(tokio::task::spawn_blocking(work)).await
    }

    fn read(
        &self,
        name: &PackageName,
        answer: &Answer,
        cached: Option<(PageHeader, Bytes)>,
    ) -> Result<(Found, bool), Error> {
        let request = self.request(name);
        let mut response = http::Response::new(());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers.clone();
        if answer.status == StatusCode::NOT_MODIFIED {
            let Some((mut header, encoded)) = cached else {
                let reason = "the server answered 304 without having been asked".to_owned();
                return Err(Error::Page { url: answer.url.clone(), reason });
            };
            header.policy = match header.policy.after_response(&request, &response, now()) {
                AfterResponse::NotModified(policy, _) | AfterResponse::Modified(policy, _) => {
                    policy
                }
            };
            self.cache.store_page(&self.url, name.as_ref(), &header, &encoded);
            return Ok((Found::Fresh(Page::empty()), true));
        }
        let body = Sha256::of(&answer.body);
        let policy = cache::policy(&request, &response, now());
        let storable = policy.is_storable();
        let header = PageHeader { url: answer.url.clone(), body, policy };
        if let Some((known, encoded)) = cached
            && known.body == body
        {
            self.cache.store_page(&self.url, name.as_ref(), &header, &encoded);
            return Ok((Found::Fresh(Page::empty()), true));
        }
        let encoded = Bytes::from(Page::encode(name.as_ref(), simple::read_files(answer)?));
        if storable {
            self.cache.store_page(&self.url, name.as_ref(), &header, &encoded);
        }
        let page = Page::decode(&encoded, self.listing()).ok_or_else(|| Error::Page {
            url: answer.url.clone(),
            reason: "it cannot be encoded".to_owned(),
        })?;
        Ok((Found::Fresh(page), false))
    }
}
