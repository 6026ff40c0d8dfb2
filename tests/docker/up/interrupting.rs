//! Ctrl-C, as a terminal sends it: to the whole group of processes.

use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::project::{Project, TWO};
use crate::world::text;

/// `up` as the leader of a group.
fn up(project: &Project, arguments: &[&str]) -> Child {
    let mut command = project.command(&[&["up"], arguments].concat());
    // Silence alone ends nothing here.
    command.env("UV_HTTP_TIMEOUT", "1200");
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn press(child: &Child) {
    kill_process_group(Pid::from_child(child), Signal::INT).unwrap();
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_mins(10), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Reads what the command says until it has told what an interrupt waits for.
fn until_told(child: &mut Child) {
    let mut said = Vec::new();
    let errors = child.stderr.as_mut().unwrap();
    while !String::from_utf8_lossy(&said).contains("compose may finish what it is doing") {
        let mut byte = [0];
        assert_eq!(errors.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
        said.extend(byte);
    }
}

/// What an interrupted command says.
fn interrupted(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("error: interrupted"), "{said}");
    said
}

#[test]
fn a_sync_on_this_machine_is_left_and_nothing_is_half_done() {
    let Some(project) = Project::new("int-sync", TWO) else { return };
    // A source of wheels that takes a call and never answers it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let links = format!("http://{}/", silent.local_addr().unwrap());
    let child = up(&project, &["--find-links", &links]);
    let _call = silent.accept().unwrap();
    let begun = Instant::now();
    press(&child);
    interrupted(child);
    assert!(begun.elapsed() < Duration::from_mins(10), "{:?}", begun.elapsed());
    assert_eq!(project.containers("web") + &project.containers("board"), "");
    assert!(!project.path("docker-compose.override.yml").exists());
    let result = project.up();
    assert_eq!(result["services"]["web"]["verdict"], "running", "{result}");
}

/// A Compose that creates until the last of the files is there, with another process as the real one's loader has.
fn slow_compose(project: &mut Project) -> [std::path::PathBuf; 3] {
    let files = ["begun", "done", "end"].map(|name| project.path(name));
    let [begun, done, end] = files.each_ref().map(|file| file.display().to_string());
    let script = format!(
        "case \"$*\" in\n*version*) echo 2.0.0 ;;\n\
         *) for n in $(seq 6000); do [ -e {end} ] && break; sleep 0.1; done & echo $! > {begun}.new\n\
         mv {begun}.new {begun}\nwait && echo \"$*\" >> {done} ;;\nesac\n"
    );
    project.fake_compose(&script);
    files
}

#[test]
fn compose_may_finish_and_nothing_more_is_begun() {
    let Some(mut project) = Project::new("int-once", TWO) else { return };
    let [begun, done, end] = slow_compose(&mut project);
    let mut child = up(&project, &[]);
    wait_for("Compose was not called", || begun.exists());
    press(&child);
    until_told(&mut child);
    fs_err::write(end, "").unwrap();
    interrupted(child);
    let calls = fs_err::read_to_string(done).unwrap();
    assert_eq!(calls.lines().count(), 1, "{calls}");
}

#[test]
fn a_second_interrupt_kills_compose_with_what_it_started() {
    let Some(mut project) = Project::new("int-twice", TWO) else { return };
    let [begun, done, _] = slow_compose(&mut project);
    let mut child = up(&project, &[]);
    wait_for("Compose was not called", || begun.exists());
    press(&child);
    // Two of a signal at once would be one.
    until_told(&mut child);
    press(&child);
    let said = interrupted(child);
    assert!(said.contains("compose was killed"), "{said}");
    assert!(!done.exists());
    let sleeper = fs_err::read_to_string(begun).unwrap();
    let stat = format!("/proc/{}/stat", sleeper.trim());
    wait_for("it still runs", || {
        let stat = fs_err::read_to_string(Path::new(&stat)).unwrap_or_default();
        !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['S', 'R']))
    });
}

#[test]
fn followed_logs_end_with_ctrl_c_and_no_error() {
    let services = "
  web:
    <<: *python
    command: [python, -uc, 'import time; print(\"begun\"); time.sleep(3600)']
  board:
    <<: *python
";
    let Some(project) = Project::new("int-logs", services) else { return };
    project.up();
    let mut command = project.world.command(&["logs", "--follow"]);
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    press(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(130), String::new()));
}
