//! A directory and a bucket as remote stores: what is put is had, and each way of failing is told.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyfast_packaging::hash::Sha256;

use crate::server::{Bucket, Fault};
use crate::{
    Address, Cause, Content, List, ListName, Listed, ListedPack, PackName, Patience, Put, Reach,
    Reader, Remote, Variable,
};

/// Between two looks at what a server was asked.
const LOOK: Duration = Duration::from_millis(1);

/// The most that a wheel has.
const MOST: u64 = 100_000;

const NAME: ListName = ListName { lock: Sha256([1; 32]), target: Sha256([2; 32]) };

fn run<T>(act: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads are there").block_on(act)
}

/// As long as the busiest machine needs: where a test waits for its end, the clock goes on by itself.
fn patience() -> Patience {
    Patience { floor: 1, ..Patience::of(Some(Duration::from_mins(2))) }
}

fn in_directory(directory: &std::path::Path) -> Remote {
    let address = Address::Directory(directory.to_owned());
    let client = Arc::new(|_| Err("no server is asked".to_owned()));
    Remote::open(address, Reach { client, variables: Vec::new(), patience: patience() })
        .expect("it opens")
}

fn in_bucket(bucket: &Bucket) -> Remote {
    let address = "s3://wheels/team".parse().expect("an address");
    let variables =
        bucket.variables().map(|(name, value)| Variable { name: name.to_owned(), value });
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = |_| Ok(reqwest::Client::builder().no_proxy().build().expect("a client"));
    let client = Arc::new(client);
    Remote::open(address, Reach { client, variables: variables.into(), patience: patience() })
        .expect("it opens")
}

/// Bytes of this size, and their digest.
fn wheel(size: usize) -> (Sha256, Vec<u8>) {
    let bytes: Vec<u8> =
        (0..size).map(|at| u8::try_from(at * 31 % 251).unwrap_or_default()).collect();
    (Sha256::of(&bytes), bytes)
}

fn content(bytes: &[u8]) -> Content {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("room");
    Content::File(Arc::new(file))
}

async fn read(remote: &Remote, wheel: &Sha256) -> Option<Vec<u8>> {
    let coming = remote.get(wheel).await.expect("it can be asked")?;
    Some(coming.whole().await.expect("all of it comes"))
}

fn keeps_what_is_put(remote: &Remote) {
    run(async {
        for size in [0, 1000, 20 << 20] {
            let (name, bytes) = wheel(size);
            assert_eq!(remote.has(&name).await.expect("an answer"), None);
            assert!(remote.get(&name).await.expect("an answer").is_none());
            assert_eq!(remote.put(&name, &content(&bytes)).await.expect("room"), Put::Written);
            assert_eq!(remote.has(&name).await.expect("an answer"), Some(size as u64));
            assert!(read(remote, &name).await.is_some_and(|found| found == bytes), "{size}");
        }
        let (name, bytes) = wheel(1000);
        let again = remote.put(&name, &Content::Memory(bytes.into())).await;
        assert_eq!(again.expect("an answer"), Put::There);
        assert_eq!(remote.list(&NAME).await.expect("an answer"), None);
        let list = List::new(vec![Listed { sha256: name, size: 1000, file: "a.whl".to_owned() }]);
        for list in [&list, &List::new(Vec::new()), &list] {
            remote.put_list(&NAME, list).await.expect("room");
            assert_eq!(remote.list(&NAME).await.expect("an answer").as_ref(), Some(list));
        }
    });
}

#[test]
fn a_directory_keeps_what_is_put() {
    let place = tempfile::tempdir().expect("a directory");
    fs_err::create_dir_all(place.path().join("a b/wheels")).expect("a directory");
    keeps_what_is_put(&in_directory(&place.path().join("a b/wheels")));
    let (name, _) = wheel(1000);
    let digest = name.to_string();
    let path =
        place.path().join("a b/wheels/v1/wheels").join(&digest[..2]).join(format!("{digest}.whl"));
    assert!(path.is_file());
}

#[test]
fn a_bucket_keeps_what_is_put() {
    let bucket = Bucket::start();
    keeps_what_is_put(&in_bucket(&bucket));
    assert!(bucket.objects().keys().all(|path| path.starts_with("/wheels/team/v1/")));
}

#[test]
fn a_server_without_conditions_is_written_all_the_same() {
    let bucket = Bucket::start();
    bucket.forget_conditions();
    let remote = in_bucket(&bucket);
    run(async {
        for size in [10, 20] {
            let (name, bytes) = wheel(size);
            assert_eq!(remote.put(&name, &content(&bytes)).await.expect("room"), Put::Written);
        }
    });
    assert_eq!(bucket.objects().len(), 2);
}

#[test]
fn a_directory_that_is_not_there_is_no_empty_one() {
    let place = tempfile::tempdir().expect("a directory");
    let remote = in_directory(&place.path().join("mistyped"));
    let error = run(remote.list(&NAME)).expect_err("there is nothing");
    assert!(matches!(error.cause, Cause::Nowhere(_)), "{}", error.with_cause());
    assert!(error.to_string().contains("mistyped"), "{error}");
}

/// What a reader of two rounds says of a bucket that fails so, and how many times it has asked for the wheel.
fn told(fault: Fault) -> (Vec<String>, usize) {
    let bucket = Arc::new(Bucket::start());
    let (name, bytes) = wheel(100_000);
    run(in_bucket(&bucket).put(&name, &content(&bytes))).expect("room");
    bucket.fail("/v1/wheels/", fault);
    bucket.asked();
    let said = Arc::new(Mutex::new(Vec::new()));
    let saying = Arc::clone(&said);
    let reader = Reader::new(in_bucket(&bucket), MOST, move |error| {
        saying.lock().expect("nobody panics").push(error.with_cause());
    });
    let reading = async {
        for _ in 0..2 {
            let Some(mut coming) = reader.wheel(&name, Some(100_000)).await else { continue };
            while reader.piece(&mut coming).await.is_some() {}
            if coming.is_whole() {
                reader.is_wrong(&name, Sha256([0; 32]));
            }
        }
    };
    let gets = |asked: &[String]| asked.iter().filter(|one| one.starts_with("GET")).count();
    let mut times = 0;
    if fault == Fault::Silent {
        let server = Arc::clone(&bucket);
        let seen = move || {
            while gets(&server.asked()) == 0 {
                std::thread::sleep(LOOK);
            }
        };
        times += 1;
        patiently(seen, reading);
    } else {
        run(reading);
    }
    times += gets(&bucket.asked());
    (said.lock().expect("nobody panics").clone(), times)
}

/// Does what ends by the clock, which stands until something was seen, and then leaps to whatever is waited for.
fn patiently(seen: impl FnOnce() + Send + 'static, act: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true);
    runtime.build().expect("a thread is there").block_on(async {
        // A clock that stands leaps only where nobody works on another thread.
        let seen = tokio::task::spawn_blocking(seen);
        act.await;
        seen.await.expect("nobody panics");
    });
}

#[test]
fn each_fault_is_told_once_and_ends_the_asking() {
    for (fault, word, times) in [
        // As many tries as one question has.
        (Fault::Status(503), "503", 3),
        (Fault::Status(403), "access is denied", 1),
        (Fault::Cut, "cannot read v1/wheels/", 3),
        (Fault::Silent, "did not answer in time", 1),
        (Fault::Flipped, "its SHA-256 is 0000", 1),
    ] {
        let (told, asked) = told(fault);
        assert_eq!(asked, times, "{word}");
        assert_eq!(told.len(), 1, "{word}: {told:?}");
        assert!(told[0].contains(word) && told[0].contains("s3://wheels/team"), "{word}: {told:?}");
        assert!(!told[0].contains("s3cr3t"), "{told:?}");
    }
}

#[test]
fn a_wheel_of_another_size_is_not_begun() {
    let bucket = Bucket::start();
    let (name, bytes) = wheel(10);
    bucket.keep(&format!("/wheels/team/{}", crate::remote::wheel_name(&name)), &bytes);
    let reader = Reader::new(in_bucket(&bucket), MOST, |error| {
        assert!(matches!(error.cause, Cause::WrongSize { expected: 11, found: 10 }), "{error}");
    });
    assert!(run(reader.wheel(&name, Some(11))).is_none());
    assert!(run(reader.wheel(&name, Some(10))).is_none(), "it is not asked any more");
}

#[test]
fn what_is_larger_than_a_wheel_is_none() {
    let bucket = Bucket::start();
    let (small, large) = (wheel(10), wheel(100_001));
    let remote = in_bucket(&bucket);
    run(async {
        for (name, bytes) in [&small, &large] {
            remote.put(name, &content(bytes)).await.expect("room");
        }
    });
    let reader = Reader::new(remote, MOST, |error| panic!("{}", error.with_cause()));
    assert!(run(reader.wheel(&large.0, None)).is_none());
    assert!(run(reader.wheel(&small.0, None)).is_some(), "others are asked for");
}

#[test]
fn what_is_there_is_right_or_not_by_all_of_its_bytes() {
    let bucket = Bucket::start();
    let (name, bytes) = wheel(10);
    let remote = in_bucket(&bucket);
    assert!(!run(remote.is_right(&name)).expect("nothing is there"));
    let path = format!("/wheels/team/{}", crate::remote::wheel_name(&name));
    for (there, right) in [(&bytes[..], true), (&bytes[..9], false), (&[0; 10], false)] {
        bucket.keep(&path, there);
        assert_eq!(run(remote.is_right(&name)).expect("it is read"), right);
    }
}

#[test]
fn what_a_list_does_not_name_is_not_asked_for() {
    let bucket = Bucket::start();
    let (name, bytes) = wheel(10);
    let remote = in_bucket(&bucket);
    let list = List::new(vec![Listed { sha256: name, size: 10, file: "a.whl".to_owned() }]);
    run(async {
        remote.put(&name, &content(&bytes)).await.expect("room");
        remote.put_list(&NAME, &list).await.expect("room");
    });
    let reader = Reader::new(remote, MOST, |error| panic!("{}", error.with_cause()));
    run(reader.learn(&NAME, &[name]));
    bucket.asked();
    assert!(run(reader.wheel(&wheel(20).0, None)).is_none());
    assert_eq!(bucket.asked(), Vec::<String>::new());
    assert!(run(reader.wheel(&name, None)).is_some());
}

#[test]
fn a_list_that_names_less_than_the_lock_is_not_believed() {
    let bucket = Bucket::start();
    let (name, bytes) = wheel(10);
    let remote = in_bucket(&bucket);
    run(async {
        remote.put(&name, &content(&bytes)).await.expect("room");
        remote.put_list(&NAME, &List::new(Vec::new())).await.expect("room");
    });
    let reader = Reader::new(remote, MOST, |error| panic!("{}", error.with_cause()));
    run(reader.learn(&NAME, &[name]));
    assert!(run(reader.wheel(&name, None)).is_some());
}

#[test]
fn a_list_that_is_none_is_told() {
    let bucket = Bucket::start();
    let remote = in_bucket(&bucket);
    run(remote.put_list(&NAME, &List::new(Vec::new()))).expect("room");
    bucket.fail("/v1/envs/", Fault::Flipped);
    let error = run(remote.list(&NAME)).expect_err("one byte is another");
    assert!(matches!(error.cause, Cause::NoList(_)), "{}", error.with_cause());
}

#[test]
fn a_fault_of_bytecode_ends_no_wheels() {
    let (name, bytes) = wheel(10);
    let (_, code) = wheel(1000);
    let sha256 = Sha256::of(&code);
    let pack = PackName { wheel: name, tag: "cpython-311".to_owned(), options: Sha256([9; 32]) };
    let listed = ListedPack { name: pack.clone(), sha256, size: 1000 };
    let other = PackName { tag: "cpython-312".to_owned(), ..pack.clone() };
    for (fault, word) in [
        (None, ""),
        (Some(Fault::Status(403)), "access is denied"),
        (Some(Fault::Cut), "cannot read v1/bytecode/"),
        (Some(Fault::Flipped), "its SHA-256 is "),
    ] {
        let bucket = Bucket::start();
        let remote = in_bucket(&bucket);
        let stranger =
            ListedPack { name: PackName { wheel: sha256, ..pack.clone() }, ..listed.clone() };
        let twice = ListedPack { size: 7, ..listed.clone() };
        let list = List::new(vec![Listed { sha256: name, size: 10, file: "a.whl".to_owned() }]);
        let list = list.with_packs(vec![listed.clone(), stranger, twice]);
        assert_eq!(list.bytecode, std::slice::from_ref(&listed));
        run(async {
            remote.put(&name, &content(&bytes)).await.expect("room");
            let put = remote.put_pack(&pack, &Content::Memory(code.clone().into())).await;
            assert_eq!(put.expect("room"), Put::Written);
            assert_eq!(remote.has_pack(&pack).await.expect("an answer"), Some(1000));
            assert_eq!(remote.has_pack(&other).await.expect("an answer"), None);
            remote.put_list(&NAME, &list).await.expect("room");
            assert_eq!(remote.list(&NAME).await.expect("an answer"), Some(list));
        });
        if let Some(fault) = fault {
            bucket.fail("/v1/bytecode/", fault);
        }
        let said = Arc::new(Mutex::new(Vec::new()));
        let saying = Arc::clone(&said);
        let reader = Reader::new(remote, MOST, move |error| {
            assert!(error.is_of_bytecode());
            saying.lock().expect("nobody panics").push(error.with_cause());
        });
        run(async {
            reader.learn(&NAME, &[name]).await;
            assert_eq!(reader.pack(&other).await, None);
            let found = reader.pack(&pack).await.expect("it is listed");
            let taken = reader.pack_bytes(found).await;
            assert_eq!(taken, fault.is_none().then(|| code.clone()), "{word}");
            assert_eq!(reader.pack(&pack).await.is_some(), fault.is_none(), "{word}");
            reader.is_no_pack(&pack, "anything".to_owned());
            assert!(reader.wheel(&name, Some(10)).await.is_some(), "{word}");
        });
        let said = said.lock().expect("nobody panics").clone();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains(word), "{said:?}");
    }
}

#[test]
fn who_waits_for_a_list_that_nobody_reads_is_let_go() {
    let bucket = Bucket::start();
    let reader = Reader::new(in_bucket(&bucket), MOST, |error| panic!("{}", error.with_cause()));
    let pack = PackName { wheel: Sha256([1; 32]), tag: "t".to_owned(), options: Sha256([2; 32]) };
    run(async {
        let settle = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            reader.settle();
        };
        let (found, ()) = tokio::join!(reader.pack(&pack), settle);
        assert_eq!(found, None);
    });
    assert_eq!(bucket.asked(), Vec::<String>::new());
}

#[test]
fn a_list_of_an_earlier_version_names_no_packs() {
    let list = List::read(br#"{"format":1,"wheels":[]}"#).expect("it is read");
    assert_eq!(list, List::new(Vec::new()));
    let written = String::from_utf8(list.write().expect("it is written")).expect("it is text");
    assert!(!written.contains("bytecode"), "{written}");
}
