//! `up` by the plugin of Docker's client, which is Compose 2. It stands here for a `docker` that records how it is
//! called and has Compose 1 do the work.

use crate::project::{Project, TWO};
use crate::world::text;

/// Makes the client and its plugin; where the calls are recorded.
fn client(project: &mut Project) -> std::path::PathBuf {
    let calls = project.path("calls");
    let script = format!(
        "if [ \"$1\" != compose ]; then PATH=\"${{PATH#*:}}\" exec docker \"$@\"; fi\nshift\n\
         echo \"$*\" >> {}\n\
         test -z \"$COMPOSE_FILE$DOCKER_CONTEXT\" || exit 3\n\
         exec docker-compose \"$@\"\n",
        calls.display()
    );
    project.fake("docker", &script);
    let plugins = project.world.project().with_file_name("home").join(".docker/cli-plugins");
    fs_err::create_dir_all(&plugins).unwrap();
    std::os::unix::fs::symlink(project.path("bin/docker"), plugins.join("docker-compose")).unwrap();
    calls
}

/// The calls so far, without project and files.
fn acts(project: &Project, calls: &std::path::Path) -> Vec<String> {
    let text = fs_err::read_to_string(calls).unwrap();
    let directory = project.world.project().display().to_string();
    let act = |line: &str| {
        let start = format!("--project-name {} --project-directory {directory} ", project.name);
        let rest = line.strip_prefix(&start).unwrap_or_else(|| panic!("{line}"));
        rest.replace(&format!("{directory}/"), "")
    };
    text.lines().map(act).collect()
}

#[test]
fn the_plugin_creates_all_in_one_call_and_removes() {
    let Some(mut project) = Project::new("plugin", TWO) else { return };
    let calls = client(&mut project);
    let result = project.up();
    assert_eq!(result["services"]["web"]["verdict"], "running", "{result}");
    let files = "--file docker-compose.yml --file docker-compose.override.yml";
    let create = format!("{files} up --no-start --no-build board web");
    assert_eq!(acts(&project, &calls), [create.as_str()]);
    project.up();
    assert_eq!(acts(&project, &calls).len(), 1, "nothing changed");
    project.ok(&["up", "--clean", "web"]);
    let clean = format!("{files} rm --stop --force web");
    let web = format!("{files} up --no-start --no-build web");
    assert_eq!(acts(&project, &calls)[1..], [clean, web]);
    project.ok(&["down"]);
    assert_eq!(acts(&project, &calls)[3..], [format!("{files} down")]);
}

#[test]
fn profiles_are_given_as_flags() {
    let services = "
  web:
    <<: *python
  board:
    <<: *python
    profiles: [night]
";
    let Some(mut project) = Project::new("plugin-prof", services) else { return };
    let calls = client(&mut project);
    project.ok(&["up", "--profile", "night"]);
    let files = "--file docker-compose.yml --file docker-compose.override.yml";
    let create = format!("{files} --profile night up --no-start --no-build board web");
    assert_eq!(acts(&project, &calls), [create]);
}

#[test]
fn what_the_plugin_says_of_a_failure_is_told() {
    let Some(mut project) = Project::new("plugin-fails", TWO) else { return };
    client(&mut project);
    let script = "echo 'network shop_default: pool is full' >&2\nexit 14\n";
    project.fake("docker", script);
    project.fails(&["up"], 1, &["docker compose up", "pool is full"]);
    assert_eq!(project.containers("web"), "");
}

#[test]
fn containers_named_as_the_other_compose_names_them_are_the_project_s() {
    let Some(project) = Project::new("plugin-names", TWO) else { return };
    project.up();
    let names = |service: &str| ["-", "_"].map(|by| [&project.name, service, "1"].join(by));
    for service in ["web", "board"] {
        let found = project.inspect(service, "{{.Name}}");
        let other = names(service).into_iter().find(|name| *name != found[1..]).unwrap();
        let output = project.world.docker(&["rename", &found[1..], &other]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let before = [project.identity("web"), project.identity("board")];
    let result = project.up();
    assert_eq!(result["services"]["web"]["restarted"], false, "{result}");
    assert_eq!([project.identity("web"), project.identity("board")], before);
    let listed = project.ok(&["ps"]);
    assert!(
        listed.contains(project.inspect("web", "{{.Name}}").trim_start_matches('/')),
        "{listed}"
    );
}
