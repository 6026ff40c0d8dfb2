//! Sources of a dependency's own project: where what is required has its dependencies come from, be it a repository, an
//! archive or a directory. A stranger's package of the same name never stands in.

use crate::support::ran::EITHER;
use crate::support::repository::Repository;
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// `app` packed into an archive of the user's.
fn packed(world: &World) {
    let status = std::process::Command::new("tar")
        .args(["-czf", "app-1.tar.gz", "app-1"])
        .current_dir(world.path("sources"))
        .status();
    assert!(status.unwrap().success());
    let archive = world.project.join("app-1.tar.gz");
    fs_err::copy(world.path("sources/app-1.tar.gz"), &archive).unwrap();
}

/// Goes on with the `pyproject.toml` of a directory.
fn append(folder: &std::path::Path, more: &str) {
    let manifest = folder.join("pyproject.toml");
    let text = fs_err::read_to_string(&manifest).unwrap();
    fs_err::write(&manifest, format!("{text}\n{more}\n")).unwrap();
}

/// The world's index has strangers' packages in version 9.
fn world() -> World {
    let world = World::new();
    for name in ["mylib", "other", "below", "helper"] {
        world.index.add(&Wheel::new(name, "9"));
    }
    world
}

/// A project `app` in a directory, whose `pyproject.toml` goes on with `more`; `static_` states dependencies for good.
fn app(folder: &std::path::Path, static_: &str, more: &str) {
    let mut app = Sdist::new("app", "1");
    if static_.is_empty() || static_ == BOTH {
        app = app.requires("mylib").requires("other");
    }
    if !static_.is_empty() {
        app = app.project(static_);
    }
    app.write(folder);
    append(folder, more);
}

/// A repository with `mylib` 3, as a source names it.
fn mylib(world: &World) -> String {
    let repository = Repository::new(world, "mylib");
    repository.commit(".", &Sdist::new("mylib", "3").project(""));
    repository.git(&["tag", "lib@3"]);
    repository.commit(".", &Sdist::new("mylib", "4").project(""));
    let url = repository.url("");
    format!("{{ git = \"{}\", tag = \"lib@3\" }}", url.trim_start_matches("git+"))
}

const BOTH: &str = "dependencies = [\"mylib\", \"other\"]\n";

#[track_caller]
fn check(world: &World, line: &str, expected: &[&str]) {
    world.index.forget();
    assert_eq!(world.require(&[line]).sync(&["-U"]).packages(), expected, "{line}");
    for name in ["mylib", "other", "below"] {
        assert!(world.index.asked(&format!("/simple/{name}/")).is_empty(), "{line}: {name}");
    }
}

#[test]
fn a_repository_says_where_its_dependencies_are() {
    let world = world();
    let built = Sdist::new("other", "2").stated("").pack(&world);
    fs_err::copy(world.path("sources").join(&built.filename), world.project.join(&built.filename))
        .unwrap();
    let repository = Repository::new(&world, "app");
    let other = "{ path = \"../libs/other\", marker = \"sys_platform == 'linux'\" }";
    let sources = format!("[tool.uv.sources]\nmylib = {}\nother = {other}\n", mylib(&world));
    Sdist::new("other", "2").project("").write(&repository.folder.join("libs/other"));
    // Be it stated for good or only by a build.
    for (folder, stated) in [("one", BOTH), ("two", "")] {
        app(&repository.folder.join(folder), stated, &sources);
        repository.commit_all();
        let url = repository.url(&format!("@main#subdirectory={folder}"));
        check(&world, &format!("app @ {url}"), &["app==1", "mylib==3", "other==2"]);
    }
}

#[test]
fn a_project_file_that_is_a_link_says_where_its_dependencies_are() {
    let world = world();
    let repository = Repository::new(&world, "app");
    app(
        &repository.folder.join("real"),
        "",
        &format!("[tool.uv.sources]\nmylib = {}\nother = {{ path = \"../other\" }}", mylib(&world)),
    );
    Sdist::new("other", "2").project("").write(&repository.folder.join("other"));
    let linked = repository.folder.join("linked");
    app(&linked, "", "");
    fs_err::remove_file(linked.join("pyproject.toml")).unwrap();
    std::os::unix::fs::symlink("../real/pyproject.toml", linked.join("pyproject.toml")).unwrap();
    std::os::unix::fs::symlink("real", repository.folder.join("alias")).unwrap();
    repository.commit_all();
    for folder in ["linked", "alias"] {
        let url = repository.url(&format!("#subdirectory={folder}"));
        check(&world, &format!("app @ {url}"), &["app==1", "mylib==3", "other==2"]);
    }
    // Where it leads nobody knows before it is checked out.
    fs_err::remove_file(linked.join("pyproject.toml")).unwrap();
    let outside = world.path("pyproject.toml");
    std::os::unix::fs::symlink(&outside, linked.join("pyproject.toml")).unwrap();
    repository.commit_all();
    let line = format!("app @ {}", repository.url("#subdirectory=linked"));
    world.require(&[&line]).lock(&["-U"]).refused(EITHER, &["linked/pyproject.toml", "link"]);
}

#[test]
fn an_archive_says_where_its_dependencies_are() {
    let world = world();
    let folder = world.path("sources/app-1");
    let sources = format!(
        "[tool.uv.sources]\nmylib = {}\nother = {{ path = \"libs/other\" }}\n",
        mylib(&world)
    );
    Sdist::new("other", "2").project("").write(&folder.join("libs/other"));
    app(&folder, BOTH, &sources);
    packed(&world);
    check(&world, "./app-1.tar.gz", &["app==1", "mylib==3", "other==2"]);
}

#[test]
fn a_directory_whose_build_tells_its_dependencies_says_where_they_are() {
    let world = world();
    Sdist::new("other", "2").project("").write(&world.project.join("libs/other"));
    let sources = format!(
        "[tool.uv.sources]\nmylib = {}\nother = {{ path = \"../libs/other\" }}\n",
        mylib(&world)
    );
    app(&world.project.join("app"), "", &sources);
    for line in ["./app", "-e ./app"] {
        check(&world, line, &["app==1", "mylib==3", "other==2"]);
    }
}

#[test]
fn a_source_counts_for_its_extra_and_its_group() {
    let world = world();
    let repository = Repository::new(&world, "app");
    let stated = "[project.optional-dependencies]\nfast = [\"mylib\"]\nslow = [\"other\"]\n\
                  most = [\"app[fast]\"]\nall = [\"app[slow]\"]\n";
    let sources = format!(
        "[tool.uv.sources]\nmylib = [{}, {{ workspace = true, group = \"dev\" }}]\n\
         other = {{ workspace = true, extra = \"slow\" }}\n",
        mylib(&world).replace('}', ", extra = \"fast\" }")
    );
    app(&repository.folder, stated, &sources);
    repository.commit_all();
    check(&world, &format!("app @ {}", repository.url("")), &["app==1"]);
    check(&world, &format!("app[fast] @ {}", repository.url("")), &["app==1", "mylib==3"]);
    check(&world, &format!("app[most] @ {}", repository.url("")), &["app==1", "mylib==3"]);
    for extra in ["slow", "all"] {
        world
            .require(&[&format!("app[{extra}] @ {}", repository.url(""))])
            .lock(&["-U"])
            .refused(EITHER, &["pyproject.toml:", "other", "workspace"]);
    }
    // An extra that only a package of the index asks for.
    world.index.add(&Wheel::new("asks", "1").requires("app[fast]"));
    world.index.add(&Wheel::new("wants", "1").requires("app[slow]"));
    for (name, needles) in [("asks", &["mylib"][..]), ("wants", &["other", "workspace"])] {
        world.index.forget();
        let lines = [&format!("app @ {}", repository.url(""))[..], name];
        world.require(&lines).lock(&["-U"]).refused(EITHER, needles);
        for stranger in ["mylib-9-py3-none-any.whl", "other-9-py3-none-any.whl"] {
            assert!(world.index.asked(stranger).is_empty(), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let world = world();
    let repository = Repository::new(&world, "app");
    for (source, needle) in [
        ("{ index = \"corp\" }", "index `corp`"),
        ("{ workspace = true }", "workspace"),
        ("{ path = \"../mylib\" }", "is not in"),
        ("{ path = \"mylib-1.tar.gz\" }", "is a file in"),
        ("{ pth = \"x\" }", "pth"),
    ] {
        app(&repository.folder, BOTH, &format!("[tool.uv.sources]\nmylib = {source}\n"));
        repository.commit_all();
        let line = format!("app @ {}", repository.url(""));
        let ran = world.require(&[&line]).lock(&["-U"]);
        let ran = ran.refused(EITHER, &["pyproject.toml:11", "mylib", needle]);
        assert!(world.index.asked("/simple/mylib/").is_empty(), "{ran}");
    }
    // Who says it himself is believed.
    let config = format!(
        "[index.named]\nown = \"{}\"\n[index.packages]\nmylib = \"own\"\n",
        world.index.url()
    );
    world.write("pyfast.toml", &config);
    assert_eq!(world.locked(&["-U"]), ["app==", "mylib==9", "other==9"]);
    // A file that names places and is none that can be read.
    fs_err::remove_file(world.project.join("pyfast.toml")).unwrap();
    world.index.forget();
    let broken = "[tool.uv]\nindex-url = 7\n[tool.uv.sources]\nmylib = { index = \"corp\" }\n";
    app(&repository.folder, BOTH, broken);
    repository.commit_all();
    world.lock(&["-U"]).refused(EITHER, &["pyproject.toml:11"]);
    app(&world.project.join("app"), BOTH, broken);
    world.require(&["./app"]).lock(&["-U"]).refused(EITHER, &["app/pyproject.toml:11"]);
    assert!(world.index.asked("/simple/mylib/").is_empty());
}

#[test]
fn an_archive_of_a_server_names_nothing_of_this_machine() {
    let world = world();
    let here = world.project.join("mylib");
    Sdist::new("mylib", "3").project("").write(&here);
    let folder = world.path("sources/app-1");
    for source in [
        format!("{{ path = \"{}\" }}", here.display()),
        format!("{{ git = \"file://{}\" }}", here.display()),
        format!("{{ url = \"file://{}\" }}", here.display()),
    ] {
        let sdist = Sdist::new("app", "1").project(BOTH);
        let built = sdist.pack(&world);
        assert!(folder.is_dir());
        app(&folder, BOTH, &format!("[tool.uv.sources]\nmylib = {source}\n"));
        let tar = std::process::Command::new("tar")
            .args(["-czf", &built.filename, "app-1"])
            .current_dir(world.path("sources"))
            .status();
        assert!(tar.unwrap().success());
        let bytes = fs_err::read(world.path("sources").join(&built.filename)).unwrap();
        let served = crate::support::wheel::Built {
            sha256: crate::support::wheel::sha256(&bytes),
            bytes,
            ..built
        };
        world.index.publish(crate::support::page::File::new(served.clone()));
        let url = world.index.file_url(&served.filename);
        let _ = fs_err::remove_dir_all(world.path("home/.cache"));
        world
            .require(&[&format!("app @ {url}")])
            .lock(&["-U"])
            .refused(EITHER, &["pyproject.toml:", "mylib"]);
    }
}

#[test]
fn what_builds_a_project_comes_from_where_its_sources_say() {
    let world = world();
    let marker = "import helper\nassert helper.environment";
    Sdist::new("helper", "2").project("").write(&world.project.join("helper"));
    let build = |source: &str| {
        let folder = world.project.join("app");
        let app =
            Sdist::new("app", "1").build_requires("helper").doing(&marker.replace('\n', "; "));
        app.write(&folder);
        append(&folder, &format!("[tool.uv.sources]\nhelper = {source}"));
        world.require(&["./app"]).pyfast(&["sync"])
    };
    build("{ path = \"../helper\" }").ok();
    assert!(world.index.asked("/simple/helper/").is_empty());
    build("{ workspace = true }").refused(EITHER, &["helper", "workspace"]);
    build("{ index = \"corp\" }").refused(EITHER, &["helper", "index `corp`"]);
    assert!(world.index.asked("/simple/helper/").is_empty());
    // An index of the project itself is that of its build, too.
    let own = format!(
        "{{ index = \"own\" }}\n[[tool.uv.index]]\nname = \"own\"\nurl = \"{}\"\nexplicit = true",
        world.index.url()
    );
    let ran = build(&own);
    assert!(!world.index.asked("/simple/helper/").is_empty(), "{ran}");
}

#[test]
fn a_place_or_an_index_that_counts_elsewhere_alone_leaves_a_project_its_own() {
    let world = world();
    let repository = Repository::new(&world, "app");
    let other = "{ path = \"libs/other\" }";
    let sources = format!("[tool.uv.sources]\nmylib = {}\nother = {other}", mylib(&world));
    Sdist::new("other", "2").project("").write(&repository.folder.join("libs/other"));
    app(&repository.folder, BOTH, &sources);
    repository.commit_all();
    let pins = world.project.join("pins");
    Sdist::new("pins", "1").project("dependencies = [\"other\"]\n").write(&pins);
    let more = format!(
        "[tool.uv.sources]\nother = {{ index = \"own\", marker = \"sys_platform == 'win32'\" }}\n\
         [[tool.uv.index]]\nname = \"own\"\nurl = \"{}\"\nexplicit = true",
        world.index.url()
    );
    append(&pins, &more);
    let lines = format!(
        "app @ {}\nmylib @ git+https://127.0.0.1:9/mylib ; sys_platform == 'win32'\n./pins",
        repository.url("")
    );
    check(&world, &lines, &["app==1", "mylib==3", "other==2", "pins==1"]);
}

#[test]
fn what_builds_an_archive_is_in_it_or_elsewhere_and_nothing_of_this_machine() {
    let world = world();
    let (folder, private) = (world.path("sources/app-1"), world.path("private"));
    Sdist::new("helper", "2").project("").write(&private);
    let build = |source: &str| {
        let app = Sdist::new("app", "1").build_requires("helper");
        app.doing("import helper; assert helper.environment").write(&folder);
        append(&folder, &format!("[tool.uv.sources]\nhelper = {source}"));
        packed(&world);
        world.require(&["./app-1.tar.gz"]).pyfast(&["sync", "-U"])
    };
    let private = private.display();
    for source in [
        format!("{{ path = \"{private}\" }}"),
        format!("{{ path = \"../../../../../../../../..{private}\" }}"),
        format!("{{ git = \"file://{private}\" }}"),
    ] {
        build(&source).refused(EITHER, &["helper", "this machine"]);
    }
    build("{ workspace = true }").refused(EITHER, &["pin helper to an index yourself"]);
    Sdist::new("helper", "2").project("").write(&folder.join("helper"));
    build("{ path = \"helper\" }").ok();
    assert!(world.index.asked("/simple/helper/").is_empty());
}

#[test]
fn what_a_build_needs_in_its_turn_comes_from_where_the_user_pins_it() {
    let world = world();
    world.index.add(&Wheel::new("base", "1"));
    let folder = world.project.join("app");
    let app = Sdist::new("app", "1").build_requires("helper");
    app.doing("import helper; assert helper.environment").write(&folder);
    append(&folder, "[tool.uv.sources]\nhelper = { path = \"../helper\" }");
    let helper = world.project.join("helper");
    Sdist::new("helper", "2").project("dependencies = [\"base\"]\n").write(&helper);
    append(&helper, "[tool.uv.sources]\nbase = { workspace = true }");
    world.require(&["./app"]).pyfast(&["sync"]).refused(EITHER, &["base", "workspace"]);
    let config = format!(
        "[index.named]\nown = \"{}\"\n[index.packages]\nbase = \"own\"\n",
        world.index.url()
    );
    world.write("pyfast.toml", &config);
    world.pyfast(&["sync"]).ok();
}
