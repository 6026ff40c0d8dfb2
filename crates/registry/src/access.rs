//! What a registry is shown by who asks: nothing, a password, or a token that is fetched for it. Owns to whom a password is
//! sent; nothing here is ever shown.
//!
//! <https://distribution.github.io/distribution/spec/auth/token/>, and for tokens of identity
//! <https://distribution.github.io/distribution/spec/auth/oauth/>

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::address::may_follow;
use crate::challenge::Challenge;
use crate::error::{Error, after, said};

/// What is asked for tokens is told who asks.
const CLIENT: &str = "pyfast";
/// The most that an answer with a token has, in bytes.
const LIMIT: u64 = 1 << 20;

/// A login at a registry.
#[derive(Clone, Default)]
pub struct Login {
    /// The user.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// What stands for both, and is exchanged for a token.
    pub identity_token: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl Login {
    fn basic(&self) -> Option<HeaderValue> {
        let (user, password) = (self.username.as_deref()?, self.password.as_deref()?);
        sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }
}

/// A header that no log shows.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// How somebody else is asked for a token: with a form, or without.
type Ask<'a> = &'a dyn Fn(Option<&str>, &Url) -> RequestBuilder;

/// Who may be shown what at one registry.
pub(crate) struct Access {
    pub(crate) registry: String,
    pub(crate) repository: String,
    pub(crate) login: Option<Login>,
    /// Repositories that layers are taken over from.
    sources: Vec<String>,
    /// Whether those may not be read.
    closed: AtomicBool,
    shown: Mutex<Option<HeaderValue>>,
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    token: String,
    /// The same, where it is called as elsewhere; some call it by both names.
    #[serde(default)]
    access_token: String,
}

impl Access {
    pub(crate) fn new(
        registry: &str,
        repository: &str,
        login: Option<Login>,
        sources: Vec<String>,
    ) -> Self {
        let (registry, repository) = (registry.to_owned(), repository.to_owned());
        let (closed, shown) = (AtomicBool::new(false), Mutex::default());
        Self { registry, repository, login, sources, closed, shown }
    }

    /// Repositories that layers are taken over from, as long as nobody refused that.
    pub(crate) fn sources(&self) -> &[String] {
        if self.closed.load(Ordering::Relaxed) { &[] } else { &self.sources }
    }

    /// That those may not be read by who asks.
    pub(crate) fn close_sources(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// What is shown now.
    pub(crate) fn shown(&self) -> Option<HeaderValue> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is shown instead of what was refused. Where another request has been refused before, that has found it already.
    pub(crate) async fn renewed(
        &self,
        refused: Option<&HeaderValue>,
        wanted: Option<Challenge>,
        api: &Url,
        ask: Ask<'_>,
    ) -> Result<HeaderValue, Error> {
        if let Some(other) = self.shown().filter(|other| Some(other) != refused) {
            return Ok(other);
        }
        let value = match wanted {
            Some(Challenge::Basic) => self.login.as_ref().and_then(Login::basic),
            Some(Challenge::Bearer { realm, service }) => {
                let realm = self.realm(&realm, api)?;
                Some(self.token(realm, service.as_deref(), ask).await?)
            }
            None => None,
        };
        let value = value.ok_or_else(|| self.denied(""))?;
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
        Ok(value)
    }

    /// Has a token given, for all that a push does; where that is refused as a whole, for what it cannot do without.
    async fn token(
        &self,
        url: Url,
        service: Option<&str>,
        ask: Ask<'_>,
    ) -> Result<HeaderValue, Error> {
        match self.token_for(self.scopes(), url.clone(), service, ask).await {
            Err(Error::Denied { .. }) if !self.sources().is_empty() => {
                self.close_sources();
                self.token_for(self.scopes(), url, service, ask).await
            }
            answer => answer,
        }
    }

    async fn token_for(
        &self,
        scopes: Vec<String>,
        mut url: Url,
        service: Option<&str>,
        ask: Ask<'_>,
    ) -> Result<HeaderValue, Error> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let identity = self.login.as_ref().and_then(|login| login.identity_token.as_deref());
        let request = if let Some(identity) = identity {
            let mut form = Serializer::new(String::new());
            form.append_pair("grant_type", "refresh_token").append_pair("client_id", CLIENT);
            form.append_pair("scope", &scopes.join(" ")).append_pair("refresh_token", identity);
            form.extend_pairs(service.map(|service| ("service", service)));
            let form_type = "application/x-www-form-urlencoded";
            ask(Some(&form.finish()), &url).header(CONTENT_TYPE, form_type)
        } else {
            url.query_pairs_mut()
                .extend_pairs(service.map(|service| ("service", service)))
                .extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
            let request = ask(None, &url);
            match self.login.as_ref().and_then(Login::basic) {
                Some(basic) => request.header(AUTHORIZATION, basic),
                None => request,
            }
        };
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let answer = self.granted(answer).await?;
        let body = bytes(answer).await.map_err(|error| self.unreachable(&error))?;
        let given: Option<Given> = serde_json::from_slice(&body).ok();
        let tokens = given.map_or_else(Default::default, |given| [given.token, given.access_token]);
        let token = tokens.into_iter().find(|token| !token.is_empty());
        token
            .and_then(|token| sensitive(&format!("Bearer {token}")))
            .ok_or_else(|| self.strange(format!("{host} gives no token")))
    }

    /// Who gives tokens, which may be anybody whom a password may be sent to.
    fn realm(&self, realm: &str, api: &Url) -> Result<Url, Error> {
        let url = Url::parse(realm).map_err(|error| {
            self.strange(format!("what it names for tokens is no address: {error}"))
        })?;
        self.checked(url, "a password", api)
    }

    /// An address that the registry names, where what is secret may be sent to.
    pub(crate) fn checked(&self, url: Url, what: &'static str, api: &Url) -> Result<Url, Error> {
        if may_follow(&url, api) {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        Err(Error::Plain { registry: self.registry.clone(), what, host })
    }

    pub(crate) fn strange(&self, reason: String) -> Error {
        Error::Strange { registry: self.registry.clone(), reason }
    }

    /// What a token has to be good for.
    fn scopes(&self) -> Vec<String> {
        let own = format!("repository:{}:pull,push", self.repository);
        let others = self.sources().iter().map(|source| format!("repository:{source}:pull"));
        std::iter::once(own).chain(others).collect()
    }

    async fn granted(&self, answer: Response) -> Result<Response, Error> {
        let (status, after) = (answer.status(), after(answer.headers()));
        if status.is_success() {
            return Ok(answer);
        }
        let reason = said(&bytes(answer).await.unwrap_or_default());
        if matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST
        ) {
            return Err(self.denied(&reason));
        }
        let act = "give a token".to_owned();
        Err(Error::Refused { registry: self.registry.clone(), act, status, reason, after })
    }

    pub(crate) fn denied(&self, reason: &str) -> Error {
        Error::Denied {
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            known: self.login.is_some(),
            reason: reason.to_owned(),
        }
    }

    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> Error {
        // The innermost cause: the others say that something was sent, and to a URL that may have what is secret.
        let mut cause = std::error::Error::source(error);
        while let Some(source) = cause.and_then(std::error::Error::source) {
            cause = Some(source);
        }
        let told =
            cause.map_or_else(|| "the request cannot be sent".to_owned(), ToString::to_string);
        let reason =
            if error.is_timeout() { "it does not answer in time".to_owned() } else { told };
        Error::Unreachable { registry: self.registry.clone(), reason }
    }
}

/// The body of an answer, as much as is read of one.
pub(crate) async fn bytes(mut answer: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut all = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        all.extend_from_slice(&piece);
        if all.len() as u64 > LIMIT {
            break;
        }
    }
    Ok(all)
}
