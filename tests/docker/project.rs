//! A compose project of two environments for one test, with the calls of the command line, Compose and the engine that
//! concern it. Must not know what is tested.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::world::{SLIM, World, text};

/// A compose project; its containers, networks and volume are removed at its end.
pub(crate) struct Project {
    pub(crate) world: World,
    pub(crate) name: String,
}

/// Two services, one in each environment, that sleep.
pub(crate) const TWO: &str = "
  web:
    <<: *python
  board:
    <<: *python
";

impl Project {
    /// A project with the services (YAML below `services:`), where `*python` is a Python that sleeps; `web` starts in
    /// the environment `backend` (package `shade`), `board` in `boards` (package `lamp`). `None` without an engine.
    pub(crate) fn new(purpose: &str, services: &str) -> Option<Self> {
        let world = World::new(&format!("up-{purpose}"))?;
        let name = format!("uptests-{purpose}-{}", std::process::id());
        let project = Self { world, name };
        project.write(".env", &format!("COMPOSE_PROJECT_NAME={}\n", project.name));
        project.compose(services);
        project.environments(&["web"], &["board"]);
        project.world.package("shade", "1.0");
        project.world.package("shade", "2.0");
        project.world.package("lamp", "1.0");
        project.world.package("late_comer", "1.0");
        project.write("backend.txt", "shade==1.0\n");
        project.write("boards.txt", "lamp==1.0\n");
        Some(project)
    }

    /// Writes the compose file.
    pub(crate) fn compose(&self, services: &str) {
        let python = format!(
            "x-python: &python\n  image: {SLIM}\n  command: [python, -c, 'import time; time.sleep(3600)']\n  stop_signal: SIGKILL\n"
        );
        self.write("docker-compose.yml", &format!("{python}services:\n{services}"));
    }

    /// Writes the configuration: services of the two environments.
    pub(crate) fn environments(&self, backend: &[&str], boards: &[&str]) {
        let volume = &self.world.volume;
        let mut toml = format!("[project]\nname = \"shop\"\nroot = \"volume:{volume}\"\n");
        for (name, services) in [("backend", backend), ("boards", boards)] {
            let image = format!("image = \"{SLIM}\"\nservices = {services:?}\n");
            toml += &["[env.", name, "]\nrequirements = [\"", name, ".txt\"]\n", &image].concat();
        }
        self.write("pyfast.toml", &toml);
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, file: &str, text: &str) {
        fs_err::write(self.path(file), text).unwrap();
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.world.project().join(file)
    }

    /// The program, with nothing but the local wheels.
    pub(crate) fn pyfast(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, with these words behind its options.
    pub(crate) fn pyfast_before(&self, arguments: &[&str], words: &[&str]) -> Output {
        self.command(arguments).arg("--").args(words).output().unwrap()
    }

    /// The call that [`Self::pyfast`] makes.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let wheels = self.world.project().with_file_name("wheels");
        let links = ["--no-index", "--find-links", wheels.to_str().unwrap()];
        self.world.command(&[arguments, &links].concat())
    }

    /// Standard output of a command that has to succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.pyfast(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The result of an `up` that has to succeed.
    pub(crate) fn up(&self) -> Value {
        serde_json::from_str(&self.ok(&["up", "--json"])).unwrap()
    }

    /// What a command says that has to end with the code, with each of the words in it.
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, words: &[&str]) -> String {
        let output = self.pyfast(arguments);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "`{word}` is missing in: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// Puts a shell script before the programs that the program finds.
    pub(crate) fn fake(&mut self, name: &str, script: &str) {
        let bin = self.path("bin");
        if !bin.exists() {
            fs_err::create_dir(&bin).unwrap();
            let mut path = bin.clone().into_os_string();
            path.push(":");
            path.push(&self.world.path);
            self.world.path = path;
        }
        let file = bin.join(name);
        fs_err::write(&file, format!("#!/bin/sh\n{script}")).unwrap();
        fs_err::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Puts a shell script in the place of Compose, whether this machine has the program or the client's plugin.
    pub(crate) fn fake_compose(&mut self, script: &str) {
        self.fake("docker-compose", script);
        let client = "if [ \"$1\" = compose ]; then shift; exec docker-compose \"$@\"; fi\n\
                      PATH=\"${PATH#*:}\" exec docker \"$@\"\n";
        self.fake("docker", client);
    }

    /// The user's Compose, beside the program.
    pub(crate) fn docker_compose(&self, arguments: &[&str]) -> Output {
        Command::new("docker-compose")
            .args(arguments)
            .current_dir(self.world.project())
            .env("DOCKER_HOST", &self.world.client_host)
            .output()
            .unwrap()
    }

    /// A field of a service's only container, by the client's template.
    pub(crate) fn inspect(&self, service: &str, template: &str) -> String {
        let id = self.containers(service);
        assert_eq!(id.lines().count(), 1, "{service}: {id}");
        let output = self.world.docker(&["inspect", "--format", template, id.trim()]);
        text(&output.stdout).trim().to_owned()
    }

    /// Ids of a service's containers, a line each.
    pub(crate) fn containers(&self, service: &str) -> String {
        let project = format!("com.docker.compose.project={}", self.name);
        let service = format!("com.docker.compose.service={service}");
        let found = self.world.engine().containers(&[("label", &project), ("label", &service)]);
        found.iter().map(|id| format!("{id}\n")).collect()
    }

    /// Id, image and time of start of a service's container.
    pub(crate) fn identity(&self, service: &str) -> [String; 3] {
        ["{{.Id}}", "{{.Image}}", "{{.State.StartedAt}}"].map(|field| self.inspect(service, field))
    }

    /// What a Python text prints in a service's container, in the environment that it started in.
    pub(crate) fn python(&self, service: &str, code: &str) -> String {
        let id = self.containers(service);
        let arguments =
            ["exec", id.trim(), "/pyfast/bin/pyfast", "run", "--", "python", "-c", code];
        let output = self.world.docker(&arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.world.engine().remove_all(&format!("com.docker.compose.project={}", self.name));
    }
}

/// A port of loopback that something listens on.
pub(crate) fn taken_port() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
