//! What the command line asks of the container engine: the interpreter inside an image, and a volume
//! that holds store and environments.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use pyfast_installer::interpreter::Interpreter;
use pyfast_launcher::engine::{Docker, Engine as _, Host, HostSettings};
use pyfast_launcher::volume::{
    Access, Binary, INTERPRETERS, ProbeRequest, StoreVolume, find_volume, inject, keep_volume,
    open_volume, probe, remove_leftovers,
};
use tokio::runtime::Runtime;

use crate::failure::{Code, Failure};
use crate::interrupt::Interrupts;
use crate::settings::Settings;
use crate::ui::{Ui, count};
use pyfast_settings::Variables;
use pyfast_settings::interpreters::remembered;

/// How long the interpreter of an image may take to describe itself.
const PROBE_DEADLINE: Duration = Duration::from_mins(1);

/// The engine behind every command. Whatever is asked of it is asked through the launcher's traits, so another one, or a
/// choice of several, takes its place here.
pub(crate) type Engine = Docker;

/// A connection to the engine, with the small runtime that it is driven by.
pub(crate) struct Connection {
    pub(crate) engine: Engine,
    pub(crate) runtime: Runtime,
}

impl Connection {
    /// Connects to the engine that the user's environment means.
    pub(crate) fn open(settings: &Settings) -> Result<Self, Failure> {
        crate::interrupt::catch(settings.ui);
        Self::to(Host::resolve(&host_settings(&settings.variables))?)
    }

    /// Connects to this engine.
    pub(crate) fn to(host: Host) -> Result<Self, Failure> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().map_err(|error| {
            Failure::new("system", format!("cannot start a runtime: {error}"), Code::Mendable)
        })?;
        let engine = runtime.block_on(Engine::connect(host))?;
        Ok(Self { engine, runtime })
    }

    /// Waits for an act of the engine. An interrupt drops it, which removes the container it made.
    pub(crate) fn wait<T>(
        &self,
        act: impl Future<Output = Result<T, pyfast_launcher::Error>>,
    ) -> Result<T, Failure> {
        let mut interrupts = Interrupts::take();
        self.runtime.block_on(async {
            tokio::select! {
                outcome = act => Ok(outcome?),
                () = interrupts.next() => Err(Failure::interrupted()),
            }
        })
    }

    /// The id of an image, which changes whenever its content does.
    pub(crate) fn image_id(&self, image: &str) -> Result<String, Failure> {
        Ok(self.wait(self.engine.inspect_image(image))?.id)
    }

    /// What the interpreter inside an image says of itself, asked once for each image id.
    pub(crate) fn interpreter(
        &self,
        image: &str,
        settings: &Settings,
    ) -> Result<Interpreter, Failure> {
        let id = self.image_id(image)?;
        remembered(&id, &settings.cache_directory()?, || self.ask_interpreter(image))
    }

    /// What the interpreter inside an image says of itself now.
    pub(crate) fn ask_interpreter(&self, image: &str) -> Result<Interpreter, Failure> {
        let request = ProbeRequest {
            image,
            script: pyfast_installer::interpreter::PROBE,
            candidates: &INTERPRETERS,
            deadline: PROBE_DEADLINE,
        };
        let answer = self.wait(probe(&self.engine, &request))?;
        Ok(Interpreter::from_json(&String::from_utf8_lossy(&answer.stdout))?)
    }

    /// Looks at a volume without changing anything.
    pub(crate) fn found_volume(&self, name: &str) -> Result<StoreVolume, Failure> {
        self.wait(find_volume(&self.engine, name))?.ok_or_else(|| {
            Failure::new(
                "no-volume",
                format!("the volume {name} does not exist yet"),
                Code::Mendable,
            )
            .hint("`pyfast sync` makes it")
        })
    }

    /// Opens or creates a volume and puts this binary into it.
    pub(crate) fn volume(
        &self,
        name: &str,
        image: &str,
        project: &str,
    ) -> Result<StoreVolume, Failure> {
        // Environments of one volume are synced side by side: the first makes it, the others find it.
        static ONE: Mutex<()> = Mutex::new(());
        let program = std::env::current_exe().map_err(|error| {
            Failure::new(
                "system",
                format!("cannot find the running program: {error}"),
                Code::Mendable,
            )
        })?;
        let binary = Binary::open(&program)?;
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        self.wait(async {
            let volume = open_volume(&self.engine, name, image, Some(project)).await?;
            inject(&self.engine, &volume, image, &binary).await?;
            Ok(volume)
        })
    }

    /// Removes the containers that killed processes have left.
    pub(crate) fn remove_leftovers(&self, ui: Ui) -> Result<(), Failure> {
        let removed = self.wait(remove_leftovers(&self.engine, SystemTime::now()))?;
        if removed > 0 {
            let containers = count(removed, "container");
            ui.note(format!("Removed {containers} that killed processes had left"));
        }
        Ok(())
    }

    /// Ends a sync into a volume: it is kept from being pruned, and what killed syncs have left goes.
    pub(crate) fn keep(&self, volume: &str, ui: Ui) -> Result<(), Failure> {
        self.remove_leftovers(ui)?;
        if let Some(keeper) = self.wait(keep_volume(&self.engine, volume))? {
            ui.note(format!(
                "Made the container {keeper}, which is never started: `docker volume prune` of this engine would take the volume otherwise"
            ));
        }
        Ok(())
    }
}

/// The directory of a volume, where this process may write it.
pub(crate) fn direct(volume: &StoreVolume) -> Option<PathBuf> {
    match &volume.access {
        Access::Direct(directory) => Some(directory.clone()),
        Access::Container => None,
    }
}

/// The interpreter inside an image.
pub(crate) fn interpreter(image: &str, settings: &Settings) -> Result<Interpreter, Failure> {
    Connection::open(settings)?.interpreter(image, settings)
}

/// The directory of the container client's configuration.
pub(crate) fn docker_config(environment: &Variables) -> Option<PathBuf> {
    let given = environment.get("DOCKER_CONFIG").map(PathBuf::from);
    given.or_else(|| environment.home().map(|home| home.join(".docker")))
}

/// What the user's environment says about the engine.
pub(crate) fn host_settings(environment: &Variables) -> HostSettings {
    let home = environment.home();
    let mut sockets = Vec::new();
    if let Some(runtime) = environment.get("XDG_RUNTIME_DIR") {
        sockets.push(PathBuf::from(runtime).join("docker.sock"));
        sockets.push(PathBuf::from(runtime).join("podman/podman.sock"));
    }
    if let Some(home) = &home {
        let below = [
            ".docker/run/docker.sock",
            ".colima/default/docker.sock",
            ".orbstack/run/docker.sock",
            ".rd/docker.sock",
        ];
        sockets.extend(below.iter().map(|socket| home.join(socket)));
    }
    HostSettings {
        docker_host: environment.get("DOCKER_HOST").map(str::to_owned),
        docker_context: environment.get("DOCKER_CONTEXT").map(str::to_owned),
        tls: environment.get("DOCKER_TLS_VERIFY").is_some(),
        cert_path: environment.get("DOCKER_CERT_PATH").map(PathBuf::from),
        config_dir: docker_config(environment),
        sockets,
        path: environment.get("PATH").map(Into::into),
    }
}
