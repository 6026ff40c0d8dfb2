//! What an image is built from, as digests: Dockerfile, arguments, target, context. Owns what counts and how it is
//! written into a label; must not know engines.
//!
//! Times and owners of files do not count, nor the base image: both change without anybody having changed the image.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::digests::FileDigests;
use crate::build_context::{BuildContext, Entry, Kind, is_remote, own_rules, walk};
use crate::code::reading::{self, Question};
use crate::code::{BaseImage, Bases, Code, Item, ItemKind, Layout, lay_out};
use crate::compose_file::Build;
use crate::engine::host::hex;
use crate::error::Error;

/// Version of what is hashed and of the label's form. A change of either is a new number, and every image is then
/// built once.
const VERSION: &str = "3";

/// A part of what an image is built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputPart {
    /// The Dockerfile's text.
    Dockerfile,
    /// The arguments with their values.
    Arguments,
    /// Target stage, platform, network, labels.
    Target,
    /// The files of the context from which something may be built.
    Context,
    /// The files of the context that are only copied.
    Code,
}

impl fmt::Display for InputPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dockerfile => "the Dockerfile",
            Self::Arguments => "a build argument",
            Self::Target => "the target, platform, network or labels",
            Self::Context => "the context",
            Self::Code => "the code",
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
    /// Of what of the context something may be built from.
    pub context: String,
    /// Of what is only copied.
    pub code: String,
}

impl fmt::Display for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dockerfile, arguments, target, context, code } = self;
        write!(f, "{VERSION}:{dockerfile}:{arguments}:{target}:{context}:{code}")
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
        let inputs = Self {
            dockerfile: next()?,
            arguments: next()?,
            target: next()?,
            context: next()?,
            code: next()?,
        };
        parts.next().is_none().then_some(inputs)
    }

    /// The parts in which `now` differs.
    pub fn changed(&self, now: &Self) -> Vec<InputPart> {
        let pairs = [
            (InputPart::Dockerfile, &self.dockerfile, &now.dockerfile),
            (InputPart::Arguments, &self.arguments, &now.arguments),
            (InputPart::Target, &self.target, &now.target),
            (InputPart::Context, &self.context, &now.context),
            (InputPart::Code, &self.code, &now.code),
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
    /// The images that builds start from, as far as they are present: [`base_images`].
    pub bases: BTreeMap<String, BaseImage>,
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

/// The images that a build starts from, by the names that its Dockerfile gives them; `None` where that is not certain.
/// Blocks on the file system.
///
/// # Errors
/// As [`read_inputs`].
pub fn base_images(
    build: &Build,
    environment: &BTreeMap<String, String>,
) -> Result<Option<Bases>, Error> {
    if is_remote(&build.context) {
        return Ok(None);
    }
    let source = BuildContext::open(build)?;
    let arguments = resolved_arguments(build, environment);
    let none = BTreeMap::new();
    let question = question(build, &source, &arguments, &none);
    Ok(reading::base_images(&question))
}

/// Whether an image with this label was built from the Dockerfile as it is now. Blocks on the file system.
///
/// # Errors
/// As [`read_inputs`].
pub fn is_of_dockerfile(build: &Build, label: &str) -> Result<bool, Error> {
    let source = BuildContext::open(build)?;
    let built = Inputs::parse(label).map(|inputs| inputs.dockerfile);
    Ok(built.is_some_and(|built| built == fields([source.dockerfile.as_str()])))
}

/// The files and directories in which a change of what an image is built from shows. Blocks on the file system.
///
/// # Errors
/// As [`read_inputs`].
pub fn input_files(
    build: &Build,
    environment: &BTreeMap<String, String>,
) -> Result<Vec<PathBuf>, Error> {
    if is_remote(&build.context) {
        return Ok(Vec::new());
    }
    let source = BuildContext::open(build)?;
    let arguments = resolved_arguments(build, environment);
    // Whatever an image that is built on would do: its instructions do not change while somebody edits.
    let none = BTreeMap::new();
    let bases = reading::base_images(&question(build, &source, &arguments, &none));
    let bases = bases.unwrap_or_default().all.into_iter();
    let bases = bases.map(|name| (name, BaseImage::default()));
    let bases = bases.collect();
    let entries = walk(&source.directory, &source.ignore)?;
    let layout = reading::read(&question(build, &source, &arguments, &bases))
        .and_then(|steps| lay_out(&steps, &entries, &source.directory))
        .unwrap_or_else(|| Layout::all(&entries));
    let copied = layout.copied.values().map(|copied| copied.entry);
    let taken = layout.read.into_iter().chain(copied).map(|at| entries[at].path.as_path());
    // New files beside those that are there show in their directory, also where only a pattern takes them.
    let files = taken.flat_map(|path| [Some(path), path.parent()]).flatten().map(Path::to_owned);
    let own_rules = source.path.as_deref().map(own_rules);
    let rules = source.directory.join(".dockerignore");
    let files = files.chain(source.path).chain(own_rules).chain([rules, source.directory]);
    // Many have the same directory.
    Ok(files.collect::<BTreeSet<_>>().into_iter().collect())
}

fn question<'a>(
    build: &'a Build,
    source: &'a BuildContext,
    arguments: &'a BTreeMap<String, String>,
    bases: &'a BTreeMap<String, BaseImage>,
) -> Question<'a> {
    Question { text: &source.dockerfile, arguments, target: build.target.as_deref(), bases }
}

/// Reads what an image would be built from now, and its code: what of that is only copied. `digests` remembers what was
/// read before. Blocks on the file system.
///
/// # Errors
/// [`Error::ContextMissing`], [`Error::DockerfileMissing`], and [`Error::Io`] when a file cannot be read.
pub fn read_inputs(
    build: &Build,
    platform: Option<&str>,
    settings: &InputSettings,
    digests: &mut FileDigests,
) -> Result<(Inputs, Code), Error> {
    let arguments = resolved_arguments(build, &settings.environment);
    let words = arguments.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let words = fields(words);
    let mut target = vec![
        build.target.as_deref().unwrap_or_default(),
        platform.unwrap_or_default(),
        build.network.as_deref().unwrap_or_default(),
    ];
    target.extend(build.labels.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    let target = fields(target);
    if is_remote(&build.context) {
        let named = build.dockerfile.as_deref().or(build.dockerfile_inline.as_deref());
        let dockerfile = fields([named.unwrap_or_default()]);
        let (context, code) = (fields([build.context.as_str()]), Code::default());
        let inputs = Inputs { dockerfile, arguments: words, target, context, code: code.digest() };
        return Ok((inputs, code));
    }
    let source = BuildContext::open(build)?;
    let left_out = source.left_out(&settings.left_out);
    let entries = walk(&source.directory, &source.ignore.clone().and(left_out))?;
    let question = question(build, &source, &arguments, &settings.bases);
    let layout = reading::read(&question)
        .and_then(|steps| lay_out(&steps, &entries, &source.directory))
        .unwrap_or_else(|| Layout::all(&entries));
    let mut read = Read { now: settings.now, digests };
    let context = read.digest(layout.read.iter().map(|at| &entries[*at]))?;
    let code = read.code(&layout, &entries)?;
    let dockerfile = fields([source.dockerfile.as_str()]);
    let inputs = Inputs { dockerfile, arguments: words, target, context, code: code.digest() };
    Ok((inputs, code))
}

/// The reading of files, each once.
struct Read<'a> {
    now: SystemTime,
    digests: &'a mut FileDigests,
}

impl Read<'_> {
    fn file(&mut self, entry: &Entry) -> Result<[u8; 32], Error> {
        let digest = self.digests.digest(&entry.path, &entry.metadata, self.now);
        digest.map_err(Error::io("read a file of a build's context"))
    }

    /// A digest of entries by their names.
    fn digest<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) -> Result<String, Error> {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for entry in entries {
            field(entry.name.as_bytes());
            match &entry.kind {
                Kind::Directory => field(b"directory"),
                Kind::Link(target) => {
                    field(b"link");
                    field(target.as_os_str().as_encoded_bytes());
                }
                Kind::File => {
                    field(if entry.executable() { b"program" } else { b"file" });
                    field(&self.file(entry)?);
                }
            }
        }
        Ok(hex(&hasher.finalize())[..32].to_owned())
    }

    fn code(&mut self, layout: &Layout, entries: &[Entry]) -> Result<Code, Error> {
        let mut items = BTreeMap::new();
        for (place, copied) in &layout.copied {
            let entry = &entries[copied.entry];
            let kind = match &entry.kind {
                Kind::Directory => ItemKind::Directory,
                Kind::Link(target) => {
                    ItemKind::Link { target: target.to_string_lossy().into_owned() }
                }
                Kind::File => {
                    ItemKind::File { sha256: self.file(entry)?, executable: entry.executable() }
                }
            };
            let (source, owner) = (entry.name.clone(), copied.owner.clone());
            let (mode, covers) = (copied.mode, copied.covers);
            items.insert(place.clone(), Item { source, kind, owner, mode, covers });
        }
        Ok(Code { items })
    }
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
