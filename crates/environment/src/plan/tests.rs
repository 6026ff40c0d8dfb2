//! What a plan says: the text of a dry run, for every act.

use std::time::SystemTime;

use super::*;
use crate::inputs::Inputs;
use crate::report::Updated;
use crate::state::Setting;

/// What an interpreter says of itself.
pub(crate) const INTERPRETER: &str = r#"{
    "cache_tag": "cpython-311", "executable": "/usr/bin/python3", "implementation": "cpython",
    "lib_dir": "lib/python3.11", "magic": 168627623, "soabi": "cpython-311-x86_64-linux-gnu", "wide": true,
    "markers": {
        "implementation_name": "cpython", "implementation_version": "3.11.7", "os_name": "posix",
        "platform_machine": "x86_64", "platform_python_implementation": "CPython", "platform_release": "6.1",
        "platform_system": "Linux", "platform_version": "1", "python_full_version": "3.11.7",
        "python_version": "3.11", "sys_platform": "linux"
    },
    "tags": {
        "debug": false, "free_threaded": false, "implementation": "cpython", "machine": "x86_64",
        "libc": {"family": "glibc", "major": 2, "minor": 36}, "other_platforms": [], "python": [3, 11]
    }
}"#;

/// A plan in which nothing is done about packages.
fn plan(act: EnvironmentAct, activate: bool) -> SyncPlan {
    let setting = Setting { settings: String::new(), interpreter: String::new() };
    let inputs = Inputs::look(&[], false, SystemTime::UNIX_EPOCH);
    SyncPlan {
        packages: Vec::new(),
        environment: EnvironmentPlan { id: "0123".to_owned(), act, activate },
        changes: Changes::default(),
        kept: Vec::new(),
        lock: String::new(),
        built: BTreeMap::new(),
        moved: BTreeMap::new(),
        options: EnvironmentOptions::default(),
        later: false,
        care: Care::default(),
        interpreter: Interpreter::from_json(INTERPRETER).unwrap(),
        circumstances: Circumstances { inputs, variables: BTreeMap::new(), setting },
        claims: Vec::new(),
        answers: None,
        upgrade: false,
        cause: Cause::Sync,
        facts: Facts::default(),
        done: None,
    }
}

fn package(name: &str, file: &str, act: PackageAct) -> PackagePlan {
    PackagePlan { name: name.to_owned(), file: file.to_owned(), act }
}

fn listed(name: &str, version: &str) -> Listed {
    Listed { name: name.to_owned(), version: version.to_owned() }
}

#[test]
fn a_plan_says_what_is_done_for_each_package_and_the_environment() {
    let mut plan = plan(EnvironmentAct::Compose, true);
    plan.packages = vec![
        package("a", "a-2.tar.gz", PackageAct::Build),
        package("b", "b-1-py3-none-any.whl", PackageAct::Fetch),
        package("c", "c-1-py3-none-any.whl", PackageAct::Reuse),
    ];
    plan.kept = vec![listed("c", "1")];
    plan.changes = Changes {
        added: vec![listed("b", "1")],
        removed: vec![listed("d", "4")],
        updated: vec![Updated { name: "a".to_owned(), from: "1".to_owned(), to: "2".to_owned() }],
    };
    let mode = plan.options.link_mode;
    let expected = format!(
        "build a from a-2.tar.gz\nfetch b-1-py3-none-any.whl\ncompose the environment 0123 of {mode}\n\
         keep c 1\nleave out d 4\nadd b 1\nreplace a 1 by 2\nactivate 0123\n"
    );
    assert_eq!(plan.to_string(), expected);
}

#[test]
fn a_plan_says_what_becomes_of_an_environment_that_is_there() {
    let anew = plan(EnvironmentAct::ComposeAnew, false);
    let mode = anew.options.link_mode;
    assert_eq!(anew.to_string(), format!("compose the environment 0123 anew, of {mode}\n"));
    let ready = "use the environment 0123, which is there\n";
    assert_eq!(plan(EnvironmentAct::Reuse, false).to_string(), ready);
    assert_eq!(plan(EnvironmentAct::Reuse, true).to_string(), format!("{ready}activate 0123\n"));
}
