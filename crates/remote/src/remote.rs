//! A remote store: which objects it has, and how they are named. Same name, same bytes: who comes second has nothing to do.
//! Owns the layout; must not know which wheels anybody wants.

use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Error as EngineError, ObjectStoreExt as _};
use pyfast_packaging::hash::Sha256;
use sha2::Digest as _;

use crate::address::Address;
use crate::coming::Coming;
use crate::engine::{Engine, Patience, Reach};
use crate::error::{Cause, Error};
use crate::list::{BYTECODE, List, ListName, PackName};

/// No list has more bytes.
const LONGEST_LIST: u64 = 16 << 20;

/// A remote store.
pub struct Remote {
    address: Address,
    pub(crate) engine: Engine,
    pub(crate) patience: Patience,
    /// Whether the server refuses to create only what is not there.
    pub(crate) unconditional: AtomicBool,
}

impl Remote {
    /// Makes a remote store ready; nothing is asked.
    ///
    /// # Errors
    /// If the engine cannot be made ready with what it is told.
    pub fn open(address: Address, reach: Reach) -> Result<Self, Error> {
        let patience = reach.patience;
        let engine = Engine::open(&address, reach)?;
        Ok(Self { address, engine, patience, unconditional: AtomicBool::new(false) })
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The size of a wheel that is there.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub async fn has(&self, wheel: &Sha256) -> Result<Option<u64>, Error> {
        self.size_of(wheel_name(wheel)).await
    }

    /// The size of a pack that is there.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub async fn has_pack(&self, pack: &PackName) -> Result<Option<u64>, Error> {
        self.size_of(pack_name(pack)).await
    }

    async fn size_of(&self, name: String) -> Result<Option<u64>, Error> {
        let path = self.path(&name);
        let asked = self.in_time("look for", &name, self.engine.store.head(&path)).await?;
        match asked {
            Ok(facts) => Ok(Some(facts.size)),
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("look for", &name, error.into())),
        }
    }

    /// A wheel that is there. Its bytes are whatever somebody has written: who takes them compares their digest.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn get(&self, wheel: &Sha256) -> Result<Option<Coming>, Error> {
        self.read(&wheel_name(wheel)).await
    }

    /// A pack that is there; what [`Remote::get`] says of bytes goes for it too.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn get_pack(&self, pack: &PackName) -> Result<Option<Coming>, Error> {
        self.read(&pack_name(pack)).await
    }

    /// Whether a wheel that is there has the bytes that its name promises: all of them are read.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn is_right(&self, wheel: &Sha256) -> Result<bool, Error> {
        let Some(mut coming) = self.get(wheel).await? else { return Ok(false) };
        let mut digest = sha2::Sha256::new();
        while let Some(piece) = coming.next().await? {
            digest.update(&piece);
        }
        Ok(Sha256(digest.finalize().into()) == *wheel)
    }

    /// A list that is there.
    ///
    /// # Errors
    /// If it cannot be read, or is none.
    pub async fn list(&self, list: &ListName) -> Result<Option<List>, Error> {
        let name = list_name(list);
        let Some(coming) = self.read(&name).await? else { return Ok(None) };
        if coming.size() > LONGEST_LIST {
            let words = format!("it has {} bytes", coming.size());
            return Err(coming.failed(Cause::NoList(words)));
        }
        let bytes = coming.whole().await?;
        let list =
            List::read(&bytes).map_err(|words| self.failed("read", &name, Cause::NoList(words)))?;
        Ok(Some(list))
    }

    /// That something could not be done with an object of it.
    pub(crate) fn failed(&self, act: &'static str, object: &str, cause: Cause) -> Error {
        Error { act, object: object.to_owned(), remote: self.address.to_string(), cause }
    }

    pub(crate) fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.engine.prefix.clone(), Path::join)
    }

    async fn read(&self, name: &str) -> Result<Option<Coming>, Error> {
        let path = self.path(name);
        match self.in_time("read", name, self.engine.store.get(&path)).await? {
            Ok(got) => {
                Ok(Some(Coming::new(got, name.to_owned(), self.address.to_string(), self.patience)))
            }
            Err(error @ EngineError::NotFound { .. }) if self.is_nowhere(&error).await => {
                Err(self.failed("read", name, error.into()))
            }
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", name, error.into())),
        }
    }

    /// That a directory is there: none is made where its name may be mistyped, or only a project's file has said it. A
    /// bucket says so itself.
    ///
    /// # Errors
    /// [`Cause::Nowhere`].
    pub async fn is_there(&self) -> Result<(), Error> {
        let Address::Directory(directory) = self.address.clone() else { return Ok(()) };
        let looked = tokio::task::spawn_blocking(move || fs_err::metadata(directory)).await;
        match looked {
            Ok(Err(error)) => {
                Err(self.failed("write", "any object", Cause::Nowhere(error.to_string())))
            }
            _ => Ok(()),
        }
    }

    /// Whether the whole store is missing, and not the object alone: nobody would notice a name that is mistyped.
    async fn is_nowhere(&self, error: &EngineError) -> bool {
        match &self.address {
            Address::Directory(directory) => {
                let directory = directory.clone();
                let looked = tokio::task::spawn_blocking(move || directory.is_dir()).await;
                !looked.unwrap_or(true)
            }
            Address::Bucket { .. } => Cause::words_of(error).contains("NoSuchBucket"),
        }
    }

    pub(crate) async fn in_time<T>(
        &self,
        act: &'static str,
        name: &str,
        asked: impl Future<Output = T>,
    ) -> Result<T, Error> {
        self.within(self.patience.answer, act, name, asked).await
    }

    pub(crate) async fn within<T>(
        &self,
        patience: Duration,
        act: &'static str,
        name: &str,
        asked: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let answer = tokio::time::timeout(patience, asked).await;
        answer.map_err(|_elapsed| self.failed(act, name, Cause::Silent))
    }
}

/// The name of a wheel.
pub(crate) fn wheel_name(wheel: &Sha256) -> String {
    let digest = wheel.to_string();
    format!("v1/wheels/{}/{digest}.whl", &digest[..2])
}

/// The name of a pack.
pub(crate) fn pack_name(pack: &PackName) -> String {
    let PackName { wheel, tag, options } = pack;
    let wheel = wheel.to_string();
    format!("{BYTECODE}{}/{wheel}-{tag}-{options}.tar.zst", &wheel[..2])
}

/// The name of a list.
pub(crate) fn list_name(list: &ListName) -> String {
    let ListName { lock, target } = list;
    format!("v1/envs/{lock}-{target}.json")
}
