//! Layers, packed once: one whose content was packed before is found in the store. Owns what decides that, and how
//! entries of a root become those of a layer; must not know which layers an image has.

use std::io::{self, BufWriter, Read, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyfast_installer::generation::frozen::{Entry, What};
use pyfast_installer::store::{KeptLayer, Store};
use pyfast_oci::{
    self as oci, Blob, Content, Descriptor, Digest, LAYER_FORMAT, Layer, Made, Node, Source, media,
};
use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::LAUNCHER;
use pyfast_root::{Dir, Fingerprint};
use serde::{Deserialize, Serialize};

use super::Packed;
use super::groups::Piece;
use crate::error::Error;
use crate::event::{Event, Events};

/// What every path of an image begins with, of what is in a root.
const TOP: &str = "pyfast";

/// What becomes a layer.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    /// What it holds, in words.
    holds: String,
    entries: Vec<Entry>,
    /// What its content is a function of; `None` for what is quicker packed than looked for.
    key: Option<Sha256>,
    /// The wheels in it.
    wheels: Vec<Sha256>,
}

/// What is said of a kept layer.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    digest: Digest,
    size: u64,
    diff_id: Digest,
    /// That this is what was written of that key: the digest of both.
    #[serde(default)]
    proof: String,
}

impl About {
    /// Says what a layer is, whose key is the proof's.
    fn new(layer: &oci::Packed, key: Option<&Sha256>) -> Self {
        let Descriptor { digest, size, .. } = layer.descriptor;
        let about = Self { digest, size, diff_id: layer.diff_id, proof: String::new() };
        let proof = key.map_or_else(String::new, |key| about.proof_of(key));
        Self { proof, ..about }
    }

    fn proof_of(&self, key: &Sha256) -> String {
        let Self { digest, size, diff_id, proof: _ } = self;
        Sha256::of(format!("{key} {digest} {size} {diff_id}").as_bytes()).to_string()
    }
}

impl Parcel {
    /// The environment itself, which is another one each time.
    pub(super) fn of_environment(entries: Vec<Entry>) -> Self {
        let holds = "the environment".to_owned();
        Self { holds, entries, key: None, wheels: Vec::new() }
    }

    /// A Python that was brought.
    pub(super) fn of_python(id: &str, entries: Vec<Entry>) -> Self {
        Self::keyed(format!("the Python {id}"), entries, Vec::new())
    }

    /// Wheels.
    pub(super) fn of_wheels(piece: &Piece<'_>, entries: Vec<Entry>) -> Self {
        let wheels = piece.packages.iter().map(|package| package.sha256).collect();
        Self::keyed(piece.to_string(), entries, wheels)
    }

    /// The program that runs in the image.
    pub(super) fn of_program(program: &Path) -> Result<Self, Error> {
        let content = fs_err::read(program).map_err(Error::Program)?;
        let what = What::Text { content, executable: true };
        let entries = vec![Entry { path: LAUNCHER.to_owned(), what }];
        Ok(Self::keyed("pyfast".to_owned(), entries, Vec::new()))
    }

    fn keyed(holds: String, entries: Vec<Entry>, wheels: Vec<Sha256>) -> Self {
        let key = Some(key(&entries));
        Self { holds, entries, key, wheels }
    }

    fn layer(&self, top: &Dir) -> Result<Layer<'static>, Error> {
        let mut layer = Layer::default();
        for entry in &self.entries {
            layer.put(&format!("{TOP}/{}", entry.path), node(&entry.what, top))?;
        }
        Ok(layer)
    }
}

/// What the content of a layer is a function of. A file of the store is known by its digest, those that say what a Python is
/// by their path, which has its digest.
fn key(entries: &[Entry]) -> Sha256 {
    let mut parts = Vec::with_capacity(entries.len());
    for Entry { path, what } in entries {
        parts.push(match what {
            What::Directory => format!("{path}\0d"),
            What::Link(target) => format!("{path}\0l{target}"),
            What::Text { content, executable } => {
                format!("{path}\0t{executable}{}", Sha256::of(content))
            }
            What::Stored { place, size, sha256, executable } => {
                let known =
                    sha256.map_or_else(|| place.display().to_string(), |known| known.to_string());
                format!("{path}\0s{executable}{size} {known}")
            }
        });
    }
    let print = Fingerprint::new("layer", LAYER_FORMAT).fields("entries", parts).finish();
    Sha256::of(print.as_bytes())
}

fn node(what: &What, top: &Dir) -> Node<'static> {
    match what {
        What::Directory => Node::Directory,
        What::Link(target) => Node::Link(target.clone()),
        What::Text { content, executable } => Node::text(content.clone(), *executable),
        What::Stored { place, size, sha256, executable } => {
            let (top, place) = (top.clone(), place.clone());
            let open = move || -> io::Result<Box<dyn Read>> {
                let opened = top.open(&place).map_err(io::Error::other)?;
                let (file, _) = opened.ok_or(io::ErrorKind::NotFound)?;
                Ok(Box::new(file))
            };
            let digest = sha256.map(|Sha256(bytes)| Digest::from(bytes));
            let source = Source::Opened { open: Box::new(open), digest };
            Node::File { source, size: *size, executable: *executable }
        }
    }
}

/// Who packs, and keeps what was packed.
pub(super) struct Packing<'a> {
    pub(super) store: &'a Store,
    pub(super) events: &'a Events,
}

impl Packing<'_> {
    /// Has all of these packed, in their order: several at the same time.
    pub(super) fn all(&self, parcels: &[Parcel]) -> Result<Vec<(Packed, Made)>, Error> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Result<_, Error>)>> = Mutex::default();
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(parcel) = parcels.get(index) else { return };
                let made = self.one(parcel);
                let failed = made.is_err();
                done.lock().unwrap_or_else(PoisonError::into_inner).push((index, made));
                if failed {
                    // Nobody begins another one.
                    next.store(parcels.len(), Ordering::Relaxed);
                }
            }
        };
        std::thread::scope(|scope| {
            (0..cores.min(parcels.len())).for_each(|_| _ = scope.spawn(work));
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, made)| made).collect()
    }

    fn one(&self, parcel: &Parcel) -> Result<(Packed, Made), Error> {
        let found = match &parcel.key {
            Some(key) => self.found(key)?,
            None => None,
        };
        let new = found.is_none();
        let (about, content) = match (found, &parcel.key) {
            (Some(found), _) => found,
            (None, Some(key)) => self.kept(key, parcel)?,
            (None, None) => {
                let mut bytes = Vec::new();
                let about = pack(parcel, self.store, &mut bytes)?;
                (about, Content::Memory(bytes))
            }
        };
        let About { digest, size, diff_id, proof: _ } = about;
        if new {
            (self.events)(Event::Detail(format!("packed {} ({size} bytes)", parcel.holds)));
        }
        let descriptor = Descriptor::new(media::LAYER_GZIP, digest, size);
        let holds = parcel.holds.clone();
        let packed = Packed {
            digest: digest.to_string(),
            diff_id: diff_id.to_string(),
            size,
            holds: holds.clone(),
            new,
        };
        let created_by = format!("pyfast freeze: {holds}");
        Ok((packed, Made { blob: Blob { descriptor, content }, diff_id, created_by }))
    }

    /// What was packed before; whatever is not whole is packed anew.
    fn found(&self, key: &Sha256) -> Result<Option<(About, Content)>, Error> {
        let Some(KeptLayer { file, size, about }) = self.store.kept_layer(key)? else {
            return Ok(None);
        };
        let about: Option<About> = serde_json::from_slice(&about).ok();
        let is_whole = |about: &About| about.size == size && about.proof == about.proof_of(key);
        let Some(about) = about.filter(is_whole) else { return Ok(None) };
        let descriptor = Descriptor::new(media::LAYER_GZIP, about.digest, size);
        let blob = Blob { descriptor, content: Content::File(Arc::new(file)) };
        let is_whole = blob.copy_to(&mut io::sink()).is_ok();
        Ok(is_whole.then_some((about, blob.content)))
    }

    /// A layer has no path, and who makes room has to know where.
    fn told(&self, error: Error) -> Error {
        match error {
            Error::Image(error) => match *error {
                oci::Error::Write(source) => {
                    let path = self.store.root().written().to_owned();
                    pyfast_installer::Error::Io { act: "write a layer into", path, source }.into()
                }
                other => other.into(),
            },
            other => other,
        }
    }

    /// Packs what is kept for the next time.
    fn kept(&self, key: &Sha256, parcel: &Parcel) -> Result<(About, Content), Error> {
        self.store.keep_layer(key, &parcel.wheels, |file| {
            let mut to = BufWriter::new(file);
            let about = pack(parcel, self.store, &mut to);
            let flushed =
                |about| to.flush().map(|()| about).map_err(|error| oci::Error::Write(error).into());
            let about = about.and_then(flushed).map_err(|error| self.told(error))?;
            // Digests and numbers always have a JSON form.
            Ok::<_, Error>(serde_json::to_vec(&about).unwrap_or_default())
        })?;
        let gone = || pyfast_installer::Error::Damaged {
            path: self.store.root().written().join(key.to_string()),
            reason: "what was just packed is gone".to_owned(),
        };
        Ok(self.found(key)?.ok_or_else(gone)?)
    }
}

fn pack(parcel: &Parcel, store: &Store, to: &mut dyn io::Write) -> Result<About, Error> {
    let packed = parcel.layer(store.root().top())?.pack(to)?;
    Ok(About::new(&packed, parcel.key.as_ref()))
}
