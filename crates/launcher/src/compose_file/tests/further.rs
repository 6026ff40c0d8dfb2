//! What further files and documents add to a project, and what they leave as it was.

use super::project;

#[test]
fn the_documents_of_a_file_are_parts_of_one_project() {
    let (_place, asked) = project(&[
        (
            "compose.yaml",
            "services:\n  a: {image: a, environment: {A: '1'}, ports: ['80:80']}\n---\ninclude: [b.yaml]\nservices:\n  a:\n    environment: [B=2]\n    ports: !reset []\n  c: {extends: {file: b.yaml, service: b}}\n",
        ),
        ("b.yaml", "services: {b: {image: b}}\n---\nservices: {b: {command: x}}\n"),
    ]);
    let read = asked.read().unwrap();
    let model = &read.model["services"];
    assert_eq!(model["a"]["environment"], serde_json::json!({"A": "1", "B": "2"}));
    assert_eq!(model["a"].get("ports"), None);
    for service in ["b", "c"] {
        assert_eq!(model[service]["image"], "b", "{service}");
        assert_eq!(model[service]["command"], serde_json::json!(["x"]), "{service}");
    }
    for other in ["[a]", ""] {
        let text = format!("services: {{a: {{image: a}}}}\n---\n{other}\n");
        let (_place, asked) = project(&[("compose.yaml", &text)]);
        let error = asked.read().unwrap_err().to_string();
        assert!(error.contains("must be a mapping"), "{error}");
    }
}

#[test]
fn what_a_further_file_leaves_empty_takes_nothing_away() {
    let whole = "services:\n  a: {image: a, command: x, environment: {A: '1'}, ports: ['80:80'], networks: [n], build: ., healthcheck: {test: t}, restart: always}\nnetworks: {n: {}}\n";
    let of = |further: Option<&str>| {
        let further = further.map(|text| ("compose.override.yaml", text));
        let files: Vec<_> = Some(("compose.yaml", whole)).into_iter().chain(further).collect();
        let (_place, asked) = project(&files);
        let service = asked.read().unwrap().model["services"]["a"].to_string();
        service.replace(&asked.directory.display().to_string(), "")
    };
    let alone = of(None);
    for further in [
        "services:\n  a:\n    image:\n    command:\n    environment:\n    ports:\n    networks:\n    build:\n    healthcheck:\n    restart:\n",
        "services:\n  a:\n",
        "# services:\n",
        "",
    ] {
        assert_eq!(of(Some(further)), alone, "{further}");
    }
    // What is taken out need not be anything.
    let without = of(Some("services: {a: {ports: !reset ['80:80/xyz']}}"));
    assert!(alone.contains("published") && !without.contains("published"), "{without}");
    let (_place, asked) = project(&[
        (
            "compose.yaml",
            "include: [{path: b.yaml, env_file: }, c.yaml]\nservices: {a: {extends: {file: d.yaml, service: a}}}\n",
        ),
        ("b.yaml", "services: {b: {image: b}}"),
        ("c.yaml", "# nothing yet\n"),
        ("d.yaml", "services: {a: {image: a, ports: , container_name: ''}}"),
    ]);
    assert_eq!(asked.read().unwrap().services.len(), 2);
    let (_place, asked) = project(&[("compose.yaml", "# nothing yet\n")]);
    assert!(asked.read().unwrap_err().to_string().contains("the file is empty"));
}

#[test]
fn services_of_many_documents_are_each_followed_once() {
    let document: String = (0..60)
        .map(|n| format!("  s{n}: {{extends: {{file: b.yaml, service: s{}}}}}\n", n + 1))
        .collect();
    let document = format!("services:\n{document}  s60: {{image: a}}\n");
    let (_place, asked) = project(&[
        ("compose.yaml", "services: {a: {extends: {file: b.yaml, service: s0}}}"),
        ("b.yaml", &format!("{document}---\n{document}")),
    ]);
    assert_eq!(asked.read().unwrap().services["a"].image.as_deref(), Some("a"));
}

#[test]
fn label_files_yield_to_later_ones_and_to_the_labels() {
    let (_place, asked) = project(&[
        (
            "compose.yaml",
            "services:\n  a: {image: a, label_file: [one.labels, two.labels], labels: [c=own]}\n  b: {image: b, label_file: one.labels}\n  c: {image: c, label_file: none.labels}\n",
        ),
        ("compose.override.yaml", "services: {c: {label_file: !override []}}"),
        ("one.labels", "# as variables are written\na=1\nb=1\nc=1"),
        ("two.labels", "b=\"2\"\nd="),
    ]);
    let model = asked.read().unwrap().model;
    let labels = |service: &str| &model["services"][service]["labels"];
    assert_eq!(*labels("a"), serde_json::json!({"a": "1", "b": "2", "c": "own", "d": ""}));
    assert_eq!(*labels("b"), serde_json::json!({"a": "1", "b": "1", "c": "1"}));
    assert_eq!(model["services"]["a"].get("label_file"), None);
    let (_place, asked) =
        project(&[("compose.yaml", "services:\n  a: {image: a, label_file: none.labels}\n")]);
    let error = asked.read().unwrap_err().to_string();
    assert!(error.contains("compose.yaml:2") && error.contains("label_file"), "{error}");
}
