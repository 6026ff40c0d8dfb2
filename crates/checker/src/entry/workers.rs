//! Workers that wait for tasks: celery, dramatiq, rq, arq, huey. Owns where each looks for its application.

use super::call::{Call, Found};
use super::options::Options;
use super::servers::is_dotted;
use super::start::UNKNOWN;
use super::{Known, Lists, Module, Started, Target};

/// <https://docs.celeryq.dev/en/stable/reference/cli.html>
pub(super) fn celery(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "-A --app -b --broker --result-backend --loader --config --workdir",
        flags: "-C --no-color -q --quiet --skip-checks",
        mixed: false,
    })?;
    let (command, behind) = words.others.split_first()?;
    if command == "multi" {
        return None;
    }
    let mut call = call.clone();
    if let Some(folder) = words.value(&["--workdir"]).or(following(behind, &["--workdir"])) {
        call.start.enter(folder);
    }
    let call = call.with_first("");
    let app = match words.value(&["-A", "--app"]).or(following(behind, &["-A", "--app"])) {
        Some(app) => Some(app.to_owned()),
        None => match call.variable("APP") {
            Known::Value(app) => Some(app),
            Known::Unset => None,
            Known::Unknown => return None,
        },
    };
    let mut entries = Vec::new();
    for module in words.value(&["--config"]).into_iter().map(Module::named) {
        entries.push(call.entry(Target::Module(module)));
    }
    if let Some(app) = app.filter(|app| !app.contains(UNKNOWN)) {
        let lists = matches!(command.as_str(), "worker" | "beat").then_some(Lists::Includes);
        entries.push(Started { lists, ..call.entry(Target::Module(celery_app(&app)?)) });
    }
    let include = following(behind, &["-I", "--include"]).filter(|_| command == "worker");
    let include = include.into_iter().flat_map(|list| list.split(',')).map(str::trim);
    entries.extend(include.map(|name| call.entry(Target::Module(Module::named(name)))));
    let pool = following(behind, &["-P", "--pool"]).filter(|_| command == "worker");
    let pool = pool.filter(|pool| matches!(*pool, "gevent" | "eventlet")).map(Module::named);
    let scheduler = following(behind, &["-S", "--scheduler"]).filter(|_| command == "beat");
    let scheduler = scheduler.and_then(symbol);
    let flower = (command == "flower").then(|| Module::named("flower"));
    for module in pool.into_iter().chain(scheduler).chain(flower) {
        entries.push(call.entry(Target::Module(module)));
    }
    Some(entries)
}

/// The value of an option among words that are read for nothing else.
fn following<'a>(words: &'a [String], names: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| {
        if names.contains(&word.as_str()) {
            return words.get(at + 1).map(String::as_str);
        }
        let long = word.split_once('=').filter(|(name, _)| names.contains(name));
        long.map(|(_, value)| value)
    })
}

/// What celery makes of `-A`: `proj:app` is an object; the last part of `proj.app` is one, or a submodule; in `proj` it
/// looks for `app` and `celery`, then into `proj.celery`, then for any application.
fn celery_app(app: &str) -> Option<Module> {
    if let Some((module, object)) = app.split_once(':') {
        return Some(Module::with(module, object)).filter(|_| is_dotted(object));
    }
    if !is_dotted(app) {
        return None;
    }
    Some(match app.rsplit_once('.') {
        Some(_) => Module::dotted(app),
        None => Module {
            name: app.to_owned(),
            objects: vec!["app".to_owned(), "celery".to_owned()],
            or_module: false,
            fallback: Some(format!("{app}.celery")),
            or_other: true,
        },
    })
}

/// `module:name` or `module.name`; words without either are short names.
fn symbol(text: &str) -> Option<Module> {
    match text.split_once(':') {
        Some((module, name)) => Some(Module::with(module, name)),
        None if text.contains('.') && is_dotted(text) => Some(Module::dotted(text)),
        None => None,
    }
}

/// <https://dramatiq.io/guide.html>: `dramatiq BROKER MODULE…`
pub(super) fn dramatiq(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "-p --processes -t --threads --log-file --pid-file --worker-shutdown-timeout \
            --worker-fork-timeout -f --fork-function",
        flags: "-v --verbose --use-spawn --skip-logging --watch-use-polling",
        mixed: true,
    })?;
    let call = call.clone().with_first("");
    let module = |word: &String| match word.split_once(':') {
        Some((module, object)) => Module::with(module, object),
        None => Module::named(word),
    };
    Some(words.others.iter().map(|word| call.entry(Target::Module(module(word)))).collect())
}

/// <https://python-rq.org/docs/workers/>: jobs name what they import, only the settings are known before.
pub(super) fn rq(call: &Call<'_>) -> Found {
    let (command, behind) = call.args.split_first()?;
    if command != "worker" && command != "worker-pool" {
        return None;
    }
    let mut inner = call.clone();
    inner.args = behind;
    let config = following(behind, &["-c", "--config"])?;
    let path = following(behind, &["-P", "--path"]).unwrap_or(".");
    Some(vec![inner.with_first(path).entry(Target::Module(Module::named(config)))])
}

/// <https://arq-docs.helpmanual.io/#command-line-interface>
pub(super) fn arq(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "--watch --custom-log-dict",
        flags: "--burst --no-burst --check -v --verbose",
        mixed: true,
    })?;
    let [settings] = words.others.as_slice() else { return None };
    let (module, class) = settings.rsplit_once('.')?;
    // The working directory comes last there; nothing before it has the project's names.
    Some(vec![call.clone().with_first("").entry(Target::Module(Module::with(module, class)))])
}

/// <https://huey.readthedocs.io/en/latest/consumer.html>
pub(super) fn huey(call: &Call<'_>) -> Found {
    let app = call.args.first().filter(|word| is_dotted(word))?;
    let (module, object) = app.rsplit_once('.')?;
    Some(vec![call.clone().with_first("").entry(Target::Module(Module::with(module, object)))])
}
