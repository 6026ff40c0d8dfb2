//! What `up` would do, in words.

use pyfast_stack::Step;
use serde_json::{Value, json};

use crate::ui::count;

/// What is done in a phase.
pub(super) struct Act {
    /// The phase.
    pub(super) what: &'static str,
    /// What is done.
    pub(super) act: String,
}

impl Act {
    pub(super) fn line(&self) -> String {
        match self.what {
            "assumed" => format!("{}\n", self.act),
            what => format!("{what:11}  {}\n", self.act),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "what": self.what, "act": self.act })
    }
}

/// The acts of a step.
pub(super) fn acts(step: &Step) -> Vec<Act> {
    let one = |what, act| vec![Act { what, act }];
    match step {
        Step::Engine { host, version } => {
            one("engine", format!("{host} ({}, API {})", version.version, version.api))
        }
        Step::Image(image) => one("image", image.to_string()),
        Step::Environment { name, act } => one("environment", format!("{name}: {act}")),
        Step::Containers(plan) => {
            let lines = plan.to_string();
            lines.lines().map(|line| Act { what: "containers", act: line.to_owned() }).collect()
        }
        Step::Health(Some(services)) => {
            one("health", format!("waited for, of {}", count(*services, "service")))
        }
        Step::Health(None) => one("health", "not waited for".to_owned()),
    }
}
