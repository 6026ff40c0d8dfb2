//! The native libraries of a service: which objects of its environment it loads, and whether its image has what they want.
//! Owns when nothing can be said; what follows is the checker's to say.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_checker::entry::Around as _;
use pyfast_checker::native::{
    Image, Loaded, Objects, Opened, Reach, any_unmet, judge, judge_opened, opened, reach,
};
use pyfast_checker::{Files, Finding, Library, ReadFiles, Severity};
use pyfast_crew::libraries::Known;
use pyfast_crew::volume_place::at_place;
use pyfast_environment::ask::loaded;
use pyfast_launcher::image::wanted_images;

use super::facts::Facts;
use super::found::Judged;
use super::installed::Installed;
use super::libraries::Images;
use super::process::Process;
use super::remembered::Memory;
use super::view::PACKAGES;
use crate::compose_version::separator;
use crate::description::Description;

/// Variables by which the loader looks elsewhere.
const OF_LOADER: [&str; 2] = ["LD_LIBRARY_PATH", "LD_PRELOAD"];
/// Words of commands after which there are other libraries.
const CHANGING: [&str; 7] =
    ["apt-get", "apt ", "apk ", "dpkg", "ldconfig", "LD_LIBRARY_PATH", "LD_PRELOAD"];
/// Where libraries are, and what says so.
const PLACES: [&str; 8] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf.d",
];

/// Who asks for the libraries of a service.
pub(super) struct Native<'a> {
    pub(super) libraries: &'a Images<'a>,
    pub(super) description: &'a Description,
    /// The environment that it starts in.
    pub(super) env: &'a str,
    /// What was read of files for other services.
    pub(super) read: &'a ReadFiles,
    /// What was found the last time.
    pub(super) memory: &'a Memory,
}

impl Native<'_> {
    /// What keeps processes from loading what they import.
    pub(super) fn judge(
        &self,
        facts: &Facts,
        installed: &Installed,
        processes: &[Process],
    ) -> Judged {
        let mut judged = Judged::default();
        let unknown = |why: String| vec![format!("{}: {why}", facts.name)];
        if installed.is_of_another_machine || may_have_others(facts, processes) {
            return judged;
        }
        // What is found then the image does not say.
        let settings = self.description.settings(self.libraries.settings, self.env);
        if settings.from_channels().is_some() {
            return judged;
        }
        // Only what the project's own modules open is left then, and asking an image takes a container.
        if installed.objects.is_empty() && !self.opens(facts, processes) {
            return judged;
        }
        let Some(name) = self.image_name(facts) else { return judged };
        let image = match self.libraries.of(&name) {
            Ok(image) => image,
            Err(why) => {
                judged.unknown = unknown(format!("which libraries its image has: {why}"));
                return judged;
            }
        };
        match self.kept(facts, installed, processes, &image) {
            Ok(kept) => judged = kept,
            Err(why) => judged.unknown = unknown(format!("what its packages import: {why}")),
        }
        if judged.findings.is_empty() || self.starts_with_more(facts, &name) {
            judged.findings.clear();
            return judged;
        }
        if !self.libraries.is_current(&name, facts, self.description) {
            let until = "whether its image has all libraries, until it is built from its Dockerfile as it is";
            judged = Judged { unknown: unknown(until.to_owned()), ..Judged::default() };
        }
        judged
    }

    /// Whether the project's own modules open any library.
    fn opens(&self, facts: &Facts, processes: &[Process]) -> bool {
        let what = format!("{} opens", facts.name);
        let question = (processes, (&facts.view.files, &facts.view.mounts));
        let find = |files: &dyn Files| {
            Ok(Judged::from(openings(processes, &Library::new(files, self.read))))
        };
        let Ok(found) = self.memory.judged::<Infallible>(&what, &question, &facts.view, find);
        !found.findings.is_empty()
    }

    /// The name of the image; one that Compose makes up depends on its version.
    fn image_name(&self, facts: &Facts) -> Option<String> {
        let project = &self.description.project;
        let given = project.services.get(&facts.name)?.image.as_ref();
        if let Some(given) = given.filter(|image| !image.is_empty()) {
            return Some(given.clone());
        }
        let separator = separator(self.libraries.settings).unwrap_or("-");
        let wanted = wanted_images(project, separator).ok()?.into_iter();
        let mut own = wanted.filter(|image| image.services.contains(&facts.name));
        own.next().map(|image| image.image)
    }

    /// Whether something starts first that only the image knows.
    fn starts_with_more(&self, facts: &Facts, image: &str) -> bool {
        let service = self.description.project.services.get(&facts.name);
        let own_entrypoint = service.is_some_and(|service| service.entrypoint.is_some());
        let words = facts.words.as_deref().unwrap_or_default();
        !own_entrypoint && self.libraries.starts_with_more(image, words)
    }

    /// What was found before, as long as it holds. Neither a generation nor what an id names ever changes.
    fn kept(
        &self,
        facts: &Facts,
        installed: &Installed,
        processes: &[Process],
        image: &Known,
    ) -> Result<Judged, String> {
        let what = format!("{} libraries", facts.name);
        let view = (&facts.view.files, &facts.view.mounts);
        let question = (processes, view, &installed.id, &image.key);
        self.memory.judged(&what, &question, &facts.view, |files| {
            let packages = Path::new(PACKAGES);
            let objects = installed.objects.iter();
            let objects: Objects =
                objects.map(|(file, object)| (packages.join(file), object.clone())).collect();
            self.findings(files, processes, &objects, &image.libraries).map(Judged::from)
        })
    }

    fn findings(
        &self,
        files: &dyn Files,
        processes: &[Process],
        objects: &Objects,
        image: &Image,
    ) -> Result<Vec<Finding>, String> {
        let library = Library::new(files, self.read);
        // Following imports through packages is the most of the work, and mostly for nothing.
        let follows = any_unmet(objects, image);
        let mut all = Vec::new();
        for Process { service, needed, .. } in processes {
            let mut found = judge_opened(&opened(service, &library), objects, image);
            if follows {
                let loaded = self.loaded(reach(service, &library))?;
                found.extend(judge(&loaded, objects, image));
            }
            let mut found = library.without_meant(found, service.python);
            for finding in found.iter_mut().filter(|_| !needed) {
                finding.severity = Severity::Warning;
            }
            all.extend(found);
        }
        Ok(all)
    }

    /// All that is loaded, with what only the environment's own place can tell.
    fn loaded(&self, reached: Reach) -> Result<Vec<Loaded>, String> {
        let Reach { loaded: mut found, beyond } = reached;
        if beyond.is_empty() {
            return Ok(found);
        }
        let settings = self.description.settings(self.libraries.settings, self.env);
        let silent: pyfast_crew::Events = Arc::new(|_| ());
        let modules: Vec<String> = beyond.iter().map(|(module, _)| module.clone()).collect();
        let inside = at_place(&settings, &silent, |place| loaded(place, modules));
        for one in inside.map_err(|error| error.to_string())? {
            let first = one.chain.first().cloned().unwrap_or_default();
            let leads = |module: &str| {
                let rest = module.strip_prefix(&first);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let import = beyond.iter().find(|(module, _)| leads(module));
            let object = Path::new(PACKAGES).join(&one.object);
            found.push(Loaded { object, place: import.and_then(|(_, at)| at.clone()), ..one });
        }
        Ok(found)
    }
}

/// Whether the container may have libraries that are not its image's.
fn may_have_others(facts: &Facts, processes: &[Process]) -> bool {
    let set = facts.variables.keys().any(|name| OF_LOADER.contains(&name.as_str()));
    let starts = processes.iter().any(|process| process.loads_elsewhere);
    let covers = |at: &PathBuf| {
        PLACES.iter().any(|place| at.starts_with(place) || Path::new(place).starts_with(at))
    };
    let mounted = facts.view.mounts.iter().any(|one| covers(&one.at));
    let changes = |text: &str| CHANGING.iter().any(|word| text.contains(word));
    // A script that cannot be read may do anything.
    let by_words = facts.words.iter().flatten().any(|word| {
        let is_script = Path::new(word).extension().is_some_and(|end| end == "sh");
        changes(word) || facts.text(word).map_or(is_script, |text| changes(&text))
    });
    set || starts || mounted || by_words
}

/// What an image that has nothing would lack of what the project's own modules open.
fn openings(processes: &[Process], library: &Library<'_>) -> Vec<Finding> {
    let all = processes.iter().flat_map(|process| opened(&process.service, library));
    let all: Vec<Opened> = all.collect();
    judge_opened(&all, &Objects::new(), &Image::default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pyfast_checker::{
        Disk, Entry, EntryTarget, PythonVersion, SearchEntry, Service, Wheels, Whose,
    };

    use super::*;

    #[test]
    fn an_image_is_asked_without_extension_modules_where_the_project_opens_a_library() {
        let room = tempfile::tempdir().unwrap();
        let asks = |main: &str| {
            fs_err::write(room.path().join("main.py"), main).unwrap();
            let target = EntryTarget::Import { module: "main".to_owned(), object: None };
            let directory = room.path().to_path_buf();
            let service = Service {
                python: PythonVersion { major: 3, minor: 12 },
                entries: vec![Entry { target, said: String::new(), is_first: false }],
                search_path: vec![SearchEntry { directory, whose: Whose::Project }],
                standard_library: BTreeSet::from(["ctypes".to_owned()]),
                environment: None,
                empty: BTreeSet::new(),
                wheels: Wheels::default(),
                is_open: false,
            };
            let process = Process { service, needed: true, open: false, loads_elsewhere: false };
            !openings(&[process], &Library::new(&Disk, &ReadFiles::default())).is_empty()
        };
        assert!(asks("import ctypes\nlib = ctypes.CDLL('libmagic.so.1')\n"));
        assert!(!asks("import ctypes\nlib = None\n"));
    }
}
