//! Where words of a start command stand: in compose files, in a Dockerfile, in a script that they run. Must not know what
//! is wrong with them.

use pyfast_checker::Place;
use pyfast_checker::entry::Around as _;
use pyfast_launcher::compose_file::Written;
use pyfast_root::regular_file;

use super::facts::Facts;

/// How many lines behind its beginning a word is looked for: one text may go over several.
const LINES: usize = 60;

/// The place of the words that are said of a start command: that of the last one that it has, which names what is started,
/// and else that of its program, as what is named may come of variables.
pub(super) fn place_of(said: &str, facts: &Facts) -> Option<Place> {
    let mut words = said.split(' ').rev().filter(|word| !word.is_empty());
    let named = words.next()?;
    let program = said.split(' ').next().unwrap_or(named);
    let begun = |word: &str| facts.starts.iter().rev().find_map(|start| written(start, word));
    begun(named).or_else(|| in_script(named, facts)).or_else(|| begun(program))
}

/// Where a word stands that is part of one in a file.
fn written(start: &Written, word: &str) -> Option<Place> {
    find(&start.word, word)?;
    let text = regular_file::read_text(&start.file).ok()?;
    let from = start.line.checked_sub(1)?;
    let mut first = true;
    let found = text.lines().enumerate().skip(from).take(LINES).find_map(|(index, line)| {
        let skipped = if std::mem::take(&mut first) { start.column - 1 } else { 0 };
        let begin = line.char_indices().nth(skipped).map_or(line.len(), |(at, _)| at);
        let at = begin + find(&line[begin..], word)?;
        Some(Place {
            file: start.file.clone(),
            line: index + 1,
            column: line[..at].chars().count() + 1,
        })
    });
    // It comes of a variable, or is written otherwise.
    let begin = Place { file: start.file.clone(), line: start.line, column: start.column };
    Some(found.unwrap_or(begin))
}

/// Where a word stands in a script that is among the words.
fn in_script(word: &str, facts: &Facts) -> Option<Place> {
    facts.words.iter().flatten().find_map(|script| {
        let file = facts.view.on_host(&facts.path(script)?)?;
        let text = facts.text(script)?;
        text.lines().enumerate().find_map(|(index, line)| {
            let at = find(line, word).filter(|_| !line.trim_start().starts_with('#'))?;
            let column = line[..at].chars().count() + 1;
            Some(Place { file: file.clone(), line: index + 1, column })
        })
    })
}

/// Where a word is in a text, and not a part of a longer one.
fn find(text: &str, word: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | '/');
    let alone = |at: &usize| {
        let before = text[..*at].chars().next_back();
        let behind = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !behind.is_some_and(is_part)
    };
    text.match_indices(word).map(|(at, _)| at).find(alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_where_it_stands_alone() {
        for (text, word, found) in [
            ("uvicorn app.main:app", "app.main:app", Some(8)),
            ("exec 'app.main:app' # app.main:app", "app.main:app", Some(6)),
            ("my.app.main:app app.main:app", "app.main:app", Some(16)),
            ("app.main:app2", "app.main:app", None),
            ("python ./run.py", "run.py", None),
        ] {
            assert_eq!(find(text, word), found, "{text}");
        }
    }

    #[test]
    fn a_word_of_a_long_text_has_its_own_line() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("compose.yaml");
        let text = "services:\n  web:\n    command: >\n      uvicorn\n      --port 80 app:app\n";
        fs_err::write(&file, text).unwrap();
        let of = |word: &str, part: &str, line, column| {
            let start = Written { word: word.to_owned(), file: file.clone(), line, column };
            written(&start, part).map(|place| (place.line, place.column))
        };
        assert_eq!(of("app:app", "app:app", 3, 14), Some((5, 17)));
        assert_eq!(of("other:app", "app:app", 3, 14), None);
        // It came of a variable.
        assert_eq!(of("made:app", "made:app", 3, 14), Some((3, 14)));
        assert_eq!(of("sh -c 'made:app'", "made:app", 900, 1), Some((900, 1)));
    }
}
