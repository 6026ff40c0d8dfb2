//! One run of the user's `git`: what it is told besides its arguments, and what it gave. Knows nothing
//! of clones.
//!
//! A password reaches git through a credential helper that git itself starts, a line of shell that
//! names two variables of the environment. So it is in no argument and no URL, and git asks for it only
//! where the request that was refused went: after a redirect to another origin it is not asked for.
//! A header (`http.<url>.extraHeader`) would be: git sends that to wherever the first request ended.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use url::Url;

use crate::client::Client;
use crate::secret::Secret;

/// Variables that would lead git to another repository.
const MISLEADING: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// What every run is told.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    // A server that stalls is given up after a minute.
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
];

const USER: &str = "PYFAST_GIT_USER";
const PASSWORD: &str = "PYFAST_GIT_PASSWORD";
/// Gives what the two variables hold, and keeps nothing.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \
                      \"$PYFAST_GIT_USER\" \"$PYFAST_GIT_PASSWORD\"; }; f";

/// What git is run with.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) arguments: &'a [&'a str],
    /// What it reads from its standard input.
    pub(super) input: &'a str,
}

/// Runs git and gives what it prints.
///
/// # Errors
/// What it says, or why it cannot be run.
pub(super) fn run(
    place: &Path,
    client: &Client,
    call: Call<'_>,
    secret: Option<(&Url, &Secret)>,
) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    if let Some(search_path) = client.search_path() {
        // An empty part would be the directory that git runs in, which may be one of the repository's.
        command.env("PATH", search_path);
    }
    command.envs(client.proxies().variables());
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    if let Some((url, secret)) = secret {
        give(&mut command, url, secret)?;
    }
    command
        .args(call.arguments)
        .current_dir(place)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        // The user may have chosen another for his own; what lies in the cache is of one kind.
        .env("GIT_DEFAULT_REF_FORMAT", "files")
        .stdin(if call.input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in MISLEADING {
        command.env_remove(name);
    }
    let output = answered(&mut command, call.input).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "the program `git` was not found".to_owned(),
        _ => format!("cannot run git: {error}"),
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(explained(&String::from_utf8_lossy(&output.stderr)))
}

/// What a command prints when it has read an input, which is shorter than a pipe holds.
fn answered(command: &mut Command, input: &str) -> io::Result<Output> {
    let mut child = command.spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        match pipe.write_all(input.as_bytes()) {
            // Why it did not read is what it says.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                child.wait()?;
                return Err(error);
            }
            _ => drop(pipe),
        }
    }
    child.wait_with_output()
}

/// Gives git user and password for the origin of a URL.
fn give(command: &mut Command, url: &Url, secret: &Secret) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Ok(());
    }
    let origin = url.origin().ascii_serialization();
    let Secret { user, password } = secret;
    let Some(password) = password else {
        // What git knows of this user is git's; the name may be a token, so it is no argument either.
        command.arg(format!("--config-env=credential.{origin}.username={USER}")).env(USER, user);
        return Ok(());
    };
    // Git and its helpers talk in lines.
    if [user, password].iter().any(|text| text.contains(char::is_control)) {
        return Err(
            "its user name or password has control characters, which git cannot take".to_owned()
        );
    }
    // The empty one takes away those that the user has set, so that nobody else is asked or told.
    command.arg("-c").arg(format!("credential.{origin}.helper="));
    command.arg("-c").arg(format!("credential.{origin}.helper={HELPER}"));
    command.env(USER, user).env(PASSWORD, password);
    Ok(())
}

/// What git said, fit to be shown: servers speak through it.
fn explained(said: &str) -> String {
    let plain = said.trim().replace(|c: char| c.is_control() && c != '\n', " ");
    let redirected = ["301", "302", "303", "307", "308"]
        .iter()
        .any(|status| plain.contains(&format!("returned error: {status}")));
    if redirected {
        return format!(
            "{plain}\nthe server redirects what follows the first request, which git does not \
             follow: require the repository by the URL that it redirects to"
        );
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_steer_a_terminal() {
        let said = explained("remote: \u{1b}]0;x\u{7}\nfatal: no\r\n");
        assert_eq!(said, "remote:  ]0;x \nfatal: no");
    }

    #[test]
    fn a_redirect_that_git_does_not_follow_is_explained() {
        let said =
            explained("error: RPC failed; HTTP 302 curl 22 The requested URL returned error: 302");
        assert!(said.contains("by the URL that it redirects to"), "{said}");
        assert!(!explained("The requested URL returned error: 500").contains("redirects"));
    }

    #[test]
    fn no_secret_is_an_argument() {
        let url = Url::parse("https://h.test:8443/r.git").unwrap();
        for password in [Some("s3cr3t".to_owned()), None] {
            let mut command = Command::new("git");
            give(&mut command, &url, &Secret { user: "t0ken".to_owned(), password }).unwrap();
            let arguments = format!("{:?}", command.get_args().collect::<Vec<_>>());
            assert!(arguments.contains("credential.https://h.test:8443."), "{arguments}");
            assert!(!arguments.contains("s3cr3t") && !arguments.contains("t0ken"), "{arguments}");
        }
        let broken = Secret { user: "u".to_owned(), password: Some("p\nhost=x".to_owned()) };
        assert!(give(&mut Command::new("git"), &url, &broken).is_err());
    }
}
