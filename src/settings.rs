//! The settings of a run, joined with the way of talking about it: what was typed and what the process was given become
//! the plain values that `pyfast_settings` decides by. Alone asks the process for its variables and its directory.

use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use pyfast_settings::{Doubt, Flags, Python, Root, Surroundings, Variables};

use crate::args::CommonArgs;
use crate::failure::Failure;
use crate::ui::Ui;
use pyfast_stack::assumed::{Recalled, recall};
use pyfast_stack::with_named_image;

/// What every command needs to know: the settings, and how to talk to the user. Whatever does not talk gets the
/// settings alone.
#[derive(Debug)]
pub(crate) struct Settings {
    meant: pyfast_settings::Settings,
    pub(crate) ui: Ui,
}

impl Deref for Settings {
    type Target = pyfast_settings::Settings;

    fn deref(&self) -> &Self::Target {
        &self.meant
    }
}

impl Settings {
    /// Decides everything that is the same for all commands.
    pub(crate) fn new(
        common: &CommonArgs,
        json: bool,
        variables: Variables,
    ) -> Result<Self, Failure> {
        let ui = Ui::new(common, json, &variables);
        Self::of_flags(common.flags(), variables, ui)
    }

    /// The same, or those of what the last `up` made, where nobody has configured the project.
    pub(crate) fn of_last_up(self) -> Self {
        let ui = self.ui;
        match recall(&self.meant) {
            Some(Recalled::Made { settings, volume }) => {
                ui.note(format!("As `pyfast up` had it: {} in the volume {volume}", settings.env));
                self.meaning(*settings)
            }
            Some(Recalled::Beside { environments, volume }) => {
                let names = environments.join(", ");
                ui.note(format!(
                    "Of this machine; `pyfast up` made {names} in {volume}: see --env"
                ));
                self
            }
            None => self,
        }
    }

    /// The same, with the image of a service by the name that it has here.
    pub(crate) fn with_named_image(self) -> Self {
        Self { meant: with_named_image(self.meant), ui: self.ui }
    }

    /// The same run once more: its files may be others now.
    pub(crate) fn again(&self) -> Result<Self, Failure> {
        Self::of_flags(self.flags.clone(), self.variables.clone(), self.ui)
    }

    fn of_flags(flags: Flags, variables: Variables, ui: Ui) -> Result<Self, Failure> {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks for it")]
        let working_directory = std::env::current_dir().map_err(|error| {
            Failure::usage(format!("cannot find the current directory: {error}"))
        })?;
        let program = std::env::current_exe().ok();
        let surroundings = Surroundings { variables, working_directory, program };
        Ok(Self { meant: pyfast_settings::Settings::new(flags, surroundings)?, ui })
    }

    /// The same way of talking, about these.
    pub(crate) fn meaning(&self, meant: pyfast_settings::Settings) -> Self {
        Self { meant, ui: self.ui }
    }

    /// The same for another environment of the project.
    pub(crate) fn of_environment(&self, env: &str, root: Root, python: Python) -> Self {
        Self { meant: self.meant.of_environment(env, root, python), ui: self.ui }
    }
}

/// The process' own variables.
pub(crate) fn variables() -> Variables {
    Variables::new(std::env::vars_os())
}

/// Says what the user should know before a server is reached, once.
pub(crate) fn tell(ui: Ui, doubt: Doubt) {
    static TOLD: Mutex<Vec<Doubt>> = Mutex::new(Vec::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.contains(&doubt) {
        return;
    }
    ui.warning(match &doubt {
        Doubt::Unchecked { hosts } => {
            format!("the certificates of {} are not checked", hosts.join(", "))
        }
        Doubt::NoKeyring => {
            "the program `keyring`, which is to give passwords, is not on PATH".to_owned()
        }
    });
    told.push(doubt);
}
