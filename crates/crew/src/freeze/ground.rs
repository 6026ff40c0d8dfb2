//! What an image is put upon: another one that is at hand as files, or that the container engine has. Owns how it is named,
//! and that it is for the environment's machine.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use pyfast_index::cache::Cache;
use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::engine::{Engine as _, Images as _};
use pyfast_oci::{Base, ImageName, Platform};
use pyfast_packaging::hash::Sha256;
use pyfast_settings::Settings;

use crate::engine::Connection;
use crate::error::Error;
use crate::event::{Event, Events};

/// What stands before a directory.
const LAYOUT: &str = "oci:";
/// What is remembered of images that the engine has saved, in the cache.
const RECORDS: &str = "bases-1";

/// What an image is put upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ground {
    /// As it was named.
    text: String,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// A layout, and the tag of an image in it.
    Layout { directory: PathBuf, tag: Option<String> },
    /// An archive of an engine.
    Archive { file: PathBuf },
    /// An image that the engine has.
    Engine { image: String },
}

impl Ground {
    /// An image of the engine's.
    pub(super) fn of_engine(image: &str) -> Self {
        let image = image.to_owned();
        Self { text: image.clone(), form: Form::Engine { image } }
    }

    /// Reads a name; paths are relative to a directory.
    pub(super) fn read(text: &str, directory: &Path) -> Result<Self, Error> {
        let form = if let Some(layout) = text.strip_prefix(LAYOUT).filter(|rest| !rest.is_empty()) {
            let (path, tag) = match layout.rsplit_once(':') {
                Some((path, tag)) if !tag.contains('/') => (path, Some(tag.to_owned())),
                _ => (layout, None),
            };
            Form::Layout { directory: directory.join(path), tag }
        } else if Path::new(text).extension().is_some_and(|end| end == "tar") {
            Form::Archive { file: directory.join(text) }
        } else if text.parse::<ImageName>().is_ok() && !is_file(text) {
            Form::Engine { image: text.to_owned() }
        } else {
            return Err(Error::BaseForm { text: text.to_owned() });
        };
        Ok(Self { text: text.to_owned(), form })
    }

    /// The name by which others know it too.
    pub(super) fn name(&self) -> Option<ImageName> {
        match &self.form {
            Form::Engine { image } => image
                .parse()
                .ok()
                .filter(|name: &ImageName| name.digest.is_none() && !image.starts_with("sha256:")),
            Form::Layout { .. } | Form::Archive { .. } => None,
        }
    }

    /// Opens the image, which has to be for this machine. Where it is the engine's and what is `known` of it is enough, its
    /// layers may be left there.
    pub(super) fn open(
        &self,
        wanted: &Platform,
        known: bool,
        settings: &Settings,
        events: &Events,
    ) -> Result<Opened, Error> {
        let opened = match &self.form {
            Form::Layout { directory, tag } => {
                Opened::files(Base::of_layout(directory, tag.as_deref(), wanted)?)
            }
            Form::Archive { file } => Opened::files(Base::of_archive(file)?),
            Form::Engine { image } => {
                let image = self.find(image, wanted, settings)?;
                let base = if known { image.known(events)? } else { image.base(events)? };
                Opened { base, image: Some(image) }
            }
        };
        self.suits(&opened.base.config.platform(), wanted)?;
        Ok(opened)
    }

    /// The engine's image, which has to be for this machine.
    fn find(
        &self,
        image: &str,
        wanted: &Platform,
        settings: &Settings,
    ) -> Result<EngineImage, Error> {
        let connection = Connection::open(settings)?;
        let facts = connection.wait(connection.engine.inspect_image(image))?;
        let (id, os, architecture) = (facts.id, facts.os, facts.architecture);
        // An engine may call all of an image's platforms by one id.
        let record = Sha256::of(format!("{id} {os}/{architecture}").as_bytes()).to_string();
        self.suits(&Platform { architecture, os, variant: None }, wanted)?;
        let cache = Cache::new(Some(settings.cache_directory()?));
        Ok(EngineImage { connection, name: image.to_owned(), id, cache, record })
    }

    fn suits(&self, found: &Platform, wanted: &Platform) -> Result<(), Error> {
        if (&found.os, &found.architecture) == (&wanted.os, &wanted.architecture) {
            return Ok(());
        }
        let told = |platform: &Platform| format!("{}/{}", platform.os, platform.architecture);
        let (text, found, wanted) = (self.text.clone(), told(found), told(wanted));
        Err(Error::BasePlatform { text, found, wanted })
    }
}

/// What an image is put upon, read.
pub(super) struct Opened {
    pub(super) base: Base,
    /// Who has it, where that is the engine.
    pub(super) image: Option<EngineImage>,
}

impl Opened {
    fn files(base: Base) -> Self {
        Self { base, image: None }
    }
}

/// An image that the engine has.
pub(super) struct EngineImage {
    connection: Connection,
    name: String,
    /// By which it is asked for: its name may be another one's meanwhile.
    id: String,
    cache: Cache,
    /// What its record is called: the image's content gives it.
    record: String,
}

impl EngineImage {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// What is known of it since it was saved last; its layers are not at hand then.
    fn known(&self, events: &Events) -> Result<Base, Error> {
        let record = self.cache.recall(RECORDS, &self.record);
        let known = record.and_then(|text| Base::of_record(&text).ok());
        known.map_or_else(|| self.base(events), Ok)
    }

    /// Has the engine save it into a file without a name: whatever ends this, nothing stays but what is known of it.
    pub(super) fn base(&self, events: &Events) -> Result<Base, Error> {
        let Self { connection, name, id, cache, record } = self;
        events(Event::Detail(format!("reading {name} from the container engine")));
        let mut file = cache.nameless().ok_or_else(|| nowhere(name))?;
        let mut take = |bytes: &[u8]| file.write_all(bytes);
        connection.wait(connection.engine.save(id, &mut take))?;
        let base = Base::of_open_archive(file)?;
        cache.remember(RECORDS, record, &base.record());
        Ok(base)
    }
}

/// There is neither a cache nor a place for what is needed for a while.
fn nowhere(image: &str) -> Error {
    let source = io::Error::other("neither the cache's directory nor /var/tmp can be written");
    LaunchError::ImageSave { image: image.to_owned(), source }.into()
}

/// Whether a name is rather that of a file that nobody reads here.
fn is_file(text: &str) -> bool {
    let is_tgz = |end: &std::ffi::OsStr| end.eq_ignore_ascii_case("tgz");
    text.starts_with(['.', '/'])
        || text.contains(".tar.")
        || Path::new(text).extension().is_some_and(is_tgz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_layout_with_a_tag_or_an_archive_or_an_image_of_the_engine() {
        let read = |text: &str| Ground::read(text, Path::new("/p")).ok().map(|ground| ground.form);
        let layout = |directory: &str, tag: Option<&str>| {
            Some(Form::Layout { directory: directory.into(), tag: tag.map(str::to_owned) })
        };
        assert_eq!(read("oci:base"), layout("/p/base", None));
        assert_eq!(read("oci:/a/b:3.12"), layout("/a/b", Some("3.12")));
        assert_eq!(read("oci:a:b/c"), layout("/p/a:b/c", None));
        assert_eq!(read("base.tar"), Some(Form::Archive { file: "/p/base.tar".into() }));
        for text in ["python:3.12-slim", "a.example:5000/team/base"] {
            assert_eq!(read(text), Some(Form::Engine { image: text.to_owned() }));
        }
        for text in ["", "oci:", "Python", "base.tar.gz", "./base"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
