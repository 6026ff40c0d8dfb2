//! The dist-info of each package: one link where nothing in it is private to the environment, else a
//! real directory with links and private files.
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>

use std::collections::BTreeMap;

use super::{Planner, Script, stored};
use crate::error::Error;
use crate::link::plan::Step;
use crate::store::{self, INSTALLER};
use crate::wheel::record::{self, Written, sha256};

impl Planner<'_> {
    pub(super) fn dist_infos(&mut self, scripts: &BTreeMap<String, Script>) -> Result<(), Error> {
        let mut of_source: Vec<Vec<(&String, &Script)>> = vec![Vec::new(); self.sources.len()];
        for (name, script) in scripts {
            of_source[script.source].push((name, script));
        }
        for (index, scripts) in of_source.iter().enumerate() {
            self.dist_info(index, scripts)?;
        }
        Ok(())
    }

    fn dist_info(&mut self, index: usize, scripts: &[(&String, &Script)]) -> Result<(), Error> {
        let source = &self.sources[index];
        let (package, manifest) = (source.package, &source.manifest);
        let name = manifest.dist_info.clone();
        let path = format!("{}/{name}", self.spec.interpreter.site_packages());
        let private = package.requested
            || package.direct_url.is_some()
            || manifest.has_data
            || !scripts.is_empty();
        if !private && !source.real {
            let inside = format!("root/{name}");
            self.steps.push(Step::Link { path, wheel: package.sha256, inside });
            return Ok(());
        }
        let mut extra: Vec<Written> = scripts
            .iter()
            .map(|(name, script)| row(format!("../../../bin/{name}"), &script.content))
            .collect();
        if manifest.has_data {
            extra.extend(self.data_rows(index)?);
        }
        let mut files: Vec<(&str, Vec<u8>)> = vec![("INSTALLER", INSTALLER.to_vec())];
        if package.requested {
            files.push(("REQUESTED", Vec::new()));
        }
        if let Some(direct_url) = &package.direct_url {
            files.push(("direct_url.json", direct_url.to_string().into_bytes()));
        }
        // The store's RECORD has INSTALLER and RECORD itself.
        for (file, content) in files.iter().skip(1) {
            extra.push(row(format!("{name}/{file}"), content));
        }
        let dist_info = self.wheel(&package.sha256)?.dir(format!("root/{name}"))?;
        let record = stored(&dist_info, "RECORD")?;
        files.push(("RECORD", record::extend(&String::from_utf8_lossy(&record), extra)));
        let wheel = package.sha256;
        self.directory(&path);
        for entry in dist_info.entries()? {
            let file = entry.name.to_string_lossy().into_owned();
            let directory = entry.kind.is_dir();
            if matches!(file.as_str(), "RECORD" | "INSTALLER") {
                continue;
            }
            let (path, inside) = (format!("{path}/{file}"), format!("root/{name}/{file}"));
            if directory {
                // Licences and the like: nothing loads or rewrites them.
                self.steps.push(Step::Link { path, wheel, inside });
            } else {
                self.place_file(path, index, inside);
            }
        }
        for (file, content) in files {
            self.file(format!("{path}/{file}"), content, false);
        }
        Ok(())
    }

    /// Rows for headers and data files, relative to site-packages.
    fn data_rows(&self, index: usize) -> Result<Vec<Written>, Error> {
        let package = self.sources[index].package;
        let python = self.spec.interpreter.short_version();
        let files = store::files(self.root, &package.sha256)?;
        let rows = files.into_iter().filter_map(|file| {
            let path = if let Some(header) = file.path.strip_prefix("data/headers/") {
                format!("../../../include/site/python{python}/{}/{header}", package.name)
            } else {
                format!("../../../{}", file.path.strip_prefix("data/data/")?)
            };
            Some((path, Some((file.sha256, file.size))))
        });
        Ok(rows.collect())
    }
}

fn row(path: String, content: &[u8]) -> Written {
    (path, Some((sha256(content), content.len() as u64)))
}
