//! When what is watched has changed, and what is due by rules until it is done.

use pyfast_launcher::compose_file::PRIVATE;

use super::*;
use crate::following::is_over;

#[test]
fn what_is_new_gone_or_written_shows_and_what_this_program_writes_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs_err::write(at("a.py"), "1").unwrap();
    let files = [directory.path().to_owned(), at("a.py"), at("none")];
    let look = || Watched::now(files.clone(), BTreeSet::from([at("own.yml")]));
    let before = look();
    assert_eq!((look() == before, before.count()), (true, 2));
    for own in ["own.yml", "pylock.toml"] {
        fs_err::write(at(own), "").unwrap();
        assert_eq!(look(), before, "{own}");
    }
    fs_err::write(at("b.py"), "").unwrap();
    assert_ne!(look(), before);
    fs_err::remove_file(at("b.py")).unwrap();
    assert_eq!(look(), before);
    fs_err::write(at("a.py"), "22").unwrap();
    assert_ne!(look(), before);
}

/// A project whose service `web` has a rule for `app`, and what is due by it.
struct Ruled {
    place: tempfile::TempDir,
}

impl Ruled {
    fn write(&self, name: &str, text: &str) {
        let path = self.place.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn look(&self, action: &str) -> Watched {
        let directory = self.place.path();
        let text = format!(
            "services: {{web: {{build: ., develop: {{watch: [{{action: {action}, path: ., target: /srv, ignore: compose.yaml}}]}}}}}}"
        );
        self.write("compose.yaml", &text);
        let project = pyfast_launcher::compose_file::read_compose(
            &pyfast_launcher::compose_file::ComposeRequest {
                directory,
                files: &[],
                environment: &BTreeMap::new(),
                profiles: &[],
                services: &[],
                project_name: Some("shop"),
            },
        );
        let own = BTreeSet::from([directory.join("own.yml"), directory.join(PRIVATE)]);
        let rules = Rules::of(&project.unwrap(), &BTreeSet::from(["web".to_owned()]), &own);
        let trees: Vec<Tree> = rules.held.iter().map(Rule::tree).collect();
        Watched { done: trees.clone(), rules, trees, ..Watched::default() }
    }

    fn due(&self, watched: &Watched) -> Vec<String> {
        let changes = watched.rule_changes();
        let paths = changes.iter().flat_map(|change| change.put.iter().chain(&change.gone));
        let below = paths.map(|path| path.strip_prefix(self.place.path()).unwrap());
        below.map(|path| path.display().to_string()).collect()
    }
}

#[test]
fn what_was_not_done_stays_due_whatever_is_read_meanwhile() {
    let ruled = Ruled { place: tempfile::tempdir().unwrap() };
    for file in ["Dockerfile", "old", "kept"] {
        ruled.write(file, "");
    }
    let first = ruled.look("sync");
    assert_eq!(ruled.due(&first), [""; 0]);
    ruled.write("new", "");
    fs_err::remove_file(ruled.place.path().join("old")).unwrap();
    let mut now = first.again();
    assert_eq!(ruled.due(&now), ["new", "old"]);
    // `up` failed, and all is read again.
    let mut again = ruled.look("sync");
    assert_eq!(ruled.due(&again), [""; 0]);
    again.take_over(&now);
    assert_eq!(ruled.due(&again), ["new", "old"]);
    // The compose file makes no sense for a while.
    let mut broken = Watched { broken: true, ..Watched::default() };
    broken.take_over(&again);
    assert_eq!(ruled.due(&broken.again()), ["new", "old"]);
    // Another rule has nothing to do with it.
    let mut other = ruled.look("sync+restart");
    other.take_over(&now);
    assert_eq!(ruled.due(&other), [""; 0]);

    let change = now.rule_changes().remove(0);
    now.settle(&change, &BTreeSet::from([ruled.place.path().join("old")]));
    assert_eq!(ruled.due(&now.again()), ["old"]);
    now.settle(&change, &BTreeSet::new());
    assert_eq!(ruled.due(&now.again()), [""; 0]);
}

#[test]
fn a_restart_stays_due_until_the_service_has_started() {
    let failed = BTreeMap::from([("web", None::<u8>)]);
    for (action, over) in [("sync", true), ("sync+restart", false), ("restart", false)] {
        let ruled = Ruled { place: tempfile::tempdir().unwrap() };
        ruled.write("Dockerfile", "");
        let first = ruled.look(action);
        ruled.write("new", "");
        let change = first.again().rule_changes().remove(0);
        assert_eq!(is_over(&change, &failed), over, "{action}");
        assert!(is_over(&change, &BTreeMap::from([("beat", None::<u8>)])), "{action}");
    }
}

#[test]
fn an_image_is_due_until_it_is_built() {
    let ruled = Ruled { place: tempfile::tempdir().unwrap() };
    ruled.write("Dockerfile", "");
    let first = ruled.look("rebuild");
    ruled.write("new", "");
    let mut again = ruled.look("rebuild");
    again.take_over(&first);
    assert_eq!(again.builds(), BTreeSet::from(["web".to_owned()]));
    let change = again.rule_changes().remove(0);
    again.settle(&change, &BTreeSet::new());
    assert!(again.builds().is_empty());
}

#[test]
fn what_this_program_writes_is_no_change_for_a_rule_on_the_project() {
    let ruled = Ruled { place: tempfile::tempdir().unwrap() };
    ruled.write("back/requirements.txt", "");
    let first = ruled.look("sync");
    for own in ["own.yml", ".pyfast/state", "pylock.toml", "back/pylock.dev.toml", ".venv/a"] {
        ruled.write(own, "");
    }
    assert_eq!(ruled.due(&first.again()), [""; 0]);
    ruled.write("theirs.yml", "");
    assert_eq!(ruled.due(&first.again()), ["theirs.yml"]);
}

#[test]
fn what_an_earlier_list_has_more_is_added_as_it_is_now() {
    let place = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| place.path().join(name));
    fs_err::write(&one, "1").unwrap();
    let list =
        |files: &[&PathBuf]| Watched::now(files.iter().map(|&file| file.clone()), BTreeSet::new());
    let (earlier, mut now) = (list(&[&one, &two]), list(&[&one]));
    fs_err::write(&two, "2").unwrap();
    let missing = now.missing_of(&earlier);
    assert_eq!(missing, list(&[&two]));
    now.join(missing);
    assert_eq!(now, list(&[&one, &two]));
}
