//! Calls pyfast, Compose and the Docker client as a user would, and times them. Knows nothing of what they are called for.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use crate::context::{Compose, Containers};
use crate::error::Error;
use crate::facts::Variables;
use crate::interruption::Interruption;

/// Variables that would change what is measured.
const CHANGES: [&str; 6] = ["PIP_", "UV_", "COMPOSE_", "PYTHON", "VIRTUAL_ENV", "RUST_LOG"];

/// The programs, and the environment they run in.
pub(crate) struct Calls {
    pyfast: PathBuf,
    docker: PathBuf,
    compose: Option<Compose>,
    environment: Vec<(OsString, OsString)>,
    interruption: Interruption,
}

impl Calls {
    /// Finds the programs. From here on the user's interruption is an error of the next call, so that what was made is removed.
    ///
    /// # Errors
    /// When the client is missing, or the engine is not on this machine.
    pub(crate) fn new(
        pyfast: &Path,
        containers: &Containers,
        session: &[(OsString, OsString)],
        room: &Path,
    ) -> Result<Self, Error> {
        let variable = |name: &str| session.iter().find(|(known, _)| known == name);
        let host = variable("DOCKER_HOST").map(|(_, host)| host.to_string_lossy());
        if let Some(host) = host.filter(|host| !host.is_empty() && !host.starts_with("unix:")) {
            return Err(Error::EngineElsewhere { host: host.into_owned() });
        }
        let docker = containers.docker.clone().ok_or(Error::NoClient)?;
        let kept = session.iter().filter(|(name, _)| {
            let name = name.to_string_lossy();
            // How helper containers reach the network is the engine's peculiarity, not a preference.
            let own = name.starts_with("PYFAST_") && name != "PYFAST_HELPER_NETWORK";
            name == "PIP_CERT" || !(own || CHANGES.iter().any(|change| name.starts_with(change)))
        });
        let places = [("XDG_CACHE_HOME", "cache"), ("XDG_DATA_HOME", "data")];
        let places = places.map(|(name, place)| (name.into(), room.join(place).into_os_string()));
        let environment =
            kept.filter(|(name, _)| !name.to_string_lossy().starts_with("XDG_")).cloned();
        Ok(Self {
            pyfast: pyfast.to_path_buf(),
            docker,
            compose: containers.compose.clone(),
            environment: environment.chain(places).collect(),
            interruption: Interruption::listen(|| {})?,
        })
    }

    /// The environment of all programs.
    pub(crate) fn variables(&self) -> &Variables {
        &self.environment
    }

    /// The value of a variable of that environment.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        let mut all = self.environment.iter();
        all.find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
    }

    /// Whether Compose has images built by `BuildKit`, which has caches that outlive a layer.
    pub(crate) fn composes_with_buildkit(&self) -> bool {
        !self.forbids_buildkit()
            && self.compose.as_ref().is_some_and(|compose| compose.is_plugin)
            && self.docker(&["buildx", "version"]).is_ok()
    }

    /// Whether the client has an image built of this context by `BuildKit`: with some versions the engine, with others a plugin
    /// of the client decides.
    pub(crate) fn builds_with_buildkit(&self, context: &Path) -> bool {
        !self.forbids_buildkit() && self.build(context, &[], true).is_ok()
    }

    fn forbids_buildkit(&self) -> bool {
        self.variable("DOCKER_BUILDKIT").is_some_and(|value| value == "0")
    }

    /// pyfast and the engine with their versions.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub(crate) fn versions(&self) -> Result<Vec<String>, Error> {
        let engine = self.docker(&["version", "--format", "{{.Server.Version}}"])?;
        let pyfast = self.pyfast(Path::new("."), &["--version"])?;
        Ok(vec![pyfast, format!("engine {engine}")])
    }

    /// Compose with its version.
    ///
    /// # Errors
    /// When there is none, or it does not answer.
    pub(crate) fn compose_version(&self) -> Result<String, Error> {
        let version = self.compose(Path::new("."), &["version", "--short"])?;
        let is_plugin = self.known_compose()?.is_plugin;
        let name = if is_plugin { "docker compose" } else { "docker-compose" };
        Ok(format!("{name} {version}"))
    }

    fn known_compose(&self) -> Result<&Compose, Error> {
        self.compose.as_ref().ok_or(Error::NoCompose)
    }

    /// Runs pyfast in a directory; what it printed.
    pub(crate) fn pyfast(&self, directory: &Path, args: &[&str]) -> Result<String, Error> {
        self.finish("pyfast", args, self.command(&self.pyfast, directory).args(args))
    }

    /// Starts pyfast in a directory.
    pub(crate) fn start_pyfast(&self, directory: &Path, args: &[&str]) -> Result<Child, Error> {
        Self::start(&self.pyfast, self.command(&self.pyfast, directory).args(args))
    }

    /// Runs Compose in a directory; what it printed.
    pub(crate) fn compose(&self, directory: &Path, args: &[&str]) -> Result<String, Error> {
        self.finish("Compose", args, self.compose_command(directory)?.args(args))
    }

    /// Starts Compose in a directory, in a process group of its own.
    pub(crate) fn start_compose(&self, directory: &Path, args: &[&str]) -> Result<Child, Error> {
        let mut command = self.compose_command(directory)?;
        Self::start(&self.known_compose()?.program, command.args(args).process_group(0))
    }

    /// Runs the Docker client; what it printed.
    pub(crate) fn docker(&self, args: &[&str]) -> Result<String, Error> {
        self.finish("docker", args, self.command(&self.docker, Path::new(".")).args(args))
    }

    /// Builds an image of a context; its id.
    pub(crate) fn build(
        &self,
        context: &Path,
        words: &[&str],
        buildkit: bool,
    ) -> Result<String, Error> {
        let args = [&["build", "-q"], words, &["."]].concat();
        let mut command = self.command(&self.docker, context);
        command.env("DOCKER_BUILDKIT", if buildkit { "1" } else { "0" });
        self.finish("docker", &args, command.args(&args))
    }

    /// Seconds that something takes.
    pub(crate) fn timed<T>(act: impl FnOnce() -> Result<T, Error>) -> Result<f64, Error> {
        let begun = Instant::now();
        act()?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Stops where the user asked for it.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.interruption.check()
    }

    fn start(program: &Path, command: &mut Command) -> Result<Child, Error> {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().map_err(|source| Error::Start { program: program.to_owned(), source })
    }

    fn compose_command(&self, directory: &Path) -> Result<Command, Error> {
        let compose = self.known_compose()?;
        let mut command = self.command(&compose.program, directory);
        command.args(compose.is_plugin.then_some("compose"));
        Ok(command)
    }

    fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(directory).stdin(Stdio::null());
        command
    }

    fn finish(&self, name: &str, args: &[&str], command: &mut Command) -> Result<String, Error> {
        let output = command.output();
        let program = || PathBuf::from(command.get_program());
        let output = output.map_err(|source| Error::Start { program: program(), source })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        self.check()?;
        let verb = args.first().copied().unwrap_or_default();
        Err(Error::Step { step: format!("{name} {verb}"), message: told(&output) })
    }
}

/// The end of what a program said.
pub(crate) fn told(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
