//! An environment out of a full store: the plan of links, and the composing of a generation.

use std::path::Path;

use criterion::Criterion;
use pyfast_installer::generation::compose as compose_generation;
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::{EnvironmentOptions, EnvironmentSpec, LinkMode, Package, plan};

use crate::wheel::{Wheel, store};

/// Eighty packages of forty modules, linked by directories as in volumes and file by file as on hosts.
pub(crate) fn compose(criterion: &mut Criterion) {
    let (_directory, _root, store) = store();
    let wheels: Vec<Wheel> =
        (0..80).map(|number| Wheel::new(&format!("package{number:02}"), 40)).collect();
    for wheel in &wheels {
        wheel.admit(&store);
    }
    let packages = wheels.iter().map(|wheel| Package {
        name: wheel.filename.name.clone(),
        version: wheel.filename.version.clone(),
        filename: wheel.filename.to_string(),
        sha256: wheel.sha256,
        requested: true,
        direct_url: None,
    });
    let packages: Vec<Package> = packages.collect();
    let interpreter = Interpreter::probe(Path::new("python3")).expect("python3 is on PATH");
    let mut group = criterion.benchmark_group("environment");
    group.sample_size(20);
    let mut number = 0;
    for (name, link_mode) in [("tree", LinkMode::Tree), ("hardlink", LinkMode::Hardlink)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                // Another name is another environment; an equal one would be found ready.
                number += 1;
                let options = EnvironmentOptions {
                    link_mode,
                    prompt: Some(format!("bench{number}")),
                    ..EnvironmentOptions::default()
                };
                let (packages, interpreter) = (packages.clone(), interpreter.clone());
                let spec = EnvironmentSpec { packages, interpreter, options };
                let plan = plan(&store, &spec).expect("the store has everything");
                compose_generation(&store, &spec, &plan, "", &|_| ()).expect("the disk is willing")
            });
        });
    }
    group.finish();
}
