//! A graph of packages as a tree of lines. Must not know which package needs which.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pyfast_packaging::PackageName;

use crate::graph::Graph;

/// Draws each root with what is below it, so many levels deep; what was drawn before is only named.
pub fn drawn(graph: &Graph<'_>, roots: &[PackageName], depth: usize) -> String {
    let mut drawing = Drawing { graph, depth, shown: BTreeSet::new(), text: String::new() };
    for root in roots {
        drawing.draw(root, "", "");
    }
    drawing.text
}

struct Drawing<'g, 'a> {
    graph: &'g Graph<'a>,
    depth: usize,
    shown: BTreeSet<PackageName>,
    text: String,
}

impl Drawing<'_, '_> {
    /// Draws a package and what is below it; `lead` stands before its own line, `indent` before the
    /// lines below.
    fn draw(&mut self, name: &PackageName, lead: &str, indent: &str) {
        let Some(package) = self.graph.package(name) else { return };
        let below = self.graph.below(name);
        let again = self.shown.contains(name) && !below.is_empty();
        let mark = if again { " (*)" } else { "" };
        let _ = writeln!(self.text, "{lead}{name}=={}{mark}", package.version);
        // Each level indents by four characters.
        if again || indent.chars().count() / 4 >= self.depth {
            return;
        }
        self.shown.insert(name.clone());
        for (place, lower) in below.iter().enumerate() {
            let last = place + 1 == below.len();
            let (branch, space) =
                if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            self.draw(lower, &format!("{indent}{branch}"), &format!("{indent}{space}"));
        }
    }
}
