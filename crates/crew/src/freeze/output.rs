//! Where an image is written: into a layout or an archive. Owns how that is told from the path, and that what cannot be
//! is found before anything is packed.

use std::io;
use std::path::{Path, PathBuf};

use pyfast_oci::{Image, ImageName, layout};

use crate::error::Error;

/// Where an image is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// A directory that is a layout, or becomes one.
    Layout(PathBuf),
    /// An archive.
    Archive(PathBuf),
}

impl Output {
    /// Reads a path, and looks whether an image can be there.
    pub(super) fn find(path: &Path) -> Result<Self, Error> {
        let refused = |reason| Err(Error::OutputForm { path: path.to_owned(), reason });
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let ends = |end: &str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(end));
        if name == "-" {
            return refused("name a directory, or a file that ends in `.tar`");
        }
        if ends("tgz") || name.contains(".tar.") {
            return refused("layers are compressed, archives are not: their names end in `.tar`");
        }
        if ends("tar") {
            if path.is_dir() {
                return refused(
                    "it is a directory, and only archives have names that end in `.tar`",
                );
            }
            return Ok(Self::Archive(path.to_owned()));
        }
        if path.exists() && !path.is_dir() {
            return refused("it is no directory, and names of archives end in `.tar`");
        }
        layout::check_directory(path)?;
        Ok(Self::Layout(path.to_owned()))
    }

    /// Writes an image there.
    pub(super) fn write(&self, image: &Image, name: &ImageName) -> Result<(), Error> {
        Ok(match self {
            Self::Layout(directory) => layout::write_directory(directory, image, name),
            Self::Archive(file) => layout::write_archive(file, image, name),
        }?)
    }
}

/// Whether a digest can be written into a file. One that is there stays as it is, and none appears: what fails later leaves
/// no digest of an image that is not there.
pub(super) fn check_digest_file(path: &Path) -> Result<(), Error> {
    let opened = match fs_err::OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty());
            fs_err::metadata(above.unwrap_or(Path::new("."))).map(drop)
        }
        opened => opened.map(drop),
    };
    opened.map_err(|source| Error::DigestFile { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_is_written_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs_err::write(path("file"), "").unwrap();
        fs_err::create_dir(path("directory.tar")).unwrap();
        for name in ["-", "a.tar.gz", "a.TGZ", "a.tar.zst", "file", "directory.tar"] {
            let found = Output::find(&path(name));
            assert!(matches!(found, Err(Error::OutputForm { .. })), "{name}: {found:?}");
        }
        for name in ["a.tar", "nodir/a.TAR"] {
            assert_eq!(Output::find(&path(name)).unwrap(), Output::Archive(path(name)));
        }
        for name in ["new", "a.tarball", "image"] {
            assert_eq!(Output::find(&path(name)).unwrap(), Output::Layout(path(name)));
        }
        let somebodys = Output::find(directory.path());
        assert!(matches!(somebodys, Err(Error::Image(_))), "{somebodys:?}");
    }
}
