//! Credentials as the client's configuration and its helpers give them.

use super::*;

fn settings(config: &str, helper: &str) -> (tempfile::TempDir, RegistrySettings) {
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("config.json"), config).unwrap();
    let program = dir.path().join("docker-credential-fake");
    // Written by a child: a descriptor of this process could be inherited by another test's child meanwhile.
    let mut write = std::process::Command::new("/bin/sh");
    write.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\""]);
    assert!(write.arg(&program).arg(helper).status().unwrap().success());
    let mut path = dir.path().as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    let settings = RegistrySettings { config_dir: Some(dir.path().into()), path: Some(path) };
    (dir, settings)
}

async fn check(config: &str, helper: &str, image: &str) -> Result<Option<Login>, Error> {
    let (_dir, settings) = settings(config, helper);
    login(image, &settings).await
}

#[test]
fn the_registry_is_the_first_part_of_a_name_when_it_can_be_a_host() {
    for (image, registry) in [
        ("redis:7", "docker.io"),
        ("library/redis", "docker.io"),
        ("r.test/a/b:1", "r.test"),
        ("localhost/a", "localhost"),
        ("h:5000/a", "h:5000"),
    ] {
        assert_eq!(registry_of(image), registry);
    }
}

#[tokio::test]
async fn a_login_in_the_file_is_for_its_registry_only() {
    let auth = STANDARD.encode("me:pass:word");
    let config = format!(r#"{{"auths":{{"https://r.test/v1/":{{"auth":"{auth}"}}}}}}"#);
    let found = check(&config, "", "r.test/app").await.unwrap().unwrap();
    assert_eq!(found.username.as_deref(), Some("me"));
    assert_eq!(found.password.as_deref(), Some("pass:word"));
    assert_eq!(check(&config, "", "other.test/app").await.unwrap(), None);
    assert_eq!(check(&config, "", "redis").await.unwrap(), None);
}

#[tokio::test]
async fn a_helper_of_the_registry_goes_before_the_store() {
    let config = r#"{"credsStore":"missing","credHelpers":{"r.test":"fake"}}"#;
    let helper = r#"read server; echo "{\"ServerURL\":\"$server\",\"Username\":\"$1-$server\",\"Secret\":\"s\"}""#;
    let found = check(config, helper, "r.test/app").await.unwrap().unwrap();
    assert_eq!(found.username.as_deref(), Some("get-r.test"));
    let error = check(config, helper, "other.test/app").await.unwrap_err();
    assert!(error.to_string().contains("docker-credential-missing"), "{error}");
}

#[tokio::test]
async fn a_helper_may_have_a_token_or_nothing() {
    let config = r#"{"credsStore":"fake"}"#;
    let token = r#"echo '{"Username":"<token>","Secret":"t"}'"#;
    let found = check(config, token, "redis").await.unwrap().unwrap();
    assert_eq!((found.identity_token.as_deref(), found.username), (Some("t"), None));
    let none = "echo 'credentials not found in native keychain'; exit 1";
    assert_eq!(check(config, none, "redis").await.unwrap(), None);
}

#[tokio::test]
async fn no_error_and_no_debug_text_shows_a_secret() {
    let wrong = r#"echo '{"Username":"me","Secret":"s3cr3t","x"'"#;
    let error = check(r#"{"credsStore":"fake"}"#, wrong, "redis").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cr3t"));
    let broken =
        check(r#"{"auths":{"r.test":{"auth":"s3cr3t"}}"#, "", "r.test/a").await.unwrap_err();
    assert!(!format!("{broken} {broken:?}").contains("s3cr3t"));
    let auth = STANDARD.encode("me:s3cr3t");
    let config = format!(r#"{{"auths":{{"r.test":{{"auth":"{auth}"}}}}}}"#);
    let found = check(&config, "", "r.test/a").await.unwrap().unwrap();
    assert!(!format!("{found:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_helper_of_the_working_directory_is_not_run() {
    let (dir, settings) = settings(r#"{"credsStore":"fake"}"#, r#"touch "$(dirname "$0")/ran""#);
    let directory = dir.path().display().to_string();
    let relative = format!("{}{}", "../".repeat(32), &directory[1..]);
    for path in [Some(format!("{relative}:/usr/bin:/bin").into()), Some("".into()), None] {
        let settings = RegistrySettings { path, ..settings.clone() };
        let error = login("far.test/app", &settings).await.unwrap_err().to_string();
        assert!(error.contains("not on PATH"), "{error}");
    }
    assert!(!dir.path().join("ran").exists());
}
