//! What a failed build from source seems to lack, and where that comes from.

use pyfast_resolver::{BuildFailure, BuildStage, Missing};

/// What could help a failed build.
pub(super) fn build_hints(failure: &BuildFailure) -> Vec<String> {
    let mut hints: Vec<String> =
        failure.missing.iter().map(|missing| missing_hint(missing, failure.python)).collect();
    if failure.stage == BuildStage::Editable {
        hints.push("name the directory without -e: its files are installed then".to_owned());
    } else if failure.stage == BuildStage::Allowed {
        hints.push(
            "leave --no-build and --only-binary out, or pin a version that has a wheel".to_owned(),
        );
    } else if hints.is_empty() && failure.stage != BuildStage::Requirements {
        hints.push(format!(
            "--only-binary takes the newest version of {} that has a wheel",
            failure.object.split("==").next().unwrap_or_default()
        ));
    }
    hints
}

fn missing_hint(missing: &Missing, python: Option<(u8, u8)>) -> String {
    match missing {
        Missing::Compiler(name) if name == "rustc" => {
            "it needs Rust: install rustc and cargo".to_owned()
        }
        Missing::Compiler(name) => {
            format!("the compiler `{name}` is missing: on Debian, apt-get install build-essential")
        }
        Missing::Header(name) | Missing::Library(name) | Missing::Program(name) => {
            match debian_package(name) {
                Some(package) => {
                    format!("`{name}` is missing: on Debian, apt-get install {package}")
                }
                None => {
                    format!("`{name}` is missing: install the package of your system that has it")
                }
            }
        }
        Missing::Module(name) if is_setuptools(name) && python.is_some_and(|v| v >= (3, 12)) => {
            format!(
                "it needs `{name}`, which Python 3.12 and newer setuptools no longer have: use a \
                 newer version of it, an older Python, or --build-constraint with setuptools<81"
            )
        }
        Missing::Module(name) => format!(
            "it imports `{name}` to be built and does not say so: install it and use --no-build-isolation"
        ),
    }
}

fn is_setuptools(module: &str) -> bool {
    let root = module.split('.').next().unwrap_or_default();
    ["pkg_resources", "distutils", "imp", "pkgutil"].contains(&root)
}

/// The Debian package that has a header, library or program which builds often lack.
fn debian_package(name: &str) -> Option<&'static str> {
    let known = [
        ("Python.h", "python3-dev"),
        ("libpq-fe.h", "libpq-dev"),
        ("pg_config", "libpq-dev"),
        ("ffi.h", "libffi-dev"),
        ("openssl/", "libssl-dev"),
        ("libxml", "libxml2-dev libxslt1-dev"),
        ("xml2-config", "libxml2-dev libxslt1-dev"),
        ("xslt-config", "libxml2-dev libxslt1-dev"),
        ("mysql", "default-libmysqlclient-dev pkg-config"),
        ("zlib", "zlib1g-dev"),
        ("jpeglib.h", "libjpeg-dev"),
        ("sqlite3", "libsqlite3-dev"),
        ("bzlib.h", "libbz2-dev"),
        ("lzma.h", "liblzma-dev"),
        ("yaml.h", "libyaml-dev"),
        ("ldap.h", "libldap-dev libsasl2-dev"),
        ("sasl/", "libsasl2-dev"),
        ("curl", "libcurl4-openssl-dev"),
        ("krb5", "libkrb5-dev"),
        ("geos", "libgeos-dev"),
        ("gdal", "libgdal-dev"),
        ("pkg-config", "pkg-config"),
        ("cmake", "cmake"),
        ("ninja", "ninja-build"),
        ("swig", "swig"),
        ("git", "git"),
        ("make", "make"),
    ];
    known.iter().find(|(part, _)| name.starts_with(part)).map(|(_, package)| *package)
}
