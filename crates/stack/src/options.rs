//! How a project is brought up, as whoever asks for it says. Owns no rule about it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use pyfast_launcher::containers::StartOptions;
use pyfast_launcher::develop::{Rule, Rules};

/// How a project is brought up.
#[derive(Debug, Clone, Default)]
pub struct UpOptions {
    /// Services, with what they depend on; none is all.
    pub services: Vec<String>,
    /// Whether all images are built that can be.
    pub rebuild: bool,
    /// Whether nothing is created that a check says would not start.
    pub check: bool,
    /// Whether to wait until services are healthy.
    pub wait: bool,
    /// How long, for each; `None` as its health check says.
    pub deadline: Option<Duration>,
    /// Services whose images are built.
    pub build: BTreeSet<String>,
    /// What rules have done, for which nothing is restarted.
    pub following: Following,
}

/// What was done by rules since watching began.
#[derive(Debug, Clone, Default)]
pub struct Following {
    /// Places that were synced or are ignored, by rule: nothing restarts its service for them while it holds.
    synced: Vec<(Rule, BTreeSet<String>)>,
    /// Rules that held before: what they say of a change is done, also where `up` sees the change first.
    held: Vec<Rule>,
    /// Containers that got all files of the rules that ask for it, and places for which that is left to do.
    pub(crate) filled: BTreeMap<String, BTreeSet<String>>,
    /// What could not be read, of which the user knows.
    pub(crate) unread: BTreeSet<PathBuf>,
}

impl Following {
    /// Forgets what was done by rules that do not hold any more, and knows which of them held before.
    pub(crate) fn keep(&mut self, rules: &Rules, before: Option<&Rules>) {
        let is_in = |rules: &Rules, rule: &Rule| rules.held.iter().any(|one| one.is_same(rule));
        self.synced.retain(|(rule, _)| is_in(rules, rule));
        let held = rules.held.iter().filter(|rule| before.is_some_and(|one| is_in(one, rule)));
        self.held = held.cloned().collect();
    }

    /// Remembers places that are as a rule has them.
    pub(crate) fn add(&mut self, rule: &Rule, places: impl IntoIterator<Item = String>) {
        match self.synced.iter_mut().find(|(one, _)| one.is_same(rule)) {
            Some((_, known)) => known.extend(places),
            None => self.synced.push((rule.clone(), places.into_iter().collect())),
        }
    }

    /// Whether rules decide about a place in the containers of a service: nothing restarts it for that.
    pub(crate) fn decides(&self, service: &str, place: &str) -> bool {
        let synced = self
            .synced
            .iter()
            .any(|(rule, places)| rule.service() == service && places.contains(place));
        synced || self.held.iter().any(|rule| rule.service() == service && rule.syncs_to(place))
    }
}

impl UpOptions {
    /// How services are restarted by rules, as the user said it of all.
    pub(crate) fn restart(&self, restart: BTreeSet<String>) -> StartOptions {
        let (wait, deadline) = (self.wait, self.deadline);
        StartOptions { wait, deadline, restart, ..StartOptions::default() }
    }
}

#[cfg(test)]
mod tests {
    use pyfast_launcher::compose_file::{ComposeRequest, read_compose};

    use super::*;

    fn rules(watch: &str) -> Rules {
        let place = tempfile::tempdir().unwrap();
        let text = format!("services: {{web: {{image: web, develop: {{watch: [{watch}]}}}}}}");
        fs_err::write(place.path().join("compose.yaml"), text).unwrap();
        let project = read_compose(&ComposeRequest {
            directory: place.path(),
            files: &[],
            environment: &BTreeMap::new(),
            profiles: &[],
            services: &[],
            project_name: Some("shop"),
        });
        Rules::of(&project.unwrap(), &BTreeSet::from(["web".to_owned()]), &BTreeSet::new())
    }

    #[test]
    fn what_a_rule_has_done_is_forgotten_with_it() {
        let both = "{action: sync, path: /a, target: /a}, {action: sync, path: /b, target: /b}";
        let (both, one) = (rules(both), rules("{action: sync, path: /b, target: /b}"));
        let mut following = Following::default();
        for (rule, place) in both.held.iter().zip(["/a/x", "/b/x"]) {
            following.add(rule, [place.to_owned()]);
        }
        let decided =
            |following: &Following| ["/a/x", "/b/x"].map(|place| following.decides("web", place));
        following.keep(&both, None);
        assert_eq!(decided(&following), [true, true]);
        assert!(!following.decides("board", "/a/x"));
        following.keep(&one, None);
        assert_eq!(decided(&following), [false, true]);
    }

    #[test]
    fn what_a_rule_means_that_held_before_is_left_to_it_also_where_up_sees_it_first() {
        let rules = rules("{action: sync, path: /a, target: /a}, {action: restart, path: /b}");
        let mut following = Following::default();
        following.keep(&rules, None);
        assert!(!following.decides("web", "/a"), "what changed before anybody watched is `up`'s");
        following.keep(&rules, Some(&Rules::default()));
        assert!(!following.decides("web", "/a"), "so is what changed before there was the rule");
        following.keep(&rules, Some(&rules));
        assert!(following.decides("web", "/a"));
        assert!(!following.decides("web", "/b") && !following.decides("board", "/a"));
    }

    #[test]
    fn a_restart_by_rules_waits_as_the_user_said_it() {
        let asked = UpOptions { deadline: Some(Duration::from_secs(7)), ..UpOptions::default() };
        let restart = asked.restart(BTreeSet::from(["web".to_owned()]));
        assert_eq!((restart.wait, restart.deadline), (false, Some(Duration::from_secs(7))));
    }
}
