//! Sources of this machine that are installed for an image: their files must not be needed there, and
//! machine code of this machine is none of the image's.

use crate::world::{SLIM, World, text};

/// A backend that needs nothing: it writes a wheel of one module with the given tag.
const BACKEND: &str = r#"
import base64, hashlib, os, zipfile
def build_wheel(directory, settings=None, metadata_directory=None):
    return write(directory, "local.py", "WORD = 'from a directory'\n")
def build_editable(directory, settings=None, metadata_directory=None):
    return write(directory, "local.pth", os.getcwd() + "\n")
def write(directory, module, content):
    name, info = "local-1.0-@TAG@.whl", "local-1.0.dist-info/"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: @TAG@\n"
    metadata = "Metadata-Version: 2.1\nName: local\nVersion: 1.0\n"
    record = ""
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, text in [(module, content), (info + "METADATA", metadata), (info + "WHEEL", wheel)]:
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record += "%s,sha256=%s,%d\n" % (path, digest.decode().rstrip("="), len(text))
        archive.writestr(info + "RECORD", record + info + "RECORD,,\n")
    return name
"#;

/// A directory of the project whose wheels have this tag, required by `line`.
fn require(world: &World, line: &str, tag: &str) {
    let folder = world.project().join("local");
    fs_err::create_dir_all(&folder).unwrap();
    let system = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n\
                  [project]\nname = 'local'\nversion = '1.0'\n";
    fs_err::write(folder.join("pyproject.toml"), system).unwrap();
    fs_err::write(folder.join("backend.py"), BACKEND.replace("@TAG@", tag)).unwrap();
    world.requirements(line);
}

fn sync(world: &World) -> std::process::Output {
    let root = world.project().with_file_name("root").display().to_string();
    world.pyfast(&[
        "sync",
        "--no-index",
        "--root",
        &root,
        "--image",
        SLIM,
        "-r",
        "requirements.txt",
    ])
}

#[test]
fn a_pure_directory_is_installed_for_an_image() {
    let Some(world) = World::new("direct-pure") else { return };
    require(&world, "./local\n", "py3-none-any");
    let output = sync(&world);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("local==1.0"), "{}", text(&output.stderr));
}

#[test]
fn machine_code_of_this_machine_is_not_installed_for_an_image() {
    let Some(world) = World::new("direct-code") else { return };
    require(&world, "./local\n", "cp311-cp311-linux_x86_64");
    let output = sync(&world);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("machine code"), "{}", text(&output.stderr));
}

#[test]
fn an_editable_for_an_image_is_refused_with_what_to_do() {
    let Some(world) = World::new("direct-editable") else { return };
    require(&world, "-e ./local\n", "py3-none-any");
    let output = sync(&world);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("does not have the files") && said.contains("without -e"), "{said}");
}
