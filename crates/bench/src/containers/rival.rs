//! The same service the usual way: an image with the dependencies in it, built with uv, and containers made anew by Compose.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::answer::Door;
use super::calls::Calls;
use super::project::{Cleanup, LABEL, MOUNTS, Project, free_port, said, service};
use super::{own_name, write};
use crate::error::Error;
use crate::files;
use crate::stage::work;

/// The project.
pub(crate) struct Rival<'a> {
    directory: PathBuf,
    door: Door,
    /// Whether uv's cache outlives a build.
    cached: bool,
    made: &'a Project<'a>,
    calls: &'a Calls,
    _cleanup: Cleanup<'a>,
}

/// Whether a URL names who asks. One that cannot be read is taken for such.
fn has_credentials(url: &str) -> bool {
    url::Url::parse(url).map_or(true, |url| !url.username().is_empty() || url.password().is_some())
}

impl<'a> Rival<'a> {
    /// Writes the project beside the one of pyfast.
    pub(crate) fn make(
        made: &'a Project<'a>,
        uv: &Path,
        calls: &'a Calls,
        index_url: Option<&str>,
    ) -> Result<Self, Error> {
        if index_url.is_some_and(has_credentials) {
            return Err(Error::IndexSecret);
        }
        let directory = made.directory.with_file_name("image");
        work("make the directories", fs_err::create_dir_all(directory.join("app")))?;
        let (door, tag, cached) = (
            Door { port: free_port()?, ready: said(&directory)? },
            own_name("image"),
            calls.has_buildkit(),
        );
        let app = made.directory.join("app/main.py");
        work("write a project's file", fs_err::copy(app, directory.join("app/main.py")))?;
        work("copy uv", fs_err::copy(uv, directory.join("uv")))?;
        work("copy the wheels", files::copy(&made.wheels, &directory.join("wheels")))?;
        let image = &made.image;
        let index = match index_url {
            _ if made.is_alone() => " --no-index".to_owned(),
            Some(url) => format!(" --index-url '{url}'"),
            None => String::new(),
        };
        write(&directory.join("Dockerfile"), &dockerfile(image, &tag, &index, cached))?;
        // The build has to reach what pyfast reaches from this machine.
        let network = calls.variable("PYFAST_HELPER_NETWORK").map(|name| name.to_string_lossy());
        let network = network.map(|name| format!(", network: {name:?}")).unwrap_or_default();
        let source = format!("image: {tag}\n    build: {{context: .{network}}}");
        let compose = service(&source, "/venv/bin/python", &MOUNTS, door.port);
        write(&directory.join("compose.yaml"), &compose)?;
        let project = own_name("rival");
        write(&directory.join(".env"), &format!("COMPOSE_PROJECT_NAME={project}\n"))?;
        let cleanup = Cleanup { calls, project, volume: None, image: Some(tag) };
        Ok(Self { directory, door, cached, made, calls, _cleanup: cleanup })
    }

    /// Asks for a version of the package.
    pub(crate) fn edit(&self, number: u32) -> Result<(), Error> {
        write(&self.directory.join("requirements.txt"), &self.made.requirements(number))
    }

    /// Builds the image and makes the container anew.
    pub(crate) fn rebuild(&self) -> Result<(), Error> {
        self.calls.compose(&self.directory, &["up", "-d", "--build"]).map(drop)
    }

    /// Seconds from an edit to the answer.
    pub(crate) fn edited(&self, number: u32) -> Result<f64, Error> {
        self.edit(number)?;
        let begun = Instant::now();
        self.rebuild()?;
        self.door.wait(self.calls, number, || Ok(()))?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Seconds that Compose takes when nothing is to be done.
    pub(crate) fn timed_up(&self) -> Result<f64, Error> {
        Calls::timed(|| self.calls.compose(&self.directory, &["up", "-d"]))
    }

    /// Seconds from no containers to the answer.
    pub(crate) fn started(&self, number: u32) -> Result<f64, Error> {
        self.calls.compose(&self.directory, &["down"])?;
        self.door.forget()?;
        Calls::timed(|| {
            self.calls.compose(&self.directory, &["up", "-d"])?;
            self.door.wait(self.calls, number, || Ok(()))
        })
    }

    /// What a reader must know of the builds.
    pub(crate) fn note(&self) -> &'static str {
        if self.cached {
            "Images are built by BuildKit with a cache mount for uv, which keeps downloads from build to build."
        } else {
            "Images are built by the classic builder, which has no cache mounts: uv downloads everything again in each build."
        }
    }
}

fn dockerfile(image: &str, tag: &str, index: &str, cached: bool) -> String {
    let mount = if cached { "--mount=type=cache,target=/root/.cache/uv " } else { "" };
    let cache = if cached { " --link-mode copy" } else { " --no-cache" };
    format!(
        "FROM {image}\nLABEL {LABEL}={tag}\nCOPY uv /usr/local/bin/uv\nRUN uv venv --no-cache /venv\nCOPY wheels /wheels\nCOPY requirements.txt /requirements.txt\n\
         RUN {mount}uv pip install --python /venv/bin/python{cache}{index} --find-links /wheels -r /requirements.txt\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_keeps_downloads_where_the_builder_can() {
        let index = " --index-url 'http://127.0.0.1/simple/'";
        insta::assert_snapshot!(dockerfile("python:3.11-slim", "tag", index, true), @r"
        FROM python:3.11-slim
        LABEL io.pyfast.bench=tag
        COPY uv /usr/local/bin/uv
        RUN uv venv --no-cache /venv
        COPY wheels /wheels
        COPY requirements.txt /requirements.txt
        RUN --mount=type=cache,target=/root/.cache/uv uv pip install --python /venv/bin/python --link-mode copy --index-url 'http://127.0.0.1/simple/' --find-links /wheels -r /requirements.txt
        ");
        insta::assert_snapshot!(dockerfile("python:3.11-slim", "tag", "", false), @r"
        FROM python:3.11-slim
        LABEL io.pyfast.bench=tag
        COPY uv /usr/local/bin/uv
        RUN uv venv --no-cache /venv
        COPY wheels /wheels
        COPY requirements.txt /requirements.txt
        RUN uv pip install --python /venv/bin/python --no-cache --find-links /wheels -r /requirements.txt
        ");
    }
}
