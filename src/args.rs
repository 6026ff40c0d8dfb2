//! Arguments that several commands share, as they are typed. Owns their names, variables and help; what is meant by them,
//! once files and defaults are known too, is `settings`'. Must not know any command.

mod edit;
mod index;
mod resolve;
mod stack;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pyfast_settings::Flags;

pub(crate) use self::edit::EditArgs;
pub(crate) use self::index::{IndexArgs, short_find_links};
pub(crate) use self::resolve::{PrereleaseMode, ResolveArgs};
pub(crate) use self::stack::{StackArgs, without_short};

/// What every command understands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct CommonArgs {
    /// Project directory [default: nearest parent with pyfast.toml, or with requirements in the same repository, else the current directory]
    #[arg(long, global = true, value_name = "DIR", env = "PYFAST_PROJECT")]
    pub(crate) project: Option<PathBuf>,
    /// The name of the project below the root [default: of pyfast.toml, else made from the directory]
    #[arg(long, global = true, value_name = "NAME", env = "PYFAST_PROJECT_NAME")]
    pub(crate) project_name: Option<String>,
    /// Directory where store and environments live [default: the user's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "PYFAST_ROOT")]
    pub(crate) root: Option<PathBuf>,
    /// Docker volume where store and environments live
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PYFAST_VOLUME",
        conflicts_with = "root"
    )]
    pub(crate) volume: Option<String>,
    /// Where index pages, interpreters and clones are remembered [default: the user's cache directory]
    #[arg(long, global = true, value_name = "DIR", env = "PYFAST_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Which environment of the project [default: default]
    #[arg(long, global = true, value_name = "NAME", env = "PYFAST_ENV")]
    pub(crate) env: Option<String>,
    /// The interpreter the environment is for: a path, a version, or `image`
    #[arg(long, global = true, value_name = "PATH|VERSION|image", env = "PYFAST_PYTHON")]
    pub(crate) python: Option<String>,
    /// The interpreter inside this image
    #[arg(long, global = true, value_name = "IMAGE", env = "PYFAST_IMAGE")]
    pub(crate) image: Option<String>,
    /// The remote store that wheels are looked for in before the index: `s3://BUCKET/PREFIX`, `file:///DIR` or `none`
    #[arg(long, global = true, value_name = "URL", env = "PYFAST_REMOTE")]
    pub(crate) remote: Option<String>,
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

impl CommonArgs {
    /// The plain values of what is not about talking.
    pub(crate) fn flags(&self) -> Flags {
        let args = self.clone();
        Flags {
            project: args.project,
            project_name: args.project_name,
            root: args.root,
            volume: args.volume,
            cache_dir: args.cache_dir,
            env: args.env,
            python: args.python,
            image: args.image,
            remote: args.remote,
            index: args.index.flags(),
            quiet: args.quiet,
        }
    }
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

/// For commands that have a result.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct ResultArgs {
    /// Print one JSON object with the result
    #[arg(long, env = "PYFAST_JSON")]
    pub(crate) json: bool,
}
