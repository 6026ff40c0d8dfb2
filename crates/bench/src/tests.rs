//! A whole comparison of pip and uv over the local mirror of a tiny index of the test's own. uv comes from the default index, by pip.

use std::path::{Path, PathBuf};

use super::*;
use crate::mirror::tests::Plain;
use crate::report::{Outcome, Report, Row};
use crate::{report, table};

/// The usual options with one run a tool, over a mirror.
fn options(files: &[PathBuf]) -> Options {
    Options {
        requirements: files.to_vec(),
        rivals: Tool::RIVALS.to_vec(),
        runs: Some(1),
        local_mirror: true,
        timeout: 1800,
        ..Options::default()
    }
}

/// The first Python of this machine's search path.
fn python3() -> PathBuf {
    let (_, path) = std::env::vars_os().find(|(name, _)| name == "PATH").expect("there is a PATH");
    let mut places = std::env::split_paths(&path).map(|directory| directory.join("python3"));
    places.find(|file| file.is_file()).expect("python3 is on PATH")
}

/// A virtual environment with uv in it.
fn uv(work: &Path) -> PathBuf {
    let run = |program: &Path, args: &[&str]| {
        let status =
            std::process::Command::new(program).args(args).current_dir(work).status().unwrap();
        assert!(status.success(), "{} {args:?}", program.display());
    };
    run(&python3(), &["-m", "venv", "tools"]);
    run(&work.join("tools/bin/python"), &["-m", "pip", "install", "-q", "uv"]);
    work.join("tools/bin/uv")
}

fn outcome(row: &Row, tool: Tool) -> &Outcome {
    &row.cells.iter().find(|cell| cell.tool == tool).unwrap().outcome
}

fn compare(
    options: &Options,
    (python, uv): (Option<PathBuf>, Option<PathBuf>),
    index_url: Option<String>,
) -> Result<Report, Error> {
    let session = std::env::vars_os().collect();
    let inquiry =
        Inquiry { options, index_url, python, uv, pyfast: None, session, command: String::new() };
    inquiry.compare(&mut Meter::Direct, &mut std::io::sink())
}

#[test]
fn pip_and_uv_are_compared_on_a_local_index_in_every_scenario() {
    let work = tempfile::tempdir().unwrap();
    let uv = uv(work.path());
    let upstream = Plain::start();
    upstream.project("alpha", &["1.0", "2.0"], &["beta<2"]);
    upstream.project("beta", &["1.0", "1.5", "2.0"], &[]);
    upstream.project("gamma", &["1.0"], &[]);
    let requirements = work.path().join("requirements.txt");
    fs_err::write(&requirements, "alpha\n").unwrap();
    let url = upstream.url();
    let options = Options { add: Some("gamma".to_owned()), ..options(&[requirements]) };
    let report = compare(&options, (Some(python3()), Some(uv)), Some(url)).unwrap();

    assert_eq!(report.distributions, 2);
    assert!(report.is_sound(), "{}", table::text(&report));
    assert_eq!(report.rows.len(), Scenario::USUAL.len());
    for row in &report.rows {
        let Outcome::Measured(measured) = outcome(row, Tool::Uv) else { panic!("{row:?}") };
        assert_eq!(measured.runs.len(), 1);
        assert!(measured.wall.median > 0.0 && measured.peak_memory.median > 1e6);
        let expected = Tool::Pip.excluded_from(row.scenario).is_some();
        let excluded = matches!(outcome(row, Tool::Pip), Outcome::Excluded { .. });
        assert_eq!(excluded, expected, "{row:?}");
    }
    let text = table::text(&report);
    assert!(text.contains("mirror on the loopback") && text.contains("2 distributions"), "{text}");
}

#[test]
fn a_tool_that_makes_another_environment_is_not_believed() {
    let work = tempfile::tempdir().unwrap();
    let upstream = Plain::start();
    upstream.project("alpha", &["1.0"], &[]);
    let requirements = work.path().join("requirements.txt");
    fs_err::write(&requirements, "alpha\n").unwrap();
    // Says it is uv, and installs nothing.
    let liar = work.path().join("uv");
    let script = "#!/bin/sh\nfor last; do :; done\n\
        case $1 in --version) echo uv 0;; venv) mkdir -p \"$last/lib/python3/site-packages\";; esac\n";
    fs_err::write(&liar, script).unwrap();
    fs_err::set_permissions(&liar, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let url = upstream.url();
    let options = Options {
        rivals: vec![Tool::Pip, Tool::Uv],
        scenarios: vec![Scenario::Cold],
        ..options(&[requirements])
    };
    let report = compare(&options, (Some(python3()), Some(liar)), Some(url)).unwrap();
    assert!(!report.is_sound());
    // uv comes first in the order of trust, so the set is what it claims: nothing.
    let Outcome::Different { differences } = outcome(&report.rows[0], Tool::Pip) else {
        panic!("{report:?}")
    };
    assert_eq!(differences, &["alpha 1.0 is too much"]);
}

#[test]
fn what_cannot_be_compared_is_refused_in_words() {
    let refused = |files: &[&str]| {
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        compare(&options(&files), (None, None), None).unwrap_err()
    };
    assert!(matches!(refused(&[]), Error::NoRequirements));
    let missing = chain::chain(&refused(&["/nonexistent/requirements.txt"]));
    assert!(missing.contains("/nonexistent/requirements.txt"), "{missing}");
    assert!(matches!(refused(&["/proc/self/status"]), Error::NoPython));
}

#[test]
fn results_go_where_they_are_asked_for() {
    let work = tempfile::tempdir().unwrap();
    let report = report::tests::report();
    let (svg, json) = (work.path().join("chart.svg"), work.path().join("all.json"));
    let forms = Forms { svg: Some(svg.clone()), json: Some(json.clone()), markdown: None };
    let mut output = Vec::new();
    deliver(&forms, &report, &mut output).unwrap();
    assert_eq!(String::from_utf8(output).unwrap(), table::text(&report));
    assert!(fs_err::read_to_string(svg).unwrap().starts_with("<svg "));
    assert!(
        serde_json::from_slice::<serde_json::Value>(&fs_err::read(json).unwrap()).unwrap()["rows"]
            .is_array()
    );

    let mut output = Vec::new();
    let forms = Forms { json: Some("-".into()), ..Forms::default() };
    deliver(&forms, &report, &mut output).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&output).is_ok());
}
