//! What is unpacked while a wheel comes is what is unpacked of the whole, and nothing else gets in by that way.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;

use pyfast_index::client::Piece;
use pyfast_index::{Body, Received, Receiver};

use super::*;
use crate::fixtures::{Member, Sandbox, WheelFile, zip_of};
use crate::store::{Admission, WheelInFile};

/// Bytes that do not compress.
fn noise(bytes: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// A wheel with large members of each kind between small ones.
fn wheel() -> WheelFile {
    let library = [b"\x7fELF", &*noise(300_000, 1)].concat();
    let text = noise(90_000, 2).repeat(3);
    let mut wheel = WheelFile::new("pkg", "1.0")
        .file("pkg/__init__.py", "")
        .file("pkg/data.bin", noise(200_000, 3))
        .file("pkg/huge.bin", noise(5 << 20, 4))
        .file("pkg/text.bin", text)
        .file("pkg-1.0.data/scripts/tool", noise(100_000, 5))
        .file("pkg-1.0.dist-info/RECORD.jws", noise(100_000, 6));
    wheel.files.insert("pkg/library.so".to_owned(), (library, 0o10_0755));
    wheel
}

/// The members of a wheel, of which every second large one is stored as it is.
fn members(wheel: &WheelFile) -> Vec<Member> {
    let mut members = wheel.members();
    let large = members.iter_mut().filter(|member| member.content.len() > LEAST);
    large.step_by(2).for_each(|member| member.method = 0);
    members
}

/// What becomes of a wheel that comes after `before` in pieces, and how many of its members were unpacked until it was whole.
fn come(
    sandbox: &Sandbox,
    wheel: &WheelFile,
    bytes: &[u8],
    file: &File,
) -> (Result<Admission, Error>, usize) {
    let copy = || file.try_clone().unwrap();
    let before = file.metadata().unwrap().len();
    let mut receiver = Receiver::onto(copy(), before);
    let workspace = sandbox.store.workspace().clone();
    let ahead = Ahead::new(copy(), receiver.arrival(), workspace, bytes.len() as u64);
    let Received { body, sha256, .. } = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| ahead.work());
        }
        if before == bytes.len() as u64 {
            return receiver.all_before().unwrap();
        }
        for piece in bytes.chunks(70_000) {
            receiver.take(piece).unwrap();
        }
        receiver.finish()
    });
    let Body::File(file) = body else { panic!("it goes to the file") };
    let (filename, ahead) = (&wheel.filename, ahead.take());
    let (expected, found, count) = (Sha256::of(bytes), Some(sha256), ahead.len());
    let wheel = WheelInFile { filename, expected, found, file: &file, ahead };
    (sandbox.store.admit_open(&wheel), count)
}

fn is_clean(sandbox: &Sandbox) -> bool {
    sandbox.store.workspace().entries().unwrap().is_empty()
}

#[test]
fn what_is_unpacked_while_it_comes_is_what_is_unpacked_of_the_whole() {
    let wheel = wheel();
    let bytes = zip_of(&members(&wheel), b"");
    let digest = Sha256::of(&bytes);
    let whole = Sandbox::new();
    let (filename, expected) = (&wheel.filename, digest);
    let at_once = crate::store::WheelBytes { filename, expected, found: None, bytes: &bytes };
    whole.store.admit(&at_once).unwrap();
    for before in [&[][..], &bytes] {
        let sandbox = Sandbox::new();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(before).unwrap();
        let (admission, ahead) = come(&sandbox, &wheel, &bytes, &file);
        assert!(matches!(admission, Ok(Admission::Unpacked(_))), "{admission:?}");
        assert_eq!(ahead, 6);
        assert_eq!(sandbox.store.files(&digest).unwrap(), whole.store.files(&digest).unwrap());
        let manifests = [&sandbox, &whole].map(|sandbox| sandbox.store.manifest(&digest).unwrap());
        assert_eq!(manifests[0], manifests[1]);
        assert!(crate::store::verify(&sandbox.root, &[digest]).unwrap().is_empty());
        for file in sandbox.store.files(&digest).unwrap() {
            let mode = fs_err::metadata(sandbox.stored(&digest).join(&file.path)).unwrap();
            let expected = if file.executable { 0o555 } else { 0o444 };
            assert_eq!(mode.permissions().mode() & 0o7777, expected, "{}", file.path);
        }
        assert!(is_clean(&sandbox), "what was not wanted is gone");
    }
}

/// A wheel of which one large member lies is refused as it would be at once, and leaves nothing.
fn check_refused(lie: impl Fn(&mut Member)) {
    let wheel = wheel();
    let mut members = members(&wheel);
    let member = members.iter_mut().find(|member| member.name == b"pkg/data.bin").unwrap();
    lie(member);
    let bytes = zip_of(&members, b"");
    let (sandbox, whole) = (Sandbox::new(), Sandbox::new());
    let (filename, expected) = (&wheel.filename, Sha256::of(&bytes));
    let at_once = crate::store::WheelBytes { filename, expected, found: None, bytes: &bytes };
    let (error, count) = come(&sandbox, &wheel, &bytes, &tempfile::tempfile().unwrap());
    let words = |error: Error| error.with_cause();
    let refusal = words(error.unwrap_err());
    assert_eq!(refusal, words(whole.store.admit(&at_once).unwrap_err()));
    assert!(count > 0, "{refusal}");
    assert!(is_clean(&sandbox) && sandbox.store.wheels().unwrap().is_empty(), "{refusal}");
}

#[test]
fn members_that_lie_are_refused_as_they_would_be_of_the_whole() {
    check_refused(|member| member.crc = Some(7));
    check_refused(|member| member.size = Some(199_999));
    check_refused(|member| member.size = Some(200_001));
    // The local header alone lies.
    check_refused(|member| member.local_size = Some(7));
    check_refused(|member| member.local_name = Some(b"pkg/other.bin".to_vec()));
    // RECORD has another digest.
    check_refused(|member| member.content[100_000] ^= 1);
    // Bytes that no member owns.
    check_refused(|member| member.after = b"hidden".to_vec());
    check_refused(|member| member.before = b"hidden".to_vec());
    check_refused(|member| member.in_directory = false);
}

/// Bytes that come into a file, of which members are unpacked meanwhile.
struct Coming {
    sandbox: Sandbox,
    file: File,
    receiver: Receiver,
    ahead: Ahead,
}

impl Coming {
    /// Of a file that may have so many bytes.
    fn new(most: u64) -> Self {
        let (sandbox, file) = (Sandbox::new(), tempfile::tempfile().unwrap());
        let receiver = Receiver::onto(file.try_clone().unwrap(), 0);
        let workspace = sandbox.store.workspace().clone();
        let ahead = Ahead::new(file.try_clone().unwrap(), receiver.arrival(), workspace, most);
        Self { sandbox, file, receiver, ahead }
    }
}

/// A wheel whose RECORD gives its one large member no digest, and the same wheel with another content of that member,
/// which nothing but a digest tells from it.
fn twins() -> (WheelFile, [Vec<u8>; 2]) {
    let wheel = WheelFile::new("pkg", "1.0").file("pkg/data.bin", noise(200_000, 3));
    let record = wheel.true_record();
    let lines = record.lines().map(|line| {
        let listed = line.starts_with("pkg/data.bin,");
        if listed { "pkg/data.bin,,\n".to_owned() } else { format!("{line}\n") }
    });
    let record: String = lines.collect();
    assert!(record.contains("pkg/data.bin,,"));
    let wheel = wheel.record(record);
    let mut members = wheel.members();
    let at = members.iter().position(|member| member.name == b"pkg/data.bin").unwrap();
    members[at].method = 0;
    let right = zip_of(&members, b"");
    let crc = crc32fast::hash(&members[at].content);
    // The polynomial of CRC-32: adding it changes no sum.
    let polynomial = [0x41, 0x06, 0x71, 0xdb, 0x01];
    let altered = members[at].content[100_000..].iter_mut();
    altered.zip(polynomial).for_each(|(byte, by)| *byte ^= by);
    assert_eq!(crc32fast::hash(&members[at].content), crc);
    let wrong = zip_of(&members, b"");
    assert!(right.len() == wrong.len() && right != wrong);
    (wheel, [right, wrong])
}

/// What is admitted of these bytes has the content that the wheel has.
fn check_admitted(coming: &Coming, wheel: &WheelFile, bytes: &[u8], ahead: Members) {
    let (filename, expected, file) = (&wheel.filename, Sha256::of(bytes), &coming.file);
    let found = Some(expected);
    let store = &coming.sandbox.store;
    let admission = store.admit_open(&WheelInFile { filename, expected, found, file, ahead });
    assert!(matches!(admission, Ok(Admission::Unpacked(_))), "{admission:?}");
    let place = coming.sandbox.stored(&expected).join("root/pkg/data.bin");
    assert!(fs_err::read(place).unwrap() == wheel.files["pkg/data.bin"].0, "other bytes");
    assert!(is_clean(&coming.sandbox));
}

#[test]
fn what_comes_anew_is_not_unpacked_of_its_first_bytes() {
    let (wheel, [right, wrong]) = twins();
    let Coming { sandbox, file, receiver, ahead } = Coming::new(right.len() as u64);
    let (sender, pieces) = tokio::sync::mpsc::channel(8);
    let send = move |piece| sender.blocking_send(piece).unwrap();
    let received = std::thread::scope(|scope| {
        let written = scope.spawn(|| receiver.take_all(pieces));
        // The first answer has other bytes, of which the member is unpacked, and breaks off.
        send(Piece::Begin);
        send(Piece::Data(wrong[..wrong.len() - 1].to_vec().into()));
        scope.spawn(|| ahead.work());
        while ahead.members().is_empty() {
            std::thread::yield_now();
        }
        send(Piece::Begin);
        send(Piece::Data(right.clone().into()));
        drop(send);
        written.join().unwrap().unwrap()
    });
    assert_eq!(received.sha256, Sha256::of(&right));
    let members = ahead.take();
    assert!(members.is_empty() && is_clean(&sandbox));
    let receiver = Receiver::onto(file.try_clone().unwrap(), 0);
    let coming = Coming { sandbox, file, receiver, ahead };
    check_admitted(&coming, &wheel, &right, members);
}

#[test]
fn what_breaks_off_is_not_unpacked() {
    let bytes = zip_of(&members(&wheel()), b"");
    let Coming { sandbox, file: _file, mut receiver, ahead } = Coming::new(bytes.len() as u64);
    receiver.take(&bytes[..bytes.len() / 2]).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| ahead.work());
        while ahead.members().is_empty() {
            std::thread::yield_now();
        }
        drop(receiver);
    });
    assert!(ahead.take().is_empty());
    ahead.work();
    assert!(ahead.take().is_empty() && is_clean(&sandbox));
}

#[test]
fn what_record_gives_no_digest_of_is_unpacked_of_the_whole() {
    let (wheel, [right, wrong]) = twins();
    let mut coming = Coming::new(right.len() as u64);
    coming.receiver.take(&right).unwrap();
    // Somebody who does not heed locks alters the file for a moment.
    coming.file.write_all_at(&wrong, 0).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| coming.ahead.work());
        while coming.ahead.members().is_empty() {
            std::thread::yield_now();
        }
        coming.file.write_all_at(&right, 0).unwrap();
        let receiver = Receiver::onto(coming.file.try_clone().unwrap(), 0);
        let received = std::mem::replace(&mut coming.receiver, receiver).finish();
        assert_eq!(received.sha256, Sha256::of(&right));
    });
    let members = coming.ahead.take();
    assert_eq!(members.len(), 1);
    check_admitted(&coming, &wheel, &right, members);
}

/// The local header of a deflated member that says these sizes of it.
fn header(packed: u64, size: u64) -> Vec<u8> {
    let bytes = zip_of(&[Member::new("zeros.bin", b"")], b"");
    let mut header = bytes[..LocalHeader::length(&bytes).unwrap()].to_vec();
    header[18..26].fill(0xFF);
    header[28..30].copy_from_slice(&20_u16.to_le_bytes());
    let field = [&[1, 0, 16, 0][..], &size.to_le_bytes(), &packed.to_le_bytes()].concat();
    [&header[..], &field].concat()
}

/// Deflated zeros, a thousand of each byte, that do not end.
fn zeros() -> Vec<u8> {
    let (content, mut packed) = (vec![0; 64 << 20], Vec::with_capacity(1 << 20));
    let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
    compress.compress_vec(&content, &mut packed, flate2::FlushCompress::Full).unwrap();
    assert_eq!(compress.total_in(), content.len() as u64);
    packed.repeat(12)
}

#[test]
fn content_beyond_what_an_archive_may_expand_to_is_not_written() {
    // A thousand bytes of each byte, of which the header says a hundred, and what comes is not their end.
    let packed = 8 << 20;
    let bytes = [header(packed, 100 * packed), zeros()].concat();
    assert!(bytes.len() > 512 << 10 && bytes.len() < 1 << 20);
    let Coming { sandbox, mut receiver, ahead, .. } = Coming::new(64 << 20);
    receiver.take(&bytes).unwrap();
    std::thread::scope(|scope| {
        let (ended, end) = std::sync::mpsc::channel();
        let ahead = &ahead;
        scope.spawn(move || {
            ahead.work();
            ended.send(()).unwrap();
        });
        let while_coming = end.recv_timeout(std::time::Duration::from_mins(1));
        drop(receiver);
        assert!(while_coming.is_ok(), "it waits for more to write");
    });
    assert!(ahead.take().is_empty() && is_clean(&sandbox));
}

#[test]
fn sizes_that_no_archive_has_are_not_believed() {
    let most = 1 << 30;
    let judged = |packed, size, most| entry_ahead(&header(packed, size), 0, most).is_some();
    assert!(judged(100_000, 200_000, most) && judged(70_000, 65_536, most));
    assert!(judged(1 << 20, 100 << 20, most));
    // More than a hundredfold.
    assert!(!judged(1 << 20, (101 << 20) + 1, most));
    // More than so much content can need.
    for packed in [1 << 20, 3 << 30, 1 << 40, 1 << 50, u64::MAX] {
        assert!(!judged(packed, 0, u64::MAX) && !judged(packed, 1000, u64::MAX), "{packed}");
    }
    // More than comes.
    let length = header(0, 0).len() as u64;
    assert!(judged(1 << 20, 1 << 20, length + (1 << 20)));
    assert!(!judged(1 << 20, 1 << 20, length + (1 << 20) - 1));
    assert!(!judged(1 << 50, 1 << 50, most));
}

#[test]
fn headers_are_not_looked_for_when_it_was_stopped() {
    let bytes = zip_of(&members(&wheel()), b"");
    let Coming { mut receiver, ahead, .. } = Coming::new(bytes.len() as u64);
    receiver.take(&bytes).unwrap();
    receiver.finish();
    ahead.stop();
    assert!(ahead.next().is_none());
}
