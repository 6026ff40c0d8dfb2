//! Lines out of the frames in which an engine sends a log. Owns joining and time stamps; must not know the API.
//!
//! An engine breaks lines over 16 KiB into several frames, each with a time stamp of its own; the first one counts.

use super::super::LogLine;
use crate::engine::rfc3339;

#[derive(Debug)]
pub(super) struct Lines {
    timestamps: bool,
    begun: [Option<LogLine>; 2],
}

impl Lines {
    pub(super) fn new(timestamps: bool) -> Self {
        Self { timestamps, begun: [None, None] }
    }

    /// The lines that end in this frame.
    pub(super) fn push(&mut self, stderr: bool, frame: &[u8]) -> Vec<LogLine> {
        let mut whole = Vec::new();
        for piece in String::from_utf8_lossy(frame).split_inclusive('\n') {
            let begun = self.begun[usize::from(stderr)].take();
            let mut line = self.add(stderr, begun, piece);
            if line.text.ends_with('\n') {
                line.text.truncate(line.text.trim_end_matches(['\n', '\r']).len());
                whole.push(line);
            } else {
                self.begun[usize::from(stderr)] = Some(line);
            }
        }
        whole
    }

    /// What had no end when the log ended.
    pub(super) fn finish(&mut self) -> Vec<LogLine> {
        self.begun.iter_mut().filter_map(Option::take).collect()
    }

    fn add(&self, stderr: bool, begun: Option<LogLine>, piece: &str) -> LogLine {
        let stamped = self.timestamps.then(|| piece.split_once(' ')).flatten();
        let stamped = stamped.filter(|(time, _)| rfc3339::nanoseconds(time).is_some());
        let (time, text) = stamped.map_or((None, piece), |(time, text)| (Some(time.into()), text));
        match begun {
            Some(line) => LogLine { text: line.text + text, ..line },
            None => LogLine { stderr, time, text: text.to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: Vec<LogLine>) -> Vec<String> {
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_line_in_several_frames_is_one_line_with_the_first_time() {
        let mut lines = Lines::new(true);
        assert!(lines.push(false, b"2024-02-29T12:00:00.000000001Z begin").is_empty());
        assert_eq!(texts(lines.push(true, b"2024-02-29T12:00:00.5Z other\n")), ["other"]);
        let joined = lines.push(false, b"2024-02-29T12:00:01.000000001Z  end\r\n");
        let time = Some("2024-02-29T12:00:00.000000001Z".to_owned());
        assert_eq!(joined, [LogLine { stderr: false, time, text: "begin end".into() }]);
        assert!(lines.finish().is_empty());
    }

    #[test]
    fn a_frame_of_a_terminal_may_hold_several_lines_and_end_within_one() {
        let mut lines = Lines::new(false);
        assert_eq!(texts(lines.push(false, b"one\r\ntwo\r\nthr")), ["one", "two"]);
        assert_eq!(texts(lines.finish()), ["thr"]);
    }

    #[test]
    fn what_is_no_time_stamp_stays_in_the_line() {
        let lines = Lines::new(true).push(true, b"panic at noon\n");
        assert_eq!(lines, [LogLine { stderr: true, time: None, text: "panic at noon".into() }]);
    }
}
