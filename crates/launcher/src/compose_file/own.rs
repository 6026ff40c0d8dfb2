//! The override files that this program makes: they are known by their first line, or by their place, and are no part
//! of what a project says. Owns both; must not know what the files say.

use std::path::{Path, PathBuf};

use pyfast_root::Fingerprint;

/// First line of every override file made here, by which it is known again.
pub(crate) const OVERRIDE_MARK: &str = "# Made by `pyfast up`. Changes are overwritten.";
/// Directory for what belongs to a project and to nobody's version control.
pub const PRIVATE: &str = ".pyfast";
/// How the override's name in it begins and ends.
const APART: [&str; 2] = ["compose.override", ".yml"];
/// So many digits of a digest tell files apart.
const DIGITS: usize = 12;

/// Where the override of a project is that has another one, or files that Compose does not find by itself.
pub fn override_apart(directory: &Path) -> PathBuf {
    directory.join(PRIVATE).join(APART.concat())
}

/// Where the override is of a project by this name, of these files where a call names them: beside others of the same
/// directory.
pub fn override_of_call(directory: &Path, name: &str, files: &[PathBuf]) -> PathBuf {
    // Clones name it alike.
    let relative = files.iter().map(|file| file.strip_prefix(directory).unwrap_or(file).display());
    let digest = Fingerprint::new("compose files", 1).fields("files", relative).finish();
    let set = match digest.get(digest.len() - DIGITS..) {
        Some(digest) if !files.is_empty() => format!(".{digest}"),
        _ => String::new(),
    };
    let [begins, ends] = APART;
    directory.join(PRIVATE).join(format!("{begins}.{name}{set}{ends}"))
}

/// Whether a text is one that was made here.
pub fn is_ours(text: &str) -> bool {
    text.lines().next() == Some(OVERRIDE_MARK)
}

/// Whether this program made a file, or will make it: a fresh clone has no private directory yet, and what names the
/// file there came with it.
pub(super) fn is_own(file: &Path) -> bool {
    if let Ok(text) = pyfast_root::regular_file::read_text(file) {
        return is_ours(&text);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let [begins, ends] = APART;
    let own = name.starts_with(begins) && name.ends_with(ends);
    own && file.parent().is_some_and(|directory| directory.ends_with(PRIVATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_project_and_each_set_of_files_has_an_override_of_its_own_that_clones_name_alike() {
        let of = |directory: &str, name: &str, files: &[&str]| {
            let directory = Path::new(directory);
            let files: Vec<_> = files.iter().map(|file| directory.join(file)).collect();
            let own = override_of_call(directory, name, &files);
            assert!(is_own(&own), "{own:?}");
            own.strip_prefix(directory).unwrap().display().to_string()
        };
        assert_eq!(of("/a", "other", &[]), ".pyfast/compose.override.other.yml");
        let set = of("/a", "shop", &["a.yml", "b.yml"]);
        assert!(set.starts_with(".pyfast/compose.override.shop."), "{set}");
        assert_eq!(set, of("/clone", "shop", &["a.yml", "b.yml"]));
        for others in [&["b.yml", "a.yml"][..], &["a.yml"], &["a.ymlb.yml"], &[]] {
            assert_ne!(set, of("/a", "shop", others));
        }
        assert!(is_own(&override_apart(Path::new("/a"))));
        for strange in ["/a/compose.override.other.yml", "/a/.pyfast/compose.yml"] {
            assert!(!is_own(Path::new(strange)), "{strange}");
        }
    }
}
