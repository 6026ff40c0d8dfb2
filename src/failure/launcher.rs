//! What to do about errors of the engine, images, volumes and Compose.

use std::ffi::OsStr;

use pyfast_crew::meant::{Meant, meant};
use pyfast_launcher::propose::Error as ProposeError;
use pyfast_launcher::{Error as LaunchError, PullRefusal};
use pyfast_packaging::safe_url::redact;
use pyfast_settings::Project;

use super::{Code, Failure};

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        let (kind, code) = match &error {
            LaunchError::Root(error) => return Self::from_root(error),
            LaunchError::EngineUnreachable { .. } => ("engine-unreachable", Code::Engine),
            LaunchError::EngineHost { .. } | LaunchError::EngineContext { .. } => {
                ("engine-address", Code::Usage)
            }
            LaunchError::EngineTooOld { .. } => ("engine-too-old", Code::Engine),
            LaunchError::Compose(_) | LaunchError::DependencyCycle { .. } => {
                ("compose-file", Code::Usage)
            }
            LaunchError::ImageMissing { .. } => ("image-missing", Code::Mendable),
            LaunchError::ImagePull { .. } => ("image-pull", Code::Mendable),
            LaunchError::ImageBuild { .. } => ("image-build", Code::Mendable),
            LaunchError::ImageBuilds { .. }
            | LaunchError::ContextMissing { .. }
            | LaunchError::DockerfileMissing { .. } => ("image-inputs", Code::Usage),
            LaunchError::Client { .. } => ("client", Code::Usage),
            LaunchError::RegistryLogin { .. } => ("registry-login", Code::Mendable),
            LaunchError::ComposeCall { .. } => ("no-compose", Code::Usage),
            LaunchError::ComposeFailed { .. } => ("compose", Code::Mendable),
            LaunchError::NoPython { .. } => ("no-interpreter", Code::Mendable),
            LaunchError::VolumeLayout { .. } | LaunchError::VolumeForeign { .. } => {
                ("layout", Code::Usage)
            }
            LaunchError::VolumeName { .. }
            | LaunchError::NoCommand
            | LaunchError::SignalName { .. }
            | LaunchError::SeveralProjects { .. } => ("usage", Code::Usage),
            LaunchError::NoEnvironment { .. } => ("no-environment", Code::Mendable),
            LaunchError::Binary { .. }
            | LaunchError::BinaryVersion { .. }
            | LaunchError::Architecture { .. } => ("binary", Code::Usage),
            _ => ("launch", Code::Mendable),
        };
        let mut failure = Self::from_error(kind, &error, code);
        failure.hints.extend(launch_hint(&error).map(str::to_owned));
        // An address that cannot be used may be one with a password.
        failure.message = redact(&failure.message);
        failure
    }
}

impl Failure {
    /// Of a command that is run: with the shell's code, and how what it may have been meant as is done.
    pub(crate) fn of_command(error: LaunchError, command: &OsStr, project: &Project) -> Self {
        let code = error.shell_code();
        let meant = meant(command, project).filter(|_| matches!(code, Some(126 | 127)));
        let mut failure = Self::from(error);
        failure.code = code.unwrap_or(failure.code);
        failure.hints.extend(meant.map(|meant| instead(&command.to_string_lossy(), &meant)));
        failure
    }
}

impl From<ProposeError> for Failure {
    fn from(error: ProposeError) -> Self {
        let message = error.to_string();
        match error {
            ProposeError::Compose(error) => error.into(),
            ProposeError::Name { .. } => {
                Self::usage(message).hint("use letters, digits, `.`, `_` and `-`")
            }
            ProposeError::NothingToInstall { instead: Some(instead), .. } => Self::usage(message)
                .hint(format!("`{}` writes a file that is taken", instead.export)),
            ProposeError::NothingToInstall { .. } => Self::usage(message).hint(
                "write one, such as requirements.txt, or name another directory with --project DIR",
            ),
        }
    }
}

fn instead(command: &str, meant: &Meant) -> String {
    match meant {
        Meant::Script => format!("`pyfast run python {command}` runs that file"),
        Meant::Package => format!("`pyfast run python -m {command}` runs that package"),
        Meant::Here => format!("`pyfast run ./{command}` runs that file"),
        Meant::Closed => format!("`chmod +x {command}` makes a program of that file"),
        Meant::Own(file) => format!(
            "{} states it, and is not installed itself: `project = true` of an environment in pyfast.toml does it",
            file.display()
        ),
    }
}

fn launch_hint(error: &LaunchError) -> Option<&'static str> {
    match error {
        LaunchError::EngineUnreachable { .. } => {
            Some("start the engine, or name it with DOCKER_HOST; `docker info` must work")
        }
        LaunchError::ImageMissing { .. } => {
            Some("pull or build it first; `docker images` shows what there is")
        }
        LaunchError::NoPython { .. } => Some(
            "choose an image with Python, such as one of the slim Python images, or install python3 in it",
        ),
        LaunchError::VolumeLayout { .. } => {
            Some("use the pyfast that made it, or another --volume")
        }
        LaunchError::VolumeForeign { .. } => Some("choose another name with --volume"),
        LaunchError::NoEnvironment { .. } => Some("make one with `pyfast sync`"),
        LaunchError::SeveralProjects { .. } => {
            Some("name it with --project-name or PYFAST_PROJECT_NAME")
        }
        LaunchError::Binary { .. } => Some(
            "build pyfast with the settings of its .cargo/config.toml, which link it statically",
        ),
        LaunchError::Left { .. } => Some(
            "no build needs to leave anything but its wheel: look at the source before you trust it",
        ),
        _ => image_hint(error).or_else(|| client_hint(error)),
    }
}

fn image_hint(error: &LaunchError) -> Option<&'static str> {
    match error {
        LaunchError::ImagePull { reason, .. } => pull_hint(reason),
        LaunchError::ImageBuild { .. } => {
            Some("mend the step of the Dockerfile that the output above names")
        }
        LaunchError::ImageBuilds { .. } => Some(
            "give one of the services another `image`, or both the same `build`, in the compose file",
        ),
        LaunchError::ContextMissing { .. } => {
            Some("correct `build.context` of the service in the compose file")
        }
        LaunchError::DockerfileMissing { .. } => {
            Some("correct `build.dockerfile` of the service in the compose file")
        }
        _ => None,
    }
}

fn pull_hint(reason: &PullRefusal) -> Option<&'static str> {
    match reason {
        PullRefusal::NotFound(_) => {
            Some("are its name and tag spelt right? An image of your own has to be built first")
        }
        PullRefusal::Login(_) => {
            Some("log in with `docker login REGISTRY`, and check the image's name")
        }
        PullRefusal::Unreachable(_) => {
            Some("is the registry's name right, and can the engine's machine reach it?")
        }
        PullRefusal::Platform(_) => {
            Some("choose a tag that exists for this platform, or set `platform` of the service")
        }
        PullRefusal::Other(_) => None,
    }
}

fn client_hint(error: &LaunchError) -> Option<&'static str> {
    match error {
        LaunchError::EngineHost { .. } => {
            Some("correct DOCKER_HOST: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST")
        }
        LaunchError::EngineContext { .. } => {
            Some("`docker context ls` names those that there are; choose one, or set DOCKER_HOST")
        }
        LaunchError::Architecture { .. } => Some(
            "put the pyfast for the engine's machine beside this one as pyfast-linux-aarch64 or pyfast-linux-x86_64, or name it with PYFAST_LINUX_BINARY",
        ),
        LaunchError::BinaryVersion { .. } => Some("put the build of this version there"),
        LaunchError::EngineTooOld { .. } => {
            Some("update the engine, or name another with DOCKER_HOST")
        }
        LaunchError::Client { .. } => Some("install the Docker client, or correct PATH"),
        LaunchError::RegistryLogin { .. } => Some("log in again with `docker login REGISTRY`"),
        LaunchError::ComposeCall { .. } => {
            Some("install Docker's Compose plugin, or mend the program named above")
        }
        LaunchError::ComposeFailed { .. } => {
            Some("what Compose printed above names the cause; mend the compose file or the engine")
        }
        LaunchError::SignalName { .. } => Some("use a name such as TERM, INT or QUIT"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use pyfast_launcher::compose_file::ComposeError;
    use pyfast_launcher::{StartRefusal, Unreachable};

    use super::*;

    /// The kind, the exit code, and a word of the hint; an empty one where there is none.
    type Expected = (&'static str, Code, &'static str);

    #[track_caller]
    fn check(cases: Vec<(LaunchError, Expected)>) {
        for (error, (kind, code, word)) in cases {
            let shown = format!("{error:?}");
            let failure = Failure::from(error);
            assert_eq!((&*failure.kind, failure.code), (kind, code as u8), "{shown}");
            match failure.hints() {
                [hint] => assert!(!word.is_empty() && hint.contains(word), "{shown}: {hint}"),
                hints => assert!(word.is_empty() && hints.is_empty(), "{shown}: {hints:?}"),
            }
        }
    }

    fn text() -> String {
        "x".to_owned()
    }

    fn cause() -> io::Error {
        io::ErrorKind::NotFound.into()
    }

    #[test]
    fn an_engine_that_cannot_be_used_says_where_to_name_another() {
        let unreachable = |reason| LaunchError::EngineUnreachable { host: text(), reason };
        let start = ("engine-unreachable", Code::Engine, "DOCKER_HOST");
        check(vec![
            (unreachable(Unreachable::SocketMissing), start),
            (unreachable(Unreachable::PermissionDenied), start),
            (unreachable(Unreachable::Refused), start),
            (unreachable(Unreachable::TimedOut), start),
            (unreachable(Unreachable::Other(text())), start),
            (
                LaunchError::EngineTooOld { host: text(), found: text(), needed: "1.41" },
                ("engine-too-old", Code::Engine, "update the engine"),
            ),
            (
                LaunchError::EngineHost { host: text(), reason: text() },
                ("engine-address", Code::Usage, "DOCKER_HOST"),
            ),
            (
                LaunchError::EngineContext { name: text(), reason: text() },
                ("engine-address", Code::Usage, "docker context ls"),
            ),
        ]);
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let host = "ssh://me:s3cr3t@far".to_owned();
        let failure = Failure::from(LaunchError::EngineHost { host, reason: text() });
        assert!(failure.to_string().contains("ssh://****@far"), "{failure}");
    }

    #[test]
    fn an_image_that_cannot_be_had_says_what_to_correct() {
        let pull = |reason| LaunchError::ImagePull { image: text(), reason };
        let kind = |word| ("image-pull", Code::Mendable, word);
        let inputs = |word| ("image-inputs", Code::Usage, word);
        check(vec![
            (
                LaunchError::ImageMissing { image: text() },
                ("image-missing", Code::Mendable, "pull or build"),
            ),
            (pull(PullRefusal::NotFound(text())), kind("spelt right")),
            (pull(PullRefusal::Login(text())), kind("docker login")),
            (pull(PullRefusal::Unreachable(text())), kind("registry's name")),
            (pull(PullRefusal::Platform(text())), kind("`platform`")),
            (pull(PullRefusal::Other(text())), kind("")),
            (
                LaunchError::ImageBuild { image: text(), step: None, output: Vec::new() },
                ("image-build", Code::Mendable, "Dockerfile"),
            ),
            (
                LaunchError::ImageBuilds { image: text(), services: [text(), text()] },
                inputs("another `image`"),
            ),
            (LaunchError::ContextMissing { path: "x".into() }, inputs("build.context")),
            (LaunchError::DockerfileMissing { path: "x".into() }, inputs("build.dockerfile")),
            (
                LaunchError::NoPython { image: text(), tried: vec![text()] },
                ("no-interpreter", Code::Mendable, "slim Python images"),
            ),
        ]);
    }

    #[test]
    fn programs_and_logins_of_the_user_say_what_to_install_or_do() {
        check(vec![
            (
                LaunchError::Client { program: "docker".into(), source: cause() },
                ("client", Code::Usage, "PATH"),
            ),
            (
                LaunchError::RegistryLogin { registry: text(), reason: text() },
                ("registry-login", Code::Mendable, "docker login"),
            ),
            (
                LaunchError::ComposeCall { command: text(), source: cause() },
                ("no-compose", Code::Usage, "Compose plugin"),
            ),
            (
                LaunchError::ComposeFailed { command: text(), status: text(), output: text() },
                ("compose", Code::Mendable, "compose file"),
            ),
            (
                LaunchError::Binary { path: "x".into(), reason: text() },
                ("binary", Code::Usage, "statically"),
            ),
            (
                LaunchError::Left { image: text(), path: text(), reason: text() },
                ("launch", Code::Mendable, "look at the source"),
            ),
            (
                LaunchError::Architecture { path: "x".into(), binary: text(), engine: text() },
                ("binary", Code::Usage, "the engine's machine"),
            ),
            (
                LaunchError::BinaryVersion { path: "x".into(), version: "1" },
                ("binary", Code::Usage, "of this version"),
            ),
        ]);
    }

    #[test]
    fn volumes_and_environments_say_which_flag_chooses_another() {
        let usage = |word| ("usage", Code::Usage, word);
        let layout = |word| ("layout", Code::Usage, word);
        let none = LaunchError::NoEnvironment {
            root: "x".into(),
            project: None,
            env: text(),
            waited: Duration::ZERO,
        };
        check(vec![
            (
                LaunchError::VolumeLayout { volume: text(), found: text(), expected: text() },
                layout("--volume"),
            ),
            (LaunchError::VolumeForeign { volume: text() }, layout("--volume")),
            (LaunchError::VolumeName { name: text() }, usage("")),
            (none, ("no-environment", Code::Mendable, "pyfast sync")),
            (
                LaunchError::SeveralProjects { root: "x".into(), projects: vec![text()] },
                usage("PYFAST_PROJECT_NAME"),
            ),
            (LaunchError::SignalName { name: text() }, usage("TERM")),
            (LaunchError::NoCommand, usage("")),
        ]);
    }

    #[test]
    fn what_the_message_alone_explains_has_no_hint() {
        let compose = ComposeError::Read { source: cause() };
        let launch = ("launch", Code::Mendable, "");
        check(vec![
            (LaunchError::Compose(compose), ("compose-file", Code::Usage, "")),
            (
                LaunchError::DependencyCycle { cycle: vec![text()] },
                ("compose-file", Code::Usage, ""),
            ),
            (LaunchError::Io { act: "read", source: cause() }, launch),
            (LaunchError::TooLarge { path: text(), limit: 1 }, launch),
            (LaunchError::Interrupted { signal: 15 }, launch),
            (
                LaunchError::StartContainer {
                    container: text(),
                    reason: StartRefusal::Other { message: text() },
                },
                launch,
            ),
        ]);
    }
}
