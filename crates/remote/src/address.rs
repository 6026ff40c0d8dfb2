//! Where a remote store is, as people write it. Owns which forms there are; must not know how one is reached.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// Where a remote store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A directory that several machines see: `file:///DIR`.
    Directory(PathBuf),
    /// A bucket of a server that speaks as S3 does: `s3://BUCKET/PREFIX`.
    Bucket {
        /// Its name.
        bucket: String,
        /// What names of objects begin with; may be empty.
        prefix: String,
    },
}

/// What is no address of a remote store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the address of a remote store: {reason}")]
pub struct AddressError {
    /// What was given, without what may be secret.
    pub text: String,
    /// What is wrong with it, and what would be right.
    pub reason: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let forms = "write s3://BUCKET/PREFIX or file:///DIRECTORY";
        let url = Url::parse(text).map_err(|_no_url| wrong(text, forms))?;
        let has_login = !url.username().is_empty() || url.password().is_some();
        if has_login || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(
                text,
                "it has no user, password, query or fragment: those belong into the engine's variables",
            ));
        }
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "file" => url.to_file_path().map(Self::Directory).map_err(|()| {
                wrong(text, "a directory has three slashes, as file:///srv/wheels does")
            }),
            "s3" if host.is_empty() => {
                Err(wrong(text, "the bucket is missing: write s3://BUCKET/PREFIX"))
            }
            "s3" if url.port().is_some() => Err(wrong(
                text,
                "a bucket has no port: the server is the variable AWS_ENDPOINT_URL",
            )),
            "s3" => {
                let path = object_store::path::Path::from_url_path(url.path());
                let prefix = path
                    .map_err(|_wrong| wrong(text, "the prefix has empty parts, or `.` or `..`"))?;
                // Of the text, for a host would be in small letters.
                let bucket =
                    text.split("://").nth(1).unwrap_or(host).split('/').next().unwrap_or(host);
                Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_string() })
            }
            _ => Err(wrong(text, forms)),
        }
    }
}

/// Whatever may be a password is left out.
fn wrong(text: &str, reason: &'static str) -> AddressError {
    let text = match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        _ => text.to_owned(),
    };
    let text = text.split(['?', '#']).next().unwrap_or_default().to_owned();
    AddressError { text, reason }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "file://{}", path.display()),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for text in ["s3://wheels", "s3://Wheels_1/team/a", "file:///srv/wheels"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
        let slash: Address = "s3://wheels/team/".parse().expect("an address");
        assert_eq!(slash.to_string(), "s3://wheels/team");
    }

    #[test]
    fn what_is_none_says_what_would_be_one_and_shows_no_secret() {
        for (text, reason) in [
            ("wheels", "s3://BUCKET"),
            ("oci://host/name", "s3://BUCKET"),
            ("s3://", "bucket is missing"),
            ("s3://host:9000/wheels", "AWS_ENDPOINT_URL"),
            ("file://srv/wheels", "three slashes"),
            ("s3://key:s3cr3t@bucket", "no user"),
            ("key:s3cr3t@bucket", "s3://BUCKET"),
            ("s3:AK:s3cr3t@b", "s3://BUCKET"),
            ("s3://key:s3#cr3ts3cr3t@bucket", "s3://BUCKET"),
            ("s3://bucket/a?signature=s3cr3t", "no user"),
            ("s3://bucket/a//b", "empty parts"),
        ] {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }
}
