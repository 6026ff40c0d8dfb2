//! What the user has said to conda and to pixi of channels: which there are where a project names none, where names are
//! looked for, and which mirrors stand for what. Owns what of it is taken, and what is not and has to be said; must not know
//! what channels have.

mod condarc;

use std::path::{Path, PathBuf};

use pyfast_root::regular_file;
use toml::{Table, Value};

use crate::variables::Variables;

/// The name behind which conda has whatever channels it was built with, and those: whoever uses them needs a licence.
const COMMERCIAL: [&str; 8] =
    ["defaults", "main", "r", "msys2", "anaconda", "pkgs/main", "pkgs/r", "pkgs/msys2"];
/// What says that there is nothing else, which is so here anyway.
const NO_DEFAULTS: &str = "nodefaults";

/// Keys of conda that say where packages come from or how that is reached, and are not taken.
const OF_CONDA: [&str; 15] = [
    "allowlist_channels",
    "channel_settings",
    "client_ssl_cert",
    "client_ssl_cert_key",
    "custom_channels",
    "custom_multichannels",
    "default_channels",
    "denylist_channels",
    "migrated_channel_aliases",
    "mirrored_channels",
    "offline",
    "proxy_servers",
    "ssl_verify",
    "whitelist_channels",
    "override_channels_enabled",
];
/// The same of pixi and of rattler.
const OF_PIXI: [&str; 6] = [
    "authentication-override-file",
    "proxy-config",
    "repodata-config",
    "s3-options",
    "tls-no-verify",
    "tls-root-certs",
];

/// What the user wants of channels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfUser {
    /// The channels where a project names none.
    pub channels: Vec<String>,
    /// Below what names of channels are: a URL or a directory.
    pub alias: Option<String>,
    /// Places that are asked instead of others, in their order.
    pub mirrors: Vec<Mirror>,
    /// What was read and is not followed, in sentences.
    pub unfollowed: Vec<String>,
}

/// A place that is asked instead of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The URL that something begins with.
    pub of: String,
    /// How it begins there.
    pub place: String,
}

/// Whether a channel of this name is one of those that organisations pay for.
pub fn is_commercial(channel: &str) -> bool {
    COMMERCIAL.contains(&channel)
}

impl OfUser {
    /// What the user's files say. pixi's and rattler's come before conda's; of two that say the same thing the nearest to
    /// the user counts.
    pub fn read(variables: &Variables) -> Self {
        let mut found = Self::default();
        for file in of_pixi(variables) {
            found.take(&file, |found, text| found.pixi(&file, text));
        }
        for file in condarc::files(variables) {
            found.take(&file, |found, text| found.conda(&file, text, variables));
        }
        found
    }

    fn take(&mut self, file: &Path, read: impl FnOnce(&mut Self, &str) -> Result<(), String>) {
        let said = match regular_file::read_text(file) {
            Ok(text) => read(self, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            // A directory on the way that is a file, or nobody may enter.
            Err(_not_there) if !file.exists() => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = said {
            let file = file.display();
            self.unfollowed.push(format!("`{file}` cannot be read for its channels: {reason}"));
        }
    }

    fn pixi(&mut self, file: &Path, text: &str) -> Result<(), String> {
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
        let get = |key: &str| table.get(key).or_else(|| table.get(&key.replace('-', "_")));
        if let Some(channels) = get("default-channels") {
            let channels = texts(channels).ok_or("`default-channels` is no list of texts")?;
            self.channels(file, channels);
        }
        if let Some(mirrors) = get("mirrors").filter(|_| self.mirrors.is_empty()) {
            let mirrors = mirrors.as_table().ok_or("`mirrors` is no table")?;
            for (of, places) in mirrors {
                let places = texts(places).ok_or("`mirrors` has what is no list of texts")?;
                self.mirrors(file, of, &places);
            }
        }
        self.unread(file, OF_PIXI.into_iter().filter(|key| get(key).is_some()));
        Ok(())
    }

    fn conda(&mut self, file: &Path, text: &str, variables: &Variables) -> Result<(), String> {
        let said = condarc::read(text)?;
        let texts = |key: &str| -> Vec<String> {
            let texts = said.get(key).into_iter().flatten();
            texts.map(|text| condarc::expanded(text, variables)).collect()
        };
        self.channels(file, [texts("channels"), texts("channel")].concat());
        if self.alias.is_none() {
            self.alias = texts("channel_alias").into_iter().next();
        }
        self.unread(file, OF_CONDA.into_iter().filter(|key| said.contains_key(*key)));
        Ok(())
    }

    /// Takes these channels, where no file before has named any.
    fn channels(&mut self, file: &Path, mut channels: Vec<String>) {
        channels.retain(|channel| channel != NO_DEFAULTS);
        if channels.is_empty() || !self.channels.is_empty() {
            return;
        }
        let is_left_out = |name: &String| is_commercial(name) || name.starts_with('.');
        for name in channels.iter().filter(|name| is_left_out(name)) {
            let why = if is_commercial(name) {
                "organisations may have to pay for it, so that only `channels` under [native] of pyfast.toml name it"
            } else {
                "a directory is absolute there"
            };
            let file = file.display();
            self.unfollowed.push(format!("the channel `{name}` of `{file}` is left out: {why}"));
        }
        channels.retain(|name| !is_left_out(name));
        self.channels = channels;
    }

    fn mirrors(&mut self, file: &Path, of: &str, places: &[String]) {
        let is_usable = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
        for place in places.iter().filter(|place| !is_usable(place)) {
            let (file, scheme) = (file.display(), place.split(':').next().unwrap_or_default());
            self.unfollowed
                .push(format!("a mirror of `{file}` is left out: `{scheme}` is not http or https"));
        }
        let folder = |url: &str| format!("{}/", url.trim_end_matches('/'));
        let usable = places.iter().filter(is_usable);
        self.mirrors.extend(usable.map(|place| Mirror { of: folder(of), place: folder(place) }));
    }

    fn unread<'a>(&mut self, file: &Path, keys: impl Iterator<Item = &'a str>) {
        let keys: Vec<String> = keys.map(|key| format!("`{key}`")).collect();
        if !keys.is_empty() {
            let (file, keys) = (file.display(), keys.join(", "));
            self.unfollowed.push(format!("{keys} of `{file}` is for conda or pixi alone"));
        }
    }
}

/// The files of pixi and rattler, the nearest to the user first.
fn of_pixi(variables: &Variables) -> Vec<PathBuf> {
    let home = variables.home();
    let own = |variable: &str, folder: &str| {
        let set = variables.get(variable).map(PathBuf::from);
        set.or_else(|| Some(home.as_ref()?.join(folder)))
    };
    let config = own("XDG_CONFIG_HOME", ".config");
    let below = |name: &str| Some(config.as_ref()?.join(name));
    let folders = [own("PIXI_HOME", ".pixi"), below("pixi"), below("rattler")];
    let folders = folders.into_iter().flatten();
    let folders = folders.chain(["/etc/pixi", "/etc/rattler"].map(PathBuf::from));
    folders.map(|folder| folder.join("config.toml")).collect()
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    value.as_array()?.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read in a home with these files.
    fn of(files: &[(&str, &str)]) -> OfUser {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let pairs = [("HOME", home.path().to_str().unwrap()), ("TEAM", "ours")];
        let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
        OfUser::read(&Variables::new(pairs))
    }

    #[test]
    fn pixi_names_channels_and_mirrors() {
        let text = "default-channels = ['corp', 'conda-forge']\n[mirrors]\n\
                    'https://h.test/a' = ['https://one.test/x/', 'oci://two.test/x', 'https://three.test']\n";
        let found = of(&[(".config/pixi/config.toml", text)]);
        assert_eq!(found.channels, ["corp", "conda-forge"]);
        let mirror =
            |place: &str| Mirror { of: "https://h.test/a/".to_owned(), place: place.to_owned() };
        assert_eq!(found.mirrors, [mirror("https://one.test/x/"), mirror("https://three.test/")]);
        assert_eq!(found.unfollowed.len(), 1, "{found:?}");
        assert!(found.unfollowed[0].contains("`oci` is not"), "{found:?}");
    }

    #[test]
    fn conda_names_channels_and_where_names_are() {
        let text = "# mine\nchannels:\n  - defaults\n  - $TEAM\n  - conda-forge\nchannel_alias: https://h.test/${TEAM}/\n\
                    ssl_verify: false\ncustom_channels:\n  x: https://other.test\nauto_update_conda: false\n";
        let found = of(&[(".condarc", text)]);
        assert_eq!(found.channels, ["ours", "conda-forge"]);
        assert_eq!(found.alias.as_deref(), Some("https://h.test/ours/"));
        let said = found.unfollowed.join("\n");
        assert!(said.contains("`defaults`") && said.contains("have to pay"), "{said}");
        assert!(said.contains("`custom_channels`, `ssl_verify` of"), "{said}");
        assert!(!said.contains("auto_update_conda"), "{said}");
    }

    #[test]
    fn the_file_that_is_nearest_counts_and_the_rest_is_kept() {
        let found = of(&[
            (".pixi/config.toml", "default-channels = ['a']\n"),
            (".config/rattler/config.toml", "default-channels = ['b']\ntls-no-verify = true\n"),
            (".condarc", "channels: [c]\nchannel_alias: /srv/conda\n"),
        ]);
        assert_eq!(found.channels, ["a"]);
        assert_eq!(found.alias.as_deref(), Some("/srv/conda"));
        assert!(found.unfollowed[0].contains("`tls-no-verify`"), "{found:?}");
    }

    #[test]
    fn what_cannot_be_read_is_said_and_stops_nobody() {
        let found = of(&[(".pixi/config.toml", "default-channels = 7\n"), (".condarc", "a: [\n")]);
        assert_eq!(found.unfollowed.len(), 2, "{found:?}");
        assert!(found.channels.is_empty());
        assert_eq!(of(&[]), OfUser::default());
        assert_eq!(of(&[(".condarc", "channels: [nodefaults]\n")]), OfUser::default());
    }
}
