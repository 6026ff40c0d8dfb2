//! Frameworks with a program of their own: flask, fastapi, django, alembic, streamlit. Owns which files and variables say
//! what is imported.

use std::collections::BTreeMap;

use super::call::{Call, Found};
use super::options::Options;
use super::servers::{is_dotted, prepared};
use super::start::{folder, is_source};
use super::{Known, Lists, Module, Started, Target};
use crate::service::Django;

/// <https://flask.palletsprojects.com/en/stable/cli/>
pub(super) fn flask(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "-A --app -e --env-file",
        flags: "--debug --no-debug",
        mixed: false,
    })?;
    words.others.first()?;
    let app = match words.value(&["-A", "--app"]) {
        Some(app) => Some(app.to_owned()),
        None => match call.variable("FLASK_APP") {
            Known::Value(app) => Some(app),
            Known::Unknown => return None,
            Known::Unset => of_files(call, "FLASK_APP"),
        },
    };
    let app = app.filter(|app| !app.is_empty());
    let by_name = ["wsgi.py", "app.py"].into_iter().find(|file| call.is_file(file));
    let app = app.or_else(|| by_name.map(str::to_owned))?;
    let (path, object) = app.split_once(':').map_or((app.as_str(), None), |(path, object)| {
        (path, Some(object.split('(').next().unwrap_or_default().trim()))
    });
    let (call, name) = prepared(call, path);
    let module = match object {
        Some(object) if is_dotted(object) => Module::with(&name, object),
        Some(_) => return None,
        // Any application in it does, and so does a factory.
        None => Module::named(&name),
    };
    Some(vec![Started { words: format!("flask {app}"), ..call.entry(Target::Module(module)) }])
}

/// A variable of the files that flask reads by itself.
fn of_files(call: &Call<'_>, name: &str) -> Option<String> {
    let mut files = [".env", ".flaskenv"].into_iter();
    files.find_map(|file| variables_of_file(call, file).remove(name))
}

/// What a file of variables sets; lines that are not understood are left out.
pub(super) fn variables_of_file(call: &Call<'_>, file: &str) -> BTreeMap<String, String> {
    let text = call.text(file).unwrap_or_default();
    let lines = text.lines().map(|line| line.trim().trim_start_matches("export "));
    let pairs = lines.filter_map(super::shell::assignment);
    pairs
        .map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
        .collect()
}

/// <https://fastapi.tiangolo.com/fastapi-cli/>
pub(super) fn fastapi(call: &Call<'_>) -> Found {
    let (command, args) = call.args.split_first()?;
    if command != "run" && command != "dev" {
        return None;
    }
    let words = Call { args, ..call.clone() }.read(Options {
        values: "--host --port --workers --root-path --app --forwarded-allow-ips --reload-dir",
        flags: "--reload --no-reload --proxy-headers --no-proxy-headers",
        mixed: true,
    })?;
    let usual = ["main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"];
    let path = match words.others.as_slice() {
        [path] => path.as_str(),
        [] if call.is_file("pyproject.toml") => return None,
        [] => usual.into_iter().find(|file| call.is_file(file))?,
        _ => return None,
    };
    if !is_source(path) {
        return None;
    }
    let (call, name) = prepared(call, path);
    let module = match words.value(&["--app"]) {
        Some(app) => Module::with(&name, app),
        None => Module::named(&name),
    };
    Some(vec![Started { words: format!("fastapi {path}"), ..call.entry(Target::Module(module)) }])
}

/// <https://docs.djangoproject.com/en/stable/ref/django-admin/>
pub(super) fn django(call: &Call<'_>) -> Found {
    let settings = settings_of(call, "")?;
    let settings = call.clone().with_first("").entry(Target::Module(Module::named(&settings)));
    let lists = Some(Lists::Django(reader(call.args)));
    Some(vec![Started { lists, ..settings }])
}

/// Who reads the settings: a command by its name.
pub(super) fn reader(words: &[String]) -> Django {
    // With any of these not everything is looked at.
    let is_part = |word: &String| {
        let name = word.split('=').next().unwrap_or_default();
        let has_tag = !word.starts_with("--") && word.starts_with("-t");
        has_tag || matches!(name, "--skip-checks" | "--tag" | "--list-tags")
    };
    match words.first().map(String::as_str) {
        _ if words.iter().any(is_part) => Django::Command,
        Some("runserver") => Django::Developers,
        Some("check" | "makemigrations" | "migrate") => Django::Checks,
        _ => Django::Command,
    }
}

const SETTINGS: &str = "DJANGO_SETTINGS_MODULE";

/// The module of settings that a text of Django's, or the words of its command, names.
pub(super) fn settings_of(call: &Call<'_>, text: &str) -> Option<String> {
    let by_option = call.args.iter().find_map(|word| word.strip_prefix("--settings="));
    let module = match (by_option, call.variable(SETTINGS)) {
        (Some(module), _) => module.to_owned(),
        (None, Known::Value(module)) => module,
        // A default, which an image would hardly replace.
        (None, Known::Unset | Known::Unknown) => named_in(text)?,
    };
    let uses = text.is_empty() || text.contains("django");
    Some(module).filter(|module| uses && is_dotted(module))
}

/// The text of a module that is looked for in the first directories, if it speaks of Django.
pub(super) fn text_of_module(call: &Call<'_>, module: &str) -> Option<String> {
    let file = format!("{}.py", module.replace('.', "/"));
    let mut texts = call.start.first.iter().filter_map(|folder| {
        let path = if folder.is_empty() { file.clone() } else { format!("{folder}/{file}") };
        call.around.text(&path)
    });
    texts.next().filter(|text| text.contains("django"))
}

/// Who reads the settings that a text names: a handler of requests loads the middleware, whoever only sets Django up does
/// not.
pub(super) fn reader_of(text: &str) -> Django {
    let serves = ["get_wsgi_application", "get_asgi_application"];
    if serves.iter().any(|name| text.contains(name)) { Django::Server } else { Django::Command }
}

/// Who reads the settings in a script: Django's own command line, or what the script does by itself.
pub(super) fn reader_of_script(text: &str, words: &[String]) -> Django {
    if text.contains("execute_from_command_line") { reader(words) } else { reader_of(text) }
}

/// The module that `os.environ.setdefault(NAME, "…")` or `os.environ[NAME] = "…"` names, where only one is.
fn named_in(text: &str) -> Option<String> {
    let mut found: Vec<&str> = Vec::new();
    for (at, _) in text.match_indices(SETTINGS) {
        let rest = text[at + SETTINGS.len()..].trim_start_matches(['"', '\'']);
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || "],=".contains(c));
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        found.push(rest[1..].split(quote).next()?);
    }
    found.dedup();
    match found.as_slice() {
        [one] => Some((*one).to_owned()),
        _ => None,
    }
}

/// <https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file>
pub(super) fn alembic(call: &Call<'_>) -> Found {
    let words = call.read(Options {
        values: "-c --config -n --name -x",
        flags: "--raiseerr -q --quiet",
        mixed: false,
    })?;
    let runs = ["upgrade", "downgrade", "current", "stamp", "check", "revision", "ensure_version"];
    if !words.others.first().is_some_and(|command| runs.contains(&command.as_str())) {
        return None;
    }
    let file = words.value(&["-c", "--config"]).unwrap_or("alembic.ini");
    let text = call.text(file)?;
    let section = words.value(&["-n", "--name"]).unwrap_or("alembic");
    let here = match folder(&call.start.path(file)) {
        "" => ".".to_owned(),
        folder => folder.to_owned(),
    };
    let value = |key: &str| Some(of_ini(&text, section, key)?.replace("%(here)s", &here));
    let location = value("script_location").filter(|start| !start.contains(['%', ':']))?;
    let mut call = call.clone();
    let paths = value("prepend_sys_path").unwrap_or_default();
    if paths.contains('%') {
        return None;
    }
    for path in paths.split([':', ';', ',', ' ']).filter(|path| !path.is_empty()).rev() {
        call = call.with_first(path);
    }
    let script = call.start.path(&format!("{location}/env.py"));
    Some(vec![Started { words: format!("alembic {script}"), ..call.entry(Target::Script(script)) }])
}

/// A value of a section.
fn of_ini(text: &str, section: &str, key: &str) -> Option<String> {
    let mut within = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            within = name == section;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| within)
            && name.trim() == key
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

/// <https://docs.streamlit.io/develop/api-reference/cli/run>: the script runs when somebody opens its page.
pub(super) fn streamlit(call: &Call<'_>) -> Found {
    let (command, behind) = call.args.split_first()?;
    let file = behind.iter().find(|word| !word.starts_with('-')).filter(|_| command == "run")?;
    let before = behind.iter().take_while(|word| *word != file);
    // An option before the file may take it as its value.
    if before.into_iter().any(|word| !word.contains('=')) || !is_source(file) {
        return None;
    }
    let call = call.clone().with_first(folder(file));
    let script = Target::Script(call.start.path(file));
    Some(vec![Started {
        words: format!("streamlit run {file}"),
        needed: false,
        ..call.entry(script)
    }])
}
