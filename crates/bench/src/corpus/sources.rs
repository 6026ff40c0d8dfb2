//! Source distributions of pure Python that setuptools builds. Knows nothing of indexes.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::Made;

/// How many there are.
const COUNT: usize = 12;
/// Modules of each.
const MODULES: usize = 20;

const BUILD: &str =
    "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n";

/// Makes all of them. Every other one states its metadata, as newer tools have sources do; the others have to be asked.
pub(super) fn make(directory: &Path) -> io::Result<Vec<Made>> {
    (0..COUNT).map(|number| one(directory, number)).collect()
}

fn one(directory: &Path, number: usize) -> io::Result<Made> {
    let (project, module) = (format!("bench-source-{number}"), format!("bench_source_{number}"));
    let top = format!("{module}-1.0");
    let filename = format!("{top}.tar.gz");
    let file = fs_err::File::create(directory.join(&filename))?;
    let mut archive = Builder::new(GzEncoder::new(file, Compression::fast()));
    let (version, files) = if number.is_multiple_of(2) {
        let table = format!(
            "[project]\nname = \"{project}\"\nversion = \"1.0\"\n\n{BUILD}\n[tool.setuptools]\npackages = [\"{module}\"]\n"
        );
        ("2.2", vec![("pyproject.toml", table)])
    } else {
        let setup = format!(
            "from setuptools import setup\nsetup(name={project:?}, version=\"1.0\", packages=[{module:?}])\n"
        );
        ("2.1", vec![("pyproject.toml", BUILD.to_owned()), ("setup.py", setup)])
    };
    let info = format!("Metadata-Version: {version}\nName: {project}\nVersion: 1.0\n");
    add(&mut archive, &format!("{top}/PKG-INFO"), &info)?;
    for (name, text) in files {
        add(&mut archive, &format!("{top}/{name}"), &text)?;
    }
    add(&mut archive, &format!("{top}/{module}/__init__.py"), "")?;
    for part in 0..MODULES {
        let text = format!("VALUE = {part}\n").repeat(50);
        add(&mut archive, &format!("{top}/{module}/m{part}.py"), &text)?;
    }
    archive.into_inner()?.finish()?.flush()?;
    Made::of(&project, directory, &filename)
}

/// Adds a file that is the same whenever it is made.
fn add(archive: &mut Builder<impl Write>, path: &str, text: &str) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    archive.append_data(&mut header, path, text.as_bytes())
}
