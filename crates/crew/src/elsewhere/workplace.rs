//! Where sources are built for a volume: one container of the image for each build, which sees no volume.
//! Owns what that container is given, and the look at what it gives back, of which nothing is believed:
//! a source decides about its own metadata and its own wheel, and about nothing else.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::future::join_all;
use pyfast_installer::Event as InstallEvent;
use pyfast_installer::build::{BuiltWheel, CarriedSource, built_wheel, carried_settings, fits};
use pyfast_installer::interpreter::Interpreter;
use pyfast_launcher::engine::Engine as _;
use pyfast_launcher::volume::{
    CONFINED_FILES, CONFINED_OUT, CONFINED_WORK, ConfinedRun, HelperFile, Left, run_confined,
};
use pyfast_packaging::build::{BuildFailure, BuildStage};
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::requirement::Requirement;
use pyfast_packaging::source_dist::SourceDist;
use pyfast_resolver::IndexStrategy;
use pyfast_root::{Lock, Waiting};
use serde_json::{Value, json};

use super::kept::Kept;
use crate::building::CARRIED_SOURCES;
use crate::building::SourceAnswer as Answer;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::session::Session;
use crate::volume_place::{VolumePlace, certificates, failed, file, helper_network};
use pyfast_settings::ResolveFlags;

/// The largest wheel that is taken out of a container.
const LARGEST: u64 = 1 << 30;

/// How much of an answer that makes no sense is shown.
const SHOWN: usize = 400;

/// Builds sources for one image and volume.
pub(crate) struct Workplace<'a> {
    pub(crate) helper: &'a VolumePlace<'a>,
    /// What shapes builds, as the program inside is told.
    shape: Vec<String>,
    /// The file that those arguments name.
    constraints: Option<HelperFile>,
    /// Where what builds need comes from, as the program inside is told.
    reach: Vec<String>,
    /// The part of the key that all builds share.
    circumstances: Value,
    interpreter: &'a Interpreter,
    events: &'a Events,
    pub(crate) cache: PathBuf,
}

/// A build that is wanted.
pub(crate) struct Order<'a> {
    pub(crate) source: &'a SourceDist,
    pub(crate) packed: &'a CarriedSource,
    /// The settings of this source's own build (JSON).
    pub(crate) settings: Option<Bytes>,
    /// Whether metadata alone is not enough.
    pub(crate) whole: bool,
}

/// What a build gave.
pub(crate) enum Made {
    /// The text of `METADATA`.
    Metadata(String),
    Wheel(Box<Wheel>),
}

/// A wheel that keeps to its format.
pub(crate) struct Wheel {
    pub(crate) built: BuiltWheel,
    pub(crate) bytes: Bytes,
}

/// Why a build gave nothing.
pub(crate) enum Fault {
    /// The build failed.
    Build(Box<BuildFailure>),
    /// It could not be tried, or did not keep to what is asked of it.
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl<'a> Workplace<'a> {
    pub(crate) fn new(
        helper: &'a VolumePlace<'a>,
        args: &ResolveFlags,
        session: &Session,
        interpreter: &'a Interpreter,
        events: &'a Events,
    ) -> Result<Self, Error> {
        let (settings, connection) = (helper.settings, helper.connection);
        let mut reach = index_arguments(session);
        reach.extend(settings.flags.index.offline.then(|| "--offline".to_owned()));
        let wanted = args.wishing(&session.wishes)?;
        reach.extend(wanted.exclude_newer.iter().map(|time| format!("--exclude-newer={time}")));
        let values = args.config_settings.iter();
        let mut shape: Vec<String> =
            values.map(|value| format!("--config-settings={value}")).collect();
        shape.extend(args.no_build_isolation.then(|| "--no-build-isolation".to_owned()));
        let constraints = session.build_constraints(args, settings, events)?;
        let constraints = constraints_file(&constraints);
        shape.extend(constraints.iter().map(|file| format!("--build-constraint={}", file.path)));
        // Without isolation the image's own packages are what a build works with.
        let shared = args.no_build_isolation.then(|| connection.image_id(helper.image));
        let image = shared.transpose()?;
        let circumstances = json!([
            1,
            [connection.engine.host().to_string(), helper.volume.name],
            [interpreter.soabi, interpreter.cache_tag, interpreter.tags.machine],
            interpreter.version().to_string(),
            image,
            shape,
        ]);
        let cache = settings.cache_directory()?;
        Ok(Self { helper, shape, constraints, reach, circumstances, interpreter, events, cache })
    }

    /// Builds side by side, each in a container of its own, what was not built before; in the order of the
    /// orders, what came of each.
    pub(crate) fn build_all(
        &self,
        orders: &[Order<'_>],
    ) -> Result<Vec<Result<Made, Fault>>, Error> {
        let kept: Vec<Kept> =
            orders.iter().map(|order| Kept::new(&self.cache, &self.key(order))).collect();
        let _alone = self.alone(&kept);
        let builds = orders.iter().zip(&kept).map(|(order, kept)| async move {
            match kept.made(order.whole) {
                Some(made) => Ok::<_, Fault>((made, false)),
                None => Ok((self.look(order, self.run(order).await?)?, true)),
            }
        });
        let builds = self.helper.connection.wait(async { Ok(join_all(builds).await) })?;
        let made = builds.into_iter().zip(orders.iter().zip(&kept));
        let made = made.map(|(build, (order, kept))| {
            let (made, fresh) = build?;
            self.check(order, &made)?;
            if fresh {
                kept.keep(&made);
            }
            Ok(made)
        });
        Ok(made.collect())
    }

    /// Keeps other processes from these builds. All ask in one order, so that no two wait for each other.
    fn alone(&self, kept: &[Kept]) -> Vec<Lock> {
        let mut ordered: Vec<&Kept> = kept.iter().collect();
        ordered.sort_unstable_by(|one, other| one.key().cmp(other.key()));
        ordered.dedup_by(|one, other| one.key() == other.key());
        let told = |waiting: &Waiting| {
            (self.events)(Event::Work(InstallEvent::Waiting(waiting.clone())));
        };
        ordered.into_iter().filter_map(|kept| kept.alone(&told)).collect()
    }

    /// What ran there looked at this too, but as the user that the source's code was.
    fn check(&self, order: &Order<'_>, made: &Made) -> Result<(), Fault> {
        let Made::Wheel(wheel) = made else { return Ok(()) };
        fits(order.source, &wheel.built.filename, self.interpreter).map_err(|reason| {
            let failure = BuildFailure::new(order.source, BuildStage::Wheel, &reason);
            Fault::Build(Box::new(failure))
        })
    }

    /// The digest of everything that shapes a build.
    pub(crate) fn key(&self, order: &Order<'_>) -> Sha256 {
        let packed = order.packed;
        let own = order.settings.as_ref().map(|text| Sha256::of(text).to_string());
        let shape = json!([
            self.circumstances,
            packed.name,
            Sha256::of(&packed.bytes).to_string(),
            order.source.subdirectory,
            own,
        ]);
        Sha256::of(shape.to_string().as_bytes())
    }

    async fn run(&self, order: &Order<'_>) -> Result<Left, Fault> {
        let VolumePlace { connection, image, settings, .. } = *self.helper;
        let place = format!("{CONFINED_FILES}/asked");
        let question = format!("{place}/source.json");
        let CarriedSource { name, bytes } = order.packed;
        let mut files: Vec<HelperFile> = self.constraints.iter().cloned().collect();
        files.push(file(question.clone(), json!(order.source).to_string()));
        files.push(file(format!("{place}/{name}"), bytes.clone()));
        let own = order.settings.clone();
        files.extend(own.map(|text| file(format!("{place}/{}", carried_settings(name)), text)));
        let mut variables = vec![(CARRIED_SOURCES.to_owned(), place)];
        if let Some((variable, certificates)) = certificates(settings) {
            variables.push(variable);
            files.push(certificates);
        }
        let root = format!("{CONFINED_WORK}/root");
        let fixed = ["build-source", &question, "--out", CONFINED_OUT, "--root", &root];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
        arguments.extend(order.whole.then(|| "--whole".to_owned()));
        arguments.extend(self.shape.iter().chain(&self.reach).cloned());
        // This program, which runs inside.
        let binary = connection.build().await.map_err(Error::from)?;
        let run = ConfinedRun {
            image,
            binary: &binary,
            arguments: &arguments,
            files: &files,
            network: helper_network(settings),
            environment: &variables,
            largest: LARGEST,
            leaves: |printed| matches!(serde_json::from_slice(printed), Ok(Answer::Wheel(_))),
        };
        Ok(run_confined(&connection.engine, &run).await.map_err(Error::from)?)
    }

    /// What a container gave back.
    fn look(&self, order: &Order<'_>, left: Left) -> Result<Made, Fault> {
        let image = self.helper.image;
        if left.code != 0 {
            let text = String::from_utf8_lossy(&left.printed);
            return Err(failed(image, left.code, &text, &left.said).into());
        }
        match serde_json::from_slice(&left.printed) {
            Ok(Answer::Metadata(text)) if !order.whole => Ok(Made::Metadata(text)),
            Ok(Answer::Wheel(name)) => Ok(Made::Wheel(Box::new(wheel(image, &name, left.files)?))),
            Ok(Answer::Failure(failure)) => Err(Fault::Build(failure)),
            Ok(Answer::Metadata(_)) | Err(_) => {
                let text = String::from_utf8_lossy(&left.printed);
                let shown: String = text.trim().chars().take(SHOWN).collect();
                Err(strange(image, &format!("the answer `{}`", shown.escape_debug())).into())
            }
        }
    }
}

/// The one file that was left, if it is the wheel that was named and keeps to the format.
fn wheel(image: &str, name: &str, files: Vec<(String, Bytes)>) -> Result<Wheel, Error> {
    let named = |(found, _): &(String, Bytes)| found == name;
    let Some((_, bytes)) = files.into_iter().find(named) else {
        let shown: String = name.chars().take(SHOWN).collect();
        return Err(strange(image, &format!("no wheel `{}`", shown.escape_debug())));
    };
    let filename: WheelFilename =
        name.parse().map_err(|error: <WheelFilename as std::str::FromStr>::Err| {
            Error::NoWheel { reason: error.to_string() }
        })?;
    Ok(Wheel { built: built_wheel(filename, &bytes)?, bytes })
}

/// What limits the versions of what builds need, as the program inside reads it.
fn constraints_file(constraints: &[Requirement]) -> Option<HelperFile> {
    let lines = constraints.iter().map(|constraint| {
        let hashes = constraint.hashes.iter().map(|hash| format!(" --hash={hash}"));
        format!("{constraint}{}\n", hashes.collect::<String>())
    });
    let text: String = lines.collect();
    let name = &Sha256::of(text.as_bytes()).to_string()[..16];
    let path = format!("{CONFINED_FILES}/constraints/{name}.txt");
    (!constraints.is_empty()).then(|| file(path, text))
}

fn strange(image: &str, what: &str) -> Error {
    Error::StrangeBuild { image: image.to_owned(), what: what.to_owned() }
}

/// The indexes of a session, which carry no credentials. Directories of wheels stay on this machine.
fn index_arguments(session: &Session) -> Vec<String> {
    let sources = &session.sources;
    // What a package is pinned to is searched for nothing else, in a container neither.
    let searched = sources.indexes.len().saturating_sub(sources.reserved);
    let mut arguments: Vec<String> = match sources.indexes[..searched].split_last() {
        None => vec!["--no-index".to_owned()],
        Some((default, further)) => {
            let further = further.iter().map(|url| format!("--extra-index-url={url}"));
            further.chain([format!("--index-url={default}")]).collect()
        }
    };
    let pages = sources.find_links.iter().filter(|place| place.contains("://"));
    arguments.extend(pages.map(|page| format!("--find-links={page}")));
    let strategy = match sources.strategy {
        IndexStrategy::FirstIndex => None,
        IndexStrategy::UnsafeFirstMatch => Some("unsafe-first-match"),
        IndexStrategy::UnsafeBestMatch => Some("unsafe-best-match"),
    };
    arguments.extend(strategy.map(|strategy| format!("--index-strategy={strategy}")));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, files: &[(&str, &str)], part: &str) {
        let files =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned().into()));
        let Err(failure) = wheel("slim", name, files.collect()) else { panic!("{name} is taken") };
        assert!(failure.to_string().contains(part), "{failure}");
    }

    #[test]
    fn only_the_wheel_that_was_named_is_taken_and_only_a_whole_one() {
        let whl = "a-1-py3-none-any.whl";
        check(whl, &[], "no wheel `a-1-py3-none-any.whl`");
        check(whl, &[("b-1-py3-none-any.whl", "x")], "no wheel");
        check("a.txt", &[("a.txt", "x")], "a build made no wheel");
        check("../a\u{1b}", &[], "no wheel `../a\\u{1b}`");
        check(whl, &[(whl, "no archive")], whl);
    }
}
