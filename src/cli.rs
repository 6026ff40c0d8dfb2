//! The top level of the command line: which commands there are, and the way from what was typed to one of them. Each
//! command's own arguments live with the command; nothing imports this.

mod foreign;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{Args as _, CommandFactory as _, Parser};

use pyfast_crew::{interrupt, limits};

use crate::args::{CommonArgs, StackArgs};
use crate::commands;
use crate::failure::Failure;
use crate::settings::{Settings, variables};
use crate::stack;
use crate::ui::{Ui, parse_arguments, variable};
use pyfast_settings::Variables;
use pyfast_stack::PASSED;
use pyfast_usage::{Help, Read, Reading};

/// Installs Python dependencies into a shared volume, and starts slim containers on it.
///
/// `pyfast sync` turns a requirements file into an immutable environment; `pyfast run -- CMD` runs a
/// command in it, on this machine or as the entrypoint of a container that mounts the volume.
#[derive(Debug, Parser)]
#[command(
    name = "pyfast",
    version,
    propagate_version = true,
    styles = pyfast_usage::STYLES,
    after_help = "Examples:\n  pyfast sync -r requirements.txt\n  pyfast run -- python -m app\n  \
                  pyfast sync --volume pyfast-app --image app:latest\n\nExit codes: 0 done, 1 you can mend \
                  it, 2 usage or configuration, 3 container engine unreachable, 101 our fault.\n\nPassed to Compose \
                  as they are, for the project with its environments: build, config, cp, exec, pull, start, stop, top."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// A match over commands, of which many are treated alike.
macro_rules! each {
    ($command:expr, $args:ident => $done:expr, { $($variant:ident)* } { $($others:tt)* }) => {
        match $command {
            $(Command::$variant($args) => $done,)*
            $($others)*
        }
    };
}

impl Command {
    /// Whether it is about environments that `up` may have made.
    fn works_on_environments(&self) -> bool {
        each!(self, _args => true, {
            Sync Add Remove Lock Outdated List Show Why Tree Export History Rollback Diff Verify Push Freeze Env
        } { _ => false })
    }

    /// Whether the result is wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        each!(self, args => args.result.json, {
            Lock Sync Add Remove Show Why Tree Outdated Export History Rollback Verify Gc Push Freeze Init Diff Up
            Check Restart Ps Doctor
        } {
            Self::List(args) => args.json(),
            Self::Env(args) => args.json(),
            // Another program reads it.
            Self::Answer(_) | Self::Bytecode(_) => true,
            // Each is named, so that a new one is thought about here.
            Self::Down(_) | Self::Logs(_) | Self::Run(_) | Self::Bench(_) | Self::Cache(_) | Self::Man(_)
            | Self::Complete(_) | Self::BuildSource(_) | Self::RemoveCode(_) | Self::Reload(_)
            | Self::Completions(_) => false,
        })
    }

    /// Which compose project is meant, of the commands that are about one.
    fn stack(&self) -> Option<&StackArgs> {
        each!(self, args => Some(&args.stack), { Up Check Down Restart Ps Logs Doctor } { _ => None })
    }
}

pyfast_usage::commands! {
    /// The commands.
    pub(crate) enum Command {
        Init(commands::init::Args),
        Lock(commands::lock::Args),
        Sync(commands::sync::Args),
        Add(commands::add::Args),
        Remove(commands::remove::Args),
        Run(commands::run::Args),
        Check(commands::check::Args),
        Up(commands::up::Args),
        Down(commands::down::Args),
        Restart(commands::restart::Args),
        Ps(commands::ps::Args),
        Logs(commands::logs::Args),
        Bench(commands::bench::Args),
        List(commands::list::Args),
        Show(commands::show::Args),
        Why(commands::why::Args),
        Tree(commands::tree::Args),
        Outdated(commands::outdated::Args),
        Export(commands::export::Args),
        History(commands::history::Args),
        Rollback(commands::rollback::Args),
        Verify(commands::verify::Args),
        Env(commands::env::Args),
        Push(commands::push::Args),
        Freeze(commands::freeze::Args),
        Gc(commands::gc::Args),
        Diff(commands::diff::Args),
        Doctor(commands::doctor::Args),
        Cache(commands::cache::Args),
        Answer(commands::answer::Args),
        Bytecode(commands::inside::BytecodeArgs),
        BuildSource(commands::build_source::Args),
        RemoveCode(commands::inside::RemoveArgs),
        Reload(commands::inside::ReloadArgs),
        Completions(commands::completions::Args),
        Man(commands::man::Args),
        Complete(commands::complete::Args),
    }
}

/// How help is laid out.
const HELP: Help<'static> = Help {
    groups: &[
        ("Install", &["sync", "add", "remove", "lock", "outdated", "export", "push", "freeze"]),
        ("Run", &["run"]),
        ("Look", &["list", "show", "why", "tree", "diff"]),
        ("Go back", &["history", "rollback"]),
        ("Containers", &["init", "check", "up", "down", "restart", "ps", "logs"]),
        ("House", &["doctor", "verify", "env", "gc", "cache"]),
        ("Compare", &["bench"]),
        ("Shells", &["completions", "man"]),
    ],
    ending: "Begin with:
  pyfast sync -r requirements.txt
  pyfast run python -m app
  pyfast up

`pyfast --help` says what each command does, and has the
options of all; `pyfast sync -h` is about one.",
    beyond: &["Common options", "Index options", "Build options", "Output options"],
    idle: |command, option| {
        let asks = |one: &clap::Arg| one.get_short() == Some('f') && one.get_id() == "find_links";
        let is_of_index = option.get_help_heading() == Some("Index options");
        let looks = ["pyfast", "up", "doctor", "export"].contains(&command.get_name());
        is_of_index && !looks && !command.get_arguments().any(asks)
    },
};

/// Reads the command line, runs the command, shows a failure.
pub(crate) fn main() -> ExitCode {
    let reading = Reading {
        help: &HELP,
        instead: foreign::instead,
        files: "requirements",
        passed: &PASSED,
        nothing_more: "ps",
        renamed: &[("-f", "--file")],
        named: |words| {
            let top = clap::Command::new("pyfast").version(env!("CARGO_PKG_VERSION"));
            Command::named(CommonArgs::augment_args(top.propagate_version(true)), words)
        },
        variables: &variable,
    };
    let Read::<Cli> { arguments: cli, passed } = match parse_arguments(&reading) {
        Ok(read) => read,
        Err(code) => return code,
    };
    let stack = cli.command.stack();
    let variables = stack.map_or_else(variables, |stack| stack.variables(variables()));
    let ui = Ui::new(&cli.common, cli.command.json(), &variables);
    LEFT.get_or_init(|| ui);
    interrupt::left_by(leave);
    let done =
        if passed.is_empty() { dispatch(&cli, variables) } else { pass(&cli, &passed, variables) };
    match done {
        Ok(code) => code,
        Err(failure) => {
            failure.show(ui);
            ExitCode::from(failure.code)
        }
    }
}

/// How the user is talked to, for whoever is interrupted.
static LEFT: OnceLock<Ui> = OnceLock::new();

/// Says that the user interrupted it.
fn leave() {
    if let Some(ui) = LEFT.get() {
        Failure::interrupted().show(*ui);
    }
}

/// Puts Compose in the place of this process.
fn pass(cli: &Cli, words: &[OsString], variables: Variables) -> Result<ExitCode, Failure> {
    let settings = Settings::new(&cli.common, false, variables)?;
    let stack = stack::open(&settings, cli.command.stack().unwrap_or(&StackArgs::default()), &[])?;
    Err(stack.leave_to_compose(words).into())
}

/// Settings as a command means them.
fn meant(command: &Command, settings: Settings) -> Settings {
    match command {
        command if command.works_on_environments() => settings.of_last_up().with_named_image(),
        Command::Run(_) if settings.own_root.is_none() => settings.with_named_image(),
        _ => settings,
    }
}

fn dispatch(cli: &Cli, variables: Variables) -> Result<ExitCode, Failure> {
    match &cli.command {
        Command::Completions(args) => return Ok(commands::completions::run(args, &Cli::command())),
        Command::Man(args) => {
            let ui = Ui::new(&cli.common, false, &variables);
            return commands::man::run(args, &HELP.arranged(Cli::command()), ui);
        }
        Command::Complete(args) => {
            return Ok(commands::complete::run(args, &HELP.arranged(Cli::command()), &variables));
        }
        Command::RemoveCode(args) => return commands::inside::remove_code(args),
        Command::Reload(args) => return commands::inside::reload(args, &cli.common, &variables),
        _ => {}
    }
    limits::survive_file_sizes();
    // A configuration that cannot be read is one of the things it tells.
    if let Command::Doctor(args) = &cli.command {
        return commands::doctor::run(args, &cli.common, &variables);
    }
    let settings = Settings::new(&cli.common, cli.command.json(), variables)?;
    let settings = meant(&cli.command, settings);
    match &cli.command {
        Command::Init(args) => commands::init::run(args, &settings),
        Command::Lock(args) => commands::lock::run(args, &settings),
        Command::Sync(args) => commands::sync::run(args, &settings),
        Command::Add(args) => commands::add::run(args, &settings),
        Command::Remove(args) => commands::remove::run(args, &settings),
        Command::Run(args) => commands::run::run(args, &settings),
        Command::Check(args) => commands::check::run(args, &settings),
        Command::Up(args) => commands::up::run(args, &settings),
        Command::Down(args) => commands::down::run(args, &settings),
        Command::Restart(args) => commands::restart::run(args, &settings),
        Command::Ps(args) => commands::ps::run(args, &settings),
        Command::Logs(args) => commands::logs::run(args, &settings),
        Command::Bench(args) => commands::bench::run(args, &settings),
        Command::List(args) => commands::list::run(args, &settings),
        Command::Show(args) => commands::show::run(args, &settings),
        Command::Why(args) => commands::why::run(args, &settings),
        Command::Tree(args) => commands::tree::run(args, &settings),
        Command::Outdated(args) => commands::outdated::run(args, &settings),
        Command::Export(args) => commands::export::run(args, &settings),
        Command::History(args) => commands::history::run(args, &settings),
        Command::Rollback(args) => commands::rollback::run(args, &settings),
        Command::Verify(args) => commands::verify::run(args, &settings),
        Command::Env(args) => commands::env::run(args, &settings),
        Command::Push(args) => commands::push::run(args, &settings),
        Command::Freeze(args) => commands::freeze::run(args, &settings),
        Command::Gc(args) => commands::gc::run(args, &settings),
        Command::Diff(args) => commands::diff::run(args, &settings),
        Command::Answer(args) => commands::answer::run(args, &settings),
        Command::Bytecode(args) => commands::inside::bytecode(args, &settings),
        Command::BuildSource(args) => commands::build_source::run(args, &settings),
        Command::Cache(args) => commands::cache::run(args, &settings),
        Command::Doctor(args) => Ok(commands::doctor::examine(args, &settings)),
        Command::Completions(_)
        | Command::Man(_)
        | Command::Complete(_)
        | Command::Reload(_)
        | Command::RemoveCode(_) => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_short_and_the_long_form_of_find_links_are_one_list() {
        let line = ["pyfast", "lock", "-f", "a", "--find-links", "b", "-fc"];
        let cli = Cli::try_parse_from(line).unwrap();
        assert_eq!(cli.common.index.find_links, ["a", "b", "c"]);
        let cli = Cli::try_parse_from(["pyfast", "--find-links", "a", "up", "-f", "b"]).unwrap();
        assert_eq!(cli.common.index.find_links, ["a"]);
    }
}
