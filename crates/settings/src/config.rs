//! `pyfast.toml`, or `[tool.pyfast]` of `pyproject.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pyfast_packaging::requirements_txt::PinnedIndex;
use pyfast_packaging::safe_url::shown;
use pyfast_packaging::{MarkerTree, PackageName};
use pyfast_root::{Fingerprint, is_name};
use serde::Deserialize;
use toml::{Table, Value};

use crate::error::Error;

mod keys;
mod words;

pub(crate) use words::ConfiguredRoot;

/// Raised where a fingerprint gets another meaning.
const VERSION: u32 = 1;

/// The file's name.
pub const FILE: &str = "pyfast.toml";

/// The configuration of a project.
#[derive(Debug, Clone, Default, Deserialize)]
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
    /// Where it was read.
    #[serde(skip)]
    pub file: PathBuf,
}

/// `[project]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectConfig {
    /// The name below the root.
    pub name: Option<String>,
    /// `volume:NAME`, or a directory below the project; see [`Config::root`].
    pub root: Option<String>,
}

/// `[env.NAME]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct EnvConfig {
    /// Requirements files.
    pub requirements: Vec<PathBuf>,
    /// Constraints files.
    pub constraints: Vec<PathBuf>,
    /// Packages that are left out, whoever asks for them.
    pub exclude_dependencies: Vec<String>,
    /// Optional dependencies of the project files among the requirements.
    pub extras: Vec<String>,
    /// Dependency groups, `[FILE:]GROUP`.
    pub groups: Vec<String>,
    /// The image whose interpreter it is for.
    pub image: Option<String>,
    /// See [`Config::python`].
    pub python: Option<String>,
    /// The targets that the lock is for, each `PLATFORM` or `PLATFORM X.Y`; empty: the interpreter alone.
    pub targets: Vec<String>,
    /// Whether the lock is for all platforms.
    pub universal: bool,
    /// Services of the compose files that start in it.
    pub services: Vec<String>,
}

impl EnvConfig {
    /// Whether a lock for this one answers the other too, if their interpreters are of one kind.
    pub fn asks_for_the_same_as(&self, other: &Self) -> bool {
        // Taken apart by name: a new key has to be decided on here.
        let Self {
            requirements,
            constraints,
            exclude_dependencies,
            extras,
            groups,
            targets,
            universal,
            image: _,
            python: _,
            services: _,
        } = self;
        *requirements == other.requirements
            && *constraints == other.constraints
            && *exclude_dependencies == other.exclude_dependencies
            && (extras, groups) == (&other.extras, &other.groups)
            && (targets, universal) == (&other.targets, &other.universal)
    }

    /// Everything that it says of what is in the environment, and for which interpreter.
    pub fn fingerprint(&self) -> String {
        let Self {
            requirements,
            constraints,
            exclude_dependencies,
            extras,
            groups,
            image,
            python,
            targets,
            universal,
            services: _,
        } = self;
        Fingerprint::new("environment", VERSION)
            .fields("requirements", requirements.iter().map(|file| file.display()))
            .fields("constraints", constraints.iter().map(|file| file.display()))
            .fields("exclude-dependencies", exclude_dependencies)
            .fields("extras", extras)
            .fields("groups", groups)
            .fields("image", image)
            .fields("python", python)
            .fields("targets", targets)
            .field("universal", universal)
            .finish()
    }

    /// Whether it is for the same interpreter, as far as the configuration says.
    pub fn is_for_the_same_as(&self, other: &Self) -> bool {
        (&self.image, &self.python) == (&other.image, &other.python)
    }
}

/// `[index]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexConfig {
    /// The index.
    pub url: Option<String>,
    /// Further indexes, searched before it.
    pub extra: Vec<String>,
    /// How several indexes are searched.
    pub strategy: Option<String>,
    /// URLs of indexes that are searched for what is pinned to them only.
    pub named: BTreeMap<String, String>,
    /// Packages that are looked for in one index alone, with its name.
    pub packages: BTreeMap<PackageName, String>,
}

impl IndexConfig {
    /// The packages that are looked for in one index alone, with its URL but without its secrets.
    pub fn pins(&self) -> impl Iterator<Item = (PackageName, Vec<PinnedIndex>)> {
        let url = |name: &String| self.named.get(name).map(|url| shown(url)).unwrap_or_default();
        self.packages.iter().map(move |(package, name)| {
            let pin = PinnedIndex { name: name.clone(), url: url(name), marker: MarkerTree::TRUE };
            (package.clone(), vec![pin])
        })
    }

    /// Refuses what nothing can be made of.
    fn check(&self) -> Result<(), String> {
        if let Some(name) = self.named.keys().find(|name| !is_name(name)) {
            return Err(format!(
                "`{name}` is not a name of an index: use letters, digits, `.`, `_` and `-`"
            ));
        }
        let known: Vec<&str> = self.named.keys().map(String::as_str).collect();
        for (package, name) in &self.packages {
            if !self.named.contains_key(name) {
                let near = match nearest(name, &known) {
                    "" => "[index.named] has none".to_owned(),
                    near => format!("the nearest in [index.named] is `{near}`"),
                };
                return Err(format!(
                    "`{package}` is pinned to the index `{name}`, which is not known; {near}"
                ));
            }
        }
        Ok(())
    }
}

/// `[link]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// Packages whose files must be real, not behind a directory link.
    pub real: Vec<String>,
}

impl Config {
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
        let fail = |reason: String| Error::Configuration { file: path.to_owned(), reason };
        let document: Table =
            text.parse().map_err(|error: toml::de::Error| fail(error.to_string()))?;
        let mut table = document;
        for key in below {
            table = match table.remove(*key) {
                Some(Value::Table(inner)) => inner,
                _ => return Ok(Self::default()),
            };
        }
        keys::check("", &table).map_err(fail)?;
        let mut config: Self = Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| fail(error.to_string()))?;
        config.index.check().map_err(fail)?;
        if let Some(name) =
            config.env.keys().chain(&config.project.name).find(|name| !is_name(name))
        {
            return Err(fail(format!(
                "`{name}` is not a name: use letters, digits, `.`, `_` and `-`"
            )));
        }
        path.clone_into(&mut config.file);
        Ok(config)
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
