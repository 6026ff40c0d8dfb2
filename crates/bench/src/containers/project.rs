//! A project of one service that says which version of one package it has. Its containers and its volume go with it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::answer::Door;
use super::asked::{Asked, PACKAGE};
use super::calls::Calls;
use super::{own_name, write};
use crate::error::Error;
use crate::stage::work;

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

/// The project.
pub(crate) struct Project<'a> {
    /// Its directory.
    pub(crate) directory: PathBuf,
    /// What it has.
    pub(crate) asked: &'a Asked,
    door: Door,
    calls: &'a Calls,
    /// Removes it from the engine.
    _cleanup: Cleanup<'a>,
}

impl<'a> Project<'a> {
    /// Writes the project.
    pub(crate) fn make(calls: &'a Calls, room: &Path, asked: &'a Asked) -> Result<Self, Error> {
        let directory = room.join("project");
        work("make the directories", fs_err::create_dir_all(directory.join("app")))?;
        let name = own_name("volume");
        let project = Self {
            door: Door { port: free_port()?, ready: said(&directory)? },
            directory,
            asked,
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
        let compose =
            service(&format!("image: {:?}", asked.image), "python3", &MOUNTS, project.door.port);
        write(&project.directory.join("compose.yaml"), &compose)?;
        write(&project.directory.join("pyfast.toml"), &configuration(&name))?;
        write(
            &project.directory.join(".env"),
            &format!("COMPOSE_PROJECT_NAME={}\n", own_name("pyfast")),
        )?;
        Ok(project)
    }

    /// Asks for a version of the package.
    pub(crate) fn edit(&self, number: u32) -> Result<(), Error> {
        write(&self.directory.join("requirements.txt"), &self.asked.requirements(number))
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
        ["up", "-q"].into_iter().chain(self.asked.index.iter().map(String::as_str)).collect()
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
