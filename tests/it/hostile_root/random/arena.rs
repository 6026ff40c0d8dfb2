//! A worker's own world: a real root that is kept as a template, a copy of it for each round, and the decoy.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use super::super::decoy::{Decoy, set_mode};
use super::super::plant::{Kind, put, remove};
use crate::support::python::python_minor;
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

pub(super) struct Arena {
    pub(super) world: World,
    pub(super) decoy: Decoy,
    template: PathBuf,
    places: Vec<Vec<PathBuf>>,
}

impl Arena {
    pub(super) fn new() -> Self {
        let mut world = World::new();
        let wheels = world.path("wheels");
        world.index_flags =
            ["--no-index", "--find-links", wheels.to_str().unwrap()].map(str::to_owned).into();
        for version in ["1.0", "2.0"] {
            let a = Wheel::new("a", version).requires("b").console("tool = a:main");
            a.data("data/share/x", "x\n").build().write_to(&wheels);
            Wheel::new("b", version).build().write_to(&wheels);
        }
        Sdist::new("s", "1.0").pack(&world).write_to(&wheels);
        world.write("pyfast.toml", "[project]\nname = \"p\"\n");
        world.write("other.txt", "b==1.0\ns\n");
        world.require(&["a==1.0"]).sync(&["--compile"]);
        let synced = world.require(&["a==2.0", "s"]).sync(&["--compile"]);
        let id = synced.id();
        leave_behind(&world.root);
        let template = world.path("template");
        fs_err::rename(&world.root, &template).unwrap();
        let places = places(&template, &id);
        let decoy = Decoy::new(&world.path("decoy"));
        Self { world, decoy, template, places }
    }

    /// The places of a root, by their roles.
    pub(super) fn places(&self) -> &[Vec<PathBuf>] {
        &self.places
    }

    pub(super) fn decoy_folder(&self) -> PathBuf {
        self.decoy.path("")
    }

    /// Where a swapper keeps what is not at its place at the moment.
    pub(super) fn side(&self) -> PathBuf {
        self.world.path("side")
    }

    /// Makes the root what the template is.
    pub(super) fn restore(&self) {
        remove(&self.world.root);
        put(&self.side(), &Kind::Empty);
        copy(&self.template, &self.world.root);
    }

    /// A new decoy, where the old one was harmed.
    pub(super) fn mend(&mut self) {
        let folder = self.decoy_folder();
        remove(&folder);
        self.decoy = Decoy::new(&folder);
    }
}

/// What killed processes leave, by the names of today and such as they could have.
fn leave_behind(root: &Path) {
    for name in ["12-0-0123456789abcdef", "0123456789abcdef0123456789abcdef"] {
        let folder = root.join("tmp").join(name);
        fs_err::create_dir_all(folder.join("root/pkg")).unwrap();
        fs_err::write(folder.join("root/pkg/x.py"), "x = 1\n").unwrap();
        set_mode(&folder.join("root/pkg"), 0o555);
    }
}

/// A copy with modes; links are copied as they are.
fn copy(from: &Path, to: &Path) {
    let metadata = fs_err::symlink_metadata(from).unwrap();
    if metadata.is_symlink() {
        symlink(fs_err::read_link(from).unwrap(), to).unwrap();
    } else if metadata.is_dir() {
        fs_err::create_dir(to).unwrap();
        for entry in fs_err::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
        set_mode(to, metadata.mode() & 0o7777);
    } else {
        // With its mode.
        fs_err::copy(from, to).unwrap();
    }
}

/// Roles of places: each is as likely as any other, however many files have it.
fn places(template: &Path, id: &str) -> Vec<Vec<PathBuf>> {
    let generation = format!("envs/v1/{id}");
    let site = format!("{generation}/lib/python{}/site-packages", python_minor());
    let single = [
        "layout",
        "bin",
        "bin/pyfast",
        "store",
        "store/v1",
        "store/v1/wheels",
        "store/v1/built",
        "envs",
        "envs/v1",
        "projects",
        "projects/p",
        "projects/p/default",
        "locks",
        "locks/store",
        "locks/project-p--default",
        "tmp",
        "tmp/x",
        "cache",
        "cache/v1",
        "projects/p/default/current",
        "projects/p/default/state.json",
        "projects/p/default/history.jsonl",
        "projects/p/default/pylock.toml",
    ];
    let mut roles: Vec<Vec<PathBuf>> = single.iter().map(|one| vec![PathBuf::from(one)]).collect();
    for name in ["", "env.json", "pylock.toml", "pyvenv.cfg", "bin", "bin/python", "lib", "lib64"] {
        roles.push(below(template, "envs/v1", 1, name));
        roles.push(vec![Path::new(&generation).join(name)]);
    }
    roles.push(below(template, &site, 1, ""));
    roles.push(vec![PathBuf::from(site)]);
    roles.push(below(template, "store/v1/wheels", 1, ""));
    for name in [
        "",
        "root",
        "root/a",
        "root/a/__pycache__",
        "root/a/__init__.py",
        "data",
        "manifest",
        "settled",
    ] {
        roles.push(below(template, "store/v1/wheels", 2, name));
    }
    // The directories' own lists too: marks of compilation, metadata, whatever else there is.
    roles.push(below(template, "store/v1/wheels", 3, ""));
    roles.push(below(template, "store/v1/built", 1, ""));
    roles.push(below(template, "locks", 1, ""));
    roles.push(below(template, "tmp", 1, ""));
    roles.push(below(template, "projects/p/default", 1, ""));
    roles.push(below(template, "", 1, ""));
    roles.retain(|role| !role.is_empty());
    // Without a `/` at the end, behind which nothing can be put in a directory's place.
    roles.iter_mut().flatten().for_each(|place| *place = place.components().collect());
    roles
}

/// Every path `depth` levels below `folder`, with `name` behind it, sorted.
fn below(template: &Path, folder: &str, depth: usize, name: &str) -> Vec<PathBuf> {
    let mut level = vec![PathBuf::from(folder)];
    for _ in 0..depth {
        let mut next = Vec::new();
        for parent in level {
            let path = template.join(&parent);
            if fs_err::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                let entries = fs_err::read_dir(path).unwrap();
                next.extend(entries.map(|entry| parent.join(entry.unwrap().file_name())));
            }
        }
        level = next;
    }
    level.sort();
    if name.is_empty() { level } else { level.iter().map(|path| path.join(name)).collect() }
}
