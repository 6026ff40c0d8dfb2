//! The override file: what pyfast adds to a project's compose files. Owns its text; must not know who reads it.
//!
//! Its content is constant: it names `current`, never a generation. So what Compose makes of it stays the same while
//! dependencies change, Compose stays the owner of the containers, and a plain `docker compose up -d` that reads the
//! file recreates nothing.
//!
//! Merge rules: <https://docs.docker.com/reference/compose-file/merge/>. Only forms that Compose 1.29 and 2 both read:
//! strings, lists and maps of strings.

use std::fmt::Write as _;
use std::path::Path;

use pyfast_root::layout::LAUNCHER;

use crate::compose_file::{OVERRIDE_MARK, Service, is_ours};
use crate::engine::{DEFAULT_PATH, Image};
use crate::entry::StopSignal;
use crate::error::Error;
use crate::volume::MOUNT_POINT;

/// Label of a container that starts in an environment: the environment's name.
pub const ENV_LABEL: &str = "io.pyfast.env";
/// Key of the volume in the override file.
const VOLUME_KEY: &str = "pyfast-store";

/// The engine's grace period of a service that names none, in seconds.
const GRACE: u64 = 10;
/// Its stop signal where neither service nor image names one.
const STOP_SIGNAL: &str = "SIGTERM";

/// The line above the services, and the one in their place where there are none.
const SERVICES: &str = "services:";
const NO_SERVICES: &str = "services: {}";

/// What is said to a container that starts in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started<'a> {
    /// Name of the project in the root.
    pub project: &'a str,
    /// Name of the environment.
    pub env: &'a str,
}

impl Started<'_> {
    /// The program and the arguments that stand before its own command, without the end of options.
    pub fn entrypoint(&self) -> Vec<String> {
        let program = format!("{MOUNT_POINT}/{LAUNCHER}");
        let own = [&program, "run", "--no-sync", "--project-name", self.project, "--env", self.env];
        own.map(str::to_owned).into()
    }

    /// The variables that it has where its PATH would be this.
    pub fn variables(&self, path: &str) -> [(&'static str, String); 4] {
        let current = format!("{MOUNT_POINT}/projects/{}/{}/current", self.project, self.env);
        [
            ("PATH", format!("{current}/bin:{path}")),
            ("VIRTUAL_ENV", current),
            // For `pyfast run` by hand in the container.
            ("PYFAST_ENV", self.env.to_owned()),
            ("PYFAST_PROJECT_NAME", self.project.to_owned()),
        ]
    }
}

/// Everything the override file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// `version` of the project's first compose file, which Compose 1 wants repeated.
    pub version: Option<String>,
    /// What is mounted.
    pub store: StoreMount,
    /// The services, in the order in which they are written.
    pub services: Vec<OverrideService>,
}

/// Where containers get the environments from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreMount {
    /// A named volume.
    Volume(String),
    /// A directory of the engine's machine, absolute.
    Directory(String),
}

/// A service that starts in an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideService {
    /// Its name.
    pub name: String,
    /// Name of the project in the root.
    pub project: String,
    /// Name of the environment.
    pub env: String,
    /// What stands before its command without pyfast: its entrypoint, or its image's.
    pub entrypoint: Vec<String>,
    /// The image's command, where the service has none of its own. A command of the compose file stays there, with
    /// its variables: what they hold may be secret.
    pub command: Option<Vec<String>>,
    /// Whether it names anything to run.
    pub runs: bool,
    /// The PATH it would have without pyfast.
    pub path: String,
    /// How its command is asked to end for the next run, where it is supervised.
    pub supervised: Option<Stopping>,
}

/// How a command is asked to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopping {
    /// The signal.
    pub signal: String,
    /// How long it has for that until it is killed, in seconds.
    pub grace: u64,
}

impl OverrideService {
    /// What a service and its image would run by themselves. A service's entrypoint drops the image's command
    /// (<https://github.com/compose-spec/compose-spec/blob/main/05-services.md#entrypoint>).
    pub fn new(name: &str, service: &Service, image: &Image, project: &str, env: &str) -> Self {
        let entrypoint = service.entrypoint.as_ref().unwrap_or(&image.entrypoint);
        let command = match (&service.command, &service.entrypoint) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(Vec::new()),
            (None, None) => Some(image.cmd.clone()),
        };
        let words = command.as_ref().or(service.command.as_ref()).map_or(0, Vec::len);
        let runs = words + entrypoint.len() > 0;
        let own = service.environment.get("PATH").cloned().flatten();
        let path = own.unwrap_or_else(|| match image.path_env.as_str() {
            "" => DEFAULT_PATH.to_owned(),
            path => path.to_owned(),
        });
        let (name, project, env) = (name.into(), project.into(), env.into());
        let entrypoint = entrypoint.clone();
        Self { name, project, env, entrypoint, command, runs, path, supervised: None }
    }

    /// The same with its command supervised, which is asked to end as the engine would ask the service.
    ///
    /// # Errors
    /// [`Error::SignalName`] when its stop signal is one that cannot be passed on.
    pub fn supervised(mut self, service: &Service, image: &Image) -> Result<Self, Error> {
        let signal = service.stop_signal.as_ref().or(image.stop_signal.as_ref());
        let signal = signal.map_or(STOP_SIGNAL, String::as_str);
        signal.parse::<StopSignal>()?;
        // Engines count whole seconds.
        let grace = service.stop_grace_period.map_or(GRACE, |grace| grace.as_secs());
        self.supervised = Some(Stopping { signal: signal.to_owned(), grace });
        Ok(self)
    }

    /// The options that say so.
    fn supervision(&self) -> Vec<String> {
        let Some(Stopping { signal, grace }) = &self.supervised else { return Vec::new() };
        let words = ["--supervise", "--stop-signal", signal, "--grace", &grace.to_string()];
        words.map(str::to_owned).to_vec()
    }

    fn write(&self, text: &mut String, store: &StoreMount) {
        let started = Started { project: &self.project, env: &self.env };
        let own = started.entrypoint().into_iter().chain(self.supervision()).chain(["--".into()]);
        let entrypoint: Vec<String> = own.chain(self.entrypoint.iter().cloned()).collect();
        let entrypoint = list(entrypoint.iter().map(String::as_str));
        let command = self.command.as_ref();
        let command = command.map(|words| list(words.iter().map(String::as_str)));
        let variables = started.variables(&self.path);
        let variables = variables.map(|(name, value)| format!("      {name}: {}", quoted(&value)));
        let mount = match store {
            StoreMount::Volume(_) => format!("{VOLUME_KEY}:{MOUNT_POINT}:ro,nocopy"),
            StoreMount::Directory(directory) => format!("{directory}:{MOUNT_POINT}:ro"),
        };
        let lines = [
            format!("  {}:", quoted(&self.name)),
            format!("    entrypoint: {entrypoint}"),
            command.map(|command| format!("    command: {command}\n")).unwrap_or_default()
                + "    environment:",
            variables.join("\n"),
            format!("    volumes: [{}]", quoted(&mount)),
            "    labels:".to_owned(),
            format!("      {ENV_LABEL}: {}", quoted(&self.env)),
        ];
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
    }
}

impl Override {
    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{OVERRIDE_MARK}\n# It mounts the environments read-only into the services that use them, and starts \
             these through `pyfast run`.\n"
        );
        if let Some(version) = &self.version {
            let _ = writeln!(text, "version: {}", quoted(version));
        }
        if self.services.is_empty() {
            let _ = writeln!(text, "{NO_SERVICES}");
            return text;
        }
        let _ = writeln!(text, "{SERVICES}");
        for service in &self.services {
            service.write(&mut text, &self.store);
        }
        if let StoreMount::Volume(name) = &self.store {
            let name = quoted(name);
            let _ =
                writeln!(text, "volumes:\n  {VOLUME_KEY}:\n    external: true\n    name: {name}");
        }
        text
    }

    /// A text that was made here without the services that are not to be kept; any other as it is.
    pub fn keeping(text: &str, kept: impl Fn(&str) -> bool) -> String {
        if !is_ours(text) {
            return text.to_owned();
        }
        let (mut within, mut keeps) = (false, true);
        let mut lines: Vec<&str> = Vec::new();
        for line in text.lines() {
            let indented = line.starts_with(' ');
            if !indented {
                (within, keeps) = (line == SERVICES, true);
            } else if let Some(name) = line.strip_prefix("  \"").filter(|_| within) {
                let name = name.strip_suffix("\":").unwrap_or(name);
                keeps = kept(&name.replace("$$", "$"));
            }
            if keeps {
                lines.push(line);
            }
        }
        if let Some(at) = lines.iter().position(|line| *line == SERVICES)
            && lines.get(at + 1).is_none_or(|line| !line.starts_with(' '))
        {
            lines[at] = NO_SERVICES;
        }
        lines.join("\n") + "\n"
    }
}

/// Where the override belongs beside a project's first compose file, so that Compose loads it by itself:
/// `compose.override.yaml` beside `compose.yaml`, `docker-compose.override.yml` beside `docker-compose.yml`.
pub fn override_sibling(file: &Path) -> std::path::PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension = file.extension().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}.override.{extension}"))
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", words.map(quoted).collect::<Vec<_>>().join(", "))
}

/// A string as both JSON and YAML read it, with Compose's interpolation kept off.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text.replace('$', "$$")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn argv(
        entrypoint: Option<&[&str]>,
        command: Option<&[&str]>,
    ) -> (Vec<String>, Option<Vec<String>>) {
        let image = Image {
            entrypoint: strings(&["/entry"]),
            cmd: strings(&["serve"]),
            ..Image::default()
        };
        let service = Service {
            entrypoint: entrypoint.map(strings),
            command: command.map(strings),
            ..Service::default()
        };
        let service = OverrideService::new("web", &service, &image, "shop", "backend");
        (service.entrypoint, service.command)
    }

    #[test]
    fn the_command_line_is_what_the_engine_would_make_of_service_and_image() {
        let some = |words| Some(strings(words));
        assert_eq!(argv(None, None), (strings(&["/entry"]), some(&["serve"])));
        // A command of the compose file is not repeated: Compose keeps it.
        assert_eq!(argv(None, Some(&["other"])), (strings(&["/entry"]), None));
        // An entrypoint drops the image's command.
        assert_eq!(argv(Some(&["sh"]), None), (strings(&["sh"]), some(&[])));
        assert_eq!(argv(Some(&["sh"]), Some(&["-c"])), (strings(&["sh"]), None));
        assert_eq!(argv(Some(&[]), Some(&["x"])), (strings(&[]), None));
    }

    #[test]
    fn the_file_is_constant_and_escapes_what_compose_would_expand() {
        let service = OverrideService {
            name: "web".into(),
            project: "shop".into(),
            env: "backend".into(),
            entrypoint: strings(&["sh", "-c"]),
            command: Some(strings(&["echo \"$HOME\""])),
            runs: true,
            path: "/usr/bin:/bin".into(),
            supervised: None,
        };
        let file = Override {
            version: Some("3.8".into()),
            store: StoreMount::Volume("pyfast-shop".into()),
            services: vec![service],
        };
        assert!(is_ours(&file.text()));
        insta::assert_snapshot!(file.text(), @r#"
        # Made by `pyfast up`. Changes are overwritten.
        # It mounts the environments read-only into the services that use them, and starts these through `pyfast run`.
        version: "3.8"
        services:
          "web":
            entrypoint: ["/pyfast/bin/pyfast", "run", "--no-sync", "--project-name", "shop", "--env", "backend", "--", "sh", "-c"]
            command: ["echo \"$$HOME\""]
            environment:
              PATH: "/pyfast/projects/shop/backend/current/bin:/usr/bin:/bin"
              VIRTUAL_ENV: "/pyfast/projects/shop/backend/current"
              PYFAST_ENV: "backend"
              PYFAST_PROJECT_NAME: "shop"
            volumes: ["pyfast-store:/pyfast:ro,nocopy"]
            labels:
              io.pyfast.env: "backend"
        volumes:
          pyfast-store:
            external: true
            name: "pyfast-shop"
        "#);
    }

    fn service(name: &str) -> OverrideService {
        OverrideService {
            name: name.into(),
            project: "shop".into(),
            env: "default".into(),
            entrypoint: strings(&["app"]),
            command: None,
            runs: true,
            path: "/bin".into(),
            supervised: None,
        }
    }

    #[test]
    fn a_supervised_command_is_asked_to_end_as_the_engine_would_ask_the_service() {
        let of = |signal: Option<&str>, grace: Option<u64>, images: Option<&str>| {
            let own = Service {
                stop_signal: signal.map(str::to_owned),
                stop_grace_period: grace.map(std::time::Duration::from_secs),
                ..Service::default()
            };
            let image = Image { stop_signal: images.map(str::to_owned), ..Image::default() };
            Ok::<_, Error>(service("web").supervised(&own, &image)?.supervision()[1..].join(" "))
        };
        assert_eq!(of(None, None, None).unwrap(), "--stop-signal SIGTERM --grace 10");
        assert_eq!(
            of(None, Some(75), Some("SIGQUIT")).unwrap(),
            "--stop-signal SIGQUIT --grace 75"
        );
        assert_eq!(of(Some("2"), Some(0), Some("QUIT")).unwrap(), "--stop-signal 2 --grace 0");
        let error = of(Some("SIGRTMIN+3"), None, None).unwrap_err();
        assert!(matches!(error, Error::SignalName { .. }), "{error}");
        let store = StoreMount::Volume("pyfast-shop".into());
        let supervised = service("web").supervised(&Service::default(), &Image::default()).unwrap();
        let text = Override { version: None, store, services: vec![supervised] }.text();
        let words = r#""--supervise", "--stop-signal", "SIGTERM", "--grace", "10", "--", "app"]"#;
        assert!(text.contains(words), "{text}");
    }

    #[test]
    fn services_that_are_gone_leave_the_file_and_nothing_else_does() {
        let of = |names: &[&str]| {
            let store = StoreMount::Volume("pyfast-shop".into());
            let services = names.iter().map(|name| service(name)).collect();
            Override { version: None, store, services }.text()
        };
        let both = of(&["web", "worker"]);
        assert_eq!(Override::keeping(&both, |_| true), both);
        assert_eq!(Override::keeping(&both, |name| name == "web"), of(&["web"]));
        let none = Override::keeping(&both, |_| false);
        assert!(none.contains("\nservices: {}\nvolumes:\n"), "{none}");
        assert_eq!(Override::keeping("services:\n  \"a\":\n", |_| false), "services:\n  \"a\":\n");
    }

    #[test]
    fn a_directory_is_mounted_as_it_is() {
        let file = Override {
            version: None,
            store: StoreMount::Directory("/srv/py".into()),
            services: vec![service("web")],
        };
        assert!(file.text().contains("volumes: [\"/srv/py:/pyfast:ro\"]"), "{}", file.text());
        assert!(!file.text().contains("external"), "{}", file.text());
    }

    #[test]
    fn compose_finds_the_sibling_by_itself() {
        let sibling = |file: &str| override_sibling(Path::new(file)).display().to_string();
        assert_eq!(sibling("/a/compose.yaml"), "/a/compose.override.yaml");
        assert_eq!(sibling("/a/docker-compose.yml"), "/a/docker-compose.override.yml");
    }
}
