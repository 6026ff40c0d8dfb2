//! Files of projects, which may be somebody else's: what is no regular file (a FIFO, a device) is
//! neither waited for nor read without end. Links are followed. Knows nothing of what is in the files.

pub(crate) use pyfast_root::{
    open_regular as open, read_regular as read, read_regular_text as read_to_string,
};
