//! A terminal with a screen, of which one can see what it shows: tmux draws it, on a server of the test's own. Knows
//! nothing of what is shown.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::environment;

const TMUX: &str = "/usr/bin/tmux";

/// A program at a terminal; both end when this is dropped.
pub(crate) struct Screen {
    /// Where the server's socket and settings are.
    room: TempDir,
}

impl Screen {
    /// Starts a command at a terminal of so many columns. `None` where there is no tmux, and nobody requires one.
    #[track_caller]
    pub(crate) fn open(command: &Command, columns: usize) -> Option<Self> {
        if !Path::new(TMUX).exists() && environment("PYFAST_REQUIRE_SHELLS").is_none() {
            return None;
        }
        let screen = Self { room: tempfile::tempdir().unwrap() };
        // The screen is to be seen after the end, too.
        fs_err::write(screen.room.path().join("settings"), "set -g remain-on-exit on\n").unwrap();
        let size = columns.to_string();
        let mut start = screen.tmux(&["new-session", "-d", "-x", &size, "-y", "24", "env", "-i"]);
        start.current_dir(command.get_current_dir().expect("a command has its directory"));
        for (key, value) in command.get_envs() {
            let value = value.expect("the environment is cleared").to_str().expect("texts");
            start.arg(format!("{}={value}", key.display()));
        }
        start.arg("TERM=screen").arg(command.get_program()).args(command.get_args());
        let started = start.output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Some(screen)
    }

    /// What is on the screen, once it is as wanted.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let shown = self.shown();
            if wanted(&shown) {
                return shown;
            }
            // Nothing more comes from a program that has ended.
            let over = shown.contains("Pane is dead");
            assert!(
                !over && began.elapsed() < Duration::from_mins(5),
                "{what} does not come:\n{shown}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types text as it is.
    pub(crate) fn type_keys(&self, text: &str) {
        self.act(&["send-keys", "-l", "--", text]);
    }

    /// Types a line, and ends it.
    pub(crate) fn type_line(&self, text: &str) {
        self.type_keys(text);
        self.press("Enter");
    }

    /// Presses a key by its name.
    pub(crate) fn press(&self, key: &str) {
        self.act(&["send-keys", key]);
    }

    pub(crate) fn resize(&self, columns: usize) {
        self.act(&["resize-window", "-x", &columns.to_string()]);
    }

    /// With what was scrolled away: a line makes room for tmux's own word of the end.
    fn shown(&self) -> String {
        String::from_utf8(self.act(&["capture-pane", "-p", "-S", "-"])).unwrap()
    }

    #[track_caller]
    fn act(&self, args: &[&str]) -> Vec<u8> {
        let done = self.tmux(args).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    fn tmux(&self, args: &[&str]) -> Command {
        let mut tmux = Command::new(TMUX);
        tmux.env_clear().env("LC_ALL", "C.UTF-8").arg("-u");
        tmux.arg("-S").arg(self.room.path().join("socket"));
        tmux.arg("-f").arg(self.room.path().join("settings")).args(args);
        tmux
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).output();
    }
}
