//! The text of a shell as words and operators. Owns quotes, comments and what a variable is written like; must not know
//! what any of them stands for, nor which command means what.

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// As it stands.
    Text(String),
    /// A variable, or one of the script's own words (`1`, `@`).
    Variable(Variable),
    /// What only running it would tell: a command's output, a pattern, arithmetic.
    Unknown,
}

/// A variable as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// Its name.
    pub(super) name: String,
    /// What counts where it is not set.
    pub(super) otherwise: Option<String>,
    /// Whether that counts where it is empty, too.
    pub(super) or_empty: bool,
    /// Whether it is within quotes, so that it stays one word.
    pub(super) quoted: bool,
}

/// Words, and what stands between commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word of these parts.
    Word(Vec<Part>),
    /// `;`, a line's end.
    Next,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `|`.
    Pipe,
    /// `&`.
    Background,
    /// `(`.
    Open,
    /// `)`.
    Close,
}

impl Token {
    /// A word that is written without quotes and variables: only such a one is the shell's own.
    pub(super) fn plain(&self) -> Option<&str> {
        match self {
            Self::Word(parts) => match parts.as_slice() {
                [Part::Text(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The tokens of a text; `None` where its grammar goes beyond what is read here (here-documents, open quotes).
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut lexer = Lexer { rest: text, tokens: Vec::new(), word: None };
    lexer.run()?;
    Some(lexer.tokens)
}

struct Lexer<'a> {
    rest: &'a str,
    tokens: Vec<Token>,
    word: Option<Vec<Part>>,
}

impl Lexer<'_> {
    fn run(&mut self) -> Option<()> {
        while let Some(c) = self.next() {
            match c {
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(c) => self.text(c),
                },
                '\n' => self.operator(Token::Next),
                c if c.is_whitespace() => self.end_word(),
                '#' if self.word.is_none() => {
                    let end = self.rest.find('\n').unwrap_or(self.rest.len());
                    self.rest = &self.rest[end..];
                }
                '\'' => {
                    let end = self.rest.find('\'')?;
                    let (quoted, rest) = (self.rest.get(..end)?, self.rest.get(end + 1..)?);
                    self.push(Part::Text(String::new()));
                    quoted.chars().for_each(|c| self.text(c));
                    self.rest = rest;
                }
                '"' => self.double_quoted()?,
                '$' => self.dollar(false)?,
                '`' => {
                    let end = self.rest.find('`')?;
                    self.rest = &self.rest[end + 1..];
                    self.push(Part::Unknown);
                }
                '*' | '?' | '[' | '~' | '{' if self.expands(c) => self.push(Part::Unknown),
                '<' | '>' => self.redirection()?,
                ';' | '&' | '|' | '(' | ')' => self.punctuation(c)?,
                c => self.text(c),
            }
        }
        self.operator(Token::Next);
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Whether the character asks for file names or several words where it stands; `[` and `{` alone are words.
    fn expands(&self, c: char) -> bool {
        let alone = self.rest.chars().next().is_none_or(|next| next.is_whitespace() || next == '[');
        match c {
            '~' => self.word.is_none(),
            '[' | '{' => self.word.is_some() || !alone,
            _ => true,
        }
    }

    fn push(&mut self, part: Part) {
        let word = self.word.get_or_insert_default();
        match (word.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, part) => word.push(part),
        }
    }

    fn text(&mut self, c: char) {
        self.push(Part::Text(c.to_string()));
    }

    fn end_word(&mut self) {
        self.tokens.extend(self.word.take().map(Token::Word));
    }

    fn operator(&mut self, token: Token) {
        self.end_word();
        self.tokens.push(token);
    }

    fn punctuation(&mut self, c: char) -> Option<()> {
        let token = match c {
            '&' if self.eat("&") => Token::And,
            '&' if self.rest.starts_with('>') => {
                self.end_word();
                self.next();
                return self.redirection();
            }
            '&' => Token::Background,
            '|' if self.eat("|") => Token::Or,
            '|' => {
                self.eat("&");
                Token::Pipe
            }
            '(' => Token::Open,
            ')' => Token::Close,
            _ => Token::Next,
        };
        self.operator(token);
        Some(())
    }

    /// Passes over where input comes from or output goes to, with the number before it.
    fn redirection(&mut self) -> Option<()> {
        if self.eat("<") || self.rest.starts_with('(') {
            return None;
        }
        let number = |word: &Vec<Part>| matches!(word.as_slice(), [Part::Text(text)] if text.bytes().all(|b| b.is_ascii_digit()));
        if self.word.as_ref().is_some_and(number) {
            self.word = None;
        }
        self.end_word();
        while self.rest.starts_with(['>', '&', '|', ' ', '\t']) {
            self.next();
        }
        let mut quote = None;
        while let Some(c) = self.rest.chars().next() {
            match (quote, c) {
                (None, c) if c.is_whitespace() || ";&|()<>".contains(c) => break,
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if open == c => quote = None,
                _ => {}
            }
            self.next();
        }
        Some(())
    }

    fn double_quoted(&mut self) -> Option<()> {
        self.push(Part::Text(String::new()));
        loop {
            match self.next()? {
                '"' => return Some(()),
                '\\' => match self.next()? {
                    '\n' => {}
                    c @ ('"' | '\\' | '$' | '`') => self.text(c),
                    c => {
                        self.text('\\');
                        self.text(c);
                    }
                },
                '$' => self.dollar(true)?,
                '`' => {
                    let end = self.rest.find('`')?;
                    self.rest = &self.rest[end + 1..];
                    self.push(Part::Unknown);
                }
                c => self.text(c),
            }
        }
    }

    fn dollar(&mut self, quoted: bool) -> Option<()> {
        let part = match self.rest.chars().next() {
            Some('(') => {
                self.rest = &self.rest[closing(self.rest)?..];
                Part::Unknown
            }
            Some('{') => {
                let end = self.rest.find('}')?;
                let inside = self.rest.get(1..end)?;
                self.rest = &self.rest[end + 1..];
                braced(inside, quoted)
            }
            Some(c @ ('@' | '*' | '1'..='9')) => {
                self.next();
                plain(&c.to_string(), quoted)
            }
            Some(c) if c == '_' || c.is_ascii_alphabetic() => {
                let end = self.rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
                let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = rest;
                plain(name, quoted)
            }
            Some('?' | '$' | '#' | '!' | '0' | '-') => {
                self.next();
                Part::Unknown
            }
            Some('\'') => return None,
            _ => Part::Text("$".to_owned()),
        };
        self.push(part);
        Some(())
    }
}

fn plain(name: &str, quoted: bool) -> Part {
    Part::Variable(Variable { name: name.to_owned(), otherwise: None, or_empty: false, quoted })
}

/// What stands between `${` and `}`.
fn braced(inside: &str, quoted: bool) -> Part {
    let end = inside.find(|c: char| c != '_' && c != '@' && !c.is_ascii_alphanumeric());
    let (name, rest) = inside.split_at(end.unwrap_or(inside.len()));
    let (or_empty, rest) = match rest.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let otherwise = match rest.chars().next() {
        None if !or_empty && !name.is_empty() => return plain(name, quoted),
        Some('-' | '=') => &rest[1..],
        _ => return Part::Unknown,
    };
    if name.is_empty() || otherwise.contains(['$', '`', '"', '\'', '\\', '{']) {
        return Part::Unknown;
    }
    let (name, otherwise) = (name.to_owned(), Some(otherwise.to_owned()));
    Part::Variable(Variable { name, otherwise, or_empty, quoted })
}

/// Where the bracket that opens here is closed, quotes passed over.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}
