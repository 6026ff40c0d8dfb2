//! What a service need not say, or not in every place.

use super::{project, refused};
use crate::compose_file::Condition;

#[test]
fn a_service_that_something_else_provides_needs_neither_image_nor_build() {
    let text = "services: {db: {provider: {type: cloud, options: {size: small}}}, web: {image: w, depends_on: [db]}}";
    let (_place, asked) = project(&[("compose.yaml", text)]);
    let found = asked.read().unwrap();
    assert!(found.services["db"].provider && !found.services["web"].provider);
}

#[test]
fn what_must_stand_somewhere_need_not_stand_in_every_file() {
    let (_place, asked) = project(&[
        (
            "compose.yaml",
            "services: {db: {image: d}, web: {image: w, depends_on: {db: {condition: service_healthy}}}}",
        ),
        ("compose.override.yaml", "services: {web: {depends_on: {db: {restart: true}}}}"),
    ]);
    let found = asked.read().unwrap();
    assert_eq!(found.services["web"].depends_on["db"].condition, Condition::Healthy);
    let (_place, asked) = project(&[
        (
            "compose.yaml",
            "services: {db: {image: d}, web: {extends: {file: base.yaml, service: web}, depends_on: {db: {restart: true}}}}",
        ),
        (
            "base.yaml",
            "services: {web: {image: w, depends_on: {db: {condition: service_healthy}}}}",
        ),
    ]);
    let found = asked.read().unwrap();
    assert_eq!(found.services["web"].depends_on["db"].condition, Condition::Healthy);
    let alone = refused(
        "services:\n  db: {image: d}\n  web: {image: w, depends_on: {db: {restart: true}}}",
    );
    assert!(alone.contains("`condition` is missing"), "{alone}");
}
