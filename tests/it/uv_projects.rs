//! Projects of uv as they are: what `[tool.uv]` and `uv.toml` say of where packages come from is done, or refused by
//! name, and never passed over.

use crate::support::index::Index;
use crate::support::ran::{EITHER, MENDABLE, Ran, USAGE};
use crate::support::repository::Repository;
use crate::support::source::Sdist;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// The world's own index has strangers' packages in version 9; another one, `corp`, has one's own in version 1.
fn world() -> (World, Index) {
    let world = World::new();
    let corp = Index::start();
    for name in ["mylib", "other", "six"] {
        world.index.add(&Wheel::new(name, "9"));
        corp.add(&Wheel::new(name, "1"));
    }
    (world, corp)
}

/// Writes a `pyproject.toml` that depends on these, with more behind it.
fn project(world: &World, dependencies: &str, more: &str) {
    let text = format!("[project]\nname = \"shop\"\ndependencies = [{dependencies}]\n{more}\n");
    world.write("pyproject.toml", &text);
}

/// An index of `[[tool.uv.index]]`.
fn index(name: &str, url: &str, more: &str) -> String {
    format!("[[tool.uv.index]]\nname = \"{name}\"\nurl = \"{url}\"\n{more}\n")
}

#[track_caller]
fn check(world: &World, args: &[&str], expected: &[&str]) {
    world.pyfast(&[&["lock"], args].concat()).ok();
    assert_eq!(world.lock_packages(), expected);
}

#[track_caller]
fn refused(world: &World, needles: &[&str]) -> Ran {
    world.pyfast(&["lock"]).refused(EITHER, needles)
}

#[test]
fn package_that_a_source_pins_to_an_index_comes_from_no_other() {
    let (world, corp) = world();
    let sources = "[tool.uv.sources]\nmylib = { index = \"corp\" }\n";
    let corp_index = index("corp", &corp.url(), "explicit = true");
    project(&world, "\"mylib\", \"six\"", &format!("{sources}{corp_index}"));
    check(&world, &[], &["mylib==1", "six==9"]);
    assert!(world.index.asked("/simple/mylib/").is_empty());
    assert!(world.read("pylock.toml").contains(&format!("index = \"{}\"", corp.url())));
    // A universal lock knows the same.
    check(&world, &["--universal", "--python-version", "3.9"], &["mylib==1", "six==9"]);
    // The index must be named in the file, and a slip of the pen is no licence for a stranger's package.
    project(&world, "\"mylib\"", &format!("{}{corp_index}", sources.replace("corp", "cor")));
    let ran = refused(&world, &["pyproject.toml:5", "mylib", "no index `cor`", "corp"]);
    assert!(world.index.asked("/simple/mylib/").is_empty(), "{ran}");
}

#[test]
fn extras_groups_and_scripts_have_sources_too() {
    let (world, corp) = world();
    let rest = format!(
        "[project.optional-dependencies]\nfast = [\"mylib\"]\n[dependency-groups]\ndev = [\"other\"]\n\
         [tool.uv.sources]\nmylib = {{ index = \"corp\", extra = \"fast\" }}\n\
         other = [{{ index = \"corp\", group = \"dev\" }}]\n{}",
        index("corp", &corp.url(), "explicit = true")
    );
    project(&world, "\"six\"", &rest);
    check(
        &world,
        &["-r", "pyproject.toml", "--extra", "fast", "--group", "dev"],
        &["mylib==1", "other==1", "six==9"],
    );
    let header = format!(
        "# /// script\n# dependencies = [\"mylib\"]\n# [tool.uv.sources]\n# mylib = {{ index = \"corp\" }}\n\
         # [[tool.uv.index]]\n# name = \"corp\"\n# url = \"{}\"\n# explicit = true\n# ///\n",
        corp.url()
    );
    world.write("job.py", &header);
    world.pyfast(&["lock", "-r", "job.py", "-o", "pylock.toml"]).ok();
    assert_eq!(world.lock_packages(), ["mylib==1"]);
}

#[test]
fn an_index_by_marker_is_the_one_of_the_target() {
    let (world, corp) = world();
    let rest = format!(
        "[tool.uv.sources]\nmylib = [{{ index = \"corp\", marker = \"sys_platform == 'linux'\" }}, \
         {{ index = \"own\", marker = \"sys_platform != 'linux'\" }}]\n{}{}",
        index("corp", &corp.url(), "explicit = true"),
        index("own", &world.index.url(), "explicit = true"),
    );
    project(&world, "\"mylib\"", &rest);
    check(&world, &[], &["mylib==1"]);
    let mac = ["--python-platform", "macos", "--python-version", "3.11"];
    check(&world, &mac, &["mylib==9"]);
    let ran = world.pyfast(&["lock", "--universal"]).refused(EITHER, &["mylib", "different"]);
    assert!(ran.stderr.contains("--python-platform"), "{ran}");
}

#[test]
fn directories_files_and_repositories_stand_for_packages() {
    let (world, _corp) = world();
    Sdist::new("mylib", "3").project("").write(&world.project.join("libs/mylib"));
    let repository = Repository::new(&world, "other");
    repository.commit("below", &Sdist::new("other", "4").project(""));
    repository.git(&["tag", "v4"]);
    repository.commit("below", &Sdist::new("other", "5").project(""));
    let wheel = Wheel::new("six", "2").build();
    fs_err::write(world.project.join(&wheel.filename), &wheel.bytes).unwrap();
    let rest = format!(
        "[tool.uv.sources]\nmylib = {{ path = \"libs/mylib\", editable = true }}\n\
         other = {{ git = \"{}\", tag = \"v4\", subdirectory = \"below\" }}\nsix = {{ path = \"{}\" }}\n",
        repository.url("").trim_start_matches("git+"),
        wheel.filename
    );
    project(&world, "\"mylib>=1\", \"other\", \"six\"", &rest);
    let synced = Synced::of(world.pyfast(&["sync", "--json"]));
    assert_eq!(synced.packages(), ["mylib==3", "other==4", "six==2"]);
    let listed = world.pyfast(&["list"]).ok().stdout;
    assert!(listed.contains("libs/mylib") && listed.contains("-e"), "{listed}");
    assert!(!Synced::of(world.pyfast(&["sync", "--json"])).changed());
    assert!(world.index.asked("/simple/").is_empty());
}

#[test]
fn a_directory_that_is_required_says_where_its_own_dependencies_are() {
    let (world, corp) = world();
    let app = Sdist::new("app", "1").requires("mylib").requires("other");
    let app = app.project("dependencies = [\"mylib\", \"other\"]\n");
    app.write(&world.project.join("app"));
    Sdist::new("mylib", "3").project("").write(&world.project.join("mylib"));
    let manifest = world.project.join("app/pyproject.toml");
    let text = fs_err::read_to_string(&manifest).unwrap();
    let more = format!(
        "[tool.uv.sources]\nmylib = {{ path = \"../mylib\" }}\nother = {{ index = \"corp\" }}\n{}",
        index("corp", &corp.url(), "explicit = true")
    );
    fs_err::write(&manifest, format!("{text}\n{more}")).unwrap();
    for line in ["./app", "-e ./app"] {
        let synced = world.require(&[line]).sync(&[]);
        assert_eq!(synced.packages(), ["app==1", "mylib==3", "other==1"], "{line}");
    }
    assert!(world.index.asked("/simple/mylib/").is_empty());
    assert!(world.index.asked("/simple/other/").is_empty());
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let (world, _corp) = world();
    for (source, needles) in [
        ("{ workspace = true }", &["workspace", "belongs to none"][..]),
        ("{ git = \"https://h.test/r\", lfs = true }", &["lfs"]),
        ("{ path = \"x\", package = false }", &["package = false"]),
        ("{ pth = \"x\" }", &["pth"]),
        ("{ url = \"https://h.test/mylib-1.tar.gz\", path = \"x\" }", &["one of"]),
        ("{ index = \"nowhere\" }", &["nowhere", "name none"]),
        ("{ git = \"https://h.test/r\", rev = \"a\", tag = \"b\" }", &["one of `rev`"]),
    ] {
        project(&world, "\"mylib\"", &format!("[tool.uv.sources]\nmylib = {source}\n"));
        let ran = refused(&world, &["pyproject.toml:5", "mylib"]);
        for needle in needles {
            assert!(ran.stderr.contains(needle), "{source}: {ran}");
        }
    }
    assert!(world.index.seen().is_empty());
}

#[test]
fn indexes_of_the_project_are_searched_as_uv_does() {
    let (mut world, corp) = world();
    world.index_flags.clear();
    let strangers = world.index.url();
    let all = format!(
        "{}{}",
        index("corp", &corp.url(), ""),
        index("public", &strangers, "default = true")
    );
    project(&world, "\"mylib\"", &all);
    world.index.add(&Wheel::new("public-only", "2"));
    check(&world, &[], &["mylib==1"]);
    project(&world, "\"public-only\"", &all);
    check(&world, &[], &["public-only==2"]);
    // Of requirements files, too: the index is the project's.
    world.require(&["mylib"]).lock(&[]).ok();
    assert_eq!(world.lock_packages(), ["mylib==1"]);
    // Whoever asks the machine for another default gets it.
    world.env.insert("UV_DEFAULT_INDEX".to_owned(), corp.url());
    world.index_flags.clear();
    project(&world, "\"six\"", &index("public", &strangers, "default = true"));
    check(&world, &["-r", "pyproject.toml"], &["six==1"]);
}

#[test]
fn uv_toml_stands_for_the_table() {
    let (mut world, corp) = world();
    world.index_flags.clear();
    project(&world, "\"mylib\"", &format!("[tool.uv]\nindex-url = \"{}\"\n", world.index.url()));
    check(&world, &[], &["mylib==9"]);
    world.write("uv.toml", &format!("index-url = \"{}\"\n", corp.url()));
    assert_eq!(Synced::of(world.pyfast(&["sync", "--json"])).packages(), ["mylib==9"]);
    world.pyfast(&["lock", "-U"]).ok();
    assert_eq!(world.lock_packages(), ["mylib==1"]);
    world.write("uv.toml", "index-url = 7\n");
    refused(&world, &["uv.toml:1"]);
}

#[test]
fn flat_index_for_its_own_packages_is_not_searched_for_others() {
    let (world, _corp) = world();
    let page = "<a href=\"/files/six-99-py3-none-any.whl\">six-99-py3-none-any.whl</a>";
    let flat = world.index.write_as("text/html", "/flat/", page);
    let more = "format = \"flat\"\nexplicit = true";
    project(&world, "\"six\"", &index("flat", &flat, more));
    check(&world, &[], &["six==9"]);
    let pin = "[tool.uv.sources]\nsix = { index = \"flat\" }\n";
    project(&world, "\"six\"", &format!("{pin}{}", index("flat", &flat, more)));
    refused(&world, &["pyproject.toml", "six", "flat"]);
}

#[test]
fn credentials_of_an_index_are_found_and_shown_nowhere() {
    let (mut world, corp) = world();
    corp.set(|options| options.credentials = Some(("user".into(), "s3cr3t".into())));
    let sources = "[tool.uv.sources]\nmylib = { index = \"corp\" }\n";
    let with = corp.url_with("user", "s3cr3t");
    project(&world, "\"mylib\"", &format!("{sources}{}", index("corp", &with, "explicit = true")));
    let ran = world.pyfast(&["lock", "-v"]).ok();
    assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
    assert!(!world.read("pylock.toml").contains("s3cr3t"));
    let synced = world.pyfast(&["sync", "-v", "--json"]).ok();
    assert!(!format!("{}{}", synced.stderr, synced.stdout).contains("s3cr3t"), "{synced}");
    fs_err::remove_dir_all(world.path("home/.cache")).unwrap();
    let bare = index("corp", &corp.url(), "explicit = true");
    project(&world, "\"mylib\"", &format!("{sources}{bare}"));
    world.pyfast(&["lock", "-U"]).refused(MENDABLE, &["401"]);
    for (what, value) in [("USERNAME", "user"), ("PASSWORD", "s3cr3t")] {
        world.env.insert(format!("UV_INDEX_CORP_{what}"), value.to_owned());
    }
    check(&world, &["-U"], &["mylib==1"]);
}

#[test]
fn limits_of_the_project_hold() {
    let (world, _corp) = world();
    for version in ["1", "2", "3.0rc1"] {
        world.index.add(&Wheel::new("a", version));
    }
    world.index.add(&Wheel::new("b", "1").requires("a>=2").requires("six"));
    let locked = |table: &str, expected: &[&str]| {
        project(&world, "\"a\"", &format!("[tool.uv]\n{table}\n"));
        check(&world, &["-U"], expected);
    };
    locked("", &["a==2"]);
    locked("constraint-dependencies = [\"a<2\"]", &["a==1"]);
    locked("override-dependencies = [\"a==1\"]", &["a==1"]);
    locked("prerelease = \"allow\"", &["a==3.0rc1"]);
    locked("resolution = \"lowest\"", &["a==1"]);
    project(&world, "\"b\"", "[tool.uv]\nexclude-dependencies = [\"six\"]\n");
    check(&world, &["-U"], &["a==2", "b==1"]);
    project(&world, "\"a\"", "[tool.uv]\nresolution = \"newest\"\n");
    refused(&world, &["resolution", "newest"]);
    project(&world, "\"a\"", "[tool.uv]\nconstraint-dependencies = [\n \"a <\",\n]\n");
    refused(&world, &["pyproject.toml:6"]);
    project(&world, "\"a\"", "[tool.uv]\ndependency-metadata = []\n");
    let ran = world.pyfast(&["lock"]).ok();
    assert!(ran.stderr.contains("pyproject.toml:5: `dependency-metadata`"), "{ran}");
}

#[test]
fn a_flag_that_says_what_is_usual_wins_over_files() {
    let (world, _corp) = world();
    for version in ["1", "2", "3.0rc1"] {
        world.index.add(&Wheel::new("a", version));
    }
    let ran = |table: &str, flag: &str, expected: &str| {
        project(&world, "\"a\"", &format!("[tool.uv]\n{table}\n"));
        check(&world, &["-U", flag], &[expected]);
    };
    ran("prerelease = \"allow\"", "--prerelease=if-necessary", "a==2");
    ran("resolution = \"lowest\"", "--resolution=highest", "a==2");
    // Remembered, it wins at the next sync too.
    let synced = world.pyfast(&["sync", "--json", "-U", "--resolution=highest"]);
    assert_eq!(Synced::of(synced).packages(), ["a==2"]);
    assert_eq!(Synced::of(world.pyfast(&["sync", "--json", "-U"])).packages(), ["a==2"]);
    project(&world, "\"a\"", "");
    let ran = world.require(&["--pre", "a"]).lock(&["-U", "--prerelease=if-necessary"]);
    ran.ok();
    assert_eq!(world.lock_packages(), ["a==2"]);
    world.lock(&["-U"]).ok();
    assert_eq!(world.lock_packages(), ["a==3.0rc1"]);
}

#[test]
fn what_may_not_be_built_is_not() {
    let (world, _corp) = world();
    Sdist::new("a", "2").publish(&world);
    world.index.add(&Wheel::new("a", "1"));
    project(&world, "\"a\"", "[tool.uv]\nno-build = true\n");
    check(&world, &[], &["a==1"]);
    project(&world, "\"a\"", "[tool.uv]\nno-build-package = [\"a\"]\n");
    check(&world, &["-U"], &["a==1"]);
}

#[test]
fn dev_dependencies_are_the_group_of_that_name() {
    let (world, _corp) = world();
    project(&world, "\"six\"", "[tool.uv]\ndev-dependencies = [\"mylib\"]\n");
    check(&world, &[], &["six==9"]);
    check(&world, &["-r", "pyproject.toml", "--group", "dev"], &["mylib==9", "six==9"]);
}

#[test]
fn a_changed_source_is_noticed() {
    let (world, corp) = world();
    let corp_index = index("corp", &corp.url(), "explicit = true");
    project(&world, "\"mylib\"", &corp_index);
    let sync = || Synced::of(world.pyfast(&["sync", "--json"]));
    assert_eq!(sync().packages(), ["mylib==9"]);
    let sources = "[tool.uv.sources]\nmylib = { index = \"corp\" }\n";
    project(&world, "\"mylib\"", &format!("{sources}{corp_index}"));
    assert_eq!(sync().packages(), ["mylib==1"]);
    assert!(!sync().changed());
    // An edit of the user's own settings, which no requirement names.
    let config = world.path("home/.config/uv/uv.toml");
    fs_err::create_dir_all(config.parent().unwrap()).unwrap();
    fs_err::write(&config, "constraint-dependencies = [\"mylib<1\"]\n").unwrap();
    world.pyfast(&["sync"]).refused(MENDABLE, &["mylib<1"]);
    fs_err::write(&config, "no index\n").unwrap();
    world.pyfast(&["sync"]).refused(USAGE, &["uv.toml:1"]);
}

#[test]
fn file_that_is_named_for_uv_is_read_whatever_its_name() {
    let (mut world, corp) = world();
    world.require(&["six"]);
    let file = world.write("conf/mine.toml", &format!("index-url = \"{}\"\n", corp.url()));
    world.index_flags.clear();
    world.env.insert("UV_CONFIG_FILE".to_owned(), file.display().to_string());
    check(&world, &[], &["six==1"]);
    world.env.insert("UV_CONFIG_FILE".to_owned(), "/nowhere/uv.toml".to_owned());
    refused(&world, &["/nowhere/uv.toml"]);
    world.env.insert("UV_NO_CONFIG".to_owned(), "0".to_owned());
    refused(&world, &["/nowhere/uv.toml"]);
}

/// A workspace of `app`, which needs `lib`, which needs `base`; what the root says of indexes and versions is for all.
fn workspace(corp: &Index, world: &World) {
    let shared = index("corp", &corp.url(), "explicit = true");
    let root = format!(
        "[project]\nname = \"root\"\nversion = \"1\"\ndependencies = [\"app\"]\n[tool.uv.workspace]\nmembers = [\"packages/*\"]\n\
         exclude = [\"packages/old\"]\n[tool.uv]\nconstraint-dependencies = [\"other<9\"]\n\
         [tool.uv.sources]\napp = {{ workspace = true }}\nmylib = {{ index = \"corp\" }}\n{shared}"
    );
    world.write("pyproject.toml", &root);
    let member = |name: &str, needs: &[&str], sources: &str| {
        let own = format!("dependencies = {needs:?}\n[tool.uv.sources]\n{sources}\n");
        let source = Sdist::new(name, "1.0").project(&own);
        let source = needs.iter().fold(source, |source, one| source.requires(one));
        source.write(&world.project.join("packages").join(name));
    };
    member("app", &["lib", "mylib"], "lib = { workspace = true }");
    member("lib", &["base"], "base = { workspace = true, editable = false }");
    member("base", &[], "");
    member("old", &[], "");
}

/// Runs a command where a member is.
fn in_member(world: &World, name: &str, args: &[&str]) -> Ran {
    let (root, index) = (world.root.display().to_string(), world.index.url());
    let place = ["--root", &root, "--python", &world.python, "--index-url", &index];
    let mut command = world.bare(&[args, &place].concat());
    command.current_dir(world.project.join("packages").join(name));
    Ran::of(command)
}

#[test]
fn projects_of_a_workspace_name_each_other_and_have_the_roots_sources() {
    let (mut world, corp) = world();
    let built = world.path("built");
    world.env.insert("BUILT".to_owned(), built.display().to_string());
    world.index.add(&Wheel::new("other", "8"));
    workspace(&corp, &world);
    let all = ["app==1.0", "base==1.0", "lib==1.0", "mylib==1"];
    let synced = Synced::of(world.pyfast(&["sync", "--json"]));
    assert_eq!(synced.packages(), all);
    let listed = world.pyfast(&["list"]).ok().stdout;
    for (name, is_editable) in [("app", true), ("lib", true), ("base", false)] {
        let line = listed.lines().find(|line| line.contains(&format!("/packages/{name}")));
        assert_eq!(line.expect("listed").starts_with("-e "), is_editable, "{listed}");
    }
    // A member is a project of its own, with what the root says.
    let of_member = |args: &[&str]| in_member(&world, "app", args);
    assert_eq!(Synced::of(of_member(&["sync", "--json"])).packages(), all[1..]);
    assert!(world.index.asked("/simple/mylib/").is_empty(), "it comes from nobody else");
    let file = "packages/app/pyproject.toml";
    let text = world.read(file);
    world.write(file, &text.replace("\"mylib\"", "\"mylib\", \"other\""));
    assert!(Synced::of(of_member(&["sync", "--json"])).packages().contains(&"other==8".to_owned()));
    // What builds need is limited by the root, too.
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("tool", version));
    }
    let told = "import importlib.metadata as m; told('with tool ' + m.version('tool'))";
    let base = Sdist::new("base", "1.0").project("").build_requires("tool").doing(told);
    base.write(&world.project.join("packages/base"));
    for (limit, tool) in [("<2", "1.0"), (">=2", "2.0")] {
        let root = world.read("pyproject.toml");
        let limit = format!("[tool.uv]\nbuild-constraint-dependencies = [\"tool{limit}\"]\n");
        world.write("pyproject.toml", &root.replace("[tool.uv]\n", &limit));
        in_member(&world, "app", &["sync", "--json"]).ok();
        let told = fs_err::read_to_string(&built).unwrap();
        assert!(told.lines().last().is_some_and(|line| line.ends_with(tool)), "{told}");
        world.write("pyproject.toml", &root);
    }
    // A change of the root is one of each.
    world.write("pyproject.toml", &world.read("pyproject.toml").replace("other<9", "other>8"));
    assert!(Synced::of(of_member(&["sync", "--json"])).packages().contains(&"other==9".to_owned()));
}

#[test]
fn settings_of_another_user_beside_a_workspace_are_not_read() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (world, corp) = world();
    workspace(&corp, &world);
    let synced = || Synced::of(in_member(&world, "app", &["sync", "--json", "-U"])).packages();
    let believed = synced();
    let stranger = world.write("uv.toml", "exclude-dependencies = [\"base\"]\n");
    assert!(!synced().contains(&"base==1.0".to_owned()), "the user's own counts");
    std::os::unix::fs::chown(stranger, Some(65534), None).unwrap();
    assert_eq!(synced(), believed);
}

#[test]
fn what_is_no_member_of_a_workspace_is_refused_by_name() {
    let (world, corp) = world();
    workspace(&corp, &world);
    let file = "packages/app/pyproject.toml";
    let text = world.read(file);
    let refused = |from: &str, to: &str, needles: &[&str]| {
        world.write(file, &text.replace(from, to));
        in_member(&world, "app", &["lock"]).refused(EITHER, needles);
        world.write(file, &text);
    };
    let named = "lib = { workspace = true }";
    let line = format!("pyproject.toml:{}", 1 + text.lines().position(|one| one == named).unwrap());
    let stranger = "mylib = { workspace = true }";
    refused(named, stranger, &[&line, "no member", "app, base, lib, root"]);
    // The table may be spelled in another way.
    let table = "[tool.uv.workspace]\nmembers = [\"packages/*\"]\nexclude = [\"packages/old\"]\n[tool.uv]\n";
    let inline =
        "[tool.uv]\nworkspace = { members = [\"packages/*\"], exclude = [\"packages/old\"] }\n";
    let root = world.read("pyproject.toml");
    assert!(root.contains(table), "{root}");
    let root = root.replace(table, inline);
    world.write("pyproject.toml", &root);
    refused(named, stranger, &[&line, "no member", "app, base, lib, root"]);
    world.write(
        "packages/lib/pyproject.toml",
        &format!("{}\n[tool.uv]\npackage = false\n", world.read("packages/lib/pyproject.toml")),
    );
    refused(named, named, &[&line, "package = false"]);
    // One that is left out belongs to no workspace.
    world.write("packages/old/pyproject.toml", &text);
    in_member(&world, "old", &["lock"]).refused(EITHER, &["belongs to none"]);
}
