//! Which package of an image brings a library, and which wheel brings it itself. Owns the tables; must not know who asks.

use std::collections::BTreeSet;

use super::image::{Image, Installer};

/// Libraries with the packages that bring them: by `apt-get`, by `apk`; `-` where nobody knows.
const LIBRARIES: &str = include_str!("libraries.txt");

/// Modules whose project has a twin that brings its libraries.
const TWINS: [(&str, &str, &str); 2] = [
    ("psycopg2", "psycopg2", "psycopg2-binary"),
    ("cv2", "opencv-python", "opencv-python-headless"),
];

/// Libraries with the packages of channels that bring them under this very name, in order.
const OF_CHANNELS: [(&str, &str); 13] = [
    ("libGL.so.1", "libgl"),
    ("libcurl.so.4", "libcurl"),
    ("libexpat.so.1", "libexpat"),
    ("libgio-2.0.so.0", "libglib"),
    ("libglib-2.0.so.0", "libglib"),
    ("libgobject-2.0.so.0", "libglib"),
    ("libgomp.so.1", "libgomp"),
    ("libgthread-2.0.so.0", "libglib"),
    ("libmagic.so.1", "libmagic"),
    ("libodbc.so.2", "unixodbc"),
    ("libpq.so.5", "libpq"),
    ("libsndfile.so.1", "libsndfile"),
    ("libxslt.so.1", "libxslt"),
];

/// What to do where an image has not these libraries, that modules import.
pub(super) fn cure(libraries: &[&str], modules: &[String], image: &Image) -> String {
    let packages: BTreeSet<&str> =
        libraries.iter().filter_map(|library| package(library, image)).collect();
    let packages = packages.into_iter().collect::<Vec<_>>().join(" ");
    let unknown = libraries.iter().filter(|library| package(library, image).is_none());
    let unknown: Vec<String> = unknown.map(|library| format!("`{library}`")).collect();
    let line = match image.installer {
        Some(Installer::Apk) => format!("`RUN apk add --no-cache {packages}`"),
        _ => {
            format!("`RUN apt-get update && apt-get install -y --no-install-recommends {packages}`")
        }
    };
    let others = format!("what brings {} in the image's system", unknown.join(", "));
    let what = match (packages.is_empty(), unknown.is_empty()) {
        (true, _) => others,
        (false, true) => line,
        (false, false) => format!("{line} and {others}"),
    };
    let tops: Vec<&str> =
        modules.iter().map(|name| name.split('.').next().unwrap_or(name)).collect();
    let twin = TWINS.iter().find(|(module, _, _)| tops.contains(module));
    let twin = twin.map_or_else(String::new, |(_, project, twin)| {
        format!(", or require `{twin}`, which does without, instead of `{project}`")
    });
    let native = of_channels(libraries, image).map_or_else(String::new, |packages| {
        format!(", or `packages = [{packages}]` under [native] in pyfast.toml")
    });
    format!("add {what} to the Dockerfile{native}{twin}")
}

/// The packages of channels that have all of these, as a list of TOML; what channels have needs glibc.
fn of_channels(libraries: &[&str], image: &Image) -> Option<String> {
    let package = |library: &&str| {
        let (_, package) = OF_CHANNELS.iter().find(|(name, _)| name == library)?;
        Some(format!("\"{package}\""))
    };
    let packages: Option<BTreeSet<String>> = libraries.iter().map(package).collect();
    let packages = packages.filter(|_| image.installer != Some(Installer::Apk))?;
    Some(packages.into_iter().collect::<Vec<_>>().join(", "))
}

fn package(library: &str, image: &Image) -> Option<&'static str> {
    let lines = LIBRARIES.lines().filter(|line| !line.starts_with('#'));
    let mut words = lines
        .map(|line| line.split(' '))
        .find_map(|mut words| (words.next() == Some(library)).then_some(words))?;
    let (apt, apk) = (words.next()?, words.next()?);
    let package = match image.installer? {
        Installer::Apk => apk,
        Installer::Apt => apt,
    };
    (package != "-").then_some(package)
}

/// A machine by its usual name.
pub(super) fn machine(machine: u16, bits: u8) -> String {
    match (machine, bits) {
        (62, 64) => "x86_64".to_owned(),
        (62, _) => "x32".to_owned(),
        (3, _) => "i686".to_owned(),
        (183, _) => "aarch64".to_owned(),
        (40, _) => "arm".to_owned(),
        (21, _) => "ppc64le".to_owned(),
        (22, _) => "s390x".to_owned(),
        (243, _) => "riscv64".to_owned(),
        _ => format!("another machine (number {machine}, {bits} bits)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_whole() {
        let lines: Vec<&str> = LIBRARIES.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.iter().all(|line| line.split(' ').count() == 3));
        let names: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        assert!(names.is_sorted_by(|one, other| one < other), "each library once, in order");
        assert!(OF_CHANNELS.is_sorted_by(|one, other| one.0 < other.0), "each once, in order");
        assert!(OF_CHANNELS.iter().all(|(name, _)| names.contains(name)));
    }

    #[test]
    fn a_cure_is_in_the_words_of_the_images_system() {
        let image = Image::installed_by;
        let check = |libraries: &[&str], module: &str, image: &Image, parts: &[&str]| {
            let cure = cure(libraries, &[module.to_owned()], image);
            assert!(parts.iter().all(|part| cure.contains(part)), "{cure}");
        };
        let (debian, alpine) = (image(Some(Installer::Apt)), image(Some(Installer::Apk)));
        let native = "or `packages = [\"libpq\"]` under [native] in pyfast.toml";
        let parts = ["--no-install-recommends libpq5` to", native, "`psycopg2-binary`"];
        check(&["libpq.so.5"], "psycopg2._psycopg", &debian, &parts);
        check(&["libpq.so.5"], "own", &alpine, &["add `RUN apk add --no-cache libpq` to"]);
        let two = ["libgthread-2.0.so.0", "libGL.so.1", "libglib-2.0.so.0"];
        let packages = "`packages = [\"libgl\", \"libglib\"]`";
        check(&two, "own", &debian, &["-recommends libgl1 libglib2.0-0` to", packages]);
        check(&["libpq.so.5"], "own", &image(None), &["add what brings `libpq.so.5` in"]);
        let strange = ["libpq.so.5", "libstrange.so.7"];
        check(&strange, "own", &debian, &["libpq5` and what brings `libstrange.so.7` in"]);
        assert!(!cure(&strange, &[], &debian).contains("[native]"));
        assert!(!cure(&["libpq.so.5"], &[], &alpine).contains("[native]"));
    }
}
