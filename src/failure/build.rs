//! What a failed build from source seems to lack, and where that comes from.

use pyfast_installer::build::debian_package;
use pyfast_packaging::build::{BuildFailure, BuildStage, Missing};

/// What could help a failed build.
pub(super) fn build_hints(failure: &BuildFailure) -> Vec<String> {
    let mut hints: Vec<String> =
        failure.missing.iter().map(|missing| missing_hint(missing, failure)).collect();
    if failure.stage == BuildStage::Editable {
        hints.push("name the directory without -e: its files are installed then".to_owned());
    } else if failure.stage == BuildStage::Allowed {
        hints.push(
            "leave --no-build and --only-binary out, or pin a version that has a wheel".to_owned(),
        );
    } else if hints.is_empty() && failure.stage != BuildStage::Requirements {
        hints.push(format!(
            "--only-binary takes the newest version of {} that has a wheel",
            name(failure)
        ));
    }
    hints
}

fn missing_hint(missing: &Missing, failure: &BuildFailure) -> String {
    let name = name(failure);
    match missing {
        Missing::Compiler(name) if name == "rustc" => {
            "it needs Rust: install rustc and cargo".to_owned()
        }
        Missing::Compiler(name) if name.ends_with("gfortran") => {
            format!("the compiler `{name}` is missing: on Debian, apt-get install gfortran")
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
        Missing::Module(module)
            if is_setuptools(module) && failure.python.is_some_and(|v| v >= (3, 12)) =>
        {
            format!(
                "it needs `{module}`, which Python 3.12 and newer setuptools no longer have: use a \
                 newer version of it, an older Python, or --build-constraint with setuptools<81"
            )
        }
        Missing::Module(module) => format!(
            "it needs `{module}` to be built and does not say so: install `{}` where the interpreter \
             finds it and use --no-build-isolation",
            module.split('.').next().unwrap_or(module)
        ),
        Missing::File(file) => format!(
            "its source does not have the file `{file}` that its build reads: take another version \
             of {name}"
        ),
        Missing::Older(requirement) => format!(
            "it is older than what builds it: take a newer {name}, or write `{requirement}` into a \
             file and give it with --build-constraint"
        ),
        Missing::OlderPython => {
            let python = failure.python.map(|(major, minor)| format!(" than {major}.{minor}"));
            format!(
                "its C code is for an older Python{}: take a newer {name}, or an older Python",
                python.unwrap_or_default()
            )
        }
    }
}

/// The project that was to be built.
fn name(failure: &BuildFailure) -> &str {
    failure.object.split("==").next().unwrap_or_default()
}

fn is_setuptools(module: &str) -> bool {
    let root = module.split('.').next().unwrap_or_default();
    ["distutils", "imp", "pkgutil"].contains(&root)
}
