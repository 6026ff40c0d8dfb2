//! What containers are made from, as one text that is the same exactly while Compose would make the same of it. Owns what
//! counts: the model, whatever way it was written. Comments, the order of keys and the files' names do not.

use pyfast_root::Fingerprint;
use serde_json::Value;

use crate::compose_file::ComposeProject;

/// Version of what counts. A change of it has Compose called once.
const VERSION: u32 = 2;

/// Digest of a project's model and of what this program adds to it.
pub fn shape(project: &ComposeProject, override_text: &str) -> String {
    let mut model = project.model.clone();
    leave_out_extensions(&mut model);
    if let Some(services) = model.get_mut("services").and_then(Value::as_object_mut) {
        services.values_mut().for_each(leave_out_extensions);
    }
    // Of a sorted map, so that equal models are equal texts.
    Fingerprint::new("containers", VERSION)
        .field("model", &model)
        .field("override", override_text)
        .finish()
}

/// `x-` keys, of which Compose makes nothing.
fn leave_out_extensions(model: &mut Value) {
    if let Some(keys) = model.as_object_mut() {
        keys.retain(|key, _| !key.starts_with("x-"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compose_file::{ComposeRequest, read_compose};

    /// The shape of a project of these files, with a variable and a named service.
    fn of(files: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs_err::write(directory.path().join(name), text).unwrap();
        }
        let project = read_compose(&ComposeRequest {
            directory: directory.path(),
            files: &[],
            environment: &BTreeMap::from([("TAG".to_owned(), "1".to_owned())]),
            profiles: &[],
            services: &[],
            project_name: Some("shop"),
        });
        shape(&project.unwrap(), "override")
    }

    const FILE: &str = "services:\n  web:\n    image: app:${TAG}\n    ports: ['80:8000']\n    env_file: [web.env]\n  db:\n    image: db\n";

    fn same(text: &str) {
        let env = ("web.env", "A=1\n");
        assert_eq!(
            of(&[("compose.yaml", FILE), env]),
            of(&[("compose.yaml", text), env]),
            "{text}"
        );
    }

    fn other(files: &[(&str, &str)]) {
        assert_ne!(of(&[("compose.yaml", FILE), ("web.env", "A=1\n")]), of(files), "{files:?}");
    }

    #[test]
    fn what_compose_makes_nothing_of_does_not_count() {
        same(&format!("# why\n{FILE}"));
        same(&FILE.replace("image: db", "image: 'db' # why"));
        same(
            "services:\n  db: {image: db}\n  web:\n    env_file: web.env\n    ports: ['80:8000']\n    image: app:1\n",
        );
        same(&format!("x-note: a\n{FILE}    x-more: b\n"));
        same(&FILE.replace(
            "['80:8000']",
            "[{target: 8000, published: '80', protocol: tcp, mode: ingress}]",
        ));
    }

    #[test]
    fn what_a_container_is_made_from_counts() {
        let env = ("web.env", "A=1\n");
        for (was, is) in
            [("image: db", "image: db:2"), ("80:8000", "81:8000"), ("${TAG}", "${TAG}0")]
        {
            other(&[("compose.yaml", &FILE.replace(was, is)), env]);
        }
        other(&[("compose.yaml", FILE), ("web.env", "A=2\n")]);
        other(&[
            ("compose.yaml", FILE),
            env,
            ("compose.override.yaml", "services: {web: {user: me}}\n"),
        ]);
        other(&[("compose.yaml", &format!("{FILE}    labels: {{x-a: b}}\n")), env]);
        let labelled = format!("{FILE}    label_file: db.labels\n");
        let of_label = |value: &str| {
            of(&[("compose.yaml", &labelled), env, ("db.labels", &format!("a={value}\n"))])
        };
        assert_eq!(of_label("1 # first"), of_label("1"));
        assert_ne!(of_label("1"), of_label("2"));
    }
}
