//! Programs that run another one: shells, init programs, whoever changes user or variables. Owns where the other one's
//! words begin.

use super::call::{Call, Found};
use super::options::Options;
use super::shell::assignment;
use super::start::{UNKNOWN, is_source};

/// What the program behind this one imports; `None` where this one runs no other.
pub(super) fn inner(name: &str, call: &Call<'_>) -> Option<Found> {
    let options = |values, flags| Options { values, flags, mixed: false };
    let behind = |options: Options, skip: usize| -> Found {
        let words = call.read(options)?;
        call.command(words.others.get(skip..)?)
    };
    Some(match name {
        "sh" | "bash" | "dash" | "ash" | "zsh" => shell(call),
        "exec" => behind(options("-a", "-c -l"), 0),
        "env" => env(call),
        "nohup" | "time" | "command" | "ddtrace-run" | "opentelemetry-instrument" | "catchsegv" => {
            behind(options("", "-p"), 0)
        }
        "tini" | "tini-static" | "docker-init" => {
            behind(options("-p -e", "-s -v -vv -vvv -w -g"), 0)
        }
        "dumb-init" => behind(options("-r --rewrite", "-c --single-child -v --verbose"), 0),
        "gosu" | "su-exec" => behind(options("", ""), 1),
        "nice" => behind(options("-n --adjustment", ""), 0),
        "ionice" => behind(options("-c --class -n --classdata", "-t"), 0),
        "stdbuf" => behind(options("-i -o -e --input --output --error", ""), 0),
        "timeout" => {
            behind(options("-k --kill-after -s --signal", "--preserve-status --foreground -v"), 1)
        }
        "newrelic-admin" if call.args.first().is_some_and(|word| word == "run-program") => {
            call.command(&call.args[1..])
        }
        "dockerize" | "watchmedo" | "pyfast" => behind_dashes(call),
        waits if waits.starts_with("wait-for") => behind_dashes(call),
        "uv" => uv(call),
        "poetry" | "pipenv" | "pdm" | "rye" => {
            let words = call.read(options("", "-q -v -vv -n --quiet --no-interaction"))?;
            match words.others.split_first() {
                Some((run, rest)) if run == "run" => call.command(rest),
                _ => None,
            }
        }
        _ => return None,
    })
}

/// The command behind `--`, where there is one.
fn behind_dashes(call: &Call<'_>) -> Found {
    let at = call.args.iter().position(|word| word == "--")?;
    call.command(&call.args[at + 1..])
}

/// `sh -c TEXT`, `sh FILE`.
fn shell(call: &Call<'_>) -> Found {
    let mut rest = call.args;
    let (mut text, mut stops) = (false, false);
    while let Some((word, behind)) = rest.split_first() {
        match word.strip_prefix('-') {
            Some("o") => {
                stops |= behind.first().is_some_and(|option| option == "errexit");
                rest = behind.get(1..)?;
                continue;
            }
            Some(letters)
                if !letters.is_empty() && letters.chars().all(|c| "ceuxlimav".contains(c)) =>
            {
                text |= letters.contains('c');
                stops |= letters.contains('e');
            }
            Some(_) => return None,
            None => break,
        }
        rest = behind;
    }
    let (first, arguments) = rest.split_first()?;
    let (text, arguments) = if text {
        // What stands behind the text is `$0` first.
        (first.clone(), arguments.get(1..).unwrap_or_default())
    } else {
        (call.text(first)?, arguments)
    };
    if text.contains(UNKNOWN) {
        return None;
    }
    let text = if stops { format!("set -e\n{text}") } else { text };
    Some(call.shell(&text, arguments))
}

/// `env [-i] [-u NAME] [NAME=VALUE]… COMMAND`.
fn env(call: &Call<'_>) -> Found {
    let options = Options { values: "-u --unset -C --chdir", flags: "", mixed: false };
    let words = call.read(options)?;
    let mut call = call.clone();
    if let Some(folder) = words.value(&["-C", "--chdir"]) {
        call.start.enter(folder);
    }
    let own = words.others.iter().take_while(|word| assignment(word).is_some()).count();
    let (assigned, rest) = words.others.split_at(own);
    for (name, value) in assigned.iter().filter_map(|word| assignment(word)) {
        call.start.variables.insert(name.to_owned(), value.to_owned());
    }
    call.command(rest)
}

/// `uv run`.
fn uv(call: &Call<'_>) -> Found {
    let (run, args) = call.args.split_first()?;
    let options = Options {
        values: "-p --python --package --group --extra --with --env-file --directory -m --module",
        flags: "--frozen --locked --no-sync --no-dev --offline -q --quiet --isolated --all-packages \
                --all-extras --no-cache --active --exact --no-project",
        mixed: false,
    };
    let words = options.read(args).filter(|_| run == "run")?;
    let mut call = call.clone();
    if let Some(folder) = words.value(&["--directory"]) {
        call.start.enter(folder);
    }
    let mut command = Vec::new();
    match (words.value(&["-m", "--module"]), words.others.first()) {
        (Some(module), _) => command.extend(["python", "-m", module].map(str::to_owned)),
        (None, Some(file)) if is_source(file) => command.push("python".to_owned()),
        _ => {}
    }
    command.extend(words.others);
    call.command(&command)
}
