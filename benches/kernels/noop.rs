//! What a sync with nothing to do looks at: the state of the last one, and the files that it read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use criterion::Criterion;
use pyfast_environment::inputs::Inputs;
use pyfast_environment::report::Facts;
use pyfast_environment::state::{Circumstances, Setting, State};
use pyfast_root::Dir;

/// Reads the state and finds that six requirements files are as they were.
pub(crate) fn state(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let files: Vec<PathBuf> = (0..6)
        .map(|number| {
            let file = directory.path().join(format!("requirements{number}.txt"));
            fs_err::write(&file, "six==1.16.0\n".repeat(200)).expect("the disk is willing");
            file
        })
        .collect();
    let setting = Setting { settings: "settings".to_owned(), interpreter: "python".to_owned() };
    // As long after the last change as is usual: younger files are read again.
    let now = SystemTime::now() + Duration::from_mins(1);
    let circumstances = Circumstances {
        inputs: Inputs::look(&files, false, now),
        variables: BTreeMap::new(),
        setting: setting.clone(),
    };
    let open = Dir::open_named(directory.path()).expect("a directory");
    let kept = State::new(circumstances, Facts::default(), None);
    kept.store(&open).expect("the disk is willing");
    criterion.bench_function("noop/state", |bencher| {
        bencher.iter(|| {
            let state = State::load(&open).expect("it was just written");
            assert!(state.holds(&setting, &BTreeMap::new()));
        });
    });
}
