//! A project, a volume and a clean environment for one test. Owns every call of the command line and of the engine's
//! client, so that a change of either is one edit; must not know what is tested.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{LazyLock, OnceLock};

use pyfast_root::layout::LAUNCHES;

use crate::engine::Engine;
use crate::wheels::Wheel;

/// Debian with Python 3.11 and nothing else.
pub(crate) const SLIM: &str = "pyfast-test/slim:bookworm";
/// An image without Python.
pub(crate) const NONE: &str = "pyfast-test/none:latest";
/// The program.
pub(crate) const PYFAST: &str = env!("CARGO_BIN_EXE_pyfast");

/// Everything of one test; removed at its end.
pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) host: String,
    pub(crate) volume: String,
    /// PATH of the program.
    pub(crate) path: OsString,
    /// Where the engine's client goes, which knows nothing of the addresses that a test makes up.
    pub(crate) client_host: String,
    /// Whether there is something to remove from an engine.
    used: bool,
    engine: OnceLock<Engine>,
}

/// The engine's address, or `None` after having said so.
#[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
pub(crate) fn host() -> Option<String> {
    let host = std::env::var("PYFAST_TEST_DOCKER_HOST").ok().filter(|host| !host.is_empty());
    if host.is_none() {
        let required = std::env::var("PYFAST_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
        assert!(!required, "PYFAST_REQUIRE_DOCKER=1, but PYFAST_TEST_DOCKER_HOST names no engine");
        // Not by a macro, whose text the test runner keeps to itself when the test passes.
        let text =
            "SKIPPED for want of an engine: set PYFAST_TEST_DOCKER_HOST (see docker/engine.sh)\n";
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
    host
}

/// What the program needs of this machine: the certificates.
#[expect(clippy::disallowed_methods, reason = "a child gets no other variables than the test's")]
fn inherited() -> Vec<(&'static str, OsString)> {
    let names = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
    names.iter().filter_map(|&name| Some((name, std::env::var_os(name)?))).collect()
}

/// This machine's PATH behind the directory of a Python that is no wrapper: wrappers find theirs by variables which
/// the program does not get. To ask one is a quarter of a second, and the answer is the same for every test.
#[expect(clippy::disallowed_methods, reason = "a child gets no other variables than the test's")]
static SEARCH_PATH: LazyLock<OsString> = LazyLock::new(|| {
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.base_prefix)"]).output();
    let prefix = asked.map(|output| text(&output.stdout)).unwrap_or_default();
    let mut path = OsString::from(format!("{}/bin:", prefix.trim()));
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
});

/// What the first test's program was told by the user's Compose of its version. To ask is most of a second, and each
/// test has a home of its own, where it is remembered.
static COMPOSE_VERSION: OnceLock<Vec<u8>> = OnceLock::new();

/// Where the program remembers it, in a home.
fn compose_version_file(home: &Path) -> PathBuf {
    home.join(".local/share/pyfast").join(LAUNCHES).join("compose-version")
}

impl World {
    /// A world with an engine; `None` (and said so) without one.
    pub(crate) fn new(purpose: &str) -> Option<Self> {
        let mut world = Self::without_engine(purpose, &host()?);
        world.used = true;
        Some(world)
    }

    /// A world in which nothing has to be removed from an engine, with an address where none may answer.
    pub(crate) fn without_engine(purpose: &str, host: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["shop", "wheels", "home", "cache"] {
            fs_err::create_dir(directory.path().join(name)).unwrap();
        }
        if let Some(known) = COMPOSE_VERSION.get() {
            let file = compose_version_file(&directory.path().join("home"));
            fs_err::create_dir_all(file.parent().expect("it is below a home")).unwrap();
            fs_err::write(file, known).unwrap();
        }
        let volume = format!("pyfast-test-cli-{purpose}-{}", std::process::id());
        Self {
            directory,
            host: host.into(),
            volume,
            path: SEARCH_PATH.clone(),
            client_host: host.into(),
            used: false,
            engine: OnceLock::new(),
        }
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.directory.path().join("shop")
    }

    pub(crate) fn requirements(&self, text: &str) {
        fs_err::write(self.project().join("requirements.txt"), text).unwrap();
    }

    pub(crate) fn wheel(&self, wheel: &Wheel<'_>) {
        wheel.write(&self.wheels());
    }

    /// Where its wheels are.
    pub(crate) fn wheels(&self) -> PathBuf {
        self.directory.path().join("wheels")
    }

    /// A package of one module `name`, with `__version__` and a module `late` that says the version too.
    pub(crate) fn package(&self, name: &str, version: &str) {
        let init =
            format!("__version__ = {version:?}\ndef main():\n    print('{name}', __version__)\n");
        let (top, late) = (format!("{name}/__init__.py"), format!("{name}/late.py"));
        let late_text = format!("VERSION = {version:?}\n");
        self.wheel(&Wheel {
            name,
            version,
            requires: &[],
            files: &[(&top, &init), (&late, &late_text)],
            scripts: &[&format!("{name}-tool = {name}:main")],
        });
    }

    /// The program, in the project, in an environment that only the test decides.
    pub(crate) fn pyfast(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The call that [`Self::pyfast`] makes.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PYFAST);
        command.args(arguments).current_dir(self.project()).env_clear();
        for (name, value) in inherited() {
            command.env(name, value);
        }
        command
            .env("PATH", &self.path)
            .env("HOME", self.directory.path().join("home"))
            .env("XDG_CACHE_HOME", self.directory.path().join("cache"))
            .env("DOCKER_HOST", &self.host)
            // The engine of these tests may be without a bridge.
            .env("PYFAST_HELPER_NETWORK", "host")
            // What comes after a sync is for the tests that are about that.
            .env("PYFAST_COMPILE", "1");
        command
    }

    /// `sync` of the project's requirements from the local wheels alone, into the volume, for the image.
    pub(crate) fn sync(&self, image: &str) -> Output {
        let wheels = self.directory.path().join("wheels");
        let arguments =
            ["sync", "-r", "requirements.txt", "--volume", &self.volume, "--image", image];
        let links = ["--no-index", "--find-links", wheels.to_str().unwrap(), "--json"];
        self.pyfast(&[&arguments[..], &links[..]].concat())
    }

    /// `sync` that has to succeed; its result.
    pub(crate) fn synced(&self) -> serde_json::Value {
        let output = self.sync(SLIM);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// `sync` that has to fail with the code, saying each of the words, without a panic.
    pub(crate) fn sync_fails(&self, image: &str, code: i32, words: &[&str]) {
        let output = self.sync(image);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.starts_with("error:"), "{said}");
        for word in words {
            assert!(said.contains(word), "`{word}` is missing in: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }

    /// Whether the engine of these tests lets the program write volumes itself.
    pub(crate) fn is_near(&self) -> bool {
        self.client_host.starts_with("unix://")
    }

    /// The engine's client.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .env("DOCKER_HOST", &self.client_host)
            .args(arguments)
            .output()
            .unwrap()
    }

    /// `docker run` as a service does it: the volume and the root file system read-only, some user, `pyfast run --` in
    /// front of the command.
    pub(crate) fn run(&self, options: &[&str], command: &[&str]) -> Output {
        let mount = format!("{}:/pyfast:ro,nocopy", self.volume);
        let common = ["run", "--read-only", "--user", "65534", "--network", "host", "-v", &mount];
        let entry = ["--entrypoint", "/pyfast/bin/pyfast", SLIM, "run", "--"];
        self.docker(&[&common[..], options, &entry[..], command].concat())
    }

    /// Standard output of a command that has to succeed in a container.
    pub(crate) fn printed(&self, command: &[&str]) -> String {
        let output = self.run(&["--rm"], command);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    pub(crate) fn image_id(&self) -> String {
        text(&self.docker(&["image", "inspect", "--format", "{{.Id}}", SLIM]).stdout)
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        self.engine.get_or_init(|| Engine::at(&self.client_host))
    }

    /// The volume's directory. The engine of these tests shares this machine's file system.
    pub(crate) fn root(&self) -> PathBuf {
        self.engine().directory(&self.volume)
    }

    /// Where `current` of the only project points.
    pub(crate) fn current(&self) -> PathBuf {
        let projects = self.root().join("projects");
        let mut projects: Vec<_> =
            fs_err::read_dir(projects).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(projects.len(), 1, "{projects:?}");
        fs_err::read_link(projects.remove(0).join("default/current")).unwrap()
    }

    /// Ids of the containers on the volume, a line each, of whatever state, without the one that keeps it from being
    /// pruned.
    pub(crate) fn containers(&self) -> String {
        let keepers = self.keepers();
        let all = self.engine().containers(&[("volume", &self.volume)]);
        all.iter().filter(|id| !keepers.contains(id)).map(|id| format!("{id}\n")).collect()
    }

    /// Ids of the containers that keep the volume from being pruned.
    pub(crate) fn keepers(&self) -> Vec<String> {
        self.engine().containers(&[("label", &format!("io.pyfast.keeper={}", self.volume))])
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.used {
            return;
        }
        if let Ok(known) = fs_err::read(compose_version_file(&self.directory.path().join("home"))) {
            let _ = COMPOSE_VERSION.set(known);
        }
        for id in
            self.engine().containers(&[("volume", &self.volume)]).iter().chain(&self.keepers())
        {
            self.engine().remove_container(id);
        }
        self.engine().remove_volume(&self.volume);
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
