//! `pyfast.toml`, or `[tool.pyfast]` of `pyproject.toml`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pyfast_installer::prefix::NativePackage;
use pyfast_root::is_name;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Error;

mod keys;
mod lists;
#[cfg(test)]
mod schema;
mod tables;
mod words;

pub(crate) use tables::PythonFrom;
pub(crate) use tables::{
    CheckConfig, IndexConfig, LinkConfig, NativeConfig, ProjectConfig, RemoteConfig,
};
pub use tables::{EnvConfig, Itself};
pub(crate) use words::ConfiguredRoot;

/// The file's name.
pub const FILE: &str = "pyfast.toml";

/// The configuration of a project.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[project]`.
    pub project: ProjectConfig,
    /// `[env.NAME]`, by name.
    pub env: BTreeMap<String, EnvConfig>,
    /// `[index]`.
    pub index: IndexConfig,
    /// `[link]`.
    pub link: LinkConfig,
    /// `[native]`.
    pub native: NativeConfig,
    /// `[remote]`.
    pub remote: RemoteConfig,
    /// `[check]`.
    pub check: CheckConfig,
    /// Where it was read.
    #[serde(skip)]
    pub file: PathBuf,
}

impl Config {
    /// How the file is called where it is told of.
    pub(crate) fn file_name(&self) -> String {
        self.file.file_name().map_or_else(|| FILE.to_owned(), |name| name.display().to_string())
    }

    /// The environment that is meant where none is named: the only one, else `default`.
    pub(crate) fn usual_env(&self) -> &str {
        let mut names = self.env.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => only,
            _ => "default",
        }
    }

    /// The nearest directory, from `start` upwards, that has a configuration.
    pub(crate) fn nearest(start: &Path) -> Option<PathBuf> {
        start.ancestors().find(|directory| directory.join(FILE).is_file()).map(Path::to_owned)
    }

    /// Reads the configuration of a project directory; without one, everything is default.
    pub(crate) fn read(directory: &Path) -> Result<Self, Error> {
        let own = directory.join(FILE);
        if let Some(text) = read_optional(&own)? {
            return Self::parse(&own, &text, &[]);
        }
        let shared = directory.join("pyproject.toml");
        match read_optional(&shared)? {
            Some(text) if text.contains("tool.pyfast") => {
                Self::parse(&shared, &text, &["tool", "pyfast"])
            }
            _ => Ok(Self::default()),
        }
    }

    fn parse(path: &Path, text: &str, below: &[&str]) -> Result<Self, Error> {
        Self::parsed(path, text, below).map_err(|wrong| {
            let before = wrong.span.map(|span| &text[..span.start.min(text.len())]);
            let line = before.map(|before| 1 + before.matches('\n').count());
            Error::Configuration { file: path.to_owned(), line, reason: wrong.reason }
        })
    }

    fn parsed(path: &Path, text: &str, below: &[&str]) -> Result<Self, Wrong> {
        let document = DeTable::parse(text)?;
        let mut table = document.get_ref();
        for key in below {
            table = match table.get(*key).map(Spanned::get_ref) {
                Some(DeValue::Table(inner)) => inner,
                _ => return Ok(Self::default()),
            };
        }
        keys::check("", table)?;
        let mut config: Self = if below.is_empty() {
            toml::from_str(text)?
        } else {
            toml::from_str::<Shared>(text)?.tool.pyfast
        };
        config.index.check().map_err(|(key, reason)| Wrong {
            span: key_span(table, &["index", "named", &key])
                .or_else(|| key_span(table, &["index", "packages", &key])),
            reason,
        })?;
        let project = config.project.name.iter().map(|name| (&["project", "name"][..], name));
        let mut names = config.env.keys().map(|name| (&["env"][..], name)).chain(project);
        if let Some((place, name)) = names.find(|(_, name)| !is_name(name)) {
            let reason = format!("`{name}` is not a name: use letters, digits, `.`, `_` and `-`");
            let own = key_span(table, &[place, &[name.as_str()]].concat());
            return Err(Wrong { span: own.or_else(|| key_span(table, place)), reason });
        }
        for (name, env) in &config.env {
            let unknown = env.supervised().iter().find(|one| !env.services.contains(*one));
            if let Some(service) = unknown {
                let span = key_span(table, &["env", name, "supervised"]);
                let reason = format!("`{service}` is none of the `services` of this environment");
                return Err(Wrong { span, reason });
            }
        }
        config.check_pythons(table)?;
        config.check_libraries(table)?;
        path.clone_into(&mut config.file);
        Ok(config)
    }
}

impl Config {
    /// Refuses managed Pythons that are none.
    fn check_pythons(&self, table: &DeTable<'_>) -> Result<(), Wrong> {
        for (name, env) in &self.env {
            let Some(python) = env.brought() else { continue };
            if !words::is_version_or_range(&python.version) {
                let span = key_span(table, &["env", name, "python"]);
                let reason = "a managed Python is a version, or a range of versions".to_owned();
                return Err(Wrong { span, reason });
            }
        }
        Ok(())
    }

    /// Refuses a Python among libraries: it would be there in the place of the one that is meant.
    fn check_libraries(&self, table: &DeTable<'_>) -> Result<(), Wrong> {
        let is_python =
            |one: &&String| NativePackage::name_in(one.trim_start()).eq_ignore_ascii_case("python");
        match self.native.packages.iter().find(is_python) {
            None => Ok(()),
            Some(package) => {
                let span = key_span(table, &["native", "packages"]);
                let reason = format!(
                    "`{package}` is no library: `python` of an environment says which Python it has"
                );
                Err(Wrong { span, reason })
            }
        }
    }
}

/// What of a configuration has no meaning.
struct Wrong {
    /// Where, in bytes of the text.
    span: Option<Range<usize>>,
    reason: String,
}

impl From<toml::de::Error> for Wrong {
    fn from(error: toml::de::Error) -> Self {
        Self { span: error.span(), reason: error.message().trim().to_owned() }
    }
}

/// `pyproject.toml`, as far as it is read here.
#[derive(Deserialize)]
struct Shared {
    tool: Tools,
}

#[derive(Deserialize)]
struct Tools {
    pyfast: Config,
}

/// The place of a key below others.
fn key_span(table: &DeTable<'_>, place: &[&str]) -> Option<Range<usize>> {
    let (first, rest) = place.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == first)?;
    match value.get_ref() {
        DeValue::Table(inner) if !rest.is_empty() => key_span(inner, rest),
        _ => rest.is_empty().then(|| key.span()),
    }
}

fn read_optional(path: &Path) -> Result<Option<String>, Error> {
    match pyfast_root::regular_file::read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::ReadConfiguration(error)),
    }
}

/// The most similar of the known words; empty where there is none.
pub(crate) fn nearest<'a>(key: &str, known: &[&'a str]) -> &'a str {
    let best = known.iter().min_by_key(|known| strsim::damerau_levenshtein(key, known));
    best.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_error(text: &str, expected: &str) {
        let error = Config::parse(Path::new("pyfast.toml"), text, &[]).expect_err("refused");
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn unknown_keys_name_the_nearest_known_one() {
        check_error(
            "[project]\nnmae = 'x'",
            "unknown key `nmae` in [project]; the nearest known key is `name`",
        );
        check_error("[indx]\n", "the nearest known key is `index`");
        check_error("[env.backend]\nrequirement = []", "`requirements`");
        check_error("[env.'../x']\n", "is not a name");
        check_error("[project]\nname = 7", "invalid type");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line) in [
            ("[project]\n\nnmae = 'x'", 3),
            ("[env.b]\nrequirements = 7", 2),
            ("[env.b]\nproject = 'yes'", 2),
            ("[env.b]\n\nsupervised = [7]", 3),
            ("[index.named]\na = 'http://h/'\n[index.packages]\nsix = 'b'", 4),
            ("[project]\nname = '..'", 2),
            ("[link\n", 1),
        ] {
            check_error(text, &format!("`pyfast.toml:{line}`"));
        }
        let shared = "[project]\nname = 'x'\n[tool.pyfast.env.a]\nrequirement = 'x'\n";
        let error = Config::parse(Path::new("pyproject.toml"), shared, &["tool", "pyfast"]);
        let error = error.expect_err("refused").to_string();
        assert!(error.contains("`pyproject.toml:4`: unknown key `requirement`"), "{error}");
    }

    #[test]
    fn one_text_is_a_list_of_one() {
        let text = "[env.b]\nrequirements = 'r.txt'\nservices = 'web'\nproject = true\n";
        let config = Config::parse(Path::new("pyfast.toml"), text, &[]).expect("read");
        assert_eq!(config.env["b"].requirements, [PathBuf::from("r.txt")]);
        assert_eq!(
            (&config.env["b"].services[0][..], config.env["b"].project),
            ("web", Itself::Built)
        );
        check_error("[env.b]\nrequirements = 7", "a text or a list of texts");
    }

    #[test]
    fn services_are_supervised_one_by_one_or_all() {
        let of = |written: &str| {
            let text = format!("[env.b]\nservices = ['web', 'beat']\nsupervised = {written}\n");
            let config = Config::parse(Path::new("pyfast.toml"), &text, &[]).expect("read");
            config.env["b"].supervised().join(" ")
        };
        assert_eq!((of("true"), of("false")), ("web beat".to_owned(), String::new()));
        assert_eq!((of("'web'"), of("['beat']")), ("web".to_owned(), "beat".to_owned()));
        let some = "[env.b]\nservices = ['web', 'beat']\nsupervised = 'web'\n";
        let config = Config::parse(Path::new("pyfast.toml"), some, &[]).expect("read");
        assert_eq!(config.env["b"].unsupervised(), ["beat"]);
        check_error("[env.b]\nsupervised = 7", "true, false, or a list of services");
        let unknown = "[env.b]\nservices = 'web'\nsupervised = 'beat'\n";
        check_error(unknown, "`pyfast.toml:3`: `beat` is none of the `services`");
    }

    #[test]
    fn every_table_refuses_what_it_does_not_read() {
        for (text, nearest) in [
            ("inde = 1", "index"),
            ("[project]\nrot = 'x'", "root"),
            ("[env.b]\nexclude-dependency = []", "exclude-dependencies"),
            ("[index]\nextras = []", "extra"),
            ("[link]\nreel = []", "real"),
        ] {
            check_error(text, &format!("the nearest known key is `{nearest}`"));
        }
        // Names of the user's own.
        let text =
            "[env.any]\n[index.named]\nany = 'http://h/simple'\n[index.packages]\nsix = 'any'";
        Config::parse(Path::new("pyfast.toml"), text, &[]).expect("read");
    }

    #[test]
    fn a_configuration_is_read() {
        let text = "[project]\nname='a'\nroot='volume:v'\n[env.b]\nrequirements=['r.txt']\nimage='i'\nservices=['s']";
        let config = Config::parse(Path::new("pyfast.toml"), text, &[]).expect("read");
        assert_eq!(config.project.root.as_deref(), Some("volume:v"));
        assert_eq!(config.env["b"].services, ["s"]);
    }
}
