//! Git repositories made by tests.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::python::python;
use super::source::Sdist;
use super::world::World;

/// A repository with a work tree of its own.
pub(crate) struct Repository {
    pub(crate) folder: PathBuf,
}

impl Repository {
    /// An empty repository whose branch is `main`.
    pub(crate) fn new(world: &World, name: &str) -> Self {
        let folder = world.path("repositories").join(name);
        fs_err::create_dir_all(&folder).unwrap();
        let repository = Self { folder };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    /// Runs git in it and gives what it prints.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.args(["-c", "user.name=t", "-c", "user.email=t@h.test"]).args(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits a source below `place`, and gives the commit.
    #[track_caller]
    pub(crate) fn commit(&self, place: &str, source: &Sdist) -> String {
        source.write(&self.folder.join(place));
        self.commit_all()
    }

    /// Commits everything there is.
    #[track_caller]
    pub(crate) fn commit_all(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Its URL as a requirement writes it; `suffix` follows.
    pub(crate) fn url(&self, suffix: &str) -> String {
        format!("git+{}{suffix}", file_url(&self.folder))
    }
}

/// A static file server that asks for user and password, as git reads it without help of its own.
const SERVER: &str = r#"
import base64, functools, http.server, sys
EXPECTED = "Basic " + base64.b64encode(sys.argv[2].encode()).decode()
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") == EXPECTED:
            return super().do_GET()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()
    def log_message(self, *arguments):
        pass
handler = functools.partial(Handler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// A repository behind HTTP; it stops when it is dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) port: u16,
}

impl Served {
    /// Serves a repository as `/r.git` to who gives `credentials` (`user:password`).
    pub(crate) fn new(world: &World, repository: &Repository, credentials: &str) -> Self {
        let folder = world.path("served");
        fs_err::create_dir_all(&folder).unwrap();
        let bare = folder.join("r.git").display().to_string();
        repository.git(&["clone", "--quiet", "--bare", ".", &bare]);
        repository.git(&["-C", &bare, "update-server-info"]);
        let mut command = Command::new(python());
        command.args(["-c", SERVER]).arg(&folder).arg(credentials).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("its output is piped");
        BufReader::new(out).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("it prints its port");
        Self { child, port }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `file:///…`
pub(crate) fn file_url(path: &Path) -> String {
    format!("file://{}", path.display())
}
