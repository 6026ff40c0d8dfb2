//! Whether an image gives an object what it wants, by the loader's rules, as far as that is certain. Must not know which
//! objects are loaded, nor when.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pyfast_elf::{Object, behind_origin};

use super::image::Image;
use super::packages;
use super::reach::{Loaded, Opened};
use crate::finding::{Finding, Rule, Severity};

/// Libraries that an engine puts into containers with the devices that they are for.
const OF_DRIVERS: [&str; 6] =
    ["libcuda.", "libnvidia-", "libnvcuvid.", "libnvoptix.", "libdxcore.", "libd3d12"];

/// The objects of an environment and of the project, by their paths as the check's files know them.
pub type Objects = BTreeMap<PathBuf, Object>;

/// One thing that an object does not get.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Unmet {
    /// It is for another machine.
    Machine { machine: u16, bits: u8 },
    /// There is no library of the name.
    Library(String),
    /// The library is there, and its newest version of the kind is another.
    Version { library: String, wanted: String, newest: String },
}

/// Whether any of these objects that may be an extension module, loaded or not, would not get what it wants.
pub fn any_unmet(objects: &Objects, image: &Image) -> bool {
    let judge = Judge::new(objects, image);
    objects.keys().any(|path| is_module(path) && !judge.unmet(path).is_empty())
}

/// Libraries and plug-ins of packages are loaded by these, or by nobody who is asked about.
fn is_module(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let tagged = name.contains(".cpython-") || name.contains(".abi3.");
    let ends = path.extension().is_some_and(|end| end == "so");
    ends && (tagged || !name.starts_with("lib"))
}

/// What keeps objects from being loaded, a finding a cause.
pub fn judge(loaded: &[Loaded], objects: &Objects, image: &Image) -> Vec<Finding> {
    let judge = Judge::new(objects, image);
    let mut told: BTreeMap<Unmet, usize> = BTreeMap::new();
    let mut findings: Vec<Finding> = Vec::new();
    for one in loaded {
        let unmet = judge.unmet(&one.object).into_iter();
        let (again, new): (Vec<_>, Vec<_>) = unmet.partition(|(_, unmet)| told.contains_key(unmet));
        let again: BTreeSet<usize> = again.iter().map(|(_, unmet)| told[unmet]).collect();
        for at in again {
            findings[at].more += usize::from(findings[at].place != one.place);
        }
        let is_library = |unmet: &Unmet| matches!(unmet, Unmet::Library(_));
        let (libraries, others): (Vec<_>, Vec<_>) =
            new.into_iter().partition(|(_, unmet)| is_library(unmet));
        // What one image's line adds is one cause.
        let groups = others.into_iter().map(|one| vec![one]).chain([libraries]);
        for group in groups.filter(|group| !group.is_empty()) {
            findings.push(finding(one, &group, image));
            let at = findings.len() - 1;
            told.extend(group.into_iter().map(|(_, unmet)| (unmet, at)));
        }
    }
    findings.sort_by(|one, other| one.place.cmp(&other.place));
    findings
}

/// What keeps libraries from being opened by their names.
pub fn judge_opened(opened: &[Opened], objects: &Objects, image: &Image) -> Vec<Finding> {
    let judge = Judge::new(objects, image);
    // Who opens it is the interpreter's own module, which has no search path.
    let lacks = |one: &&Opened| judge.is_lacking(&Object::default(), &one.library);
    let found = opened.iter().filter(lacks).map(|Opened { library, place }| Finding {
        rule: Rule::MissingLibrary,
        severity: Severity::Error,
        place: Some(place.clone()),
        words: None,
        message: format!("the library `{library}` is opened here, and the image does not have it"),
        related: Vec::new(),
        hint: Some(packages::cure(&[library], &[], image)),
        more: 0,
    });
    found.collect()
}

/// What one load lacks: one thing, or several libraries, each with the object that wants it.
fn finding(loaded: &Loaded, unmet: &[(PathBuf, Unmet)], image: &Image) -> Finding {
    let who = if let [(who, _)] = unmet { who } else { &loaded.object };
    let (rule, end, hint) = match unmet {
        [(_, Unmet::Machine { machine, bits }), ..] => (
            Rule::MissingLibrary,
            format!(
                "is for {}, and the image runs {}",
                packages::machine(*machine, *bits),
                packages::machine(image.machine, image.bits)
            ),
            "take a wheel of the image's machine: sync the environment for this image".to_owned(),
        ),
        [(_, Unmet::Version { library, wanted, newest }), ..] => (
            Rule::LibraryVersion,
            format!("needs {wanted} of `{library}`, and the newest that the image has is {newest}"),
            "start the Dockerfile from a newer release of its base, or take a wheel that was built for an older one"
                .to_owned(),
        ),
        libraries => {
            let names = libraries.iter().filter_map(|(_, unmet)| match unmet {
                Unmet::Library(library) => Some(library.as_str()),
                _ => None,
            });
            let names: Vec<&str> = names.collect::<BTreeSet<_>>().into_iter().collect();
            let end = match names[..] {
                [one] => {
                    format!("needs the library `{one}`, and neither its wheel nor the image has that")
                }
                _ => format!(
                    "needs libraries that neither its wheel nor the image has: `{}`",
                    names.join("`, `")
                ),
            };
            (Rule::MissingLibrary, end, packages::cure(&names, &loaded.chain, image))
        }
    };
    Finding {
        rule,
        severity: Severity::Error,
        place: loaded.place.clone(),
        message: format!("{} {end}", begin(loaded, who)),
        words: None,
        related: Vec::new(),
        hint: Some(hint),
        more: 0,
    }
}

/// How an object is come to, up to the verb.
fn begin(loaded: &Loaded, who: &Path) -> String {
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    };
    let chain = match &loaded.chain[..] {
        [first, .., last] if loaded.chain.len() > 3 => {
            format!("`{first}` imports, by way of {} others, `{last}`", loaded.chain.len() - 2)
        }
        chain => format!("`{}`", chain.join("` imports `")),
    };
    let object = format!("{chain} (`{}`)", name(&loaded.object));
    if who != loaded.object {
        format!("{object}, whose `{}`", name(who))
    } else if loaded.chain.len() > 1 {
        format!("{object}, which")
    } else {
        object
    }
}

/// The facts that all objects are judged by.
struct Judge<'a> {
    objects: &'a Objects,
    image: &'a Image,
    /// Names by which a process may have one of the objects already: packages load their libraries by path before the
    /// loader looks for them.
    brought: BTreeSet<&'a str>,
}

impl<'a> Judge<'a> {
    fn new(objects: &'a Objects, image: &'a Image) -> Self {
        let mut brought = BTreeSet::new();
        for (path, object) in objects {
            brought.extend(path.file_name().and_then(|name| name.to_str()));
            brought.extend(object.soname.as_deref());
        }
        Self { objects, image, brought }
    }

    /// What an object does not get, and the libraries of the environment that it leads to, each with who wants it.
    fn unmet(&self, path: &Path) -> BTreeSet<(PathBuf, Unmet)> {
        let mut unmet = BTreeSet::new();
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        let mut due = vec![path.to_path_buf()];
        while let Some(path) = due.pop() {
            let Some(object) = self.objects.get(&path) else { continue };
            if !seen.insert(path.clone()) {
                continue;
            }
            let Image { machine, bits, .. } = *self.image;
            if (object.machine, object.bits) != (machine, bits) {
                let (machine, bits) = (object.machine, object.bits);
                unmet.insert((path, Unmet::Machine { machine, bits }));
                continue;
            }
            for library in &object.needed {
                if let Some(inner) = self.beside(&path, object, library) {
                    due.push(inner);
                } else if self.is_lacking(object, library) {
                    unmet.insert((path.clone(), Unmet::Library(library.clone())));
                } else {
                    let older = self.older(object, library);
                    unmet.extend(older.map(|unmet| (path.clone(), unmet)));
                }
            }
        }
        unmet
    }

    /// The library of the environment that the object's own search path leads to.
    fn beside(&self, path: &Path, object: &Object, library: &str) -> Option<PathBuf> {
        let directories = object.searched.iter().filter_map(|one| searched(path, one));
        directories
            .map(|directory| directory.join(library))
            .find(|path| self.objects.contains_key(path))
    }

    /// Whether a library is certainly nowhere.
    fn is_lacking(&self, object: &Object, library: &str) -> bool {
        // A path is opened as it is, and `$LIB` and its like are the loader's own business.
        let is_plain = !library.contains(['/', '$']);
        let looked = |directory: &String| {
            directory.contains("ORIGIN") || self.image.directories.contains(Path::new(directory))
        };
        is_plain
            && !OF_DRIVERS.iter().any(|name| library.starts_with(name))
            && !self.brought.contains(library)
            && !self.image.has(library)
            && object.searched.iter().all(looked)
    }

    /// Versions that the image's library of this name has not.
    fn older(&self, object: &Object, library: &str) -> impl Iterator<Item = Unmet> {
        let wanted = object.wants.get(library).into_iter().flatten();
        wanted.filter(|_| !self.brought.contains(library)).filter_map(|wanted| {
            let newest = self.image.newest_instead_of(library, wanted)?.to_owned();
            Some(Unmet::Version { library: library.to_owned(), wanted: wanted.clone(), newest })
        })
    }
}

/// The directory that a search path of the object at `path` means; `None` if that is not below what is known here.
fn searched(path: &Path, search: &str) -> Option<PathBuf> {
    let rest = behind_origin(search)?;
    let mut found = path.parent()?.to_path_buf();
    for part in Path::new(rest.strip_prefix('/').unwrap_or(rest)).components() {
        match part {
            Component::Normal(name) => found.push(name),
            Component::ParentDir if found.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(found)
}
