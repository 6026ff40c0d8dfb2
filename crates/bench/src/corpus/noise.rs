//! Bytes that compress as machine code does. Knows nothing of archives.

use std::io::{self, Write};

/// So much is noise before as much is repeated, in bytes.
const RUN: usize = 256;
/// How far back what is repeated lies, in bytes: within reach of any inflater.
const REACH: usize = 8 << 10;

/// An endless stream, the same for the same seed.
pub(super) struct Noise {
    state: u64,
    /// What came last.
    recent: Vec<u8>,
}

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        // The generator stays at zero once it is there.
        Self { state: seed | 1, recent: Vec::new() }
    }

    /// The next number (Marsaglia's xorshift of 64 bits).
    fn number(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// The next two runs: one of noise, and one that was there before.
    fn runs(&mut self) -> Vec<u8> {
        let mut runs = Vec::with_capacity(2 * RUN);
        while runs.len() < RUN {
            runs.extend_from_slice(&self.number().to_le_bytes());
        }
        let back = usize::try_from(self.number() % REACH as u64).unwrap_or(0);
        let before = self.recent.iter().rev().skip(back).take(RUN);
        let before: Vec<u8> = before.copied().collect();
        runs.extend(before.iter().rev());
        self.recent.extend_from_slice(&runs);
        let surplus = self.recent.len().saturating_sub(REACH + RUN);
        self.recent.drain(..surplus);
        runs
    }

    /// Writes so many bytes.
    pub(super) fn write(&mut self, bytes: u64, out: &mut impl Write) -> io::Result<()> {
        let mut left = bytes;
        while left > 0 {
            let runs = self.runs();
            let taken = runs.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            out.write_all(&runs[..taken])?;
            left -= taken as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_compresses_to_about_half() {
        let mut packed =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        Noise::new(7).write(1 << 20, &mut packed).unwrap();
        let packed = packed.finish().unwrap().len();
        assert!((400 << 10..700 << 10).contains(&packed), "{packed}");
    }
}
