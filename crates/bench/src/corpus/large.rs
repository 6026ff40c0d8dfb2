//! A wheel whose size is in a few members, as those of machine learning are. Knows nothing of indexes.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zip::ZipWriter;

use super::noise::Noise;
use super::{Made, dated};

/// How many members have the size.
pub(super) const LIBRARIES: u32 = 6;
/// How many small modules there are besides.
pub(super) const MODULES: u32 = 300;

const PROJECT: &str = "bench-large";
const FILENAME: &str = "bench_large-1.0-py3-none-any.whl";

/// A wheel that is written.
struct Wheel<W: Write + io::Seek> {
    archive: ZipWriter<W>,
    record: String,
}

/// What is written, with its digest and size on the way.
struct Counted<'a, W> {
    out: &'a mut W,
    digest: Sha256,
    size: u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write + io::Seek> Wheel<W> {
    /// Adds a member, with its line in RECORD
    /// (<https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file>).
    fn add(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let options = dated().compression_level(Some(1)).large_file(true);
        self.archive.start_file(name, options)?;
        let mut counted = Counted { out: &mut self.archive, digest: Sha256::new(), size: 0 };
        content(&mut counted)?;
        let Counted { digest, size, .. } = counted;
        let digest = URL_SAFE_NO_PAD.encode(digest.finalize());
        self.record.extend([name, ",sha256=", &digest, ",", &size.to_string(), "\n"]);
        Ok(())
    }
}

/// Makes the wheel, of about so many megabytes.
pub(super) fn make(directory: &Path, megabytes: u32) -> io::Result<Made> {
    let file = fs_err::File::create(directory.join(FILENAME))?;
    let mut wheel = Wheel { archive: ZipWriter::new(BufWriter::new(file)), record: String::new() };
    for number in 0..MODULES {
        let text = format!("VALUE = {number}\n").repeat(100);
        wheel.add(&format!("bench_large/m{number}.py"), |out| out.write_all(text.as_bytes()))?;
    }
    wheel.add("bench_large/__init__.py", |_| Ok(()))?;
    // The noise compresses to a good half.
    let size = u64::from(megabytes) * 1_000_000 * 9 / 5 / u64::from(LIBRARIES);
    for number in 0..LIBRARIES {
        let mut noise = Noise::new(u64::from(number) + 1);
        let name = format!("bench_large/lib/libbench{number}.so");
        wheel.add(&name, |mut out| noise.write(size, &mut out))?;
    }
    let folder = "bench_large-1.0.dist-info";
    let metadata = format!("Metadata-Version: 2.1\nName: {PROJECT}\nVersion: 1.0\n");
    wheel.add(&format!("{folder}/METADATA"), |out| out.write_all(metadata.as_bytes()))?;
    let kind =
        "Wheel-Version: 1.0\nGenerator: pyfast bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    wheel.add(&format!("{folder}/WHEEL"), |out| out.write_all(kind.as_bytes()))?;
    let record = format!("{}{folder}/RECORD,,\n", wheel.record);
    wheel.add(&format!("{folder}/RECORD"), |out| out.write_all(record.as_bytes()))?;
    wheel.archive.finish()?.flush()?;
    Made::of(PROJECT, directory, FILENAME)
}
