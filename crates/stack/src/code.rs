//! The code of a project's containers: who gets files, whose image is built instead, and who is made anew. Owns the
//! facts for these decisions and the order in which they are carried out; how files come into a container is the
//! launcher's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::SystemTime;

use futures_util::future::{join_all, try_join_all};
use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::code::{Changes, Due, Held, Hindrance, Holder, Putting, due, held, put};
use pyfast_launcher::containers::{Record, of_service};
use pyfast_launcher::engine::Container;
use pyfast_launcher::image::{ImageAct, ImagePlan, Inputs, Reason};

use crate::codes::Codes;
use crate::error::Error;
use crate::event::Event;
use crate::images::ImagesRead;
use crate::memory::Memory;
use crate::stack::Stack;

/// What is due for the code of a project's containers.
#[derive(Debug, Default)]
pub(crate) struct CodePlan {
    /// What is put into which container.
    pub(crate) puts: Vec<Put>,
    /// Services that are restarted, and how many files they get.
    pub(crate) restart: BTreeMap<String, usize>,
    /// Services that cannot be helped so, and why.
    pub(crate) hindered: BTreeMap<String, Hindrance>,
}

/// What is put into a container.
#[derive(Debug)]
pub(crate) struct Put {
    service: String,
    container: Container,
    image: String,
    changes: Changes,
    /// Whether its service is restarted for that.
    restart: bool,
}

impl CodePlan {
    /// Whether containers of a service get files.
    pub(crate) fn puts_into(&self, service: &str) -> bool {
        self.puts.iter().any(|put| put.service == service)
    }

    /// Forgets what code containers have before that changes: whatever becomes of this process, nobody believes it then.
    pub(crate) fn forget(&self, memory: &mut Memory) -> Result<(), Error> {
        if self.puts.is_empty() {
            return Ok(());
        }
        for put in &self.puts {
            if let Some(known) = memory.record.containers.get_mut(&put.container.id) {
                known.code = None;
            }
        }
        memory.store().map_err(Error::Memory)
    }

    /// Services that are made anew.
    pub(crate) fn anew(&self) -> BTreeSet<String> {
        self.hindered.keys().cloned().collect()
    }
}

impl Stack<'_> {
    /// Decides for images that would be built for nothing but code whether their containers get it instead.
    pub(crate) fn decide_code(
        &self,
        selected: &BTreeSet<String>,
        read: &mut ImagesRead,
        record: &Record,
    ) -> Result<(), Error> {
        if !read.plan.iter().any(|image| image.act.is_for_code()) {
            return Ok(());
        }
        let containers = self.containers()?;
        let created = self.created_anyway(selected, read, record, &containers)?;
        let plan = match created {
            None => self.plan_code(selected, read, record, &containers)?,
            Some(_) => CodePlan::default(),
        };
        for image in read.plan.iter_mut().filter(|image| image.act.is_for_code()) {
            let services: BTreeSet<_> = image.wanted.services.iter().collect();
            let own = plan.hindered.iter().find(|(service, _)| services.contains(service));
            let why = created.as_ref().or(own.map(|(_, why)| why));
            if let (Some(why), ImageAct::Build(reason, _)) = (why, &mut image.act) {
                *reason = Reason::NotPut(why.clone());
                continue;
            }
            let restart = plan.restart.iter().filter(|(service, _)| services.contains(service));
            let put = restart.map(|(service, files)| (service.clone(), *files));
            image.act = ImageAct::Put(put.collect());
        }
        let nothing_is_made = created.is_none() && !read.plan.iter().any(|one| one.act.is_due());
        read.due = nothing_is_made.then_some(plan);
        Ok(())
    }

    /// What is due for the containers that are there now: as it was looked at for the images where nothing was made
    /// since then.
    pub(crate) fn due_code(
        &self,
        selected: &BTreeSet<String>,
        read: &mut ImagesRead,
        record: &Record,
        containers: &[Container],
    ) -> Result<CodePlan, Error> {
        read.due.take().map_or_else(|| self.plan_code(selected, read, record, containers), Ok)
    }

    /// What is due for the containers that are there now.
    pub(crate) fn plan_code(
        &self,
        selected: &BTreeSet<String>,
        read: &ImagesRead,
        record: &Record,
        containers: &[Container],
    ) -> Result<CodePlan, Error> {
        let mut plan = CodePlan::default();
        let codes = Codes::of(self.settings)?;
        let engine = &self.connection.engine;
        for image in &read.plan {
            let name = &image.wanted.image;
            let Some(now) = read.code.get(name).filter(|code| !code.is_empty()) else { continue };
            let Some(facts) = read.facts.get(name) else { continue };
            let built = facts.inputs.as_deref().and_then(Inputs::parse);
            let Some(built) = built else { continue };
            let services = image.wanted.services.iter().filter(|one| selected.contains(*one));
            let holders = services.flat_map(|service| {
                of_service(containers, service).into_iter().map(move |one| (service, one))
            });
            // Those of another image are Compose's to make anew.
            let holders: Vec<_> =
                holders.filter(|(_, container)| container.image_id == facts.id).collect();
            // To look into a container costs more than all else, and those that were started with it have it.
            let code = now.digest();
            let has = |container: &Container| {
                let known = record.containers.get(&container.id);
                known.is_some_and(|seen| seen.has_code(&code, container))
            };
            let holders: Vec<_> = holders.into_iter().filter(|(_, one)| !has(one)).collect();
            let looked = holders.iter().map(|(_, container)| held(engine, &container.id));
            let held: Vec<Held> = self.connection.wait(async { try_join_all(looked).await })?;
            for ((service, container), held) in holders.into_iter().zip(&held) {
                let remover = self.description.environment_of(service).is_some();
                let holder = Holder { container, held, remover };
                let due = due(&holder, &built.code, now, &|digest| codes.get(digest));
                let decides = |place: &str| read.following.decides(service, place);
                let quiet = |changes: &Changes| changes.are_at(decides);
                match due {
                    Ok(Due::Put(changes)) if quiet(&changes) => {
                        let (service, container) = (service.clone(), container.clone());
                        let (image, restart) = (name.clone(), false);
                        plan.puts.push(Put { service, container, image, changes, restart });
                    }
                    due => plan.note(service, container, name, due),
                }
            }
        }
        Ok(plan)
    }

    /// Puts code into containers; what could not be done so is among the hindered then.
    pub(crate) fn put_code(&self, plan: &mut CodePlan, read: &ImagesRead) -> Result<(), Error> {
        let puts = std::mem::take(&mut plan.puts);
        if puts.is_empty() {
            return Ok(());
        }
        let (engine, at) = (&self.connection.engine, SystemTime::now());
        let acts = puts.iter().filter_map(|one| {
            let (now, context) = (read.code.get(&one.image)?, read.context(&one.image)?);
            Some(async move {
                let Put { container, changes, restart, .. } = one;
                let restart = *restart;
                let putting = Putting { container, context: &context, now, changes, restart, at };
                (one, put(engine, &putting).await)
            })
        });
        let outcomes = self.connection.wait(async { Ok(join_all(acts).await) })?;
        for (one, outcome) in outcomes {
            match outcome {
                Ok(()) => {}
                Err(LaunchError::CodeNotPut { reason, .. }) => {
                    plan.restart.remove(&one.service);
                    plan.hindered.insert(one.service.clone(), Hindrance::Refused(reason));
                }
                Err(error) => return Err(error.into()),
            }
        }
        plan.restart.retain(|service, _| !plan.hindered.contains_key(service));
        Ok(())
    }

    /// Builds the images that are behind, of these services or of all: what is made from them would have old code.
    pub(crate) fn build_behind(
        &self,
        read: &mut ImagesRead,
        why: &BTreeMap<String, Hindrance>,
        all: Option<&Hindrance>,
    ) -> Result<(), Error> {
        let mut due: Vec<ImagePlan> = Vec::new();
        for image in read.plan.iter_mut().filter(|image| matches!(image.act, ImageAct::Put(_))) {
            let own = image.wanted.services.iter().find_map(|service| why.get(service)).or(all);
            let inputs = read.inputs.get(&image.wanted.image);
            if let (Some(why), Some(inputs)) = (own, inputs) {
                image.act = ImageAct::Build(Reason::NotPut(why.clone()), inputs.clone());
                due.push(image.clone());
            }
        }
        if due.is_empty() { Ok(()) } else { self.carry_out_images(&due, &mut read.facts) }
    }

    /// Remembers the code of now, without which nothing could be put the next time.
    pub(crate) fn remember_code(&self, read: &ImagesRead) -> Result<(), Error> {
        let codes = Codes::of(self.settings)?;
        for code in read.code.values().filter(|code| !code.is_empty()) {
            if let Err(error) = codes.keep(code) {
                self.tell(Event::NotRemembered(error));
            }
        }
        Ok(())
    }
}

impl CodePlan {
    /// Without the services whose image is built: their containers are made from it.
    pub(crate) fn without(mut self, images: &[ImagePlan]) -> Self {
        let built = images.iter().filter(|image| image.act.is_due());
        for service in built.flat_map(|image| &image.wanted.services) {
            self.restart.remove(service);
            self.hindered.remove(service);
            self.puts.retain(|one| one.service != *service);
        }
        self
    }

    fn note(
        &mut self,
        service: &str,
        container: &Container,
        image: &str,
        due: Result<Due, Hindrance>,
    ) {
        let service = service.to_owned();
        match due {
            Ok(Due::Nothing) => {}
            Ok(Due::Restart) => drop(self.restart.entry(service).or_default()),
            Ok(Due::Put(changes)) => {
                let files = self.restart.entry(service.clone()).or_default();
                *files = changes.count().max(*files);
                let (container, image) = (container.clone(), image.to_owned());
                self.puts.push(Put { service, container, image, changes, restart: true });
            }
            Err(why) => drop(self.hindered.insert(service, why)),
        }
    }
}

impl ImagesRead {
    /// Forgets the code of images that others make, which may have any.
    pub(crate) fn leave_out_others(&mut self) {
        for image in self.plan.iter().filter(|image| !image.act.is_own()) {
            self.code.remove(&image.wanted.image);
        }
    }
    /// Digests of the code that the containers of services have, once it was put into them.
    pub(crate) fn digests(&self) -> BTreeMap<String, String> {
        let with_code = self.plan.iter().filter_map(|image| {
            let code = self.code.get(&image.wanted.image).filter(|code| !code.is_empty())?;
            Some((&image.wanted.services, code.digest()))
        });
        let each = with_code.flat_map(|(services, digest)| {
            services.iter().map(move |service| (service.clone(), digest.clone()))
        });
        each.collect()
    }

    /// Id of each service's image, as far as present.
    pub(crate) fn ids(&self, selected: &BTreeSet<String>) -> BTreeMap<String, String> {
        let present = self.plan.iter().filter_map(|image| {
            let facts = self.facts.get(&image.wanted.image)?;
            Some((&image.wanted.services, &facts.id))
        });
        let each = present.flat_map(|(services, id)| {
            services.iter().map(move |service| (service.clone(), id.clone()))
        });
        each.filter(|(service, _)| selected.contains(service)).collect()
    }

    /// The directory of an image's context.
    fn context(&self, image: &str) -> Option<PathBuf> {
        let plan = self.plan.iter().find(|plan| plan.wanted.image == image)?;
        Some(PathBuf::from(&plan.wanted.build.as_ref()?.context))
    }
}

#[cfg(test)]
mod tests {
    use pyfast_launcher::code::Code;
    use pyfast_launcher::image::{PullPolicy, WantedImage};

    use super::*;

    #[test]
    fn images_that_others_make_have_no_code() {
        let image = |name: &str, act| ImagePlan {
            wanted: WantedImage {
                image: name.into(),
                services: vec![name.into()],
                build: None,
                builder: None,
                platform: None,
                policy: PullPolicy::Missing,
            },
            act,
        };
        let plan = vec![
            image("always", ImageAct::Pull(Reason::Policy)),
            image("never", ImageAct::Missing),
            image("secret", ImageAct::ByCompose(Reason::Absent, vec!["secrets".into()])),
            image("app", ImageAct::UpToDate),
        ];
        let code = plan.iter().map(|image| (image.wanted.image.clone(), Code::default())).collect();
        let mut read = ImagesRead { plan, code, ..ImagesRead::default() };
        read.leave_out_others();
        assert_eq!(read.code.keys().collect::<Vec<_>>(), ["app"]);
    }
}
