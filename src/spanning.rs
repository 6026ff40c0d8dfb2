//! Locks for more than one target: which targets are meant, and resolving for them. What a single
//! target needs is in `resolving`.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use pyfast_packaging::VersionSpecifiers;
use pyfast_packaging::platform::named_target;
use pyfast_packaging::scope::Scope;
use pyfast_packaging::target::Target;
use pyfast_resolver::{
    Lock, Looked, Named, Pin, Registry, Resolution, Selector, Span, Targeted, Universe,
    direct_wheels, look_ahead, merge_targets, policy, resolve, resolve_universal,
};

use crate::failure::Failure;
use crate::lock_on_disk::known;
use crate::resolving::{
    Inputs, Request, ResolveArgs, Session, base_policy, check_python, inputs_digest,
};
use crate::settings::Settings;

/// What a lock of several targets is for.
pub(crate) enum Spanning {
    /// All platforms, and these Pythons.
    Universal(VersionSpecifiers),
    /// These, each with the name that the lock keeps.
    Targets(Vec<(String, Target)>),
}

/// What is said of platforms and Pythons, on the command line or in the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) universal: bool,
    /// The oldest Python, or each of them.
    pub(crate) pythons: Vec<String>,
    /// `PLATFORM`, or `PLATFORM X.Y`.
    pub(crate) platforms: Vec<String>,
}

impl Wanted {
    /// What the environment's configuration says.
    pub(crate) fn configured(settings: &Settings) -> Self {
        let env = settings.project.config.env.get(&settings.env);
        env.map_or_else(Self::default, |env| Self {
            universal: env.universal,
            pythons: Vec::new(),
            platforms: env.targets.clone(),
        })
    }

    /// What a lock says that it was made for.
    pub(crate) fn of_lock(lock: &Lock) -> Self {
        match &lock.span {
            Span::One => Self::default(),
            Span::Universal => Self { universal: true, ..Self::default() },
            Span::Targets(targets) => Self { platforms: targets.clone(), ..Self::default() },
        }
    }

    /// Whether it is one target.
    pub(crate) fn is_single(&self) -> bool {
        let named = self.platforms.first().is_some_and(|platform| platform.contains(' '));
        !self.universal && !named && self.pythons.len() < 2 && self.platforms.len() < 2
    }
}

impl Spanning {
    /// The targets that are meant; `None` where it is a single one. What is not named is as in `base`.
    pub(crate) fn of(
        wanted: &Wanted,
        inputs: &Inputs,
        base: Option<&Target>,
    ) -> Result<Option<Self>, Failure> {
        if wanted.universal && !wanted.platforms.is_empty() {
            let platforms = wanted.platforms.join(", ");
            let message =
                format!("a universal lock is for all platforms, not for {platforms} alone");
            return Err(Failure::usage(message).hint("leave the platforms out, or `universal`"));
        }
        if wanted.universal {
            return Ok(Some(Self::Universal(range(wanted, inputs, base)?)));
        }
        if wanted.is_single() {
            return Ok(None);
        }
        let mut targets: Vec<(String, Target)> = Vec::new();
        let one = [String::new()];
        let platforms = if wanted.platforms.is_empty() { &one[..] } else { &wanted.platforms };
        let pythons = if wanted.pythons.is_empty() { &one[..] } else { &wanted.pythons };
        for text in platforms {
            let (platform, own) = text.split_once(' ').unwrap_or((text, ""));
            for python in pythons {
                let python = if own.is_empty() { python.as_str() } else { own.trim() };
                let given = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
                let target =
                    named_target(given(python).as_deref(), given(platform).as_deref(), base)?;
                let name = name_of(platform, &target);
                if !targets.iter().any(|(known, _)| *known == name) {
                    targets.push((name, target));
                }
            }
        }
        Ok(Some(Self::Targets(targets)))
    }

    /// What shapes the lock, for its digest of inputs.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Universal(python) => format!("universal {python}"),
            Self::Targets(targets) => {
                let names: Vec<&str> = targets.iter().map(|(name, _)| name.as_str()).collect();
                format!("targets {}", names.join(", "))
            }
        }
    }
}

/// `linux/arm64 3.12`: how a lock names a target.
fn name_of(platform: &str, target: &Target) -> String {
    let facts = target.tags.facts();
    let (major, minor) = facts.python;
    match platform {
        "" => format!("linux/{} {major}.{minor}", facts.machine),
        platform => format!("{platform} {major}.{minor}"),
    }
}

/// The Pythons of a universal lock: those the project is for, else the interpreter's and newer ones.
fn range(
    wanted: &Wanted,
    inputs: &Inputs,
    base: Option<&Target>,
) -> Result<VersionSpecifiers, Failure> {
    let parse = |text: &str| {
        VersionSpecifiers::from_str(text).map_err(|_invalid| {
            Failure::usage(format!("`{text}` is no range of Python versions"))
                .hint("write the oldest version, such as 3.10")
        })
    };
    if let [oldest, others @ ..] = &wanted.pythons[..] {
        if !others.is_empty() {
            return Err(Failure::usage("a universal lock has one oldest Python".to_owned()));
        }
        return parse(&format!(">={oldest}"));
    }
    let project: Vec<String> =
        inputs.set.requires_python.iter().map(|limit| limit.specifiers.to_string()).collect();
    if !project.is_empty() {
        return parse(&project.join(", "));
    }
    let Some(base) = base else {
        return Err(Failure::usage("nothing says which Pythons the lock is for".to_owned())
            .hint("give the oldest with --python-version X.Y"));
    };
    let (major, minor) = base.tags.facts().python;
    parse(&format!(">={major}.{minor}"))
}

impl Session {
    /// Resolves for several targets. Versions of the lock at `old` are kept where they fit.
    pub(crate) fn resolve_spanning(
        &self,
        spanning: &Spanning,
        inputs: &Inputs,
        args: &ResolveArgs,
        old: Option<&Path>,
    ) -> Result<(Lock, Vec<String>), Failure> {
        let text =
            old.filter(|_| !args.upgrade).and_then(|path| known(path).map(|text| (path, text)));
        let (mut lock, warnings) = match spanning {
            Spanning::Universal(python) => {
                let old = text.and_then(|(path, text)| Lock::whole(&text, path).ok());
                self.universal(python, inputs, args, old.as_ref())?
            }
            Spanning::Targets(targets) => {
                let old = |target: &Target| {
                    let (path, text) = text.as_ref()?;
                    Lock::from_toml(text, path, target).ok()
                };
                self.targets(targets, inputs, args, &old)?
            }
        };
        lock.inputs = Some(inputs_digest(&inputs.set, args, &spanning.place()));
        Ok((lock, warnings))
    }

    fn universal(
        &self,
        python: &VersionSpecifiers,
        inputs: &Inputs,
        args: &ResolveArgs,
        old: Option<&Lock>,
    ) -> Result<(Lock, Vec<String>), Failure> {
        let set = &inputs.set;
        // Its own scope stands for none: each part of the universe has one.
        let scope = Scope::Region(pyfast_packaging::scope::Region::universe(python));
        let kept = |pin: &Pin| !args.upgrades(&pin.name);
        let base = base_policy(set, args, None)?;
        let selector = Arc::new(Selector::new(scope.clone(), base.clone()));
        let registry = self.packages(selector);
        Ok(resolve_universal(&Universe {
            set,
            requires_python: python,
            policy: &base,
            kept: &old
                .map(Lock::pins)
                .unwrap_or_default()
                .into_iter()
                .filter(kept)
                .collect::<Vec<_>>(),
            limits: &args.limits().collect::<Vec<_>>(),
            registry: &registry,
            ahead: &self.ahead(args, &scope, old),
            no_deps: args.no_deps,
        })?)
    }

    fn targets(
        &self,
        targets: &[(String, Target)],
        inputs: &Inputs,
        args: &ResolveArgs,
        old: &dyn Fn(&Target) -> Option<Lock>,
    ) -> Result<(Lock, Vec<String>), Failure> {
        let mut resolved = Vec::with_capacity(targets.len());
        let mut base: Option<Registry> = None;
        let mut warnings: Vec<String> = Vec::new();
        for (name, target) in targets {
            check_python(&inputs.set, target)?;
            let previous = old(target);
            let scope = Scope::from(target.clone());
            let ahead = self.ahead(args, &scope, previous.as_ref());
            let Looked { mut set, trees } = look_ahead(&inputs.set, &ahead)?;
            set.constraints.extend(args.limits());
            let request = Request { set: &set, args, target, previous: previous.as_ref() };
            let policy = policy(&set, &scope, base_policy(&set, args, request.previous)?)?;
            let wheels = direct_wheels(&set, &scope)?;
            let selector = Arc::new(Selector::new(scope.clone(), policy));
            let shared = base.get_or_insert_with(|| self.packages(Arc::clone(&selector)));
            let registry = shared.view(selector, Named { wheels, trees });
            let resolution: Resolution =
                resolve(&set, &registry, args.no_deps).map_err(|error| {
                    Failure::from(error).cause(format!("this is for the target {name}"))
                })?;
            warnings.extend(resolution.warnings.iter().cloned());
            resolved.push(Targeted { target: target.clone(), name: name.clone(), resolution });
        }
        warnings.sort();
        warnings.dedup();
        Ok((merge_targets(&resolved, &self.sources.indexes)?, warnings))
    }

    /// Everything the indexes have.
    fn packages(&self, selector: Arc<Selector>) -> Registry {
        let (client, cache) = (Arc::clone(&self.client), self.cache.clone());
        let handle = self.runtime.handle();
        let registry = Registry::new(self.sources.clone(), client, cache, selector, handle);
        match &self.asked {
            Some(asked) => registry.build_with(Arc::clone(asked)),
            None => registry,
        }
    }
}
