//! What makes a directory a root, and what is in the way of one.

use super::*;

fn refused(path: &Path) -> Error {
    let error = Root::create(path, path).unwrap_err();
    assert!(Root::find(path, path).is_err(), "looking refuses it as well");
    error
}

#[test]
fn the_tree_is_created_and_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/root");
    assert!(Root::find(&path, &path).unwrap().is_none());
    assert!(!path.exists(), "looking makes nothing");
    let root = Root::create(&path, Path::new("/pyfast")).unwrap();
    assert!(root.wheels().unwrap().is_some());
    for private in [LOCKS, TMP] {
        assert_eq!(root.top().dir(private).unwrap().own_facts().unwrap().mode, 0o700);
    }
    Root::create(&path, Path::new("/pyfast")).unwrap();
    let found = Root::find(&path, Path::new("/pyfast")).unwrap().unwrap();
    let id = "0123456789abcdef0123";
    assert_eq!(found.seen_env_path(id), Path::new("/pyfast/envs/v1").join(id));
}

#[test]
fn an_empty_directory_and_a_new_file_system_become_roots() {
    for names in [&[][..], &["lost+found"], &[VOLUME_MARKER], &[VOLUME_MARKER, BIN]] {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            fs_err::create_dir(directory.path().join(name)).unwrap();
        }
        assert!(Root::find(directory.path(), directory.path()).unwrap().is_none(), "{names:?}");
        Root::create(directory.path(), directory.path()).unwrap();
    }
}

#[test]
fn a_directory_that_is_somebodys_is_no_root_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    fs_err::create_dir_all(directory.path().join("tmp/work")).unwrap();
    fs_err::write(directory.path().join("tmp/work/thesis.txt"), "x").unwrap();
    let error = refused(directory.path());
    assert!(matches!(&error, Error::NotARoot { holds, .. } if holds == "tmp"), "{error}");
    assert!(directory.path().join("tmp/work/thesis.txt").exists());
    assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_link_in_the_place_of_the_launcher_does_not_hide_whose_directory_it_is() {
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("usr/bin", directory.path().join(BIN)).unwrap();
    let error = refused(directory.path());
    assert!(matches!(&error, Error::NotARoot { holds, .. } if holds == BIN), "{error}");
}

#[test]
fn another_layout_is_refused_and_nothing_of_a_file_elsewhere_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let layout = directory.path().join(LAYOUT_FILE);
    fs_err::write(&layout, "pyfast 2\n").unwrap();
    let error = refused(directory.path()).to_string();
    assert!(error.ends_with("has the layout `pyfast 2`, this program knows `pyfast 1`"), "{error}");
    assert!(!directory.path().join("store").exists());
    fs_err::remove_file(&layout).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &layout).unwrap();
    let error = refused(directory.path()).to_string();
    assert!(error.contains("there is a symbolic link, and this program makes a file"), "{error}");
}

#[test]
fn what_is_in_the_place_of_a_directory_is_named() {
    for place in [BIN, "store", "store/v1", ENVS, PROJECTS, LOCKS, TMP] {
        let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs_err::write(directory.path().join(LAYOUT_FILE), format!("{LAYOUT}\n")).unwrap();
        let link = directory.path().join(place);
        fs_err::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
        let error = Root::create(directory.path(), directory.path()).unwrap_err().to_string();
        let expected = format!("{}: there is a symbolic link", link.display());
        assert!(error.contains(&expected), "{error}");
        assert_eq!(fs_err::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_root_that_is_being_made_is_somebody_elses_directory_at_no_moment() {
    for _ in 0..100 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::thread::scope(|scope| {
            let maker = scope.spawn(|| drop(Root::create(path, path).unwrap()));
            while Root::find(path, path).unwrap().is_none() {}
            maker.join().unwrap();
        });
    }
}

#[test]
fn a_data_directory_in_which_something_is_remembered_may_become_a_root() {
    let directory = tempfile::tempdir().unwrap();
    fs_err::create_dir(directory.path().join("requests")).unwrap();
    assert!(Root::find(directory.path(), directory.path()).unwrap().is_none());
    Root::create(directory.path(), directory.path()).unwrap();
    let other = tempfile::tempdir().unwrap();
    fs_err::write(other.path().join("requests"), "").unwrap();
    assert!(Root::create(other.path(), other.path()).is_err(), "that is somebody's file");
}
