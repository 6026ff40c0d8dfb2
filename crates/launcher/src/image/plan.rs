//! What is to be done about each image, and why: a value that can be shown and refused. Owns the rules; touches
//! neither engine nor files.

use std::collections::BTreeMap;
use std::fmt;

use super::inputs::{InputPart, Inputs};
use super::wanted::{PullPolicy, WantedImage};
use crate::code::Hindrance;
use crate::engine::ImageFacts;

/// What is to be done about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePlan {
    /// The image.
    pub wanted: WantedImage,
    /// The act.
    pub act: ImageAct,
}

/// An act on an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageAct {
    /// Nothing.
    UpToDate,
    /// It is pulled.
    Pull(Reason),
    /// It is built, and labelled with what it is built from.
    Build(Reason, Inputs),
    /// It is not built, though files changed that it copies: its services' containers get them, so many each.
    Put(BTreeMap<String, usize>),
    /// It is built by Compose, which alone understands these keys of its build. Compose sets no label, so that
    /// changes are not noticed.
    ByCompose(Reason, Vec<String>),
    /// It is absent, and must be neither pulled nor built.
    Missing,
}

/// Why an image is pulled or built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is not present.
    Absent,
    /// The user asked for it.
    Asked,
    /// Its `pull_policy` asks for it.
    Policy,
    /// It does not say what it was built from.
    Unrecorded,
    /// These parts of what it was built from are not what they were.
    Changed(Vec<InputPart>),
    /// Files that it copies changed, and cannot be put into containers.
    NotPut(Hindrance),
}

impl ImageAct {
    /// Whether something is done about the image.
    pub fn is_due(&self) -> bool {
        !matches!(self, Self::UpToDate | Self::Put(_))
    }

    /// Whether the image is what this program builds: of another it cannot be told what it has.
    pub fn is_own(&self) -> bool {
        !matches!(self, Self::Pull(_) | Self::Missing | Self::ByCompose(..))
    }

    /// Whether it would be built for nothing but files that it copies.
    pub fn is_for_code(&self) -> bool {
        match self {
            Self::Build(Reason::Changed(parts), _) => parts == &[InputPart::Code],
            _ => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("it is not present"),
            Self::Asked => f.write_str("asked for"),
            Self::Policy => f.write_str("its pull_policy asks for it"),
            Self::Unrecorded => f.write_str("its inputs are not on record"),
            Self::Changed(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    let join = if at == 0 { "" } else { ", " };
                    write!(f, "{join}{part} changed")?;
                }
                Ok(())
            }
            Self::NotPut(hindrance) => write!(f, "the code changed; {hindrance}"),
        }
    }
}

impl fmt::Display for ImageAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpToDate => f.write_str("up to date"),
            Self::Pull(reason) => write!(f, "pull ({reason})"),
            Self::Build(reason, _) => write!(f, "build ({reason})"),
            Self::Put(services) if services.is_empty() => {
                f.write_str("not built, as its containers have the files that changed")
            }
            Self::Put(services) => {
                let services: Vec<_> = services
                    .iter()
                    .map(|(service, files)| {
                        let files =
                            if *files == 1 { "1 file".into() } else { format!("{files} files") };
                        format!("{files} into {service}")
                    })
                    .collect();
                write!(f, "not built; put {}", services.join(", "))
            }
            Self::ByCompose(reason, keys) => {
                write!(f, "build with Compose, for {} ({reason})", keys.join(", "))
            }
            Self::Missing => f.write_str("missing, and its pull_policy forbids to pull it"),
        }
    }
}

impl fmt::Display for ImagePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.wanted.image, self.act, self.wanted.services.join(", "))
    }
}

/// Decides about one image. `facts` are `None` when it is absent; `inputs` are what it would be built from now, needed
/// when it has a build that is not Compose's own.
pub fn decide(
    wanted: &WantedImage,
    facts: Option<&ImageFacts>,
    inputs: Option<Inputs>,
    rebuild: bool,
) -> ImageAct {
    let Some(build) = &wanted.build else { return decide_pull(wanted.policy, facts.is_some()) };
    if wanted.policy == PullPolicy::Always && !rebuild {
        return ImageAct::Pull(Reason::Policy);
    }
    let forced = match (facts, rebuild, wanted.policy) {
        (None, ..) => Some(Reason::Absent),
        (_, true, _) => Some(Reason::Asked),
        (_, _, PullPolicy::Build) => Some(Reason::Policy),
        _ => None,
    };
    let Some(inputs) = inputs.filter(|_| build.other.is_empty()) else {
        let by_compose = |reason| ImageAct::ByCompose(reason, build.other.clone());
        return forced.map_or(ImageAct::UpToDate, by_compose);
    };
    let reason = forced.or_else(|| {
        let recorded = facts.and_then(|facts| facts.inputs.as_deref()).and_then(Inputs::parse);
        match recorded {
            None => Some(Reason::Unrecorded),
            Some(recorded) => {
                let changed = recorded.changed(&inputs);
                (!changed.is_empty()).then_some(Reason::Changed(changed))
            }
        }
    });
    reason.map_or(ImageAct::UpToDate, |reason| ImageAct::Build(reason, inputs))
}

fn decide_pull(policy: PullPolicy, present: bool) -> ImageAct {
    match (policy, present) {
        (PullPolicy::Always, _) => ImageAct::Pull(Reason::Policy),
        (_, true) => ImageAct::UpToDate,
        (PullPolicy::Never, false) => ImageAct::Missing,
        (_, false) => ImageAct::Pull(Reason::Absent),
    }
}

/// Decides about all images: `facts` of those that are present, `inputs` of those that can be built, both by name.
pub fn plan_images(
    wanted: Vec<WantedImage>,
    facts: &BTreeMap<String, ImageFacts>,
    mut inputs: BTreeMap<String, Inputs>,
    rebuild: bool,
) -> Vec<ImagePlan> {
    let plan = wanted.into_iter().map(|wanted| {
        let act = decide(&wanted, facts.get(&wanted.image), inputs.remove(&wanted.image), rebuild);
        ImagePlan { wanted, act }
    });
    plan.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose_file::Build;

    fn inputs(dockerfile: &str, context: &str) -> Inputs {
        Inputs {
            dockerfile: dockerfile.into(),
            arguments: "a".into(),
            target: "t".into(),
            context: context.into(),
            code: "k".into(),
        }
    }

    fn wanted(build: Option<Build>, policy: PullPolicy) -> WantedImage {
        WantedImage {
            image: "app:1".into(),
            services: vec!["backend".into(), "beat".into()],
            builder: build.as_ref().map(|_| "backend".into()),
            build,
            platform: None,
            policy,
        }
    }

    fn present(label: Option<&Inputs>) -> ImageFacts {
        ImageFacts { id: "sha256:1".into(), inputs: label.map(ToString::to_string) }
    }

    /// What is decided about an image with a build, in words.
    fn check(facts: Option<&ImageFacts>, now: &Inputs, rebuild: bool, expected: &str) {
        let wanted = wanted(Some(Build::default()), PullPolicy::Missing);
        let act = decide(&wanted, facts, Some(now.clone()), rebuild);
        assert_eq!(act.to_string(), expected);
    }

    #[test]
    fn a_build_is_due_when_what_it_is_built_from_changed() {
        let now = inputs("d", "c");
        check(None, &now, false, "build (it is not present)");
        check(Some(&present(None)), &now, false, "build (its inputs are not on record)");
        check(Some(&present(Some(&now))), &now, false, "up to date");
        check(Some(&present(Some(&now))), &now, true, "build (asked for)");
        let before = present(Some(&inputs("old", "c")));
        check(Some(&before), &now, false, "build (the Dockerfile changed)");
        let before = present(Some(&inputs("old", "old")));
        check(Some(&before), &now, false, "build (the Dockerfile changed, the context changed)");
        let foreign = ImageFacts { id: "x".into(), inputs: Some("9:whatever".into()) };
        check(Some(&foreign), &now, false, "build (its inputs are not on record)");
    }

    #[test]
    fn an_image_without_a_build_is_pulled_as_its_policy_says() {
        let check = |policy, facts: Option<ImageFacts>, expected: &str| {
            let act = decide(&wanted(None, policy), facts.as_ref(), None, true);
            assert_eq!(act.to_string(), expected, "{policy:?}");
        };
        check(PullPolicy::Missing, None, "pull (it is not present)");
        check(PullPolicy::Missing, Some(present(None)), "up to date");
        check(PullPolicy::Always, Some(present(None)), "pull (its pull_policy asks for it)");
        check(PullPolicy::Never, Some(present(None)), "up to date");
        check(PullPolicy::Never, None, "missing, and its pull_policy forbids to pull it");
    }

    #[test]
    fn a_policy_about_an_image_with_a_build_is_kept_to() {
        let now = inputs("d", "c");
        let facts = present(Some(&now));
        let act = |policy, rebuild| {
            let wanted = wanted(Some(Build::default()), policy);
            decide(&wanted, Some(&facts), Some(now.clone()), rebuild).to_string()
        };
        assert_eq!(act(PullPolicy::Build, false), "build (its pull_policy asks for it)");
        assert_eq!(act(PullPolicy::Always, false), "pull (its pull_policy asks for it)");
        assert_eq!(act(PullPolicy::Always, true), "build (asked for)");
        assert_eq!(act(PullPolicy::Never, false), "up to date");
    }

    #[test]
    fn what_only_compose_can_build_is_left_to_it_and_built_when_absent() {
        let build = Build { other: vec!["secrets".into()], ..Build::default() };
        let wanted = wanted(Some(build), PullPolicy::Missing);
        let act = decide(&wanted, None, None, false);
        assert_eq!(act.to_string(), "build with Compose, for secrets (it is not present)");
        assert_eq!(decide(&wanted, Some(&present(None)), None, false), ImageAct::UpToDate);
    }

    #[test]
    fn a_plan_names_image_act_and_services() {
        let plan = plan_images(
            vec![wanted(None, PullPolicy::Missing)],
            &BTreeMap::new(),
            BTreeMap::new(),
            false,
        );
        assert_eq!(plan[0].to_string(), "app:1: pull (it is not present) [backend, beat]");
    }
}
