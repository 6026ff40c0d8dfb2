//! Edits of code: files that come into containers which are there, images that are built instead, and that whatever
//! happens in between nothing starts with old code.

use std::os::unix::fs::PermissionsExt as _;

use crate::project::Project;
use crate::world::{SLIM, text};

/// A project of which `web` and three `worker` start from an image that copies `app`, and `board` from one that copies
/// `board`; both have the whole project as their context.
struct Shop {
    project: Project,
    tags: [String; 2],
}

/// What `web` and `worker` run: it leaves what it was when it started.
const MAIN: &str = "open('/tmp/ran', 'w').write('first')\nimport time\ntime.sleep(3600)\n";

impl Shop {
    fn new(purpose: &str) -> Option<Self> {
        let tags = ["app", "board"]
            .map(|name| format!("uptests-{purpose}-{name}-{}:latest", std::process::id()));
        let project = Project::new(&format!("code-{purpose}"), "")?;
        let shop = Self { project, tags };
        shop.compose(3);
        shop.project.environments(&["web", "worker"], &["board"]);
        for directory in ["app", "board"] {
            fs_err::create_dir(shop.project.path(directory)).unwrap();
        }
        let dockerfile = |name: &str| {
            format!(
                "FROM {SLIM}\nRUN true\nWORKDIR /srv\nCOPY {name} ./{name}\nUSER 65534\nCMD [\"python\", \"/srv/{name}/main.py\"]\n"
            )
        };
        shop.project.write("Dockerfile", &dockerfile("app"));
        shop.project.write("Dockerfile.board", &dockerfile("board"));
        shop.project.write(".dockerignore", "**/*.log\n");
        shop.project.write("app/main.py", MAIN);
        shop.project.write("app/old.py", "");
        shop.project.write("board/main.py", MAIN);
        shop.project.up();
        Some(shop)
    }

    fn compose(&self, workers: usize) {
        let [app, board] = &self.tags;
        let text = format!(
            "services:
  web: {{image: '{app}', build: ., stop_signal: SIGKILL}}
  worker: {{image: '{app}', stop_signal: SIGKILL, deploy: {{replicas: {workers}}}}}
  board: {{image: '{board}', build: {{context: ., dockerfile: Dockerfile.board}}, stop_signal: SIGKILL}}
"
        );
        self.project.write("docker-compose.yml", &text);
    }

    /// Has `web` and `worker` be another edition.
    fn edit(&self, edition: &str) {
        self.project.write("app/main.py", &MAIN.replace("first", edition));
    }

    /// What Python text prints in each container of a service.
    fn printed(&self, service: &str, code: &str) -> Vec<String> {
        let ids = self.project.containers(service);
        let print = |id: &str| {
            let output = self.project.world.docker(&["exec", id, "python3", "-c", code]);
            text(&output.stdout).trim().to_owned()
        };
        ids.lines().map(print).collect()
    }

    /// Which edition runs in each container of a service.
    fn editions(&self, service: &str) -> Vec<String> {
        self.printed(service, "print(open('/tmp/ran').read())")
    }

    fn check_editions(&self, edition: &str, workers: usize) {
        assert_eq!(self.editions("web"), [edition]);
        assert_eq!(self.editions("worker"), vec![edition.to_owned(); workers]);
        assert_eq!(self.editions("board"), ["first"]);
    }

    /// Has nothing be remembered of the code of containers, as where a run ended before its end.
    fn forget(&self) {
        let home = self.project.world.project().with_file_name("home");
        for entry in fs_err::read_dir(home.join(".local/share/pyfast/launch/v1")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "json") {
                let text = fs_err::read_to_string(&path).unwrap();
                let mut memory: serde_json::Value = serde_json::from_str(&text).unwrap();
                let containers = memory["record"]["containers"].as_object_mut().unwrap();
                containers.values_mut().for_each(|one| one["code"] = serde_json::Value::Null);
                fs_err::write(path, memory.to_string()).unwrap();
            }
        }
    }

    /// Container and image of a service.
    fn made(&self, service: &str) -> [String; 2] {
        let [id, image, _] = self.project.identity(service);
        [id, image]
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.project.world.docker(&["rm", "-f", self.project.containers("web").trim()]);
        for id in (self.project.containers("worker") + &self.project.containers("board")).lines() {
            self.project.world.docker(&["rm", "-f", id]);
        }
        for tag in &self.tags {
            self.project.world.docker(&["image", "rm", "-f", tag]);
        }
    }
}

#[test]
fn an_edit_comes_into_every_container_that_has_the_file_and_into_no_other() {
    let Some(shop) = Shop::new("edit") else { return };
    let (web, workers) = (shop.made("web"), shop.project.containers("worker"));
    let board = shop.project.identity("board");
    shop.check_editions("first", 3);
    shop.edit("second");
    let plan = shop.project.ok(&["up", "--plan"]);
    for words in ["not built; put 1 file into web, 1 file into worker", "restart  web: 1 file"] {
        assert!(plan.contains(words), "`{words}` is missing in: {plan}");
    }
    let result = shop.project.up();
    assert_eq!(result["services"]["web"]["restarted"], true, "{result}");
    shop.check_editions("second", 3);
    assert_eq!(shop.made("web"), web, "container and image stay");
    assert_eq!(shop.project.containers("worker"), workers);
    assert_eq!(shop.project.identity("board"), board, "its image has no such file");

    let quiet = [shop.project.identity("web"), board.clone()];
    let plan = shop.project.ok(&["up", "--plan"]);
    assert!(plan.contains("its containers have the files"), "{plan}");
    shop.project.up();
    let output = shop.project.docker_compose(&["up", "-d"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!([shop.project.identity("web"), shop.project.identity("board")], quiet);

    // Back to what the image has.
    shop.edit("first");
    shop.project.up();
    shop.check_editions("first", 3);
    assert_eq!(shop.made("web"), web);
}

/// Python tells stored bytecode by the time and the length of its source.
#[test]
fn an_edit_of_the_same_time_and_length_runs_although_bytecode_was_stored() {
    let Some(shop) = Shop::new("bytecode") else { return };
    let put = |edition: &str| {
        let path = shop.project.path("app/edition.py");
        fs_err::write(&path, format!("EDITION = '{edition}'\n")).unwrap();
        let file = fs_err::File::options().write(true).open(path).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        file.file().set_modified(time).unwrap();
        shop.project.up();
    };
    // Root may store bytecode there.
    let show = || {
        let id = shop.project.containers("web");
        let code =
            "import sys; sys.path.insert(0, '/srv/app'); import edition; print(edition.EDITION)";
        let run = ["exec", "-u", "0", id.trim(), "python3", "-c", code];
        text(&shop.project.world.docker(&run).stdout)
    };
    put("one");
    assert_eq!(show(), "one\n");
    assert!(
        shop.printed("web", "import os; print(os.listdir('/srv/app/__pycache__'))")[0]
            .contains("edition")
    );
    put("two");
    assert_eq!(show(), "two\n");
}

#[test]
fn new_gone_and_ignored_files_and_modes_are_as_an_image_would_have_them() {
    let Some(shop) = Shop::new("files") else { return };
    let web = shop.made("web");
    fs_err::create_dir_all(shop.project.path("app/new/deep")).unwrap();
    shop.project.write("app/new/deep/x.py", "");
    shop.project.write("app/tool.sh", "#!/bin/sh\n");
    let mode = |bits| std::fs::Permissions::from_mode(bits);
    fs_err::set_permissions(shop.project.path("app/tool.sh"), mode(0o755)).unwrap();
    std::os::unix::fs::symlink("main.py", shop.project.path("app/link.py")).unwrap();
    fs_err::remove_file(shop.project.path("app/old.py")).unwrap();
    shop.project.up();
    let look = "import os\nfor d, _, fs in os.walk('/srv/app'):\n for f in fs:\n  p = os.path.join(d, f)\n  s = os.lstat(p)\n  print(p, oct(s.st_mode), s.st_uid, s.st_gid)";
    let sorted = |printed: &[String]| {
        let mut lines: Vec<_> = printed[0].lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let put = sorted(&shop.printed("web", look));
    assert!(put.iter().any(|line| line.starts_with("/srv/app/new/deep/x.py")), "{put:?}");
    assert!(put.contains(&"/srv/app/tool.sh 0o100755 0 0".to_owned()), "{put:?}");
    assert!(!put.iter().any(|line| line.contains("old.py")), "{put:?}");
    assert_eq!(shop.made("web"), web);
    for worker in shop.printed("worker", look) {
        assert_eq!(sorted(&[worker]), put);
    }

    let before = shop.project.identity("web");
    shop.project.write("app/x.log", "1");
    shop.project.up();
    assert_eq!(shop.project.identity("web"), before, "it is no part of the context");

    // A directory goes, and what was written into it meanwhile is not ours to remove.
    let write = ["exec", "-u", "0", &web[0], "touch", "/srv/app/new/deep/written"];
    assert!(shop.project.world.docker(&write).status.success());
    fs_err::remove_dir_all(shop.project.path("app/new")).unwrap();
    shop.project.up();
    assert_eq!(shop.made("web"), web);
    let (new, left): (Vec<_>, Vec<_>) =
        sorted(&shop.printed("web", look)).into_iter().partition(|line| line.contains("/new/"));
    assert_eq!(new.len(), 1, "{new:?}");
    assert!(new[0].starts_with("/srv/app/new/deep/written"), "{new:?}");

    // An image that is built has the same.
    shop.project.ok(&["up", "--rebuild"]);
    assert_ne!(shop.made("web"), web);
    assert_eq!(sorted(&shop.printed("web", look)), left);
}

#[test]
fn containers_that_are_made_get_an_image_with_the_code_of_now() {
    let Some(shop) = Shop::new("made") else { return };
    let web = shop.made("web");
    shop.edit("second");
    shop.project.up();
    shop.compose(4);
    let plan = shop.project.ok(&["up", "--plan"]);
    assert!(
        plan.contains("build (the code changed; worker has 3 containers instead of 4)"),
        "{plan}"
    );
    shop.project.up();
    shop.check_editions("second", 4);
    assert_ne!(shop.made("web")[1], web[1]);

    shop.edit("third");
    shop.project.up();
    shop.check_editions("third", 4);
    shop.project.ok(&["down"]);
    shop.project.up();
    shop.check_editions("third", 4);

    // What runs something is built.
    let image = shop.made("web")[1].clone();
    let dockerfile = fs_err::read_to_string(shop.project.path("Dockerfile")).unwrap();
    shop.project.write("Dockerfile", &(dockerfile + "USER 0\nRUN touch /built\n"));
    shop.project.up();
    shop.edit("fourth");
    let plan = shop.project.ok(&["up", "--plan"]);
    assert!(plan.contains("build (the context changed)"), "{plan}");
    shop.project.up();
    shop.check_editions("fourth", 4);
    assert_ne!(shop.made("web")[1], image);
}

#[test]
fn what_a_crash_or_a_stranger_left_is_made_anew() {
    let Some(shop) = Shop::new("crash") else { return };
    let put = |service: &str, path: &str, content: &str| {
        let file = shop.project.path("left");
        fs_err::write(&file, content).unwrap();
        for id in shop.project.containers(service).lines() {
            let to = format!("{id}:{path}");
            let copied = shop.project.world.docker(&["cp", file.to_str().unwrap(), &to]);
            assert!(copied.status.success(), "{}", text(&copied.stderr));
        }
    };
    // While files were put: of two files one is new.
    shop.edit("second");
    put("web", "/srv/app/main.py", &MAIN.replace("first", "half"));
    put("web", "/.pyfast-code", "begun\n");
    let plan = shop.project.ok(&["up", "--plan"]);
    assert!(plan.contains("is not known"), "{plan}");
    shop.project.up();
    shop.check_editions("second", 3);

    // The same, with an image that has the code of now.
    put("web", "/srv/app/main.py", &MAIN.replace("first", "half"));
    put("web", "/.pyfast-code", "begun\n");
    shop.forget();
    let image = shop.made("web")[1].clone();
    let plan = shop.project.ok(&["up", "--plan"]);
    assert!(plan.contains("not certain which code web has"), "{plan}");
    shop.project.up();
    shop.check_editions("second", 3);
    assert_eq!(shop.made("web")[1], image);

    // After files were put, before the restart.
    shop.edit("third");
    shop.project.up();
    let [web, ..] = shop.project.identity("web");
    let started = shop.project.inspect("web", "{{.State.StartedAt}}");
    let held = shop.project.world.docker(&["exec", &web, "cat", "/.pyfast-code"]);
    let code = text(&held.stdout).split(' ').nth(1).unwrap().to_owned();
    put("web", "/.pyfast-code", &format!("put {code} {started}\n"));
    shop.forget();
    let result = shop.project.up();
    assert_eq!(result["services"]["web"]["restarted"], true, "{result}");
    assert_eq!(result["services"]["worker"]["restarted"], false, "{result}");

    // By somebody whose memory is another.
    let home = shop.project.world.project().with_file_name("home");
    fs_err::remove_dir_all(home.join(".local/share/pyfast/launch")).unwrap();
    shop.edit("second");
    shop.project.up();
    shop.check_editions("second", 3);
}

#[test]
fn a_container_that_takes_no_files_is_made_from_a_new_image() {
    let Some(shop) = Shop::new("closed") else { return };
    let compose = fs_err::read_to_string(shop.project.path("docker-compose.yml")).unwrap();
    let closed = compose.replace("build: ., ", "build: ., read_only: true, tmpfs: [/tmp], ");
    shop.project.write("docker-compose.yml", &closed);
    shop.project.up();
    let image = shop.made("web")[1].clone();
    shop.edit("second");
    shop.project.up();
    assert_ne!(shop.made("web")[1], image);
    shop.check_editions("second", 3);
}

#[test]
fn of_a_base_image_that_is_there_no_more_the_image_itself_tells() {
    let Some(shop) = Shop::new("base") else { return };
    let tag = |name: &str| format!("uptests-base-{name}-{}:latest", std::process::id());
    let (plain, trigger) = (tag("plain"), tag("trigger"));
    let docker = |arguments: &[&str]| {
        let output = shop.project.world.docker(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    };
    fs_err::create_dir(shop.project.path("trigger")).unwrap();
    let triggering = format!("FROM {SLIM}\nONBUILD COPY app /seen\n");
    shop.project.write("trigger/Dockerfile", &triggering);
    docker(&["tag", SLIM, &plain]);
    docker(&["build", "-q", "-t", &trigger, shop.project.path("trigger").to_str().unwrap()]);
    let dockerfile = fs_err::read_to_string(shop.project.path("Dockerfile")).unwrap();
    let on = |base: &str| {
        shop.project.write("Dockerfile", &dockerfile.replace(SLIM, base));
        shop.project.up();
        shop.made("web")[1].clone()
    };
    let image = on(&plain);
    docker(&["image", "rm", &plain]);
    shop.edit("second");
    shop.project.up();
    shop.check_editions("second", 3);
    assert_eq!(shop.made("web")[1], image);

    let image = on(&trigger);
    shop.edit("third");
    shop.project.up();
    shop.check_editions("third", 3);
    assert_ne!(shop.made("web")[1], image, "it has the file in another place too");
    let seen = shop.printed("web", "print('third' in open('/seen/main.py').read())");
    assert_eq!(seen, ["True"]);
    docker(&["image", "rm", "-f", &trigger]);
    let plan = shop.project.ok(&["up", "--plan"]);
    assert!(!plan.contains("not built"), "{plan}");
}

#[test]
fn what_was_not_started_as_another_service_failed_gets_the_code_of_now_later() {
    let Some(shop) = Shop::new("waits") else { return };
    let [app, board] = &shop.tags;
    let text = format!(
        "services:
  worker: {{image: '{app}', build: ., command: [python, /srv/app/migrate.py]}}
  web:
    image: '{app}'
    stop_signal: SIGKILL
    depends_on: {{worker: {{condition: service_completed_successfully}}}}
  board: {{image: '{board}', stop_signal: SIGKILL}}
"
    );
    shop.project.write("docker-compose.yml", &text);
    shop.project.write("app/migrate.py", "");
    shop.project.up();
    shop.edit("second");
    shop.project.write("app/migrate.py", "raise SystemExit(3)");
    shop.project.fails(&["up"], 1, &["✗ worker", "not started (needs worker)"]);
    assert_eq!(shop.editions("web"), ["first"]);
    shop.project.write("app/migrate.py", "");
    shop.project.up();
    assert_eq!(shop.editions("web"), ["second"]);
}
