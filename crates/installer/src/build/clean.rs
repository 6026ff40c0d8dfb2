//! The environment variables of a build: what compilers and backends need, and no credentials.

use std::collections::BTreeMap;

/// Prefixes of variables that would change which Python runs, or that speak to other programs.
const FOREIGN: [&str; 8] =
    ["PYTHON", "PIP_", "UV_", "PYFAST_", "VIRTUAL_ENV", "CONDA_", "AWS_", "TWINE_"];

/// Words in the names of variables that hold secrets.
const SECRET: [&str; 8] =
    ["TOKEN", "PASSWORD", "PASSWD", "SECRET", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE_KEY"];

/// The variables of `given` that a build may see.
pub(super) fn clean(given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut kept = given.clone();
    kept.retain(|name, value| allowed(name, value));
    if let Some(path) = kept.get_mut("PATH") {
        // Empty and relative parts would be directories of the source.
        let parts: Vec<&str> = path.split(':').filter(|part| part.starts_with('/')).collect();
        *path = parts.join(":");
    }
    kept
}

fn allowed(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    !FOREIGN.iter().any(|prefix| name.starts_with(prefix))
        && !SECRET.iter().any(|word| name.contains(word))
        && name != "NETRC"
        && !names_a_user(value)
}

/// Whether a value has a URL with user or password.
fn names_a_user(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        rest.split(['/', '?', '#', ' ', ','])
            .next()
            .is_some_and(|authority| authority.contains('@'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_the_source_are_not_on_the_path() {
        let given = BTreeMap::from([("PATH".to_owned(), ":/usr/bin:.:bin:/bin:".to_owned())]);
        assert_eq!(clean(&given)["PATH"], "/usr/bin:/bin");
    }

    #[test]
    fn compilers_keep_their_variables_and_credentials_stay_out() {
        let check = |name: &str, value: &str, expected: bool| {
            assert_eq!(allowed(name, value), expected, "{name}={value}");
        };
        check("CFLAGS", "-O2 -I/opt/x", true);
        check("PATH", "/usr/bin:/bin", true);
        check("https_proxy", "http://proxy.test:3128", true);
        check("https_proxy", "http://me:word@proxy.test:3128", false);
        check("ANYTHING", "a https://index.test/simple https://u:p@index.test/simple", false);
        check("PIP_INDEX_URL", "https://index.test/simple", false);
        check("GITHUB_TOKEN", "x", false);
        check("Db_Password", "x", false);
        check("PYTHONPATH", "/x", false);
        check("SETUPTOOLS_SCM_PRETEND_VERSION", "1.0", true);
    }
}
