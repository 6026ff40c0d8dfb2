//! The time from which on nothing of channels counts. Owns who says it where no flag does; must not know what has which time.

use pyfast_packaging::pyproject::uv::{UvTable, Wishes};
use pyfast_resolver::cutoff::Cutoff;
use pyfast_root::regular_file;
use pyfast_settings::{ResolveFlags, Settings, is_remote};

use crate::error::Error;
use crate::inputs::requirement_files;

/// The time from which on nothing counts that was made, as flags, uv's settings and the project files among the requirements
/// say it. Reads no requirement.
pub(super) fn cutoff(args: &ResolveFlags, settings: &Settings) -> Result<Option<Cutoff>, Error> {
    let files = requirement_files(args, settings).unwrap_or_default();
    let files = files.iter().filter(|file| file.ends_with("pyproject.toml") && !is_remote(file));
    let mut tables = Vec::new();
    for file in files.map(|file| settings.project.working_directory.join(file)) {
        // One beside it stands for what it says. Who cannot be read is told of where requirements are read.
        let of_other = file.with_file_name("uv.toml").is_file();
        let text = if of_other { None } else { regular_file::read_text(&file).ok() };
        tables.extend(text.map(|text| UvTable::read(&file, &text)).transpose()?.flatten());
    }
    let said = |table: &UvTable| table.wishes.exclude_newer.clone();
    let word = tables.iter().chain(&settings.uv).find_map(said);
    let wishes = Wishes { exclude_newer: word, ..Wishes::default() };
    Ok(args.wishing(&wishes)?.exclude_newer)
}
