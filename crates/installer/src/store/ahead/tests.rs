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
    let ahead = Ahead::new(copy(), receiver.arrival(), workspace);
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

#[test]
fn what_comes_anew_or_breaks_off_is_not_unpacked_of_its_first_bytes() {
    let sandbox = Sandbox::new();
    let bytes = zip_of(&members(&wheel()), b"");
    let file = tempfile::tempfile().unwrap();
    let mut receiver = Receiver::onto(file.try_clone().unwrap(), 0);
    let ahead = Ahead::new(file, receiver.arrival(), sandbox.store.workspace().clone());
    receiver.take(&bytes[..bytes.len() / 2]).unwrap();
    drop(receiver);
    ahead.work();
    assert!(ahead.take().is_empty());
    assert!(is_clean(&sandbox));
}

#[test]
fn what_was_unpacked_of_an_answer_that_broke_off_is_not_taken() {
    let sandbox = Sandbox::new();
    let bytes = zip_of(&members(&wheel()), b"");
    let file = tempfile::tempfile().unwrap();
    let receiver = Receiver::onto(file.try_clone().unwrap(), 0);
    let ahead = Ahead::new(file, receiver.arrival(), sandbox.store.workspace().clone());
    let (sender, pieces) = tokio::sync::mpsc::channel(8);
    std::thread::scope(|scope| {
        scope.spawn(|| ahead.work());
        scope.spawn(|| receiver.take_all(pieces).unwrap());
        let first = bytes[..bytes.len() - 1].to_vec();
        sender.blocking_send(Piece::Begin).unwrap();
        sender.blocking_send(Piece::Data(first.into())).unwrap();
        while ahead.members().is_empty() {
            std::thread::yield_now();
        }
        // It may be another file that comes now.
        sender.blocking_send(Piece::Begin).unwrap();
        sender.blocking_send(Piece::Data(bytes.into())).unwrap();
        drop(sender);
    });
    assert!(ahead.take().is_empty());
    assert!(is_clean(&sandbox));
}

#[test]
fn content_beyond_what_an_archive_may_expand_to_is_not_written() {
    let bomb = Member::new("pkg/zeros.bin", &vec![0; 80 << 20]);
    let bytes = zip_of(&[bomb], b"");
    assert!(bytes.len() > LEAST);
    assert!(entry_ahead(&bytes[..LocalHeader::length(&bytes).unwrap()], 0).is_none());
}
