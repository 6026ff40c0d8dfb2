//! Sources named by path or URL: archives, directories and version control, as pip writes them.
//! Knows nothing of wheels (`requirement_line`), and neither reads nor fetches what it names.
//!
//! <https://pip.pypa.io/en/stable/topics/vcs-support/>

use std::fmt;
use std::path::{Path, PathBuf};

use pep508_rs::{ExtraName, MarkerTree, PackageName};
use url::Url;

use crate::dist_file::Location;
use crate::filename::{ARCHIVES, archive_stem};
use crate::hash::Digest;
use crate::marker;
use crate::requirement::Origin;
use crate::safe_url::SafeUrl;

/// A source that a requirement names directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectSource {
    /// The project of an `#egg=` fragment; `None` where only its metadata tells.
    pub name: Option<PackageName>,
    /// The extras of an `#egg=` fragment.
    pub extras: Vec<ExtraName>,
    /// Where its files are.
    pub place: Place,
    /// The directory below the top that has the project (`#subdirectory=`).
    pub subdirectory: Option<String>,
    /// The digest of a fragment, such as `#sha256=`.
    pub digest: Option<Digest>,
    /// Whether the environment is to point into the files instead of having them (PEP 660).
    pub editable: bool,
    /// As it was written, without credentials.
    pub text: String,
}

/// A requirement on such a source. Without a name nothing is known of it before it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRequirement {
    /// The project, where it was written.
    pub name: Option<PackageName>,
    /// Extras to include.
    pub extras: Vec<ExtraName>,
    /// What is required.
    pub source: DirectSource,
    /// The requirement counts only where this is true.
    pub marker: MarkerTree,
    /// Digests given by `--hash=sha256:…`.
    pub hashes: Vec<Digest>,
    /// File and line.
    pub origin: Origin,
    /// Whether it only says where the project comes from, if something else needs it.
    pub constraint: bool,
}

impl DirectSource {
    /// Takes user and password out of its URL, where a server is asked with them.
    pub fn take_login(&mut self) -> Option<SafeUrl> {
        match &mut self.place {
            Place::Archive { location: Location::Url(url), .. } => SafeUrl::take(url),
            Place::Repository(Repository { url, .. }) => {
                if matches!(url.scheme(), "http" | "https") {
                    return SafeUrl::take(url);
                }
                // The user of an ssh URL is part of the address; ssh takes no password from it.
                url.set_password(None).ok();
                None
            }
            Place::Archive { .. } | Place::Directory(_) => None,
        }
    }
}

impl fmt::Display for SourceRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.editable {
            f.write_str("-e ")?;
        }
        if let Some(name) = &self.name {
            write!(f, "{name} @ ")?;
        }
        f.write_str(&self.source.text)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(ExtraName::as_ref).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        match marker::text_or_note(&self.marker) {
            Some(marker) => write!(f, " ; {marker}"),
            None => Ok(()),
        }
    }
}

/// Where the files of a source are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In an archive of this file name.
    Archive {
        /// The file name, decoded.
        filename: String,
        /// Where it is; a URL still carries its credentials, and no fragment.
        location: Location,
    },
    /// In a directory of this machine.
    Directory(PathBuf),
    /// In a repository.
    Repository(Repository),
}

/// A repository and what to take of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its URL, with credentials where they were given, without reference and fragment.
    pub url: Url,
    /// A branch, tag or commit; `None` is the default branch.
    pub reference: Option<String>,
}

/// Archives that are none of source distributions.
const FOREIGN: &[&str] = &[".tar.lzma", ".tlz", ".tar.lz", ".tar.Z", ".tar.zst"];

/// Reads what a requirement names: `git+https://h/r@v1#subdirectory=d`, `https://h/a-1.tar.gz`,
/// `file:///d`, `./d`. Relative paths are relative to `working`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse_source(text: &str, working: &Path) -> Result<DirectSource, String> {
    let source = read(text, working)?;
    Ok(DirectSource { text: crate::safe_url::shown(text), ..source })
}

fn read(text: &str, working: &Path) -> Result<DirectSource, String> {
    if ["git+", "hg+", "svn+", "bzr+"].iter().any(|tool| text.starts_with(tool))
        && !text.contains("://")
    {
        return Err(
            "a repository is named by a URL: ssh://user@host/path, not user@host:path".to_owned()
        );
    }
    let Some((scheme, _)) = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        let (path, fragment) = text.split_once('#').unwrap_or((text, ""));
        return finish(local(&working.join(path))?, fragment);
    };
    match scheme.split_once('+') {
        Some(("git", _)) => return repository(&text["git+".len()..]),
        Some((tool @ ("hg" | "svn" | "bzr"), _)) => return Err(other_tool(tool, text)),
        Some((other, _)) => return Err(format!("`{other}` is no version control that pip knows")),
        None => {}
    }
    match scheme {
        "file" => {
            let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
            let path = url.to_file_path().map_err(|()| "not the URL of a local file".to_owned())?;
            finish(local(&path)?, url.fragment().unwrap_or_default())
        }
        "http" | "https" => {
            let mut url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
            let fragment = url.fragment().unwrap_or_default().to_owned();
            url.set_fragment(None);
            let last = url.path_segments().and_then(|mut parts| parts.next_back());
            let filename = crate::safe_url::percent_decode(last.unwrap_or_default());
            if !is_archive(&filename) {
                return Err(format!("`{filename}` is not an archive ({})", ARCHIVES.join(", ")));
            }
            finish(Place::Archive { filename, location: Location::Url(url) }, &fragment)
        }
        "ssh" | "git" => {
            Err(format!("a repository is written with its tool before the scheme: git+{scheme}://"))
        }
        other => Err(format!("the URL scheme `{other}` is not supported")),
    }
}

/// What to do about a repository of another tool than git.
fn other_tool(tool: &str, text: &str) -> String {
    let act = match tool {
        "hg" => "clone",
        "svn" => "checkout",
        _ => "branch",
    };
    let place = text.split('#').next().unwrap_or(text);
    // Subversion has a scheme of that name itself.
    let url = if place.starts_with("svn+ssh:") { place } else { &place[tool.len() + 1..] };
    let url = crate::safe_url::shown(url);
    format!(
        "`{tool}` is not supported, of version control only git is: run `{tool} {act} {url} \
         DIRECTORY` and require ./DIRECTORY"
    )
}

fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

pub(crate) fn is_archive(filename: &str) -> bool {
    archive_stem(filename).is_some()
}

fn local(path: &Path) -> Result<Place, String> {
    // `./d/` and `./d/.` are `./d`.
    let path: PathBuf = path.components().collect();
    let filename = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let foreign = |name: &String| FOREIGN.iter().any(|end| name.ends_with(end));
    Ok(match filename {
        Some(filename) if is_archive(&filename) => {
            Place::Archive { filename, location: Location::Path(path) }
        }
        Some(filename) if foreign(&filename) => {
            return Err(format!("`{filename}` is not an archive of {}", ARCHIVES.join(", ")));
        }
        _ => Place::Directory(path),
    })
}

/// Rule 29: `scheme://host/path@reference#fragment`.
fn repository(text: &str) -> Result<DirectSource, String> {
    let mut url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https" | "ssh" | "file" | "git") {
        return Err(format!("the URL scheme `{}` is not supported", url.scheme()));
    }
    let fragment = url.fragment().unwrap_or_default().to_owned();
    url.set_fragment(None);
    let mut reference = None;
    // An `@` before the path belongs to the user's name.
    if let Some((path, after)) = url.path().to_owned().rsplit_once('@') {
        if after.is_empty() {
            return Err("a branch, tag or commit is missing after `@`".to_owned());
        }
        url.set_path(path);
        reference = Some(crate::safe_url::percent_decode(after));
    }
    if reference.as_ref().is_some_and(|reference| reference.starts_with('-')) {
        return Err("a branch, tag or commit does not begin with `-`".to_owned());
    }
    check_address(&url)?;
    finish(Place::Repository(Repository { url, reference }), &fragment)
}

/// Refuses an address that a program which git starts would take for one of its options.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_address(url: &Url) -> Result<(), String> {
    // Git decodes both and takes brackets away before it hands them on. Over HTTP the user is no
    // argument of anything.
    let is_option =
        |text: &str| crate::safe_url::percent_decode(text).trim_start_matches('[').starts_with('-');
    if url.host_str().is_some_and(is_option) {
        return Err("the host of a repository does not begin with `-`".to_owned());
    }
    if !matches!(url.scheme(), "http" | "https") && is_option(url.username()) {
        return Err("the user of a repository does not begin with `-`".to_owned());
    }
    Ok(())
}

fn finish(place: Place, fragment: &str) -> Result<DirectSource, String> {
    let mut source = DirectSource {
        name: None,
        extras: Vec::new(),
        place,
        subdirectory: None,
        digest: Digest::of_fragment(fragment)?,
        editable: false,
        text: String::new(),
    };
    for part in fragment.split('&') {
        match part.split_once('=') {
            Some(("egg", egg)) => {
                let (name, extras) = egg.split_once('[').unwrap_or((egg, ""));
                source.name = Some(name.parse().map_err(|error| format!("#egg=: {error}"))?);
                let extras = extras.trim_end_matches(']').split(',').map(str::trim);
                let extras = extras.filter(|extra| !extra.is_empty()).map(str::parse);
                source.extras =
                    extras.collect::<Result<_, _>>().map_err(|error| format!("#egg=: {error}"))?;
            }
            Some(("subdirectory", directory)) => {
                let directory = crate::safe_url::percent_decode(directory);
                if directory.starts_with('/') || directory.split('/').any(|part| part == "..") {
                    return Err("#subdirectory= must be below the top of the source".to_owned());
                }
                source.subdirectory = Some(directory.trim_end_matches('/').to_owned());
            }
            _ => {}
        }
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> DirectSource {
        parse_source(text, Path::new("/w")).expect("a source")
    }

    fn check_repository(text: &str, url: &str, reference: Option<&str>) {
        let Place::Repository(found) = parse(text).place else { panic!("{text}: no repository") };
        assert_eq!((found.url.as_str(), found.reference.as_deref()), (url, reference), "{text}");
    }

    fn check_error(text: &str, reason: &str) {
        let error = parse_source(text, Path::new("/w")).expect_err("refused");
        assert!(error.contains(reason), "{text}: {error}");
    }

    #[test]
    fn rule_29_repositories_are_named_with_reference_and_fragment() {
        check_repository("git+https://h.test/r.git@v1#egg=a", "https://h.test/r.git", Some("v1"));
        check_repository("git+ssh://git@h.test/o/r.git", "ssh://git@h.test/o/r.git", None);
        check_repository("git+file:///d/r@feature/x", "file:///d/r", Some("feature/x"));
        let source = parse("git+https://h.test/r#egg=A_b[x,y]&subdirectory=p/q/");
        assert_eq!(source.name.map(|name| name.to_string()).as_deref(), Some("a-b"));
        assert_eq!((source.extras.len(), source.subdirectory.as_deref()), (2, Some("p/q")));
    }

    #[test]
    fn rule_43_archives_and_directories_are_told_apart() {
        let digest = "ab".repeat(32);
        let archive = parse(&format!("https://h.test/a%2B1-1.tar.gz#sha256={digest}"));
        assert!(archive.digest.is_some());
        assert!(
            matches!(archive.place, Place::Archive { filename, .. } if filename == "a+1-1.tar.gz")
        );
        assert_eq!(parse("./d/").place, Place::Directory("/w/d".into()));
        assert_eq!(parse("file:///d/e").place, Place::Directory("/d/e".into()));
        for archive in ["d/a-1.zip", "a-1.tar.bz2", "./a-1.txz", "a-1.TAR"] {
            assert!(matches!(parse(archive).place, Place::Archive { .. }), "{archive}");
        }
    }

    #[test]
    fn other_places_are_refused_with_a_reason() {
        check_error("git+git@h.test:o/r.git", "named by a URL");
        check_error("ssh://h.test/r", "git+ssh://");
        check_error("https://h.test/page", "not an archive");
        check_error("./a-1.tar.lzma", "not an archive");
        check_error("cvs+https://h.test/r", "no version control");
        check_error("git+https://h.test/r@", "missing after `@`");
        check_error("git+https://h.test/r@--upload-pack=x", "does not begin with `-`");
        check_error("./d#subdirectory=../x", "below the top");
        check_error("git+ssh://-oProxyCommand=x/r", "host of a repository");
        check_error("git+ssh://%2DoProxyCommand=x/r", "host of a repository");
        check_error("git+ssh://%5B-oProxyCommand=x%5D/r", "host of a repository");
        check_error("git+git://-x/r", "host of a repository");
        check_error("git+https://-x.test/r", "host of a repository");
        check_error("git+ssh://-oProxyCommand=x@h.test/r", "user of a repository");
        check_error("git+ssh://%2DoProxyCommand=x@h.test/r", "user of a repository");
        check_error("hg+https://h.test/r", "only git is");
        check_error("ftp://h.test/a-1.zip", "not supported");
    }
}
