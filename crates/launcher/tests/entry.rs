//! The entrypoint as a process of this machine: what the command inherits, and what the process answers when there is
//! nothing to run. Knows no engine.
#![expect(clippy::unwrap_used, reason = "a test's panic names what is wrong, in its helpers too")]

use std::io::{BufRead as _, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_launcher-under-test");

/// A root with one generation, current in the project `shop`.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let generation = root.path().join("envs/v1/abc");
    fs_err::create_dir_all(generation.join("bin")).unwrap();
    fs_err::write(generation.join("env.json"), "{}").unwrap();
    fs_err::write(root.path().join("layout"), "pyfast 1\n").unwrap();
    fs_err::create_dir_all(root.path().join("projects/shop")).unwrap();
    root
}

fn activate(root: &Path) {
    let env = root.join("projects/shop/default");
    fs_err::create_dir_all(&env).unwrap();
    symlink("../../../envs/v1/abc", env.join("current")).unwrap();
}

fn command(root: &Path, wait: u64, argv: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("run").arg(root).arg(wait.to_string()).args(argv).stdin(Stdio::null());
    command
}

fn run(root: &Path, argv: &[&str]) -> Output {
    command(root, 0, argv).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn script(path: PathBuf, text: &str, mode: u32) {
    fs_err::write(&path, text).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_command_runs_in_the_concrete_generation() {
    let root = root();
    activate(root.path());
    let generation = root.path().join("envs/v1/abc");
    script(
        generation.join("bin/tool"),
        "#!/bin/sh\necho \"$0|$VIRTUAL_ENV|$PATH|$PYTHONHOME|$KEPT|$*\"\n",
        0o755,
    );
    let output = command(root.path(), 0, &["tool", "a b", "c"])
        .env("PATH", "/usr/bin:/bin")
        .env("PYTHONHOME", "/wrong")
        .env("KEPT", "kept")
        .output()
        .unwrap();
    let at = generation.display();
    assert_eq!(stdout(&output), format!("{at}/bin/tool|{at}|{at}/bin:/usr/bin:/bin||kept|a b c\n"));
}

#[test]
fn the_command_gets_default_signals_and_its_own_exit_code() {
    let root = root();
    activate(root.path());
    let status = stdout(&run(root.path(), &["cat", "/proc/self/status"]));
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap()
    };
    assert_eq!(field("SigBlk:"), 0, "no signal may be blocked");
    assert_eq!(field("SigIgn:") & (1 << 12), 0, "SIGPIPE may not be ignored");
    assert_eq!(run(root.path(), &["sh", "-c", "exit 41"]).status.code(), Some(41));
}

#[test]
fn the_lease_lives_as_long_as_the_command_and_its_children() {
    let root = root();
    activate(root.path());
    let exclusive = || is_free(root.path(), "abc");
    // The shell ends at once; its child keeps the lease until its standard input closes.
    let mut child =
        command(root.path(), 0, &["sh", "-c", "exec 3<&0; cat <&3 >/dev/null & echo ready"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    let stdin = child.stdin.take();
    child.wait().unwrap();
    assert!(!exclusive(), "what the command started keeps collectors out");
    drop(stdin);
    wait_until(exclusive);
}

#[test]
fn few_allowed_descriptors_are_enough() {
    let root = root();
    activate(root.path());
    let script = "ulimit -n 64; exec \"$0\" run \"$1\" 0 echo started";
    let output =
        Command::new("sh").arg("-c").arg(script).arg(PROGRAM).arg(root.path()).output().unwrap();
    assert_eq!(stdout(&output), "started\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_file_system_that_can_only_be_read_is_no_hindrance() {
    let root = root();
    activate(root.path());
    for path in ["envs/v1/abc/env.json", "envs/v1/abc", "envs/v1/abc/bin", "projects/shop/default"]
    {
        let path = root.path().join(path);
        let mode = if path.is_dir() { 0o555 } else { 0o444 };
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    // As a user who owns nothing here; root would be allowed everything.
    fs_err::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = command(root.path(), 0, &["id", "-u"]);
    if rustix::process::geteuid().is_root() {
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
    }
    let user = stdout(&command.output().unwrap());
    assert_ne!(user, "0\n");
}

/// Whether a collector may have the generation.
fn is_free(root: &Path, id: &str) -> bool {
    let root = pyfast_root::Root::find(root, root).unwrap().unwrap();
    pyfast_root::lease::unused(&root.env(id).unwrap().unwrap()).unwrap().is_some()
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_mins(1), "not reached within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn commands_that_cannot_run_answer_as_in_a_shell() {
    let root = root();
    activate(root.path());
    let bin = root.path().join("envs/v1/abc/bin");
    script(bin.join("plain"), "text", 0o644);
    script(bin.join("orphan"), "#!/no/such/python\n", 0o755);
    let check = |argv: &[&str], code: i32, message: &str| {
        let output = run(root.path(), argv);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    };
    check(&["no-such-command"], 127, "cannot run `no-such-command`: not found in PATH");
    check(&["plain"], 126, "cannot run ");
    check(&["orphan"], 127, "its interpreter /no/such/python does not exist here");
    check(&["/etc"], 126, "cannot run /etc");
    check(&[], 70, "no command to run was given");
}

#[test]
fn waiting_ends_with_the_environment() {
    let root = root();
    let mut child = command(root.path(), 120_000, &["echo", "started"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 14];
    child.stderr.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"event: Waiting");
    activate(root.path());
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "started\n");
}

#[test]
fn a_signal_ends_the_waiting() {
    let root = root();
    let mut child =
        command(root.path(), 120_000, &["true"]).stderr(Stdio::piped()).spawn().unwrap();
    // The message comes after the handlers are in place.
    let mut first = [0; 6];
    child.stderr.as_mut().unwrap().read_exact(&mut first).unwrap();
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", String::from_utf8_lossy(&output.stderr));
}

fn terminate(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

#[test]
fn nothing_there_is_told_with_what_was_looked_for() {
    let root = root();
    let output = run(root.path(), &["true"]);
    assert_eq!(output.status.code(), Some(70));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("there is no environment `default` in "), "{stderr}");
}

/// A second generation, with a program that only it (or only the first one) has.
fn generation(root: &Path, id: &str, tool: Option<&str>) {
    let generation = root.join("envs/v1").join(id);
    fs_err::create_dir_all(generation.join("bin")).unwrap();
    fs_err::write(generation.join("env.json"), "{}").unwrap();
    if let Some(text) = tool {
        script(generation.join("bin/tool"), text, 0o755);
    }
}

fn switch(root: &Path, id: &str) {
    let env = root.join("projects/shop/default");
    fs_err::create_dir_all(&env).unwrap();
    symlink(format!("../../../envs/v1/{id}"), env.join(".new")).unwrap();
    fs_err::rename(env.join(".new"), env.join("current")).unwrap();
}

/// A supervised command; its output is what it says, and what its supervisor says stands beside it.
struct Supervised {
    child: Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
    said: Arc<Mutex<String>>,
    saying: JoinHandle<()>,
}

impl Supervised {
    fn start(root: &Path, grace: u64, argv: &[&str]) -> Self {
        Self::start_by(Path::new(PROGRAM), root, grace, argv)
    }

    fn start_by(program: &Path, root: &Path, grace: u64, argv: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.arg("supervise").arg(root).arg(grace.to_string()).args(argv);
        command.env_remove("HOME").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let errors = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
        let said = Arc::<Mutex<String>>::default();
        let all = Arc::clone(&said);
        let saying = std::thread::spawn(move || {
            errors.map_while(Result::ok).for_each(|line| *all.lock().unwrap() += &(line + "\n"));
        });
        Self { child, lines, said, saying }
    }

    /// Waits until the supervisor has said something.
    fn until_said(&self, words: &str) {
        wait_until(|| self.said.lock().unwrap().contains(words));
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The code, and what the supervisor said.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        self.saying.join().unwrap();
        (code, std::mem::take(&mut self.said.lock().unwrap()))
    }
}

/// Says where it runs, and ends with the given code when it is asked to.
fn service(code: u8) -> String {
    format!(
        "#!/bin/sh\ntrap 'echo end; exit {code}' TERM\ntrap 'echo usr1' USR1\ntrap 'echo hup' HUP\n\
         echo \"up $$ $VIRTUAL_ENV\"\nwhile :; do sleep 0.02; done\n"
    )
}

/// Ends with 9 after it was asked to, but not before there is a file, as long as its own is there.
fn slow(end: &Path) -> String {
    format!(
        "#!/bin/sh\ntrap 'echo asked; while [ -e \"$0\" ] && [ ! -e {} ]; do sleep 0.02; done; exit 9' TERM\n\
         echo up\nwhile :; do sleep 0.02; done\n",
        end.display()
    )
}

#[test]
fn a_supervised_command_gets_signals_and_gives_its_code() {
    let root = root();
    generation(root.path(), "abc", Some(&service(41)));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start(root.path(), 60_000, &["tool"]);
    assert!(supervised.line().starts_with("up "));
    for (signal, answer) in [(Signal::USR1, "usr1"), (Signal::HUP, "hup"), (Signal::TERM, "end")] {
        supervised.signal(signal);
        assert_eq!(supervised.line(), answer);
    }
    assert_eq!(supervised.end().0, Some(41));
}

#[test]
fn a_supervised_command_that_a_signal_ends_gives_128_and_its_number() {
    let root = root();
    activate(root.path());
    let supervised = Supervised::start(root.path(), 60_000, &["sh", "-c", "kill -KILL $$"]);
    assert_eq!(supervised.end().0, Some(137));
    let supervised = Supervised::start(root.path(), 60_000, &["no-such-command"]);
    assert_eq!(supervised.end().0, Some(127));
}

#[test]
fn a_new_generation_restarts_the_command_under_the_same_supervisor() {
    let root = root();
    generation(root.path(), "abc", Some(&service(0)));
    generation(root.path(), "def", Some(&service(7)));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start(root.path(), 60_000, &["tool"]);
    assert!(supervised.line().ends_with("envs/v1/abc"));
    switch(root.path(), "def");
    assert_eq!(supervised.line(), "end", "the old one was asked to end");
    assert!(supervised.line().ends_with("envs/v1/def"));
    let exclusive = |id: &str| is_free(root.path(), id);
    wait_until(|| exclusive("abc"));
    assert!(!exclusive("def"), "the new one is held");
    supervised.signal(Signal::TERM);
    let (code, said) = supervised.end();
    assert_eq!(code, Some(7));
    assert!(said.contains("Restarting"), "{said}");
}

#[test]
fn a_generation_without_the_command_changes_nothing() {
    let root = root();
    generation(root.path(), "abc", Some(&service(3)));
    generation(root.path(), "def", None);
    generation(root.path(), "fab", Some("#!/no/such/python\n"));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start(root.path(), 60_000, &["tool"]);
    assert!(supervised.line().ends_with("envs/v1/abc"));
    switch(root.path(), "def");
    supervised.until_said("not found in PATH");
    supervised.signal(Signal::USR1);
    assert_eq!(supervised.line(), "usr1", "it was not even asked to end");
    // A script whose interpreter is missing shows that only when it is started.
    switch(root.path(), "fab");
    assert_eq!(supervised.line(), "end");
    assert!(supervised.line().ends_with("envs/v1/abc"), "started again where it can run");
    supervised.signal(Signal::TERM);
    let (code, said) = supervised.end();
    assert_eq!(code, Some(3));
    assert!(said.contains("not found in PATH"), "{said}");
    assert!(said.contains("its interpreter /no/such/python does not exist here"), "{said}");
}

#[test]
fn what_does_not_end_in_time_is_killed_with_what_it_started() {
    let root = root();
    let stubborn = "#!/bin/sh\ntrap '' TERM\n(trap '' TERM; while :; do sleep 0.02; done) & echo $!\n\
                    while :; do sleep 0.02; done\n";
    generation(root.path(), "abc", Some(stubborn));
    generation(root.path(), "def", Some("#!/bin/sh\necho second\n"));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start(root.path(), 300, &["tool"]);
    let worker: i32 = supervised.line().parse().unwrap();
    switch(root.path(), "def");
    assert_eq!(supervised.line(), "second");
    assert!(!Path::new(&format!("/proc/{worker}")).exists(), "its worker is gone, and reaped");
    let (code, said) = supervised.end();
    assert_eq!(code, Some(0));
    assert!(said.contains("Killed"), "{said}");
}

#[test]
fn orphans_are_reaped_while_the_command_runs() {
    let root = root();
    let parent = "#!/bin/sh\n(sh -c 'sleep 0.1' & echo $!)\nwhile :; do sleep 0.02; done\n";
    generation(root.path(), "abc", Some(parent));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start(root.path(), 60_000, &["tool"]);
    let orphan = PathBuf::from(format!("/proc/{}", supervised.line()));
    wait_until(|| !orphan.exists());
    supervised.signal(Signal::TERM);
    assert_eq!(supervised.end().0, Some(143));
}

#[test]
fn an_end_that_is_asked_for_during_a_restart_is_the_end() {
    let root = root();
    let end = root.path().join("end");
    generation(root.path(), "abc", Some(&slow(&end)));
    generation(root.path(), "def", Some("#!/bin/sh\necho second\n"));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start(root.path(), 60_000, &["tool"]);
    assert_eq!(supervised.line(), "up");
    switch(root.path(), "def");
    assert_eq!(supervised.line(), "asked");
    supervised.signal(Signal::TERM);
    fs_err::write(end, "").unwrap();
    let rest: Vec<_> = supervised.lines.by_ref().map(Result::unwrap).collect();
    assert!(rest.is_empty(), "nothing is started any more: {rest:?}");
    assert_eq!(supervised.end().0, Some(9));
}

#[test]
fn going_back_and_forth_restarts_nothing() {
    let root = root();
    generation(root.path(), "abc", Some(&service(5)));
    generation(root.path(), "def", Some(&service(6)));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start(root.path(), 60_000, &["tool"]);
    assert!(supervised.line().ends_with("envs/v1/abc"));
    for _ in 0..5 {
        // However slow this machine is, the other one is not seen for as long as a change has to stand.
        supervised.signal(Signal::STOP);
        switch(root.path(), "def");
        switch(root.path(), "abc");
        supervised.signal(Signal::CONT);
    }
    std::thread::sleep(Duration::from_millis(600));
    supervised.signal(Signal::TERM);
    assert_eq!(supervised.line(), "end");
    let (code, said) = supervised.end();
    assert_eq!((code, said.contains("Restarting")), (Some(5), false), "{said}");
}

/// The program by a name of its own: on one machine, all of one name are beside one another.
struct Alone {
    directory: tempfile::TempDir,
    name: String,
}

impl Alone {
    fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // A child that another test forks meanwhile would keep a copy of ours open for writing (`ETXTBSY`).
        let copied = Command::new("/bin/cp").arg(PROGRAM).arg(directory.path().join(name)).status();
        assert!(copied.unwrap().success());
        Self { directory, name: name.to_owned() }
    }

    fn program(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    /// Asks the supervisor beside it; what is answered.
    fn reload(&self, words: &[&str]) -> String {
        let output = Command::new(self.program()).arg("reload").args(words).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8(said).unwrap().trim_end().to_owned()
    }
}

#[test]
fn who_asks_is_told_when_the_command_runs_in_the_current_generation() {
    let (root, alone) = (root(), Alone::new("ask-current"));
    generation(root.path(), "abc", Some(&service(0)));
    generation(root.path(), "def", Some(&service(7)));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start_by(&alone.program(), root.path(), 60_000, &["tool"]);
    assert!(supervised.line().ends_with("envs/v1/abc"));
    assert_eq!(alone.reload(&[]), "done", "it runs there");
    switch(root.path(), "def");
    let begun = Instant::now();
    assert_eq!(alone.reload(&[]), "done");
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(supervised.line(), "end", "nothing was started before");
    assert!(supervised.line().ends_with("envs/v1/def"));
    supervised.signal(Signal::TERM);
    assert_eq!(supervised.end().0, Some(7));
}

#[test]
fn who_asks_for_a_new_run_gets_one_in_the_same_generation() {
    let (root, alone) = (root(), Alone::new("ask-anew"));
    generation(root.path(), "abc", Some(&service(0)));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start_by(&alone.program(), root.path(), 60_000, &["tool"]);
    let first = supervised.line();
    assert_eq!(alone.reload(&["anew"]), "done");
    assert_eq!(supervised.line(), "end");
    let second = supervised.line();
    assert!(second.ends_with("envs/v1/abc") && second != first, "{first} {second}");
    supervised.signal(Signal::USR1);
    assert_eq!(supervised.line(), "usr1", "one new run, and signals go to it");
    supervised.signal(Signal::TERM);
    let (_, said) = supervised.end();
    assert_eq!(said.matches("Again").count(), 1, "{said}");
}

#[test]
fn who_asks_is_told_what_stands_in_the_way() {
    let (root, alone) = (root(), Alone::new("ask-kept"));
    assert!(alone.reload(&[]).contains("nobody supervises it"));
    let stubborn = "#!/bin/sh\ntrap '' TERM\necho up\nwhile :; do sleep 0.02; done\n";
    generation(root.path(), "abc", Some(stubborn));
    generation(root.path(), "def", None);
    generation(root.path(), "fab", Some("#!/no/such/python\n"));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start_by(&alone.program(), root.path(), 300, &["tool"]);
    assert_eq!(supervised.line(), "up");
    assert_eq!(alone.reload(&["anew"]), "killed");
    assert_eq!(supervised.line(), "up");
    switch(root.path(), "def");
    assert_eq!(alone.reload(&[]), "kept");
    assert_eq!(alone.reload(&["anew"]), "kept", "as often as one asks");
    switch(root.path(), "fab");
    assert_eq!(alone.reload(&[]), "kept");
    assert_eq!(supervised.line(), "up", "started again where it can run");
    supervised.signal(Signal::TERM);
    assert!(alone.reload(&[]).contains("it is about to end"));
    supervised.signal(Signal::KILL);
}

#[test]
fn who_asks_where_nothing_is_current_is_told_and_it_is_said_why() {
    let (root, alone) = (root(), Alone::new("ask-nothing"));
    generation(root.path(), "abc", Some(&service(0)));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start_by(&alone.program(), root.path(), 60_000, &["tool"]);
    assert!(supervised.line().ends_with("envs/v1/abc"));
    fs_err::remove_file(root.path().join("projects/shop/default/current")).unwrap();
    assert_eq!(alone.reload(&["anew"]), "kept");
    supervised.signal(Signal::TERM);
    assert_eq!(supervised.line(), "end");
    let (_, said) = supervised.end();
    assert!(said.contains("Kept"), "{said}");
}

#[test]
fn who_asks_is_told_when_the_supervisor_ends_meanwhile() {
    let (root, alone) = (root(), Alone::new("ask-ending"));
    generation(root.path(), "abc", Some(&slow(&root.path().join("never"))));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start_by(&alone.program(), root.path(), 60_000, &["tool"]);
    assert_eq!(supervised.line(), "up");
    let asker =
        Command::new(alone.program()).args(["reload", "anew"]).stderr(Stdio::piped()).spawn();
    assert_eq!(supervised.line(), "asked");
    supervised.signal(Signal::KILL);
    let output = asker.unwrap().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("its supervisor has ended"), "{said}");
}

#[test]
fn several_who_ask_together_are_all_told() {
    let (root, alone) = (root(), Alone::new("ask-several"));
    generation(root.path(), "abc", Some(&service(0)));
    generation(root.path(), "def", Some(&service(0)));
    switch(root.path(), "abc");
    let mut supervised = Supervised::start_by(&alone.program(), root.path(), 60_000, &["tool"]);
    assert!(supervised.line().ends_with("envs/v1/abc"));
    switch(root.path(), "def");
    let alone = &alone;
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..4).map(|_| scope.spawn(move || alone.reload(&[]))).collect();
        for asker in askers {
            assert_eq!(asker.join().unwrap(), "done");
        }
    });
    supervised.signal(Signal::TERM);
    let (_, said) = supervised.end();
    assert_eq!(said.matches("Restarting").count(), 1, "{said}");
}
