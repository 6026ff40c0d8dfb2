//! The bytecode of an environment's wheels in the remote store, a pack each. Owns whether it may be pushed, and that a list
//! names no pack but one that holds what was compiled here; what was packed before and is there is not packed again. Must not
//! know what is in one.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyfast_index::cache::Cache;
use pyfast_index::joined;
use pyfast_installer::bytecode::{Form, LARGEST_PACK};
use pyfast_installer::generation::current;
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::Habitat;
use pyfast_installer::store::Store;
use pyfast_packaging::hash::Sha256;
use pyfast_remote::{Content, Listed, ListedPack, Put, Remote};
use pyfast_root::Root;
use pyfast_settings::Settings;

use super::{AT_ONCE, Done};
use crate::afterwards::wait;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::interpreter::compiling_python;
use crate::reach::reach;
use crate::setting::habitat;
use crate::volume_place::subject;

/// What is remembered of packs, in the cache.
const RECORDS: &str = "packs-1";

/// Bytecode that may be pushed.
pub(super) struct Bytecode {
    /// Remembers what was packed.
    cache: Cache,
    /// Nobody collects its wheels meanwhile.
    store: Arc<Store>,
    form: Arc<Form>,
}

/// What there is to push.
enum Found {
    Bytecode(Bytecode),
    /// Nothing, and why.
    Nothing(&'static str),
}

impl Bytecode {
    /// That of the current generation, all of which is compiled then; `None` where nobody wants it to be pushed, and where it
    /// cannot be, which is told.
    pub(super) fn of(
        settings: &Settings,
        python: &Interpreter,
        events: &Events,
    ) -> Result<Option<Self>, Error> {
        if !settings.remote_bytecode() {
            return Ok(None);
        }
        match Self::find(settings, python, events)? {
            Found::Bytecode(bytecode) => Ok(Some(bytecode)),
            Found::Nothing(why) => {
                events(Event::Warning(format!("bytecode is not pushed: {why}")));
                Ok(None)
            }
        }
    }

    fn find(settings: &Settings, python: &Interpreter, events: &Events) -> Result<Found, Error> {
        if habitat(settings) == Habitat::Host {
            return Ok(Found::Nothing(
                "what is in a directory for this machine alone is compared with its modules",
            ));
        }
        let Some((written, seen)) = reach(settings)? else {
            return Ok(Found::Nothing("only containers reach the volume"));
        };
        let nothing = Found::Nothing("there is no environment");
        let Some(root) = Root::find(&written, &seen)? else { return Ok(nothing) };
        let Some(generation) = current(&root, &subject(settings).name()?)? else {
            return Ok(nothing);
        };
        if !generation.spec(&root)?.options.compiled {
            return Ok(Found::Nothing("the environment was made without it"));
        }
        if !wait(&root, &generation, settings, events)? {
            return Ok(Found::Nothing("it could not be compiled"));
        }
        let compiling = compiling_python(settings, python);
        let Some(form) = Form::of(compiling.as_ref().unwrap_or(python)) else {
            return Ok(Found::Nothing("this Python does not always compile to the same"));
        };
        let store = Arc::new(Store::open(&root, &|_| ())?);
        let cache = Cache::new(Some(settings.cache_directory()?));
        Ok(Found::Bytecode(Self { cache, store, form: Arc::new(form) }))
    }

    /// Has the packs of these wheels there; `earlier` are those of which a list says that they are.
    pub(super) async fn push(
        &self,
        remote: &Remote,
        wheels: &[Done<Listed>],
        earlier: &[ListedPack],
    ) -> Result<Vec<Done<ListedPack>>, Error> {
        let one = |wheel: Sha256| async move { self.one(remote, wheel, earlier).await };
        let wheels = wheels.iter().map(|done| done.listed.sha256);
        let pushed = stream::iter(wheels).map(one).buffer_unordered(AT_ONCE);
        pushed.try_filter_map(|done| async { Ok(done) }).try_collect().await
    }

    async fn one(
        &self,
        remote: &Remote,
        wheel: Sha256,
        earlier: &[ListedPack],
    ) -> Result<Option<Done<ListedPack>>, Error> {
        let done = |listed, put| Ok(Some(Done { listed, put }));
        let mark = self.aside(move |form, store| form.mark(store.root(), &wheel)).await?;
        let Some(mark) = mark else { return Ok(None) };
        let place = Sha256::of(format!("{} {mark}", remote.address()).as_bytes());
        let there = remote.has_pack(&self.form.name(&wheel)).await?;
        // Somebody may have put another one there since. Who reads compares it with what the list says.
        if let Some(known) = self.recall(&place, &wheel).filter(|one| there == Some(one.size)) {
            return done(known, Put::There);
        }
        let pack = self.aside(move |form, store| form.pack(store.root(), &wheel)).await?;
        let Some(pack) = pack else { return Ok(None) };
        let (sha256, size) = (Sha256::of(&pack), pack.len() as u64);
        let ours = ListedPack { name: self.form.name(&wheel), sha256, size };
        let is_listed = there == Some(size) && earlier.contains(&ours);
        let (listed, put) = if is_listed {
            (ours, Put::There)
        } else {
            self.bring(remote, ours, &Content::Memory(pack.into()), there).await?
        };
        let (sha256, size) = (listed.sha256, listed.size);
        self.cache.remember(RECORDS, &place.to_string(), format!("{sha256} {size}").as_bytes());
        done(listed, put)
    }

    /// Has a pack be there, where one of this size may be.
    async fn bring(
        &self,
        remote: &Remote,
        ours: ListedPack,
        content: &Content,
        there: Option<u64>,
    ) -> Result<(ListedPack, Put), Error> {
        if there.is_none() && remote.put_pack(&ours.name, content).await? == Put::Written {
            return Ok((ours, Put::Written));
        }
        if let Some(theirs) = self.same(remote, &ours).await? {
            return Ok((theirs, Put::There));
        }
        remote.replace_pack(&ours.name, content).await?;
        Ok((ours, Put::Written))
    }

    /// What was there before of the same bytecode, compared or put by this machine.
    fn recall(&self, place: &Sha256, wheel: &Sha256) -> Option<ListedPack> {
        let text = String::from_utf8(self.cache.recall(RECORDS, &place.to_string())?).ok()?;
        let (sha256, size) = text.split_once(' ')?;
        let (sha256, size) = (sha256.parse().ok()?, size.parse().ok()?);
        Some(ListedPack { name: self.form.name(wheel), sha256, size })
    }

    /// The pack that is there, where it holds the same: another version of what packs it may write other bytes.
    async fn same(&self, remote: &Remote, ours: &ListedPack) -> Result<Option<ListedPack>, Error> {
        let Some(coming) = remote.get_pack(&ours.name).await? else { return Ok(None) };
        let size = coming.size();
        if size > LARGEST_PACK {
            return Ok(None);
        }
        let (bytes, wheel) = (coming.whole().await?, ours.name.wheel);
        let theirs = ListedPack { sha256: Sha256::of(&bytes), size, name: ours.name.clone() };
        let same = theirs == *ours
            || self.aside(move |form, store| form.is_same(store.root(), &wheel, &bytes)).await?;
        Ok(same.then_some(theirs))
    }

    /// Does what takes its time on a thread that may.
    async fn aside<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Form, &Store) -> Result<T, pyfast_installer::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (form, store) = (Arc::clone(&self.form), Arc::clone(&self.store));
        Ok(joined(tokio::task::spawn_blocking(move || act(&form, &store))).await?)
    }
}
