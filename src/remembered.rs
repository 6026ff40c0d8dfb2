//! What the last sync of an environment was asked for, as words of a command line, so that `run` and a sync that asks for
//! nothing repeat it. Owns which arguments are words of a request; must not know where it is kept, nor how a sync goes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Parser, ValueEnum};
use pyfast_crew::remembered::{NotKept, Words, are_usual, described, shown};
use pyfast_settings::{Project, Python};

use crate::args::ResolveArgs;
use crate::commands::sync::{Args, Link};
use crate::settings::Settings;
use crate::ui::parse_words;

/// The words of a request, as `sync` reads them.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Request {
    #[command(flatten)]
    args: Args,
    #[arg(long)]
    python: Option<String>,
    #[arg(long)]
    image: Option<String>,
}

/// What the last sync of an environment was asked for.
pub(crate) struct Remembered(pub(crate) pyfast_crew::remembered::Remembered);

impl Remembered {
    /// What is known of the settings' environment.
    pub(crate) fn load(settings: &Settings) -> Self {
        Self(pyfast_crew::remembered::Remembered::load(settings))
    }

    /// The arguments and settings of a sync that was asked for `args`: what those leave open is as it was. A request
    /// that names what to install is a new one; Python, links and bytecode stay until they are named.
    pub(crate) fn complete(&self, args: &Args, settings: &Settings) -> (Args, Settings) {
        if self.0.names_something() {
            self.joined(args, settings)
        } else {
            (args.clone(), with(settings, settings.python.clone()))
        }
    }

    /// The arguments and settings of a sync that nobody typed: as the last one, and as variables say.
    pub(crate) fn repeated(&self, settings: &Settings) -> (Args, Settings) {
        self.joined(&Args::default(), settings)
    }

    fn joined(&self, args: &Args, settings: &Settings) -> (Args, Settings) {
        let asked = settings.python.clone();
        // A word that this program does not know any more is no reason to fail.
        let Some(mut earlier) = self.request(&settings.project) else {
            return (args.clone(), with(settings, asked));
        };
        if settings.compile_by_variable().is_some() {
            (earlier.args.compile, earlier.args.no_compile) = (false, false);
        }
        let python = match (&settings.flags.python, &settings.flags.image) {
            (None, None) => match (earlier.image, earlier.python) {
                (Some(image), _) => Python::Image(image),
                (None, Some(python)) => Python::Host(Some(python)),
                (None, None) => asked,
            },
            _ => asked,
        };
        (args.clone().over(earlier.args), with(settings, python))
    }

    /// What was typed last, read again; variables stand in for what was not.
    fn request(&self, project: &Project) -> Option<Request> {
        let words = self.0.words().into_iter().flatten().map(|word| shown(word, project));
        parse_words(words).ok()
    }

    /// Keeps a request that was carried out. What cannot be kept is only told.
    pub(crate) fn keep(self, args: &Args, settings: &Settings) {
        let told = match self.0.keep(words(args, settings), settings) {
            Ok(()) => return,
            Err(NotKept::Password) => "a request with a password is not remembered".to_owned(),
            Err(NotKept::Disk(error)) => format!("cannot remember what was asked for: {error}"),
        };
        settings.ui.detail(told);
    }

    /// Keeps that the environment was taken back to `id`.
    pub(crate) fn keep_rollback(self, id: &str, settings: &Settings) {
        if let Err(error) = self.0.keep_rollback(id, settings) {
            settings.ui.detail(format!("cannot remember what was asked for: {error}"));
        }
    }

    /// Whether the files are those that the environment is made of anyway.
    pub(crate) fn is_of(&self, files: &[PathBuf], settings: &Settings) -> bool {
        let kept = self.request(&settings.project).map(|one| one.args.resolve.requirements);
        are_usual(files, &kept.unwrap_or_default(), settings)
    }

    /// A script, where it has an environment of its own: the project's is not made from it.
    pub(crate) fn alone<'a>(&self, script: &'a Path, settings: &Settings) -> Option<&'a Path> {
        (!self.is_of(&[script.to_owned()], settings)).then_some(script)
    }

    /// What a reader should know of a request beside what was typed: that it is an earlier one, or takes the place of
    /// one.
    pub(crate) fn note(
        &self,
        typed: &[OsString],
        asked: &[OsString],
        project: &Project,
    ) -> Option<String> {
        let before = self.0.words()?;
        if typed != asked {
            return Some(format!("As last time: {}", described(asked, project)));
        }
        (asked != before).then(|| {
            format!("Another request than last time, which was {}", described(before, project))
        })
    }
}

/// The same settings for another interpreter.
fn with(settings: &Settings, python: Python) -> Settings {
    settings.of_environment(&settings.env, settings.root.clone(), python)
}

/// A request as it would be typed. What asks once (upgrading, verifying, composing anew) is no part of it.
pub(crate) fn words(args: &Args, settings: &Settings) -> Vec<OsString> {
    let Args {
        result: _,
        resolve,
        locked: _,
        frozen: _,
        dry_run: _,
        link_mode,
        compile,
        no_compile,
        reinstall: _,
        verify: _,
        push: _,
        strict,
    } = args;
    let mut words = Words::of(&settings.project);
    resolving(&mut words, resolve);
    if let Some(mode) = link_mode.filter(|mode| *mode != Link::Auto) {
        choice(&mut words, "link-mode", &mode);
    }
    words.flag("compile", *compile);
    words.flag("no-compile", *no_compile);
    words.flag("strict", *strict);
    match (&settings.flags.image, &settings.flags.python, &settings.python) {
        (Some(image), ..) => words.value("image", image),
        (None, Some(python), _) if python != "image" => words.value("python", python),
        // As it was remembered; what is configured needs no word.
        (None, None, python) if settings.usual_python().ok().as_ref() != Some(python) => {
            match python {
                Python::Image(image) => words.value("image", image),
                Python::Host(python) => words.values("python", python),
                // Only a file says so.
                Python::Managed(_) => {}
            }
        }
        _ => {}
    }
    words.finish()
}

fn resolving(words: &mut Words<'_>, args: &ResolveArgs) {
    let ResolveArgs {
        requirements,
        extra,
        all_extras,
        group,
        only_group,
        constraints,
        overrides,
        prerelease,
        resolution,
        exclude_newer,
        require_hashes,
        upgrade: _,
        upgrade_package: _,
        exclude_dependency,
        no_deps,
        no_build,
        only_binary,
        no_binary,
        config_settings,
        build_constraints,
        no_build_isolation,
        concurrent_builds: _,
    } = args;
    words.files("requirements", requirements);
    words.values("extra", extra);
    words.flag("all-extras", *all_extras);
    words.groups("group", group);
    words.groups("only-group", only_group);
    words.files("constraints", constraints);
    words.files("override", overrides);
    if let Some(mode) = prerelease {
        choice(words, "prerelease", mode);
    }
    if let Some(mode) = resolution {
        choice(words, "resolution", mode);
    }
    words.values("exclude-newer", exclude_newer);
    words.flag("require-hashes", *require_hashes);
    words.values("exclude-dependency", exclude_dependency);
    words.flag("no-deps", *no_deps);
    words.flag("no-build", *no_build);
    words.values("only-binary", only_binary);
    words.values("no-binary", no_binary);
    words.values("config-settings", config_settings);
    words.files("build-constraint", build_constraints);
    words.flag("no-build-isolation", *no_build_isolation);
}

fn choice(words: &mut Words<'_>, name: &str, choice: &impl ValueEnum) {
    words.values(name, choice.to_possible_value().iter().map(PossibleValue::get_name));
}
