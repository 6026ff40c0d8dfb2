//! Engines behind TLS: who is let in, and to whom anything is said.

use std::path::Path;

use pyfast_launcher::Error;
use pyfast_launcher::engine::{Docker, Host, HostSettings, Images as _};

use crate::authority::Authority;
use crate::fake::Fake;

/// Connects as `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` say.
async fn connect(address: &str, certificates: &Path) -> Result<Docker, Error> {
    let settings = HostSettings {
        docker_host: Some(format!("tcp://{address}")),
        tls: true,
        cert_path: Some(certificates.into()),
        ..HostSettings::default()
    };
    Docker::connect(Host::resolve(&settings)?).await
}

/// The connection is refused with this word, and the engine was asked nothing.
async fn check_refused(fake: &Fake, address: &str, certificates: &Path, word: &str) {
    let error = connect(address, certificates).await.unwrap_err();
    assert!(matches!(error, Error::EngineUnreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&format!("tcp://{address}")) && text.contains(word), "{text}");
    assert!(fake.asked().is_empty(), "{:?}", fake.asked());
}

#[tokio::test]
async fn an_engine_is_reached_with_its_authority_and_a_client_certificate() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (fake, address) = Fake::on_tls(authority.acceptor("127.0.0.1")).await;
    authority.write_authority(dir.path());
    authority.write_client(dir.path());
    let docker = connect(&address, dir.path()).await.unwrap();
    assert_eq!(docker.image_facts("a").await.unwrap(), None);
    assert_eq!(fake.asked(), ["GET /version", "GET /images/a/json"]);
    assert_eq!(fake.seen()[0].headers["host"], address.as_str());
}

#[tokio::test]
async fn an_engine_lets_nobody_in_without_a_client_certificate() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (fake, address) = Fake::on_tls(authority.acceptor("127.0.0.1")).await;
    authority.write_authority(dir.path());
    check_refused(&fake, &address, dir.path(), "ertificate").await;
}

#[tokio::test]
async fn an_engine_lets_nobody_in_whom_another_authority_signed() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (fake, address) = Fake::on_tls(authority.acceptor("127.0.0.1")).await;
    authority.write_authority(dir.path());
    Authority::new().write_client(dir.path());
    check_refused(&fake, &address, dir.path(), "alert").await;
}

#[tokio::test]
async fn nothing_is_said_to_an_engine_of_another_authority() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (fake, address) = Fake::on_tls(authority.acceptor("127.0.0.1")).await;
    Authority::new().write_authority(dir.path());
    authority.write_client(dir.path());
    check_refused(&fake, &address, dir.path(), "certificate").await;
}

#[tokio::test]
async fn nothing_is_said_to_an_engine_of_another_name() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (fake, address) = Fake::on_tls(authority.acceptor("engine.test")).await;
    authority.write_authority(dir.path());
    authority.write_client(dir.path());
    check_refused(&fake, &address, dir.path(), "not valid for name").await;
}

#[tokio::test]
async fn certificates_that_are_none_are_named_before_anything_is_sent() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (fake, address) = Fake::on_tls(authority.acceptor("127.0.0.1")).await;
    authority.write_client(dir.path());
    fs_err::write(dir.path().join("ca.pem"), "nothing").unwrap();
    let error = connect(&address, dir.path()).await.unwrap_err();
    assert!(matches!(error, Error::EngineHost { .. }), "{error:?}");
    assert!(error.to_string().contains("ca.pem holds no certificate"), "{error}");
    authority.write_authority(dir.path());
    fs_err::remove_file(dir.path().join("key.pem")).unwrap();
    let error = connect(&address, dir.path()).await.unwrap_err();
    assert!(error.to_string().contains("key.pem"), "{error}");
    assert!(fake.asked().is_empty());
}
