//! A worker's own world: a real root that is kept as a template, a copy of it for each round, and the decoy.

use std::path::{Path, PathBuf};

use super::super::decoy::{Decoy, set_mode};
use super::super::few_programs;
use super::super::plant::{Kind, put};
use super::super::snapshot::{Tree, tree};
use super::mending::{copy, mend};
use super::places::places;
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

pub(super) struct Arena {
    pub(super) world: World,
    pub(super) decoy: Decoy,
    template: PathBuf,
    /// The root as it was last made: what is still the same, times and all, need not be made again.
    clean: Tree,
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
        let old = world.require(&["a==1.0"]).sync(&["--compile"]).id();
        let current = world.require(&["a==2.0", "s"]).sync(&["--compile"]).id();
        leave_behind(&world.root);
        let template = world.path("template");
        fs_err::rename(&world.root, &template).unwrap();
        copy(&template, &world.root);
        let places = places(&template, &[&old, &current]);
        let decoy = Decoy::new(&world.path("decoy"));
        let clean = tree(&world.root, &[]);
        few_programs(&mut world);
        Self { world, decoy, template, clean, places }
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
    pub(super) fn restore(&mut self) {
        put(&self.side(), &Kind::Empty);
        mend(&self.template, &self.world.root, &self.clean);
        self.clean = tree(&self.world.root, &[]);
    }

    /// A new decoy, where the old one was harmed.
    pub(super) fn mend(&mut self) {
        let folder = self.decoy_folder();
        put(&folder, &Kind::Gone);
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
