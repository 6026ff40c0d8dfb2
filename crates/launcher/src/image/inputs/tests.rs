//! What counts as a change of an image's inputs.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;

struct World {
    dir: tempfile::TempDir,
    build: Build,
    environment: BTreeMap<String, String>,
    settings: InputSettings,
    digests: FileDigests,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let context = dir.path().to_string_lossy().into_owned();
        let settings = InputSettings {
            left_out: vec![dir.path().join("requirements.txt")],
            bases: BTreeMap::from([("slim".into(), BaseImage::default())]),
            now: SystemTime::now() + Duration::from_mins(1),
        };
        let build = Build { context, ..Build::default() };
        let environment = BTreeMap::from([("TOKEN".into(), "1".into())]);
        let digests = FileDigests::default();
        let world = Self { dir, build, environment, settings, digests };
        world.write("Dockerfile", "FROM scratch AS dev\nCOPY . /\n");
        world.write("app/main.py", "print(1)\n");
        world.write("requirements.txt", "a==1\n");
        world.write(".dockerignore", "*.log\n.git\n");
        world
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn inputs(&mut self) -> Inputs {
        let source = BuildSource::open(&self.build, &self.environment).unwrap();
        source.inputs(None, &self.settings, &mut self.digests).unwrap().0
    }

    /// What changes when `act` is done.
    fn check(act: impl FnOnce(&mut Self), expected: &[InputPart]) {
        let mut world = Self::new();
        let before = world.inputs();
        act(&mut world);
        assert_eq!(before.changed(&world.inputs()), expected);
    }
}

#[test]
fn each_part_is_told_apart() {
    World::check(
        |world| world.write("Dockerfile", "FROM scratch AS dev\nCOPY . /\nCMD x\n"),
        &[InputPart::Dockerfile],
    );
    World::check(|world| world.write("app/main.py", "print(2)\n"), &[InputPart::Code]);
    World::check(|world| world.write("app/new.py", ""), &[InputPart::Code]);
    World::check(|world| world.build.target = Some("dev".into()), &[InputPart::Target]);
    World::check(
        |world| drop(world.build.args.insert("A".into(), Some("1".into()))),
        &[InputPart::Arguments],
    );
}

#[test]
fn an_argument_without_value_has_that_of_the_environment() {
    World::check(
        |world| drop(world.build.args.insert("TOKEN".into(), None)),
        &[InputPart::Arguments],
    );
    World::check(|world| drop(world.build.args.insert("NOT_SET".into(), None)), &[]);
}

#[test]
fn modes_and_links_count_and_times_do_not() {
    World::check(
        |world| {
            let path = world.dir.path().join("app/main.py");
            fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        },
        &[InputPart::Code],
    );
    World::check(
        |world| {
            std::os::unix::fs::symlink("main.py", world.dir.path().join("app/link")).unwrap();
        },
        &[InputPart::Code],
    );
    World::check(|world| world.write("app/main.py", "print(1)\n"), &[]);
}

#[test]
fn ignored_and_dependency_files_do_not_count() {
    World::check(|world| world.write("x.log", "1"), &[]);
    World::check(|world| world.write(".git/index", "1"), &[]);
    World::check(|world| world.write("requirements.txt", "a==2\n"), &[]);
}

#[test]
fn a_dockerfiles_own_rules_go_before_the_contexts() {
    World::check(
        |world| {
            world.write("Dockerfile.dockerignore", "app\nDockerfile.dockerignore\n");
            world.write("app/main.py", "print(1)\n");
        },
        &[InputPart::Code],
    );
}

/// A Dockerfile that copies a directory before something runs and another one after that.
const TWO_COPIES: &str = "FROM slim\nCOPY lib /lib\nRUN make\nCOPY app /app\n";

#[test]
fn what_the_dockerfile_does_not_copy_does_not_count() {
    let mut world = World::new();
    world.write("Dockerfile", TWO_COPIES);
    world.write("lib/a.c", "1");
    let before = world.inputs();
    world.write("other/readme", "2");
    assert_eq!(before.changed(&world.inputs()), []);
    world.write("app/main.py", "print(2)\n");
    assert_eq!(before.changed(&world.inputs()), [InputPart::Code]);
    world.write("lib/a.c", "2");
    assert_eq!(before.changed(&world.inputs()), [InputPart::Context, InputPart::Code]);
}

#[test]
fn without_the_image_it_starts_from_all_of_the_context_counts() {
    let mut world = World::new();
    world.settings.bases.clear();
    world.write("Dockerfile", TWO_COPIES);
    let before = world.inputs();
    world.write("other/readme", "2");
    assert_eq!(before.changed(&world.inputs()), [InputPart::Context]);
}

#[test]
fn an_unchanged_context_is_not_read_again() {
    let mut world = World::new();
    let first = world.inputs();
    let read = world.digests.read();
    assert!(read > 0);
    assert_eq!(world.inputs(), first);
    assert_eq!(world.digests.read(), read);
    let kept = serde_json::to_string(&world.digests).unwrap();
    world.digests = serde_json::from_str(&kept).unwrap();
    world.write("app/main.py", "print(3)\n");
    assert_ne!(world.inputs(), first);
    assert_eq!(world.digests.read(), 1, "only the file that changed");
}

#[test]
fn a_file_that_has_just_changed_is_read_again() {
    let mut world = World::new();
    world.settings.now = SystemTime::now();
    world.inputs();
    let read = world.digests.read();
    world.inputs();
    assert_eq!(world.digests.read(), 2 * read);
}

#[test]
fn of_ten_thousand_unchanged_files_none_is_read_again() {
    let mut world = World::new();
    for directory in 0..100 {
        fs_err::create_dir(world.dir.path().join(format!("d{directory}"))).unwrap();
        for file in 0..100 {
            fs_err::write(world.dir.path().join(format!("d{directory}/f{file}")), "x").unwrap();
        }
    }
    let first = world.inputs();
    let read = world.digests.read();
    assert_eq!(world.inputs(), first);
    assert_eq!(world.digests.read(), read);
}

#[test]
fn what_is_missing_is_named() {
    let mut world = World::new();
    world.build.dockerfile = Some("docker/Dockerfile.app".into());
    let error = BuildSource::open(&world.build, &world.environment).err().unwrap();
    assert!(
        matches!(&error, Error::DockerfileMissing { path } if path.ends_with("docker/Dockerfile.app")),
        "{error}"
    );
    world.build.context = "/no/such/place".into();
    let error = BuildSource::open(&world.build, &world.environment).err().unwrap();
    assert!(matches!(error, Error::ContextMissing { .. }), "{error}");
}

#[test]
fn a_remote_context_counts_by_its_address() {
    let mut world = World::new();
    world.build.context = "https://host.test/repo.git#main".into();
    let first = world.inputs();
    world.build.context = "https://host.test/repo.git#other".into();
    assert_eq!(first.changed(&world.inputs()), [InputPart::Context]);
}

#[test]
fn a_label_is_read_as_it_was_written() {
    let inputs = World::new().inputs();
    assert_eq!(Inputs::parse(&inputs.to_string()), Some(inputs));
    for foreign in ["", "2:a:b:c:d:e", "4:a:b:c:d:e", "3:a:b:c:d", "3:a:b:c:d:e:f", "3:a::c:d:e"] {
        assert_eq!(Inputs::parse(foreign), None, "{foreign}");
    }
}

#[test]
fn what_a_change_shows_in_has_the_directories_of_files_that_patterns_take() {
    let world = World::new();
    world.write("docker/Dockerfile", "FROM scratch\nCOPY app/*.py /app/\n");
    let build = Build { dockerfile: Some("docker/Dockerfile".into()), ..world.build.clone() };
    let files = BuildSource::open(&build, &BTreeMap::new()).unwrap().files().unwrap();
    for expected in ["app", "app/main.py", "docker/Dockerfile.dockerignore", ".dockerignore", ""] {
        let path = world.dir.path().join(expected);
        assert!(files.contains(&path), "{expected}: {files:?}");
    }
    assert!(!files.contains(&world.dir.path().join("requirements.txt")));
}

#[test]
fn a_picture_has_what_a_dockerfile_copies_where_it_copies_it() {
    let context = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = context.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    };
    let dockerfile = "FROM python:3.12 AS base\nWORKDIR /app\nENV A=1 B=$C\nFROM base\n\
                      COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY src ./src\n\
                      COPY --from=node /out /app/src/static\nENTRYPOINT [\"tini\", \"--\"]\n\
                      CMD uvicorn main:app\n";
    write("Dockerfile", dockerfile);
    write(".dockerignore", "**/*.local.py\n");
    for name in ["requirements.txt", "src/main.py", "src/a.local.py", "src/static/x", "other.py"] {
        write(name, "");
    }
    let build = Build { context: context.path().display().to_string(), ..Build::default() };
    let picture = BuildSource::open(&build, &BTreeMap::new()).unwrap().picture().unwrap();
    let places: Vec<&str> = picture.files.keys().map(String::as_str).collect();
    assert_eq!(places, ["/app/requirements.txt", "/app/src/main.py"]);
    assert_eq!(picture.files["/app/src/main.py"], context.path().join("src/main.py"));
    assert_eq!(picture.foreign, ["/app/src/static"]);
    assert_eq!(picture.working_dir.as_deref(), Some("/app"));
    assert_eq!(picture.entrypoint, Some(vec!["tini".to_owned(), "--".to_owned()]));
    assert_eq!(picture.command.unwrap()[2], "uvicorn main:app");
    assert_eq!(picture.environment["A"].as_deref(), Some("1"));
    assert_eq!(picture.environment["B"], None, "the image below may set it");
    assert!(!picture.makes_files);
    for (run, makes) in [
        ("RUN --mount=type=cache,target=/c pip install . && chown -R app /app", false),
        ("RUN [\"python\", \"-m\", \"compileall\", \".\"]", false),
        ("RUN python generate.py", true),
        ("RUN sh generate.sh", true),
        ("RUN if true; then python generate.py; fi", true),
        ("RUN uv run generate.py", true),
        ("RUN uv sync --frozen && python3.12 -m pip install x", false),
        ("RUN echo 'x = 1' > made.py", true),
        ("RUN pip install x && protoc --python_out=. a.proto", true),
        ("RUN <<EOF\npip install x\nEOF", true),
    ] {
        write("Dockerfile", &format!("{dockerfile}{run}\n"));
        let picture = BuildSource::open(&build, &BTreeMap::new()).unwrap().picture();
        assert_eq!(picture.is_none_or(|picture| picture.makes_files), makes, "{run}");
    }
    for (run, fetched) in [
        ("RUN apt-get update && git clone --depth 1 https://git.test/x /opt/x", vec!["/opt/x"]),
        ("RUN git clone https://git.test/x", vec![""]),
        ("RUN pip install x", vec![]),
    ] {
        write("Dockerfile", &format!("FROM python:3.12\n{run}\nCOPY . /app\n"));
        let picture = BuildSource::open(&build, &BTreeMap::new()).unwrap().picture().unwrap();
        assert_eq!(picture.fetched, fetched, "{run}");
    }
}
