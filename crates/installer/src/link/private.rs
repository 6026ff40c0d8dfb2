//! Which files of an environment are private copies, whatever its link mode: those that tools and people
//! change in place. Everything else is replaced by whoever changes it (pip, uv and Python remove or rename
//! first), which a hard link to the store survives. Knows names, and nothing of what is in the files.

use crate::link::act::split;

/// Kinds of files that are changed in place wherever they are: path files by tools that install, and bundles
/// of certificates, to which administrators append their own.
const ANYWHERE: [&str; 3] = ["pth", "egg-link", "pem"];
/// Modules that belong to whoever runs the environment.
const CUSTOM: [&str; 2] = ["sitecustomize.py", "usercustomize.py"];
/// Kinds of data files that hold settings: Jupyter's configuration manager, for one, writes into what is there.
const SETTINGS: [&str; 7] = ["cfg", "conf", "ini", "json", "toml", "yaml", "yml"];

/// Whether a file is changed in place; `path` is relative to the environment, and `data` tells that it comes from
/// a wheel's data directory and not from its modules.
pub(super) fn is_changed_in_place(path: &str, data: bool) -> bool {
    let name = split(path).1;
    let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    let extension = extension.map(|(_, extension)| extension);
    let is = |kinds: &[&str]| extension.is_some_and(|extension| kinds.contains(&extension));
    is(&ANYWHERE) || CUSTOM.contains(&name) || (data && (path.starts_with("etc/") || is(&SETTINGS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_in_place_is_known_by_its_name() {
        let check = |path: &str, data: bool, expected: bool| {
            assert_eq!(is_changed_in_place(path, data), expected, "{path}");
        };
        check("lib/python3.11/site-packages/x.pth", false, true);
        check("lib/python3.11/site-packages/certifi/cacert.pem", false, true);
        check("lib/python3.11/site-packages/sitecustomize.py", false, true);
        check("lib/python3.11/site-packages/x/config.json", false, false);
        check("lib/python3.11/site-packages/etc/x", false, false);
        check("etc/jupyter/jupyter_server_config.d/x", true, true);
        check("share/jupyter/kernels/python3/kernel.json", true, true);
        check("share/doc/x.txt", true, false);
    }
}
