//! `.pth` files: directories that installed packages add to the search path, and the finders of editable installations.
//! Must not know how modules are found.

use std::path::{Path, PathBuf};

use super::listing::has_end;
use super::{Search, SearchEntry, Whose};

/// Lines that run code of which no module comes that a directory does not have.
const HARMLESS: [&str; 5] =
    ["_distutils_hack", "_virtualenv", "nspkg", "types.ModuleType", "matplotlib"];

impl Search<'_> {
    /// Reads the `.pth` files of a directory in the order of their names.
    pub(super) fn read_path_files(&mut self, directory: &Path) {
        let listing = self.listing(directory);
        for name in listing.names().filter(|name| has_end(name, "pth")) {
            let Ok(bytes) = self.files.read(&directory.join(name)) else { continue };
            for line in String::from_utf8_lossy(&bytes).lines() {
                let line = line.trim_end();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                if line.starts_with("import ") || line.starts_with("import\t") {
                    self.read_finder(directory, line);
                } else {
                    self.add_directory(directory.join(line));
                }
            }
        }
    }

    fn add_directory(&mut self, directory: PathBuf) {
        if !self.entries.iter().any(|entry| entry.directory == directory) {
            self.entries.push(SearchEntry { directory, whose: Whose::Project });
        }
    }

    /// `import __editable___name_finder; …` maps modules to places; what else runs here may find any module.
    fn read_finder(&mut self, directory: &Path, line: &str) {
        if HARMLESS.iter().any(|word| line.contains(word)) {
            return;
        }
        let module = line["import ".len()..].split([';', ' ', ',']).next().unwrap_or_default();
        let file = directory.join(format!("{module}.py"));
        let mapping = match self.files.read(&file) {
            Ok(bytes) if module.starts_with("__editable__") => {
                crate::syntax::mapping(&bytes, "MAPPING")
            }
            _ => None,
        };
        match mapping {
            Some(mapping) => {
                let places = mapping.into_iter().map(|(name, place)| (name, PathBuf::from(place)));
                self.mapped.extend(places);
            }
            None => self.is_open |= line.contains("editable") || line.contains("finder"),
        }
    }
}
