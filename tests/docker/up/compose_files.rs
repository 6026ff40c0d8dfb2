//! `up` and the user's own compose files: renamed services, overrides, and what Compose does by itself afterwards.

use crate::project::{Project, TWO};
use crate::world::text;

/// The id of a service's container, whoever made it.
fn id(project: &Project, service: &str) -> String {
    project.inspect(service, "{{.Id}}")
}

/// Standard output of a command whose words are all Compose's.
fn passed(project: &Project, words: &[&str]) -> String {
    let output = project.world.command(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_service_that_was_renamed_blocks_nothing() {
    let Some(project) = Project::new("renamed", TWO) else { return };
    project.up();
    let renamed = TWO.replace("board:", "panel:");
    project.compose(&renamed);
    project.environments(&["web"], &["panel"]);
    // What was written for the old names is no input of any command.
    assert!(project.ok(&["ps"]).contains("panel"));
    project.ok(&["logs"]);
    let web = id(&project, "web");
    let said = text(&project.pyfast(&["up"]).stderr);
    assert!(said.contains("services that there are no more: board"), "{said}");
    assert_eq!(project.python("panel", "import lamp; print(lamp.__version__)"), "1.0");
    assert_eq!(id(&project, "web"), web);
    // And where `up` was not done again, whatever else is.
    project.compose(TWO);
    project.environments(&["web"], &["board"]);
    passed(&project, &["stop", "-t", "0"]);
    project.ok(&["down", "--remove-orphans"]);
    assert_eq!(project.containers("web") + &project.containers("panel"), "");
}

#[test]
fn beside_an_override_of_the_user_s_own_it_is_said_what_plain_compose_does() {
    let Some(project) = Project::new("apart", TWO) else { return };
    project.write("docker-compose.override.yml", "services: {web: {labels: {own: theirs}}}\n");
    let apart = project.path(".pyfast/compose.override.yml");
    let told = |said: &str| {
        said.contains("plain `docker compose up`") && said.contains(apart.to_str().unwrap())
    };
    // Each time, not only the first.
    for _ in 0..2 {
        let said = text(&project.pyfast(&["up"]).stderr);
        assert!(told(&said), "{said}");
    }
    let label = "{{index .Config.Labels \"own\"}}";
    assert_eq!(project.inspect("web", label), "theirs");
    // A clone has the line that was advised, and no private directory.
    let name = &project.name;
    let files = "docker-compose.yml:docker-compose.override.yml:.pyfast/compose.override.yml";
    project.write(".env", &format!("COMPOSE_PROJECT_NAME={name}\nCOMPOSE_FILE={files}\n"));
    fs_err::remove_dir_all(project.path(".pyfast")).unwrap();
    let said = text(&project.pyfast(&["up"]).stderr);
    assert!(!told(&said), "{said}");
    let before = id(&project, "web");
    let plain = project.docker_compose(&["up", "-d"]);
    assert!(plain.status.success(), "{}", text(&plain.stderr));
    assert_eq!(id(&project, "web"), before);
    assert_eq!(project.python("web", "import shade; print(shade.__version__)"), "1.0");
}

#[test]
fn commands_of_compose_are_for_the_project_with_its_environments() {
    let Some(project) = Project::new("passed", TWO) else { return };
    project.up();
    let python = ["exec", "-T", "web", "python", "-c", "import shade; print('in')"];
    assert_eq!(passed(&project, &python).trim(), "in");
    assert!(passed(&project, &["config"]).contains("/pyfast"));
    // As with Compose, the project may be named before the command.
    let other = ["-f", "docker-compose.yml", "-p", "shop-elsewhere"];
    assert_eq!(
        passed(&project, &[&other[..], &["config", "--services"]].concat()).lines().count(),
        2
    );
    assert_eq!(project.ok(&[&other[..], &["ps", "-q"]].concat()), "");
    assert_eq!(project.ok(&["ps", "-q", "web"]).trim(), id(&project, "web"));
    project.ok(&["up", "--scale", "web=2"]);
    assert_eq!(project.containers("web").lines().count(), 2);
}

#[test]
fn projects_of_one_directory_have_overrides_of_their_own() {
    let Some(project) = Project::new("several", TWO) else { return };
    // Each has a volume of its own.
    let toml = fs_err::read_to_string(project.path("pyfast.toml")).unwrap();
    let own = format!("root = \"volume:{}\"\n", project.world.volume);
    project.write("pyfast.toml", &toml.replace(&own, ""));
    let other = Other { project: &project, name: format!("{}-other", project.name) };
    project.up();
    let sibling = fs_err::read_to_string(project.path("docker-compose.override.yml")).unwrap();
    let web = id(&project, "web");
    let named = project.path(&format!(".pyfast/compose.override.{}.yml", other.name));
    let said = text(&project.pyfast(&["up", "-p", &other.name]).stderr);
    assert!(said.contains(&format!("the last of its `-f` is {}", named.display())), "{said}");
    let text_of = || fs_err::read_to_string(&named).unwrap();
    assert!(text_of().contains(&format!("pyfast-{}", other.name)), "{}", text_of());
    // Nothing of the other one is changed, and both are found by what is passed on.
    let own = fs_err::read_to_string(project.path("docker-compose.override.yml")).unwrap();
    assert_eq!(own, sibling);
    let output = project.docker_compose(&["up", "-d"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(id(&project, "web"), web);
    let python = ["exec", "-T", "web", "python", "-c", "import shade; print('in')"];
    for flags in [&[][..], &["-p", &other.name]] {
        assert_eq!(passed(&project, &[flags, &python].concat()).trim(), "in");
    }
    // As with the other's name, which needs no file of its own.
    project.ok(&["up", "-p", &project.name]);
    assert_eq!(id(&project, "web"), web);
    assert_eq!(overrides(&project), std::slice::from_ref(&named));
    // Its files may be named, too.
    project.write("more.yml", "services: {web: {labels: {own: more}}}\n");
    let files = ["-p", &other.name, "-f", "docker-compose.yml", "-f", "more.yml"];
    project.ok(&[&["up"], &files[..]].concat());
    assert_eq!(overrides(&project).len(), 2);
    project.ok(&[&["down"], &files[..]].concat());
    assert_eq!(overrides(&project), std::slice::from_ref(&named));
    project.ok(&["down", "-p", &other.name]);
    assert_eq!(overrides(&project), [""; 0].map(std::path::PathBuf::from));
    assert_eq!(id(&project, "web"), web);
    assert!(project.path("docker-compose.override.yml").exists());
}

/// The override files below the private directory.
fn overrides(project: &Project) -> Vec<std::path::PathBuf> {
    let entries = fs_err::read_dir(project.path(".pyfast")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ends| ends == "yml"));
    files.sort();
    files
}

/// Another compose project of the same directory; it and the volumes of both are removed at its end.
struct Other<'a> {
    project: &'a Project,
    name: String,
}

impl Drop for Other<'_> {
    fn drop(&mut self) {
        let world = &self.project.world;
        for name in [&self.name, &self.project.name] {
            world.engine().remove_all(&format!("com.docker.compose.project={name}"));
            let volume = format!("pyfast-{name}");
            world.engine().remove_container(&format!("pyfast-keeper-{volume}"));
            world.engine().remove_volume(&volume);
        }
    }
}
