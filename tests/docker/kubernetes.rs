//! What `examples/kubernetes` says, held to its word: Kubernetes' own tools read it, and what a kubelet would start is
//! started by the engine with the same commands, variables, mounts and rights, and without a network. No cluster takes part.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

use crate::world::{PYFAST, SLIM, World, text};

/// Kubernetes' tools, as an environment of the program's own below the target directory, made once a run.
static TOOLS: LazyLock<PathBuf> = LazyLock::new(|| {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kubernetes-tools");
    fs_err::create_dir_all(&here).unwrap();
    fs_err::write(here.join("requirements.txt"), REQUIREMENTS).unwrap();
    let output = tool(&here, &["sync", "--no-compile"], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    here
});

const REQUIREMENTS: &str = "kubernetes-validate==1.37.0\nkubectl-cli-bin==1.37.1\n";

/// The program, in the directory that has the tools.
fn tool(here: &Path, arguments: &[&str], input: &str) -> Output {
    let world = World::without_engine("kubernetes-tools", "unix:///nowhere");
    let mut command = world.command(arguments);
    command.current_dir(here).env("PYFAST_ROOT", here.join("root"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs one of the tools.
fn run(command: &[&str], input: &str) -> Output {
    tool(&TOOLS, &[&["run", "--no-sync", "--"], command].concat(), input)
}

/// Standard output of one that has to succeed.
#[track_caller]
fn printed(command: &[&str], input: &str) -> String {
    let output = run(command, input);
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A copy of the example, with locks where its files say that they are.
struct Example {
    directory: tempfile::TempDir,
}

const WAYS: [&str; 3] = ["image-volume", "init-container", "shared-volume"];

impl Example {
    /// With this lock of each environment.
    fn new(lock: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes");
        for way in WAYS.iter().chain(&["base"]) {
            fs_err::create_dir(directory.path().join(way)).unwrap();
            for entry in fs_err::read_dir(source.join(way)).unwrap() {
                let path = entry.unwrap().path();
                let target = directory.path().join(way).join(path.file_name().unwrap());
                fs_err::copy(&path, target).unwrap();
            }
        }
        for way in &WAYS[1..] {
            for environment in ["backend", "gateway"] {
                let name = format!("{way}/pylock.{environment}.toml");
                fs_err::write(directory.path().join(name), lock).unwrap();
            }
        }
        Self { directory }
    }

    /// What `kubectl apply -k` would send.
    fn manifests(&self, way: &str) -> String {
        printed(&["kubectl", "kustomize", self.directory.path().join(way).to_str().unwrap()], "")
    }

    /// The same as data.
    fn objects(&self, way: &str) -> Vec<Value> {
        let code = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))";
        let json = printed(&["python", "-c", code], &self.manifests(way));
        serde_json::from_str(&json).unwrap()
    }
}

fn validated(manifests: &str) -> Output {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs_err::write(file.path(), manifests).unwrap();
    run(&["kubernetes-validate", "--strict", file.path().to_str().unwrap()], "")
}

#[track_caller]
fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let named = |one: &&Value| {
        let found = one["metadata"]["name"].as_str().unwrap();
        one["kind"] == kind && (found == name || found.starts_with(&format!("{name}-")))
    };
    objects.iter().find(named).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// A pod as the engine is to run it: what its volumes are on this machine.
struct Pod<'a> {
    world: &'a World,
    objects: &'a [Value],
    spec: &'a Value,
    volumes: BTreeMap<String, PathBuf>,
    /// Images that stand for those of the manifests, and the remote store for theirs.
    image: &'a str,
    remote: &'a Path,
}

impl Pod<'_> {
    /// Directories for what the pod brings itself: `emptyDir`, and config maps with the links that a kubelet makes.
    fn lay(&mut self, directory: &Path) {
        for volume in self.spec["volumes"].as_array().unwrap() {
            let name = volume["name"].as_str().unwrap();
            let place = directory.join(name);
            if let Some(map) = volume["configMap"]["name"].as_str() {
                fs_err::create_dir_all(place.join("..now")).unwrap();
                symlink("..now", place.join("..data")).unwrap();
                let data = object(self.objects, "ConfigMap", map)["data"].as_object().unwrap();
                for (file, content) in data {
                    fs_err::write(place.join("..now").join(file), content.as_str().unwrap())
                        .unwrap();
                    symlink(format!("..data/{file}"), place.join(file)).unwrap();
                }
            } else if volume.get("emptyDir").is_some() {
                open(&place);
            } else {
                continue;
            }
            self.volumes.insert(name.to_owned(), place);
        }
    }

    /// `docker run` of one of its containers, less the command: no network, and what the manifest says.
    fn command(&self, container: &Value, more: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &self.world.client_host).args(["run", "--network", "none"]);
        let (pod, own) = (&self.spec["securityContext"], &container["securityContext"]);
        assert_eq!(pod["runAsNonRoot"], true, "{pod}");
        assert_eq!(own["readOnlyRootFilesystem"], true, "{own}");
        assert_eq!(own["allowPrivilegeEscalation"], false, "{own}");
        assert_eq!(own["capabilities"]["drop"][0], "ALL", "{own}");
        command.args(["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]);
        command.args(["--user", &format!("{}:{}", pod["runAsUser"], pod["runAsGroup"])]);
        command.args(["-v", &format!("{PYFAST}:/usr/local/bin/pyfast:ro")]);
        command.args(["-v", &format!("{}:/remote:ro", self.remote.display())]);
        for mount in container["volumeMounts"].as_array().unwrap() {
            let source = &self.volumes[mount["name"].as_str().unwrap()];
            let mode = if mount["readOnly"] == true { "ro" } else { "rw" };
            let target = mount["mountPath"].as_str().unwrap();
            command.args(["-v", &format!("{}:{target}:{mode}", source.display())]);
        }
        for variable in container["env"].as_array().unwrap() {
            let name = variable["name"].as_str().unwrap();
            let value = match name {
                "PYFAST_REMOTE" => "file:///remote",
                _ => variable["value"].as_str().unwrap(),
            };
            command.args(["--env", &format!("{name}={value}")]);
        }
        let words: Vec<&str> = ["command", "args"]
            .iter()
            .filter_map(|key| container[*key].as_array())
            .flatten()
            .map(|word| word.as_str().unwrap())
            .collect();
        command.args(more).args(["--entrypoint", words[0], self.image]).args(&words[1..]);
        command
    }

    /// A container that has to end well.
    #[track_caller]
    fn ends_well(&self, container: &Value) -> String {
        let output = self.command(container, &["--rm"]).output().unwrap();
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        said
    }

    /// The first container, until its probe is answered; then it is removed.
    #[track_caller]
    fn answers(&self) {
        let container = &self.spec["containers"][0];
        let output = self.command(container, &["--detach"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let id = text(&output.stdout).trim().to_owned();
        let path = container["readinessProbe"]["httpGet"]["path"].as_str().unwrap();
        let port = &container["ports"][0]["containerPort"];
        let code = format!(
            "import time, urllib.request as u\nfor _ in range(3000):\n try:\n  print(u.urlopen('http://127.0.0.1:{port}{path}', timeout=5).status)\n  break\n except OSError: time.sleep(0.1)"
        );
        let asked = self.world.docker(&["exec", &id, "python3", "-c", &code]);
        let logs = self.world.docker(&["logs", &id]);
        self.world.engine().remove_container(&id);
        assert_eq!(text(&asked.stdout), "200\n", "{}{}", text(&asked.stderr), text(&logs.stderr));
    }
}

/// A directory that everybody may write, as volumes of pods are.
fn open(place: &Path) {
    fs_err::create_dir_all(place).unwrap();
    fs_err::set_permissions(place, std::fs::Permissions::from_mode(0o777)).unwrap();
}

/// The gateway's image, its lock, and a remote store that has its wheels.
struct Gateway {
    world: World,
    image: String,
    directory: tempfile::TempDir,
    remote: PathBuf,
    lock: String,
}

impl Gateway {
    fn new(purpose: &str) -> Option<Self> {
        let world = World::new(purpose)?;
        let directory = tempfile::tempdir().unwrap();
        open(directory.path());
        let application = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/trading-webui");
        let image = format!("pyfast-test/{purpose}-{}:latest", std::process::id());
        let (python, context) = (format!("PYTHON_IMAGE={SLIM}"), application.to_str().unwrap());
        let file = application.join("docker/Dockerfile.gateway");
        let build = ["build", "-q", "-t", &image, "--build-arg", &python];
        let build = [&build[..], &["-f", file.to_str().unwrap(), context]].concat();
        let output = world.docker(&build);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let requirements = application.join("gateway/requirements.txt");
        fs_err::copy(requirements, world.project().join("requirements.txt")).unwrap();
        let remote = directory.path().join("remote");
        fs_err::create_dir(&remote).unwrap();
        let address = format!("file://{}", remote.display());
        let mut gateway = Self { world, image, directory, remote, lock: String::new() };
        gateway.does(&["lock", "-o", "pylock.toml"]);
        let lock = gateway.world.project().join("pylock.toml");
        gateway.lock = fs_err::read_to_string(lock).unwrap();
        gateway.does(&["sync", "--no-compile", "--push", "--remote", &address]);
        Some(gateway)
    }

    /// What the program does for the gateway's environment, in the volume of this test.
    #[track_caller]
    fn does(&self, arguments: &[&str]) {
        let names = ["--project-name", "trading-webui", "--env", "gateway"];
        let place = ["--volume", &self.world.volume, "--image", SLIM];
        let output = self.world.pyfast(&[arguments, &names, &place].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// The tree of the environment as an image, as a node would mount it.
    fn mounted_image(&self) -> PathBuf {
        let (archive, tree) =
            (self.directory.path().join("environment.tar"), self.directory.path());
        let name = format!("pyfast-test/environment-{}:1", std::process::id());
        let output = archive.to_str().unwrap();
        self.does(&["freeze", &name, "--scratch", "--output", output]);
        let docker = |arguments: &[&str]| {
            let output = self.world.docker(arguments);
            assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
            text(&output.stdout).trim().to_owned()
        };
        docker(&["load", "-q", "-i", output]);
        let id = docker(&["create", &name, "nothing"]);
        docker(&["cp", &format!("{id}:/pyfast"), tree.to_str().unwrap()]);
        self.world.engine().remove_container(&id);
        docker(&["rmi", &name]);
        tree.join("pyfast")
    }

    fn pod<'a>(
        &'a self,
        objects: &'a [Value],
        (kind, name): (&str, &str),
        volumes: &[(&str, &Path)],
    ) -> Pod<'a> {
        let spec = &object(objects, kind, name)["spec"]["template"]["spec"];
        let given = volumes.iter().map(|(name, place)| ((*name).to_owned(), place.to_path_buf()));
        let mut pod = Pod {
            world: &self.world,
            objects,
            spec,
            volumes: given.collect(),
            image: &self.image,
            remote: &self.remote,
        };
        pod.lay(&self.directory.path().join(format!("{kind}-{name}")));
        pod
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.world.docker(&["rmi", "-f", &self.image]);
    }
}

#[test]
fn each_way_is_valid_and_a_misspelt_key_is_refused() {
    let example = Example::new("lock-version = \"1.0\"\n");
    for way in WAYS {
        let manifests = example.manifests(way);
        let output = validated(&manifests);
        assert!(output.status.success(), "{way}: {}", text(&output.stderr));
        let wrong = manifests.replacen("mountPath: /pyfast", "mountpath: /pyfast", 1);
        assert_ne!(wrong, manifests, "{way} mounts the environment");
        assert!(!validated(&wrong).status.success(), "{way}: a misspelt key passed");
    }
}

#[test]
fn no_container_of_an_application_may_read_the_remote_store() {
    let example = Example::new("lock-version = \"1.0\"\n");
    for way in WAYS {
        for one in example.objects(way) {
            if one["kind"] == "Deployment" {
                let containers = one["spec"]["template"]["spec"]["containers"].to_string();
                assert!(!containers.contains("remote-store"), "{way}: {containers}");
                assert!(!containers.contains("PYFAST_REMOTE"), "{way}: {containers}");
            }
        }
    }
}

#[test]
fn a_pod_makes_its_environment_before_its_application_starts() {
    let Some(gateway) = Gateway::new("initcontainer") else { return };
    let example = Example::new(&gateway.lock);
    let objects = example.objects("init-container");
    let pod = gateway.pod(&objects, ("Deployment", "gateway"), &[]);
    let first = &pod.spec["initContainers"][0];
    let said = pod.ends_well(first);
    assert!(said.contains("+ starlette=="), "{said}");
    let again = pod.ends_well(first);
    assert!(again.contains("nothing to do"), "begun again it finds all of it: {again}");
    pod.answers();
}

#[test]
fn a_pod_starts_in_an_environment_that_is_an_image() {
    let Some(gateway) = Gateway::new("imagevolume") else { return };
    let example = Example::new(&gateway.lock);
    let objects = example.objects("image-volume");
    let tree = gateway.mounted_image();
    let pod = gateway.pod(&objects, ("Deployment", "gateway"), &[("pyfast", &tree)]);
    let mount = &pod.spec["containers"][0]["volumeMounts"][0];
    assert_eq!((&mount["name"], &mount["subPath"]), (&"pyfast".into(), &"pyfast".into()));
    pod.answers();
}

#[test]
fn a_job_fills_the_volume_that_every_pod_mounts() {
    let Some(gateway) = Gateway::new("job") else { return };
    let example = Example::new(&gateway.lock);
    let objects = example.objects("shared-volume");
    let volume = gateway.directory.path().join("volume");
    open(&volume);
    let job = gateway.pod(&objects, ("Job", "environments"), &[("pyfast", &volume)]);
    for container in job.spec["initContainers"].as_array().unwrap() {
        let said = job.ends_well(container);
        assert!(said.contains("+ starlette=="), "{said}");
    }
    job.ends_well(&job.spec["containers"][0]);
    let pod = gateway.pod(&objects, ("Deployment", "gateway"), &[("pyfast", &volume)]);
    pod.answers();
}
