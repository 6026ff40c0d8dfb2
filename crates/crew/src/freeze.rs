//! An environment as a container image, made of the store without an engine and without a build. Owns what the image
//! holds and what it runs; how layers are written is the image format's own crate, what an environment consists of the
//! installer's.

mod destination;
mod ground;
mod groups;
mod image;
mod kept;
mod loaded;
mod output;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pyfast_environment::Error as EnvironmentError;
use pyfast_installer::bytecode::is_compiled;
use pyfast_installer::generation::frozen::{at_rest, environment, python, wheel};
use pyfast_installer::generation::{Generation, current, verify_generation};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::{EnvironmentSpec, Package};
use pyfast_installer::prefix;
use pyfast_installer::store::Store;
use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_oci::{Image, Made, Platform};
use pyfast_packaging::hash::Sha256;
use pyfast_root::{ProjectEnv, Root};
use pyfast_settings::Settings;
use serde::Serialize;

use crate::afterwards::wait;
use crate::engine::{Connection, builds};
use crate::error::Error;
use crate::event::Events;
use crate::reach::reach;
use crate::volume_place::subject;
use destination::Destination;
use ground::{EngineImage, Ground};
use groups::{Piece, pieces};
use kept::{Packing, Parcel};
use loaded::Loading;
use output::Output;
pub use pyfast_oci::{Error as ImageError, ImageName};
pub use pyfast_registry::Error as RegistryError;

/// More layers than this no engine's file system takes at once.
const MOST_LAYERS: usize = 120;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What the image is called.
    pub name: ImageName,
    /// What it is put upon.
    pub upon: Upon,
    /// Where it is written, relative to the working directory: an archive where the name ends in `.tar`, else a directory
    /// that is a layout.
    pub output: Option<PathBuf>,
    /// Whether the container engine loads it.
    pub load: bool,
    /// Whether it is pushed to the registry of its name.
    pub push: bool,
    /// Which file its digest is written into too.
    pub digest_file: Option<PathBuf>,
}

/// What an image is put upon.
#[derive(Debug, Clone)]
pub enum Upon {
    /// Nothing: it has the environment alone.
    Nothing,
    /// The image that the environment is for.
    Own,
    /// Another image: a layout, an archive, or one that the engine has.
    Named(String),
}

impl Upon {
    /// What is named; nothing where there is to be none.
    pub fn of(base: Option<&str>, alone: bool) -> Self {
        match base {
            Some(base) => Self::Named(base.to_owned()),
            None if alone => Self::Nothing,
            None => Self::Own,
        }
    }

    fn ground(&self, settings: &Settings) -> Result<Option<Ground>, Error> {
        let missing = || Error::NoBase { env: settings.env.clone() };
        Ok(match self {
            Self::Nothing => None,
            Self::Own => Some(Ground::of_engine(settings.python.image().ok_or_else(missing)?)),
            Self::Named(name) => Some(Ground::read(name, &settings.project.working_directory)?),
        })
    }
}

/// An image of an environment.
pub struct Frozen {
    report: Report,
    image: Image,
    name: ImageName,
    places: Places,
    /// What it is put upon, where an engine has that.
    below: Option<EngineImage>,
}

/// Where an image is to be, all of which was looked at.
struct Places {
    output: Option<Output>,
    engine: Option<Connection>,
    registry: Option<Destination>,
    digest_file: Option<PathBuf>,
}

impl Places {
    /// Finds out whether an image can be there, before anything is done for it.
    fn find(wanted: &Wanted, base: Option<&ImageName>, settings: &Settings) -> Result<Self, Error> {
        if wanted.name.digest.is_some() {
            return Err(Error::PinnedName { name: wanted.name.clone() });
        }
        let here = |path: &PathBuf| settings.project.working_directory.join(path);
        let output = wanted.output.as_ref().map(|path| Output::find(&here(path))).transpose()?;
        let digest_file = wanted.digest_file.as_ref().map(here);
        digest_file.as_deref().map_or(Ok(()), output::check_digest_file)?;
        let engine = wanted.load.then(|| Connection::open(settings)).transpose()?;
        let registry = || Destination::open(&wanted.name, base, settings);
        let registry = wanted.push.then(registry).transpose()?;
        Ok(Self { output, engine, registry, digest_file })
    }

    /// Whether nobody needs the bytes of layers that the engine has.
    fn are_the_engine_alone(&self) -> bool {
        self.output.is_none() && self.registry.is_none()
    }
}

/// What an image holds.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// By what it is known for ever.
    pub digest: String,
    /// The generation that it holds, as it is called there.
    pub generation: String,
    /// Its layers, the lowest first.
    pub layers: Vec<Packed>,
    /// The interpreter that it is for.
    #[serde(skip)]
    pub interpreter: Interpreter,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
}

/// A layer of the environment.
#[derive(Debug, Clone, Serialize)]
pub struct Packed {
    /// Its digest.
    pub digest: String,
    /// The digest that it has unpacked.
    pub diff_id: String,
    /// Its bytes.
    pub size: u64,
    /// What it holds, in words.
    pub holds: String,
    /// Whether it was packed now, and not found from the time before.
    #[serde(skip)]
    pub new: bool,
}

impl Frozen {
    /// What it holds.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Has it wherever it is to be, and its digest last.
    ///
    /// # Errors
    /// What the disk, the engine or the registry refuses.
    pub fn write(&self, events: &Events) -> Result<(), Error> {
        let Self { image, name, places, below, .. } = self;
        let Places { output, engine, registry, digest_file } = places;
        output.as_ref().map_or(Ok(()), |output| output.write(image, name))?;
        let below = below.as_ref();
        engine.as_ref().map_or(Ok(()), |connection| {
            Loading { connection, image, name, below, events }.load()
        })?;
        registry.as_ref().map_or(Ok(()), |registry| registry.push(image, name, events))?;
        let Some(path) = digest_file else { return Ok(()) };
        fs_err::write(path, format!("{}\n", self.report.digest))
            .map_err(|source| Error::DigestFile { path: path.clone(), source })
    }
}

/// Makes the image of an environment as its last sync made it.
///
/// # Errors
/// If there is none, something of it was altered, its bytecode cannot be had, it is where this process cannot reach it,
/// or a Python that was brought for it is of another place than the image's; if the image cannot be where it is wanted, or
/// this program cannot run in it; if what it is put upon is not there or does not suit; and what disk and engine refuse.
pub fn freeze(wanted: &Wanted, settings: &Settings, events: &Events) -> Result<Frozen, Error> {
    let (begun, created) = (Instant::now(), image::created(settings)?);
    let ground = wanted.upon.ground(settings)?;
    let below = ground.as_ref().and_then(Ground::name);
    let places = Places::find(wanted, below.as_ref(), settings)?;
    let source = Source::find(settings)?;
    let platform = image::platform(&source.spec.interpreter);
    let program = program(settings, &platform)?;
    source.wait_for_bytecode(settings, events)?;
    let known = places.are_the_engine_alone();
    let open = |ground: &Ground| ground.open(&platform, known, settings, events);
    let opened = ground.as_ref().map(open).transpose()?;
    let (base, engine_image) = opened.map(|opened| (opened.base, opened.image)).unzip();
    source.check()?;
    let rest = Rest::of(&source)?;
    let made = rest.made(&program, events)?;
    let count = made.len() + base.as_ref().map_or(0, |base| base.layers.len());
    if count > MOST_LAYERS {
        return Err(Error::TooManyLayers { count, most: MOST_LAYERS });
    }
    let (packed, layers): (Vec<Packed>, Vec<Made>) = made.into_iter().unzip();
    let about = image::About {
        name: &source.carried,
        generation: &rest.id,
        interpreter: &rest.spec.interpreter,
        created,
    };
    let annotations = about.annotations(base.as_ref(), below.as_ref());
    let (config, below) = match base {
        Some(base) => about.upon(base),
        None => (about.alone(), Vec::new()),
    };
    let image = Image::new(config, below, layers, annotations);
    let report = Report {
        digest: image.digest().to_string(),
        generation: rest.id,
        layers: packed,
        interpreter: rest.spec.interpreter,
        took: begun.elapsed(),
    };
    Ok(Frozen { report, image, name: wanted.name.clone(), places, below: engine_image.flatten() })
}

/// The program has to run where the environment does, whatever else is in the image.
fn program(settings: &Settings, wanted: &Platform) -> Result<PathBuf, Error> {
    let (os, architecture) = (&wanted.os, &wanted.architecture);
    match builds(&settings.variables)?.of_machine(os, architecture) {
        Ok(binary) => Ok(binary.path().to_owned()),
        Err(LaunchError::Architecture { path, binary, engine }) => {
            Err(Error::ProgramPlatform { path, found: binary, wanted: engine })
        }
        Err(error) => Err(error.into()),
    }
}

/// The environment that is frozen.
struct Source {
    root: Root,
    name: ProjectEnv,
    /// Its name in the image, which says nothing of this machine.
    carried: ProjectEnv,
    generation: Generation,
    spec: EnvironmentSpec,
    /// Whether it is seen somewhere else than it will be in the image.
    moved: bool,
}

impl Source {
    fn find(settings: &Settings) -> Result<Self, Error> {
        let Some((written, seen)) = reach(settings)? else {
            return Err(Error::FreezeOutOfReach { env: settings.env.clone() });
        };
        let subject = subject(settings);
        let name = subject.name()?;
        let carried = ProjectEnv::new(&settings.project.carried_name(), name.env())?;
        let missing =
            || EnvironmentError::NoEnvironment { project: subject.project, env: subject.env };
        let root = Root::find(&written, &seen)?;
        let found = root.map(|root| Ok::<_, Error>((current(&root, &name)?, root))).transpose()?;
        let Some((Some(generation), root)) = found else { return Err(missing().into()) };
        let spec = generation.spec(&root)?;
        let moved = seen != Path::new(MOUNT_POINT);
        if moved && !prefix::ids_of(&root, &spec).is_empty() {
            return Err(Error::FreezeBrought { env: settings.env.clone() });
        }
        Ok(Self { root, name, carried, generation, spec, moved })
    }

    /// What still compiles is waited for: an image has all of it or none.
    fn wait_for_bytecode(&self, settings: &Settings, events: &Events) -> Result<(), Error> {
        if wait(&self.root, &self.generation, settings, events)? {
            return Ok(());
        }
        Err(Error::NotCompiled { env: settings.env.clone(), what: "the environment".to_owned() })
    }

    /// What was altered since it was installed comes into no image.
    fn check(&self) -> Result<(), Error> {
        let findings = verify_generation(&self.root, &self.generation)?;
        let more = findings.len().saturating_sub(1);
        let Some(first) = findings.into_iter().next() else { return Ok(()) };
        let env = self.name.env().to_owned();
        Err(Error::FreezeAltered { env, first: Box::new(first), more })
    }
}

/// The environment where it is at rest.
struct Rest<'a> {
    source: &'a Source,
    store: Store,
    spec: EnvironmentSpec,
    /// The cache tag of its bytecode, where it has any.
    tag: Option<String>,
    /// The generation's id.
    id: String,
    layer: Parcel,
    /// Nobody collects it meanwhile.
    _lease: Option<std::os::fd::OwnedFd>,
}

impl<'a> Rest<'a> {
    fn of(source: &'a Source) -> Result<Self, Error> {
        let Source { root, name, carried, generation, spec, moved } = source;
        let lease = generation.lease(root)?;
        let seen = Path::new(MOUNT_POINT);
        let missing = || EnvironmentError::NoEnvironment {
            project: name.project().to_owned(),
            env: name.env().to_owned(),
        };
        let there = Root::find(root.written(), seen)?.ok_or_else(missing)?;
        let store = Store::open(&there, &|_| ())?;
        let lock = String::from_utf8_lossy(&generation.lock_text(root)?).into_owned();
        let spec = at_rest(spec.clone(), *moved);
        let tag = spec.interpreter.cache_tag.clone().filter(|_| spec.options.compiled);
        let compiled = |wheel: &Sha256| is_compiled(&there, &spec.interpreter, wheel);
        let lacking = spec.packages.iter().find(|package| !compiled(&package.sha256));
        if let Some(Package { name: package, version, .. }) = lacking.filter(|_| tag.is_some()) {
            let what = format!("{package} {version}");
            return Err(Error::NotCompiled { env: name.env().to_owned(), what });
        }
        let frozen = environment(&store, carried, &spec, &lock, tag.is_some())?;
        let layer = Parcel::of_environment(frozen.entries);
        Ok(Self { source, store, spec, tag, id: frozen.id, layer, _lease: lease })
    }

    /// Every layer, the lowest first: what changes least is lowest, so that an engine unpacks what changed alone.
    fn made(&self, program: &Path, events: &Events) -> Result<Vec<(Packed, Made)>, Error> {
        let root = self.store.root();
        let mut parcels = Vec::new();
        for id in prefix::ids_of(&self.source.root, &self.spec) {
            parcels.push(Parcel::of_python(&id, python(root, &id)?));
        }
        parcels.push(Parcel::of_program(program)?);
        for piece in pieces(&self.spec.packages, |wheel| Ok(self.store.manifest(wheel)?.size))? {
            parcels.push(self.parcel(&piece)?);
        }
        parcels.push(self.layer.clone());
        Packing { store: &self.store, events }.all(&parcels)
    }

    fn parcel(&self, piece: &Piece<'_>) -> Result<Parcel, Error> {
        let (root, tag) = (self.store.root(), self.tag.as_deref());
        let mut entries = Vec::new();
        for package in &piece.packages {
            entries.extend(wheel(root, &package.sha256, tag)?);
        }
        Ok(Parcel::of_wheels(piece, entries))
    }
}
