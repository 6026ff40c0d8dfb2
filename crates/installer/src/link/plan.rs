//! Plans an environment as links into the store. Reads manifests and directories of the store; the acts
//! are in `act`. The rule: a directory that one wheel provides is one link, a directory that several provide is a
//! real one with the rule applied inside it.

mod dist_info;
mod merge;

use std::collections::BTreeMap;

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Root};
use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::link::scripts;
use crate::link::{Clash, EnvironmentSpec, LinkMode, LinkPlan, Package, RealMode, Step};
use crate::store;
use crate::store::manifest::Manifest;

/// A package with what the store knows of its wheel.
struct Source<'a> {
    package: &'a Package,
    manifest: Manifest,
    /// Whether its files must be real, not behind a directory link.
    real: bool,
}

/// A file that goes to `bin/`.
struct Script {
    source: usize,
    content: Vec<u8>,
    /// The stored file, where it is taken as it is.
    stored: Option<String>,
}

/// A plan in the making.
struct Planner<'a> {
    root: &'a Root,
    spec: &'a EnvironmentSpec,
    sources: Vec<Source<'a>>,
    steps: Vec<Step>,
    clashes: Vec<Clash>,
    warnings: Vec<String>,
    /// Index into `sources` of who provides a path that no directory link covers.
    taken: FxHashMap<String, usize>,
}

/// Plans the environment of `spec`; every wheel must be in the store. Where bytecode is wanted, compile first:
/// bytecode of modules in shared directories is linked file by file, as found.
///
/// # Errors
/// [`Error::NotInStore`], and [`Error::Clash`] if two packages cannot live together.
pub fn plan(root: &Root, spec: &EnvironmentSpec) -> Result<LinkPlan, Error> {
    let id = crate::generation::id(root, spec);
    let python = root.seen_env_path(&id).join("bin/python");
    let python = python.to_string_lossy();
    let mut planner = Planner {
        root,
        spec,
        sources: sources(root, spec)?,
        steps: Vec::new(),
        clashes: Vec::new(),
        warnings: Vec::new(),
        taken: FxHashMap::default(),
    };
    planner.skeleton();
    let scripts = planner.scripts(&python)?;
    planner.place_scripts(&scripts);
    planner.site_packages()?;
    planner.dist_infos(&scripts)?;
    planner.data()?;
    if spec.options.strict
        && let Some(clash) = planner.clashes.iter().find(|clash| !clash.equal)
    {
        return Err(Error::Clash {
            first: clash.loser.clone(),
            second: clash.winner.clone(),
            path: clash.path.clone(),
            reason: "both provide, with different content,",
        });
    }
    let Planner { steps, clashes, warnings, .. } = planner;
    Ok(LinkPlan { id, steps, clashes, warnings })
}

/// Reads the manifests and decides which wheels must be real.
fn sources<'a>(root: &Root, spec: &'a EnvironmentSpec) -> Result<Vec<Source<'a>>, Error> {
    let mut sources = Vec::with_capacity(spec.packages.len());
    for package in &spec.packages {
        let manifest = store::manifest(root, &package.sha256)?;
        let real = match spec.options.link_mode {
            LinkMode::Tree => spec.options.real.contains(&package.name),
            LinkMode::Hardlink | LinkMode::Copy | LinkMode::Clone => true,
        };
        sources.push(Source { package, manifest, real });
    }
    if spec.options.link_mode == LinkMode::Tree {
        for index in 0..sources.len() {
            for path in sources[index].manifest.looks_into.clone() {
                mark_real(root, (&mut sources, index), &path)?;
            }
        }
    }
    Ok(sources)
}

/// The most that a file has that is read to be rewritten or compared, in bytes.
const LIMIT: u64 = 1 << 30;

/// The content of a stored file, which must be there.
fn stored(wheel: &Dir, inside: &str) -> Result<Vec<u8>, Error> {
    wheel.read(inside, LIMIT)?.ok_or_else(|| {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        Error::io("read", &wheel.path().join(inside))(missing)
    })
}

/// Makes a wheel that looks into `path` real, and every other one that provides it.
fn mark_real(
    root: &Root,
    (sources, index): (&mut [Source<'_>], usize),
    path: &str,
) -> Result<(), Error> {
    for other in (0..sources.len()).filter(|&other| other != index) {
        let wheel = store::directory(root, &sources[other].package.sha256)?;
        if wheel.has_dir(format!("root/{path}")) {
            sources[other].real = true;
            sources[index].real = true;
        }
    }
    Ok(())
}

impl Planner<'_> {
    fn name(&self, source: usize) -> String {
        self.sources[source].package.name.to_string()
    }

    /// The directory of a wheel.
    fn wheel(&self, wheel: &Sha256) -> Result<Dir, Error> {
        store::directory(self.root, wheel)
    }

    /// How real files are made.
    fn real_mode(&self) -> RealMode {
        match self.spec.options.link_mode {
            LinkMode::Copy => RealMode::Copy,
            LinkMode::Clone => RealMode::Clone,
            LinkMode::Tree | LinkMode::Hardlink => RealMode::Hardlink,
        }
    }

    fn directory(&mut self, path: &str) {
        self.steps.push(Step::Directory { path: path.to_owned() });
    }

    fn file(&mut self, path: String, content: Vec<u8>, executable: bool) {
        self.steps.push(Step::File { path, content, executable });
    }

    /// What every environment has.
    fn skeleton(&mut self) {
        let python = &self.spec.interpreter;
        for path in ["bin".to_owned(), "lib".into(), python.lib_dir.clone(), python.site_packages()]
        {
            self.steps.push(Step::Directory { path });
        }
        let mut link = |path: &str, target: &str| {
            let (path, target) = (path.to_owned(), target.to_owned());
            self.steps.push(Step::Symlink { path, target });
        };
        link("bin/python", &python.executable.to_string_lossy());
        link("bin/python3", "python");
        link(&format!("bin/python{}", python.short_version()), "python");
        if python.wide {
            link("lib64", "lib");
        }
        self.file("pyvenv.cfg".into(), self.config().into_bytes(), false);
    }

    fn config(&self) -> String {
        let python = &self.spec.interpreter;
        let home = python.executable.parent().unwrap_or(std::path::Path::new("/"));
        let prompt = self.spec.options.prompt.as_ref();
        let prompt =
            prompt.map(|prompt| format!("prompt = {}\n", prompt.replace(['\n', '\r'], " ")));
        format!(
            "home = {}\nimplementation = {}\nversion_info = {}\npyfast = {}\n\
             include-system-site-packages = false\n{}",
            home.display(),
            python.markers.platform_python_implementation(),
            python.version(),
            env!("CARGO_PKG_VERSION"),
            prompt.unwrap_or_default(),
        )
    }

    /// Every script, by name; where two packages have one of a name, the later wins.
    fn scripts(&mut self, python: &str) -> Result<BTreeMap<String, Script>, Error> {
        let mut scripts: BTreeMap<String, Script> = BTreeMap::new();
        for index in 0..self.sources.len() {
            let source = &self.sources[index];
            let mut found: BTreeMap<String, Script> = BTreeMap::new();
            for name in &source.manifest.scripts {
                let inside = format!("data/scripts/{name}");
                let content = stored(&self.wheel(&source.package.sha256)?, &inside)?;
                let script = match scripts::rewrite(python, &content) {
                    Some(content) => Script { source: index, content, stored: None },
                    None => Script { source: index, content, stored: Some(inside) },
                };
                found.insert(name.clone(), script);
            }
            for point in &source.manifest.entry_points {
                let content = scripts::launcher(python, point);
                found.insert(point.name.clone(), Script { source: index, content, stored: None });
            }
            for (name, script) in found {
                if name.to_ascii_lowercase().starts_with("activate") {
                    let package = self.name(index);
                    self.warnings.push(format!("{package} provides a script named {name}"));
                }
                let content = script.content.clone();
                if let Some(loser) = scripts.insert(name.clone(), script) {
                    self.clashes.push(Clash {
                        path: format!("bin/{name}"),
                        winner: self.name(index),
                        loser: self.name(loser.source),
                        equal: loser.content == content,
                    });
                }
            }
        }
        Ok(scripts)
    }

    fn place_scripts(&mut self, scripts: &BTreeMap<String, Script>) {
        for (name, script) in scripts {
            let path = format!("bin/{name}");
            self.taken.insert(path.clone(), script.source);
            match &script.stored {
                Some(inside) => {
                    self.place_file(path, script.source, inside.clone());
                }
                None => self.file(path, script.content.clone(), true),
            }
        }
    }
}

#[cfg(test)]
mod tests;
