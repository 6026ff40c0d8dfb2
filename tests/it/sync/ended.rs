//! Backends end with the sync that started them, whatever signal ends that.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::source::Sdist;
use crate::support::until;
use crate::support::world::World;

/// Whether a process runs: what ended and nobody waited for does not.
fn runs(id: &str) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[test]
fn a_backend_and_what_it_started_end_with_the_sync() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::KILL] {
        let mut world = World::new();
        let told = world.path("ids");
        world.env.insert("BUILT".to_owned(), world.path("built").display().to_string());
        let sleeping = format!(
            "import subprocess, time; child = subprocess.Popen(['sleep', '600']); \
             file = open({told:?} + '.new', 'w'); file.write('%d %d' % (os.getpid(), child.pid)); file.close(); \
             os.rename({told:?} + '.new', {told:?}); time.sleep(600)"
        );
        Sdist::new("slow", "1").doing(&sleeping).publish(&world);
        world.require(&["slow"]);
        let mut command = world.command(&["sync"]);
        let mut sync = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the backend begins", || told.is_file());
        let ids = fs_err::read_to_string(&told).unwrap();
        let ids: Vec<&str> = ids.split(' ').collect();
        assert!(ids.len() == 2 && ids.iter().all(|id| runs(id)), "{ids:?}");
        kill_process(Pid::from_child(&sync), signal).unwrap();
        sync.wait().unwrap();
        until("the backend ends", || !ids.iter().any(|id| runs(id)));
    }
}

#[test]
fn what_a_backend_leaves_running_after_its_end_goes_on() {
    let mut world = World::new();
    world.env.insert("BUILT".to_owned(), world.path("built").display().to_string());
    let place = world.path("later");
    let later = format!(
        "import subprocess; subprocess.Popen(['sh', '-c', 'sleep 1; echo done > {}'], stdout=subprocess.DEVNULL, \
         stderr=subprocess.DEVNULL)",
        place.display()
    );
    Sdist::new("quick", "1").doing(&later).publish(&world);
    assert_eq!(world.require(&["quick"]).sync(&[]).packages(), ["quick==1"]);
    until("a compiler's server serves on", || place.is_file());
}
