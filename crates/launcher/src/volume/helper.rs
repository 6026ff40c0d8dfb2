//! Runs a command in a container that may write the volume: the injected binary, where this process cannot write, or
//! the image's own interpreter. Owns that container; must not know what the command does.

use pyfast_root::layout::LAUNCHER;

use super::archive::{Put, pack};
use super::scratch::Scratch;
use super::store::MOUNT_POINT;
use crate::archive::Content;
use crate::engine::{ContainerSpec, Engine, Mount, Output};
use crate::error::Error;

/// One run of a command on the volume.
#[derive(Debug, Clone)]
pub struct VolumeRun<'a> {
    /// Image in which it runs: the one that the environment is for.
    pub image: &'a str,
    /// Name of the volume, mounted writable at [`MOUNT_POINT`].
    pub volume: &'a str,
    /// The command and its arguments.
    pub argv: &'a [String],
    /// Files to be there before it starts. They are not part of the volume unless their paths say so.
    pub files: &'a [HelperFile],
    /// Network mode (`none`, `host`, `bridge`, a network's name).
    pub network: &'a str,
    /// Variables added to the image's. Anyone who may inspect containers can read them: no credentials.
    pub environment: &'a [(String, String)],
    /// Whether it gives way to everything else that the engine runs, and to whoever removes the volume.
    pub aside: bool,
}

/// One run of the injected binary.
#[derive(Debug, Clone)]
pub struct HelperRun<'a> {
    /// Image in which it runs: the one that the environment is for.
    pub image: &'a str,
    /// Name of the volume, mounted writable at [`MOUNT_POINT`].
    pub volume: &'a str,
    /// Arguments after the program's name.
    pub arguments: &'a [String],
    /// Files to be there before it starts. They are not part of the volume unless their paths say so.
    pub files: &'a [HelperFile],
    /// Network mode (`none`, `host`, `bridge`, a network's name).
    pub network: &'a str,
    /// Variables added to the image's. Anyone who may inspect containers can read them: no credentials.
    pub environment: &'a [(String, String)],
    /// Whether it gives way to everything else that the engine runs, and to whoever removes the volume.
    pub aside: bool,
}

/// A file in the helper's container.
#[derive(Debug, Clone)]
pub struct HelperFile {
    /// Absolute path in the container; missing directories are made.
    pub path: String,
    /// Contents.
    pub content: Content,
    /// Permission bits (`0o644`).
    pub mode: u32,
}

/// Runs the injected binary as root on the volume; returns its exit code. See [`run_on_volume`].
///
/// # Errors
/// As [`run_on_volume`]; [`Error::NotStarted`] when the volume holds no binary.
pub async fn run_helper<E: Engine>(
    engine: &E,
    run: &HelperRun<'_>,
    output: &mut (dyn FnMut(Output<'_>) + Send),
) -> Result<i64, Error> {
    let program = format!("{MOUNT_POINT}/{LAUNCHER}");
    let argv: Vec<_> = std::iter::once(&program).chain(run.arguments).cloned().collect();
    let HelperRun { image, volume, files, network, environment, aside, .. } = *run;
    let run = VolumeRun { image, volume, argv: &argv, files, network, environment, aside };
    run_on_volume(engine, &run, output).await
}

/// Runs a command as root with the volume mounted writable, and hands its output over as it comes; returns its exit
/// code.
///
/// The container is removed on every way out; dropping the future kills and removes it as well.
///
/// # Errors
/// [`Error::ImageMissing`], [`Error::NotStarted`] when the command does not exist or cannot be executed, and the
/// engine's own failures.
pub async fn run_on_volume<E: Engine>(
    engine: &E,
    run: &VolumeRun<'_>,
    output: &mut (dyn FnMut(Output<'_>) + Send),
) -> Result<i64, Error> {
    let spec = ContainerSpec {
        image: run.image.into(),
        argv: run.argv.to_vec(),
        user: Some("0:0".into()),
        network: run.network.into(),
        mount: Some(Mount {
            volume: run.volume.into(),
            target: MOUNT_POINT.into(),
            writable: true,
        }),
        environment: run.environment.to_vec(),
        aside: run.aside,
        ..ContainerSpec::default()
    };
    let entries: Vec<_> = run
        .files
        .iter()
        .map(|file| Put::File { path: &file.path, content: &file.content, mode: file.mode })
        .collect();
    let parcels =
        pack(&entries, MOUNT_POINT).map_err(Error::io("pack files for the helper container"))?;
    let (container, code) = Scratch::run(engine, &spec, &parcels, output).await?;
    container.remove().await?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Image, Program, Recorded};

    async fn run(engine: &Recorded) -> (Result<i64, Error>, String) {
        let files =
            [HelperFile { path: "/pyfast/tmp/lock".into(), content: "lock".into(), mode: 0o644 }];
        let arguments = ["sync".to_owned(), "--frozen".to_owned()];
        let request = HelperRun {
            image: "slim",
            volume: "v1",
            arguments: &arguments,
            files: &files,
            network: "host",
            environment: &[],
            aside: false,
        };
        let mut text = Vec::new();
        let mut collect = |piece: Output<'_>| match piece {
            Output::Stdout(bytes) => text.extend([b"out:", bytes].concat()),
            Output::Stderr(bytes) => text.extend([b" err:", bytes].concat()),
        };
        let code = run_helper(engine, &request, &mut collect).await;
        (code, String::from_utf8(text).unwrap())
    }

    #[tokio::test]
    async fn files_come_before_the_start_and_the_container_goes_after_it() {
        let program = Program { stdout: "done".into(), stderr: "warn".into(), code: Some(1) };
        let engine = Recorded::new().with_image("slim", Image::default()).with_program(
            "slim",
            "/pyfast/bin/pyfast",
            program,
        );
        let (code, text) = run(&engine).await;
        assert_eq!(code.unwrap(), 1);
        assert_eq!(text, "out:done err:warn");
        insta::assert_snapshot!(engine.calls().join("\n"), @r"
        create c1 slim network host user 0:0 v1:/pyfast:rw: /pyfast/bin/pyfast sync --frozen
        put c1
        run c1
        remove c1
        ");
        assert_eq!(engine.files("v1"), [("tmp/lock".to_owned(), String::new())]);
    }

    #[tokio::test]
    async fn a_volume_without_the_binary_is_told_by_the_command_that_failed() {
        let engine = Recorded::new().with_image("slim", Image::default());
        let (code, _) = run(&engine).await;
        assert!(
            matches!(code, Err(Error::NotStarted { command, .. }) if command == "/pyfast/bin/pyfast")
        );
        assert!(engine.containers().is_empty());
    }
}
