//! Whatever is done to an environment from outside is found, and what Python itself does is not.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fs_err as fs;
use fs_err::os::unix::fs::symlink;

use super::*;
use crate::bytecode::Invalidation;
use crate::fixtures::{Sandbox, WheelFile, python};
use crate::generation::compose;
use crate::link::mode::LinkMode;
use crate::link::plan::plan;
use crate::store::settled::boot_id;

/// An environment with a package, a module, a script, a shared directory and data.
struct Made {
    sandbox: Sandbox,
    generation: Generation,
    wheels: Vec<Sha256>,
    stamps: Stamps,
}

fn wheels() -> [WheelFile; 2] {
    [
        WheelFile::new("pkg", "1.0")
            .file("pkg/__init__.py", "value = 1\n")
            .file("pkg/deep/mod.py", "x = 1\n")
            .file("space/one.py", "")
            .file("single.py", "one = 1\n")
            .file("pkg.pth", "# nothing\n")
            .info("entry_points.txt", "[console_scripts]\nrun = pkg:main\n"),
        WheelFile::new("other", "2.0")
            .file("space/two.py", "")
            .file("other-2.0.data/data/share/other/x.txt", "x"),
    ]
}

impl Made {
    fn new(link_mode: LinkMode) -> Self {
        let sandbox = Sandbox::new();
        let mut spec = sandbox.spec(&wheels());
        spec.options.link_mode = link_mode;
        let wheels = spec.packages.iter().map(|package| package.sha256).collect();
        let links = plan(&sandbox.store, &spec).unwrap();
        let generation = compose(&sandbox.store, &spec, &links, "lock", &|_| ()).unwrap();
        let stamps = Stamps::of_composed(&sandbox.root, &links, None).unwrap();
        Self { sandbox, generation, wheels, stamps }
    }

    fn site(&self) -> PathBuf {
        let python = crate::fixtures::interpreter();
        self.generation.path.join(python.site_packages())
    }

    fn found(findings: Vec<Finding>) -> Vec<(String, Fault)> {
        let site = format!("{}/", crate::fixtures::interpreter().site_packages());
        let short = |path: String| path.strip_prefix(&site).map_or(path.clone(), str::to_owned);
        findings.into_iter().map(|finding| (short(finding.path), finding.fault)).collect()
    }

    fn verified(&self) -> Vec<(String, Fault)> {
        Self::found(verify_generation(&self.sandbox.root, &self.generation).unwrap())
    }

    fn looked(&self) -> Vec<(String, Fault)> {
        let (root, stamps) = (&self.sandbox.root, Some(&self.stamps));
        Self::found(look(root, &self.generation, stamps).unwrap())
    }

    fn is_untouched(&self) -> bool {
        self.stamps.hold(&self.sandbox.root)
    }
}

const MODES: [LinkMode; 3] = [LinkMode::Tree, LinkMode::Hardlink, LinkMode::Copy];

/// Until new files get another time: on tmpfs a directory gets that of the last tick when a file of it is removed.
fn a_tick_passes(root: &Path) {
    let time = || {
        let probe = root.with_extension("probe");
        fs::write(&probe, "").unwrap();
        let time = fs::metadata(&probe).unwrap().modified().unwrap();
        fs::remove_file(&probe).unwrap();
        time
    };
    let begun = time();
    while time() == begun {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Every look finds exactly this after `damage`, in every way that environments are made.
fn check(damage: impl Fn(&Made), expected: &[(&str, Fault)]) {
    for mode in MODES {
        let made = Made::new(mode);
        assert!(made.is_untouched());
        a_tick_passes(made.sandbox.root.written());
        damage(&made);
        let expected: Vec<_> =
            expected.iter().map(|(path, fault)| ((*path).to_owned(), *fault)).collect();
        assert_eq!(made.verified(), expected, "{mode:?}");
        assert_eq!(made.looked(), expected, "{mode:?}");
        assert_eq!(made.is_untouched(), expected.is_empty(), "{mode:?}");
    }
}

#[test]
fn what_is_as_it_was_composed_has_no_findings() {
    check(|_| (), &[]);
}

#[test]
fn what_is_deleted_is_missing() {
    let gone =
        |path: &'static str| move |made: &Made| fs::remove_file(made.site().join(path)).unwrap();
    check(gone("single.py"), &[("single.py", Fault::Missing)]);
    check(gone("pkg.pth"), &[("pkg.pth", Fault::Missing)]);
    let script = |made: &Made| fs::remove_file(made.generation.path.join("bin/run")).unwrap();
    check(script, &[("bin/run", Fault::Missing)]);
    let dist_info =
        |made: &Made| fs::remove_dir_all(made.site().join("pkg-1.0.dist-info")).unwrap();
    check(dist_info, &[("pkg-1.0.dist-info", Fault::Missing)]);
}

#[test]
fn what_another_installer_puts_there_is_extra() {
    let install = |made: &Made| {
        fs::create_dir(made.site().join("cowsay")).unwrap();
        fs::write(made.site().join("cowsay/__init__.py"), "").unwrap();
        fs::write(made.generation.path.join("bin/cowsay"), "#!").unwrap();
    };
    check(install, &[("bin/cowsay", Fault::Extra), ("cowsay", Fault::Extra)]);
}

#[test]
fn an_emptied_script_is_altered() {
    check(
        |made| fs::write(made.generation.path.join("bin/run"), "").unwrap(),
        &[("bin/run", Fault::Altered)],
    );
    let chmod = |made: &Made| {
        let mode = std::fs::Permissions::from_mode(0o644);
        fs::set_permissions(made.generation.path.join("bin/run"), mode).unwrap();
    };
    check(chmod, &[("bin/run", Fault::Altered)]);
}

#[test]
fn a_link_that_leads_elsewhere_is_altered() {
    let relink = |made: &Made| {
        let python = made.generation.path.join("bin/python3");
        fs::remove_file(&python).unwrap();
        symlink("/elsewhere/python", &python).unwrap();
    };
    check(relink, &[("bin/python3", Fault::Altered)]);
}

#[test]
fn bytecode_that_python_keeps_is_nobodys_concern() {
    for mode in [LinkMode::Hardlink, LinkMode::Copy] {
        let made = Made::new(mode);
        let ran = std::process::Command::new(made.generation.path.join("bin/python"))
            .args(["-c", "import single, pkg.deep.mod, space.one, space.two"])
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .env_remove("PYTHONPYCACHEPREFIX")
            .status()
            .unwrap();
        assert!(ran.success() && python().exists());
        let cache = made.site().join("__pycache__");
        assert!(cache.is_dir(), "Python has written {}", cache.display());
        assert_eq!(made.verified(), []);
        assert_eq!(made.looked(), []);
        assert!(!made.is_untouched(), "that is only known after a closer look");
        assert!(
            Stamps::take(&made.sandbox.root, &made.generation).unwrap().hold(&made.sandbox.root)
        );
    }
}

#[test]
fn an_altered_copy_is_found_by_hashing() {
    let made = Made::new(LinkMode::Copy);
    fs::write(made.site().join("pkg/deep/mod.py"), "x = 2\n").unwrap();
    assert_eq!(made.verified(), [("pkg/deep/mod.py".to_owned(), Fault::Altered)]);
    let made = Made::new(LinkMode::Copy);
    fs::write(made.site().join("pkg.pth"), "import os  \n").unwrap();
    assert_eq!(made.verified(), [("pkg.pth".to_owned(), Fault::Altered)]);
}

#[test]
fn a_wheel_that_is_gone_is_named_once() {
    let made = Made::new(LinkMode::Tree);
    made.sandbox.store.remove(&made.wheels[0]).unwrap();
    assert!(!made.is_untouched());
    for findings in [
        look(&made.sandbox.root, &made.generation, None).unwrap(),
        verify_generation(&made.sandbox.root, &made.generation).unwrap(),
    ] {
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let place = pyfast_root::layout::wheel_place(&made.wheels[0].to_string());
        assert_eq!(texts, [format!("pkg 1.0 ({place}): it is missing")]);
    }
}

#[test]
fn bytecode_outlives_that_of_its_wheel() {
    let sandbox = Sandbox::new();
    let mut spec = sandbox.spec(&wheels());
    spec.options.link_mode = LinkMode::Tree;
    let compiler =
        crate::bytecode::Compiler::start(&spec.interpreter, Invalidation::UncheckedHash, 1)
            .unwrap();
    for package in &spec.packages {
        compiler.compile(&sandbox.root, &package.sha256).unwrap();
    }
    let links = plan(&sandbox.store, &spec).unwrap();
    let generation = compose(&sandbox.store, &spec, &links, "lock", &|_| ()).unwrap();
    assert_eq!(verify_generation(&sandbox.root, &generation).unwrap(), []);
    // The wheel comes again, and nobody compiles it.
    sandbox.store.condemn(&spec.packages[0].sha256).unwrap();
    sandbox.admit(&wheels()[0]);
    assert_eq!(verify_generation(&sandbox.root, &generation).unwrap(), []);
    let site = generation.path.join(spec.interpreter.site_packages());
    let cached = fs::read_dir(site.join("__pycache__")).unwrap().map(Result::unwrap);
    // Hard links, which lead nowhere that could be gone.
    let sizes: Vec<u64> = cached.map(|entry| fs::metadata(entry.path()).unwrap().len()).collect();
    assert!(!sizes.is_empty() && sizes.iter().all(|&size| size > 0), "{sizes:?}");
}

/// What is found where bytecode of a generation's own directories was altered, which came before it was composed or later.
fn check_own_bytecode(later: bool, mode: LinkMode, expected: usize) {
    let sandbox = Sandbox::new();
    let mut spec = sandbox.spec(&wheels());
    (spec.options.link_mode, spec.options.compiled) = (mode, true);
    let stored: Vec<Sha256> = spec.packages.iter().map(|package| package.sha256).collect();
    let compile = || {
        let python = &spec.interpreter;
        let compiler =
            crate::bytecode::Compiler::start(python, Invalidation::UncheckedHash, 1).unwrap();
        for wheel in &stored {
            compiler.compile(&sandbox.root, wheel).unwrap();
        }
    };
    if later {
        crate::bytecode::prepare(&sandbox.root, &spec.interpreter, &stored).unwrap();
    } else {
        compile();
    }
    let links = plan(&sandbox.store, &spec).unwrap();
    let generation = compose(&sandbox.store, &spec, &links, "lock", &|_| ()).unwrap();
    if later {
        compile();
        assert!(crate::generation::link_bytecode(&sandbox.store, &generation).unwrap());
    }
    assert_eq!(verify_generation(&sandbox.root, &generation).unwrap(), []);
    let tag = spec.interpreter.cache_tag.as_deref().unwrap();
    let cache = generation.path.join(spec.interpreter.site_packages()).join("__pycache__");
    let single = cache.join(format!("single.{tag}.pyc"));
    let content = fs::read(&single).unwrap();
    fs::remove_file(&single).unwrap();
    fs::write(&single, [&content[..], b"\0"].concat()).unwrap();
    let findings = verify_generation(&sandbox.root, &generation).unwrap();
    assert_eq!(findings.len(), expected, "{findings:?}");
    let name = format!("/__pycache__/single.{tag}.pyc");
    assert!(findings.iter().all(|one| one.fault == Fault::Altered && one.path.contains(&name)));
    assert_eq!(look(&sandbox.root, &generation, None).unwrap(), [], "no glance hashes anything");
    // Whoever links what was compiled puts the right one there.
    assert!(crate::generation::link_bytecode(&sandbox.store, &generation).unwrap());
    assert_eq!(fs::read(&single).unwrap(), content);
    assert_eq!(verify_generation(&sandbox.root, &generation).unwrap(), []);
}

#[test]
fn bytecode_of_a_generations_own_directories_is_the_stores() {
    for later in [false, true] {
        check_own_bytecode(later, LinkMode::Tree, 1);
        // On a host Python writes its own there, and nobody knows what it must be.
        check_own_bytecode(later, LinkMode::Hardlink, 0);
    }
}

#[test]
fn a_changed_directory_of_the_store_is_looked_at() {
    let made = Made::new(LinkMode::Tree);
    let package = made.sandbox.stored(&made.wheels[0]).join("root/pkg");
    fs::set_permissions(&package, std::fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(package.join("__init__.py")).unwrap();
    assert!(!made.is_untouched());
    let findings = look(&made.sandbox.root, &made.generation, Some(&made.stamps)).unwrap();
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["pkg 1.0: root/pkg/__init__.py is missing"]);
    let findings = look(&made.sandbox.root, &made.generation, None).unwrap();
    assert_eq!(findings, [], "without stamps nobody knows where to look");
}

#[test]
fn a_manifest_that_was_altered_is_a_finding() {
    check(
        |made| {
            let manifest = made.generation.path.join("manifest");
            fs::set_permissions(&manifest, std::fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(&manifest, "pyfast generation 1\n").unwrap();
            // So that a glance has reason to look.
            fs::write(made.generation.path.join("x"), "").unwrap();
        },
        &[("manifest", Fault::Manifest)],
    );
}

#[test]
fn what_a_power_cut_took_is_noticed_at_the_first_use_after_it() {
    let made = Made::new(LinkMode::Copy);
    let (root, generation) = (&made.sandbox.root, &made.generation);
    let description = generation.path.join("env.json");
    let text = fs::read_to_string(&description).unwrap();
    let boot = boot_id().expect("the system tells");
    fs::write(&description, text.replace(&boot, "another")).unwrap();
    fs::write(made.site().join("single.py"), "\0\0\0\0\0\0\0\0").unwrap();
    assert!(!generation.survived(root).unwrap());
    assert!(!generation.path.join("settled").exists());
    fs::write(made.site().join("single.py"), "one = 1\n").unwrap();
    assert!(generation.survived(root).unwrap());
    assert!(generation.path.join("settled").exists());
    fs::write(made.site().join("single.py"), "two = 2\n").unwrap();
    assert!(generation.survived(root).unwrap(), "hashed once for each start of the machine");
}

#[test]
fn an_environment_looks_by_its_plan_as_it_does_by_its_manifest() {
    for mode in MODES {
        let made = Made::new(mode);
        let taken = Stamps::take(&made.sandbox.root, &made.generation).unwrap();
        assert_eq!(taken, made.stamps, "{mode:?}");
    }
}

#[test]
fn a_wheel_that_changes_while_an_environment_is_composed_is_noticed() {
    let made = Made::new(LinkMode::Tree);
    let root = &made.sandbox.root;
    let mut spec = made.sandbox.spec(&wheels());
    spec.options.link_mode = LinkMode::Tree;
    spec.options.prompt = Some("another".to_owned());
    let links = plan(&made.sandbox.store, &spec).unwrap();
    compose(&made.sandbox.store, &spec, &links, "lock", &|_| ()).unwrap();
    let known =
        |since: &[Sha256]| Stamps::of_composed(root, &links, Some((&made.stamps, since))).unwrap();
    assert_eq!(known(&[]), Stamps::of_composed(root, &links, None).unwrap());
    let package = made.site().join("pkg");
    fs::set_permissions(fs::canonicalize(&package).unwrap(), Permissions::from_mode(0o755))
        .unwrap();
    fs::write(package.join("more.py"), "").unwrap();
    assert!(!known(&[]).hold(root), "how it looked before counts");
    assert!(known(&made.wheels).hold(root), "what came since is looked at");
}

#[test]
fn stamps_of_another_start_of_the_machine_do_not_hold() {
    let made = Made::new(LinkMode::Hardlink);
    let text = serde_json::to_string(&made.stamps).unwrap();
    let boot = boot_id().expect("the system tells");
    let other: Stamps = serde_json::from_str(&text.replace(&boot, "another")).unwrap();
    assert!(!other.hold(&made.sandbox.root));
    let same: Stamps = serde_json::from_str(&text).unwrap();
    assert!(same.hold(&made.sandbox.root));
    assert!(!Stamps::default().hold(&made.sandbox.root));
}
