//! A stream for parts of the program that are handed one to write to. Owns that what they write is
//! escaped as everything else is; must not know what it is.

use std::io::{self, Write};

use crate::escape::{Form, escaped};

/// A stream that may lead to a terminal.
pub struct Escaping<Stream> {
    stream: Stream,
    /// `None` where another program reads, which gets every byte.
    form: Option<Form>,
}

impl<Stream> Escaping<Stream> {
    /// A stream whose reader wants text in this form; `None`: every byte as it is.
    pub fn new(stream: Stream, form: Option<Form>) -> Self {
        Self { stream, form }
    }
}

impl<Stream: Write> Write for Escaping<Stream> {
    /// Takes whole characters, as formatting gives them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.form {
            None => self.stream.write_all(bytes)?,
            Some(form) => {
                let text = String::from_utf8_lossy(bytes);
                self.stream.write_all(escaped(&text, form).as_bytes())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_to_a_terminal_is_escaped_and_another_is_exact() {
        let written = |form| {
            let mut stream = Escaping { stream: Vec::new(), form };
            writeln!(stream, "a \u{1b}[2J").unwrap();
            String::from_utf8(stream.stream).unwrap()
        };
        assert_eq!(written(Some(Form::People)), "a \\u{1b}[2J\n");
        assert_eq!(written(Some(Form::Json)), "a \\u001b[2J\n");
        assert_eq!(written(None), "a \u{1b}[2J\n");
    }
}
