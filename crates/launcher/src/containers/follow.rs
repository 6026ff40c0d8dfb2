//! Output of a project's containers as it comes, over restarts and recreations. Owns when a container is listened to
//! again, and that no line comes twice; must not know how lines are shown.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, SelectAll};
use tokio::time::{Instant, sleep_until};

use super::plan::of_service;
use crate::engine::rfc3339::nanoseconds;
use crate::engine::{
    Action, COMPOSE_PROJECT_LABEL, Container, LogLine, LogsWanted, Services, Status,
};
use crate::error::Error;

/// For how long nothing may run until the project counts as down: what is restarted or made anew stands still for less.
const DOWN: Duration = Duration::from_secs(3);
/// From the end of a container's output to the next look at it: its end is known a little later.
const AGAIN: Duration = Duration::from_millis(100);

/// Whose output is followed.
#[derive(Debug, Clone, Copy)]
pub struct Following<'a> {
    /// Name of the compose project.
    pub project: &'a str,
    /// Its services.
    pub services: &'a [String],
    /// Only so many of the last lines that are there at the beginning, of each container; `None` is all.
    pub tail: Option<usize>,
}

/// Shows each line of the services' containers, with its service, until none of them runs any more. Containers that are
/// restarted, or made later, are followed too.
///
/// # Errors
/// As the engine's, when it stops answering.
pub async fn follow_logs<E: Services>(
    engine: &E,
    following: &Following<'_>,
    show: &mut (dyn FnMut(&str, &LogLine) + Send),
) -> Result<(), Error> {
    let label = (COMPOSE_PROJECT_LABEL, following.project);
    // Before the first look, so that no start is missed.
    let mut events = engine.events(&[label]).await?;
    let mut follower = Follower::new(engine, following);
    follower.look().await?;
    loop {
        let due = follower.due();
        tokio::select! {
            Some((id, line)) = follower.lines.next() => match line {
                Some(line) => follower.pass(&id, &line?, show),
                None => follower.ended(&id),
            },
            Some(event) = events.next() => {
                // Health checks make events without end.
                let action = event?.action;
                if matches!(action, Action::Start | Action::Die(_) | Action::Create | Action::Destroy) {
                    follower.look().await?;
                }
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                follower.look().await?;
                if follower.is_down() {
                    return Ok(());
                }
            }
            // The engine ended all that it had to say.
            else => return Ok(()),
        }
    }
}

/// A line of a container, or the end of its output.
type Piece = (String, Option<Result<LogLine, Error>>);

struct Follower<'a, E> {
    engine: &'a E,
    following: &'a Following<'a>,
    lines: SelectAll<BoxStream<'static, Piece>>,
    known: BTreeMap<String, Known>,
    /// When to look at what has ended.
    again: Option<Instant>,
    /// Since when nothing runs.
    still: Option<Instant>,
    /// Whether this is not the first look.
    began: bool,
}

/// A container that was listened to.
#[derive(Default)]
struct Known {
    service: String,
    listening: bool,
    /// When the last line was written (nanoseconds since 1970), and how many lines have that very time.
    last: Option<(i128, usize)>,
    /// How many lines of that time the engine will give again.
    skip: usize,
}

impl<'a, E: Services> Follower<'a, E> {
    fn new(engine: &'a E, following: &'a Following<'a>) -> Self {
        let (lines, known) = (SelectAll::new(), BTreeMap::new());
        Self { engine, following, lines, known, again: None, still: None, began: false }
    }

    /// Listens to what runs and is not listened to; at first to what has ended, too.
    async fn look(&mut self) -> Result<(), Error> {
        self.again = None;
        let label = (COMPOSE_PROJECT_LABEL, self.following.project);
        let containers = self.engine.containers(&[label]).await?;
        let mut alive = false;
        for service in self.following.services {
            for container in of_service(&containers, service) {
                alive |= !matches!(container.status, Status::Exited | Status::Dead);
                let speaks = matches!(container.status, Status::Running | Status::Paused);
                if speaks || (!self.began && container.status != Status::Created) {
                    self.listen(service, container);
                }
            }
        }
        self.began = true;
        self.still = if alive { None } else { self.still.or_else(|| Some(Instant::now())) };
        Ok(())
    }

    fn listen(&mut self, service: &str, container: &Container) {
        let first = !self.known.contains_key(&container.id);
        let known = self.known.entry(container.id.clone()).or_default();
        if known.listening {
            return;
        }
        service.clone_into(&mut known.service);
        known.listening = true;
        known.skip = known.last.map_or(0, |(_, count)| count);
        // What was silent so far has nothing older to say that was wanted.
        let since = match known.last {
            Some((last, _)) => Some(last),
            None if first => None,
            None => nanoseconds(&container.started_at),
        };
        let wanted = LogsWanted {
            tail: self.following.tail.filter(|_| first && !self.began),
            follow: true,
            timestamps: true,
            since: since.and_then(|since| i64::try_from(since.div_euclid(1_000_000_000)).ok()),
        };
        let (id, end) = (container.id.clone(), container.id.clone());
        let lines = self.engine.logs(&id, wanted).map(move |line| (id.clone(), Some(line)));
        self.lines.push(lines.chain(stream::iter([(end, None)])).boxed());
    }

    /// Shows a line unless it was shown already: engines count in seconds.
    fn pass(&mut self, id: &str, line: &LogLine, show: &mut (dyn FnMut(&str, &LogLine) + Send)) {
        let Some(known) = self.known.get_mut(id) else { return };
        let time = line.time.as_deref().and_then(nanoseconds);
        match (time, &mut known.last) {
            (Some(time), Some((last, _))) if time < *last && known.skip > 0 => return,
            (Some(time), Some((last, _))) if time == *last && known.skip > 0 => {
                known.skip -= 1;
                return;
            }
            (Some(time), Some((last, count))) if time == *last => *count += 1,
            // Its two outputs may come out of order.
            (Some(time), Some((last, _))) if time < *last => {}
            (Some(time), last) => {
                known.skip = 0;
                *last = Some((time, 1));
            }
            (None, _) => {}
        }
        show(&known.service, line);
    }

    fn ended(&mut self, id: &str) {
        if let Some(known) = self.known.get_mut(id) {
            known.listening = false;
        }
        self.again = Some(Instant::now() + AGAIN);
    }

    fn due(&self) -> Option<Instant> {
        let down = self.still.map(|since| since + DOWN);
        self.again.into_iter().chain(down).min()
    }

    fn is_down(&self) -> bool {
        self.still.is_some_and(|since| since.elapsed() >= DOWN) && self.quiet()
    }

    /// Whether nothing is listened to.
    fn quiet(&self) -> bool {
        self.known.values().all(|known| !known.listening)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::COMPOSE_SERVICE_LABEL;
    use crate::engine::{Recorded, Run};

    fn container(service: &str, policy: &str) -> Container {
        let labels = [(COMPOSE_PROJECT_LABEL, "shop"), (COMPOSE_SERVICE_LABEL, service)];
        Container {
            id: service.into(),
            labels: labels.map(|(name, value)| (name.into(), value.into())).into(),
            restart_policy: policy.into(),
            ..Container::default()
        }
    }

    /// A run that ends after so many milliseconds, with lines `nanosecond text`.
    fn run(ends: Option<u64>, lines: &[&str]) -> Run {
        let ends = ends.map(|after| (Duration::from_millis(after), 0));
        let stamped = lines.iter().map(|line| format!("2024-01-01T00:00:00.00000000{line}"));
        Run { ends, log: stamped.collect(), ..Run::default() }
    }

    /// What is shown of `web` and `board` within a time, and whether it ended before.
    async fn followed(engine: &Recorded, tail: Option<usize>) -> (Vec<String>, bool) {
        let services = ["web".to_owned(), "board".to_owned()];
        let following = Following { project: "shop", services: &services, tail };
        let mut shown = Vec::new();
        let mut show =
            |service: &str, line: &LogLine| shown.push(format!("{service} {}", line.text));
        let follow = follow_logs(engine, &following, &mut show);
        let ended = tokio::time::timeout(Duration::from_mins(1), follow).await;
        let ended = ended.map(|outcome| outcome.unwrap()).is_ok();
        (shown, ended)
    }

    #[tokio::test(start_paused = true)]
    async fn a_restarted_container_is_followed_on_without_a_line_coming_twice() {
        let first = run(Some(1000), &["1Z one", "2Z two", "2Z two"]);
        // An engine gives the earlier run's lines of the same second again.
        let lines = ["1Z one", "2Z two", "2Z two", "2Z two of the next", "3Z three"];
        let engine = Recorded::new()
            .with_container(container("web", "always"), vec![first, run(None, &lines)]);
        engine.start("web").await.unwrap();
        let (shown, ended) = followed(&engine, None).await;
        assert_eq!(shown, ["web one", "web two", "web two", "web two of the next", "web three"]);
        assert!(!ended, "it still runs");
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_nothing_runs_any_more() {
        let engine = Recorded::new()
            .with_container(container("web", "no"), vec![run(Some(5000), &["1Z one"])])
            .with_container(container("board", "no"), vec![run(Some(1000), &["1Z lit"])]);
        for id in ["web", "board"] {
            engine.start(id).await.unwrap();
        }
        let begun = Instant::now();
        let (shown, ended) = followed(&engine, None).await;
        assert_eq!(shown, ["web one", "board lit"]);
        assert!(ended);
        let took = begun.elapsed();
        assert!(took >= Duration::from_secs(8) && took < Duration::from_secs(10), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_is_started_later_is_followed_from_its_beginning() {
        let engine = Recorded::new()
            .with_container(container("web", "no"), vec![run(None, &["1Z one", "2Z two"])])
            .with_container(container("board", "no"), vec![run(None, &["1Z lit", "2Z bright"])]);
        engine.start("web").await.unwrap();
        let other = engine.clone();
        let later = async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            other.start("board").await.unwrap();
        };
        let ((shown, _), ()) = tokio::join!(followed(&engine, Some(1)), later);
        assert_eq!(shown, ["web two", "board lit", "board bright"]);
    }
}
