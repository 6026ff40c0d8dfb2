//! Paths of a context and of an image as text. Owns how they are cleaned and joined; must not know the file system.

/// Where an instruction copies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Absolute and clean.
    pub(crate) path: String,
    /// Whether it is a directory, into which files are copied.
    pub(crate) directory: bool,
    /// Whether archives are unpacked there.
    pub(crate) archives: bool,
}

/// A path of the context without `.`, `..` and slashes around it; empty for the context itself.
pub(crate) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Where a destination is, seen from a directory. `None` for an empty one.
pub(crate) fn resolve(directory: &str, destination: &str) -> Option<Place> {
    if destination.is_empty() {
        return None;
    }
    let last = destination.rsplit('/').next().unwrap_or_default();
    let whole = if destination.starts_with('/') {
        destination.to_owned()
    } else {
        format!("{directory}/{destination}")
    };
    Some(Place {
        path: format!("/{}", clean(&whole)),
        directory: matches!(last, "" | "." | ".."),
        archives: false,
    })
}

/// A path below a directory of an image.
pub(crate) fn join(directory: &str, rest: &str) -> String {
    match (directory, rest) {
        (directory, "") => directory.to_owned(),
        ("/", rest) => format!("/{rest}"),
        (directory, rest) => format!("{directory}/{rest}"),
    }
}

/// Whether a path is this one or below it.
pub(crate) fn is_within(path: &str, directory: &str) -> bool {
    directory == "/"
        || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
