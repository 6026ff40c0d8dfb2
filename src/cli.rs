//! The top level of the command line. Each command's own arguments live with the command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pyfast_resolver::IndexStrategy;

use crate::commands;

/// Installs Python dependencies into a shared volume, and starts slim containers on it.
///
/// `pyfast sync` turns a requirements file into an immutable environment; `pyfast run -- CMD` runs a
/// command in it, on this machine or as the entrypoint of a container that mounts the volume.
#[derive(Debug, Parser)]
#[command(
    name = "pyfast",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  pyfast sync -r requirements.txt\n  pyfast run -- python -m app\n  \
                  pyfast sync --volume pyfast-app --image app:latest\n\nExit codes: 0 done, 1 you can mend \
                  it, 2 usage or configuration, 3 container engine unreachable, 101 our fault."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CommonArgs {
    /// Project directory [default: nearest parent with pyfast.toml, else the current directory]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PYFAST_PROJECT",
        help_heading = "Common options"
    )]
    pub(crate) project: Option<PathBuf>,
    /// The name of the project below the root [default: of pyfast.toml, else made from the directory]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PYFAST_PROJECT_NAME",
        help_heading = "Common options"
    )]
    pub(crate) project_name: Option<String>,
    /// Directory where store and environments live [default: the user's data directory]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PYFAST_ROOT",
        help_heading = "Common options"
    )]
    pub(crate) root: Option<PathBuf>,
    /// Docker volume where store and environments live
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PYFAST_VOLUME",
        conflicts_with = "root",
        help_heading = "Common options"
    )]
    pub(crate) volume: Option<String>,
    /// Where index pages, interpreters and clones are remembered [default: the user's cache directory]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PYFAST_CACHE_DIR",
        help_heading = "Common options"
    )]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Which environment of the project [default: default]
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PYFAST_ENV",
        help_heading = "Common options"
    )]
    pub(crate) env: Option<String>,
    /// The interpreter the environment is for: a path, a version, or `image`
    #[arg(
        long,
        global = true,
        value_name = "PATH|VERSION|image",
        env = "PYFAST_PYTHON",
        help_heading = "Common options"
    )]
    pub(crate) python: Option<String>,
    /// The interpreter inside this image
    #[arg(
        long,
        global = true,
        value_name = "IMAGE",
        env = "PYFAST_IMAGE",
        help_heading = "Common options"
    )]
    pub(crate) image: Option<String>,
    #[command(flatten)]
    pub(crate) index: IndexArgs,
    /// Print results and errors only
    #[arg(short, long, global = true, env = "PYFAST_QUIET", help_heading = "Output options")]
    pub(crate) quiet: bool,
    /// Say more; give it twice for still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output options")]
    pub(crate) verbose: u8,
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "PYFAST_COLOR",
        help_heading = "Output options"
    )]
    pub(crate) color: ColorChoice,
}

/// Where packages are looked for.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct IndexArgs {
    /// Use the cache only, never the network
    #[arg(long, global = true, env = "PYFAST_OFFLINE", help_heading = "Index options")]
    pub(crate) offline: bool,
    /// The index [default: what uv's and pip's variables, pyfast.toml, pip's configuration or pip itself name]
    #[arg(
        short = 'i',
        long,
        global = true,
        value_name = "URL",
        env = "PYFAST_INDEX_URL",
        hide_env_values = true,
        help_heading = "Index options"
    )]
    pub(crate) index_url: Option<String>,
    /// A further index, searched before the default one
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PYFAST_EXTRA_INDEX_URL",
        value_delimiter = ' ',
        hide_env_values = true,
        help_heading = "Index options"
    )]
    pub(crate) extra_index_url: Vec<String>,
    /// A directory of wheels, or a page that links to them
    #[arg(
        short = 'f',
        long,
        global = true,
        value_name = "PATH_OR_URL",
        env = "PYFAST_FIND_LINKS",
        value_delimiter = ' ',
        hide_env_values = true,
        help_heading = "Index options"
    )]
    pub(crate) find_links: Vec<String>,
    /// Use no index, only --find-links and wheels named directly
    #[arg(long, global = true, env = "PYFAST_NO_INDEX", help_heading = "Index options")]
    pub(crate) no_index: bool,
    /// How several indexes are searched [default: first-index]
    #[arg(
        long,
        global = true,
        value_name = "STRATEGY",
        env = "PYFAST_INDEX_STRATEGY",
        help_heading = "Index options"
    )]
    pub(crate) index_strategy: Option<Strategy>,
    /// Whether the program `keyring` gives passwords [default: auto]
    #[arg(
        long,
        global = true,
        value_name = "PROVIDER",
        env = "PYFAST_KEYRING_PROVIDER",
        help_heading = "Index options"
    )]
    pub(crate) keyring_provider: Option<KeyringProvider>,
    /// A PEM file with a certificate and its key, for servers that ask for one
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PYFAST_CLIENT_CERT",
        help_heading = "Index options"
    )]
    pub(crate) client_cert: Option<PathBuf>,
    /// A host whose certificate is not checked
    #[arg(
        long,
        global = true,
        value_name = "HOST[:PORT]",
        alias = "trusted-host",
        env = "PYFAST_ALLOW_INSECURE_HOST",
        value_delimiter = ' ',
        help_heading = "Index options"
    )]
    pub(crate) allow_insecure_host: Vec<String>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether the program `keyring` gives passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyringProvider {
    /// Asked after a server refused a request, where the program is there
    Auto,
    /// Also asked first where a user is named without a password
    Subprocess,
    /// Never asked
    Disabled,
}

/// How several indexes are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Strategy {
    /// The first index that has the project has all its versions
    FirstIndex,
    /// Earlier indexes' versions first, later ones' where none fits
    UnsafeFirstMatch,
    /// The best version of any index
    UnsafeBestMatch,
}

impl From<Strategy> for IndexStrategy {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::FirstIndex => Self::FirstIndex,
            Strategy::UnsafeFirstMatch => Self::UnsafeFirstMatch,
            Strategy::UnsafeBestMatch => Self::UnsafeBestMatch,
        }
    }
}

/// For commands that have a result.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct ResultArgs {
    /// Print one JSON object with the result
    #[arg(long, env = "PYFAST_JSON")]
    pub(crate) json: bool,
}

impl Command {
    /// Whether the result is wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Lock(args) => args.result.json,
            Self::Sync(args) => args.result.json,
            Self::List(args) => args.json(),
            Self::Why(args) => args.result.json,
            Self::Tree(args) => args.result.json,
            Self::Outdated(args) => args.result.json,
            Self::Export(args) => args.result.json,
            Self::History(args) => args.result.json,
            Self::Rollback(args) => args.result.json,
            Self::Verify(args) => args.result.json,
            Self::Gc(args) => args.result.json,
            Self::Init(args) => args.result.json,
            Self::Diff(args) => args.result.json,
            Self::Up(args) => args.result.json,
            Self::Restart(args) => args.result.json,
            Self::Ps(args) => args.result.json,
            Self::Doctor(args) => args.result.json,
            Self::Down(_)
            | Self::Logs(_)
            | Self::Run(_)
            | Self::Bench(_)
            | Self::Cache(_)
            | Self::BuildSource(_)
            | Self::Completions(_) => false,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(commands::init::Args),
    Lock(commands::lock::Args),
    Sync(commands::sync::Args),
    Run(commands::run::Args),
    Up(commands::up::Args),
    Down(commands::down::Args),
    Restart(commands::restart::Args),
    Ps(commands::ps::Args),
    Logs(commands::logs::Args),
    Bench(commands::bench::Args),
    List(commands::list::Args),
    Why(commands::why::Args),
    Tree(commands::tree::Args),
    Outdated(commands::outdated::Args),
    Export(commands::export::Args),
    History(commands::history::Args),
    Rollback(commands::rollback::Args),
    Verify(commands::verify::Args),
    Gc(commands::gc::Args),
    Diff(commands::diff::Args),
    Doctor(commands::doctor::Args),
    Cache(commands::cache::Args),
    BuildSource(commands::build_source::Args),
    Completions(commands::completions::Args),
}
