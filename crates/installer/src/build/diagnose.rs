//! What a build that failed seems to lack, read from what it printed.

use pyfast_packaging::build::Missing;

/// Lines of a log that are worth showing.
const LINES: usize = 24;
/// Earlier lines that say what is missing, which are shown before those.
const TELLING: usize = 3;

/// Programs by whose names a message is known to speak of programs.
const PROGRAMS: [&str; 20] = [
    "pg_config",
    "mysql_config",
    "curl-config",
    "xml2-config",
    "xslt-config",
    "krb5-config",
    "llvm-config",
    "gdal-config",
    "geos-config",
    "nc-config",
    "pkg-config",
    "cmake",
    "ninja",
    "swig",
    "git",
    "make",
    "flex",
    "bison",
    "nasm",
    "mpicc",
];

/// Messages of sources that are older than what builds them, and what would be old enough.
const OLDER: [(&str, &str); 8] = [
    ("'build_ext' object has no attribute 'cython_sources'", "cython<3"),
    ("Cython.Compiler.Errors.CompileError", "cython<3"),
    ("use_2to3 is invalid", "setuptools<58"),
    ("cannot import name 'Feature' from 'setuptools'", "setuptools<46"),
    ("No module named 'setuptools.command.test'", "setuptools<72"),
    ("No module named 'distutils.msvccompiler'", "setuptools<74"),
    ("No module named 'pkg_resources'", "setuptools<81"),
    ("Invalid dash-separated key", "setuptools<78"),
];

/// Messages about C code that another Python's headers were meant for.
const PYTHON: [&str; 6] = [
    "longintrepr.h: No such file",
    "has no member named 'use_tracing'",
    "has no member named 'ob_digit'",
    "implicit declaration of function '_PyUnicode_",
    "implicit declaration of function 'PyEval_CallObject",
    "too few arguments to function '_PyLong_AsByteArray'",
];

/// The last lines of a log, without what is empty at its end and without what steers a terminal;
/// earlier lines that say what is missing come first.
pub(super) fn tail(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.trim_end().lines().collect();
    let from = lines.len().saturating_sub(LINES);
    let (earlier, last) = lines.split_at(from);
    let told = missing(&last.join("\n"));
    let mut telling: Vec<usize> = Vec::new();
    if told.is_empty() {
        let says = |place: &usize| line(earlier, *place).is_some();
        telling.extend((0..earlier.len()).filter(says).take(TELLING));
    }
    let mut shown: Vec<String> = telling.iter().map(|place| clean(earlier[*place])).collect();
    if !shown.is_empty() {
        shown.push("…".to_owned());
    }
    shown.extend(last.iter().map(|line| clean(line)));
    shown
}

/// A line without escape sequences, and not longer than anybody reads.
fn clean(line: &str) -> String {
    let mut shown = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // `ESC [ … letter` colours; whatever else follows an escape is one letter.
            if letters.next() == Some('[') {
                letters.by_ref().find(|letter| ('@'..='~').contains(letter));
            }
        } else if letter == '\t' || !letter.is_control() {
            shown.push(letter);
        }
    }
    shown.chars().take(400).collect()
}

/// What is missing, each thing once, in the order in which the log tells it. Of alternatives only the
/// first counts: one compiler for C, one library that pkg-config was asked for.
pub(super) fn missing(log: &str) -> Vec<Missing> {
    let lines: Vec<&str> = log.lines().collect();
    let mut found: Vec<Missing> = Vec::new();
    let mut asked = false;
    for place in 0..lines.len() {
        let Some(one) = line(&lines, place) else { continue };
        let alternative = match &one {
            Missing::Compiler(_) => found.iter().any(|known| matches!(known, Missing::Compiler(_))),
            Missing::Library(_) if lines[place].contains("pkg-config --exists") => {
                std::mem::replace(&mut asked, true)
            }
            _ => false,
        };
        if !alternative && !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// What one line of a log says is missing.
fn line(lines: &[&str], place: usize) -> Option<Missing> {
    // Newer compilers quote with typographic marks.
    let text = lines[place].replace(['\u{2018}', '\u{2019}'], "'");
    let (line, lower) = (text.as_str(), text.to_ascii_lowercase());
    if PYTHON.iter().any(|message| line.contains(message)) {
        return Some(Missing::OlderPython);
    }
    if let Some((_, needed)) = OLDER.iter().find(|(message, _)| line.contains(message)) {
        return Some(Missing::Older((*needed).to_owned()));
    }
    let absent = lower.contains("no such file or directory") || lower.contains("not found");
    header(line, absent)
        .or_else(|| module(line))
        .or_else(|| library(line))
        .or_else(|| compiler(line, &lower, absent))
        .or_else(|| {
            let before = place.checked_sub(1).map_or("", |before| lines[before]);
            program(line, &lower, before)
        })
}

fn header(line: &str, absent: bool) -> Option<Missing> {
    let named = between(line, "fatal error: ", ":").filter(|name| absent && is_header(name));
    let named = named.or_else(|| between(line, "fatal error: '", "' file not found"));
    named.map(|header| Missing::Header(header.to_owned()))
}

fn module(line: &str) -> Option<Missing> {
    if line.contains("module 'pkgutil' has no attribute 'ImpImporter'") {
        return Some(Missing::Module("pkgutil.ImpImporter".to_owned()));
    }
    // setuptools calls pip for what a setup.py wants at once, and a build's environment has no pip.
    let fetched = line.contains("'-m', 'pip'") && line.contains("'wheel'");
    let wanted = line.rsplit_once("']' returned non-zero").filter(|_| fetched);
    let wanted = wanted.and_then(|(command, _)| command.rsplit('\'').next());
    let wanted = wanted.map(|wanted| wanted.split(['=', '<', '>', '!', '~', '[', ' ']));
    let named = between(line, "No module named '", "'");
    let named = named.or_else(|| wanted.and_then(|mut parts| parts.next()));
    named.map(|module| Missing::Module(module.to_owned()))
}

fn library(line: &str) -> Option<Missing> {
    let quoted = line.split("cannot find -l").nth(1).and_then(word);
    let quoted = quoted.or_else(|| between(line, "No package '", "' found"));
    let quoted = quoted.or_else(|| between(line, "Package '", "', required by"));
    let quoted = quoted.or_else(|| between(line, "Dependency \"", "\" not found"));
    let quoted = quoted.or_else(|| between(line, "Command 'pkg-config --exists ", "'"));
    let quoted = quoted.or_else(|| {
        let (library, _) = line.split_once(".so: cannot open shared object file")?;
        library.rsplit([' ', '/', '\'']).next()?.strip_prefix("lib")
    });
    // CMake, Pillow, lxml, and the crate of OpenSSL.
    let quoted = quoted.or_else(|| line.split("Could NOT find ").nth(1).and_then(word));
    let quoted =
        quoted.or_else(|| between(line, "package configuration file provided by \"", "\""));
    let quoted = quoted
        .or_else(|| line.split("library files could not be found for ").nth(1).and_then(word));
    let quoted = quoted.or_else(|| between(line, "make sure the ", " and libxslt development"));
    let openssl = line.contains("Could not find directory of OpenSSL installation");
    quoted.or(openssl.then_some("openssl")).map(|library| Missing::Library(library.to_owned()))
}

fn compiler(line: &str, lower: &str, absent: bool) -> Option<Missing> {
    let named = between(line, "unable to execute '", "'")
        .or_else(|| between(line, "error: command '", "'"))
        .or_else(|| {
            between(line, "No such file or directory: '", "'").filter(|name| compiles(name))
        })
        .or_else(|| between(line, "linker `", "` not found"))
        .filter(|_| absent);
    let named = named.or_else(|| between(line, "Unknown compiler(s): [['", "'"));
    let named = named.or_else(|| line.contains("cannot execute 'cc1plus'").then_some("g++"));
    if let Some(program) = named {
        let program = program.rsplit('/').next().unwrap_or(program);
        return Some(Missing::Compiler(program.to_owned()));
    }
    let rust = lower.contains("can't find rust compiler")
        || lower.contains("cargo, the rust package manager, is not installed");
    if rust || (lower.contains("rustc") && absent) {
        return Some(Missing::Compiler("rustc".to_owned()));
    }
    if lower.contains("no cmake_c_compiler could be found") {
        return Some(Missing::Compiler("cc".to_owned()));
    }
    lower
        .contains("no cmake_cxx_compiler could be found")
        .then(|| Missing::Compiler("c++".to_owned()))
}

/// Whether a program's name is a compiler's: `gcc`, `/usr/bin/x86_64-linux-gnu-g++-12`, `clang`.
fn compiles(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    let mut parts = name.rsplit('-').filter(|part| !part.bytes().all(|byte| byte.is_ascii_digit()));
    let known = ["gcc", "g++", "cc", "c++", "clang", "clang++", "gfortran"];
    parts.next().is_some_and(|last| known.contains(&last))
}

fn program(line: &str, lower: &str, before: &str) -> Option<Missing> {
    // The last line of a Python process that could not start another, or open a file.
    if let Some(name) = between(line, "[Errno 2] No such file or directory: '", "'") {
        let started = before.contains("child_exception_type") || PROGRAMS.contains(&name);
        return match name.contains('/') {
            false if started => Some(Missing::Program(name.to_owned())),
            _ if started || line.starts_with("Running `") => None,
            _ => lower.contains("filenotfounderror").then(|| Missing::File(name.to_owned())),
        };
    }
    let absent = lower.contains("no such file or directory") || lower.contains("not found");
    if !absent && !lower.contains("could not find") {
        return None;
    }
    if let Some(shell) = line.split(": not found").next().filter(|_| line.ends_with(": not found"))
    {
        let program = shell.rsplit(": ").next()?;
        return word(program).map(|name| Missing::Program(name.to_owned()));
    }
    // `pg_config executable not found`, `mysql_config: not found`, `Could not find cmake`.
    PROGRAMS
        .iter()
        .find(|program| {
            lower.split(|c: char| !c.is_alphanumeric() && !"-_".contains(c)).any(|w| w == **program)
        })
        .map(|program| Missing::Program((*program).to_owned()))
}

fn is_header(text: &str) -> bool {
    [".h", ".hpp", ".hh", ".hxx"].iter().any(|suffix| text.ends_with(suffix))
        || ["Eigen/", "boost/"].iter().any(|prefix| text.starts_with(prefix))
}

fn word(text: &str) -> Option<&str> {
    let end = |c: char| !c.is_alphanumeric() && !"-_+.".contains(c);
    let word = text.trim().split(end).next().map(|word| word.trim_end_matches('.'));
    word.filter(|word| !word.is_empty())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let (inside, _) = rest.split_once(after)?;
    Some(inside).filter(|inside| !inside.is_empty())
}

#[cfg(test)]
mod tests;
