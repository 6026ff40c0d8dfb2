//! Bytecode that the remote store has of a wheel: taken where the wheel would be compiled. What it has wrong or does not
//! give is compiled. Knows nothing of what is in a pack.

use std::sync::Arc;

use pyfast_index::joined;

use super::{MEMORY_UNITS, Shared, UNIT, Wanted};
use crate::error::Error;
use crate::event::Event;

/// What a pack holds is about so many times as large as itself; both are in memory at once.
const UNPACKED: u64 = 6;

impl Shared {
    /// Gives a wheel of the store the bytecode that the list of the environment names, where it has none.
    pub(super) async fn restore(self: &Arc<Self>, wanted: &Wanted) -> Result<(), Error> {
        let (sha256, shared) = (wanted.sha256, Arc::clone(self));
        let Some((remote, form)) = self.remote.as_ref().zip(self.bytecode.as_ref()) else {
            return Ok(());
        };
        let name = form.name(&sha256);
        let lacks = move |shared: &Self| match &shared.bytecode {
            Some(form) => form.lacks(shared.store.root(), &sha256),
            None => Ok(false),
        };
        if !self.look(lacks).await? {
            return Ok(());
        }
        let Some(listed) = remote.pack(&name).await else { return Ok(()) };
        let units = listed.size.saturating_mul(UNPACKED) / UNIT + 1;
        let units = u32::try_from(units).unwrap_or(MEMORY_UNITS).min(MEMORY_UNITS);
        let _memory = self.memory.acquire_many(units).await;
        let Some(pack) = remote.pack_bytes(listed).await else { return Ok(()) };
        let restore = move || match &shared.bytecode {
            Some(form) => form.restore(shared.store.root(), &sha256, &pack),
            None => Ok(0),
        };
        match joined(tokio::task::spawn_blocking(restore)).await {
            Ok(modules) => {
                let wheel = wanted.filename.to_string();
                (self.sink)(Event::Restored { wheel, modules });
            }
            Err(Error::Pack(refusal)) => remote.is_no_pack(&name, refusal.to_string()),
            Err(other) => return Err(other),
        }
        Ok(())
    }
}
