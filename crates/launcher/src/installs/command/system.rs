//! Calls of the system's package managers. Owns their forms, and which packages are there to compile Python's with.

use std::ops::Range;

use crate::installs::script::{Command, Word};

/// What a package manager does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installs) enum System {
    /// It installs, or removes, packages.
    Packages {
        /// Each with its place in the text.
        names: Vec<(String, Range<usize>)>,
        /// The name under which all of them are removed again (`apk add --virtual`).
        group: Option<String>,
    },
    /// Nothing that is of use by itself: `apt-get update`, `rm -rf /var/lib/apt/lists/*`.
    Around,
}

/// What package managers do for others' sake: they fetch lists, and clean up.
const AROUND: [&str; 6] =
    ["autoclean", "autoremove", "check-update", "clean", "makecache", "update"];

/// What compiles.
const COMPILERS: [&str; 21] = [
    "autoconf",
    "automake",
    "build-base",
    "build-essential",
    "cargo",
    "clang",
    "cmake",
    "cython3",
    "g++",
    "gcc",
    "gfortran",
    "libtool",
    "linux-headers",
    "llvm",
    "make",
    "meson",
    "musl-dev",
    "ninja-build",
    "pkg-config",
    "rust",
    "rustc",
];

/// Headers of libraries that Python's packages are compiled against, and do not load by their names.
const HEADERS: [&str; 34] = [
    "default-libmysqlclient-dev",
    "freetype-dev",
    "jpeg-dev",
    "libblas-dev",
    "libbz2-dev",
    "libc-dev",
    "libc6-dev",
    "libcurl4-openssl-dev",
    "libffi-dev",
    "libfreetype6-dev",
    "libjpeg-dev",
    "libjpeg62-turbo-dev",
    "liblapack-dev",
    "liblzma-dev",
    "libmariadb-dev",
    "libopenblas-dev",
    "libpng-dev",
    "libpq-dev",
    "libpython3-dev",
    "libreadline-dev",
    "libsasl2-dev",
    "libsnappy-dev",
    "libsqlite3-dev",
    "libssl-dev",
    "libxml2-dev",
    "libxslt-dev",
    "libxslt1-dev",
    "libyaml-dev",
    "mariadb-dev",
    "openssl-dev",
    "postgresql-dev",
    "python3-dev",
    "zlib-dev",
    "zlib1g-dev",
];

/// Whether a package is there to compile others with.
pub(in crate::installs) fn compiles(package: &str) -> bool {
    let name = package.split(['=', '~', '<', '>', ':', '/']).next().unwrap_or(package);
    let python = name.strip_prefix("python").and_then(|rest| rest.strip_suffix("-dev"));
    COMPILERS.contains(&name)
        || HEADERS.contains(&name)
        || python.is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// What a command does with packages of the system; `None` where it does nothing with them.
pub(super) fn read(program: &str, command: &Command) -> Option<System> {
    let own =
        command.words.iter().position(|word| word.text.rsplit('/').next() == Some(program))?;
    let arguments = &command.words[own + 1..];
    let texts: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
    match program {
        "apt-get" | "apt" | "apk" | "dnf" | "yum" | "microdnf" => {
            Some(managed(arguments, program.starts_with("ap")))
        }
        "rm" => texts
            .iter()
            .filter(|word| !word.starts_with('-'))
            .all(|place| is_cache(place))
            .then_some(System::Around),
        "set" => Some(System::Around),
        _ => None,
    }
}

/// What a manager is asked to do; `lists` says whether its `update` fetches lists.
fn managed(arguments: &[Word], lists: bool) -> System {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-o" | "-t" | "-c" | "--repository" | "-X" => {
                words.next();
            }
            "install" | "add" | "remove" | "purge" | "del" => {
                return packages(words.as_slice());
            }
            option if option.starts_with('-') => {}
            // `update` of others than apt and apk upgrades what is there.
            "update" if !lists => break,
            verb if AROUND.contains(&verb) => return System::Around,
            _ => break,
        }
    }
    System::Packages { names: Vec::new(), group: None }
}

fn packages(words: &[Word]) -> System {
    let (mut names, mut group) = (Vec::new(), None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-o" | "--repository" | "-X" => {
                words.next();
            }
            "-t" | "--virtual" => group = words.next().map(|word| word.text.clone()),
            option if option.starts_with('-') => {
                group = option.strip_prefix("--virtual=").map(str::to_owned).or(group);
            }
            name => names.push((name.to_owned(), word.place.clone())),
        }
    }
    System::Packages { names, group }
}

/// Directories in which package managers keep what they fetched.
fn is_cache(place: &str) -> bool {
    ["/var/lib/apt/lists", "/var/cache/apt", "/var/cache/apk", "/root/.cache", "~/.cache"]
        .iter()
        .any(|known| place.starts_with(known))
}
