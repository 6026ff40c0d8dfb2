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
use super::passing::passing;
use super::platform;
use super::virtual_packages::virtual_packages;
use crate::error::{Error, whole};
use crate::event::Event;
use crate::machine::Machine;
use crate::mirrors::Mirrors;
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
    let places = request.channels.iter().zip(&channels).map(|(text, channel)| {
        let place = channel.canonical_name();
        let is_name = !text.contains("://") && !text.starts_with(['.', '/']);
        if is_name { format!("{text} ({place})") } else { place }
    });
    let places: Vec<String> = places.collect();
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
        reason: tools.logins.hidden(&whole(&error)),
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
    Solved::of_records(&solved.records, &tools.mirrors)
}

fn gateway(tools: &Tools) -> Result<Gateway, Error> {
    let offline = tools.client.is_offline();
    let cache_action =
        if offline { CacheAction::ForceCacheOnly } else { CacheAction::CacheOrFetch };
    let default = SourceConfig { cache_action, ..SourceConfig::default() };
    Ok(Gateway::builder()
        .with_client(passing(tools)?)
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

/// What stands in for what in a request, as [`Mirrors::stand_ins`] has it: each place for the channel in its turn. Where
/// there are more or fewer of them than channels nobody knows for which, and what is found is kept as it was found.
///
/// # Errors
/// If one is no channel.
pub fn mirrors(request: &Request) -> Result<Mirrors, Error> {
    let Request { channels, named, directory, .. } = request;
    if channels.len() != named.len() || channels == named {
        return Ok(Mirrors::default());
    }
    let config = ChannelConfig::default_with_root_dir(directory.clone());
    let begin = |text: &String| Ok::<_, Error>(channel(text, &config)?.base_url.url().to_string());
    let pairs = named.iter().zip(channels).map(|(named, asked)| Ok((begin(named)?, begin(asked)?)));
    let pairs = pairs.collect::<Result<Vec<_>, Error>>()?;
    let stand_ins = pairs.into_iter().filter(|(named, asked)| named != asked).collect();
    Ok(Mirrors { stand_ins, ..Mirrors::default() })
}

/// A channel of this name where the user has names looked for, which is a URL or a directory.
///
/// # Errors
/// If it is neither.
pub fn under_alias(alias: &str, name: &str) -> Result<String, Error> {
    let joined = format!("{}/{name}", alias.trim_end_matches('/'));
    let config = ChannelConfig::default_with_root_dir("/".into());
    Ok(channel(&joined, &config)?.base_url.url().as_str().trim_end_matches('/').to_owned())
}

fn exclude_newer(request: &Request) -> Result<Option<ExcludeNewer>, Error> {
    let Some(text) = &request.exclude_newer else { return Ok(None) };
    let time = jiff::Timestamp::from_str(text)
        .map_err(|error| Error::Spec { spec: text.clone(), reason: error.to_string() })?;
    Ok(Some(ExcludeNewer::from_datetime(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(channels: &[&str], named: &[&str]) -> Mirrors {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let request = Request {
            python: None,
            packages: Vec::new(),
            channels: list(channels),
            named: list(named),
            of_project: list(named),
            exclude_newer: None,
            directory: "/p".into(),
        };
        super::mirrors(&request).expect("channels")
    }

    #[test]
    fn what_is_asked_of_a_mirror_is_kept_as_the_channels() {
        let one = of(&["/copy", "https://m.example/b/"], &["https://h.example/a", "./b"]);
        for (named, asked) in [
            ("https://h.example/a/linux-64/x-1-0.conda", "file:///copy/linux-64/x-1-0.conda"),
            ("file:///p/b/noarch/y-1-0.conda", "https://m.example/b/noarch/y-1-0.conda"),
            // No part of a name is a channel's beginning.
            (
                "https://h.example/ab/linux-64/x-1-0.conda",
                "https://h.example/ab/linux-64/x-1-0.conda",
            ),
        ] {
            assert_eq!(one.asked(named), asked);
            assert_eq!(one.named(asked), named);
        }
    }

    #[test]
    fn of_several_places_nobody_knows_which_stands_for_what() {
        let url = "https://h.example/a/linux-64/x-1-0.conda";
        for other in [
            of(&["/copy", "/more"], &["https://h.example/a"]),
            of(&["/copy"], &["https://h.example/a", "https://h.example/b"]),
            of(&["https://h.example/a/"], &["https://h.example/a"]),
        ] {
            assert_eq!(other, Mirrors::default());
            assert_eq!(other.asked(url), url);
        }
    }
}
