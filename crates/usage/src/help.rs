//! How help is laid out: what one came for first. Owns what a short help leaves to the long one; must not know any command.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, Command};

/// The colours of help and refusals.
pub const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// The widest that the first help is, which any terminal has.
const WIDTH: usize = 60;

/// How a tree of commands shows itself.
pub struct Help<'a> {
    /// The first help: commands by what they are for, each group with its title.
    pub groups: &'a [(&'a str, &'a [&'a str])],
    /// What the first help ends with.
    pub ending: &'a str,
    /// Headings of options that a command's short help leaves to the long one.
    pub beyond: &'a [&'a str],
    /// Options that a command understands like all others, and that mean nothing to it.
    pub idle: fn(&Command, &Arg) -> bool,
}

impl Help<'_> {
    /// The tree as its help shows it, complete: good for reading, slower for parsing.
    #[must_use]
    pub fn arranged(&self, mut command: Command) -> Command {
        command.build();
        self.below(command, true)
    }

    /// The same for one command, and those below it.
    fn below(&self, command: Command, is_top: bool) -> Command {
        let idle = command.get_arguments().filter(|one| (self.idle)(&command, one));
        let idle: Vec<_> = idle.map(|one| one.get_id().clone()).collect();
        let beyond = |one: &Arg| one.get_help_heading().is_some_and(|of| self.beyond.contains(&of));
        let has_more = !is_top && command.get_arguments().any(beyond);
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
        let long = command.get_after_long_help().or(command.get_after_help()).cloned();
        let short = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
        let mut command = command.mut_args(|one| {
            let hides = idle.contains(one.get_id()) || one.is_hide_set();
            let leaves = has_more && beyond(&one) || one.is_hide_short_help_set();
            // What a variable says just now is no part of what an option means.
            one.hide(hides).hide_short_help(leaves).hide_env_values(true)
        });
        if has_more {
            command = command
                .after_help(format!("{short}`{name} --help` has more options"))
                .after_long_help(long.unwrap_or_default());
        }
        command.mut_subcommands(|one| self.below(one, false))
    }

    /// What a line that asks for help, or names no command, is answered with; `None` where it is refused for another
    /// reason.
    #[must_use]
    pub fn answer(
        &self,
        said: &clap::Error,
        words: &[OsString],
        command: Command,
    ) -> Option<clap::Error> {
        let is_bare = match said.kind() {
            ErrorKind::DisplayHelp => false,
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                true
            }
            _ => return None,
        };
        let name = command.get_name().to_owned();
        let top = command.clone().render_help().to_string();
        let lacking = said.get(ContextKind::InvalidSubcommand);
        let lacking = lacking.map(ToString::to_string);
        if said.kind() == ErrorKind::MissingSubcommand && lacking.as_ref() != Some(&name) {
            return None;
        }
        if said.render().to_string() == top || lacking.is_some() {
            let brief = Command::new(name.clone())
                .styles(STYLES)
                .color(command.get_color())
                .override_help(self.brief(&command))
                .arg_required_else_help(true);
            let words = if is_bare { vec![name] } else { vec![name, "-h".to_owned()] };
            return brief.try_get_matches_from(words).err();
        }
        self.arranged(command).try_get_matches_from(words).err()
    }

    /// The first help.
    fn brief(&self, command: &Command) -> StyledStr {
        let (header, literal) = (STYLES.get_header(), STYLES.get_literal());
        let mut text = String::new();
        // Writing to a string cannot fail.
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        for line in wrapped(about.split(' '), WIDTH) {
            let _ = writeln!(text, "{line}");
        }
        let name = command.get_name();
        let _ = writeln!(
            text,
            "\n{header}Usage:{header:#} {literal}{name}{literal:#} [OPTIONS] <COMMAND>\n"
        );
        let width = self.groups.iter().map(|(title, _)| title.len()).max().unwrap_or(0) + 2;
        for (title, names) in self.groups {
            for (index, line) in wrapped(names.iter().copied(), WIDTH - width).iter().enumerate() {
                let title = if index == 0 { *title } else { "" };
                let _ =
                    writeln!(text, "{header}{title:width$}{header:#}{literal}{line}{literal:#}");
            }
        }
        let _ = write!(text, "\n{}", self.ending);
        StyledStr::from(text)
    }
}

/// Words in lines that are no wider than this.
fn wrapped<'a>(words: impl Iterator<Item = &'a str>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
