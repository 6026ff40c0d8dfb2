//! Variables that code asks for while it is imported. Must not know their values.

use super::failing::{Draft, Kind, Raised};
use super::table::Value;
use super::{Frame, Simulation, Unseen, messages};
use crate::finding::Rule;
use crate::outline::{Call, Item, Name};
use crate::search::Found;

impl Simulation<'_> {
    /// `os.environ["X"]`.
    pub(super) fn item(&mut self, item: &Item, frame: &Frame) -> Result<(), Raised> {
        let Value::Foreign(name) = self.quietly(&item.of.path, frame) else {
            return Ok(());
        };
        match &item.key {
            Some(key) if name == "os.environ" && !self.has_variable(key) => {
                let draft = self.missing_variable(key, item.of.at, frame);
                self.fail(Kind::Key, draft)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.has_all_variables
            || self.service.environment.is_none()
            || self.variables.contains(name)
            || self.service.environment.as_ref().is_some_and(|known| known.contains_key(name))
            || EVERYWHERE.contains(&name)
    }

    /// `int(os.environ["X"])`.
    pub(super) fn number(&mut self, item: &Item, frame: &Frame) -> Result<(), Raised> {
        let Value::Foreign(name) = self.quietly(&item.of.path, frame) else { return Ok(()) };
        let reads = matches!(name.as_str(), "os.environ" | "os.environ.get" | "os.getenv");
        let Some(key) = item.key.as_ref().filter(|key| reads && self.is_empty_variable(key)) else {
            return Ok(());
        };
        let mut draft = self.draft(frame, item.of.at, Rule::EmptySetting, key);
        draft.message = format!("the variable `{key}` is set to nothing, which is no number");
        draft.hint = Some(format!(
            "give `{key}` a value, take it away from the service, or write `os.environ.get(\"{key}\") or …`: a default counts only where the variable is not set"
        ));
        self.fail(Kind::Other("ValueError".to_owned()), draft)
    }

    /// Whether a variable is certainly set to nothing.
    fn is_empty_variable(&self, name: &str) -> bool {
        self.service.empty.contains(name)
            && !self.has_all_variables
            && !self.variables.contains(name)
    }

    pub(super) fn missing_variable(&self, name: &str, at: u32, frame: &Frame) -> Draft {
        let mut draft = self.draft(frame, at, Rule::MissingSetting, name);
        draft.message = format!(
            "the variable `{name}` is read without a default, and the service does not have it"
        );
        draft.hint = Some(format!(
            "give it to the service under `environment`, or read it with a default: `os.environ.get(\"{name}\", …)`"
        ));
        draft
    }

    /// Calls of others' functions that ask for variables, or set them.
    pub(super) fn called_foreign(
        &mut self,
        name: &str,
        call: &Call,
        frame: &Frame,
    ) -> Result<(), Raised> {
        match name {
            "os.environ.setdefault" | "os.putenv" => match &call.text {
                Some(key) => drop(self.variables.insert(key.clone())),
                None => self.has_all_variables = true,
            },
            "os.environ.update" => self.has_all_variables = true,
            "sys.modules.setdefault" | "sys.modules.update" => self.unseen = Unseen::Anything,
            "decouple.config" => {
                let Some(key) = &call.text else { return Ok(()) };
                let has_default = call.arguments > 1
                    || call
                        .keywords
                        .iter()
                        .any(|keyword| keyword == "default" || keyword.is_empty());
                if !has_default && !self.has_variable(key) && !self.has_settings_file(frame) {
                    let draft = self.missing_variable(key, call.called.at, frame);
                    return self.fail(Kind::Other("UndefinedValueError".to_owned()), draft);
                }
            }
            "logging.config.dictConfig" => {
                if let Some(logging) = self.configuration(call, frame) {
                    return self.configure_logging(&logging, frame);
                }
            }
            "django.urls.include" | "django.urls.conf.include" | "django.conf.urls.include" => {
                if let Some(module) = &call.text {
                    self.load(module, call.called.at, frame)?;
                }
            }
            _ if name.starts_with("sqlalchemy.") && name.ends_with("create_engine")
                || name.ends_with("sqlalchemy.ext.asyncio.create_async_engine") =>
            {
                return self.driver(call, frame);
            }
            // Modules that stand in for others from here on.
            _ if name.ends_with("install_as_MySQLdb") => {
                self.provided.insert(Name::from_static_str("MySQLdb"));
            }
            "psycopg2cffi.compat.register" => {
                self.provided.insert(Name::from_static_str("psycopg2"));
            }
            _ if name.ends_with("load_dotenv") || name.ends_with("read_env") => {
                // What the file sets is in no list that a service shows.
                self.has_all_variables = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// A database's URL names the module that speaks with it, which is imported at once.
    fn driver(&mut self, call: &Call, frame: &Frame) -> Result<(), Raised> {
        let scheme =
            call.text.as_ref().and_then(|url| url.split_once("://")).map(|(scheme, _)| scheme);
        let known = |scheme| DRIVERS.iter().find(|(known, _)| *known == scheme);
        let Some((scheme, modules)) = scheme.and_then(known) else { return Ok(()) };
        let is_there = |module: &&str| {
            self.provided.contains(*module)
                || !matches!(self.search.top(module), Found::Missing { .. })
        };
        let is_given =
            call.keywords.iter().any(|keyword| keyword == "module" || keyword.is_empty());
        if is_given || self.unseen != Unseen::Nothing || modules.iter().any(is_there) {
            return Ok(());
        }
        let module = modules[0];
        let mut draft = messages::missing(self, frame, call.called.at, module, None);
        draft.message =
            format!("`{scheme}://` is spoken by the module `{module}`, which is not there");
        self.fail(Kind::ModuleNotFound, draft)
    }

    /// Whether a `.env` or `settings.ini` stands beside a file or above it.
    fn has_settings_file(&self, frame: &Frame) -> bool {
        frame.path.ancestors().skip(1).any(|directory| {
            let listing = self.search.listing(directory);
            listing.has_file(".env") || listing.has_file("settings.ini")
        })
    }
}

/// What `SQLAlchemy` imports for a URL; where its versions from 1.4 on differ, either.
const DRIVERS: [(&str, &[&str]); 14] = [
    ("mssql+pyodbc", &["pyodbc"]),
    ("mysql", &["MySQLdb"]),
    ("mysql+aiomysql", &["aiomysql"]),
    ("mysql+asyncmy", &["asyncmy"]),
    ("mysql+mysqldb", &["MySQLdb"]),
    ("mysql+pymysql", &["pymysql"]),
    ("oracle+cx_oracle", &["cx_Oracle"]),
    ("oracle+oracledb", &["oracledb"]),
    ("postgresql", &["psycopg2", "psycopg"]),
    ("postgresql+asyncpg", &["asyncpg"]),
    ("postgresql+pg8000", &["pg8000"]),
    ("postgresql+psycopg", &["psycopg"]),
    ("postgresql+psycopg2", &["psycopg2"]),
    ("sqlite+aiosqlite", &["aiosqlite"]),
];

/// Variables that a container's shell or engine sets.
const EVERYWHERE: [&str; 4] = ["HOME", "HOSTNAME", "PATH", "PWD"];
