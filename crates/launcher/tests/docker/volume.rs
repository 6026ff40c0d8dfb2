//! Volumes and the binary inside them.

use std::path::Path;

use pyfast_launcher::Error;
use pyfast_launcher::engine::Engine as _;
use pyfast_launcher::volume::{Access, Binary, StoreVolume, inject, open_volume};

use crate::world::{Named, PROGRAM, SLIM, docker, engine, filled, host, leftovers};

#[tokio::test]
async fn a_marked_volume_is_opened_and_injected_without_containers() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "again");
    let first = filled(&engine, &named).await;
    let again =
        open_volume(&engine, &named.volume, "pyfast-test/no-such-image:1", None).await.unwrap();
    assert_eq!(again, StoreVolume { created: false, ..first });
    let binary = Binary::open(Path::new(PROGRAM)).unwrap();
    let injected = inject(&engine, &again, "pyfast-test/no-such-image:1", &binary).await.unwrap();
    assert!(!injected.changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syncs_that_start_at_once_share_one_volume_and_one_binary() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let named = Named::new(&host, "race");
    let binary = Binary::open(Path::new(PROGRAM)).unwrap();
    let one = async || {
        let volume = open_volume(&engine, &named.volume, SLIM, None).await.unwrap();
        let injected = inject(&engine, &volume, SLIM, &binary).await.unwrap();
        (volume.access, injected.file)
    };
    let (first, second, third, fourth) = tokio::join!(one(), one(), one(), one());
    assert!(matches!(first.0, Access::Direct(_)));
    assert!([second, third, fourth].iter().all(|other| *other == first));
    let Access::Direct(root) = &first.0 else { unreachable!("checked above") };
    let mut names: Vec<_> = fs_err::read_dir(root.join("bin"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["pyfast".to_owned(), first.1], "nothing temporary is left");
    assert_eq!(fs_err::read(root.join("bin/pyfast")).unwrap(), fs_err::read(PROGRAM).unwrap());
    assert_eq!(leftovers(&host, &named.volume), "");
}

#[tokio::test]
async fn volumes_of_another_layout_or_owner_are_left_alone() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let newer = Named::new(&host, "newer");
    let labels = ["--label", "io.pyfast.store=1", "--label", "io.pyfast.schema=999"];
    docker(&host, &[&["volume", "create"][..], &labels[..], &[&newer.volume]].concat());
    let error = open_volume(&engine, &newer.volume, SLIM, None).await.unwrap_err();
    assert!(matches!(&error, Error::VolumeLayout { found, .. } if found == "999"), "{error}");

    let foreign = Named::new(&host, "foreign");
    docker(&host, &["volume", "create", &foreign.volume]);
    let mountpoint = engine.inspect_volume(&foreign.volume).await.unwrap().unwrap().mountpoint;
    fs_err::write(mountpoint.join("PG_VERSION"), "15").unwrap();
    let error = open_volume(&engine, &foreign.volume, SLIM, None).await.unwrap_err();
    assert!(matches!(error, Error::VolumeForeign { .. }), "{error}");
    fs_err::remove_file(mountpoint.join("PG_VERSION")).unwrap();
    let adopted = open_volume(&engine, &foreign.volume, SLIM, None).await.unwrap();
    assert_eq!(adopted.access, Access::Direct(mountpoint));
}
