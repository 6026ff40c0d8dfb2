//! The arguments of `pip install`, `pip wheel` and their likes in uv. Owns which options have a value, and what is no
//! requirement; must not know who calls.

use super::Install;

/// Options with a value that does not shape what is installed into which place.
const VALUED: [&str; 19] = [
    "--cache-dir",
    "--cert",
    "--client-cert",
    "--color",
    "--link-mode",
    "--log",
    "--progress-bar",
    "--proxy",
    "--python",
    "--refresh-package",
    "--report",
    "--retries",
    "--root-user-action",
    "--timeout",
    "--trusted-host",
    "--upgrade-package",
    "--upgrade-strategy",
    "-P",
    "-p",
];
/// Options without a value that do not either.
const PLAIN: [&str; 34] = [
    "--break-system-packages",
    "--compile",
    "--compile-bytecode",
    "--debug",
    "--disable-pip-version-check",
    "--exact",
    "--force-reinstall",
    "--ignore-installed",
    "--no-cache",
    "--no-cache-dir",
    "--no-clean",
    "--no-color",
    "--no-compile",
    "--no-index",
    "--no-input",
    "--no-progress",
    "--no-python-version-warning",
    "--no-warn-conflicts",
    "--no-warn-script-location",
    "--prefer-binary",
    "--quiet",
    "--refresh",
    "--reinstall",
    "--require-virtualenv",
    "--strict",
    "--system",
    "--upgrade",
    "--verbose",
    "-I",
    "-U",
    "-n",
    "-q",
    "-v",
    "-y",
];
const INDEX: [&str; 9] = [
    "--default-index",
    "--extra-index-url",
    "--find-links",
    "--index",
    "--index-strategy",
    "--index-url",
    "--keyring-provider",
    "-f",
    "-i",
];
/// Options that shape what is installed.
const SHAPING: [&str; 8] = [
    "--no-build",
    "--no-build-isolation",
    "--no-deps",
    "--no-sources",
    "--pre",
    "--require-hashes",
    "--use-pep517",
    "--verify-hashes",
];
/// Options with a value that shapes what is installed.
const SHAPING_VALUED: [&str; 20] = [
    "--abi",
    "--config-setting",
    "--config-settings",
    "--exclude-newer",
    "--excludes",
    "--global-option",
    "--implementation",
    "--no-binary",
    "--no-build-isolation-package",
    "--no-build-package",
    "--only-binary",
    "--override",
    "--overrides",
    "--platform",
    "--prerelease",
    "--python-platform",
    "--python-version",
    "--resolution",
    "--torch-backend",
    "-C",
];
const FILES: [&str; 3] = ["--requirement", "--requirements", "-r"];
const CONSTRAINTS: [&str; 5] =
    ["--build-constraint", "--build-constraints", "--constraint", "--constraints", "-c"];
const PLACES: [&str; 6] = ["--prefix", "--root", "--target", "--wheel-dir", "-t", "-w"];

/// Reads what follows the verb.
pub(super) fn read(arguments: &[String], verb: &str) -> Result<Install, &'static str> {
    let mut install = Install::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            install.requirement(word, verb)?;
            continue;
        }
        let (name, joined) = option(word);
        let mut value = || joined.clone().or_else(|| words.next().cloned()).unwrap_or_default();
        match name {
            _ if FILES.contains(&name) => install.files.push(file(value())?),
            _ if CONSTRAINTS.contains(&name) => install.constraints.push(value()),
            _ if PLACES.contains(&name) => {
                install.place = Some(value().trim_end_matches('/').to_owned());
            }
            _ if INDEX.contains(&name) => {
                value();
                install.index = true;
            }
            _ if VALUED.contains(&name) => {
                value();
            }
            "-e" | "--editable" | "--group" | "--extra" | "--all-extras" => {
                return Err("it installs more than requirements");
            }
            "--user" => install.special = Some("it installs for a user, and not for services"),
            _ if PLAIN.contains(&name) || is_row(name) => {}
            _ if SHAPING.contains(&name) || SHAPING_VALUED.contains(&name) => {
                if SHAPING_VALUED.contains(&name) {
                    value();
                }
                install.special = Some("an option of it shapes what is installed");
            }
            _ => return Err("an option of it is not known"),
        }
    }
    let nothing = install.files.is_empty() && install.packages.is_empty() && !install.itself;
    if nothing { Err("it names nothing to install") } else { Ok(install) }
}

/// An option's name, and its value where it is in the same word: `--x=y`, `-rFILE`.
fn option(word: &str) -> (&str, Option<String>) {
    if word.starts_with("--") {
        let split = word.split_once('=');
        return split.map_or((word, None), |(name, value)| (name, Some(value.to_owned())));
    }
    let (name, value) = word.split_at(word.char_indices().nth(2).map_or(word.len(), |(at, _)| at));
    let valued = [&FILES[..], &CONSTRAINTS, &PLACES, &INDEX, &VALUED, &SHAPING_VALUED]
        .concat()
        .contains(&name);
    if valued && !value.is_empty() {
        (name, Some(value.to_owned()))
    } else {
        (if valued { name } else { word }, None)
    }
}

/// Whether these are letters without a value in a row: `-qU`.
fn is_row(name: &str) -> bool {
    name.strip_prefix('-').is_some_and(|letters| {
        !letters.is_empty() && letters.chars().all(|letter| "IUnqvy".contains(letter))
    })
}

fn file(name: String) -> Result<String, &'static str> {
    if name.contains("://") { Err("its requirements file is elsewhere") } else { Ok(name) }
}

impl Install {
    fn requirement(&mut self, word: &str, verb: &str) -> Result<(), &'static str> {
        let bare = word.split('[').next().unwrap_or(word);
        let named = bare.contains(" @ ") || bare.ends_with(" @");
        if verb == "sync" {
            self.files.push(file(word.to_owned())?);
        } else if !named && (bare.contains("://") || bare.starts_with("git+")) {
            return Err("which package that is cannot be told from its address");
        } else if verb == "install" && matches!(word, "." | "./") {
            (self.project, self.itself) = (true, true);
        } else if bare.starts_with(['.', '/', '~']) || bare.contains(['*', '/']) && !named {
            let extras = bare != word && matches!(bare, "." | "./");
            return Err(if extras {
                "it installs extras of the project"
            } else {
                "it installs files"
            });
        } else {
            self.packages.push(word.to_owned());
        }
        Ok(())
    }
}
