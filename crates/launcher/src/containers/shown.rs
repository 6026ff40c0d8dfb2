//! States and verdicts in a word or two, and all of them as JSON, for whoever shows them. Must not know where.

use serde_json::{Value, json};

use super::health::{ServiceFailure, Verdict};
use super::start::{Renewal, ServiceOutcome};
use crate::engine::HealthStatus::{Healthy, Starting, Unhealthy};
use crate::engine::{Container, Status};
use crate::override_file::ENV_LABEL;

impl Container {
    /// Whether it has been started and has not ended, whatever it does just now.
    pub fn is_up(&self) -> bool {
        matches!(self.status, Status::Running | Status::Restarting | Status::Paused)
    }

    /// Its state.
    pub fn state(&self) -> String {
        let health = self.health.as_ref().map(|health| health.status);
        match (self.status, health) {
            (Status::Running, Some(Healthy)) => "healthy".to_owned(),
            (Status::Running, Some(Unhealthy)) => "unhealthy".to_owned(),
            (Status::Running, Some(Starting)) => "running (health: starting)".to_owned(),
            // One that ends and is started again runs whenever somebody looks.
            (Status::Running, None) => match self.restart_count {
                0 => "running".to_owned(),
                1 => "running (1 restart)".to_owned(),
                restarts => format!("running ({restarts} restarts)"),
            },
            (Status::Exited, _) if self.exit_code == 0 => "completed".to_owned(),
            (Status::Exited, _) => format!("exited ({})", self.exit_code),
            (Status::Created, _) => "created".to_owned(),
            (Status::Paused, _) => "paused".to_owned(),
            (Status::Restarting, _) => format!("restarting (exited {})", self.exit_code),
            (Status::Dead, _) => "dead".to_owned(),
        }
    }

    /// All that is shown of it, with the service that it belongs to.
    pub fn to_json(&self, service: &str) -> Value {
        json!({
            "service": service,
            "id": self.id,
            "name": self.name,
            "image": self.image_id,
            "environment": self.labels.get(ENV_LABEL),
            "state": self.state(),
            "exit_code": (self.status == Status::Exited).then_some(self.exit_code),
            "started_at": self.started_at,
            "addresses": self.addresses(),
        })
    }
}

impl Verdict {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "not waited for",
            Self::Running => "running",
            Self::Healthy => "healthy",
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::NotStarted { .. } => "not started",
        }
    }

    /// With what it comes from.
    pub fn state(&self) -> String {
        match self {
            Self::NotStarted { because } => format!("not started (needs {because})"),
            other => other.word().to_owned(),
        }
    }
}

impl ServiceOutcome {
    /// All that is shown of it, with the containers of the service.
    pub fn to_json(&self, service: &str, containers: &[&Container]) -> Value {
        let containers: Vec<_> = containers.iter().map(|one| one.to_json(service)).collect();
        let took = (self.took.as_secs_f64() * 1e6).round() / 1e3;
        let mut json = json!({
            "verdict": self.verdict.word(),
            "restarted": self.had(Renewal::Restarted),
            "reloaded": self.had(Renewal::Reloaded),
            "took_ms": took,
            "containers": containers,
        });
        match &self.verdict {
            Verdict::Failed(failure) => json["failure"] = failure.to_json(),
            Verdict::NotStarted { because } => json["needs"] = json!(because),
            _ => {}
        }
        json
    }
}

impl ServiceFailure {
    /// Everything that helps to mend it.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![match self.containers.as_slice() {
            [] => self.reason.clone(),
            containers => format!("{}: {}", containers.join(", "), self.reason),
        }];
        if let Some(code) = self.exit_code {
            let memory = if self.oom_killed { " (memory ran out)" } else { "" };
            lines.push(format!("exit code {code}{memory}"));
        }
        if !self.health_output.trim().is_empty() {
            lines.push("the last health check said:".to_owned());
            lines.extend(self.health_output.trim().lines().map(|line| format!("| {line}")));
        }
        match self.log.len() {
            0 => {}
            1 => lines.push("its last 1 line:".to_owned()),
            count => lines.push(format!("its last {count} lines:")),
        }
        lines.extend(self.log.iter().map(|line| format!("| {}", line.text)));
        lines.extend(self.also.iter().flat_map(Self::lines));
        lines
    }

    fn to_json(&self) -> Value {
        json!({
            "containers": self.containers,
            "reason": self.reason,
            "exit_code": self.exit_code,
            "out_of_memory": self.oom_killed,
            "health_output": self.health_output,
            "log": self.log.iter().map(|line| &line.text).collect::<Vec<_>>(),
            "also": self.also.iter().map(Self::to_json).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_or_is_started_again_is_up_and_what_ended_is_not() {
        let up = |status| Container { status, ..Container::default() }.is_up();
        assert!([Status::Running, Status::Paused, Status::Restarting].into_iter().all(up));
        assert!(![Status::Created, Status::Exited, Status::Dead].into_iter().any(up));
    }

    #[test]
    fn of_a_failure_everything_is_told_that_helps() {
        let line =
            |text: &str| crate::engine::LogLine { stderr: false, time: None, text: text.into() };
        let mut failure = ServiceFailure {
            reason: "it is unhealthy".into(),
            exit_code: Some(137),
            oom_killed: true,
            health_output: "no\n".into(),
            log: vec![line("a"), line("b")],
            ..ServiceFailure::default()
        };
        let told = "it is unhealthy/exit code 137 (memory ran out)/the last health check said:/| no/its last 2 lines:/| a/| b";
        assert_eq!(failure.lines().join("/"), told);
        failure = ServiceFailure {
            log: vec![line("a")],
            reason: "why".into(),
            ..ServiceFailure::default()
        };
        assert_eq!(failure.lines().join("/"), "why/its last 1 line:/| a");
        let containers = ["web-1", "web-3"].map(str::to_owned).into();
        let also = ServiceFailure { containers, ..failure.clone() };
        failure = ServiceFailure {
            containers: vec!["web-2".into()],
            log: Vec::new(),
            also: vec![also],
            ..failure
        };
        let told = "web-2: why/web-1, web-3: why/its last 1 line:/| a";
        assert_eq!(failure.lines().join("/"), told);
        assert_eq!(failure.to_json()["also"][0]["containers"], json!(["web-1", "web-3"]));
    }

    #[test]
    fn a_container_that_is_started_again_and_again_does_not_just_run() {
        let of = |status, restart_count, exit_code| {
            Container { status, exit_code, restart_count, ..Container::default() }.state()
        };
        assert_eq!(of(Status::Running, 0, 0), "running");
        assert_eq!(of(Status::Running, 7, 1), "running (7 restarts)");
        assert_eq!(of(Status::Restarting, 7, 1), "restarting (exited 1)");
        assert_eq!(of(Status::Exited, 0, 3), "exited (3)");
    }
}
