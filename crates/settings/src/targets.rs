//! Which platforms and Pythons a lock is for, as command line and configuration say it. Knows nothing of
//! how anything is resolved.

use pyfast_packaging::VersionSpecifiers;
use pyfast_packaging::platform::named_target;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::target::Target;
use std::str::FromStr;

use pyfast_resolver::{Lock, NamedTarget, Span, Targets};

use crate::error::Error;
use crate::settings::Settings;

/// What is said of platforms and Pythons, on the command line or in the configuration.
#[derive(Debug, Clone, Default)]
pub struct TargetChoice {
    /// Whether all platforms are meant.
    pub universal: bool,
    /// The oldest Python, or each of them.
    pub pythons: Vec<String>,
    /// `PLATFORM`, or `PLATFORM X.Y`.
    pub platforms: Vec<String>,
    /// The Pythons of a universal lock that there is, where nothing else says which are meant.
    pub locked: Option<VersionSpecifiers>,
}

impl TargetChoice {
    /// What the environment's configuration says.
    pub fn configured(settings: &Settings) -> Self {
        let env = settings.project.config.env.get(&settings.env);
        env.map_or_else(Self::default, |env| Self {
            universal: env.universal,
            pythons: Vec::new(),
            platforms: env.targets.clone(),
            locked: None,
        })
    }

    /// What a lock says that it was made for.
    pub fn of_lock(lock: &Lock) -> Self {
        match &lock.span {
            Span::One => Self::default(),
            Span::Universal => {
                let locked = lock.requires_python.clone();
                Self { universal: true, locked, ..Self::default() }
            }
            Span::Targets(targets) => Self { platforms: targets.clone(), ..Self::default() },
        }
    }

    /// Whether nothing is named, so that the interpreter's target is meant.
    pub fn is_single(&self) -> bool {
        !self.universal && self.pythons.is_empty() && self.platforms.is_empty()
    }

    /// The targets that are meant; `None` where it is a single one. What is not named is as in `base`.
    ///
    /// # Errors
    /// If nothing can be meant by it.
    pub fn several(
        &self,
        set: &RequirementSet,
        base: Option<&Target>,
    ) -> Result<Option<Targets>, Error> {
        if self.universal && !self.platforms.is_empty() {
            return Err(Error::UniversalPlatforms { platforms: self.platforms.clone() });
        }
        if self.universal {
            return Ok(Some(Targets::Universal(range(self, set, base)?)));
        }
        if self.is_single() {
            return Ok(None);
        }
        let mut targets: Vec<NamedTarget> = Vec::new();
        let one = [String::new()];
        let platforms = if self.platforms.is_empty() { &one[..] } else { &self.platforms };
        let pythons = if self.pythons.is_empty() { &one[..] } else { &self.pythons };
        for text in platforms {
            let (platform, own) = text.split_once(' ').unwrap_or((text, ""));
            for python in pythons {
                let python = if own.is_empty() { python.as_str() } else { own.trim() };
                let given = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
                let target =
                    named_target(given(python).as_deref(), given(platform).as_deref(), base)?;
                let name = name_of(platform, &target);
                if !targets.iter().any(|known| known.name == name) {
                    targets.push(NamedTarget { name, target });
                }
            }
        }
        Ok(Some(Targets::Several(targets)))
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

/// The Pythons of a universal lock: those the project is for, else those it is for already, else the
/// interpreter's and newer ones.
fn range(
    choice: &TargetChoice,
    set: &RequirementSet,
    base: Option<&Target>,
) -> Result<VersionSpecifiers, Error> {
    let parse = |text: &str| {
        VersionSpecifiers::from_str(text)
            .map_err(|_invalid| Error::PythonRange { text: text.to_owned() })
    };
    if let [oldest, others @ ..] = &choice.pythons[..] {
        if !others.is_empty() {
            return Err(Error::SeveralOldest);
        }
        return parse(&format!(">={oldest}"));
    }
    let project: Vec<String> =
        set.requires_python.iter().map(|limit| limit.specifiers.to_string()).collect();
    if !project.is_empty() {
        return parse(&project.join(", "));
    }
    if let Some(locked) = &choice.locked {
        return Ok(locked.clone());
    }
    let Some(base) = base else { return Err(Error::NoPythons) };
    let (major, minor) = base.tags.facts().python;
    parse(&format!(">={major}.{minor}"))
}
