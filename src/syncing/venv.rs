//! Tells what came of having the project's `.venv` lead to an environment. Owns the words; must not know when a link is
//! pyfast's own.

use pyfast_environment::report::SyncReport;
use pyfast_environment::venv_link::{Taken, VENV, VenvLink, keep_out_of_git, link_venv};

use crate::settings::Settings;

/// Has `.venv` lead to what was synced, and keeps it out of the project's repository. What is in the way is told when
/// who uses it begins to see something else than was synced.
pub(super) fn link(settings: &Settings, sync: &SyncReport) {
    let (ui, project) = (settings.ui, &settings.project.directory);
    match link_venv(project, &sync.facts.current) {
        Ok(VenvLink::Made) => {}
        Ok(VenvLink::Stands) if sync.changed => {}
        Ok(VenvLink::Stands | VenvLink::Another) => return,
        Ok(VenvLink::Taken(taken)) => {
            if sync.changed {
                ui.warning(in_the_way(&taken, &sync.facts.current.display().to_string()));
            }
            return;
        }
        Err(error) => {
            ui.detail(format!("cannot link {}: {error}", project.join(VENV).display()));
            return;
        }
    }
    match keep_out_of_git(project, VENV) {
        Ok(None) => {}
        Ok(Some(file)) => ui.note(format!("`{VENV}` is kept out of git by {}", file.display())),
        Err(error) => ui.detail(format!("cannot keep `{VENV}` out of git: {error}")),
    }
}

fn in_the_way(taken: &Taken, current: &str) -> String {
    let what = match taken {
        Taken::Venv => "is a virtual environment of another tool".to_owned(),
        Taken::Link(target) => format!("leads to {}", target.display()),
        Taken::Other => "is not pyfast's".to_owned(),
    };
    format!(
        "`{VENV}` {what}, and stays: who uses it does not see what was synced. Remove it and sync again, or have \
         editors and shells use {current}"
    )
}
