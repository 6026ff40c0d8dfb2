//! When a Python is chosen anew for an environment, and when what was chosen before stands. Must not know how channels are
//! read.

use std::path::Path;
use std::sync::Arc;

use pyfast_environment::Error as EnvironmentError;
use pyfast_index::client::Client;
use pyfast_installer::Event as Work;
use pyfast_installer::prefix::{Brought, Prefix};
use pyfast_native::{Event as Native, Machine, Request, Solved, Tools, make, solve};
use pyfast_root::Root;
use pyfast_settings::{Settings, client_options};

use crate::error::Error;
use crate::event::{Event, Events};
use crate::task::Task;
use crate::volume_place::subject;

/// The channel that is meant where none is named; who reads channels knows where it is.
const USUAL: &str = "conda-forge";

/// Has the Python of an environment in its root, and says there which it is. What was chosen for the same request stands
/// until somebody asks for newer versions.
pub(crate) fn bring(task: Task<'_>, version: &str, written: &Path) -> Result<(), Error> {
    let Task { options, settings, events } = task;
    let request = request(task, version);
    let asked = request.fingerprint();
    let found = before(settings, written)?.filter(|brought| brought.request == asked);
    // What would be chosen anew is not known without choosing.
    let found = found.filter(|_| !options.resolve.upgrade || options.dry_run);
    let is_there = |brought: &Brought| is_there(brought, written);
    if found.as_ref().is_some_and(is_there) {
        return Ok(());
    }
    if options.dry_run {
        let (version, env) = (version.to_owned(), settings.env.clone());
        return Err(pyfast_settings::Error::NotBrought { version, env }.into());
    }
    let root = Root::create(written, written)?;
    let whose = subject(settings);
    root.own(&whose.project, &whose.claim).map_err(EnvironmentError::from)?;
    let directory = root.make_project_env(&whose.name()?)?;
    let (machine, tools) = (Machine::here()?, tools(settings, events, request.channels.clone())?);
    let kept = found.and_then(|brought| Solved::read(brought.solved.get(), written).ok()?);
    let solved = match kept {
        Some(solved) => solved,
        None => solve(&request, &machine, &tools)?,
    };
    let prefix = make(&root, &solved, &machine, &tools)?;
    let solved = solved.kept(directory.path())?;
    let brought = Brought { request: asked, id: prefix.id, channels: request.channels, solved };
    Ok(brought.keep(&directory)?)
}

/// What the last sync brought.
fn before(settings: &Settings, written: &Path) -> Result<Option<Brought>, Error> {
    let Some(root) = Root::find(written, written)? else { return Ok(None) };
    Ok(Brought::of(&root, &subject(settings).name()?)?)
}

fn is_there(brought: &Brought, written: &Path) -> bool {
    let root = Root::find(written, written).ok().flatten();
    root.is_some_and(|root| matches!(Prefix::find(&root, &brought.id), Ok(Some(_))))
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
