//! Sources for a volume that only containers write: built by the image's own interpreter, beside the volume.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::remote::forward;
use crate::world::{SLIM, World, text};

/// A backend that needs nothing: a wheel of one module, which says which interpreter built it.
const BACKEND: &str = r#"
import base64, hashlib, os, sys, zipfile
def build_wheel(directory, settings=None, metadata_directory=None):
    @DOING@
    code = "WORD = %r\nBUILDER = %r\n" % (open("word.txt").read(), sys.prefix)
    name, info = "local-1.0-@TAG@.whl", "local-1.0.dist-info/"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: @TAG@\n"
    metadata = "Metadata-Version: 2.1\nName: local\nVersion: 1.0\nRequires-Dist: alpha\n"
    code += "SETTINGS = %r\n" % (settings,)
    record = ""
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, content in [("local.py", code), (info + "METADATA", metadata), (info + "WHEEL", wheel)]:
            archive.writestr(path, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest())
            record += "%s,sha256=%s,%d\n" % (path, digest.decode().rstrip("="), len(content))
        archive.writestr(info + "RECORD", record + info + "RECORD,,\n")
    return name
"#;
const LOCAL: &str = "import local, alpha; print(local.WORD, alpha.__version__)";

pub(crate) struct Source {
    pub(crate) tag: &'static str,
    pub(crate) doing: &'static str,
    pub(crate) requires: &'static str,
}

pub(crate) const PURE: Source = Source { tag: "py3-none-any", doing: "pass", requires: "" };

impl Source {
    pub(crate) fn write(&self, folder: &Path, word: &str) {
        fs_err::create_dir_all(folder).unwrap();
        let system = "[build-system]\nbuild-backend = 'backend'\nbackend-path = ['.']\n";
        let system = format!("{system}requires = [{}]\n", self.requires);
        fs_err::write(folder.join("pyproject.toml"), system).unwrap();
        let backend = BACKEND.replace("@TAG@", self.tag).replace("@DOING@", self.doing);
        fs_err::write(folder.join("backend.py"), backend).unwrap();
        fs_err::write(folder.join("word.txt"), word).unwrap();
    }
}

/// A volume out of reach, a host without Python, and `alpha` that every source needs.
pub(crate) fn world(purpose: &str) -> Option<World> {
    let mut world = World::new(purpose)?;
    world.host = forward(&world.host);
    world.package("alpha", "1.0");
    Some(world)
}

pub(crate) fn refused(output: &Output, words: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_directory_is_built_in_the_container_and_again_when_it_changes() {
    let Some(world) = world("carried-directory") else { return };
    let folder = world.project().join("local");
    PURE.write(&folder, "first");
    world.requirements("./local\n");
    let result = world.synced();
    assert_eq!(world.printed(&["python", "-c", LOCAL]), "first 1.0\n");
    let packages = result["packages"].as_array().unwrap();
    let local = packages.iter().find(|package| package["name"] == "local").unwrap();
    assert_eq!(local["source"], folder.display().to_string(), "not where it was carried to");
    assert_eq!(world.synced()["changed"], false);
    world.requirements("./local --config-settings=key=value\n");
    world.synced();
    let script = "import local; print(local.SETTINGS)";
    assert_eq!(world.printed(&["python", "-c", script]), "{'key': 'value'}\n");
    fs_err::write(folder.join("word.txt"), "second").unwrap();
    assert_eq!(world.synced()["changed"], true);
    assert_eq!(world.printed(&["python", "-c", LOCAL]), "second 1.0\n");
    assert_eq!(world.containers(), "");
}

#[test]
fn machine_code_that_the_image_built_fits_the_image() {
    let Some(mut world) = world("carried-code") else { return };
    // Nothing of this machine builds.
    world.path = "/nonexistent".into();
    Source { tag: "cp311-cp311-linux_x86_64", ..PURE }.write(&world.project().join("local"), "x");
    world.requirements("./local\n");
    world.synced();
    let script = "import local; print(local.BUILDER.startswith('/run/pyfast/work/'))";
    assert_eq!(world.printed(&["python", "-c", script]), "True\n");
}

#[test]
fn an_archive_is_asked_for_its_metadata_and_built_there() {
    let Some(world) = world("carried-archive") else { return };
    let project = world.project();
    PURE.write(&project.join("local-1.0"), "packed");
    run("tar", &["-czf", "local-1.0.tar.gz", "local-1.0"], &project);
    fs_err::remove_dir_all(project.join("local-1.0")).unwrap();
    world.requirements("./local-1.0.tar.gz\n");
    world.synced();
    assert_eq!(world.printed(&["python", "-c", LOCAL]), "packed 1.0\n");
    let script = "from importlib.metadata import distribution as d; \
                  print(d('local').read_text('direct_url.json'))";
    let told = world.printed(&["python", "-c", script]);
    let archive = project.join("local-1.0.tar.gz").display().to_string();
    assert!(told.contains(&format!("file://{archive}")), "{told}");
}

#[test]
fn a_commit_is_built_where_there_is_no_git() {
    let Some(world) = world("carried-commit") else { return };
    let repository = world.project().with_file_name("repository");
    PURE.write(&repository, "committed");
    run("git", &["init", "--quiet", "--initial-branch", "main"], &repository);
    run("git", &["add", "--all"], &repository);
    let who = ["-c", "user.name=t", "-c", "user.email=t@h.test"];
    run("git", &[&who[..], &["commit", "--quiet", "-m", "x"]].concat(), &repository);
    world.requirements(&format!("git+file://{}@main\n", repository.display()));
    world.synced();
    assert_eq!(world.printed(&["python", "-c", LOCAL]), "committed 1.0\n");
    let script = "from importlib.metadata import distribution as d; \
                  print(d('local').read_text('direct_url.json'))";
    let told = world.printed(&["python", "-c", script]);
    assert!(
        told.contains("vcs_info") && told.contains("\"requested_revision\":\"main\""),
        "{told}"
    );
}

#[test]
fn a_build_that_fails_there_tells_what_it_printed_and_lacks() {
    let Some(world) = world("carried-failing") else { return };
    let missing = "raise SystemExit('x.c:1:2: fatal error: libpq-fe.h: No such file or directory')";
    Source { doing: missing, ..PURE }.write(&world.project().join("local"), "x");
    world.requirements("./local\n");
    refused(&world.sync(SLIM), &["local", "fatal error", "requirements.txt:1", "libpq-dev"]);
    assert_eq!(world.containers(), "");
}

#[test]
fn an_editable_is_refused_and_no_build_builds_nothing() {
    let Some(world) = world("carried-refused") else { return };
    PURE.write(&world.project().join("local"), "x");
    world.requirements("-e ./local\n");
    refused(&world.sync(SLIM), &["does not have the files", "without -e"]);
    let system = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n\
                  [project]\nname = 'local'\nversion = '1.0'\n";
    fs_err::write(world.project().join("local/pyproject.toml"), system).unwrap();
    world.requirements("./local\n");
    let options = ["--volume", &world.volume, "--image", SLIM, "--no-index", "--no-build"];
    let sync = ["sync", "-r", "requirements.txt"];
    refused(&world.pyfast(&[&sync[..], &options[..]].concat()), &["building is not allowed"]);
}

/// A page of the world's wheels, on this machine's loopback.
struct Page(Child, u16);

impl Page {
    fn new(world: &World) -> Self {
        let script = "import http.server as h, functools as f, sys\n\
                      s = h.ThreadingHTTPServer(('127.0.0.1', 0), \
                      f.partial(h.SimpleHTTPRequestHandler, directory=sys.argv[1]))\n\
                      print(s.server_port, flush=True)\ns.serve_forever()";
        let wheels = world.project().with_file_name("wheels");
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(wheels).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
        Self(child, line.trim().parse().unwrap())
    }

    /// Syncs the world's requirements from this page alone.
    fn synced(&self, world: &World, args: &[&str]) {
        let links = format!("http://127.0.0.1:{}/", self.1);
        let options = ["--volume", &world.volume, "--image", SLIM, "--no-index"];
        let sync = ["sync", "-r", "requirements.txt", "--find-links", &links];
        let output = world.pyfast(&[&sync[..], &options[..], args].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_a_build_needs_comes_from_where_the_container_can_reach() {
    let Some(world) = world("carried-needs") else { return };
    world.package("tool", "3.0");
    let doing = "import tool; open('word.txt', 'w').write('tool ' + tool.__version__)";
    let source = Source { doing, requires: "'tool>2'", ..PURE };
    source.write(&world.project().join("local"), "x");
    world.requirements("./local\n");
    // A directory of this machine is not there.
    refused(&world.sync(SLIM), &["tool", "no index to search", "built in a container"]);
    let page = Page::new(&world);
    page.synced(&world, &[]);
    assert_eq!(world.printed(&["python", "-c", LOCAL]), "tool 3.0 1.0\n");
}

#[test]
fn what_a_build_needs_is_limited_there_as_the_project_and_the_command_line_say() {
    let Some(world) = world("carried-limited") else { return };
    for version in ["1.0", "2.0", "3.0"] {
        world.package("tool", version);
    }
    let doing = "import tool; open('word.txt', 'w').write('tool ' + tool.__version__)";
    let source = Source { doing, requires: "'tool'", ..PURE };
    source.write(&world.project().join("local"), "x");
    world.requirements("./local\n");
    let project = |limit: &str| {
        let table = format!("[tool.uv]\nbuild-constraint-dependencies = ['tool{limit}']\n");
        fs_err::write(world.project().join("pyproject.toml"), table).unwrap();
    };
    let page = Page::new(&world);
    let check = |args: &[&str], expected: &str| {
        page.synced(&world, args);
        assert_eq!(world.printed(&["python", "-c", LOCAL]), format!("{expected} 1.0\n"));
    };
    project("<3");
    check(&[], "tool 2.0");
    project("<2");
    check(&[], "tool 1.0");
    project("!=2.0");
    fs_err::write(world.project().join("limits.txt"), "tool<3  # of the command line\n").unwrap();
    check(&["--build-constraint", "limits.txt"], "tool 1.0");
}

#[test]
fn sources_are_built_side_by_side_in_containers() {
    let Some(world) = world("carried-several") else { return };
    let doing = "import time; began = time.time(); time.sleep(10); \
                 open('word.txt', 'w').write('%r %r' % (began, time.time()))";
    for name in ["one", "two"] {
        let folder = world.project().join(name);
        Source { doing, ..PURE }.write(&folder, "x");
        let replace = |file: &str, act: &dyn Fn(String) -> String| {
            let text = fs_err::read_to_string(folder.join(file)).unwrap();
            fs_err::write(folder.join(file), act(text)).unwrap();
        };
        let own = |text: String| text.replace("Requires-Dist: alpha\\n", "").replace("local", name);
        replace("backend.py", &own);
        let stated = |text| format!("{text}[project]\nname = '{name}'\nversion = '1.0'\n");
        replace("pyproject.toml", &stated);
    }
    world.requirements("./one\n./two\n");
    let options = ["--volume", &world.volume, "--image", SLIM, "--no-index"];
    let sync = ["sync", "-r", "requirements.txt", "--concurrent-builds", "2"];
    let output = world.pyfast(&[&sync[..], &options[..]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = world.printed(&["python", "-c", "import one, two; print(one.WORD, two.WORD)"]);
    let times: Vec<f64> = told.split_whitespace().map(|time| time.parse().unwrap()).collect();
    let [first, first_end, second, second_end] = times[..] else { panic!("{told}") };
    assert!(first < second_end && second < first_end, "one after the other: {told}");
    assert_eq!(world.containers(), "");
}
