//! The web shop of the page: its files, its indexes, and shells in which its developer works. Owns what stands on the
//! page for the paths, ports, times and names that differ from run to run.

use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;

use crate::support::environment;
use crate::support::index::Index;
use crate::support::python::check;
use crate::support::ran::Ran;
use crate::support::tls::Authority;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Ends the output of a command; its exit status follows.
const END: char = '\u{1}';

const TEST: &str = "import unittest\n\nimport flask\n\n\nclass Shop(unittest.TestCase):\n    def test_flask(self):\n        \
                    self.assertEqual(flask.__version__, \"3.1.0\")\n";
const CONFIG: &str = "[index.named]\ncompany = \"https://packages.company.example/simple/\"\n\n\
                      [index.packages]\nshop-models = \"company\"\n";

pub(super) struct Shop {
    world: World,
    /// The company's own index; serves for as long as it lives.
    _company: Index,
    /// What the page says for what there is.
    stand_ins: Vec<(&'static str, String)>,
    varying: Vec<(Regex, &'static str)>,
}

impl Shop {
    pub(super) fn open() -> Self {
        let mut world = World::new();
        let home = world.path("home");
        world.project = home.join("shop");
        publish(&world.index);
        let (company, authority) = (Index::start(), Authority::new());
        company.add(&Wheel::new("shop-models", "2.0").requires("urllib3"));
        company.set(|options| options.credentials = Some(("me".into(), "secret".into())));
        let port = authority.serve("127.0.0.1", company.port(), None);
        authority.write(&home.join("company.pem"));
        let program = Path::new(env!("CARGO_BIN_EXE_pyfast")).parent().expect("it is a file");
        for (key, value) in [
            ("PATH", format!("{}:/usr/bin:/bin", program.display())),
            ("PYFAST_INDEX_URL", world.index.url()),
            ("PYFAST_PYTHON", world.python.clone()),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("GIT_AUTHOR_NAME", "Me".to_owned()),
            ("GIT_AUTHOR_EMAIL", "me@company.example".to_owned()),
            ("GIT_COMMITTER_NAME", "Me".to_owned()),
            ("GIT_COMMITTER_EMAIL", "me@company.example".to_owned()),
        ] {
            world.env.insert(key.to_owned(), value);
        }
        let stand_ins = vec![
            ("https://index.example", format!("http://127.0.0.1:{}", world.index.port())),
            ("https://packages.company.example", format!("https://127.0.0.1:{port}")),
            ("packages.company.example", "127.0.0.1".to_owned()),
            ("/usr/bin/python3", world.python.clone()),
            ("/home/me", home.display().to_string()),
        ];
        let varying = [
            (r"\b\d+(\.\d+)? ms\b", "5 ms"),
            (r"\b\d+\.\d+ ?s\b", "5 ms"),
            (r"CPython 3\.\d+\.\d+", "CPython 3.11.2"),
            (r"\b[0-9a-f]{20}\b", "41373be32a9a5a0a2fdf"),
        ];
        let varying = varying.map(|(pattern, shown)| (Regex::new(pattern).unwrap(), shown));
        let shop = Self { world, _company: company, stand_ins, varying: varying.to_vec() };
        shop.stock();
        shop
    }

    /// Puts the project's files in their places, and under git.
    fn stock(&self) {
        let world = &self.world;
        world.require(&["flask<3.1", "requests"]);
        world.write("tests/test_shop.py", TEST);
        world.write("pyfast.toml", &self.real(CONFIG));
        for args in [&["init", "-q", "-b", "main"][..], &["add", "-A"], &["commit", "-qm", "Begin"]]
        {
            let mut git = Command::new("git");
            git.args(args).current_dir(&world.project).env_clear().envs(&world.env);
            check(&mut git);
        }
    }

    /// Runs commands in one shell, and gives the lines of each. `None` where the shell is not there, and nobody requires
    /// it.
    pub(super) fn run(&self, shell: &str, commands: &[&str]) -> Option<Vec<Vec<String>>> {
        let program = Path::new("/usr/bin").join(shell);
        if !program.exists() && environment("PYFAST_REQUIRE_SHELLS").is_none() {
            return None;
        }
        let (settings, status) = match shell {
            "bash" => ("--norc", "$?"),
            "zsh" => ("-f", "$?"),
            "fish" => ("--no-config", "$status"),
            other => panic!("no block is for `{other}`"),
        };
        let end =
            |command: &&str| format!("{}\nprintf '\\001%s\\n' {status}\n", self.real(command));
        let script: String = commands.iter().map(end).collect();
        // Both streams as a terminal shows them, in one.
        let mut run = Command::new("/bin/sh");
        run.args(["-c", "exec \"$@\" 2>&1", "sh"]).arg(program).args([settings, "-c", &script]);
        run.current_dir(&self.world.project).env_clear().envs(&self.world.env).stdin(Stdio::null());
        let ran = Ran::of(run);
        let mut outputs: Vec<Vec<String>> = Vec::new();
        let mut lines = Vec::new();
        for line in ran.stdout.lines() {
            let Some((last, status)) = line.split_once(END) else {
                lines.push(self.stated(line));
                continue;
            };
            lines.extend((!last.is_empty()).then(|| self.stated(last)));
            lines.extend((status != "0").then(|| format!("(exit code {status})")));
            outputs.push(std::mem::take(&mut lines));
        }
        assert_eq!(outputs.len(), commands.len(), "{ran}");
        Some(outputs)
    }

    /// What the page says, for this run.
    fn real(&self, text: &str) -> String {
        let replace = |text: String, (stated, real): &(&str, String)| text.replace(stated, real);
        self.stand_ins.iter().fold(text.to_owned(), replace)
    }

    /// What this run says, for the page.
    fn stated(&self, line: &str) -> String {
        let replace = |text: String, (stated, real): &(&str, String)| text.replace(real, stated);
        let line = self.stand_ins.iter().fold(line.to_owned(), replace);
        let vary = |text: String, (pattern, shown): &(Regex, &str)| {
            pattern.replace_all(&text, *shown).into_owned()
        };
        self.varying.iter().fold(line, vary).trim_end().to_owned()
    }
}

fn publish(index: &Index) {
    for wheel in [
        Wheel::new("flask", "3.0.3").requires("werkzeug>=3"),
        Wheel::new("flask", "3.1.0").requires("werkzeug>=3.1"),
        Wheel::new("werkzeug", "3.1.3"),
        Wheel::new("requests", "2.32.3").requires("urllib3>=2"),
        Wheel::new("urllib3", "1.26.20"),
        Wheel::new("urllib3", "2.3.0"),
        Wheel::new("rich", "13.9.4").requires("pygments"),
        Wheel::new("pygments", "2.19.1"),
        Wheel::new("old-client", "1.4").requires("urllib3<2"),
    ] {
        index.add(&wheel);
    }
}
