//! The whole example, as its user runs it: images built, two environments and one more of the tests' own, servers, workers,
//! a one-shot. Needs the images of `docker/stack-images.sh` and the index; asserts only what cannot drift.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::world::{World, text};

/// Services that start in the environment `backend` and stay.
const BACKEND: [&str; 4] = ["backend", "celery-beat", "celery-worker", "flower"];
/// All others.
const OTHERS: [&str; 5] = ["bucket", "gateway", "object-store", "postgres", "redis"];

/// A copy of the example with names and ports of its own.
struct Example {
    world: World,
    name: String,
    /// Of the back end, on the loopback.
    port: u16,
}

/// Container, image and start of a service.
type Identity = [String; 3];

impl Example {
    fn new() -> Option<Self> {
        let world = World::new("stack")?;
        let name = format!("stacktests-{}", std::process::id());
        let example = Self { world, name, port: free_port() };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/trading-webui");
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker/fixtures/trading");
        for from in [&source, &fixture] {
            example.lay(from, Path::new(""));
        }
        let more = fs_err::read_to_string(fixture.join("object-store.toml")).unwrap();
        let volume = format!("volume:{}", example.world.volume);
        example.change("pyfast.toml", &[("volume:pyfast-trading", &volume)]);
        let toml = example.read("pyfast.toml") + "\n" + &more;
        example.write("pyfast.toml", &toml);
        let [tag, other] = ["backend", "gateway"].map(|image| example.image(image));
        let images = [("trading-backend:latest", &tag[..]), ("trading-gateway:latest", &other)];
        example.change("pyfast.toml", &images);
        example.change("docker-compose.yml", &images);
        let ports = [("8000:8000", example.port, 8000), ("127.0.0.1:5055:5055", free_port(), 5055)];
        for (old, port, inner) in ports.into_iter().chain([("5555:5555", free_port(), 5555)]) {
            example.change("docker-compose.yml", &[(old, &format!("127.0.0.1:{port}:{inner}"))]);
        }
        let prefix = format!("name: {}_", example.name);
        example.change("docker-compose.yml", &[("name: trading_", &prefix)]);
        let settings = "PYTHON_IMAGE=pyfast-test/slim:bookworm\nTRADING_SUBNET=10.213.77.0/24\n";
        let name = format!("COMPOSE_PROJECT_NAME={}\n", example.name);
        example.write(".env", &(name + settings));
        Some(example)
    }

    fn image(&self, name: &str) -> String {
        format!("pyfast-test/{}-{name}:latest", self.name)
    }

    /// Copies a directory into the project.
    fn lay(&self, from: &Path, to: &Path) {
        for entry in fs_err::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            if path.is_dir() {
                fs_err::create_dir_all(self.world.project().join(&target)).unwrap();
                self.lay(&path, &target);
            } else {
                fs_err::copy(&path, self.world.project().join(target)).unwrap();
            }
        }
    }

    fn read(&self, file: &str) -> String {
        fs_err::read_to_string(self.world.project().join(file)).unwrap()
    }

    fn write(&self, file: &str, text: &str) {
        fs_err::write(self.world.project().join(file), text).unwrap();
    }

    /// Replaces texts that have to be there.
    fn change(&self, file: &str, replacements: &[(&str, &str)]) {
        let mut text = self.read(file);
        for (old, new) in replacements {
            assert!(text.contains(old), "{file} has no `{old}`");
            text = text.replace(old, new);
        }
        self.write(file, &text);
    }

    fn up(&self) -> Value {
        let output = self.world.pyfast(&["up", "--json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The user's Compose, with the override that pyfast wrote.
    fn compose(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("docker-compose");
        for file in
            ["docker-compose.yml", "docker-compose.override.yml", ".pyfast/compose.override.yml"]
        {
            command.args(["-f", file]);
        }
        command.args(arguments).current_dir(self.world.project());
        command.env("DOCKER_HOST", &self.world.client_host).output().unwrap()
    }

    /// Every service's only container.
    fn identities(&self) -> BTreeMap<String, Identity> {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let list = self.world.docker(&["ps", "-aq", "--no-trunc", "--filter", &label]);
        let template = "{{index .Config.Labels \"com.docker.compose.service\"}} {{.Id}} {{.Image}} {{.State.StartedAt}}";
        let of = |id: &str| {
            let output = self.world.docker(&["inspect", "--format", template, id]);
            let line = text(&output.stdout);
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let [service, id, image, started] = words.try_into().unwrap();
            (service, [id, image, started])
        };
        text(&list.stdout).lines().map(of).collect()
    }

    /// What the back end answers.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn python(&self, container: &str, code: &str) -> Output {
        let entry = ["exec", container, "/pyfast/bin/pyfast", "run", "--", "python", "-c", code];
        self.world.docker(&entry)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.world.engine().remove_all(&format!("com.docker.compose.project={}", self.name));
        for image in ["backend", "gateway"] {
            self.world.docker(&["rmi", "-f", &self.image(image)]);
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_example_runs_and_a_new_requirement_restarts_just_the_services_that_need_it() {
    let Some(example) = Example::new() else { return };
    let result = example.up();
    for (service, expected) in [
        ("backend", "healthy"),
        ("bucket", "completed"),
        ("celery-worker", "running"),
        ("flower", "healthy"),
        ("postgres", "healthy"),
    ] {
        assert_eq!(result["services"][service]["verdict"], expected, "{result}");
    }
    assert!(example.get("/health").contains("\"connected\""));
    assert!(example.get("/quotes/ACME").contains("ACME"), "the gateway answers the back end");

    let before = example.identities();
    let missing = example.python(&before["backend"][0], "import cowsay");
    assert!(!missing.status.success(), "nothing needs it yet");
    let requirements = example.read("backend/requirements.txt") + "cowsay\n";
    example.write("backend/requirements.txt", &requirements);
    let result = example.up();
    let after = example.identities();
    for service in BACKEND {
        assert_eq!(result["services"][service]["restarted"], true, "{service}: {result}");
        assert_eq!(
            after[service][..2],
            before[service][..2],
            "{service} keeps container and image"
        );
        assert_ne!(after[service][2], before[service][2], "{service} was started again");
    }
    for service in OTHERS {
        assert_eq!(after[service], before[service], "{service} is left alone");
    }
    let found = example.python(&after["backend"][0], "import cowsay");
    assert!(found.status.success(), "{}", text(&found.stderr));
    assert!(example.get("/health").contains("\"connected\""));

    let output = example.compose(&["up", "-d"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let again = example.identities();
    for service in BACKEND.iter().chain(OTHERS.iter().filter(|&&name| name != "bucket")) {
        assert_eq!(again[*service], after[*service], "plain Compose leaves {service} alone");
    }

    let output = example.world.pyfast(&["down"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(example.identities(), BTreeMap::new());
}
