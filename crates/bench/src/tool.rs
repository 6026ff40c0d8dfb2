//! The tools that are compared and the exact command line each gets for an action. The only place that knows their flags.
//! Starts nothing itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use url::Url;

use crate::scenario::{Action, Cache, Links, Scenario};

/// A tool, in the order of rows in tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// This program
    Pyfast,
    /// uv, from `--uv` or `PATH`
    Uv,
    /// pip of a virtual environment of the given Python
    Pip,
    /// pip with `--no-cache-dir`
    PipNoCache,
}

impl Tool {
    /// What pyfast can be compared with.
    pub const RIVALS: [Self; 3] = [Self::Uv, Self::Pip, Self::PipNoCache];

    /// The name as shown and as in directory names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pyfast => "pyfast",
            Self::Uv => "uv",
            Self::Pip => "pip",
            Self::PipNoCache => "pip-no-cache",
        }
    }

    /// Whether it is pip, with or without its cache.
    pub(crate) fn is_pip(self) -> bool {
        matches!(self, Self::Pip | Self::PipNoCache)
    }

    /// Why it takes no part in a scenario, if it does not.
    pub(crate) fn excluded_from(self, scenario: Scenario) -> Option<&'static str> {
        match (self, scenario) {
            (Self::PipNoCache, _) if scenario.cache() == Cache::Empty => {
                Some("an empty cache makes no difference to no cache, see pip")
            }
            (Self::Uv | Self::Pip, Scenario::Remote) => {
                Some("it knows no remote store, see `cold-bytecode`")
            }
            (Self::Pip | Self::PipNoCache, Scenario::Rollback | Scenario::Branch) => {
                Some("pip has no operation that removes what is not asked for")
            }
            (Self::Pip | Self::PipNoCache, _) if scenario.links() == Links::Volume => {
                Some("pip makes one kind of environment, see `warm`")
            }
            _ => None,
        }
    }
}

/// What is the same for all tools and all runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Common {
    /// The interpreter the environments are for.
    pub(crate) python: PathBuf,
    /// The index; `None` leaves each tool its own default. Reports are passed on, so they have no password.
    #[serde(serialize_with = "without_login")]
    pub(crate) index_url: Option<String>,
    /// Whether bytecode is compiled while installing.
    pub(crate) compile: bool,
}

fn without_login<'a, S: Serializer>(
    url: impl IntoIterator<Item = &'a String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    url.into_iter().next().map(|url| bare(url)).serialize(serializer)
}

/// A URL without user and password.
pub(crate) fn bare_url(mut url: Url) -> String {
    // They fail for URLs that can have neither.
    url.set_username("").ok();
    url.set_password(None).ok();
    url.into()
}

/// An index without user and password. Of what is no URL nobody can say which part that is.
fn bare(index: &str) -> String {
    match Url::parse(index) {
        Ok(url) if url.has_host() => bare_url(url),
        _ if index.contains('@') => "****".to_owned(),
        _ => index.to_owned(),
    }
}

/// The directories of one tool.
///
/// ```text
/// <base>/cache/       kept from run to run; for pyfast with the root and what it remembers besides
/// <base>/cold/        the same, emptied before each run of a scenario with an empty cache
/// <base>/env/         the virtual environment (uv, pip)
/// <base>/project/     requirements.txt, pins.txt, pylock.toml; for pyfast with a remote store its pyfast.toml
/// <base>/remote/      pyfast's remote store
/// <base>/home/        what the tool sees as home directory
/// <base>/out, err     what it wrote last
/// ```
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) base: PathBuf,
}

impl Place {
    /// pyfast's root with store and environments.
    pub(crate) fn root(&self, cache: Cache) -> PathBuf {
        self.cache(cache).join("root")
    }

    /// pyfast in its root, as containers have it in their volume.
    pub(crate) fn own_program(&self, cache: Cache) -> PathBuf {
        self.root(cache).join("bin/pyfast-0123456789ab")
    }

    /// pyfast's remote store.
    pub(crate) fn remote(&self) -> PathBuf {
        self.base.join("remote")
    }

    /// What pyfast remembers of indexes and interpreters.
    pub(crate) fn pages(&self, cache: Cache) -> PathBuf {
        self.cache(cache).join("pages")
    }

    pub(crate) fn cache(&self, cache: Cache) -> PathBuf {
        self.base.join(match cache {
            Cache::Full => "cache",
            Cache::Empty => "cold",
        })
    }
    pub(crate) fn environment(&self) -> PathBuf {
        self.base.join("env")
    }
    pub(crate) fn project(&self) -> PathBuf {
        self.base.join("project")
    }
    pub(crate) fn requirements(&self) -> PathBuf {
        self.project().join("requirements.txt")
    }
    pub(crate) fn pins(&self) -> PathBuf {
        self.project().join("pins.txt")
    }
    pub(crate) fn lock(&self) -> PathBuf {
        self.project().join("pylock.toml")
    }
    pub(crate) fn home(&self) -> PathBuf {
        self.base.join("home")
    }
    pub(crate) fn stdout(&self) -> PathBuf {
        self.base.join("out")
    }
    pub(crate) fn stderr(&self) -> PathBuf {
        self.base.join("err")
    }
}

/// What is to be done: an action with the state of cache and network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) action: Action,
    pub(crate) cache: Cache,
    pub(crate) links: Links,
    pub(crate) offline: bool,
    /// Whether it is compiled whatever is asked of all tools.
    pub(crate) bytecode: bool,
}

/// A tool that is there, ready to be called.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Installed {
    pub(crate) tool: Tool,
    /// The executable; for pip the interpreter is the one of its virtual environment, and this is the given Python.
    pub(crate) program: PathBuf,
    /// What it says of itself.
    pub(crate) version: String,
}

impl Installed {
    /// The program and its arguments for `request`.
    pub(crate) fn command(
        &self,
        request: Request,
        place: &Place,
        common: &Common,
    ) -> (PathBuf, Vec<OsString>) {
        let mut line = Line::default();
        let compile = common.compile || request.bytecode;
        let common = &Common { compile, ..common.clone() };
        match self.tool {
            Tool::Pyfast => {
                pyfast(&mut line, request, place, common);
                if request.links == Links::Own {
                    return (place.own_program(request.cache), line.0);
                }
            }
            Tool::Uv => uv(&mut line, request, place, common),
            Tool::Pip | Tool::PipNoCache => {
                line.add("-m").add("pip");
                pip(&mut line, self.tool, request, place);
                line.index("--index-url", common);
                if !matches!(request.action, Action::Resolve) {
                    line.add(if common.compile { "--compile" } else { "--no-compile" });
                }
                return (place.environment().join("bin/python"), line.0);
            }
        }
        (self.program.clone(), line.0)
    }

    /// The arguments that make a lock file at `output` from the requirements; `None` where the tool installs from pins.
    pub(crate) fn lock(
        &self,
        output: &Path,
        place: &Place,
        common: &Common,
    ) -> Option<Vec<OsString>> {
        if self.tool != Tool::Pyfast {
            return None;
        }
        let mut line = Line::default();
        line.add("lock").pair("-r", place.requirements()).pair("-o", output).add("-q");
        line.pair("--project", place.project()).pair("--root", place.root(Cache::Full));
        line.pair("--cache-dir", place.pages(Cache::Full));
        line.pair("--python", &common.python).index("--index-url", common);
        Some(line.0)
    }

    /// The arguments that make an empty virtual environment; `None` where one is copied or none is needed.
    pub(crate) fn virtual_environment(
        &self,
        place: &Place,
        common: &Common,
    ) -> Option<Vec<OsString>> {
        if self.tool != Tool::Uv {
            return None;
        }
        let mut line = Line::default();
        line.add("venv").add("-q").add("--no-config").add("--no-python-downloads");
        line.pair("--python", &common.python).add(place.environment());
        Some(line.0)
    }
}

fn pyfast(line: &mut Line, request: Request, place: &Place, common: &Common) {
    match request.action {
        Action::Install | Action::Return => line.add("sync").pair("-r", place.requirements()),
        Action::InstallLocked => line.add("sync").add("--frozen").pair("-r", place.requirements()),
        Action::Resolve => line
            .add("lock")
            .pair("-r", place.requirements())
            .pair("-o", "-")
            .pair("--format", "requirements"),
        Action::Rollback => line.add("rollback"),
    };
    line.add("-q").pair("--project", place.project()).pair("--root", place.root(request.cache));
    line.pair("--cache-dir", place.pages(request.cache));
    if request.action == Action::Rollback {
        return;
    }
    line.pair("--python", &common.python).index("--index-url", common);
    if request.action != Action::Resolve {
        line.add(if common.compile { "--compile" } else { "--no-compile" });
        if request.links == Links::Volume {
            line.pair("--link-mode", "tree");
        }
    }
    if request.offline {
        line.add("--offline");
    }
}

fn uv(line: &mut Line, request: Request, place: &Place, common: &Common) {
    line.add("pip");
    match request.action {
        Action::Install => line.add("install").pair("-r", place.requirements()),
        Action::Return => line.add("install").add("--exact").pair("-r", place.requirements()),
        Action::InstallLocked | Action::Rollback => line.add("sync").add(place.pins()),
        Action::Resolve => {
            line.add("compile").add(place.requirements()).add("--no-header").add("--no-annotate")
        }
    };
    if request.action == Action::Resolve {
        line.pair("--python", &common.python);
    } else {
        line.pair("--python", place.environment().join("bin/python"));
        if common.compile {
            line.add("--compile-bytecode");
        }
    }
    // With -q, `compile` prints nothing but the result.
    line.add("-q")
        .add("--no-config")
        .add("--no-python-downloads")
        .pair("--cache-dir", place.cache(request.cache));
    line.index("--default-index", common);
    if request.offline {
        line.add("--offline");
    }
}

fn pip(line: &mut Line, tool: Tool, request: Request, place: &Place) {
    line.add("install").add("-q").add("--disable-pip-version-check").add("--no-input");
    match request.action {
        Action::Install | Action::Return => line.pair("-r", place.requirements()),
        Action::InstallLocked | Action::Rollback => line.add("--no-deps").pair("-r", place.pins()),
        Action::Resolve => line
            .add("--dry-run")
            .add("--ignore-installed")
            .pair("--report", "-")
            .pair("-r", place.requirements()),
    };
    if tool == Tool::PipNoCache {
        line.add("--no-cache-dir");
    } else {
        line.pair("--cache-dir", place.cache(request.cache));
    }
}

/// Arguments as they are put together.
#[derive(Default)]
struct Line(Vec<OsString>);

impl Line {
    fn add(&mut self, argument: impl Into<OsString>) -> &mut Self {
        self.0.push(argument.into());
        self
    }
    fn pair(&mut self, flag: &str, value: impl AsRef<Path>) -> &mut Self {
        self.add(flag).add(value.as_ref())
    }
    fn index(&mut self, flag: &str, common: &Common) -> &mut Self {
        match &common.index_url {
            Some(url) => self.add(flag).add(url),
            None => self,
        }
    }
}

/// The environment of a tool: what the session has, without anything that changes what a package tool does, and with a home of its own.
pub(crate) fn environment(
    session: &[(OsString, OsString)],
    home: &Path,
) -> Vec<(OsString, OsString)> {
    const CHANGES: [&str; 9] = [
        "PIP_",
        "UV_",
        "PYFAST_",
        "PYTHON",
        "VIRTUAL_ENV",
        "CONDA_",
        "XDG_",
        "RUST_LOG",
        "SOURCE_DATE_EPOCH",
    ];
    let kept = session.iter().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name != "HOME"
            && (name == "PIP_CERT" || !CHANGES.iter().any(|change| name.starts_with(change)))
    });
    let own = [("HOME", home.as_os_str().to_owned()), ("PIP_CONFIG_FILE", "/dev/null".into())];
    kept.cloned().chain(own.map(|(name, value)| (name.into(), value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Stage;

    #[track_caller]
    fn check(tool: Tool, action: Action, compile: bool, expected: &str) {
        let installed = Installed { tool, program: "/bin/tool".into(), version: String::new() };
        let common =
            Common { python: "/py".into(), index_url: Some("http://i/simple/".into()), compile };
        let cache = if action == Action::Install { Cache::Empty } else { Cache::Full };
        let offline = cache == Cache::Full;
        let request = Request { action, cache, links: Links::Host, offline, bytecode: false };
        let (program, args) = installed.command(request, &Place { base: "/w".into() }, &common);
        let words: Vec<_> = std::iter::once(program.into_os_string()).chain(args).collect();
        assert_eq!(words.join(std::ffi::OsStr::new(" ")).to_string_lossy(), expected);
    }

    #[test]
    fn uv_is_called_alike() {
        let common = "-q --no-config --no-python-downloads";
        let index = "--default-index http://i/simple/";
        check(
            Tool::Uv,
            Action::Install,
            true,
            &format!(
                "/bin/tool pip install -r /w/project/requirements.txt --python /w/env/bin/python --compile-bytecode {common} --cache-dir /w/cold {index}"
            ),
        );
        check(
            Tool::Uv,
            Action::InstallLocked,
            false,
            &format!(
                "/bin/tool pip sync /w/project/pins.txt --python /w/env/bin/python {common} --cache-dir /w/cache {index} --offline"
            ),
        );
        check(
            Tool::Uv,
            Action::Resolve,
            true,
            &format!(
                "/bin/tool pip compile /w/project/requirements.txt --no-header --no-annotate --python /py {common} --cache-dir /w/cache {index} --offline"
            ),
        );
    }

    #[test]
    fn who_returns_to_earlier_requirements_removes_what_is_not_asked_for() {
        let requirements = "-r /w/project/requirements.txt";
        check(
            Tool::Uv,
            Action::Return,
            false,
            &format!(
                "/bin/tool pip install --exact {requirements} --python /w/env/bin/python -q --no-config --no-python-downloads --cache-dir /w/cache --default-index http://i/simple/ --offline"
            ),
        );
        check(
            Tool::Pyfast,
            Action::Return,
            false,
            &format!(
                "/bin/tool sync {requirements} -q --project /w/project --root /w/cache/root --cache-dir /w/cache/pages --python /py --index-url http://i/simple/ --no-compile --offline"
            ),
        );
    }

    #[test]
    fn pyfast_is_called_alike() {
        let project = "-q --project /w/project";
        check(
            Tool::Pyfast,
            Action::Install,
            true,
            &format!(
                "/bin/tool sync -r /w/project/requirements.txt {project} --root /w/cold/root --cache-dir /w/cold/pages --python /py --index-url http://i/simple/ --compile"
            ),
        );
        check(
            Tool::Pyfast,
            Action::InstallLocked,
            false,
            &format!(
                "/bin/tool sync --frozen -r /w/project/requirements.txt {project} --root /w/cache/root --cache-dir /w/cache/pages --python /py --index-url http://i/simple/ --no-compile --offline"
            ),
        );
        check(
            Tool::Pyfast,
            Action::Rollback,
            false,
            &format!(
                "/bin/tool rollback {project} --root /w/cache/root --cache-dir /w/cache/pages"
            ),
        );
    }

    #[test]
    fn only_pyfast_is_told_what_environments_of_volumes_are_made_of() {
        for tool in [Tool::Pyfast, Tool::Uv] {
            let told = |links| {
                let installed = Installed { tool, program: "/t".into(), version: String::new() };
                let common = Common { python: "/py".into(), index_url: None, compile: false };
                let request = Request {
                    action: Action::InstallLocked,
                    cache: Cache::Full,
                    links,
                    offline: true,
                    bytecode: false,
                };
                installed.command(request, &Place { base: "/w".into() }, &common).1
            };
            let (host, volume) = (told(Links::Host), told(Links::Volume));
            let mode = ["--link-mode", "tree"].map(OsString::from);
            assert!(!host.contains(&mode[0]));
            assert_eq!(volume.windows(2).any(|two| two == mode), tool == Tool::Pyfast);
        }
    }

    #[test]
    fn bytecode_of_a_scenario_is_asked_of_every_tool_and_pyfast_is_the_one_in_its_root() {
        for (tool, program, word) in [
            (Tool::Pyfast, "/w/cold/root/bin/pyfast-0123456789ab", "--compile"),
            (Tool::Uv, "/t", "--compile-bytecode"),
            (Tool::Pip, "/w/env/bin/python", "--compile"),
        ] {
            let installed = Installed { tool, program: "/t".into(), version: String::new() };
            let common = Common { python: "/py".into(), index_url: None, compile: false };
            let request = Stage::request(Scenario::ColdBytecode);
            let (called, args) = installed.command(request, &Place { base: "/w".into() }, &common);
            assert_eq!(called, Path::new(program));
            assert!(args.contains(&word.into()) && !args.contains(&"--no-compile".into()));
            assert!(!args.contains(&"--link-mode".into()), "{args:?}");
        }
    }

    #[test]
    fn pip_is_called_alike() {
        let common = "-m pip install -q --disable-pip-version-check --no-input";
        check(
            Tool::Pip,
            Action::InstallLocked,
            false,
            &format!(
                "/w/env/bin/python {common} --no-deps -r /w/project/pins.txt --cache-dir /w/cache --index-url http://i/simple/ --no-compile"
            ),
        );
        check(
            Tool::PipNoCache,
            Action::Resolve,
            true,
            &format!(
                "/w/env/bin/python {common} --dry-run --ignore-installed --report - -r /w/project/requirements.txt --no-cache-dir --index-url http://i/simple/"
            ),
        );
    }

    #[test]
    fn settings_of_the_session_do_not_reach_a_tool() {
        let session = [
            "PATH",
            "PIP_CERT",
            "PIP_INDEX_URL",
            "UV_CACHE_DIR",
            "HOME",
            "PYTHONPATH",
            "SSL_CERT_FILE",
        ]
        .map(|name| (OsString::from(name), OsString::from("x")));
        let names: Vec<_> = environment(&session, Path::new("/h"))
            .into_iter()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
            .collect();
        assert_eq!(
            names,
            ["PATH=x", "PIP_CERT=x", "SSL_CERT_FILE=x", "HOME=/h", "PIP_CONFIG_FILE=/dev/null"]
        );
    }

    #[test]
    fn pip_without_a_cache_only_runs_where_the_cache_matters() {
        assert!(Tool::PipNoCache.excluded_from(Scenario::Cold).is_some());
        assert!(Tool::PipNoCache.excluded_from(Scenario::Warm).is_none());
        assert!(Tool::Pip.excluded_from(Scenario::Rollback).is_some());
        assert!(Tool::Pip.excluded_from(Scenario::Branch).is_some());
        assert!(Tool::Uv.excluded_from(Scenario::Branch).is_none());
        assert!(Tool::Pip.excluded_from(Scenario::WarmVolume).is_some());
        assert!(Tool::Uv.excluded_from(Scenario::WarmVolume).is_none());
        assert!(Tool::Uv.excluded_from(Scenario::Rollback).is_none());
    }
}
