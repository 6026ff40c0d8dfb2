//! What the command line asks of the container engine: the interpreter inside an image, and a volume
//! that holds store and environments.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use pyfast_environment::ask;
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::prefix::Prefix;
use pyfast_launcher::compose_file::ComposeProject;
use pyfast_launcher::engine::{Docker, Engine as _, Host, HostSettings, Images as _};
use pyfast_launcher::image::wanted_images;
use pyfast_launcher::volume::{
    Access, Binary, Builds, INTERPRETERS, MOUNT_POINT, ProbeRequest, StoreVolume, find_volume,
    inject, keep_volume, open_volume, probe, remove_leftovers, remove_volume,
};
use pyfast_root::layout::prefix_path;
use tokio::runtime::Runtime;

use crate::error::Error;
use crate::event::{Event, Events};
use crate::interrupt::Interrupts;
use crate::volume_place::at_place;
use pyfast_settings::{Root, Settings, Variables, interpreters::remembered};

/// How long the interpreter of an image may take to describe itself.
const PROBE_DEADLINE: Duration = Duration::from_mins(1);

/// The engine behind every command. Whatever is asked of it is asked through the launcher's traits, so another one, or a
/// choice of several, takes its place here.
pub type Engine = Docker;

/// A connection to the engine, with the small runtime that it is driven by.
pub struct Connection<E = Engine> {
    /// The engine.
    pub engine: E,
    /// What its futures run on.
    pub runtime: Runtime,
    /// What may run in its containers.
    pub builds: Builds,
}

impl<E> Connection<E> {
    /// Waits for an act of the engine. An interrupt drops it, which removes the container it made.
    ///
    /// # Errors
    /// What the act fails with, and [`Error::Interrupted`].
    pub fn wait<T>(
        &self,
        act: impl Future<Output = Result<T, pyfast_launcher::Error>>,
    ) -> Result<T, Error> {
        let mut interrupts = Interrupts::take();
        self.runtime.block_on(async {
            tokio::select! {
                outcome = act => Ok(outcome?),
                () = interrupts.next() => Err(Error::Interrupted),
            }
        })
    }
}

impl Connection {
    /// Connects to the engine that the user's environment means.
    ///
    /// # Errors
    /// If there is none, or it does not answer.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        crate::interrupt::catch();
        let variables = &settings.variables;
        Self::to(Host::resolve(&host_settings(variables))?, variables)
    }

    /// Connects to this engine.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn to(host: Host, variables: &Variables) -> Result<Self, Error> {
        let builds = builds(variables)?;
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder
            .enable_all()
            .build()
            .map_err(|error| Error::System { what: "a runtime", source: error })?;
        let engine = runtime.block_on(Engine::connect(host))?;
        Ok(Self { engine, runtime, builds })
    }

    /// The id of an image, which changes whenever its content does.
    ///
    /// # Errors
    /// If the engine has no such image.
    pub fn image_id(&self, image: &str) -> Result<String, Error> {
        Ok(self.wait(self.engine.inspect_image(image))?.id)
    }

    /// The images of a project that are not present and that nothing builds.
    ///
    /// # Errors
    /// If the project contradicts itself, or the engine does not tell.
    pub fn absent_images(&self, project: &ComposeProject) -> Result<Vec<String>, Error> {
        let mut absent = Vec::new();
        for image in wanted_images(project, "-")?.into_iter().filter(|one| one.build.is_none()) {
            let facts = self.wait(self.engine.image_facts(&image.image))?;
            absent.extend(facts.is_none().then_some(image.image));
        }
        Ok(absent)
    }

    /// What the interpreter inside an image says of itself, or the one that is brought for its containers; asked once for
    /// each.
    ///
    /// # Errors
    /// If it has none that runs, or none has been brought yet.
    pub(crate) fn interpreter(
        &self,
        image: &str,
        settings: &Settings,
    ) -> Result<Interpreter, Error> {
        let Some(version) = settings.brought() else {
            let id = self.image_id(image)?;
            return remembered(&id, &settings.cache_directory()?, || {
                self.ask(image, &INTERPRETERS, None)
            });
        };
        let Root::Volume(volume) = &settings.root else {
            let (version, image) = (version.to_owned(), image.to_owned());
            return Err(Error::ManagedInDirectory { version, image });
        };
        let silent: Events = Arc::new(|_| ());
        let had = at_place(settings, &silent, ask::brought)?;
        let Some(prefix) = had.and_then(|had| had.prefix) else {
            let (version, env) = (version.to_owned(), settings.env.clone());
            return Err(pyfast_settings::Error::NotBrought { version, env }.into());
        };
        self.brought_interpreter(image, volume, &prefix, settings)
    }

    /// What the interpreter of a prefix says of itself in containers of an image, asked once for each of both.
    pub(crate) fn brought_interpreter(
        &self,
        image: &str,
        volume: &str,
        prefix: &Prefix,
        settings: &Settings,
    ) -> Result<Interpreter, Error> {
        let python = prefix.python.as_ref().ok_or(Error::NoInterpreter)?;
        let path = prefix_path(MOUNT_POINT.as_ref(), &prefix.id).join(python);
        let key = format!("{} {}", self.image_id(image)?, path.display());
        remembered(&key, &settings.cache_directory()?, || {
            self.ask(image, &[&*path.to_string_lossy()], Some(volume))
        })
    }

    /// The same, where the one inside the image says it now. One that was brought never changes.
    ///
    /// # Errors
    /// If the image has no interpreter that can be used or cannot be asked; if the one that is meant was not brought yet.
    pub fn ask_interpreter(&self, image: &str, settings: &Settings) -> Result<Interpreter, Error> {
        match settings.brought() {
            Some(_) => self.interpreter(image, settings),
            None => self.ask(image, &INTERPRETERS, None),
        }
    }

    fn ask(
        &self,
        image: &str,
        candidates: &[&str],
        volume: Option<&str>,
    ) -> Result<Interpreter, Error> {
        let script = pyfast_installer::interpreter::PROBE;
        let request = ProbeRequest { image, script, candidates, deadline: PROBE_DEADLINE, volume };
        let answer = self.wait(probe(&self.engine, &request))?;
        Ok(Interpreter::from_json(&String::from_utf8_lossy(&answer.stdout))?)
    }

    /// Looks at a volume without changing anything.
    ///
    /// # Errors
    /// [`Error::NoVolume`], and what the engine refuses.
    pub fn found_volume(&self, name: &str) -> Result<StoreVolume, Error> {
        self.wait(find_volume(&self.engine, name))?
            .ok_or_else(|| Error::NoVolume { volume: name.to_owned() })
    }

    /// This program as the engine's containers run it.
    ///
    /// # Errors
    /// If no build of it is for their machine.
    pub fn program(&self) -> Result<Binary, Error> {
        self.wait(self.build())
    }

    /// The same, for whoever waits already.
    pub(crate) async fn build(&self) -> Result<Binary, pyfast_launcher::Error> {
        self.builds.of_engine(&self.engine.version().await?)
    }

    /// Opens or creates a volume and puts this program into it.
    ///
    /// # Errors
    /// If the engine refuses it, or the binary suits no container.
    pub fn volume(&self, name: &str, image: &str, project: &str) -> Result<StoreVolume, Error> {
        // Environments of one volume are synced side by side: the first makes it, the others find it.
        static ONE: Mutex<()> = Mutex::new(());
        let binary = self.program()?;
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        self.wait(async {
            let volume = open_volume(&self.engine, name, image, Some(project)).await?;
            inject(&self.engine, &volume, image, &binary).await?;
            Ok(volume)
        })
    }

    /// Removes the containers that killed processes have left.
    ///
    /// # Errors
    /// What the engine refuses.
    pub fn remove_leftovers(&self, events: &Events) -> Result<(), Error> {
        let removed = self.wait(remove_leftovers(&self.engine, SystemTime::now()))?;
        if removed > 0 {
            events(Event::Removed { containers: removed });
        }
        Ok(())
    }

    /// Removes a volume with all that it has; false where there was none of that name.
    ///
    /// # Errors
    /// If a container uses it, and what the engine refuses.
    pub fn remove_volume(&self, name: &str) -> Result<bool, Error> {
        self.wait(remove_volume(&self.engine, name))
    }

    /// Ends a sync into a volume: it is kept from being pruned, and what killed syncs have left goes.
    pub(crate) fn keep(&self, volume: &str, events: &Events) -> Result<(), Error> {
        self.remove_leftovers(events)?;
        if let Some(container) = self.wait(keep_volume(&self.engine, volume))? {
            events(Event::Keeper { container });
        }
        Ok(())
    }
}

/// Where this program is, and where its builds for other machines may be.
pub(crate) fn builds(variables: &Variables) -> Result<Builds, Error> {
    let own = std::env::current_exe().map_err(Error::Program)?;
    let named = variables.get("PYFAST_LINUX_BINARY").filter(|path| !path.is_empty());
    Ok(Builds::new(own, named.map(PathBuf::from)))
}

/// This program as containers of this machine run it.
///
/// # Errors
/// If it could run in no image, or a build that is named cannot be had.
pub fn own_program(variables: &Variables) -> Result<Binary, Error> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    Ok(builds(variables)?.of_machine("linux", architecture)?)
}

/// The directory of a volume, where this process may write it.
pub(crate) fn direct(volume: &StoreVolume) -> Option<PathBuf> {
    match &volume.access {
        Access::Direct(directory) => Some(directory.clone()),
        Access::Container => None,
    }
}

/// The interpreter inside an image.
pub(crate) fn interpreter(image: &str, settings: &Settings) -> Result<Interpreter, Error> {
    Connection::open(settings)?.interpreter(image, settings)
}

/// The directory of the container client's configuration.
pub fn docker_config(environment: &Variables) -> Option<PathBuf> {
    let given = environment.get("DOCKER_CONFIG").map(PathBuf::from);
    given.or_else(|| environment.home().map(|home| home.join(".docker")))
}

/// What the user's environment says about the engine.
pub fn host_settings(environment: &Variables) -> HostSettings {
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
