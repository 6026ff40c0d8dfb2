//! What an image is built from, as digests: Dockerfile, arguments, target, context. Owns what counts and how it is
//! written into a label; must not know engines.
//!
//! Times and owners of files do not count, nor the base image: both change without anybody having changed the image.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::digests::FileDigests;
use crate::build_context::{BuildContext, Kind, is_remote, walk};
use crate::compose_file::Build;
use crate::engine::host::hex;
use crate::error::Error;

/// Version of what is hashed and of the label's form. A change of either is a new number, and every image is then
/// built once.
const VERSION: &str = "1";

/// A part of what an image is built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputPart {
    /// The Dockerfile's text.
    Dockerfile,
    /// The arguments with their values.
    Arguments,
    /// Target stage, platform, network, labels.
    Target,
    /// The files of the context.
    Context,
}

impl fmt::Display for InputPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dockerfile => "the Dockerfile",
            Self::Arguments => "a build argument",
            Self::Target => "the target, platform, network or labels",
            Self::Context => "the context",
        })
    }
}

/// Digests of what an image is built from, each in hexadecimal. Displays as the label's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// Of the Dockerfile.
    pub dockerfile: String,
    /// Of the arguments.
    pub arguments: String,
    /// Of target, platform, network and labels.
    pub target: String,
    /// Of the context.
    pub context: String,
}

impl fmt::Display for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dockerfile, arguments, target, context } = self;
        write!(f, "{VERSION}:{dockerfile}:{arguments}:{target}:{context}")
    }
}

impl Inputs {
    /// Reads a label's value; `None` when it is of another version.
    pub fn parse(label: &str) -> Option<Self> {
        let mut parts = label.split(':');
        if parts.next() != Some(VERSION) {
            return None;
        }
        let mut next = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let inputs =
            Self { dockerfile: next()?, arguments: next()?, target: next()?, context: next()? };
        parts.next().is_none().then_some(inputs)
    }

    /// The parts in which `now` differs.
    pub fn changed(&self, now: &Self) -> Vec<InputPart> {
        let pairs = [
            (InputPart::Dockerfile, &self.dockerfile, &now.dockerfile),
            (InputPart::Arguments, &self.arguments, &now.arguments),
            (InputPart::Target, &self.target, &now.target),
            (InputPart::Context, &self.context, &now.context),
        ];
        pairs.into_iter().filter(|(_, was, is)| was != is).map(|(part, ..)| part).collect()
    }
}

/// What shapes the reading of inputs besides the build itself.
#[derive(Debug, Clone)]
pub struct InputSettings {
    /// The environment from which arguments without a value are taken.
    pub environment: BTreeMap<String, String>,
    /// Absolute paths of files that do not count, such as dependency files, which are installed into the volume.
    pub left_out: Vec<PathBuf>,
    /// The time now.
    pub now: SystemTime,
}

/// The arguments with their values; one that has none and is not in the environment is not passed at all.
pub fn resolved_arguments(
    build: &Build,
    environment: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let resolved = build.args.iter().filter_map(|(name, value)| {
        let value = value.as_ref().or_else(|| environment.get(name))?;
        Some((name.clone(), value.clone()))
    });
    resolved.collect()
}

/// Reads what an image would be built from now. `digests` remembers what was read before. Blocks on the file system.
///
/// # Errors
/// [`Error::ContextMissing`], [`Error::DockerfileMissing`], and [`Error::Io`] when a file cannot be read.
pub fn read_inputs(
    build: &Build,
    platform: Option<&str>,
    settings: &InputSettings,
    digests: &mut FileDigests,
) -> Result<Inputs, Error> {
    let arguments = resolved_arguments(build, &settings.environment);
    let arguments = arguments.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let mut target = vec![
        build.target.as_deref().unwrap_or_default(),
        platform.unwrap_or_default(),
        build.network.as_deref().unwrap_or_default(),
    ];
    target.extend(build.labels.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    let (dockerfile, context) = if is_remote(&build.context) {
        let named = build.dockerfile.as_deref().or(build.dockerfile_inline.as_deref());
        (fields([named.unwrap_or_default()]), fields([build.context.as_str()]))
    } else {
        let source = BuildContext::open(build)?;
        let left_out = source.left_out(&settings.left_out);
        (fields([source.dockerfile.as_str()]), context(&source, left_out, settings.now, digests)?)
    };
    Ok(Inputs { dockerfile, arguments: fields(arguments), target: fields(target), context })
}

fn context(
    source: &BuildContext,
    left_out: Vec<Vec<String>>,
    now: SystemTime,
    digests: &mut FileDigests,
) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for entry in walk(&source.directory, &source.ignore.clone().and(left_out))? {
        field(entry.name.as_bytes());
        match &entry.kind {
            Kind::Directory => field(b"directory"),
            Kind::Link(target) => {
                field(b"link");
                field(target.as_os_str().as_encoded_bytes());
            }
            Kind::File => {
                field(if entry.executable() { b"program" } else { b"file" });
                let digest = digests.digest(&entry.path, &entry.metadata, now);
                field(&digest.map_err(Error::io("read a file of a build's context"))?);
            }
        }
    }
    Ok(hex(&hasher.finalize())[..32].to_owned())
}

/// A digest of texts in which no two lists are alike.
fn fields<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hex(&hasher.finalize())[..32].to_owned()
}

#[cfg(test)]
mod tests;
