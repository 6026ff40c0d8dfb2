//! `up --watch` with rules of a compose file (`develop.watch`).

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::project::Project;
use crate::world::{SLIM, text};

/// What the services run: it leaves what it was when it started, which `broken` keeps it from unless there is `mended`.
const MAIN: &str = "import os, time
if os.path.exists('/srv/conf/broken') > os.path.exists('/srv/hook/mended'): raise SystemExit(3)
open('/tmp/ran', 'w').write('first')
time.sleep(3600)
";

/// Of `web`, whose files rules concern; `board` has the same code without any. Compose 1 passes over `x-develop`.
const RULES: &str = "
    x-develop:
      watch:
        - {action: sync, path: ./app, target: /srv/app, ignore: ['*.tmp'], initial_sync: true}
        - {action: sync+restart, path: ./conf, target: /srv/conf}
        - {action: sync+exec, path: ./hook, target: /srv/hook, exec: {command: touch /tmp/hooked, user: root}}
        - {action: rebuild, path: ./built.txt}
        - {action: sync, path: ./hosts, target: /srv/app/}
";

/// A project that is watched.
struct Watch {
    project: Project,
    child: Child,
    tags: [String; 2],
}

impl Watch {
    fn new() -> Option<Self> {
        let tags = ["web", "board"]
            .map(|name| format!("uptests-rules-{name}-{}:latest", std::process::id()));
        let project = Project::new("rules", "")?;
        let [web, board] = &tags;
        let service = |name: &str, tag: &str| {
            format!("  {name}:\n    image: '{tag}'\n    build: .\n    stop_signal: SIGKILL")
        };
        let (web, board) = (service("web", web), service("board", board));
        project.write("docker-compose.yml", &format!("services:\n{web}{RULES}{board}\n"));
        let dockerfile = format!(
            "FROM {SLIM}\nRUN true\nWORKDIR /srv\nCOPY built.txt .\nCOPY app ./app\nCMD [\"python\", \"/srv/app/main.py\"]\n"
        );
        project.write("Dockerfile", &dockerfile);
        project.write(".dockerignore", "*.toml\n*.yml\nhosts\nboards.txt\nbackend.txt\n");
        project.write("built.txt", "1");
        for directory in ["app", "conf", "hook"] {
            fs_err::create_dir(project.path(directory)).unwrap();
        }
        for (file, text) in [("app/main.py", MAIN), ("app/old.py", ""), ("app/extra.py", "")] {
            project.write(file, text);
        }
        project.up();
        let id = project.containers("web");
        project.world.docker(&["exec", id.trim(), "rm", "/srv/app/extra.py"]);
        let mut command = project.command(&["up", "--watch"]);
        let said = fs_err::File::create(project.path("said.tmp")).unwrap();
        command.stdout(Stdio::null()).stderr(Stdio::from(said.into_file()));
        let child = command.spawn().unwrap();
        let watch = Self { project, child, tags };
        watch.until("the watch begins", || watch.said().contains("Watching "));
        Some(watch)
    }

    fn said(&self) -> String {
        fs_err::read_to_string(self.project.path("said.tmp")).unwrap()
    }

    fn until(&self, what: &str, reached: impl Fn() -> bool) {
        let begun = Instant::now();
        while !reached() {
            assert!(
                begun.elapsed() < Duration::from_mins(10),
                "not reached: {what}: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What a shell prints in the container of a service.
    fn shell(&self, service: &str, script: &str) -> String {
        let id = self.project.containers(service);
        let output = self.project.world.docker(&["exec", id.trim(), "sh", "-c", script]);
        text(&output.stdout).trim().to_owned()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
        for service in ["web", "board"] {
            let id = self.project.containers(service);
            self.project.world.docker(&["rm", "-f", id.trim()]);
        }
        for tag in &self.tags {
            self.project.world.docker(&["image", "rm", "-f", tag]);
        }
    }
}

#[test]
fn rules_of_a_compose_file_decide_about_what_they_name() {
    let Some(mut watch) = Watch::new() else { return };
    let project = &watch.project;
    assert!(watch.said().contains("web: sync on app → /srv/app"), "{}", watch.said());
    let there = |file: &str| watch.shell("web", &format!("test -e {file} && echo yes")) == "yes";
    watch.until("all is synced at first", || there("/srv/app/extra.py"));

    // The service with a rule gets the file alone, and what is ignored counts for nothing; the other one is restarted as
    // without rules.
    let web = project.identity("web");
    project.write("app/main.py", &MAIN.replace("first", "second"));
    project.write("app/note.tmp", "");
    watch.until("board runs the edit", || watch.shell("board", "cat /tmp/ran") == "second");
    assert!(watch.shell("web", "cat /srv/app/main.py").contains("second"));
    assert_eq!(project.identity("web"), web, "{}", watch.said());

    fs_err::remove_file(project.path("app/old.py")).unwrap();
    watch.until("what is gone is removed", || !there("/srv/app/old.py"));
    assert_eq!(project.identity("web"), web, "{}", watch.said());

    // A rule for a file, whose target is a directory there.
    project.write("hosts", "1");
    watch.until("it is refused", || watch.said().contains("`/srv/app` is a directory there"));
    fs_err::remove_file(project.path("hosts")).unwrap();
    project.write("app/after.py", "");
    watch.until("other files come", || there("/srv/app/after.py"));
    assert!(there("/srv/app/main.py"), "{}", watch.said());
    assert_eq!(project.identity("web"), web, "{}", watch.said());

    project.write("conf/site", "1");
    watch.until("a restart", || project.identity("web")[2] != web[2]);
    assert_eq!(project.identity("web")[..2], web[..2]);
    assert_eq!(watch.shell("web", "cat /srv/conf/site"), "1");

    // What a restart fails of may be mended by what alone restarts nothing.
    project.write("conf/broken", "");
    watch.until("it does not start", || watch.said().contains("it ended with code 3"));
    project.write("hook/mended", "");
    watch.until("it starts", || project.inspect("web", "{{.State.Status}}") == "running");
    assert_eq!(watch.shell("web", "cat /srv/hook/mended && cat /tmp/ran"), "second");

    project.write("hook/page", "1");
    watch.until("the command is run", || there("/tmp/hooked"));
    assert_eq!(watch.shell("web", "cat /srv/hook/page"), "1");

    project.write("built.txt", "2");
    watch.until("a new container", || project.containers("web").trim() != web[0]);
    watch.until("it runs the edit", || watch.shell("web", "cat /tmp/ran") == "second");
    assert_ne!(project.identity("web")[1], web[1], "from a new image");
    watch.until("the watch goes on", || {
        let said = watch.said();
        said.trim_end().lines().last().is_some_and(|line| line.contains("Watching "))
    });

    kill_process(Pid::from_child(&watch.child), Signal::INT).unwrap();
    assert_eq!(watch.child.wait().unwrap().code(), Some(130));
    let result = watch.project.up();
    assert_eq!(result["services"]["web"]["restarted"], false, "{result}");
    assert_eq!(result["services"]["board"]["restarted"], false, "{result}");
}
