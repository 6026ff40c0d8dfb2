//! Pure wheels, written by the test itself. Knows the wheel format; must not know what is tested with them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// A wheel to be written.
pub(crate) struct Wheel<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// `Requires-Dist` lines.
    pub(crate) requires: &'a [&'a str],
    /// Files besides the metadata: path in the wheel and text.
    pub(crate) files: &'a [(&'a str, &'a str)],
    /// Lines of `[console_scripts]`.
    pub(crate) scripts: &'a [&'a str],
}

impl Wheel<'_> {
    /// Writes `name-version-py3-none-any.whl` into the directory.
    pub(crate) fn write(&self, directory: &Path) {
        self.write_with(directory, &[]);
    }

    /// The same with files that are no texts.
    pub(crate) fn write_with(&self, directory: &Path, others: &[(&str, Vec<u8>)]) {
        let info = format!("{}-{}.dist-info", self.name, self.version);
        let mut metadata =
            format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version);
        for requirement in self.requires {
            writeln!(metadata, "Requires-Dist: {requirement}").unwrap();
        }
        let texts = self.files.iter().map(|&(path, text)| (path.to_owned(), text.into()));
        let others = others.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.clone()));
        let mut files: Vec<(String, Vec<u8>)> = texts.chain(others).collect();
        files.push((format!("{info}/METADATA"), metadata.into()));
        let tags =
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        files.push((format!("{info}/WHEEL"), tags.into()));
        if !self.scripts.is_empty() {
            let text = format!("[console_scripts]\n{}\n", self.scripts.join("\n"));
            files.push((format!("{info}/entry_points.txt"), text.into()));
        }
        let mut record = String::new();
        for (path, text) in &files {
            writeln!(record, "{path},sha256={},{}", base64(&Sha256::digest(text)), text.len())
                .unwrap();
        }
        writeln!(record, "{info}/RECORD,,").unwrap();
        files.push((format!("{info}/RECORD"), record.into()));

        let target = directory.join(format!("{}-{}-py3-none-any.whl", self.name, self.version));
        let mut archive = zip::ZipWriter::new(fs_err::File::create(target).unwrap());
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        for (path, text) in &files {
            archive.start_file(path.as_str(), options).unwrap();
            archive.write_all(text).unwrap();
        }
        archive.finish().unwrap();
    }
}

/// URL-safe base64 without padding, as RECORD has it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
        let number = number << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            let index = usize::try_from(number >> (18 - 6 * digit) & 63).unwrap();
            text.push(char::from(DIGITS[index]));
        }
    }
    text
}

#[test]
fn digests_are_written_as_record_has_them() {
    assert_eq!(base64(b""), "");
    assert_eq!(base64(b"f"), "Zg");
    assert_eq!(base64(b"fo"), "Zm8");
    assert_eq!(base64(b"foo"), "Zm9v");
    assert_eq!(base64(&[0xfb, 0xff]), "-_8");
}
