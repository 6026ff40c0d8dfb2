//! Packages that have no wheel are built from source, once, and go through the store as any other.

use crate::support::page::File;
use crate::support::ran::EITHER;
use crate::support::source::Sdist;
use crate::support::stock::check;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world whose backends tell each build in a file.
fn world() -> World {
    let mut world = World::new();
    let told = world.path("built").display().to_string();
    world.env.insert("BUILT".to_owned(), told);
    world
}

/// How often a backend made a wheel.
fn builds(world: &World) -> usize {
    fs_err::read_to_string(world.path("built")).unwrap_or_default().lines().count()
}

#[test]
fn a_package_without_a_wheel_is_built_with_what_it_needs() {
    let world = world();
    world.index.add(&Wheel::new("dependency", "1.0")).add(&Wheel::new("tool", "1.0"));
    Sdist::new("fromsource", "1.0")
        .requires("dependency")
        .build_requires("tool")
        .doing("import tool")
        .publish(&world);
    check(&world, &["fromsource"], &["dependency==1.0", "fromsource==1.0"]);
    assert_eq!(builds(&world), 1);
    let lock = world.sync(&[]);
    assert!(!lock.changed());
    assert_eq!(builds(&world), 1, "it is in the store");
}

#[test]
fn a_wheel_is_preferred_and_no_binary_builds_all_the_same() {
    let world = world();
    world.index.add(&Wheel::new("both", "1.0"));
    Sdist::new("both", "1.0").publish(&world);
    check(&world, &["both"], &["both==1.0"]);
    assert_eq!(builds(&world), 0);
    world.sync(&["--no-binary", "both"]);
    assert_eq!(builds(&world), 1);
}

#[test]
fn rule_44_a_file_says_what_is_built_and_the_command_line_takes_it_back() {
    let world = world();
    world.index.add(&Wheel::new("both", "1.0"));
    Sdist::new("both", "1.0").publish(&world);
    world.require(&["--no-binary :all:", "--only-binary other", "both"]);
    world.sync(&["--no-binary", ":none:"]);
    assert_eq!(builds(&world), 0);
    let built = world.sync(&[]);
    assert_eq!(built.packages(), ["both==1.0"]);
    assert_eq!(builds(&world), 1);
    assert!(!world.sync(&[]).changed());
}

#[test]
fn no_build_takes_an_older_wheel_and_runs_nothing() {
    let world = world();
    world.index.add(&Wheel::new("both", "1.0"));
    Sdist::new("both", "2.0").publish(&world);
    world.require(&["both"]);
    assert_eq!(world.sync(&["--no-build"]).packages(), ["both==1.0"]);
    assert_eq!(world.sync(&["--only-binary", "both"]).packages(), ["both==1.0"]);
    assert_eq!(builds(&world), 0);
    assert_eq!(world.sync(&["--upgrade"]).packages(), ["both==2.0"]);
}

#[test]
fn a_failing_build_shows_its_end_who_needs_it_and_what_it_lacks() {
    let world = world();
    world.index.add(&Wheel::new("parent", "1.0").requires("broken"));
    Sdist::new("broken", "1.0")
        .doing("raise SystemExit('x.c:1:10: fatal error: libpq-fe.h: No such file or directory')")
        .stated("")
        .publish(&world);
    let needles = ["broken==1.0", "parent", "backend speaks", "libpq-fe.h"];
    let ran = world.require(&["parent"]).try_sync(&[]);
    ran.refused_with_hint(&[1], &needles);
}

#[test]
fn a_build_sees_no_credentials_and_nothing_of_the_users_python() {
    let mut world = world();
    for (key, value) in [
        ("PYTHONPATH", "/nowhere"),
        ("SOME_TOKEN", "hidden-word"),
        ("MY_INDEX", "https://me:hidden-word@index.test/simple"),
        ("CFLAGS", "-O1"),
    ] {
        world.env.insert(key.to_owned(), value.to_owned());
    }
    Sdist::new("looks", "1.0").publish(&world);
    let synced = world.require(&["looks"]).sync(&[]);
    let script = "import looks; print(looks.environment)";
    let seen = crate::support::python::evaluate(&synced.bin("python"), script);
    assert!(!seen.contains("hidden-word") && !seen.contains("/nowhere"), "{seen}");
    assert!(seen.contains("'CFLAGS': '-O1'"), "{seen}");
}

#[test]
fn config_settings_reach_the_backend() {
    let world = world();
    Sdist::new("a", "1.0").publish(&world);
    world.require(&["a"]).sync(&["--config-settings", "key=value"]);
    let told = fs_err::read_to_string(world.path("built")).unwrap();
    assert!(told.contains("{'key': 'value'}"), "{told}");
}

#[test]
fn without_isolation_the_interpreters_own_packages_build() {
    let mut world = world();
    let environment = world.path("own");
    let mut make = std::process::Command::new(&world.python);
    make.args(["-m", "venv", "--without-pip"]).arg(&environment);
    crate::support::python::check(&mut make);
    world.python = environment.join("bin/python").display().to_string();
    let script = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = crate::support::python::evaluate(world.python.as_ref(), script);
    fs_err::write(std::path::Path::new(packages.trim()).join("handmade.py"), "").unwrap();
    Sdist::new("a", "1.0")
        .build_requires("not-on-any-index")
        .doing("import handmade")
        .publish(&world);
    world.require(&["a"]);
    world.try_sync(&[]).refused(&[1], &["not-on-any-index"]);
    let without = ["--no-build-isolation"];
    assert_eq!(world.sync(&without).packages(), ["a==1.0"]);
    let before = builds(&world);
    world.sync(&["--no-build-isolation", "--upgrade"]);
    assert_eq!(builds(&world), before);
    fs_err::write(std::path::Path::new(packages.trim()).join("another.py"), "").unwrap();
    world.sync(&["--no-build-isolation", "--upgrade"]);
    assert_eq!(builds(&world), before + 1, "it may be built from other packages now");
}

#[test]
fn build_constraints_limit_what_builds_need_and_nothing_else() {
    let world = world();
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("tool", version));
    }
    Sdist::new("a", "1.0")
        .requires("tool")
        .build_requires("tool")
        .doing("import importlib.metadata as m; told('with tool ' + m.version('tool'))")
        .publish(&world);
    world.write("constraints.txt", "tool<2\n");
    world.require(&["a"]);
    let synced = world.sync(&["--build-constraint", "constraints.txt"]);
    assert_eq!(synced.packages(), ["a==1.0", "tool==2.0"]);
    let told = fs_err::read_to_string(world.path("built")).unwrap();
    assert!(told.contains("with tool 1.0"), "{told}");
    world.sync(&[]);
    let told = fs_err::read_to_string(world.path("built")).unwrap();
    assert!(told.contains("with tool 2.0"), "other constraints make another build: {told}");
}

/// A world of two versions of `tool`, a package of the index and a directory `mine` that are built with it, and a function
/// that tells the version which the last builds had.
fn world_of_tools() -> World {
    let world = world();
    for version in ["1.0", "2.0", "3.0"] {
        world.index.add(&Wheel::new("tool", version));
    }
    let told = "import importlib.metadata as m; told('with tool ' + m.version('tool'))";
    let source = |name| Sdist::new(name, "1.0").build_requires("tool").doing(told);
    source("a").publish(&world);
    source("mine").write(&world.project.join("mine"));
    world
}

/// The versions of `tool` that were built with since the last look.
fn tools(world: &World) -> Vec<String> {
    let told = fs_err::read_to_string(world.path("built")).unwrap_or_default();
    let _ = fs_err::remove_file(world.path("built"));
    let mut tools: Vec<String> =
        told.lines().filter_map(|line| Some(line.strip_prefix("with tool ")?.to_owned())).collect();
    tools.sort();
    tools.dedup();
    tools
}

#[test]
fn a_project_limits_what_its_builds_need() {
    let world = world_of_tools();
    let project = |table: &str| {
        let dependencies = "dependencies = [\"a\", \"mine\", \"tool\"]";
        let sources = "[tool.uv.sources]\nmine = { path = \"mine\" }";
        let head = "[project]\nname = \"app\"\nversion = \"1\"";
        world.write("pyproject.toml", &format!("{head}\n{dependencies}\n{sources}\n{table}\n"));
    };
    let limit = |limit: &str| format!("build-constraint-dependencies = [\"{limit}\"]");
    let sync = |args: &[&str]| Synced::of(world.pyfast(&[&["sync", "--json"][..], args].concat()));
    let synced = |args: &[&str], tool: &str| {
        let synced = sync(args);
        assert_eq!(synced.packages(), ["a==1.0", "mine==1.0", "tool==3.0"]);
        assert_eq!(tools(&world), [tool]);
    };
    project("");
    synced(&[], "3.0");
    project(&format!("[tool.uv]\n{}", limit("tool<2")));
    synced(&[], "1.0");
    assert!(!sync(&[]).changed(), "nothing has moved");
    project(&format!("[tool.uv]\n{}", limit("tool<3")));
    synced(&[], "2.0");
    // What the command line says limits it further, and a change of its file is noticed.
    world.write("more.txt", "tool<2\n");
    synced(&["--build-constraint", "more.txt"], "1.0");
    world.write("more.txt", "tool!=1.0\n");
    synced(&["--build-constraint", "more.txt"], "2.0");
    // What stands for the table says it too.
    world.write("uv.toml", &limit("tool==3.0"));
    synced(&[], "3.0");
}

#[test]
fn what_limits_no_version_of_what_builds_need_is_refused_with_its_line() {
    let world = world_of_tools();
    let refused = |limit: &str, needles: &[&str]| {
        let table = format!("[tool.uv]\nbuild-constraint-dependencies = [\n  \"{limit}\",\n]");
        let head = "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [\"a\"]";
        world.write("pyproject.toml", &format!("{head}\n{table}\n"));
        world.pyfast(&["sync"]).refused(EITHER, needles);
    };
    refused("tool <", &["pyproject.toml:7"]);
    let repository = "tool @ git+https://host.invalid/tool";
    refused(repository, &["pyproject.toml:7", "a constraint of builds"]);
    world.require(&["a"]);
    fs_err::remove_file(world.project.join("pyproject.toml")).unwrap();
    world.write("more.txt", &format!("{repository}\n"));
    let given = world.try_sync(&["--build-constraint", "more.txt"]);
    given.refused(EITHER, &["more.txt:1", "a constraint of builds"]);
}

#[test]
fn a_wheel_for_another_python_is_refused_when_it_is_built() {
    let world = world();
    Sdist::new("a", "1.0").tag("cp27-cp27m-win32").stated("").publish(&world);
    world.require(&["a"]).try_sync(&[]).refused(&[1], &["a==1.0", "fits another Python"]);
}

#[test]
fn rule_16_archives_of_every_age_are_built_by_url_by_path_and_from_an_index() {
    let world = world();
    let (mut lines, mut expected) = (Vec::new(), Vec::new());
    for (place, ending) in
        [".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar"]
            .iter()
            .enumerate()
    {
        let name = format!("age{place}");
        let built = Sdist::new(&name, "1.0").pack_as(&world, ending);
        match place % 3 {
            0 => {
                fs_err::write(world.project.join(&built.filename), &built.bytes).unwrap();
                lines.push(built.filename);
            }
            1 => {
                world.index.publish(File::new(built.clone()));
                lines.push(world.index.file_url(&built.filename));
            }
            _ => {
                world.index.publish(File::new(built));
                lines.push(name.clone());
            }
        }
        expected.push(format!("{name}==1.0"));
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(&world, &lines, &expected);
    assert!(!world.sync(&[]).changed(), "the lock is read again");
}

#[test]
fn rule_16_of_several_archives_todays_format_is_taken() {
    let world = world();
    let source = Sdist::new("a", "1.0");
    for ending in [".tar.bz2", ".tar.gz", ".tar"] {
        world.index.publish(File::new(source.pack_as(&world, ending)));
    }
    check(&world, &["a"], &["a==1.0"]);
    assert_eq!(world.index.asked("a-1.0.tar.gz").len(), 1);
    assert!(world.index.asked("a-1.0.tar.bz2").is_empty());
}

#[test]
fn an_archive_without_a_directory_of_its_own_is_built() {
    let world = world();
    Sdist::new("a", "1.0").write(&world.path("flat"));
    let mut tar = std::process::Command::new("tar");
    tar.arg("-czf").arg(world.project.join("flat.tar.gz")).arg("-C").arg(world.path("flat"));
    crate::support::python::check(tar.arg("."));
    check(&world, &["./flat.tar.gz"], &["a==1.0"]);
    let stated = Sdist::new("b", "2.0").project("").doing("raise SystemExit('it ran')");
    stated.write(&world.path("stated"));
    let mut tar = std::process::Command::new("tar");
    tar.arg("-cf").arg(world.project.join("stated.tar")).arg("-C").arg(world.path("stated"));
    crate::support::python::check(tar.args(["backend.py", "pyproject.toml"]));
    world.require(&["./stated.tar"]);
    assert_eq!(world.locked(&[]), ["b==2.0"], "its table is found");
}

#[test]
fn settings_of_one_requirement_reach_its_build_and_no_other() {
    let world = world();
    for name in ["first", "second"] {
        Sdist::new(name, "1.0").stated("").publish(&world);
    }
    let told = |world: &World| fs_err::read_to_string(world.path("built")).unwrap_or_default();
    world.require(&["first --config-settings=key=mine", "second"]);
    world.sync(&["-C", "key=all", "-C", "other=x"]);
    let text = told(&world);
    assert!(text.contains("wheel {'key': 'mine', 'other': 'x'}"), "{text}");
    assert!(text.contains("wheel {'key': 'all', 'other': 'x'}"), "{text}");
    world.require(&["first --config-settings=key=changed", "second"]);
    world.sync(&["-C", "key=all", "-C", "other=x"]);
    let last = told(&world).lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(last, ["wheel {'key': 'changed', 'other': 'x'}"], "only that one is built anew");
}

#[test]
fn settings_of_a_directory_reach_its_build() {
    let world = world();
    Sdist::new("local", "1.0").write(&world.project.join("d"));
    world.require(&["./d -C key=mine"]);
    world.sync(&[]);
    let text = fs_err::read_to_string(world.path("built")).unwrap_or_default();
    assert_eq!(text.trim(), "wheel {'key': 'mine'}");
}

/// Says that it is there, and waits for another file for minutes.
fn meeting(own: &str, other: &str) -> String {
    format!(
        "import time; place = os.environ['BUILT']; open(place + '{own}', 'w').close(); \
         [time.sleep(0.02) for _ in range(15000) if not os.path.exists(place + '{other}')]; \
         assert os.path.exists(place + '{other}'), 'nobody else builds'"
    )
}

#[test]
fn sources_are_built_side_by_side_as_many_as_may() {
    let world = world();
    world.index.add(&Wheel::new("tool", "1.0"));
    for (name, other) in [("a", "b"), ("b", "a")] {
        let source = Sdist::new(name, "1.0").stated("").build_requires("tool");
        source.doing(&meeting(name, other)).publish(&world);
    }
    world.require(&["a", "b"]);
    let synced = world.sync(&["--concurrent-builds", "2"]);
    assert_eq!(synced.packages(), ["a==1.0", "b==1.0"]);
    let tool = world.index.asked("tool-1.0-py3-none-any.whl");
    assert_eq!(tool.len(), 2, "what both need comes once, after a look at its metadata");
    assert_eq!(world.index.asked("/tool/").len(), 1);
}

#[test]
fn sources_that_are_pinned_are_asked_side_by_side() {
    let world = world();
    for (name, other) in [("a", "b"), ("b", "a")] {
        Sdist::new(name, "1.0").doing(&meeting(name, other)).publish(&world);
    }
    world.require(&["a==1.0", "b==1.0"]);
    world.lock(&["--concurrent-builds", "2"]).ok();
    assert_eq!(world.lock_packages(), ["a==1.0", "b==1.0"]);
}

#[test]
fn what_sources_state_is_fetched_side_by_side_and_once() {
    let world = world();
    for name in ["a", "b", "c"] {
        Sdist::new(name, "1.0").requires("d").stated("Requires-Dist: d\n").publish(&world);
    }
    world.index.add(&Wheel::new("d", "1.0"));
    world.require(&["a", "b", "c"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0", "c==1.0", "d==1.0"]);
    for name in ["a", "b", "c"] {
        assert_eq!(world.index.asked(&format!("{name}-1.0.tar.gz")).len(), 1, "{name}");
    }
    assert_eq!(builds(&world), 0);
    world.sync(&[]);
    assert_eq!(world.index.asked("a-1.0.tar.gz").len(), 1, "it is kept");
}

#[test]
fn one_build_at_once_is_one_after_the_other() {
    let world = world();
    for (name, other) in [("a", "b"), ("b", "a")] {
        // The other one's mark would be there while both build.
        let doing = format!(
            "import time; place = os.environ['BUILT']; open(place + '{name}', 'w').close(); \
             time.sleep(0.3); alone = not os.path.exists(place + '{other}'); \
             os.remove(place + '{name}'); assert alone"
        );
        Sdist::new(name, "1.0").stated("").doing(&doing).publish(&world);
    }
    assert_eq!(world.require(&["a", "b"]).sync(&["--concurrent-builds", "1"]).packages().len(), 2);
}

#[test]
fn of_builds_that_fail_the_first_in_order_is_told() {
    let world = world();
    // It fails after the other one, which has begun by then.
    let slow = "import time; begun = lambda: len(open(os.environ['BUILT']).readlines()); \
                [time.sleep(0.02) for _ in range(15000) if begun() < 2]; time.sleep(0.6); raise SystemExit('slow')";
    for (name, doing) in [("a", slow), ("b", "raise SystemExit('fast')"), ("c", "pass")] {
        Sdist::new(name, "1.0").stated("").doing(doing).publish(&world);
    }
    let ran = world.require(&["a", "b", "c"]).try_sync(&["--concurrent-builds", "2"]);
    ran.refused_with_hint(&[1], &["a==1.0", "slow"]);
    let told = fs_err::read_to_string(world.path("built")).unwrap();
    assert_eq!(told.lines().count(), 2, "nothing is begun after a failure: {told}");
}

#[test]
fn builds_that_need_each_other_are_refused_and_wait_for_nobody() {
    let world = world();
    for (name, other) in [("a", "b"), ("b", "a")] {
        Sdist::new(name, "1.0").stated("").build_requires(other).publish(&world);
    }
    let ran = world.require(&["a", "b"]).try_sync(&["--concurrent-builds", "2"]);
    ran.refused(&[1], &["needed to build itself"]);
}

#[test]
fn a_wheel_that_needs_more_than_its_source_stated_is_refused_and_what_is_overridden_is_not() {
    let world = world();
    world.index.add(&Wheel::new("b", "1.0")).add(&Wheel::new("b", "2.0"));
    // Stated for good, by a wheel of another Python, and by a lock that was made before.
    Sdist::new("stated", "1.0").stated("Requires-Dist: b<2\n").requires("b>=2").publish(&world);
    Sdist::new("told", "1.0").requires("b>=2").publish(&world);
    world.index.add(&Wheel::new("told", "1.0").tag("cp38-cp38-win32").requires("b<2"));
    for name in ["stated", "told"] {
        world.require(&[name]);
        let needles = [&format!("{name}==1.0"), "needs b>=2", "the lock has version 1.0"];
        world.try_sync(&[]).refused_with_hint(&[1], &needles);
        world.try_sync(&[]).refused_with_hint(&[1], &needles);
        world.write("overrides.txt", "b==1.0\n");
        let overridden = world.sync(&["--override", "overrides.txt"]);
        assert_eq!(overridden.packages(), ["b==1.0".to_owned(), format!("{name}==1.0")]);
        assert_eq!(world.sync(&["--no-deps"]).packages(), [format!("{name}==1.0")]);
    }
    assert_eq!(builds(&world), 2, "each once");
}
