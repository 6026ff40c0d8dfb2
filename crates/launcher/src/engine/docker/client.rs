//! Building by the user's own client. Owns its command line, and what its output says about a failure; must not know
//! what the image is for.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use super::super::images::{BuildRequest, ImageProgress};
use crate::build_context::{BuildContext, is_remote};
use crate::engine::host::{CLIENT_VARIABLES, Host};
use crate::error::Error;

/// How many of a builder's last lines are kept for a failure.
const LINES: usize = 20;

/// The end of a builder's output, and the step at which it is.
#[derive(Debug, Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    step: Option<String>,
}

impl Tail {
    pub(super) fn line(&mut self, line: &str) {
        if let Some(step) = step(line) {
            self.step = Some(step.to_owned());
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.trim_end().to_owned());
    }

    fn contains(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }

    pub(super) fn failure(self, image: &str) -> Error {
        Error::ImageBuild {
            image: image.into(),
            step: self.step,
            output: self.lines.into_iter().collect(),
        }
    }
}

/// `Step 2/5 : RUN x` of the classic builder, `STEP 2/5: RUN x` of Podman, `#7 [stage 2/5] RUN x` of `BuildKit`.
fn step(line: &str) -> Option<&str> {
    let classic = line.strip_prefix("Step ").filter(|rest| rest.contains(" : "));
    let podman = || {
        let rest = line.strip_prefix("STEP ")?;
        let (place, _) = rest.split_once(": ")?;
        let is_place = place.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
        is_place.then_some(rest)
    };
    let buildkit = || {
        let (number, rest) = line.strip_prefix('#')?.split_once(' ')?;
        let is_step = number.bytes().all(|byte| byte.is_ascii_digit())
            && rest.starts_with('[')
            && rest.split_once(']').is_some_and(|(place, _)| place.contains('/'));
        is_step.then_some(rest)
    };
    classic.or_else(podman).or_else(buildkit)
}

/// The client's environment, for this kind of engine. Podman builds by itself and has no `BuildKit`: a client with buildx
/// would fetch an image that has it, and leave what it built in there. Whoever chose a builder means it.
pub(super) fn for_engine(
    environment: &BTreeMap<String, String>,
    podman: bool,
) -> Cow<'_, BTreeMap<String, String>> {
    let chosen = ["DOCKER_BUILDKIT", "BUILDX_BUILDER"];
    if !podman || chosen.iter().any(|&name| environment.contains_key(name)) {
        return Cow::Borrowed(environment);
    }
    let mut environment = environment.clone();
    environment.insert(chosen[0].to_owned(), "0".to_owned());
    Cow::Owned(environment)
}

pub(super) async fn build_with_client(
    program: &Path,
    environment: &BTreeMap<String, String>,
    host: &Host,
    request: &BuildRequest<'_>,
    progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
) -> Result<(), Error> {
    let inline = if is_remote(&request.build.context) {
        None
    } else {
        let source = BuildContext::open(request.build)?;
        source.path.is_none().then_some(source.dockerfile)
    };
    let arguments = arguments(request);
    let mut command = Command::new(program);
    command.args(&arguments).env_clear().envs(environment);
    // The client must build where the images are looked for, whatever it would have chosen itself.
    for name in CLIENT_VARIABLES {
        command.env_remove(name);
    }
    command.envs(host.client_environment());
    // By the environment and not by the command line, which every user of the machine can read.
    command.envs(request.arguments);
    let run =
        async |command: &mut Command| run(command, program, inline.as_deref(), progress).await;
    let Some(tail) = run(&mut command).await? else { return Ok(()) };
    // Newer clients have BuildKit in a plugin of its own, and refuse without it when it is asked for.
    if tail.contains("buildx component is missing") {
        command.env("DOCKER_BUILDKIT", "0");
        return match run(&mut command).await? {
            None => Ok(()),
            Some(tail) => Err(tail.failure(request.image)),
        };
    }
    Err(tail.failure(request.image))
}

fn arguments(request: &BuildRequest<'_>) -> Vec<OsString> {
    let build = request.build;
    let mut arguments: Vec<OsString> = vec!["build".into(), "--tag".into(), request.image.into()];
    let mut add = |flag: &str, value: &str| {
        arguments.push(flag.into());
        arguments.push(value.into());
    };
    for (name, value) in &build.labels {
        add("--label", &format!("{name}={value}"));
    }
    for (name, value) in request.labels {
        add("--label", &format!("{name}={value}"));
    }
    for name in request.arguments.keys() {
        add("--build-arg", name);
    }
    for image in &build.cache_from {
        add("--cache-from", image);
    }
    let optional = [
        ("--target", build.target.as_deref()),
        ("--platform", request.platform),
        ("--network", build.network.as_deref()),
    ];
    for (flag, value) in optional {
        if let Some(value) = value {
            add(flag, value);
        }
    }
    if build.dockerfile_inline.is_some() {
        add("--file", "-");
    } else if let Some(file) = &build.dockerfile {
        if is_remote(&build.context) {
            add("--file", file);
        } else {
            add("--file", &Path::new(&build.context).join(file).to_string_lossy());
        }
    }
    arguments.push("--".into());
    arguments.push(build.context.as_str().into());
    arguments
}

/// Runs the client; the end of its output when it failed.
async fn run(
    command: &mut Command,
    program: &Path,
    inline: Option<&str>,
    progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
) -> Result<Option<Tail>, Error> {
    let failed = |source| Error::Client { program: program.to_owned(), source };
    command.stdin(if inline.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let tail = std::sync::Mutex::new(Tail::default());
    let each = |line: &str| {
        tail.lock().unwrap_or_else(std::sync::PoisonError::into_inner).line(line);
        progress(ImageProgress::Line(line));
    };
    let input = async {
        if let (Some(text), Some(mut stdin)) = (inline, child.stdin.take()) {
            // A client that does not read it says why it failed.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
    };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ((), out, err) = tokio::join!(input, lines(stdout, &each), lines(stderr, &each));
    out.and(err).map_err(failed)?;
    let status = child.wait().await.map_err(failed)?;
    let tail = tail.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok((!status.success()).then_some(tail))
}

async fn lines(
    pipe: Option<impl AsyncRead + Unpin>,
    each: &(dyn Fn(&str) + Send + Sync),
) -> std::io::Result<()> {
    let Some(pipe) = pipe else { return Ok(()) };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if !text.is_empty() {
            each(text);
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_name_the_step_that_failed() {
        assert_eq!(step("Step 2/5 : RUN false"), Some("2/5 : RUN false"));
        assert_eq!(step("STEP 2/5: RUN false"), Some("2/5: RUN false"));
        assert_eq!(step("STEP by STEP: noise"), None);
        assert_eq!(step("#7 [build 2/5] RUN false"), Some("[build 2/5] RUN false"));
        assert_eq!(step("#7 0.123 [1/2] noise"), None);
        assert_eq!(step("Step by step"), None);
        assert_eq!(step("#1 [internal] load build definition"), None);
    }

    #[test]
    fn podman_builds_without_buildkit_unless_a_builder_was_chosen() {
        let variables = |of: &[(&str, &str)]| {
            let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
            [("PATH", "/bin")].iter().chain(of).map(own).collect::<BTreeMap<_, _>>()
        };
        let none = variables(&[]);
        assert_eq!(*for_engine(&none, true), variables(&[("DOCKER_BUILDKIT", "0")]));
        assert_eq!(*for_engine(&none, false), none);
        for chosen in [("DOCKER_BUILDKIT", "1"), ("BUILDX_BUILDER", "mine")] {
            assert_eq!(*for_engine(&variables(&[chosen]), true), variables(&[chosen]));
        }
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = Tail::default();
        for number in 0..50 {
            tail.line(&format!("line {number}"));
        }
        let Error::ImageBuild { output, step, .. } = tail.failure("x") else { panic!() };
        assert_eq!((output.len(), output[0].as_str(), step), (LINES, "line 30", None));
    }
}
