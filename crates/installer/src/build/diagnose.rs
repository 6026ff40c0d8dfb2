//! What a build that failed seems to lack, read from what it printed.

use std::collections::BTreeSet;

use pyfast_resolver::Missing;

/// Lines of a log that are worth showing.
const LINES: usize = 24;

/// The last lines of a log, without what is empty at its end.
pub(super) fn tail(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.trim_end().lines().collect();
    let from = lines.len().saturating_sub(LINES);
    lines[from..].iter().map(|line| line.chars().take(400).collect()).collect()
}

/// What is missing, each thing once.
pub(super) fn missing(log: &str) -> Vec<Missing> {
    let found: BTreeSet<Missing> = log.lines().filter_map(line).collect();
    found.into_iter().collect()
}

fn line(line: &str) -> Option<Missing> {
    let lower = line.to_ascii_lowercase();
    let absent = lower.contains("no such file or directory") || lower.contains("not found");
    if let Some(header) = between(line, "fatal error: ", ":").filter(|_| absent)
        && is_header(header)
    {
        return Some(Missing::Header(header.to_owned()));
    }
    if let Some(header) = between(line, "fatal error: '", "' file not found") {
        return Some(Missing::Header(header.to_owned()));
    }
    if let Some(module) = between(line, "No module named '", "'") {
        return Some(Missing::Module(module.to_owned()));
    }
    if line.contains("module 'pkgutil' has no attribute 'ImpImporter'") {
        return Some(Missing::Module("pkgutil.ImpImporter".to_owned()));
    }
    if let Some(library) = line.split("cannot find -l").nth(1) {
        return word(library).map(|name| Missing::Library(name.to_owned()));
    }
    if let Some(package) = between(line, "No package '", "' found")
        .or_else(|| between(line, "Package '", "', required by"))
        .or_else(|| between(line, "Dependency \"", "\" not found"))
    {
        return Some(Missing::Library(package.to_owned()));
    }
    compiler(line, &lower, absent).or_else(|| program(line, &lower, absent))
}

fn compiler(line: &str, lower: &str, absent: bool) -> Option<Missing> {
    let named = between(line, "unable to execute '", "'")
        .or_else(|| between(line, "error: command '", "'"))
        .filter(|_| absent);
    if let Some(program) = named {
        let program = program.rsplit('/').next().unwrap_or(program);
        return Some(Missing::Compiler(program.to_owned()));
    }
    let rust = lower.contains("can't find rust compiler")
        || lower.contains("cargo, the rust package manager, is not installed");
    if rust || (lower.contains("rustc") && absent) {
        return Some(Missing::Compiler("rustc".to_owned()));
    }
    if lower.contains("unknown compiler(s)") || lower.contains("no cmake_c_compiler could be found")
    {
        return Some(Missing::Compiler("cc".to_owned()));
    }
    lower
        .contains("no cmake_cxx_compiler could be found")
        .then(|| Missing::Compiler("c++".to_owned()))
}

fn program(line: &str, lower: &str, absent: bool) -> Option<Missing> {
    if !absent && !lower.contains("could not find") {
        return None;
    }
    if lower.contains("filenotfounderror") {
        let program = between(line, "directory: '", "'")?;
        return (!program.contains('/')).then(|| Missing::Program(program.to_owned()));
    }
    if let Some(shell) = line.split(": not found").next().filter(|_| line.ends_with(": not found"))
    {
        let program = shell.rsplit(": ").next()?;
        return word(program).map(|name| Missing::Program(name.to_owned()));
    }
    // `pg_config executable not found`, `mysql_config: not found`, `Could not find cmake`.
    let known = [
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
    ];
    known
        .iter()
        .find(|program| {
            lower.split(|c: char| !c.is_alphanumeric() && !"-_".contains(c)).any(|w| w == **program)
        })
        .map(|program| Missing::Program((*program).to_owned()))
}

fn is_header(text: &str) -> bool {
    [".h", ".hpp", ".hh", ".hxx"].iter().any(|suffix| text.ends_with(suffix))
}

fn word(text: &str) -> Option<&str> {
    let end = |c: char| !c.is_alphanumeric() && !"-_+.".contains(c);
    text.trim().split(end).next().filter(|word| !word.is_empty())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let (inside, _) = rest.split_once(after)?;
    Some(inside).filter(|inside| !inside.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_read_from_the_log() {
        let check = |log: &str, expected: Missing| assert_eq!(missing(log), [expected], "{log}");
        let text = str::to_owned;
        check(
            "x.c:1:10: fatal error: Python.h: No such file or directory",
            Missing::Header(text("Python.h")),
        );
        check(
            "x.c:3:10: fatal error: 'libpq-fe.h' file not found",
            Missing::Header(text("libpq-fe.h")),
        );
        check(
            "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
            Missing::Compiler(text("x86_64-linux-gnu-gcc")),
        );
        check("unable to execute 'gcc': No such file or directory", Missing::Compiler(text("gcc")));
        check("error: can't find Rust compiler", Missing::Compiler(text("rustc")));
        check(
            "/usr/bin/ld: cannot find -lta_lib: No such file or directory",
            Missing::Library(text("ta_lib")),
        );
        check("Error: pg_config executable not found.", Missing::Program(text("pg_config")));
        check("/bin/sh: 1: mysql_config: not found", Missing::Program(text("mysql_config")));
        check(
            "FileNotFoundError: [Errno 2] No such file or directory: 'cmake'",
            Missing::Program(text("cmake")),
        );
        check(
            "ModuleNotFoundError: No module named 'pkg_resources'",
            Missing::Module(text("pkg_resources")),
        );
        check("No package 'libxml-2.0' found", Missing::Library(text("libxml-2.0")));
        assert_eq!(missing("error: command 'gcc' failed with exit code 1\nall is well"), []);
    }

    #[test]
    fn a_log_is_shown_from_its_end() {
        let log: String = (0..100).map(|line| format!("{line}\n")).collect();
        let tail = tail(&(log + "\n\n"));
        assert_eq!((tail.len(), tail[LINES - 1].as_str()), (LINES, "99"));
        assert!(super::tail("").is_empty());
    }
}
