//! An environment as it is where nobody changes it: which paths a root has there, and where their content is. Owns what
//! belongs to it. Everything that only says how it came about on this machine is left out, so that equal environments are
//! equal wherever they were made. Must not know in what form they are carried away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pyfast_packaging::hash::Sha256;
use pyfast_packaging::safe_url::carried;
use pyfast_resolver::Lock;
use pyfast_root::layout::{
    CURRENT, LAYOUT_FILE, LAYOUT_TEXT, current_target, env_path, prefix_path, project_env_path,
    wheel_place,
};
use pyfast_root::{ProjectEnv, Root};

use super::{LOCK_COPY, own_files};
use crate::bytecode::{listed, marker, text};
use crate::error::Error;
use crate::link::act::{split, store_target};
use crate::link::{EnvironmentSpec, LinkMode, LinkPlan, Step, plan};
use crate::prefix::{self, Part};
use crate::store::manifest::{self, Manifest};
use crate::store::{self, CACHE, Store};

/// Something at a path of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root.
    pub path: String,
    /// What.
    pub what: What,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A directory.
    Directory,
    /// A symbolic link that leads there.
    Link(String),
    /// A file with this content.
    Text {
        /// Its bytes.
        content: Vec<u8>,
        /// Whether it may be run.
        executable: bool,
    },
    /// A file with the content of one that this root has.
    Stored {
        /// Which, relative to the root.
        place: PathBuf,
        /// How many bytes it has.
        size: u64,
        /// Their digest, as it was when it came into the root; `None` for what this program wrote there.
        sha256: Option<Sha256>,
        /// Whether it may be run.
        executable: bool,
    },
}

/// An environment at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The generation's id there.
    pub id: String,
    /// Everything but wheels and Pythons.
    pub entries: Vec<Entry>,
}

/// What an environment is made from where it is frozen. In a root that Python sees in another place than this one
/// (`moved`) it was made for whoever writes to it, and is made for those who only read it now.
#[must_use]
pub fn at_rest(mut spec: EnvironmentSpec, moved: bool) -> EnvironmentSpec {
    // They say which kernel it was composed under, and shape nothing.
    let markers = spec.interpreter.markers.clone();
    spec.interpreter.markers = markers.with_platform_release("").with_platform_version("");
    if moved {
        spec.options.link_mode = LinkMode::Tree;
        spec.options.owner = None;
    }
    for object in spec.packages.iter_mut().filter_map(|package| package.direct_url.as_mut()) {
        carry(object);
    }
    spec
}

/// Takes out of where a package came from what only this machine knows, or by what somebody gets in. An editable one is
/// imported from where it is.
fn carry(direct_url: &mut serde_json::Value) {
    if direct_url["dir_info"]["editable"] == true {
        return;
    }
    if let Some(url) = direct_url.get_mut("url") {
        *url = carried(url.as_str().unwrap_or_default()).into();
    }
}

/// The files of a wheel, with the bytecode of these modules where a cache tag is given.
///
/// # Errors
/// If the wheel is not in the store, its manifest is damaged, or it was not compiled for that.
pub fn wheel(root: &Root, wheel: &Sha256, tag: Option<&str>) -> Result<Vec<Entry>, Error> {
    let directory = store::directory(root, wheel)?;
    let (mut header, files) = Manifest::read(&directory)?;
    // Which start of a machine it was unpacked in is nobody's business elsewhere.
    header.boot = None;
    let place = wheel_place(&wheel.to_string());
    let own = |name: &str, content: String| Entry {
        path: format!("{place}/{name}"),
        what: What::Text { content: content.into_bytes(), executable: false },
    };
    let mut entries = vec![own(manifest::FILE, header.to_text(&files))];
    let stored = |inside: &str, size: u64, sha256: Sha256, executable: bool| {
        let path = format!("{place}/{inside}");
        let (place, sha256) = (PathBuf::from(&path), Some(sha256));
        Entry { what: What::Stored { place, size, sha256, executable }, path }
    };
    let mut listed_files: BTreeMap<&str, Entry> = files
        .iter()
        .map(|file| (&*file.path, stored(&file.path, file.size, file.sha256, file.executable)))
        .collect();
    let compiled = match tag {
        Some(tag) => {
            let compiled = listed(&directory, tag)?;
            entries.push(own(&marker(tag), text(&compiled)));
            compiled
        }
        None => Vec::new(),
    };
    for one in &compiled {
        let entry = || stored(&one.path, one.size, one.sha256, false);
        listed_files.entry(&one.path).or_insert_with(entry);
    }
    entries.extend(listed_files.into_values());
    Ok(entries)
}

/// An environment, composed for where Python sees the store's root, with the bytecode of its modules or without.
///
/// # Errors
/// As [`plan()`], and if a file of the store is gone.
pub fn environment(
    store: &Store,
    name: &ProjectEnv,
    spec: &EnvironmentSpec,
    lock: &str,
    bytecode: bool,
) -> Result<Frozen, Error> {
    let lock = Lock::carried(lock).ok_or_else(|| Error::Damaged {
        path: LOCK_COPY.into(),
        reason: "it is no lock".to_owned(),
    })?;
    let mut links = plan(store, spec)?;
    if !bytecode {
        leave_bytecode_out(store.root(), &mut links)?;
    }
    let nowhere = Path::new("");
    let top = text_of(&env_path(nowhere, &links.id));
    let tag = spec.interpreter.cache_tag.clone().filter(|_| bytecode);
    let mut known = Known { tag, wheels: BTreeMap::new() };
    let mut entries = Vec::with_capacity(links.steps.len());
    for step in &links.steps {
        let path = format!("{top}/{}", step.path());
        entries.push(Entry { path, what: what(store.root(), step, &mut known)? });
    }
    let mut file = |path: String, content: Vec<u8>| {
        entries.push(Entry { path, what: What::Text { content, executable: false } });
    };
    for (name, content) in own_files(&links, spec, &lock, None)? {
        file(format!("{top}/{name}"), content);
    }
    file(LAYOUT_FILE.to_owned(), LAYOUT_TEXT.into());
    let current = text_of(&project_env_path(nowhere, name).join(CURRENT));
    entries.push(Entry { path: current, what: What::Link(current_target(&links.id)) });
    Ok(Frozen { id: links.id, entries })
}

/// Paths of roots are text.
fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn what(root: &Root, step: &Step, known: &mut Known) -> Result<What, Error> {
    Ok(match step {
        Step::Directory { .. } => What::Directory,
        Step::Symlink { target, .. } => What::Link(target.clone()),
        Step::Link { path, wheel, inside } => {
            let inside = format!("{}/{inside}", wheel_place(&wheel.to_string()));
            What::Link(store_target(path, &inside))
        }
        Step::File { content, executable, .. } => {
            What::Text { content: content.clone(), executable: *executable }
        }
        Step::Real { wheel, inside, .. } => {
            let place = format!("{}/{inside}", wheel_place(&wheel.to_string()));
            let sha256 = known.digest(root, wheel, inside)?;
            stored(root, &place, Some(sha256))?
        }
    })
}

/// What files of wheels are, by what their wheels say.
struct Known {
    /// The cache tag of their bytecode.
    tag: Option<String>,
    wheels: BTreeMap<Sha256, BTreeMap<String, Sha256>>,
}

impl Known {
    fn digest(&mut self, root: &Root, wheel: &Sha256, inside: &str) -> Result<Sha256, Error> {
        if !self.wheels.contains_key(wheel) {
            let directory = store::directory(root, wheel)?;
            let mut files: BTreeMap<String, Sha256> = BTreeMap::new();
            if let Some(tag) = &self.tag {
                files
                    .extend(listed(&directory, tag)?.into_iter().map(|one| (one.path, one.sha256)));
            }
            let own = store::files(root, wheel)?;
            files.extend(own.into_iter().map(|file| (file.path, file.sha256)));
            self.wheels.insert(*wheel, files);
        }
        self.wheels[wheel].get(inside).copied().ok_or_else(|| Error::Damaged {
            path: root.written().join(wheel_place(&wheel.to_string())).join(inside),
            reason: "its wheel does not say what it is".to_owned(),
        })
    }
}

/// A file of the root, which has to be what this digest says.
fn stored(root: &Root, place: &str, sha256: Option<Sha256>) -> Result<What, Error> {
    let facts = root.top().facts(place)?.ok_or_else(|| {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        Error::io("read", &root.written().join(place))(missing)
    })?;
    let (place, executable) = (PathBuf::from(place), facts.mode & 0o111 != 0);
    Ok(What::Stored { place, size: facts.size, sha256, executable })
}

/// Bytecode that another environment has had compiled for these wheels.
fn leave_bytecode_out(root: &Root, links: &mut LinkPlan) -> Result<(), Error> {
    let mut listed: BTreeMap<Sha256, BTreeSet<String>> = BTreeMap::new();
    let mut kept = Vec::with_capacity(links.steps.len());
    for step in links.steps.drain(..) {
        if let Step::Real { path, wheel, inside, .. } = &step
            && split(split(path).0).1 == CACHE
        {
            if !listed.contains_key(wheel) {
                let files = store::files(root, wheel)?.into_iter().map(|file| file.path);
                listed.insert(*wheel, files.collect());
            }
            if !listed[wheel].contains(inside) {
                continue;
            }
        }
        kept.push(step);
    }
    let filled: BTreeSet<String> =
        kept.iter().map(|step| split(step.path()).0.to_owned()).collect();
    let is_left = |step: &Step| {
        let Step::Directory { path } = step else { return true };
        split(path).1 != CACHE || filled.contains(path)
    };
    kept.retain(is_left);
    links.steps = kept;
    Ok(())
}

/// Everything in a Python that was brought.
///
/// # Errors
/// If it is not there, or cannot be read.
pub fn python(root: &Root, id: &str) -> Result<Vec<Entry>, Error> {
    let top = text_of(&prefix_path(Path::new(""), id));
    let parts = prefix::listed(root, id)?;
    let entries = parts.into_iter().map(|(inside, part)| {
        let path = format!("{top}/{inside}");
        let what = match part {
            Part::Link(target) => What::Link(target),
            Part::File(sha256) | Part::Program(sha256) => stored(root, &path, Some(sha256))?,
        };
        Ok(Entry { path, what })
    });
    let mut entries: Vec<Entry> = entries.collect::<Result<_, Error>>()?;
    for own in prefix::OWN {
        let path = format!("{top}/{own}");
        entries.push(Entry { what: stored(root, &path, None)?, path });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::{Compiler, Invalidation};
    use crate::fixtures::{Sandbox, WheelFile};

    /// Wheels that share a directory, and one that has its own.
    fn wheels() -> [WheelFile; 2] {
        [
            WheelFile::new("one", "1.0").file("one/__init__.py", "").file("space/one.py", ""),
            WheelFile::new("two", "1.0").file("space/two.py", "x = {'a', 'b'}\n"),
        ]
    }

    fn name() -> ProjectEnv {
        ProjectEnv::new("shop", "default").unwrap()
    }

    /// An environment as it is frozen, and its wheels.
    fn frozen(sandbox: &Sandbox, compiled: bool) -> (Frozen, Vec<Vec<Entry>>) {
        let mut spec = at_rest(sandbox.spec(&wheels()), true);
        spec.options.compiled = compiled;
        let tag = spec.interpreter.cache_tag.clone().filter(|_| compiled);
        let made =
            environment(&sandbox.store, &name(), &spec, "lock-version = '1.0'", compiled).unwrap();
        let packages = spec.packages.iter();
        let files = packages.map(|one| wheel(&sandbox.root, &one.sha256, tag.as_deref()).unwrap());
        (made, files.collect())
    }

    fn compile(sandbox: &Sandbox) {
        let spec = sandbox.spec(&wheels());
        let compiler = Compiler::start(&spec.interpreter, Invalidation::UncheckedHash, 1).unwrap();
        for package in &spec.packages {
            compiler.compile(&sandbox.root, &package.sha256).unwrap();
        }
    }

    #[test]
    fn two_roots_that_are_seen_at_one_place_have_equal_environments() {
        let [one, other] = [(); 2].map(|()| Sandbox::seen_at("/pyfast"));
        assert_eq!(frozen(&one, false), frozen(&other, false));
        // What another environment has compiled changes nothing.
        compile(&other);
        assert_eq!(frozen(&one, false), frozen(&other, false));
        assert!(frozen(&other, false) != frozen(&other, true));
    }

    #[test]
    fn bytecode_belongs_to_wheels_and_to_directories_that_several_share() {
        let sandbox = Sandbox::seen_at("/pyfast");
        compile(&sandbox);
        let (environment, files) = frozen(&sandbox, true);
        let has = |entries: &[Entry], word: &str| {
            entries.iter().any(|entry| entry.path.contains(CACHE) && entry.path.contains(word))
        };
        assert!(
            has(&environment.entries, "space/") && !has(&environment.entries, "one/__pycache__")
        );
        assert!(has(&files[0], "root/one/__pycache__/__init__."), "{:?}", files[0]);
        let markers =
            files.iter().flatten().filter(|one| one.path.contains("/compiled-2-cpython-"));
        assert_eq!(markers.count(), 2);
    }

    #[test]
    fn a_wheel_that_was_not_compiled_is_not_taken_for_one_that_was() {
        let sandbox = Sandbox::seen_at("/pyfast");
        let spec = sandbox.spec(&wheels());
        let tag = spec.interpreter.cache_tag.as_deref();
        assert!(wheel(&sandbox.root, &spec.packages[0].sha256, tag).is_err());
    }

    #[test]
    fn nothing_tells_of_the_machine_that_it_was_made_on() {
        let (made, files) = frozen(&Sandbox::seen_at("/pyfast"), false);
        let boot = crate::store::settled::boot_id().unwrap();
        let release = fs_err::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        for entry in made.entries.iter().chain(files.iter().flatten()) {
            let What::Text { content, .. } = &entry.what else { continue };
            let text = String::from_utf8_lossy(content);
            assert!(!text.contains(&boot) && !text.contains(release.trim()), "{}", entry.path);
        }
        let current = made.entries.iter().find(|entry| entry.path.ends_with("/current")).unwrap();
        assert_eq!(current.what, What::Link(current_target(&made.id)));
    }
}
