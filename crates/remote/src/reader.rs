//! A remote store as an installation asks it: what it does not have, or cannot give, comes from elsewhere, and nothing that
//! it does is an error. Whoever failed once in a run is not asked again, or each wheel would wait for it anew. Bytecode
//! that is wrong says nothing of wheels, which are still asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use pyfast_packaging::hash::Sha256;
use tokio::sync::watch;

use crate::coming::Coming;
use crate::error::{Cause, Error};
use crate::list::{List, ListName, ListedPack, PackName};
use crate::remote::{Remote, pack_name, wheel_name};

/// Told why a remote store is not asked any more, once for wheels and once for bytecode.
type Told = Box<dyn Fn(&Error) + Send + Sync>;

/// A remote store that is asked for wheels.
pub struct Reader {
    remote: Remote,
    /// What a list says that it has, of the environment that is wanted.
    listed: OnceLock<Known>,
    /// Whether nobody will say any more what is listed.
    settled: watch::Sender<bool>,
    /// The most that a wheel has, in bytes: whatever is larger is none.
    most: u64,
    /// Whether it has failed.
    over: AtomicBool,
    /// Whether its bytecode has.
    bytecode_over: AtomicBool,
    told: Told,
}

/// What a list names.
struct Known {
    wheels: BTreeSet<Sha256>,
    packs: BTreeMap<PackName, ListedPack>,
}

impl Known {
    fn of(list: List) -> Self {
        Self {
            wheels: list.wheels.into_iter().map(|wheel| wheel.sha256).collect(),
            packs: list.bytecode.into_iter().map(|pack| (pack.name.clone(), pack)).collect(),
        }
    }
}

impl Reader {
    /// Asks a remote store for wheels of so many bytes at most; `told` hears once why it is not asked any more, and once
    /// why not for bytecode.
    pub fn new(remote: Remote, most: u64, told: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        Self {
            remote,
            listed: OnceLock::new(),
            settled: watch::Sender::new(false),
            most,
            over: AtomicBool::new(false),
            bytecode_over: AtomicBool::new(false),
            told: Box::new(told),
        }
    }

    /// Reads the list of an environment that consists of these wheels, so that nothing else is asked for. One that does not
    /// name them all is none of it, and each is asked for.
    pub async fn learn(&self, list: &ListName, wheels: &[Sha256]) {
        if !self.is_over() && self.listed.get().is_none() {
            match self.remote.list(list).await {
                Ok(Some(list)) => {
                    let known = Known::of(list);
                    if wheels.iter().all(|wheel| known.wheels.contains(wheel)) {
                        // The first of two that ask has said the same.
                        let _ = self.listed.set(known);
                    }
                }
                Ok(None) => {}
                Err(error) => self.give_up(&error),
            }
        }
        self.settle();
    }

    /// That nobody will read a list any more: who waits for one has waited enough.
    pub fn settle(&self) {
        self.settled.send_replace(true);
    }

    /// A wheel that it has, of this size where that is known.
    pub async fn wheel(&self, wheel: &Sha256, size: Option<u64>) -> Option<Coming> {
        let missing = self.listed.get().is_some_and(|known| !known.wheels.contains(wheel));
        if missing || self.is_over() {
            return None;
        }
        let coming = match self.remote.get(wheel).await {
            Ok(coming) => coming?,
            Err(error) => {
                self.give_up(&error);
                return None;
            }
        };
        if let Some(expected) = size.filter(|size| *size != coming.size()) {
            let found = coming.size();
            self.give_up(&coming.failed(Cause::WrongSize { expected, found }));
            return None;
        }
        (coming.size() <= self.most).then_some(coming)
    }

    /// The next bytes of a wheel; `None` at its end, and where it breaks off: [`Coming::is_whole`] tells which.
    pub async fn piece(&self, coming: &mut Coming) -> Option<Bytes> {
        coming.next().await.unwrap_or_else(|error| {
            self.give_up(&error);
            None
        })
    }

    /// The pack of this name that the list of the environment names, once that was read: without its digest nobody knows
    /// that a pack is the one that was pushed.
    pub async fn pack(&self, name: &PackName) -> Option<&ListedPack> {
        let mut settled = self.settled.subscribe();
        // The sender lives as long as this does.
        let _ = settled.wait_for(|settled| *settled).await;
        let pack = self.listed.get()?.packs.get(name)?;
        (!self.is_over() && !self.bytecode_over.load(Ordering::Relaxed)).then_some(pack)
    }

    /// The bytes of a pack, which are those that the list means.
    pub async fn pack_bytes(&self, pack: &ListedPack) -> Option<Vec<u8>> {
        match self.read_pack(pack).await {
            Ok(bytes) => bytes,
            Err(error) => {
                self.give_bytecode_up(&error);
                None
            }
        }
    }

    async fn read_pack(&self, pack: &ListedPack) -> Result<Option<Vec<u8>>, Error> {
        let Some(coming) = self.remote.get_pack(&pack.name).await? else { return Ok(None) };
        let (expected, found) = (pack.size, coming.size());
        if found != expected {
            return Err(coming.failed(Cause::WrongSize { expected, found }));
        }
        let bytes = coming.whole().await?;
        let found = Sha256::of(&bytes);
        if found != pack.sha256 {
            let name = pack_name(&pack.name);
            return Err(self.remote.failed("use", &name, Cause::WrongBytes { found }));
        }
        Ok(Some(bytes))
    }

    /// That a wheel of it has other bytes than its name promises.
    pub fn is_wrong(&self, wheel: &Sha256, found: Sha256) {
        let cause = Cause::WrongBytes { found };
        self.give_up(&self.remote.failed("use", &wheel_name(wheel), cause));
    }

    /// That a pack of it holds something else than it must.
    pub fn is_no_pack(&self, pack: &PackName, reason: String) {
        let name = pack_name(pack);
        self.give_bytecode_up(&self.remote.failed("use", &name, Cause::NoPack(reason)));
    }

    /// Asks nothing more of it.
    pub fn give_up(&self, error: &Error) {
        if !self.over.swap(true, Ordering::Relaxed) {
            (self.told)(error);
        }
    }

    /// Asks for no more bytecode of it.
    fn give_bytecode_up(&self, error: &Error) {
        if !self.bytecode_over.swap(true, Ordering::Relaxed) {
            (self.told)(error);
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}
