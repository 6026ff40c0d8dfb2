//! `pyfast complete`, which the scripts of `pyfast completions` call while somebody types. Owns which argument has which
//! names for values; says nothing where anything is wrong.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, Command, Parser};
use pyfast_crew::known::{self, Name};
use pyfast_settings::Variables;
use pyfast_stack::known::{profiles, services};
use pyfast_usage::completion::{Candidate, Line, Next, whole_words};

use crate::args::CommonArgs;
use crate::settings::Settings;
use crate::ui::{Ui, parse_words};

/// Say what may come next on a line that is being typed
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// The shell that asks
    shell: String,
    /// The words after `pyfast`; the last one is being typed
    #[arg(last = true)]
    words: Vec<OsString>,
}

/// What was typed already, as far as it says where to look.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Typed {
    #[command(flatten)]
    common: CommonArgs,
}

/// Options that say where to look, by the names of their arguments.
const PLACES: [&str; 6] = ["project", "project_name", "root", "volume", "cache_dir", "env"];

pub(crate) fn run(args: &Args, tree: &Command, variables: &Variables) -> ExitCode {
    let words = whole_words(&args.words, args.shell == "bash");
    let line = Line::read(tree, &words);
    let ui = Ui::new(&CommonArgs::default(), true, variables);
    let next = Next::of(&line, &|line, argument| {
        let known = names(line, argument)?;
        let settings = settings(line, variables.clone())?;
        let names = match known {
            Known::Of(names) => names(&settings),
            Known::OfFiles(option, names) => names(&settings, &line.paths(option)),
        };
        Some(names.into_iter().map(|(word, meaning)| Candidate { word, meaning }).collect())
    });
    ui.data(next.text());
    ExitCode::SUCCESS
}

/// What knows the values of an argument.
enum Known {
    Of(fn(&pyfast_settings::Settings) -> Vec<Name>),
    /// Those of files that an option names.
    OfFiles(&'static str, fn(&pyfast_settings::Settings, &[PathBuf]) -> Vec<Name>),
}

fn names(line: &Line, argument: &Arg) -> Option<Known> {
    Some(match (line.command.get_name(), argument.get_id().as_str()) {
        ("rm", "names") | (_, "env") => Known::Of(known::environments),
        ("why", "name")
        | ("show" | "remove", "names")
        | (_, "upgrade_package" | "exclude_dependency") => Known::Of(known::packages),
        ("rollback", "to") | ("diff", "before" | "after") | ("gc", "keep_id") => {
            Known::Of(known::generations)
        }
        ("run", "command") if line.earlier.is_empty() => Known::Of(known::programs),
        ("up" | "restart" | "ps" | "logs", "services") => Known::OfFiles("files", services),
        (_, "profiles") => Known::OfFiles("files", profiles),
        (_, "group" | "only_group") => Known::Of(known::groups),
        (_, "extra") => Known::OfFiles("requirements", known::extras),
        _ => return None,
    })
}

fn settings(line: &Line, variables: Variables) -> Option<Settings> {
    let places = line.given.iter().filter(|(option, _)| PLACES.contains(option));
    let words = places.map(|(option, value)| format!("--{}={value}", option.replace('_', "-")));
    let typed: Typed = parse_words(words.chain(["--quiet".to_owned()]).map(Into::into)).ok()?;
    Some(Settings::new(&typed.common, true, variables).ok()?.of_last_up())
}
