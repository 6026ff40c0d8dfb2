//! `up --plan`, and what makes an image due.

use crate::project::{Project, TWO};
use crate::world::{SLIM, text};

#[test]
fn a_plan_names_the_acts_and_does_none() {
    let Some(project) = Project::new("plan", TWO) else { return };
    let plan = project.ok(&["up", "--plan"]);
    for words in ["image", "backend: sync", "boards: sync", "web has no container"] {
        assert!(plan.contains(words), "`{words}` is missing in: {plan}");
    }
    assert_eq!(project.containers("web") + &project.containers("board"), "");
    assert!(!project.path("docker-compose.override.yml").exists());
    let volume = project.world.docker(&["volume", "inspect", &project.world.volume]);
    assert!(!volume.status.success(), "the volume was made");
}

#[test]
fn an_edited_dockerfile_makes_its_image_due_and_requirements_do_not() {
    let tag = format!("uptests-built-{}:latest", std::process::id());
    let services = format!(
        "
  web:
    <<: *python
    image: {tag}
    build: .
  board:
    <<: *python
"
    );
    let Some(project) = Project::new("build", &services) else { return };
    project.write("Dockerfile", &format!("FROM {SLIM}\nLABEL edition=1\n"));
    project.up();
    let image = project.inspect("web", "{{.Image}}");
    project.write("backend.txt", "shade==2.0\n");
    project.up();
    let unbuilt = project.inspect("web", "{{.Image}}");
    project.write("Dockerfile", &format!("FROM {SLIM}\nLABEL edition=2\n"));
    let plan = project.ok(&["up", "--plan"]);
    project.ok(&["down"]);
    let removed = project.world.docker(&["image", "rm", "-f", &tag]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert_eq!(image, unbuilt, "requirements are no input of the image");
    assert!(plan.contains("Dockerfile changed"), "{plan}");
}
