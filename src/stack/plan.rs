//! What `up` would do, in words.

use pyfast_stack::Step;
use serde_json::{Value, json};

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
    let lines = step.to_string();
    lines.lines().map(|line| Act { what: step.phase(), act: line.to_owned() }).collect()
}
