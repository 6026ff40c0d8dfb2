//! Which environments a project needs: one for each image of Python's that its services start from. Owns the rules and
//! their reasons; must not know disks nor files' formats.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::dockerfile::{self, Reading, is_python_image, python_program};
use super::files::{Standing, copied_requirements, normal, shown, standing};
use super::{Error, Facts, Instead, Proposal, ProposedEnvironment, one_line, valid_name};
use crate::compose_file::{Build, ComposeProject};
use crate::image::{WantedImage, is_remote, wanted_images};

/// An image with what is known of it.
struct Candidate<'a> {
    wanted: WantedImage,
    compose: &'a ComposeProject,
    /// Its Dockerfile, and what that says.
    dockerfile: Option<(PathBuf, Reading)>,
}

/// Where requirements were found, and why they are the right ones.
#[derive(Default)]
struct Requirements {
    files: Vec<PathBuf>,
    constraints: Vec<PathBuf>,
    reason: String,
    /// Whether others could be the right ones.
    doubtful: bool,
}

/// Adds the environments of a compose project's services to the proposal, and the reasons of those without.
pub(super) fn of_services(
    facts: &Facts,
    compose: &ComposeProject,
    proposal: &mut Proposal,
) -> Result<(), Error> {
    // Their default names are not written down.
    for wanted in joined(wanted_images(compose, "-")?) {
        let candidate = Candidate::new(facts, compose, wanted);
        let services = &candidate.wanted.services;
        let mut leave = |reason: String| {
            proposal.left.extend(services.iter().map(|service| (service.clone(), reason.clone())));
        };
        let Some(why) = candidate.python(facts) else {
            leave("not Python's, as far as image and Dockerfile say".to_owned());
            continue;
        };
        let Some(requirements) = candidate.requirements(facts) else {
            leave(format!("{why}, but there is no requirements file for it"));
            continue;
        };
        proposal.doubts.extend(requirements.doubtful.then(|| requirements.reason.clone()));
        let taken: BTreeSet<String> =
            proposal.environments.iter().map(|environment| environment.name.clone()).collect();
        proposal.environments.push(candidate.environment(facts, why, requirements, &taken));
    }
    proposal.environments.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(())
}

/// Images without a name of their own that are built in the same way are one: they differ in their default names only.
fn joined(images: Vec<WantedImage>) -> Vec<WantedImage> {
    let mut joined: Vec<WantedImage> = Vec::new();
    for image in images {
        let same = joined.iter_mut().find(|known| {
            known.build.is_some() && known.build == image.build && known.platform == image.platform
        });
        match same {
            Some(known) => {
                known.services.extend(image.services);
                known.services.sort();
            }
            None => joined.push(image),
        }
    }
    joined
}

/// The Dockerfile of a build, unless it is elsewhere or stands in the compose file.
pub fn dockerfile_of(build: &Build) -> Option<PathBuf> {
    if is_remote(&build.context) || build.dockerfile_inline.is_some() {
        return None;
    }
    let name = build.dockerfile.as_deref().unwrap_or("Dockerfile");
    Some(normal(&Path::new(&build.context).join(name)))
}

impl<'a> Candidate<'a> {
    fn new(facts: &Facts, compose: &'a ComposeProject, wanted: WantedImage) -> Self {
        let dockerfile = wanted.build.as_ref().and_then(|build| {
            let target = build.target.as_deref();
            if let Some(text) = &build.dockerfile_inline {
                let place = Path::new(&build.context).join("Dockerfile");
                return Some((place, dockerfile::read(text, &build.args, target)));
            }
            let path = dockerfile_of(build)?;
            let reading = dockerfile::read(facts.dockerfiles.get(&path)?, &build.args, target);
            Some((path, reading))
        });
        Self { wanted, compose, dockerfile }
    }

    /// Why the image is Python's; `None` when nothing says so.
    fn python(&self, facts: &Facts) -> Option<String> {
        if let Some((path, reading)) = &self.dockerfile {
            let path = shown(path, &facts.directory);
            if is_python_image(&reading.base) {
                return Some(format!("{path} starts from {}", reading.base));
            }
            if let Some(program) = &reading.runs {
                return Some(format!("{path} runs {program}"));
            }
        }
        if is_python_image(&self.wanted.image) {
            return Some(format!("its image is {}", self.wanted.image));
        }
        self.wanted.services.iter().find_map(|name| {
            let service = self.compose.services.get(name)?;
            let lines = [service.entrypoint.as_deref(), service.command.as_deref()];
            let program = lines.into_iter().flatten().find_map(python_program)?;
            Some(format!("the service {name} runs {program}"))
        })
    }

    fn requirements(&self, facts: &Facts) -> Option<Requirements> {
        self.named(facts).or_else(|| self.stated(facts)).or_else(|| {
            let only = || match facts.requirements.as_slice() {
                [only] => Some((only, "only requirements file")),
                _ => None,
            };
            if facts.requirements.is_empty() {
                return facts.of_project(&self.places(facts));
            }
            let nearest = facts.nearest(&self.places(facts)).map(|file| (file, "nearest"));
            let (file, what) = nearest.or_else(only)?;
            let mut reason = format!("{} is the {what}", shown(file, &facts.directory));
            let mut doubtful = false;
            if let Some((path, reading)) = &self.dockerfile
                && !reading.requirements.is_empty()
            {
                let path = shown(path, &facts.directory);
                let absent = reading.requirements.join(", ");
                reason = format!("{reason}; {path} installs {absent}, which is not there");
                doubtful = true;
            }
            let files = vec![file.clone()];
            Some(Requirements { files, reason, doubtful, ..Requirements::default() })
        })
    }

    /// The project file, where the Dockerfile installs what that states.
    fn stated(&self, facts: &Facts) -> Option<Requirements> {
        let (path, reading) = self.dockerfile.as_ref()?;
        let copies = reading.copies.iter().flat_map(|copied| &copied.sources);
        let mut files = copies.filter_map(|source| source.rsplit('/').next());
        let act = if reading.project {
            "installs the project"
        } else if files.any(|name| name == "pyproject.toml") {
            "copies it"
        } else {
            return None;
        };
        let mut found = facts.of_project(&self.places(facts))?;
        found.reason = format!("{}; {} {act}", found.reason, shown(path, &facts.directory));
        Some(found)
    }

    /// The files that the Dockerfile names.
    fn named(&self, facts: &Facts) -> Option<Requirements> {
        let (path, reading) = self.dockerfile.as_ref()?;
        let build = self.wanted.build.as_ref()?;
        named(facts, path, reading, Path::new(&build.context))
    }

    /// Where to look for a requirements file, the most telling place first: what the Dockerfile copies, where it lies,
    /// a directory with a service's name, the context, directories that are mounted.
    fn places(&self, facts: &Facts) -> Vec<PathBuf> {
        let mut places = Vec::new();
        let build = self.wanted.build.as_ref().filter(|build| !is_remote(&build.context));
        let context = build.map(|build| normal(Path::new(&build.context)));
        let beside = self.dockerfile.as_ref().and_then(|(path, _)| path.parent()).map(normal);
        if let (Some(context), Some((_, reading))) = (&context, &self.dockerfile) {
            let sources = reading.copies.iter().flat_map(|copied| &copied.sources);
            let copied =
                sources.map(|source| normal(&context.join(source.trim_start_matches('/'))));
            places.extend(copied.filter(|place| place != context));
        }
        places.extend(beside.clone().filter(|place| Some(place) != context.as_ref()));
        let names = self.wanted.services.iter();
        places.extend(
            context.iter().flat_map(|context| names.clone().map(|name| context.join(name))),
        );
        places.extend(beside.into_iter().chain(context));
        let services = names.filter_map(|name| self.compose.services.get(name));
        let sources = services
            .flat_map(|service| &service.volumes)
            .filter_map(|volume| volume.split(':').next())
            .filter(|source| source.starts_with(['/', '.']))
            .map(|source| normal(&self.compose.directory.join(source)));
        places.extend(sources.filter(|place| place.starts_with(&facts.directory)));
        if places.is_empty() {
            places.push(facts.directory.clone());
        }
        places
    }

    fn environment(
        &self,
        facts: &Facts,
        why: String,
        requirements: Requirements,
        taken: &BTreeSet<String>,
    ) -> ProposedEnvironment {
        let WantedImage { services, builder, .. } = &self.wanted;
        let image = self.image();
        let mut reasons = vec![why, requirements.reason];
        if services.len() > 1 {
            let names = services.join(", ");
            let built = builder.as_ref().map(|name| format!("; {name} builds it"));
            reasons.push(if self.is_named() {
                format!("{names} share the image {image}{}", built.unwrap_or_default())
            } else {
                format!("{names} are built alike")
            });
        }
        let text =
            |files: &[PathBuf]| files.iter().map(|file| shown(file, &facts.directory)).collect();
        ProposedEnvironment {
            name: unique(&self.name(), taken),
            requirements: text(&requirements.files),
            constraints: text(&requirements.constraints),
            image: Some(image),
            python: None,
            services: services.clone(),
            reasons,
        }
    }

    /// Whether the compose file gives the image a name.
    fn is_named(&self) -> bool {
        let mut services = self.wanted.services.iter();
        services.any(|name| self.compose.services.get(name).is_some_and(|one| one.image.is_some()))
    }

    /// The image as a configuration names it that is to be good in other directories too: one without a name of its own
    /// gets one of the directory's, and another one from each Compose.
    fn image(&self) -> String {
        let WantedImage { image, builder, services, .. } = &self.wanted;
        match builder.as_ref().or(services.first()) {
            Some(service) if !self.is_named() => format!("service:{service}"),
            _ => image.clone(),
        }
    }

    /// The service that has the build, or is alone; else the image's short name.
    fn name(&self) -> String {
        let WantedImage { image, services, builder, .. } = &self.wanted;
        let alone = || match services.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        if let Some(service) = builder.as_ref().or_else(alone) {
            return valid_name(service);
        }
        let short = image.split('@').next().and_then(|name| name.rsplit('/').next());
        let short = short.and_then(|name| name.split(':').next()).unwrap_or_default();
        let project = format!("{}-", self.compose.name);
        valid_name(short.strip_prefix(&project).unwrap_or(short))
    }
}

impl Facts {
    /// What there is instead of requirements: a project file that another tool reads, or a lock alone.
    fn instead(&self) -> Option<Instead> {
        if let Some(tool) = self.foreign {
            let what = format!("its pyproject.toml is one of {tool}'s own");
            let export = format!("{} export -o requirements.txt", tool.to_lowercase());
            return Some(Instead { what, export });
        }
        let lock = self.own_locks.iter().min_by_key(|lock| lock.components().count())?;
        let beside = shown(&lock.with_file_name("requirements.txt"), &self.directory);
        let lock = one_line(&shown(lock, &self.directory));
        let what = format!("{lock} is a lock, and no environment is of a lock alone");
        let export = format!("pyfast export --lock {lock} -o {}", one_line(&beside));
        Some(Instead { what, export })
    }

    /// What a project file states, where there is no requirements file.
    fn of_project(&self, places: &[PathBuf]) -> Option<Requirements> {
        let file = self.nearest_project(places)?;
        let reason = format!("{} states the project's dependencies", shown(file, &self.directory));
        Some(Requirements { files: vec![file.clone()], reason, ..Requirements::default() })
    }
}

fn named(
    facts: &Facts,
    dockerfile: &Path,
    reading: &Reading,
    context: &Path,
) -> Option<Requirements> {
    let path = shown(dockerfile, &facts.directory);
    let found = |files: &[PathBuf], act: &str| {
        let files: Vec<String> = files.iter().map(|file| shown(file, &facts.directory)).collect();
        format!("{path} {act} {}", files.join(", "))
    };
    let constraints = facts.resolve(&reading.constraints, context, &reading.copies);
    let files = facts.resolve(&reading.requirements, context, &reading.copies);
    if !files.is_empty() {
        let reason = found(&files, "installs");
        return Some(Requirements { files, constraints, reason, doubtful: false });
    }
    let copied = facts.resolve(&copied_requirements(reading), context, &[]);
    let best = copied.into_iter().min_by_key(|file| standing(file))?;
    let files = vec![best];
    let reason = found(&files, "copies");
    Some(Requirements { files, constraints, reason, doubtful: false })
}

/// The environment of a project whose services, if it has any, need none.
pub(super) fn without_services(
    facts: &Facts,
    proposal: &mut Proposal,
) -> Result<ProposedEnvironment, Error> {
    let by_dockerfile = facts.dockerfiles.iter().find_map(|(path, text)| {
        let reading = dockerfile::read(text, &BTreeMap::new(), None);
        // Without a compose file the context is the directory of the project or of the Dockerfile.
        let own = path.parent().unwrap_or(&facts.directory);
        named(facts, path, &reading, &facts.directory).or_else(|| named(facts, path, &reading, own))
    });
    let usual = ["requirements.txt", "backend/requirements.txt"];
    let usual = || {
        let mut usual = usual.iter().map(|name| facts.directory.join(name));
        usual.find(|path| facts.requirements.contains(path))
    };
    let found = by_dockerfile.or_else(|| {
        let own = std::slice::from_ref(&facts.directory);
        if facts.requirements.is_empty() {
            return facts.of_project(own);
        }
        let file = usual().or_else(|| facts.nearest(own).cloned())?;
        let reason = match facts.requirements.len() {
            1 => format!("{} is the only requirements file", shown(&file, &facts.directory)),
            _ => {
                format!("{} is the first of the requirements files", shown(&file, &facts.directory))
            }
        };
        Some(Requirements { files: vec![file], reason, ..Requirements::default() })
    });
    let Some(found) = found else {
        let (directory, instead) = (facts.directory.clone(), facts.instead());
        return Err(Error::NothingToInstall { directory, instead });
    };
    if facts.compose.is_some() {
        proposal
            .notes
            .push("no service of the compose project needs an environment of Python's".to_owned());
    }
    let text = |files: &[PathBuf]| files.iter().map(|file| shown(file, &facts.directory)).collect();
    Ok(ProposedEnvironment {
        name: "default".to_owned(),
        requirements: text(&found.files),
        constraints: text(&found.constraints),
        reasons: vec![found.reason],
        ..ProposedEnvironment::default()
    })
}

/// Notes the requirements files that no environment has; those for development are expected to be such.
pub(super) fn note_unused(facts: &Facts, proposal: &mut Proposal) {
    let used: BTreeSet<&String> =
        proposal.environments.iter().flat_map(|environment| &environment.requirements).collect();
    let rest = facts.requirements.iter().filter(|file| standing(file) != Standing::Aside);
    let rest = rest.map(|file| shown(file, &facts.directory)).filter(|file| !used.contains(file));
    let rest: Vec<String> = rest.collect();
    if !rest.is_empty() {
        let note = format!("no environment installs {}", rest.join(", "));
        proposal.doubts.push(note.clone());
        proposal.notes.push(note);
    }
}

/// Notes the locks of other tools beside project files that are taken: they are not read.
pub(super) fn note_locks(facts: &Facts, proposal: &mut Proposal) {
    let taken: BTreeSet<PathBuf> = proposal
        .environments
        .iter()
        .flat_map(|environment| &environment.requirements)
        .map(|file| normal(&facts.directory.join(file)))
        .collect();
    for lock in &facts.locks {
        let export = match lock.file_name().and_then(|name| name.to_str()) {
            Some("uv.lock") => {
                "`uv export -o pylock.toml` writes a lock whose versions are preferred"
            }
            Some("poetry.lock") => "`poetry export -o requirements.txt` writes them down",
            _ => "`pdm export -o requirements.txt` writes them down",
        };
        if taken.contains(&lock.with_file_name("pyproject.toml")) {
            let shown = shown(lock, &facts.directory);
            proposal.notes.push(format!("{shown} is not read, versions are chosen anew: {export}"));
        }
    }
}

fn unique(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}
