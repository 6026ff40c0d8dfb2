//! Reads source archives, and lets nothing out of them that could reach outside: no path, link or
//! device. Sizes are bounded. Writes nothing itself.
//!
//! An archive has one directory with everything in it; one that has not is taken as it is, as pip does.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Seek};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::receiver::Body;

/// Bytes that an archive may hold once decompressed.
const LARGEST: u64 = 4 << 30;
/// Members that an archive may have.
const MEMBERS: usize = 500_000;
/// So much of an archive is read at once.
const BUFFER: usize = 128 << 10;
/// Bytes of a member's path.
const LONGEST: usize = 4096;
/// Kibibytes that reading an xz archive may take; its header says how much it wants, and the largest
/// setting of `xz` takes 65 MiB.
const XZ_MEMORY: u32 = 256 << 10;

/// A member of an archive; its path is relative to the archive's one directory.
pub enum Member<'a> {
    /// None: the archive turned out to have no directory of its own, so that all paths that came
    /// before were wrong. Everything comes again.
    Again,
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Whether somebody may execute it.
        executable: bool,
        /// Its content.
        content: &'a mut dyn Read,
    },
    /// A symbolic link that stays inside. Links come after everything else, so that nothing is
    /// written through them.
    Link {
        /// What it points to, relative to its own directory.
        target: &'a str,
    },
    /// Another name of a file that came before.
    Same {
        /// The file.
        file: &'a str,
    },
}

/// Called for each member; false ends the walk.
pub type Visit<'a> = dyn FnMut(&str, Member<'_>) -> io::Result<bool> + 'a;

/// Visits the members of a source archive whose format its file name says.
///
/// # Errors
/// What is wrong with the archive, or what `visit` fails with.
pub fn walk_source(filename: &str, body: &Body, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut walk = Walk::new(false, visit);
    match walk.run(filename, body) {
        Err(_) if walk.flat => {}
        outcome => return outcome,
    }
    visit("", Member::Again)?;
    Walk::new(true, visit).run(filename, body)
}

struct Walk<'a, 'v> {
    top: Option<String>,
    /// Whether it has no directory of its own.
    flat: bool,
    /// Links to make in the end: target, and whether it is a hard one.
    links: BTreeMap<String, (String, bool)>,
    size: u64,
    members: usize,
    visit: &'a mut Visit<'v>,
}

fn refused(path: &str, reason: &str) -> io::Error {
    let path: String = path.chars().take(200).collect();
    io::Error::new(io::ErrorKind::InvalidData, format!("`{}` {reason}", path.escape_debug()))
}

/// The parts of a path that stays below where it starts.
fn parts(path: &str) -> io::Result<Vec<&str>> {
    if path.len() > LONGEST {
        return Err(refused(path, "is too long a path"));
    }
    if path.starts_with('/') || path.contains('\0') {
        return Err(refused(path, "is no relative path"));
    }
    let parts: Vec<&str> =
        path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(refused(path, "leads outside the archive"));
    }
    Ok(parts)
}

impl<'a, 'v> Walk<'a, 'v> {
    fn new(flat: bool, visit: &'a mut Visit<'v>) -> Self {
        Self { top: None, flat, links: BTreeMap::new(), size: 0, members: 0, visit }
    }

    fn run(&mut self, filename: &str, body: &Body) -> io::Result<()> {
        let bytes = BufReader::with_capacity(BUFFER, body.reader());
        if self.members(filename, bytes)? { self.finish() } else { Ok(()) }
    }

    /// Visits what is no link; false where the visitor has seen enough.
    fn members(&mut self, filename: &str, bytes: impl BufRead + Seek) -> io::Result<bool> {
        let lower = filename.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
        if ends(&[".zip"]) {
            self.zip(bytes)
        } else if ends(&[".tar.bz2", ".tbz"]) {
            self.tar(MultiBzDecoder::new(bytes))
        } else if ends(&[".tar.xz", ".txz"]) {
            self.tar(XzReader::new_mem_limit(bytes, true, XZ_MEMORY))
        } else if ends(&[".tar"]) {
            self.tar(bytes)
        } else {
            self.tar(MultiGzDecoder::new(bytes))
        }
    }

    /// The path below the archive's one directory; `None` for that directory itself.
    fn inside(&mut self, path: &str) -> io::Result<Option<String>> {
        let parts = parts(path)?;
        let Some((first, rest)) = parts.split_first() else { return Ok(None) };
        if self.flat {
            return Ok(Some(parts.join("/")));
        }
        let top = self.top.get_or_insert_with(|| (*first).to_owned());
        if top != first {
            self.flat = true;
            return Err(refused(path, &format!("is not in the archive's directory `{top}`")));
        }
        Ok((!rest.is_empty()).then(|| rest.join("/")))
    }

    /// The path of what is no directory.
    fn file(&mut self, path: &str, inside: Option<String>) -> io::Result<String> {
        inside.ok_or_else(|| {
            self.flat = true;
            refused(path, "is not in a directory")
        })
    }

    fn count(&mut self, path: &str, size: u64) -> io::Result<()> {
        self.members += 1;
        self.size = self.size.saturating_add(size);
        if self.members > MEMBERS || self.size > LARGEST {
            return Err(refused(path, "makes the archive larger than is allowed"));
        }
        Ok(())
    }

    fn tar(&mut self, bytes: impl Read) -> io::Result<bool> {
        let mut archive = tar::Archive::new(bytes.take(LARGEST * 2));
        for entry in archive.entries()? {
            let mut entry = entry?;
            let kind = entry.header().entry_type();
            if kind.is_pax_global_extensions() {
                continue;
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            self.count(&path, entry.size())?;
            let inside = self.inside(&path)?;
            if kind.is_dir() {
                if let Some(inside) = inside
                    && !(self.visit)(&inside, Member::Directory)?
                {
                    return Ok(false);
                }
                continue;
            }
            let inside = self.file(&path, inside)?;
            if kind.is_symlink() || kind.is_hard_link() {
                let target = entry.link_name_bytes().unwrap_or_default();
                let target = String::from_utf8_lossy(&target).into_owned();
                let target = if kind.is_symlink() { target } else { self.hard(&path, &target)? };
                self.links.insert(inside, (target, kind.is_hard_link()));
                continue;
            }
            if !kind.is_file() && !kind.is_contiguous() {
                return Err(refused(&path, "is neither file, directory nor link"));
            }
            let executable = entry.header().mode()? & 0o111 != 0;
            let member = Member::File { executable, content: &mut entry };
            if !(self.visit)(&inside, member)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn hard(&mut self, path: &str, target: &str) -> io::Result<String> {
        self.inside(target)?.ok_or_else(|| refused(path, "is a link to a directory"))
    }

    fn zip(&mut self, bytes: impl Read + Seek) -> io::Result<bool> {
        let mut archive = zip::ZipArchive::new(bytes).map_err(io::Error::other)?;
        for index in 0..archive.len() {
            let file = archive.by_index(index).map_err(io::Error::other)?;
            let path = String::from_utf8_lossy(file.name_raw()).into_owned();
            self.count(&path, file.size())?;
            let inside = self.inside(&path)?;
            let mode = file.unix_mode().unwrap_or(0);
            // The declared size bounds what is read: a member that holds more is cut off and its
            // checksum no longer fits.
            let size = file.size();
            if file.is_dir() {
                if let Some(inside) = inside
                    && !(self.visit)(&inside, Member::Directory)?
                {
                    return Ok(false);
                }
                continue;
            }
            let inside = self.file(&path, inside)?;
            match mode & 0o170_000 {
                0o120_000 => {
                    let mut target = String::new();
                    file.take(LONGEST as u64).read_to_string(&mut target)?;
                    self.links.insert(inside, (target, false));
                    continue;
                }
                0 | 0o100_000 => {}
                _ => return Err(refused(&path, "is neither file, directory nor link")),
            }
            let mut content = file.take(size);
            let executable = mode & 0o111 != 0;
            if !(self.visit)(&inside, Member::File { executable, content: &mut content })? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The links, each of which must stay inside and lead through no other.
    fn finish(&mut self) -> io::Result<()> {
        for (path, (target, hard)) in &self.links {
            if *hard {
                if !(self.visit)(path, Member::Same { file: target })? {
                    return Ok(());
                }
                continue;
            }
            self.check_link(path, target)?;
            if !(self.visit)(path, Member::Link { target })? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn check_link(&self, path: &str, target: &str) -> io::Result<()> {
        if target.is_empty() || target.starts_with('/') || target.contains('\0') {
            return Err(refused(path, "is a link to no relative path"));
        }
        let mut goal: Vec<&str> = path.split('/').collect();
        goal.pop();
        for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
            // What follows a link is relative to where that one leads, not to its name.
            if self.links.contains_key(&goal.join("/")) {
                return Err(refused(path, "is a link through a link"));
            }
            if part != ".." {
                goal.push(part);
            } else if goal.pop().is_none() {
                return Err(refused(path, "is a link that leads outside the archive"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    type Entry<'a> = (&'a str, tar::EntryType, &'a str);

    /// A `.tar.gz` whose paths are written as given, however hostile.
    fn tarball(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain(entries)).expect("written");
        gzip.finish().expect("a gzip")
    }

    fn plain(entries: &[Entry<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_gnu_mut().expect("gnu").name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            let linked = kind.is_symlink() || kind.is_hard_link();
            if linked {
                let name = &mut header.as_gnu_mut().expect("gnu").linkname;
                name[..content.len()].copy_from_slice(content.as_bytes());
            }
            let content = if linked { "" } else { content };
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_bytes()).expect("an entry");
        }
        builder.into_inner().expect("a tar")
    }

    fn check(filename: &str, bytes: &[u8], expected: Result<&[&str], &str>) {
        let mut seen = Vec::new();
        let body = Body::Memory(bytes::Bytes::copy_from_slice(bytes));
        let walked = walk_source(filename, &body, &mut |path, member| {
            seen.push(match member {
                Member::Again => {
                    seen.clear();
                    return Ok(true);
                }
                Member::Directory => format!("{path}/"),
                Member::File { content, .. } => {
                    let mut text = String::new();
                    content.read_to_string(&mut text)?;
                    format!("{path}={text}")
                }
                Member::Link { target } => format!("{path}->{target}"),
                Member::Same { file } => format!("{path}=>{file}"),
            });
            Ok(true)
        });
        match expected {
            Ok(expected) => {
                walked.expect("a good archive");
                assert_eq!(seen, expected);
            }
            Err(part) => {
                let error = walked.expect_err("refused").to_string();
                assert!(error.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn rule_11_links_inside_come_last() {
        use tar::EntryType::{Directory, Link, Regular, Symlink};
        let good = tarball(&[
            ("a-1/", Directory, ""),
            ("a-1/l", Symlink, "d/f"),
            ("a-1/d/", Directory, ""),
            ("./a-1/d/f", Regular, "x"),
            ("a-1/h", Link, "a-1/d/f"),
            ("a-1/d/up", Symlink, "../l"),
        ]);
        let expected = ["d/", "d/f=x", "d/up->../l", "h=>d/f", "l->d/f"];
        check("a-1.tar.gz", &good, Ok(&expected));
    }

    #[test]
    fn an_archive_without_a_directory_of_its_own_is_taken_as_it_is() {
        use tar::EntryType::{Directory, Link, Regular, Symlink};
        let flat =
            [("p/m.py", Regular, "y"), ("p/l", Symlink, "../setup.py"), ("setup.py", Regular, "x")];
        check("a-1.tar.gz", &tarball(&flat), Ok(&["p/m.py=y", "setup.py=x", "p/l->../setup.py"]));
        let two = [("p/", Directory, ""), ("p/f", Regular, "x"), ("q/h", Link, "p/f")];
        check("a-1.tar.gz", &tarball(&two), Ok(&["p/", "p/f=x", "q/h=>p/f"]));
        check("a-1.tar", &plain(&[("./setup.py", Regular, "x")]), Ok(&["setup.py=x"]));
    }

    #[test]
    fn rule_11_nothing_leaves_the_archive() {
        use tar::EntryType::{Block, Fifo, Link, Regular, Symlink};
        let tar = |path, kind, content, reason| {
            check("a-1.tar.gz", &tarball(&[(path, kind, content)]), Err(reason));
        };
        tar("a-1/../../x", Regular, "", "leads outside");
        tar("/etc/x", Regular, "", "no relative path");
        tar("a-1/l", Symlink, "../x", "leads outside");
        tar("a-1/l", Symlink, "/etc/passwd", "no relative path");
        tar("a-1/l", Link, "a-1/../../x", "leads outside");
        tar("l", Symlink, "../x", "leads outside");
        tar("l", Link, "../x", "leads outside");
        tar("a-1/null", Block, "", "neither file");
        tar("a-1/pipe", Fifo, "", "neither file");
        let two = tarball(&[("a-1/x", Regular, ""), ("b/l", Symlink, "../../x")]);
        check("a-1.tar.gz", &two, Err("leads outside"));
        let through = tarball(&[("a-1/d/l", Symlink, ".."), ("a-1/m", Symlink, "d/l/../x")]);
        check("a-1.tar.gz", &through, Err("a link through a link"));
    }

    fn bzip(bytes: &[u8]) -> Vec<u8> {
        let mut bzip = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        bzip.write_all(bytes).expect("written");
        bzip.finish().expect("a bzip2")
    }

    /// An xz stream whose header asks for a dictionary of this many bytes.
    fn xz(bytes: &[u8], dictionary: u32) -> Vec<u8> {
        let mut options = lzma_rust2::XzOptions::with_preset(1);
        options.lzma_options.dict_size = dictionary;
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).expect("a writer");
        xz.write_all(bytes).expect("written");
        xz.finish().expect("an xz")
    }

    #[test]
    fn rule_16_archives_of_every_age_are_read_and_audited() {
        use tar::EntryType::{Regular, Symlink};
        let good = plain(&[("a-1/f", Regular, "x"), ("a-1/l", Symlink, "f")]);
        let bad = plain(&[("a-1/l", Symlink, "../../x")]);
        let all = |name: &str, pack: &dyn Fn(&[u8]) -> Vec<u8>| {
            check(name, &pack(&good), Ok(&["f=x", "l->f"]));
            check(name, &pack(&bad), Err("leads outside"));
        };
        all("a-1.tar", &<[u8]>::to_vec);
        all("a-1.tar.bz2", &bzip);
        all("a-1.TBZ", &bzip);
        all("a-1.tar.xz", &|bytes| xz(bytes, 1 << 16));
        all("a-1.txz", &|bytes| [xz(bytes, 1 << 16), xz(&[], 1 << 16)].concat());
        all("a-1.tgz", &|bytes| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).expect("written");
            gzip.finish().expect("a gzip")
        });
    }

    #[test]
    fn archives_that_are_cut_off_or_something_else_are_refused() {
        let good = plain(&[("a-1/f", tar::EntryType::Regular, "x")]);
        for (name, packed) in [("a-1.tar.bz2", bzip(&good)), ("a-1.tar.xz", xz(&good, 1 << 16))] {
            check(name, &packed[..packed.len() / 2], Err(""));
            check(name, &good, Err(""));
        }
    }

    #[test]
    fn an_xz_archive_does_not_choose_how_much_memory_it_takes() {
        let mut packed = xz(&plain(&[("a-1/f", tar::EntryType::Regular, "x")]), 1 << 16);
        // The stream's header is 12 bytes; of the block's the fifth is the size of the dictionary.
        let header = 12..12 + (usize::from(packed[12]) + 1) * 4;
        assert_eq!(packed[14..16], [0x21, 1], "LZMA2, with one byte that says its dictionary");
        packed[16] = 40;
        let sum = crc32(&packed[header.start..header.end - 4]);
        packed[header.end - 4..header.end].copy_from_slice(&sum.to_le_bytes());
        check("a-1.tar.xz", &packed, Err("memory"));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }

    #[test]
    fn zip_archives_are_audited_too() {
        let zip = |path: &str| {
            let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(path, options).expect("a member");
            writer.write_all(b"x").expect("content");
            writer.finish().expect("a zip").into_inner()
        };
        check("a-1.zip", &zip("a-1/f"), Ok(&["f=x"]));
        check("a-1.ZIP", &zip("a-1/f"), Ok(&["f=x"]));
        check("a-1.zip", &zip("a-1/../../f"), Err("leads outside"));
        check("a-1.zip", &zip("f"), Ok(&["f=x"]));
        check("a-1.zip", &zip("../f"), Err("leads outside"));
    }
}
