//! Contexts of the container client's configuration: each leads to its endpoint.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pyfast_launcher::Error;
use pyfast_launcher::engine::{Docker, Host, HostOrigin, HostSettings};
use sha2::{Digest as _, Sha256};

use crate::authority::Authority;
use crate::fake::Fake;

/// The directory of a context below `contexts/meta` or `contexts/tls`.
fn folder(config: &Path, kind: &str, name: &str) -> PathBuf {
    let id = Sha256::digest(name.as_bytes()).iter().fold(String::new(), |mut id, byte| {
        write!(id, "{byte:02x}").unwrap();
        id
    });
    config.join("contexts").join(kind).join(id)
}

/// Writes a context as the client does.
fn write(config: &Path, name: &str, endpoint: &str, skip: bool) {
    let meta = folder(config, "meta", name);
    fs_err::create_dir_all(&meta).unwrap();
    let text = format!(
        r#"{{"Name":"{name}","Metadata":{{"Description":""}},"Endpoints":{{"docker":{{"Host":"{endpoint}","SkipTLSVerify":{skip}}}}}}}"#
    );
    fs_err::write(meta.join("meta.json"), text).unwrap();
}

fn settings(config: &Path) -> HostSettings {
    HostSettings { config_dir: Some(config.into()), ..HostSettings::default() }
}

#[tokio::test]
async fn the_named_context_goes_before_the_current_one_and_each_leads_to_its_engine() {
    let dir = tempfile::tempdir().unwrap();
    let engines = ["near", "far"].map(|name| {
        let socket = dir.path().join(format!("{name}.sock"));
        write(dir.path(), name, &format!("unix://{}", socket.display()), false);
        Fake::on_socket(&socket)
    });
    fs_err::write(dir.path().join("config.json"), r#"{"currentContext":"near"}"#).unwrap();
    let asked = || engines.each_ref().map(|engine| engine.asked().len());

    let (host, origin) = Host::locate(&settings(dir.path())).unwrap();
    Docker::connect(host).await.unwrap();
    assert_eq!((asked(), origin), ([1, 0], HostOrigin::CurrentContext("near".into())));

    let named = HostSettings { docker_context: Some("far".into()), ..settings(dir.path()) };
    let (host, origin) = Host::locate(&named).unwrap();
    Docker::connect(host).await.unwrap();
    assert_eq!((asked(), origin), ([1, 1], HostOrigin::NamedContext("far".into())));
}

#[tokio::test]
async fn a_context_with_certificates_leads_to_its_engine_with_them() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (fake, address) = Fake::on_tls(authority.acceptor("127.0.0.1")).await;
    write(dir.path(), "secure", &format!("tcp://{address}"), false);
    let certificates = folder(dir.path(), "tls", "secure").join("docker");
    authority.write_authority(&certificates);
    authority.write_client(&certificates);
    let named = HostSettings { docker_context: Some("secure".into()), ..settings(dir.path()) };
    Docker::connect(Host::resolve(&named).unwrap()).await.unwrap();
    assert_eq!(fake.asked(), ["GET /version"]);
}

#[tokio::test]
async fn only_a_context_that_says_so_takes_any_engine_for_its_own() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let (fake, address) = Fake::on_tls(authority.acceptor("engine.test")).await;
    let certificates = folder(dir.path(), "tls", "lax").join("docker");
    Authority::new().write_authority(&certificates);
    authority.write_client(&certificates);
    let named = HostSettings { docker_context: Some("lax".into()), ..settings(dir.path()) };

    write(dir.path(), "lax", &format!("tcp://{address}"), false);
    let error = Docker::connect(Host::resolve(&named).unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::EngineUnreachable { .. }), "{error:?}");
    assert!(fake.asked().is_empty());

    write(dir.path(), "lax", &format!("tcp://{address}"), true);
    Docker::connect(Host::resolve(&named).unwrap()).await.unwrap();
    assert_eq!(fake.asked(), ["GET /version"]);
}

#[test]
fn a_context_that_cannot_be_read_is_named_and_no_other_engine_taken() {
    let dir = tempfile::tempdir().unwrap();
    let named = HostSettings { docker_context: Some("broken".into()), ..settings(dir.path()) };
    write(dir.path(), "broken", "", false);
    let error = Host::resolve(&named).unwrap_err();
    assert!(matches!(&error, Error::EngineContext { name, .. } if name == "broken"), "{error:?}");
    let meta = folder(dir.path(), "meta", "broken").join("meta.json");
    fs_err::write(&meta, "{").unwrap();
    let error = Host::resolve(&named).unwrap_err();
    assert!(error.to_string().contains(meta.to_str().unwrap()), "{error}");
}
