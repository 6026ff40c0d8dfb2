//! A volume that only containers write, with nothing to do: asked from outside, nothing runs for it, and whatever changed it
//! meanwhile is noticed.

use serde_json::Value;

use crate::project::{Project, TWO};
use crate::remote::Far;
use crate::world::{SLIM, World, text};

/// A world whose engine is far away, synced with `alpha` 1.0, where a container runs on the volume.
struct Outside {
    world: World,
    far: Far,
    user: String,
}

impl Outside {
    fn new(purpose: &str) -> Option<Self> {
        let mut world = World::new(purpose)?;
        let far = Far::new(&world.host);
        world.host.clone_from(&far.address);
        world.package("alpha", "1.0");
        world.package("alpha", "2.0");
        let mut outside = Self { world, far, user: String::new() };
        outside.requires("alpha==1.0");
        outside.sync();
        outside.user = outside.start_user();
        Some(outside)
    }

    fn start_user(&self) -> String {
        let mount = format!("{}:/pyfast:ro,nocopy", self.world.volume);
        let run = ["run", "-d", "--network", "none", "-v", &mount, SLIM, "sleep", "infinity"];
        text(&self.world.docker(&run).stdout).trim().to_owned()
    }

    fn requires(&self, line: &str) {
        self.world.requirements(&format!("{line}\n"));
    }

    /// A sync; whether it changed the environment, and how many containers were started for it.
    #[track_caller]
    fn sync(&self) -> (bool, usize) {
        self.far.started();
        let result = self.world.synced();
        (result["changed"].as_bool().unwrap(), self.far.started())
    }

    /// Syncs until nothing is started any more: once from inside, and then from outside.
    #[track_caller]
    fn settle(&self) {
        let (changed, started) = self.sync();
        assert!(!changed && started > 0, "looked at from inside");
        assert_eq!(self.sync(), (false, 0), "asked from outside");
    }

    /// A command about the environment as another machine gives it, which remembers nothing of this one's.
    #[track_caller]
    fn elsewhere(&self, arguments: &[&str]) {
        let wheels = self.world.project().with_file_name("wheels").display().to_string();
        let place = ["--volume", &self.world.volume, "--image", SLIM];
        let home = tempfile::tempdir().unwrap();
        let mut command = self.world.command(&[arguments, &place].concat());
        command.env("PYFAST_NO_INDEX", "true").env("PYFAST_FIND_LINKS", wheels);
        command.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path());
        let output = command.env("DOCKER_HOST", &self.world.client_host).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    }

    /// A command of the volume's user in a container that may write it.
    #[track_caller]
    fn by_hand(&self, script: &str) {
        let mount = format!("{}:/pyfast:nocopy", self.world.volume);
        let run = ["run", "--rm", "--network", "none", "-v", &mount, SLIM, "sh", "-c", script];
        let output = self.world.docker(&run);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    #[track_caller]
    fn is_alpha(&self, version: &str) {
        assert_eq!(self.world.printed(&["alpha-tool"]), format!("alpha {version}\n"));
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.world.docker(&["rm", "-f", &self.user]);
    }
}

#[test]
fn an_unchanged_sync_starts_no_container() {
    let Some(outside) = Outside::new("outside-same") else { return };
    outside.settle();
    assert_eq!(outside.world.containers().lines().count(), 1, "the user's own");
    outside.is_alpha("1.0");
    // What is wanted decides as ever.
    outside.requires("alpha==2.0");
    assert!(outside.sync().0);
    outside.is_alpha("2.0");
    outside.settle();
}

#[test]
fn what_another_machine_did_to_the_environment_is_noticed() {
    let Some(outside) = Outside::new("outside-other") else { return };
    outside.settle();
    outside.requires("alpha==2.0");
    outside.elsewhere(&["sync", "-r", "requirements.txt"]);
    outside.requires("alpha==1.0");
    outside.is_alpha("2.0");
    assert!(outside.sync().0, "the other's sync");
    outside.settle();
    outside.elsewhere(&["rollback"]);
    outside.is_alpha("2.0");
    assert!(outside.sync().0, "the other's rollback");
    outside.settle();
    // What is needed stays.
    outside.elsewhere(&["gc", "--keep", "0", "--recent", "0"]);
    assert!(!outside.sync().0 && !outside.sync().0);
    outside.elsewhere(&["env", "rm", "default"]);
    assert!(outside.sync().0, "it was removed");
    outside.is_alpha("1.0");
}

#[test]
fn what_was_changed_by_hand_in_the_environment_is_noticed() {
    let Some(outside) = Outside::new("outside-hand") else { return };
    let site = "cd /pyfast/envs/v1/*/lib/python3.11/site-packages";
    let scripts = [
        format!("{site} && rm -r alpha"),
        format!("{site} && rm -r alpha-1.0.dist-info"),
        format!("{site} && echo > another.py"),
        "rm /pyfast/envs/v1/*/bin/alpha-tool".to_owned(),
        "rm -r /pyfast/envs /pyfast/store".to_owned(),
    ];
    for script in scripts {
        outside.settle();
        outside.by_hand(&script);
        assert!(outside.sync().1 > 0, "{script}");
        outside.is_alpha("1.0");
    }
}

#[test]
fn another_volume_of_the_same_name_is_filled() {
    let Some(mut outside) = Outside::new("outside-new") else { return };
    outside.settle();
    for id in outside.world.keepers().iter().chain([&outside.user]) {
        outside.world.engine().remove_container(id);
    }
    let removed = outside.world.docker(&["volume", "rm", &outside.world.volume]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    outside.world.docker(&["volume", "create", &outside.world.volume]);
    outside.user = outside.start_user();
    assert!(outside.sync().0);
    outside.is_alpha("1.0");
}

#[test]
fn without_a_container_that_runs_on_the_volume_the_look_is_from_inside() {
    let Some(outside) = Outside::new("outside-alone") else { return };
    outside.settle();
    // As after a start of the engine's machine, before which something may be lost.
    outside.world.docker(&["restart", "-t", "0", &outside.user]);
    outside.settle();
    outside.world.docker(&["stop", "-t", "0", &outside.user]);
    for _ in 0..2 {
        let (changed, started) = outside.sync();
        assert!(!changed && started > 0);
    }
}

#[test]
fn an_unchanged_up_starts_no_container() {
    let Some(mut project) = Project::new("outside", TWO) else { return };
    let far = Far::new(&project.world.host);
    project.world.host.clone_from(&far.address);
    project.up();
    let before = [project.identity("web"), project.identity("board")];
    project.up();
    far.started();
    let result: Value = project.up();
    assert_eq!(far.started(), 0, "{result}");
    assert_eq!([project.identity("web"), project.identity("board")], before);
    project.write("backend.txt", "shade==2.0\n");
    project.up();
    assert_eq!(project.python("web", "import shade as s; print(s.__version__)"), "2.0");
}
