//! When a Python is chosen anew for an environment, and when what was chosen before stands. Must not know how channels are
//! read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_environment::ask::{self, brought};
use pyfast_environment::question::{Bringing, Had, MachineFacts};
use pyfast_index::client::Client;
use pyfast_installer::Event as Work;
use pyfast_installer::prefix::Brought;
use pyfast_native::{Event as Native, Machine, Mirrors, Request, Solved, Tools, mirrors, solve};
use pyfast_resolver::native::NativeLock;
use pyfast_root::Root;
use pyfast_settings::interpreters::FromChannels;
use pyfast_settings::{Python, Settings, client_options};

use super::before::{Before, Choice};
use super::channels;
use super::cutoff::cutoff;
use super::ground::{machine_of, made};
use super::{Ground, Managed, Of};
use crate::engine::Connection;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::lock_file::known;
use crate::session::own_lock;
use crate::sync::lock_use;
use crate::task::Task;
use crate::volume_place::{VolumePlace, at_place, subject};

/// The channel that is meant where none is named; who reads channels knows where it is.
const USUAL: &str = "conda-forge";

/// Has the Python of an environment in its root, and says there which it is. What was chosen for the same request stands
/// until somebody asks for newer versions.
pub(crate) fn bring(
    task: Task<'_>,
    what: FromChannels<'_>,
    ground: &Ground<'_>,
) -> Result<Managed, Error> {
    let Task { options, settings, events } = task;
    let (request, subject) = (request(task, what)?, subject(settings));
    let had = ground.had(&subject)?;
    let (path, text) = lock_of_project(task);
    let memory = had.as_ref().map(|had| had.brought.clone());
    // What would be chosen anew is not known without choosing.
    let anew = options.resolve.upgrade && !options.dry_run;
    let before = if anew {
        Before::replaced(path, text.as_deref(), memory)
    } else {
        Before::new(path, text.as_deref(), memory)?
    };
    let asked = request.fingerprint();
    let standing = if anew { None } else { before.standing(&asked, lock_use(task)?)? };
    let is_had = |choice: &Choice| {
        had.filter(|Had { brought, left, .. }| {
            // Nothing is said of it where nothing is done.
            (!left || options.dry_run)
                && brought.id == choice.solved.id(ground.seen())
                && (&*brought.request, brought.image.as_deref())
                    == (&*choice.request, ground.image())
        })
    };
    let prefix = standing.as_ref().and_then(is_had).and_then(|had| had.prefix);
    if let (Some(prefix), Some(choice)) = (prefix, &standing) {
        return Ok(Managed { prefix, native: before.beside_others(choice) });
    }
    if options.dry_run {
        let env = settings.env.clone();
        return Err(match what.python().map(str::to_owned) {
            Some(version) => pyfast_settings::Error::NotBrought { version, env }.into(),
            None => Error::NoLibraries { env },
        });
    }
    let cache = settings.cache_directory()?;
    let tools = tools(settings, events, request.channels.clone(), cache)?;
    let tools = tools.with_mirrors(mirrors(&request)?);
    let machine = ground.machine()?;
    let choice = match standing {
        Some(choice) => choice,
        None => choose(&request, &machine, &tools)?,
    };
    let native = before.beside_others(&choice);
    let Choice { request, channels, solved } = choice;
    let (id, packages) = (solved.id(ground.seen()), solved.packages().to_vec());
    let (whole, image) = (solved.is_whole(), ground.image().map(str::to_owned));
    let brought = Brought { request, id, channels, packages, whole, image };
    Ok(Managed { prefix: ground.make(brought, &machine, &tools, &subject)?, native })
}

/// Everything that shapes what is brought.
///
/// # Errors
/// If uv's settings say what nothing can be made of.
pub(crate) fn print(task: Task<'_>, what: FromChannels<'_>) -> Result<String, Error> {
    Ok(request(task, what)?.fingerprint())
}

/// What packages may rely on, where this runs.
///
/// # Errors
/// If channels have nothing that runs here.
pub(crate) fn here() -> Result<MachineFacts, Error> {
    let Machine { arch, glibc, kernel } = Machine::here()?;
    Ok(MachineFacts { arch, glibc, kernel })
}

/// Brings what another process of this program asks for, in a container that writes the volume.
///
/// # Errors
/// What bringing it fails with.
pub(crate) fn bring_asked(task: Task<'_>, asked: Bringing, of: &Of<'_>) -> Result<Had, Error> {
    let Task { settings, events, .. } = task;
    let Bringing { brought, archives, mirrors } = asked;
    let tools = tools(settings, events, brought.channels.clone(), archives.clone())?;
    let tools = tools.with_archives(archives).with_mirrors(Mirrors(mirrors));
    let root = Root::create(of.root, of.root)?;
    let prefix = made(&root, &brought, &Machine::here()?, &tools, of.subject)?;
    Ok(Had { brought, prefix: Some(prefix), left: false })
}

/// What a lock without an environment says of the Python: what that at `own` has, else what the root remembers, else what is
/// chosen now.
pub(crate) fn locked(
    task: Task<'_>,
    what: FromChannels<'_>,
    own: Option<(&Path, &str)>,
) -> Result<NativeLock, Error> {
    let Task { options, settings, events } = task;
    let request = request(task, what)?;
    let had = at_place(settings, events, brought)?;
    let path = own.map(|(path, _)| path.to_owned()).unwrap_or_default();
    let text = own.map(|(_, text)| text);
    let before = Before::replaced(path, text, had.map(|had| had.brought));
    let asked = request.fingerprint();
    let standing =
        if options.resolve.upgrade { None } else { before.standing(&asked, options.lock_use)? };
    let choice = if let Some(choice) = standing {
        choice
    } else {
        let cache = settings.cache_directory()?;
        let tools = tools(settings, events, request.channels.clone(), cache)?;
        choose(&request, &machine(settings)?, &tools)?
    };
    Ok(before.beside_others(&choice))
}

/// The version of the Python among archives that a lock has for machines of this architecture.
pub(crate) fn python_of(native: &NativeLock) -> Option<String> {
    let archives = native.archives.get(std::env::consts::ARCH)?;
    Some(Solved::of_archives(archives, false).ok()?.python()?.to_owned())
}

/// The platform that such a Python is for, as targets are named.
///
/// # Errors
/// If channels have nothing that runs there, or it cannot be asked.
pub(crate) fn platform(settings: &Settings) -> Result<String, Error> {
    let Machine { arch, glibc, .. } = machine(settings)?;
    let release: Vec<&str> = glibc.split('.').take(2).collect();
    Ok(format!("{arch}-manylinux_{}", release.join("_")))
}

/// What packages may rely on where the environment runs.
fn machine(settings: &Settings) -> Result<Machine, Error> {
    let (pyfast_settings::Root::Volume(name), Python::Image(image)) =
        (&settings.root, &settings.python)
    else {
        return Ok(Machine::here()?);
    };
    let connection = Connection::open(settings)?;
    let volume = connection.volume(name, image, &settings.project.name())?;
    Ok(machine_of(ask::machine(&VolumePlace::new(&connection, &volume, image, settings))?))
}

fn choose(request: &Request, machine: &Machine, tools: &Tools) -> Result<Choice, Error> {
    let solved = solve(request, machine, tools)?;
    Ok(Choice { request: request.fingerprint(), channels: request.named.clone(), solved })
}

/// Where the project's own lock is, or would be, and its text where it is there.
fn lock_of_project(Task { options, settings, .. }: Task<'_>) -> (PathBuf, Option<String>) {
    let own = own_lock(&options.resolve, settings, None);
    let places = own.places();
    let found = places.iter().find_map(|path| Some((path.clone(), Some(known(path)?))));
    found.unwrap_or_else(|| (places[0].clone(), None))
}

fn request(task: Task<'_>, what: FromChannels<'_>) -> Result<Request, Error> {
    let Task { options, settings, .. } = task;
    let native = &settings.project.config.native;
    let mut named = native.channels.clone();
    // Here, for they are said where nothing is asked of them too.
    channels::check(&named, &settings.project.directory)?;
    if named.is_empty() {
        named.push(USUAL.to_owned());
    }
    let given = &settings.flags.index.channels;
    let given = channels::given(given, &settings.project.working_directory)?;
    let channels = if given.is_empty() { named.clone() } else { given };
    Ok(Request {
        python: what.python().map(str::to_owned),
        packages: native.packages.clone(),
        channels,
        named,
        exclude_newer: cutoff(&options.resolve, settings)?.map(|time| time.to_string()),
        directory: settings.project.directory.clone(),
    })
}

fn tools(
    settings: &Settings,
    events: &Events,
    channels: Vec<String>,
    cache: PathBuf,
) -> Result<Tools, Error> {
    let client = Client::new(client_options(settings)?, settings.credentials()?);
    let told = Arc::clone(events);
    let events = move |event| match event {
        Native::Solving => told(Event::Resolving),
        Native::Making { python, packages, bytes } => {
            told(Event::Bringing { python, packages, bytes, channels: channels.clone() });
        }
        Native::LinkScript { package, script } => told(Event::Warning(format!(
            "the package {package} of a channel has a program that is to run when it is installed, which is not done: `{script}`"
        ))),
        Native::Waiting(waiting) => told(Event::Work(Work::Waiting(waiting))),
        _ => {}
    };
    Ok(Tools::new(Arc::new(client), cache, Arc::new(events))?)
}
