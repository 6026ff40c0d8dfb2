//! Finds the file of a command as a shell does, and says why one could not be executed. Must not know environments
//! beyond the one directory whose broken links are errors.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The file that the command names: a path as it is, else the first executable of that name in PATH.
///
/// A link in `own` that leads nowhere is an error and not passed over: it would silently run another interpreter than
/// the environment's when the image is not the one that the environment was made for.
pub(super) fn find(command: &OsStr, path: &OsStr, own: &Path) -> Result<PathBuf, Error> {
    if command.as_bytes().contains(&b'/') {
        return check(PathBuf::from(command)).unwrap_or_else(|| Err(not_found(command, path)));
    }
    let mut refused = None;
    for directory in path.as_bytes().split(|&byte| byte == b':') {
        // An empty part of PATH means the current directory.
        let directory = Path::new(if directory.is_empty() {
            OsStr::new(".")
        } else {
            OsStr::from_bytes(directory)
        });
        let file = directory.join(command);
        match check(file.clone()) {
            Some(Ok(file)) => return Ok(file),
            Some(Err(error)) => refused = refused.or(Some(error)),
            None if directory == own && fs_err::symlink_metadata(&file).is_ok() => {
                return Err(Error::CommandBroken { reason: dangling(&file), path: file });
            }
            None => {}
        }
    }
    Err(refused.unwrap_or_else(|| not_found(command, path)))
}

/// `None` when there is no such file.
fn check(file: PathBuf) -> Option<Result<PathBuf, Error>> {
    let facts = fs_err::metadata(&file).ok()?;
    if facts.is_dir() {
        return Some(Err(Error::NotExecutable {
            path: file,
            source: ErrorKind::IsADirectory.into(),
        }));
    }
    match rustix::fs::access(&file, rustix::fs::Access::EXEC_OK) {
        Ok(()) => Some(Ok(file)),
        Err(error) => Some(Err(Error::NotExecutable { path: file, source: error.into() })),
    }
}

fn not_found(command: &OsStr, path: &OsStr) -> Error {
    Error::CommandNotFound {
        command: command.to_string_lossy().into_owned(),
        path: path.to_string_lossy().into_owned(),
    }
}

/// Follows the link as far as it goes.
fn dangling(file: &Path) -> String {
    let mut at = file.to_path_buf();
    for _ in 0..40 {
        let Ok(target) = fs_err::read_link(&at) else { break };
        at = at.parent().unwrap_or(Path::new("/")).join(target);
    }
    format!("it leads to {}, which does not exist here", at.display())
}

/// Words for a failed `execve(2)`.
pub(super) fn explain(program: PathBuf, source: std::io::Error) -> Error {
    if source.kind() != ErrorKind::NotFound {
        return Error::NotExecutable { path: program, source };
    }
    // The file was there a moment ago, so it is what runs it that is missing.
    let mut head = Vec::new();
    let read = fs_err::File::open(&program).and_then(|file| file.take(512).read_to_end(&mut head));
    let reason = match (read, head.strip_prefix(b"#!")) {
        (Err(_), _) => "it has vanished".to_owned(),
        (Ok(_), Some(line)) => format!("its interpreter {} does not exist here", interpreter(line)),
        (Ok(_), None) if head.starts_with(b"\x7fELF") => {
            "the dynamic loader that it was linked for does not exist here".to_owned()
        }
        (Ok(_), None) => "it is of no kind that can be executed here".to_owned(),
    };
    Error::CommandBroken { path: program, reason }
}

fn interpreter(line: &[u8]) -> String {
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn file(path: &Path, mode: u32) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, "#!/no/such/interpreter -x\n").unwrap();
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn search(root: &Path, command: &str) -> Result<PathBuf, Error> {
        let (own, system) = (root.join("own"), root.join("system"));
        let path = format!("{}:{}", own.display(), system.display());
        find(OsStr::new(command), OsStr::new(&path), &own)
    }

    #[test]
    fn the_first_executable_in_path_is_taken() {
        let root = tempfile::tempdir().unwrap();
        file(&root.path().join("own/both"), 0o755);
        file(&root.path().join("system/both"), 0o755);
        file(&root.path().join("own/later"), 0o644);
        file(&root.path().join("system/later"), 0o755);
        assert_eq!(search(root.path(), "both").unwrap(), root.path().join("own/both"));
        assert_eq!(search(root.path(), "later").unwrap(), root.path().join("system/later"));
        let typed = root.path().join("system/both");
        assert_eq!(search(root.path(), typed.to_str().unwrap()).unwrap(), typed);
    }

    #[test]
    fn not_found_and_not_executable_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        file(&root.path().join("system/text"), 0o644);
        fs_err::create_dir_all(root.path().join("system/dir")).unwrap();
        assert!(
            matches!(search(root.path(), "gone"), Err(Error::CommandNotFound { command, .. }) if command == "gone")
        );
        assert!(matches!(search(root.path(), "/no/such"), Err(Error::CommandNotFound { .. })));
        assert!(
            matches!(search(root.path(), "text"), Err(Error::NotExecutable { path, .. }) if path.ends_with("text"))
        );
        assert!(matches!(search(root.path(), "dir"), Err(Error::NotExecutable { .. })));
    }

    #[test]
    fn a_broken_interpreter_link_of_the_environment_is_not_passed_over() {
        let root = tempfile::tempdir().unwrap();
        file(&root.path().join("system/python"), 0o755);
        fs_err::create_dir_all(root.path().join("own")).unwrap();
        symlink("python3", root.path().join("own/python")).unwrap();
        symlink("/opt/python9/bin/python3.9", root.path().join("own/python3")).unwrap();
        let error = search(root.path(), "python").unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("it leads to /opt/python9/bin/python3.9, which does not exist here"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_interpreter_line_is_named() {
        let root = tempfile::tempdir().unwrap();
        let script = root.path().join("script");
        file(&script, 0o755);
        let error = explain(script, ErrorKind::NotFound.into());
        assert!(
            error.to_string().ends_with("its interpreter /no/such/interpreter does not exist here"),
            "{error}"
        );
        let denied = explain(root.path().into(), ErrorKind::PermissionDenied.into());
        assert!(matches!(denied, Error::NotExecutable { .. }));
    }
}
