//! The bytes of a text file as text and back. Knows nothing of what the text means.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::Refusal;
use crate::requirements_txt::decode;

/// How a file's text is written.
#[derive(Debug)]
pub(super) struct Encoded {
    encoding: &'static Encoding,
    /// Its byte-order mark.
    mark: Vec<u8>,
}

impl Encoded {
    /// Takes the text out of a file.
    ///
    /// # Errors
    /// If it could not be written back as it is.
    pub(super) fn read(content: &[u8]) -> Result<(Self, String), Refusal> {
        let length = Encoding::for_bom(content).map_or(0, |(_, length)| length);
        let (text, encoding) = decode(content).ok_or(Refusal::Encoding)?;
        let encoded = Self { encoding, mark: content[..length].to_owned() };
        if encoded.write(&text).is_none_or(|written| written != content) {
            return Err(Refusal::Encoding);
        }
        Ok((encoded, text))
    }

    /// The bytes of a text; `None` where the encoding has not all of its characters.
    pub(super) fn write(&self, text: &str) -> Option<Vec<u8>> {
        let mut bytes = self.mark.clone();
        if self.encoding == UTF_16LE {
            bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        } else if self.encoding == UTF_16BE {
            bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        } else if self.encoding == UTF_8 {
            bytes.extend(text.as_bytes());
        } else {
            let (written, _, has_unmappable) = self.encoding.encode(text);
            if has_unmappable {
                return None;
            }
            bytes.extend(&*written);
        }
        Some(bytes)
    }
}
