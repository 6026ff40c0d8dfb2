//! The fake engine: images, volumes and programs as a test states them, and a record of every act. Owns no I/O;
//! must not know what the containers are for.

mod images;
mod services;

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

pub use self::services::Run;
use self::services::World;
use super::{
    Archive, ContainerSpec, Engine, EngineVersion, Exit, FileStat, Host, Image, Mount, Output,
    Parcel, ScratchContainer, Volume,
};
use crate::error::Error;

/// What a command does when a container runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What it prints.
    pub stdout: String,
    /// What it says on standard error.
    pub stderr: String,
    /// Its exit code; `None` runs until the container is removed.
    pub code: Option<i64>,
}

/// An engine that is only remembered. Clones share one state.
#[derive(Debug, Clone)]
pub struct Recorded {
    state: Arc<Mutex<State>>,
    host: Host,
}

#[derive(Debug)]
struct State {
    version: EngineVersion,
    local: bool,
    images: BTreeMap<String, Image>,
    programs: BTreeMap<(String, String), Program>,
    volumes: BTreeMap<String, Volume>,
    containers: BTreeMap<String, ContainerSpec>,
    files: BTreeMap<(String, String), FileStat>,
    archives: BTreeMap<(String, String), Bytes>,
    calls: Vec<String>,
    created: usize,
    mirrored: bool,
    failing_puts: usize,
    hidden: usize,
    registry: BTreeMap<String, Image>,
    inputs: BTreeMap<String, String>,
    broken_builds: BTreeMap<String, String>,
    saved: BTreeMap<String, Vec<u8>>,
    layers: BTreeMap<String, Vec<String>>,
    refused_loads: VecDeque<String>,
    world: World,
}

impl Default for Recorded {
    fn default() -> Self {
        let version = EngineVersion {
            version: "20.10.24".into(),
            api: "1.41".into(),
            os: "linux".into(),
            architecture: "amd64".into(),
        };
        Self {
            host: Host::Unix("/run/recorded.sock".into()),
            state: Arc::new(Mutex::new(State {
                version,
                local: true,
                images: BTreeMap::new(),
                programs: BTreeMap::new(),
                volumes: BTreeMap::new(),
                containers: BTreeMap::new(),
                files: BTreeMap::new(),
                archives: BTreeMap::new(),
                calls: Vec::new(),
                created: 0,
                mirrored: false,
                failing_puts: 0,
                hidden: 0,
                registry: BTreeMap::new(),
                inputs: BTreeMap::new(),
                broken_builds: BTreeMap::new(),
                saved: BTreeMap::new(),
                layers: BTreeMap::new(),
                refused_loads: VecDeque::new(),
                world: World::default(),
            })),
        }
    }
}

impl Recorded {
    /// An engine without images and volumes, on this machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an image.
    #[must_use]
    pub fn with_image(self, name: &str, image: Image) -> Self {
        self.lock().images.insert(name.into(), image);
        self
    }

    /// Adds a command to an image.
    #[must_use]
    pub fn with_program(self, image: &str, command: &str, program: Program) -> Self {
        self.lock().programs.insert((image.into(), command.into()), program);
        self
    }

    /// Adds a volume.
    #[must_use]
    pub fn with_volume(self, volume: Volume) -> Self {
        self.lock().volumes.insert(volume.name.clone(), volume);
        self
    }

    /// Puts a file of no content into a volume.
    #[must_use]
    pub fn with_file(self, volume: &str, path: &str) -> Self {
        let stat = FileStat::default();
        self.lock().files.insert((volume.into(), path.into()), stat);
        self
    }

    /// Has a directory of a volume written to at this time, in nanoseconds since 1970.
    pub fn write_to(&self, volume: &str, path: &str, time: i64) {
        let stat = FileStat { directory: true, written: Some(time), ..FileStat::default() };
        self.lock().files.insert((volume.into(), path.into()), stat);
    }

    /// Lets containers of an image have this archive at a path.
    #[must_use]
    pub fn with_archive(self, image: &str, path: &str, tar: Bytes) -> Self {
        self.lock().archives.insert((image.into(), path.into()), tar);
        self
    }

    /// Has nothing be there the first times that an archive is asked for.
    #[must_use]
    pub fn hidden(self, times: usize) -> Self {
        self.lock().hidden = times;
        self
    }

    /// Makes a directory in a container of a project.
    #[must_use]
    pub fn with_directory(self, container: &str, path: &str) -> Self {
        let stat = FileStat { directory: true, ..FileStat::default() };
        self.lock().files.insert((container.into(), path.into()), stat);
        self
    }

    /// Makes the engine one of another machine.
    #[must_use]
    pub fn remote(self) -> Self {
        self.lock().local = false;
        self
    }

    /// Gives the engine another architecture, in the engine's words.
    #[must_use]
    pub fn with_architecture(self, architecture: &str) -> Self {
        self.lock().version.architecture = architecture.into();
        self
    }

    /// Lets files that are put into a volume appear in its mountpoint, as they do on the engine's own machine.
    #[must_use]
    pub fn mirrored(self) -> Self {
        self.lock().mirrored = true;
        self
    }

    /// Lets the next so many archives fail to be put anywhere.
    #[must_use]
    pub fn failing_puts(self, count: usize) -> Self {
        self.lock().failing_puts = count;
        self
    }

    /// Every act so far, one line each.
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// Ids of the containers that were created and not removed.
    pub fn containers(&self) -> Vec<String> {
        self.lock().containers.keys().cloned().collect()
    }

    /// Paths that were put into a volume, relative to its root, with what each link points to.
    pub fn files(&self, volume: &str) -> Vec<(String, String)> {
        let state = self.lock();
        let files = state.files.iter().filter(|((name, _), _)| name == volume);
        files.map(|((_, path), stat)| (path.clone(), stat.link_target.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spec(&self, id: &str) -> Result<ContainerSpec, Error> {
        self.lock()
            .containers
            .get(id)
            .cloned()
            .ok_or_else(|| refused("find a container", "no such container"))
    }
}

impl State {
    fn record(&mut self, call: String) {
        self.calls.push(call);
    }
}

fn refused(act: &str, message: &str) -> Error {
    Error::Engine {
        act: act.into(),
        source: Box::new(bollard::errors::Error::DockerResponseServerError {
            status_code: 500,
            message: message.into(),
        }),
    }
}

fn unpack(tar: &Archive, mut each: impl FnMut(String, FileStat, Vec<u8>)) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    tar.copy_to(&mut bytes)?;
    let mut archive = tar::Archive::new(&bytes[..]);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let path = entry.path()?.display().to_string();
        let link = entry.link_name()?.map(|link| link.display().to_string()).unwrap_or_default();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        each(
            path,
            FileStat { size: bytes.len() as u64, link_target: link, ..FileStat::default() },
            bytes,
        );
    }
    Ok(())
}

impl Engine for Recorded {
    async fn version(&self) -> Result<EngineVersion, Error> {
        Ok(self.lock().version.clone())
    }

    async fn inspect_image(&self, image: &str) -> Result<Image, Error> {
        self.lock()
            .images
            .get(image)
            .cloned()
            .ok_or_else(|| Error::ImageMissing { image: image.into() })
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, Error> {
        let mut state = self.lock();
        if !state.images.contains_key(&spec.image) {
            return Err(Error::ImageMissing { image: spec.image.clone() });
        }
        state.created += 1;
        let id = format!("c{}", state.created);
        let mount = spec.mount.as_ref().map_or_else(String::new, |mount| {
            format!(
                " {}:{}:{}",
                mount.volume,
                mount.target,
                if mount.writable { "rw" } else { "ro" }
            )
        });
        let user = spec.user.as_ref().map_or_else(String::new, |user| format!(" user {user}"));
        let confined = if spec.confined { " confined" } else { "" };
        let argv: Vec<_> =
            spec.argv.iter().map(|word| word.lines().next().unwrap_or_default()).collect();
        state.record(format!(
            "create {id} {} network {}{user}{confined}{mount}: {}",
            spec.image,
            spec.network,
            argv.join(" ")
        ));
        state.containers.insert(id.clone(), spec.clone());
        Ok(id)
    }

    async fn run_container(
        &self,
        id: &str,
        output: &mut (dyn FnMut(Output<'_>) + Send),
    ) -> Result<Exit, Error> {
        let spec = self.spec(id)?;
        let command = spec.argv.first().cloned().unwrap_or_default();
        let program = {
            let mut state = self.lock();
            state.record(format!("run {id}"));
            state.programs.get(&(spec.image.clone(), command.clone())).cloned()
        };
        let Some(program) = program else {
            return Ok(Exit::NotFound(format!(
                "exec: \"{command}\": executable file not found in $PATH"
            )));
        };
        output(Output::Stdout(program.stdout.as_bytes()));
        output(Output::Stderr(program.stderr.as_bytes()));
        match program.code {
            Some(code) => Ok(Exit::Code(code)),
            None => std::future::pending().await,
        }
    }

    async fn remove_container(&self, id: &str) -> Result<(), Error> {
        let mut state = self.lock();
        state.record(format!("remove {id}"));
        state.containers.remove(id);
        Ok(())
    }

    async fn put_archive(&self, id: &str, parcel: &Parcel) -> Result<(), Error> {
        if self.is_of_project(id) {
            let mut files = Vec::new();
            let unpacked = unpack(&parcel.tar, |path, _, bytes| {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                files.push(format!("{path} {}", text.split_whitespace().next().unwrap_or("-")));
            });
            unpacked.map_err(|error| refused("unpack an archive", &error.to_string()))?;
            self.note(&format!("put {} in", files.join(", ")), id);
            return Ok(());
        }
        let spec = self.spec(id)?;
        let mut state = self.lock();
        state.record(format!("put {id}"));
        if let Some(left) = state.failing_puts.checked_sub(1) {
            state.failing_puts = left;
            return Err(refused("put an archive", "another one is being put there"));
        }
        // As Podman does: what is put above a mount point goes below the mount, where nobody sees it.
        let Some(mount) = spec.mount.filter(|mount| mount.target == parcel.at) else {
            return Ok(());
        };
        let unpacked = unpack(&parcel.tar, |inside, stat, bytes| {
            if state.mirrored && stat.link_target.is_empty() {
                let root = state.volumes[&mount.volume].mountpoint.clone();
                let target = root.join(&inside);
                let parent = target.parent().unwrap_or(&root).to_path_buf();
                // A failure shows in the test as the missing file.
                let _ = fs_err::create_dir_all(parent).and_then(|()| fs_err::write(&target, bytes));
            }
            state.files.insert((mount.volume.clone(), inside), stat);
        });
        unpacked.map_err(|error| refused("unpack an archive", &error.to_string()))
    }

    async fn get_archive(&self, id: &str, path: &str, limit: u64) -> Result<Option<Bytes>, Error> {
        let image = self.spec(id)?.image;
        let mut state = self.lock();
        state.record(format!("get {id} {path}"));
        if let Some(left) = state.hidden.checked_sub(1) {
            state.hidden = left;
            return Ok(None);
        }
        let archive = state.archives.get(&(image, path.to_owned())).cloned();
        match archive {
            Some(tar) if tar.len() as u64 > limit => {
                Err(Error::TooLarge { path: path.into(), limit })
            }
            found => Ok(found),
        }
    }

    async fn stat(&self, id: &str, path: &str) -> Result<Option<FileStat>, Error> {
        if self.is_of_project(id) {
            return Ok(self.lock().files.get(&(id.to_owned(), path.to_owned())).cloned());
        }
        let spec = self.spec(id)?;
        let Some(mount) = spec.mount else {
            let (state, place) = (self.lock(), (spec.image, path.to_owned()));
            let packed = state.archives.contains_key(&place);
            let directory = packed.then(|| FileStat { directory: true, ..FileStat::default() });
            return Ok(state.files.get(&place).cloned().or(directory));
        };
        let inside =
            path.strip_prefix(&format!("{}/", mount.target)).unwrap_or_default().to_owned();
        Ok(self.lock().files.get(&(mount.volume, inside)).cloned())
    }

    async fn is_empty_directory(&self, id: &str, path: &str) -> Result<bool, Error> {
        let Some(mount) = self.spec(id)?.mount.filter(|mount| mount.target == path) else {
            return Ok(false);
        };
        Ok(!self.lock().files.keys().any(|(volume, _)| *volume == mount.volume))
    }

    async fn scratch_containers(&self) -> Result<Vec<ScratchContainer>, Error> {
        let state = self.lock();
        let found = state.containers.iter().map(|(id, spec)| ScratchContainer {
            id: id.clone(),
            created: SystemTime::UNIX_EPOCH,
            running: state.calls.contains(&format!("run {id}")),
            owner: spec.owner.clone(),
            aside: spec.mount.as_ref().filter(|_| spec.aside).map(|mount| mount.volume.clone()),
        });
        Ok(found.collect())
    }

    async fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Volume, Error> {
        let mut state = self.lock();
        state.record(format!("create volume {name}"));
        let fresh = Volume {
            name: name.into(),
            driver: "local".into(),
            labels: labels.clone(),
            ..Volume::default()
        };
        Ok(state.volumes.entry(name.into()).or_insert(fresh).clone())
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<Volume>, Error> {
        Ok(self.lock().volumes.get(name).cloned())
    }

    async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        let mut state = self.lock();
        state.record(format!("remove volume {name}"));
        let mounts = |spec: &ContainerSpec| spec.mount.as_ref().is_some_and(|m| m.volume == name);
        if state.containers.values().any(mounts) {
            return Err(refused("remove a volume", "volume is in use"));
        }
        state.volumes.remove(name);
        Ok(())
    }

    async fn keep_volume(&self, mount: &Mount, argv: &[String]) -> Result<Option<String>, Error> {
        self.lock().calls.push(format!(
            "keep {}:{} {}",
            mount.volume,
            mount.target,
            argv.join(" ")
        ));
        Ok(None)
    }

    fn host(&self) -> &Host {
        &self.host
    }

    fn is_local(&self) -> bool {
        self.lock().local
    }
}
