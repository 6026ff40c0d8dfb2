//! Has the project's `.venv` lead to an environment that was synced. Owns what is told of it; must not know when a link
//! is pyfast's own.

use pyfast_environment::venv_link::{VENV, VenvLink, keep_out_of_git, link_venv};

use crate::event::Event;
use crate::task::{Report, Task};

/// Has `.venv` lead to what was synced, and keeps it out of the project's repository. What is in the way is told when
/// who uses it begins to see something else than was synced.
pub(crate) fn link(task: Task<'_>, report: &Report) {
    let (project, sync) = (&task.settings.project.directory, &report.sync);
    match link_venv(project, &sync.facts.current) {
        Ok(VenvLink::Made) => {}
        Ok(VenvLink::Stands) if sync.changed => {}
        Ok(VenvLink::Stands | VenvLink::Another) => return,
        Ok(VenvLink::Taken(taken)) => {
            if sync.changed {
                let current = sync.facts.current.clone();
                task.tell(Event::VenvTaken { taken, current });
            }
            return;
        }
        Err(error) => {
            return task
                .tell(Event::NoLink { link: project.join(VENV), reason: error.to_string() });
        }
    }
    match keep_out_of_git(project, VENV) {
        Ok(None) => {}
        Ok(Some(file)) => task.tell(Event::KeptOutOfGit { file }),
        Err(error) => task.tell(Event::InGit { reason: error.to_string() }),
    }
}
