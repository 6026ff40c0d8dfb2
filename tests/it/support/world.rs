//! One test's world: a project, a root, a home and an index of its own, and `pyfast` run in a clean
//! environment.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use super::environment;
use super::index::Index;
use super::place::{Directory, Place};
use super::python::python;
use super::ran::Ran;
use super::synced::Synced;
use super::wheel::Built;

/// The world; everything in it goes away when it is dropped.
pub(crate) struct World {
    pub(crate) index: Index,
    pub(crate) root: PathBuf,
    pub(crate) project: PathBuf,
    pub(crate) python: String,
    /// The flags that say which indexes there are.
    pub(crate) index_flags: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) place: Arc<dyn Place>,
    /// What runs.
    program: PathBuf,
    dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("pyfast-it-").tempdir().unwrap();
        let index = Index::start();
        let world = Self {
            root: dir.path().join("root"),
            project: dir.path().join("project"),
            python: python().to_str().expect("the interpreter's path is text").to_owned(),
            index_flags: vec!["--index-url".to_owned(), index.url()],
            env: BTreeMap::from([
                ("HOME".to_owned(), dir.path().join("home").display().to_string()),
                ("TMPDIR".to_owned(), dir.path().join("tmp").display().to_string()),
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
                ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ]),
            place: Arc::new(Directory),
            program: PathBuf::from(env!("CARGO_BIN_EXE_pyfast")),
            index,
            dir,
        };
        for folder in ["home", "tmp", "project"] {
            fs_err::create_dir(world.path(folder)).unwrap();
        }
        world
    }

    /// A world without a local index: the interpreter's default one, by ordinary use.
    pub(crate) fn real() -> Self {
        let mut world = Self::new();
        world.index_flags.clear();
        for key in ["SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "no_proxy"] {
            world.env.extend(environment(key).map(|value| (key.to_owned(), value)));
        }
        world
    }

    /// A world whose root is a volume, as a container sees it: what runs is the program that lies in it.
    pub(crate) fn in_volume(mut self) -> Self {
        let bin = self.root.join("bin");
        fs_err::create_dir_all(&bin).unwrap();
        let program = bin.join("pyfast-0123456789ab");
        super::copy_program(&self.program, &program);
        self.program = program;
        // What comes after a sync is for the tests that are about that.
        self.env.insert("PYFAST_COMPILE".to_owned(), "1".to_owned());
        self
    }

    /// Goes on in another place of the same kind: a machine that has nothing yet.
    pub(crate) fn move_on(&mut self) {
        match self.place.another() {
            Some((place, root)) => (self.place, self.root) = (place, root),
            None => self.root = self.path("another-root"),
        }
    }

    /// A path below the world's directory.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Writes a file of the project, with its parents.
    pub(crate) fn write(&self, relative: &str, text: &str) -> PathBuf {
        let path = self.project.join(relative);
        fs_err::create_dir_all(path.parent().expect("a file has a parent")).unwrap();
        fs_err::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        fs_err::read_to_string(self.project.join(relative)).unwrap()
    }

    /// Writes `requirements.txt`, one requirement a line.
    pub(crate) fn require(&self, lines: &[&str]) -> &Self {
        self.write("requirements.txt", &(lines.join("\n") + "\n"));
        self
    }

    /// `pyfast` with exactly these arguments, in the project's directory and the clean environment.
    pub(crate) fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.project).env_clear().envs(&self.env);
        command.stdin(Stdio::null());
        command
    }

    /// `pyfast` with the world's project, root, interpreter and indexes after the command's name.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let (name, rest) = args.split_first().expect("a command has a name");
        let mut command = self.bare(&[name]);
        command.arg("--project").arg(&self.project);
        command.args(self.place.flags(&self.root, &self.python));
        command.args(&self.index_flags).args(rest);
        command
    }

    /// The same command after a setting of the shell, such as `umask 077` or `ulimit -n 40`.
    pub(crate) fn limited(&self, setting: &str, command: &Command) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{setting} && exec \"$0\" \"$@\"")]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.current_dir(&self.project).env_clear().envs(&self.env).stdin(Stdio::null());
        shell
    }

    /// Runs [`World::command`].
    #[track_caller]
    pub(crate) fn pyfast(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    /// Runs `pyfast lock -r requirements.txt` with more arguments.
    #[track_caller]
    pub(crate) fn lock(&self, args: &[&str]) -> Ran {
        self.pyfast(&[&["lock", "-r", "requirements.txt"], args].concat())
    }

    /// Locks, and gives the packages of the lock as `name==version`, sorted.
    #[track_caller]
    pub(crate) fn locked(&self, args: &[&str]) -> Vec<String> {
        self.lock(args).ok();
        self.lock_packages()
    }

    /// The packages of `pylock.toml` as `name==version`, sorted.
    #[track_caller]
    pub(crate) fn lock_packages(&self) -> Vec<String> {
        let lock: toml::Table = self.read("pylock.toml").parse().expect("the lock is TOML");
        let packages = lock.get("packages").and_then(toml::Value::as_array);
        let mut list: Vec<String> = packages
            .expect("the lock has packages")
            .iter()
            .map(|package| {
                let text = |key| package.get(key).and_then(toml::Value::as_str).unwrap_or_default();
                format!("{}=={}", text("name"), text("version"))
            })
            .collect();
        list.sort();
        list
    }

    /// Runs `pyfast sync --json -r requirements.txt` with more arguments.
    #[track_caller]
    pub(crate) fn try_sync(&self, args: &[&str]) -> Ran {
        self.pyfast(&[&["sync", "--json", "-r", "requirements.txt"], args].concat())
    }

    /// Syncs, which has to succeed.
    #[track_caller]
    pub(crate) fn sync(&self, args: &[&str]) -> Synced {
        self.synced(self.try_sync(args))
    }

    /// A sync that was run otherwise, which has to have succeeded.
    #[track_caller]
    pub(crate) fn synced(&self, ran: Ran) -> Synced {
        Synced::at(Arc::clone(&self.place), ran)
    }

    /// The store's directory of a wheel.
    pub(crate) fn stored(&self, wheel: &Built) -> PathBuf {
        let digest = &wheel.sha256;
        self.root.join("store/v1/wheels").join(&digest[..2]).join(digest)
    }

    /// A file below a stored wheel's `root`, in a directory that has been made writable.
    pub(crate) fn stored_file(&self, wheel: &Built, relative: &str) -> PathBuf {
        let file = self.stored(wheel).join("root").join(relative);
        let folder = file.parent().expect("a file has a parent");
        fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// The text with this world's paths and ports replaced by names.
    pub(crate) fn redact(&self, text: &str) -> String {
        let dir = self.dir.path().display().to_string();
        text.replace(&format!("127.0.0.1:{}", self.index.port()), "[INDEX]")
            .replace(&dir, "[DIR]")
            .replace(&self.python, "[PYTHON]")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The store's directories are read-only, and not every user is root.
        make_writable(self.dir.path());
    }
}

fn make_writable(folder: &Path) {
    let _ = fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o755));
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}
