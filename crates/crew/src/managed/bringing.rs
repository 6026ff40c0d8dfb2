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
use url::Url;

use super::before::{Before, Choice};
use super::channels::Channels;
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

/// Has the Python of an environment in its root, and says there which it is. What was chosen for the same request stands
/// until somebody asks for newer versions.
pub(crate) fn bring(
    task: Task<'_>,
    what: FromChannels<'_>,
    ground: &Ground<'_>,
) -> Result<Managed, Error> {
    let Task { options, settings, .. } = task;
    let (ways, subject) = (Channels::of(settings)?, subject(settings));
    let request = request(task, what, &ways)?;
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
    let tools = asking(task, &request, ways)?;
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
    Ok(request(task, what, &Channels::of(task.settings)?)?.fingerprint())
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
    let Bringing { brought, archives, mirrors: stand_ins, places } = asked;
    let told = telling(events, brought.channels.clone());
    let client = Client::new(client_options(settings)?, settings.credentials()?);
    let tools = Tools::new(Arc::new(client), archives.clone(), told)?;
    let tools = tools.with_archives(archives).with_mirrors(Mirrors { stand_ins, places });
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
    let ways = Channels::of(settings)?;
    let request = request(task, what, &ways)?;
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
        let tools = asking(task, &request, ways)?;
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

fn request(task: Task<'_>, what: FromChannels<'_>, ways: &Channels) -> Result<Request, Error> {
    let Task { options, settings, .. } = task;
    Ok(Request {
        python: what.python().map(str::to_owned),
        packages: settings.project.config.native.packages.clone(),
        channels: ways.asked.clone(),
        named: ways.named.clone(),
        of_project: ways.of_project.clone(),
        exclude_newer: cutoff(&options.resolve, settings)?.map(|time| time.to_string()),
        directory: settings.project.directory.clone(),
    })
}

/// What channels and their other places are asked with; what of the user's configuration does not count is said.
fn asking(task: Task<'_>, request: &Request, ways: Channels) -> Result<Tools, Error> {
    let Task { settings, events, .. } = task;
    for said in ways.unfollowed {
        events(Event::Warning(said));
    }
    let mut credentials = settings.credentials()?;
    credentials.merge(ways.logins.users());
    let servers = request.channels.iter().filter_map(|channel| Url::parse(channel).ok());
    servers.for_each(|server| credentials.add_service(&server));
    let client = Arc::new(Client::new(client_options(settings)?, credentials));
    let told = telling(events, request.channels.clone());
    let tools = Tools::new(client, settings.cache_directory()?, told)?;
    let mirrors = Mirrors { places: ways.mirrors.places, ..mirrors(request)? };
    Ok(tools.with_mirrors(mirrors).with_logins(ways.logins))
}

/// Who is told what goes on.
fn telling(events: &Events, channels: Vec<String>) -> Arc<dyn Fn(Native) + Send + Sync> {
    let told = Arc::clone(events);
    Arc::new(move |event| match event {
        Native::Solving => told(Event::Resolving),
        Native::Making { python, packages, bytes } => {
            told(Event::Bringing { python, packages, bytes, channels: channels.clone() });
        }
        Native::LinkScript { package, script } => told(Event::Warning(format!(
            "the package {package} of a channel has a program that is to run when it is installed, which is not done: `{script}`"
        ))),
        Native::Waiting(waiting) => told(Event::Work(Work::Waiting(waiting))),
        _ => {}
    })
}
