//! Pages of a manual, one a command, of the same tree as the help. Owns their sections; must not know any command.

use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The command, as it is typed.
    pub command: String,
    /// Its text, in roff.
    pub text: String,
}

impl Page {
    /// The name of its file.
    pub fn file(&self) -> String {
        format!("{}.1", self.command.replace(' ', "-"))
    }
}

/// The pages of a tree that was arranged for reading: of the program, and of each command that is shown.
///
/// # Errors
/// If a page cannot be formed.
pub fn pages(command: &Command) -> io::Result<Vec<Page>> {
    let mut pages = Vec::new();
    collect(command, None, &mut pages)?;
    Ok(pages)
}

/// Writes pages into a directory, which is made where it is missing, and gives their files.
///
/// # Errors
/// If the disk refuses.
pub fn write(pages: &[Page], directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs_err::create_dir_all(directory)?;
    let write = |page: &Page| {
        let file = directory.join(page.file());
        fs_err::write(&file, &page.text).map(|()| file)
    };
    pages.iter().map(write).collect()
}

/// The commands below one that a reader is shown.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
}

fn collect(command: &Command, above: Option<&str>, pages: &mut Vec<Page>) -> io::Result<()> {
    let own = command.get_name();
    let name = above.map_or_else(|| own.to_owned(), |above| format!("{above} {own}"));
    pages.push(Page { text: page(command, &name, above)?, command: name.clone() });
    for below in shown(command) {
        collect(below, Some(&name), pages)?;
    }
    Ok(())
}

/// Sections of the text behind a command's help, by their headings: `Examples:`, `Exit codes:`.
fn ending(command: &Command) -> Vec<(String, Vec<String>)> {
    let text = command.get_after_long_help().or(command.get_after_help());
    let text = text.map(ToString::to_string).unwrap_or_default();
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        let heading = line.split_once(':').filter(|(heading, _)| {
            heading.starts_with(char::is_uppercase) && heading.split(' ').count() <= 2
        });
        match (heading, sections.last_mut()) {
            (Some((heading, rest)), _) => {
                let rest = Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty());
                sections.push((heading.to_uppercase(), rest.into_iter().collect()));
            }
            (None, Some((_, lines))) if !line.trim().is_empty() => {
                lines.push(line.trim().to_owned());
            }
            (None, _) => {}
        }
    }
    sections
}

fn page(command: &Command, name: &str, above: Option<&str>) -> io::Result<String> {
    let title = name.replace(' ', "-");
    let about = command.get_about().cloned().unwrap_or_default();
    let version = command.get_version().unwrap_or_default();
    let program = name.split(' ').next().unwrap_or_default();
    // The first line names every option otherwise.
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let own = command
        .clone()
        .display_name(title.clone())
        // The help is asked for by an option, and the pages of other commands are named below.
        .disable_help_subcommand(true)
        .override_usage(usage)
        // The page is the long help: what the short one leaves out is what one looks for here.
        .mut_args(|one| one.hide_short_help(false))
        .after_help("")
        .after_long_help("");
    let man = Man::new(own).title(title.to_uppercase()).source(format!("{program} {version}"));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    let mut head = Roff::new();
    head.control("SH", ["NAME"]).text([roman(format!("{title} - {about}"))]);
    head.to_writer(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    rest(command, &title, above).to_writer(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The sections that the tree has no place for: commands, examples, exit codes, other pages.
fn rest(command: &Command, title: &str, above: Option<&str>) -> Roff {
    let mut roff = Roff::new();
    let mut below = shown(command).peekable();
    if below.peek().is_some() {
        roff.control("SH", ["COMMANDS"]);
    }
    for one in below {
        let about = one.get_about().cloned().unwrap_or_default();
        roff.control("TP", []);
        roff.text([bold(format!("{title}-{}(1)", one.get_name()))]);
        roff.text([roman(about.to_string())]);
    }
    for (heading, lines) in ending(command) {
        let is_code = heading.starts_with("EXAMPLE");
        roff.control("SH", [heading.as_str()]);
        if is_code {
            roff.control("nf", []);
        }
        for line in &lines {
            roff.text([roman(line.as_str())]);
        }
        if is_code {
            roff.control("fi", []);
        }
    }
    if let Some(above) = above {
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold(format!("{}(1)", above.replace(' ', "-")))]);
    }
    roff
}
