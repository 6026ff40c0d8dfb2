//! Command lines as a shell splits them, as far as a look at what is run needs it. Owns words, quotes and separators;
//! must not know what the commands mean. Expands nothing.

/// The commands of a line or script, each as its words: `a b && "c d"` is `[[a, b], [c d]]`.
pub(crate) fn commands(text: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (reader.quote, c) {
            (Some(quote), c) if c == quote => reader.quote = None,
            (Some('"') | None, '\\') => reader.push(characters.next().unwrap_or('\\')),
            (None, '\'' | '"') => {
                reader.quote = Some(c);
                reader.open = true;
            }
            (None, '&' | ';' | '|' | '\n' | '(' | ')') => reader.end_command(),
            (None, c) if c.is_whitespace() => reader.end_word(),
            (_, c) => reader.push(c),
        }
    }
    reader.end_command();
    reader.commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    word: String,
    /// Whether there is a word, be it empty.
    open: bool,
    quote: Option<char>,
}

impl Reader {
    fn push(&mut self, c: char) {
        self.word.push(c);
        self.open = true;
    }

    fn end_word(&mut self) {
        if std::mem::take(&mut self.open) {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.words));
        }
    }
}

/// A command without what stands before its program (assignments, `exec`, `env`, …), the program without its
/// directory. `sh -c SCRIPT` is the commands of the script.
pub(crate) fn programs(words: &[String]) -> Vec<Vec<String>> {
    let before = |word: &&String| {
        is_assignment(word) || matches!(word.as_str(), "exec" | "env" | "sudo" | "time" | "nohup")
    };
    let skipped = words.iter().take_while(before).count();
    let Some((program, arguments)) = words[skipped..].split_first() else { return Vec::new() };
    let program = program.rsplit('/').next().unwrap_or_default();
    if is_shell(program) {
        let flag = arguments.iter().position(|word| word.starts_with('-') && word.ends_with('c'));
        let script = flag.and_then(|at| arguments.get(at + 1));
        return script.map(|script| scripted(script)).unwrap_or_default();
    }
    vec![std::iter::once(program.to_owned()).chain(arguments.iter().cloned()).collect()]
}

/// Whether a word calls a shell that reads scripts as this module does.
pub(crate) fn is_shell(word: &str) -> bool {
    matches!(word.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash"))
}

fn scripted(text: &str) -> Vec<Vec<String>> {
    commands(text).iter().flat_map(|words| programs(words)).collect()
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// Replaces `$NAME`, `${NAME}` and `${NAME:-default}` by what `value` gives; what it does not know stays as it is.
pub(crate) fn expand(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, name, default) = variable(rest);
        match value(name).filter(|value| !value.is_empty()).or(default.map(str::to_owned)) {
            Some(value) => expanded.push_str(&value),
            None => expanded.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    expanded + rest
}

/// How long the variable at the start of a text is, its name and its default.
pub(crate) fn variable(text: &str) -> (usize, &str, Option<&str>) {
    let body = &text[1..];
    if let Some((inside, _)) = body.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
        let (name, default) = match inside.split_once(":-").or_else(|| inside.split_once('-')) {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        return (inside.len() + 3, name, default);
    }
    let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
    (end + 1, &body[..end], None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_into_commands_and_words() {
        let expected = vec![vec!["a", "b c", ""], vec!["d", "e'f"], vec!["g"]];
        assert_eq!(commands("a 'b c' \"\" && d e\\'f; (g)"), expected);
    }

    #[test]
    fn the_program_stands_behind_assignments_and_within_scripts() {
        let found = |line: &str| -> Vec<String> {
            scripted(line).into_iter().map(|words| words[0].clone()).collect()
        };
        assert_eq!(found("A=1 exec /usr/bin/python3 -m x"), ["python3"]);
        assert_eq!(
            found("sh -ec 'alembic upgrade head && exec uvicorn a:b'"),
            ["alembic", "uvicorn"]
        );
        assert!(found("apt-get install python3").iter().all(|name| name == "apt-get"));
    }

    #[test]
    fn variables_are_replaced_and_unknown_ones_stay() {
        let known = |name: &str| (name == "V").then(|| "3.12".to_owned());
        assert_eq!(
            expand("python:$V-slim ${V} ${W:-x} ${W} $W", &known),
            "python:3.12-slim 3.12 x ${W} $W"
        );
        assert_eq!(expand("a$", &known), "a$");
    }
}
