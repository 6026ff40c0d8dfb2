//! Bringing a Python to where it belongs: by this process, or, into a volume that only containers write, by a container of
//! the image. Owns who does what of it; must not know which packages are chosen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_environment::ask;
use pyfast_environment::question::{Bringing, Had, MachineFacts};
use pyfast_environment::{Error as EnvironmentError, Subject};
use pyfast_installer::prefix::{Brought, NativePackage, Prefix};
use pyfast_launcher::engine::Content;
use pyfast_native::{Carried, Machine, Mirrors, Solved, Tools, carried, make};
use pyfast_root::{Root, regular_file};
use url::Url;

use super::Ground;
use crate::error::Error;
use crate::volume_place::{FILES, Luggage, file, helper_network};

impl Ground<'_> {
    /// The root, as Python sees it.
    pub(super) fn seen(&self) -> &Path {
        &self.seen
    }

    /// The image whose containers it is for.
    pub(super) fn image(&self) -> Option<&str> {
        self.volume.as_ref().map(|(_, image)| &**image)
    }

    /// What was brought for an environment before.
    pub(super) fn had(&self, subject: &Subject) -> Result<Option<Had>, Error> {
        match (&self.written, &self.volume) {
            (None, Some((place, _))) => Ok(ask::brought(*place)?),
            (None, None) => Ok(None),
            (Some(written), _) => {
                let Some(root) = Root::find(written, &self.seen)? else { return Ok(None) };
                Ok(Had::of(&root, &subject.name()?)?)
            }
        }
    }

    /// What packages may rely on there.
    pub(super) fn machine(&self) -> Result<Machine, Error> {
        match &self.volume {
            Some((place, _)) => Ok(machine_of(ask::machine(*place)?)),
            None => Ok(Machine::here()?),
        }
    }

    /// Has it there, and says there whose it is.
    pub(super) fn make(
        &self,
        brought: Brought,
        machine: &Machine,
        tools: &Tools,
        subject: &Subject,
    ) -> Result<Prefix, Error> {
        if let Some(written) = &self.written {
            let root = Root::create(written, &self.seen)?;
            return made(&root, &brought, machine, tools, subject);
        }
        let Some((place, _)) = &self.volume else { return Err(Error::NoInterpreter) };
        let archives = PathBuf::from(FILES).join("native");
        let mirrors = tools.mirrors();
        let own = brought.packages.iter().filter_map(|one| packed(one, mirrors, &archives));
        let mut files = own.collect::<Result<Vec<_>, _>>()?;
        for Carried { file: name, content } in carried(&brought.packages, tools)? {
            let inside = archives.join(name).display().to_string();
            files.push(file(inside, Content::File(Arc::new(content))));
        }
        let network = helper_network(place.settings).to_owned();
        place.take_along(Luggage { files, network });
        let (mirrors, places) = (mirrors.stand_ins.clone(), mirrors.places.clone());
        let had = ask::bring(*place, Bringing { brought, archives, mirrors, places })?;
        had.prefix.ok_or(Error::NoInterpreter)
    }
}

/// A machine, as it was told.
pub(super) fn machine_of(told: MachineFacts) -> Machine {
    let MachineFacts { arch, glibc, kernel } = told;
    Machine { arch, glibc, kernel }
}

/// Makes it in a root, and says there whose it is.
pub(super) fn made(
    root: &Root,
    brought: &Brought,
    machine: &Machine,
    tools: &Tools,
    subject: &Subject,
) -> Result<Prefix, Error> {
    root.own(&subject.project, &subject.claim).map_err(EnvironmentError::from)?;
    let made = make(root, &Solved::of(brought.packages.clone(), brought.whole), machine, tools)?;
    brought.keep(&root.make_project_env(&subject.name()?)?)?;
    Ok(made.prefix().clone())
}

/// An archive that is a file of this machine goes along; others are fetched there, but for those that this machine alone is
/// let in for.
fn packed(
    package: &NativePackage,
    mirrors: &Mirrors,
    archives: &Path,
) -> Option<Result<pyfast_launcher::volume::HelperFile, Error>> {
    let url = Url::parse(&mirrors.asked(&package.url)).ok().filter(|url| url.scheme() == "file")?;
    let path = url.to_file_path().ok()?;
    let inside = archives.join(&package.file).display().to_string();
    let opened = regular_file::open(&path).map_err(Error::ReadWheel);
    Some(opened.map(|found| file(inside, Content::File(Arc::new(found)))))
}
