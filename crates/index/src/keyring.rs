//! Passwords from the program `keyring`. It is asked once for each index and host, cannot ask back, and
//! nothing it says is shown.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::secret::Secret;

/// How long the program may take: someone may have to unlock a keyring in a window.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// A program that knows passwords.
#[derive(Debug, Clone)]
pub struct KeyringProgram {
    /// The program, which takes `get SERVICE USER`.
    pub path: PathBuf,
    /// Whether it is asked before anything is sent for a user whose password is not known; else only
    /// after a server refused a request.
    pub eager: bool,
}

type Question = (String, Option<String>);

/// The program, with what it answered.
pub(crate) struct Keyring {
    pub(crate) program: KeyringProgram,
    answers: Mutex<HashMap<Question, Arc<OnceCell<Option<Secret>>>>>,
}

impl Keyring {
    pub(crate) fn new(program: KeyringProgram) -> Self {
        Self { program, answers: Mutex::default() }
    }

    /// The password of a user, or both where no user is known.
    pub(crate) async fn ask(&self, service: &str, user: Option<&str>) -> Option<Secret> {
        // The program would take them for its options, and one of those names a library to load.
        if [Some(service), user].into_iter().flatten().any(|word| word.starts_with('-')) {
            return None;
        }
        let answer = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            let question = (service.to_owned(), user.map(str::to_owned));
            Arc::clone(answers.entry(question).or_default())
        };
        answer.get_or_init(|| self.run(service, user)).await.clone()
    }

    async fn run(&self, service: &str, user: Option<&str>) -> Option<Secret> {
        let mut command = Command::new(&self.program.path);
        match user {
            Some(user) => command.args(["get", service, user]),
            None => command.args(["--mode", "creds", "get", service]),
        };
        command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped());
        // In a group of its own it can read nothing from the terminal: it is stopped where it tries.
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().ok()?;
        let stuck = stuck(child.id());
        let output = tokio::select! {
            output = child.wait_with_output() => output.ok()?,
            () = stuck => return None,
        };
        if !output.status.success() {
            return None;
        }
        let said = String::from_utf8(output.stdout).ok()?;
        let mut lines = said.lines();
        let user = match user {
            Some(user) => user.to_owned(),
            None => lines.next()?.to_owned(),
        };
        let password = lines.next().filter(|password| !password.is_empty())?;
        Some(Secret { user, password: Some(password.to_owned()) })
    }
}

/// Ends when a process is stopped, or has taken too long.
async fn stuck(process: Option<u32>) {
    let process = process.and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let stopped = process.map(|process| waitid(WaitId::Pid(process), options));
        if matches!(stopped, Some(Ok(Some(status))) if status.stopped()) {
            return;
        }
    }
}

#[cfg(test)]
impl Keyring {
    /// A keyring that answered before; it knows nothing else.
    pub(crate) fn of(known: &[(&str, Option<&str>, Secret)]) -> Self {
        let keyring =
            Self::new(KeyringProgram { path: "/nonexistent/keyring".into(), eager: true });
        let mut answers = keyring.answers.lock().unwrap();
        for (service, user, secret) in known {
            let answer = OnceCell::new_with(Some(Some(secret.clone())));
            answers.insert(((*service).to_owned(), user.map(str::to_owned)), Arc::new(answer));
        }
        drop(answers);
        keyring
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// How often a program was started that answers everything.
    #[track_caller]
    fn check(service: &str, user: Option<&str>, started: bool) {
        let directory = tempfile::tempdir().unwrap();
        let (path, log) = (directory.path().join("keyring"), directory.path().join("log"));
        let text = format!("#!/bin/sh\necho \"$@\" >> {}\necho u\necho p\n", log.display());
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        // Through the shell: another test's child may still have the script open for writing.
        let keyring = Keyring::new(KeyringProgram { path, eager: true });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async { keyring.ask(service, user).await });
        assert_eq!((log.exists(), found.is_some()), (started, started), "{service} {user:?}");
    }

    #[test]
    fn what_looks_like_an_option_is_never_given_to_the_program() {
        check("h.test", Some("u"), true);
        check("h.test", None, true);
        check("h.test", Some("--keyring-path=/tmp/evil"), false);
        check("-x", None, false);
        check("--keyring-backend=evil", Some("u"), false);
    }
}
