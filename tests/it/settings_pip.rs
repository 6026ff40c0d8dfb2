//! How servers are reached as pip's configuration, its variables and the system say: proxies, certificates, time-outs; and
//! what is said where they are not reached.

use crate::support::proxy::{AUTHORIZATION, Proxy, behind};
use crate::support::ran::{EITHER, MENDABLE, USAGE};
use crate::support::tls::Authority;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Writes the user's own configuration of pip.
fn configure(world: &World, text: &str) {
    let place = world.path("home/.config/pip");
    fs_err::create_dir_all(&place).unwrap();
    fs_err::write(place.join("pip.conf"), text).unwrap();
}

#[test]
fn proxy_of_pip_is_used() {
    for how in ["user", "legacy", "named", "site", "variable", "flag", "own variable"] {
        let mut world = behind("http");
        let proxy = Proxy::start(world.index.port(), None);
        let text = format!("[global]\nproxy = {}\n", proxy.url());
        let mut args = Vec::new();
        let place = world.path("pip.conf");
        match how {
            "user" => configure(&world, &text),
            "legacy" => {
                fs_err::create_dir_all(world.path("home/.pip")).unwrap();
                fs_err::write(world.path("home/.pip/pip.conf"), &text).unwrap();
            }
            "named" => {
                fs_err::write(&place, text.replace("global", "install")).unwrap();
                world.env.insert("PIP_CONFIG_FILE".to_owned(), place.display().to_string());
            }
            "site" => {
                fs_err::write(&place, &text).unwrap();
                let directory = place.parent().unwrap().display().to_string();
                world.env.insert("VIRTUAL_ENV".to_owned(), directory);
            }
            "variable" => drop(world.env.insert("PIP_PROXY".to_owned(), proxy.url())),
            "own variable" => drop(world.env.insert("PYFAST_PROXY".to_owned(), proxy.url())),
            // Without a scheme, as people write it.
            _ => args = vec!["--proxy".to_owned(), proxy.url().replace("http://", "")],
        }
        // What is said for installers stands above what is said for the system.
        world.env.insert("http_proxy".to_owned(), "http://127.0.0.1:1".to_owned());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(world.locked(&args), ["a==1.0"], "{how}");
        assert!(!proxy.take().is_empty(), "{how}");
    }
}

#[test]
fn errors_name_the_proxy_without_its_password() {
    for scheme in ["http", "https"] {
        let mut world = behind(scheme);
        let proxy = Proxy::start(world.index.port(), Some(AUTHORIZATION));
        let place = proxy.url().replace("http://", "");
        world.env.insert(format!("{scheme}_proxy"), proxy.url_with("user", "wr0ng"));
        let said = ["407", &place, "user and a password", "--proxy"];
        let ran = world.lock(&[]).refused(MENDABLE, &said);
        assert!(!ran.stderr.contains("wr0ng") && !ran.stderr.contains("attempts"), "{ran}");
        assert_eq!(proxy.take().len(), 1, "once is enough");
        world.env.insert(format!("{scheme}_proxy"), "http://me:s3cr3t@127.0.0.1:1".to_owned());
        let ran = world.lock(&[]).refused(MENDABLE, &["127.0.0.1:1", "by the proxy"]);
        assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
    }
}

#[test]
fn proxies_that_are_none_are_refused_by_name() {
    for (variable, value) in [
        ("https_proxy", "::bad"),
        ("HTTPS_PROXY", "ftp://h.test:1"),
        ("ALL_PROXY", "http://"),
        ("PIP_PROXY", "http://u:s3cr3t@h.test:port"),
    ] {
        let mut world = behind("https");
        world.env.insert(variable.to_owned(), value.to_owned());
        let ran = world.lock(&[]).refused(USAGE, &[variable, "proxy"]);
        assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
        world.env.insert(variable.to_owned(), String::new());
        world.env.insert("no_proxy".to_owned(), "*".to_owned());
    }
    let world = behind("https");
    configure(&world, "[global]\nproxy = gopher://h.test\n");
    world.lock(&[]).refused(USAGE, &["pip's configuration", "gopher"]);
}

#[test]
fn certificates_of_pip_are_trusted() {
    let mut world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    let authority = Authority::new();
    let port = authority.serve("localhost", world.index.port(), None);
    let path = authority.write(&world.path("ca.pem"));
    world.index_flags = vec!["--index-url".to_owned(), format!("https://localhost:{port}/simple/")];
    world.require(&["a"]).lock(&[]).refused(MENDABLE, &["localhost"]);
    assert_eq!(world.locked(&["--cert", &path]), ["a==1.0"]);
    configure(&world, &format!("[global]\ncert = {path}\n"));
    let _ = fs_err::remove_dir_all(world.path("home/.cache"));
    assert_eq!(world.locked(&[]), ["a==1.0"]);
    configure(&world, "[install]\ntrusted-host = localhost\n");
    let _ = fs_err::remove_dir_all(world.path("home/.cache"));
    let ran = world.lock(&[]).ok();
    assert!(ran.stderr.contains("certificates of localhost are not checked"), "{ran}");
}

#[test]
fn patience_and_tries_are_pips() {
    let mut world = behind("http");
    world.env.insert("http_proxy".to_owned(), "http://127.0.0.1:1".to_owned());
    configure(&world, "[global]\nretries = 0\ntimeout = 2.5\n");
    let ran = world.lock(&[]).refused(MENDABLE, &["127.0.0.1:1"]);
    assert!(!ran.stderr.contains("attempts"), "{ran}");
    world.env.insert("PIP_RETRIES".to_owned(), "1".to_owned());
    world.lock(&[]).refused(MENDABLE, &["2 attempts"]);
    for (variable, word) in [("PIP_RETRIES", "some"), ("PIP_TIMEOUT", "long")] {
        let before = world.env.insert(variable.to_owned(), word.to_owned());
        world.lock(&[]).refused(USAGE, &[variable, word]);
        world.env.insert(variable.to_owned(), before.unwrap_or_default());
    }
}

#[test]
fn wheels_of_pips_directories_are_found() {
    let mut world = World::new();
    world.index_flags.clear();
    let wheel = Wheel::new("a", "3.0").build();
    let place = world.path("wheels");
    fs_err::create_dir(&place).unwrap();
    fs_err::write(place.join(&wheel.filename), &wheel.bytes).unwrap();
    configure(&world, &format!("[global]\nno-index = true\nfind-links = {}\n", place.display()));
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==3.0"]);
}

#[test]
fn a_host_without_address_is_told_in_a_line() {
    let mut world = World::new();
    world.index_flags = vec!["--index-url".to_owned(), "http://nohost.invalid/simple".to_owned()];
    let ran = world.require(&["a"]).lock(&[]).refused(EITHER, &["resolve the host nohost.invalid"]);
    assert!(!ran.stderr.contains("Query"), "{ran}");
}
