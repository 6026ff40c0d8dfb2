//! Names of images. Owns their grammar and what is left out of them; asks nobody whether there is such an image.
//!
//! <https://github.com/distribution/reference/blob/main/reference.go>

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;
use crate::error::Error;

/// The registry of a name that has none.
const DEFAULT_REGISTRY: &str = "docker.io";
/// What it is called too.
const ALIAS: &str = "index.docker.io";
/// Where its own images are.
const OFFICIAL: &str = "library";
/// The tag of a name that has none.
const DEFAULT_TAG: &str = "latest";
/// The most that a repository's name has, in bytes.
const LONGEST: usize = 255;

/// The name of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    /// The host of its registry, with a port where one was given.
    pub registry: String,
    /// The repository in that.
    pub repository: String,
    /// The tag; none where a digest was given alone.
    pub tag: Option<String>,
    /// The digest, where one was given.
    pub digest: Option<Digest>,
}

impl ImageName {
    /// The tag, or the usual one.
    pub fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or(DEFAULT_TAG)
    }

    /// What a registry is asked for: the digest, else the tag.
    pub fn reference(&self) -> String {
        self.digest.map_or_else(|| self.tag().to_owned(), |digest| digest.to_string())
    }

    /// The name by which an engine is told of it: as short as people write it, with its tag.
    pub fn familiar(&self) -> String {
        let official = format!("{OFFICIAL}/");
        let name = match (&*self.registry, self.repository.strip_prefix(&official)) {
            (DEFAULT_REGISTRY, Some(name)) => name.to_owned(),
            (DEFAULT_REGISTRY, None) => self.repository.clone(),
            (registry, _) => format!("{registry}/{}", self.repository),
        };
        format!("{name}:{}", self.tag())
    }

    /// The whole name with its tag, nothing left out.
    pub fn full(&self) -> String {
        format!("{}/{}:{}", self.registry, self.repository, self.tag())
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar())
    }
}

impl FromStr for ImageName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |reason| Error::Name { name: text.chars().take(300).collect(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last..].split_once(':') {
            Some((end, tag)) => (&rest[..last + end.len()], Some(tag)),
            None => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("its tag is none: letters, digits, `_`, `.` and `-`, at most 128"));
        }
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                (if host == ALIAS { DEFAULT_REGISTRY } else { host }, path)
            }
            _ => (DEFAULT_REGISTRY, name),
        };
        let is_official = registry == DEFAULT_REGISTRY && !path.contains('/');
        let repository = if is_official { format!("{OFFICIAL}/{path}") } else { path.to_owned() };
        let registry = registry.to_owned();
        if !is_host(&registry) {
            return Err(wrong("its registry is no host"));
        }
        if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(wrong("it has capital letters"));
        }
        if repository.len() > LONGEST || !repository.split('/').all(is_component) {
            return Err(wrong(
                "parts between slashes are of small letters and digits, with `.`, `_` or `-` between them",
            ));
        }
        let tag =
            tag.map(str::to_owned).or_else(|| digest.is_none().then(|| DEFAULT_TAG.to_owned()));
        Ok(Self { registry, repository, tag, digest })
    }
}

fn is_tag(tag: &str) -> bool {
    let of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = tag.bytes().next().is_some_and(of_word);
    begins && tag.len() <= 128 && tag.bytes().all(|byte| of_word(byte) || b".-".contains(&byte))
}

fn is_host(host: &str) -> bool {
    let (host, port) = host.split_once(':').unwrap_or((host, "1"));
    let of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && host.bytes().all(of_host) && is_port
}

fn is_component(part: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = |byte: Option<&u8>| byte.copied().is_some_and(alphanumeric);
    // Between letters and digits stand one dot, one or two underscores, or any number of dashes.
    let between = bytes.split(|byte| alphanumeric(*byte)).filter(|run| !run.is_empty());
    ends(bytes.first())
        && ends(bytes.last())
        && between
            .into_iter()
            .all(|run| matches!(run, b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_name_is_put_in() {
        let check = |text: &str, full: &str, familiar: &str| {
            let name: ImageName = text.parse().unwrap();
            assert_eq!((&*name.full(), &*name.familiar()), (full, familiar), "{text}");
        };
        check("shop", "docker.io/library/shop:latest", "shop:latest");
        check("team/shop:1.0", "docker.io/team/shop:1.0", "team/shop:1.0");
        check("host:5000/shop", "host:5000/shop:latest", "host:5000/shop:latest");
        check("a.example/b/c__d.e:x", "a.example/b/c__d.e:x", "a.example/b/c__d.e:x");
        check("docker.io/shop:1", "docker.io/library/shop:1", "shop:1");
        check("index.docker.io/team/shop", "docker.io/team/shop:latest", "team/shop:latest");
        check("localhost/shop", "localhost/shop:latest", "localhost/shop:latest");
        let digest = Digest::of(b"");
        let pinned: ImageName = format!("a.example/b:1@{digest}").parse().unwrap();
        assert_eq!((pinned.tag(), pinned.reference()), ("1", digest.to_string()));
        let alone: ImageName = format!("a.example/b@{digest}").parse().unwrap();
        assert_eq!(alone.tag, None);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(256);
        let digest = format!("shop@{}", &Digest::of(b"").to_string()[..30]);
        for text in [
            "",
            "Shop",
            "shop:",
            "shop:a b",
            ":tag",
            "a//b",
            "/a",
            "a/",
            "a..b",
            "-a",
            "a-",
            "a___b",
            "a b",
            "host:port/a",
            "host:99999/a",
            "host:0/a",
            "host:/a",
            "docker.io/",
            "https://a.example/b",
            "a_.b",
            "shop:-x",
            "ünder",
            &long,
            &digest,
            "shop@",
        ] {
            assert!(text.parse::<ImageName>().is_err(), "{text}");
        }
    }
}
