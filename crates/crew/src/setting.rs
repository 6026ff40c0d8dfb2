//! What of the settings shapes a sync's result: a fingerprint that the state keeps. Owns which settings those
//! are; each is named, and a new one does not compile before it was thought about.

use std::path::Path;

use pyfast_environment::state::Setting;
use pyfast_installer::link::Habitat;
use pyfast_resolver::{Preference, Prereleases};
use pyfast_root::Fingerprint;

use crate::inputs::requirement_files;
use crate::task::{Options, Task};
use pyfast_settings::{EnvConfig, ResolveFlags, Root, Settings};

/// Raised with every field that is added or gets another meaning.
const VERSION: u32 = 7;

/// Everything that shapes a sync's result beside its inputs: who writes the environment, the root as Python sees it, and the
/// identity of the interpreter that it is for.
pub(crate) fn setting(
    task: Task<'_>,
    habitat: Habitat,
    seen: &Path,
    interpreter: String,
) -> Setting {
    let Task { options, settings, .. } = task;
    let Options {
        resolve,
        lock_use,
        dry_run: _,
        cause: _,
        install: _,
        drafts: _,
        without_hashes: _,
    } = options;
    let project = &settings.project;
    let files = requirement_files(resolve, settings).unwrap_or_default();
    let constraints = project.constraints(&resolve.constraints, &settings.env);
    let host = habitat == Habitat::Host;
    let fingerprint = Fingerprint::new("sync", VERSION)
        .field("resolve", resolving(resolve))
        .field("lock-use", lock_use)
        .field("install", task.install().fingerprint())
        .field("host", host)
        .field("seen", seen.display())
        .field("indexes", pyfast_settings::fingerprint(settings))
        .fields("strategy", &project.config.index.strategy)
        .field("native", project.config.native.fingerprint())
        .field("working-directory", project.working_directory.display())
        .fields("requirements", files.iter().map(|file| file.display()))
        .fields("constraints", constraints.iter().map(|file| file.display()))
        .field(
            "environment",
            project.config.env.get(&settings.env).map_or_else(String::new, EnvConfig::fingerprint),
        );
    Setting { settings: fingerprint.finish(), interpreter }
}

/// Who writes to the environments that settings name.
pub(crate) fn habitat(settings: &Settings) -> Habitat {
    match (&settings.root, &settings.python) {
        (Root::Directory(root), python)
            if python.is_here() && settings.own_root.as_ref() != Some(root) =>
        {
            Habitat::Host
        }
        _ => Habitat::Volume,
    }
}

fn resolving(args: &ResolveFlags) -> String {
    let ResolveFlags {
        // In fields of their own, as they are meant.
        requirements: _,
        constraints: _,
        extra,
        all_extras,
        group,
        only_group,
        overrides,
        prerelease,
        resolution,
        exclude_newer,
        require_hashes,
        // Asks for more than what stands.
        upgrade: _,
        upgrade_package: _,
        exclude_dependency,
        no_deps,
        no_build,
        only_binary,
        no_binary,
        config_settings,
        build_constraints,
        no_build_isolation,
        // Changes how long it takes.
        concurrent_builds: _,
    } = args;
    Fingerprint::new("resolve", VERSION)
        .fields("extra", extra)
        .field("all-extras", all_extras)
        .fields("group", group)
        .fields("only-group", only_group)
        .fields("override", overrides.iter().map(|file| file.display()))
        .fields("prerelease", prerelease.map(prereleases))
        .fields("resolution", resolution.map(preference))
        .fields("exclude-newer", exclude_newer)
        .field("require-hashes", require_hashes)
        .fields("exclude-dependency", exclude_dependency)
        .field("no-deps", no_deps)
        .field("no-build", no_build)
        .fields("only-binary", only_binary)
        .fields("no-binary", no_binary)
        .fields("config-settings", config_settings)
        .fields("build-constraint", build_constraints.iter().map(|file| file.display()))
        .field("no-build-isolation", no_build_isolation)
        .finish()
}

/// A choice as it is written on the command line.
fn prereleases(choice: Prereleases) -> &'static str {
    match choice {
        Prereleases::IfNecessary => "if-necessary",
        Prereleases::Allow => "allow",
        Prereleases::Explicit => "explicit",
        Prereleases::Disallow => "disallow",
    }
}

/// A choice as it is written on the command line.
fn preference(choice: Preference) -> &'static str {
    match choice {
        Preference::Highest => "highest",
        Preference::Lowest => "lowest",
        Preference::LowestDirect => "lowest-direct",
    }
}
