//! Which compose project is meant, as it is typed. Flags that Compose has too mean what they mean there.

use std::path::PathBuf;

use clap::Arg;
use pyfast_settings::Variables;
use pyfast_stack::ComposeFlags;
use pyfast_usage::Shared;

use super::CommonArgs;

/// Which compose files are meant.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct StackArgs {
    /// A compose file; give it again for further ones [default: as Compose finds them]
    #[arg(short = 'f', long = "file", value_name = "FILE", help_heading = "Compose options")]
    pub(crate) files: Vec<PathBuf>,
    /// A profile to be active
    #[arg(long = "profile", value_name = "NAME", help_heading = "Compose options")]
    profiles: Vec<String>,
    /// A file of variables, in the place of .env
    #[arg(long = "env-file", value_name = "FILE", help_heading = "Compose options")]
    env_files: Vec<PathBuf>,
    /// The compose project's name [default: as Compose finds it]
    #[arg(short = 'p', value_name = "NAME", help_heading = "Compose options")]
    compose_project: Option<String>,
}

impl StackArgs {
    /// The plain values of what no variable says.
    pub(crate) fn flags(&self) -> ComposeFlags {
        let (files, profiles) = (self.files.clone(), self.profiles.clone());
        ComposeFlags { files, profiles, ..ComposeFlags::default() }
    }

    /// The variables that say the rest.
    pub(crate) fn variables(&self, variables: Variables) -> Variables {
        let files = self.env_files.iter().filter_map(|file| std::path::absolute(file).ok());
        variables.of_compose(self.compose_project.as_ref(), &files.collect::<Vec<_>>())
    }
}

/// A common option without the short form that Compose's command of the same name uses for something else.
pub(crate) fn without_short(name: &str) -> Arg {
    static SHARED: Shared = Shared::of::<CommonArgs>();
    SHARED.option(name).short(None)
}
