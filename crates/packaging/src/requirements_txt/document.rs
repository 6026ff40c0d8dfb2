//! Where a requirements file is, and what the names in it are relative to. Reads and fetches nothing.

use std::path::{Path, PathBuf};

use url::Url;

use crate::error::Error;

/// A requirements file by its name.
#[derive(Debug, Clone)]
pub(super) enum Document {
    /// A file of this machine.
    Local(PathBuf),
    /// A file that is fetched; the URL may have credentials.
    Remote(Url),
}

impl Document {
    /// A file as a user names it.
    ///
    /// # Errors
    /// [`Error::Setting`] for something that looks like a URL and is none.
    pub(super) fn given(name: &Path) -> Result<Self, Error> {
        let Some(url) = name.to_str().filter(|name| is_url(name)) else {
            return Ok(Self::Local(name.to_owned()));
        };
        Self::url(url).map_err(|reason| {
            let url = crate::safe_url::shown(url);
            Error::Setting(format!("cannot read the requirements file {url}: {reason}"))
        })
    }

    fn url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
        if url.scheme() != "file" {
            return Ok(Self::Remote(url));
        }
        let path = url.to_file_path().map_err(|()| "not the URL of a local file".to_owned())?;
        Ok(Self::Local(path))
    }

    /// A file that this one includes (rule 42). A file of a server includes none of this machine.
    ///
    /// # Errors
    /// What is wrong with the name, in words.
    pub(super) fn including(&self, name: &str) -> Result<Self, String> {
        match self {
            _ if is_url(name) => match (self, Self::url(name)?) {
                (Self::Remote(_), Self::Local(_)) => {
                    Err("a requirements file of a server cannot include files of this machine"
                        .to_owned())
                }
                (_, document) => Ok(document),
            },
            Self::Local(path) => Ok(Self::Local(path.parent().unwrap_or(Path::new("")).join(name))),
            Self::Remote(url) => {
                let joined = url.join(name).map_err(|error| format!("not a URL: {error}"))?;
                if !matches!(joined.scheme(), "http" | "https") {
                    return Err(format!("the URL scheme `{}` is not supported", joined.scheme()));
                }
                Ok(Self::Remote(joined))
            }
        }
    }

    /// A place of `--find-links` (rule 42): relative to the file where there is something of that name.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn find_links(&self, place: &str) -> Result<String, String> {
        match self {
            Self::Remote(url) => on_server(url, place),
            Self::Local(_) if place.contains("://") => Ok(place.to_owned()),
            Self::Local(path) => {
                let local = path.parent().unwrap_or(Path::new("")).join(place);
                Ok(if local.exists() { local.display().to_string() } else { place.to_owned() })
            }
        }
    }

    /// An index as it is named, by its URL or the name that it has elsewhere. A file of a server names none of this
    /// machine.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn index(&self, named: &str) -> Result<String, String> {
        match (self, Url::parse(named)) {
            (Self::Remote(_), Ok(url)) if url.scheme() == "file" => Err(OF_THIS_MACHINE.to_owned()),
            _ => Ok(named.to_owned()),
        }
    }
}

/// A place that a file of a server names: what has no scheme is beside the file.
///
/// # Errors
/// What is wrong with it, in words: it is of this machine, or nowhere.
pub(crate) fn on_server(server: &Url, place: &str) -> Result<String, String> {
    let joined = server.join(place).map_err(|error| format!("not a URL: {error}"))?;
    match joined.scheme() {
        "http" | "https" => Ok(joined.to_string()),
        "file" => Err(OF_THIS_MACHINE.to_owned()),
        scheme => Err(format!("the URL scheme `{scheme}` is not supported")),
    }
}

/// Why a place is refused.
pub(super) const OF_THIS_MACHINE: &str =
    "a requirements file of a server cannot name files of this machine";

/// Whether a file's name is a URL.
pub(super) fn is_url(name: &str) -> bool {
    ["http://", "https://", "file://"].iter().any(|scheme| {
        name.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(of: &str, name: &str, expected: &str) {
        let found = match Document::given(Path::new(of)).expect(of).including(name) {
            Ok(Document::Local(path)) => path.display().to_string(),
            Ok(Document::Remote(url)) => url.to_string(),
            Err(reason) => reason,
        };
        assert_eq!(found, expected, "{name} in {of}");
    }

    #[test]
    fn rule_42_names_are_relative_to_the_file_they_are_in() {
        check("d/r.txt", "x.txt", "d/x.txt");
        check("d/r.txt", "https://h.test/x.txt", "https://h.test/x.txt");
        check("d/r.txt", "file:///e/x.txt", "/e/x.txt");
        check("file:///d/r.txt", "x.txt", "/d/x.txt");
        check("https://h.test/d/r.txt?ref=1", "x.txt", "https://h.test/d/x.txt");
        check("https://h.test/d/r.txt", "../x.txt", "https://h.test/x.txt");
        check("https://h.test/d/r.txt", "/x.txt", "https://h.test/x.txt");
        check("https://u:p@h.test/d/r.txt", "x.txt", "https://u:p@h.test/d/x.txt");
    }

    #[test]
    fn a_file_of_a_server_includes_none_of_this_machine() {
        let reason = "a requirements file of a server cannot include files of this machine";
        check("https://h.test/r.txt", "file:///etc/x.txt", reason);
        check("https://h.test/r.txt", "file:/etc/x.txt", "the URL scheme `file` is not supported");
        check("https://h.test/r.txt", "ftp://h.test/x", "the URL scheme `ftp` is not supported");
    }
}
