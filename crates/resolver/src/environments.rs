//! Targets in the words of markers: what tells one from others, and the entries of a lock's
//! `environments`. Knows nothing of packages.

use pyfast_packaging::target::Target;

/// A target as an entry of a lock's `environments`; `python` where its version is no one else's.
pub(crate) fn environment(target: &Target, python: bool) -> String {
    let values = values(target);
    let count = if python { values.len() } else { values.len() - 1 };
    conditions(&values[..count])
}

/// What tells a target from others, as far as markers do.
pub(crate) fn values(target: &Target) -> [(&'static str, String); 4] {
    let markers = &target.markers;
    [
        ("implementation_name", markers.implementation_name().to_owned()),
        ("platform_machine", markers.platform_machine().to_owned()),
        ("sys_platform", markers.sys_platform().to_owned()),
        ("python_version", markers.python_version().to_string()),
    ]
}

pub(crate) fn conditions(values: &[(&'static str, String)]) -> String {
    let conditions = values.iter().map(|(key, value)| format!("{key} == '{value}'"));
    conditions.collect::<Vec<_>>().join(" and ")
}
