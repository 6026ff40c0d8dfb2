//! Volumes and the containers that stand between this program and them: finding and making a volume, putting the binary
//! into it, and running commands that write it, ask an image, or may touch neither. Owns what such a container is made
//! of; must not know what is kept in a volume.

mod archive;
mod binary;
mod confined;
mod glimpse;
mod helper;
mod inject;
mod keeper;
mod owner;
mod probe;
mod scratch;
mod store;

pub use binary::{Binary, Builds};
pub use confined::{CONFINED_FILES, CONFINED_OUT, CONFINED_WORK, ConfinedRun, Left, run_confined};
pub use glimpse::Glimpse;
pub use helper::{HelperFile, HelperRun, VolumeRun, run_helper, run_on_volume};
pub use inject::{Injected, inject};
pub use keeper::{keep_volume, remove_volume};
pub use probe::{INTERPRETERS, Probe, ProbeRequest, probe};
pub use scratch::remove_leftovers;
pub use store::{
    Access, ID_LABEL, MOUNT_POINT, PROJECT_LABEL, SCHEMA, SCHEMA_LABEL, STORE_LABEL, StoreVolume,
    ask_volume, find_volume, is_volume_name, open_volume,
};
