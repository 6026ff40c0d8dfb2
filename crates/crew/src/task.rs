//! One environment that is to be made, and what came of it. Owns what may be asked; must not know who does it.

use std::time::Duration;

use pyfast_environment::report::SyncReport;
use pyfast_environment::request::{InstallOptions, LockUse};
use pyfast_packaging::requirements_txt::Drafts;
use pyfast_root::Cause;
use pyfast_settings::{ResolveFlags, Settings};
use serde_json::{Value, json};

use crate::event::{Event, Events};

/// How to sync.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What shapes the resolution.
    pub resolve: ResolveFlags,
    /// What may become of the lock.
    pub lock_use: LockUse,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// What the history notes of it.
    pub cause: Cause,
    /// How the environment is made. What the settings say of it is added to what is given here.
    pub install: InstallOptions,
    /// Requirements files that are read as they will be.
    pub drafts: Drafts,
    /// Whether no digest is asked for: a draft has those of what it adds only when that is resolved.
    pub without_hashes: bool,
}

/// One environment that is to be made.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// How.
    pub options: &'a Options,
    /// Which, where, and for which interpreter.
    pub settings: &'a Settings,
    /// Who is told what goes on.
    pub events: &'a Events,
}

impl Task<'_> {
    /// How the environment is made, settings included.
    pub(crate) fn install(&self) -> InstallOptions {
        let real = &self.settings.project.config.link.real;
        InstallOptions {
            real: real.iter().filter_map(|name| name.parse().ok()).collect(),
            compile: self.options.install.compile.or_else(|| self.settings.compile()),
            prompt: Some(self.settings.prompt()),
            ..self.options.install.clone()
        }
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.events)(event);
    }
}

/// The result of a sync, done or tried.
#[derive(Debug, Clone)]
pub struct Report {
    /// What came of it.
    pub sync: SyncReport,
    /// The plan of a dry run, one act a line.
    pub plan: Option<String>,
    /// The text of the lock, where it was looked at.
    pub lock: Option<String>,
    /// Whether nothing had moved, so that nothing was read.
    pub untouched: bool,
}

/// Milliseconds, as scripts get them.
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl Report {
    /// What was done.
    pub(crate) fn done(sync: SyncReport) -> Self {
        Self { sync, plan: None, lock: None, untouched: false }
    }

    /// What stands since the last one, of which nothing was read.
    pub(crate) fn untouched(sync: SyncReport) -> Self {
        Self { untouched: true, ..Self::done(sync) }
    }

    /// As a script reads it.
    pub fn to_json(&self) -> Value {
        let SyncReport { facts, changed, changes, timings, .. } = &self.sync;
        let mut report = json!(facts);
        report["changed"] = json!(changed);
        report["added"] = json!(changes.added);
        report["removed"] = json!(changes.removed);
        report["updated"] = json!(changes.updated);
        report["compiling"] = json!(self.sync.compiling);
        report["timings_ms"] = json!({
            "resolve": millis(timings.resolve),
            "fetch": millis(timings.fetch),
            "compose": millis(timings.compose),
            "total": millis(timings.total),
        });
        if self.plan.is_some() {
            report["dry_run"] = json!(true);
        }
        report
    }

    /// The same, with how long all of it took.
    pub(crate) fn took(mut self, total: Duration) -> Self {
        self.sync.timings.total = total;
        self
    }
}
