//! What the containers of a service come to together. Owns which verdict counts and what is told of which container; must
//! not know how a verdict is come to.

use super::Verdict;
use crate::containers::health::ServiceFailure;
use crate::engine::Container;

/// The verdict on a service is the worst on one of its containers. Of those that failed all is told: containers of which
/// the same is to be said are named together, with the last lines of the first of them.
pub(super) fn together(verdicts: Vec<(&Container, Verdict)>) -> Verdict {
    let all = verdicts.len();
    let (mut worst, mut failures) = (Verdict::Completed, Vec::<ServiceFailure>::new());
    for (container, verdict) in verdicts {
        let Verdict::Failed(failure) = verdict else {
            worst = worse(worst, verdict);
            continue;
        };
        let name = container.name.clone();
        match failures.iter_mut().find(|other| is_like(other, &failure)) {
            Some(other) => other.containers.push(name),
            None => failures.push(ServiceFailure { containers: vec![name], ..*failure }),
        }
    }
    let mut failures = failures.into_iter();
    let Some(mut first) = failures.next() else { return worst };
    first.also = failures.collect();
    // It is the service's then.
    if first.containers.len() == all {
        first.containers.clear();
    }
    Verdict::Failed(Box::new(first))
}

/// Whether the same is to be said, but for what containers print.
fn is_like(one: &ServiceFailure, other: &ServiceFailure) -> bool {
    let said =
        |failure: &ServiceFailure| (failure.reason.clone(), failure.exit_code, failure.oom_killed);
    said(one) == said(other)
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Completed => 0,
        Verdict::Healthy => 1,
        Verdict::Running => 2,
        Verdict::Waiting => 3,
        Verdict::NotStarted { .. } => 4,
        Verdict::Failed(_) => 5,
    };
    if rank(&other) > rank(&one) { other } else { one }
}
