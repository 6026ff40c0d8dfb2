//! Proxies, as the usual variables name them.

use super::check;
use crate::support::proxy::{AUTHORIZATION, Proxy, behind, socks};
use crate::support::ran::MENDABLE;
use crate::support::tls::Authority;
use crate::support::wheel::Wheel;
use crate::support::world::World;

#[test]
fn plain_requests_go_through_the_proxy() {
    for key in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        let mut world = behind("http");
        let proxy = Proxy::start(world.index.port(), None);
        world.env.insert(key.to_owned(), proxy.url());
        check(&world, &["a"], &["a==1.0"]);
        let heads = proxy.take();
        let expected = "GET http://index.test/simple/a/ ";
        assert!(heads.iter().any(|head| head.starts_with(expected)), "{key}: {heads:?}");
    }
}

#[test]
fn encrypted_requests_go_through_a_tunnel() {
    for key in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        let mut world = behind("https");
        let authority = Authority::new();
        let port = authority.serve("index.test", world.index.port(), None);
        let path = authority.write(&world.path("ca.pem"));
        let proxy = Proxy::start(port, Some(AUTHORIZATION));
        world.env.insert("SSL_CERT_FILE".to_owned(), path);
        world.env.insert(key.to_owned(), proxy.url_with("user", "s3cr3t"));
        check(&world, &["a"], &["a==1.0"]);
        let heads = proxy.take();
        assert!(heads.iter().all(|head| head.starts_with("CONNECT index.test:443 ")), "{heads:?}");
    }
}

#[test]
fn hosts_without_a_proxy_are_asked_directly() {
    for key in ["no_proxy", "NO_PROXY"] {
        let mut world = World::new();
        world.index.add(&Wheel::new("a", "1.0"));
        let proxy = Proxy::start(world.index.port(), None);
        world.env.insert("http_proxy".to_owned(), proxy.url());
        world.env.insert(key.to_owned(), "localhost, 127.0.0.0/8".to_owned());
        check(&world, &["a"], &["a==1.0"]);
        assert!(proxy.take().is_empty());
    }
}

#[test]
fn password_of_a_proxy_is_sent_to_it_alone_and_shown_nowhere() {
    let mut world = behind("http");
    let proxy = Proxy::start(world.index.port(), Some(AUTHORIZATION));
    world.env.insert("http_proxy".to_owned(), proxy.url_with("user", "s3cr3t"));
    check(&world, &["a"], &["a==1.0"]);
    let kept = world.index.seen();
    assert!(kept.iter().all(|seen| seen.request.header("authorization").is_none()));
    for scheme in ["http", "https"] {
        let mut world = behind(scheme);
        world.env.insert(format!("{scheme}_proxy"), proxy.url_with("user", "wr0ng"));
        let ran = world.lock(&["-v"]).refused(MENDABLE, &["index.test"]);
        assert!(!ran.stderr.contains("wr0ng") && !ran.stdout.contains("wr0ng"), "{ran}");
    }
}

#[test]
fn proxy_that_is_not_there_is_no_secret_either() {
    let mut world = behind("http");
    let absent = "http://user:s3cr3t@127.0.0.1:1".to_owned();
    world.env.insert("http_proxy".to_owned(), absent);
    let ran = world.lock(&["-v"]).refused(MENDABLE, &["index.test"]);
    assert!(!ran.stderr.contains("s3cr3t"), "{ran}");
}

#[test]
fn socks_proxy_is_used() {
    let mut world = behind("http");
    let (address, hosts) = socks(world.index.port());
    world.env.insert("all_proxy".to_owned(), format!("socks5h://{address}"));
    check(&world, &["a"], &["a==1.0"]);
    let hosts = hosts.lock().unwrap();
    assert!(!hosts.is_empty() && hosts.iter().all(|host| host == "index.test"), "{hosts:?}");
}
