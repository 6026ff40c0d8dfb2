//! Which packages: channels are read, and one set is chosen that has all that is wanted. The first channel that has a
//! package is where it comes from; a channel brings no other one along.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use rattler_conda_types::package::BuildString;
use rattler_conda_types::{
    Channel, ChannelConfig, GenericVirtualPackage, MatchSpec, PackageName, ParseStrictness,
    RepoDataRecord, Subdir, Version,
};
use rattler_redaction::Redact as _;
use rattler_repodata_gateway::fetch::CacheAction;
use rattler_repodata_gateway::{
    ChannelConfig as Reading, ChannelRelationsMode, Gateway, SourceConfig,
};
use rattler_solve::{
    ChannelPriority, ExcludeNewer, SolveError, SolverImpl as _, SolverTask, resolvo,
};

use super::platform;
use crate::error::{Error, whole};
use crate::event::Event;
use crate::machine::Machine;
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
    Solved::new(solved.records)
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
    let url = channel.base_url.url();
    // What is kept, and what is in a prefix, is read by others.
    if url.clone().redact() != *url || !url.username().is_empty() {
        let channel = url.clone().redact().to_string();
        let reason = "its URL has a password or a token".to_owned();
        return Err(Error::Channel { channel, reason });
    }
    Ok(channel)
}

/// What packages may rely on, in their own words.
fn virtual_packages(machine: &Machine) -> Result<Vec<GenericVirtualPackage>, Error> {
    let package = |name: &str, version: &str, build: &str| -> Result<_, Error> {
        let wrong = |reason: String| Error::Spec { spec: format!("{name}={version}"), reason };
        Ok(GenericVirtualPackage {
            name: PackageName::from_str(name).map_err(|error| wrong(error.to_string()))?,
            version: Version::from_str(version).map_err(|error| wrong(error.to_string()))?,
            build_string: BuildString::from_str(build).map_err(|error| wrong(whole(&error)))?,
        })
    };
    Ok(vec![
        package("__unix", "0", "0")?,
        package("__linux", &machine.kernel, "0")?,
        package("__glibc", &machine.glibc, "0")?,
        package("__archspec", "1", &machine.arch)?,
    ])
}

fn exclude_newer(request: &Request) -> Result<Option<ExcludeNewer>, Error> {
    let Some(text) = &request.exclude_newer else { return Ok(None) };
    let time = jiff::Timestamp::from_str(text)
        .map_err(|error| Error::Spec { spec: text.clone(), reason: error.to_string() })?;
    Ok(Some(ExcludeNewer::from_datetime(time)))
}

/// Two installers must not own one site-packages. What Python itself depends on is its own.
fn refuse_python_packages(records: &[RepoDataRecord]) -> Result<(), Error> {
    let needs = |record: &RepoDataRecord| -> BTreeSet<String> {
        let names = record.package_record.depends.iter();
        names
            .filter_map(|text| text.split([' ', '=', '<', '>', '[']).next())
            .map(str::to_owned)
            .collect()
    };
    let of: BTreeMap<&str, BTreeSet<String>> = records
        .iter()
        .map(|record| (record.package_record.name.as_normalized(), needs(record)))
        .collect();
    let (mut own, mut open) = (BTreeSet::new(), vec!["python".to_owned()]);
    while let Some(name) = open.pop() {
        if own.insert(name.clone()) {
            open.extend(of.get(&*name).into_iter().flatten().cloned());
        }
    }
    let foreign = records.iter().find(|record| {
        let name = record.package_record.name.as_normalized();
        let on_python = ["python", "python_abi"].iter().any(|python| of[name].contains(*python));
        !own.contains(name) && (record.package_record.noarch.is_python() || on_python)
    });
    match foreign {
        None => Ok(()),
        Some(record) => Err(Error::PythonPackage {
            package: record.package_record.name.as_normalized().to_owned(),
        }),
    }
}
