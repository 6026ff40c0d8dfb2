//! The flags of a command line as plain values. Owns which there are; how they are typed and explained is the command
//! line's, what is meant by them, once files and defaults are known too, is `settings`'.

mod resolve;

use std::path::PathBuf;

use pyfast_resolver::IndexStrategy;

pub use resolve::{ResolveFlags, Upgrade};

/// What every command understands.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The project's directory.
    pub project: Option<PathBuf>,
    /// The project's name below the root.
    pub project_name: Option<String>,
    /// The directory where store and environments live.
    pub root: Option<PathBuf>,
    /// The volume where they live.
    pub volume: Option<String>,
    /// Where pages, interpreters and clones are remembered.
    pub cache_dir: Option<PathBuf>,
    /// The environment of the project.
    pub env: Option<String>,
    /// The interpreter: a path, a version, or `image`.
    pub python: Option<String>,
    /// The image that the interpreter is in.
    pub image: Option<String>,
    /// The remote store, or `none`.
    pub remote: Option<String>,
    /// Where packages are looked for.
    pub index: IndexFlags,
    /// Whether only results and errors are wanted: who is told nothing has not been told.
    pub quiet: bool,
}

/// Where packages are looked for.
#[derive(Debug, Clone, Default)]
pub struct IndexFlags {
    /// Whether the cache alone is used.
    pub offline: bool,
    /// The index.
    pub index_url: Option<String>,
    /// Further indexes, searched before it.
    pub extra_index_url: Vec<String>,
    /// Directories of wheels, and pages that link to them.
    pub find_links: Vec<String>,
    /// Channels that managed Pythons and native libraries come from, instead of those that the project names.
    pub channels: Vec<String>,
    /// Whether no index is used.
    pub no_index: bool,
    /// How several indexes are searched.
    pub index_strategy: Option<IndexStrategy>,
    /// Whether the program `keyring` gives passwords.
    pub keyring_provider: Option<KeyringProvider>,
    /// By which proxy servers are reached.
    pub proxy: Option<String>,
    /// A PEM file with the certificates to trust.
    pub cert: Option<PathBuf>,
    /// A PEM file with a certificate and its key.
    pub client_cert: Option<PathBuf>,
    /// Hosts whose certificates are not checked.
    pub allow_insecure_host: Vec<String>,
}

/// Whether the program `keyring` gives passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyringProvider {
    /// Asked after a server refused a request, where the program is there.
    Auto,
    /// Also asked first where a user is named without a password.
    Subprocess,
    /// Never asked.
    Disabled,
}
