//! `--scenario freeze`: an environment of which one wheel changed, as an image that `pyfast freeze` makes of it and as one that is
//! built with uv. What these make in the engine goes with them.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::asked::Asked;
use super::calls::Calls;
use super::project::{Cleanup, LABEL};
use super::recipe::{self, Uv};
use super::report::{Contender, Series};
use super::{Came, Course, own_name, write};
use crate::environment::Contents;
use crate::error::Error;
use crate::stage::work;

/// Prints what an environment has.
const PROBE: &str = "import importlib.metadata as metadata\n\
    for one in metadata.distributions(): print(one.metadata['Name'], one.version, sep='==')";

/// The environment and the image that pyfast makes of it.
pub(crate) struct Frozen<'a> {
    directory: PathBuf,
    root: String,
    name: String,
    /// The images that had the name, of which the last one alone keeps it.
    made: RefCell<Vec<String>>,
    asked: &'a Asked,
    calls: &'a Calls,
}

impl<'a> Frozen<'a> {
    /// A project of the requirements alone.
    pub(crate) fn make(calls: &'a Calls, room: &Path, asked: &'a Asked) -> Result<Self, Error> {
        let directory = room.join("frozen");
        work("make the directories", fs_err::create_dir_all(&directory))?;
        let (root, name) = (room.join("root").display().to_string(), own_name("frozen"));
        Ok(Self { directory, root, name, made: RefCell::default(), asked, calls })
    }

    fn edit(&self, number: u32) -> Result<(), Error> {
        write(&self.directory.join("requirements.txt"), &self.asked.requirements(number))
    }

    /// Makes the environment.
    fn sync(&self) -> Result<(), Error> {
        let index = self.asked.index.iter().map(String::as_str);
        let words: Vec<_> =
            ["sync", "-q", "-r", "requirements.txt"].into_iter().chain(index).collect();
        self.pyfast(&words)
    }

    /// Makes the image.
    fn freeze(&self) -> Result<(), Error> {
        self.pyfast(&["freeze", "-q", &self.name, "--load"])
    }

    fn pyfast(&self, words: &[&str]) -> Result<(), Error> {
        let place = ["--root", &self.root, "--image", &self.asked.image];
        self.calls.pyfast(&self.directory, &[words, &place].concat()).map(drop)
    }

    /// What the image has. Those before are removed.
    fn contents(&self) -> Result<Contents, Error> {
        let id = self.calls.docker(&["image", "inspect", "--format", "{{.Id}}", &self.name])?;
        let mut made = self.made.borrow_mut();
        made.retain(|one| *one == id || self.calls.docker(&["rmi", one]).is_err());
        if !made.contains(&id) {
            made.push(id);
        }
        drop(made);
        let words = ["run", "--no-sync", "--", "python", "-c", PROBE];
        contents(
            self.calls,
            &[&["--entrypoint", "/pyfast/bin/pyfast", &self.name], &words[..]].concat(),
        )
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        // What is not there need not be removed.
        let _ = self.calls.docker(&["rmi", "-f", &self.name]);
        for one in self.made.take() {
            let _ = self.calls.docker(&["rmi", &one]);
        }
    }
}

/// The same environment in an image that is built.
pub(crate) struct Built<'a> {
    directory: PathBuf,
    tag: String,
    /// The network that a build has, where it is another one than containers have.
    network: Option<String>,
    /// Whether `BuildKit` builds.
    pub(crate) cached: bool,
    asked: &'a Asked,
    calls: &'a Calls,
    _cleanup: Cleanup<'a>,
}

impl<'a> Built<'a> {
    /// Writes what is built from, for the builder that there is.
    pub(crate) fn make(
        calls: &'a Calls,
        room: &Path,
        asked: &'a Asked,
        uv: &Uv,
    ) -> Result<Self, Error> {
        let (directory, tag) = (room.join("built"), own_name("built"));
        work("make the directories", fs_err::create_dir_all(&directory))?;
        let cleanup =
            Cleanup { calls, project: own_name("built"), volume: None, image: Some(tag.clone()) };
        write(
            &directory.join("Dockerfile"),
            &format!("FROM scratch\nLABEL {LABEL}={tag}\nCOPY . /\n"),
        )?;
        let cached = calls.builds_with_buildkit(&directory);
        recipe::write_context(&directory, asked, &Uv { cached, ..*uv }, &tag)?;
        // The build has to reach what pyfast reaches from this machine.
        let own = |url: &str| ["//127.0.0.1", "//localhost"].iter().any(|host| url.contains(host));
        let network =
            calls.variable("PYFAST_HELPER_NETWORK").map(|name| name.to_string_lossy().into_owned());
        let network = network.or_else(|| uv.index_url.is_some_and(own).then(|| "host".to_owned()));
        Ok(Self { directory, tag, network, cached, asked, calls, _cleanup: cleanup })
    }

    fn edit(&self, number: u32) -> Result<(), Error> {
        write(&self.directory.join("requirements.txt"), &self.asked.requirements(number))
    }

    fn build(&self) -> Result<(), Error> {
        let mut words = vec!["-t", &self.tag];
        words.extend(self.network.iter().flat_map(|network| ["--network", network]));
        self.calls.build(&self.directory, &words, self.cached).map(drop)
    }

    /// What the image has.
    fn contents(&self) -> Result<Contents, Error> {
        let words = ["--entrypoint", "/venv/bin/python", &self.tag, "-c", PROBE];
        contents(self.calls, &words)
    }
}

/// What is printed in a container.
fn contents(calls: &Calls, words: &[&str]) -> Result<Contents, Error> {
    let printed = calls.docker(&[&["run", "--rm", "--network", "none"], words].concat())?;
    Ok(Contents::from_pins(&printed))
}

impl Course<'_> {
    /// One wheel of an environment changes, and its image follows.
    pub(super) fn of_images(
        &mut self,
        room: &Path,
        asked: &Asked,
        uv: Option<&Uv>,
    ) -> Result<Came, Error> {
        let frozen = Frozen::make(self.calls, room, asked)?;
        let built = uv.map(|uv| Built::make(self.calls, room, asked, uv)).transpose()?;
        let rows = self.freezes(&frozen, built.as_ref())?;
        let mut said = Vec::new();
        said.extend(built.map(|built| recipe::note(built.cached).to_owned()));
        said.push("The changed wheel is a small one in a local directory that no cache has; everything else is the same in both. All images have the same versions.".to_owned());
        said.push("No image holds bytecode. What a build has to copy besides, uv and the wheels, it copied before.".to_owned());
        Ok(Came { rows, said })
    }

    fn freezes(&mut self, frozen: &Frozen, built: Option<&Built>) -> Result<Vec<Series>, Error> {
        let [mut freezes, mut syncs, mut builds] = [const { Vec::new() }; 3];
        let mut again = [const { Vec::new() }; 2];
        for run in 0..=self.runs {
            self.tell(&format!("freeze: {run} of {}", self.runs))?;
            frozen.edit(run + 1)?;
            let synced = Calls::timed(|| frozen.sync())?;
            let froze = Calls::timed(|| frozen.freeze())?;
            let twice = Calls::timed(|| frozen.freeze())?;
            let has = frozen.contents()?;
            let other = built.map(|built| built.timed(run + 1, &has)).transpose()?;
            // The first one warms.
            if run > 0 {
                freezes.push(froze);
                syncs.push(synced + froze);
                again[0].push(twice);
                let [first, second] = other.map_or([None; 2], |other| other.map(Some));
                builds.extend(first);
                again[1].extend(second);
            }
        }
        let [kept, rebuilt] = again;
        let freeze = "pyfast freeze --load";
        Ok(vec![
            Series::new(
                "freeze",
                "one wheel changed: until the engine has the image",
                [
                    Contender::new(freeze, freezes),
                    Contender::new("pyfast sync, freeze --load", syncs),
                    Contender::new("image build with uv", builds),
                ],
            ),
            Series::new(
                "freeze-unchanged",
                "nothing changed: the same once more",
                [Contender::new(freeze, kept), Contender::new("image build with uv", rebuilt)],
            ),
        ])
    }
}

impl Built<'_> {
    /// Seconds that a build takes after a change, and the next one after none. It has to come to what is expected.
    fn timed(&self, number: u32, expected: &Contents) -> Result<[f64; 2], Error> {
        self.edit(number)?;
        let times = [Calls::timed(|| self.build())?, Calls::timed(|| self.build())?];
        let differences = self.contents()?.differences(expected);
        if differences.is_empty() {
            return Ok(times);
        }
        Err(Error::OtherImage { differences: differences.join(", ") })
    }
}
