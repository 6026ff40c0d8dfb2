//! pyfast as a container that has nothing but the engine's socket and the project, called by the shell function of
//! `docs/install.md`: as an ordinary user, and as root. Needs the image `pyfast-test/tools:trixie` of
//! `docker/slim-base.sh`. Must not call the program in any other way.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::world::{PYFAST, World, text};

/// An ordinary user of this machine, who is in the group that may use the engine.
const USER: u32 = 1234;

const COMPOSE: &str = "services:
  web:
    build: .
    image: IMAGE
    environment: {GREETING: \"${PYFAST_TEST_GREETING}\"}
    volumes: [\"./data:/data\"]
    network_mode: none
    stop_signal: SIGKILL
";
const DOCKERFILE: &str = "FROM pyfast-test/slim:bookworm
WORKDIR /app
COPY requirements.txt app.py .
CMD [\"python3\", \"app.py\"]
";
const APP: &str = "import os, time
import alpha
with open('/data/seen', 'a') as file:
    file.write(alpha.__version__)
print('code 1', alpha.__version__, os.environ['GREETING'], flush=True)
time.sleep(3600)
";

/// Held while an image is built or removed. With the last image above them go the steps of a build, which another build may
/// have begun to go on from.
static STEPS: Mutex<()> = Mutex::new(());

/// A project, and pyfast in an image for it.
struct Way {
    world: World,
    /// Of images, the volume of what is remembered, and the Compose project.
    name: String,
}

/// Container, image and start of the service.
type Identity = [String; 3];

impl Way {
    fn new(purpose: &str) -> Option<Self> {
        let world = World::new(&format!("way-{purpose}"))?;
        assert!(world.is_near(), "the socket is all that the container has of the engine");
        let way = Self { name: format!("waytests-{purpose}-{}", std::process::id()), world };
        way.make_image();
        way.world.package("alpha", "1.0");
        way.world.package("alpha", "2.0");
        way.world.requirements("alpha==1.0\n");
        way.write("docker-compose.yml", &COMPOSE.replace("IMAGE", &way.tag("web")));
        way.write(".env", &format!("COMPOSE_PROJECT_NAME={}\n", way.name));
        way.write("Dockerfile", DOCKERFILE);
        way.write("app.py", APP);
        fs_err::create_dir(way.path("data")).unwrap();
        fs_err::write(way.script(), format!("{}pyfast \"$@\"\n", function())).unwrap();
        if rustix::process::geteuid().is_root() {
            let all = way.world.project().parent().unwrap().to_owned();
            let owner = format!("{USER}:{USER}");
            assert!(
                Command::new("chown").args(["-R", &owner]).arg(all).status().unwrap().success()
            );
        }
        Some(way)
    }

    /// The image of `docker/Dockerfile.container` with the program under test.
    fn make_image(&self) {
        let place = tempfile::tempdir().unwrap();
        let bin = place.path().join("usr/local/bin");
        fs_err::create_dir_all(&bin).unwrap();
        // No link: tar gives up a file whose links others come and go by.
        fs_err::copy(PYFAST, bin.join("pyfast")).unwrap();
        let tar = place.path().join("program.tar");
        let mut pack = Command::new("tar");
        pack.arg("-C").arg(place.path()).arg("-cf").arg(&tar).arg("usr");
        assert!(pack.status().unwrap().success());
        let program = self.tag("program");
        let imported = self.world.docker(&["import", tar.to_str().unwrap(), &program]);
        assert!(imported.status.success(), "{}", text(&imported.stderr));
        let docker = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker");
        let (file, docker) = (docker.join("Dockerfile.container"), docker.display().to_string());
        let program = format!("PYFAST={program}");
        let arguments = ["--build-arg", &program, "--build-arg", "DEBIAN=pyfast-test/tools:trixie"];
        let build = ["build", "--network", "host", "--tag", &self.tag("pyfast"), "--file"];
        let place = [file.to_str().unwrap(), &docker];
        let _alone = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
        let built = self.world.docker(&[&build[..], &place[..1], &arguments, &place[1..]].concat());
        assert!(built.status.success(), "{}{}", text(&built.stdout), text(&built.stderr));
    }

    fn tag(&self, what: &str) -> String {
        format!("pyfast-test/{}-{what}:latest", self.name)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.world.project().join(file)
    }

    fn script(&self) -> PathBuf {
        self.path("../pyfast.sh")
    }

    fn write(&self, file: &str, text: &str) {
        fs_err::write(self.path(file), text).unwrap();
    }

    /// Replaces a text that has to be there.
    fn change(&self, file: &str, old: &str, new: &str) {
        let text = fs_err::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(old), "{file} has no `{old}`");
        self.write(file, &text.replace(old, new));
    }

    /// The function in a shell of this user, who has nothing but a home, the engine's address and a client.
    fn command(&self, ordinary: bool, shell: &[&str]) -> Command {
        let socket = self.world.client_host.strip_prefix("unix://").unwrap();
        let mut words: Vec<String> = Vec::new();
        if ordinary && rustix::process::geteuid().is_root() {
            let group = fs_err::metadata(socket).unwrap().gid();
            words.push("setpriv".into());
            words.extend(["--reuid", "--regid"].map(|what| format!("{what}={USER}")));
            words.push(format!("--groups={group}"));
        }
        words.extend(shell.iter().map(|&word| word.to_owned()));
        let wheels = self.world.wheels().display().to_string();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(self.world.project()).env_clear();
        command.env("PATH", &self.world.path).env("HOME", self.path("../home"));
        command.env("DOCKER_HOST", &self.world.client_host);
        command.env("PYFAST_CONTAINER", self.tag("pyfast")).env("PYFAST_HOME_VOLUME", &self.name);
        // The engine of these tests may be without a bridge.
        let options = format!("--network host --volume {wheels}:{wheels}:ro");
        command.env("PYFAST_DOCKER_OPTIONS", options).env("PYFAST_HELPER_NETWORK", "host");
        command.env("PYFAST_NO_INDEX", "1").env("PYFAST_FIND_LINKS", wheels);
        command.env("PYFAST_TEST_GREETING", "hello");
        command
    }

    fn pyfast(&self, arguments: &[&str]) -> Output {
        let script = self.script().display().to_string();
        let shell = [&["sh", &script], arguments].concat();
        self.command(true, &shell).output().unwrap()
    }

    /// Both outputs of a command that has to succeed.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.pyfast(arguments);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    #[track_caller]
    fn up(&self) -> Value {
        let output = self.pyfast(&["up", "--json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(result["services"]["web"]["verdict"], "running", "{result}");
        result
    }

    fn containers(&self) -> Vec<String> {
        let label = format!("com.docker.compose.project={}", self.name);
        self.world.engine().containers(&[("label", &label)])
    }

    #[track_caller]
    fn identity(&self) -> Identity {
        let containers = self.containers();
        let [id] = &containers[..] else { panic!("{containers:?}") };
        let template = "{{.Id}} {{.Image}} {{.State.StartedAt}}";
        let line = text(&self.world.docker(&["inspect", "--format", template, id]).stdout);
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        words.try_into().unwrap()
    }

    /// Waits until the service has said so.
    #[track_caller]
    fn says(&self, line: &str) {
        let begun = Instant::now();
        while !self.ok(&["logs", "web"]).contains(line) {
            assert!(begun.elapsed() < Duration::from_mins(10), "`{line}`: {}", self.ok(&["logs"]));
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let engine = self.world.engine();
        engine.remove_all(&format!("com.docker.compose.project={}", self.name));
        engine.remove_volume(&self.name);
        let _alone = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
        for what in ["web", "pyfast", "program"] {
            self.world.docker(&["rmi", "-f", &self.tag(what)]);
        }
    }
}

/// The function of `docs/install.md`.
fn function() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/install.md");
    let page = fs_err::read_to_string(file).unwrap();
    let (_, rest) = page.split_once("\npyfast() (\n").expect("the page has the function");
    let (body, _) = rest.split_once("\n)\n").expect("it ends");
    format!("pyfast() (\n{body}\n)\n")
}

#[test]
fn a_project_lives_through_the_container_alone() {
    let Some(way) = Way::new("life") else { return };
    way.ok(&["init"]);
    let owner = fs_err::metadata(way.path("data")).unwrap().uid();
    let root = format!("volume:{}", way.world.volume);
    way.change("pyfast.toml", &format!("volume:pyfast-{}", way.name), &root);
    way.up();
    way.says("code 1 1.0 hello");
    let seen = way.path("data/seen");
    assert_eq!(fs_err::read_to_string(seen).unwrap(), "1.0", "it mounts the machine's directory");
    for file in ["pyfast.toml", "docker-compose.override.yml"] {
        assert_eq!(fs_err::metadata(way.path(file)).unwrap().uid(), owner, "{file}");
    }
    let first = way.identity();
    let again = way.up();
    assert_eq!(again["services"]["web"]["restarted"], false, "{again}");
    assert_eq!(way.identity(), first, "nothing changed");

    way.world.requirements("alpha==2.0\n");
    let result = way.up();
    assert_eq!(result["services"]["web"]["restarted"], true, "{result}");
    let second = way.identity();
    assert_eq!((&second[..2], second[2] == first[2]), (&first[..2], false), "it was restarted");
    way.says("code 1 2.0 hello");

    way.change("app.py", "code 1", "code 2");
    way.up();
    let third = way.identity();
    assert_eq!((&third[..2], third[2] == second[2]), (&first[..2], false), "it got the file");
    way.says("code 2 2.0 hello");
    way.looks();

    way.ok(&["down", "--volumes"]);
    assert_eq!(way.containers(), Vec::<String>::new());
}

impl Way {
    /// What only looks, and what runs in the environment.
    fn looks(&self) {
        assert!(self.ok(&["list"]).contains("alpha==2.0"));
        assert!(self.ok(&["ps"]).contains("web"));
        let doctor = self.ok(&["doctor"]);
        for part in ["unix:///var/run/docker.sock", "docker compose", "written through helper"] {
            assert!(doctor.contains(part), "`{part}` is missing in: {doctor}");
        }
        let output = self.pyfast(&["run", "python", "-c", ""]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("pyfast exec web"), "{said}");
        let script = "import alpha; print('exec', alpha.__version__)";
        assert!(self.ok(&["exec", "-T", "web", "python", "-c", script]).contains("exec 2.0"));
        // Who owns the socket is root in the container, and finds the same project.
        let script = self.script().display().to_string();
        let root = self.command(false, &["sh", &script, "list"]).output().unwrap();
        assert!(text(&root.stdout).contains("alpha==2.0"), "{}", text(&root.stderr));
        // At a terminal the container has one, too.
        let line = format!("sh {script} ps");
        let shown = self.command(true, &["script", "-qefc", &line, "/dev/null"]).output().unwrap();
        assert!(text(&shown.stdout).contains("web"), "{}", text(&shown.stdout));
    }
}

#[test]
fn a_project_at_another_path_is_told() {
    let Some(way) = Way::new("displaced") else { return };
    let project = way.world.project().display().to_string();
    let socket = way.world.client_host.strip_prefix("unix://").unwrap();
    let socket = format!("{socket}:/var/run/docker.sock");
    let plan = |place: &str| {
        let mount = format!("{project}:{place}");
        let run = ["run", "--rm", "--network", "none", "-v", &mount, "-v", &socket, "-w", place];
        let words = ["-e", "PYFAST_TEST_GREETING=hello", &way.tag("pyfast"), "up", "--plan"];
        let output = way.world.docker(&[&run[..], &words].concat());
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        said
    };
    let said = plan("/app");
    let there = format!("on the machine the project's is {project}/data");
    assert!(said.contains("services mount /app/data") && said.contains(&there), "{said}");
    let said = plan(&project);
    assert!(!said.contains("services mount"), "{said}");
}

#[test]
fn an_engine_elsewhere_and_one_that_is_not_there_are_told() {
    let Some(way) = Way::new("elsewhere") else { return };
    let script = way.script().display().to_string();
    let ask = |host: &str| {
        let mut command = way.command(true, &["sh", &script, "ps"]);
        command.env("DOCKER_HOST", host).output().unwrap()
    };
    let far = ask("tcp://engine.example:2375");
    assert_eq!(far.status.code(), Some(3));
    assert!(text(&far.stderr).contains("at tcp://engine.example:2375"), "{}", text(&far.stderr));
    let gone = ask("unix:///nowhere/docker.sock");
    assert!(!gone.status.success() && text(&gone.stderr).contains("/nowhere/docker.sock"));
}
