//! The packed layer of the program, which is the largest of every image here and the same in each: it is packed once, for all
//! tests that are about something else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fs_err as fs;

use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Where packed layers are kept, below a root.
const LAYERS: &str = "store/v1/layers";

/// The files of the kept layer below that directory, as a freeze has written them.
static PACKED: LazyLock<BTreeMap<PathBuf, Vec<u8>>> = LazyLock::new(|| {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]).sync(&[]);
    world.pyfast(&["freeze", "shop", "--scratch", "--output", "image"]).ok();
    let layers = world.root.join(LAYERS);
    let of_program = layer_of_program(&layers).expect("the layer of the program has no wheels");
    let files = fs::read_dir(&of_program).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (path.strip_prefix(&layers).unwrap().to_owned(), fs::read(&path).unwrap())
    });
    files.collect()
});

/// The only kept layer that has no wheel.
fn layer_of_program(layers: &Path) -> Option<PathBuf> {
    let mut kept = fs::read_dir(layers).unwrap().map(|entry| entry.unwrap().path());
    kept.find(|layer| fs::metadata(layer.join("wheels")).unwrap().len() == 0)
}

/// Keeps the layer in a world's root, where there is one that has it not yet.
pub(super) fn keep(world: &World) {
    if !world.root.exists() {
        return;
    }
    for (file, content) in &*PACKED {
        let place = world.root.join(LAYERS).join(file);
        if !place.exists() {
            fs::create_dir_all(place.parent().expect("it is a layer's")).unwrap();
            fs::write(&place, content).unwrap();
        }
    }
}
