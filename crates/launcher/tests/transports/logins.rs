//! The login that travels with a pull: in the alphabet that engines read, from the configuration or a helper program.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use pyfast_launcher::engine::{Docker, Host, Images as _, PullRequest, RegistrySettings, login};
use serde_json::{Value, json};

use crate::fake::Fake;

/// In the standard alphabet it has both characters that are not safe in URLs.
const PASSWORD: &str = "~~~???>>>\u{ff}ü";

/// Pulls an image with the login that the configuration has for it; the header that came with the request.
async fn header(config: &Path, image: &str) -> Option<String> {
    let socket = config.join("engine.sock");
    let fake = Fake::on_socket(&socket);
    let docker = Docker::connect(Host::Unix(socket)).await.unwrap();
    let mut path = config.as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    let settings = RegistrySettings { config_dir: Some(config.into()), path: Some(path) };
    let login = login(image, &settings).await.unwrap();
    let request = PullRequest { image, platform: None, login: login.as_ref() };
    docker.pull(&request, &|_progress| {}).await.unwrap();
    let seen = fake.seen();
    let pull = seen.iter().find(|one| one.path.starts_with("/images/create")).unwrap();
    assert_eq!(pull.method, "POST");
    let header = pull.headers.get("x-registry-auth")?.to_str().unwrap().to_owned();
    (!header.is_empty()).then_some(header)
}

/// Reads the header as an engine does: padded, and in the URL-safe alphabet alone.
fn decoded(header: &str) -> Value {
    serde_json::from_slice(&URL_SAFE.decode(header).unwrap()).unwrap()
}

#[tokio::test]
async fn a_login_of_the_configuration_travels_in_the_url_safe_alphabet() {
    let dir = tempfile::tempdir().unwrap();
    let auth = STANDARD.encode(format!("me:{PASSWORD}"));
    let config = json!({ "auths": { "registry.test:5000": { "auth": auth } } });
    fs_err::write(dir.path().join("config.json"), config.to_string()).unwrap();
    let header = header(dir.path(), "registry.test:5000/app:1").await.unwrap();
    assert!(header.contains('-') && header.contains('_'), "the test's password shows nothing");
    let login = decoded(&header);
    assert_eq!(login["username"], "me");
    assert_eq!(login["password"], PASSWORD);
    assert_eq!(login["serveraddress"], "registry.test:5000");
}

#[tokio::test]
async fn a_login_of_a_helper_program_travels_with_the_pull() {
    let dir = tempfile::tempdir().unwrap();
    let config = json!({ "credHelpers": { "registry.test": "fake" } });
    fs_err::write(dir.path().join("config.json"), config.to_string()).unwrap();
    let answer = json!({ "ServerURL": "registry.test", "Username": "robot", "Secret": PASSWORD });
    let script = format!("#!/bin/sh\nread server\ncat <<'END'\n{answer}\nEND\n");
    write_program(&dir.path().join("docker-credential-fake"), &script);
    let login = decoded(&header(dir.path(), "registry.test/app:1").await.unwrap());
    assert_eq!((&login["username"], &login["password"]), (&json!("robot"), &json!(PASSWORD)));
}

#[tokio::test]
async fn a_token_of_a_helper_program_travels_as_one() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("config.json"), r#"{"credsStore":"fake"}"#).unwrap();
    let script = "#!/bin/sh\nread server\necho '{\"Username\":\"<token>\",\"Secret\":\"t0ken\"}'\n";
    write_program(&dir.path().join("docker-credential-fake"), script);
    let login = decoded(&header(dir.path(), "app:1").await.unwrap());
    assert_eq!(login["identitytoken"], "t0ken");
    assert!(login.get("password").is_none_or(Value::is_null), "{login}");
}

#[tokio::test]
async fn a_login_does_not_travel_to_another_registry() {
    let dir = tempfile::tempdir().unwrap();
    let auth = STANDARD.encode("me:secret");
    let config = json!({ "auths": { "registry.test": { "auth": auth } } });
    fs_err::write(dir.path().join("config.json"), config.to_string()).unwrap();
    let header = header(dir.path(), "other.test/app:1").await;
    let carries = header.is_some_and(|header| decoded(&header).to_string().contains("secret"));
    assert!(!carries);
}

/// Written by a child: a descriptor of this process could be inherited by another test's child meanwhile.
pub(crate) fn write_program(path: &Path, text: &str) {
    let mut write = Command::new("/bin/sh");
    write.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]);
    assert!(write.arg(path).arg(text).status().unwrap().success());
}
