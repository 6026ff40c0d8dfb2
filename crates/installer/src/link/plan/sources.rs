//! What the store knows of the wheels of an environment: their manifests, read once, and what of it is in
//! which directory. Decides nothing but what to read.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use pyfast_root::Dir;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::bytecode;
use crate::error::Error;
use crate::link::mode::LinkMode;
use crate::link::{EnvironmentSpec, Package};
pub(super) use crate::store::listing::Child;
use crate::store::listing::Listing;
use crate::store::manifest::{Manifest, StoredFile};
use crate::store::{self, Store};

/// The most that a file has that is read to be rewritten or compared, in bytes.
const LIMIT: u64 = 1 << 30;

/// A package with what the store knows of its wheel.
pub(super) struct Source<'a> {
    pub(super) package: &'a Package,
    pub(super) manifest: Arc<Manifest>,
    /// Whether its files must be real, not behind a directory link.
    pub(super) real: bool,
    /// Files that are others in this environment, by their paths in the wheel's directory.
    pub(super) rewritten: FxHashMap<String, Vec<u8>>,
    /// The interpreter's cache tag.
    tag: Option<&'a str>,
    /// The end of the names of its bytecode; looked at when it is asked for. Behind a link nobody asks.
    compiled: OnceLock<Option<String>>,
    store: &'a Store,
    /// Every file; read when it is asked for. Most wheels of a tree are never asked.
    listing: OnceLock<Listing>,
    /// What `root/` holds, as [`Child::inside`] of the topmost directories and files.
    tops: Vec<(String, bool)>,
}

/// Reads what is needed of every wheel.
pub(super) fn read<'a>(
    store: &'a Store,
    spec: &'a EnvironmentSpec,
) -> Result<Vec<Source<'a>>, Error> {
    spec.packages.par_iter().map(|package| Source::read(store, package, spec)).collect()
}

impl<'a> Source<'a> {
    fn read(
        store: &'a Store,
        package: &'a Package,
        spec: &'a EnvironmentSpec,
    ) -> Result<Self, Error> {
        let manifest = store.manifest(&package.sha256)?;
        let behind_links = spec.options.link_mode == LinkMode::Tree;
        let real = !behind_links || spec.options.real.contains(&package.name);
        let tops = manifest.top_level.iter();
        let tops = tops.map(|top| (format!("root/{}", top.name), top.directory)).collect();
        let tag = spec.interpreter.cache_tag.as_deref();
        let (compiled, listing) = (OnceLock::new(), OnceLock::new());
        let rewritten = FxHashMap::default();
        let source =
            Self { package, manifest, real, rewritten, tag, compiled, store, listing, tops };
        if !behind_links {
            // Of each, which is why it is done here: side by side.
            source.listing()?;
        }
        Ok(source)
    }

    /// Its directory in the store.
    pub(super) fn wheel(&self) -> Result<Dir, Error> {
        store::directory(self.store.root(), &self.package.sha256)
    }

    /// The end of the names of its bytecode, where it has been compiled for the environment's interpreter.
    pub(super) fn compiled(&self) -> Result<Option<&str>, Error> {
        let Some(tag) = self.tag else { return Ok(None) };
        if self.compiled.get().is_none() {
            let there = bytecode::has_marker(&self.wheel()?, tag);
            self.compiled.get_or_init(|| there.then(|| format!(".{tag}.pyc")));
        }
        Ok(self.compiled.get().and_then(Option::as_deref))
    }

    fn listing(&self) -> Result<&Listing, Error> {
        if let Some(listing) = self.listing.get() {
            return Ok(listing);
        }
        let listing = Listing::read(&self.manifest, &self.wheel()?)?;
        Ok(self.listing.get_or_init(|| listing))
    }

    /// A file that the manifest lists.
    pub(super) fn file(&self, inside: &str) -> Result<StoredFile, Error> {
        self.listing()?.file(inside)?.ok_or_else(|| self.missing(inside))
    }

    /// Every file in a directory, sorted by path.
    pub(super) fn files_below(&self, directory: &str) -> Result<Vec<StoredFile>, Error> {
        self.listing()?.below(directory)
    }

    /// What goes to the top of site-packages, sorted by name; not its dist-info.
    pub(super) fn top_level(&self) -> impl Iterator<Item = Child<'_>> {
        let names = self.manifest.top_level.iter().zip(&self.tops);
        names.filter(|(top, _)| top.name != self.manifest.dist_info).map(|(top, (inside, _))| {
            let directory = top.directory;
            Child { name: &top.name, inside, directory }
        })
    }

    /// What a directory of the wheel holds, sorted by path.
    pub(super) fn children(&self, directory: &str) -> Result<Vec<Child<'_>>, Error> {
        self.listing()?.children(directory)
    }

    /// Whether there is anything in a directory of the wheel.
    pub(super) fn has(&self, directory: &str) -> Result<bool, Error> {
        self.listing()?.has(directory)
    }

    /// The names of the bytecode that was compiled in a directory of the wheel.
    pub(super) fn bytecode(&self, directory: &str) -> Result<BTreeSet<String>, Error> {
        let Some(end) = self.compiled()? else { return Ok(BTreeSet::new()) };
        let cache = self.wheel()?.find_dir(format!("{directory}/{}", store::CACHE))?;
        let Some(cache) = cache else { return Ok(BTreeSet::new()) };
        let files = cache.entries()?.into_iter().filter(|entry| !entry.kind.is_dir());
        let names = files.filter_map(|entry| entry.name.into_string().ok());
        Ok(names.filter(|name| name.ends_with(end)).collect())
    }

    /// The content of a stored file, which must be there.
    pub(super) fn content(&self, inside: &str) -> Result<Vec<u8>, Error> {
        self.wheel()?.read(inside, LIMIT)?.ok_or_else(|| self.missing(inside))
    }

    /// The text of a stored file, which must be there.
    pub(super) fn text(&self, inside: &str) -> Result<String, Error> {
        self.wheel()?.read_text(inside, LIMIT)?.ok_or_else(|| self.missing(inside))
    }

    /// The error for a file that must be there and is not.
    pub(super) fn missing(&self, inside: &str) -> Error {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        let place = pyfast_root::layout::wheel_place(&self.package.sha256.to_string());
        Error::io("read", &self.store.root().written().join(place).join(inside))(missing)
    }
}
