//! Wheels that were built elsewhere: what is read of one before it goes to where it is installed. Believes
//! nothing of them: the store admits them as any other.

use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;

use super::BuiltWheel;
use crate::error::{Error, Refusal};
use crate::wheel::Wheel;
use crate::zip_audit::{Archive, Inflater};

/// The largest METADATA that is read.
const MAX_METADATA: u64 = 32 << 20;

/// A wheel that somebody built, checked against its format and file name without unpacking it.
///
/// # Errors
/// [`Error::Wheel`] for one that the store would refuse for its format.
pub fn built_wheel(filename: WheelFilename, bytes: &[u8]) -> Result<BuiltWheel, Error> {
    let refused = |fault| Error::wheel(filename.as_str())(fault);
    let archive = Archive::open(bytes).map_err(refused)?;
    let wheel = Wheel::open(&archive, &filename).map_err(refused)?;
    let path = format!("{}/METADATA", wheel.dist_info);
    let entry = archive.entries().iter().find(|entry| entry.path == path);
    let missing = || refused(Refusal::archive("has no METADATA".to_owned()));
    let entry = entry.ok_or_else(missing)?;
    let text = Inflater::new().read(&archive, entry, MAX_METADATA).map_err(refused)?;
    let metadata = String::from_utf8_lossy(&text).into_owned();
    Ok(BuiltWheel { sha256: Sha256::of(bytes), filename, metadata })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::WheelFile;

    #[test]
    fn a_wheel_says_what_it_is_or_is_refused_for_its_format() {
        let wheel = WheelFile::new("local", "1.0");
        let built = built_wheel(wheel.filename.clone(), &wheel.bytes()).unwrap();
        assert_eq!(built.sha256, Sha256::of(&wheel.bytes()));
        assert!(built.metadata.contains("Name: local\n"), "{}", built.metadata);
        let broken = WheelFile::new("broken", "1.0").without("broken-1.0.dist-info/WHEEL");
        let outcome = built_wheel(broken.filename.clone(), &broken.bytes());
        assert!(matches!(outcome, Err(Error::Wheel { .. })), "{outcome:?}");
    }
}
