//! What can stop a comparison as a whole. A tool that fails in one scenario is not an error: it is an outcome of the report.
//! Knows nothing of exit codes or of how a message is shown.

use std::io;
use std::path::PathBuf;

/// Why a comparison could not be made, or its result not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No requirements file was named and none is there by default.
    #[error("no requirements file to compare with")]
    NoRequirements,
    /// A requirements file that was named cannot be read.
    #[error("cannot read the requirements file")]
    Requirements(#[source] io::Error),
    /// A directory or file of the comparison's own working area.
    #[error("cannot {act} in the working directory of the comparison")]
    Work {
        /// What was being done, as a verb and its object.
        act: &'static str,
        /// The cause; names the path.
        #[source]
        source: io::Error,
    },
    /// No interpreter was named and none is on `PATH`.
    #[error("no Python found to compare with")]
    NoPython,
    /// The interpreter does not answer.
    #[error("the interpreter {} does not say what it is: {message}", path.display())]
    Interpreter {
        /// The program that was asked.
        path: PathBuf,
        /// The end of what it wrote to its standard error.
        message: String,
    },
    /// A program cannot be started at all.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Waiting for a process failed, which the kernel does only for our own faults.
    #[error("cannot wait for process {pid}")]
    Wait {
        /// The process.
        pid: u32,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The process that starts and times the tools is gone or talks nonsense.
    #[error("the process that times the tools gave no answer: {message}")]
    Worker {
        /// What was read or missing.
        message: String,
    },
    /// An empty virtual environment cannot be made.
    #[error("{tool} cannot make an empty virtual environment: {message}")]
    Environment {
        /// Who was to make it.
        tool: &'static str,
        /// The end of what it wrote to its standard error.
        message: String,
    },
    /// None of the tools could do the untimed first installation.
    #[error("no tool could install the requirements: {message}")]
    NothingToCompare {
        /// Each tool with the end of its output.
        message: String,
    },
    /// Every package proposed for the incremental scenario is already in the set.
    #[error("every package proposed as an addition is already in the set")]
    NothingToAdd,
    /// A scenario of containers has no image to start from.
    #[error("no image to measure services or images of environments with")]
    NoImage,
    /// A scenario of containers and the others are measured differently.
    #[error("the scenario `{scenario}` is measured by itself, and has no chart")]
    ContainerAlone {
        /// Its name.
        scenario: &'static str,
    },
    /// An image is made and nothing runs in it, and something was to be.
    #[error(
        "the scenario `freeze` has neither a project, an edited file nor imports: those are of `container`"
    )]
    NothingRuns,
    /// A scenario has requirements of its own, and the report would have those of another too.
    #[error("the scenario `{scenario}` is measured by itself")]
    Alone {
        /// Its name.
        scenario: &'static str,
    },
    /// A scenario has requirements of its own, and others were named.
    #[error("the scenario `{scenario}` makes what it installs: it takes no requirements file")]
    OwnRequirements {
        /// Its name.
        scenario: &'static str,
    },
    /// The Docker client is missing.
    #[error(
        "what is measured in containers needs the Docker client, and there is no `docker` on PATH"
    )]
    NoClient,
    /// Compose is missing.
    #[error("the container scenario needs Compose")]
    NoCompose,
    /// Services of an engine elsewhere do not answer on this machine's loopback.
    #[error("scenarios of containers measure an engine of this machine, and DOCKER_HOST is {host}")]
    EngineElsewhere {
        /// The address.
        host: String,
    },
    /// Image builds keep their command lines.
    #[error("the URL of the index has credentials, which a build would keep in its image")]
    IndexSecret,
    /// A program that is a step of the comparison failed.
    #[error("{step} failed:\n{message}")]
    Step {
        /// The program and its subcommand.
        step: String,
        /// The end of what it said.
        message: String,
    },
    /// Images that are compared are of different environments.
    #[error("the image that was built is another one than what was frozen: {differences}")]
    OtherImage {
        /// What differs, in words.
        differences: String,
    },
    /// A service did not answer as it should.
    #[error("the service on port {port} did not answer `{wanted}` within {seconds} s")]
    NoAnswer {
        /// Its port on the loopback.
        port: u16,
        /// The page that was waited for.
        wanted: String,
        /// How long.
        seconds: u64,
    },
    /// The user interrupted; what was made is removed.
    #[error("interrupted")]
    Interrupted,
    /// The local mirror needs to know what it mirrors.
    #[error("the local mirror needs the URL of the index it stands for")]
    MirrorIndex,
    /// The local mirror cannot start.
    #[error("cannot start the local mirror")]
    Mirror(#[from] crate::mirror::Error),
    /// A result cannot be written where it was asked for.
    #[error("cannot write the result")]
    Output(#[source] io::Error),
    /// A result cannot be put into JSON.
    #[error("cannot put the result into JSON")]
    Json(#[source] serde_json::Error),
}
