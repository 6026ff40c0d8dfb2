//! Who sends the requests of the crates that read channels: the client of this program, so that its passwords, its
//! certificates and its proxies count, and the user's mirrors. Asks nothing by itself.

use std::sync::Arc;

use async_trait::async_trait;
use pyfast_index::client::{Client, is_passing_status};
use reqwest_middleware::reqwest::{Request, Response};
use reqwest_middleware::{
    ClientBuilder, ClientWithMiddleware, Error as Failed, Middleware, Next, Result as Sent,
};
use url::Url;

use crate::error::Error;
use crate::logins::Logins;
use crate::mirrors::Mirrors;
use crate::tools::Tools;

/// A client as those crates want one.
pub(super) fn passing(tools: &Tools) -> Result<ClientWithMiddleware, Error> {
    let Tools { client, mirrors, logins, .. } = tools;
    let passing =
        Passing { client: Arc::clone(client), mirrors: mirrors.clone(), logins: logins.clone() };
    Ok(ClientBuilder::new(client.transport()?).with(passing).build())
}

struct Passing {
    client: Arc<Client>,
    mirrors: Mirrors,
    logins: Logins,
}

#[async_trait]
impl Middleware for Passing {
    async fn handle(
        &self,
        request: Request,
        _: &mut http::Extensions,
        _: Next<'_>,
    ) -> Sent<Response> {
        let places = self.mirrors.places(request.url().as_str());
        let (last, others) = places.split_last().map_or((None, &[][..]), |(l, o)| (Some(l), o));
        for place in others {
            let Some(again) = request.try_clone() else { break };
            // Another place may have it, where this one is gone for now.
            if let Ok(answer) = self.send(again, place).await
                && !is_passing_status(answer.status().as_u16())
            {
                return Ok(answer);
            }
        }
        let last = last.cloned().unwrap_or_else(|| request.url().to_string());
        self.send(request, &last).await
    }
}

impl Passing {
    async fn send(&self, mut request: Request, place: &str) -> Sent<Response> {
        let place = Url::parse(place).map_err(Failed::middleware)?;
        *request.url_mut() = self.logins.with_token(&place);
        self.client.lend(request, &place).await.map_err(Failed::middleware)
    }
}
