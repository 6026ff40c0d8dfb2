//! What the measured environments are asked to have: requirements of the user's, and a package of which one version follows the
//! other. Knows neither containers nor how anything is installed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zip::ZipWriter;

use crate::corpus::dated;
use crate::error::Error;
use crate::stage::work;

/// The package whose versions are added.
pub(crate) const PACKAGE: &str = "pyfast-bench-package";

/// What is wanted of them.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Their image.
    pub(crate) image: &'a str,
    /// Files with what they need besides the measured package.
    pub(crate) requirements: &'a [PathBuf],
    /// How many versions of the measured package there are to be.
    pub(crate) runs: u32,
    pub(crate) index_url: Option<&'a str>,
}

/// What is asked, and where it is found.
pub(crate) struct Asked {
    /// Where the wheels of the measured package are.
    pub(crate) wheels: PathBuf,
    /// The image.
    pub(crate) image: String,
    /// Flags of the index.
    pub(crate) index: Vec<String>,
    /// The requirements besides the measured package.
    base: String,
}

impl Asked {
    /// Reads the requirements and writes `runs` and some versions of the measured package.
    pub(crate) fn make(room: &Path, wanted: &Wanted) -> Result<Self, Error> {
        let Wanted { image, requirements, runs, index_url } = *wanted;
        let wheels = room.join("wheels");
        work("make the directories", fs_err::create_dir_all(&wheels))?;
        for number in 0..=runs.saturating_add(1) {
            work("write a wheel", wheel(&wheels, number))?;
        }
        let mut base = String::new();
        for file in requirements {
            base += &fs_err::read_to_string(file).map_err(Error::Requirements)?;
            base.push('\n');
        }
        let mut index: Vec<String> = match index_url {
            // Nothing but the measured package, which is in no index.
            _ if requirements.is_empty() => vec!["--no-index".to_owned()],
            Some(url) => vec!["--index-url".to_owned(), url.to_owned()],
            None => Vec::new(),
        };
        index.extend(["--find-links".to_owned(), wheels.display().to_string()]);
        Ok(Self { wheels, image: image.to_owned(), index, base })
    }

    /// Whether nothing is asked but the measured package, which is in no index.
    pub(crate) fn is_alone(&self) -> bool {
        self.requirement_count() == 1
    }

    /// How many lines of the requirements ask for something.
    pub(crate) fn requirement_count(&self) -> usize {
        let asks = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with(['#', '-']);
        self.base.lines().filter(asks).count() + 1
    }

    /// The requirements with a version of the measured package.
    pub(crate) fn requirements(&self, number: u32) -> String {
        format!("{}{}", self.base, Self::only(number))
    }

    /// The requirement of a version of the measured package.
    pub(crate) fn only(number: u32) -> String {
        format!("{PACKAGE}=={number}\n")
    }
}

/// A wheel of the measured package.
fn wheel(directory: &Path, number: u32) -> std::io::Result<()> {
    let stem = format!("pyfast_bench_package-{number}");
    let info = format!("{stem}.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {number}\n");
    let tags = "Wheel-Version: 1.0\nGenerator: pyfast\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let members = [
        ("pyfast_bench_package.py".to_owned(), format!("VERSION = {number}\n")),
        (format!("{info}/METADATA"), metadata),
        (format!("{info}/WHEEL"), tags.to_owned()),
    ];
    let record: String = members
        .iter()
        .map(|(path, text)| {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
            format!("{path},sha256={digest},{}\n", text.len())
        })
        .chain([format!("{info}/RECORD,,\n")])
        .collect();
    let file = fs_err::File::create(directory.join(format!("{stem}-py3-none-any.whl")))?;
    let mut zip = ZipWriter::new(file);
    for (path, text) in members.iter().chain(&[(format!("{info}/RECORD"), record)]) {
        zip.start_file(path.as_str(), dated())?;
        zip.write_all(text.as_bytes())?;
    }
    zip.finish()?;
    Ok(())
}
