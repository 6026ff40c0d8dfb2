//! What shapes a resolution, as it is typed: the flags that `lock` and `sync` share.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::ValueEnum;
use pyfast_packaging::{ExtraName, PackageName};
use pyfast_resolver::cutoff::Cutoff;
use pyfast_resolver::{Preference, Prereleases};
use pyfast_settings::{ResolveFlags, Upgrade};

/// What shapes a resolution.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ResolveArgs {
    /// A requirements file, a `pyproject.toml`, or a script with a header (PEP 723)
    #[arg(short, long = "requirements", visible_alias = "requirement", value_name = "FILE")]
    pub(crate) requirements: Vec<PathBuf>,
    /// Optional dependencies of a `pyproject.toml` to include
    #[arg(long, value_name = "EXTRA")]
    pub(crate) extra: Vec<ExtraName>,
    /// Include all optional dependencies
    #[arg(long, conflicts_with = "extra")]
    pub(crate) all_extras: bool,
    /// A dependency group (PEP 735) to add, of the project's `pyproject.toml` or of the one named
    #[arg(long, value_name = "[FILE:]GROUP")]
    pub(crate) group: Vec<String>,
    /// A dependency group without what the project itself depends on
    #[arg(long, value_name = "[FILE:]GROUP", conflicts_with_all = ["extra", "all_extras"])]
    pub(crate) only_group: Vec<String>,
    /// A constraints file: limits versions of what is otherwise needed
    #[arg(
        short,
        long = "constraints",
        visible_alias = "constraint",
        value_name = "FILE",
        env = "PYFAST_CONSTRAINTS",
        value_delimiter = ' '
    )]
    pub(crate) constraints: Vec<PathBuf>,
    /// An overrides file: replaces every requirement on the packages it names
    #[arg(long = "override", value_name = "FILE", env = "PYFAST_OVERRIDE", value_delimiter = ' ')]
    pub(crate) overrides: Vec<PathBuf>,
    /// Whether pre-releases may be chosen [default: if-necessary, or as [tool.uv] says]
    #[arg(
        long,
        value_name = "MODE",
        env = "PYFAST_PRERELEASE",
        help_heading = "Resolution options"
    )]
    pub(crate) prerelease: Option<PrereleaseMode>,
    /// Which versions are preferred [default: highest, or as [tool.uv] says]
    #[arg(
        long,
        value_name = "MODE",
        env = "PYFAST_RESOLUTION",
        help_heading = "Resolution options"
    )]
    pub(crate) resolution: Option<ResolutionMode>,
    /// Ignore files uploaded at or after this time (2026-01-31 or 2026-01-31T12:00:00Z)
    #[arg(
        long,
        value_name = "TIME",
        env = "PYFAST_EXCLUDE_NEWER",
        help_heading = "Resolution options"
    )]
    pub(crate) exclude_newer: Option<Cutoff>,
    /// Require a hash for every distribution
    #[arg(long, env = "PYFAST_REQUIRE_HASHES", help_heading = "Resolution options")]
    pub(crate) require_hashes: bool,
    /// Take the newest versions instead of keeping those of the existing lock
    #[arg(short = 'U', long, help_heading = "Resolution options")]
    pub(crate) upgrade: bool,
    /// Take the newest version of this package, below a limit where one is given (`name<2`), and keep the others
    #[arg(
        short = 'P',
        long,
        value_name = "PACKAGE[<VERSION]",
        help_heading = "Resolution options"
    )]
    pub(crate) upgrade_package: Vec<Upgrade>,
    /// Leave this package out, whoever asks for it
    #[arg(long, value_name = "PACKAGE", help_heading = "Resolution options")]
    pub(crate) exclude_dependency: Vec<PackageName>,
    /// Leave the dependencies of the requirements out
    #[arg(long, env = "PYFAST_NO_DEPS", help_heading = "Resolution options")]
    pub(crate) no_deps: bool,
    /// Build nothing from source: use only wheels
    #[arg(long, env = "PYFAST_NO_BUILD", help_heading = "Resolution options")]
    pub(crate) no_build: bool,
    /// Use only wheels of this package, or of `:all:`
    #[arg(long, value_name = "PACKAGE", help_heading = "Resolution options")]
    pub(crate) only_binary: Vec<String>,
    /// Build this package from source, or `:all:`, even where there are wheels
    #[arg(long, value_name = "PACKAGE", help_heading = "Resolution options")]
    pub(crate) no_binary: Vec<String>,
    /// A setting for build backends; may be repeated
    #[arg(short = 'C', long, value_name = "KEY=VALUE", help_heading = "Build options")]
    pub(crate) config_settings: Vec<String>,
    /// A constraints file for what builds need
    #[arg(
        long = "build-constraint",
        visible_alias = "build-constraints",
        value_name = "FILE",
        env = "PYFAST_BUILD_CONSTRAINT",
        value_delimiter = ' ',
        help_heading = "Build options"
    )]
    pub(crate) build_constraints: Vec<PathBuf>,
    /// Build with what the interpreter itself has installed, in no environment of its own
    #[arg(long, env = "PYFAST_NO_BUILD_ISOLATION", help_heading = "Build options")]
    pub(crate) no_build_isolation: bool,
    /// How many builds run at once [default: by processors and free memory]
    #[arg(
        long,
        value_name = "N",
        env = "PYFAST_CONCURRENT_BUILDS",
        help_heading = "Build options"
    )]
    pub(crate) concurrent_builds: Option<NonZeroUsize>,
}

impl ResolveArgs {
    /// Whether it says what to install, and so is a request of its own.
    pub(crate) fn names_something(&self) -> bool {
        let lists = self.group.iter().chain(&self.only_group).count();
        !(self.requirements.is_empty() && self.extra.is_empty() && lists == 0) || self.all_extras
    }

    /// This, and what it leaves open as in an earlier request.
    pub(crate) fn over(self, earlier: Self) -> Self {
        Self {
            requirements: or(self.requirements, earlier.requirements),
            extra: or(self.extra, earlier.extra),
            all_extras: self.all_extras || earlier.all_extras,
            group: or(self.group, earlier.group),
            only_group: or(self.only_group, earlier.only_group),
            constraints: or(self.constraints, earlier.constraints),
            overrides: or(self.overrides, earlier.overrides),
            prerelease: self.prerelease.or(earlier.prerelease),
            resolution: self.resolution.or(earlier.resolution),
            exclude_newer: self.exclude_newer.or(earlier.exclude_newer),
            require_hashes: self.require_hashes || earlier.require_hashes,
            // They ask once.
            upgrade: self.upgrade,
            upgrade_package: self.upgrade_package,
            exclude_dependency: or(self.exclude_dependency, earlier.exclude_dependency),
            no_deps: self.no_deps || earlier.no_deps,
            no_build: self.no_build || earlier.no_build,
            only_binary: or(self.only_binary, earlier.only_binary),
            no_binary: or(self.no_binary, earlier.no_binary),
            config_settings: or(self.config_settings, earlier.config_settings),
            build_constraints: or(self.build_constraints, earlier.build_constraints),
            no_build_isolation: self.no_build_isolation || earlier.no_build_isolation,
            // It is about this machine at this moment.
            concurrent_builds: self.concurrent_builds,
        }
    }

    /// The plain values.
    pub(crate) fn flags(&self) -> ResolveFlags {
        let args = self.clone();
        ResolveFlags {
            requirements: args.requirements,
            extra: args.extra,
            all_extras: args.all_extras,
            group: args.group,
            only_group: args.only_group,
            constraints: args.constraints,
            overrides: args.overrides,
            prerelease: args.prerelease.map(Into::into),
            resolution: args.resolution.map(Into::into),
            exclude_newer: args.exclude_newer,
            require_hashes: args.require_hashes,
            upgrade: args.upgrade,
            upgrade_package: args.upgrade_package,
            exclude_dependency: args.exclude_dependency,
            no_deps: args.no_deps,
            no_build: args.no_build,
            only_binary: args.only_binary,
            no_binary: args.no_binary,
            config_settings: args.config_settings,
            build_constraints: args.build_constraints,
            no_build_isolation: args.no_build_isolation,
            concurrent_builds: args.concurrent_builds,
        }
    }
}

/// A list, or an earlier one where it is empty.
fn or<T>(list: Vec<T>, earlier: Vec<T>) -> Vec<T> {
    if list.is_empty() { earlier } else { list }
}

/// Whether pre-releases may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrereleaseMode {
    /// Only where no stable version satisfies
    IfNecessary,
    /// Like stable versions
    Allow,
    /// Only of packages for which the requirements name one
    Explicit,
    /// Never
    Disallow,
}

/// Which versions are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResolutionMode {
    /// The newest
    Highest,
    /// The oldest
    Lowest,
    /// The oldest of what the requirements name, the newest of everything else
    LowestDirect,
}

impl From<PrereleaseMode> for Prereleases {
    fn from(mode: PrereleaseMode) -> Self {
        match mode {
            PrereleaseMode::IfNecessary => Self::IfNecessary,
            PrereleaseMode::Allow => Self::Allow,
            PrereleaseMode::Explicit => Self::Explicit,
            PrereleaseMode::Disallow => Self::Disallow,
        }
    }
}

impl From<ResolutionMode> for Preference {
    fn from(mode: ResolutionMode) -> Self {
        match mode {
            ResolutionMode::Highest => Self::Highest,
            ResolutionMode::Lowest => Self::Lowest,
            ResolutionMode::LowestDirect => Self::LowestDirect,
        }
    }
}
