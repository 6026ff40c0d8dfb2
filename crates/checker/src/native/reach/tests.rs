//! What is certainly loaded, and what is not.

use super::*;

/// Modules of packages that stand in each test's directory: `_c` is an extension wherever it is.
const PACKAGES: [(&str, &str); 13] = [
    ("plain/__init__.py", "from plain import _c\n"),
    ("plain/_c.cpython-312-x86_64-linux-gnu.so", ""),
    ("deep/__init__.py", "import os\nfrom .inner import thing\n"),
    ("deep/inner.py", "import deep._c\nthing = 1\n"),
    ("deep/_c.abi3.so", ""),
    ("lenient/__init__.py", "try:\n    from . import _c\nexcept ImportError:\n    _c = None\n"),
    ("lenient/_c.so", ""),
    (
        "strict/__init__.py",
        "try:\n    from . import _c\nexcept ImportError as error:\n    raise ImportError('no') from error\n",
    ),
    ("strict/_c.so", ""),
    ("lazy/__init__.py", "def __getattr__(name):\n    from . import _c\n    return _c\n"),
    ("lazy/_c.so", ""),
    (
        "cv2/__init__.py",
        "def bootstrap():\n    import importlib\n    importlib.import_module('cv2')\nbootstrap()\n",
    ),
    ("cv2/cv2.abi3.so", ""),
];

fn place(files: &[(&str, &str)]) -> tempfile::TempDir {
    let room = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = room.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    room
}

fn service(room: &Path, target: EntryTarget) -> Service {
    let python = PythonVersion { major: 3, minor: 12 };
    let entry = |directory: &str, whose| SearchEntry { directory: room.join(directory), whose };
    Service {
        python,
        entries: vec![crate::Entry { target, said: String::new(), is_first: false }],
        search_path: vec![entry("own", Whose::Project), entry("site", Whose::Packages)],
        standard_library: crate::standard_library(python),
        environment: None,
        empty: BTreeSet::new(),
        wheels: crate::Wheels::default(),
        is_open: false,
    }
}

#[test]
fn a_library_that_is_opened_by_its_name_is_told_where_nothing_goes_on_without_it() {
    let opened_by = |main: &str| -> Vec<(String, usize)> {
        let room = place(&[("own/main.py", main), ("site/other.py", "CDLL('libother.so.1')\n")]);
        let target = EntryTarget::Import { module: "main".to_owned(), object: None };
        let (files, service) = (ReadFiles::default(), service(room.path(), target));
        let opened = opened(&service, &Library::new(&Disk, &files)).into_iter();
        opened.map(|one| (one.library, one.place.line)).collect()
    };
    for (main, line) in [
        ("import ctypes\nlib = ctypes.CDLL('libx.so.1')\n", 2),
        ("from ctypes import CDLL\nimport other\nCDLL('libx.so.1', mode=2)\n", 3),
        ("from ctypes import cdll\nx = cdll.LoadLibrary('libx.so.1')\n", 2),
    ] {
        assert_eq!(opened_by(main), [("libx.so.1".to_owned(), line)], "{main}");
    }
    for main in [
        "import ctypes\ntry:\n    ctypes.CDLL('libx.so.1')\nexcept OSError:\n    pass\n",
        "import ctypes\ndef load():\n    ctypes.CDLL('libx.so.1')\n",
        "import ctypes, os\nif os.environ.get('X'):\n    ctypes.CDLL('libx.so.1')\n",
        "import ctypes\nctypes.CDLL('/opt/libx.so.1')\nctypes.CDLL('x.dll')\nctypes.CDLL(None)\n",
        "import other\nother.CDLL('libx.so.1')\n",
        "class CDLL: ...\nCDLL('libx.so.1')\n",
        "from other import CDLL\nCDLL('libx.so.1')\n",
        "try:\n    from ctypes import CDLL\nexcept ImportError:\n    CDLL = print\nCDLL('libx.so.1')\n",
    ] {
        assert_eq!(opened_by(main), [], "{main}");
    }
}

fn loaded(main: &str) -> Vec<(String, usize, String)> {
    let packages = PACKAGES.map(|(name, text)| (format!("site/{name}"), text));
    let mut files: Vec<(&str, &str)> =
        packages.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    files.extend([("own/main.py", main), ("own/other.py", "import plain\n")]);
    let room = place(&files);
    let target = EntryTarget::Import { module: "main".to_owned(), object: None };
    let reach = reach(&service(room.path(), target), &Library::new(&Disk, &ReadFiles::default()));
    assert_eq!(reach.beyond, [], "everything can be read");
    let one = |loaded: Loaded| {
        let object = loaded.object.strip_prefix(room.path().join("site")).unwrap().to_owned();
        let object = object.parent().unwrap().to_string_lossy().into_owned();
        (object, loaded.place.unwrap().line, loaded.chain.join(" "))
    };
    reach.loaded.into_iter().map(one).collect()
}

#[test]
fn what_every_start_imports_is_loaded() {
    let check = |main: &str, expected: &[(&str, usize, &str)]| {
        let expected: Vec<(String, usize, String)> = expected
            .iter()
            .map(|(object, line, chain)| ((*object).to_owned(), *line, (*chain).to_owned()))
            .collect();
        assert_eq!(loaded(main), expected, "{main}");
    };
    check("import plain", &[("plain", 1, "plain plain._c")]);
    check("import plain\nimport plain\nfrom plain import _c", &[("plain", 1, "plain plain._c")]);
    check("import os\n\nimport deep.inner", &[("deep", 3, "deep deep.inner deep._c")]);
    check("import strict", &[("strict", 1, "strict strict._c")]);
    // The import of the project's own is what counts, wherever it stands.
    check("\nimport other", &[("plain", 1, "plain plain._c")]);
    check("from lenient import _c", &[]);
    check("import lenient._c", &[("lenient", 1, "lenient._c")]);
    check("class A:\n    import plain", &[("plain", 2, "plain plain._c")]);
    check("if True:\n    import plain", &[("plain", 2, "plain plain._c")]);
    check("import cv2", &[("cv2", 1, "cv2 cv2.cv2")]);
    check("__import__('plain')", &[("plain", 1, "plain plain._c")]);
}

#[test]
fn what_is_not_certain_is_not_said() {
    for main in [
        "import lenient",
        "import lazy",
        "from lazy import _c",
        "try:\n    import plain\nexcept ImportError:\n    plain = None",
        "try:\n    import plain\nexcept Exception:\n    import json as plain",
        "try:\n    import plain\nexcept ImportError:\n    try:\n        import json\n    except ImportError:\n        raise",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import plain",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import plain",
        "import os\nif os.environ.get('X'):\n    import plain",
        "import os\nif os.environ.get('X'):\n    raise SystemExit\nimport plain",
        "import sys\nif len(sys.argv) > 1:\n    sys.exit()\nimport plain",
        "raise SystemExit\nimport plain",
        "def late():\n    import plain",
        "if __name__ == '__main__':\n    import plain",
        "import sys\nsys.modules['plain'] = sys\nimport plain",
        "import sys\nsys.path.insert(0, '/stubs')\nimport plain",
        "import pymysql\npymysql.install_as_MySQLdb()\nimport plain",
        "for _ in ():\n    import plain",
        "import gone\nimport plain.gone",
        "x = (\nimport plain",
    ] {
        let found = loaded(main);
        // `import plain.gone` loads `plain` first.
        let expected = usize::from(main.contains("plain.gone"));
        assert_eq!(found.len(), expected, "{main}: {found:?}");
    }
}

#[test]
fn a_script_is_main_and_a_package_that_is_run_too() {
    let check = |target: EntryTarget| {
        let main = "if __name__ == '__main__':\n    import plain\n";
        let room = place(&[
            ("own/run.py", main),
            ("own/pkg/__init__.py", ""),
            ("own/pkg/__main__.py", main),
            ("site/plain/__init__.py", "import plain._c\n"),
            ("site/plain/_c.so", ""),
        ]);
        let target = match target {
            EntryTarget::Script(path) => EntryTarget::Script(room.path().join(path)),
            other => other,
        };
        let reach =
            reach(&service(room.path(), target), &Library::new(&Disk, &ReadFiles::default()));
        assert_eq!(reach.loaded.len(), 1, "{reach:?}");
    };
    check(EntryTarget::Script("own/run.py".into()));
    check(EntryTarget::Run("pkg".to_owned()));
    check(EntryTarget::Run("pkg.__main__".to_owned()));
    let gone = EntryTarget::Import { module: "gone".to_owned(), object: None };
    check(EntryTarget::Any(vec![gone, EntryTarget::Run("run".to_owned())]));
}

/// Files of which some are known by their names alone.
struct Sealed(PathBuf);

impl crate::Files for Sealed {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        if path.starts_with(&self.0) {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        Disk.read(path)
    }

    fn origin(&self, _path: &Path) -> Option<PathBuf> {
        None
    }

    fn list(&self, directory: &Path) -> Vec<crate::Listed> {
        Disk.list(directory)
    }
}

#[test]
fn what_cannot_be_read_here_is_asked_where_it_is() {
    let packages = PACKAGES.map(|(name, text)| (format!("site/{name}"), text));
    let mut files: Vec<(&str, &str)> =
        packages.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    files.push(("own/main.py", "import json\nfrom deep.inner import thing\nfrom plain import x\n"));
    let room = place(&files);
    let sealed = Sealed(room.path().join("site"));
    let target = EntryTarget::Import { module: "main".to_owned(), object: None };
    let service = service(room.path(), target);
    let reach = reach(&service, &Library::new(&sealed, &ReadFiles::default()));
    let lines: Vec<(&str, usize)> = reach
        .beyond
        .iter()
        .map(|(module, place)| (module.as_str(), place.as_ref().unwrap().line))
        .collect();
    assert_eq!(
        (lines.as_slice(), reach.loaded.len()),
        ([("deep.inner", 2), ("plain", 3)].as_slice(), 0)
    );
    let modules: Vec<String> = reach.beyond.into_iter().map(|(module, _)| module).collect();
    let loaded = reach_in(&sealed.0, service.python, &modules);
    let chains: Vec<String> = loaded.iter().map(|one| one.chain.join(" ")).collect();
    assert_eq!(chains, ["deep deep.inner deep._c", "plain plain._c"]);
}
