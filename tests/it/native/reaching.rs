//! How channels on servers are reached: who is let in, by what, and where that goes; mirrors; what the user has said to
//! conda and to pixi.

use std::path::Path;

use super::channel::Package;
use super::libraries::{WANTED, project};
use super::site::{Site, let_in};
use super::{Managed, prefixes_of};
use crate::support::http::Response;
use crate::support::ran::{EITHER, MENDABLE, Ran, USAGE};

/// `me` with the password `geheim`.
const ME: &str = "Basic bWU6Z2VoZWlt";

impl Managed {
    /// Writes `pyfast.toml` for the machine's own Python, with these channels, or none.
    fn reaching(&self, channels: &[&str]) {
        let channels =
            if channels.is_empty() { String::new() } else { format!("channels = {channels:?}\n") };
        self.world.write("pyfast.toml", &format!("[native]\n{channels}{WANTED}"));
    }

    /// Writes a file of the user's home.
    fn at_home(&self, name: &str, text: &str) {
        let path = self.world.path("home").join(name);
        fs_err::create_dir_all(path.parent().expect("it has a parent")).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// That what is kept and said has none of these words: the root, the lock, the user's data, and what a sync prints.
    #[track_caller]
    fn keeps_secret(&self, words: &[&str], ran: &Ran) {
        let mut texts = vec![ran.stdout.clone().into_bytes(), ran.stderr.clone().into_bytes()];
        for place in
            [&self.world.root, &self.world.path("home/.local"), &self.world.path("home/.cache")]
        {
            contents(place, &mut texts);
        }
        texts.extend(fs_err::read(self.world.project.join("pylock.toml")));
        for word in words {
            let has = |text: &Vec<u8>| text.windows(word.len()).any(|part| part == word.as_bytes());
            let found = texts.iter().find(|text| has(text));
            assert!(found.is_none(), "{word}: {}", String::from_utf8_lossy(found.unwrap()));
        }
    }
}

fn contents(place: &Path, texts: &mut Vec<Vec<u8>>) {
    for entry in fs_err::read_dir(place).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            contents(&path, texts);
        } else if kind.is_file() {
            texts.extend(fs_err::read(&path));
        }
    }
}

/// That a module which needs the library works.
#[track_caller]
fn works(managed: &Managed) {
    assert_eq!(managed.evaluate("import need; print(need.value)"), "42");
}

#[test]
fn a_password_is_found_by_the_origin_and_kept_nowhere() {
    let managed = project();
    let site = Site::closed(&managed.channel.directory, ME);
    managed.reaching(&[&site.url]);
    let ran = managed.sync(&[]).refused(MENDABLE, &["cannot read what", "401"]);
    assert!(ran.stderr.contains(".netrc"), "{ran}");
    managed.at_home(".netrc", "machine 127.0.0.1\nlogin me\npassword geheim\n");
    let ran = managed.sync(&[]).ok();
    works(&managed);
    managed.run(&["lock", "--python", &managed.world.python]).ok();
    managed.keeps_secret(&["geheim", "bWU6Z2VoZWlt"], &ran);
    assert!(site.seen().iter().any(|request| request.path.contains("libpyfastfoo-1.0")));
    // A file that says it is needed for nothing that is there.
    fs_err::remove_file(managed.world.path("home/.netrc")).unwrap();
    managed.sync(&["--locked"]).ok();
}

#[test]
fn a_password_of_a_url_lets_in_and_is_kept_nowhere() {
    let managed = project();
    let site = Site::closed(&managed.channel.directory, ME);
    let with = site.url.replace("http://", "http://me:geheim@");
    managed.reaching(&[&with]);
    let ran = managed.sync(&[]).ok();
    works(&managed);
    managed.run(&["lock", "--python", &managed.world.python]).ok();
    let lock = managed.world.read("pylock.toml");
    assert!(lock.contains(&format!("{}/linux-", site.url)), "{lock}");
    managed.keeps_secret(&["geheim", "bWU6Z2VoZWlt"], &ran);
    // With a password or without, it is the same channel.
    managed.reaching(&[&site.url]);
    managed.sync(&["--locked"]).ok();
    let other = managed.world.path("other-root");
    let at_other = |more: &[&str]| {
        let python = managed.world.python.clone();
        let args = [&["sync", "--locked", "--python", &python], more].concat();
        Ran::of(managed.command_at(&other, &args))
    };
    at_other(&[]).refused(EITHER, &["401"]);
    at_other(&["--channel", &with]).ok();
    assert_eq!(prefixes_of(&other).len(), 1);
    let wrong = with.replace("geheim", "falsch");
    let ran = managed.sync(&["--upgrade", "--channel", &wrong]).refused(MENDABLE, &["401"]);
    managed.keeps_secret(&["geheim", "falsch"], &ran);
}

#[test]
fn a_password_does_not_follow_to_another_server() {
    let managed = project();
    let other = Site::open(&managed.channel.directory);
    let elsewhere = other.url.clone();
    let site = Site::start(&managed.channel.directory, move |request| {
        let_in(request, ME)?;
        let moved = Response::new(302, "text/plain", "");
        Err(moved.header("Location", format!("{elsewhere}{}", request.path)))
    });
    managed.reaching(&[&site.url.replace("http://", "http://me:geheim@")]);
    managed.sync(&[]).ok();
    works(&managed);
    let seen = other.seen();
    assert!(seen.iter().any(|request| request.path.ends_with("repodata.json")), "{seen:?}");
    assert!(seen.iter().any(|request| request.path.contains(".conda")), "{seen:?}");
    let told = seen.iter().filter(|request| request.header("authorization").is_some());
    assert_eq!(told.count(), 0, "{seen:?}");
}

#[test]
fn a_token_of_a_url_is_asked_with_and_kept_nowhere() {
    let managed = project();
    let site = Site::start(&managed.channel.directory, |request| {
        let path = request.path.strip_prefix("/t/tok-SECRET/c");
        path.map(str::to_owned).ok_or_else(|| Response::new(403, "text/plain", "no"))
    });
    let channel = format!("{}/t/tok-SECRET/c", site.url);
    managed.reaching(&[&channel]);
    let ran = managed.sync(&[]).ok();
    works(&managed);
    managed.run(&["lock", "--python", &managed.world.python]).ok();
    assert!(managed.world.read("pylock.toml").contains(&format!("{}/c/linux-", site.url)));
    managed.keeps_secret(&["tok-SECRET"], &ran);
    let wrong = channel.replace("SECRET", "FALSE");
    // What it said before is still known below the usual cache directory.
    let cache = managed.world.path("other-cache").display().to_string();
    let anew = ["--upgrade", "--cache-dir", &cache, "--channel", &wrong];
    let ran = managed.sync(&anew).refused(MENDABLE, &["403"]);
    managed.keeps_secret(&["tok-FALSE"], &ran);
    // Nobody knows what to do with this one.
    let signed = format!("{}/c?signature=SECRET", site.url);
    let ran = managed.sync(&["--upgrade", "--channel", &signed]);
    let ran = ran.refused(USAGE, &["password or a token"]);
    managed.keeps_secret(&["SECRET"], &ran);
}

#[test]
fn mirrors_of_pixis_configuration_are_asked_and_named_by_nobody() {
    let managed = project();
    let site = Site::open(&managed.channel.directory);
    let channel = "http://127.0.0.1:9/c";
    managed.reaching(&[channel]);
    managed.sync(&[]).refused(MENDABLE, &["cannot read what"]);
    let text = format!(
        "tls-no-verify = true\n[mirrors]\n\"{channel}\" = [\"http://127.0.0.1:9/gone\", \"{}\"]\n",
        site.url
    );
    managed.at_home(".config/pixi/config.toml", &text);
    let ran = managed.sync(&[]).ok();
    assert!(ran.stderr.contains("`tls-no-verify` of"), "{ran}");
    works(&managed);
    managed.run(&["lock", "--python", &managed.world.python]).ok();
    let lock = managed.world.read("pylock.toml");
    assert!(lock.contains(&format!("{channel}/linux-")) && !lock.contains(&site.url), "{lock}");
    let listed = managed.run(&["list", "--native", "--json"]).ok().stdout;
    assert!(listed.contains(channel) && !listed.contains(&site.url), "{listed}");
}

#[test]
fn condas_configuration_names_channels_and_where_they_are() {
    let mut managed = project();
    managed.channel.add(&Package::new("libother", "1.0"), &serde_json::Value::Null);
    let site = Site::start(&managed.channel.directory, |request| {
        let path = request.path.strip_prefix("/all/team");
        path.map(str::to_owned).ok_or_else(|| Response::new(404, "text/plain", "no"))
    });
    managed.reaching(&[]);
    let text = format!("channels:\n  - defaults\n  - team\nchannel_alias: {}/all\n", site.url);
    managed.at_home(".condarc", &text);
    let ran = managed.sync(&[]).ok();
    assert!(ran.stderr.contains("the channel `defaults` of") && ran.stderr.contains("left out"));
    works(&managed);
    managed.run(&["lock", "--python", &managed.world.python]).ok();
    let lock = managed.world.read("pylock.toml");
    assert!(lock.contains("channels = [\"team\"]") && !lock.contains(&site.url), "{lock}");
    // Who has configured nothing is asked for the same.
    fs_err::remove_file(managed.world.path("home/.condarc")).unwrap();
    managed.sync(&["--locked"]).ok();
    assert_eq!(managed.world.read("pylock.toml"), lock);
    for from in ["defaults", "pkgs/main"] {
        let ran = managed.sync(&["--upgrade", "--channel", from]);
        ran.refused(USAGE, &[&format!("`{from}`"), "have to pay"]);
    }
}
