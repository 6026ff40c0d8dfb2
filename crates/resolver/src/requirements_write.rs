//! A lock as lines of a requirements file, for tools that read nothing else.

use std::fmt::Write;

use crate::distribution::Location;
use crate::lock::{Lock, Locked};

/// What the lines carry besides `name==version`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineOptions {
    /// `--hash=sha256:…` after each.
    pub hashes: bool,
    /// A comment that says what needs it.
    pub annotate: bool,
}

/// One line for each package, in the order of their names.
pub fn to_requirements(lock: &Lock, options: LineOptions) -> String {
    let mut text = String::new();
    for package in &lock.packages {
        text.push_str(&requirement(package));
        if options.hashes {
            let _ = write!(text, " \\\n    --hash=sha256:{}", package.sha256);
        }
        text.push('\n');
        if options.annotate {
            let parents =
                lock.packages.iter().filter(|parent| parent.dependencies.contains(&package.name));
            let mut via: Vec<String> = parents.map(|parent| parent.name.to_string()).collect();
            if package.requested {
                via.insert(0, "your requirements".to_owned());
            }
            let _ = writeln!(text, "    # via {}", via.join(", "));
        }
    }
    text
}

fn requirement(package: &Locked) -> String {
    let name = &package.name;
    match &package.location {
        Location::Url(url) if package.direct => format!("{name} @ {url}"),
        Location::Path(path) if package.direct => format!("{name} @ file://{}", path.display()),
        _ => format!("{name}=={}", package.version),
    }
}
