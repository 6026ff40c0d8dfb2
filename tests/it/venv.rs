//! An environment behaves like a virtual environment: it is activated by each shell, and `.venv` leads to it.

mod activate;
mod link;
mod prompt;
mod shells;
mod tools;

use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world with `a` in two versions, which has a program that says its own.
fn world() -> World {
    let world = World::new();
    for version in ["1.0", "2.0"] {
        let wheel = Wheel::new("a", version)
            .file("a_cli.py", format!("def main(): print('a {version}')\n"));
        world.index.add(&wheel.console("say-a = a_cli:main"));
    }
    world
}
