//! The interpreter's own words: scripts, `-m`, and what they put first on the search path. Must not know what a module
//! that is run does with its words, but for those that run another one.

use super::call::{Call, Found};
use super::options::Options;
use super::start::{folder, is_source};
use super::{Known, Lists, Module, Started, Target, frameworks};

/// Whether a program's name is an interpreter's.
pub(super) fn is_interpreter(name: &str) -> bool {
    let version = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    version.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// `python [OPTIONS] (FILE | -m MODULE | -c TEXT)`.
pub(super) fn interpreter(call: &Call<'_>) -> Found {
    let mut call = call.clone();
    let mut safe = !matches!(call.variable("PYTHONSAFEPATH"), Known::Unset)
        && call.variable("PYTHONSAFEPATH") != Known::Value(String::new())
        // An image that sets it would be a rare one, and says so on purpose.
        && call.variable("PYTHONSAFEPATH") != Known::Unknown;
    let mut rest = call.args;
    while let Some((word, behind)) = rest.split_first() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            break;
        };
        rest = behind;
        for (at, letter) in letters.char_indices() {
            let value = &letters[at + 1..];
            match letter {
                'm' => {
                    let (module, args) = match value {
                        "" => (rest.first()?.as_str(), rest.get(1..)?),
                        value => (value, rest),
                    };
                    return run_module(call, module, args, safe);
                }
                'W' | 'X' => {
                    rest = if value.is_empty() { rest.get(1..)? } else { rest };
                    break;
                }
                'I' | 'E' | 'P' => {
                    safe |= letter != 'E';
                    call.start.ignores_variables |= letter != 'P';
                }
                'u' | 'O' | 'B' | 's' | 'S' | 'q' | 'v' | 'd' | 'b' | 'x' | 'i' | 'R' => {}
                _ => return None,
            }
        }
    }
    let (file, args) = rest.split_first()?;
    if safe {
        let mut entries = script(&call, file, args)?;
        for entry in &mut entries {
            entry.start.first.clear();
        }
        return Some(entries);
    }
    script(&call, file, args)
}

/// A file that is run by the interpreter.
pub(super) fn script(call: &Call<'_>, file: &str, args: &[String]) -> Found {
    // A folder or an archive has a `__main__`.
    if !call.is_file(file) && !is_source(file) {
        return None;
    }
    let call = Call { args, ..call.clone() }.with_first(folder(file));
    let run = Started {
        words: format!("python {file}"),
        is_first: true,
        ..call.entry(Target::Script(call.start.path(file)))
    };
    let text = call.text(file).unwrap_or_default();
    let settings = frameworks::settings_of(&call, &text).filter(|_| !text.is_empty());
    let settings = settings.map(|module| Started {
        words: run.words.clone(),
        lists: Some(Lists::Django(frameworks::reader_of_script(&text, args))),
        ..call.entry(Target::Module(Module::named(&module)))
    });
    Some([run].into_iter().chain(settings).collect())
}

fn run_module(call: Call<'_>, module: &str, args: &[String], safe: bool) -> Found {
    let mut call = Call { args, ..call };
    if !safe {
        call = call.with_first("");
    }
    if let Some((options, args)) = runs_another(&call, module) {
        let words = options.read(args)?;
        let name = words.value(&["-m", "--module"]).map(str::to_owned);
        let module = name.into_iter().flat_map(|name| ["-m".to_owned(), name]);
        let command: Vec<String> = module.chain(words.others).collect();
        return interpreter(&Call { args: &command, ..call.clone() });
    }
    if let Some(found) = call.known(module) {
        return found;
    }
    Some(vec![Started {
        words: format!("python -m {module}"),
        is_first: true,
        ..call.entry(Target::Main(module.to_owned()))
    }])
}

/// How the words of a module that runs another one are read, and which they are.
fn runs_another<'a>(call: &Call<'a>, module: &str) -> Option<(Options, &'a [String])> {
    let options = |values, flags| Options { values, flags, mixed: false };
    match (module, call.args.split_first()) {
        ("debugpy", _) => {
            let values = "--listen --connect --log-to -m";
            Some((options(values, "--wait-for-client --log-to-stderr"), call.args))
        }
        ("coverage", Some((run, args))) if run == "run" => {
            let values = "--source --omit --include --rcfile --data-file --concurrency --context -m \
                          --module";
            let flags = "--branch -a --append -p --parallel-mode --timid -L --pylib";
            Some((options(values, flags), args))
        }
        _ => None,
    }
}

/// What a console script calls: `module:object`, extras behind it left out.
pub(super) fn console_script(text: &str) -> Option<Target> {
    let text = text.split('[').next().unwrap_or(text).trim();
    let (module, object) = text.split_once(':')?;
    Some(Target::Module(Module::with(module.trim(), object.trim())))
}
