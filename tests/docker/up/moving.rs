//! A project that moves in: its image installs what it needs itself, until `init --write`; then its services start in an
//! environment.

use std::os::unix::fs::PermissionsExt as _;

use crate::project::Project;
use crate::world::{SLIM, text};

/// A web service and a worker of one image, which a stage of its own installs into a virtual environment: one package of
/// a requirements file, one by its name.
fn installing(purpose: &str) -> Option<Project> {
    let project = Project::new(purpose, "")?;
    for file in ["pyfast.toml", "backend.txt", "boards.txt"] {
        fs_err::remove_file(project.path(file)).unwrap();
    }
    let tag = format!("{}:latest", project.name);
    let compose = format!(
        "services:\n  web: {{image: '{tag}', build: ., stop_signal: SIGKILL}}\n  worker: {{image: '{tag}', stop_signal: SIGKILL}}\n"
    );
    project.write("docker-compose.yml", &compose);
    project.write("requirements.txt", "shade==1.0\n");
    project.write("main.py", "import shade, lamp, time\ntime.sleep(3600)\n");
    let dockerfile = format!(
        "FROM {SLIM} AS builder\nRUN python -m venv /opt/venv\nENV PATH=\"/opt/venv/bin:$PATH\"\nCOPY requirements.txt .\n\
         RUN pip install -r requirements.txt && pip install lamp==1.0\n\nFROM {SLIM}\n\
         COPY --from=builder /opt/venv /opt/venv\nENV PATH=\"/opt/venv/bin:$PATH\"\nWORKDIR /srv\nCOPY main.py .\n\
         CMD [\"python\", \"main.py\"]\n"
    );
    project.write("Dockerfile", &dockerfile);
    Some(project)
}

#[test]
fn services_start_in_their_environment_once_the_changes_are_written() {
    let Some(project) = installing("moving") else { return };
    let volume = ["--volume", &project.world.volume].map(str::to_owned);
    project.ok(&["init", "--write", &volume[0], &volume[1]]);
    let dockerfile = fs_err::read_to_string(project.path("Dockerfile")).unwrap();
    let left =
        format!("FROM {SLIM}\nWORKDIR /srv\nCOPY main.py .\nCMD [\"python\", \"main.py\"]\n");
    assert_eq!(dockerfile, left);
    let output = project.pyfast(&["up"]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("installs what its environment brings"), "{said}");
    for service in ["web", "worker"] {
        assert_eq!(project.python(service, "import lamp; print(lamp.__version__)"), "1.0");
    }
    project.world.docker(&["rmi", "-f", &format!("{}:latest", project.name)]);
}

#[test]
fn up_says_that_an_image_installs_what_its_environment_brings() {
    let Some(project) = installing("unmoved") else { return };
    // A pip that reaches no index, as no test does.
    let dockerfile = format!(
        "FROM {SLIM}\nWORKDIR /srv\nCOPY main.py .\nCOPY tools /usr/local/bin/\n\
         RUN pip install lamp==1.0\nCMD [\"python\", \"main.py\"]\n"
    );
    project.write("Dockerfile", &dockerfile);
    fs_err::create_dir(project.path("tools")).unwrap();
    project.write("tools/pip", "#!/bin/sh\n");
    let program = std::fs::Permissions::from_mode(0o755);
    fs_err::set_permissions(project.path("tools/pip"), program).unwrap();
    project.write("requirements.txt", "shade==1.0\nlamp==1.0\n");
    let output = project.pyfast(&["up", "--volume", &project.world.volume]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    let line = "Dockerfile installs what its environment brings: `pyfast init` shows what can go";
    assert!(said.contains(line), "{said}");
    project.world.docker(&["rmi", "-f", &format!("{}:latest", project.name)]);
}

#[test]
fn up_says_what_makes_requirements_of_a_lock_alone() {
    let Some(project) = installing("locked") else { return };
    for file in ["requirements.txt", "Dockerfile"] {
        fs_err::remove_file(project.path(file)).unwrap();
    }
    project.write("pylock.toml", "lock-version = '1.0'\ncreated-by = 'other'\npackages = []\n");
    let compose = format!(
        "services:\n  web: {{image: '{SLIM}', command: sleep 3600, stop_signal: SIGKILL}}\n"
    );
    project.write("docker-compose.yml", &compose);
    let output = project.pyfast(&["up", "--volume", &project.world.volume]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    let line = "No service starts in an environment: `pyfast export --lock pylock.toml -o requirements.txt`";
    assert!(said.contains(line), "{said}");
}
