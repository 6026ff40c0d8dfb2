//! The user's own Compose: which one there is, and how it is called. Owns its command line; must not know when it is
//! needed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use crate::engine::host::{CLIENT_VARIABLES, Host};
use crate::engine::{EngineVersion, api_number};
use crate::error::Error;
use crate::programs::{find_program, is_program};

/// The first API of engines that tell nothing of an image in what they say of a container.
const SILENT_API: (u32, u32) = (1, 44);

/// How many of the last bytes of Compose's output a failure carries.
const TAIL: usize = 4000;

/// Directories of the Docker client's plugins, after the user's own and those that its configuration names.
const PLUGINS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// A Compose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Composer {
    /// `docker compose`: the client's plugin.
    Plugin {
        /// The Docker client.
        docker: PathBuf,
    },
    /// `docker-compose`: a program of its own, of whatever version.
    Standalone {
        /// The program.
        program: PathBuf,
    },
}

/// The project that Compose is called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeCall {
    /// Name of the project.
    pub project: String,
    /// Its directory.
    pub directory: PathBuf,
    /// The compose files, the override last.
    pub files: Vec<PathBuf>,
    /// Active profiles.
    pub profiles: Vec<String>,
    /// Files of variables, in the place of the directory's own.
    pub env_files: Vec<PathBuf>,
    /// The engine.
    pub host: Host,
}

impl Composer {
    /// Looks for a Compose: the plugin, else the program, without running either. `path` is the user's PATH,
    /// `config` the directory of the Docker client's configuration.
    pub fn find(path: &OsStr, config: Option<&Path>) -> Option<Self> {
        let own = config.map(|config| config.join("cli-plugins"));
        let named = config.map(extra_directories).unwrap_or_default();
        let mut plugins = own.into_iter().chain(named).chain(PLUGINS.map(PathBuf::from));
        if plugins.any(|directory| is_program(&directory.join("docker-compose")))
            && let Some(docker) = find_program(path, "docker")
        {
            return Some(Self::Plugin { docker });
        }
        find_program(path, "docker-compose").map(|program| Self::Standalone { program })
    }

    /// The program that is run.
    pub fn path(&self) -> &Path {
        match self {
            Self::Plugin { docker } => docker,
            Self::Standalone { program } => program,
        }
    }

    /// How it is called, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plugin { .. } => "docker compose",
            Self::Standalone { .. } => "docker-compose",
        }
    }

    /// Its version (`1.29.2`, `2.24.5`), by asking it.
    ///
    /// # Errors
    /// [`Error::ComposeCall`] when it cannot be run.
    pub async fn version(&self) -> Result<String, Error> {
        let mut command = self.command();
        command.args(["version", "--short"]);
        let out = run(self, command, "version", true).await?;
        Ok(out.trim().trim_start_matches('v').to_owned())
    }

    fn program(&self) -> std::process::Command {
        match self {
            Self::Plugin { docker } => {
                let mut command = std::process::Command::new(docker);
                command.arg("compose");
                command
            }
            Self::Standalone { program } => std::process::Command::new(program),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::from(self.program());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The arguments that stand before Compose's subcommand.
    fn arguments(call: &ComposeCall) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            vec!["--project-name".into(), (&call.project).into(), "--project-directory".into()];
        arguments.push(call.directory.clone().into());
        for file in &call.files {
            arguments.extend(["--file".into(), file.clone().into()]);
        }
        for profile in &call.profiles {
            arguments.extend(["--profile".into(), profile.into()]);
        }
        for file in &call.env_files {
            arguments.extend(["--env-file".into(), file.clone().into()]);
        }
        arguments
    }

    /// Runs a subcommand for a project and gives what it printed on both outputs. `variables` are added to this
    /// process' own.
    ///
    /// It does not share this process' group, so that what a key press sends reaches this process alone: whoever drops
    /// the future kills it with all that it started. With an engine behind ssh it does share it, since ssh may have to
    /// ask the terminal for a password.
    ///
    /// # Errors
    /// [`Error::ComposeFailed`] with the end of its output, [`Error::ComposeCall`] when it cannot be run.
    pub async fn run(
        &self,
        call: &ComposeCall,
        arguments: &[&str],
        variables: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        let mut command = self.command();
        command.args(Self::arguments(call)).args(arguments);
        self::environment(command.as_std_mut(), call, variables);
        let apart = !matches!(call.host, Host::Ssh(_));
        run(self, command, arguments.first().copied().unwrap_or_default(), apart).await
    }
}

impl Composer {
    /// A call of it that has this process' terminal for itself, for whoever wants it to be in its place.
    pub fn instead(
        &self,
        call: &ComposeCall,
        arguments: &[OsString],
        variables: &BTreeMap<String, String>,
    ) -> std::process::Command {
        let mut command = self.program();
        command.args(Self::arguments(call)).args(arguments);
        environment(&mut command, call, variables);
        command
    }
}

/// The variables of a call.
fn environment(
    command: &mut std::process::Command,
    call: &ComposeCall,
    variables: &BTreeMap<String, String>,
) {
    command.envs(variables);
    // A context may have led here, with certificates that Compose would not look for.
    for name in CLIENT_VARIABLES {
        command.env_remove(name);
    }
    command.envs(call.host.client_environment());
    // The files are named; what the variables name must not be added.
    command.env_remove("COMPOSE_FILE").env_remove("COMPOSE_ENV_FILES");
    if !call.profiles.is_empty() {
        command.env_remove("COMPOSE_PROFILES");
    }
}

/// Whether a Compose can recreate containers of an engine: the first one needs what engines from 25.0 on do not tell any
/// more, and ends after it has stopped and renamed the container.
pub fn recreates(version: &str, engine: &EngineVersion) -> bool {
    let too_new = api_number(&engine.api).is_some_and(|api| api >= SILENT_API);
    !(version.starts_with("1.") && too_new)
}

/// Processes of a group, killed when they are not waited for: a client starts others, which the kill of the first one
/// alone would leave.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn run(
    composer: &Composer,
    mut command: Command,
    act: &str,
    apart: bool,
) -> Result<String, Error> {
    let act = format!("{} {act}", composer.name());
    let broken = |source| Error::ComposeCall { command: act.clone(), source };
    if apart {
        command.process_group(0);
    }
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(broken)?;
    let leader = child.id().filter(|_| apart).and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let mut ending = std::pin::pin!(child.wait_with_output());
    // Dropped before the child is, whose number names the group.
    let mut group = Group(leader);
    let output = ending.as_mut().await.map_err(broken)?;
    group.0 = None;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(format!("{}{}", text(&output.stdout), text(&output.stderr)));
    }
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    Err(Error::ComposeFailed {
        command: act,
        status: output.status.to_string(),
        output: tail(&said),
    })
}

/// The directories of plugins that the client's configuration names. One that cannot be read names none; the client
/// itself will say so.
fn extra_directories(config: &Path) -> Vec<PathBuf> {
    let text = fs_err::read_to_string(config.join("config.json")).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let named = config["cliPluginsExtraDirs"].as_array().into_iter().flatten();
    named.filter_map(|directory| directory.as_str().map(PathBuf::from)).collect()
}

fn tail(text: &str) -> String {
    let text = text.trim();
    let from = text.len().saturating_sub(TAIL);
    let from = (from..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or_default();
    text[from..].to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::engine::host::Tls;

    fn program(directory: &Path, name: &str, text: &str) -> PathBuf {
        fs_err::create_dir_all(directory).unwrap();
        let file = directory.join(name);
        fs_err::write(&file, text).unwrap();
        fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn the_first_compose_suits_no_engine_that_tells_nothing_of_images() {
        let engine = |api: &str| EngineVersion { api: api.to_owned(), ..EngineVersion::default() };
        for (version, api, expected) in [
            ("1.29.2", "1.41", true),
            ("1.29.2", "1.43", true),
            ("1.29.2", "1.44", false),
            ("1.29.2", "1.51", false),
            ("2.40.3", "1.51", true),
            ("5.0.1", "1.44", true),
        ] {
            assert_eq!(recreates(version, &engine(api)), expected, "{version} with {api}");
        }
    }

    #[test]
    fn the_plugin_goes_before_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let (bin, config) = (dir.path().join("bin"), dir.path().join("config"));
        assert_eq!(Composer::find(bin.as_os_str(), Some(&config)), None);
        let standalone = program(&bin, "docker-compose", "#!/bin/sh\n");
        let found = Composer::find(bin.as_os_str(), Some(&config));
        assert_eq!(found, Some(Composer::Standalone { program: standalone }));
        program(&config.join("cli-plugins"), "docker-compose", "#!/bin/sh\n");
        let docker = program(&bin, "docker", "#!/bin/sh\n");
        let found = Composer::find(bin.as_os_str(), Some(&config));
        assert_eq!(found, Some(Composer::Plugin { docker }));
    }

    #[test]
    fn nothing_of_the_working_directory_is_taken_for_compose() {
        let dir = tempfile::tempdir().unwrap();
        let program = program(dir.path(), "docker-compose", "#!/bin/sh\n");
        // The same file by a relative part, as an empty one would be in that directory.
        let relative = format!("{}{}", "../".repeat(32), &dir.path().display().to_string()[1..]);
        assert!(Path::new(&relative).join("docker-compose").is_file());
        assert_eq!(Composer::find(relative.as_ref(), None), None);
        let found = Composer::find(dir.path().as_os_str(), None);
        assert_eq!(found, Some(Composer::Standalone { program }));
    }

    #[test]
    fn a_plugin_is_found_where_the_client_s_configuration_says() {
        let dir = tempfile::tempdir().unwrap();
        let (bin, config, extra) =
            (dir.path().join("bin"), dir.path().join("config"), dir.path().join("extra"));
        let docker = program(&bin, "docker", "#!/bin/sh\n");
        program(&extra, "docker-compose", "#!/bin/sh\n");
        fs_err::create_dir(&config).unwrap();
        assert_eq!(Composer::find(bin.as_os_str(), Some(&config)), None);
        let text = serde_json::json!({ "cliPluginsExtraDirs": ["/nowhere", extra] }).to_string();
        fs_err::write(config.join("config.json"), text).unwrap();
        let found = Composer::find(bin.as_os_str(), Some(&config));
        assert_eq!(found, Some(Composer::Plugin { docker }));
    }

    #[tokio::test]
    async fn the_engine_s_certificates_go_with_its_address() {
        let dir = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\necho \"$DOCKER_HOST $DOCKER_CERT_PATH $DOCKER_TLS_VERIFY\" \
                      \"$DOCKER_TLS $DOCKER_CONTEXT\"\n";
        let composer =
            Composer::Standalone { program: program(dir.path(), "docker-compose", script) };
        let said = async |host| {
            let directory = dir.path().to_owned();
            let (project, files, profiles) = ("shop".to_owned(), Vec::new(), Vec::new());
            let env_files = Vec::new();
            let call = ComposeCall { project, directory, files, profiles, env_files, host };
            let others = ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS"];
            let variables = others.map(|name| (name.to_owned(), "other".to_owned())).into();
            composer.run(&call, &["up"], &variables).await.unwrap().trim().to_owned()
        };
        let tls = crate::engine::host::Tls { directory: "/certs".into(), verify: true };
        let secure = Host::Tls { address: "far:2376".into(), tls };
        assert_eq!(said(secure).await, "tcp://far:2376 /certs 1");
        assert_eq!(said(Host::Unix("/e.sock".into())).await, "unix:///e.sock");
    }

    #[tokio::test]
    async fn files_and_project_stand_before_the_subcommand_and_a_failure_carries_the_output() {
        let dir = tempfile::tempdir().unwrap();
        let script =
            "#!/bin/sh\nfor a in \"$@\"; do echo \"$a\"; done; echo \"at $DOCKER_HOST\"; exit 3\n";
        let program = program(dir.path(), "docker-compose", script);
        let call = ComposeCall {
            project: "shop".into(),
            directory: "/srv/shop".into(),
            files: vec!["/srv/shop/a.yml".into(), "/srv/shop/b.yml".into()],
            profiles: vec!["debug".into()],
            env_files: vec!["/srv/shop/x.env".into()],
            host: Host::Unix("/e.sock".into()),
        };
        let composer = Composer::Standalone { program };
        let error = composer.run(&call, &["up", "--no-start"], &BTreeMap::new()).await.unwrap_err();
        let Error::ComposeFailed { command, output, .. } = error else { panic!("{error}") };
        assert_eq!(command, "docker-compose up");
        insta::assert_snapshot!(output.replace('\n', " "), @"--project-name shop --project-directory /srv/shop --file /srv/shop/a.yml --file /srv/shop/b.yml --profile debug --env-file /srv/shop/x.env up --no-start at unix:///e.sock");
    }

    #[tokio::test]
    async fn compose_is_sent_to_the_same_engine_with_the_same_certificates() {
        let dir = tempfile::tempdir().unwrap();
        let program = program(dir.path(), "docker-compose", "#!/bin/sh\nenv\n");
        let tls = Tls { directory: "/context/tls".into(), verify: true };
        let call = ComposeCall {
            project: "shop".into(),
            directory: "/srv/shop".into(),
            files: Vec::new(),
            profiles: Vec::new(),
            env_files: Vec::new(),
            host: Host::Tls { address: "far:2376".into(), tls },
        };
        let others = [("DOCKER_CONTEXT", "x"), ("DOCKER_TLS", "1"), ("DOCKER_HOST", "unix:///x")];
        let variables = others.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let composer = Composer::Standalone { program };
        let said = composer.run(&call, &["ps"], &variables).await.unwrap();
        let mut docker: Vec<_> = said.lines().filter(|line| line.starts_with("DOCKER_")).collect();
        docker.sort_unstable();
        assert_eq!(
            docker,
            ["DOCKER_CERT_PATH=/context/tls", "DOCKER_HOST=tcp://far:2376", "DOCKER_TLS_VERIFY=1"]
        );
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_ends_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("#!/bin/sh\nsleep 60 &\necho $! > {}\nwait\n", file.display());
        let composer =
            Composer::Standalone { program: program(dir.path(), "docker-compose", &script) };
        let call = ComposeCall {
            project: "shop".into(),
            directory: dir.path().into(),
            files: Vec::new(),
            profiles: Vec::new(),
            env_files: Vec::new(),
            host: Host::Unix("/e.sock".into()),
        };
        let variables = BTreeMap::new();
        let number = || fs_err::read_to_string(&file).ok()?.trim().parse::<i32>().ok();
        let grandchild = async {
            while number().is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            number().unwrap()
        };
        let pid = tokio::select! {
            outcome = composer.run(&call, &["up"], &variables) => panic!("{outcome:?}"),
            pid = grandchild => pid,
        };
        let lives = || {
            let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['S', 'R']))
        };
        let begun = std::time::Instant::now();
        while lives() {
            assert!(begun.elapsed() < std::time::Duration::from_mins(1), "it still runs");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}
