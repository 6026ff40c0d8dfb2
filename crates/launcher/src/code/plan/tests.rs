//! The rules of what is due to a container for its code, each by name.

use super::*;
use crate::code::{Item, ItemKind};

fn file(content: u8) -> Item {
    let kind = ItemKind::File { sha256: [content; 32], executable: false };
    Item { source: "s".into(), kind, owner: None, mode: None, covers: false }
}

fn code(items: &[(&str, Item)]) -> Code {
    Code { items: items.iter().map(|(place, item)| ((*place).to_owned(), item.clone())).collect() }
}

/// A running container `web` whose image has one file, which changed; each test says what is different.
struct World {
    container: Container,
    held: Held,
    remover: bool,
    before: Vec<Code>,
    now: Code,
}

impl World {
    fn new() -> Self {
        let container = Container {
            name: "web".into(),
            status: Status::Running,
            started_at: "today".into(),
            ..Container::default()
        };
        let before = vec![code(&[("/app/a", file(1))])];
        let now = code(&[("/app/a", file(2))]);
        Self { container, held: Held::AsBuilt, remover: true, before, now }
    }

    fn put(mut self, code: &Code, since: &str) -> Self {
        self.held = Held::Put { code: code.digest(), since: since.into() };
        self
    }

    fn due(&self) -> Result<Due, Hindrance> {
        let built = code(&[("/app/a", file(1))]).digest();
        let Self { container, held, remover, before, now } = self;
        let holder = Holder { container, held, remover: *remover };
        due(&holder, &built, now, &|digest| {
            before.iter().find(|code| code.digest() == digest).cloned()
        })
    }

    #[track_caller]
    fn check_put(&self, put: &[&str], removed: &[&str]) {
        let Ok(Due::Put(changes)) = self.due() else { panic!("{:?}", self.due()) };
        assert_eq!(changes.put.iter().collect::<Vec<_>>(), put);
        assert_eq!(changes.remove.iter().collect::<Vec<_>>(), removed);
    }

    #[track_caller]
    fn check_hindered(&self, words: &str) {
        let why = self.due().unwrap_err().to_string();
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn what_differs_from_the_image_or_from_what_was_put_last_is_put() {
    World::new().check_put(&["/app/a"], &[]);
    let third = code(&[("/app/a", file(3)), ("/app/b", file(1))]);
    let mut world = World::new().put(&third, "yesterday");
    world.before.push(third);
    world.check_put(&["/app/a"], &["/app/b"]);
}

#[test]
fn nothing_is_due_to_what_has_it_and_was_started_since() {
    let mut world = World::new();
    world.now = world.before[0].clone();
    assert_eq!(world.due(), Ok(Due::Nothing));
    let now = World::new().now;
    assert_eq!(World::new().put(&now, "yesterday").due(), Ok(Due::Nothing));
    assert_eq!(World::new().put(&now, "today").due(), Ok(Due::Restart));
    let mut never = World::new().put(&now, "");
    never.container.started_at = String::new();
    assert_eq!(never.due(), Ok(Due::Nothing), "its first start is to come");
}

#[test]
fn what_is_not_known_is_not_put() {
    let mut world = World::new();
    world.held = Held::Unsettled;
    world.check_hindered("web has is not known");
    let mut forgotten = World::new();
    forgotten.before.clear();
    forgotten.check_hindered("web has is not known");
}

#[test]
fn files_are_removed_where_something_can_remove_them() {
    let gone = || World { now: Code::default(), ..World::new() };
    gone().check_put(&[], &["/app/a"]);
    let none = World { remover: false, ..gone() };
    none.check_hindered("nothing can remove files in web");
    let mut stopped = gone();
    stopped.container.status = Status::Exited;
    stopped.check_hindered("nothing can remove files in web");
    let mut many = gone();
    let names: Vec<String> = (0..=REMOVED_AT_ONCE).map(|n| format!("/app/{n}")).collect();
    let items: Vec<_> = names.iter().map(|name| (name.as_str(), file(1))).collect();
    many.before = vec![code(&items)];
    let mut many = many.put(&code(&items), "yesterday");
    many.now = Code::default();
    many.check_hindered("nothing can remove files in web");
}

#[test]
fn what_would_show_or_is_mounted_is_not_removed() {
    let mut mounted = World { now: Code::default(), ..World::new() };
    mounted.container.mounts = vec!["/app/a/b".into()];
    mounted.check_hindered("something is mounted");
    let covering = code(&[("/app/a", Item { covers: true, ..file(1) })]);
    let mut covered = World { now: Code::default(), ..World::new() }.put(&covering, "yesterday");
    covered.before.push(covering);
    covered.check_hindered("/app/a may have lain over");
}

#[test]
fn what_a_mount_hides_needs_a_restart_alone() {
    let mut world = World::new();
    world.container.mounts = vec!["/app".into()];
    world.check_put(&[], &[]);
    let covering = code(&[("/app/a", Item { covers: true, ..file(1) })]);
    let mut gone = World { now: Code::default(), ..World::new() }.put(&covering, "yesterday");
    gone.before.push(covering);
    gone.container.mounts = vec!["/app".into()];
    gone.check_put(&[], &[]);
}
