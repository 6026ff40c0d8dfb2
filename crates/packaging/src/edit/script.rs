//! The header of a script (PEP 723), edited as the TOML that it is: lines that nobody changed stay as they were written.
//! Knows nothing of what is listed in it.

use super::Refusal;
use super::array::Arrays;
use super::encoded::Encoded;
use crate::pyproject::{header_lines, uncommented};

/// What a script without a header gets.
const NEW: &str = "# /// script\n# dependencies = []\n# ///\n";

/// The text of a script.
#[derive(Debug)]
pub(super) struct Script {
    above: String,
    /// The lines of the header's TOML as they are written, comments, with their ends.
    lines: Vec<String>,
    below: String,
    pub(super) arrays: Arrays,
}

impl Script {
    pub(super) fn new(content: &[u8]) -> Result<Self, Refusal> {
        let (encoded, mut text) = Encoded::read(content)?;
        let mut header = header_lines(&text).map_err(Refusal::Header)?;
        if header.is_none() {
            text = with_header(&text);
            header = header_lines(&text).map_err(Refusal::Header)?;
        }
        let header = header.unwrap_or_default();
        let mut lines = text.split_inclusive('\n').map(str::to_owned);
        let above = lines.by_ref().take(header.start).collect();
        let header: Vec<String> = lines.by_ref().take(header.len()).collect();
        let below = lines.collect();
        let toml = header.iter().map(|line| toml_of(line)).collect();
        Ok(Self { above, lines: header, below, arrays: Arrays::of_script(encoded, toml)? })
    }

    pub(super) fn content(&self) -> Vec<u8> {
        let Self { above, lines, below, arrays } = self;
        let new: Vec<&str> = arrays.text.split_inclusive('\n').collect();
        let stays = |(line, new): &(&String, &&str)| toml_of(line) == **new;
        let first = lines.iter().zip(&new).take_while(stays).count();
        let more = lines.len().min(new.len()) - first;
        let last = lines.iter().rev().zip(new.iter().rev()).take(more).take_while(stays).count();
        let changed = new[first..new.len() - last].iter().map(|line| comment_of(line));
        let (stay, end) = (&lines[..first], &lines[lines.len() - last..]);
        let header: String =
            stay.iter().cloned().chain(changed).chain(end.iter().cloned()).collect();
        let text = format!("{above}{header}{below}");
        arrays.encoded.write(&text).unwrap_or_else(|| text.into_bytes())
    }
}

/// A line of a header, with its end, as a line of TOML.
fn toml_of(line: &str) -> String {
    let (body, end) = parted(line);
    format!("{}{end}", uncommented(body))
}

/// The reverse.
fn comment_of(line: &str) -> String {
    match parted(line) {
        ("", end) => format!("#{end}"),
        (body, end) => format!("# {body}{end}"),
    }
}

/// A line, and what ends it.
fn parted(line: &str) -> (&str, &str) {
    let body = line.trim_end_matches('\n').trim_end_matches('\r');
    line.split_at(body.len())
}

/// A script with a header: below the line that names its interpreter, and the one that names its encoding.
fn with_header(text: &str) -> String {
    let is_above = |line: &&str| line.starts_with("#!") || line.contains("coding");
    let above = text.split_inclusive('\n').take(2).take_while(|line| line.starts_with('#'));
    let above: usize = above.take_while(is_above).map(str::len).sum();
    let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let (above, below) = text.split_at(above);
    let gap = if below.is_empty() || below.starts_with(['\r', '\n']) { "" } else { eol };
    let ends = above.is_empty() || above.ends_with('\n');
    format!("{above}{}{}{gap}{below}", if ends { "" } else { eol }, NEW.replace('\n', eol))
}
