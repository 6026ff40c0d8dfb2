//! Which files rules mean, and what is said of those that cannot be followed.

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
        Rules::of(&project.unwrap(), &BTreeSet::from(["web".to_owned()]))
    }

    fn rule(&self, watch: &str) -> Rule {
        let mut rules = self.rules("build: .", watch);
        assert_eq!((rules.held.len(), rules.unfit.len()), (1, 0), "{rules:?}");
        rules.held.remove(0)
    }

    /// What a rule means, below the project.
    fn meant(&self, rule: &Rule) -> Vec<String> {
        let names = rule.tree().into_keys();
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
    assert_eq!(below(&change.gone), ["app/old", "app/old/gone"]);
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
