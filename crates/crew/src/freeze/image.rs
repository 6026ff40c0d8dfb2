//! What an image says of the environment that it holds, and what its containers run. Owns its configuration, which is
//! that of the containers that `up` makes; must not know layers.

use std::collections::BTreeMap;

use pyfast_installer::interpreter::Interpreter;
use pyfast_launcher::engine::DEFAULT_PATH;
use pyfast_launcher::override_file::{ENV_LABEL, Started};
use pyfast_oci::{Base, Blob, Config, ImageName, Platform, Run};
use pyfast_root::ProjectEnv;
use pyfast_settings::Settings;

use crate::error::Error;

/// The label and annotation with the generation's id.
const GENERATION: &str = "io.pyfast.generation";
/// The label with the interpreter that the environment is for.
const PYTHON: &str = "io.pyfast.python";
/// The annotation with the name of what it is put upon.
const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// The annotation with its digest.
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// The variable that says when everything was made.
const EPOCH: &str = "SOURCE_DATE_EPOCH";
/// What it is where nobody says.
const BEGINNING: &str = "1970-01-01T00:00:00Z";

/// What an image is about.
pub(super) struct About<'a> {
    pub(super) name: &'a ProjectEnv,
    pub(super) generation: &'a str,
    pub(super) interpreter: &'a Interpreter,
    pub(super) created: String,
}

impl About<'_> {
    /// The configuration of an image that has nothing but the environment.
    pub(super) fn alone(&self) -> Config {
        let Platform { architecture, os, variant } = platform(self.interpreter);
        let mut config = Config { architecture, os, variant, ..Config::default() };
        self.say(&mut config);
        config
    }

    /// The configuration of an image upon another one, whose containers do what that's do, in the environment.
    pub(super) fn upon(&self, base: Base) -> (Config, Vec<Blob>) {
        let Base { mut config, layers, .. } = base;
        self.say(&mut config);
        let own = self.started().entrypoint().into_iter().chain(["--".to_owned()]);
        let entrypoint = own.chain(config.config.entrypoint.take().unwrap_or_default());
        config.config.entrypoint = Some(entrypoint.collect());
        (config, layers)
    }

    fn started(&self) -> Started<'_> {
        Started { project: self.name.project(), env: self.name.env() }
    }

    /// Puts in what every image has.
    fn say(&self, config: &mut Config) {
        config.created = Some(self.created.clone());
        let run: &mut Run = &mut config.config;
        let path = run.variable("PATH").filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH);
        for (name, value) in self.started().variables(path) {
            run.set_variable(name, &value);
        }
        let labels = run.labels.get_or_insert_default();
        labels.insert(ENV_LABEL.to_owned(), self.name.env().to_owned());
        labels.insert(GENERATION.to_owned(), self.generation.to_owned());
        let python = self.interpreter.executable.display().to_string();
        labels.insert(PYTHON.to_owned(), python);
    }

    /// What the manifest says.
    pub(super) fn annotations(
        &self,
        base: Option<&Base>,
        name: Option<&ImageName>,
    ) -> BTreeMap<String, String> {
        let mut said = BTreeMap::from([(GENERATION.to_owned(), self.generation.to_owned())]);
        let digest = base.and_then(|base| base.digest);
        said.extend(digest.map(|digest| (BASE_DIGEST.to_owned(), digest.to_string())));
        said.extend(name.map(|name| (BASE_NAME.to_owned(), name.full())));
        said
    }
}

/// What an interpreter runs on.
pub(super) fn platform(interpreter: &Interpreter) -> Platform {
    let (architecture, variant) = architecture(interpreter.markers.platform_machine());
    let (architecture, os) = (architecture.to_owned(), "linux".to_owned());
    Platform { architecture, os, variant: variant.map(str::to_owned) }
}

/// A machine in the words of Go, and which of several.
fn architecture(machine: &str) -> (&str, Option<&str>) {
    match machine {
        "x86_64" => ("amd64", None),
        "aarch64" => ("arm64", Some("v8")),
        "armv7l" => ("arm", Some("v7")),
        "i686" => ("386", None),
        // ppc64le, s390x, riscv64.
        other => (other, None),
    }
}

/// When an image is said to be made: never now, or no two were equal.
pub(super) fn created(settings: &Settings) -> Result<String, Error> {
    let Some(text) = settings.variables.get(EPOCH) else { return Ok(BEGINNING.to_owned()) };
    let seconds = text.parse::<u64>().ok().filter(|seconds| *seconds < 1 << 37);
    let wrong = || Error::SourceDate { text: text.to_owned() };
    Ok(rfc3339(seconds.ok_or_else(wrong)?))
}

/// A time as configurations have it.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March: a leap day is the last day of one. 719,468 days before 1970 such a year began that all
    // cycles of 400 years are counted from.
    let (era, day) = ((days + 719_468) / 146_097, (days + 719_468) % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let (year, hour, minute) = (era * 400 + year + later, rest / 3600, rest / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_configurations_have_them() {
        for (seconds, text) in [
            (0, BEGINNING),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_208_000, "2024-02-29T12:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
