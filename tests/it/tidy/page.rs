//! What a library's `lib.rs` shows: the names that others can use, and where its opening says to begin.
//! Reads it as rustfmt leaves it: what stands at the margin is an item of the crate itself.

use std::collections::BTreeSet;

/// Words that may stand between `pub` and the word that says what it is.
const QUALITIES: [&str; 3] = ["async", "const", "unsafe"];

/// Everything that is public on this page; `*` for whatever a whole module hands on. What only tests
/// see is left out.
pub(crate) fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = text;
    let mut for_tests = false;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if line.starts_with("#[") {
            for_tests |= line.starts_with("#[cfg(") && line.contains("test");
        } else {
            let shown = !std::mem::take(&mut for_tests);
            match line.strip_prefix("pub ").filter(|_| shown) {
                Some(item) if item.starts_with("use ") => {
                    // It may go on over several lines.
                    let tree = rest["pub use ".len()..].split(';').next().unwrap_or_default();
                    leaves(tree, "", &mut names);
                }
                Some(item) => names.extend(name(item)),
                None => {}
            }
        }
        rest = after;
    }
    names
}

/// The name of an item, from the word behind `pub` on.
fn name(item: &str) -> Option<String> {
    let mut words = item.split(|c: char| !c.is_alphanumeric() && c != '_');
    let mut word = words.next()?;
    let mut next = words.next()?;
    // `const` alone says what it is, too.
    while QUALITIES.contains(&word) && ["async", "fn", "unsafe"].contains(&next) {
        (word, next) = (next, words.next()?);
    }
    Some(next.to_owned())
}

/// The names that a `use` tree ends in, below the name that stands before it.
fn leaves(tree: &str, above: &str, names: &mut BTreeSet<String>) {
    let tree = tree.trim();
    if let Some((path, inner)) = tree.split_once('{') {
        let above = path.trim_end_matches("::").rsplit("::").next().unwrap_or_default();
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        let mut depth = 0;
        for part in inner.split(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        }) {
            leaves(part, above, names);
        }
    } else if let Some((_, alias)) = tree.split_once(" as ") {
        names.insert(alias.to_owned());
    } else {
        match tree.rsplit("::").next().unwrap_or_default() {
            "" => {}
            "self" => _ = names.insert(above.to_owned()),
            name => _ = names.insert(name.to_owned()),
        }
    }
}

/// The name that the opening paragraphs send a reader to first: `Begin at [`name`]`.
pub(crate) fn beginning(text: &str) -> Option<String> {
    let opening: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let opening = opening.join(" ");
    let (_, after) = opening.split_once("Begin at ").or(opening.split_once("Begin with "))?;
    let link = after.trim_start().strip_prefix('[')?;
    // A link has its target in parentheses where the words are not the path.
    let path = match link.split_once(']')? {
        (_, target) if target.starts_with('(') => target[1..].split(')').next()?,
        (words, _) => words.trim_matches('`'),
    };
    let first = path.trim_start_matches("crate::").split("::").next()?;
    Some(first.trim_end_matches("()").to_owned())
}

#[test]
fn names_of_a_page_are_counted_one_by_one() {
    let page = "\
mod hidden;
pub mod room;
pub(crate) use hidden::Own;
pub use hidden::{
    one, Two as Second,
    deep::{self, Three},
};
pub use other::*;
#[cfg(test)]
pub mod fixtures;
/// Words.
#[must_use]
pub const fn four() {}
pub const FIVE: u8 = 5;
pub struct Six<T>(T);
impl<T> Six<T> {
    pub fn method() {}
}
";
    let expected = ["*", "FIVE", "Second", "Six", "Three", "deep", "four", "one", "room"];
    assert_eq!(names(page).into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_page_says_where_to_begin() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(beginning(text).as_deref(), expected, "{text}");
    };
    check("//! All of it. Begin at\n//! [`sync()`], which does it.\n", Some("sync"));
    check("//! One.\n//!\n//! Begin with [`Store`](store::Store) or [`gc`].\n", Some("store"));
    check("//! Begin at the beginning.\n", None);
    check("//! All of it.\n\n// Begin at [`sync()`].\n", None);
}
