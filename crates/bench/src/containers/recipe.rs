//! An image with the dependencies in it, the usual way: what a build with uv takes. Knows neither who builds nor what is done with
//! the image.

use std::path::Path;

use super::asked::Asked;
use super::project::LABEL;
use super::write;
use crate::error::Error;
use crate::files;
use crate::stage::work;

/// The uv that installs in a build.
#[derive(Clone, Copy)]
pub(crate) struct Uv<'a> {
    pub(crate) program: &'a Path,
    /// `None` leaves it its own default.
    pub(crate) index_url: Option<&'a str>,
    /// Whether its cache outlives a build.
    pub(crate) cached: bool,
}

/// Whether a URL names who asks. One that cannot be read is taken for such.
fn has_credentials(url: &str) -> bool {
    url::Url::parse(url).map_or(true, |url| !url.username().is_empty() || url.password().is_some())
}

/// Writes all that a build takes but the requirements.
///
/// # Errors
/// When the URL of the index has credentials, or it cannot be written.
pub(crate) fn write_context(
    directory: &Path,
    asked: &Asked,
    uv: &Uv,
    tag: &str,
) -> Result<(), Error> {
    if uv.index_url.is_some_and(has_credentials) {
        return Err(Error::IndexSecret);
    }
    work("copy uv", fs_err::copy(uv.program, directory.join("uv")))?;
    work("copy the wheels", files::copy(&asked.wheels, &directory.join("wheels")))?;
    let index = match uv.index_url {
        _ if asked.is_alone() => " --no-index".to_owned(),
        Some(url) => format!(" --index-url '{url}'"),
        None => String::new(),
    };
    write(&directory.join("Dockerfile"), &dockerfile(&asked.image, tag, &index, uv.cached))
}

/// What a reader must know of the builds.
pub(crate) fn note(cached: bool) -> &'static str {
    if cached {
        "Images are built by BuildKit with a cache mount for uv, which keeps downloads from build to build."
    } else {
        "Images are built by the classic builder, which has no cache mounts: uv downloads everything again in each build."
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
