//! Native libraries: what objects of an environment want of the loader, and whether an image gives it. Knows which of them
//! an import loads; must not know where environments and images are, nor how they are asked.

mod image;
mod judge;
mod packages;
mod reach;

pub use crate::suppression::is_suppressed as is_silenced;
pub use image::{Image, LISTING, Unusable};
pub use judge::{Objects, any_unmet, judge};
pub use pyfast_elf::Object;
pub use reach::{Loaded, Reach, reach, reach_in};
