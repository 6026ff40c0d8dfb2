//! Installation metadata as `importlib.metadata` sees it.

use serde_json::Value;

use crate::place;
use crate::support::stock::check;
use crate::support::synced::Synced;
use crate::support::wheel::{Built, Record, Wheel};
use crate::support::world::World;

/// Describes every distribution, and checks RECORD against the files on the way.
const SCRIPT: &str = r#"
import base64, hashlib, importlib.metadata as m, json, os, pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
out, listed = {}, set()
for d in m.distributions():
    bad = []
    for f in d.files:
        path = pathlib.Path(d.locate_file(f))
        listed.add(os.path.normpath(path))
        if not path.is_file():
            bad.append(f"missing {f}")
        elif f.hash:
            raw = hashlib.new(f.hash.mode, path.read_bytes()).digest()
            if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != f.hash.value:
                bad.append(f"hash of {f}")
            if f.size != path.stat().st_size:
                bad.append(f"size of {f}")
        elif f.name != "RECORD":
            bad.append(f"no hash for {f}")
    rows = (d.read_text("RECORD") or "").splitlines()
    out[d.metadata["Name"]] = {
        "bad": bad, "sorted": rows == sorted(rows), "requested": d.read_text("REQUESTED") is not None,
        "installer": d.read_text("INSTALLER"), "direct_url": d.read_text("direct_url.json"),
        "files": [str(f) for f in d.files],
    }
walked = set()
for base, dirs, files in os.walk(site, followlinks=True):
    dirs[:] = [d for d in dirs if d != "__pycache__"]
    walked |= {os.path.normpath(os.path.join(base, f)) for f in files}
print(json.dumps({"dists": out, "unlisted": sorted(walked - listed)}))
"#;

/// Checks what holds for every environment, and gives the distributions' descriptions.
#[track_caller]
fn describe(synced: &Synced) -> Value {
    let text = synced.evaluate(SCRIPT);
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all["unlisted"], serde_json::json!([]), "files that no RECORD lists");
    let dists = all["dists"].as_object().unwrap();
    assert!(!dists.is_empty());
    for (name, dist) in dists {
        assert_eq!(dist["bad"], serde_json::json!([]), "{name}");
        assert_eq!(dist["installer"].as_str().map(str::trim), Some("pyfast"), "{name}");
        assert_eq!(dist["sorted"], true, "{name}: {dist}");
    }
    all["dists"].clone()
}

fn tool() -> Wheel {
    Wheel::new("tool", "1.0")
        .requires("dep")
        .file("tool/cli.py", "def main(): print('x')\n")
        .console("greet = tool.cli:main")
        .data("scripts/old", "#!python\nprint('old')\n")
        .data("data/share/t.txt", "t")
}

fn world() -> Option<World> {
    let world = place::world()?;
    world.index.add(&tool()).add(&Wheel::new("dep", "1.0"));
    Some(world)
}

#[test]
fn record_lists_every_file_with_its_hash() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["dep==1.0", "tool==1.0"]);
    let dists = describe(&synced);
    let files: Vec<&str> =
        dists["tool"]["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for file in ["../../../bin/greet", "../../../bin/old", "../../../share/t.txt", "tool/cli.py"] {
        assert!(files.contains(&file), "{file} is not in {files:?}");
    }
}

/// Installs a wheel that everybody installs, whatever its RECORD is like; that is said once.
#[track_caller]
fn check_healed(record: Record, flaws: &str) {
    let Some(world) = place::world() else { return };
    world.index.add(&tool().record(record)).add(&Wheel::new("dep", "1.0"));
    let said = |synced: &Synced| {
        let lines = synced.ran.stderr.lines().filter(|line| line.contains("RECORD"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let synced = check(&world, &["tool"], &["dep==1.0", "tool==1.0"]);
    assert!(matches!(&said(&synced)[..], [line] if line.contains(flaws)), "{}", synced.ran);
    describe(&synced);
    let again = check(&world, &["tool", "dep"], &["dep==1.0", "tool==1.0"]);
    assert_eq!(said(&again), [""; 0]);
}

#[test]
fn careless_record_is_healed_and_told_of_once() {
    check_healed(Record::MissingRow, "1 file is not listed (`tool/__init__.py`)");
    check_healed(Record::ExtraRow, "1 row has no file (`ghost.py`)");
    check_healed(Record::Careless, "digests are not in base64");
}

#[test]
fn only_what_was_asked_for_is_marked_as_requested() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["dep==1.0", "tool==1.0"]);
    let dists = describe(&synced);
    assert_eq!(dists["tool"]["requested"], true);
    assert_eq!(dists["dep"]["requested"], false);
    assert_eq!(dists["tool"]["direct_url"], Value::Null);
}

#[test]
fn package_that_becomes_requested_is_marked() {
    let Some(world) = world() else { return };
    check(&world, &["tool"], &["dep==1.0", "tool==1.0"]);
    let synced = check(&world, &["tool", "dep"], &["dep==1.0", "tool==1.0"]);
    assert_eq!(describe(&synced)["dep"]["requested"], true);
}

#[track_caller]
fn check_direct_url(synced: &Synced, url: &str, wheel: &Built) {
    let dists = describe(synced);
    let text = dists["tool"]["direct_url"].as_str().expect("direct_url.json is there");
    let direct: Value = serde_json::from_str(text).unwrap();
    assert_eq!(direct["url"], url);
    assert_eq!(direct["archive_info"]["hashes"]["sha256"], wheel.sha256.as_str());
}

#[test]
fn direct_url_is_recorded() {
    let Some(world) = world() else { return };
    let built = tool().build();
    let url = world.index.file_url(&built.filename);
    let synced = check(&world, &[&format!("tool @ {url}")], &["dep==1.0", "tool==1.0"]);
    check_direct_url(&synced, &url, &built);
}

#[test]
fn local_wheel_is_recorded_as_a_file_url() {
    let Some(world) = world() else { return };
    let built = tool().build();
    let path = built.write_to(&world.project.join("wheels"));
    let line = format!("./wheels/{}", built.filename);
    let synced = check(&world, &[&line], &["dep==1.0", "tool==1.0"]);
    let path = fs_err::canonicalize(path).unwrap();
    check_direct_url(&synced, &format!("file://{}", path.display()), &built);
}
