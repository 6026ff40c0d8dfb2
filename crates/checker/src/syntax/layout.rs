//! What Python's tokenizer refuses and the parser lets pass, and what its first error comes from: blanks, brackets, marks of
//! a merge. Must not know trees.

use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::Ranged;

use super::problem::Problem;
use super::text::Text;

/// How many levels of blocks and of brackets `CPython` has room for.
const DEEPEST: (usize, usize) = (99, 200);

/// What is wrong with the layout of a text that parses.
pub(super) fn problems(tokens: &[Token], text: &Text) -> Vec<Problem> {
    let depth = too_deep(tokens, text);
    depth.into_iter().chain(indented(tokens, text)).collect()
}

/// Brackets within brackets, deeper than Python goes.
fn too_deep(tokens: &[Token], text: &Text) -> Option<Problem> {
    let mut depth = 0_usize;
    for token in tokens {
        match token.kind() {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => depth += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        if depth > DEEPEST.1 {
            return Some(Problem::new(text, token, "too many nested parentheses"));
        }
    }
    None
}

/// The width of a line's indentation: with tabs to every eighth column, and with tabs as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Width {
    wide: usize,
    narrow: usize,
}

impl Width {
    fn of(blanks: &[u8]) -> Self {
        let mut width = Self { wide: 0, narrow: 0 };
        for blank in blanks {
            match blank {
                b'\t' => width = Self { wide: (width.wide / 8 + 1) * 8, narrow: width.narrow + 1 },
                b'\x0c' => width = Self { wide: 0, narrow: 0 },
                _ => width = Self { wide: width.wide + 1, narrow: width.narrow + 1 },
            }
        }
        width
    }
}

/// Blocks whose lines are indented by tabs and blanks in turns, and blocks in blocks deeper than Python goes.
fn indented(tokens: &[Token], text: &Text) -> Option<Problem> {
    let mut open = vec![Width { wide: 0, narrow: 0 }];
    let mut is_first = true;
    for token in tokens {
        match token.kind() {
            TokenKind::Newline => is_first = true,
            TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent => {}
            _ if is_first => {
                is_first = false;
                let before = &text.content.as_bytes()[..token.start().to_usize()];
                let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\x0c');
                let blanks = before.iter().rev().take_while(|byte| is_blank(byte)).count();
                let (above, blanks) = before.split_at(before.len() - blanks);
                // Lines that are joined by a backslash begin somewhere else.
                if !matches!(above.last(), None | Some(b'\n' | b'\r')) {
                    continue;
                }
                if let Some(why) = entered(&mut open, Width::of(blanks)) {
                    return Some(Problem::new(text, token, why));
                }
            }
            _ => {}
        }
    }
    None
}

/// Goes on with a line in the blocks that are open; why that is not possible.
fn entered(open: &mut Vec<Width>, width: Width) -> Option<&'static str> {
    const MIXED: &str = "inconsistent use of tabs and spaces in indentation";
    let innermost = *open.last()?;
    if width.wide > innermost.wide {
        if width.narrow <= innermost.narrow {
            return Some(MIXED);
        }
        open.push(width);
        return (open.len() > DEEPEST.0 + 1).then_some("too many levels of indentation");
    }
    while open.len() > 1 && open.last().is_some_and(|last| last.wide > width.wide) {
        open.pop();
    }
    let same = open.last()?;
    (same.wide == width.wide && same.narrow != width.narrow).then_some(MIXED)
}

/// What the first error of a text comes from, where that stands somewhere else, or has a name of its own.
pub(super) fn cause(tokens: &[Token], text: &Text, at: usize) -> Option<Problem> {
    merged(text).or_else(|| printed(text, at)).or_else(|| unclosed(tokens, text, at))
}

/// Marks of a merge that somebody has to decide.
fn merged(text: &Text) -> Option<Problem> {
    let begins = |mark: &str| {
        let lines = text.content.split_inclusive('\n');
        lines
            .scan(0, |end, line| {
                let start = *end;
                *end += line.len();
                Some((start, line))
            })
            .find(|(_, line)| line.starts_with(mark))
            .map(|(start, _)| start)
    };
    let (begin, _, _) = (begins("<<<<<<< ")?, begins("=======")?, begins(">>>>>>> ")?);
    let mut problem = Problem::at(text, begin, "the file has the marks of a merge conflict");
    let hint = "decide between the two sides, and take out the lines with `<<<<<<<`, `=======` and `>>>>>>>`";
    problem.hint = Some(hint.to_owned());
    Some(problem)
}

/// `print` as the statement that it was in Python 2.
fn printed(text: &Text, at: usize) -> Option<Problem> {
    let start = text.content[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text.content[start..].lines().next()?;
    let word = ["print", "exec"].into_iter().find(|word| {
        let rest = line.trim_start().strip_prefix(word);
        let rest = rest.and_then(|rest| rest.strip_prefix(' ')).map(str::trim_start);
        rest.is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '\''))
        })
    })?;
    let begin = start + (line.len() - line.trim_start().len());
    let mut problem =
        Problem::at(text, begin, &format!("missing parentheses in a call of `{word}`"));
    problem.hint = Some(format!("write `{word}(…)`: without them it is Python 2"));
    Some(problem)
}

/// The innermost bracket that is open where the text ends.
fn unclosed(tokens: &[Token], text: &Text, at: usize) -> Option<Problem> {
    let mut open: Vec<&Token> = Vec::new();
    for token in tokens {
        let opens = match token.kind() {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                open.push(token);
                continue;
            }
            TokenKind::Rpar => TokenKind::Lpar,
            TokenKind::Rsqb => TokenKind::Lsqb,
            TokenKind::Rbrace => TokenKind::Lbrace,
            _ => continue,
        };
        if open.pop().map(Token::kind) != Some(opens) {
            return None;
        }
    }
    // In the line of the bracket itself the error is what is wrong.
    let last = open.last().filter(|last| {
        let between = text.content.get(last.start().to_usize()..at);
        between.is_some_and(|between| between.contains(['\n', '\r']))
    })?;
    let bracket = &text.content[last.start().to_usize()..last.end().to_usize()];
    Some(Problem::new(text, *last, &format!("`{bracket}` is never closed")))
}
