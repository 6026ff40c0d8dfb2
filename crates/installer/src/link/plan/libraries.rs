//! Which wheels' libraries look outside of their own wheel. The loader takes `$ORIGIN` from the path that it
//! opened, and the kernel follows a link before it goes up: behind a directory link a search path that leaves
//! the wheel ends in the store. So such a wheel must be real, and with it whoever it looks into.

use super::sources::Source;
use crate::interpreter::Interpreter;

/// Marks the wheels that must be real.
pub(super) fn mark(sources: &mut [Source<'_>], python: &Interpreter) {
    let places = Places::of(python);
    let libraries: Vec<Vec<String>> = sources
        .iter()
        .map(|source| {
            let directories = source.manifest.libraries.iter();
            directories.filter_map(|directory| places.seen(directory)).collect()
        })
        .collect();
    for index in 0..sources.len() {
        for search in sources[index].manifest.searches.clone() {
            let Some(target) = places.seen(&search) else { continue };
            // What is found through the store: the wheel's own directory of that name, or none.
            let own = normal(&search).and_then(|inside| places.seen(&inside));
            let provides = |other: &usize| libraries[*other].contains(&target);
            for other in (0..sources.len()).filter(provides) {
                if other != index || own.as_ref() != Some(&target) {
                    sources[index].real = true;
                    sources[other].real = true;
                }
            }
        }
    }
}

/// Where an environment has what a wheel has.
pub(super) struct Places {
    site_packages: String,
}

impl Places {
    /// One of an interpreter.
    pub(super) fn of(python: &Interpreter) -> Self {
        Self { site_packages: python.site_packages() }
    }

    /// The place in the environment, without `..`, of a path in a wheel's directory in the store; `None` for
    /// what is in no environment.
    pub(super) fn seen(&self, inside: &str) -> Option<String> {
        let inside = format!("{inside}/");
        let (base, rest) = if let Some(rest) = inside.strip_prefix("root/") {
            (self.site_packages.as_str(), rest)
        } else if let Some(rest) = inside.strip_prefix("data/scripts/") {
            ("bin", rest)
        } else {
            ("", inside.strip_prefix("data/data/")?)
        };
        normal(&format!("{base}/{rest}"))
    }
}

/// A path without `.`, `..` and doubled slashes; `None` for one that leaves what it begins in.
pub(super) fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_wheel_are_seen_in_the_environment() {
        let places = Places { site_packages: "lib/python3.11/site-packages".into() };
        let check = |inside: &str, expected: Option<&str>| {
            assert_eq!(places.seen(inside).as_deref(), expected, "{inside}");
        };
        check("root/a/b/../../c.libs", Some("lib/python3.11/site-packages/c.libs"));
        check("root/a/../../..", Some("lib"));
        check("root/a/../../../../lib/x", Some("lib/x"));
        check("root/a/../../../../..", None);
        check("root", Some("lib/python3.11/site-packages"));
        check("data/scripts/../lib", Some("lib"));
        check("data/data/lib/.", Some("lib"));
        check("data/headers/x", None);
    }
}
