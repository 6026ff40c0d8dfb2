//! A stored wheel as a file again: what it was unpacked from is not kept. Owns its form; must not know who wants it.

use std::io::{Read as _, Seek, Write};

use pyfast_packaging::hash::Sha256;
use pyfast_root::Root;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{directory, files};
use crate::error::Error;
use crate::store::manifest::Manifest;

/// Writes a stored wheel as one file, equal bytes each time. It has the files of the one that it was unpacked from, and
/// another digest.
///
/// # Errors
/// If the wheel is not in the store, or a file cannot be read or written.
pub fn pack(root: &Root, wheel: &Sha256, to: impl Write + Seek) -> Result<(), Error> {
    let from = directory(root, wheel)?;
    let dist_info = Manifest::read_header(&from)?.dist_info;
    let data = format!("{}.data", dist_info.strip_suffix(".dist-info").unwrap_or(&dist_info));
    let mut all: Vec<_> = files(root, wheel)?;
    // The dist-info comes last, as the format recommends.
    all.sort_by_key(|file| (is_below(&file.path, &dist_info), file.path.clone()));
    let mut archive = ZipWriter::new(to);
    for file in all {
        let name = match file.path.split_once('/') {
            Some(("root", inside)) => inside.to_owned(),
            Some(("data", inside)) => format!("{data}/{inside}"),
            _ => continue,
        };
        let path = from.path().join(&file.path);
        let failed =
            |error: zip::result::ZipError| Error::io("pack", &path)(std::io::Error::from(error));
        let mode = if file.executable { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::default())
            .large_file(file.size > u64::from(u32::MAX))
            .unix_permissions(mode);
        archive.start_file(name, options).map_err(failed)?;
        let (content, _) = from.open(&file.path)?.ok_or_else(|| {
            Error::io("read", &path)(std::io::Error::from(std::io::ErrorKind::NotFound))
        })?;
        let packed = std::io::copy(&mut content.take(file.size), &mut archive);
        if packed.map_err(Error::io("pack", &path))? != file.size {
            let short = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(Error::io("read", &path)(short));
        }
    }
    let failed =
        |error: zip::result::ZipError| Error::io("pack", from.path())(std::io::Error::from(error));
    archive.finish().map_err(failed)?.flush().map_err(Error::io("pack", from.path()))
}

fn is_below(path: &str, dist_info: &str) -> bool {
    path.strip_prefix("root/").is_some_and(|path| {
        path.strip_prefix(dist_info).is_some_and(|inside| inside.starts_with('/'))
    })
}
