//! What is to be locked, as whoever asks for a lock says it. Knows nothing of how it is resolved.

mod fingerprint;

use pyfast_packaging::requirement::Requirement;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::scope::Scope;
use pyfast_packaging::target::Target;
use std::sync::Arc;

use pep440_rs::VersionSpecifiers;
use pyfast_root::Fingerprint;

use crate::candidate::{Policy, Selector};
use crate::direct::{DirectSources, Look};
use crate::error::Error;
use crate::lock::{Lock, Pin};
use crate::registry::{Named, Registry};
use crate::resolution::{criteria, direct_wheels};
use crate::tools::LockTools;

/// What is to be locked.
#[derive(Debug)]
pub struct LockRequest<'a> {
    /// What the requirements files say.
    pub set: &'a RequirementSet,
    /// What the lock is to be for.
    pub targets: Targets,
    /// What the user wants of versions and files; the files' own options are to be in it.
    pub policy: Policy,
    /// Versions of an earlier lock, kept where they fit; those that are to be upgraded are not among
    /// them.
    pub kept: Vec<Pin>,
    /// Constraints of this one lock, of which its fingerprint knows nothing: how far upgrades may go.
    pub limits: Vec<Requirement>,
    /// Whether dependencies are left out.
    pub no_deps: bool,
}

/// What a lock is to be for.
#[derive(Debug, Clone)]
pub enum Targets {
    /// One interpreter on one platform.
    One(Target),
    /// Each of these.
    Several(Vec<NamedTarget>),
    /// Every platform, and these Pythons.
    Universal(VersionSpecifiers),
}

/// One of several targets.
#[derive(Debug, Clone)]
pub struct NamedTarget {
    /// How the lock names it: `linux/arm64 3.12`.
    pub name: String,
    /// The target.
    pub target: Target,
}

/// What a lock that exists is to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It answers the request.
    Current,
    /// It answers another request.
    Outdated,
    /// A version of pyfast made it that says in other words what a lock answers: only making it anew
    /// tells whether it still does.
    OtherVersion,
    /// Another tool made it.
    Foreign,
}

impl LockRequest<'_> {
    /// Whether a lock answers this request.
    pub fn standing(&self, lock: &Lock) -> Standing {
        let Some(kept) = &lock.inputs else { return Standing::Foreign };
        let own = self.fingerprint();
        match Fingerprint::version_of(kept) {
            _ if *kept == own => Standing::Current,
            version if version == Fingerprint::version_of(&own) => Standing::Outdated,
            _ => Standing::OtherVersion,
        }
    }

    /// What there is for a scope: requirements whose sources have been looked at, and the packages to
    /// choose from.
    pub(crate) fn seen<'e>(
        &self,
        scope: &Scope,
        packages: &Registry<'e>,
        tools: &LockTools,
    ) -> Result<(RequirementSet, Registry<'e>), Error> {
        let look = Look { tools, scope, kept: &self.kept };
        let DirectSources { mut set, trees, .. } = DirectSources::look(self.set, &look)?;
        set.constraints.extend(self.limits.iter().cloned());
        let mut criteria = criteria(&set, scope, self.policy.clone())?;
        // Of several versions that were for something of this scope the newest counts.
        let mut kept: Vec<_> =
            self.kept.iter().filter(|pin| scope.applies(&pin.marker, &[])).collect();
        kept.sort_by(|a, b| a.version.cmp(&b.version));
        criteria.preferred =
            kept.into_iter().map(|pin| (pin.name.clone(), pin.version.clone())).collect();
        let wheels = direct_wheels(&set, scope)?;
        let selector = Arc::new(Selector::new(scope.clone(), criteria));
        Ok((set, packages.view(selector, Named { wheels, trees })))
    }
}
