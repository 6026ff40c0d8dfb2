//! Which interpreter and platform a lock is for, where none is asked for by a sync: those that are named, else those of the
//! environment, whose Python may be one that is not there yet. Must not know where a lock goes.

use std::path::{Path, PathBuf};

use pyfast_installer::interpreter::Interpreter;
use pyfast_packaging::platform::named_target;
use pyfast_packaging::target::Target;
use pyfast_resolver::Lock;
use pyfast_resolver::native::NativeLock;
use pyfast_settings::{Error as SettingsError, Settings, TargetChoice};

use crate::error::Error;
use crate::interpreter::{host_python, interpreter};
use crate::lock_file::known;
use crate::managed;

/// The targets that are named instead of asked.
#[derive(Debug, Clone, Default)]
pub struct TargetFlags {
    /// Versions of Python.
    pub pythons: Vec<String>,
    /// Platforms.
    pub platforms: Vec<String>,
    /// Whether it is for all platforms.
    pub universal: bool,
}

/// What targets are told apart from. It is looked for once a lock, because that may start interpreters.
pub(super) struct Base {
    /// The environment's interpreter, where there is one or must be one.
    pub(super) interpreter: Option<Interpreter>,
    /// What it is, or, of one that is to be brought, what it will be.
    pub(super) target: Option<Target>,
    /// The one whose pip's default index counts.
    pub(super) host: Option<PathBuf>,
}

impl TargetFlags {
    pub(super) fn is_empty(&self) -> bool {
        self.pythons.is_empty() && self.platforms.is_empty()
    }

    /// Whether something is named, and no more than one target.
    fn is_one(&self) -> bool {
        !self.is_empty() && self.pythons.len() < 2 && self.platforms.len() < 2
    }

    /// The one target that is named, or the interpreter's.
    ///
    /// # Errors
    /// If several are named, or there is no such one.
    pub fn one(&self, settings: &Settings) -> Result<Target, Error> {
        self.one_from(&self.base(settings, None)?)
    }

    pub(super) fn one_from(&self, base: &Base) -> Result<Target, Error> {
        let (version, platform) = match (&self.pythons[..], &self.platforms[..]) {
            ([] | [_], [] | [_]) => (self.pythons.first(), self.platforms.first()),
            _ => return Err(Error::SeveralTargets),
        };
        match &base.target {
            Some(base) if self.is_empty() => Ok(base.clone()),
            base => Ok(named_target(
                version.map(String::as_str),
                platform.map(String::as_str),
                base.as_ref(),
            )?),
        }
    }

    /// The environment's interpreter, and what the lock's will be where these archives were chosen for it.
    pub(super) fn base(
        &self,
        settings: &Settings,
        native: Option<&NativeLock>,
    ) -> Result<Base, Error> {
        let chosen = native.filter(|_| self.is_empty()).and_then(managed::python_of);
        let all_named = !self.pythons.is_empty() && !self.platforms.is_empty();
        let interpreter = match interpreter(settings) {
            Ok(interpreter) => Some(interpreter),
            Err(_) if all_named => None,
            Err(Error::Settings(error))
                if chosen.is_some() && matches!(*error, SettingsError::NotBrought { .. }) =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let target = match (interpreter.as_ref().map(Interpreter::target), &chosen) {
            // The one that is there may be what was brought for another request.
            (Some(there), Some(version)) if there.python().to_string() != *version => {
                Some(named_target(Some(version), None, Some(&there))?)
            }
            (None, Some(version)) => {
                let platform = managed::platform(settings)?;
                Some(named_target(Some(version), Some(&platform), None)?)
            }
            (there, _) => there,
        };
        let host = host_python(settings, interpreter.as_ref());
        Ok(Base { interpreter, target, host })
    }

    /// The platforms and Pythons that are meant: those that are named, else those of the configuration, else those
    /// that the lock is for already.
    pub(super) fn choice(&self, settings: &Settings, output: Option<&Path>) -> TargetChoice {
        if self.is_one() && !self.universal {
            return TargetChoice::default();
        }
        if self.universal || !self.is_empty() {
            return TargetChoice {
                universal: self.universal,
                pythons: self.pythons.clone(),
                platforms: self.platforms.clone(),
                locked: None,
            };
        }
        let configured = TargetChoice::configured(settings);
        if configured.is_single()
            && let Some(path) = output
            && let Some(text) = known(path)
            && let Ok(lock) = Lock::whole(&text, path)
        {
            return TargetChoice::of_lock(&lock);
        }
        configured
    }
}
