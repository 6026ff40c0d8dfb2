//! A program with its words, where it is called. Owns which program is whose; must not know what any of them does.

use super::options::{Options, Words};
use super::shell::{assignment, runs};
use super::start::{Start, UNKNOWN, file_name};
use super::{Around, Known, Started, Target, frameworks, python, servers, workers, wrappers};

/// Scripts that run scripts end somewhere.
const DEEPEST: usize = 8;

/// A call.
#[derive(Clone)]
pub(super) struct Call<'a> {
    /// The words behind the program's name.
    pub(super) args: &'a [String],
    /// Where.
    pub(super) start: Start,
    /// What is around.
    pub(super) around: &'a dyn Around,
    /// How many calls led here.
    pub(super) depth: usize,
    /// The program's name as it is shown.
    pub(super) words: &'a str,
}

/// What a program imports; `None` is unknown.
pub(super) type Found = Option<Vec<Started>>;

impl Call<'_> {
    /// What a command imports: its program's name and its words.
    pub(super) fn command(&self, words: &[String]) -> Found {
        let own = words.iter().take_while(|word| assignment(word).is_some()).count();
        let (assigned, words) = words.split_at(own);
        let (program, args) = words.split_first()?;
        if self.depth > DEEPEST || program.contains(UNKNOWN) {
            return None;
        }
        let mut start = self.start.clone();
        for (name, value) in assigned.iter().filter_map(|word| assignment(word)) {
            start.variables.insert(name.to_owned(), value.to_owned());
        }
        let name = file_name(program);
        let call = Call { args, start, depth: self.depth + 1, words: name, ..self.clone() };
        if let Some(inner) = wrappers::inner(name, &call) {
            return inner;
        }
        if python::is_interpreter(name) {
            return python::interpreter(&call);
        }
        if let Some(found) = call.known(name) {
            return found;
        }
        if program.contains('/') || self.is_file(program) {
            return call.script(program);
        }
        let call_of = self.around.console_script(program)?;
        Some(vec![call.entry(python::console_script(&call_of)?)])
    }

    /// What a program that is known here imports, by the name of its command or module.
    pub(super) fn known(&self, name: &str) -> Option<Found> {
        Some(match name {
            "uvicorn" => servers::uvicorn(self),
            "gunicorn" => servers::gunicorn(self),
            "hypercorn" => servers::hypercorn(self),
            "granian" => servers::granian(self),
            "daphne" => servers::daphne(self),
            "litestar" => servers::named(self, &["run"]),
            "sanic" => servers::named(self, &[]),
            "celery" => workers::celery(self),
            "dramatiq" => workers::dramatiq(self),
            "rq" => workers::rq(self),
            "taskiq" => servers::named(self, &["worker", "scheduler"]),
            "arq" => workers::arq(self),
            "huey_consumer" | "huey_consumer.py" => workers::huey(self),
            "flask" => frameworks::flask(self),
            "fastapi" => frameworks::fastapi(self),
            "django-admin" => frameworks::django(self),
            "alembic" => frameworks::alembic(self),
            "streamlit" => frameworks::streamlit(self),
            _ => return None,
        })
    }

    /// A file that is run by its path: what its first line says.
    fn script(&self, path: &str) -> Found {
        let text = self.text(path)?;
        let first = text.lines().next().unwrap_or_default();
        let interpreter = first.strip_prefix("#!").map(str::trim);
        let name = interpreter.and_then(|line| {
            let mut words = line.split_whitespace().filter(|word| !word.starts_with('-'));
            let program = file_name(words.next()?);
            if program == "env" { words.next() } else { Some(program) }
        });
        match name {
            Some(name) if python::is_interpreter(name) => python::script(self, path, self.args),
            Some("sh" | "bash" | "dash" | "ash" | "zsh") => {
                let stops = interpreter.is_some_and(|line| {
                    line.split_whitespace().any(|word| word.starts_with('-') && word.contains('e'))
                });
                let text = if stops { format!("set -e\n{text}") } else { text };
                Some(self.shell(&text, self.args))
            }
            _ => None,
        }
    }

    /// What a shell's text imports.
    pub(super) fn shell(&self, text: &str, arguments: &[String]) -> Vec<Started> {
        let mut found = Vec::new();
        for run in runs(text, arguments, &self.start, self.around) {
            let call = Call { start: run.start, ..self.clone() };
            for mut entry in call.command(&run.words).unwrap_or_default() {
                entry.needed &= run.needed;
                found.push(entry);
            }
        }
        found
    }

    /// The words behind the program's name, by its options.
    pub(super) fn read(&self, options: Options) -> Option<Words> {
        options.read(self.args)
    }

    /// An entry that is needed.
    pub(super) fn entry(&self, target: Target) -> Started {
        let shown = |word: &&String| !word.starts_with('-') && !word.contains(UNKNOWN);
        let word = match &target {
            Target::Module(module) => {
                let whole = format!("{}:", module.name);
                let word = self.args.iter().filter(shown);
                let mut word =
                    word.filter(|word| **word == module.name || word.starts_with(&whole));
                word.next().unwrap_or(&module.name).clone()
            }
            Target::Main(name) => name.clone(),
            Target::Script(path) => path.clone(),
            Target::Refused(_) => self.args.iter().find(shown).cloned().unwrap_or_default(),
        };
        let words = format!("{} {word}", self.words).trim().to_owned();
        Started {
            words,
            target,
            start: self.start.clone(),
            needed: true,
            is_first: false,
            lists: None,
        }
    }

    /// The same with a directory that comes first on the search path.
    #[must_use]
    pub(super) fn with_first(mut self, directory: &str) -> Self {
        self.start = self.start.with_first(directory);
        self
    }

    /// A file of the service, by its path from where this is called.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        if path.contains(UNKNOWN) {
            return None;
        }
        self.around.text(&self.start.path(path))
    }

    /// Whether a file is known to be there.
    pub(super) fn is_file(&self, path: &str) -> bool {
        self.text(path).is_some()
    }

    /// A variable, as it is here.
    pub(super) fn variable(&self, name: &str) -> Known {
        match self.start.variables.get(name) {
            Some(value) if value.contains(UNKNOWN) => Known::Unknown,
            Some(value) => Known::Value(value.clone()),
            None => self.around.variable(name),
        }
    }
}
