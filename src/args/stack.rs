//! Which compose project is meant, as it is typed.

use std::path::PathBuf;

use pyfast_stack::ComposeFlags;

/// Which compose files are meant.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct StackArgs {
    /// A compose file; give it again for further ones [default: as Compose finds them]
    #[arg(short = 'f', long = "file", value_name = "FILE", help_heading = "Compose options")]
    pub(crate) files: Vec<PathBuf>,
    /// A profile to be active
    #[arg(long = "profile", value_name = "NAME", help_heading = "Compose options")]
    pub(crate) profiles: Vec<String>,
}

impl StackArgs {
    /// The plain values.
    pub(crate) fn flags(&self) -> ComposeFlags {
        ComposeFlags { files: self.files.clone(), profiles: self.profiles.clone() }
    }
}
