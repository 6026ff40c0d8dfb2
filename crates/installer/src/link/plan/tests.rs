//! Environments of small wheels: what is linked, what is shared, and that Python can use it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::bytecode::Invalidation;
use crate::fixtures::{Sandbox, WheelFile};
use crate::generation::{Generation, compose};
use crate::wheel::record::parse;

/// Composes and returns the generation with its plan.
fn composed(sandbox: &Sandbox, spec: &EnvironmentSpec) -> (Generation, LinkPlan) {
    let plan = plan(&sandbox.store, spec).unwrap();
    (compose(&sandbox.store, spec, &plan, "lock", &|_| ()).unwrap(), plan)
}

fn site_packages(generation: &Generation, spec: &EnvironmentSpec) -> PathBuf {
    generation.path.join(spec.interpreter.site_packages())
}

/// Wheels, and an environment of them as volumes have it.
fn tree(sandbox: &Sandbox, wheels: &[WheelFile]) -> EnvironmentSpec {
    let mut spec = sandbox.spec(wheels);
    spec.options.link_mode = LinkMode::Tree;
    spec
}

/// What Python prints in an environment.
fn run(python: &Path, code: &str) -> String {
    let output = Command::new(python).args(["-I", "-c", code]).output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&err));
    String::from_utf8(out).unwrap().trim_end().to_owned()
}

fn wheels() -> Vec<WheelFile> {
    vec![
        WheelFile::new("one", "1.0")
            .file("one/__init__.py", "from one.sub import value\n")
            .file("one/sub.py", "value = 1\n")
            .file("space/one.py", "name = __name__\n")
            .file("space/deep/one/__init__.py", "")
            .file("one.pth", "import os\n")
            .info("entry_points.txt", "[console_scripts]\nrun-one = one.cli:main.run\n")
            .file("one/cli.py", "class main:\n    def run():\n        import sys\n        print('ran', sys.argv[1])\n"),
        WheelFile::new("two", "2.0")
            .file("two.py", "import one, space.one, space.two\n")
            .file("space/two.py", "name = __name__\n")
            .file("space/deep/two/__init__.py", "")
            .file("two-2.0.data/scripts/tool", "#!python\nimport two, sys; print('tool', sys.prefix)\n")
            .file("two-2.0.data/scripts/plain", "#!/bin/sh\necho plain\n")
            .file("two-2.0.data/data/share/two/doc.txt", "doc")
            .file("two-2.0.data/headers/two.h", "header"),
    ]
}

#[test]
fn directories_of_one_wheel_are_links_and_shared_ones_are_real_all_the_way_down() {
    let sandbox = Sandbox::new();
    let spec = tree(&sandbox, &wheels());
    let (generation, plan) = composed(&sandbox, &spec);
    let site = site_packages(&generation, &spec);
    let is_link = |path: &str| fs_err::symlink_metadata(site.join(path)).unwrap().is_symlink();
    assert!(is_link("one") && !is_link("space"));
    for shared in ["space/one.py", "space/deep", "space/deep/two", "space/deep/two/__init__.py"] {
        let facts = fs_err::symlink_metadata(site.join(shared)).unwrap();
        assert!(facts.is_dir() || (facts.is_file() && facts.nlink() > 1), "{shared}");
    }
    assert!(fs_err::symlink_metadata(site.join("two.py")).unwrap().nlink() > 1);
    let path_file = fs_err::symlink_metadata(site.join("one.pth")).unwrap();
    assert_eq!((path_file.is_file(), path_file.nlink()), (true, 1), "path files are private");
    assert!(plan.clashes.is_empty() && plan.warnings.is_empty());
    let target = fs_err::read_link(site.join("one")).unwrap();
    assert!(target.starts_with("../../../../../../store/v1/wheels"), "{}", target.display());
}

#[test]
fn python_imports_and_scripts_run() {
    let sandbox = Sandbox::new();
    let spec = tree(&sandbox, &wheels());
    let (generation, _) = composed(&sandbox, &spec);
    let python = generation.path.join("bin/python");
    let imported = run(
        &python,
        "import two, sys, importlib.metadata as m; \
         print(two.one.value, two.space.two.name, sys.prefix, m.version('one'))",
    );
    assert_eq!(imported, format!("1 space.two {} 1.0", generation.path.display()));
    let script = |name: &str| {
        let output =
            Command::new(generation.path.join("bin").join(name)).arg("x").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(script("run-one"), "ran x\n");
    assert_eq!(script("tool"), format!("tool {}\n", generation.path.display()));
    assert_eq!(script("plain"), "plain\n");
    let files = run(
        &python,
        "import importlib.metadata as m; print(all(f.locate().exists() for f in m.files('two')), len(m.files('two')))",
    );
    assert!(files.starts_with("True "), "{files}");
}

#[test]
fn links_survive_moving_the_root() {
    let sandbox = Sandbox::new();
    let spec = tree(&sandbox, &wheels());
    let (generation, _) = composed(&sandbox, &spec);
    let moved = tempfile::tempdir().unwrap();
    let place = moved.path().join("elsewhere");
    fs_err::rename(sandbox.directory.path(), &place).unwrap();
    let python = place.join("envs/v1").join(&generation.id).join("bin/python");
    let found = run(&python, "import two; print(two.__file__)");
    assert!(found.starts_with(&*place.to_string_lossy()), "{found}");
    fs_err::rename(&place, sandbox.directory.path()).unwrap();
}

#[test]
fn shebangs_name_the_path_that_python_will_be_seen_at() {
    let sandbox = Sandbox::seen_at("/pyfast");
    let spec = tree(&sandbox, &wheels());
    let (generation, _) = composed(&sandbox, &spec);
    let script = fs_err::read_to_string(generation.path.join("bin/tool")).unwrap();
    assert!(script.starts_with(&format!("#!/pyfast/envs/v1/{}/bin/python\n", generation.id)));
    assert_eq!(generation.seen, Path::new("/pyfast/envs/v1").join(&generation.id));
}

#[test]
fn record_of_an_environment_is_complete() {
    let sandbox = Sandbox::new();
    let mut spec = tree(&sandbox, &wheels());
    for package in &mut spec.packages {
        package.requested = true;
    }
    spec.packages[0].direct_url = Some(serde_json::json!({"url": "file:///one", "dir_info": {}}));
    let (generation, _) = composed(&sandbox, &spec);
    let site = site_packages(&generation, &spec);
    for (name, scripts) in [("one-1.0", &["run-one"][..]), ("two-2.0", &["plain", "tool"])] {
        let info = site.join(format!("{name}.dist-info"));
        assert!(!fs_err::symlink_metadata(&info).unwrap().is_symlink());
        let record = fs_err::read(info.join("RECORD")).unwrap();
        let rows = parse(&record).unwrap();
        let paths: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
        assert!(paths.is_sorted(), "{paths:?}");
        for row in &rows {
            let content = fs_err::read(site.join(&row.path)).unwrap();
            let own = row.path.ends_with("/RECORD");
            assert_eq!(row.size, (!own).then_some(content.len() as u64), "{}", row.path);
        }
        for script in scripts {
            assert!(paths.contains(&format!("../../../bin/{script}").as_str()));
        }
        assert!(paths.contains(&format!("{name}.dist-info/REQUESTED").as_str()));
        let has_url = paths.iter().any(|path| path.ends_with("direct_url.json"));
        assert_eq!(has_url, name == "one-1.0");
    }
    let record = fs_err::read_to_string(site.join("two-2.0.dist-info/RECORD")).unwrap();
    assert!(record.contains("../../../share/two/doc.txt,sha256="));
    assert!(record.contains("../../../include/site/python3."));
}

#[test]
fn a_dist_info_without_anything_private_is_one_link() {
    let sandbox = Sandbox::new();
    let spec = tree(&sandbox, &[WheelFile::new("plain", "1.0").file("plain.py", "")]);
    let (generation, _) = composed(&sandbox, &spec);
    let info = site_packages(&generation, &spec).join("plain-1.0.dist-info");
    assert!(fs_err::symlink_metadata(&info).unwrap().is_symlink());
}

#[test]
fn of_two_files_the_later_package_wins_and_both_are_named() {
    let sandbox = Sandbox::new();
    let wheel = |name: &str, content: &str| {
        WheelFile::new(name, "1.0").file("same/x.py", content).file("same/__init__.py", "")
    };
    let mut spec = tree(&sandbox, &[wheel("first", "x = 1\n"), wheel("second", "x = 2\n")]);
    let (generation, plan) = composed(&sandbox, &spec);
    let python = generation.path.join("bin/python");
    assert_eq!(run(&python, "import same.x; print(same.x.x)"), "2");
    let clashes: Vec<String> = plan.clashes.iter().map(ToString::to_string).collect();
    let path = format!("{}/same", spec.interpreter.site_packages());
    assert_eq!(
        clashes,
        [
            format!(
                "second and first both provide {path}/__init__.py (first with the same content); \
                 second wins"
            ),
            format!(
                "second and first both provide {path}/x.py (first with another content); second wins"
            ),
        ]
    );
    assert!(plan.to_string().contains("warning: second and first both provide"));
    spec.options.strict = true;
    let error = super::plan(&sandbox.store, &spec).unwrap_err().to_string();
    assert!(
        error.contains("first and second cannot share") && error.contains("same/x.py"),
        "{error}"
    );
}

#[test]
fn a_file_that_another_wheel_has_as_directory_is_refused() {
    let sandbox = Sandbox::new();
    let wheels =
        [WheelFile::new("a", "1.0").file("x/y.py", ""), WheelFile::new("b", "1.0").file("x", "")];
    let error = plan(&sandbox.store, &tree(&sandbox, &wheels)).unwrap_err().to_string();
    assert!(error.contains("a and b cannot share an environment"), "{error}");
}

#[test]
fn data_never_replaces_what_the_environment_has() {
    let sandbox = Sandbox::new();
    let base = WheelFile::new("a", "1.0").info("entry_points.txt", "[console_scripts]\nx = a:b\n");
    for (path, expected) in [("bin/x", false), ("lib", false), ("bin/y", true), ("etc/x", true)] {
        let wheels =
            [base.clone(), WheelFile::new("b", "1.0").file(&format!("b-1.0.data/data/{path}"), "")];
        assert_eq!(plan(&sandbox.store, &tree(&sandbox, &wheels)).is_ok(), expected, "{path}");
    }
}

/// Composes a tree of these wheels, and compares which names in site-packages are links.
#[track_caller]
fn check_links(wheels: &[WheelFile], expected: &[&str]) {
    let sandbox = Sandbox::new();
    let spec = tree(&sandbox, wheels);
    let (generation, _) = composed(&sandbox, &spec);
    let entries = fs_err::read_dir(site_packages(&generation, &spec)).unwrap().map(Result::unwrap);
    let links = entries.filter(|entry| entry.file_type().unwrap().is_symlink());
    let mut links: Vec<String> =
        links.map(|entry| entry.file_name().into_string().unwrap()).collect();
    links.retain(|name| !name.ends_with(".dist-info"));
    links.sort();
    assert_eq!(links, expected);
}

#[test]
fn wheels_whose_elf_files_look_into_each_other_are_real() {
    let elf = crate::store::tests::elf_with_runpath;
    let user = |file: &str, search: &str| {
        WheelFile::new("user", "1.0").file(&format!("user/lib/{file}"), elf(search))
    };
    let vendor = || WheelFile::new("vendor", "1.0").file("vendor/lib/y.so", elf("/usr/lib"));
    let other = || WheelFile::new("other", "1.0").file("other/__init__.py", "");
    check_links(&[user("x.so", "$ORIGIN/../../vendor/lib"), vendor(), other()], &["other"]);
    // A program is looked for as the loader does, too, whatever its name.
    check_links(&[user("program", "$ORIGIN/../../vendor/lib"), vendor(), other()], &["other"]);
    // Nobody has what it looks for.
    check_links(&[user("x.so", "$ORIGIN/../../vendor/lib"), other()], &["other", "user"]);
    // What it looks for is its own, and found in the store.
    check_links(&[user("x.so", "$ORIGIN/../../user/lib"), other()], &["other", "user"]);
    // A directory that has no library of anybody.
    check_links(&[user("x.so", "$ORIGIN/../../other"), other()], &["other", "user"]);
}

#[test]
fn wheels_whose_elf_files_look_into_the_environment_are_real() {
    let elf = crate::store::tests::elf_with_runpath;
    let user = || WheelFile::new("user", "1.0").file("user/x.so", elf("$ORIGIN/../../.."));
    let libs = |path: &str| {
        WheelFile::new("libs", "1.0").file(&format!("libs-1.0.data/data/{path}"), elf(""))
    };
    check_links(&[user(), libs("lib/base.so.1")], &[]);
    check_links(&[user(), libs("share/base.so.1")], &["user"]);
    // Its own library, which the store has in another place than the environment.
    let own = user().file("user-1.0.data/data/lib/base.so.1", elf(""));
    check_links(&[own], &[]);
}

#[test]
fn a_directory_of_libraries_that_two_wheels_have_is_found_whole() {
    let elf = crate::store::tests::elf_with_runpath;
    // What is behind a link sees one wheel's part of the directory alone.
    let one = WheelFile::new("one", "1.0")
        .file("one/x.so", elf("$ORIGIN/../shared"))
        .file("shared/a.so", elf(""));
    let two = WheelFile::new("two", "1.0").file("shared/b.so", elf(""));
    check_links(&[one, two], &[]);
}

#[test]
fn bytecode_is_that_of_the_module_that_is_there() {
    let sandbox = Sandbox::new();
    let wheel = |name: &str, module: &str| WheelFile::new(name, "1.0").file("same/x.py", module);
    let spec = tree(&sandbox, &[wheel("first", "who = 1\n"), wheel("second", "who = 2\n")]);
    let compiler =
        crate::bytecode::Compiler::start(&spec.interpreter, Invalidation::UncheckedHash, 1)
            .unwrap();
    // The winner's is missing: Python would take the other's for it.
    compiler.compile(&sandbox.root, &spec.packages[0].sha256).unwrap();
    let (generation, _) = composed(&sandbox, &spec);
    let python = generation.path.join("bin/python");
    assert_eq!(run(&python, "import same.x; print(same.x.who)"), "2");
}

/// Whether a step makes a file that nobody else has: one that was written, or a copy.
fn is_private(step: &Step) -> bool {
    matches!(step, Step::File { .. } | Step::Real { mode: RealMode::Copy, .. })
}

#[test]
fn what_tools_change_in_place_is_a_private_copy() {
    let sandbox = Sandbox::new();
    let mut spec = sandbox.spec(&[WheelFile::new("a", "1.0")
        .file("a/__init__.py", "")
        .file("a/ca.pem", "")
        .file("a.pth", "")
        .file("a-1.0.data/data/etc/a/settings", "")
        .file("a-1.0.data/data/share/a/kernel.json", "{}")
        .file("a-1.0.data/data/share/a/text", "")
        .file("a-1.0.data/scripts/script", "#!/bin/sh\n")
        .file("a-1.0.data/scripts/binary", "\x7fELF")
        .info("entry_points.txt", "[console_scripts]\nrun-a = a:a\n")]);
    spec.packages[0].requested = true;
    let (generation, plan) = composed(&sandbox, &spec);
    let site = spec.interpreter.site_packages();
    let info = |file: &str| format!("{site}/a-1.0.dist-info/{file}");
    let mut private = vec![
        "bin/Activate.ps1".to_owned(),
        "bin/activate".into(),
        "bin/activate.csh".into(),
        "bin/activate.fish".into(),
        "bin/activate.nu".into(),
        "bin/activate_this.py".into(),
        "bin/run-a".into(),
        "bin/script".into(),
        "etc/a/settings".into(),
        format!("{site}/a.pth"),
        format!("{site}/a/ca.pem"),
        info("INSTALLER"),
        info("RECORD"),
        info("REQUESTED"),
        "pyvenv.cfg".into(),
        "share/a/kernel.json".into(),
    ];
    private.sort();
    let mut planned: Vec<&str> =
        plan.steps.iter().filter(|step| is_private(step)).map(Step::path).collect();
    planned.sort_unstable();
    assert_eq!(planned, private);
    for path in &private {
        let facts = fs_err::symlink_metadata(generation.path.join(path)).unwrap();
        assert_eq!((facts.nlink(), facts.mode() & 0o200), (1, 0o200), "{path}");
    }
    for path in ["bin/binary", "share/a/text", &info("METADATA"), &format!("{site}/a/__init__.py")]
    {
        let facts = fs_err::symlink_metadata(generation.path.join(path)).unwrap();
        assert!(facts.is_file() && facts.nlink() == 2, "{path}");
    }
}

#[test]
fn every_link_mode_gives_the_same_imports() {
    let sandbox = Sandbox::new();
    let mut wheels = wheels();
    wheels.push(WheelFile::new("three", "1.0").file("three/__init__.py", ""));
    let mut spec = tree(&sandbox, &wheels);
    let mut ids = Vec::new();
    for mode in [LinkMode::Tree, LinkMode::Hardlink, LinkMode::Copy, LinkMode::Clone] {
        spec.options.link_mode = mode;
        let (generation, _) = composed(&sandbox, &spec);
        let python = generation.path.join("bin/python");
        assert_eq!(run(&python, "import two; print(two.one.value)"), "1", "{mode:?}");
        let module = site_packages(&generation, &spec).join("one/sub.py");
        let links = fs_err::metadata(module).unwrap().nlink();
        assert_eq!(links > 1, mode == LinkMode::Hardlink, "{mode:?}");
        ids.push(generation.id);
        // The next mode starts without its links.
        fs_err::remove_dir_all(generation.path).unwrap();
    }
    ids.dedup();
    assert_eq!(ids.len(), 4, "a mode is a part of what an environment is");
    spec.options.link_mode = LinkMode::Tree;
    spec.options.real = vec!["one".parse().unwrap()];
    let (generation, _) = composed(&sandbox, &spec);
    let site = site_packages(&generation, &spec);
    assert!(!fs_err::symlink_metadata(site.join("one")).unwrap().is_symlink());
    assert!(fs_err::symlink_metadata(site.join("three")).unwrap().is_symlink());
}

#[test]
fn compiled_modules_of_shared_directories_are_linked() {
    let sandbox = Sandbox::new();
    let spec = tree(&sandbox, &wheels());
    let compiler =
        crate::bytecode::Compiler::start(&spec.interpreter, Invalidation::UncheckedHash, 1)
            .unwrap();
    for package in &spec.packages {
        compiler.compile(&sandbox.root, &package.sha256).unwrap();
    }
    let (generation, plan) = composed(&sandbox, &spec);
    assert!(plan.clashes.is_empty(), "{plan}");
    let python = generation.path.join("bin/python");
    let code = "import two, os; print(all(os.path.exists(m.__cached__) \
                for m in [two, two.one, two.space.one, two.space.two]))";
    assert_eq!(run(&python, code), "True");
}

#[test]
fn a_plan_names_every_step_and_needs_its_wheels() {
    let sandbox = Sandbox::new();
    let mut spec = tree(&sandbox, &wheels()[..1]);
    let plan = plan(&sandbox.store, &spec).unwrap();
    let text = plan.to_string();
    assert_eq!(text.lines().count(), plan.steps.len() + 1);
    assert!(text.contains("bin/run-one = program of"), "{text}");
    assert!(text.contains("/one.pth = copy of"), "{text}");
    spec.packages[0].sha256 = pyfast_packaging::hash::Sha256([9; 32]);
    assert!(matches!(super::plan(&sandbox.store, &spec), Err(Error::NotInStore { .. })));
}

#[test]
fn the_scripts_that_activate_are_the_environments_own() {
    let sandbox = Sandbox::new();
    let mut spec = sandbox.spec(&[WheelFile::new("a", "1.0")
        .file("a.py", "")
        .file("a-1.0.data/scripts/activate", "#!/bin/sh\necho planted\n")
        .info("entry_points.txt", "[console_scripts]\nactivate-a = a:a\n")]);
    spec.options.owner = Some(pyfast_root::ProjectEnv::new("shop", "default").unwrap());
    let (generation, plan) = composed(&sandbox, &spec);
    let script = fs_err::read_to_string(generation.path.join("bin/activate")).unwrap();
    let current = sandbox.root.seen().join("projects/shop/default/current");
    assert!(script.contains(&format!("'{}'", current.display())), "{script}");
    assert!(generation.path.join("bin/activate-a").is_file());
    assert_eq!(plan.warnings.len(), 1, "{plan}");
    assert!(plan.warnings[0].starts_with("a provides a script named activate,"), "{plan}");
    let record = site_packages(&generation, &spec).join("a-1.0.dist-info/RECORD");
    assert!(!fs_err::read_to_string(record).unwrap().contains("bin/activate,"));
    spec.options.owner = None;
    let (anybodys, _) = composed(&sandbox, &spec);
    let script = fs_err::read_to_string(anybodys.path.join("bin/activate")).unwrap();
    assert!(script.contains(&format!("'{}'", anybodys.seen.display())), "{script}");
    let data = WheelFile::new("b", "1.0").file("b-1.0.data/data/bin/activate.fish", "");
    let refused = super::plan(&sandbox.store, &sandbox.spec(&[data])).unwrap_err();
    assert!(refused.to_string().contains("the environment itself and b cannot"), "{refused}");
}
