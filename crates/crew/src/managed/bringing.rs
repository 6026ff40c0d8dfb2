//! When a Python is chosen anew for an environment, and when what was chosen before stands. Must not know how channels are
//! read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_environment::Error as EnvironmentError;
use pyfast_index::client::Client;
use pyfast_installer::Event as Work;
use pyfast_installer::prefix::{Brought, Prefix};
use pyfast_native::{Event as Native, Machine, Request, Tools, make, solve};
use pyfast_resolver::native::NativeLock;
use pyfast_root::Root;
use pyfast_settings::{Settings, client_options};

use super::Managed;
use super::before::{Before, Choice};
use crate::error::Error;
use crate::event::{Event, Events};
use crate::lock_file::known;
use crate::session::own_lock;
use crate::sync::lock_use;
use crate::task::Task;
use crate::volume_place::subject;

/// The channel that is meant where none is named; who reads channels knows where it is.
const USUAL: &str = "conda-forge";

/// Has the Python of an environment in its root, and says there which it is. What was chosen for the same request stands
/// until somebody asks for newer versions.
pub(crate) fn bring(task: Task<'_>, version: &str, written: &Path) -> Result<Managed, Error> {
    let Task { options, settings, events } = task;
    let request = request(task, version);
    let found = Root::find(written, written)?;
    let name = subject(settings).name()?;
    let memory = found.as_ref().map(|root| Brought::of(root, &name)).transpose()?.flatten();
    let (path, text) = lock_of_project(task);
    let before = Before::new(text.as_deref().map(|text| (&*path, text)), memory)?;
    let before = Before { path, ..before };
    // What would be chosen anew is not known without choosing.
    let anew = options.resolve.upgrade && !options.dry_run;
    let standing =
        if anew { None } else { before.standing(&request.fingerprint(), lock_use(task)?)? };
    let there = found.zip(standing.as_ref()).map(|(root, choice)| {
        let id = choice.solved.id(&root);
        let known = before
            .memory
            .as_ref()
            .is_some_and(|memory| memory.id == id && memory.request == choice.request);
        Ok::<_, Error>(Prefix::find(&root, &id)?.filter(|_| known || options.dry_run))
    });
    if let (Some(prefix), Some(choice)) = (there.transpose()?.flatten(), &standing) {
        return Ok(Managed { prefix, native: before.beside_others(choice) });
    }
    if options.dry_run {
        let (version, env) = (version.to_owned(), settings.env.clone());
        return Err(pyfast_settings::Error::NotBrought { version, env }.into());
    }
    let (machine, tools) = (Machine::here()?, tools(settings, events, request.channels.clone())?);
    let choice = match standing {
        Some(choice) => choice,
        None => choose(&request, &machine, &tools)?,
    };
    let root = Root::create(written, written)?;
    let whose = subject(settings);
    root.own(&whose.project, &whose.claim).map_err(EnvironmentError::from)?;
    let made = make(&root, &choice.solved, &machine, &tools)?;
    let native = before.beside_others(&choice);
    let Choice { request, channels, solved } = choice;
    let (id, packages) = (made.prefix().id.clone(), solved.packages().to_vec());
    Brought { request, id, channels, packages }.keep(&root.make_project_env(&name)?)?;
    Ok(Managed { prefix: made.prefix().clone(), native })
}

/// What a lock without an environment says of the Python: what that at `own` has, else what the root remembers, else what is
/// chosen now.
pub(crate) fn locked(
    task: Task<'_>,
    version: &str,
    own: Option<(&Path, &str)>,
) -> Result<NativeLock, Error> {
    let Task { options, settings, events } = task;
    let request = request(task, version);
    let memory = match &settings.root {
        pyfast_settings::Root::Directory(root) => match Root::find(root, root)? {
            Some(root) => Brought::of(&root, &subject(settings).name()?)?,
            None => None,
        },
        pyfast_settings::Root::Volume(_) => None,
    };
    let before = Before::new(own, memory)?;
    let asked = request.fingerprint();
    let standing =
        if options.resolve.upgrade { None } else { before.standing(&asked, options.lock_use)? };
    let choice = if let Some(choice) = standing {
        choice
    } else {
        let tools = tools(settings, events, request.channels.clone())?;
        choose(&request, &Machine::here()?, &tools)?
    };
    Ok(before.beside_others(&choice))
}

fn choose(request: &Request, machine: &Machine, tools: &Tools) -> Result<Choice, Error> {
    let solved = solve(request, machine, tools)?;
    Ok(Choice { request: request.fingerprint(), channels: request.channels.clone(), solved })
}

/// Where the project's own lock is, or would be, and its text where it is there.
fn lock_of_project(Task { options, settings, .. }: Task<'_>) -> (PathBuf, Option<String>) {
    let own = own_lock(&options.resolve, settings, None);
    let places = own.places();
    let found = places.iter().find_map(|path| Some((path.clone(), Some(known(path)?))));
    found.unwrap_or_else(|| (places[0].clone(), None))
}

fn request(task: Task<'_>, version: &str) -> Request {
    let Task { options, settings, .. } = task;
    let native = &settings.project.config.native;
    let mut channels = native.channels.clone();
    if channels.is_empty() {
        channels.push(USUAL.to_owned());
    }
    Request {
        python: version.to_owned(),
        packages: native.packages.clone(),
        channels,
        exclude_newer: options.resolve.exclude_newer.as_ref().map(ToString::to_string),
        directory: settings.project.directory.clone(),
    }
}

fn tools(settings: &Settings, events: &Events, channels: Vec<String>) -> Result<Tools, Error> {
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
    Ok(Tools::new(Arc::new(client), settings.cache_directory()?, Arc::new(events))?)
}
