//! What was made of stored wheels to be carried away, and is kept for the next time: a packed layer, and what whoever made
//! it says of it. Owns its place and that it appears whole; must not know in what form it is packed.
//!
//! ```text
//! store/v1/layers/<key>/
//!   layer    the packed bytes
//!   wheels   the digests of the wheels that it has, a line each: it goes with the first of them
//!   about    what its maker says of it
//! ```

use std::fs::File;

use pyfast_packaging::hash::Sha256;
use pyfast_root::Dir;

use super::Store;
use crate::error::Error;

const LAYER: &str = "layer";
const WHEELS: &str = "wheels";
const ABOUT: &str = "about";
/// The most that is said of a layer, in bytes.
const LIMIT: u64 = 1 << 20;

/// A layer that is kept.
#[derive(Debug)]
pub struct KeptLayer {
    /// Its bytes.
    pub file: File,
    /// How many there are.
    pub size: u64,
    /// What its maker says of it.
    pub about: Vec<u8>,
}

impl Store {
    /// The layer of this key, if it is kept. Its bytes are believed by nobody: whoever has its digest compares.
    ///
    /// # Errors
    /// If something else is in its place.
    pub fn kept_layer(&self, key: &Sha256) -> Result<Option<KeptLayer>, Error> {
        let Some(layers) = self.root.layers()? else { return Ok(None) };
        let Some(directory) = layers.find_dir(key.to_string())? else { return Ok(None) };
        let opened = directory.open(LAYER)?.zip(directory.read(ABOUT, LIMIT)?);
        Ok(opened.map(|((file, facts), about)| KeptLayer { file, size: facts.size, about }))
    }

    /// Keeps a layer that `write` writes, and says what it is. One of the same key goes.
    ///
    /// # Errors
    /// What writing fails with, and what the disk refuses; nothing is kept then.
    pub fn keep_layer<E: From<Error>>(
        &self,
        key: &Sha256,
        wheels: &[Sha256],
        write: impl FnOnce(&File) -> Result<Vec<u8>, E>,
    ) -> Result<(), E> {
        let name = self.fresh_name()?;
        let made = self.make_layer(&name, wheels, write);
        let kept = made.and_then(|()| Ok(self.let_appear(&name, key)?));
        if kept.is_err() {
            // The first error is the one to report; leavings are swept later.
            let _ = self.workspace().remove_tree(&name);
        }
        kept
    }

    fn make_layer<E: From<Error>>(
        &self,
        name: &str,
        wheels: &[Sha256],
        write: impl FnOnce(&File) -> Result<Vec<u8>, E>,
    ) -> Result<(), E> {
        let directory = self.begin_layer(name)?;
        let file = directory.create(LAYER, 0o444).map_err(Error::from)?;
        let about = write(&file)?;
        let path = directory.path().join(LAYER);
        file.sync_all().map_err(Error::io("sync", &path))?;
        let wheels: String = wheels.iter().map(|wheel| format!("{wheel}\n")).collect();
        let texts = [(WHEELS, wheels.as_bytes()), (ABOUT, &about)];
        for (name, text) in texts {
            directory.write_new(name, text, 0o444).map_err(Error::from)?;
        }
        Ok(())
    }

    fn begin_layer(&self, name: &str) -> Result<Dir, Error> {
        self.workspace().create_dir(name, 0o755)?;
        Ok(self.workspace().dir(name)?)
    }

    fn let_appear(&self, name: &str, key: &Sha256) -> Result<(), Error> {
        self.forget_layer(key)?;
        let layers = self.root.make_layers()?;
        let place = key.to_string();
        match self.workspace().rename(name, &layers, &place) {
            // Another process may have been faster.
            Err(_) if layers.has_dir(&place) => Ok(self.workspace().remove_tree(name)?),
            renamed => Ok(renamed?),
        }
    }

    /// Removes a layer that is kept; false where there is none.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn forget_layer(&self, key: &Sha256) -> Result<bool, Error> {
        let (Some(layers), place) = (self.root.layers()?, key.to_string()) else {
            return Ok(false);
        };
        if layers.facts(&place)?.is_none() {
            return Ok(false);
        }
        let away = self.fresh_name()?;
        layers.rename(&place, self.workspace(), &away)?;
        self.workspace().remove_tree(&away)?;
        Ok(true)
    }
}

/// The wheels that a kept layer has; `None` for what does not say so.
pub(crate) fn wheels_of(layer: &Dir) -> Option<Vec<Sha256>> {
    let text = layer.read_text(WHEELS, LIMIT).ok()??;
    text.lines().map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;
    use crate::fixtures::Sandbox;

    fn keep(sandbox: &Sandbox, text: &[u8]) -> Result<(), Error> {
        sandbox.store.keep_layer(&Sha256([1; 32]), &[Sha256([2; 32])], |mut file| {
            file.write_all(text).unwrap();
            Ok(b"about it".to_vec())
        })
    }

    fn kept(sandbox: &Sandbox) -> Option<(String, Vec<u8>)> {
        let mut kept = sandbox.store.kept_layer(&Sha256([1; 32])).unwrap()?;
        let mut text = String::new();
        kept.file.read_to_string(&mut text).unwrap();
        assert_eq!(kept.size, text.len() as u64);
        Some((text, kept.about))
    }

    #[test]
    fn what_is_kept_is_found_until_another_takes_its_place() {
        let sandbox = Sandbox::new();
        assert_eq!(kept(&sandbox), None);
        for text in ["one", "another"] {
            keep(&sandbox, text.as_bytes()).unwrap();
            assert_eq!(kept(&sandbox), Some((text.to_owned(), b"about it".to_vec())));
        }
        assert!(sandbox.store.forget_layer(&Sha256([1; 32])).unwrap());
        assert_eq!(kept(&sandbox), None);
        assert!(!sandbox.store.forget_layer(&Sha256([1; 32])).unwrap());
    }

    #[test]
    fn what_fails_on_the_way_is_not_kept_and_leaves_nothing() {
        let sandbox = Sandbox::new();
        let failed = sandbox.store.keep_layer(&Sha256([1; 32]), &[], |_| {
            Err(Error::NotInStore { wheel: Sha256([3; 32]) })
        });
        assert!(failed.is_err());
        assert_eq!(kept(&sandbox), None);
        assert_eq!(sandbox.store.workspace().entries().unwrap().len(), 0);
    }
}
