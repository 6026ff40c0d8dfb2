//! What to do about settings that nothing can be made of.

use pyfast_packaging::pyproject::Foreign;
use pyfast_settings::{Error, IndexFault, Keeping};

use super::{Code, Failure};

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Probe(error) => return (*error).into(),
            Error::Target(error) => return error.into(),
            Error::NoImage => {
                return Self::usage(format!("--python image: {error}"))
                    .hint("give --image IMAGE, or `image` of the environment in pyfast.toml");
            }
            Error::Root(error) => return error.into(),
            Error::NoInterpreter { .. } | Error::NotBrought { .. } | Error::Interpreter(_) => {
                "no-interpreter"
            }
            _ => "usage",
        };
        let mut failure = Self::new(kind, error.to_string(), Code::Usage);
        failure.hints.extend(hints(&error));
        failure
    }
}

fn hints(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::ConfiguredPython { .. } => {
            "give --python PATH, or write a version: `python = \"3.12\"`"
        }
        Error::ConfiguredRoot { .. } => {
            "give --root DIR or PYFAST_ROOT: those may name any directory"
        }
        Error::EnvironmentName { .. } => "use letters, digits, `.`, `_` and `-`",
        Error::NoEnvironment { known, .. } => return vec![format!("it has {}", known.join(", "))],
        Error::VolumeName { .. } => {
            "use two or more letters, digits, `.`, `_` and `-`; a directory is given with --root"
        }
        Error::NoHome(Keeping::Packages) => "set one of them, or give --root DIR",
        Error::NoHome(Keeping::Memory) => "set one of them, or give --cache-dir DIR",
        Error::Strategy { .. } => "it is first-index, unsafe-first-match or unsafe-best-match",
        Error::Index { fault, .. } => return vec![index_hint(fault)],
        Error::Host { .. } => "--allow-insecure-host takes HOST or HOST:PORT",
        Error::Proxy { .. } => "a proxy is written http://HOST:PORT, or socks5h://HOST:PORT",
        Error::Keyring { .. } => "it is auto, subprocess or disabled",
        Error::NoRequirements { foreign: Some(Foreign { tool: Some("Poetry") }), .. } => {
            "`poetry export -o requirements.txt` writes a file that is taken"
        }
        Error::NoRequirements { foreign: Some(Foreign { tool: Some("PDM") }), .. } => {
            "`pdm export -o requirements.txt` writes a file that is taken"
        }
        Error::NoRequirements { .. } => {
            "name one with -r FILE, or under [env.default] in pyfast.toml"
        }
        Error::NoRegularFile { .. } => "give -r FILE, which may be a pipe",
        Error::NoInterpreter { .. } => {
            "name one with --python PATH, or the image it is in with --image IMAGE; `python = { version = \"X.Y\", from = \"managed\" }` in pyfast.toml has one brought"
        }
        Error::NotBrought { .. } => "`pyfast sync` brings it",
        Error::UniversalPlatforms { .. } => "leave the platforms out, or `universal`",
        Error::PythonRange { .. } => "write the oldest version, such as 3.10",
        Error::NoPythons => "give the oldest with --python-version X.Y",
        Error::NoIndex => {
            return [
                "install pip for that interpreter, whose own default is taken: Debian and Ubuntu have it in python3-pip, and in python3-venv",
                "or give --index-url URL, set PIP_INDEX_URL, or `url` under [index] in pyfast.toml",
            ]
            .map(str::to_owned)
            .into();
        }
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}

fn index_hint(fault: &IndexFault) -> String {
    match fault {
        IndexFault::Url { near: Some(near), .. } => {
            format!("pyfast.toml names no such index; the nearest in [index.named] is `{near}`")
        }
        IndexFault::Url { near: None, .. } => {
            "an index is the URL of a Simple API, such as https://host/simple".to_owned()
        }
        _ => "a directory of wheels is given with --find-links".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_file_that_may_be_somebody_elses_say_which_flag_may_name_more() {
        let (file, word) = ("pyfast.toml".into(), "../x".to_owned());
        let python = Error::ConfiguredPython { file, env: "x".to_owned(), word };
        let failure = Failure::from(python);
        assert!(failure.hints()[0].contains("--python PATH"), "{failure}");
        let (file, word) = ("pyfast.toml".into(), "/srv".to_owned());
        let reason = "it is no plain path below the project's directory".to_owned();
        let failure = Failure::from(Error::ConfiguredRoot { file, word, reason });
        assert!(failure.hints()[0].contains("--root DIR"), "{failure}");
        assert_eq!((&*failure.kind, failure.code), ("usage", Code::Usage as u8));
    }
}
