//! By what a lock says which request it answers. Every part of a request is taken apart by name, so that
//! a new one cannot be forgotten here.
//!
//! Not in it: indexes, so that a lock holds for people who use a mirror; what builds are asked on the
//! command line, which is the installation's; paths of this machine, so that a lock holds in another
//! checkout.

use pyfast_packaging::dist_file::Location;
use pyfast_packaging::formats::FormatControl;
use pyfast_packaging::formats::Projects;
use pyfast_packaging::hash::{Digest, Sha256};
use pyfast_packaging::marker;
use pyfast_packaging::requirement::DirectWheel;
use pyfast_packaging::requirement::Requirement;
use pyfast_packaging::requirement::Source;
use pyfast_packaging::requirement_source::DirectSource;
use pyfast_packaging::requirement_source::Place;
use pyfast_packaging::requirement_source::SourceRequirement;
use pyfast_packaging::requirements_txt::IndexOptions;
use pyfast_packaging::requirements_txt::PinnedIndex;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::requirements_txt::SettingsOf;
use pyfast_packaging::source_dist::PROJECT_FILES;
use pyfast_packaging::tags::Libc;
use pyfast_packaging::tags::TagFacts;
use pyfast_packaging::target::Target;
use std::path::{Path, PathBuf};

use pyfast_root::Fingerprint;

use super::{LockRequest, NamedTarget, Targets};
use crate::candidate::{Policy, Preference, Prereleases};

/// Raised with any change of what is in a fingerprint, or of what a lock has for the same request. Version 1 was made
/// of debugging output; 2 is of before the places that sources name for their dependencies counted.
const VERSION: u32 = 3;

impl LockRequest<'_> {
    /// What a lock that answers this request has as its inputs.
    pub fn fingerprint(&self) -> String {
        let Self { set, targets, policy, kept: _, limits: _, no_deps } = self;
        let made = Fingerprint::new("lock", VERSION).field("no-deps", no_deps);
        let made = add_policy(add_set(made, set), policy);
        add_targets(made, targets).finish()
    }
}

fn add_set(mut made: Fingerprint, set: &RequirementSet) -> Fingerprint {
    let RequirementSet {
        requirements,
        sources,
        constraints,
        overrides,
        build_constraints,
        excludes,
        logins: _,
        index,
        files: _,
        remote_files: _,
        build_settings,
        // Nothing is asked of them.
        projects: _,
        // They are the policy's.
        wishes: _,
        // It refuses an interpreter, or says what a universal lock is for.
        requires_python: _,
        variables: _,
        warnings: _,
    } = set;
    // The order of lines can decide between solutions, so it stays.
    for (role, lines) in [
        ("requirement", requirements),
        ("constraint", constraints),
        ("override", overrides),
        ("build-constraint", build_constraints),
    ] {
        for line in lines {
            made = made.fields(role, requirement(line));
        }
    }
    for source in sources {
        made = made.fields("source", source_requirement(source));
    }
    // The source that settings without a name are for stands in the same line.
    for SettingsOf { name, place: _, settings } in build_settings {
        made = made.fields("settings-of", name);
        for (key, values) in settings {
            made = made.field("setting", key).fields("value", values);
        }
    }
    add_index(made.fields("exclude", excludes), index)
}

fn add_index(made: Fingerprint, index: &IndexOptions) -> Fingerprint {
    let IndexOptions {
        index_url: _,
        extra_index_urls: _,
        find_links: _,
        no_index: _,
        require_hashes,
        pre,
        no_binary,
        only_binary,
        pins,
        // They are indexes, as others are.
        stated: _,
    } = index;
    let pins = pins.iter().flat_map(|(name, pins)| {
        pins.iter().map(move |PinnedIndex { name: _, url, marker }| {
            let marker = marker::text_or_note(marker).map(|marker| format!(" ; {marker}"));
            format!("{name} {url}{}", marker.unwrap_or_default())
        })
    });
    made.field("require-hashes", require_hashes)
        .field("pre", pre)
        .fields("no-binary of files", no_binary)
        .fields("only-binary of files", only_binary)
        .fields("pinned to an index", pins)
}

fn add_policy(made: Fingerprint, policy: &Policy) -> Fingerprint {
    let Policy { prereleases, preference, exclude_newer, formats } = policy;
    let FormatControl { only_binary, no_binary } = formats;
    let prereleases = match prereleases {
        Prereleases::IfNecessary => "if-necessary",
        Prereleases::Allow => "allow",
        Prereleases::Explicit => "explicit",
        Prereleases::Disallow => "disallow",
    };
    let preference = match preference {
        Preference::Highest => "highest",
        Preference::Lowest => "lowest",
        Preference::LowestDirect => "lowest-direct",
    };
    made.field("prerelease", prereleases)
        .field("resolution", preference)
        .fields("exclude-newer", exclude_newer)
        .fields("only-binary", projects(only_binary))
        .fields("no-binary", projects(no_binary))
}

fn projects(projects: &Projects) -> Vec<String> {
    let Projects { all, named } = projects;
    let all = all.then(|| ":all:".to_owned());
    all.into_iter().chain(named.iter().map(ToString::to_string)).collect()
}

fn add_targets(made: Fingerprint, targets: &Targets) -> Fingerprint {
    match targets {
        Targets::One(target) => made.fields("target", facts(target)),
        // A name says all that a target was made from.
        Targets::Several(targets) => {
            made.fields("targets", targets.iter().map(|NamedTarget { name, target: _ }| name))
        }
        Targets::Universal(python) => made.field("universal", python),
    }
}

/// What of a target shapes a lock: not the patch version of Python or of the C library, which differ
/// between machines that one lock is meant for.
fn facts(target: &Target) -> [String; 5] {
    let Target { markers, tags } = target;
    let TagFacts {
        implementation,
        python: (major, minor),
        free_threaded,
        debug: _,
        machine,
        libc,
        other_platforms: _,
    } = tags.facts();
    let libc = match libc {
        Some(Libc::Glibc { .. }) => "glibc",
        Some(Libc::Musl { .. }) => "musl",
        None => "none",
    };
    let threads = if *free_threaded { "t" } else { "" };
    [
        format!("{major}.{minor}{threads}"),
        implementation.clone(),
        machine.clone(),
        markers.sys_platform().to_owned(),
        libc.to_owned(),
    ]
}

fn requirement(line: &Requirement) -> Vec<String> {
    let Requirement { name, extras, source, marker, hashes, origin: _ } = line;
    let source = match source {
        Source::Registry(specifiers) => pyfast_packaging::requirement::compact(specifiers),
        Source::Wheel(wheel) => direct_wheel(wheel),
        Source::Tree(source) => direct_source(source),
    };
    let extras: Vec<&str> = extras.iter().map(AsRef::as_ref).collect();
    let marker = marker::text_or_note(marker).unwrap_or_default();
    let mut values = vec![name.to_string(), extras.join(","), source, marker];
    values.extend(hashes.iter().map(hash));
    values
}

/// A SHA-256 without its kind, as locks have had it from the beginning.
fn hash(digest: &Digest) -> String {
    digest.sha256().map_or_else(|| digest.to_string(), |sha256| sha256.to_string())
}

/// A wheel of this machine is compared by its content with the one that was locked.
fn direct_wheel(wheel: &DirectWheel) -> String {
    let DirectWheel { filename, location, digest } = wheel;
    let place = match location {
        Location::Url(url) => url.to_string(),
        Location::Path(_) => filename.to_string(),
    };
    let digest = digest.as_ref().map(|digest| format!("#{digest}").replacen(':', "=", 1));
    format!("@ {place}{}", digest.unwrap_or_default())
}

fn source_requirement(line: &SourceRequirement) -> Vec<String> {
    let SourceRequirement { name, extras, source, marker, hashes, origin: _, constraint } = line;
    let name = name.as_ref().map(ToString::to_string).unwrap_or_default();
    let extras: Vec<&str> = extras.iter().map(AsRef::as_ref).collect();
    let marker = marker::text_or_note(marker).unwrap_or_default();
    let role = if *constraint { "constraint" } else { "requirement" };
    let mut values = vec![role.to_owned(), name, extras.join(","), direct_source(source), marker];
    values.extend(description(source));
    values.extend(hashes.iter().map(hash));
    values
}

/// The text as it was written says name, extras, digest and directory too.
fn direct_source(source: &DirectSource) -> String {
    let DirectSource { name: _, extras: _, place: _, subdirectory: _, digest: _, editable, text } =
        source;
    let editable = if *editable { "-e " } else { "" };
    format!("@ {editable}{text}")
}

/// What of a directory shapes a lock: the files that describe it, and those that tools read
/// requirements from. What is computed from anything else is noticed when it is built.
fn description(source: &DirectSource) -> Vec<String> {
    let Place::Directory(path) = &source.place else { return Vec::new() };
    let project = path.join(source.subdirectory.as_deref().unwrap_or_default());
    let mut files: Vec<PathBuf> = PROJECT_FILES.map(|name| project.join(name)).into();
    let beside = fs_err::read_dir(&project).into_iter().flatten().flatten();
    let beside = beside.map(|entry| entry.path());
    files.extend(beside.filter(|path| path.extension().is_some_and(|end| end == "txt")));
    files.sort();
    files.iter().map(|file| content(file)).collect()
}

fn content(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().display();
    match pyfast_root::regular_file::read(file) {
        Ok(content) => format!("{name} {}", Sha256::of(&content)),
        // What is there but cannot be read shapes nothing either.
        Err(_absent) => format!("{name} -"),
    }
}

#[cfg(test)]
mod tests {
    use pyfast_packaging::PackageName;
    use pyfast_packaging::requirement::Origin;
    use pyfast_packaging::requirement_line;

    use super::*;
    use crate::candidate::Policy;
    use crate::fixtures::target;

    fn line(text: &str) -> Requirement {
        let origin = Origin { file: "r.txt".into(), line: 1 };
        requirement_line::parse(text, &origin, Path::new("/w")).expect(text)
    }

    /// What differs between two requests is what `change` does to the second.
    #[track_caller]
    fn check(counts: bool, change: impl Fn(&mut RequirementSet, &mut LockRequest<'_>)) {
        let made = |change: &dyn Fn(&mut RequirementSet, &mut LockRequest<'_>)| {
            let mut set = RequirementSet {
                requirements: vec![line("a>=1"), line("b; python_version < '3'")],
                ..RequirementSet::default()
            };
            let empty = RequirementSet::default();
            let mut request = LockRequest {
                set: &empty,
                targets: Targets::One(target()),
                policy: Policy::default(),
                kept: Vec::new(),
                limits: Vec::new(),
                no_deps: false,
            };
            change(&mut set, &mut request);
            LockRequest { set: &set, ..request }.fingerprint()
        };
        let plain = made(&|_, _| ());
        assert!(plain.starts_with("3:sha256:"), "{plain}");
        assert_eq!(made(&change) != plain, counts);
    }

    #[test]
    fn what_shapes_a_lock_counts() {
        check(true, |set, _| set.requirements.swap(0, 1));
        check(true, |set, _| set.requirements[0] = line("a>=2"));
        check(true, |set, _| set.requirements[0] = line("a[x]>=1"));
        check(true, |set, _| set.requirements[1].marker = line("b").marker);
        check(true, |set, _| set.constraints.push(line("c<2")));
        check(true, |set, _| set.overrides.push(line("c<2")));
        check(true, |set, _| set.build_constraints.push(line("c<2")));
        check(true, |set, _| set.excludes.extend("c".parse::<PackageName>()));
        check(true, |set, _| set.index.pre = true);
        check(true, |set, _| set.index.require_hashes = true);
        check(true, |set, _| set.index.no_binary.push("a".to_owned()));
        check(true, |_, request| request.no_deps = true);
        check(true, |_, request| request.policy.prereleases = Prereleases::Allow);
        check(true, |_, request| request.policy.preference = Preference::Lowest);
        check(true, |_, request| request.policy.exclude_newer = "2026-01-31".parse().ok());
        check(true, |_, request| request.policy.formats.only_binary.all = true);
        check(true, |_, request| {
            request.targets = Targets::Universal(">=3.9".parse().expect("specifiers"));
        });
    }

    #[test]
    fn mirrors_places_and_upgrades_do_not() {
        check(false, |set, _| set.index.index_url = Some("https://mirror.test/".to_owned()));
        check(false, |set, _| set.files.push("/elsewhere/r.txt".into()));
        check(false, |set, _| set.requirements[0].origin.line = 7);
        check(false, |_, request| request.limits.push(line("a<3")));
    }

    #[test]
    fn a_wheel_of_this_machine_is_the_same_in_another_checkout() {
        let set = |working: &str| {
            let origin = Origin { file: "r.txt".into(), line: 1 };
            let text = "./w/a-1.0-py3-none-any.whl";
            requirement_line::parse(text, &origin, Path::new(working)).expect("a wheel")
        };
        assert_eq!(requirement(&set("/one")), requirement(&set("/another")));
    }
}
