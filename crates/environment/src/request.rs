//! What is wanted of an environment, as whoever asks for it says. Owns no decision.

use std::collections::BTreeMap;

use pyfast_installer::link::{LinkMode, Native};
use pyfast_packaging::PackageName;
use pyfast_packaging::requirements_txt::Drafts;
use pyfast_root::{Cause, Fingerprint};
use serde::{Deserialize, Serialize};

use crate::state::Setting;

/// What a lock is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LockUse {
    /// It is made anew where it does not answer the requirements.
    #[default]
    Update,
    /// It must answer the requirements.
    Locked,
    /// It is used as it is.
    Frozen,
}

impl std::fmt::Display for LockUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Update => "update",
            Self::Locked => "locked",
            Self::Frozen => "frozen",
        })
    }
}

/// How an environment is made of a lock, wherever that is done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InstallOptions {
    /// How files of the store come into it; `None`: as the place wants it.
    pub link_mode: Option<LinkMode>,
    /// Packages whose files must be real.
    pub real: Vec<PackageName>,
    /// Whether different files of one name are an error.
    pub strict: bool,
    /// Whether bytecode is compiled into the store; `None`: as the place wants it.
    pub compile: Option<bool>,
    /// The name that shells show, where the environment is the project's alone.
    pub prompt: Option<String>,
    /// Native libraries beside an interpreter that is not brought with them.
    pub native: Option<Native>,
    /// Whether it is composed anew where it is ready, of wheels that were looked at.
    pub reinstall: bool,
    /// Whether everything that it uses is hashed before it is activated.
    pub verify: bool,
}

/// Raised with every field of [`InstallOptions::fingerprint`] that is added or gets another meaning.
const VERSION: u32 = 1;

impl InstallOptions {
    /// What of them shapes an environment.
    pub fn fingerprint(&self) -> String {
        // Each field is named, so that a new one is thought about here.
        // What is brought is part of the interpreter's identity.
        let Self { link_mode, real, strict, compile, prompt, native: _, reinstall: _, verify: _ } =
            self;
        Fingerprint::new("install", VERSION)
            .fields("link-mode", link_mode)
            .fields("real", real)
            .field("strict", strict)
            .fields("compile", compile)
            .fields("prompt", prompt)
            .finish()
    }

    /// Whether they ask for no more than what may stand already.
    fn may_stand(&self) -> bool {
        let Self { reinstall, verify, .. } = self;
        !(*reinstall || *verify)
    }
}

/// A sync that is wanted.
#[derive(Debug, Clone)]
pub struct SyncRequest {
    /// What the lock is taken for.
    pub lock_use: LockUse,
    /// Whether newer versions than those of the lock are wanted of some or all packages.
    pub upgrade: bool,
    /// Whether it is only planned: nothing is fetched, built or written.
    pub dry_run: bool,
    /// What the history notes of it.
    pub cause: Cause,
    /// How the environment is made.
    pub options: InstallOptions,
    /// Whether its bytecode may come after it is activated.
    pub later: bool,
    /// What shapes the result beside the inputs.
    pub setting: Setting,
    /// The variables that requirements files may expand.
    pub variables: BTreeMap<String, String>,
    /// Requirements files that are read as they will be once it has succeeded.
    pub drafts: Drafts,
}

impl SyncRequest {
    /// Whether it may be answered from what the last sync remembers.
    pub(crate) fn may_stand(&self) -> bool {
        // Each field is named, so that a new one is thought about here.
        let Self {
            lock_use: _,
            upgrade,
            dry_run,
            cause: _,
            options,
            later: _,
            setting: _,
            variables: _,
            drafts,
        } = self;
        !*upgrade && !*dry_run && options.may_stand() && drafts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shapes_an_environment_is_in_the_fingerprint_and_what_asks_once_is_not() {
        let usual = InstallOptions::default();
        let real = vec!["numpy".parse().expect("a name")];
        let shaping = [
            InstallOptions { link_mode: Some(LinkMode::Copy), ..usual.clone() },
            InstallOptions { real, ..usual.clone() },
            InstallOptions { strict: true, ..usual.clone() },
            InstallOptions { compile: Some(false), ..usual.clone() },
            InstallOptions { prompt: Some("shop".to_owned()), ..usual.clone() },
        ];
        for options in &shaping {
            assert_ne!(options.fingerprint(), usual.fingerprint(), "{options:?}");
            assert!(options.may_stand(), "{options:?}");
        }
        for once in [
            InstallOptions { reinstall: true, ..usual.clone() },
            InstallOptions { verify: true, ..usual.clone() },
        ] {
            assert_eq!(once.fingerprint(), usual.fingerprint(), "{once:?}");
            assert!(!once.may_stand(), "{once:?}");
        }
    }
}
