//! The dist-info of each package: one link where nothing in it is private to the environment, else a
//! real directory with links and private files.
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>

use std::collections::BTreeMap;

use super::Planner;
use super::programs::Program;
use crate::error::Error;
use crate::link::{RealMode, Step};
use crate::store::INSTALLER;
use crate::wheel::record::{self, Content, Written};

impl Planner<'_> {
    pub(super) fn dist_infos(&mut self, programs: &BTreeMap<String, Program>) -> Result<(), Error> {
        let mut of_source: Vec<Vec<(&String, &Program)>> = vec![Vec::new(); self.sources.len()];
        for (name, program) in programs {
            of_source[program.source].push((name, program));
        }
        for (index, programs) in of_source.iter().enumerate() {
            self.dist_info(index, programs)?;
        }
        Ok(())
    }

    fn dist_info(&mut self, index: usize, programs: &[(&String, &Program)]) -> Result<(), Error> {
        let source = &self.sources[index];
        let (package, name) = (source.package, &source.manifest.dist_info);
        let (path, inside) =
            (format!("{}/{name}", self.spec.interpreter.site_packages()), format!("root/{name}"));
        self.take(&path, index)?;
        let mut rows: Vec<Written> = programs
            .iter()
            .map(|(name, program)| {
                let content = Content { sha256: program.sha256, size: program.size };
                Written { path: format!("../../../bin/{name}"), content: Some(content) }
            })
            .collect();
        if source.manifest.has_data {
            rows.extend(self.data_rows(index)?);
        }
        let mut files: Vec<(&str, Vec<u8>)> = Vec::new();
        if package.requested {
            files.push(("REQUESTED", Vec::new()));
        }
        if let Some(direct_url) = &package.direct_url {
            files.push(("direct_url.json", direct_url.to_string().into_bytes()));
        }
        for (file, content) in &files {
            let content = Some(Content::of(content));
            rows.push(Written { path: format!("{name}/{file}"), content });
        }
        if rows.is_empty() && !source.real {
            self.steps.push(Step::Link { path, wheel: package.sha256, inside });
            return Ok(());
        }
        self.steps.push(Step::Directory { path: path.clone() });
        self.stored_info(index, &path, &inside)?;
        // Other installers write these anew, and not all of them remove the old ones first.
        files.push(("INSTALLER", INSTALLER.to_vec()));
        // The store's RECORD has INSTALLER and RECORD itself.
        let record = format!("{inside}/RECORD");
        if rows.is_empty() {
            self.real(format!("{path}/RECORD"), index, &record, RealMode::Copy);
        } else {
            let stored = source.text(&record)?;
            files.push(("RECORD", record::extend(&stored, rows)));
        }
        for (file, content) in files {
            self.file(format!("{path}/{file}"), content, false);
        }
        Ok(())
    }

    /// Plans what the wheel itself has in its dist-info.
    fn stored_info(&mut self, index: usize, path: &str, inside: &str) -> Result<(), Error> {
        let source = &self.sources[index];
        for child in source.children(inside)? {
            let path = format!("{path}/{}", child.name);
            if !child.directory && !matches!(child.name, "RECORD" | "INSTALLER") {
                self.real(path, index, child.inside, self.mode);
            } else if child.directory && source.real {
                self.steps.push(Step::Directory { path: path.clone() });
                self.stored_info(index, &path, child.inside)?;
            } else if child.directory {
                // Licences and the like: nothing loads or rewrites them.
                let inside = child.inside.to_owned();
                self.steps.push(Step::Link { path, wheel: source.package.sha256, inside });
            }
        }
        Ok(())
    }

    /// Rows for headers and data files, relative to site-packages.
    fn data_rows(&self, index: usize) -> Result<Vec<Written>, Error> {
        let source = &self.sources[index];
        let headers = self.spec.interpreter.headers();
        let rows = source.files_below("data")?.into_iter().filter_map(|file| {
            let path = if let Some(header) = file.path.strip_prefix("data/headers/") {
                format!("../../../{headers}/{}/{header}", source.package.name)
            } else {
                format!("../../../{}", file.path.strip_prefix("data/data/")?)
            };
            let content = Content { sha256: file.sha256, size: file.size };
            Some(Written { path, content: Some(content) })
        });
        Ok(rows.collect())
    }
}
