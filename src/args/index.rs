//! Where packages are looked for, as it is typed.

use std::path::PathBuf;

use clap::{Arg, Args, ValueEnum};
use pyfast_resolver::IndexStrategy;
use pyfast_settings::IndexFlags;
use pyfast_usage::Shared;

/// `--find-links` with the short form that pip has, for commands that look for packages. The others have no such form:
/// in commands of containers `-f` is a compose file.
pub(crate) fn short_find_links() -> Arg {
    static SHARED: Shared = Shared::of::<IndexArgs>();
    SHARED.option("find-links").short('f')
}

/// Where packages are looked for.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Index options")]
pub(crate) struct IndexArgs {
    /// Use the cache only, never the network
    #[arg(long, global = true, env = "PYFAST_OFFLINE")]
    pub(crate) offline: bool,
    /// The index [default: what uv's and pip's variables, pyfast.toml, pip's configuration or pip itself name]
    #[arg(
        short = 'i',
        long,
        global = true,
        value_name = "URL",
        env = "PYFAST_INDEX_URL",
        hide_env_values = true
    )]
    pub(crate) index_url: Option<String>,
    /// A further index, searched before the default one
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PYFAST_EXTRA_INDEX_URL",
        value_delimiter = ' ',
        hide_env_values = true
    )]
    pub(crate) extra_index_url: Vec<String>,
    /// A directory of wheels, or a page that links to them
    #[arg(
        long,
        global = true,
        value_name = "PATH_OR_URL",
        env = "PYFAST_FIND_LINKS",
        value_delimiter = ' ',
        hide_env_values = true
    )]
    pub(crate) find_links: Vec<String>,
    /// A conda channel that managed Pythons and native libraries come from, instead of those of pyfast.toml
    #[arg(
        long,
        global = true,
        value_name = "URL_OR_DIR",
        env = "PYFAST_CHANNELS",
        value_delimiter = ' ',
        hide_env_values = true
    )]
    pub(crate) channel: Vec<String>,
    /// Use no index, only --find-links and wheels named directly
    #[arg(long, global = true, env = "PYFAST_NO_INDEX")]
    pub(crate) no_index: bool,
    /// How several indexes are searched [default: first-index]
    #[arg(long, global = true, value_name = "STRATEGY", env = "PYFAST_INDEX_STRATEGY")]
    pub(crate) index_strategy: Option<Strategy>,
    /// Whether the program `keyring` gives passwords [default: auto]
    #[arg(long, global = true, value_name = "PROVIDER", env = "PYFAST_KEYRING_PROVIDER")]
    pub(crate) keyring_provider: Option<KeyringProvider>,
    /// The proxy of all servers [default: pip's configuration, `https_proxy`, `http_proxy`, `all_proxy`]
    #[arg(long, global = true, value_name = "URL", env = "PYFAST_PROXY", hide_env_values = true)]
    pub(crate) proxy: Option<String>,
    /// A PEM file with the certificates to trust [default: `SSL_CERT_FILE` and the like, else the system's]
    #[arg(long, global = true, value_name = "FILE", env = "PYFAST_CERT")]
    pub(crate) cert: Option<PathBuf>,
    /// A PEM file with a certificate and its key, for servers that ask for one
    #[arg(long, global = true, value_name = "FILE", env = "PYFAST_CLIENT_CERT")]
    pub(crate) client_cert: Option<PathBuf>,
    /// A host whose certificate is not checked
    #[arg(
        long,
        global = true,
        value_name = "HOST[:PORT]",
        alias = "trusted-host",
        env = "PYFAST_ALLOW_INSECURE_HOST",
        value_delimiter = ' '
    )]
    pub(crate) allow_insecure_host: Vec<String>,
}

impl IndexArgs {
    /// The plain values.
    pub(crate) fn flags(&self) -> IndexFlags {
        let args = self.clone();
        IndexFlags {
            offline: args.offline,
            index_url: args.index_url,
            extra_index_url: args.extra_index_url,
            find_links: args.find_links,
            channels: args.channel,
            no_index: args.no_index,
            index_strategy: args.index_strategy.map(Into::into),
            keyring_provider: args.keyring_provider.map(Into::into),
            proxy: args.proxy,
            cert: args.cert,
            client_cert: args.client_cert,
            allow_insecure_host: args.allow_insecure_host,
        }
    }
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

impl From<KeyringProvider> for pyfast_settings::KeyringProvider {
    fn from(provider: KeyringProvider) -> Self {
        match provider {
            KeyringProvider::Auto => Self::Auto,
            KeyringProvider::Subprocess => Self::Subprocess,
            KeyringProvider::Disabled => Self::Disabled,
        }
    }
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
