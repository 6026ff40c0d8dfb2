//! What to do about errors of the engine, images, volumes and Compose.

use pyfast_launcher::{Error as LaunchError, PullRefusal};

use super::{Code, Failure};

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        let (kind, code) = match &error {
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
            LaunchError::Binary { .. } | LaunchError::Architecture { .. } => {
                ("binary", Code::Usage)
            }
            _ => ("launch", Code::Mendable),
        };
        let mut failure = Self::from_error(kind, &error, code);
        failure.hints.extend(launch_hint(&error).map(str::to_owned));
        failure
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
