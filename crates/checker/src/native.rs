//! Native libraries: what objects of an environment want of the loader, and whether an image gives it. Knows which of them
//! an import loads; must not know where environments and images are, nor how they are asked.

mod image;
mod judge;
mod packages;
mod reach;

pub use image::{Image, LISTING, Unusable};
pub use judge::{Objects, any_unmet, judge, judge_opened};
pub use pyfast_elf::Object;
pub use reach::{Loaded, Opened, Reach, opened, reach, reach_in};
