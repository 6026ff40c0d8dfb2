//! Damage that must be found, and healed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use fs_err as fs;

use super::*;
use crate::bytecode::{Compiler, Invalidation};
use crate::fixtures::{Sandbox, WheelFile, interpreter};

fn wheel() -> WheelFile {
    WheelFile::new("pkg", "1.0").file("pkg/a.py", "a = 1\n").file("pkg/b.py", "b = 1\n")
}

/// What is found after `damage` was done in the wheel's directory.
fn check(damage: impl Fn(&Path), expected: &[(&str, Fault)]) {
    let sandbox = Sandbox::new();
    let digest = sandbox.admit(&wheel());
    let directory = sandbox.stored(&digest);
    let writable = std::fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.join("root/pkg"), writable).unwrap();
    damage(&directory);
    let findings = verify_store(&sandbox.root).unwrap();
    let found: Vec<_> =
        findings.iter().map(|finding| (finding.path.as_str(), finding.fault)).collect();
    assert_eq!(found, expected);
    assert_eq!(repair(&sandbox.store, &findings).unwrap().len(), usize::from(!expected.is_empty()));
    assert_eq!(sandbox.store.contains(&digest), expected.is_empty());
    // What there is of it stays until another is there.
    assert!(directory.is_dir());
    sandbox.admit(&wheel());
    assert!(sandbox.store.contains(&digest));
    assert!(verify_store(&sandbox.root).unwrap().is_empty());
}

#[test]
fn what_is_whole_has_no_findings() {
    check(|_| (), &[]);
}

#[test]
fn every_kind_of_damage_is_found() {
    let replace = |path: &Path, content: &str| {
        fs::remove_file(path).unwrap();
        fs::write(path, content).unwrap();
    };
    let a = "root/pkg/a.py";
    check(|wheel| replace(&wheel.join(a), "a = 2\n"), &[(a, Fault::Altered)]);
    check(|wheel| replace(&wheel.join(a), ""), &[(a, Fault::Altered)]);
    check(|wheel| fs::remove_file(wheel.join(a)).unwrap(), &[(a, Fault::Missing)]);
    check(
        |wheel| {
            fs::remove_file(wheel.join(a)).unwrap();
            fs_err::os::unix::fs::symlink("b.py", wheel.join(a)).unwrap();
        },
        &[(a, Fault::Altered)],
    );
    let mode = std::fs::Permissions::from_mode(0o755);
    check(
        |wheel| fs::set_permissions(wheel.join(a), mode.clone()).unwrap(),
        &[(a, Fault::Altered)],
    );
    let extra = "root/pkg/extra.py";
    check(|wheel| fs::write(wheel.join(extra), "").unwrap(), &[(extra, Fault::Extra)]);
    check(|wheel| replace(&wheel.join("manifest"), "{}"), &[("manifest", Fault::Manifest)]);
    let cut = |wheel: &Path| {
        let text = fs::read_to_string(wheel.join("manifest")).unwrap();
        let (kept, _) = text.trim_end().rsplit_once('\n').unwrap();
        replace(&wheel.join("manifest"), kept);
    };
    check(cut, &[("manifest", Fault::Manifest)]);
}

#[test]
fn bytecode_of_the_wheels_modules_is_no_finding_and_other_bytecode_is() {
    let sandbox = Sandbox::new();
    let digest = sandbox.admit(&wheel());
    let python = interpreter();
    Compiler::start(&python, Invalidation::UncheckedHash, 1)
        .unwrap()
        .compile(&sandbox.root, &digest)
        .unwrap();
    assert!(verify_store(&sandbox.root).unwrap().is_empty());
    let cache = sandbox.stored(&digest).join("root/pkg/__pycache__");
    fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(cache.join("ghost.cpython-311.pyc"), "").unwrap();
    let findings = verify_store(&sandbox.root).unwrap();
    assert_eq!(findings.len(), 1);
    let text = findings[0].to_string();
    let expected = "pkg 1.0: root/pkg/__pycache__/ghost.cpython-311.pyc does not belong to it";
    assert_eq!(text, expected);
}

/// What is found after `damage` was done to the bytecode of a wheel, by a path there.
fn check_bytecode(damage: impl Fn(&Path, &str), expected: &[(&str, Fault)]) {
    let sandbox = Sandbox::new();
    let digest = sandbox.admit(&wheel());
    let python = interpreter();
    let compile = || {
        let compiler = Compiler::start(&python, Invalidation::UncheckedHash, 1).unwrap();
        compiler.compile(&sandbox.root, &digest).unwrap()
    };
    assert_eq!(compile(), 2);
    let (directory, tag) = (sandbox.stored(&digest), python.cache_tag.as_deref().unwrap());
    let cache = directory.join("root/pkg/__pycache__");
    fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o755)).unwrap();
    damage(&cache, tag);
    let findings = verify_store(&sandbox.root).unwrap();
    let found: Vec<_> =
        findings.iter().map(|finding| (finding.path.replace(tag, "TAG"), finding.fault)).collect();
    let expected: Vec<_> =
        expected.iter().map(|(path, fault)| ((*path).to_owned(), *fault)).collect();
    assert_eq!(found, expected);
    // Another wheel is put in its place, and compiled.
    repair(&sandbox.store, &findings).unwrap();
    sandbox.admit(&wheel());
    assert_eq!(compile(), if expected.is_empty() { 0 } else { 2 });
    assert_eq!(verify_store(&sandbox.root).unwrap(), []);
}

#[test]
fn bytecode_is_what_it_was_when_it_came() {
    let a = |cache: &Path, tag: &str| cache.join(format!("a.{tag}.pyc"));
    let place = "root/pkg/__pycache__/a.TAG.pyc";
    let replace = |path: &Path, content: &[u8]| {
        fs::remove_file(path).unwrap();
        fs::write(path, content).unwrap();
    };
    check_bytecode(|_, _| (), &[]);
    let flip = |cache: &Path, tag: &str| {
        let mut content = fs::read(a(cache, tag)).unwrap();
        content[20] ^= 1;
        replace(&a(cache, tag), &content);
    };
    check_bytecode(flip, &[(place, Fault::Altered)]);
    check_bytecode(|cache, tag| replace(&a(cache, tag), b""), &[(place, Fault::Altered)]);
    check_bytecode(
        |cache, tag| fs::remove_file(a(cache, tag)).unwrap(),
        &[(place, Fault::Missing)],
    );
    // One that was compiled to nothing has none, whatever somebody puts there.
    let unlisted = |cache: &Path, tag: &str| {
        let list = cache.join("../../../").join(crate::bytecode::marker(tag));
        let text = fs::read_to_string(&list).unwrap();
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains("/a.")).collect();
        replace(&list, (kept.join("\n") + "\n").as_bytes());
    };
    check_bytecode(unlisted, &[(place, Fault::Extra)]);
    let damaged = |cache: &Path, tag: &str| {
        replace(&cache.join("../../../").join(crate::bytecode::marker(tag)), b"nonsense");
    };
    check_bytecode(damaged, &[("compiled-2-TAG", Fault::Manifest)]);
    // Somebody may be at it for another Python, and writes down last what came of it.
    check_bytecode(|cache, _| fs::write(cache.join("a.cpython-27.pyc"), "").unwrap(), &[]);
}

#[test]
fn a_damaged_wheel_stays_where_links_lead_until_it_is_replaced() {
    let sandbox = Sandbox::new();
    let digest = sandbox.admit(&wheel());
    let (module, target) = (sandbox.stored(&digest).join("root/pkg/a.py"), sandbox.at("link"));
    fs::set_permissions(module.parent().unwrap(), std::fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(&module).unwrap();
    let findings = verify(&sandbox.root, &[digest]).unwrap();
    assert_eq!(repair(&sandbox.store, &findings).unwrap(), [digest]);
    fs_err::os::unix::fs::symlink(sandbox.stored(&digest).join("root/pkg/b.py"), &target).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "b = 1\n");
    assert_eq!(sandbox.store.missing(&[digest]).unwrap(), [digest]);
    sandbox.admit(&wheel());
    assert_eq!(sandbox.store.missing(&[digest]).unwrap(), []);
    assert_eq!(fs::read_to_string(&module).unwrap(), "a = 1\n");
    assert!(sandbox.store.workspace().entries().unwrap().is_empty(), "the old one is gone");
}

#[test]
fn a_wheel_that_is_not_there_is_missing_and_one_that_was_marked_says_so() {
    let sandbox = Sandbox::new();
    let digest = sandbox.admit(&wheel());
    sandbox.store.condemn(&digest).unwrap();
    let findings = verify(&sandbox.root, &[digest, Sha256([1; 32])]).unwrap();
    let found: Vec<_> = findings.iter().map(|finding| (finding.wheel(), finding.fault)).collect();
    assert_eq!(found, [(Some(Sha256([1; 32])), Fault::Missing), (Some(digest), Fault::Condemned)]);
    let text = findings[1].to_string();
    let place = pyfast_root::layout::wheel_place(&digest.to_string());
    assert_eq!(text, format!("pkg 1.0 ({place}): it is damaged and not fetched again yet"));
}
