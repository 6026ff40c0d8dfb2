//! YAML with the place of every value. Owns anchors, `<<` merges, duplicate keys and bounds of size; must not know
//! what compose files mean.

mod scalar;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;

use indexmap::IndexMap;
use indexmap::map::Slice;
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

use super::error::{ComposeError, Place};
use super::model::Written;
use scalar::scalar;

/// Values that a file may come to once its aliases are expanded.
const MAX_NODES: usize = 200_000;
/// Levels of nesting.
const MAX_DEPTH: usize = 100;
/// What the parser says of a line in a flow collection that is not deeper than what the collection belongs to.
const SHALLOW: [&str; 2] = ["invalid indentation", "invalid indentation in flow construct"];
/// By how many columns such a line is moved: deeper than any nesting.
const DEEPER: usize = 400;
/// How many lines are moved: each costs another reading.
const MAX_INDENTED: usize = 500;

/// A file as it was read, for messages.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: std::path::PathBuf,
    text: String,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Yaml,
    pub(super) tag: Option<MergeTag>,
    pub(super) at: Mark,
}

/// A place in a file.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    source: Rc<Source>,
    line: usize,
    column: usize,
    /// Line and column of the key that leads there.
    key: Option<(usize, usize)>,
}

/// What a tag asks of merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MergeTag {
    /// `!reset`: the value is removed.
    Reset,
    /// `!override`: the value replaces what was there.
    Override,
}

/// Names and values in the order of the file, found in one step: a project may have thousands of services.
pub(super) type Mapping = IndexMap<String, Node>;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Yaml {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// What YAML 1.1 takes for a time where it is not quoted. Nothing in a compose file is one.
    Time(String),
    Str(String),
    Seq(Vec<Node>),
    Map(Mapping),
}

impl Mark {
    /// The place, for a message.
    pub(super) fn place(&self, key: &str) -> Place {
        self.place_at(key, self.line, self.column)
    }

    fn place_at(&self, key: &str, line: usize, column: usize) -> Place {
        let text = self.source.text.lines().nth(line.wrapping_sub(1)).unwrap_or_default();
        let (file, key, text) = (self.source.path.clone(), key.to_owned(), text.to_owned());
        Place { file, line, column, key, text }
    }

    /// A word that stands there.
    pub(super) fn written(&self, word: String) -> Written {
        let file = self.source.path.clone();
        Written { word, file, line: self.line, column: self.column }
    }

    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.source.path
    }
}

impl Node {
    /// A value that stands where another one does.
    pub(super) fn new(value: Yaml, at: &Mark) -> Self {
        Self { value, tag: None, at: at.clone() }
    }

    pub(super) fn text(text: impl Into<String>, at: &Mark) -> Self {
        Self::new(Yaml::Str(text.into()), at)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        if let Yaml::Map(entries) = &self.value { entries.get(key) } else { None }
    }

    pub(super) fn entries(&self) -> &Slice<String, Node> {
        if let Yaml::Map(entries) = &self.value { entries.as_slice() } else { Slice::new() }
    }

    pub(super) fn items(&self) -> &[Node] {
        if let Yaml::Seq(items) = &self.value { items } else { &[] }
    }

    /// Sets a key of a mapping; anything else is left alone.
    pub(super) fn set(&mut self, key: &str, node: Node) {
        if let Yaml::Map(entries) = &mut self.value {
            entries.insert(key.to_owned(), node);
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Node> {
        let Yaml::Map(entries) = &mut self.value else { return None };
        entries.shift_remove(key)
    }

    /// A scalar's text; `None` for null, sequences and mappings.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.value {
            Yaml::Str(text) | Yaml::Time(text) => Some(text.clone()),
            Yaml::Bool(flag) => Some(flag.to_string()),
            Yaml::Int(number) => Some(number.to_string()),
            Yaml::Float(number) => Some(number.to_string()),
            Yaml::Null | Yaml::Seq(_) | Yaml::Map(_) => None,
        }
    }

    /// A scalar's text where nothing else will do.
    pub(super) fn single(&self, key: &str) -> Result<String, ComposeError> {
        self.scalar().ok_or_else(|| self.invalid(key, "a single value is needed here"))
    }

    /// The value as JSON, with sorted keys.
    pub(super) fn to_json(&self) -> Value {
        match &self.value {
            Yaml::Null => Value::Null,
            Yaml::Bool(flag) => Value::from(*flag),
            Yaml::Int(number) => Value::from(*number),
            Yaml::Float(number) => Value::from(*number),
            Yaml::Str(text) | Yaml::Time(text) => Value::from(text.as_str()),
            Yaml::Seq(items) => items.iter().map(Self::to_json).collect(),
            Yaml::Map(entries) => {
                let entries = entries.iter().map(|(key, node)| (key, node.to_json()));
                // A map of JSON itself keeps the order in which it is made, where any crate of the program wants that.
                let sorted: BTreeMap<&String, Value> = entries.collect();
                sorted.into_iter().map(|(key, value)| (key.clone(), value)).collect()
            }
        }
    }

    /// An error about this value.
    pub(super) fn invalid(&self, key: &str, reason: impl Into<String>) -> ComposeError {
        ComposeError::Invalid { place: self.at.place(key), reason: reason.into() }
    }

    /// An error about the key that leads to this value.
    pub(super) fn misplaced(&self, key: &str, reason: impl Into<String>) -> ComposeError {
        let (line, column) = self.at.key.unwrap_or((self.at.line, self.at.column));
        let place = self.at.place_at(key, line, column);
        ComposeError::Invalid { place, reason: reason.into() }
    }
}

/// Reads the documents of a file.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Node>, ComposeError> {
    let source = Rc::new(Source { path: path.to_owned(), text: text.to_owned() });
    let mut indented = Indented::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    loop {
        let (read, shallow) = Reader::new(&indented, &source).documents();
        match (read, shallow) {
            (Err(error), Some(line)) => indented = indented.with(line).ok_or(error)?,
            (read, _) => return read,
        }
    }
}

/// A text in which lines of flow collections are indented more than they are in the file. The grammar wants them deeper
/// than what they belong to; no reader that compose files are written for looks at that.
struct Indented {
    text: String,
    /// The lines, from 1.
    lines: BTreeSet<usize>,
}

impl Indented {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), lines: BTreeSet::new() }
    }

    /// With one line more; `None` where that was tried, or there are too many of them.
    fn with(mut self, line: usize) -> Option<Self> {
        if self.lines.len() >= MAX_INDENTED || !self.lines.insert(line) {
            return None;
        }
        let at: usize = self.text.split_inclusive('\n').take(line - 1).map(str::len).sum();
        self.text.insert_str(at, &" ".repeat(DEEPER));
        Some(self)
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    source: Rc<Source>,
    /// Lines that are indented more than in the file.
    indented: &'a BTreeSet<usize>,
    /// The line that is not deep enough, where that is what is wrong.
    shallow: Option<usize>,
    /// Anchored values with the count of values they hold.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(indented: &'a Indented, source: &Rc<Source>) -> Self {
        Reader {
            parser: Parser::new_from_str(&indented.text),
            source: Rc::clone(source),
            indented: &indented.lines,
            shallow: None,
            anchors: HashMap::new(),
            nodes: 0,
        }
    }

    /// The documents; where they cannot be read because a line is not deep enough, which one.
    fn documents(mut self) -> (Result<Vec<Node>, ComposeError>, Option<usize>) {
        let read = self.whole();
        (read, self.shallow)
    }

    fn whole(&mut self) -> Result<Vec<Node>, ComposeError> {
        let start = Mark { source: Rc::clone(&self.source), line: 1, column: 1, key: None };
        let mut documents = Vec::new();
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamEnd => break,
                Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing => {}
                event => documents.push(self.node(event, &span, 0)?.0),
            }
        }
        if documents.is_empty() {
            documents.push(Node::new(Yaml::Null, &start));
        }
        Ok(documents)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, ComposeError> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(error)) => {
                let span = Span::new(*error.marker(), *error.marker());
                // Only within flow collections: elsewhere such a line ends what it is not deep enough for.
                self.shallow = SHALLOW.contains(&error.info()).then(|| span.start.line());
                Err(self.fault(&span, error.info()))
            }
        }
    }

    fn must(&mut self, at: &Span) -> Result<(Event<'a>, Span), ComposeError> {
        match self.next()? {
            Some(found) => Ok(found),
            None => Err(self.fault(at, "it ends too early")),
        }
    }

    fn mark(&self, span: &Span) -> Mark {
        let line = span.start.line();
        let moved = if self.indented.contains(&line) { DEEPER } else { 0 };
        let column = (span.start.col() + 1).saturating_sub(moved);
        Mark { source: Rc::clone(&self.source), line, column, key: None }
    }

    fn fault(&self, span: &Span, reason: impl Into<String>) -> ComposeError {
        ComposeError::Invalid { place: self.mark(span).place(""), reason: reason.into() }
    }

    fn count(&mut self, more: usize, span: &Span) -> Result<(), ComposeError> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(self.fault(span, format!("it comes to more than {MAX_NODES} values")));
        }
        Ok(())
    }

    /// A value, and how many values it holds.
    fn node(
        &mut self,
        event: Event<'a>,
        span: &Span,
        depth: usize,
    ) -> Result<(Node, usize), ComposeError> {
        if depth > MAX_DEPTH {
            return Err(self.fault(span, format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        let before = self.nodes;
        self.count(1, span)?;
        let (value, anchor, tag) = match event {
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id) else {
                    return Err(self.fault(span, "the alias stands inside its own anchor"));
                };
                let (node, size) = (node.clone(), *size);
                self.count(size, span)?;
                return Ok((node, size));
            }
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(&text, style, tag.as_deref()), anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => (self.sequence(span, depth)?, anchor, tag),
            Event::MappingStart(anchor, tag) => (self.mapping(span, depth)?, anchor, tag),
            _ => return Err(self.fault(span, "a value is missing")),
        };
        let node = Node { value, tag: merge_tag(tag.as_deref()), at: self.mark(span) };
        let size = self.nodes - before;
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok((node, size))
    }

    fn sequence(&mut self, start: &Span, depth: usize) -> Result<Yaml, ComposeError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.must(start)?;
            if event == Event::SequenceEnd {
                return Ok(Yaml::Seq(items));
            }
            items.push(self.node(event, &span, depth + 1)?.0);
        }
    }

    fn key(&self, event: &Event<'a>, span: &Span) -> Result<String, ComposeError> {
        let Event::Scalar(text, style, _, tag) = event else {
            return Err(self.fault(span, "a key must be a plain text"));
        };
        let Yaml::Str(key) = scalar(text, *style, tag.as_deref()) else {
            return Err(
                self.fault(span, format!("the key `{text}` is no text unless it is quoted"))
            );
        };
        Ok(key)
    }

    fn mapping(&mut self, start: &Span, depth: usize) -> Result<Yaml, ComposeError> {
        let mut entries = Mapping::new();
        let mut merge = None;
        loop {
            let (event, span) = self.must(start)?;
            if event == Event::MappingEnd {
                break;
            }
            let plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..));
            let key = self.key(&event, &span)?;
            // A key may carry an anchor of its own.
            self.node(event, &span, depth + 1)?;
            let (event, at) = self.must(start)?;
            let (mut node, _) = self.node(event, &at, depth + 1)?;
            let mark = self.mark(&span);
            node.at.key = Some((mark.line, mark.column));
            if key == "<<" && plain && merge.is_none() {
                merge = Some(node);
            } else if key == "<<" && plain || entries.contains_key(&key) {
                return Err(self.fault(&span, format!("the key `{key}` is given twice")));
            } else {
                entries.insert(key, node);
            }
        }
        if let Some(merge) = merge {
            merge_into(&mut entries, &merge)?;
        }
        Ok(Yaml::Map(entries))
    }
}

/// `<<`: what the mapping itself gives wins, then earlier mappings of a list.
fn merge_into(entries: &mut Mapping, merge: &Node) -> Result<(), ComposeError> {
    let sources = if let Yaml::Seq(items) = &merge.value {
        items.as_slice()
    } else {
        std::slice::from_ref(merge)
    };
    for source in sources {
        let Yaml::Map(inherited) = &source.value else {
            return Err(merge.invalid("<<", "only mappings can be merged"));
        };
        for (key, node) in inherited {
            if !entries.contains_key(key) {
                entries.insert(key.clone(), node.clone());
            }
        }
    }
    Ok(())
}

fn merge_tag(tag: Option<&Tag>) -> Option<MergeTag> {
    let tag = tag.filter(|tag| tag.handle == "!")?;
    match tag.suffix.as_str() {
        "reset" => Some(MergeTag::Reset),
        "override" => Some(MergeTag::Override),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        let documents = read(Path::new("c.yaml"), text).unwrap();
        assert_eq!(documents.len(), 1);
        documents[0].to_json()
    }

    fn refused(text: &str) -> String {
        read(Path::new("c.yaml"), text).unwrap_err().to_string()
    }

    #[test]
    fn merges_yield_to_local_keys_and_to_earlier_mappings() {
        let text =
            "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 0\nd: {<<: *b}";
        assert_eq!(json(text)["c"], serde_json::json!({"x": 0, "y": 1, "z": 2}));
        assert_eq!(json(text)["d"], serde_json::json!({"y": 2, "z": 2}));
    }

    #[test]
    fn quoted_and_block_scalars_stay_texts() {
        let text = "a: '0.5'\nb: 1500\nc: \"false\"\nd: false\ne: yes\nf: 0.5\ng: |\n  1\nh: 0x10";
        let expected = serde_json::json!({
            "a": "0.5", "b": 1500, "c": "false", "d": false, "e": "yes", "f": 0.5, "g": "1\n", "h": 16
        });
        assert_eq!(json(text), expected);
    }

    #[test]
    fn numbers_read_as_compose_reads_them() {
        let text = "[0440, 1_000, 0b11, -0x10, 0, 08, 1e3, .5, -1.5, 12345678901234567890123, 1.2.3, 1-2, .]";
        let expected = serde_json::json!([
            288,
            1000,
            3,
            -16,
            0,
            8,
            1000.0,
            0.5,
            -1.5,
            "12345678901234567890123",
            "1.2.3",
            "1-2",
            "."
        ]);
        assert_eq!(json(text), expected);
    }

    #[test]
    fn keys_are_texts_and_merges_are_one() {
        for (text, key) in [
            ("1: a", "1"),
            ("a: {true: b}", "true"),
            ("~: a", "~"),
            ("a: {2026-11-29: b}", "2026-11-29"),
        ] {
            let message = refused(text);
            assert!(
                message.contains(&format!("the key `{key}` is no text unless it is quoted")),
                "{message}"
            );
        }
        assert_eq!(json("'1': a\ny: b\nno: c"), serde_json::json!({"1": "a", "y": "b", "no": "c"}));
        let twice = refused("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n");
        assert!(
            twice.contains("c.yaml:4:3") && twice.contains("the key `<<` is given twice"),
            "{twice}"
        );
    }

    #[test]
    fn documents_are_read_one_after_the_other() {
        let of = |text: &str| -> Vec<Value> {
            read(Path::new("c.yaml"), text).unwrap().iter().map(Node::to_json).collect()
        };
        assert_eq!(
            of("a: 1\n---\nb: 2\n...\n"),
            [serde_json::json!({"a": 1}), serde_json::json!({"b": 2})]
        );
        assert_eq!(of("---\na: 1\n---\n"), [serde_json::json!({"a": 1}), Value::Null]);
        assert_eq!(of("# nothing\n"), [Value::Null]);
    }

    #[test]
    fn faults_name_line_and_column_and_show_the_line() {
        assert_eq!(
            refused("a: 1\na: 2"),
            "cannot use c.yaml:2:1 (`a: 2`): the key `a` is given twice"
        );
        let message = refused("a: 1\nb: [1, 2\nc: 3\n");
        assert!(message.starts_with("cannot use c.yaml:3:"), "{message}");
    }

    #[test]
    fn flow_collections_may_end_and_go_on_where_their_key_stands() {
        let text = "a:\n  command: [\n    sh, 'a b'\n  ]\n  test: [\n  one,\n\"two\",\n]\n  m: {\n  x: 1\n  }\nb: |\n  x: [\n  ]\n";
        let expected = serde_json::json!({
            "a": {"command": ["sh", "a b"], "test": ["one", "two"], "m": {"x": 1}}, "b": "x: [\n]\n"
        });
        assert_eq!(json(text), expected);
        // Places are those of the file.
        let message = refused("a: [\n  1\n]\nb:\n  c: [\n  x, {y: 1, y: 2}\n  ]\n");
        assert!(message.starts_with("cannot use c.yaml:6:13 "), "{message}");
        refused("a: [\n  1\nb: 2\n");
    }

    #[test]
    fn aliases_cannot_blow_a_file_up() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let list = vec![format!("*a{}", level - 1); 9].join(", ");
            text.extend([format!("a{level}: &a{level} [{list}]\n")]);
        }
        assert!(refused(&text).contains("more than 200000 values"));
        let deep = format!("{}x{}", "[".repeat(120), "]".repeat(120));
        assert!(refused(&deep).contains("100 levels"), "{}", refused(&deep));
    }
}
