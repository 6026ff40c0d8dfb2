//! Errors as the user sees them: act, object, causes, what to do; and the exit code. Hints are made
//! here by matching typed errors, so that no library names a flag.

use std::error::Error as StdError;
use std::fmt;
use std::io::ErrorKind;

use pyfast_installer::Error as InstallError;
use pyfast_launcher::{Error as LaunchError, PullRefusal};
use pyfast_resolver::{BuildFailure, BuildStage, Error as ResolveError, Missing, Unusable};
use serde_json::json;

use crate::ui::Ui;

/// Exit codes, which are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The user can mend it.
    Mendable = 1,
    /// Usage or configuration.
    Usage = 2,
    /// The container engine cannot be reached.
    Engine = 3,
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A stable word for scripts.
    pub(crate) kind: &'static str,
    /// Act, object and the first cause.
    message: String,
    /// Further causes, outermost first.
    causes: Vec<String>,
    /// What the user could do.
    hints: Vec<String>,
    /// The exit code.
    pub(crate) code: u8,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// Wrong usage or configuration.
    pub(crate) fn usage(message: String) -> Self {
        Self::new("usage", message, Code::Usage)
    }

    /// Any failure.
    pub(crate) fn new(kind: &'static str, message: String, code: Code) -> Self {
        Self { kind, message, causes: Vec::new(), hints: Vec::new(), code: code as u8 }
    }

    /// The user interrupted the command.
    pub(crate) fn interrupted() -> Self {
        let mut failure = Self::new("interrupted", "interrupted".to_owned(), Code::Mendable);
        failure.code = 130;
        failure
    }

    /// Adds what the user could do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a cause.
    pub(crate) fn cause(mut self, cause: String) -> Self {
        self.causes.push(cause);
        self
    }

    /// Takes over an error with its chain of causes.
    pub(crate) fn from_error(kind: &'static str, error: &dyn StdError, code: Code) -> Self {
        let mut failure = Self::new(kind, error.to_string(), code);
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !failure.message.contains(&text) && !failure.causes.contains(&text) {
                failure.causes.push(text);
            }
            source = cause.source();
        }
        failure
    }

    /// Shows the failure: to people, or as JSON.
    pub(crate) fn show(&self, ui: Ui) {
        if ui.json() {
            let error = json!({ "error": {
                "kind": self.kind, "message": self.message, "causes": self.causes, "hints": self.hints,
            }});
            ui.data(format!("{error}\n"));
        }
        ui.error_line(format!("{} {}", ui.paint("31;1", "error:"), self.message));
        for cause in &self.causes {
            ui.error_line(format!("  cause: {cause}"));
        }
        for hint in &self.hints {
            ui.error_line(format!("{} {hint}", ui.paint("36;1", "hint:")));
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        Self::from_resolve(&error)
    }
}

impl Failure {
    fn from_resolve(error: &ResolveError) -> Self {
        let root = error.root();
        let (kind, code) = match root {
            ResolveError::ReadRequirements { .. }
            | ResolveError::RequirementsEncoding { .. }
            | ResolveError::Requirement { .. }
            | ResolveError::FindLinks { .. }
            | ResolveError::Setting(_) => ("usage", Code::Usage),
            ResolveError::NoSolution(_) => ("no-solution", Code::Mendable),
            ResolveError::UnknownPackage { .. } => ("unknown-package", Code::Mendable),
            ResolveError::HashMismatch { .. } => ("hash-mismatch", Code::Mendable),
            ResolveError::HashRequired { .. } | ResolveError::HashMissing { .. } => {
                ("hash-required", Code::Mendable)
            }
            ResolveError::Fetch { .. } | ResolveError::Status { .. } => ("fetch", Code::Mendable),
            ResolveError::Offline { .. } => ("offline", Code::Mendable),
            ResolveError::Page { .. } => ("index-page", Code::Mendable),
            ResolveError::Metadata { .. } | ResolveError::ReadWheel { .. } => {
                ("bad-wheel", Code::Mendable)
            }
            ResolveError::Build(_) => ("build", Code::Mendable),
            ResolveError::Lock { .. } => ("lock", Code::Mendable),
            _ => ("resolve", Code::Mendable),
        };
        let mut failure = Self::from_error(kind, root, code);
        failure.hints.extend(resolve_hints(root));
        failure
    }
}

fn resolve_hints(error: &ResolveError) -> Vec<String> {
    match error {
        ResolveError::NoSolution(no_solution) => {
            let mut hints = Vec::new();
            for (name, reasons) in &no_solution.unusable {
                hints.extend(reasons.iter().filter_map(|(reason, versions)| {
                    let newest = versions.first()?;
                    unusable_hint(name.as_ref(), reason, &newest.to_string())
                }));
            }
            if no_solution.unsearched {
                hints.push(
                    "only the first index that has a package was searched for it; --index-strategy unsafe-best-match searches all"
                        .to_owned(),
                );
            }
            hints.truncate(4);
            if hints.is_empty() {
                hints.push("change one of the requirements named above".to_owned());
            }
            hints
        }
        ResolveError::UnknownPackage { .. } => vec![
            "is the name spelt right? If it is on another index, name that with --extra-index-url".to_owned(),
        ],
        ResolveError::ReadRequirements { .. } => {
            vec!["name the requirements file with -r FILE".to_owned()]
        }
        ResolveError::Status { status: 401 | 403, .. } => vec![
            "give credentials in the index URL (https://user:password@…) or in ~/.netrc".to_owned(),
        ],
        ResolveError::Status { status: 404 | 410, .. } => {
            vec!["the file is gone from its server; `pyfast lock --upgrade` looks for another".to_owned()]
        }
        ResolveError::Status { status: 500.., .. } => {
            vec!["the server has a problem; try again later, or --offline with a filled cache".to_owned()]
        }
        ResolveError::Fetch { reason, .. } if reason.contains("certificate") => vec![
            "name the certificates to trust with SSL_CERT_FILE".to_owned(),
        ],
        ResolveError::Fetch { .. } => {
            vec!["is the network up, and is the index right? --index-url names another".to_owned()]
        }
        ResolveError::Offline { .. } => vec!["run it once without --offline".to_owned()],
        ResolveError::Page { .. } => vec![
            "an index answers with a Simple API page in JSON or HTML; is this URL the index' own (…/simple)?".to_owned(),
        ],
        ResolveError::HashMismatch { .. } => vec![
            "the file changed since the hash was written, or it was tampered with: compare it with its publisher's".to_owned(),
        ],
        ResolveError::Build(failure) => build_hints(failure),
        ResolveError::Lock { .. } => vec!["make it anew with `pyfast lock`".to_owned()],
        ResolveError::HashRequired { .. } | ResolveError::HashMissing { .. } => vec![
            "`pyfast lock --format requirements --hashes` writes all pins with their hashes".to_owned(),
        ],
        _ => Vec::new(),
    }
}

/// What a failed build seems to lack, and where that comes from.
fn build_hints(failure: &BuildFailure) -> Vec<String> {
    let mut hints: Vec<String> =
        failure.missing.iter().map(|missing| missing_hint(missing, failure.python)).collect();
    if failure.stage == BuildStage::Allowed {
        hints.push(
            "leave --no-build and --only-binary out, or pin a version that has a wheel".to_owned(),
        );
    } else if hints.is_empty() && failure.stage != BuildStage::Requirements {
        hints.push(format!(
            "--only-binary takes the newest version of {} that has a wheel",
            failure.object.split("==").next().unwrap_or_default()
        ));
    }
    hints
}

fn missing_hint(missing: &Missing, python: Option<(u8, u8)>) -> String {
    match missing {
        Missing::Compiler(name) if name == "rustc" => {
            "it needs Rust: install rustc and cargo".to_owned()
        }
        Missing::Compiler(name) => {
            format!("the compiler `{name}` is missing: on Debian, apt-get install build-essential")
        }
        Missing::Header(name) | Missing::Library(name) | Missing::Program(name) => {
            match debian_package(name) {
                Some(package) => {
                    format!("`{name}` is missing: on Debian, apt-get install {package}")
                }
                None => {
                    format!("`{name}` is missing: install the package of your system that has it")
                }
            }
        }
        Missing::Module(name) if is_setuptools(name) && python.is_some_and(|v| v >= (3, 12)) => {
            format!(
                "it needs `{name}`, which Python 3.12 and newer setuptools no longer have: use a \
                 newer version of it, an older Python, or --build-constraint with setuptools<81"
            )
        }
        Missing::Module(name) => format!(
            "it imports `{name}` to be built and does not say so: install it and use --no-build-isolation"
        ),
    }
}

fn is_setuptools(module: &str) -> bool {
    let root = module.split('.').next().unwrap_or_default();
    ["pkg_resources", "distutils", "imp", "pkgutil"].contains(&root)
}

/// The Debian package that has a header, library or program which builds often lack.
fn debian_package(name: &str) -> Option<&'static str> {
    let known = [
        ("Python.h", "python3-dev"),
        ("libpq-fe.h", "libpq-dev"),
        ("pg_config", "libpq-dev"),
        ("ffi.h", "libffi-dev"),
        ("openssl/", "libssl-dev"),
        ("libxml", "libxml2-dev libxslt1-dev"),
        ("xml2-config", "libxml2-dev libxslt1-dev"),
        ("xslt-config", "libxml2-dev libxslt1-dev"),
        ("mysql", "default-libmysqlclient-dev pkg-config"),
        ("zlib", "zlib1g-dev"),
        ("jpeglib.h", "libjpeg-dev"),
        ("sqlite3", "libsqlite3-dev"),
        ("bzlib.h", "libbz2-dev"),
        ("lzma.h", "liblzma-dev"),
        ("yaml.h", "libyaml-dev"),
        ("ldap.h", "libldap-dev libsasl2-dev"),
        ("sasl/", "libsasl2-dev"),
        ("curl", "libcurl4-openssl-dev"),
        ("krb5", "libkrb5-dev"),
        ("geos", "libgeos-dev"),
        ("gdal", "libgdal-dev"),
        ("pkg-config", "pkg-config"),
        ("cmake", "cmake"),
        ("ninja", "ninja-build"),
        ("swig", "swig"),
        ("git", "git"),
        ("make", "make"),
    ];
    known.iter().find(|(part, _)| name.starts_with(part)).map(|(_, package)| *package)
}

fn unusable_hint(name: &str, reason: &Unusable, newest: &str) -> Option<String> {
    match reason {
        Unusable::Python(specifiers) => Some(format!(
            "{name} {newest} needs Python {specifiers}: another interpreter is chosen with --python"
        )),
        Unusable::SourceOnly => {
            Some(format!("{name} {newest} is there as source only, and building is not allowed"))
        }
        Unusable::WheelsOnly => {
            Some(format!("{name} {newest} has no source; leave --no-binary out to use its wheels"))
        }
        Unusable::Yanked => {
            Some(format!("{name} {newest} was yanked; pin it with == to use it all the same"))
        }
        Unusable::Prerelease => {
            Some(format!("{name} {newest} is a pre-release; --prerelease if-necessary allows it"))
        }
        Unusable::Tags(_) => {
            Some(format!("{name} {newest} has wheels for other platforms or Pythons only"))
        }
        Unusable::TooNew => Some(format!("{name} {newest} is left out by --exclude-newer")),
        Unusable::Hash | Unusable::NoFiles => None,
    }
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let root = error.root();
        let (kind, code) = match root {
            InstallError::Fetch(error) => return Self::from_resolve(error),
            InstallError::Build(failure) => {
                let mut told = Self::from_error("build", failure, Code::Mendable);
                told.hints.extend(build_hints(failure));
                return told;
            }
            InstallError::Io { .. } => ("io", Code::Mendable),
            InstallError::LayoutVersion { .. } => ("layout", Code::Usage),
            InstallError::Name { .. } => ("usage", Code::Usage),
            InstallError::Probe { .. } => ("no-interpreter", Code::Usage),
            InstallError::Wheel { .. } => ("bad-wheel", Code::Mendable),
            InstallError::HashMismatch { .. } => ("hash-mismatch", Code::Mendable),
            InstallError::NotInStore { .. } | InstallError::Damaged { .. } => {
                ("damaged", Code::Mendable)
            }
            InstallError::Clash { .. } => ("clash", Code::Mendable),
            InstallError::LockTimeout { .. } => ("busy", Code::Mendable),
            InstallError::NoGeneration { .. } => ("no-environment", Code::Mendable),
            InstallError::Compile { .. } => ("compile", Code::Mendable),
            _ => ("install", Code::Mendable),
        };
        let mut failure = Self::from_error(kind, root, code);
        failure.hints.extend(install_hint(root).map(str::to_owned));
        failure
    }
}

fn install_hint(error: &InstallError) -> Option<&'static str> {
    match error {
        InstallError::Io { source, .. } => match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Some("make room, or choose another place with --root DIR; nothing was changed")
            }
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::FileTooLarge => Some("choose a place that you can write with --root DIR"),
            _ => None,
        },
        InstallError::LayoutVersion { .. } => {
            Some("use the pyfast that made it, or choose another place with --root DIR")
        }
        InstallError::Probe { .. } => Some("name another interpreter with --python PATH"),
        InstallError::Wheel { .. } => {
            Some("nothing of it was installed; report it to its publisher, or pin another version")
        }
        InstallError::HashMismatch { .. } => Some(
            "the file is damaged, or it changed since it was locked; `pyfast lock --upgrade` looks again",
        ),
        InstallError::NotInStore { .. } | InstallError::Damaged { .. } => {
            Some("`pyfast verify --repair` and `pyfast sync --reinstall` mend the store")
        }
        InstallError::Clash { .. } => Some("leave --strict out to let the later package win"),
        InstallError::NoGeneration { .. } => Some("`pyfast history` shows what there is"),
        InstallError::Compile { .. } => Some("--no-compile leaves bytecode out"),
        _ => None,
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        let (kind, code) = match &error {
            LaunchError::EngineUnreachable { .. } => ("engine-unreachable", Code::Engine),
            LaunchError::EngineHost { .. } | LaunchError::EngineContext { .. } => {
                ("engine-address", Code::Usage)
            }
            LaunchError::EngineTooOld { .. } => ("engine-too-old", Code::Engine),
            LaunchError::Compose(_) | LaunchError::DependencyCycle { .. } => {
                ("compose-file", Code::Usage)
            }
            LaunchError::ImageMissing { .. } => ("image-missing", Code::Mendable),
            LaunchError::ImagePull { .. } => ("image-pull", Code::Mendable),
            LaunchError::ImageBuild { .. } => ("image-build", Code::Mendable),
            LaunchError::ImageBuilds { .. }
            | LaunchError::ContextMissing { .. }
            | LaunchError::DockerfileMissing { .. } => ("image-inputs", Code::Usage),
            LaunchError::Client { .. } => ("client", Code::Usage),
            LaunchError::RegistryLogin { .. } => ("registry-login", Code::Mendable),
            LaunchError::ComposeCall { .. } => ("no-compose", Code::Usage),
            LaunchError::ComposeFailed { .. } => ("compose", Code::Mendable),
            LaunchError::NoPython { .. } => ("no-interpreter", Code::Mendable),
            LaunchError::VolumeLayout { .. } | LaunchError::VolumeForeign { .. } => {
                ("layout", Code::Usage)
            }
            LaunchError::VolumeName { .. }
            | LaunchError::NoCommand
            | LaunchError::SignalName { .. }
            | LaunchError::SeveralProjects { .. } => ("usage", Code::Usage),
            LaunchError::NoEnvironment { .. } => ("no-environment", Code::Mendable),
            LaunchError::Binary { .. } | LaunchError::Architecture { .. } => {
                ("binary", Code::Usage)
            }
            _ => ("launch", Code::Mendable),
        };
        let mut failure = Self::from_error(kind, &error, code);
        failure.hints.extend(launch_hint(&error).map(str::to_owned));
        failure
    }
}

fn launch_hint(error: &LaunchError) -> Option<&'static str> {
    match error {
        LaunchError::EngineUnreachable { .. } => {
            Some("start the engine, or name it with DOCKER_HOST; `docker info` must work")
        }
        LaunchError::ImageMissing { .. } => {
            Some("pull or build it first; `docker images` shows what there is")
        }
        LaunchError::NoPython { .. } => Some(
            "choose an image with Python, such as one of the slim Python images, or install python3 in it",
        ),
        LaunchError::VolumeLayout { .. } => {
            Some("use the pyfast that made it, or another --volume")
        }
        LaunchError::VolumeForeign { .. } => Some("choose another name with --volume"),
        LaunchError::NoEnvironment { .. } => Some("make one with `pyfast sync`"),
        LaunchError::SeveralProjects { .. } => {
            Some("name it with --project-name or PYFAST_PROJECT_NAME")
        }
        LaunchError::Binary { .. } => Some(
            "build pyfast with the settings of its .cargo/config.toml, which link it statically",
        ),
        _ => image_hint(error).or_else(|| client_hint(error)),
    }
}

fn image_hint(error: &LaunchError) -> Option<&'static str> {
    match error {
        LaunchError::ImagePull { reason, .. } => pull_hint(reason),
        LaunchError::ImageBuild { .. } => {
            Some("mend the step of the Dockerfile that the output above names")
        }
        LaunchError::ImageBuilds { .. } => Some(
            "give one of the services another `image`, or both the same `build`, in the compose file",
        ),
        LaunchError::ContextMissing { .. } => {
            Some("correct `build.context` of the service in the compose file")
        }
        LaunchError::DockerfileMissing { .. } => {
            Some("correct `build.dockerfile` of the service in the compose file")
        }
        _ => None,
    }
}

fn pull_hint(reason: &PullRefusal) -> Option<&'static str> {
    match reason {
        PullRefusal::NotFound(_) => {
            Some("are its name and tag spelt right? An image of your own has to be built first")
        }
        PullRefusal::Login(_) => {
            Some("log in with `docker login REGISTRY`, and check the image's name")
        }
        PullRefusal::Unreachable(_) => {
            Some("is the registry's name right, and can the engine's machine reach it?")
        }
        PullRefusal::Platform(_) => {
            Some("choose a tag that exists for this platform, or set `platform` of the service")
        }
        PullRefusal::Other(_) => None,
    }
}

fn client_hint(error: &LaunchError) -> Option<&'static str> {
    match error {
        LaunchError::EngineTooOld { .. } => {
            Some("update the engine, or name another with DOCKER_HOST")
        }
        LaunchError::Client { .. } => Some("install the Docker client, or correct PATH"),
        LaunchError::RegistryLogin { .. } => Some("log in again with `docker login REGISTRY`"),
        LaunchError::ComposeCall { .. } => {
            Some("install Docker's Compose plugin, or mend the program named above")
        }
        LaunchError::ComposeFailed { .. } => {
            Some("what Compose printed above names the cause; mend the compose file or the engine")
        }
        LaunchError::SignalName { .. } => Some("use a name such as TERM, INT or QUIT"),
        _ => None,
    }
}
