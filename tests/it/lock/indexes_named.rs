//! Packages that are pinned to an index with a name in `pyfast.toml`.

use super::{check, check_with};
use crate::support::index::{ALWAYS, Fault, Index};
use crate::support::ran::{MENDABLE, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// The world's own index has everything in version 2.0; another one, named `special`, has everything in
/// 1.0, and `a` is pinned to it.
fn pinned() -> (World, Index) {
    let world = World::new();
    let special = Index::start();
    for name in ["a", "b"] {
        world.index.add(&Wheel::new(name, "2.0"));
        special.add(&Wheel::new(name, "1.0"));
    }
    special.add(&Wheel::new("only-special", "1.0"));
    configure(&world, &special, "");
    (world, special)
}

fn configure(world: &World, special: &Index, more: &str) {
    let named = format!("[index.named]\nspecial = \"{}\"\n", special.url());
    world.write("pyfast.toml", &format!("{more}\n{named}[index.packages]\na = \"special\"\n"));
}

#[test]
fn pinned_package_comes_from_its_index_alone() {
    let (world, special) = pinned();
    check(&world, &["a", "b"], &["a==1.0", "b==2.0"]);
    assert!(world.read("pylock.toml").contains(&format!("index = \"{}\"", special.url())));
    assert!(world.index.asked("/simple/a/").is_empty());
    assert!(special.asked("/simple/b/").is_empty());
}

#[test]
fn pin_holds_for_dependencies() {
    let (world, _special) = pinned();
    world.index.add(&Wheel::new("c", "1.0").requires("a"));
    check(&world, &["c"], &["a==1.0", "c==1.0"]);
}

#[test]
fn pin_holds_whatever_the_strategy() {
    let (world, _special) = pinned();
    for strategy in ["unsafe-best-match", "unsafe-first-match"] {
        check_with(&world, &["a"], &["--index-strategy", strategy], &["a==1.0"]);
    }
}

#[test]
fn pinned_package_does_not_come_from_elsewhere() {
    let (world, special) = pinned();
    let links = world.path("links");
    fs_err::create_dir(&links).unwrap();
    let wheel = Wheel::new("a", "3.0").build();
    fs_err::write(links.join(&wheel.filename), &wheel.bytes).unwrap();
    let links = links.display().to_string();
    check_with(&world, &["a"], &["--find-links", &links], &["a==1.0"]);
    let ran = world.require(&["a>1"]).lock(&["--find-links", &links]);
    let ran = ran.refused(MENDABLE, &["a>1", &special.url(), "pins"]);
    assert!(!ran.stderr.contains("--index-strategy"), "{ran}");
    special.fail("/simple/a/", Fault::Status(404), ALWAYS);
    let expected = ["cannot find the package `a`", &special.url(), "pinned"];
    // What is in the cache would stand for a while.
    fs_err::remove_dir_all(world.path("home/.cache/pyfast")).unwrap();
    let ran = world.require(&["a"]).lock(&[]).refused(MENDABLE, &expected);
    assert!(!ran.stderr.contains(&world.index.url()), "{ran}");
}

#[test]
fn named_index_is_searched_for_nothing_else() {
    let (world, special) = pinned();
    let ran = world.require(&["only-special"]).lock(&[]).refused(MENDABLE, &["only-special"]);
    assert!(!ran.stderr.contains(&special.url()), "{ran}");
    assert!(special.seen().is_empty());
}

#[test]
fn named_index_among_the_further_ones_is_searched_for_everything() {
    let (world, special) = pinned();
    configure(&world, &special, "[index]\nextra = [\"special\"]");
    check(&world, &["b", "only-special"], &["b==1.0", "only-special==1.0"]);
    configure(&world, &special, "");
    let args = ["--upgrade", "--extra-index-url", "special"];
    check_with(&world, &["b", "only-special"], &args, &["b==1.0", "only-special==1.0"]);
}

#[test]
fn names_of_packages_are_normalised() {
    let (world, special) = pinned();
    let (url, name) = (special.url(), "Only_Special");
    let text = format!("[index.named]\nx = \"{url}\"\n[index.packages]\n{name} = \"x\"\n");
    world.write("pyfast.toml", &text);
    check(&world, &["only-special"], &["only-special==1.0"]);
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let (world, special) = pinned();
    let url = special.url();
    for (pin, expected) in [("specal", "`special`"), ("x y", "`special`")] {
        let packages = format!("[index.packages]\na = \"{pin}\"\n");
        world.write("pyfast.toml", &format!("[index.named]\nspecial = \"{url}\"\n{packages}"));
        world.require(&["a"]).lock(&[]).refused(USAGE, &["`a`", pin, expected]);
    }
    world.write("pyfast.toml", "[index.packages]\na = \"special\"\n");
    world.lock(&[]).refused(USAGE, &["`special`", "[index.named] has none"]);
    configure(&world, &special, "");
    world.lock(&["--extra-index-url", "specail"]).refused(USAGE, &["specail", "`special`"]);
}

#[test]
fn environment_has_credentials_by_the_name_of_the_index() {
    for prefix in ["PYFAST", "UV"] {
        let (mut world, special) = pinned();
        special.set(|options| options.credentials = Some(("user".into(), "s3cr3t".into())));
        let text = format!(
            "[index.named]\nmy-special = \"{}\"\n[index.packages]\na = \"my-special\"\n",
            special.url()
        );
        world.write("pyfast.toml", &text);
        world.require(&["a"]).lock(&[]).refused(MENDABLE, &["401", &special.url()]);
        for (what, value) in [("USERNAME", "user"), ("PASSWORD", "s3cr3t")] {
            world.env.insert(format!("{prefix}_INDEX_MY_SPECIAL_{what}"), value.to_owned());
        }
        check(&world, &["a", "b"], &["a==1.0", "b==2.0"]);
        assert!(!world.read("pylock.toml").contains("s3cr3t"));
        let sent = world.index.seen();
        assert!(sent.iter().all(|seen| seen.request.header("authorization").is_none()));
    }
}

#[test]
fn index_of_uvs_variable_can_have_a_name() {
    let mut world = World::new();
    let private = Index::start();
    private.set(|options| options.credentials = Some(("user".into(), "s3cr3t".into())));
    private.add(&Wheel::new("a", "1.0"));
    for (key, value) in [
        ("UV_INDEX", format!("corp={}", private.url())),
        ("UV_INDEX_CORP_USERNAME", "user".to_owned()),
        ("UV_INDEX_CORP_PASSWORD", "s3cr3t".to_owned()),
    ] {
        world.env.insert(key.to_owned(), value);
    }
    check(&world, &["a"], &["a==1.0"]);
}

#[test]
fn no_index_is_no_named_one_either() {
    let (world, special) = pinned();
    let links = world.path("links");
    fs_err::create_dir(&links).unwrap();
    let wheel = Wheel::new("a", "3.0").build();
    fs_err::write(links.join(&wheel.filename), &wheel.bytes).unwrap();
    let links = links.display().to_string();
    check_with(&world, &["a"], &["--no-index", "--find-links", &links], &["a==3.0"]);
    assert!(special.seen().is_empty());
}

#[test]
fn changed_pin_is_noticed() {
    let (world, special) = pinned();
    let configured = world.read("pyfast.toml");
    world.write("pyfast.toml", "");
    world.require(&["a"]).lock(&[]).ok();
    assert_eq!(world.sync(&[]).packages(), ["a==2.0"]);
    world.write("pyfast.toml", &configured);
    world.try_sync(&["--locked"]).refused_with_hint(MENDABLE, &["lock"]);
    assert_eq!(world.sync(&[]).packages(), ["a==1.0"]);
    let other = Index::start();
    other.add(&Wheel::new("a", "1.5"));
    world.write("pyfast.toml", &configured.replace(&special.url(), &other.url()));
    assert_eq!(world.sync(&[]).packages(), ["a==1.5"]);
    assert!(!world.sync(&[]).changed());
}

#[test]
fn credentials_in_the_url_of_a_named_index_are_written_nowhere() {
    let (world, special) = pinned();
    special.set(|options| options.credentials = Some(("user".into(), "s3cr3t".into())));
    let configured = world.read("pyfast.toml");
    let with = special.url_with("user", "s3cr3t");
    world.write("pyfast.toml", &configured.replace(&special.url(), &with));
    let ran = world.require(&["a"]).lock(&["-v"]).ok();
    assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
    assert!(!world.read("pylock.toml").contains("s3cr3t"));
    let ran = world.require(&["a>1"]).lock(&["-v"]).refused(MENDABLE, &["a>1"]);
    assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
}

#[test]
fn pin_holds_on_all_platforms() {
    let (world, special) = pinned();
    check_with(&world, &["a", "b"], &["--universal"], &["a==1.0", "b==2.0"]);
    assert!(world.read("pylock.toml").contains(&format!("index = \"{}\"", special.url())));
}
