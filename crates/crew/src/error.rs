//! Why nobody could work for an environment. Hints and flags are the command line's.

use std::io;
use std::path::PathBuf;

use pyfast_packaging::PackageName;
use pyfast_packaging::requirement::Origin;

/// A failed act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Settings say what nothing can be made of.
    #[error(transparent)]
    Settings(Box<pyfast_settings::Error>),
    /// A text is not what it should be.
    #[error(transparent)]
    Packaging(Box<pyfast_packaging::Error>),
    /// Resolving failed.
    #[error(transparent)]
    Resolve(Box<pyfast_resolver::Error>),
    /// Fetching, building or installing failed.
    #[error(transparent)]
    Install(Box<pyfast_installer::Error>),
    /// Something could not be done with the remote store.
    #[error(transparent)]
    Remote(Box<pyfast_remote::Error>),
    /// Nothing says where the remote store is.
    #[error("cannot push the environment `{env}`: no remote store is named")]
    NoRemote {
        /// The environment.
        env: String,
    },
    /// A server is to be asked, and none may be.
    #[error("cannot push the environment `{env}` offline")]
    PushOffline {
        /// The environment.
        env: String,
    },
    /// There is no environment whose wheels could be pushed.
    #[error("cannot push the environment `{env}`: it was not synced yet")]
    NothingToPush {
        /// The environment.
        env: String,
    },
    /// An image could not be made, read or written.
    #[error(transparent)]
    Image(Box<pyfast_oci::Error>),
    /// An image could not be pushed.
    #[error(transparent)]
    Registry(Box<pyfast_registry::Error>),
    /// A Python lies where its own files say that it lies, which is not where it would be in an image.
    #[error(
        "cannot freeze the environment `{env}`: the Python that was brought for it works in its own directory alone"
    )]
    FreezeBrought {
        /// The environment.
        env: String,
    },
    /// Something is not as it was installed.
    #[error("cannot freeze the environment `{env}`: {first}{}", beyond(*more))]
    FreezeAltered {
        /// The environment.
        env: String,
        /// The first that is not.
        first: Box<pyfast_installer::finding::Finding>,
        /// How many more there are.
        more: usize,
    },
    /// Only containers write the volume that it is in.
    #[error(
        "cannot freeze the environment `{env}`: the files of its volume are out of this process' reach"
    )]
    FreezeOutOfReach {
        /// The environment.
        env: String,
    },
    /// Nobody compiles the bytecode that it waits for.
    #[error(
        "cannot freeze the environment `{env}`: the bytecode of {what} is not there, and nothing compiles it"
    )]
    NotCompiled {
        /// The environment.
        env: String,
        /// What was not compiled.
        what: String,
    },
    /// No engine takes so many layers.
    #[error("cannot make an image of {count} layers: engines take {most}")]
    TooManyLayers {
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// What an image is to be put upon is none.
    #[error(
        "`{text}` is no base: it should be the name of an image, `oci:DIR`, `oci:DIR:TAG` or `FILE.tar`"
    )]
    BaseForm {
        /// What was given.
        text: String,
    },
    /// Nothing says what an image is to be put upon.
    #[error("cannot freeze the environment `{env}`: it is for no image that could be below it")]
    NoBase {
        /// The environment.
        env: String,
    },
    /// An image is for another machine than the environment.
    #[error("`{text}` is an image for {found}, and the environment is for {wanted}")]
    BasePlatform {
        /// The image, as it was named.
        text: String,
        /// What it is for.
        found: String,
        /// What it should be for.
        wanted: String,
    },
    /// The running program could not run in an image.
    #[error(
        "{path} is for {found}, and the environment for {wanted}: freeze it with the pyfast of that machine, or put that beside this one as pyfast-linux-aarch64 or pyfast-linux-x86_64",
        path = path.display()
    )]
    ProgramPlatform {
        /// The program.
        path: PathBuf,
        /// What the program is for.
        found: String,
        /// What the image is for.
        wanted: String,
    },
    /// An image is not called by a digest before it is made.
    #[error("`{name}` was given a digest, and an image that is made has the one that it has")]
    PinnedName {
        /// The name, without it.
        name: pyfast_oci::ImageName,
    },
    /// No image can be at a path.
    #[error("cannot write an image to `{}`: {reason}", path.display())]
    OutputForm {
        /// The path.
        path: PathBuf,
        /// Why not, and what can.
        reason: &'static str,
    },
    /// A digest cannot be written.
    #[error("cannot write the digest of an image into `{}`: {source}", path.display())]
    DigestFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A variable says no time.
    #[error("`{text}` is no time for SOURCE_DATE_EPOCH: it counts seconds since 1970")]
    SourceDate {
        /// What it says.
        text: String,
    },
    /// An act below a root failed.
    #[error(transparent)]
    Root(#[from] pyfast_root::Error),
    /// A Python could not be brought from channels.
    #[cfg(feature = "native")]
    #[error(transparent)]
    Native(Box<pyfast_native::Error>),
    /// This program cannot bring any.
    #[error("cannot bring {what}: this program was built without the feature `native`")]
    NotBuiltIn {
        /// What was asked for.
        what: String,
    },
    /// Only a volume is at the same place in every container.
    #[error("cannot bring the Python {version} for containers of {image} into a directory")]
    ManagedInDirectory {
        /// What was asked for.
        version: String,
        /// The image.
        image: String,
    },
    /// The same of native libraries.
    #[error("cannot bring native libraries for containers of {image} into a directory")]
    LibrariesInDirectory {
        /// The image.
        image: String,
    },
    /// Only a sync brings them.
    #[error("the native libraries of the environment `{env}` are not there yet")]
    NoLibraries {
        /// The environment.
        env: String,
    },
    /// Nobody knows which native libraries a system lacks.
    #[error("cannot tell which native libraries {what} has: {reason}")]
    Libraries {
        /// The image, or the interpreter.
        what: String,
        /// Why.
        reason: String,
    },
    /// The container engine, or something in it, failed.
    #[error(transparent)]
    Launch(Box<pyfast_launcher::Error>),
    /// An act on the environment failed.
    #[error(transparent)]
    Environment(Box<pyfast_environment::Error>),
    /// The user interrupted it.
    #[error("interrupted")]
    Interrupted,
    /// The system gives no threads, or no files to drive them by.
    #[error("cannot start {what}: {source}")]
    System {
        /// What of it.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The running program, which containers run too, cannot be found.
    #[error("cannot find the running program: {0}")]
    Program(io::Error),
    /// The source that another process wants built cannot be read.
    #[error("cannot read the source: {reason}")]
    ReadSource {
        /// Why.
        reason: String,
    },
    /// A source is to be built where containers may write.
    #[error("sources are built in a directory")]
    BuildsInVolume,
    /// Nothing builds here.
    #[error("no Python of this machine can build for this environment")]
    NoBuilder,
    /// What is to be limited to wheels, or built, is no package.
    #[error("`{name}` is no package name")]
    PackageName {
        /// What was given.
        name: String,
    },
    /// A setting for build backends has no value.
    #[error("`{text}` is no setting of a build")]
    BuildSetting {
        /// What was given.
        text: String,
    },
    /// The configuration names an extra that is none.
    #[error("`{extra}` under [env.{env}] is no extra: {reason}")]
    Extra {
        /// What it names.
        extra: String,
        /// The environment.
        env: String,
        /// Why it is none.
        reason: String,
    },
    /// A lock cannot be written.
    #[error("cannot write the lock `{}`: {reason}", path.display())]
    WriteLock {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
        /// Whether it is what lies there that is refused.
        refused: bool,
    },
    /// A file of requirements cannot be edited.
    #[error("cannot edit `{}`: {source}", path.display())]
    Edit {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A lock stands where requirements do.
    #[error("cannot edit `{}`: it is a lock, which is made of requirements", path.display())]
    EditsLock {
        /// The file.
        path: PathBuf,
    },
    /// A lock is named where what it was made from has to be read.
    #[error("`{}` is a lock, and not what it was made from", path.display())]
    LockGiven {
        /// The file.
        path: PathBuf,
    },
    /// A lock is named together with what would be installed besides.
    #[error("`{}` is a lock, which is installed as it is: nothing can be named besides", path.display())]
    LockNotAlone {
        /// The file.
        path: PathBuf,
    },
    /// Something else stands where a script does.
    #[error("cannot edit `{}` as a script: its name does not end in .py", path.display())]
    NoScript {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else wrote a file of requirements between reading and writing it.
    #[error("cannot edit `{}`: it was changed meanwhile, and stays as it is now", path.display())]
    EditedMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// All that is asked for is in files of servers.
    #[error("there is no file of this machine to edit: the requirements are a server's")]
    NothingToEdit,
    /// Nothing asks for what is to be removed.
    #[error("nothing asks for `{name}`{}", needed(needed_by))]
    NotAsked {
        /// The package.
        name: PackageName,
        /// What is asked for and has a name like it.
        near: Option<PackageName>,
        /// The packages that need it.
        needed_by: Vec<PackageName>,
    },
    /// What is to be removed is asked for where nothing is edited.
    #[error("`{name}` is asked for by {origin}, which is not edited here")]
    AskedElsewhere {
        /// The package.
        name: PackageName,
        /// Where.
        origin: Origin,
    },
    /// Where one target is looked at, several are named.
    #[error("only one target can be looked at")]
    SeveralTargets,
    /// What is asked about, or is to be upgraded, is not in the lock.
    #[error("`{name}` is not in {lock}")]
    NotLocked {
        /// The package.
        name: PackageName,
        /// One of the lock that has nearly the same name.
        near: Option<PackageName>,
        /// What the lock is called.
        lock: String,
    },
    /// A lock cannot be read.
    #[error("cannot read the lock `{}`: {source}", path.display())]
    ReadLock {
        /// Where it would be.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no environment of this name.
    #[error("there is no environment `{name}`")]
    NoSuchEnvironment {
        /// What was given.
        name: String,
        /// One that has nearly the same name.
        near: Option<String>,
    },
    /// The volume is not there.
    #[error("the volume {volume} does not exist yet")]
    NoVolume {
        /// Its name.
        volume: String,
    },
    /// A volume is for containers, and nothing says for which image.
    #[error("the volume `{volume}` is for containers, and no image is given{}", 
        why.iter().map(|why| format!(": {why}")).collect::<String>())]
    NoImage {
        /// Its name.
        volume: String,
        /// Why services do not say it, where they are to.
        why: Option<String>,
    },
    /// A volume is out of reach, and nothing says which image's containers reach it.
    #[error("this machine cannot write the volume {volume}")]
    OutOfReach {
        /// Its name.
        volume: String,
    },
    /// Who asks for the environment says which interpreter it is for.
    #[error("no interpreter is asked here")]
    NoInterpreter,
    /// A wheel of this machine cannot be read.
    #[error("cannot read a wheel: {0}")]
    ReadWheel(io::Error),
    /// A build left what is no wheel.
    #[error("a build made no wheel: {reason}")]
    NoWheel {
        /// What is wrong with it.
        reason: String,
    },
    /// A build in a container gave what nothing can be made of.
    #[error("cannot use what a build in a container of {image} gave: {what}")]
    StrangeBuild {
        /// The image.
        image: String,
        /// What it gave.
        what: String,
    },
    /// The helper container answered what nothing can be made of.
    #[error("cannot use what the helper container answered: {reason}")]
    StrangeAnswer {
        /// Why.
        reason: String,
    },
    /// This program failed in a container, as it tells it itself.
    #[error("{message}")]
    Inside {
        /// The image.
        image: Box<str>,
        /// Its exit code.
        code: i64,
        /// What it calls the failure; it may not have come so far.
        kind: Option<String>,
        /// The failure.
        message: String,
        /// Its causes.
        causes: Vec<String>,
        /// What it says could be done.
        hints: Vec<String>,
    },
    /// A build in a container failed, or what needed it.
    #[error("{source}")]
    BuiltIn {
        /// The image.
        image: String,
        /// Builds that could not even be tried: what the solver passes on has no place for them.
        untried: Vec<Error>,
        /// The failure.
        source: Box<Error>,
    },
}

/// How many more findings there are, in words.
fn beyond(more: usize) -> String {
    if more == 0 { String::new() } else { format!(", and {more} more") }
}

/// Who needs a package that nothing asks for.
fn needed(by: &[PackageName]) -> String {
    let names: Vec<String> = by.iter().map(ToString::to_string).collect();
    if names.is_empty() { String::new() } else { format!(" itself; {} needs it", names.join(", ")) }
}

impl From<pyfast_settings::Error> for Error {
    fn from(error: pyfast_settings::Error) -> Self {
        Self::Settings(Box::new(error))
    }
}

impl From<pyfast_oci::Error> for Error {
    fn from(error: pyfast_oci::Error) -> Self {
        Self::Image(Box::new(error))
    }
}

impl From<pyfast_registry::Error> for Error {
    fn from(error: pyfast_registry::Error) -> Self {
        match error {
            pyfast_registry::Error::Image(error) => error.into(),
            other => Self::Registry(Box::new(other)),
        }
    }
}

impl From<pyfast_remote::Error> for Error {
    fn from(error: pyfast_remote::Error) -> Self {
        Self::Remote(Box::new(error))
    }
}

impl From<pyfast_packaging::Error> for Error {
    fn from(error: pyfast_packaging::Error) -> Self {
        Self::Packaging(Box::new(error))
    }
}

#[cfg(feature = "native")]
impl From<pyfast_native::Error> for Error {
    fn from(error: pyfast_native::Error) -> Self {
        Self::Native(Box::new(error))
    }
}

impl From<pyfast_resolver::Error> for Error {
    fn from(error: pyfast_resolver::Error) -> Self {
        Self::Resolve(Box::new(error))
    }
}

impl From<pyfast_installer::Error> for Error {
    fn from(error: pyfast_installer::Error) -> Self {
        Self::Install(Box::new(error))
    }
}

impl From<pyfast_launcher::Error> for Error {
    fn from(error: pyfast_launcher::Error) -> Self {
        Self::Launch(Box::new(error))
    }
}

impl From<pyfast_environment::Error> for Error {
    fn from(error: pyfast_environment::Error) -> Self {
        match error {
            pyfast_environment::Error::Outside(error) => match error.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => {
                    Self::Environment(Box::new(pyfast_environment::Error::Outside(other)))
                }
            },
            error => Self::Environment(Box::new(error)),
        }
    }
}
