//! A project's containers behind the Docker API. Owns the requests and their order; must not know what a project is.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime};

use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{
    EventsOptions, ListContainersOptionsBuilder, ListNetworksOptionsBuilder, LogsOptions,
    RestartContainerOptions,
};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::containers::{container_facts, event_facts};
use super::lines::Lines;
use super::refusal::start_refusal;
use super::settled::settled;
use super::translate::{failure, is_gone, reason, server_message, status};
use super::{Docker, REQUEST_SECONDS};
use crate::engine::rfc3339;
use crate::engine::{
    COMPOSE_PROJECT_LABEL, Container, ContainerEvent, ExecOutcome, ExecWanted, LogLine, LogsWanted,
    Services,
};
use crate::error::Error;

/// Events that say something of a container's state. Those of `exec` would tell us of our own probes.
const EVENTS: [&str; 11] = [
    "create",
    "start",
    "restart",
    "die",
    "oom",
    "stop",
    "kill",
    "pause",
    "unpause",
    "destroy",
    "health_status",
];

/// Label of a network that Compose made: its name in the compose file.
const COMPOSE_NETWORK_LABEL: &str = "com.docker.compose.network";

/// The engine's grace period of a container that names none.
const STOP_SECONDS: i64 = 10;

/// How long an answer may take beyond what the request waits for in the engine.
const MARGIN: Duration = Duration::from_mins(1);

/// Bytes of a command's output that are kept, from its end.
const OUTPUT_KEPT: usize = 4096;

/// Containers that are asked about at a time.
const AT_ONCE: usize = 16;

impl Docker {
    /// The networks that Compose made for a project, by their names in its compose files.
    ///
    /// # Errors
    /// [`Error::Engine`] when the engine refuses.
    pub async fn project_networks(&self, project: &str) -> Result<BTreeSet<String>, Error> {
        let label = format!("{COMPOSE_PROJECT_LABEL}={project}");
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let found = self.api.list_networks(Some(options)).await;
        let found = found.map_err(self.failed("list the networks"))?.into_iter();
        Ok(found.filter_map(|one| one.labels?.remove(COMPOSE_NETWORK_LABEL)).collect())
    }

    /// Containers of whatever state that these filters let through, oldest first.
    async fn listed(&self, filters: &HashMap<&str, Vec<&str>>) -> Result<Vec<Container>, Error> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(filters).build();
        let listed = settled(|| self.api.list_containers(Some(options.clone()))).await;
        let mut listed = listed.map_err(self.failed("list its containers"))?;
        listed.sort_by_key(|container| container.created);
        let ids = listed.into_iter().filter_map(|container| container.id);
        let facts = ids.map(|id| async move { self.container(&id).await });
        let facts: Vec<_> = stream::iter(facts).buffered(AT_ONCE).try_collect().await?;
        Ok(facts.into_iter().flatten().collect())
    }

    fn refused(&self, act: &str, id: &str, error: ApiError) -> Error {
        if status(&error).is_none() || reason(&error).is_some() {
            return failure(&self.host, format!("{act} the container {id}"), error);
        }
        let reason = start_refusal(&error, server_message(&error));
        Error::StartContainer { container: id.into(), reason }
    }

    /// The engine's clock (nanoseconds since 1970), which need not be this machine's.
    async fn clock(&self) -> Result<i128, Error> {
        let info = self.api.info().await.map_err(self.failed("say what time it is"))?;
        let told = info.system_time.as_deref().and_then(rfc3339::nanoseconds);
        Ok(told.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(0))
        }))
    }

    async fn run_exec(&self, id: &str, wanted: &ExecWanted) -> Result<ExecOutcome, Error> {
        let failed = || self.failed(format!("run a command in the container {id}"));
        let options = CreateExecOptions {
            cmd: Some(wanted.argv.clone()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            user: wanted.user.clone(),
            privileged: wanted.privileged.then_some(true),
            working_dir: wanted.working_dir.clone(),
            env: (!wanted.environment.is_empty()).then(|| wanted.environment.clone()),
            ..CreateExecOptions::default()
        };
        let exec = self.api.create_exec(id, options).await.map_err(failed())?.id;
        let started = self.api.start_exec(&exec, None).await.map_err(failed())?;
        let mut said = Vec::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(piece) = output.next().await {
                said.extend_from_slice(&piece.map_err(failed())?.into_bytes());
                said.drain(..said.len().saturating_sub(OUTPUT_KEPT));
            }
        }
        let ended = self.api.inspect_exec(&exec).await.map_err(failed())?;
        Ok(ExecOutcome::Ended {
            // An engine that cannot tell has not seen the command succeed.
            code: ended.exit_code.unwrap_or(-1),
            output: String::from_utf8_lossy(&said).trim_end().to_owned(),
        })
    }
}

impl Services for Docker {
    async fn containers(&self, labels: &[(&str, &str)]) -> Result<Vec<Container>, Error> {
        let labels = pairs(labels);
        let labels = labels.iter().map(String::as_str).collect();
        self.listed(&HashMap::from([("label", labels)])).await
    }

    async fn users_of(&self, volume: &str) -> Result<Vec<Container>, Error> {
        // Engines take a part of a name for the name.
        let filters = HashMap::from([("volume", vec![volume]), ("status", vec!["running"])]);
        let mut found = self.listed(&filters).await?;
        found.retain(|one| one.volumes.iter().any(|name| name == volume));
        Ok(found)
    }

    async fn container(&self, id: &str) -> Result<Option<Container>, Error> {
        match settled(|| self.api.inspect_container(id, None)).await {
            Ok(facts) => Ok(Some(container_facts(facts))),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(self.failed(format!("inspect the container {id}"))(error)),
        }
    }

    async fn start(&self, id: &str) -> Result<(), Error> {
        let started = self.api.start_container(id, None).await;
        started.map_err(|error| self.refused("start", id, error))
    }

    async fn restart(&self, id: &str, grace: Option<Duration>) -> Result<(), Error> {
        let seconds = if let Some(grace) = grace {
            i64::try_from(grace.as_secs()).unwrap_or(i64::MAX)
        } else {
            let facts = settled(|| self.api.inspect_container(id, None)).await;
            let facts = facts.map_err(|error| self.refused("restart", id, error))?;
            facts.config.and_then(|config| config.stop_timeout).unwrap_or(STOP_SECONDS)
        };
        // Podman kills at once where it is not told how long to wait, whatever the container says. (To the engines a
        // negative grace period is an endless one, which it cannot be told.)
        let told = grace.is_some() || self.podman;
        let endless = seconds < 0 && self.podman;
        let t = told.then(|| i32::try_from(seconds).ok().filter(|_| !endless).unwrap_or(i32::MAX));
        let patience = Duration::from_secs(u64::try_from(seconds).unwrap_or(86_400)) + MARGIN;
        let patience = patience.max(Duration::from_secs(REQUEST_SECONDS));
        let options = RestartContainerOptions { t, ..RestartContainerOptions::default() };
        let restarted =
            self.api.clone().with_timeout(patience).restart_container(id, Some(options)).await;
        restarted.map_err(|error| self.refused("restart", id, error))
    }

    async fn events(
        &self,
        labels: &[(&str, &str)],
    ) -> Result<BoxStream<'static, Result<ContainerEvent, Error>>, Error> {
        // The engine answers before it listens. It replays what happened since a time, so nothing after this moment
        // is lost, whenever its answer comes.
        let since = rfc3339::query(self.clock().await?);
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), EVENTS.map(str::to_owned).to_vec()),
            ("label".to_owned(), pairs(labels)),
        ]);
        let options = EventsOptions { since: Some(since), until: None, filters: Some(filters) };
        let (host, mut messages) = (self.host.clone(), Box::pin(self.api.events(Some(options))));
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    message = messages.next() => message,
                    () = sender.closed() => break,
                };
                let Some(message) = message else { break };
                let event = message.map(event_facts).map_err(|error| {
                    failure(&host, "go on telling what happens to its containers", error)
                });
                let Some(event) = event.transpose() else { continue };
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let received = stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|event| (event, receiver))
        });
        Ok(received.boxed())
    }

    fn logs(&self, id: &str, wanted: LogsWanted) -> BoxStream<'static, Result<LogLine, Error>> {
        let options = LogsOptions {
            follow: wanted.follow,
            stdout: true,
            stderr: true,
            since: wanted.since.map_or(0, |since| i32::try_from(since).unwrap_or(i32::MAX)),
            until: 0,
            timestamps: wanted.timestamps,
            tail: wanted.tail.map_or_else(|| "all".into(), |lines| lines.to_string()),
        };
        let host = self.host.clone();
        let act = format!("read the log of the container {id}");
        let frames = self.api.logs(id, Some(options)).map(Some);
        let mut lines = Lines::new(wanted.timestamps);
        let found = frames.chain(stream::iter([None])).map(move |frame| {
            let whole = match frame {
                Some(Ok(LogOutput::StdErr { message })) => lines.push(true, &message),
                Some(Ok(frame)) => lines.push(false, &frame.into_bytes()),
                Some(Err(error)) => return vec![Err(failure(&host, act.clone(), error))],
                None => lines.finish(),
            };
            whole.into_iter().map(Ok).collect()
        });
        found.flat_map(stream::iter).boxed()
    }

    async fn exec_as(
        &self,
        id: &str,
        wanted: &ExecWanted,
        deadline: Duration,
    ) -> Result<ExecOutcome, Error> {
        let ended = tokio::time::timeout(deadline, self.run_exec(id, wanted)).await;
        ended.unwrap_or(Ok(ExecOutcome::TimedOut))
    }
}

fn pairs(labels: &[(&str, &str)]) -> Vec<String> {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect()
}
