//! Plans an environment of what the store has. Reads manifests, each once, and the bytecode of compiled wheels; the
//! acts are in `act`. In a tree a directory that one wheel provides is one link, and one that several provide is
//! real all the way down: who walks over it or compares real paths sees what is there. Elsewhere everything is.

mod dist_info;
mod lacking;
mod libraries;
mod loader;
mod merge;
mod programs;
mod sources;

use pyfast_root::Root;
use pyfast_root::layout::{CURRENT, project_env_path};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Error;
use crate::link::activation;
use crate::link::mode::LinkMode;
use crate::link::{Clash, EnvironmentOptions, EnvironmentSpec, LinkPlan, RealMode, Step};
use crate::store::Store;
use sources::Source;

/// A plan in the making.
struct Planner<'a> {
    id: &'a str,
    spec: &'a EnvironmentSpec,
    sources: &'a [Source<'a>],
    /// How real files are made.
    mode: RealMode,
    steps: Vec<Step>,
    clashes: Vec<Clash>,
    warnings: Vec<String>,
    /// The directories and scripts that this environment has whatever is in it.
    own: FxHashSet<String>,
    /// Index into `sources` of who has a path in one of those.
    taken: FxHashMap<String, usize>,
}

/// Plans the environment of `spec`; every wheel must be in the store. Where bytecode is wanted, compile first:
/// bytecode of modules in real directories is linked file by file, as found.
///
/// # Errors
/// [`Error::NotInStore`], and [`Error::Clash`] if two packages cannot live together.
pub fn plan(store: &Store, spec: &EnvironmentSpec) -> Result<LinkPlan, Error> {
    let root = store.root();
    let id = crate::link::id::id(root, spec);
    let python = root.seen_env_path(&id).join("bin/python");
    let mut sources = sources::read(store, spec)?;
    if spec.options.link_mode == LinkMode::Tree {
        libraries::mark(&mut sources, &spec.interpreter);
    }
    let warnings = match &spec.options.native {
        Some(native) => lacking::mark(root, &mut sources, spec, native)?,
        None => Vec::new(),
    };
    let mut planner = Planner {
        id: &id,
        spec,
        sources: &sources,
        mode: match spec.options.link_mode {
            LinkMode::Copy => RealMode::Copy,
            LinkMode::Clone => RealMode::Clone,
            LinkMode::Tree | LinkMode::Hardlink => RealMode::Hardlink,
        },
        steps: Vec::new(),
        clashes: Vec::new(),
        warnings,
        own: FxHashSet::default(),
        taken: FxHashMap::default(),
    };
    planner.skeleton();
    planner.activation(root);
    let programs = planner.programs(&python.to_string_lossy())?;
    planner.place_programs(&programs)?;
    planner.site_packages()?;
    planner.dist_infos(&programs)?;
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

impl Planner<'_> {
    fn name(&self, source: usize) -> String {
        self.sources[source].package.name.to_string()
    }

    /// Plans a directory that other packages may have something in, once.
    fn own_directory(&mut self, path: &str) {
        if self.own.insert(path.to_owned()) {
            self.steps.push(Step::Directory { path: path.to_owned() });
        }
    }

    fn file(&mut self, path: String, content: Vec<u8>, executable: bool) {
        self.steps.push(Step::file(path, content, executable));
    }

    /// What every environment has.
    fn skeleton(&mut self) {
        let python = &self.spec.interpreter;
        for path in ["bin", "lib", &python.lib_dir, &python.site_packages()] {
            self.own_directory(path);
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

    /// What puts it in front in a shell. One that a project alone has is known by the project's link, which leads to
    /// its successor one day; of others nothing is known that stays.
    fn activation(&mut self, root: &Root) {
        let EnvironmentOptions { owner, prompt, .. } = &self.spec.options;
        let at = match owner {
            Some(owner) => project_env_path(root.seen(), owner).join(CURRENT),
            None => root.seen_env_path(self.id),
        };
        for (name, text) in activation::scripts(&at.to_string_lossy(), prompt.as_deref()) {
            let path = format!("bin/{name}");
            self.own.insert(path.clone());
            self.file(path, text.into_bytes(), false);
        }
    }

    fn config(&self) -> String {
        let python = &self.spec.interpreter;
        let home = python.executable.parent().unwrap_or(std::path::Path::new("/"));
        let prompt = self.spec.options.prompt.as_ref();
        let prompt =
            prompt.map(|prompt| format!("prompt = {}\n", prompt.replace(['\n', '\r'], " ")));
        format!(
            "home = {}\nimplementation = {}\nversion = {}\nversion_info = {}\npyfast = {}\n\
             include-system-site-packages = false\n{}",
            home.display(),
            python.markers.platform_python_implementation(),
            python.version(),
            python.version(),
            env!("CARGO_PKG_VERSION"),
            prompt.unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests;
