//! What was found as programs read it: JSON, and annotations of a forge. Must not know how it is shown to people.

use std::fmt::{self, Write as _};
use std::path::Path;

use pyfast_checker::{Finding, Severity};
use pyfast_packaging::spot::Spot;
use pyfast_root::regular_file;
use serde_json::{Value, json};

use super::found::{Checked, Found};

impl Checked {
    /// One object, with paths relative to the project.
    pub fn to_json(&self) -> Value {
        let findings: Vec<Value> =
            self.findings.iter().map(|one| one.to_json(&self.directory)).collect();
        json!({ "findings": findings, "errors": self.errors(), "warnings": self.warnings(),
            "unknown": self.unknown })
    }

    /// A line for each finding, as workflows of GitHub read them
    /// (<https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>).
    pub fn annotations(&self) -> String {
        self.findings.iter().map(|found| found.annotation(&self.directory)).collect()
    }
}

/// In a line.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self.services.join(", ");
        write!(f, "{services} would not start: {}", self.reason())?;
        match &self.finding.place {
            Some(place) => write!(f, " ({}:{})", place.file.display(), place.line),
            None => Ok(()),
        }
    }
}

impl Found {
    /// The file as the project calls it.
    pub fn file(&self, directory: &Path) -> Option<String> {
        let place = self.finding.place.as_ref()?;
        let inside = place.file.strip_prefix(directory).unwrap_or(&place.file);
        Some(inside.to_string_lossy().into_owned())
    }

    /// Where it is, as editors jump to it.
    pub fn at(&self, directory: &Path) -> Option<String> {
        let place = self.finding.place.as_ref()?;
        Some(format!("{}:{}:{}", self.file(directory)?, place.line, place.column))
    }

    /// Further places that belong to the reason, each with its word.
    pub fn related(&self, directory: &Path) -> impl Iterator<Item = String> {
        self.finding.related.iter().map(move |(place, word)| {
            let file = place.file.strip_prefix(directory).unwrap_or(&place.file);
            format!("{}:{}: {word}", file.display(), place.line)
        })
    }

    /// The line that it is about, with the place in it; of a start command only the word there.
    pub fn spot(&self) -> Option<Spot> {
        let place = self.finding.place.as_ref()?;
        let bytes = regular_file::read(&place.file).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.split('\n').nth(place.line.checked_sub(1)?)?.trim_end_matches('\r');
        let column = place.column.clamp(1, line.chars().count() + 1);
        let rest: String = line.chars().skip(column - 1).collect();
        let named = self.finding.words.iter().flat_map(|words| words.split(' '));
        let named = named.filter(|word| rest.starts_with(*word)).map(|word| word.chars().count());
        let name = rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        let width = named.max().unwrap_or_else(|| name.count()).max(1);
        if self.finding.words.is_none() {
            return Some(Spot::new(place.line, column, &line.replace('\t', " "), width));
        }
        // Beside words of a start command passwords may stand, which no log is to have.
        let word: String = rest.chars().take(width).collect();
        Some(Spot { column, ..Spot::new(place.line, 1, &word, width) })
    }

    /// The reason with how often it shows besides.
    pub fn reason(&self) -> String {
        let Finding { message, more, .. } = &self.finding;
        match more {
            0 => message.clone(),
            1 => format!("{message} (and in 1 more place)"),
            more => format!("{message} (and in {more} more places)"),
        }
    }

    fn to_json(&self, directory: &Path) -> Value {
        let Finding { rule, severity, place, words, message, related, hint, more } = &self.finding;
        let at = place.as_ref();
        let related: Vec<Value> = related
            .iter()
            .map(|(place, word)| {
                let file = place.file.strip_prefix(directory).unwrap_or(&place.file);
                json!({ "file": file, "line": place.line, "column": place.column, "message": word })
            })
            .collect();
        json!({
            "rule": rule, "severity": severity, "file": self.file(directory),
            "line": at.map(|place| place.line), "column": at.map(|place| place.column),
            "words": words, "message": message, "hint": hint, "service": self.services.first(),
            "services": self.services, "related": related, "more": more,
        })
    }

    fn annotation(&self, directory: &Path) -> String {
        let Finding { rule, severity, place, hint, .. } = &self.finding;
        let word = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut line = format!("::{word} title={}", property(rule.name()));
        if let (Some(file), Some(place)) = (self.file(directory), place) {
            let file = property(&file);
            let _ = write!(line, ",file={file},line={},col={}", place.line, place.column);
        }
        let hint = hint.as_ref().map_or(String::new(), |hint| format!("\nhelp: {hint}"));
        let _ = writeln!(line, "::{}", data(&format!("{}{hint}", self.reason())));
        line
    }
}

/// Text behind the second pair of colons: it ends with the line.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    // No terminal is to obey a source that somebody reads in a log.
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A value before them.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use pyfast_checker::{Place, Rule};

    use super::*;

    #[test]
    fn of_a_start_command_no_more_is_shown_than_what_is_wrong() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("compose.yaml");
        fs_err::write(&file, "command: sh -c 'PW=hunter2 uvicorn app.bain:api'\n").unwrap();
        let shown = |words: Option<&str>| {
            let finding = Finding {
                rule: Rule::EntryPoint,
                severity: Severity::Error,
                place: Some(Place { file: file.clone(), line: 1, column: 36 }),
                words: words.map(str::to_owned),
                message: String::new(),
                related: Vec::new(),
                hint: None,
                more: 0,
            };
            let spot = Found { finding, services: Vec::new() }.spot().unwrap();
            (spot.text, spot.before, spot.width)
        };
        let whole = "command: sh -c 'PW=hunter2 uvicorn app.bain:api'";
        assert_eq!(shown(None), (whole.to_owned(), 35, 8));
        let words = Some("uvicorn app.bain:api");
        assert_eq!(shown(words), ("app.bain:api".to_owned(), 0, 12));
    }

    #[test]
    fn an_annotation_is_one_line_whatever_is_in_it() {
        let place = Place { file: "/p/a,b:c.py".into(), line: 3, column: 5 };
        let finding = Finding {
            rule: Rule::Syntax,
            severity: Severity::Error,
            place: Some(place),
            words: None,
            message: "100% wrong\n::warning::x".to_owned(),
            related: Vec::new(),
            hint: Some("mend it".to_owned()),
            more: 2,
        };
        let checked = Checked {
            findings: vec![Found { finding, services: Vec::new() }],
            directory: "/p".into(),
            ..Checked::default()
        };
        assert_eq!(
            checked.annotations(),
            "::error title=syntax,file=a%2Cb%3Ac.py,line=3,col=5::100%25 wrong%0A::warning::x \
             (and in 2 more places)%0Ahelp: mend it\n"
        );
        let json = checked.to_json();
        assert_eq!(json["findings"][0]["file"], "a,b:c.py");
        assert_eq!((&json["errors"], &json["warnings"]), (&json!(1), &json!(0)));
    }
}
