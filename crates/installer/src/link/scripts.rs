//! The files in `bin/`: scripts made from entry points, and scripts of wheels with the interpreter's path
//! put in. Pure text; writes nothing.

use crate::wheel::entry_points::EntryPoint;

/// The kernel reads no more of a first line (127 bytes and the newline).
const MAX_SHEBANG: usize = 127;

/// The first lines of a script that `python` shall run; `python` is a path as the script will see it.
pub(crate) fn shebang(python: &str) -> String {
    let plain = format!("#!{python}\n");
    if plain.len() <= MAX_SHEBANG + 1 && !python.contains([' ', '\t', '\'', '\n']) {
        return plain;
    }
    // The shell runs the second line; Python reads lines two and three as a string.
    let quoted = python.replace('\'', r#"'"'"'"#);
    format!("#!/bin/sh\n'''exec' '{quoted}' \"$0\" \"$@\"\n' '''\n")
}

/// The script of an entry point.
pub(crate) fn launcher(python: &str, point: &EntryPoint) -> Vec<u8> {
    let EntryPoint { module, attribute, .. } = point;
    // What is imported is the first name; the rest are attributes of it.
    let import = attribute.split_once('.').map_or(attribute.as_str(), |(first, _)| first);
    let text = format!(
        "{}# -*- coding: utf-8 -*-\nimport sys\nfrom {module} import {import}\n\
         if __name__ == \"__main__\":\n    sys.exit({attribute}())\n",
        shebang(python)
    );
    text.into_bytes()
}

/// A wheel's script with the placeholder `#!python` replaced; `None` if it has none and stays as it is.
pub(crate) fn rewrite(python: &str, content: &[u8]) -> Option<Vec<u8>> {
    let rest = content.strip_prefix(b"#!python")?;
    let rest = rest.strip_prefix(b"w").unwrap_or(rest);
    let end = rest.iter().position(|&byte| byte == b'\n');
    let (line, body) = end.map_or((rest, &[][..]), |end| (&rest[..end], &rest[end + 1..]));
    let arguments = std::str::from_utf8(line).ok()?;
    // `#!python3` is an interpreter's name, not the placeholder.
    if !arguments.is_empty() && !arguments.starts_with([' ', '\t', '\r']) {
        return None;
    }
    Some([shebang(python).as_bytes(), body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_paths_are_named_plainly_and_others_through_the_shell() {
        assert_eq!(shebang("/pyfast/envs/v1/x/bin/python"), "#!/pyfast/envs/v1/x/bin/python\n");
        let exact = format!("/{}", "x".repeat(124));
        assert_eq!(shebang(&exact), format!("#!{exact}\n"));
        for long in [format!("/{}", "x".repeat(126)), "/with space/python".into()] {
            let expected = format!("#!/bin/sh\n'''exec' '{long}' \"$0\" \"$@\"\n' '''\n");
            assert_eq!(shebang(&long), expected);
        }
        assert!(shebang("/it's/python").contains(r#"'/it'"'"'s/python'"#));
    }

    #[test]
    fn only_the_placeholder_is_replaced() {
        let check = |content: &str, expected: Option<&str>| {
            let found = rewrite("/p", content.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{content}");
        };
        check("#!python\nx\n", Some("#!/p\nx\n"));
        check("#!pythonw\r\nx", Some("#!/p\nx"));
        check("#!python", Some("#!/p\n"));
        check("#!python3\nx", None);
        check("#!/usr/bin/python\nx", None);
        check("#!/bin/sh\nx", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn the_shell_gets_the_path_as_it_is(path in "/[^\\x00\n]{1,200}") {
            let text = shebang(&path);
            if let Some(line) = text.lines().nth(1) {
                let line = line.strip_prefix("'''exec' ").unwrap_or_default();
                let script = format!("printf %s {}", line.replace(r#""$0" "$@""#, ""));
                let output = std::process::Command::new("sh").arg("-c").arg(script).output();
                prop_assert_eq!(output.unwrap().stdout, path.as_bytes());
            } else {
                prop_assert_eq!(text, format!("#!{path}\n"));
            }
        }
    }
}
