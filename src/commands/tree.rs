//! `pyfast tree`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use pyfast_environment::graph::Graph;
use pyfast_packaging::PackageName;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::locked::LockArgs;
use crate::settings::Settings;

/// Show the packages of the lock as a tree
///
/// What has been shown before is marked with (*) and not shown again.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast tree\n  pyfast tree --depth 1\n  pyfast tree --invert urllib3"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Begin with these packages [default: those that the requirements name]
    #[arg(value_name = "PACKAGE")]
    packages: Vec<PackageName>,
    /// Show below each package what needs it
    #[arg(long)]
    invert: bool,
    /// How many levels to show below the first
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    depth: usize,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let opened = args.lock.open(settings)?;
    for name in &args.packages {
        opened.package(name)?;
    }
    let graph = Graph::new(&opened.lock, args.invert);
    let roots = if args.packages.is_empty() { graph.roots() } else { args.packages.clone() };
    if settings.ui.json() {
        let roots: Vec<String> = roots.iter().map(ToString::to_string).collect();
        let report = json!({ "roots": roots, "packages": to_json(&graph, args.invert) });
        settings.ui.data(format!("{report}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut drawing =
        Drawing { graph: &graph, depth: args.depth, shown: BTreeSet::new(), text: String::new() };
    for root in &roots {
        drawing.draw(root, "", "");
    }
    settings.ui.data(drawing.text);
    Ok(ExitCode::SUCCESS)
}

fn to_json(graph: &Graph<'_>, inverted: bool) -> Vec<serde_json::Value> {
    let key = if inverted { "needed_by" } else { "dependencies" };
    let packages = graph.packages().map(|package| {
        let below: Vec<String> =
            graph.below(&package.name).iter().map(ToString::to_string).collect();
        json!({
            "name": package.name.to_string(),
            "version": package.version.to_string(),
            "requested": package.requested,
            key: below,
        })
    });
    packages.collect()
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
