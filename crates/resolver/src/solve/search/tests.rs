//! Worlds in which a search goes astray, with a bound on the versions that are looked at.

use std::path::Path;

use crate::candidate::{Policy, Selector};
use crate::fixtures::target;
use crate::packages::offline::Offline;
use crate::resolution::criteria;
use crate::solve::{Problem, solve};
use pyfast_packaging::requirement::Origin;
use pyfast_packaging::requirement_line;
use pyfast_packaging::requirements_txt::RequirementSet;

/// Solves `lines` and compares the versions of the projects that `expected` names; at most `bound`
/// versions may be decided on.
#[track_caller]
fn check(world: &Offline, lines: &[&str], expected: &[&str], bound: usize) {
    let origin = Origin { file: "r.txt".into(), line: 1 };
    let requirements = lines
        .iter()
        .map(|line| requirement_line::parse(line, &origin, Path::new("/")).expect("a requirement"));
    let set = RequirementSet { requirements: requirements.collect(), ..RequirementSet::default() };
    let criteria = criteria(&set, &target().into(), Policy::default()).expect("criteria");
    let problem = Problem {
        requirements: &set.requirements,
        constraints: &[],
        overrides: &[],
        excludes: &set.excludes,
        selector: &Selector::new(target(), criteria),
        no_deps: false,
    };
    let solution = solve(&problem, world).expect("a solution");
    let found: Vec<String> = solution
        .packages
        .iter()
        .map(|(name, package)| format!("{name}=={}", package.candidate.version))
        .collect();
    for pin in expected {
        assert!(found.iter().any(|found| found == pin), "no {pin} in {found:?}");
    }
    let decisions = solution.decisions;
    assert!(decisions <= bound, "{decisions} versions were decided on, {bound} would be enough");
}

/// `name 1.0` to `name <count>.0`, each with what `requires` gives for its number.
fn versions(world: &mut Offline, name: &str, count: u32, requires: impl Fn(u32) -> Vec<String>) {
    for number in 1..=count {
        let lines = requires(number);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        world.add(name, &format!("{number}.0"), &lines);
    }
}

fn nothing(_: u32) -> Vec<String> {
    Vec::new()
}

/// boto3 pins botocore, botocore caps urllib3, and urllib3 is named first.
#[test]
fn a_capped_dependency_named_first_does_not_age_who_caps_it() {
    let mut world = Offline::default();
    let exact = |n: u32| vec![format!("botocore>={n},<{}", n + 1)];
    versions(&mut world, "boto3", 300, |n| if n == 1 { Vec::new() } else { exact(n) });
    versions(&mut world, "botocore", 300, |_| vec!["urllib3<27".to_owned()]);
    versions(&mut world, "urllib3", 30, nothing);
    let expected = ["boto3==300.0", "botocore==300.0", "urllib3==26.0"];
    check(&world, &["urllib3", "boto3"], &expected, 30);
    check(&world, &["boto3", "urllib3"], &expected, 6);
}

/// Several things cap urllib3, each in its own way, and two more use it.
#[test]
fn several_who_cap_one_dependency_stay_new() {
    let mut world = Offline::default();
    versions(&mut world, "requests", 40, |n| vec![format!("urllib3<{}", n.min(28))]);
    versions(&mut world, "botocore", 200, |_| vec!["urllib3<27".to_owned()]);
    versions(&mut world, "sentry", 90, |n| {
        vec![if n > 80 { "urllib3>=20".to_owned() } else { "urllib3".to_owned() }]
    });
    versions(&mut world, "urllib3", 30, nothing);
    let lines = ["urllib3", "requests", "sentry", "botocore"];
    let expected = ["botocore==200.0", "requests==40.0", "sentry==90.0", "urllib3==26.0"];
    check(&world, &lines, &expected, 30);
}

/// apache-beam caps dill, what else needs dill is named first and wants a later one.
#[test]
fn who_wants_a_dependency_elsewhere_gives_way_once() {
    let mut world = Offline::default();
    versions(&mut world, "datasets", 60, |n| {
        vec![if n > 40 { "dill>=36,<39".to_owned() } else { "dill<39".to_owned() }]
    });
    versions(&mut world, "apache-beam", 100, |n| {
        if n < 3 { Vec::new() } else { vec!["dill<32".to_owned()] }
    });
    versions(&mut world, "dill", 40, nothing);
    let expected = ["apache-beam==100.0", "datasets==40.0", "dill==31.0"];
    check(&world, &["datasets", "apache-beam"], &expected, 40);
}

/// What the user limits is nobody's fault: every version has to be looked at, once.
#[test]
fn the_users_own_limit_is_not_searched_twice() {
    let mut world = Offline::default();
    let cap = |n: u32| vec![format!("starlette>={n},<{}", n + 1)];
    versions(&mut world, "fastapi", 80, cap);
    versions(&mut world, "starlette", 80, nothing);
    check(&world, &["starlette<20", "fastapi"], &["fastapi==19.0", "starlette==19.0"], 70);
    check(&world, &["fastapi", "starlette==20.0"], &["fastapi==20.0", "starlette==20.0"], 70);
}

/// numba caps numpy for each of its versions, and others want numpy as new as can be.
#[test]
fn a_moving_cap_leads_to_the_newest_pair() {
    let mut world = Offline::default();
    versions(&mut world, "numba", 60, |n| {
        vec![format!("numpy<{}", n.max(3) / 3 + 2), "llvm".to_owned()]
    });
    versions(&mut world, "numpy", 30, nothing);
    versions(&mut world, "pandas", 80, |n| vec![format!("numpy>={}", n / 4)]);
    versions(&mut world, "llvm", 3, nothing);
    let expected = ["numba==60.0", "numpy==21.0", "pandas==80.0"];
    check(&world, &["numpy", "pandas", "numba"], &expected, 20);
}

/// Two that exclude each other over most of their versions end, whoever is to blame.
#[test]
fn mutual_blame_ends() {
    let mut world = Offline::default();
    versions(&mut world, "a", 50, |n| vec![if n > 2 { "c>=5" } else { "c" }.to_owned()]);
    versions(&mut world, "b", 50, |n| vec![if n > 2 { "c<5" } else { "c" }.to_owned()]);
    versions(&mut world, "c", 10, nothing);
    check(&world, &["a", "b"], &["b==50.0", "a==2.0", "c==4.0"], 130);
}

/// A family that pins each other exactly, one member of which has not been released yet: the others
/// go back with it, not it to the times before the pins.
#[test]
fn a_family_goes_back_together_for_a_member_that_lags() {
    let mut world = Offline::default();
    versions(&mut world, "core", 100, nothing);
    versions(&mut world, "web", 100, |n| vec![format!("core=={n}")]);
    versions(
        &mut world,
        "store",
        99,
        |n| if n < 5 { Vec::new() } else { vec![format!("core=={n}")] },
    );
    let expected = ["core==99.0", "store==99.0", "web==99.0"];
    check(&world, &["core", "web", "store"], &expected, 30);
    check(&world, &["store", "core", "web"], &expected, 30);
    check(&world, &["web", "store"], &expected, 30);
}
