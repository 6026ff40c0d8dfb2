//! The place of the tests that `tests/it` runs in directories: here it is a volume that only containers write, because the
//! engine is told to be on another machine. Owns how such a volume is made and looked into; must not know what is tested.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use crate::it::support::copy_program;
use crate::it::support::place::Place;
use crate::it::support::python::check;
use crate::remote::forward;
use crate::world::{self, PYFAST, SLIM};

/// Where containers see the volume.
const MOUNT_POINT: &str = "/pyfast";

type World = crate::it::support::world::World;

/// A world for a test that runs in every place; `None`, and said so, without an engine.
pub(crate) fn world() -> Option<World> {
    let volume = Volume::new()?;
    let root = volume.root.clone();
    // What the engine of these tests needs, which may be without a bridge.
    // What comes after a sync is for the tests that are about that.
    let variables = [
        ("DOCKER_HOST", volume.address.as_str()),
        ("PYFAST_HELPER_NETWORK", "host"),
        ("PYFAST_COMPILE", "1"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut world = World::new();
    world.env.extend(variables);
    (world.place, world.root) = (Arc::new(volume), root);
    Some(world)
}

/// The same: every place is a volume here.
pub(crate) fn volume() -> Option<World> {
    world()
}

/// A volume of one test, which goes with it.
struct Volume {
    engine: world::World,
    /// The engine's address as the program has it.
    address: String,
    /// The volume's directory, which the engine of these tests has on this machine.
    root: PathBuf,
    /// The container in which programs of the environments are started.
    user: OnceLock<String>,
}

impl Volume {
    /// A volume as an earlier sync into it leaves it, when everything was removed from it since. To have the program
    /// sent takes seconds, and is tested elsewhere.
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let purpose = format!("place-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let engine = world::World::new(&purpose)?;
        let labels = [
            ("io.pyfast.store", "1"),
            ("io.pyfast.schema", "1"),
            ("io.pyfast.id", "0123456789abcdef"),
        ];
        engine.engine().create_volume(&engine.volume, &labels);
        let root = engine.root();
        let bin = root.join("bin");
        fs_err::create_dir(&bin).unwrap();
        let name = program_name();
        copy_program(Path::new(PYFAST), &bin.join(name));
        fs_err::os::unix::fs::symlink(name, bin.join("pyfast")).unwrap();
        let address = forward(&engine.client_host);
        Some(Self { engine, address, root, user: OnceLock::new() })
    }

    /// The container that uses the volume as a service does: it may read it, as nobody.
    fn user(&self) -> &str {
        self.user.get_or_init(|| {
            let mount = format!("{}:{MOUNT_POINT}:ro,nocopy", self.engine.volume);
            let run = ["run", "-d", "--read-only", "--user", "65534", "--network", "none"];
            let command = ["-v", &mount, "--entrypoint", "sleep", SLIM, "infinity"];
            let made = self.engine.docker(&[&run[..], &command].concat());
            assert!(made.status.success(), "{}", world::text(&made.stderr));
            world::text(&made.stdout).trim().to_owned()
        })
    }
}

/// The program's name in a volume.
fn program_name() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let digest = check(Command::new("sha256sum").arg(PYFAST));
        format!("pyfast-{}", &digest[..12])
    });
    &NAME
}

impl Place for Volume {
    fn flags(&self, _root: &Path, _python: &str) -> Vec<String> {
        ["--volume", &self.engine.volume, "--image", SLIM].map(str::to_owned).into()
    }

    fn program(&self, path: &Path) -> Command {
        let inside = path.strip_prefix(&self.root).expect("the program is in the volume");
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &self.engine.client_host).args(["exec", self.user()]);
        command.arg(Path::new(MOUNT_POINT).join(inside));
        command
    }

    fn here(&self, path: &Path) -> PathBuf {
        path.strip_prefix(MOUNT_POINT)
            .map_or_else(|_| path.to_owned(), |inside| self.root.join(inside))
    }

    fn another(&self) -> Option<(Arc<dyn Place>, PathBuf)> {
        let volume = Self::new().expect("the engine was there");
        let root = volume.root.clone();
        Some((Arc::new(volume), root))
    }

    fn shared(&self) -> bool {
        true
    }

    fn times(&self, times: u32) -> u32 {
        times.div_ceil(8).max(3)
    }
}
