//! The dist-info of each package: one link where nothing in it is private to the environment, else a
//! real directory with links and private files.
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::Planner;
use super::programs::Program;
use super::sources::Source;
use crate::error::Error;
use crate::link::{EnvironmentSpec, RealMode, Step};
use crate::store::INSTALLER;
use crate::wheel::record::{self, Content, Written};

impl Planner<'_> {
    pub(super) fn dist_infos(&mut self, programs: &BTreeMap<String, Program>) -> Result<(), Error> {
        let site_packages = self.spec.interpreter.site_packages();
        let mut infos: Vec<DistInfo<'_>> = Vec::with_capacity(self.sources.len());
        for (index, source) in self.sources.iter().enumerate() {
            let path = format!("{site_packages}/{}", source.manifest.dist_info);
            self.take(&path, index)?;
            let (spec, mode) = (self.spec, self.mode);
            infos.push(DistInfo { source, spec, mode, path, programs: Vec::new() });
        }
        for (name, program) in programs {
            infos[program.source].programs.push((name, program));
        }
        // A RECORD is as long as its package is large, and those of many are read and extended.
        let steps: Vec<Vec<Step>> =
            infos.par_iter().map(DistInfo::steps).collect::<Result<_, Error>>()?;
        self.steps.extend(steps.into_iter().flatten());
        Ok(())
    }
}

/// The dist-info of one package.
struct DistInfo<'a> {
    source: &'a Source<'a>,
    spec: &'a EnvironmentSpec,
    /// How real files are made.
    mode: RealMode,
    /// Where it is in the environment.
    path: String,
    /// What the package has in `bin/`.
    programs: Vec<(&'a String, &'a Program)>,
}

impl DistInfo<'_> {
    fn steps(&self) -> Result<Vec<Step>, Error> {
        let Self { source, path, .. } = self;
        let (package, name) = (source.package, &source.manifest.dist_info);
        let inside = format!("root/{name}");
        let mut rows: Vec<Written> = self
            .programs
            .iter()
            .map(|(name, program)| {
                let content = Content { sha256: program.sha256, size: program.size };
                Written { path: format!("../../../bin/{name}"), content: Some(content) }
            })
            .collect();
        if source.manifest.has_data {
            rows.extend(self.data_rows()?);
        }
        let rewritten = source.rewritten.iter().filter_map(|(path, content)| {
            let path = path.strip_prefix("root/")?.to_owned();
            Some(Written { path, content: Some(Content::of(content)) })
        });
        rows.extend(rewritten);
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
            return Ok(vec![Step::Link { path: path.clone(), wheel: package.sha256, inside }]);
        }
        let mut steps = vec![Step::Directory { path: path.clone() }];
        self.stored(path, &inside, &mut steps)?;
        // Other installers write these anew, and not all of them remove the old ones first.
        files.push(("INSTALLER", INSTALLER.to_vec()));
        // The store's RECORD has INSTALLER and RECORD itself.
        let record = format!("{inside}/RECORD");
        if rows.is_empty() {
            steps.push(self.real(format!("{path}/RECORD"), &record, RealMode::Copy));
        } else {
            let stored = source.text(&record)?;
            let changed: BTreeSet<&str> =
                source.rewritten.keys().filter_map(|path| path.strip_prefix("root/")).collect();
            let stored = record::without(&stored, &changed);
            files.push(("RECORD", record::extend(&stored, rows)));
        }
        let file = |(file, content)| Step::file(format!("{path}/{file}"), content, false);
        steps.extend(files.into_iter().map(file));
        Ok(steps)
    }

    fn real(&self, path: String, inside: &str, mode: RealMode) -> Step {
        if let Some(content) = self.source.rewritten.get(inside) {
            return Step::file(path, content.clone(), true);
        }
        Step::Real { path, wheel: self.source.package.sha256, inside: inside.to_owned(), mode }
    }

    /// Plans what the wheel itself has in a directory of its dist-info.
    fn stored(&self, path: &str, inside: &str, steps: &mut Vec<Step>) -> Result<(), Error> {
        let source = self.source;
        for child in source.children(inside)? {
            let path = format!("{path}/{}", child.name);
            if !child.directory && !matches!(child.name, "RECORD" | "INSTALLER") {
                steps.push(self.real(path, child.inside, self.mode));
            } else if child.directory && source.real {
                steps.push(Step::Directory { path: path.clone() });
                self.stored(&path, child.inside, steps)?;
            } else if child.directory {
                // Licences and the like: nothing loads or rewrites them.
                let inside = child.inside.to_owned();
                steps.push(Step::Link { path, wheel: source.package.sha256, inside });
            }
        }
        Ok(())
    }

    /// Rows for headers and data files, relative to site-packages.
    fn data_rows(&self) -> Result<Vec<Written>, Error> {
        let headers = self.spec.interpreter.headers();
        let rows = self.source.files_below("data")?.into_iter().filter_map(|file| {
            let path = if let Some(header) = file.path.strip_prefix("data/headers/") {
                format!("../../../{headers}/{}/{header}", self.source.package.name)
            } else {
                format!("../../../{}", file.path.strip_prefix("data/data/")?)
            };
            let rewritten =
                self.source.rewritten.get(&file.path).map(|content| Content::of(content));
            let content = rewritten.unwrap_or(Content { sha256: file.sha256, size: file.size });
            Some(Written { path, content: Some(content) })
        });
        Ok(rows.collect())
    }
}
