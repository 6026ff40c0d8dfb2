//! The images of a project before its containers start. Owns the facts that the launcher's plan needs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime};

use futures_util::future::try_join_all;
use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::code::{BaseImage, Code, Hindrance};
use pyfast_launcher::containers::{CreateReason, Record};
use pyfast_launcher::engine::{
    Builder, Container, Engine as _, Image, ImageFacts, ImageProgress, Images as _,
    RegistrySettings,
};
use pyfast_launcher::image::{
    BuildSource, ImageAct, ImageEvent, ImagePlan, InputSettings, Inputs, Means, WantedImage,
    carry_out, plan_images,
};
use pyfast_launcher::programs::find_program;
use pyfast_settings::{is_remote, own_lock::OwnLock};

use crate::code::CodePlan;
use crate::containers::Known;
use crate::error::Error;
use crate::event::Event;
use crate::memory::Memory;
use crate::options::{Following, UpOptions};
use crate::stack::Stack;

/// The images of some services, as they were read and decided about.
#[derive(Debug, Default)]
pub(crate) struct ImagesRead {
    pub(crate) plan: Vec<ImagePlan>,
    /// What the engine has of them, by their names.
    pub(crate) facts: BTreeMap<String, ImageFacts>,
    /// What each would be built from now, by its name.
    pub(crate) inputs: BTreeMap<String, Inputs>,
    /// What of that is only copied.
    pub(crate) code: BTreeMap<String, Code>,
    /// Whether an image that a builder keeps to itself was taken for one that does nothing by itself. What is built
    /// shows whether that is so.
    pub(crate) assumed: bool,
    /// What is due for the containers' code, where that was looked at.
    pub(crate) due: Option<CodePlan>,
    /// What rules decide about.
    pub(crate) following: Following,
}

impl Stack<'_> {
    /// Decides about the images of these services.
    pub(crate) fn plan_images(
        &self,
        selected: &BTreeSet<String>,
        options: &UpOptions,
        memory: &mut Memory,
    ) -> Result<ImagesRead, Error> {
        // Of the whole project: the service that builds an image need not be among the selected ones that share it.
        let shared = |image: &WantedImage| image.services.iter().any(|one| selected.contains(one));
        let wanted: Vec<_> = self.wanted()?.iter().filter(|image| shared(image)).cloned().collect();
        let facts = self.image_facts(wanted.iter().map(|one| one.image.clone()))?;
        let variables = &self.description.variables;
        let mut sources = BTreeMap::new();
        for one in &wanted {
            if let Some(build) = one.build.as_ref().filter(|build| build.other.is_empty()) {
                sources.insert(one.image.as_str(), BuildSource::open(build, variables)?);
            }
        }
        let (bases, assumed) = self.bases(&sources, &facts)?;
        let settings = self.input_settings(bases);
        let (mut inputs, mut code) = (BTreeMap::new(), BTreeMap::new());
        for one in &wanted {
            if let Some(source) = sources.get(one.image.as_str()) {
                let platform = one.platform.as_deref();
                let (read, own) = source.inputs(platform, &settings, &mut memory.digests)?;
                inputs.insert(one.image.clone(), read);
                code.insert(one.image.clone(), own);
            }
        }
        drop(sources);
        let asked = |image: &WantedImage| {
            options.rebuild || image.services.iter().any(|one| options.build.contains(one))
        };
        let (built, others) = wanted.into_iter().partition(asked);
        let mut plan = plan_images(others, &facts, inputs.clone(), false);
        plan.extend(plan_images(built, &facts, inputs.clone(), true));
        let following = options.following.clone();
        let mut read = ImagesRead { plan, facts, inputs, code, assumed, due: None, following };
        read.leave_out_others();
        self.decide_code(selected, &mut read, &memory.record)?;
        Ok(read)
    }

    /// What the engine has of images, by their names.
    fn image_facts(
        &self,
        names: impl Iterator<Item = String>,
    ) -> Result<BTreeMap<String, ImageFacts>, Error> {
        let engine = &self.connection.engine;
        let look =
            async |name: String| Ok(engine.image_facts(&name).await?.map(|found| (name, found)));
        let looked = self.connection.wait(async { try_join_all(names.map(look)).await })?;
        Ok(looked.into_iter().flatten().collect())
    }

    /// Why Compose would make containers whatever their code is. What it makes is made from images as they are.
    pub(crate) fn created_anyway(
        &self,
        selected: &BTreeSet<String>,
        read: &ImagesRead,
        record: &Record,
        containers: &[Container],
    ) -> Result<Option<Hindrance>, Error> {
        if let Some(image) = read.plan.iter().find(|one| one.act.is_due() && !one.act.is_for_code())
        {
            let service = image.wanted.services.first().cloned().unwrap_or_default();
            return Ok(Some(Hindrance::Created(CreateReason::Image { service })));
        }
        let (shape, code) = (self.shape()?, CodePlan::default());
        let known = Known { images: read, containers, record, shape: &shape, code: &code };
        let plan = self.plan_containers(selected, &BTreeMap::new(), &known);
        Ok(plan.create.into_iter().next().map(Hindrance::Created))
    }

    /// Dependency files are no inputs of an image, and neither is what this program writes.
    fn input_settings(&self, bases: BTreeMap<String, BaseImage>) -> InputSettings {
        let project = &self.settings.project;
        let mut left_out = self.description.written();
        left_out.push(project.directory.join(pyfast_settings::FILE));
        for (name, env) in &project.config.env {
            let files = project.requirements(&[], name).unwrap_or_default();
            for file in files.iter().chain(&env.constraints).filter(|file| !is_remote(file)) {
                left_out.push(project.working_directory.join(file));
            }
            left_out.extend(OwnLock::configured(project, name).places().iter().cloned());
        }
        InputSettings { left_out, bases, now: SystemTime::now() }
    }

    /// What is known of the images that builds start from, and whether something of that is assumed. One that a builder
    /// keeps to itself is known by what was built on it.
    fn bases(
        &self,
        sources: &BTreeMap<&str, BuildSource<'_>>,
        facts: &BTreeMap<String, ImageFacts>,
    ) -> Result<(BTreeMap<String, BaseImage>, bool), Error> {
        let with_bases = sources
            .iter()
            .filter_map(|(name, source)| Some((source, source.base_images()?, facts.get(*name))));
        let builds: Vec<_> = with_bases.collect();
        let names: BTreeSet<_> =
            builds.iter().flat_map(|(_, bases, _)| bases.all.iter().cloned()).collect();
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
        let unknown = builds.iter().filter(|(_, bases, _)| !known.contains_key(&bases.own));
        let shown = unknown.map(async |(source, bases, facts)| {
            let label = facts.and_then(|facts| Some((&facts.id, facts.inputs.as_deref()?)));
            let shown = match label.filter(|(_, label)| source.is_of_dockerfile(label)) {
                Some((id, _)) => Some(bases.are_plain_by(&engine.history(id).await?)),
                // It is built, and shows it then.
                None => None,
            };
            Ok((bases.own.clone(), shown))
        });
        let shown = self.connection.wait(async { try_join_all(shown).await })?;
        let assumed = shown.iter().any(|(_, shown)| shown.is_none());
        let (plain, others): (Vec<_>, Vec<_>) =
            shown.into_iter().partition(|(_, shown)| shown.unwrap_or(true));
        let others: BTreeSet<String> = others.into_iter().map(|(name, _)| name).collect();
        let plain = plain.into_iter().map(|(name, _)| name);
        let absent = BaseImage { absent: true, ..BaseImage::default() };
        let plain = plain.filter(|name| !others.contains(name));
        known.extend(plain.map(|name| (name, absent.clone())));
        Ok((known, assumed))
    }

    /// Pulls and builds what is due, and looks what came of it.
    pub(crate) fn carry_out_images(
        &self,
        plan: &[ImagePlan],
        facts: &mut BTreeMap<String, ImageFacts>,
    ) -> Result<(), Error> {
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
        if !failed.is_empty() {
            return Err(Error::Images(failed));
        }
        facts.extend(self.image_facts(due.into_iter().map(|one| one.wanted.image))?);
        Ok(())
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
