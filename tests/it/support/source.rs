//! Source distributions made by tests, with a backend of their own that needs nothing.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use super::page::File;
use super::python::{check, python};
use super::wheel::{Built, sha256};
use super::world::World;

/// A backend in the tree: it writes a wheel of one module, and a line to `BUILT` for each call.
const BACKEND: &str = r#"
import base64, hashlib, os, sys, zipfile
NAME, VERSION, REQUIRES = @NAME@, @VERSION@, @REQUIRES@
def told(what):
    print("backend speaks:", what)
    if os.environ.get("BUILT"):
        with open(os.environ["BUILT"], "a") as file:
            file.write(what + "\n")
def metadata():
    text = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (NAME, VERSION)
    return text + "".join("Requires-Dist: %s\n" % r for r in REQUIRES)
def build_wheel(directory, settings=None, metadata_directory=None):
    sys.argv[:] = ["setup.py"]  # as setuptools does
    told("wheel %s" % settings)
    text = "environment = %r\n" % dict(os.environ)
    if os.path.exists("module.py"):
        text += open("module.py").read()
    return write(directory, NAME + ".py", text)
def build_editable(directory, settings=None, metadata_directory=None):
    told("editable %s" % settings)
    return write(directory, NAME + ".pth", os.getcwd() + "\n")
def write(directory, module, content):
    @FAIL@
    stem = "%s-%s" % (NAME, VERSION)
    name = stem + "-@TAG@.whl"
    info = stem + ".dist-info/"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        record = ""
        for path, text in [
            (module, content),
            (info + "METADATA", metadata()),
            (info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: @TAG@\n"),
        ]:
            wheel.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record += "%s,sha256=%s,%d\n" % (path, digest.decode().rstrip("="), len(text.encode()))
        wheel.writestr(info + "RECORD", record + info + "RECORD,,\n")
    return name
"#;

/// Packs a directory as the archive's name says.
const PACK: &str = "
import sys, tarfile, zipfile, pathlib
archive, folder = sys.argv[1:]
if archive.endswith('.zip'):
    with zipfile.ZipFile(archive, 'w') as out:
        for path in sorted(pathlib.Path(folder).rglob('*')):
            out.write(path)
else:
    kinds = {'gz': 'gz', 'tgz': 'gz', 'bz2': 'bz2', 'tbz': 'bz2', 'xz': 'xz', 'txz': 'xz', 'tar': ''}
    with tarfile.open(archive, 'w:' + kinds[archive.rpartition('.')[2]]) as out:
        out.add(folder)
";

/// A source distribution.
pub(crate) struct Sdist {
    name: String,
    version: String,
    requires: Vec<String>,
    build_requires: Vec<String>,
    fail: String,
    pkg_info: Option<String>,
    tag: String,
    project: String,
    padding: usize,
}

impl Sdist {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let (name, version) = (name.to_owned(), version.to_owned());
        let (requires, build_requires) = (Vec::new(), Vec::new());
        Self {
            name,
            version,
            requires,
            build_requires,
            fail: "pass".to_owned(),
            pkg_info: None,
            tag: "py3-none-any".to_owned(),
            project: String::new(),
            padding: 0,
        }
    }

    pub(crate) fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.to_owned());
        self
    }

    pub(crate) fn build_requires(mut self, requirement: &str) -> Self {
        self.build_requires.push(requirement.to_owned());
        self
    }

    /// A Python statement that the build runs.
    pub(crate) fn doing(mut self, statement: &str) -> Self {
        statement.clone_into(&mut self.fail);
        self
    }

    /// States the metadata for good.
    pub(crate) fn stated(mut self, more: &str) -> Self {
        let head = format!("Name: {}\nVersion: {}\n", self.name, self.version);
        self.pkg_info = Some(format!("Metadata-Version: 2.2\n{head}{more}"));
        self
    }

    /// The tag of the wheels it is built to.
    pub(crate) fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// A static `[project]` table.
    pub(crate) fn project(mut self, more: &str) -> Self {
        let head = format!("name = {:?}\nversion = {:?}\n", self.name, self.version);
        self.project = format!("[project]\n{head}{more}");
        self
    }

    /// With a file of so many bytes that do not compress.
    pub(crate) fn padded(mut self, size: usize) -> Self {
        self.padding = size;
        self
    }

    /// A `[project]` table that leaves the version to the backend.
    pub(crate) fn unversioned_project(mut self, more: &str) -> Self {
        self.project = format!("[project]\nname = {:?}\ndynamic = ['version']\n{more}", self.name);
        self
    }

    /// Packs it and lists it on the world's index.
    pub(crate) fn publish(&self, world: &World) -> Built {
        let built = self.pack(world);
        world.index.set(|options| options.metadata_files = false);
        world.index.publish(File::new(built.clone()));
        built
    }

    /// Writes it into a directory.
    pub(crate) fn write(&self, folder: &Path) {
        fs_err::create_dir_all(folder).unwrap();
        let backend = BACKEND
            .replace("@NAME@", &format!("{:?}", self.name))
            .replace("@VERSION@", &format!("{:?}", self.version))
            .replace("@REQUIRES@", &format!("{:?}", self.requires))
            .replace("@TAG@", &self.tag)
            .replace("@FAIL@", &self.fail);
        let system = format!(
            "[build-system]\nrequires = {:?}\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
            self.build_requires
        );
        fs_err::write(folder.join("backend.py"), backend).unwrap();
        let table = format!("{system}{}", self.project);
        fs_err::write(folder.join("pyproject.toml"), table).unwrap();
        if self.padding > 0 {
            let random = fs_err::File::open("/dev/urandom").unwrap();
            let mut padding = fs_err::File::create(folder.join("padding")).unwrap();
            std::io::copy(&mut random.take(self.padding as u64), &mut padding).unwrap();
        }
        if let Some(text) = &self.pkg_info {
            fs_err::write(folder.join("PKG-INFO"), text).unwrap();
        }
    }

    /// Packs it into an archive.
    pub(crate) fn pack(&self, world: &World) -> Built {
        self.pack_as(world, ".tar.gz")
    }

    /// Packs it into an archive whose name ends like this.
    pub(crate) fn pack_as(&self, world: &World, ending: &str) -> Built {
        let stem = format!("{}-{}", self.name, self.version);
        self.write(&world.path("sources").join(&stem));
        let filename = format!("{stem}{ending}");
        let archive = world.path("sources").join(&filename);
        let mut pack = Command::new(python());
        pack.args(["-c", PACK]).arg(&archive).arg(&stem).current_dir(world.path("sources"));
        check(&mut pack);
        let bytes = fs_err::read(&archive).unwrap();
        Built {
            project: self.name.clone(),
            filename,
            sha256: sha256(&bytes),
            bytes,
            metadata: String::new(),
            requires_python: None,
        }
    }
}
