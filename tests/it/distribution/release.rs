//! What a release is made of, without any tool of the index: parts of several architectures, and who may do what in the
//! workflow. Must not know what a part is made by.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use regex::Regex;

use super::TOP;
use crate::support::python::{check, python};

/// What `dist/build.sh` would make for an architecture, by its names.
fn part(place: &Path, arch: &str, source: &str) -> PathBuf {
    let part = place.join(format!("dist {arch}"));
    fs_err::create_dir(&part).unwrap();
    let wheel = format!("pyfast_tool-1.0-py3-none-manylinux_2_17_{arch}.whl");
    let archive = format!("pyfast-1.0-{arch}-linux.tar.gz");
    for (name, text) in [(&wheel[..], arch), (&archive, arch), ("pyfast_tool-1.0.tar.gz", source)] {
        fs_err::write(part.join(name), text).unwrap();
    }
    sum(&part);
    part
}

fn sum(part: &Path) {
    let script = "sha256sum -- pyfast* > SHA256SUMS";
    check(Command::new("sh").args(["-c", script]).current_dir(part));
}

fn gather(out: &Path, parts: &[PathBuf]) -> Output {
    Command::new(Path::new(TOP).join("dist/gather.sh")).arg(out).args(parts).output().unwrap()
}

#[track_caller]
fn refused(parts: &[PathBuf], word: &str) {
    let out = tempfile::tempdir().unwrap();
    let output = gather(out.path(), parts);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(word), "`{word}` is missing in: {said}");
    assert!(!out.path().join("SHA256SUMS").exists(), "nothing says that it is whole");
}

#[test]
fn parts_of_two_architectures_become_one_release() {
    let place = tempfile::tempdir().unwrap();
    let parts = ["x86_64", "aarch64"].map(|arch| part(place.path(), arch, "the same"));
    let out = place.path().join("a release");
    let output = gather(&out, &parts);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let there = fs_err::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<String> = there.map(|name| name.into_string().unwrap()).collect();
    let right = [
        "SHA256SUMS",
        "pyfast-1.0-aarch64-linux.tar.gz",
        "pyfast-1.0-x86_64-linux.tar.gz",
        "pyfast_tool-1.0-py3-none-manylinux_2_17_aarch64.whl",
        "pyfast_tool-1.0-py3-none-manylinux_2_17_x86_64.whl",
        "pyfast_tool-1.0.tar.gz",
    ];
    assert_eq!(there, right.map(str::to_owned).into());
    check(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&out));
    let sums = fs_err::read_to_string(out.join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), right.len() - 1, "{sums}");
    // A second time it would mix two releases.
    let again = gather(&out, &parts);
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"));
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let one = part(place.path(), "x86_64", "the same");
    let other = part(place.path(), "aarch64", "another");
    refused(&[one.clone(), other.clone()], "pyfast_tool-1.0.tar.gz differs");

    fs_err::write(other.join("pyfast_tool-1.0.tar.gz"), "the same").unwrap();
    refused(&[one.clone(), other.clone()], "checksums do not hold");

    sum(&other);
    fs_err::write(other.join("pyfast-1.0-late.tar.gz"), "late").unwrap();
    refused(&[one.clone(), other.clone()], "has no checksum");

    fs_err::remove_file(other.join("pyfast-1.0-late.tar.gz")).unwrap();
    let (old, new) = ("pyfast_tool-1.0.tar.gz", "pyfast_tool-2.0.tar.gz");
    fs_err::rename(other.join(old), other.join(new)).unwrap();
    sum(&other);
    refused(&[one.clone(), other], "not of one version");

    refused(&[], "no parts");
    refused(&[one, place.path().join("nowhere")], "nowhere");
}

#[test]
fn no_path_of_the_checkout_stays_in_an_sbom() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("sbom.json");
    let sbom = |checkout: &str, url: &str| {
        let text = serde_json::json!({"components": [{"purl": url, "name": "Größe"}]});
        fs_err::write(&file, text.to_string()).unwrap();
        let mut command = Command::new(python());
        command.arg(Path::new(TOP).join("dist/sbom.py")).arg(checkout).arg(&file);
        command.output().unwrap()
    };
    for (checkout, spelled) in [
        ("/home/me/py fast", "/home/me/py%20fast"),
        ("/home/me/pÿ|&fast", "/home/me/p%c3%BF|%26fast"),
        ("/src", "/src"),
        ("/a+b", "/a+b"),
    ] {
        let output = sbom(checkout, &format!("path+file://{spelled}/crates/src#root@1.0"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = fs_err::read_to_string(&file).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["components"][0]["purl"], "path+file:///pyfast/crates/src#root@1.0");
        assert_eq!(read["components"][0]["name"], "Größe");
    }
    for left in ["file:///home/other/crate", "file:///home/me/fast2/crate", "x?u=file%3A%2F%2F/me"]
    {
        let output = sbom("/home/me/fast", left);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("names a path"), "{left}: {said}");
    }
}

/// The jobs of the release's workflow: the lines of each, by its name.
fn jobs() -> Vec<(String, String)> {
    let file = Path::new(TOP).join(".github/workflows/release.yml");
    let text = fs_err::read_to_string(file).unwrap();
    let (_, jobs) = text.split_once("\njobs:\n").unwrap();
    let heading = Regex::new(r"^  ([a-z]+):$").unwrap();
    let mut found: Vec<(String, String)> = Vec::new();
    for line in jobs.lines() {
        if let Some(name) = heading.captures(line) {
            found.push((name[1].to_owned(), String::new()));
        } else if let Some((_, text)) = found.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    found
}

#[test]
fn each_job_of_a_release_may_do_one_thing_and_runs_actions_by_their_commits() {
    let jobs = jobs();
    let job = |name: &str| &jobs.iter().find(|one| one.0 == name).expect(name).1;
    for (name, text) in &jobs {
        let both = text.contains("contents: write") && text.contains("id-token: write");
        assert!(!both, "{name} may write the repository and speak in its name");
    }
    assert!(job("gather").contains("dist/gather.sh release parts/dist-*"));
    assert!(job("gather").contains("needs: [test, build]"));
    assert!(job("publish").contains("needs: gather"));
    assert!(job("index").contains("needs: publish"));
    assert!(job("image").contains("needs: [publish, index]"), "`latest` comes last");

    let pinned = Regex::new(r"uses: [A-Za-z0-9._/-]+@[0-9a-f]{40} # v[0-9.]+$").unwrap();
    let mut named = 0;
    for file in [".github/workflows/release.yml", "action.yml"] {
        let text = fs_err::read_to_string(Path::new(TOP).join(file)).unwrap();
        let uses = text.lines().filter(|line| !line.starts_with('#') && line.contains("uses: "));
        for line in uses {
            assert!(pinned.is_match(line), "{file}: {line}");
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}
