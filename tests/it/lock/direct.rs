//! Locks of sources that requirements name by path, URL or repository (rules 27 to 29 and 43).

use toml::Value;

use super::check;
use crate::support::ran::{EITHER, MENDABLE, Ran, USAGE};
use crate::support::repository::{Repository, Served, file_url};
use crate::support::source::Sdist;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world with `b` on its index.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("b", "1.0")).add(&Wheel::new("b", "2.0"));
    world
}

/// The table of a package of the lock.
#[track_caller]
fn package(world: &World, name: &str) -> toml::Table {
    let lock: toml::Table = world.read("pylock.toml").parse().expect("TOML");
    let packages = lock["packages"].as_array().expect("packages").clone();
    let found = packages.iter().find(|package| package["name"].as_str() == Some(name));
    found.and_then(Value::as_table).unwrap_or_else(|| panic!("no {name}: {lock}")).clone()
}

#[test]
fn rule_43_an_archive_by_path_is_locked_with_its_digest() {
    let world = world();
    let built = Sdist::new("a", "1.0").requires("b<2").pack(&world);
    fs_err::create_dir_all(world.project.join("files")).unwrap();
    fs_err::write(world.project.join("files/a-1.0.tar.gz"), &built.bytes).unwrap();
    check(&world, &["./files/a-1.0.tar.gz"], &["a==1.0", "b==1.0"]);
    let archive = package(&world, "a")["archive"].clone();
    assert_eq!(archive["path"].as_str(), Some("files/a-1.0.tar.gz"));
    assert_eq!(archive["hashes"]["sha256"].as_str(), Some(built.sha256.as_str()));
}

#[test]
fn rule_43_an_archive_by_url_is_fetched_once() {
    let world = world();
    let stated = Sdist::new("a", "1.0").doing("raise SystemExit('it ran')");
    let built = stated.stated("Requires-Dist: b\n").publish(&world);
    let url = world.index.file_url(&built.filename);
    check(&world, &[&url], &["a==1.0", "b==2.0"]);
    check(&world, &[&url, "b<2"], &["a==1.0", "b==1.0"]);
    assert_eq!(world.index.asked(&built.filename).len(), 1);
    assert_eq!(package(&world, "a")["archive"]["url"].as_str(), Some(url.as_str()));
}

#[test]
fn rule_28_the_digest_of_a_fragment_is_enforced_and_counts_as_hash() {
    let world = World::new();
    let built = Sdist::new("a", "1.0").stated("").publish(&world);
    let url = world.index.file_url(&built.filename);
    let good = format!("a @ {url}#sha256={}", built.sha256);
    world.require(&[&good]).lock(&["--require-hashes"]).ok();
    let bad = format!("a @ {url}#sha256={}", "ab".repeat(32));
    world.require(&[&bad]).lock(&[]).refused(MENDABLE, &["hash", "abab", &built.sha256]);
    world.require(&[&url]).lock(&["--require-hashes"]).refused(MENDABLE, &["has no --hash"]);
    let hashed = format!("{url} --hash=sha256:{}", "cd".repeat(32));
    world.require(&[&hashed]).lock(&[]).refused(MENDABLE, &["cdcd", &built.sha256]);
}

#[test]
fn rule_33_directories_and_repositories_have_no_hash() {
    let world = World::new();
    let repository = Repository::new(&world, "a");
    repository.commit(".", &Sdist::new("a", "1.0").project(""));
    let required = ["--require-hashes"];
    let url = repository.url("");
    world.require(&[&url]).lock(&required).refused(MENDABLE, &["version control"]);
    Sdist::new("a", "1.0").project("").write(&world.project.join("a"));
    world.require(&["./a"]).lock(&required).refused(MENDABLE, &["is a directory"]);
}

#[test]
fn rule_43_a_directory_is_locked_by_its_relative_path_and_without_version() {
    let world = world();
    let source = Sdist::new("a", "1.0").doing("raise SystemExit('it ran')");
    source
        .project("dependencies = ['b<2']\n[project.optional-dependencies]\nx = ['c']\n")
        .write(&world.project.join("libraries/a"));
    world.index.add(&Wheel::new("c", "1.0"));
    check(&world, &["./libraries/a[x]"], &["a==", "b==1.0", "c==1.0"]);
    let table = package(&world, "a");
    assert_eq!(table["directory"]["path"].as_str(), Some("libraries/a"));
    assert!(!table.contains_key("version") && !table.contains_key("archive"));
    let before = world.read("pylock.toml");
    world.lock(&[]).ok();
    assert_eq!(world.read("pylock.toml"), before);
}

#[test]
fn a_directory_that_states_nothing_is_built_for_its_metadata() {
    let world = world();
    Sdist::new("a", "1.0").requires("b<2").write(&world.project.join("a"));
    check(&world, &[&format!("a @ {}", file_url(&world.project.join("a")))], &["a==", "b==1.0"]);
    check(&world, &["-e ./a"], &["a==", "b==1.0"]);
    assert_eq!(package(&world, "a")["directory"]["editable"].as_bool(), Some(true));
    world.lock(&["--no-build"]).refused(MENDABLE, &["a", "building is not allowed"]);
}

#[test]
fn a_requirement_by_name_is_met_by_a_source_of_that_name() {
    let world = world();
    world.index.add(&Wheel::new("a", "9.0")).add(&Wheel::new("c", "1.0").requires("a>=1"));
    Sdist::new("a", "1.5.dev1").project("").write(&world.project.join("a"));
    check(&world, &["c", "./a"], &["a==", "c==1.0"]);
    world.require(&["c", "a>2", "./a"]).lock(&[]).refused(MENDABLE, &["a>2"]);
}

#[test]
fn rule_27_two_sources_of_one_project_are_refused() {
    let world = World::new();
    for place in ["one", "two"] {
        Sdist::new("a", "1.0").project("").write(&world.project.join(place));
    }
    world.require(&["./one", "./two"]).lock(&[]).refused(EITHER, &[":2", "a is already"]);
    world.require(&["./one", "-e ./one"]);
    assert_eq!(world.locked(&[]), ["a=="]);
    assert_eq!(package(&world, "a")["directory"]["editable"].as_bool(), Some(true));
}

#[test]
fn rule_28_a_source_may_depend_on_another_by_url() {
    let world = world();
    let below = file_url(&world.project.join("deep"));
    let table = format!("dependencies = ['deep @ {below}']\n");
    Sdist::new("a", "1.0").project(&table).write(&world.project.join("a"));
    let table = "dependencies = ['b<2']\n";
    Sdist::new("deep", "1.0").project(table).write(&world.project.join("deep"));
    check(&world, &["./a"], &["a==", "b==1.0", "deep=="]);
    assert_eq!(package(&world, "deep")["directory"]["path"].as_str(), Some("deep"));
}

#[test]
fn a_project_file_may_name_sources_too() {
    let world = world();
    let folder = world.project.join("libraries/a");
    Sdist::new("a", "1.0").project("dependencies = ['b<2']\n").write(&folder);
    let repository = Repository::new(&world, "c");
    repository.commit(".", &Sdist::new("c", "1.0").project(""));
    let text = format!(
        "[project]\nname = 'mine'\nversion = '1'\ndependencies = ['a @ {}']\n\
         [project.optional-dependencies]\nx = [\"c @ {} ; sys_platform != 'win32'\"]\n",
        file_url(&folder),
        repository.url("@main")
    );
    world.write("pyproject.toml", &text);
    world.pyfast(&["lock", "-r", "pyproject.toml", "--extra", "x"]).ok();
    assert_eq!(world.lock_packages(), ["a==", "b==1.0", "c=="]);
}

#[test]
fn secrets_in_the_metadata_of_a_source_are_not_kept() {
    let world = World::new();
    let built = Sdist::new("deep", "1.0").stated("").publish(&world);
    let wheel = Wheel::new("flat", "1.0");
    world.index.add(&wheel);
    let secret =
        |filename: &str| world.index.file_url(filename).replace("http://", "http://user:s3cr3t@");
    let (deep, flat) = (secret(&built.filename), secret(&wheel.build().filename));
    let table = format!("dependencies = ['deep @ {deep}', 'flat @ {flat}']\n");
    Sdist::new("a", "1.0").project(&table).write(&world.project.join("a"));
    let ran = world.require(&["./a"]).lock(&[]).ok();
    assert_eq!(world.lock_packages(), ["a==", "deep==1.0", "flat==1.0"]);
    let text = world.read("pylock.toml");
    assert!(!text.contains("s3cr3t") && !format!("{ran}").contains("s3cr3t"), "{text}{ran}");
}

#[test]
fn a_constraint_says_where_a_project_comes_from() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "9.0")).add(&Wheel::new("c", "1.0"));
    Sdist::new("a", "1.0").project("").write(&world.project.join("a"));
    world.write("c.txt", "a @ ./a\n");
    world.require(&["a"]);
    assert_eq!(world.locked(&["-c", "c.txt"]), ["a=="]);
    world.require(&["c"]);
    assert_eq!(world.locked(&["-c", "c.txt"]), ["c==1.0"]);
}

#[test]
fn what_is_no_project_is_refused_with_its_line() {
    let world = World::new();
    fs_err::create_dir(world.project.join("empty")).unwrap();
    world.require(&["", "./empty"]).lock(&[]).refused(USAGE, &[":2", "neither pyproject.toml"]);
    world.require(&["./nowhere"]).lock(&[]).refused(USAGE, &[":1", "there is no directory"]);
    Sdist::new("a", "1.0").project("").write(&world.project.join("a"));
    world.require(&["x @ ./a"]).lock(&[]).refused(USAGE, &["its name is a, not x"]);
    world.require(&["-e https://h.test/a-1.zip"]).lock(&[]).refused(USAGE, &["editable"]);
    world.require(&["hg+https://h.test/a"]).lock(&[]).refused(USAGE, &["only git is"]);
}

/// Locks a repository, and gives the commit and what was asked for.
#[track_caller]
fn locked_commit(world: &World, line: &str, args: &[&str]) -> (String, Option<String>) {
    world.require(&[line]).lock(args).ok();
    let vcs = package(world, "a")["vcs"].clone();
    let text = |key: &str| vcs.get(key).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(text("type").as_deref(), Some("git"));
    (text("commit-id").expect("a commit"), text("requested-revision"))
}

#[test]
fn rule_29_every_kind_of_reference_is_locked_as_its_whole_commit() {
    let world = World::new();
    let repository = Repository::new(&world, "a");
    let first = repository.commit(".", &Sdist::new("a", "1.0").project(""));
    repository.git(&["tag", "v1"]);
    repository.git(&["tag", "--annotate", "--message", "x", "annotated"]);
    repository.git(&["branch", "feature/x"]);
    let second = repository.commit(".", &Sdist::new("a", "2.0").project(""));
    repository.git(&["update-ref", "refs/pull/7/head", &first]);
    let check = |suffix: &str, commit: &str, requested: Option<&str>| {
        let (found, asked) = locked_commit(&world, &repository.url(suffix), &["--upgrade"]);
        assert_eq!((found.as_str(), asked.as_deref()), (commit, requested), "{suffix}");
    };
    check("", &second, None);
    check("@v1", &first, Some("v1"));
    check("@annotated", &first, Some("annotated"));
    check("@feature/x", &first, Some("feature/x"));
    check("@main", &second, Some("main"));
    check("@refs/pull/7/head", &first, Some("refs/pull/7/head"));
    check(&format!("@{first}"), &first, Some(&first));
    check(&format!("@{}", &first[..9]), &first, Some(&first[..9]));
    let gone = repository.url("@nowhere");
    world.require(&[&gone]).lock(&[]).refused(MENDABLE, &["no branch, tag or commit `nowhere`"]);
}

#[test]
fn rule_35_a_lock_keeps_its_commit_until_an_upgrade() {
    let world = World::new();
    let repository = Repository::new(&world, "a");
    world.index.add(&Wheel::new("other", "1.0"));
    let first =
        repository.commit(".", &Sdist::new("a", "1.0").project("dependencies = ['other']\n"));
    let line = repository.url("@main");
    assert_eq!(locked_commit(&world, &line, &[]).0, first);
    let second =
        repository.commit(".", &Sdist::new("a", "2.0").project("dependencies = ['other']\n"));
    assert_eq!(locked_commit(&world, &line, &[]).0, first);
    assert_eq!(locked_commit(&world, &line, &["--upgrade-package", "other"]).0, first);
    assert_eq!(locked_commit(&world, &line, &["--upgrade-package", "a"]).0, second);
}

#[test]
fn a_clone_in_the_cache_needs_no_network_and_another_repository_does() {
    let world = World::new();
    let repository = Repository::new(&world, "a");
    let commit = repository.commit(".", &Sdist::new("a", "1.0").project(""));
    let line = repository.url("@main");
    locked_commit(&world, &line, &[]);
    fs_err::rename(&repository.folder, world.path("gone")).unwrap();
    assert_eq!(locked_commit(&world, &line, &["--offline"]).0, commit);
    let other = format!("{}-other", repository.url(""));
    world.require(&[&other]).lock(&["--offline"]).refused(MENDABLE, &["offline"]);
    world.require(&[&other]).lock(&[]).refused(MENDABLE, &["cannot fetch the repository"]);
}

#[test]
fn without_git_its_name_is_told_and_how_to_get_it() {
    let mut world = World::new();
    world.env.insert("PATH".to_owned(), world.path("home").display().to_string());
    world.require(&["git+https://127.0.0.1:1/r"]);
    let ran = world.lock(&["--json"]);
    ran.refused_with_hint(MENDABLE, &["the program `git` was not found"]);
}

#[test]
fn rule_29_a_subdirectory_of_a_repository_is_the_project() {
    let world = world();
    let repository = Repository::new(&world, "many");
    repository.commit("x/a", &Sdist::new("a", "1.0").project("dependencies = ['b<2']\n"));
    let line = repository.url("#egg=a&subdirectory=x/a");
    check(&world, &[&line], &["a==", "b==1.0"]);
    assert_eq!(package(&world, "a")["vcs"]["subdirectory"].as_str(), Some("x/a"));
    let text = world.lock(&["--format", "requirements"]).ok().stdout;
    assert!(text.contains("a @ git+file://") && text.contains("#subdirectory=x/a"), "{text}");
}

#[test]
fn places_of_any_name_are_exported_and_listed_as_they_are_read() {
    let world = world();
    let repository = Repository::new(&world, "many");
    let folder = "x/100%25 & #1@2";
    repository.commit(folder, &Sdist::new("a", "1.0").project(""));
    let line = repository.url("#egg=a&subdirectory=x/100%2525%20%26%20%231%402");
    world.require(&[&line]).lock(&[]).ok();
    let exported = world.lock(&["--format", "requirements"]).ok().stdout;
    // Nobody else decodes what is there.
    assert!(exported.contains("%231@2"), "{exported}");
    let listed = world.pyfast(&["list", "--lock"]).ok().stdout;
    for text in [exported, listed] {
        world.require(&[&text]).lock(&[]).ok();
        assert_eq!(package(&world, "a")["vcs"]["subdirectory"].as_str(), Some(folder), "{text}");
    }
    let wheel = Wheel::new("a", "1.0").build().write_to(&world.project.join("50% #1"));
    world.require(&[&format!("a @ {}", file_url(&wheel))]);
    let exported = world.lock(&["--format", "requirements"]).ok().stdout;
    assert!(exported.contains("50%25%20%231"), "{exported}");
    world.require(&[&exported]).lock(&[]).ok();
}

#[test]
fn credentials_open_a_repository_and_are_written_nowhere() {
    let world = World::new();
    let repository = Repository::new(&world, "a");
    let commit = repository.commit(".", &Sdist::new("a", "1.0"));
    let served = Served::new(&world, &repository, "user:s3cr3t");
    let port = served.port;
    let line = format!("git+http://user:s3cr3t@127.0.0.1:{port}/r.git@{}", &commit[..10]);
    assert_eq!(locked_commit(&world, &line, &[]).0, commit);
    let plain = format!("http://127.0.0.1:{port}/r.git");
    assert_eq!(package(&world, "a")["vcs"]["url"].as_str(), Some(plain.as_str()));
    let synced = world.sync(&[]);
    assert!(!format!("{}", synced.ran).contains("s3cr3t"), "{}", synced.ran);
    for place in ["root", "home"] {
        let mut grep = std::process::Command::new("grep");
        grep.args(["-rlI", "s3cr3t"]).arg(world.path(place));
        let found = String::from_utf8(grep.output().unwrap().stdout).unwrap();
        assert_eq!(found, "", "nothing keeps it");
    }
    // A lock of another tool that has them.
    let theirs = world.path("theirs");
    fs_err::create_dir(&theirs).unwrap();
    let text = format!(
        "lock-version = '1.0'\ncreated-by = 'other'\n[[packages]]\nname = 'a'\n[packages.vcs]\n\
         type = 'git'\nurl = 'http://user:s3cr3t@127.0.0.1:{port}/r.git'\ncommit-id = '{commit}'\n"
    );
    fs_err::write(theirs.join("pylock.toml"), text).unwrap();
    let theirs = theirs.join("pylock.toml").display().to_string();
    let lock = ["-r", &theirs, "--env", "theirs"];
    let synced = world.pyfast(&[&["sync", "-v"][..], &lock].concat()).ok();
    assert!(!format!("{synced}").contains("s3cr3t"), "{synced}");
    for form in ["requirements", "pylock"] {
        let shown = world.pyfast(&["export", "--env", "theirs", "--format", form]).ok();
        assert!(!format!("{shown}").contains("s3cr3t"), "{shown}");
    }
    let wrong = line.replace("s3cr3t", "wr0ng");
    let ran = world.require(&[&wrong]).lock(&["--upgrade"]).refused(MENDABLE, &[&plain]);
    assert!(!format!("{ran}").contains("wr0ng"), "{ran}");
}

#[test]
fn a_lock_of_directories_holds_wherever_the_project_is() {
    let world = World::new();
    Sdist::new("a", "1.0").project("").write(&world.project.join("libraries/a"));
    world.require(&["./libraries/a"]).lock(&[]).ok();
    let moved = world.path("moved");
    fs_err::rename(&world.project, &moved).unwrap();
    let root = world.root.display().to_string();
    let arguments = ["sync", "--json", "--locked", "--no-index", "-r", "requirements.txt"];
    let mut again = world.bare(&[&arguments[..], &["--root", &root]].concat());
    again.args(["--python", &world.python]).current_dir(&moved);
    Synced::of(Ran::of(again));
}

#[test]
fn another_tools_lock_of_sources_is_read() {
    let world = world();
    let folder = world.project.join("a");
    Sdist::new("a", "1.0").project("").write(&folder);
    let repository = Repository::new(&world, "c");
    let commit = repository.commit("x", &Sdist::new("c", "3.0").project(""));
    let url = file_url(&repository.folder);
    let text = format!(
        "lock-version = '1.0'\ncreated-by = 'other'\n\
         [[packages]]\nname = 'a'\n[packages.directory]\npath = './a'\n\
         [[packages]]\nname = 'c'\n[packages.vcs]\ntype = 'git'\nurl = '{url}'\n\
         commit-id = '{commit}'\nsubdirectory = 'x'\n"
    );
    world.write("pylock.toml", &text);
    let synced = Synced::of(world.pyfast(&["sync", "--json", "--frozen", "-r", "pylock.toml"]));
    assert_eq!(synced.packages(), ["a==1.0", "c==3.0"]);
    let check = |from: &str, to: &str, needle: &str| {
        world.write("pylock.toml", &text.replace(from, to));
        let ran = world.pyfast(&["sync", "--frozen", "-r", "pylock.toml"]);
        ran.refused(MENDABLE, &["pylock.toml", needle]);
    };
    check(&commit, "--upload-pack=x", "no whole commit id");
    check("subdirectory = 'x'", "subdirectory = '../x'", "leads outside");
    check("type = 'git'", "type = 'hg'", "only git is");
    check(&url, "ext::sh -c x", "URL");
    check(&url, "ssh://-oProxyCommand=x/r", "the host of a repository does not begin with `-`");
}

#[test]
fn references_cannot_be_options_and_credentials_are_not_shown() {
    let world = World::new();
    let line = "git+https://user:s3cr3t@127.0.0.1:1/r.git@main";
    let ran = world.require(&[line]).lock(&[]).refused(MENDABLE, &["127.0.0.1:1/r.git"]);
    assert!(!format!("{ran}").contains("s3cr3t"), "{ran}");
    let line = "git+https://user:s3cr3t@h.test/r@--upload-pack=x";
    let ran = world.require(&[line]).lock(&[]).refused(USAGE, &["does not begin with `-`"]);
    assert!(!format!("{ran}").contains("s3cr3t"), "{ran}");
}
