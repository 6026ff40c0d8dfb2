//! The native libraries of a service: which objects of its environment it loads, and whether its image has what they want.
//! Owns when nothing can be said; what follows is the checker's to say.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_checker::entry::Around as _;
use pyfast_checker::native::{Image, Loaded, Objects, Reach, any_unmet, is_silenced, judge, reach};
use pyfast_checker::{Finding, Library, ReadFiles, Severity};
use pyfast_crew::volume_place::at_place;
use pyfast_environment::ask::loaded;

use super::facts::Facts;
use super::installed::Installed;
use super::judge::Judged;
use super::libraries::Images;
use super::process::Process;
use super::view::PACKAGES;
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
        let packages = Path::new(PACKAGES);
        let objects = installed.objects.iter();
        let objects: Objects =
            objects.map(|(file, object)| (packages.join(file), object.clone())).collect();
        let Some(name) = facts.image.as_deref().filter(|_| !objects.is_empty()) else {
            return judged;
        };
        if may_have_others(facts, processes) {
            return judged;
        }
        let image = match self.libraries.of(name) {
            Ok(image) => image,
            Err(why) => {
                judged.unknown = unknown(format!("which libraries its image has: {why}"));
                return judged;
            }
        };
        if !any_unmet(&objects, &image) || self.starts_with_more(facts, name) {
            return judged;
        }
        match self.findings(facts, processes, &objects, &image) {
            Ok(findings) => judged.findings = findings,
            Err(why) => judged.unknown = unknown(format!("what its packages import: {why}")),
        }
        if !judged.findings.is_empty() && !self.libraries.is_current(facts, self.description) {
            let until = "whether its image has all libraries, until it is built from its Dockerfile as it is";
            judged = Judged { unknown: unknown(until.to_owned()), ..Judged::default() };
        }
        judged
    }

    /// Whether something starts first that only the image knows.
    fn starts_with_more(&self, facts: &Facts, image: &str) -> bool {
        let service = self.description.project.services.get(&facts.name);
        let own_entrypoint = service.is_some_and(|service| service.entrypoint.is_some());
        let words = facts.words.as_deref().unwrap_or_default();
        !own_entrypoint && self.libraries.starts_with_more(image, words)
    }

    fn findings(
        &self,
        facts: &Facts,
        processes: &[Process],
        objects: &Objects,
        image: &Image,
    ) -> Result<Vec<Finding>, String> {
        let library = Library::new(&facts.view, self.read);
        let mut all = Vec::new();
        for process in processes {
            let loaded = self.loaded(reach(&process.service, &library))?;
            for mut finding in judge(&loaded, objects, image) {
                if !process.needed {
                    finding.severity = Severity::Warning;
                }
                all.extend((!is_meant(&finding, facts)).then_some(finding));
            }
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

/// Whether the line itself says that it is meant so.
fn is_meant(finding: &Finding, facts: &Facts) -> bool {
    let Some(place) = &finding.place else { return false };
    let text = facts.text(&place.file.to_string_lossy()).unwrap_or_default();
    let line = text.lines().nth(place.line.saturating_sub(1));
    line.is_some_and(|line| is_silenced(line, finding.rule))
}
