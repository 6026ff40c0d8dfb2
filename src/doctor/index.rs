//! The package indexes: which there are, and whether each answers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pyfast_index::client::{Client, Request};
use url::Url;

use super::project::Project;
use super::report::OfFailure as _;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::ui::duration;
use pyfast_crew::examined::{Finding, Level};
use pyfast_crew::session::Session;
use pyfast_settings::Indexes;

const CHECK: &str = "index";
/// How long an index may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// The most that a page may have.
const LARGEST_PAGE: usize = 64 << 20;
/// A project that most indexes have; a page of it is smaller than the list of all projects.
const USUAL: &str = "pip";

/// Asks every index for a page. `python` is the interpreter whose pip's default index counts.
pub(super) fn look(project: &Project, settings: &Settings, python: Option<&Path>) -> Vec<Finding> {
    let named = match Indexes::new(settings, &project.indexes.index, python) {
        Ok(indexes) if indexes.is_known => indexes.shown,
        Ok(_) => return vec![Finding::failed(CHECK, &pyfast_settings::Error::NoIndex.into())],
        Err(error) => return vec![Finding::failed(CHECK, &error.into())],
    };
    let events = Progress::new(settings.ui).events();
    let session = settings
        .cache_directory()
        .map_err(Failure::from)
        .and_then(|cache| Ok(Session::new(settings, &project.indexes, python, cache, &events)?));
    let session = match session {
        Ok(session) => session,
        Err(failure) => return vec![Finding::failed(CHECK, &failure)],
    };
    let indexes = &session.sources.indexes;
    if indexes.is_empty() {
        let places = session.sources.find_links.join(", ");
        return vec![Finding::ok(CHECK, format!("none, only --find-links: {places}"))];
    }
    if settings.flags.index.offline {
        let skipped = |(index, origin): &(String, &str)| {
            let message = format!("{index} ({origin}): not asked, --offline");
            Finding::new(Level::Skipped, CHECK, message)
        };
        return named.iter().map(skipped).collect();
    }
    let named = named.iter().map(|(index, origin)| format!("{index} ({origin})"));
    let pins = &session.sources.pins;
    let asked = indexes.iter().zip(named).enumerate().map(|(place, (index, named))| {
        // An index for a few packages need not have anything else.
        let of_it =
            |(_, pins): &(_, &Vec<(_, usize)>)| pins.iter().any(|(_, index)| *index == place);
        let pinned = pins.iter().find(of_it).map(|(name, _)| name.as_ref());
        ask(&session.client, index, pinned.unwrap_or(USUAL), named)
    });
    session.runtime.block_on(join_all(asked))
}

async fn ask(client: &Arc<Client>, index: &Url, project: &str, named: String) -> Finding {
    if index.scheme() == "file" {
        // That the directory is there was looked at when the index was taken in.
        return Finding::ok(CHECK, format!("{named}: a directory of this machine"));
    }
    let mut page = index.clone();
    page.set_path(&format!("{}/{project}/", index.path().trim_end_matches('/')));
    let begun = Instant::now();
    let request = Request::page(page.clone(), LARGEST_PAGE);
    match tokio::time::timeout(DEADLINE, client.fetch(&request)).await {
        Err(_elapsed) => {
            let message = format!("{named}: no answer within {} s", DEADLINE.as_secs());
            Finding::new(Level::Failed, CHECK, message)
                .hint("is the network there, and a proxy named in https_proxy if one is needed?")
        }
        Ok(Err(error)) => Finding::failed(CHECK, &Failure::from(error))
            .or_hint("is its URL right? Give another with --index-url URL")
            .hint(format!("the index is {named}")),
        Ok(Ok(answer)) if answer.status.is_success() => {
            Finding::ok(CHECK, format!("{named}: answers in {}", duration(begun.elapsed())))
        }
        // An index of one's own need not have this project.
        Ok(Ok(answer)) => {
            let code = answer.status.as_u16();
            let message = format!("{named}: answers, but with {code} to {page}");
            Finding::new(Level::Warning, CHECK, message).hint(
                "an index is the URL of a Simple API, which often ends in /simple; one without this project is no fault",
            )
        }
    }
}
