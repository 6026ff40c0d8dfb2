//! `up` before it creates containers: what would not start is named, and nothing is created.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::project::Project;
use crate::wheels::Wheel;
use crate::world::{SLIM, text};

/// A module that its Python does not compile.
const BROKEN: &str = "import time\n\n\ndef wait():\n    await time.sleep(1)\n";

/// A project of which `web` runs `app.main` out of an image that copies it.
fn shop(purpose: &str) -> Option<Project> {
    let project = Project::new(&format!("check-{purpose}"), "")?;
    let tag = format!("uptests-check-{purpose}-{}:latest", std::process::id());
    project.write(
        "docker-compose.yml",
        &format!(
            "services:\n  web: {{image: '{tag}', build: ., stop_signal: SIGKILL}}\n  board: {{image: {SLIM}, command: [sleep, '3600']}}\n"
        ),
    );
    let dockerfile = format!(
        "FROM {SLIM}\nWORKDIR /srv\nCOPY app ./app\nCMD [\"python\", \"-m\", \"app.main\"]\n"
    );
    project.write("Dockerfile", &dockerfile);
    fs_err::create_dir(project.path("app")).unwrap();
    project.write("app/main.py", BROKEN);
    Some(project)
}

#[test]
fn what_would_not_start_is_named_and_nothing_is_created() {
    let Some(project) = shop("refused") else { return };
    let said = project.fails(&["up"], 1, &["error[syntax]", "app/main.py:5:5", "--no-check"]);
    assert!(said.contains("nothing was created: 1 error keeps a service from starting"), "{said}");
    assert_eq!(project.containers("web") + &project.containers("board"), "");
    let plan = project.ok(&["up", "--plan"]);
    assert!(plan.contains("check ") && plan.contains("web would not start: "), "{plan}");
    project.write("app/main.py", "import time\ntime.sleep(3600)\n");
    let plan = project.ok(&["up", "--plan"]);
    assert!(!plan.contains("would not start"), "{plan}");
}

/// What the story of this program began with: models that nobody wrote, a requirement that nobody wrote down, a circle of
/// imports, `await` where nothing is asynchronous.
const STORY: [(&str, &str); 4] = [
    ("main.py", "import app.prices\nimport app.tasks\nfrom app.models import trade, user\n"),
    ("prices.py", BROKEN),
    ("tasks.py", "import croniter\nfrom app.storage import put\n\nqueue = [put]\n"),
    ("storage.py", "from app.tasks import queue\n\nput = queue\n"),
];

#[test]
fn the_failures_of_the_story_are_all_named_and_nothing_is_created() {
    let Some(project) = shop("story") else { return };
    for (file, text) in STORY {
        project.write(&format!("app/{file}"), text);
    }
    fs_err::create_dir(project.path("app/models")).unwrap();
    project.write("app/models/__init__.py", "");
    let places = [
        "app/main.py:3:24",
        "app/main.py:3:31",
        "app/prices.py:5:5",
        "app/storage.py:1:23",
        "app/tasks.py:1:8",
        "nothing was created: 5 errors",
    ];
    project.fails(&["up"], 1, &places);
    assert_eq!(project.containers("web") + &project.containers("board"), "");
}

/// Waits until a file of the project has a text.
fn until(project: &Project, file: &str, what: &str) {
    let begun = Instant::now();
    let said = || fs_err::read_to_string(project.path(file)).unwrap();
    while !said().contains(what) {
        assert!(begun.elapsed() < Duration::from_mins(10), "not said: {what}: {}", said());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_watch_says_what_an_edit_breaks_and_goes_on_when_it_is_mended() {
    let Some(project) = shop("watched") else { return };
    let runs = |text: &str| format!("import time\nprint('{text}', flush=True)\ntime.sleep(3600)\n");
    project.write("app/main.py", &runs("first"));
    project.up();
    let before = project.identity("web");
    let mut command = project.command(&["up", "--watch"]);
    let said = fs_err::File::create(project.path("said.tmp")).unwrap();
    command.stdout(Stdio::null()).stderr(Stdio::from(said.into_file()));
    let mut child = command.spawn().unwrap();
    until(&project, "said.tmp", "Watching ");
    project.write("app/main.py", &format!("import croniter\n{}", runs("second")));
    until(&project, "said.tmp", "error[missing-module]");
    assert_eq!(project.identity("web"), before, "what runs goes on");
    project.write("app/main.py", &runs("third"));
    let begun = Instant::now();
    let log = || text(&project.world.docker(&["logs", project.containers("web").trim()]).stdout);
    while !log().contains("third") {
        assert!(begun.elapsed() < Duration::from_mins(10), "{}", log());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!log().contains("second"), "{}", log());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn whoever_says_so_has_containers_all_the_same() {
    let Some(project) = shop("all-the-same") else { return };
    let output = project.pyfast(&["up", "--no-check", "--fast"]);
    let said = text(&output.stderr);
    assert!(!said.contains("error[syntax]"), "{said}");
    assert_ne!(project.containers("web"), "", "{said}");
}

/// An extension module without any header of Python's: its definition, spelt out as it lies in memory.
const EXTENSION: &str = "
int answer_of_mine(void);
extern void *PyModule_Create2(void *, int);
static void *definition[13] = {(void *)1, 0, 0, 0, 0, \"native._c\", 0, (void *)-1, 0, 0, 0, 0, 0};
void *PyInit__c(void) { return answer_of_mine() == 42 ? PyModule_Create2(definition, 1013) : 0; }
";

fn compile(directory: &Path, source: &str, arguments: &[&str]) {
    fs_err::write(directory.join("text.c"), source).unwrap();
    let mut cc = Command::new("cc");
    cc.current_dir(directory).args(["-shared", "-fPIC", "text.c"]).args(arguments);
    let output = cc.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn a_library_that_the_image_lacks_is_named_and_once_it_is_there_the_service_starts() {
    let Some(project) = shop("library") else { return };
    let made = tempfile::tempdir().unwrap();
    let library = ["-Wl,-soname,libmine.so.1", "-o", "libmine.so.1"];
    compile(made.path(), "int answer_of_mine(void) { return 42; }\n", &library);
    compile(made.path(), EXTENSION, &["-o", "_c.so", "libmine.so.1"]);
    let object = fs_err::read(made.path().join("_c.so")).unwrap();
    let files = [("native/__init__.py", "from native import _c\n")];
    let wheel =
        Wheel { name: "native", version: "1.0", requires: &[], files: &files, scripts: &[] };
    wheel.write_with(&project.world.wheels(), &[("native/_c.so", object)]);
    project.write("backend.txt", "native==1.0\n");
    project.write("app/main.py", "import time\n\nimport native\n\ntime.sleep(3600)\n");

    let words = [
        "error[missing-library]",
        "app/main.py:3:8",
        "`native` imports `native._c` (`_c.so`), which needs the library `libmine.so.1`",
        "nothing was created",
    ];
    project.fails(&["up"], 1, &words);
    assert_eq!(project.containers("web"), "");
    project.fails(&["check"], 1, &words[..3]);
    project.write(
        "app/main.py",
        "import time\n\nimport native  # pyfast: ignore\n\ntime.sleep(3600)\n",
    );
    project.ok(&["check"]);
    project.write("app/main.py", "import time\n\nimport native\n\ntime.sleep(3600)\n");

    fs_err::copy(made.path().join("libmine.so.1"), project.path("libmine.so.1")).unwrap();
    let dockerfile = fs_err::read_to_string(project.path("Dockerfile")).unwrap();
    let copies =
        dockerfile.replace("WORKDIR", "COPY libmine.so.1 /usr/local/lib/\nRUN ldconfig\nWORKDIR");
    project.write("Dockerfile", &copies);
    let said = project.pyfast(&["check"]);
    let said = text(&said.stdout) + &text(&said.stderr);
    assert!(!said.contains("missing-library") && said.contains("until it is built"), "{said}");
    project.up();
    project.ok(&["check"]);
    assert_eq!(
        project.python("web", "import native; print(native._c.__name__)").trim(),
        "native._c"
    );
}
