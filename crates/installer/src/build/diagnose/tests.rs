//! What builds that failed print, and what they lacked.

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
    check("ModuleNotFoundError: No module named 'numpy'", Missing::Module(text("numpy")));
    check("No package 'libxml-2.0' found", Missing::Library(text("libxml-2.0")));
    assert_eq!(missing("error: command 'gcc' failed with exit code 1\nall is well"), []);
}

/// Last lines of builds that failed, as they were.
#[test]
fn real_builds_tell_what_they_lack() {
    let check = |log: &str, expected: Missing| assert_eq!(missing(log), [expected], "{log}");
    let text = str::to_owned;
    check("error: [Errno 2] No such file or directory: 'gcc'", Missing::Compiler(text("gcc")));
    check("error: linker `cc` not found", Missing::Compiler(text("cc")));
    check(
        "../meson.build:2:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]\n\
         Running `cc --version` gave \"[Errno 2] No such file or directory: 'cc'\"\n\
         Running `icx --version` gave \"[Errno 2] No such file or directory: 'icx'\"",
        Missing::Compiler(text("cc")),
    );
    check(
        "Trying pkg-config --exists mysqlclient\n\
         Command 'pkg-config --exists mysqlclient' returned non-zero exit status 1.\n\
         Command 'pkg-config --exists mariadb' returned non-zero exit status 1.",
        Missing::Library(text("mysqlclient")),
    );
    check(
        "../cairo/meson.build:31:12: ERROR: Dependency \"cairo\" not found (tried pkg-config)",
        Missing::Library(text("cairo")),
    );
    check(
        "error: libhdf5.so: cannot open shared object file: No such file or directory",
        Missing::Library(text("hdf5")),
    );
    check(
        "Error: Please make sure the libxml2 and libxslt development packages are installed.",
        Missing::Library(text("libxml2")),
    );
    check(
        "The headers or library files could not be found for jpeg,",
        Missing::Library(text("jpeg")),
    );
    check(
        "    raise child_exception_type(errno_num, err_msg, err_filename)\n\
         FileNotFoundError: [Errno 2] No such file or directory: 'dot'",
        Missing::Program(text("dot")),
    );
    check(
        "    with open('requirements.txt') as f:\n\
         FileNotFoundError: [Errno 2] No such file or directory: 'requirements.txt'",
        Missing::File(text("requirements.txt")),
    );
}

#[test]
fn sources_that_are_too_old_or_broken_are_told_apart_from_what_is_missing() {
    let check = |log: &str, expected: Missing| assert_eq!(missing(log), [expected], "{log}");
    let text = str::to_owned;
    check(
        "AttributeError: 'build_ext' object has no attribute 'cython_sources'",
        Missing::Older(text("cython<3")),
    );
    check("error in x setup command: use_2to3 is invalid.", Missing::Older(text("setuptools<58")));
    check(
        "aiohttp/_websocket.c:198:12: fatal error: longintrepr.h: No such file or directory",
        Missing::OlderPython,
    );
    check(
        "x.c:1:2: error: \u{2018}PyThreadState\u{2019} has no member named \u{2018}use_tracing\u{2019}",
        Missing::OlderPython,
    );
    check(
        "DistutilsError: Command '['/e/bin/python', '-m', 'pip', 'wheel', '-w', '/t', '--quiet', \
         'cython>=0.27.3']' returned non-zero exit status 1.",
        Missing::Module(text("cython")),
    );
}

#[test]
fn a_log_cannot_steer_a_terminal() {
    let log = "\u{1b}[31merror\u{1b}[0m:\tbad\u{7} \u{1b}]0;title";
    assert_eq!(tail(log), ["error:\tbad 0;title"]);
}

#[test]
fn an_early_line_that_tells_is_shown_before_the_last_ones() {
    let early = "x.c:1:10: fatal error: ldap.h: No such file or directory\n";
    let log: String = (0..100).map(|line| format!("{line}\n")).collect();
    let shown = tail(&format!("{early}{log}"));
    assert_eq!(shown[..3], [early.trim_end(), "…", "76"]);
    assert_eq!(tail(&format!("{early}{log}{early}")).len(), LINES, "the end tells it as well");
}

#[test]
fn a_log_is_shown_from_its_end() {
    let log: String = (0..100).map(|line| format!("{line}\n")).collect();
    let tail = tail(&(log + "\n\n"));
    assert_eq!((tail.len(), tail[LINES - 1].as_str()), (LINES, "99"));
    assert!(super::tail("").is_empty());
}
