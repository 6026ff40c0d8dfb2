//! Certificates: whose count, which one is shown, and whose are not looked at.

use super::check_with;
use crate::support::index::{ALWAYS, Fault, Index};
use crate::support::page::File;
use crate::support::ran::{EITHER, MENDABLE, USAGE};
use crate::support::tls::Authority;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world whose index is reached over TLS, with a certificate for `127.0.0.1`.
struct Secure {
    world: World,
    authority: Authority,
    port: u16,
}

impl Secure {
    fn new(clients: Option<&Authority>) -> Self {
        Self::with_name("127.0.0.1", clients)
    }

    fn with_name(name: &str, clients: Option<&Authority>) -> Self {
        let (mut world, authority) = (World::new(), Authority::new());
        world.index.add(&Wheel::new("a", "1.0"));
        let port = authority.serve(name, world.index.port(), clients);
        let url = format!("https://127.0.0.1:{port}/simple/");
        world.index_flags = vec!["--index-url".to_owned(), url];
        world.require(&["a"]);
        Self { world, authority, port }
    }

    fn set(&mut self, key: &str, value: String) {
        self.world.env.insert(key.to_owned(), value);
    }

    /// Trusts the authority, by OpenSSL's variable.
    fn trusting(mut self) -> Self {
        let path = self.authority.write(&self.world.path("ca.pem"));
        self.set("SSL_CERT_FILE", path);
        self
    }

    #[track_caller]
    fn check(&self, args: &[&str]) {
        check_with(&self.world, &["a"], args, &["a==1.0"]);
    }
}

#[test]
fn certificate_of_an_unknown_authority_is_refused() {
    let secure = Secure::new(None);
    secure.world.lock(&[]).refused(MENDABLE, &["certificate", "SSL_CERT_FILE"]);
    assert!(secure.world.index.seen().is_empty());
}

#[test]
fn certificate_for_another_name_is_refused() {
    let secure = Secure::with_name("elsewhere.test", None).trusting();
    secure.world.lock(&[]).refused(MENDABLE, &["certificate"]);
}

#[test]
fn authorities_are_named_by_the_usual_variables() {
    for key in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"] {
        let mut secure = Secure::new(None);
        let path = secure.authority.write(&secure.world.path("ca.pem"));
        secure.set(key, path);
        secure.check(&[]);
    }
}

#[test]
fn authorities_can_be_a_directory() {
    for key in ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"] {
        let mut secure = Secure::new(None);
        secure.authority.write(&secure.world.path("authorities/0a1b2c3d.0"));
        let folder = secure.world.path("authorities").display().to_string();
        secure.set(key, folder);
        secure.check(&[]);
    }
}

#[test]
fn authorities_that_cannot_be_read_are_named() {
    let mut secure = Secure::new(None);
    let path = secure.world.write("empty.pem", "").display().to_string();
    secure.set("SSL_CERT_FILE", path);
    secure.world.lock(&[]).refused(EITHER, &["empty.pem"]);
}

#[test]
fn client_certificate_is_shown_to_who_asks() {
    let clients = Authority::new();
    let secure = Secure::new(Some(&clients)).trusting();
    secure.world.lock(&[]).refused(MENDABLE, &["--client-cert"]);
    let path = clients.write_client(&secure.world.path("client.pem"));
    secure.check(&["--client-cert", &path]);
    for key in ["PYFAST_CLIENT_CERT", "SSL_CLIENT_CERT", "PIP_CLIENT_CERT"] {
        let mut secure = Secure::new(Some(&clients)).trusting();
        secure.set(key, path.clone());
        secure.check(&[]);
    }
}

#[test]
fn client_certificate_that_cannot_be_used_is_named() {
    let secure = Secure::new(None).trusting();
    let alone = secure.authority.write(&secure.world.path("alone.pem"));
    let empty = secure.world.write("empty.pem", "").display().to_string();
    let absent = secure.world.path("absent.pem").display().to_string();
    for (path, reason) in
        [(alone, "no private key"), (empty, "no certificate"), (absent.clone(), &absent)]
    {
        secure
            .world
            .lock(&["--client-cert", &path])
            .refused(EITHER, &["client certificate", reason]);
    }
}

#[test]
fn insecure_host_is_reached_with_a_warning() {
    let secure = Secure::new(None);
    let host = format!("127.0.0.1:{}", secure.port);
    for flag in ["--allow-insecure-host", "--trusted-host"] {
        let ran = secure.world.lock(&["--upgrade", flag, &host]).ok();
        assert!(ran.stderr.contains("warning") && ran.stderr.contains(&host), "{ran}");
    }
    for key in ["PYFAST_ALLOW_INSECURE_HOST", "UV_INSECURE_HOST", "PIP_TRUSTED_HOST"] {
        let mut secure = Secure::new(None);
        secure.set(key, "other.test 127.0.0.1".to_owned());
        secure.check(&[]);
    }
}

#[test]
fn requirements_file_cannot_make_a_host_insecure() {
    let secure = Secure::new(None);
    secure.world.require(&["--trusted-host 127.0.0.1", "a"]);
    secure.world.lock(&[]).refused(MENDABLE, &["certificate"]);
}

#[test]
fn other_hosts_stay_secure() {
    let secure = Secure::new(None);
    for host in ["other.test", "127.0.0.1:1", "localhost"] {
        let args = ["--allow-insecure-host", host];
        secure.world.lock(&args).refused(MENDABLE, &["certificate"]);
    }
    secure.world.lock(&["--allow-insecure-host", "a@b"]).refused(USAGE, &["a@b"]);
}

#[test]
fn redirect_from_an_insecure_host_leads_to_checked_certificates() {
    let secure = Secure::with_name("localhost", None);
    let other = Secure::new(None);
    let to = format!("https://127.0.0.1:{}/simple/a/", other.port);
    secure.world.index.fail("/simple/a/", Fault::Redirect(to), ALWAYS);
    let url = format!("https://localhost:{}/simple/", secure.port);
    let args = ["--index-url", &url, "--allow-insecure-host", "localhost"];
    let mut world = secure.world;
    world.index_flags.clear();
    world.lock(&args).refused(MENDABLE, &["certificate"]);
    assert!(other.world.index.seen().is_empty());
}

#[test]
fn redirect_from_tls_to_plain_http_is_refused() {
    let secure = Secure::new(None).trusting();
    let plain = Index::start();
    plain.add(&Wheel::new("a", "1.0"));
    secure.world.index.fail("/simple/a/", Fault::Redirect(plain.url() + "a/"), ALWAYS);
    secure.world.lock(&[]).refused(MENDABLE, &["redirects from https"]);
    assert!(plain.seen().is_empty());
}

#[test]
fn file_that_is_not_behind_tls_is_none_of_a_page_that_is() {
    let secure = Secure::new(None).trusting();
    let wheel = Wheel::new("f", "1.0").build();
    let plain = secure.world.index.file_url(&wheel.filename);
    secure.world.index.publish(File::new(wheel).at(&plain));
    secure.world.require(&["f"]).lock(&[]).refused(MENDABLE, &["f"]);
    assert!(secure.world.index.seen().iter().all(|seen| seen.request.path.starts_with("/simple/")));
}

#[test]
fn secret_is_not_sent_to_another_port_of_the_host() {
    let mut secure = Secure::new(None).trusting();
    let other = Index::start();
    let port = secure.authority.serve("127.0.0.1", other.port(), None);
    let wheel = Wheel::new("f", "1.0").build();
    other.add(&Wheel::new("f", "1.0"));
    let url = format!("https://127.0.0.1:{port}/files/{}", wheel.filename);
    secure.world.index.publish(File::new(wheel).at(&url));
    let index = format!("https://user:s3cr3t@127.0.0.1:{}/simple/", secure.port);
    secure.world.index_flags[1] = index;
    secure.world.require(&["f"]).lock(&[]).ok();
    let sent = |index: &Index| {
        let seen = index.seen();
        assert!(!seen.is_empty());
        seen.iter().filter(|seen| seen.request.header("authorization").is_some()).count()
    };
    assert_eq!(sent(&other), 0);
    assert_eq!(sent(&secure.world.index), 1);
}
