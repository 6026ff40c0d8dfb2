//! What is published, as `dist/build.sh` makes it, and who installs it. Owns the calls of pip, uv and pipx; must not know
//! how any of it is made. The tools come from the default index, by their hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use regex::Regex;
use rustix::fs::FlockOperation;
use sha2::{Digest as _, Sha256};

use crate::support::python::{check, python};
use crate::support::wheel::Wheel;

mod machines;
mod release;

const TOP: &str = env!("CARGO_MANIFEST_DIR");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A directory beside the build's output.
fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A command that no setting of the user changes; where the index is and how it is reached is the machine's matter.
fn alone(command: &mut Command) -> &mut Command {
    const REACHED: [&str; 10] = [
        "PIP_CONFIG_FILE",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_TRUSTED_HOST",
        "PIP_CERT",
        "PIP_CLIENT_CERT",
        "PIP_PROXY",
        "PIP_RETRIES",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_TIMEOUT",
    ];
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let settings = ["UV_", "PIPX_", "PIP_", "PYFAST_", "PYTHON", "VIRTUAL_ENV", "XDG_"];
        if settings.iter().any(|prefix| name.starts_with(prefix)) && !REACHED.contains(&name) {
            command.env_remove(name);
        }
    }
    command
}

/// A directory that this process has for itself as long as it lives; those of processes that are gone are removed.
fn own() -> PathBuf {
    let all = beside("dist-made");
    fs_err::create_dir_all(&all).unwrap();
    let lock = |path: &Path, operation| {
        let file = fs_err::File::create(path).unwrap();
        rustix::fs::flock(&file, operation).map(|()| file)
    };
    let _among = lock(&all.join("lock"), FlockOperation::LockExclusive).unwrap();
    for entry in fs_err::read_dir(&all).unwrap() {
        let place = entry.unwrap().path();
        let gone = place.is_dir()
            && lock(&place.join("lock"), FlockOperation::NonBlockingLockExclusive).is_ok();
        if gone {
            fs_err::remove_dir_all(&place).unwrap();
        }
    }
    let place = tempfile::tempdir_in(&all).unwrap().keep();
    // Never closed: the kernel does, whichever way the process ends.
    std::mem::forget(lock(&place.join("lock"), FlockOperation::LockExclusive).unwrap());
    place
}

/// Where everything is that is published of the program under test, made once.
fn made() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let place = own();
        // Symbols are a third of it, and all of it is compressed twice.
        let mut strip = Command::new("strip");
        check(strip.arg("-o").arg(place.join("program")).arg(env!("CARGO_BIN_EXE_pyfast")));
        let mut build = Command::new(Path::new(TOP).join("dist/build.sh"));
        // Paths are the caller's, wherever the checkout is.
        alone(&mut build).arg("out").current_dir(&place).env("PYFAST_DIST_PROGRAM", "program");
        build.env("PYFAST_DIST_TOOLS", beside("dist-tools")).env("PYFAST_DIST_LEVEL", "1");
        check(&mut build);
        place.join("out")
    })
}

/// The only file there whose name begins and ends so.
#[track_caller]
fn only(begin: &str, end: &str) -> PathBuf {
    let names = fs_err::read_dir(made()).unwrap().map(|entry| entry.unwrap().path());
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(begin) && name.ends_with(end)
    };
    let found: Vec<PathBuf> = names.filter(fits).collect();
    let [one] = &found[..] else { panic!("{begin}*{end}: {found:?}") };
    one.clone()
}

fn wheel() -> PathBuf {
    only("pyfast_tool-", ".whl")
}

/// What the wheel has: the bytes and the mode of each file.
fn members() -> &'static BTreeMap<String, (Vec<u8>, u32)> {
    static MEMBERS: OnceLock<BTreeMap<String, (Vec<u8>, u32)>> = OnceLock::new();
    MEMBERS.get_or_init(read)
}

fn read() -> BTreeMap<String, (Vec<u8>, u32)> {
    let mut archive = zip::ZipArchive::new(fs_err::File::open(wheel()).unwrap()).unwrap();
    let mut members = BTreeMap::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        let mode = member.unix_mode().expect("it was made on a Unix");
        let name = member.name().unwrap().into_owned();
        assert!(members.insert(name.clone(), (bytes, mode)).is_none(), "{name} is there twice");
    }
    members
}

fn facts(name: &str) -> String {
    format!("pyfast_tool-{VERSION}.dist-info/{name}")
}

/// A program of the tools that `dist/build.sh` installed, with nothing of the user's settings.
fn tool(name: &str, home: &Path) -> Command {
    made();
    let bin = beside("dist-tools/bin");
    let mut command = Command::new(bin.join(name));
    alone(&mut command);
    command.env("HOME", home).env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command
}

#[track_caller]
fn says_its_version(program: &Path) {
    assert_eq!(check(Command::new(program).arg("--version")), format!("pyfast {VERSION}\n"));
}

#[test]
fn the_wheel_is_whole_and_for_every_linux() {
    let arch = std::env::consts::ARCH;
    let platforms =
        ["manylinux2014", "manylinux_2_17", "musllinux_1_1"].map(|one| format!("{one}_{arch}"));
    let name = format!("pyfast_tool-{VERSION}-py3-none-{}.whl", platforms.join("."));
    assert_eq!(wheel().file_name().unwrap().to_str(), Some(&name[..]));

    let members = members();
    let text = |name: &str| String::from_utf8(members[&facts(name)].0.clone()).unwrap();
    let tags: Vec<String> = platforms.map(|one| format!("Tag: py3-none-{one}")).into();
    let said = text("WHEEL");
    assert_eq!(said.lines().filter(|line| line.starts_with("Tag:")).collect::<Vec<_>>(), tags);
    assert!(said.contains("Root-Is-Purelib: false"), "{said}");

    let program = format!("pyfast_tool-{VERSION}.data/scripts/pyfast");
    assert_eq!(members[&program].1 & 0o7777, 0o755);
    let record = text("RECORD");
    let mut listed = BTreeSet::new();
    for row in record.lines() {
        let [name, digest, size] = row.split(',').collect::<Vec<_>>()[..] else { panic!("{row}") };
        assert!(listed.insert(name.to_owned()), "{name} is there twice");
        if name != facts("RECORD") {
            let bytes = &members[name].0;
            let right = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
            assert_eq!(digest, format!("sha256={right}"), "{name}");
            assert_eq!(size, bytes.len().to_string(), "{name}");
        }
    }
    assert_eq!(listed, members.keys().cloned().collect());
}

#[test]
fn the_wheel_says_what_it_is_and_what_it_is_made_of() {
    let members = members();
    let text = |name: &str| String::from_utf8(members[&facts(name)].0.clone()).unwrap();
    let metadata = text("METADATA");
    for line in [
        "Name: pyfast-tool",
        &format!("Version: {VERSION}"),
        "License-Expression: MIT OR Apache-2.0",
        "License-File: LICENSE-APACHE",
        "License-File: LICENSE-MIT",
        "Requires-Python: >=3.8",
        &format!("Summary: {}", env!("CARGO_PKG_DESCRIPTION")),
    ] {
        assert!(metadata.lines().any(|one| one == line), "`{line}` is missing in: {metadata}");
    }
    assert!(!metadata.contains("Requires-Dist"), "it needs nothing");
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let file = fs_err::read(Path::new(TOP).join(licence)).unwrap();
        assert_eq!(members[&facts(&format!("licenses/{licence}"))].0, file);
    }

    let sbom = text("sboms/pyfast.cyclonedx.json");
    assert!(!sbom.contains(TOP), "where it was built is nobody's business");
    let sbom: serde_json::Value = serde_json::from_str(&sbom).unwrap();
    assert_eq!(sbom["bomFormat"], "CycloneDX");
    assert_eq!(sbom["metadata"]["component"]["name"], "pyfast");
    let lock: toml::Table =
        toml::from_str(&fs_err::read_to_string(Path::new(TOP).join("Cargo.lock")).unwrap())
            .unwrap();
    let locked: BTreeSet<String> = lock["package"].as_array().unwrap().iter().map(named).collect();
    let components = sbom["components"].as_array().unwrap();
    for component in components {
        let name = format!("{} {}", component["name"], component["version"]).replace('"', "");
        assert!(locked.contains(&name), "{name} is not in the lock");
    }
    assert!(components.iter().any(|one| one["name"] == "tokio"), "{} components", components.len());
}

fn named(package: &toml::Value) -> String {
    format!("{} {}", package["name"], package["version"]).replace('"', "")
}

#[test]
fn pip_uv_and_pipx_install_the_wheel() {
    let home = tempfile::tempdir().unwrap();
    let venv = home.path().join("venv");
    check(Command::new(python()).args(["-m", "venv"]).arg(&venv));
    let mut pip = Command::new(venv.join("bin/pip"));
    check(alone(&mut pip).args(["install", "--quiet", "--no-index"]).arg(wheel()));
    says_its_version(&venv.join("bin/pyfast"));
    let mut pip = Command::new(venv.join("bin/pip"));
    check(alone(&mut pip).args(["uninstall", "--quiet", "--yes", "pyfast-tool"]));
    assert!(!venv.join("bin/pyfast").exists());

    let mut uv = tool("uv", home.path());
    check(uv.args(["tool", "install", "--no-index", "--python"]).arg(python()).arg(wheel()));
    says_its_version(&home.path().join(".local/bin/pyfast"));
    check(tool("uv", home.path()).args(["tool", "uninstall", "pyfast-tool"]));
    assert!(!home.path().join(".local/bin/pyfast").exists());

    let mut pipx = tool("pipx", home.path());
    check(pipx.args(["install", "--pip-args=--no-index", "--python"]).arg(python()).arg(wheel()));
    says_its_version(&home.path().join(".local/bin/pyfast"));
}

#[test]
fn the_wheel_is_found_for_glibc_and_for_musl() {
    let home = tempfile::tempdir().unwrap();
    let links = made().display().to_string();
    let find = |platform: &str| -> Output {
        let target = home.path().join(platform);
        let mut uv = tool("uv", home.path());
        uv.args(["pip", "install", "--dry-run", "--no-index", "--only-binary", ":all:"]);
        uv.args(["--find-links", &links, "--python-platform", platform, "--target"]).arg(target);
        uv.arg("--python").arg(python()).arg("pyfast-tool").output().unwrap()
    };
    for libc in ["gnu", "musl"] {
        let platform = format!("{}-unknown-linux-{libc}", std::env::consts::ARCH);
        let found = find(&platform);
        let said = String::from_utf8_lossy(&found.stderr);
        assert!(found.status.success() && said.contains("pyfast-tool"), "{platform}: {said}");
    }
    assert!(!find("macos").status.success(), "the look tells platforms apart");
}

#[test]
fn the_program_of_the_wheel_runs_where_nothing_else_is() {
    let root = tempfile::tempdir().unwrap();
    check(Command::new(python()).args(["-m", "zipfile", "-e"]).arg(wheel()).arg(root.path()));
    let inside = format!("/pyfast_tool-{VERSION}.data/scripts/pyfast");
    let program = root.path().join(&inside[1..]);
    check(Command::new("chmod").arg("755").arg(&program));
    let mut command = Command::new("unshare");
    if rustix::process::geteuid().is_root() {
        command.arg("chroot");
    } else {
        command.args(["--map-root-user", "chroot"]);
    }
    let said = check(command.arg(root.path()).arg(&inside).arg("--version"));
    assert_eq!(said, format!("pyfast {VERSION}\n"));
}

#[test]
fn the_archive_has_the_same_program_and_the_checksums_hold() {
    check(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(made()));
    let sums = fs_err::read_to_string(made().join("SHA256SUMS")).unwrap();
    let mut listed: Vec<&str> = sums.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    listed.push("SHA256SUMS");
    let there = fs_err::read_dir(made()).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<_> = there.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(listed.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), there);

    let unpacked = tempfile::tempdir().unwrap();
    check(Command::new("tar").arg("-xf").arg(only("pyfast-", ".tar.gz")).current_dir(&unpacked));
    let name = format!("pyfast-{VERSION}-{}-linux", std::env::consts::ARCH);
    let program = unpacked.path().join(name).join("pyfast");
    says_its_version(&program);
    let packed = &members()[&format!("pyfast_tool-{VERSION}.data/scripts/pyfast")].0;
    assert!(fs_err::read(program).unwrap() == *packed, "one program is in both");
}

#[test]
fn the_source_distribution_has_what_a_build_needs_and_no_more() {
    let sdist = only("pyfast_tool-", ".tar.gz");
    assert!(fs_err::metadata(&sdist).unwrap().len() < 8 << 20);
    let unpacked = tempfile::tempdir().unwrap();
    check(Command::new("tar").arg("-xf").arg(&sdist).current_dir(&unpacked));
    let top = unpacked.path().join(format!("pyfast_tool-{VERSION}"));
    // `.cargo/config.toml` is what makes the program static.
    for file in ["PKG-INFO", "pyproject.toml", "Cargo.lock", ".cargo/config.toml", "LICENSE-MIT"] {
        assert!(top.join(file).is_file(), "{file} is missing");
    }
    for folder in ["target", "fuzz", ".git"] {
        assert!(!top.join(folder).exists(), "{folder} is in it");
    }
    // Every crate is there, and nothing would have to be chosen anew.
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--offline", "--edges", "normal,build", "--prefix", "none"]);
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let tree = check(tree.args(["--package", "pyfast", "--target", &target]).current_dir(&top));
    for member in ["pyfast-bench v", "pyfast-checker v", "pyfast-native v", "pyfast-usage v"] {
        let line = tree.lines().find(|line| line.starts_with(member));
        assert!(
            line.is_some_and(|line| line.contains(top.to_str().unwrap())),
            "{member}: {line:?}"
        );
    }
}

/// `dist/notes.sh` with a changelog, for this tag.
fn notes(changelog: &str, tag: &str) -> Output {
    let place = tempfile::tempdir().unwrap();
    fs_err::create_dir(place.path().join("dist")).unwrap();
    for file in ["dist/notes.sh", "Cargo.toml"] {
        fs_err::copy(Path::new(TOP).join(file), place.path().join(file)).unwrap();
    }
    fs_err::write(place.path().join("CHANGELOG.md"), changelog).unwrap();
    Command::new("sh").arg(place.path().join("dist/notes.sh")).arg(tag).output().unwrap()
}

#[test]
fn a_release_whose_tag_version_and_changelog_differ_is_refused() {
    let right = format!(
        "# Changelog\n\n## Unreleased\n\n## {VERSION} - 2026-12-01\n\n### Added\n- one\n\n- two\n\n## 0.0.1 - 2026-01-01\n- old\n"
    );
    let told = notes(&right, &format!("v{VERSION}"));
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert_eq!(String::from_utf8_lossy(&told.stdout), "### Added\n- one\n\n- two\n");
    let refused = |changelog: &str, tag: &str, code: i32, word: &str| {
        let output = notes(changelog, tag);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    };
    let tag = format!("v{VERSION}");
    refused(&right, "v99.0.0", 1, "the version of Cargo.toml is");
    refused(&right, VERSION, 2, "usage");
    refused(
        &right.replace("## Unreleased\n", "## Unreleased\n- new\n"),
        &tag,
        1,
        "below Unreleased",
    );
    refused("# Changelog\n\n## Unreleased\n- one\n", &tag, 1, "no section");
    refused(&right.replace(" - 2026-12-01", ""), &tag, 1, "no section");
    refused(
        &format!("## {VERSION} - 2026-12-01\n\n## 0.0.1 - 2026-01-01\n"),
        &tag,
        1,
        "says nothing",
    );
}

#[test]
fn the_changelog_begins_with_what_is_next_or_with_this_version() {
    let changelog = fs_err::read_to_string(Path::new(TOP).join("CHANGELOG.md")).unwrap();
    let first = changelog.lines().find_map(|line| line.strip_prefix("## ")).unwrap();
    let this = first.trim_start_matches('[').starts_with(VERSION);
    assert!(first == "Unreleased" || this, "{first}");
}

#[test]
fn what_installing_is_told_by_is_the_name_of_the_wheel() {
    let project = fs_err::read_to_string(Path::new(TOP).join("pyproject.toml")).unwrap();
    let project: toml::Table = toml::from_str(&project).unwrap();
    let name = project["project"]["name"].as_str().unwrap();
    // Paths of files are none.
    let install = r"(?m)(?:pip|pipx|uv tool|uv pip) install (?:-U )?([a-z][a-z0-9-]*)(?:[\s`]|$)";
    let install = Regex::new(install).unwrap();
    let mut named = 0;
    for file in ["README.md", "docs/install.md", "action.yml"] {
        let text = fs_err::read_to_string(Path::new(TOP).join(file)).unwrap();
        for found in install.captures_iter(&text) {
            assert_eq!(&found[1], name, "{file}");
            named += 1;
        }
    }
    assert!(named >= 3, "{named}");
}

#[test]
fn workflows_name_scripts_that_are_there() {
    let script = Regex::new(r"(?:dist|docker|\.ci)/[A-Za-z][A-Za-z0-9_./-]*").unwrap();
    for file in [".github/workflows/release.yml", "action.yml", "dist/dry-run.sh"] {
        let text = fs_err::read_to_string(Path::new(TOP).join(file)).unwrap();
        // Actions of others have such names, too.
        let own = text.lines().filter(|line| !line.contains("uses:"));
        for found in own.flat_map(|line| script.find_iter(line)).map(|found| found.as_str()) {
            // Sentences end behind a path, too.
            let path = Path::new(TOP).join(found.trim_end_matches('.'));
            assert!(path.exists(), "{file}: {found}");
        }
    }
}

/// The scripts of the steps of `action.yml`, in their order.
fn steps() -> Vec<String> {
    let text = fs_err::read_to_string(Path::new(TOP).join("action.yml")).unwrap();
    let mut steps = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "run: |" {
            let mut script = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with("        ")) {
                script.push_str(line.trim());
                script.push('\n');
            }
            steps.push(script);
        }
    }
    steps
}

#[test]
fn the_action_installs_and_syncs() {
    let steps = steps();
    assert_eq!(steps.len(), 2, "{steps:?}");
    let place = tempfile::tempdir().unwrap();
    let added = place.path().join("path");
    fs_err::write(place.path().join("requirements.txt"), "# nothing\n").unwrap();
    // Without a version it is the action's, whatever newer ones there are.
    let newer = place.path().join("newer");
    Wheel::new("pyfast-tool", "99.0").build().write_to(&newer);
    let links = format!("{} {}", made().display(), newer.display());
    let step = |script: &str, path: &str| {
        let mut bash = Command::new("bash");
        alone(&mut bash).args(["-euo", "pipefail", "-c", script]).current_dir(place.path());
        bash.env("HOME", place.path()).env("PATH", path);
        bash.env("RUNNER_TEMP", place.path()).env("GITHUB_PATH", &added);
        bash.env("VERSION", "").env("GITHUB_ACTION_PATH", TOP);
        bash.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", &links);
        check(bash.env("SYNC", "-r requirements.txt --no-index"))
    };
    let usual = format!("{}:/usr/bin:/bin", python().parent().unwrap().display());
    assert_eq!(step(&steps[0], &usual), format!("pyfast {VERSION}\n"));
    let added = fs_err::read_to_string(&added).unwrap();
    let directory = Path::new(added.trim());
    let there = fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(there.collect::<Vec<_>>(), ["pyfast"], "no Python comes with it");
    step(&steps[1], &format!("{}:{usual}", directory.display()));
    assert!(place.path().join(".venv/bin/python").exists(), "it synced");
}
