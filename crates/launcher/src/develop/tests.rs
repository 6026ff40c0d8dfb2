//! Which files rules mean, and what is said of those that cannot be followed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::compose_file::{ComposeRequest, read_compose};

/// A project with files, and its rules by a service `web` that is built from `.`.
struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    fn new(files: &[&str]) -> Self {
        let stage = Self { directory: tempfile::tempdir().unwrap() };
        for file in files {
            stage.write(file, "");
        }
        stage
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs_err::write(self.at(name), text).unwrap();
    }

    fn rules(&self, service: &str, watch: &str) -> Rules {
        let text = format!("services:\n  web:\n    {service}\n    develop: {{watch: [{watch}]}}\n");
        self.write("compose.yaml", &text);
        let project = read_compose(&ComposeRequest {
            directory: self.directory.path(),
            files: &[],
            environment: &BTreeMap::new(),
            profiles: &[],
            services: &[],
            project_name: Some("shop"),
        });
        Rules::of(&project.unwrap(), &BTreeSet::from(["web".to_owned()]), &BTreeSet::new())
    }

    fn rule(&self, watch: &str) -> Rule {
        let mut rules = self.rules("build: .", watch);
        assert_eq!((rules.held.len(), rules.unfit.len()), (1, 0), "{rules:?}");
        rules.held.remove(0)
    }

    /// What a rule means, below the project.
    fn meant(&self, rule: &Rule) -> Vec<String> {
        let names = rule.tree().found.into_keys();
        names.map(|path| self.below(&path)).collect()
    }

    fn below(&self, path: &Path) -> String {
        path.strip_prefix(self.directory.path()).unwrap().display().to_string()
    }
}

#[test]
fn a_rule_means_what_is_neither_ignored_nor_left_out_of_the_build() {
    let stage = Stage::new(&[
        "Dockerfile",
        "app/main.py",
        "app/.main.py.swp",
        "app/.git/HEAD",
        "app/cache/one",
        "app/logs/today.log",
        "app/static/site.css",
        "other/main.py",
    ]);
    stage.write(".dockerignore", "**/*.log\n");
    let rule = stage.rule("{action: sync, path: ./app, target: /srv/app/, ignore: [cache/]}");
    assert_eq!(
        stage.meant(&rule),
        ["app/logs", "app/main.py", "app/static", "app/static/site.css"]
    );
    assert_eq!(rule.place(&stage.at("app/static/site.css")).unwrap(), "/srv/app/static/site.css");
    assert_eq!(rule.to_string(), "web: sync on app → /srv/app/");
    // Nothing is to be done for what is ignored, and nobody else decides about it.
    assert!(rule.names(&stage.at("app/cache/one")) && !rule.names(&stage.at("other/main.py")));
}

#[test]
fn included_are_the_files_that_a_pattern_means() {
    let stage = Stage::new(&["Dockerfile", "app/a.py", "app/deep/b.py", "app/c.txt", "app/d.css"]);
    let rule = stage
        .rule("{action: sync, path: app, target: /app, include: ['**/*.py', c.txt], ignore: deep}");
    assert_eq!(stage.meant(&rule), ["app/a.py", "app/c.txt"]);
    assert!(!rule.names(&stage.at("app/d.css")), "it is left to whoever else decides");
}

#[test]
fn a_rule_for_a_file_means_that_file() {
    let stage = Stage::new(&["Dockerfile", "nginx.conf"]);
    let rule =
        stage.rule("{action: sync+restart, path: nginx.conf, target: /etc/nginx/nginx.conf}");
    assert_eq!(stage.meant(&rule), ["nginx.conf"]);
    assert_eq!(rule.place(&stage.at("nginx.conf")).unwrap(), "/etc/nginx/nginx.conf");
}

#[test]
fn what_is_new_different_and_gone_is_told_apart() {
    let stage = Stage::new(&["Dockerfile", "app/kept", "app/changed", "app/old/gone"]);
    let rule = stage.rule("{action: sync, path: app, target: /app}");
    let before = rule.tree();
    assert!(rule.change(&before, &rule.tree()).is_empty());
    stage.write("app/changed", "2");
    stage.write("app/new/one", "");
    fs_err::remove_dir_all(stage.at("app/old")).unwrap();
    let change = rule.change(&before, &rule.tree());
    let below = |paths: &BTreeSet<PathBuf>| -> Vec<String> {
        paths.iter().map(|path| stage.below(path)).collect()
    };
    assert_eq!(below(&change.put), ["app/changed", "app/new", "app/new/one"]);
    assert_eq!(below(&change.gone), ["app/old/gone"]);
    assert_eq!(below(&change.gone_directories), ["app/old"]);

    let before = rule.tree();
    fs_err::remove_file(stage.at("app/kept")).unwrap();
    stage.write("app/kept/now", "");
    let change = rule.change(&before, &rule.tree());
    assert_eq!(below(&change.put), ["app/kept", "app/kept/now"]);
    assert_eq!(below(&change.gone), ["app/kept"], "it makes place");
}

#[test]
fn what_cannot_be_read_is_as_it_was() {
    let stage = Stage::new(&["Dockerfile", "app/main.py", "app/private/one"]);
    let rule = stage.rule("{action: sync, path: app, target: /app}");
    let before = rule.tree();
    fs_err::remove_file(stage.at("app/main.py")).unwrap();
    fs_err::remove_dir_all(stage.at("app/private")).unwrap();
    let mut now = rule.tree();
    now.unread.insert(stage.at("app/private"), "permission denied".to_owned());
    let gone = |change: Change| (change.gone.len(), change.gone_directories.len());
    assert_eq!(gone(rule.change(&before, &now)), (1, 0));
    now.keep(&before);
    assert!(now.has(&stage.at("app/private/one")) && !now.has(&stage.at("app/main.py")));
    assert_eq!(gone(rule.change(&before, &now)), (1, 0));
    assert_eq!(gone(rule.change(&now, &rule.tree())), (1, 1), "it is gone indeed");

    // Whatever its cause is: this one meets root, too.
    fs_err::remove_dir_all(stage.at("app")).unwrap();
    std::os::unix::fs::symlink("app", stage.at("app")).unwrap();
    let unread = rule.tree();
    assert_eq!(unread.unread().keys().collect::<Vec<_>>(), [&stage.at("app")]);
    assert!(rule.change(&before, &unread).is_empty());
}

#[test]
fn an_unreadable_directory_is_left_out_alone() {
    let stage = Stage::new(&["app/a", "app/private/one", "app/z"]);
    let private = stage.at("app/private");
    let look = || walk_readable(&stage.at("app"), &Ignore::default());
    fs_err::set_permissions(&private, Permissions::from_mode(0o000)).unwrap();
    let (found, unread) = as_nobody(look);
    fs_err::set_permissions(&private, Permissions::from_mode(0o755)).unwrap();
    let names: Vec<_> = found.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["a", "private", "z"]);
    assert_eq!(unread.keys().collect::<Vec<_>>(), [&private]);
    assert_eq!((look().0.len(), look().1.len()), (4, 0));
}

/// Root may read everything but where it has given that up, which a thread does for itself.
fn as_nobody<T: Send>(look: impl FnOnce() -> T + Send) -> T {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            set_capabilities(None, none).unwrap();
            look()
        });
        thread.join().unwrap()
    })
}

#[test]
fn paths_are_followed_where_links_lead_and_targets_are_plain() {
    let stage = Stage::new(&["Dockerfile", "real/main.py", "real/site.conf"]);
    for (link, to) in [("app", "real"), ("site.conf", "real/site.conf")] {
        std::os::unix::fs::symlink(to, stage.at(link)).unwrap();
    }
    let rule = stage.rule("{action: sync, path: app, target: /srv/../opt/./app/}");
    assert_eq!(stage.meant(&rule), ["real/main.py", "real/site.conf"]);
    for path in ["app/main.py", "real/main.py"] {
        assert!(rule.names(&stage.at(path)), "{path}");
        assert_eq!(rule.place(&stage.at(path)).unwrap(), "/opt/app/main.py");
    }
    let rule = stage.rule("{action: sync, path: site.conf, target: /../etc/site.conf}");
    assert_eq!(stage.meant(&rule), ["real/site.conf"]);
    assert_eq!(rule.place(&stage.at("real/site.conf")).unwrap(), "/etc/site.conf");
    let rule = stage.rule("{action: sync, path: ., target: /}");
    assert_eq!(rule.to_string(), "web: sync on . → /");
    assert_eq!(rule.place(&stage.at("real/main.py")).unwrap(), "/real/main.py");
}

#[test]
fn a_place_is_one_of_a_rule_where_something_of_the_rule_comes_to_be() {
    let stage = Stage::new(&["app/main.py", "site.conf"]);
    let rule = stage.rule("{action: sync, path: app, target: /srv/app, include: '*.py'}");
    for (place, syncs) in [
        ("/srv/app/main.py", true),
        ("/srv/app/new.py", true),
        ("/srv/app/new.txt", false),
        ("/srv/application/main.py", false),
        ("/srv/main.py", false),
    ] {
        assert_eq!(rule.syncs_to(place), syncs, "{place}");
    }
    let rule = stage.rule("{action: sync+restart, path: site.conf, target: /etc/}");
    assert!(rule.syncs_to("/etc") && !rule.syncs_to("/etc/other"), "it is a file");
    assert!(!stage.rule("{action: restart, path: app}").syncs_to("/srv/app/main.py"));
}

#[test]
fn rules_that_cannot_be_followed_are_named() {
    let stage = Stage::new(&["Dockerfile", "app/main.py"]);
    let rebuild = "{action: rebuild, path: app}";
    let said = |rules: Rules| (rules.held.len(), rules.unfit.join("; "));
    assert_eq!(said(stage.rules("build: .", rebuild)), (1, String::new()));
    assert_eq!(
        said(stage.rules("image: web", rebuild)),
        (0, "web: app is not watched, as there is nothing to build it from".to_owned())
    );
    let mounted = "image: web\n    volumes: ['.:/srv']";
    assert_eq!(
        said(stage.rules(mounted, "{action: sync, path: app, target: /srv/app}")),
        (0, "web: app is not watched, as the service mounts it".to_owned())
    );
    assert_eq!(said(stage.rules(mounted, "{action: restart, path: app}")).0, 1);
}
