//! The places of a root where something may be planted.

use std::path::{Path, PathBuf};

use crate::support::python::python_minor;

/// What a wheel of the store has.
const WHEEL: [&str; 8] = [
    "",
    "root",
    "root/a",
    "root/a/__pycache__",
    "root/a/__init__.py",
    "data",
    "manifest",
    "settled",
];

/// Roles of places: each is as likely as any other, however many files have it.
pub(super) fn places(template: &Path, ids: &[&str; 2]) -> Vec<Vec<PathBuf>> {
    let generations = ids.map(|id| Path::new("envs/v1").join(id));
    let site = format!("envs/v1/{}/lib/python{}/site-packages", ids[1], python_minor());
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
        "projects/p/default/looks.json",
        "projects/p/default/history.jsonl",
        "projects/p/default/pylock.toml",
    ];
    let mut roles: Vec<Vec<PathBuf>> = single.iter().map(|one| vec![PathBuf::from(one)]).collect();
    for name in ["", "env.json", "pylock.toml", "pyvenv.cfg", "bin", "bin/python", "lib", "lib64"] {
        roles.push(generations.iter().map(|one| one.join(name)).collect());
        roles.push(vec![generations[1].join(name)]);
    }
    roles.push(below(template, &site, 1, ""));
    roles.push(vec![PathBuf::from(site)]);
    roles.push(below(template, "store/v1/wheels", 1, ""));
    for name in WHEEL {
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
    // The ids depend on where the test's directory is, and a seed must not.
    let named = |path: &PathBuf| path.to_string_lossy().replace(ids[0], "0").replace(ids[1], "1");
    for role in &mut roles {
        role.sort_by_key(named);
    }
    // Without a `/` at the end, behind which nothing can be put in a directory's place.
    roles.iter_mut().flatten().for_each(|place| *place = place.components().collect());
    roles
}

/// Every path `depth` levels below `folder`, with `name` behind it.
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
    if name.is_empty() { level } else { level.iter().map(|path| path.join(name)).collect() }
}
