//! pip's settings, so that pyfast uses the index that the user's pip uses: configuration files, and
//! the default that an interpreter's own pip was built with.
//!
//! <https://pip.pypa.io/en/stable/topics/configuration/>

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::variables::Variables;

/// What pip's configuration files say of how and where packages are had. A later file overrides an earlier one, and what
/// is said for `install` what is said for all commands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PipConfig {
    pub(crate) index_url: Option<String>,
    pub(crate) extra_index_urls: Vec<String>,
    pub(crate) find_links: Vec<String>,
    pub(crate) no_index: bool,
    pub(crate) proxy: Option<String>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) trusted_hosts: Vec<String>,
    pub(crate) timeout: Option<String>,
    pub(crate) retries: Option<String>,
}

/// What the files say, key by key.
#[derive(Default)]
struct Said([BTreeMap<String, String>; 2]);

/// The sections that are read, the one that counts last.
const SECTIONS: [&str; 2] = ["global", "install"];

impl PipConfig {
    /// Reads the files that pip would read.
    pub(crate) fn read(variables: &Variables) -> Self {
        let mut said = Said::default();
        for path in files(variables) {
            if let Ok(text) = fs_err::read_to_string(path) {
                said.take(&text);
            }
        }
        said.meant(variables.home().as_deref())
    }
}

impl Said {
    fn take(&mut self, text: &str) {
        let Ok(file) = ini::Ini::load_from_str_opt(
            text,
            ini::ParseOption {
                enabled_quote: false,
                enabled_escape: false,
                enabled_indented_mutiline_value: true,
                ..ini::ParseOption::default()
            },
        ) else {
            return;
        };
        for (section, said) in SECTIONS.iter().zip(&mut self.0) {
            for (key, value) in
                file.section(Some(*section)).into_iter().flat_map(ini::Properties::iter)
            {
                let key = key.trim().to_ascii_lowercase().replace('_', "-");
                said.insert(key, value.trim().to_owned());
            }
        }
    }

    fn meant(self, home: Option<&Path>) -> PipConfig {
        let Self([mut said, install]) = self;
        said.extend(install);
        said.retain(|_, value| !value.is_empty());
        let get = |key: &str| said.get(key).cloned();
        let words = |key: &str| -> Vec<String> {
            let words = said.get(key).into_iter().flat_map(|value| value.split_whitespace());
            words.map(str::to_owned).collect()
        };
        let path = |key: &str| {
            let value = said.get(key)?;
            let below = value.strip_prefix("~/").and_then(|below| Some(home?.join(below)));
            Some(below.unwrap_or_else(|| PathBuf::from(value)))
        };
        PipConfig {
            index_url: get("index-url"),
            extra_index_urls: words("extra-index-url"),
            find_links: words("find-links"),
            no_index: is_true(said.get("no-index").map(String::as_str)),
            proxy: get("proxy"),
            cert: path("cert"),
            client_cert: path("client-cert"),
            trusted_hosts: words("trusted-host"),
            timeout: get("timeout").or_else(|| get("default-timeout")),
            retries: get("retries"),
        }
    }
}

/// A switch of pip's or uv's that is on.
pub(crate) fn is_true(value: Option<&str>) -> bool {
    let value = value.unwrap_or_default().to_ascii_lowercase();
    matches!(value.as_str(), "1" | "true" | "t" | "yes" | "y" | "on")
}

/// pip's configuration files, from the least to the most particular.
fn files(variables: &Variables) -> Vec<PathBuf> {
    let named = variables.get("PIP_CONFIG_FILE");
    if named.is_some_and(|path| path == "/dev/null") {
        return Vec::new();
    }
    let mut files = Vec::new();
    let shared = variables.get("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg");
    files.extend(shared.split(':').map(|directory| Path::new(directory).join("pip/pip.conf")));
    files.push("/etc/pip.conf".into());
    if let Some(home) = variables.home() {
        files.push(home.join(".pip/pip.conf"));
        let config =
            variables.get("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
        files.push(config.join("pip/pip.conf"));
    }
    files.extend(variables.get("VIRTUAL_ENV").map(|prefix| Path::new(prefix).join("pip.conf")));
    files.extend(named.map(PathBuf::from));
    files
}

/// The index that an interpreter's own pip was built with, read from its text: of the pip that is installed, else of the
/// wheel from which the interpreter would install one.
pub(crate) fn default_index(executable: &Path) -> Option<String> {
    let prefix = executable.parent()?.parent()?;
    let libraries = libraries(prefix);
    let installed = libraries.iter().flat_map(|library| {
        ["site-packages", "dist-packages"].map(|directory| library.join(directory))
    });
    let installed = installed.map(|packages| packages.join("pip/_internal/models/index.py"));
    let found = installed.filter_map(|path| fs_err::read_to_string(path).ok());
    found.into_iter().find_map(|text| scan(&text)).or_else(|| {
        let bundled = libraries.iter().map(|library| library.join("ensurepip/_bundled"));
        let shared = libraries.iter().filter_map(|library| wheel_directory(library));
        // Where distributions put it whose interpreter does not say.
        let usual = prefix.join("share/python-wheels");
        bundled.chain(shared).chain([usual]).find_map(|directory| from_wheels(&directory))
    })
}

/// The directories of an installation's standard libraries.
fn libraries(prefix: &Path) -> Vec<PathBuf> {
    let mut libraries = Vec::new();
    for library in [prefix.join("lib"), prefix.join("local/lib")] {
        let Ok(entries) = fs_err::read_dir(&library) else { continue };
        let names = entries.flatten().map(|entry| entry.path());
        libraries.extend(names.filter(|path| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"python3"))
        }));
    }
    libraries.sort();
    libraries
}

/// Where an interpreter was built to find the wheels that ensurepip installs, if not beside ensurepip: distributions keep
/// one copy for all.
fn wheel_directory(library: &Path) -> Option<PathBuf> {
    let entries = fs_err::read_dir(library).ok()?.flatten();
    let settings =
        entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"_sysconfigdata"));
    let texts = settings.filter_map(|entry| fs_err::read_to_string(entry.path()).ok());
    texts.into_iter().find_map(|text| {
        let value = text.split_once("'WHEEL_PKG_DIR': '")?.1;
        let directory = Path::new(value.split_once('\'')?.0);
        directory.is_absolute().then(|| directory.to_owned())
    })
}

/// From the wheel of pip in a directory.
fn from_wheels(directory: &Path) -> Option<String> {
    let entries = fs_err::read_dir(directory).ok()?.flatten();
    let mut wheels = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("pip-") && Path::new(&*name).extension().is_some_and(|end| end == "whl")
    });
    let file = fs_err::File::open(wheels.next()?.path()).ok()?;
    let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file)).ok()?;
    let mut text = String::new();
    let source = archive.by_name("pip/_internal/models/index.py").ok()?;
    source.take(1 << 20).read_to_string(&mut text).ok()?;
    scan(&text)
}

/// `PyPI = PackageIndex("https://…", …)`: pip adds `/simple` to it.
fn scan(text: &str) -> Option<String> {
    let rest = text.split_once("PyPI = PackageIndex(")?.1;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let url = rest[1..].split(quote).next()?;
    url.starts_with("https://").then(|| format!("{}/simple", url.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_index_is_read_from_pips_text() {
        let text = "class PackageIndex:\n    ...\n\nPyPI = PackageIndex(\n    \"https://index.test/\", file_storage_domain=\"f\"\n)";
        assert_eq!(scan(text).as_deref(), Some("https://index.test/simple"));
        assert_eq!(scan("PyPI = PackageIndex(URL)"), None);
    }

    const TEXT: &str = "PyPI = PackageIndex(\"https://index.test/\", file_storage_domain=\"f\")";

    /// An installation whose pip, where it has one, is not installed. The interpreter need not be there to be asked.
    struct Installation(tempfile::TempDir);

    impl Installation {
        fn new() -> Self {
            let made = Self(tempfile::tempdir().unwrap());
            fs_err::create_dir_all(made.place("lib/python3.11")).unwrap();
            made
        }

        fn place(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// Puts a wheel of pip into a directory.
        fn wheel(&self, directory: &str) {
            let directory = self.place(directory);
            fs_err::create_dir_all(&directory).unwrap();
            let file = fs_err::File::create(directory.join("pip-23.0.1-py3-none-any.whl")).unwrap();
            let mut archive = zip::ZipWriter::new(file);
            let options = zip::write::SimpleFileOptions::default();
            archive.start_file("pip/_internal/models/index.py", options).unwrap();
            std::io::Write::write_all(&mut archive, TEXT.as_bytes()).unwrap();
            archive.finish().unwrap();
        }

        fn default_index(&self) -> Option<String> {
            default_index(&self.place("bin/python3.11"))
        }
    }

    #[test]
    fn a_pip_that_is_only_bundled_gives_the_default_index() {
        let none = Installation::new();
        assert_eq!(none.default_index(), None);
        let places = ["lib/python3.11/ensurepip/_bundled", "share/python-wheels", "elsewhere"];
        for place in places {
            let installation = Installation::new();
            installation.wheel(place);
            let settings = format!(
                "build_time_vars = {{'A': '',\n 'WHEEL_PKG_DIR': '{}/',\n 'XMLLIBSUBDIRS': ''}}",
                installation.place("elsewhere").display()
            );
            let file = installation.place("lib/python3.11/_sysconfigdata__linux_x86_64.py");
            fs_err::write(file, settings).unwrap();
            let found = installation.default_index();
            assert_eq!(found.as_deref(), Some("https://index.test/simple"), "{place}");
        }
    }

    #[test]
    fn a_pip_that_is_installed_comes_before_one_that_is_bundled() {
        let installation = Installation::new();
        installation.wheel("share/python-wheels");
        let own = installation.place("lib/python3/dist-packages/pip/_internal/models");
        fs_err::create_dir_all(&own).unwrap();
        fs_err::write(own.join("index.py"), TEXT.replace("index.test", "own.test")).unwrap();
        assert_eq!(installation.default_index().as_deref(), Some("https://own.test/simple"));
    }

    #[test]
    fn configuration_files_give_indexes() {
        let mut said = Said::default();
        said.take("[global]\nindex-url = https://a.test/simple\nextra-index-url =\n    https://b.test/x\n    https://c.test/y\n");
        said.take("[install]\nindex_url = https://d.test/simple # not a comment in pip\n");
        // What is said for all commands gives way, wherever it is said.
        said.take("[global]\nindex-url = https://e.test/simple\n");
        let config = said.meant(None);
        assert_eq!(config.extra_index_urls, ["https://b.test/x", "https://c.test/y"]);
        assert!(config.index_url.is_some_and(|url| url.starts_with("https://d.test/simple")));
    }

    #[test]
    fn configuration_files_say_how_servers_are_reached() {
        let mut said = Said::default();
        said.take("[global]\nproxy = http://a.test:1\ncert = ~/ca.pem\nclient-cert = /c.pem\nno-index = yes\n");
        said.take("[install]\ntrusted-host = a.test\n  b.test:2\ntimeout = 3\nretries=\nfind-links = /w\n");
        let config = said.meant(Some(Path::new("/home/me")));
        assert_eq!(config.proxy.as_deref(), Some("http://a.test:1"));
        assert_eq!(config.cert.as_deref(), Some(Path::new("/home/me/ca.pem")));
        assert_eq!(config.trusted_hosts, ["a.test", "b.test:2"]);
        assert_eq!(
            (config.timeout.as_deref(), config.retries, config.no_index),
            (Some("3"), None, true)
        );
        assert_eq!(config.find_links, ["/w"]);
    }
}
