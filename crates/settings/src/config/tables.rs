//! The tables of the configuration, and what of them is part of an environment. Which keys there are is said here and
//! nowhere else; must not know where a configuration is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyfast_packaging::requirements_txt::PinnedIndex;
use pyfast_packaging::safe_url::shown;
use pyfast_packaging::{MarkerTree, PackageName};
use pyfast_root::{Fingerprint, is_name};
use serde::Deserialize;
use toml::Value;

use super::{lists, nearest};

/// Raised where a fingerprint gets another meaning.
const VERSION: u32 = 3;

/// `[project]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ProjectConfig {
    /// The name below the root.
    pub name: Option<String>,
    /// Where packages and environments live: `volume:NAME`, or a directory below the project.
    pub root: Option<String>,
}

/// `[env.NAME]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct EnvConfig {
    /// Requirements files.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub requirements: Vec<PathBuf>,
    /// Constraints files.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub constraints: Vec<PathBuf>,
    /// Packages that are left out, whoever asks for them.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub exclude_dependencies: Vec<String>,
    /// Whether the project itself is installed: `true`, or `"editable"`.
    #[cfg_attr(test, schemars(with = "super::schema::ItselfWritten"))]
    pub project: Itself,
    /// Optional dependencies of the project files among the requirements.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub extras: Vec<String>,
    /// Dependency groups, `[FILE:]GROUP`.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub groups: Vec<String>,
    /// The image whose interpreter it is for.
    pub image: Option<String>,
    /// The interpreter that it is for: a version, a range of versions, or a program on `PATH`; as a table, a version and
    /// where it comes from.
    #[cfg_attr(test, schemars(with = "Option<super::schema::PythonWritten>"))]
    pub python: Option<PythonWanted>,
    /// The targets that the lock is for, each `PLATFORM` or `PLATFORM X.Y`; empty: the interpreter alone.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub targets: Vec<String>,
    /// Whether the lock is for all platforms.
    pub universal: bool,
    /// Services of the compose files that start in it.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub services: Vec<String>,
    /// Those of them whose commands start again in each new environment while their containers run on: `true` for all.
    #[cfg_attr(test, schemars(with = "super::schema::SupervisedWritten"))]
    pub supervised: Supervised,
}

impl EnvConfig {
    /// The services that are supervised.
    pub fn supervised(&self) -> &[String] {
        match &self.supervised {
            Supervised::None => &[],
            Supervised::All => &self.services,
            Supervised::Services(named) => named,
        }
    }

    /// The services that run in what they were started in until they are restarted.
    pub fn unsupervised(&self) -> Vec<&str> {
        let supervised = self.supervised();
        let others = self.services.iter().filter(|service| !supervised.contains(service));
        others.map(String::as_str).collect()
    }

    /// Whether a lock for this one answers the other too, if their interpreters are of one kind.
    pub fn asks_for_the_same_as(&self, other: &Self) -> bool {
        // Taken apart by name: a new key has to be decided on here.
        let Self {
            requirements,
            constraints,
            exclude_dependencies,
            project,
            extras,
            groups,
            targets,
            universal,
            image: _,
            // Which interpreter it is for is told apart by the lock itself. What a lock says of one that is brought, it
            // says of one.
            python: _,
            services: _,
            supervised: _,
        } = self;
        self.brought() == other.brought()
            && *requirements == other.requirements
            && *constraints == other.constraints
            && *exclude_dependencies == other.exclude_dependencies
            && *project == other.project
            && (extras, groups) == (&other.extras, &other.groups)
            && (targets, universal) == (&other.targets, &other.universal)
    }

    /// Everything that it says of what is in the environment, and for which interpreter.
    pub fn fingerprint(&self) -> String {
        let Self {
            requirements,
            constraints,
            exclude_dependencies,
            project,
            extras,
            groups,
            image,
            python,
            targets,
            universal,
            services: _,
            supervised: _,
        } = self;
        Fingerprint::new("environment", VERSION)
            .fields("requirements", requirements.iter().map(|file| file.display()))
            .fields("constraints", constraints.iter().map(|file| file.display()))
            .fields("exclude-dependencies", exclude_dependencies)
            .fields("project", project.word())
            .fields("extras", extras)
            .fields("groups", groups)
            .fields("image", image)
            .fields("python", python.as_ref().map(|python| &python.version))
            .fields("python-from", python.as_ref().and_then(|python| python.from.word()))
            .fields("targets", targets)
            .field("universal", universal)
            .finish()
    }

    /// The Python that is brought for it.
    pub(crate) fn brought(&self) -> Option<&PythonWanted> {
        self.python.as_ref().filter(|python| python.from == PythonFrom::Managed)
    }

    /// Whether it is for the same interpreter, as far as the configuration says.
    pub fn is_for_the_same_as(&self, other: &Self) -> bool {
        (&self.image, &self.python) == (&other.image, &other.python)
    }
}

/// The interpreter of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct PythonWanted {
    /// A version, a range of versions, or the name of a program.
    pub version: String,
    /// Where it comes from.
    pub from: PythonFrom,
}

/// Where an interpreter comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PythonFrom {
    /// It is there.
    #[default]
    Usual,
    /// A channel: it is brought, with the native libraries of `[native]`.
    Managed,
}

impl PythonFrom {
    fn word(self) -> Option<&'static str> {
        (self == Self::Managed).then_some("managed")
    }
}

impl TryFrom<Value> for PythonWanted {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let wrong = "`python` is a text, or `{ version = \"X.Y\", from = \"managed\" }`";
        let table = match value {
            Value::String(version) => return Ok(Self { version, from: PythonFrom::Usual }),
            Value::Table(table) => table,
            _ => return Err(wrong),
        };
        let known = |key: &String| ["version", "from"].contains(&key.as_str());
        let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
        let managed = table.get("from").is_none_or(|from| from.as_str() == Some("managed"));
        let version =
            text("version").filter(|_| managed && table.keys().all(known)).ok_or(wrong)?;
        let from = if text("from").is_some() { PythonFrom::Managed } else { PythonFrom::Usual };
        Ok(Self { version, from })
    }
}

impl From<String> for PythonWanted {
    fn from(version: String) -> Self {
        Self { version, from: PythonFrom::Usual }
    }
}

/// `[native]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NativeConfig {
    /// Native libraries that environments have, as conda writes them: `libpq`, `libpq >=16`.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub packages: Vec<String>,
    /// Channels that they and managed Pythons come from, the first before the next: names, URLs, directories.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub channels: Vec<String>,
}

impl NativeConfig {
    /// Everything that it says.
    pub fn fingerprint(&self) -> String {
        let Self { packages, channels } = self;
        Fingerprint::new("native", 1)
            .fields("packages", packages)
            .fields("channels", channels)
            .finish()
    }
}

/// `[remote]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RemoteConfig {
    /// The remote store that wheels are looked for in before the index: `s3://BUCKET/PREFIX`, `file:///DIR`, or `none`.
    pub url: Option<String>,
    /// Whether bytecode is pushed there and taken from there, for volumes and images: whoever may write there can run code
    /// in every environment that takes it.
    pub bytecode: Option<bool>,
}

/// Whether the project itself is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Itself {
    /// Only what it depends on.
    #[default]
    No,
    /// As it is built.
    Built,
    /// The environment points into its directory.
    Editable,
}

impl TryFrom<Value> for Itself {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::Boolean(false) => Ok(Self::No),
            Value::Boolean(true) => Ok(Self::Built),
            Value::String(word) if word == "editable" => Ok(Self::Editable),
            _ => Err("`project` is true, false or \"editable\""),
        }
    }
}

impl Itself {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::Built => Some("built"),
            Self::Editable => Some("editable"),
        }
    }
}

/// Which services of an environment are supervised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Supervised {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// These.
    Services(Vec<String>),
}

impl TryFrom<Value> for Supervised {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let wrong = "`supervised` is true, false, or a list of services";
        let name = |value: Value| value.as_str().map(str::to_owned).ok_or(wrong);
        match value {
            Value::Boolean(false) => Ok(Self::None),
            Value::Boolean(true) => Ok(Self::All),
            Value::Array(names) => {
                names.into_iter().map(name).collect::<Result<_, _>>().map(Self::Services)
            }
            one => name(one).map(|name| Self::Services(vec![name])),
        }
    }
}

/// `[index]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct IndexConfig {
    /// The index.
    pub url: Option<String>,
    /// Further indexes, searched before it.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub extra: Vec<String>,
    /// How several indexes are searched.
    pub strategy: Option<String>,
    /// URLs of indexes that are searched for what is pinned to them only.
    pub named: BTreeMap<String, String>,
    /// Packages that are looked for in one index alone, with its name.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, String>"))]
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

    /// Refuses what nothing can be made of, with its key.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        if let Some(name) = self.named.keys().find(|name| !is_name(name)) {
            let reason = "is not a name of an index: use letters, digits, `.`, `_` and `-`";
            return Err((name.clone(), format!("`{name}` {reason}")));
        }
        let known: Vec<&str> = self.named.keys().map(String::as_str).collect();
        for (package, name) in &self.packages {
            if !self.named.contains_key(name) {
                let near = match nearest(name, &known) {
                    "" => "[index.named] has none".to_owned(),
                    near => format!("the nearest in [index.named] is `{near}`"),
                };
                let known = format!("which is not known; {near}");
                let reason = format!("`{package}` is pinned to the index `{name}`, {known}");
                return Err((package.to_string(), reason));
            }
        }
        Ok(())
    }
}

/// `[check]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CheckConfig {
    /// Modules of the project's own that are not checked: a name, or `pkg.legacy.*` for all below it.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub ignore: Vec<String>,
}

/// `[link]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// Whether bytecode is compiled, and waited for. Where it is not said it comes afterwards, for volumes and images.
    pub compile: Option<bool>,
    /// Packages whose files must be real, not behind a directory link.
    #[serde(deserialize_with = "lists::one_or_many")]
    #[cfg_attr(test, schemars(with = "super::schema::OneOrMany"))]
    pub real: Vec<String>,
}
