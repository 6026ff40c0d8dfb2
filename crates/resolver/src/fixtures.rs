//! What several tests begin with.

use pyfast_packaging::platform::named_target;
use pyfast_packaging::target::Target;

/// `CPython` 3.11 on Linux with glibc 2.36, x86-64.
pub(crate) fn target() -> Target {
    named_target(Some("3.11.7"), Some("x86_64-manylinux_2_36"), None).expect("a target")
}
