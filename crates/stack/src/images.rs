//! The images of a project before its containers start. Owns the facts that the launcher's plan needs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use futures_util::future::try_join_all;
use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::code::{BaseImage, Code, Hindrance};
use pyfast_launcher::compose_file::PRIVATE;
use pyfast_launcher::containers::{CreateReason, StartedIn};
use pyfast_launcher::engine::{
    Builder, Engine as _, Image, ImageFacts, ImageProgress, Images as _, RegistrySettings,
};
use pyfast_launcher::image::{
    ImageAct, ImageEvent, ImagePlan, InputSettings, Inputs, Means, WantedImage, base_images,
    carry_out, is_of_dockerfile, plan_images, read_inputs,
};
use pyfast_launcher::programs::find_program;
use pyfast_settings::{is_remote, own_lock::OwnLock};

use crate::code::CodePlan;
use crate::containers::Known;
use crate::error::Error;
use crate::event::Event;
use crate::memory::Memory;
use crate::stack::Stack;

/// The images of some services, as they were read and decided about.
#[derive(Debug, Default)]
pub(crate) struct ImagesRead {
    pub(crate) plan: Vec<ImagePlan>,
    /// What each would be built from now, by its name.
    pub(crate) inputs: BTreeMap<String, Inputs>,
    /// What of that is only copied.
    pub(crate) code: BTreeMap<String, Code>,
    /// Whether an image that a builder keeps to itself was taken for one that does nothing by itself. What is built
    /// shows whether that is so.
    pub(crate) assumed: bool,
    /// What is due for the containers' code, where that was looked at.
    pub(crate) due: Option<CodePlan>,
    /// What is remembered of containers, by their ids.
    pub(crate) known: BTreeMap<String, StartedIn>,
}

impl Stack<'_> {
    /// Decides about the images of these services.
    pub(crate) fn plan_images(
        &self,
        selected: &BTreeSet<String>,
        rebuild: bool,
        memory: &mut Memory,
    ) -> Result<ImagesRead, Error> {
        // Of the whole project: the service that builds an image need not be among the selected ones that share it.
        let shared = |image: &WantedImage| image.services.iter().any(|one| selected.contains(one));
        let wanted: Vec<_> = self.wanted()?.iter().filter(|image| shared(image)).cloned().collect();
        let (engine, mut facts) = (&self.connection.engine, BTreeMap::new());
        for one in &wanted {
            let found = self.connection.wait(engine.image_facts(&one.image))?;
            facts.extend(found.map(|found| (one.image.clone(), found)));
        }
        let (bases, assumed) = self.bases(&wanted, &facts)?;
        let settings = self.input_settings(bases);
        let (mut inputs, mut code) = (BTreeMap::new(), BTreeMap::new());
        for one in &wanted {
            if let Some(build) = one.build.as_ref().filter(|build| build.other.is_empty()) {
                let platform = one.platform.as_deref();
                let (read, own) = read_inputs(build, platform, &settings, &mut memory.digests)?;
                inputs.insert(one.image.clone(), read);
                code.insert(one.image.clone(), own);
            }
        }
        let plan = plan_images(wanted, &facts, inputs.clone(), rebuild);
        let known = memory.record.containers.clone();
        let mut read = ImagesRead { plan, inputs, code, assumed, due: None, known };
        read.leave_out_others();
        let created = self.created_anyway(selected, &read, memory)?;
        self.decide_code(selected, &mut read, created.as_ref())?;
        Ok(read)
    }

    /// Why Compose would make containers whatever their code is. What it makes is made from images as they are.
    fn created_anyway(
        &self,
        selected: &BTreeSet<String>,
        read: &ImagesRead,
        memory: &Memory,
    ) -> Result<Option<Hindrance>, Error> {
        if !read.plan.iter().any(|image| image.act.is_for_code()) {
            return Ok(None);
        }
        if let Some(image) = read.plan.iter().find(|one| one.act.is_due() && !one.act.is_for_code())
        {
            let service = image.wanted.services.first().cloned().unwrap_or_default();
            return Ok(Some(Hindrance::Created(CreateReason::Image { service })));
        }
        let (shape, images) = (self.shape()?, self.image_ids(selected)?);
        let code = CodePlan::default();
        let known = Known { images: &images, record: &memory.record, shape: &shape, code: &code };
        let plan = self.plan_containers(selected, &BTreeMap::new(), &known)?;
        Ok(plan.create.into_iter().next().map(Hindrance::Created))
    }

    /// Dependency files are no inputs of an image, and neither is what this program writes.
    fn input_settings(&self, bases: BTreeMap<String, BaseImage>) -> InputSettings {
        let project = &self.settings.project;
        let private = self.description.project.directory.join(PRIVATE);
        let mut left_out: Vec<PathBuf> = vec![
            self.description.override_file.clone(),
            private,
            project.directory.join(pyfast_settings::FILE),
        ];
        for (name, env) in &project.config.env {
            let files = project.requirements(&[], name).unwrap_or_default();
            for file in files.iter().chain(&env.constraints).filter(|file| !is_remote(file)) {
                left_out.push(project.working_directory.join(file));
            }
            left_out.extend(OwnLock::configured(project, name).places().iter().cloned());
        }
        let environment = self.description.variables.clone();
        InputSettings { environment, left_out, bases, now: SystemTime::now() }
    }

    /// What is known of the images that builds start from, and whether something of that is assumed. One that a builder
    /// keeps to itself is known by what was built on it.
    fn bases(
        &self,
        wanted: &[WantedImage],
        facts: &BTreeMap<String, ImageFacts>,
    ) -> Result<(BTreeMap<String, BaseImage>, bool), Error> {
        let (mut names, mut builds) = (BTreeSet::new(), Vec::new());
        for image in wanted {
            let Some(build) = image.build.as_ref().filter(|one| one.other.is_empty()) else {
                continue;
            };
            let Some(bases) = base_images(build, &self.description.variables)? else { continue };
            names.extend(bases.all.iter().cloned());
            builds.push((build, bases, facts.get(&image.image)));
        }
        let engine = &self.connection.engine;
        let look = async |name: String| match engine.inspect_image(&name).await {
            Ok(Image { environment, working_dir, triggers, .. }) => {
                let base = BaseImage { absent: false, environment, working_dir, triggers };
                Ok(Some((name, base)))
            }
            Err(LaunchError::ImageMissing { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        let looked = async { try_join_all(names.into_iter().map(look)).await };
        let mut known: BTreeMap<_, _> =
            self.connection.wait(looked)?.into_iter().flatten().collect();
        let (mut plain, mut others, mut assumed) = (BTreeSet::new(), BTreeSet::new(), false);
        for (build, bases, facts) in &builds {
            if known.contains_key(&bases.own) {
                continue;
            }
            let label = facts.and_then(|facts| Some((&facts.id, facts.inputs.as_deref()?)));
            let shown = match label {
                Some((id, label)) if is_of_dockerfile(build, label)? => {
                    bases.are_plain_by(&self.connection.wait(engine.history(id))?)
                }
                // It is built, and shows it then.
                _ => {
                    assumed = true;
                    true
                }
            };
            if shown { &mut plain } else { &mut others }.insert(bases.own.clone());
        }
        let absent = BaseImage { absent: true, ..BaseImage::default() };
        let plain = plain.difference(&others).map(|name| (name.clone(), absent.clone()));
        known.extend(plain);
        Ok((known, assumed))
    }

    /// Pulls and builds what is due.
    pub(crate) fn carry_out_images(&self, plan: &[ImagePlan]) -> Result<(), Error> {
        let due: Vec<_> = plan.iter().filter(|one| one.act.is_due()).cloned().collect();
        for image in plan.iter().filter(|one| matches!(one.act, ImageAct::Put(_))) {
            self.tell(begun_with(image));
        }
        if due.is_empty() {
            let images = plan.iter().filter(|one| one.act == ImageAct::UpToDate).count();
            self.tell(Event::ImagesUpToDate { images });
            return Ok(());
        }
        let begun = Instant::now();
        let builder = self.builder();
        let registries = RegistrySettings {
            config_dir: pyfast_crew::engine::docker_config(&self.settings.variables),
            path: self.settings.variables.get("PATH").map(Into::into),
        };
        let tell = &self.events;
        let events = |event: ImageEvent<'_>| match event {
            ImageEvent::Begun(image) => tell(begun_with(image)),
            ImageEvent::Progress(image, ImageProgress::Line(line)) => {
                tell(Event::ImageSaid { image: image.to_owned(), line: line.to_owned() });
            }
            ImageEvent::Progress(..) => {}
            ImageEvent::Done(image) => {
                let image = image.wanted.image.clone();
                tell(Event::ImageDone { image, took: begun.elapsed() });
            }
        };
        let environment = &self.description.variables;
        let means = Means { builder: &builder, environment, registries: &registries };
        let engine = &self.connection.engine;
        let outcomes =
            self.connection.wait(async { Ok(carry_out(engine, &due, means, &events).await) })?;
        for one in &due {
            if let (ImageAct::ByCompose(..), Some(service)) = (&one.act, &one.wanted.builder) {
                self.tell(begun_with(one));
                self.compose(&["build", service])?;
            }
        }
        let failed: Vec<_> = outcomes.into_values().filter_map(Result::err).collect();
        if failed.is_empty() { Ok(()) } else { Err(Error::Images(failed)) }
    }

    /// The user's own client builds where it is there: it knows their builders and caches.
    fn builder(&self) -> Builder {
        let path = self.settings.variables.get("PATH").unwrap_or_default();
        match find_program(path.as_ref(), "docker") {
            Some(program) => {
                let mut environment = self.settings.variables.all().clone();
                let host = self.connection.engine.host().to_string();
                environment.insert("DOCKER_HOST".to_owned(), host);
                Builder::Client { program, environment }
            }
            None => Builder::Engine,
        }
    }
}

fn begun_with(image: &ImagePlan) -> Event {
    Event::Image { image: image.wanted.image.clone(), act: image.act.clone() }
}
