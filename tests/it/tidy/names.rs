//! The names that a library's page hands out.

/// What `lib.rs` makes public: its public modules, what it re-exports, and what it defines.
pub(crate) fn public_names(page: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut names = Vec::new();
    for item in text.split("\npub ").skip(1) {
        let (kind, rest) = item.split_once(' ').unwrap_or((item, ""));
        if kind == "use" {
            let tree = rest.split_once(';').map_or(rest, |(tree, _)| tree);
            let leaves = tree.split([',', '{', '}', '\n']).map(str::trim);
            let leaves = leaves.filter(|leaf| !leaf.is_empty() && !leaf.ends_with("::"));
            names.extend(leaves.map(str::to_owned));
        } else {
            // `pub const fn` and the like name what comes after `fn`.
            let named = rest.split_once("fn ").filter(|(before, _)| !before.contains('\n'));
            let named = named.map_or(rest, |(_, named)| named);
            let end = named.find(|mark: char| !mark.is_alphanumeric() && mark != '_');
            names.push(named[..end.unwrap_or(named.len())].to_owned());
        }
    }
    names
}
