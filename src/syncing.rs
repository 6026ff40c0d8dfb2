//! From requirements to an activated environment: what `sync` and `run` share. Joins the resolver,
//! the installer and the launcher, which do not know each other.

mod container;
mod direct_url;
mod dry_run;
mod fetching;
mod install;
mod lock_file;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pyfast_environment::{Setting, digest};
use pyfast_installer::{Habitat, LinkMode};
use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_root::{CURRENT, ProjectEnv, env_path, project_env_path};

use crate::engine::{self, Connection};
use crate::environment::compiling_python;
use crate::failure::Failure;
use crate::indexes;
use crate::interpreters;
use crate::resolving::{self, ResolveArgs};
use crate::settings::{Python, Root, Settings};

pub(crate) use direct_url::direct_url;
pub(crate) use report::Report;

/// What a lock is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LockUse {
    /// It is made anew where it does not answer the requirements.
    #[default]
    Update,
    /// It must answer the requirements.
    Locked,
    /// It is used as it is.
    Frozen,
}

/// How to sync.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) resolve: ResolveArgs,
    pub(crate) lock_use: LockUse,
    pub(crate) dry_run: bool,
    /// `None`: as the place wants it.
    pub(crate) link_mode: Option<LinkMode>,
    /// `None`: as the place wants it.
    pub(crate) compile: Option<bool>,
    pub(crate) reinstall: bool,
    pub(crate) verify: bool,
    pub(crate) strict: bool,
}

/// Where an environment is made, and for which interpreter.
pub(crate) struct Place {
    /// The root as this process writes it.
    written: PathBuf,
    /// The root as Python will see it.
    seen: PathBuf,
    /// Changes when the interpreter does.
    identity: String,
    /// Who writes to its environments: how files come in and whether bytecode is compiled follow from it,
    /// unless the user says otherwise.
    habitat: Habitat,
    name: ProjectEnv,
}

/// Makes the environment what the requirements say.
pub(crate) fn sync(options: &Options, settings: &Settings) -> Result<Report, Failure> {
    readable(|| sync_shared(options, settings))
}

/// Makes several environments at once, each with how long it took; in the order of the settings.
pub(crate) fn sync_all(
    options: &Options,
    environments: &[Settings],
) -> Vec<(Result<Report, Failure>, Duration)> {
    let timed = |settings| {
        let begun = Instant::now();
        (sync_shared(options, settings), begun.elapsed())
    };
    readable(|| match environments {
        [one] => vec![timed(one)],
        several => std::thread::scope(|scope| {
            let threads: Vec<_> =
                several.iter().map(|settings| scope.spawn(move || timed(settings))).collect();
            let joined = threads.into_iter().map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect()
        }),
    })
}

/// Containers read the root as other users, whatever this user's mask is. The mask is the whole process'.
fn readable<T>(act: impl FnOnce() -> T) -> T {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let done = act();
    rustix::process::umask(mask);
    done
}

fn sync_shared(options: &Options, settings: &Settings) -> Result<Report, Failure> {
    let name = ProjectEnv::new(&settings.project.name(), &settings.env)?;
    match (&settings.root, &settings.python) {
        (Root::Directory(root), Python::Host(request)) => {
            let found = interpreters::find(request.as_deref(), settings)?;
            let place = Place {
                written: root.clone(),
                seen: root.clone(),
                identity: found.identity.clone(),
                habitat: match crate::settings::own_root() {
                    Some(own) if own == *root => Habitat::Volume,
                    _ => Habitat::Host,
                },
                name,
            };
            let cache = settings.cache_directory()?;
            install::sync(options, settings, &place, || interpreters::probe(&found, &cache))
        }
        (Root::Directory(root), Python::Image(image)) => {
            let connection = Connection::open(settings)?;
            let place = Place {
                written: root.clone(),
                seen: MOUNT_POINT.into(),
                identity: connection.image_id(image)?,
                habitat: Habitat::Volume,
                name,
            };
            install::sync(options, settings, &place, || connection.interpreter(image, settings))
        }
        (Root::Volume(volume), Python::Image(image)) => {
            let connection = Connection::open(settings)?;
            let report = sync_volume(options, settings, &connection, (volume, image), name)?;
            if report.sync.changed && !options.dry_run {
                connection.keep(volume, settings.ui)?;
            }
            Ok(report)
        }
        (Root::Volume(volume), Python::Host(_)) => Err(Failure::usage(format!(
            "the volume `{volume}` is for containers, and no image is given"
        ))
        .hint("give --image IMAGE, or `image` of the environment in pyfast.toml")),
    }
}

/// A volume, directly where this process can write it, else through a container.
fn sync_volume(
    options: &Options,
    settings: &Settings,
    connection: &Connection,
    (volume, image): (&str, &str),
    name: ProjectEnv,
) -> Result<Report, Failure> {
    let identity = connection.image_id(image)?;
    let volume = if options.dry_run {
        connection.found_volume(volume)?
    } else {
        connection.volume(volume, image, name.project())?
    };
    let Some(written) = engine::direct(&volume) else {
        return container::sync(options, settings, connection, &volume, image);
    };
    let place =
        Place { written, seen: MOUNT_POINT.into(), identity, habitat: Habitat::Volume, name };
    let interpreter = connection.interpreter(image, settings)?;
    // Only the image's own Python can compile for it then.
    if place.compiles(options) && compiling_python(settings, &interpreter).is_none() {
        return container::sync(options, settings, connection, &volume, image);
    }
    install::sync(options, settings, &place, || connection.interpreter(image, settings))
}

impl Place {
    fn compiles(&self, options: &Options) -> bool {
        options.compile.unwrap_or_else(|| self.habitat.compiles())
    }

    /// How files come into its environments.
    fn link_mode(&self, options: &Options) -> LinkMode {
        options.link_mode.unwrap_or_else(|| self.habitat.link_mode(&self.written))
    }

    /// Whose its environments are, where somebody writes to them.
    fn owner(&self) -> Option<String> {
        let Self { name, habitat, .. } = self;
        (*habitat == Habitat::Host).then(|| format!("{}/{}", name.project(), name.env()))
    }

    /// Opens the root, and makes what is missing.
    fn create_root(&self) -> Result<pyfast_root::Root, Failure> {
        Ok(pyfast_root::Root::create(&self.written, &self.seen)?)
    }

    /// Opens the root, and changes nothing; `None` if there is none yet.
    fn find_root(&self) -> Result<Option<pyfast_root::Root>, Failure> {
        Ok(pyfast_root::Root::find(&self.written, &self.seen)?)
    }

    /// The directory of the project's environment, as people are told.
    fn directory(&self) -> PathBuf {
        project_env_path(&self.written, &self.name)
    }

    /// Where a generation is written, as people are told.
    fn environment(&self, id: &str) -> PathBuf {
        env_path(&self.written, id)
    }

    /// The current link as it is written.
    fn current(&self) -> PathBuf {
        self.directory().join(CURRENT)
    }

    fn setting(&self, options: &Options, settings: &Settings) -> Setting {
        let text = format!(
            "{:?} {:?} {:?} {:?} {} {} {} {:?} {} {} {:?} {:?} {:?} {:?}",
            options.resolve,
            options.lock_use,
            options.link_mode,
            self.owner(),
            self.compiles(options),
            options.strict,
            self.seen.display(),
            settings.project.config.link.real,
            indexes::fingerprint(settings),
            settings.project.working_directory.display(),
            resolving::requirement_files(&options.resolve, settings).ok(),
            settings.project.constraints(&options.resolve.constraints, &settings.env),
            settings.project.config.index.strategy,
            settings.project.config.env.get(&settings.env).map(|env| (
                &env.extras,
                &env.groups,
                &env.exclude_dependencies,
                &env.targets,
                env.universal
            )),
        );
        Setting { settings: digest(text.as_bytes()), interpreter: self.identity.clone() }
    }
}
