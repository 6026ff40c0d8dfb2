//! `add` and `remove`: the file is edited in place, and is as it was where anything fails.

use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use fs_err as fs;
use serde_json::json;

use crate::support::ran::{EITHER, MENDABLE, Ran, USAGE};
use crate::support::wheel::{Record, Wheel};
use crate::support::world::World;

/// A world of some packages, of which `web` needs `core`.
fn world() -> World {
    let world = World::new();
    for (name, version) in [("app", "1.0"), ("app", "2.1"), ("core", "1.0"), ("tool", "3.0.1")] {
        world.index.add(&Wheel::new(name, version));
    }
    world.index.add(&Wheel::new("web", "1.5").requires("core>=1"));
    world
}

fn packages(world: &World) -> String {
    let list = world.pyfast(&["list"]).ok().stdout;
    list.lines().collect::<Vec<_>>().join(" ")
}

/// Runs a command that edits, and compares the file with what it should be.
#[track_caller]
fn check(world: &World, args: &[&str], (file, expected): (&str, &str)) -> Ran {
    let ran = world.pyfast(args).ok();
    assert_eq!(world.read(file), expected, "{ran}");
    ran
}

#[test]
fn a_name_gets_the_lower_bound_that_was_chosen() {
    let world = world();
    world.write("requirements.txt", "# what we need\r\napp>=1 # why\r\n\r\n# the rest\r\ntool");
    let expected = "# what we need\r\napp>=1 # why\r\n\r\n# the rest\r\ntool\r\nweb>=1.5";
    let ran = check(&world, &["add", "Web"], ("requirements.txt", &expected.replace("web", "Web")));
    assert!(ran.stderr.contains("Added Web>=1.5 to requirements.txt"), "{ran}");
    assert_eq!(packages(&world), "app==2.1 core==1.0 tool==3.0.1 web==1.5");
    // The environment is that of the file as it is now.
    let again = world.pyfast(&["sync"]).ok();
    assert!(again.stderr.contains("Up to date"), "{again}");
}

#[test]
fn a_name_is_pinned_where_its_neighbours_are() {
    let world = world();
    world.require(&["app==1.0", "tool==3.0.1"]);
    check(&world, &["add", "core"], ("requirements.txt", "app==1.0\ncore==1.0\ntool==3.0.1\n"));
    world.write("requirements.txt", "app~=1.0\n");
    check(&world, &["add", "tool"], ("requirements.txt", "app~=1.0\ntool~=3.0.1\n"));
}

#[test]
fn what_is_there_is_changed_in_its_place_or_said() {
    let world = world();
    world.require(&["app>=1 ; python_version > '3'  # ours", "tool"]);
    let changed = "app==1.0 ; python_version > '3'  # ours\ntool\n";
    check(&world, &["add", "APP==1.0"], ("requirements.txt", changed));
    let ran = check(&world, &["add", "app", "tool"], ("requirements.txt", changed));
    assert!(ran.stderr.contains("requirements.txt asks for tool already"), "{ran}");
    assert_eq!(packages(&world), "app==1.0 tool==3.0.1");
}

#[test]
fn a_project_without_requirements_gets_a_file() {
    let world = world();
    check(&world, &["add", "app"], ("requirements.txt", "app>=2.1\n"));
    let ran = world.pyfast(&["sync"]).ok();
    assert!(ran.stderr.contains("Up to date") && !ran.stderr.contains("last time"), "{ran}");
}

#[test]
fn lists_of_a_pyproject_are_edited_in_their_style() {
    let world = world();
    let head = "[project]\nname = \"p\"\nversion = \"1\"\ndependencies = [\n  'app', # ours\n]";
    world.write("pyproject.toml", &format!("{head}\n"));
    check(
        &world,
        &["add", "web"],
        ("pyproject.toml", &format!("{}\n", head.replace("ours\n", "ours\n  'web>=1.5',\n"))),
    );
    check(
        &world,
        &["add", "--dev", "tool"],
        (
            "pyproject.toml",
            &format!(
                "{}\n\n[dependency-groups]\ndev = [\n    \"tool>=3.0.1\",\n]\n",
                head.replace("ours\n", "ours\n  'web>=1.5',\n")
            ),
        ),
    );
    assert_eq!(packages(&world), "app==2.1 core==1.0 tool==3.0.1 web==1.5");
    // What was added to the group is a part of the request from now on.
    let ran = world.pyfast(&["sync"]).ok();
    assert!(ran.stderr.contains("Up to date"), "{ran}");
    // Whoever names it then asks for the same.
    let ran = world.pyfast(&["sync", "--group", "dev"]).ok();
    assert!(ran.stderr.contains("Up to date") && !ran.stderr.contains("Another request"), "{ran}");
    check(
        &world,
        &["remove", "web", "tool"],
        ("pyproject.toml", &format!("{head}\n\n[dependency-groups]\ndev = [\n]\n")),
    );
    assert_eq!(packages(&world), "app==2.1");
}

#[test]
fn another_file_is_edited_and_read_from_now_on() {
    let world = world();
    world.require(&["app"]);
    check(&world, &["add", "-r", "dev.txt", "tool"], ("dev.txt", "tool>=3.0.1\n"));
    assert_eq!(packages(&world), "app==2.1 tool==3.0.1");
    assert_eq!(world.read("requirements.txt"), "app\n");
    let ran = world.pyfast(&["run", "--", "python", "-c", "import tool"]).ok();
    assert!(!ran.stderr.contains("- tool"), "{ran}");
}

#[test]
fn files_that_are_included_are_searched() {
    let world = world();
    world.write("requirements.txt", "-r more/base.txt\napp\n");
    world.write("more/base.txt", "tool # a\nweb\n    # via nobody\ncore");
    let ran = check(&world, &["remove", "Tool"], ("more/base.txt", "web\n    # via nobody\ncore"));
    assert!(ran.stderr.contains("Removed tool from more/base.txt"), "{ran}");
    let ran = check(&world, &["remove", "core"], ("more/base.txt", "web\n    # via nobody\n"));
    assert!(ran.stderr.contains("core stays installed: web needs it"), "{ran}");
    check(&world, &["remove", "web"], ("more/base.txt", ""));
    assert_eq!(packages(&world), "app==2.1");
}

#[test]
fn what_is_not_asked_for_is_not_removed() {
    let world = world();
    world.require(&["web"]);
    let ran = world.pyfast(&["remove", "core"]);
    ran.refused(MENDABLE, &["nothing asks for `core` itself; web needs it"]);
    let ran = world.pyfast(&["remove", "wep"]).refused(MENDABLE, &["nothing asks for `wep`"]);
    assert!(ran.stderr.contains("was `web` meant?"), "{ran}");
    assert_eq!(world.read("requirements.txt"), "web\n");
}

#[test]
fn files_with_digests_get_those_of_all_that_is_new() {
    let world = world();
    world.require(&["app"]);
    let digests =
        ["lock", "-r", "requirements.txt", "-o", "hashed.txt", "--format", "requirements"];
    world.pyfast(&[&digests[..], &["--hashes"]].concat()).ok();
    let before = world.read("hashed.txt");
    world.pyfast(&["sync", "-r", "hashed.txt"]).ok();
    world.pyfast(&["add", "web"]).ok();
    let after = world.read("hashed.txt");
    assert!(after.starts_with(&before), "{after}");
    let added: Vec<&str> = after[before.len()..].lines().map(str::trim).collect();
    assert_eq!((added[0], added[2]), ("core==1.0 \\", "web==1.5 \\"), "{after}");
    assert!(added[1].starts_with("--hash=sha256:") && added[3].starts_with("--hash=sha256:"));
    assert_eq!(packages(&world), "app==2.1 core==1.0 web==1.5");
    let ran = world.pyfast(&["add", "app==1.0"]).ok();
    let file = world.read("hashed.txt");
    assert!(file.contains("\napp==1.0 \\\n    --hash=sha256:") && !file.contains("2.1"), "{ran}");
}

#[test]
fn a_failure_leaves_the_file_as_it_was() {
    let world = world();
    world.write("requirements.txt", "app==1.0\r\n# end");
    let before = world.read("requirements.txt");
    world.index.add(&Wheel::new("broken", "1.0").record(Record::WrongHash));
    let cases: [(&[&str], &[i32], &str); 5] = [
        (&["add", "nothere"], MENDABLE, "nothere"),
        (&["add", "tool", "app==9"], MENDABLE, "app"),
        (&["add", "broken"], MENDABLE, "broken"),
        (&["add", "not a requirement"], EITHER, "not a requirement"),
        (&["add", "tool", "--group", "dev"], EITHER, "pyproject.toml"),
    ];
    for (args, codes, needle) in cases {
        world.pyfast(args).refused(codes, &[needle]);
        assert_eq!(world.read("requirements.txt"), before, "{args:?}");
    }
    let entries = fs::read_dir(&world.project).unwrap().count();
    assert_eq!(entries, 1, "nothing is left beside it");
}

#[test]
fn a_trial_changes_nothing_and_without_a_sync_the_file_alone_changes() {
    let world = world();
    world.require(&["app"]);
    let ran = check(&world, &["add", "web", "--dry-run", "--json"], ("requirements.txt", "app\n"));
    let edits = json!([{ "file": "requirements.txt", "added": "web>=1.5" }]);
    assert_eq!(ran.json()["edits"], edits, "{ran}");
    assert!(ran.stderr.contains("Would add web>=1.5 to requirements.txt"), "{ran}");
    let ran = check(&world, &["add", "web", "--dry-run", "-v"], ("requirements.txt", "app\n"));
    for told in ["Using CPython", "index http"] {
        assert_eq!(ran.stderr.matches(told).count(), 1, "once is enough: {ran}");
    }
    let ran = check(&world, &["remove", "app", "--dry-run"], ("requirements.txt", "app\n"));
    assert!(ran.stderr.contains("Would remove app from requirements.txt"), "{ran}");
    world.pyfast(&["list"]).refused(EITHER, &["environment"]);
    check(&world, &["add", "web", "--no-sync"], ("requirements.txt", "app\nweb>=1.5\n"));
    world.pyfast(&["list"]).refused(EITHER, &["environment"]);
}

#[test]
fn what_is_no_file_of_requirements_is_refused_by_name() {
    let world = world();
    world.require(&["app"]);
    world.lock(&[]).ok();
    world.pyfast(&["add", "-r", "pylock.toml", "web"]).refused(EITHER, &["pylock.toml", "lock"]);
    world.pyfast(&["add", "--script", "absent.py", "web"]).refused(MENDABLE, &["absent.py"]);
    world.write("notes", "app\n");
    world.pyfast(&["add", "--script", "notes", "web"]).refused(USAGE, &["notes", ".py"]);
    let remote = "http://127.0.0.1:1/x.py";
    world
        .pyfast(&["add", "-r", remote, "web"])
        .refused(EITHER, &["the requirements are a server's"]);
    world.pyfast(&["add", "--script", remote, "web"]).refused(USAGE, &[remote]);
    assert_eq!(world.read("notes"), "app\n");
    world.write("pyproject.toml", "[tool.poetry.dependencies]\n");
    world.pyfast(&["add", "-r", "pyproject.toml", "web"]).refused(EITHER, &["[project]"]);
    fs::create_dir(world.project.join("dir.txt")).unwrap();
    world.pyfast(&["add", "-r", "dir.txt", "web"]).refused(EITHER, &["dir.txt"]);
}

#[test]
fn the_header_of_a_script_is_edited_for_itself_alone() {
    let world = world();
    world.require(&["app"]).pyfast(&["sync"]).ok();
    let body = "import core, web\nprint('it runs')\n";
    world.write("script.py", body);
    let header = |lines: &str| format!("# /// script\n# dependencies = [{lines}]\n# ///\n\n{body}");
    let with_web = header("\n#     \"web>=1.5\",\n# ");
    let add = |names: &[&'static str]| [&["add", "--script", "script.py"][..], names].concat();
    check(&world, &add(&["web", "--dry-run"]), ("script.py", body));
    let ran = check(&world, &add(&["web"]), ("script.py", &with_web));
    assert!(ran.stderr.contains("Added web>=1.5 to script.py"), "{ran}");
    // Neither the project's files nor its environment are another's.
    assert_eq!(
        (world.read("requirements.txt"), packages(&world)),
        ("app\n".into(), "app==2.1".into())
    );
    let run = ["run", "-r", "script.py", "--", "python", "script.py"];
    assert_eq!(world.pyfast(&run).ok().stdout, "it runs\n");
    world.pyfast(&add(&["tool>9"])).refused(MENDABLE, &["tool"]);
    assert_eq!(world.read("script.py"), with_web);
    // A script is one by whichever option it is named.
    let both = header("\n#     \"web>=1.5\",\n#     \"tool>=3.0.1\",\n# ");
    check(&world, &["add", "-r", "script.py", "tool"], ("script.py", &both));
    for group in [&["--dev"][..], &["--group", "g"]] {
        let add = [&["add", "-r", "script.py", "app"][..], group].concat();
        world.pyfast(&add).refused(USAGE, &["script.py", "group"]);
        let remove = [&["remove", "-r", "script.py", "tool"][..], group].concat();
        world.pyfast(&remove).refused(USAGE, &["script.py", "group"]);
        assert_eq!(world.read("script.py"), both);
    }
    check(&world, &["remove", "--script", "script.py", "tool"], ("script.py", &with_web));
    let ran = world.pyfast(&["remove", "--script", "script.py", "app"]);
    ran.refused(MENDABLE, &["app"]);
    assert_eq!(packages(&world), "app==2.1");
    world.pyfast(&["sync"]).ok();
    assert_eq!(packages(&world), "app==2.1");
}

#[test]
fn an_environment_of_a_script_is_edited_in_its_header() {
    let world = world();
    let header = |lines: &str| format!("# /// script\n# dependencies = [{lines}]\n# ///\n");
    world.write("script.py", &header("\"app\", \"web\""));
    world.pyfast(&["sync", "-r", "script.py"]).ok();
    assert_eq!(packages(&world), "app==2.1 core==1.0 web==1.5");
    check(&world, &["remove", "web"], ("script.py", &header("\"app\"")));
    assert_eq!(packages(&world), "app==2.1");
    check(&world, &["add", "tool"], ("script.py", &header("\"app\", \"tool>=3.0.1\"")));
    assert_eq!(packages(&world), "app==2.1 tool==3.0.1");
}

#[test]
fn an_environment_that_was_made_of_a_script_follows_it_by_whichever_name() {
    let world = world();
    let header = |lines: &str| format!("# /// script\n# dependencies = [{lines}]\n# ///\n");
    world.write("script.py", &header("\"app\", \"web\""));
    world.pyfast(&["sync", "-r", "script.py"]).ok();
    check(&world, &["remove", "-r", "script.py", "web"], ("script.py", &header("\"app\"")));
    assert_eq!(packages(&world), "app==2.1");
    let add = ["add", "--script", "script.py", "tool"];
    check(&world, &add, ("script.py", &header("\"app\", \"tool>=3.0.1\"")));
    assert_eq!(packages(&world), "app==2.1 tool==3.0.1");
}

#[test]
fn a_scripts_own_environment_that_is_behind_is_named() {
    let world = world();
    world.require(&["app"]).pyfast(&["sync"]).ok();
    world.write("script.py", "# /// script\n# dependencies = [\"web\"]\n# ///\n");
    let behind = |args: &[&str]| {
        world.pyfast(args).ok().stderr.contains("Its own environment follows when it is run again")
    };
    assert!(!behind(&["add", "-r", "script.py", "tool"]), "there is none yet");
    let run = ["run", "-r", "script.py", "--", "python", "-c", ""];
    world.pyfast(&run).ok();
    assert!(!behind(&["remove", "-r", "script.py", "tool", "--dry-run"]));
    assert!(behind(&["remove", "-r", "script.py", "tool"]));
    assert!(world.pyfast(&run).ok().stderr.contains("- tool==3.0.1"));
}

#[test]
fn a_conflict_names_the_lines_of_the_file_as_it_is() {
    let world = world();
    world.require(&["# ours", "app==1.0"]);
    let conflict = |args: &[&str], lines: &[&str]| {
        let lines = [&["no solution"], lines].concat();
        world.pyfast(&[&["add"][..], args].concat()).refused(MENDABLE, &lines);
    };
    world.pyfast(&["add", "app>2.1"]).refused(MENDABLE, &["app>2.1 (requirements.txt:2)"]);
    let project =
        "[project]\nname = \"p\"\nversion = \"1\"\ndependencies = [\n  \"app==1.0\",\n]\n";
    world.write("pyproject.toml", project);
    world.write("more.txt", "app>1\n");
    world.pyfast(&["sync", "-r", "pyproject.toml"]).ok();
    // What is put in above moves what is below.
    conflict(&["-r", "more.txt", "app>1"], &["app>1 (more.txt:1)", "app==1.0 (pyproject.toml:5)"]);
    world.write("more.txt", "core\n\napp>1 # why\n");
    conflict(&["-r", "more.txt", "tool"], &["app>1 (more.txt:3)", "app==1.0 (pyproject.toml:5)"]);
    world.write("more.txt", "tool\n");
    conflict(&["-r", "more.txt", "app>1"], &["app>1 (new in more.txt)", "(pyproject.toml:5)"]);
}

/// Starts adding `web`, and waits until its wheel is asked for, which is held.
fn begun(world: &World) -> Child {
    world.index.hold("web-1.5-py3-none-any.whl");
    let mut command = world.command(&["add", "web"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while world.index.asked(".whl").is_empty() && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn an_edit_of_somebody_else_is_not_lost() {
    let world = world();
    world.require(&["app"]);
    let child = begun(&world);
    world.require(&["app", "tool"]);
    world.index.release();
    let ran = Ran::wait(child).refused(MENDABLE, &["requirements.txt", "changed meanwhile"]);
    assert_eq!(world.read("requirements.txt"), "app\ntool\n", "{ran}");
    world.pyfast(&["sync"]).ok();
    assert_eq!(packages(&world), "app==2.1 tool==3.0.1");
}

#[test]
fn killed_while_it_works_it_leaves_the_file() {
    let world = world();
    world.require(&["app"]);
    let mut child = begun(&world);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.read("requirements.txt"), "app\n");
    assert_eq!(fs::read_dir(&world.project).unwrap().count(), 1);
}

#[test]
fn passwords_of_what_is_edited_are_not_shown() {
    let world = world();
    let url = world.index.file_url("web-1.5-py3-none-any.whl").replace("//", "//me:s3cr3t@");
    world.require(&["app"]);
    for json in [&[][..], &["--json"]] {
        let added = world.pyfast(&[&["add", &format!("web @ {url}")], json].concat()).ok();
        assert!(world.read("requirements.txt").contains("s3cr3t"), "{added}");
        let removed = world.pyfast(&[&["remove", "web"], json].concat()).ok();
        for ran in [added, removed] {
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains("web @ ") && !said.contains("s3cr3t"), "{said}");
        }
    }
}

#[test]
fn where_the_project_itself_cannot_be_built_its_file_is_as_it_was() {
    let world = world();
    world.write("pyfast.toml", "[env.default]\nproject = true\n");
    let project = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\
                   [project]\nname = \"shop\"\nversion = \"1\"\ndependencies = []\n";
    world.write("pyproject.toml", project);
    world.write("backend.py", "raise SystemExit('no build today')\n");
    world.pyfast(&["add", "app"]).refused(EITHER, &["shop"]);
    assert_eq!(world.read("pyproject.toml"), project);
}

#[test]
fn where_the_configuration_names_no_file_the_project_or_its_group_is_edited() {
    let world = world();
    let text = "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"app\"]\n[dependency-groups]\ndev = []\n\
                [build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    let backend = "import tomllib, zipfile, os\ndef build_editable(directory, settings=None, metadata_directory=None):\n \
                   needs = tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies']\n \
                   name = 'shop-1-py3-none-any.whl'\n info = 'shop-1.dist-info/'\n \
                   text = 'Metadata-Version: 2.1\\nName: shop\\nVersion: 1\\n'\n \
                   text += ''.join('Requires-Dist: %s\\n' % one for one in needs)\n \
                   with zipfile.ZipFile(os.path.join(directory, name), 'w') as wheel:\n  \
                   wheel.writestr(info + 'METADATA', text)\n  \
                   wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n  \
                   wheel.writestr(info + 'RECORD', info + 'METADATA,,\\n' + info + 'WHEEL,,\\n' + info + 'RECORD,,\\n')\n \
                   return name\n";
    world.write("backend.py", backend);
    world.write("pyproject.toml", text);
    let configured = |what: &str| {
        world.write("pyfast.toml", &format!("[env.default]\ngroups = [\"dev\"]\n{what}\n"));
    };
    configured("project = \"editable\"");
    let with_web = text.replace("[\"app\"]", "[\"app\", \"web\"]");
    check(&world, &["add", "web"], ("pyproject.toml", &with_web));
    let list = packages(&world);
    assert!(list.contains("web==1.5") && list.contains("-e file:"), "{list}");
    let again = world.pyfast(&["sync"]).ok();
    assert!(again.stderr.contains("Up to date"), "the request is what it was: {again}");
    check(&world, &["remove", "web"], ("pyproject.toml", text));
    // Of groups alone the first one is meant.
    configured("");
    let with_tool = text.replace("dev = []", "dev = [\n    \"tool>=3.0.1\",\n]");
    check(&world, &["add", "tool"], ("pyproject.toml", &with_tool));
    assert_eq!(packages(&world), "tool==3.0.1");
}
