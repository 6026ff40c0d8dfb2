//! Where libraries of a wheel have others looked for. The loader takes `$ORIGIN` from the path it opened without resolving
//! symbolic links, so a path that leaves its own wheel does not work through a directory link. Knows nothing of links or
//! environments, nor how an ELF file is read.

/// The directory that an entry of a search path means, for a file in `directory`: joined, and not normalised; `None` if it
/// is not relative to the file.
pub(crate) fn searched(directory: &str, entry: &str) -> Option<String> {
    pyfast_elf::behind_origin(entry).map(|rest| format!("{directory}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_paths_are_relative_to_the_file() {
        let check = |search: &str, expected: Option<&str>| {
            assert_eq!(searched("root/torch/lib", search).as_deref(), expected, "{search}");
        };
        check("$ORIGIN", Some("root/torch/lib"));
        check("$ORIGIN/../../nvidia/lib", Some("root/torch/lib/../../nvidia/lib"));
        check("${ORIGIN}/../x/", Some("root/torch/lib/../x/"));
        check("$ORIGINAL", None);
        check("/usr/lib", None);
        check("", None);
    }
}
