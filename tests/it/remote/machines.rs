//! What one machine has pushed another one syncs from, wherever its environments are.

use fs_err as fs;

use crate::place;
use crate::support::bucket::Bucket;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Packages of every size that is treated in a way of its own.
const SIZES: [(&str, usize); 4] = [("a", 10), ("b", 300_000), ("c", 3_000_000), ("d", 17_000_000)];

/// Prints the digest of every file of the environment's packages.
const FILES: &str = "import hashlib, os, sysconfig\n\
    top = sysconfig.get_path('purelib')\n\
    found = []\n\
    for place, folders, files in os.walk(top, followlinks=True):\n\
    \x20   folders[:] = [one for one in folders if one != '__pycache__']\n\
    \x20   for name in files:\n\
    \x20       path = os.path.join(place, name)\n\
    \x20       with open(path, 'rb') as file:\n\
    \x20           found.append(os.path.relpath(path, top) + ' ' + hashlib.sha256(file.read()).hexdigest())\n\
    print('\\n'.join(sorted(found)))";

/// A world with a lock of these packages.
pub(super) fn stocked(world: World) -> World {
    for (name, size) in SIZES {
        world.index.add(&Wheel::new(name, "1.0").padded(size));
    }
    world.require(&SIZES.map(|(name, _)| name)).lock(&[]).ok();
    world
}

/// The variables by which a world finds a bucket, and the bucket as its remote store.
pub(super) fn use_bucket(world: &mut World, bucket: &Bucket) {
    let variables = bucket.variables().into_iter();
    world.env.extend(variables.map(|(name, value)| (name.to_owned(), value)));
    world.env.insert("PYFAST_REMOTE".to_owned(), "s3://wheels/team".to_owned());
}

/// A directory as the remote store of a world.
pub(super) fn use_directory(world: &mut World) {
    fs::create_dir(world.path("remote")).unwrap();
    let url = format!("file://{}", world.path("remote").display());
    world.env.insert("PYFAST_REMOTE".to_owned(), url);
}

/// A machine that has nothing yet.
pub(super) fn another_machine(world: &mut World) {
    world.env.insert("HOME".to_owned(), world.path("other-home").display().to_string());
    world.move_on();
}

/// What a machine has that reaches no index.
fn without_index(world: &mut World) -> Synced {
    world.index.stop();
    another_machine(world);
    world.sync(&[])
}

fn check(mut world: World) {
    let first = world.sync(&["--push"]);
    assert!(first.ran.stderr.contains("Pushed 4 wheels"), "{}", first.ran);
    let (packages, files) = (first.packages(), first.evaluate(FILES));
    let second = without_index(&mut world);
    assert_eq!(second.packages(), packages);
    assert_eq!(second.evaluate(FILES), files, "another tree");
    assert!(!second.ran.stderr.contains("warning"), "{}", second.ran);
}

#[test]
fn what_one_machine_pushed_to_a_directory_another_one_syncs_without_an_index() {
    let Some(world) = place::world() else { return };
    let mut world = stocked(world);
    use_directory(&mut world);
    check(world);
}

#[test]
fn what_one_machine_pushed_to_a_bucket_another_one_syncs_without_an_index() {
    let Some(world) = place::world() else { return };
    let (mut world, bucket) = (stocked(world), Bucket::start());
    use_bucket(&mut world, &bucket);
    check(world);
    // One list, and each wheel once.
    let asked = bucket.asked();
    let pushed = asked.iter().rposition(|one| one.starts_with("PUT")).unwrap();
    let reads = asked[pushed..].iter().filter(|one| one.starts_with("GET"));
    assert_eq!(reads.count(), 1 + SIZES.len(), "{asked:?}");
}

#[test]
fn a_flipped_byte_costs_a_warning_and_the_index_has_the_wheel() {
    for (name, _) in SIZES {
        let Some(world) = place::world() else { return };
        let mut world = stocked(world);
        use_directory(&mut world);
        let first = world.sync(&["--push"]);
        let wheel =
            Wheel::new(name, "1.0").padded(SIZES.into_iter().find(|one| one.0 == name).unwrap().1);
        let digest = wheel.build().sha256;
        let object =
            world.path("remote/v1/wheels").join(&digest[..2]).join(format!("{digest}.whl"));
        let mut bytes = fs::read(&object).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&object, bytes).unwrap();
        let files = first.evaluate(FILES);
        world.index.forget();
        another_machine(&mut world);
        let second = world.sync(&[]);
        assert_eq!(second.evaluate(FILES), files, "another tree");
        let told = second.ran.stderr.matches("warning:").count();
        assert_eq!(told, 1, "{}", second.ran);
        assert!(second.ran.stderr.contains(&digest), "{}", second.ran);
        assert!(!world.index.asked(&format!("/{name}-1.0-py3-none-any.whl")).is_empty(), "{name}");
    }
}

#[test]
fn without_a_list_wheels_are_found_by_their_digests() {
    let Some(world) = place::world() else { return };
    let mut world = stocked(world);
    use_directory(&mut world);
    world.sync(&["--push"]);
    fs::remove_dir_all(world.path("remote/v1/envs")).unwrap();
    let second = without_index(&mut world);
    assert_eq!(second.packages().len(), SIZES.len());
}
