//! Containers that write the volume for a process that cannot.

use std::path::Path;

use pyfast_launcher::Error;
use pyfast_launcher::engine::{Engine as _, Output};
use pyfast_launcher::volume::{
    Access, Binary, HelperFile, HelperRun, StoreVolume, VolumeRun, inject, open_volume, probe,
    run_helper, run_on_volume,
};

use crate::world::{
    NONE, Named, PROGRAM, SLIM, directory, docker, engine, filled, forward, host, leftovers,
    request,
};

#[tokio::test]
async fn a_helper_writes_where_the_host_cannot() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "helper");
    let opened = open_volume(&engine, &named.volume, SLIM, None).await.unwrap();
    let volume = StoreVolume { access: Access::Container, ..opened.clone() };
    let binary = Binary::open(Path::new(PROGRAM)).unwrap();
    assert!(inject(&engine, &volume, SLIM, &binary).await.unwrap().changed);
    assert!(!inject(&engine, &volume, SLIM, &binary).await.unwrap().changed);
    let link = directory(&opened).join("bin/pyfast");
    assert_eq!(fs_err::read(&link).unwrap(), fs_err::read(PROGRAM).unwrap());

    let run = async |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        let files =
            [HelperFile { path: "/run/pyfast/lock".into(), content: "a lock".into(), mode: 0o644 }];
        let request = HelperRun {
            image: SLIM,
            volume: &named.volume,
            arguments: &arguments,
            files: &files,
            network: "none",
            environment: &[],
            aside: false,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run_helper(&engine, &request, &mut |piece| match piece {
            Output::Stdout(bytes) => out.extend_from_slice(bytes),
            Output::Stderr(bytes) => err.extend_from_slice(bytes),
        })
        .await
        .unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    };
    assert_eq!(
        run(&["write", "/pyfast/made", "here"]).await,
        (0, "wrote /pyfast/made\n".into(), String::new())
    );
    assert_eq!(fs_err::read_to_string(directory(&opened).join("made")).unwrap(), "here");
    assert_eq!(run(&["read", "/run/pyfast/lock"]).await.1, "a lock\n");
    let (code, _, err) = run(&["read", "/no/such/file"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("/no/such/file"), "{err}");
    assert_eq!(leftovers(&host, &named.volume), "");
}

#[tokio::test]
async fn the_images_interpreter_works_on_the_volume() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "python");
    let opened = open_volume(&engine, &named.volume, SLIM, None).await.unwrap();
    let module = directory(&opened).join("module.py");
    fs_err::write(module, "ANSWER = 42\n").unwrap();
    let script = "import sys, py_compile; print(py_compile.compile(open(sys.argv[1]).read()))";
    let argv = ["python3", "-I", "-c", script, "/run/pyfast/list"].map(str::to_owned);
    let files = [HelperFile {
        path: "/run/pyfast/list".into(),
        content: "/pyfast/module.py".into(),
        mode: 0o644,
    }];
    let run = VolumeRun {
        image: SLIM,
        volume: &named.volume,
        argv: &argv,
        files: &files,
        network: "none",
        environment: &[],
        aside: false,
    };
    let mut said = Vec::new();
    let mut collect = |piece: Output<'_>| match piece {
        Output::Stdout(bytes) | Output::Stderr(bytes) => {
            said.extend_from_slice(bytes);
        }
    };
    assert_eq!(run_on_volume(&engine, &run, &mut collect).await.unwrap(), 0);
    assert_eq!(String::from_utf8(said).unwrap(), "/pyfast/__pycache__/module.cpython-311.pyc\n");
    assert!(directory(&opened).join("__pycache__/module.cpython-311.pyc").is_file());
    let missing = VolumeRun { image: NONE, ..run };
    let error = run_on_volume(&engine, &missing, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::NotStarted { command, .. } if command == "python3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_behind_a_network_address_is_served_through_containers() {
    let Some(host) = host() else { return };
    let remote = engine(&forward(&host).await).await;
    let answer = probe(&remote, &request(SLIM, "print('far away')")).await.unwrap();
    assert_eq!(answer.stdout, b"far away\n");
    let named = Named::new(&host, "remote");
    let volume = filled(&remote, &named).await;
    assert_eq!(
        volume.access,
        Access::Container,
        "its file system is not this machine's, whatever it looks like"
    );
    let arguments = ["write", "/pyfast/made", "far"].map(str::to_owned);
    let request = HelperRun {
        image: SLIM,
        volume: &named.volume,
        arguments: &arguments,
        files: &[],
        network: "none",
        environment: &[],
        aside: false,
    };
    assert_eq!(run_helper(&remote, &request, &mut |_| {}).await.unwrap(), 0);
    // Seen through the socket the same volume is a directory of this machine, once its marker is there.
    let near = open_volume(&engine(&host).await, &named.volume, SLIM, None).await.unwrap();
    assert_eq!(fs_err::read_to_string(directory(&near).join("made")).unwrap(), "far");

    // A volume that nobody labelled: taken while it is empty, left alone when it is somebody's.
    let bare = Named::new(&host, "bare");
    docker(&host, &["volume", "create", &bare.volume]);
    for _ in 0..2 {
        let opened = open_volume(&remote, &bare.volume, SLIM, None).await.unwrap();
        assert_eq!(opened.access, Access::Container);
    }
    let foreign = Named::new(&host, "theirs");
    docker(&host, &["volume", "create", &foreign.volume]);
    let mountpoint = remote.inspect_volume(&foreign.volume).await.unwrap().unwrap().mountpoint;
    fs_err::write(mountpoint.join("PG_VERSION"), vec![b'1'; 3_000_000]).unwrap();
    let error = open_volume(&remote, &foreign.volume, SLIM, None).await.unwrap_err();
    assert!(matches!(error, Error::VolumeForeign { .. }), "{error}");
    for named in [&named, &bare, &foreign] {
        assert_eq!(leftovers(&host, &named.volume), "");
    }
}
