//! What an image that is built will have of its context, and how it starts, read from the Dockerfile alone. Must not know
//! engines, nor what is in the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::BuildSource;
use crate::build_context::{Kind, walk_readable};
use crate::code::BaseImage;
use crate::code::placed;
use crate::code::reading::{self, Step};
use crate::compose_file::Written;
use crate::dockerfile::instructions;

/// An image as its Dockerfile describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// Files of the context by their places in the image.
    pub files: BTreeMap<String, PathBuf>,
    /// Places at or below which something is that is not of the context.
    pub foreign: Vec<String>,
    /// The words that come first when it starts; `None` where only the image below may say any.
    pub entrypoint: Option<Vec<String>>,
    /// The words behind them; `None` where only the image below may say any.
    pub command: Option<Vec<String>>,
    /// The words of its `ENTRYPOINT` and `CMD`, of all stages in their order, each with the line of its instruction; none
    /// where the text stands in a compose file.
    pub starts: Vec<Written>,
    /// Its directory; `None` where it is not certain.
    pub working_dir: Option<String>,
    /// Variables that it sets; `None` is a value that is not certain.
    pub environment: BTreeMap<String, Option<String>>,
    /// Whether its build may have made files beside those of the context.
    pub makes_files: bool,
    /// Places to which it fetches others' sources; an empty one is not certain.
    pub fetched: Vec<String>,
}

impl BuildSource<'_> {
    /// What the Dockerfile makes of its context; `None` where that is not certain.
    pub fn picture(&self) -> Option<Picture> {
        let context = self.context.as_ref()?;
        let absent = |name| (name, BaseImage { absent: true, ..BaseImage::default() });
        let bases = self.base_images()?.all.into_iter().map(absent).collect();
        let question = self.question(context, &bases);
        let steps = reading::read(&question)?;
        let ending = reading::ending(&question)?;
        let entries = walk_readable(&context.directory, &context.ignore).0;
        let files = placed(&steps, &entries)?.into_iter().filter_map(|(place, at)| {
            let entry = &entries[at];
            (entry.kind == Kind::File).then(|| (place, entry.path.clone()))
        });
        let foreign = steps.iter().filter_map(|step| match step {
            Step::Foreign { path } => Some(path.clone()),
            _ => None,
        });
        Some(Picture {
            files: files.collect(),
            foreign: foreign.collect(),
            entrypoint: ending.entrypoint,
            command: ending.command,
            starts: context
                .path
                .iter()
                .flat_map(|path| starts(path, &context.dockerfile))
                .collect(),
            working_dir: ending.directory,
            environment: ending.environment,
            makes_files: ending.makes_files,
            fetched: ending.fetched,
        })
    }
}

fn starts(path: &Path, text: &str) -> Vec<Written> {
    let begins = instructions(text).into_iter();
    let begins = begins.filter(|one| matches!(one.word.as_str(), "ENTRYPOINT" | "CMD"));
    let written = begins.flat_map(|one| {
        let line = one.lines.start + 1;
        let words = one.words().into_iter();
        words.map(move |word| Written { word, file: path.to_owned(), line, column: 1 })
    });
    written.collect()
}
