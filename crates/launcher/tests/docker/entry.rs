//! The injected binary as the entrypoint of containers.

use std::time::Duration;

use crate::world::{
    NONE, Named, SLIM, directory, docker, engine, filled, generation, host, leftovers, mount,
};

#[tokio::test]
async fn a_read_only_container_of_any_user_runs_in_the_environment() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "entry");
    let volume = filled(&engine, &named).await;
    assert!(volume.created);
    generation(&directory(&volume));
    let mount = mount(&named);
    let common =
        ["run", "--rm", "--read-only", "--user", "65534", "--network", "none", "-v", &mount];
    let tail = ["--entrypoint", "/pyfast/bin/pyfast", SLIM, "run", "/pyfast", "0"];
    let text = "import os, sys; print(os.getpid(), os.environ['VIRTUAL_ENV'], sys.executable, os.getuid())";
    let output = docker(&host, &[&common[..], &tail[..], &["python", "-c", text]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1 /pyfast/envs/v1/abc /pyfast/envs/v1/abc/bin/python 65534\n",
        "{stderr}"
    );
    let output = docker(&host, &[&common[..], &tail[..], &["no-such-command"]].concat());
    assert_eq!(output.status.code(), Some(127));
    // An image with neither C library nor shell runs the static binary as well.
    let bare = ["--entrypoint", "/pyfast/bin/pyfast", NONE, "read", "/README"];
    let output = docker(&host, &[&common[..], &bare[..]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "an image without Python");
    // The environment's interpreter is not in this image: told, not replaced by another.
    let wrong = ["--entrypoint", "/pyfast/bin/pyfast", NONE, "run", "/pyfast", "0", "python"];
    let output = docker(&host, &[&common[..], &wrong[..]].concat());
    assert_eq!(output.status.code(), Some(127));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("it leads to /usr/bin/python3, which does not exist here")
    );
    assert_eq!(leftovers(&host, &named.volume), "");
}

#[tokio::test]
async fn a_running_container_holds_its_lease_against_the_host() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "lease");
    let volume = filled(&engine, &named).await;
    let root = directory(&volume);
    generation(&root);
    let exclusive = || {
        let root = pyfast_root::Root::find(&root, &root).unwrap().unwrap();
        pyfast_root::lease::unused(&root.env("abc").unwrap().unwrap()).unwrap().is_some()
    };
    assert!(exclusive());
    let mount = mount(&named);
    let common = ["run", "-d", "--read-only", "--user", "65534", "--network", "none", "-v", &mount];
    let tail = ["--entrypoint", "/pyfast/bin/pyfast", SLIM, "run", "/pyfast", "0", "sleep", "600"];
    let started = docker(&host, &[&common[..], &tail[..]].concat());
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let id = String::from_utf8(started.stdout).unwrap();
    let mut held = false;
    for _ in 0..15_000 {
        held = !exclusive();
        if held {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    docker(&host, &["rm", "-f", id.trim()]);
    assert!(held, "the host could take an exclusive lock beside a running container");
    assert!(exclusive(), "the lease did not end with the container");
}
