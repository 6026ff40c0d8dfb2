//! Small file systems that fill up or turn read-only. Needs root, and fails where it is not given.

use std::path::Path;
use std::process::Command;

/// A small file system of its own, unmounted when dropped.
pub(crate) struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    pub(crate) fn tmpfs(path: &'a Path, options: &str) -> Self {
        fs_err::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "pyfast-it"]).arg(path);
        let output = mount.output().expect("`mount` is there");
        assert!(
            output.status.success(),
            "this test needs root, to mount a small tmpfs: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self(path)
    }

    pub(crate) fn read_only(&self) {
        let mut mount = Command::new("mount");
        super::python::check(mount.args(["-o", "remount,ro"]).arg(self.0));
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
