//! Asks the interpreter inside an image. Owns the search for it and the container that runs the script; must not know
//! what the script asks or what its answer means.

use std::time::Duration;

use super::scratch::Scratch;
use super::store::MOUNT_POINT;
use crate::engine::{ContainerSpec, Engine, Exit, Image, Mount, Output};
use crate::error::Error;

/// Where an interpreter is looked for when nobody says otherwise: in the image's PATH, then in usual places outside it.
pub const INTERPRETERS: [&str; 6] = [
    "python3",
    "python",
    "/usr/local/bin/python3",
    "/usr/bin/python3",
    "/opt/venv/bin/python",
    "/opt/conda/bin/python",
];

/// Longest error output that a message repeats, in bytes.
const STDERR_SHOWN: usize = 2000;

/// The most that is kept of what an interpreter says, in bytes; the answer is no answer then.
const MOST: usize = 32 << 20;

/// What is to be asked.
#[derive(Debug, Clone)]
pub struct ProbeRequest<'a> {
    /// Image by name or id.
    pub image: &'a str,
    /// Python text, run with `-I -c`.
    pub script: &'a str,
    /// Commands to try, in this order ([`INTERPRETERS`]).
    pub candidates: &'a [&'a str],
    /// How long the interpreter may take.
    pub deadline: Duration,
    /// The volume that has it, mounted read-only at [`MOUNT_POINT`].
    pub volume: Option<&'a str>,
}

/// An interpreter's answer, and the facts of the image it lives in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The image.
    pub image: Image,
    /// The candidate that answered, as it was given.
    pub executable: String,
    /// What the script printed.
    pub stdout: Vec<u8>,
}

/// Runs the script with the first interpreter that the image has, without network, as the image's user.
///
/// The container is removed on every way out; dropping the future removes it as well.
///
/// # Errors
/// [`Error::ImageMissing`], [`Error::NoPython`], [`Error::ProbeFailed`] when the script fails,
/// [`Error::ProbeTimeout`], [`Error::NotStarted`] when the interpreter exists and cannot be executed (another
/// architecture), and the engine's own failures.
pub async fn probe<E: Engine>(engine: &E, request: &ProbeRequest<'_>) -> Result<Probe, Error> {
    let image = engine.inspect_image(request.image).await?;
    for &executable in request.candidates {
        if let Some(stdout) = ask(engine, request, executable).await? {
            return Ok(Probe { image, executable: executable.to_owned(), stdout });
        }
    }
    Err(Error::NoPython {
        image: request.image.to_owned(),
        tried: request.candidates.iter().map(|&candidate| candidate.to_owned()).collect(),
    })
}

/// One candidate; `None` when the image does not have it.
async fn ask<E: Engine>(
    engine: &E,
    request: &ProbeRequest<'_>,
    executable: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let spec = ContainerSpec {
        image: request.image.to_owned(),
        argv: [executable, "-I", "-S", "-c", request.script].map(str::to_owned).into(),
        user: None,
        network: "none".into(),
        mount: request.volume.map(|volume| Mount {
            volume: volume.into(),
            target: MOUNT_POINT.into(),
            writable: false,
        }),
        ..ContainerSpec::default()
    };
    let container = Scratch::create(engine, &spec).await?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut collect = |piece: Output<'_>| match piece {
        // An image is a stranger's: what it says too much is not kept.
        Output::Stdout(bytes) if stdout.len() <= MOST => stdout.extend_from_slice(bytes),
        Output::Stderr(bytes) if stderr.len() <= MOST => stderr.extend_from_slice(bytes),
        Output::Stdout(_) | Output::Stderr(_) => {}
    };
    let run = engine.run_container(container.id(), &mut collect);
    let exit = tokio::time::timeout(request.deadline, run).await;
    let removed = container.remove().await;
    let image = || request.image.to_owned();
    let exit = exit.map_err(|_elapsed| Error::ProbeTimeout {
        image: image(),
        executable: executable.into(),
        deadline: request.deadline,
    })??;
    removed?;
    match exit {
        Exit::Code(0) => Ok(Some(stdout)),
        Exit::Code(code) => Err(Error::ProbeFailed {
            image: image(),
            executable: executable.into(),
            code,
            stderr: tail(&stderr),
        }),
        Exit::NotFound(_) => Ok(None),
        Exit::NotExecutable(message) => {
            Err(Error::NotStarted { image: image(), command: executable.into(), message })
        }
    }
}

/// The end of an error output: what an interpreter says last is what went wrong.
fn tail(bytes: &[u8]) -> String {
    let start = bytes.len().saturating_sub(STDERR_SHOWN);
    String::from_utf8_lossy(&bytes[start..]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Program, Recorded};

    fn says(stdout: &str, code: Option<i64>) -> Program {
        Program { stdout: stdout.into(), stderr: "Traceback\nValueError: no".into(), code }
    }

    fn slim() -> Recorded {
        Recorded::new().with_image("slim", Image { id: "sha256:1".into(), ..Image::default() })
    }

    async fn run(engine: &Recorded, image: &str, deadline: Duration) -> Result<Probe, Error> {
        let candidates = ["python3", "python"];
        probe(
            engine,
            &ProbeRequest {
                image,
                script: "print(1)",
                candidates: &candidates,
                deadline,
                volume: None,
            },
        )
        .await
    }

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn the_first_interpreter_that_exists_answers_and_leaves_no_container() {
        let engine = slim().with_program("slim", "python", says("{}", Some(0)));
        let probe = run(&engine, "slim", LONG).await.unwrap();
        assert_eq!(
            (probe.executable.as_str(), probe.stdout.as_slice()),
            ("python", b"{}".as_slice())
        );
        assert_eq!(probe.image.id, "sha256:1");
        insta::assert_snapshot!(engine.calls().join("\n"), @r"
        create c1 slim network none: python3 -I -S -c print(1)
        run c1
        remove c1
        create c2 slim network none: python -I -S -c print(1)
        run c2
        remove c2
        ");
    }

    #[tokio::test]
    async fn an_image_without_python_names_what_was_looked_for() {
        let error = run(&slim(), "slim", LONG).await.unwrap_err();
        assert!(matches!(error, Error::NoPython { .. }));
        assert_eq!(
            error.to_string(),
            "the image slim has no Python interpreter (looked for python3, python)"
        );
    }

    #[tokio::test]
    async fn a_missing_image_is_its_own_error() {
        let error = run(&slim(), "gone", LONG).await.unwrap_err();
        assert!(matches!(error, Error::ImageMissing { image } if image == "gone"));
    }

    #[tokio::test]
    async fn a_failing_script_shows_the_end_of_its_error_output() {
        let engine = slim().with_program("slim", "python3", says("", Some(1)));
        let error = run(&engine, "slim", LONG).await.unwrap_err();
        assert!(error.to_string().ends_with("exit code 1: Traceback\nValueError: no"), "{error}");
        assert!(engine.containers().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_interpreter_that_hangs_is_given_up_and_removed() {
        let engine = slim().with_program("slim", "python3", says("", None));
        let error = run(&engine, "slim", Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(error, Error::ProbeTimeout { .. }));
        assert!(engine.containers().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupted_probe_removes_its_container() {
        let engine = slim().with_program("slim", "python3", says("", None));
        let interrupted =
            tokio::time::timeout(Duration::from_millis(20), run(&engine, "slim", LONG)).await;
        assert!(interrupted.is_err());
        assert_eq!(engine.calls().last().unwrap(), "remove c1");
        assert!(engine.containers().is_empty());
    }
}
