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
/// `/moved/PORT/…` redirects who is known to another port, `/open/PORT/…` everybody. It writes down what it was asked, and every
/// command line of this machine that has the password.
const SERVER: &str = r#"
import base64, functools, glob, http.server, os, sys
CREDENTIALS = os.environ["CREDENTIALS"]
PASSWORD = CREDENTIALS.partition(":")[2].encode()
EXPECTED = "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()
LOG = open(sys.argv[2], "a", buffering=1)
def command_lines():
    for name in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(name, "rb") as file:
                line = file.read()
        except OSError:
            continue
        if PASSWORD and (PASSWORD in line or base64.b64encode(CREDENTIALS.encode()) in line):
            yield line.replace(b"\0", b" ").decode()
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        sent = self.headers.get("Authorization")
        LOG.write(f"{'secret' if sent else 'nothing'} {self.path}\n")
        for line in command_lines():
            LOG.write(f"argument {line}\n")
        way, _, rest = self.path[1:].partition("/")
        if CREDENTIALS and sent != EXPECTED and way != "open":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            return self.end_headers()
        if way not in ("moved", "open"):
            return super().do_GET()
        port, _, rest = rest.partition("/")
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:{port}/{rest}")
        self.end_headers()
    def log_message(self, *arguments):
        pass
handler = functools.partial(Handler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// Repositories behind HTTP; they stop when it is dropped.
pub(crate) struct Served {
    child: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

impl Served {
    /// Serves a repository as `/r.git` to who gives `credentials` (`user:password`), or to everybody
    /// where they are empty.
    pub(crate) fn new(world: &World, repository: &Repository, credentials: &str) -> Self {
        let folder = tempfile::tempdir_in(world.path("tmp")).unwrap().keep();
        let mut command = Command::new(python());
        command.args(["-c", SERVER]).args([&folder, &folder.with_extension("log")]);
        let mut child =
            command.env("CREDENTIALS", credentials).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("its output is piped");
        BufReader::new(out).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("it prints its port");
        let served = Self { child, folder, port };
        served.add("r.git", repository);
        served
    }

    /// Serves another repository, as it is now.
    pub(crate) fn add(&self, name: &str, repository: &Repository) {
        let bare = self.folder.join(name).display().to_string();
        repository.git(&["clone", "--quiet", "--bare", ".", &bare]);
        repository.git(&["-C", &bare, "update-server-info"]);
    }

    /// What it was asked: whether a secret was sent, and the path; and command lines with the password.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = fs_err::read_to_string(self.folder.with_extension("log")).unwrap();
        log.lines().map(str::to_owned).collect()
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
    url::Url::from_file_path(path).unwrap().to_string()
}
