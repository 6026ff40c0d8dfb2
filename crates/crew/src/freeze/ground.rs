//! What an image is put upon: nothing, or another one that is at hand as files. Owns how it is named.

use std::path::{Path, PathBuf};

use pyfast_oci::{Base, Platform};

use crate::error::Error;

/// What stands before a directory.
const LAYOUT: &str = "oci:";

/// What an image is put upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
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
}

impl Ground {
    /// Reads a name; paths are relative to a directory.
    ///
    /// # Errors
    /// [`Error::BaseForm`].
    pub fn read(text: &str, directory: &Path) -> Result<Self, Error> {
        let form = if let Some(layout) = text.strip_prefix(LAYOUT).filter(|rest| !rest.is_empty()) {
            let (path, tag) = match layout.rsplit_once(':') {
                Some((path, tag)) if !tag.contains('/') => (path, Some(tag.to_owned())),
                _ => (layout, None),
            };
            Form::Layout { directory: directory.join(path), tag }
        } else if Path::new(text).extension().is_some_and(|end| end == "tar") {
            Form::Archive { file: directory.join(text) }
        } else {
            return Err(Error::BaseForm { text: text.to_owned() });
        };
        Ok(Self { text: text.to_owned(), form })
    }

    /// Opens the image, which has to be for this machine.
    pub(super) fn open(&self, wanted: &Platform) -> Result<Base, Error> {
        let base = match &self.form {
            Form::Layout { directory, tag } => Base::of_layout(directory, tag.as_deref(), wanted)?,
            Form::Archive { file } => Base::of_archive(file)?,
        };
        let found = base.config.platform();
        if (&found.os, &found.architecture) == (&wanted.os, &wanted.architecture) {
            return Ok(base);
        }
        let told = |platform: &Platform| format!("{}/{}", platform.os, platform.architecture);
        let (text, found, wanted) = (self.text.clone(), told(&found), told(wanted));
        Err(Error::BasePlatform { text, found, wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_layout_with_a_tag_or_an_archive() {
        let read = |text: &str| Ground::read(text, Path::new("/p")).ok().map(|ground| ground.form);
        let layout = |directory: &str, tag: Option<&str>| {
            Some(Form::Layout { directory: directory.into(), tag: tag.map(str::to_owned) })
        };
        assert_eq!(read("oci:base"), layout("/p/base", None));
        assert_eq!(read("oci:/a/b:3.12"), layout("/a/b", Some("3.12")));
        assert_eq!(read("oci:a:b/c"), layout("/p/a:b/c", None));
        assert_eq!(read("base.tar"), Some(Form::Archive { file: "/p/base.tar".into() }));
        for text in ["", "oci:", "python:3.12", "base.tar.gz"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
