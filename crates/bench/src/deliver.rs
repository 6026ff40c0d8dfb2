//! Writes a result in every form that was asked for. Knows nothing of how it came about.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::containers::{self, ContainerReport};
use crate::error::Error;
use crate::options::Forms;
use crate::report::Report;
use crate::{chart, table};

/// A result in the forms that it can be delivered in.
pub(crate) trait Deliver: serde::Serialize {
    fn text(&self) -> String;
    fn markdown(&self) -> String;
    /// `None` where there is no chart of it.
    fn svg(&self) -> Option<String>;
}

impl Deliver for Report {
    fn text(&self) -> String {
        table::text(self)
    }
    fn markdown(&self) -> String {
        table::markdown(self)
    }
    fn svg(&self) -> Option<String> {
        Some(chart::svg(self))
    }
}

impl Deliver for ContainerReport {
    fn text(&self) -> String {
        containers::text(self)
    }
    fn markdown(&self) -> String {
        containers::markdown(self)
    }
    fn svg(&self) -> Option<String> {
        None
    }
}

/// Writes the report in every form asked for, and as a table unless another form takes the standard output.
///
/// # Errors
/// When a file or the output cannot be written.
pub(crate) fn deliver(
    forms: &Forms,
    report: &impl Deliver,
    output: &mut dyn Write,
) -> Result<(), Error> {
    let mut table = true;
    let mut put = |path: &Option<PathBuf>, text: String| -> Result<(), Error> {
        match path.as_deref() {
            None => Ok(()),
            Some(path) if path == Path::new("-") => {
                table = false;
                output.write_all(text.as_bytes()).map_err(Error::Output)
            }
            Some(path) => fs_err::write(path, text).map_err(Error::Output),
        }
    };
    if forms.json.is_some() {
        put(&forms.json, serde_json::to_string_pretty(report).map_err(Error::Json)? + "\n")?;
    }
    put(&forms.markdown, report.markdown())?;
    if let Some(chart) = report.svg() {
        put(&forms.svg, chart)?;
    }
    if table {
        output.write_all(report.text().as_bytes()).map_err(Error::Output)?;
    }
    output.flush().map_err(Error::Output)
}
