//! Servers of applications: uvicorn, gunicorn, hypercorn, granian, daphne. Owns what each makes of `module:object`.

use super::call::{Call, Found};
use super::frameworks::{reader_of, settings_of, text_of_module, variables_of_file};
use super::options::Options;
use super::start::{UNKNOWN, is_source};
use super::{Known, Lists, Module, Started, Target};

/// Entries of an application with the settings that it names itself.
fn application(call: &Call<'_>, module: Module) -> Vec<Started> {
    let text = text_of_module(call, &module.name).unwrap_or_default();
    let settings = settings_of(call, &text).filter(|_| !text.is_empty());
    let lists = Some(Lists::Django(reader_of(&text)));
    let app = call.entry(Target::Module(module));
    let words = app.words.clone();
    let settings = settings.map(|settings| Started {
        words: words.clone(),
        lists,
        ..call.entry(Target::Module(Module::named(&settings)))
    });
    [app].into_iter().chain(settings).collect()
}

/// `module:object`, split; the second is `None` where there is none.
fn split(app: &str) -> (&str, Option<&str>) {
    app.split_once(':').map_or((app, None), |(module, object)| (module, Some(object)))
}

/// Programs that take one `module:object`, in a word of its own or behind `--app`, and are known no better: `litestar --app
/// MODULE:OBJECT run`, `sanic MODULE:OBJECT`, `taskiq worker MODULE:OBJECT`. With commands, of which one is among the words.
pub(super) fn named(call: &Call<'_>, commands: &[&str]) -> Found {
    let is_known = |word: &String| commands.contains(&word.as_str());
    let elsewhere = |word: &String| word.starts_with("--app-dir") || word.starts_with("-d");
    let is_understood = commands.is_empty() || call.args.iter().any(is_known);
    if !is_understood || call.args.iter().any(elsewhere) {
        return None;
    }
    let words = call.args.iter().map(|word| word.strip_prefix("--app=").unwrap_or(word));
    let objects = words.filter_map(split_dotted);
    let mut modules = objects.map(|(module, object)| Module::with(module, object));
    let (module, None) = (modules.next()?, modules.next()) else { return None };
    Some(application(&call.clone().with_first(""), module))
}

fn split_dotted(word: &str) -> Option<(&str, &str)> {
    let (module, object) = word.split_once(':')?;
    (is_dotted(module) && is_dotted(object)).then_some((module, object))
}

/// Whether a text is names between dots.
pub(super) fn is_dotted(text: &str) -> bool {
    let name = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(|c| c == '_' || c.is_alphabetic())
            && letters.all(|c| c == '_' || c.is_alphanumeric())
    };
    text.split('.').all(name)
}

/// <https://www.uvicorn.org/settings/>
pub(super) fn uvicorn(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "--host --port --uds --fd --reload-dir --reload-include --reload-exclude \
            --reload-delay --workers --loop --http --ws --ws-max-size --ws-max-queue \
            --ws-ping-interval --ws-ping-timeout --ws-per-message-deflate --lifespan --interface \
            --env-file --log-config --log-level --forwarded-allow-ips --root-path \
            --limit-concurrency --backlog --limit-max-requests --limit-max-requests-jitter \
            --timeout-keep-alive --timeout-graceful-shutdown --timeout-worker-healthcheck \
            --ssl-keyfile --ssl-certfile --ssl-keyfile-password --ssl-version --ssl-cert-reqs \
            --ssl-ca-certs --ssl-ciphers --header --app-dir --h11-max-incomplete-event-size",
        flags: "--reload --http2 --access-log --no-access-log --use-colors --no-use-colors \
            --proxy-headers --no-proxy-headers --server-header --no-server-header --date-header \
            --no-date-header --reset-contextvars --factory",
        mixed: true,
    })?;
    let [app] = words.others.as_slice() else { return None };
    let mut call = call.clone().with_first(words.value(&["--app-dir"]).unwrap_or(""));
    if let Some(file) = words.value(&["--env-file"]) {
        let set = variables_of_file(&call, file);
        call.start.variables.extend(set);
    }
    let (module, object) = split(app);
    let Some(object) = object.filter(|object| !object.is_empty() && !module.is_empty()) else {
        let reason = format!("uvicorn wants MODULE:OBJECT and is given `{app}`");
        return Some(vec![call.entry(Target::Refused(reason))]);
    };
    Some(application(&call, Module::with(module, object)))
}

/// <https://docs.gunicorn.org/en/stable/settings.html>
const GUNICORN: Options = Options {
    values: "-c --config -b --bind --backlog -w --workers -k --worker-class --threads \
        --worker-connections --max-requests --max-requests-jitter -t --timeout --graceful-timeout \
        --keep-alive --limit-request-line --limit-request-fields --limit-request-field_size \
        --reload-engine --reload-extra-file --chdir -e --env -p --pid --worker-tmp-dir -u --user \
        -g --group -m --umask --forwarded-allow-ips --access-logfile --access-logformat \
        --error-logfile --log-file --log-level --logger-class --log-config --log-config-json \
        --log-syslog-to --log-syslog-prefix --log-syslog-facility --statsd-host --dogstatsd-tags \
        --statsd-prefix -n --name --pythonpath --proxy-allow-from --protocol --uwsgi-allow-from \
        --keyfile --certfile --ssl-version --cert-reqs --ca-certs --ciphers --forwarder-headers \
        --header-map --asgi-loop --asgi-lifespan --http-parser --root-path --control-socket \
        --control-socket-mode",
    flags: "--reload --spew --preload --no-sendfile --reuse-port -D --daemon --initgroups \
        --disable-redirect-access-to-syslog --capture-output --log-syslog -R \
        --enable-stdio-inheritance --suppress-ragged-eofs --do-handshake-on-connect \
        --permit-obsolete-folding --strip-header-spaces --permit-unconventional-http-method \
        --permit-unconventional-http-version --casefold-http-method --no-control-socket",
    mixed: true,
};

pub(super) fn gunicorn(call: &Call<'_>) -> Found {
    let words = call.read(GUNICORN)?;
    // More words come from it, and nobody saw them here.
    if matches!(call.variable("GUNICORN_CMD_ARGS"), Known::Value(_)) {
        return None;
    }
    let mut call = call.clone();
    let mut entries = Vec::new();
    let config = words.value(&["-c", "--config"]);
    let file = config.map(|file| file.strip_prefix("file:").unwrap_or(file));
    let file = file.unwrap_or("gunicorn.conf.py");
    match call.text(file) {
        // It may say what is run, and where.
        Some(text)
            if ["wsgi_app", "chdir", "pythonpath", "raw_env"]
                .iter()
                .any(|key| text.contains(key)) =>
        {
            return None;
        }
        Some(_) if is_source(file) => {
            entries.push(call.clone().with_first("").entry(Target::Script(call.start.path(file))));
        }
        None if config.is_some() => return None,
        Some(_) | None => {}
    }
    for variable in words.values(&["-e", "--env"]) {
        let (name, value) = variable.split_once('=')?;
        call.start.variables.insert(name.to_owned(), value.to_owned());
    }
    if let Some(folder) = words.value(&["--chdir"]) {
        call.start.enter(folder);
    }
    call = call.with_first("");
    for folder in words.value(&["--pythonpath"]).into_iter().flat_map(|path| path.split(',')) {
        call = call.with_first(folder.trim());
    }
    let app = words.others.first()?;
    let (module, object) = split(app);
    // A factory is called with literals.
    let name = object.unwrap_or("application").split('(').next().unwrap_or_default().trim();
    if name.contains(UNKNOWN) || module.contains(UNKNOWN) {
        return None;
    }
    if !is_dotted(name) || name.contains('.') {
        let reason = format!(
            "gunicorn wants the name of an object, or a call of one, behind the colon of `{app}`"
        );
        entries.push(call.entry(Target::Refused(reason)));
        return Some(entries);
    }
    entries.extend(
        words
            .value(&["-k", "--worker-class"])
            .and_then(worker_class)
            .map(|module| call.entry(Target::Module(module))),
    );
    entries.extend(application(&call, Module::with(module, name)));
    Some(entries)
}

/// What the class of workers needs.
fn worker_class(class: &str) -> Option<Module> {
    match class {
        "gevent" | "eventlet" | "tornado" => Some(Module::named(class)),
        "gevent_wsgi" | "gevent_pywsgi" => Some(Module::named("gevent")),
        class if is_dotted(class) && class.contains('.') => Some(Module::dotted(class)),
        _ => None,
    }
}

/// <https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html>
pub(super) fn hypercorn(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "--access-log --access-logfile --access-logformat --backlog -b --bind --ca-certs \
            --certfile --cert-reqs --ciphers -c --config --error-log --error-logfile --log-file \
            --graceful-timeout --read-timeout --max-requests --max-requests-jitter -g --group -k \
            --worker-class --keep-alive --keyfile --keyfile-password --insecure-bind \
            --log-config --log-level -p --pid --quic-bind --root-path --server-name \
            --statsd-host --statsd-prefix -m --umask -u --user --verify-mode \
            --websocket-ping-interval -w --workers",
        flags: "-D --daemon --debug --reload",
        mixed: true,
    })?;
    // A configuration names the application, too.
    if words.value(&["-c", "--config"]).is_some() {
        return None;
    }
    let [app] = words.others.as_slice() else { return None };
    let app = app.strip_prefix("asgi:").or_else(|| app.strip_prefix("wsgi:")).unwrap_or(app);
    let (module, object) = split(app);
    let (folder, name) = file_module(module);
    let call = call.clone().with_first(folder);
    // What is behind the colon is an expression, evaluated in the module.
    let object = object.unwrap_or("app").split('(').next().unwrap_or_default();
    let module = if is_dotted(object) { Module::with(name, object) } else { Module::named(name) };
    Some(application(&call, module))
}

/// The folder and module of a path without its end: hypercorn takes both `pkg.module` and `src/module.py`.
fn file_module(path: &str) -> (&str, &str) {
    let path = path.strip_suffix(".py").unwrap_or(path);
    path.rsplit_once('/').unwrap_or(("", path))
}

/// <https://github.com/emmett-framework/granian#options>
pub(super) fn granian(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "--host --port --uds --uds-permissions --interface --http --workers \
            --blocking-threads --blocking-threads-idle-timeout --runtime-threads --threads \
            --runtime-blocking-threads --runtime-mode --threading-mode --loop --task-impl \
            --backlog --backpressure --http1-buffer-size --http1-header-read-timeout \
            --http2-initial-connection-window-size --http2-initial-stream-window-size \
            --http2-keep-alive-interval --http2-keep-alive-timeout --http2-max-concurrent-streams \
            --http2-max-frame-size --http2-max-headers-size --http2-max-send-buffer-size \
            --log-level --log-config --access-log-fmt --ssl-certificate --ssl-keyfile \
            --ssl-keyfile-password --ssl-protocol-min --ssl-ca --ssl-crl --url-path-prefix \
            --respawn-interval --rss-sample-interval --rss-samples --workers-lifetime \
            --workers-max-rss --workers-kill-timeout --working-dir --static-path-route \
            --static-path-mount --static-path-dir-to-file --static-path-expires \
            --metrics-scrape-interval --metrics-address --metrics-port --reload-paths \
            --reload-ignore-dirs --reload-ignore-patterns --reload-ignore-paths --reload-tick \
            --process-name --pid-file",
        flags: "--ws --no-ws --http1-keep-alive --no-http1-keep-alive --http1-pipeline-flush \
            --no-http1-pipeline-flush --http2-adaptive-window --no-http2-adaptive-window --log \
            --no-log --access-log --no-access-log --ssl-client-verify --no-ssl-client-verify \
            --respawn-failed-workers --no-respawn-failed-workers --factory --no-factory \
            --metrics --no-metrics --reload --no-reload --reload-ignore-worker-failure \
            --no-reload-ignore-worker-failure",
        mixed: true,
    })?;
    let [app] = words.others.as_slice() else { return None };
    let (path, object) = split(app);
    let path = words.value(&["--working-dir"]).map_or(path.to_owned(), |folder| {
        if path.contains('/') { path.to_owned() } else { format!("{folder}/{path}") }
    });
    let (call, name) = prepared(call, &path);
    Some(application(&call, Module::with(&name, object.unwrap_or("app"))))
}

/// A module by its path or name, as flask and granian prepare it: the folders above that are packages belong to its name,
/// the first that is none comes first on the search path.
pub(super) fn prepared<'a>(call: &Call<'a>, path: &str) -> (Call<'a>, String) {
    let path = path.strip_suffix(".py").unwrap_or(path);
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let (mut folder, mut name) = match path.rsplit_once('/') {
        Some((folder, name)) => (folder.to_owned(), name.to_owned()),
        None => (String::new(), path.to_owned()),
    };
    while !folder.is_empty() && call.is_file(&format!("{folder}/__init__.py")) {
        let (above, package) = match folder.rsplit_once('/') {
            Some((above, package)) => (above.to_owned(), package.to_owned()),
            None => (String::new(), folder.clone()),
        };
        name = format!("{package}.{name}");
        folder = above;
    }
    (call.clone().with_first(&folder), name)
}

/// <https://github.com/django/daphne#running>
pub(super) fn daphne(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "-p --port -b --bind --websocket_timeout --websocket_connect_timeout -u \
            --unix-socket --fd -e --endpoint -v --verbosity -t --http-timeout --access-log \
            --log-fmt --ping-interval --ping-timeout --application-close-timeout --root-path \
            --proxy-headers-host --proxy-headers-port -s --server-name",
        flags: "--proxy-headers --no-server-name",
        mixed: true,
    })?;
    let [app] = words.others.as_slice() else { return None };
    let (module, object) = app.split_once(':')?;
    Some(application(&call.clone().with_first(""), Module::with(module, object)))
}
