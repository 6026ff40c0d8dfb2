//! A project of one service that says which version of one package it has. Its containers and its volume go with it.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zip::ZipWriter;

use super::answer::Door;
use super::calls::Calls;
use super::{own_name, write};
use crate::corpus::dated;
use crate::error::Error;
use crate::stage::work;

/// The package whose versions are added.
pub(crate) const PACKAGE: &str = "pyfast-bench-package";

/// Label of the images that are built, by which all of them are removed.
pub(crate) const LABEL: &str = "io.pyfast.bench";

/// What the service runs, behind the line that sets `version`: one page, with the version.
const PAGE: &str = r#"import http.server, os, signal, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(version.encode())
    def log_message(self, *ignored):
        pass
signal.signal(signal.SIGTERM, lambda *ignored: sys.exit(0))
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Page)
with open("/said/new", "w") as file:
    file.write(version)
os.rename("/said/new", "/said/ready")
server.serve_forever()
"#;

/// What the service is to have.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Its image.
    pub(crate) image: &'a str,
    /// Files with what it needs besides the measured package.
    pub(crate) requirements: &'a [PathBuf],
    /// How many versions of the measured package there are to be.
    pub(crate) runs: u32,
    pub(crate) index_url: Option<&'a str>,
}

/// The project.
pub(crate) struct Project<'a> {
    /// Its directory.
    pub(crate) directory: PathBuf,
    /// Where the wheels of the measured package are.
    pub(crate) wheels: PathBuf,
    /// Its image.
    pub(crate) image: String,
    /// The requirements besides the measured package.
    base: String,
    door: Door,
    /// Flags of the index.
    index: Vec<String>,
    calls: &'a Calls,
    /// Removes it from the engine.
    _cleanup: Cleanup<'a>,
}

impl<'a> Project<'a> {
    /// Writes the project and `runs` and some versions of the measured package.
    pub(crate) fn make(calls: &'a Calls, room: &Path, wanted: &Wanted) -> Result<Self, Error> {
        let Wanted { image, requirements, runs, index_url } = *wanted;
        let directory = room.join("project");
        let wheels = room.join("wheels");
        for path in [&directory.join("app"), &wheels] {
            work("make the directories", fs_err::create_dir_all(path))?;
        }
        for number in 0..=runs.saturating_add(1) {
            work("write a wheel", wheel(&wheels, number))?;
        }
        let mut base = String::new();
        for file in requirements {
            base += &fs_err::read_to_string(file).map_err(Error::Requirements)?;
            base.push('\n');
        }
        let mut index: Vec<String> = match index_url {
            // Nothing but the measured package, which is in no index.
            _ if requirements.is_empty() => vec!["--no-index".to_owned()],
            Some(url) => vec!["--index-url".to_owned(), url.to_owned()],
            None => Vec::new(),
        };
        index.extend(["--find-links".to_owned(), wheels.display().to_string()]);
        let name = own_name("volume");
        let project = Self {
            door: Door { port: free_port()?, ready: said(&directory)? },
            directory,
            wheels,
            image: image.to_owned(),
            base,
            index,
            calls,
            _cleanup: Cleanup {
                calls,
                project: own_name("pyfast"),
                volume: Some(name.clone()),
                image: None,
            },
        };
        let version =
            format!("import importlib.metadata\nversion = importlib.metadata.version({PACKAGE:?})");
        write(&project.directory.join("app/main.py"), &page(&version))?;
        let compose = service(&format!("image: {image:?}"), "python3", &MOUNTS, project.door.port);
        write(&project.directory.join("compose.yaml"), &compose)?;
        write(&project.directory.join("pyfast.toml"), &configuration(&name))?;
        write(
            &project.directory.join(".env"),
            &format!("COMPOSE_PROJECT_NAME={}\n", own_name("pyfast")),
        )?;
        Ok(project)
    }

    /// Whether it needs nothing but the measured package, which is in no index.
    pub(crate) fn is_alone(&self) -> bool {
        self.requirement_count() == 1
    }

    /// How many lines of the requirements ask for something.
    pub(crate) fn requirement_count(&self) -> usize {
        let asks = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with(['#', '-']);
        self.base.lines().filter(asks).count() + 1
    }

    /// The requirements with a version of the measured package.
    pub(crate) fn requirements(&self, number: u32) -> String {
        format!("{}{}", self.base, Self::only(number))
    }

    /// The requirement of a version of the measured package.
    pub(crate) fn only(number: u32) -> String {
        format!("{PACKAGE}=={number}\n")
    }

    /// Asks for a version of the package.
    pub(crate) fn edit(&self, number: u32) -> Result<(), Error> {
        write(&self.directory.join("requirements.txt"), &self.requirements(number))
    }

    /// Brings the project up.
    pub(crate) fn up(&self) -> Result<(), Error> {
        self.calls.pyfast(&self.directory, &self.arguments()).map(drop)
    }

    /// Seconds that it takes to bring the project up.
    pub(crate) fn timed_up(&self) -> Result<f64, Error> {
        Calls::timed(|| self.up())
    }

    /// Seconds from an edit to the answer, and to the end of the command.
    pub(crate) fn edited(&self, number: u32) -> Result<(f64, f64), Error> {
        self.edit(number)?;
        self.answered(number)
    }

    /// Seconds from no containers to the answer.
    pub(crate) fn started(&self, number: u32) -> Result<f64, Error> {
        self.calls.pyfast(&self.directory, &["down", "-q"])?;
        self.door.forget()?;
        self.answered(number).map(|(answered, _)| answered)
    }

    fn answered(&self, number: u32) -> Result<(f64, f64), Error> {
        self.door.answered(self.calls, &self.directory, &self.arguments(), number)
    }

    /// The id of its container.
    pub(crate) fn container(&self) -> Result<String, Error> {
        self.calls.docker(&["ps", "-q", "--filter", &label(&own_name("pyfast"))])
    }

    fn arguments(&self) -> Vec<&str> {
        ["up", "-q"].into_iter().chain(self.index.iter().map(String::as_str)).collect()
    }
}

/// The filter for what belongs to a project of Compose.
pub(crate) fn label(project: &str) -> String {
    format!("label=com.docker.compose.project={project}")
}

/// What is in the engine for as long as this lives.
pub(crate) struct Cleanup<'a> {
    pub(crate) calls: &'a Calls,
    /// Containers and networks of this project of Compose.
    pub(crate) project: String,
    pub(crate) volume: Option<String>,
    pub(crate) image: Option<String>,
}

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        // What is not there need not be removed.
        let run = |args: &[&str]| self.calls.docker(args).unwrap_or_default();
        let filter = label(&self.project);
        for id in run(&["ps", "-aq", "--filter", &filter]).lines() {
            run(&["rm", "-f", "-v", id]);
        }
        for id in run(&["network", "ls", "-q", "--filter", &filter]).lines() {
            run(&["network", "rm", id]);
        }
        if let Some(volume) = &self.volume {
            // One that keeps it from being pruned would hold it.
            run(&["rm", "-f", &format!("pyfast-keeper-{volume}")]);
            run(&["volume", "rm", "-f", volume]);
        }
        if let Some(image) = &self.image {
            let filter = format!("label={LABEL}={image}");
            for id in run(&["images", "-q", "--no-trunc", "--filter", &filter]).lines() {
                run(&["rmi", "-f", id]);
            }
        }
    }
}

/// The program of a service that shows what this line of it sets as `version`.
pub(crate) fn page(version: &str) -> String {
    format!("{version}\n{PAGE}")
}

/// A project file with one environment in a volume.
pub(crate) fn configuration(volume: &str) -> String {
    format!(
        "[project]\nname = \"bench\"\nroot = \"volume:{volume}\"\n\n[env.default]\n\
         requirements = [\"requirements.txt\"]\nservices = [\"web\"]\n"
    )
}

/// What a service mounts whose code is not in its image.
pub(crate) const MOUNTS: [&str; 2] = ["./app:/app:ro", "./said:/said"];

/// A compose file with the service.
pub(crate) fn service(source: &str, python: &str, mounts: &[&str], port: u16) -> String {
    format!(
        "services:\n  web:\n    {source}\n    command: [{python:?}, /app/main.py]\n    volumes: {mounts:?}\n    ports: [\"127.0.0.1:{port}:8000\"]\n"
    )
}

/// The file by which a service says that it listens; whoever it runs as may write it.
pub(crate) fn said(project: &Path) -> Result<PathBuf, Error> {
    let directory = project.join("said");
    let open = std::fs::Permissions::from_mode(0o777);
    let made = fs_err::create_dir_all(&directory);
    let made = made.and_then(|()| fs_err::set_permissions(&directory, open));
    work("make the directories", made.map(|()| directory.join("ready")))
}

/// A port of the loopback that nobody has now.
pub(crate) fn free_port() -> Result<u16, Error> {
    let found = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    work("find a free port", found.map(|address| address.port()))
}

/// A wheel of the measured package.
fn wheel(directory: &Path, number: u32) -> std::io::Result<()> {
    let stem = format!("pyfast_bench_package-{number}");
    let info = format!("{stem}.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {number}\n");
    let tags = "Wheel-Version: 1.0\nGenerator: pyfast\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let members = [
        ("pyfast_bench_package.py".to_owned(), format!("VERSION = {number}\n")),
        (format!("{info}/METADATA"), metadata),
        (format!("{info}/WHEEL"), tags.to_owned()),
    ];
    let record: String = members
        .iter()
        .map(|(path, text)| {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
            format!("{path},sha256={digest},{}\n", text.len())
        })
        .chain([format!("{info}/RECORD,,\n")])
        .collect();
    let file = fs_err::File::create(directory.join(format!("{stem}-py3-none-any.whl")))?;
    let mut zip = ZipWriter::new(file);
    for (path, text) in members.iter().chain(&[(format!("{info}/RECORD"), record)]) {
        zip.start_file(path.as_str(), dated())?;
        zip.write_all(text.as_bytes())?;
    }
    zip.finish()?;
    Ok(())
}
