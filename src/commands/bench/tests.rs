//! A whole comparison of pip and uv over the local mirror of a tiny index of the test's own. uv comes from the default index, by pip.

use std::path::Path;

use clap::Parser;

use super::comparison::Inquiry;
use super::mirror::tests::Plain;
use super::report::{Outcome, Report, Row};
use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn parse(words: &[&str]) -> Result<Args, clap::Error> {
    Line::try_parse_from(std::iter::once("bench").chain(words.iter().copied()))
        .map(|line| line.args)
}

/// A virtual environment with uv in it.
fn uv(work: &Path, session: &[(OsString, OsString)]) -> PathBuf {
    let run = |program: &Path, args: &[&str]| {
        let status = std::process::Command::new(program)
            .args(args)
            .env_clear()
            .envs(session.iter().cloned())
            .current_dir(work)
            .status()
            .unwrap();
        assert!(status.success(), "{} {args:?}", program.display());
    };
    let python = facts::on_path("python3", session).expect("python3 is on PATH");
    run(&python, &["-m", "venv", "tools"]);
    run(&work.join("tools/bin/python"), &["-m", "pip", "install", "-q", "uv"]);
    work.join("tools/bin/uv")
}

fn outcome(row: &Row, tool: Tool) -> &Outcome {
    &row.cells.iter().find(|cell| cell.tool == tool).unwrap().outcome
}

fn compare(
    args: &Args,
    session: Vec<(OsString, OsString)>,
    files: &[PathBuf],
    index_url: Option<String>,
) -> Result<Report, Error> {
    let inquiry = Inquiry {
        args,
        index_url,
        python: None,
        requirements: files.to_vec(),
        pyfast: None,
        session,
    };
    inquiry.compare(&mut Meter::Direct, &mut std::io::sink())
}

#[test]
fn pip_and_uv_are_compared_on_a_local_index_in_every_scenario() {
    let work = tempfile::tempdir().unwrap();
    let session: Vec<_> = std::env::vars_os().collect();
    let uv = uv(work.path(), &session);
    let upstream = Plain::start();
    upstream.project("alpha", &["1.0", "2.0"], &["beta<2"]);
    upstream.project("beta", &["1.0", "1.5", "2.0"], &[]);
    upstream.project("gamma", &["1.0"], &[]);
    let requirements = work.path().join("requirements.txt");
    fs_err::write(&requirements, "alpha\n").unwrap();
    let url = upstream.url();
    let words = ["--runs", "1", "--add", "gamma", "--local-mirror", "--uv", uv.to_str().unwrap()];
    let report = compare(&parse(&words).unwrap(), session, &[requirements], Some(url)).unwrap();

    assert_eq!(report.distributions, 2);
    assert!(report.is_sound(), "{}", table::text(&report));
    assert_eq!(report.rows.len(), Scenario::USUAL.len());
    for row in &report.rows {
        let Outcome::Measured(measured) = outcome(row, Tool::Uv) else { panic!("{row:?}") };
        assert_eq!(measured.runs.len(), 1);
        assert!(measured.wall.median > 0.0 && measured.peak_memory.median > 1e6);
        let excluded = row.scenario == Scenario::Rollback;
        assert_eq!(
            matches!(outcome(row, Tool::Pip), Outcome::Excluded { .. }),
            excluded,
            "{row:?}"
        );
    }
    let text = table::text(&report);
    assert!(text.contains("mirror on the loopback") && text.contains("2 distributions"), "{text}");
}

#[test]
fn a_tool_that_makes_another_environment_is_not_believed() {
    let work = tempfile::tempdir().unwrap();
    let session: Vec<_> = std::env::vars_os().collect();
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
    let words = ["--vs", "pip,uv", "--scenario", "cold", "--runs", "1", "--local-mirror", "--uv"];
    let args = parse(&[&words[..], &[liar.to_str().unwrap()]].concat()).unwrap();
    let report = compare(&args, session, &[requirements], Some(url)).unwrap();
    assert!(!report.is_sound());
    // uv comes first in the order of trust, so the set is what it claims: nothing.
    let Outcome::Different { differences } = outcome(&report.rows[0], Tool::Pip) else {
        panic!("{report:?}")
    };
    assert_eq!(differences, &["alpha 1.0 is too much"]);
}

#[test]
fn what_cannot_be_compared_is_refused_in_words() {
    let args = parse(&["--local-mirror"]).unwrap();
    assert!(matches!(compare(&args, Vec::new(), &[], None), Err(Error::NoRequirements)));
    let missing =
        compare(&args, Vec::new(), &["/nonexistent/requirements.txt".into()], None).unwrap_err();
    assert!(worker::chain(&missing).contains("/nonexistent/requirements.txt"), "{missing}");
    let none = compare(&args, Vec::new(), &["/proc/self/status".into()], None).unwrap_err();
    assert!(matches!(none, Error::NoPython));
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    for words in [
        &["--runs", "0"][..],
        &["--latency", "5"],
        &["--local-mirror", "--bandwidth", "0"],
        &["--vs", "pyfast"],
        &["--scenario", "nonsense"],
    ] {
        assert!(parse(words).is_err(), "{words:?}");
    }
    let args = parse(&["-r", "a", "-r", "b", "--vs", "uv", "--scenario", "warm,noop"]).unwrap();
    assert_eq!(args.requirements.len(), 2);
    assert_eq!(args.vs, [Tool::Uv]);
    assert_eq!(args.scenario, [Scenario::Warm, Scenario::Noop]);
}

#[test]
fn results_go_where_they_are_asked_for() {
    let work = tempfile::tempdir().unwrap();
    let report = report::tests::report();
    let (svg, json) = (work.path().join("chart.svg"), work.path().join("all.json"));
    let args = parse(&["--svg", svg.to_str().unwrap(), "--json", json.to_str().unwrap()]).unwrap();
    let mut output = Vec::new();
    deliver(&args, &report, &mut output).unwrap();
    assert_eq!(String::from_utf8(output).unwrap(), table::text(&report));
    assert!(fs_err::read_to_string(svg).unwrap().starts_with("<svg "));
    assert!(
        serde_json::from_slice::<serde_json::Value>(&fs_err::read(json).unwrap()).unwrap()["rows"]
            .is_array()
    );

    let mut output = Vec::new();
    deliver(&parse(&["--json", "-"]).unwrap(), &report, &mut output).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&output).is_ok());
}
