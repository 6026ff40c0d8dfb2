//! What a Dockerfile says of Python: the image it starts from, whether it runs Python, which requirements files it
//! installs, what it copies. Owns the reading; must not know projects nor the file system.
//!
//! Source: <https://docs.docker.com/reference/dockerfile/>

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::is_requirements;
use crate::dockerfile::shell::{commands, expand, programs};
use crate::dockerfile::{Instruction, instructions, stage_named};

/// What was read of a Dockerfile for one target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// The image that the target stage starts from in the end.
    pub(super) base: String,
    /// The first program of Python's that the target stage runs.
    pub(super) runs: Option<String>,
    /// Requirements files that are installed, as written (often paths in the container).
    pub(super) requirements: Vec<String>,
    /// Constraints files that are used, as written.
    pub(super) constraints: Vec<String>,
    /// Whether the project itself is installed, with what its project file states.
    pub(super) project: bool,
    /// What is copied from the context.
    pub(super) copies: Vec<Copied>,
}

/// Files that are copied from the context, or mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    /// Paths in the context, as written.
    pub(super) sources: Vec<String>,
    /// The place in the image.
    pub(super) destination: String,
}

#[derive(Debug)]
struct Stage {
    name: String,
    base: String,
    instructions: Vec<Instruction>,
}

/// Reads a Dockerfile. `arguments` are those of the build, `target` is the stage that is built.
pub(super) fn read(
    text: &str,
    arguments: &BTreeMap<String, Option<String>>,
    target: Option<&str>,
) -> Reading {
    let stages = stages(text, arguments);
    let named = |before: usize, name: &str| {
        stage_named(stages[..before].iter().map(|stage| stage.name.as_str()), name)
    };
    let target = target.and_then(|target| named(stages.len(), target));
    let Some(target) = target.or(stages.len().checked_sub(1)) else { return Reading::default() };
    let chain = chain(&stages, target);
    let mut reading = Reading {
        base: chain.last().map(|at| stages[*at].base.clone()).unwrap_or_default(),
        runs: chain.iter().find_map(|at| runs_python(&stages[*at])),
        ..Reading::default()
    };
    // Stages from which files are copied install as well: into what is copied.
    let mut wanted: BTreeSet<usize> = chain.into_iter().collect();
    let mut open: Vec<usize> = wanted.iter().copied().collect();
    while let Some(at) = open.pop() {
        let from = stages[at].instructions.iter().filter_map(copied_from);
        let next =
            from.filter_map(|name| named(at, &name)).flat_map(|other| self::chain(&stages, other));
        open.extend(next.filter(|other| wanted.insert(*other)).collect::<Vec<_>>());
    }
    for at in wanted {
        for instruction in &stages[at].instructions {
            reading.note(instruction);
        }
    }
    reading
}

/// A stage and those that it starts from, itself first.
fn chain(stages: &[Stage], from: usize) -> Vec<usize> {
    let mut chain = vec![from];
    let mut at = from;
    // A stage can only start from an earlier one.
    while let Some(base) = stages[..at].iter().rposition(|stage| {
        !stage.name.is_empty() && stage.name.eq_ignore_ascii_case(&stages[at].base)
    }) {
        chain.push(base);
        at = base;
    }
    chain
}

fn stages(text: &str, arguments: &BTreeMap<String, Option<String>>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for mut one in instructions(text) {
        let known = |name: &str| values.get(name).cloned();
        let rest = &one.rest;
        match one.word.as_str() {
            "ARG" => {
                let (name, default) = rest.split_once('=').unwrap_or((rest.as_str(), ""));
                let given = arguments.get(name).cloned().flatten();
                let default = expand(default.trim().trim_matches(['"', '\'']), &known);
                // Inside a stage, `ARG NAME` takes over what stands before the first one.
                let value = given.or_else(|| Some(default).filter(|value| !value.is_empty()));
                values.extend(value.map(|value| (name.trim().to_owned(), value)));
            }
            "FROM" => {
                let rest = expand(rest, &known);
                let mut words = rest.split_whitespace();
                let base = words.next().unwrap_or_default().to_owned();
                let name = words.nth(1).unwrap_or_default().to_owned();
                stages.push(Stage { name, base, instructions: Vec::new() });
            }
            _ => {
                one.rest = expand(rest, &known);
                one.flags = one.flags.iter().map(|flag| expand(flag, &known)).collect();
                if let Some(stage) = stages.last_mut() {
                    stage.instructions.push(one);
                }
            }
        }
    }
    stages
}

/// The words of an instruction: a JSON array, or as a shell splits them.
fn words(rest: &str) -> Vec<Vec<String>> {
    match serde_json::from_str::<Vec<String>>(rest) {
        Ok(words) => vec![words],
        Err(_not_json) => commands(rest),
    }
}

/// The stage from which an instruction copies or mounts.
fn copied_from(instruction: &Instruction) -> Option<String> {
    match instruction.word.as_str() {
        "COPY" => instruction.flag("from").map(str::to_owned),
        "RUN" => instruction.mounts().iter_mut().find_map(|mount| mount.remove("from")),
        _ => None,
    }
}

fn runs_python(stage: &Stage) -> Option<String> {
    let run = stage
        .instructions
        .iter()
        .filter(|one| matches!(one.word.as_str(), "RUN" | "CMD" | "ENTRYPOINT"));
    run.flat_map(run_words).find_map(|words| python_program(&words))
}

/// The commands that an instruction runs: those of its here-documents, or its own.
fn run_words(instruction: &Instruction) -> Vec<Vec<String>> {
    let documents = &instruction.documents;
    if documents.is_empty() { words(&instruction.rest) } else { commands(&documents.join("\n")) }
}

/// The program of Python's that a command line runs.
pub(super) fn python_program(words: &[String]) -> Option<String> {
    programs(words).into_iter().map(|mut words| words.swap_remove(0)).find(|name| is_python(name))
}

/// Programs that only a Python has.
fn is_python(name: &str) -> bool {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(
        bare,
        "python"
            | "pypy"
            | "pip"
            | "uv"
            | "uvx"
            | "uvicorn"
            | "gunicorn"
            | "hypercorn"
            | "celery"
            | "flask"
            | "django-admin"
            | "streamlit"
            | "alembic"
            | "poetry"
            | "pipenv"
            | "pyfast"
    )
}

/// Whether an image's name says that Python is in it: `python:3.12-slim`, `…/uv:python3.12-alpine`.
pub(super) fn is_python_image(image: &str) -> bool {
    let last = image.split('@').next().and_then(|name| name.rsplit('/').next());
    last.is_some_and(|name| name.contains("python") || name.starts_with("pypy"))
}

impl Reading {
    fn note(&mut self, instruction: &Instruction) {
        match instruction.word.as_str() {
            "COPY" | "ADD" if instruction.flag("from").is_none() => {
                if !instruction.documents.is_empty() {
                    return;
                }
                let mut sources: Vec<String> =
                    words(&instruction.rest).into_iter().flatten().collect();
                if let Some(destination) = sources.pop() {
                    self.copies.push(Copied { sources, destination });
                }
            }
            "RUN" => {
                self.copies.extend(instruction.mounts().into_iter().filter_map(bound));
                for words in run_words(instruction).iter().flat_map(|words| programs(words)) {
                    self.installs(&words);
                }
            }
            _ => {}
        }
    }

    /// Notes the files that a call of an installer names.
    fn installs(&mut self, words: &[String]) {
        let Some((program, arguments)) = words.split_first() else { return };
        let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let module = bare == "python" && arguments.iter().any(|word| word == "pip" || word == "uv");
        if !module && !matches!(bare, "pip" | "uv" | "pyfast" | "pip-sync" | "poetry" | "pdm") {
            return;
        }
        self.project |= installs_project(bare, arguments);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let (list, value) =
                if let Some(value) = option(word, &["-r", "--requirements", "--requirement"]) {
                    (&mut self.requirements, value)
                } else if let Some(value) = option(word, &["-c", "--constraints", "--constraint"]) {
                    (&mut self.constraints, value)
                } else {
                    continue;
                };
            let value =
                if value.is_empty() { words.next().cloned() } else { Some(value.to_owned()) };
            list.extend(value.filter(|value| !value.contains("://")));
        }
        if bare == "pip-sync" || arguments.iter().any(|word| word == "sync") {
            let files = arguments.iter().filter(|word| is_requirements(Path::new(word)));
            self.requirements.extend(files.cloned());
        }
        for list in [&mut self.requirements, &mut self.constraints] {
            let mut seen = BTreeSet::new();
            list.retain(|value| seen.insert(value.clone()));
        }
    }
}

/// Whether a call of an installer installs the project in whose directory it runs: `uv sync`, `pip install -e .[web]`.
fn installs_project(program: &str, arguments: &[String]) -> bool {
    let does = |act: &str| arguments.iter().any(|word| word == act);
    let here = arguments.iter().any(|word| {
        let word = word.strip_prefix("-e").unwrap_or(word).trim_start_matches("./");
        word == "." || word.starts_with(".[") || word == "./"
    });
    match program {
        "uv" if arguments.first().is_some_and(|word| word == "sync") => true,
        "poetry" | "pdm" => does("install") || does("sync"),
        _ => does("install") && here,
    }
}

/// The value of an option: `-rFILE`, `--requirement=FILE`; empty when it is the next word.
fn option<'a>(word: &'a str, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let value = word.strip_prefix(name)?;
        let long = name.starts_with("--");
        let joined = if long { value.strip_prefix('=') } else { Some(value) };
        if value.is_empty() { Some("") } else { joined }
    })
}

fn bound(mut fields: BTreeMap<String, String>) -> Option<Copied> {
    if fields.get("type").map(String::as_str) != Some("bind") || fields.contains_key("from") {
        return None;
    }
    let mut field = |names: [&str; 3]| names.iter().find_map(|name| fields.remove(*name));
    let source = field(["source", "src", "source"])?;
    let destination = field(["target", "dst", "destination"])?;
    Some(Copied { sources: vec![source], destination })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str) -> Reading {
        read(text, &BTreeMap::new(), None)
    }

    #[test]
    fn the_base_is_that_of_the_last_stage_with_arguments_replaced() {
        let text = "ARG V=3.11\nFROM python:${V}-slim AS base\nFROM base AS dev\nFROM --platform=linux/amd64 base\n";
        assert_eq!(reading(text).base, "python:3.11-slim");
        let given = BTreeMap::from([("V".to_owned(), Some("3.13".to_owned()))]);
        assert_eq!(read(text, &given, Some("DEV")).base, "python:3.13-slim");
    }

    #[test]
    fn only_the_target_stage_says_whether_python_runs() {
        let text = "FROM python:3 AS docs\nRUN pip install mkdocs\nFROM nginx\nCOPY --from=docs /site /www\n";
        let last = reading(text);
        assert_eq!((last.base.as_str(), last.runs), ("nginx", None));
        assert_eq!(read(text, &BTreeMap::new(), Some("docs")).runs.as_deref(), Some("pip"));
        assert_eq!(reading("FROM node\nRUN apt-get install -y python3 make\n").runs, None);
        assert_eq!(
            reading("FROM x\nCMD [\"python3\", \"-m\", \"app\"]").runs.as_deref(),
            Some("python3")
        );
    }

    #[test]
    fn of_stages_with_one_name_the_last_that_is_there_counts() {
        let text = "FROM nginx AS app\nFROM python:3 AS app\nFROM app\n";
        assert_eq!(reading(text).base, "python:3");
        assert_eq!(read(text, &BTreeMap::new(), Some("APP")).base, "python:3");
        assert_eq!(read(text, &BTreeMap::new(), Some("0")).base, "nginx");
        let lent =
            "FROM x AS a\nRUN pip install -r a.txt\nFROM y AS b\nCOPY --from=a / /\nFROM z AS a\n";
        assert_eq!(read(lent, &BTreeMap::new(), Some("b")).requirements, ["a.txt"]);
    }

    fn check_installs(run: &str, requirements: &[&str], constraints: &[&str]) {
        let reading = reading(&format!("FROM x\n{run}\n"));
        assert_eq!(reading.requirements, requirements, "{run}");
        assert_eq!(reading.constraints, constraints, "{run}");
    }

    #[test]
    fn installed_files_are_found_in_all_forms() {
        check_installs("RUN pip install -r a.txt -cb.txt", &["a.txt"], &["b.txt"]);
        check_installs(
            "RUN --mount=type=cache,target=/c set -e && \\\n # why\n  uv pip install --requirement=/t/a.txt",
            &["/t/a.txt"],
            &[],
        );
        check_installs(
            "RUN [\"python3\", \"-m\", \"pip\", \"install\", \"--requirement\", \"a.txt\"]",
            &["a.txt"],
            &[],
        );
        check_installs(
            "RUN <<EOF\npip3 install -r a.txt\npip3 install -r b.txt -r a.txt\nEOF\nRUN true",
            &["a.txt", "b.txt"],
            &[],
        );
        check_installs("RUN uv pip sync a/requirements.txt", &["a/requirements.txt"], &[]);
        check_installs("RUN npm install -r a.txt; pip install -r https://x/r.txt", &[], &[]);
    }

    #[test]
    fn copies_and_bind_mounts_of_the_context_are_found() {
        let text = "FROM x\nCOPY --chown=1 b/requirements.txt /tmp/r.txt\nCOPY --from=y /a /b\n\
                    RUN --mount=type=bind,source=c.txt,target=/c.txt true";
        let copied = |source: &str, destination: &str| Copied {
            sources: vec![source.to_owned()],
            destination: destination.to_owned(),
        };
        let expected = [copied("b/requirements.txt", "/tmp/r.txt"), copied("c.txt", "/c.txt")];
        assert_eq!(reading(text).copies, expected);
    }

    #[test]
    fn names_of_python_images_are_known() {
        for image in
            ["python", "python:3.12-slim", "host:5000/x/uv:python3.12-alpine", "a/python3@sha256:0"]
        {
            assert!(is_python_image(image), "{image}");
        }
        assert!(!is_python_image("pythonorg/redis:7") && !is_python_image("postgres:16"));
    }
}
