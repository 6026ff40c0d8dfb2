//! What an image is built from, as digests: Dockerfile, arguments, target, context. Owns what counts and how it is
//! written into a label; must not know engines.
//!
//! Times and owners of files do not count, nor the base image: both change without anybody having changed the image.

mod picture;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

pub use picture::Picture;

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
    /// Absolute paths of files that do not count, such as dependency files, which are installed into the volume.
    pub left_out: Vec<PathBuf>,
    /// The images that builds start from, as far as they are present: [`BuildSource::base_images`].
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

/// A build with its context, opened once for all that is asked of it. Each question blocks on the file system.
pub struct BuildSource<'a> {
    build: &'a Build,
    arguments: BTreeMap<String, String>,
    /// `None` when the engine fetches it.
    context: Option<BuildContext>,
}

impl<'a> BuildSource<'a> {
    /// Opens it. Arguments without a value are taken from the environment.
    ///
    /// # Errors
    /// [`Error::ContextMissing`], [`Error::DockerfileMissing`], and [`Error::Io`] when a file cannot be read.
    pub fn open(build: &'a Build, environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        let context =
            if is_remote(&build.context) { None } else { Some(BuildContext::open(build)?) };
        Ok(Self { build, arguments: resolved_arguments(build, environment), context })
    }

    /// The images that it starts from, by the names that its Dockerfile gives them; `None` where that is not certain.
    pub fn base_images(&self) -> Option<Bases> {
        reading::base_images(&self.question(self.context.as_ref()?, &BTreeMap::new()))
    }

    /// Whether an image with this label was built from the Dockerfile as it is.
    pub fn is_of_dockerfile(&self, label: &str) -> bool {
        let built = Inputs::parse(label).map(|inputs| inputs.dockerfile);
        built.is_some_and(|built| built == self.dockerfile())
    }

    /// The files and directories in which a change of what an image is built from shows.
    ///
    /// # Errors
    /// [`Error::Io`] when a directory cannot be read.
    pub fn files(self) -> Result<Vec<PathBuf>, Error> {
        // Whatever an image that is built on would do: its instructions do not change while somebody edits.
        let bases = self.base_images().unwrap_or_default().all.into_iter();
        let bases = bases.map(|name| (name, BaseImage::default())).collect();
        let Some(context) = &self.context else { return Ok(Vec::new()) };
        let entries = walk(&context.directory, &context.ignore)?;
        let layout = self.layout(context, &bases, &entries);
        let copied = layout.copied.values().map(|copied| copied.entry);
        let taken = layout.read.into_iter().chain(copied).map(|at| entries[at].path.as_path());
        // New files beside those that are there show in their directory, also where only a pattern takes them.
        let files = taken.flat_map(|path| [Some(path), path.parent()]).flatten();
        let own_rules = context.path.as_deref().map(own_rules);
        let rules = [context.directory.join(".dockerignore"), context.directory.clone()];
        let others = rules.into_iter().chain(context.path.clone()).chain(own_rules);
        // Many have the same directory.
        Ok(files.map(Path::to_owned).chain(others).collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// What an image would be built from now, and its code: what of that is only copied. `digests` remembers what was
    /// read before.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be read.
    pub fn inputs(
        &self,
        platform: Option<&str>,
        settings: &InputSettings,
        digests: &mut FileDigests,
    ) -> Result<(Inputs, Code), Error> {
        let build = self.build;
        let (context, code) = if let Some(context) = &self.context {
            let left_out = context.left_out(&settings.left_out);
            let entries = walk(&context.directory, &context.ignore.clone().and(left_out))?;
            let layout = self.layout(context, &settings.bases, &entries);
            let mut read = Read { now: settings.now, digests };
            let digest = read.digest(layout.read.iter().map(|at| &entries[*at]))?;
            (digest, read.code(&layout, &entries)?)
        } else {
            (fields([build.context.as_str()]), Code::default())
        };
        let arguments = fields(pairs(&self.arguments));
        let mut target = vec![
            build.target.as_deref().unwrap_or_default(),
            platform.unwrap_or_default(),
            build.network.as_deref().unwrap_or_default(),
        ];
        target.extend(pairs(&build.labels));
        let (dockerfile, target) = (self.dockerfile(), fields(target));
        let inputs = Inputs { dockerfile, arguments, target, context, code: code.digest() };
        Ok((inputs, code))
    }

    /// A digest of the Dockerfile's text, or of its name where the engine fetches it.
    fn dockerfile(&self) -> String {
        let named = || self.build.dockerfile.as_deref().or(self.build.dockerfile_inline.as_deref());
        let text = self.context.as_ref().map(|context| context.dockerfile.as_str());
        fields([text.or_else(named).unwrap_or_default()])
    }

    fn layout(
        &self,
        context: &BuildContext,
        bases: &BTreeMap<String, BaseImage>,
        entries: &[Entry],
    ) -> Layout {
        reading::read(&self.question(context, bases))
            .and_then(|steps| lay_out(&steps, entries, &context.directory))
            .unwrap_or_else(|| Layout::all(entries))
    }

    fn question<'q>(
        &'q self,
        context: &'q BuildContext,
        bases: &'q BTreeMap<String, BaseImage>,
    ) -> Question<'q> {
        let (text, target) = (&context.dockerfile, self.build.target.as_deref());
        Question { text, arguments: &self.arguments, target, bases }
    }
}

fn pairs(named: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    named.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()])
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
