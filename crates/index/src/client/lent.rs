//! Requests that a library makes by itself, sent as the client sends its own: with the password that a server wants, and
//! by the connections that its host has. Knows nothing of what they are for.

use http::{StatusCode, header};
use reqwest::{Request, Response};
use url::Url;

use super::failure::{Failure, is_passing};
use super::{Client, INSECURE, PAGES};
use crate::error::Error;
use crate::secret::Secret;

impl Client {
    /// Sends a request that has no body, once, and gives the answer as it comes, whatever its status. What is told of a
    /// failure is told of `shown`: the request's own URL may have something in it by which somebody gets in.
    ///
    /// # Errors
    /// [`Error::Offline`], [`Error::Setting`] or [`Error::Fetch`].
    pub async fn lend(&self, request: Request, shown: &Url) -> Result<Response, Error> {
        if self.options.offline {
            return Err(Error::Offline { url: shown.clone() });
        }
        let url = request.url().clone();
        let is_insecure = self.options.tls.insecure_hosts.iter().any(|host| host.is_of(&url));
        let client = self.connection(PAGES + usize::from(is_insecure) * INSECURE)?;
        let failed = |error: &reqwest::Error| {
            let failure = Failure::transport(error);
            failure.by_way_of(|| self.options.proxies.used_for(&url)).into_error(shown, 1)
        };
        let _permit = self.permits.acquire().await;
        let again = request.try_clone();
        let secret = self.credentials.before(&url).await;
        let sent = client.execute(with(request, secret.as_ref())).await;
        let response = sent.map_err(|error| failed(&error))?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // After a redirect to another origin nothing was sent there yet.
        let place = response.url().clone();
        let tried = secret.filter(|_| place.origin() == url.origin());
        match (again, self.credentials.after(&place, tried.as_ref()).await) {
            (Some(mut again), Some(secret)) => {
                *again.url_mut() = place;
                let sent = client.execute(with(again, Some(&secret))).await;
                sent.map_err(|error| failed(&error))
            }
            _ => Ok(response),
        }
    }

    /// Whether something is known by which this URL's server may let somebody in; a keyring is not asked for that.
    pub fn knows_login(&self, url: &Url) -> bool {
        self.credentials.for_url(url).is_some()
    }
}

/// Whether a server that answers so may answer otherwise soon, or another one does.
pub fn is_passing_status(status: u16) -> bool {
    StatusCode::from_u16(status).is_ok_and(is_passing)
}

fn with(mut request: Request, secret: Option<&Secret>) -> Request {
    if let Some(secret) = secret {
        request.headers_mut().insert(header::AUTHORIZATION, secret.authorization());
    }
    request
}
