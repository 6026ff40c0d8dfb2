//! `develop.watch` of a service, read off the canonical model. Owns what a rule needs to be one.

use std::path::PathBuf;

use super::{ComposeError, Keyed};
use crate::compose_file::model::{Hook, WatchAction, WatchRule};

/// The rules of a service, in their order.
pub(super) fn watch_rules(at: &Keyed<'_>) -> Result<Vec<WatchRule>, ComposeError> {
    let key = at.path("watch");
    let items = at.items("watch").iter().enumerate();
    items.map(|(at, node)| rule(&Keyed { node, key: &format!("{key}[{at}]") })).collect()
}

fn rule(at: &Keyed<'_>) -> Result<WatchRule, ComposeError> {
    let wrong = |name: &str, why: &str| at.node.invalid(&at.path(name), why);
    let action = match at.text("action")?.as_deref() {
        Some("sync") => WatchAction::Sync,
        Some("restart") => WatchAction::Restart,
        Some("sync+restart") => WatchAction::SyncRestart,
        Some("sync+exec") => WatchAction::SyncExec,
        Some("rebuild") => WatchAction::Rebuild,
        _ => {
            let why = "one of sync, restart, sync+restart, sync+exec and rebuild is needed";
            return Err(wrong("action", why));
        }
    };
    let target = at.text("target")?.filter(|target| !target.is_empty());
    if action.syncs() && target.is_none() {
        return Err(wrong("target", "an action that syncs needs to know where to"));
    }
    let exec = at.child("exec", hook)?.filter(|hook| !hook.command.is_empty());
    if action == WatchAction::SyncExec && exec.is_none() {
        return Err(wrong("exec", "`sync+exec` needs a command"));
    }
    let path = at.text("path")?.ok_or_else(|| wrong("path", "a path is needed"))?;
    Ok(WatchRule {
        action,
        path: PathBuf::from(path),
        target,
        include: at.list("include")?.unwrap_or_default(),
        ignore: at.list("ignore")?.unwrap_or_default(),
        initial_sync: at.flag("initial_sync")?.unwrap_or(false),
        exec,
    })
}

/// A command that is run in a container.
pub(super) fn hook(at: &Keyed<'_>) -> Result<Hook, ComposeError> {
    Ok(Hook {
        command: at.list("command")?.unwrap_or_default(),
        user: at.text("user")?,
        privileged: at.flag("privileged")?.unwrap_or(false),
        working_dir: at.text("working_dir")?,
        environment: at.optional_texts("environment"),
    })
}
