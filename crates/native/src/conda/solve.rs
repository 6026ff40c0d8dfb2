//! Which packages: channels are read, and one set is chosen that has all that is wanted. The first channel that has a
//! package is where it comes from; a channel brings no other one along.

use std::str::FromStr;

use rattler_conda_types::{Channel, ChannelConfig, MatchSpec, ParseStrictness, Subdir};
use rattler_repodata_gateway::fetch::CacheAction;
use rattler_repodata_gateway::{
    ChannelConfig as Reading, ChannelRelationsMode, Gateway, SourceConfig,
};
use rattler_solve::{
    ChannelPriority, ExcludeNewer, SolveError, SolverImpl as _, SolverTask, resolvo,
};

use super::judge::refuse_python_packages;
use super::platform;
use super::virtual_packages::virtual_packages;
use crate::error::{Error, whole};
use crate::event::Event;
use crate::machine::Machine;
use crate::public_url::public;
use crate::request::Request;
use crate::solved::Solved;
use crate::tools::Tools;

/// The folder of what channels said, in the user's cache.
const MEMORY: &str = "channels-1";

/// Chooses packages for a request.
///
/// # Errors
/// If a channel cannot be read, or nothing is what is wanted.
pub fn solve(request: &Request, machine: &Machine, tools: &Tools) -> Result<Solved, Error> {
    let wanted = request.specs()?;
    let specs = wanted.iter().map(|text| spec(text)).collect::<Result<Vec<_>, _>>()?;
    let config = ChannelConfig::default_with_root_dir(request.directory.clone());
    let channels = request.channels.iter().map(|text| channel(text, &config));
    let channels = channels.collect::<Result<Vec<_>, _>>()?;
    let places: Vec<String> = channels.iter().map(Channel::canonical_name).collect();
    (tools.events)(Event::Solving);
    let gateway = gateway(tools)?;
    let platforms = [platform(machine)?, Subdir::NoArch];
    let query = gateway
        .query(channels, platforms, specs.clone())
        .recursive(true)
        .channel_notices(false)
        .channel_relations(ChannelRelationsMode::Disabled);
    let unread = |error: rattler_repodata_gateway::GatewayError| Error::Repodata {
        channels: places.clone(),
        reason: whole(&error),
    };
    let found = tools.runtime.block_on(query.execute()).map_err(unread)?;
    let task = SolverTask {
        virtual_packages: virtual_packages(machine)?,
        specs,
        channel_priority: ChannelPriority::Strict,
        exclude_newer: exclude_newer(request)?,
        ..found.repodata.iter().collect()
    };
    let solved = resolvo::Solver.solve(task).map_err(|error| Error::Unsolvable {
        specs: wanted,
        channels: request.channels.clone(),
        reason: reason(&error),
    })?;
    refuse_python_packages(&solved.records)?;
    Solved::of_records(&solved.records)
}

fn gateway(tools: &Tools) -> Result<Gateway, Error> {
    let offline = tools.client.is_offline();
    let cache_action =
        if offline { CacheAction::ForceCacheOnly } else { CacheAction::CacheOrFetch };
    let default = SourceConfig { cache_action, ..SourceConfig::default() };
    Ok(Gateway::builder()
        .with_client(tools.client.transport()?)
        .with_cache_dir(tools.cache.join(MEMORY))
        .with_channel_config(Reading { default, ..Reading::default() })
        .with_max_concurrent_requests(32)
        .finish())
}

/// The solver's own words.
fn reason(error: &SolveError) -> String {
    match error {
        SolveError::Unsolvable(reasons) => reasons.join("; ").trim().to_owned(),
        other => whole(other),
    }
}

fn spec(text: &str) -> Result<MatchSpec, Error> {
    let wrong = |reason: String| Error::Spec { spec: text.to_owned(), reason };
    let spec = MatchSpec::from_str(text, ParseStrictness::Lenient)
        .map_err(|error| wrong(whole(&error)))?;
    if spec.url.is_some() || spec.channel.is_some() {
        return Err(wrong("a package is named, and channels by themselves".to_owned()));
    }
    Ok(spec)
}

fn channel(text: &str, config: &ChannelConfig) -> Result<Channel, Error> {
    let channel = Channel::from_str(text, config);
    let channel = channel
        .map_err(|error| Error::Channel { channel: text.to_owned(), reason: whole(&error) })?;
    public(channel.base_url.url())?;
    Ok(channel)
}

fn exclude_newer(request: &Request) -> Result<Option<ExcludeNewer>, Error> {
    let Some(text) = &request.exclude_newer else { return Ok(None) };
    let time = jiff::Timestamp::from_str(text)
        .map_err(|error| Error::Spec { spec: text.clone(), reason: error.to_string() })?;
    Ok(Some(ExcludeNewer::from_datetime(time)))
}
