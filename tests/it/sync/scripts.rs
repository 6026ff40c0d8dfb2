//! Entry points and the `.data` directory.

use std::path::Path;

use crate::place;
use crate::support::python::check as run;
use crate::support::stock::check;
use crate::support::synced::snapshot;
use crate::support::wheel::Wheel;
use crate::support::world::World;

const CLI: &str = "import sys\ndef main():\n    print('hello', *sys.argv[1:])\n    return 3\n\
                   class App:\n    @staticmethod\n    def start(): print('app')\n";

fn world() -> Option<World> {
    let world = place::world()?;
    let wheel = Wheel::new("tool", "1.0").file("tool/cli.py", CLI);
    let wheel = wheel.console("greet = tool.cli:main").console("app.start-2 = tool.cli:App.start");
    let wheel = wheel.gui("window = tool.cli:App.start");
    let wheel = wheel.data("scripts/old-style", "#!python\nimport tool\nprint(tool.__version__)\n");
    let wheel = wheel.data("scripts/shell", "#!/bin/sh\necho shell\n");
    let wheel = wheel.data("data/share/tool/data.txt", "data");
    let wheel = wheel.data("headers/tool.h", "#define TOOL\n");
    let wheel = wheel.data("purelib/tool_pure.py", "x = 'pure'\n");
    world.index.add(&wheel.data("platlib/tool_plat.py", "x = 'plat'\n"));
    Some(world)
}

#[test]
fn console_script_runs_and_passes_its_result_on() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    let output = synced.program("greet").args(["you", "-x"]).output().unwrap();
    assert_eq!(output.stdout, b"hello you -x\n");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn entry_point_may_be_an_attribute_of_a_class() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    assert_eq!(run(&mut synced.program("app.start-2")), "app\n");
}

#[test]
fn scripts_may_have_any_name_that_a_file_may_have() {
    let Some(world) = place::world() else { return };
    let wheel = Wheel::new("tool", "1.0")
        .file("tool/cli.py", CLI)
        .data("scripts/clang++", "#!/bin/sh\necho c\n");
    let wheel = wheel.console("cc++ = tool.cli:App.start").console("my tool = tool.cli:App.start");
    world.index.add(&wheel);
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    for (name, said) in [("clang++", "c\n"), ("cc++", "app\n"), ("my tool", "app\n")] {
        assert_eq!(run(&mut synced.program(name)), said, "{name}");
    }
}

#[test]
fn gui_script_runs() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    assert_eq!(run(&mut synced.program("window")), "app\n");
}

#[test]
fn script_of_the_data_directory_gets_the_environments_interpreter() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    assert_eq!(run(&mut synced.program("old-style")), "1.0\n");
    assert_eq!(run(&mut synced.program("shell")), "shell\n");
}

#[test]
fn data_headers_purelib_and_platlib_go_to_their_places() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    let environment = synced.environment();
    let data = fs_err::read_to_string(environment.join("share/tool/data.txt")).unwrap();
    assert_eq!(data, "data");
    let header = snapshot(&environment).into_keys().find(|path| {
        path.file_name().is_some_and(|name| name == "tool" || name == "tool.h")
            && path.starts_with(environment.join("include"))
    });
    assert!(header.is_some(), "tool.h is below include/");
    let script = "import tool_pure, tool_plat; print(tool_pure.x, tool_plat.x)";
    assert_eq!(synced.evaluate(script), "pure plat\n");
    let leftover = snapshot(&environment)
        .into_keys()
        .any(|path| path.extension().is_some_and(|extension| extension == "data"));
    assert!(!leftover, "no .data directory is left");
}

#[test]
fn script_names_the_generations_interpreter() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    let text = fs_err::read_to_string(synced.bin("greet")).unwrap();
    let head: String = text.lines().take(3).collect();
    // By the path that those see who run it.
    let environment = synced.json["environment"].as_str().unwrap();
    assert!(head.contains(&format!("{environment}/bin/python")), "{text}");
}

#[test]
fn python_is_there_under_its_three_names() {
    let Some(world) = world() else { return };
    let synced = check(&world, &["tool"], &["tool==1.0"]);
    let minor = synced.evaluate("import sys; print('%d.%d' % sys.version_info[:2])");
    for name in ["python", "python3", &format!("python{}", minor.trim())] {
        let mut python = synced.program(name);
        let prefix =
            run(python.args(["-c", "import os, sys; print(os.path.realpath(sys.prefix))"]));
        let prefix = world.place.here(Path::new(prefix.trim()));
        assert_eq!(prefix, fs_err::canonicalize(synced.environment()).unwrap(), "{name}");
    }
}
